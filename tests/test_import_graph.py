"""The graph of all imports has no circle: not between modules, and not between packages.

The source is read, so imports inside functions and under TYPE_CHECKING count: who names a class in
an annotation depends on it. import-linter holds who may import whom; this holds that the answer is
never both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.source import LIBRARY, source_of

pytestmark = pytest.mark.any_python

FRONT = "__init__"


def modules() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(LIBRARY.rglob("*.py")):
        name = ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts)
        found[name.removesuffix(f".{FRONT}")] = path
    return found


def imports(name: str, path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    """The modules of the library that a module imports, wherever it does."""
    package = name if path.stem == FRONT else name.rpartition(".")[0]
    for one in source_of(path).imports:
        parts = package.split(".")[: len(package.split(".")) - one.level + 1]
        base = ".".join(parts if one.level else [])
        source = ".".join(filter(None, (base, one.module)))
        inner = f"{source}.{one.name}"
        target = inner if inner in known else source
        if target in known:
            yield target


def graph_of(package: str, edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Who among the parts of a package imports whom; its front is a part of its own."""
    graph: dict[str, set[str]] = defaultdict(set)

    def part(module: str) -> str | None:
        if module == package:
            return FRONT
        inside = module.startswith(f"{package}.")
        return module[len(package) + 1 :].partition(".")[0] if inside else None

    for module, targets in edges.items():
        importer = part(module)
        if importer is not None:
            parts = {part(target) for target in targets}
            graph[importer] |= {found for found in parts if found not in (None, importer)}
    return graph


def circle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """The parts of one circle, the first again at the end; empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_no_package_has_a_circle_of_imports() -> None:
    known = modules()
    edges = {name: set(imports(name, path, known)) - {name} for name, path in known.items()}
    packages = [name for name, path in known.items() if path.stem == FRONT]
    circles = {package: circle_in(graph_of(package, edges)) for package in packages}
    found = {package: " -> ".join(circle) for package, circle in circles.items() if circle}
    assert not found


def test_a_circle_between_modules_packages_or_with_a_front_is_found() -> None:
    cases = {
        "modules": {"p.a": {"p.b"}, "p.b": {"p.a"}},
        "packages, although no modules": {"p.a.x": {"p.b.x"}, "p.b.y": {"p.a.y"}},
        "the front": {"p": {"p.a"}, "p.a": {"p"}},
    }
    for name, edges in cases.items():
        assert circle_in(graph_of("p", edges)), name
    assert not circle_in(graph_of("p", {"p": {"p.a"}, "p.a.x": {"p.a.y", "p.b"}}))

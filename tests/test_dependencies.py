"""What the library imports is declared in pyproject.toml, and nothing else is."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.support.source import LIBRARY, source_of

pytestmark = pytest.mark.any_python

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DEVELOPERS = {"_generate.py", "_supplement.py"}
"""Programs of the library's developers, with a dependency group of their own."""
PLUGINS = {"pytest_trio"}  # found by pytest, which is imported by our plugin alone
LAZY = {"av", "rich"}
"""What only an extra brings: loaded where it is used, never together with a public module."""


def declared(requirements: list[str]) -> dict[str, str]:
    """The import name of each requirement, with its least version."""
    found: dict[str, str] = {}
    for requirement in requirements:
        matched = re.match(r"([A-Za-z0-9_-]+)(?:\[.*\])?>=([0-9.]+)", requirement)
        assert matched, f"{requirement} has no least version"
        found[matched[1].replace("-", "_")] = matched[2]
    return found


def imported() -> Iterator[tuple[str, Path]]:
    for path in sorted(LIBRARY.rglob("*.py")):
        if path.name in DEVELOPERS:
            continue
        for package in source_of(path).packages():
            if package not in sys.stdlib_module_names and package != "lktrio":
                yield package, path


def test_what_is_imported_is_declared_and_the_other_way_round() -> None:
    extras = declared(list(chain(*PROJECT["optional-dependencies"].values())))
    assert set(extras) == LAZY | PLUGINS | {"pytest"}
    needed = declared(PROJECT["dependencies"])
    for package, path in imported():
        assert package in needed or package in extras, f"{path} imports {package}"
    assert {package for package, _ in imported()} == {*needed, *extras} - PLUGINS


def test_no_least_version_has_a_known_vulnerability() -> None:
    least = {"h11": (0, 16), "cryptography": (50, 0, 2), "httpx": (0, 28)}
    needed = declared(PROJECT["dependencies"])
    for package, version in least.items():
        found = tuple(map(int, needed[package].split(".")))
        assert found >= version, package

"""What every module of the library keeps to: who may import what, and how a module is made up.

import-linter holds the layers; these checks read the source, so that an import inside a function
and a clock read in passing are found too.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cases import each_case
from tests.support.source import LIBRARY, source_of

ROOT = LIBRARY.parent
GENERATED = LIBRARY / "proto" / "livekit"

# The protocol core is told the time and given its randomness, and touches no socket.
FORBIDDEN_IN_CORE = {
    "anyio",
    "asyncio",
    "httpx",
    "logging",
    "random",
    "secrets",
    "select",
    "selectors",
    "socket",
    "ssl",
    "subprocess",
    "threading",
    "time",
    "trio",
    "trio_websocket",
}

# Run by a developer with the dependency group "proto", never imported by the library.
GENERATORS = {"lktrio.proto._generate", "lktrio.proto._supplement"}

MODULES = sorted(path for path in LIBRARY.rglob("*.py") if GENERATED not in path.parents)
CORE_MODULES = [path for path in MODULES if LIBRARY / "rtc" in path.parents]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_public(path: Path) -> bool:
    return not any(part.startswith("_") for part in name_of(path).split("."))


every_module = each_case("path", MODULES)
every_public_module = each_case("path", [path for path in MODULES if is_public(path)])
every_core_module = each_case("path", CORE_MODULES)


def defined_names(path: Path) -> set[str]:
    """The public names that a module has of its own, or imports if it is a package's front."""
    source = source_of(path)
    names = {*source.defined, *(source.imported_at_top if path.name == "__init__.py" else ())}
    return {name for name in names - {"annotations"} if not name.startswith("_")}


def test_the_checks_see_the_library() -> None:
    assert {"lktrio", "lktrio.errors", "lktrio.rtc.base"} <= {name_of(path) for path in MODULES}
    assert LIBRARY / "rtc" / "base.py" in CORE_MODULES


@pytest.mark.any_python
@every_core_module
def test_the_protocol_core_imports_no_clock_no_socket_and_no_trio(path: Path) -> None:
    assert not source_of(path).packages() & FORBIDDEN_IN_CORE


@pytest.mark.any_python
@every_core_module
def test_the_protocol_core_is_synchronous_and_reads_no_clock_through_a_date(path: Path) -> None:
    assert not source_of(path).is_async
    assert not source_of(path).clock_reads


@pytest.mark.any_python
@each_case("path", sorted(LIBRARY.rglob("*.py")))
def test_no_module_imports_asyncio(path: Path) -> None:
    assert "asyncio" not in source_of(path).packages()


def test_importing_the_whole_library_does_not_load_asyncio() -> None:
    """Neither we nor what we depend on brings in a second event loop."""
    names = [
        name_of(path)
        for path in MODULES
        if path.name != "__main__.py"
        and name_of(path) not in GENERATORS
        and LIBRARY / "testing" not in path.parents
    ]
    program = "import importlib, sys\n"
    program += "".join(f"importlib.import_module({name!r})\n" for name in names)
    program += "sys.exit('asyncio' in sys.modules and 'asyncio was loaded' or 0)\n"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.any_python
@every_module
def test_every_module_says_what_it_is_and_postpones_annotations(path: Path) -> None:
    source = source_of(path)
    assert source.docstring
    assert not source.is_annotated or "__future__" in source.packages()


@every_public_module
def test_every_public_module_lists_what_it_offers(path: Path) -> None:
    if path.name == "__main__.py" or not defined_names(path):
        return
    module = importlib.import_module(name_of(path))
    exported = getattr(module, "__all__", None)
    if exported is None and "__getattr__" in vars(module):
        return  # hundreds of messages, which load when they are asked for
    assert exported is not None, "a public module needs __all__"
    assert len(exported) == len(set(exported))
    assert not [name for name in exported if not hasattr(module, name)]

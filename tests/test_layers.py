"""What every module of the library keeps to: who may import what, and how a module is made up.

import-linter holds the layers; these checks read the source, so that an import inside a function
and a clock read in passing are found too.
"""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.support.cases import each_case

ROOT = Path(__file__).parent.parent
LIBRARY = ROOT / "lktrio"
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
CLOCK_READS = {"now", "utcnow", "today"}

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


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported_packages(path: Path) -> set[str]:
    """The top-level packages that a module imports, wherever in the module it does."""
    found: set[str] = set()
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def defined_names(path: Path) -> set[str]:
    """The public names that a module has of its own, or imports if it is a package's front."""
    names: set[str] = set()
    for node in tree_of(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.ImportFrom) and path.name == "__init__.py":
            names |= {alias.asname or alias.name for alias in node.names}
    return {name for name in names - {"annotations"} if not name.startswith("_")}


def test_the_checks_see_the_library() -> None:
    assert {"lktrio", "lktrio.errors", "lktrio.rtc.base"} <= {name_of(path) for path in MODULES}
    assert LIBRARY / "rtc" / "base.py" in CORE_MODULES


@every_core_module
def test_the_protocol_core_imports_no_clock_no_socket_and_no_trio(path: Path) -> None:
    assert not imported_packages(path) & FORBIDDEN_IN_CORE


@every_core_module
def test_the_protocol_core_reads_no_clock_through_a_date(path: Path) -> None:
    reads = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCK_READS
        and ast.unparse(node.func.value).rpartition(".")[2] in {"date", "datetime"}
    ]
    assert not reads


@every_core_module
def test_the_protocol_core_is_synchronous(path: Path) -> None:
    assert not [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.AsyncFunctionDef)]


@each_case("path", sorted(LIBRARY.rglob("*.py")))
def test_no_module_imports_asyncio(path: Path) -> None:
    assert "asyncio" not in imported_packages(path)


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


@every_module
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tree_of(path))


@every_module
def test_every_module_with_annotations_postpones_them(path: Path) -> None:
    nodes = list(ast.walk(tree_of(path)))
    if any(isinstance(node, ast.arg | ast.AnnAssign | ast.FunctionDef) for node in nodes):
        modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        assert "__future__" in modules


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

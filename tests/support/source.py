"""What the source of the library says, for the tests that read it.

Each module is parsed once for all of them. Its syntax tree is not kept: the trees of the whole
library are half a million objects, which every garbage collection of the process would visit.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).parent.parent.parent / "lktrio"

_CLOCK_READS = {"now", "utcnow", "today"}


@dataclass(frozen=True, slots=True)
class Import:
    """One name that an import statement binds."""

    module: str
    """What it is imported from, or the module itself; empty in ``from . import x``."""
    name: str = ""
    """What is taken of it; empty if it is the module itself."""
    level: int = 0
    """The number of dots in front."""
    bound: str = ""
    """The name by which it is known."""


@dataclass(frozen=True, slots=True)
class Source:
    """What one module says."""

    docstring: str
    imports: tuple[Import, ...]
    """Wherever in the module they are."""
    defined: tuple[str, ...]
    """Functions, classes and variables at its top, without what is imported."""
    imported_at_top: tuple[str, ...]
    is_async: bool
    """Whether it has a coroutine function."""
    is_annotated: bool
    """Whether anything in it is annotated, or might be."""
    clock_reads: tuple[str, ...]
    """Calls that ask a class of `datetime` for the time, with their line."""

    def packages(self) -> set[str]:
        """The top-level packages that it imports."""
        return {one.module.partition(".")[0] for one in self.imports if not one.level}


@cache
def source_of(path: Path) -> Source:
    """What a module says; read once."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    nodes = list(ast.walk(tree))
    return Source(
        docstring=ast.get_docstring(tree) or "",
        imports=tuple(one for node in nodes for one in _imports(node)),
        defined=tuple(name for node in tree.body for name in _defined(node)),
        imported_at_top=tuple(one.bound for node in tree.body for one in _imports(node)),
        is_async=any(isinstance(node, ast.AsyncFunctionDef) for node in nodes),
        is_annotated=any(
            isinstance(node, ast.arg | ast.AnnAssign | ast.FunctionDef) for node in nodes
        ),
        clock_reads=tuple(read for node in nodes for read in _clock_reads(node)),
    )


def _imports(node: ast.AST) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, bound=alias.asname or alias.name)
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            bound = alias.asname or alias.name
            yield Import(node.module or "", alias.name, node.level, bound)


def _defined(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (target.id for target in node.targets if isinstance(target, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _clock_reads(node: ast.AST) -> Iterator[str]:
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _CLOCK_READS
        and ast.unparse(node.func.value).rpartition(".")[2] in {"date", "datetime"}
    ):
        yield f"line {node.lineno}: {ast.unparse(node)}"

"""What the documentation and the README show is Python, and names things that exist."""

from __future__ import annotations

import ast
import importlib
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from lktrio.cli import COMMANDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MODULES = ("api", "auth", "devserver", "errors", "events", "media", "proto", "webhooks")


def indented_blocks(text: str) -> Iterator[str]:
    """Literal blocks of reStructuredText that are Python, not shell."""
    for match in re.finditer(r"(?m)(?<=::\n\n)((?:[ ]{3,}.*\n|\n)+)", text):
        block = textwrap.dedent(match[1])
        if "import " in block or "await " in block or re.search(r"(?m)^\w+ = ", block):
            yield block


def blocks() -> Iterator[tuple[str, str]]:
    for page in sorted(DOCS.rglob("*.rst")):
        for block in indented_blocks(page.read_text(encoding="utf-8")):
            yield page.name, block
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for block in re.findall(r"(?sm)^```python\n(.*?)^```", readme):
        yield "README.md", block


BLOCKS = list(blocks())


@pytest.mark.parametrize(("page", "block"), BLOCKS, ids=[page for page, _ in BLOCKS])
def test_code_is_python_and_names_what_exists(page: str, block: str) -> None:
    tree = compile(block, page, "exec", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        if node.value.id == "lktrio":
            assert hasattr(importlib.import_module("lktrio"), node.attr), node.attr
        elif node.value.id in MODULES:
            module = importlib.import_module(f"lktrio.{node.value.id}")
            assert hasattr(module, node.attr), node.attr


def test_there_are_blocks_to_look_at() -> None:
    assert {"README.md", "webhooks.rst"} <= {page for page, _ in BLOCKS}


def test_every_command_is_described() -> None:
    page = (DOCS / "command-line.rst").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"command-help:: {name}" in page or f":doc:`{name.replace('-', '')}`" in page


def test_every_page_can_be_reached() -> None:
    index = (DOCS / "index.rst").read_text(encoding="utf-8")
    for page in DOCS.rglob("*.rst"):
        name = page.relative_to(DOCS).with_suffix("").as_posix()
        assert name == "index" or f"\n   {name}\n" in index


def test_code_is_included_from_files_that_are_checked() -> None:
    """Longer code is a file, which is formatted, linted, typed and run."""
    for page in DOCS.rglob("*.rst"):
        assert "code-block:: python" not in page.read_text(encoding="utf-8")

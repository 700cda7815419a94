"""There is one way to the machine's network: what does not go through it cannot be simulated."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.support.source import LIBRARY

THROUGH_HTTPX = ("api", "auth", "webhooks")  # the clients of HTTP APIs, whose transport is httpx'
SOCKETS = {"anyio", "select", "selectors", "socket", "socketserver"}
OPENERS = ("open_tcp_", "open_ssl_over_", "open_unix_", "serve_tcp", "serve_ssl_over_", "socket")


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(LIBRARY.rglob("*.py")):
        parts = path.relative_to(LIBRARY).parts
        if parts[0] not in ("net", *THROUGH_HTTPX) and parts != ("testing", "cancellation.py"):
            yield "/".join(parts), ast.parse(path.read_text(encoding="utf-8"))


def ways_to_sockets(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
            if node.module == "trio":
                names += [f"trio.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = [f"{node.value.id}.{node.attr}"]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            imported = not isinstance(node, ast.Attribute)
            if (imported and package in SOCKETS) or (
                package == "trio" and rest.startswith(OPENERS)
            ):
                yield name


@pytest.mark.any_python
def test_only_the_network_touches_sockets() -> None:
    found = {module: names for module, tree in modules() if (names := [*ways_to_sockets(tree)])}
    assert found == {}


def test_the_check_sees_each_way_to_a_socket() -> None:
    for line in (
        "import socket",
        "from socket import AF_INET",
        "import selectors",
        "trio.socket.socket()",
        "trio.serve_tcp(handler, 80)",
        "stream = trio.open_tcp_stream",
        "from trio import open_tcp_listeners",
        "from trio.socket import getaddrinfo",
    ):
        assert [*ways_to_sockets(ast.parse(line))], line
    assert not [*ways_to_sockets(ast.parse("network.open_tcp_stream\nself.socket.close()"))]

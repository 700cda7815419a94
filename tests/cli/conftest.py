"""A server, and a shell to run commands in."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.cli.shell import Shell
from tests.support.server_thread import ServerThread, serve_in_thread


@pytest.fixture(scope="module")
def livekit() -> Generator[ServerThread, None, None]:
    with serve_in_thread(ice_tcp=True) as server:
        yield server


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    for name in ("URL", "API_KEY", "API_SECRET", "TOKEN", "KEYS"):
        monkeypatch.delenv(f"LIVEKIT_{name}", raising=False)
    monkeypatch.setenv("COLUMNS", "200")  # so that no word of a help text is broken
    return Shell(monkeypatch, capsys)


@pytest.fixture
def connected(shell: Shell, livekit: ServerThread) -> Shell:
    """A shell whose environment leads to the server."""
    shell.environment(livekit.environment)
    return shell

"""Servers and deadlines for tests of rooms."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import trio

from tests.support.servers import SERVERS, RoomServer, open_server

_DEADLINE = 60.0  # seconds; the test is hanging then


def pytest_itemcollected(item: pytest.Item) -> None:
    """Run tests with a ``server`` in virtual time, and fail what hangs; see ``DEADLINE``."""
    if "server" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.virtual_time)
    function = getattr(item, "obj", None)
    if not isinstance(item, pytest.Function) or not inspect.iscoroutinefunction(function):
        return
    seconds = getattr(item.module, "DEADLINE", _DEADLINE)

    @functools.wraps(function)
    async def limited(**arguments: Any) -> None:
        with trio.fail_after(seconds):
            await function(**arguments)

    item.obj = limited


@pytest.fixture(params=SERVERS)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[RoomServer]:
    """Each of the servers, with the name of a room that nobody else uses."""
    async with open_server(request.param, f"test-{uuid4()}") as server:
        yield server

"""Servers and deadlines for tests of rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import trio

from tests.support.servers import SERVERS, RoomServer, open_server

_DEADLINE = 60.0  # seconds; the test is hanging then


@pytest.fixture(autouse=True)
async def deadline() -> AsyncIterator[None]:
    """Fail a test that hangs."""
    with trio.fail_after(_DEADLINE):
        yield


@pytest.fixture(params=SERVERS)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[RoomServer]:
    """Each of the servers, with the name of a room that nobody else uses."""
    async with open_server(request.param, f"test-{uuid4()}") as server:
        yield server

"""Fixtures for tests of programs that use lktrio: a server, a network and rooms, in virtual time.

Name it in the ``conftest.py`` of your tests, which need pytest and pytest-trio
(``lktrio[testing]``)::

    pytest_plugins = ["lktrio.testing.pytest_plugin"]

It is no entry point, so that it loads only where it is asked for. Every test that uses one of the
fixtures runs in virtual time: nothing waits for real time, and minutes of a call take a moment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeAlias

import pytest
import trio

from lktrio.devserver import DevServer, open_dev_server
from lktrio.room import Room, RoomOptions, connect_room
from lktrio.testing.hosts import SimulatedHost
from lktrio.testing.network import SimulatedNetwork
from lktrio.testing.stalls import StallDetector, detect_stalls
from lktrio.testing.virtual_time import run_in_virtual_time

__all__ = ["JoinRoom", "lk_network", "lk_room", "lk_server", "lk_stalls"]

JoinRoom: TypeAlias = Callable[..., Awaitable[Room]]
"""``await lk_room(identity, room="test", options=None, **grants)``: joins until a test is over."""

_FIXTURES = frozenset({"lk_network", "lk_server", "lk_room"})
_SERVER = "10.0.0.1"


def pytest_itemcollected(item: pytest.Item) -> None:
    """Run tests on the simulated network in virtual time."""
    if _FIXTURES & set(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.trio(run=run_in_virtual_time), append=False)


@pytest.fixture
async def lk_network() -> SimulatedNetwork:  # noqa: ASYNC124 - must be made in trio
    """A perfect network; give it another ``profile``, or part hosts of it (``partition``)."""
    return SimulatedNetwork()


@pytest.fixture
async def lk_server(lk_network: SimulatedNetwork) -> AsyncIterator[DevServer]:
    """A development server on the host ``server`` of the network; see its ``faults``."""
    host = lk_network.host("server", _SERVER)
    async with open_dev_server(host=_SERVER, network=host) as server:
        yield server


@pytest.fixture
async def lk_room(lk_network: SimulatedNetwork, lk_server: DevServer) -> AsyncIterator[JoinRoom]:
    """Joins rooms, each participant from a host that has the identity as its name."""
    count = 0
    async with trio.open_nursery() as nursery:

        async def join(
            identity: str,
            room: str = "test",
            options: RoomOptions | None = None,
            **grants: Any,
        ) -> Room:
            nonlocal count
            count += 1
            host: SimulatedHost = lk_network.host(identity, f"10.0.1.{count}")
            token = lk_server.token(identity, room, **grants)
            chosen = replace(options or RoomOptions(), network=host)
            return await connect_room(nursery, lk_server.url, token, chosen)

        yield join
        nursery.cancel_scope.cancel()


@pytest.fixture
async def lk_stalls() -> AsyncIterator[StallDetector]:  # noqa: ASYNC124 - watches trio
    """Fails the test if a task holds the event loop for more than 0.1 s; ``limit`` changes that."""
    with detect_stalls() as detector:
        yield detector

"""People who call each other."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from lktrio.room import Room
from lktrio.signal import joining
from tests.support.servers import RoomServer, until

OpenPair = Callable[..., AbstractAsyncContextManager[tuple[Room, Room]]]


@pytest.fixture
def open_pair(server: RoomServer, monkeypatch: pytest.MonkeyPatch) -> OpenPair:
    """Opens rooms of alice and bob, who know each other, in the versions that they know."""

    @asynccontextmanager
    async def open_pair(alice: int = 2, bob: int = 2) -> AsyncGenerator[tuple[Room, Room], None]:
        monkeypatch.setattr(joining, "CLIENT_PROTOCOL", alice)
        async with server.join("alice") as first:
            monkeypatch.setattr(joining, "CLIENT_PROTOCOL", bob)
            async with server.join("bob") as second:
                await until(lambda: "alice" in second.remote_participants)
                await until(lambda: "bob" in first.remote_participants)
                yield first, second

    return open_pair

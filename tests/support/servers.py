"""The servers that tests of rooms run against: the embedded one, and a real LiveKit server.

In virtual time the embedded server is on a simulated network, and every participant on a host of
its own there; otherwise all of them are on this machine.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest
import trio
import trio.testing

from lktrio import proto
from lktrio.api import LiveKitAPI
from lktrio.auth import AccessToken, VideoGrants
from lktrio.devserver import DevServerOptions, Faults, open_dev_server
from lktrio.net import Network, SystemNetwork
from lktrio.net.http import NetworkTransport
from lktrio.room import Room, RoomOptions, Subscription, connect_room, open_room
from lktrio.testing import LinkProfile, SimulatedHost, SimulatedNetwork

URL = os.environ.get("LIVEKIT_URL", "")
KEY = os.environ.get("LIVEKIT_API_KEY", "")
SECRET = os.environ.get("LIVEKIT_API_SECRET", "")

V1 = RoomOptions()
V0 = RoomOptions(single_peer_connection=False)
VERSIONS = pytest.mark.parametrize("options", [V1, V0], ids=["v1", "v0"])
"""For tests that depend on how many peer connections there are."""

NEEDS_LIVEKIT = [
    pytest.mark.livekit_server,
    pytest.mark.skipif(not (URL and KEY and SECRET), reason="LIVEKIT_URL and its keys are not set"),
]
SERVERS = [
    pytest.param("embedded", id="embedded"),
    pytest.param("livekit", id="livekit", marks=NEEDS_LIVEKIT),
]

ADDRESS = "10.0.0.1"
LATENCY = LinkProfile(latency=0.005)
PATIENCE = 10.0
"""Seconds that something may take before a test fails; a real server tells some things late."""

E = TypeVar("E")


@dataclass(frozen=True)
class RoomServer:
    """A running server."""

    url: str
    key: str
    secret: str
    room: str
    """Name of the room of this test."""
    real: bool = False
    """Whether it is LiveKit's own."""
    network: SimulatedNetwork | None = None
    """The simulated network that it is on, if it is."""
    hosts: list[SimulatedHost] = field(default_factory=list[SimulatedHost])
    """The hosts of participants there, each for one of them."""
    server_host: SimulatedHost | None = None
    """The host of the server there."""
    faults: Faults | None = None
    """What the server can be made to do wrong; not if it is the real one."""

    def host(self) -> Network:
        """A new host of the server's network."""
        if self.network is None:
            return SystemNetwork()
        number = len(self.hosts) + 2
        host = self.network.host(f"client-{number}", f"10.0.{number >> 8}.{number & 255}")
        self.hosts.append(host)
        return host

    def options(self, options: RoomOptions | None = None) -> RoomOptions:
        """Options for a room, on a host of its own."""
        return replace(options or RoomOptions(), network=self.host())

    def token(
        self,
        identity: str,
        *,
        secret: str = "",
        ttl: timedelta = timedelta(hours=1),
        name: str = "",
        metadata: str = "",
        attributes: dict[str, str] | None = None,
        kind: str = "",
        now: float | None = None,
        **grants: Any,
    ) -> str:
        values: dict[str, Any] = {"room_join": True, "room": self.room, **grants}
        video = VideoGrants(**values)
        token = AccessToken(
            identity=identity,
            name=name,
            ttl=ttl,
            metadata=metadata,
            attributes=attributes or {},
            kind=kind,
            video=video,
        )
        return token.to_jwt(self.key, secret or self.secret, now=now)

    def join(
        self, identity: str, options: RoomOptions | None = None, **claims: Any
    ) -> AbstractAsyncContextManager[Room]:
        return open_room(self.url, self.token(identity, **claims), self.options(options))

    async def connect(self, nursery: trio.Nursery, identity: str) -> Room:
        return await connect_room(nursery, self.url, self.token(identity), self.options())

    @asynccontextmanager
    async def api(self) -> AsyncGenerator[LiveKitAPI, None]:
        transport = NetworkTransport(self.host().open_tcp_stream)
        once = {"Connection": "close"}  # lest a connection is taken for left behind
        async with (
            httpx.AsyncClient(transport=transport, headers=once) as client,
            LiveKitAPI(self.url, self.key, self.secret, client=client) as api,
        ):
            yield api

    async def participants(self) -> list[proto.ParticipantInfo]:
        """Who is in the room, in the server's opinion."""
        async with self.api() as api:
            listed = await api.room.list_participants(proto.ListParticipantsRequest(room=self.room))
        return listed.participants

    async def wait_for_participants(self, *identities: str) -> None:
        """Wait until exactly these are in the room; the server notices leaving a moment later."""
        expected = sorted(identities)
        with trio.fail_after(PATIENCE):
            while sorted(info.identity for info in await self.participants()) != expected:
                await trio.sleep(0.02)


@asynccontextmanager
async def open_server(
    kind: str, room: str = "", *, ice_tcp: bool = False
) -> AsyncGenerator[RoomServer, None]:
    """The embedded server for the time of the block, or the real one that there is.

    Args:
        kind: One of `SERVERS`.
        room: Name of the room of this test; one that nobody else is in, if it is left out.
        ice_tcp: Whether the embedded one takes media over TCP; the real one does.
    """
    room = room or f"room-{uuid4()}"
    if kind == "livekit":
        yield RoomServer(URL, KEY, SECRET, room, real=True)
        return
    network, host, where = None, None, DevServerOptions(ice_tcp=ice_tcp)
    if isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock):
        network = SimulatedNetwork(profile=LATENCY)
        host = network.host("server", ADDRESS)
        where = DevServerOptions(host=ADDRESS, network=host, ice_tcp=ice_tcp)
    async with open_dev_server(**where) as server:
        yield RoomServer(
            server.url,
            server.api_key,
            server.api_secret,
            room,
            network=network,
            server_host=host,
            faults=server.faults,
        )


async def expect(
    events: Subscription[Any], kind: type[E], where: Callable[[E], bool] | None = None
) -> E:
    """The next event of a kind; others are passed over."""
    with trio.fail_after(PATIENCE):
        async for event in events:
            if isinstance(event, kind) and (where is None or where(event)):
                return event
    raise AssertionError(f"the room ended without {kind.__name__}")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that no event tells."""
    with trio.fail_after(PATIENCE):
        while not condition():
            await trio.sleep(0.005)

"""Calls through TURN servers, of which some are difficult."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import trio

from lktrio.errors import ConnectTimeout
from lktrio.events import DataReceived, Reconnected
from lktrio.net import IcePolicy
from lktrio.room import IceServer, Room, RoomOptions, open_room
from lktrio.testing import SimulatedHost, SimulatedNetwork
from tests.support.proxies import CompanyProxy
from tests.support.servers import RoomServer, expect, open_server, until
from tests.support.turn_server import TurnServer

pytestmark = pytest.mark.virtual_time

DEADLINE = 1000.0
RELAYS = IcePolicy(relay_only=True)


@dataclass
class Relayed:
    """A server of rooms and TURN servers."""

    server: RoomServer
    turn: list[TurnServer] = field(default_factory=list[TurnServer])
    places: list[str] = field(default_factory=list[str])

    @property
    def network(self) -> SimulatedNetwork:
        assert self.server.network is not None
        return self.server.network

    def urls(self, transport: str = "udp") -> list[str]:
        return [f"turn:{place}?transport={transport}" for place in self.places]

    def options(self, servers: Sequence[IceServer], **changes: Any) -> RoomOptions:
        changes = {"ice": RELAYS, **changes}
        return RoomOptions(ice_servers=servers, **changes)


@asynccontextmanager
async def open_relayed(*turn: dict[str, Any]) -> AsyncGenerator[Relayed, None]:
    async with open_server("embedded") as server, AsyncExitStack() as stack:
        relayed = Relayed(server)
        for number, options in enumerate(turn):
            address = f"10.0.254.{number + 1}"
            host = relayed.network.host(f"turn-{number + 1}.example", address)
            one = TurnServer(host, **{"users": {"me": "secret"}, **options})
            relayed.turn.append(one)
            relayed.places.append(await stack.enter_async_context(one.open(address)))
        yield relayed


async def ping(*rooms: Room) -> None:
    """Data gets from each of two to the other one."""
    for sender, receiver in (rooms, rooms[::-1]):
        with receiver.events(DataReceived, replay=False) as events:
            await sender.local_participant.publish_data("ping")
            await expect(events, DataReceived)


async def test_of_several_servers_those_that_work_are_used() -> None:
    for transport in ("udp", "tcp"):
        elsewhere: dict[str, Any] = {"alternate": ("10.0.254.4", 3478)}
        turn: list[dict[str, Any]] = [
            {"users": {}},
            elsewhere,
            {},
            {"nonce_life": 3.0, "lifetime": 120},
        ]
        async with open_relayed(*turn) as relayed, relayed.server.join("other") as other:
            refusing, sending_on, dead, working = relayed.turn
            options = relayed.options([IceServer(relayed.urls(transport), "me", "secret")])
            options = relayed.server.options(options)
            client = relayed.server.hosts[-1]
            relayed.network.partition(client, relayed.network.hosts["turn-3.example"])
            url, token = relayed.server.url, relayed.server.token("me")
            async with open_room(url, token, options) as room:
                await until(lambda r=room: r.media_paths)  # type: ignore[misc]
                (path,) = room.media_paths
                assert (path.relayed, path.transport) == (True, transport)
                await ping(room, other)
                await trio.sleep(130)  # the allocation has to be renewed, with another nonce
                await ping(room, other)
            assert 438 in working.answered, transport
            assert 300 in sending_on.answered, transport
            assert set(refusing.answered) == {401}, transport
            assert dead.asked == [], transport
            assert ("REFRESH", "me") in working.asked, transport
            assert working.relayed > 0, transport
            await trio.sleep(1)
            assert client.open_sockets == 0, transport


async def test_a_server_is_asked_only_if_the_policy_has_it() -> None:
    for policy, methods in (
        (IcePolicy(), {"udp", "tcp"}),
        (IcePolicy(turn=False), set[str]()),
        (IcePolicy(tcp=False), {"udp"}),
        (IcePolicy(udp=False, relay_only=True), {"tcp"}),
    ):
        async with open_relayed({}, {}) as relayed:
            urls = (relayed.urls("udp")[0], relayed.urls("tcp")[1])
            options = relayed.options([IceServer(urls, "me", "secret")], ice=policy)
            async with relayed.server.join("me", options):
                await trio.sleep(1)
                asked = {
                    transport
                    for transport, turn in zip(("udp", "tcp"), relayed.turn, strict=True)
                    if turn.asked
                }
                assert asked == methods, policy
            await trio.sleep(1)
            assert [turn.allocations for turn in relayed.turn] == [0, 0], policy


async def test_behind_a_proxy_the_name_of_a_server_is_looked_up_by_the_proxy() -> None:
    async with open_relayed({}) as relayed, relayed.server.join("other") as other:
        border = relayed.network.host("border", "10.0.255.1")
        proxy = CompanyProxy(border)
        async with proxy.open("10.0.255.1", 3128) as at:
            server = IceServer(["turn:turn-1.example?transport=tcp"], "me", "secret")
            options = relayed.server.options(relayed.options([server], proxy=f"socks5://{at}"))
            client = relayed.server.hosts[-1]
            assert relayed.server.server_host is not None
            relayed.network.partition(client, relayed.server.server_host)
            relayed.network.partition(client, relayed.network.hosts["turn-1.example"])
            options = replace(options, network=Nameless(client))
            async with open_room(relayed.server.url, relayed.server.token("me"), options) as room:
                await ping(room, other)
                await until(lambda: bool(room.media_paths))
                assert [path.relayed for path in room.media_paths] == [True]
                events = room.events(Reconnected, replay=False)
                proxy.cut()  # as proxies do after some hours
                await expect(events, Reconnected)
                await ping(room, other)
            await trio.sleep(1)
            assert relayed.turn[0].allocations == 0
            assert client.open_sockets == 0
        assert ("turn-1.example", 3478) in proxy.asked


class Nameless:
    """A machine that can look up nothing but its proxy."""

    def __init__(self, host: SimulatedHost) -> None:
        self._host = host

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        await trio.lowlevel.checkpoint()
        raise OSError("no names here")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)


async def test_without_a_relay_that_works_a_room_that_wants_one_says_so() -> None:
    async with open_relayed({"users": {}}) as relayed:
        options = relayed.options([IceServer(relayed.urls(), "me", "secret")])
        with pytest.raises(ConnectTimeout, match="no encrypted path to the server"):
            async with relayed.server.join("me", options):
                pass

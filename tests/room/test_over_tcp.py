"""Calls whose media and data go over TCP, because UDP does not get through or is not allowed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace

import pytest
import trio

from lktrio.events import Reconnected, Reconnecting
from lktrio.net import IcePolicy
from lktrio.room import ReconnectKind, RoomOptions, SimulateScenario, open_room
from tests.support.calls import call_between, go_on, open_call
from tests.support.servers import SERVERS, VERSIONS, RoomServer, expect, open_server, until

pytestmark = pytest.mark.virtual_time
DEADLINE = 200.0
TCP_ONLY = IcePolicy(udp=False)


@pytest.fixture(params=SERVERS)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[RoomServer]:
    """Each of the servers, taking media over TCP."""
    async with open_server(request.param, ice_tcp=True) as server:
        yield server


@pytest.fixture
async def embedded() -> AsyncIterator[RoomServer]:
    async with open_server("embedded", ice_tcp=True) as server:
        yield server


@VERSIONS
async def test_a_call_without_udp_survives_what_others_do(
    server: RoomServer, options: RoomOptions
) -> None:
    async with open_call(server, replace(options, ice=TCP_ONLY)) as (alice, bob):
        events = alice.room.events(Reconnected, replay=False)
        await go_on(alice, bob)
        for scenario, kind in (
            (SimulateScenario.SIGNAL_RECONNECT, ReconnectKind.RESUME),
            (SimulateScenario.NODE_FAILURE, ReconnectKind.RESTART),
        ):
            await alice.room.simulate(scenario)
            assert await expect(events, Reconnected) == Reconnected(kind), scenario
            await go_on(alice, bob)
        for side in (alice, bob):
            assert side.data == sorted(set(side.data))


@VERSIONS
async def test_where_udp_does_not_get_through_tcp_does(
    embedded: RoomServer, options: RoomOptions
) -> None:
    network, there = embedded.network, embedded.server_host
    assert network is not None
    assert there is not None
    async with AsyncExitStack() as stack:
        rooms = []
        for name in ("alice", "bob"):
            chosen = embedded.options(options)
            network.partition(embedded.hosts[-1], there, "udp")
            started = trio.current_time()
            room = open_room(embedded.url, embedded.token(name), chosen)
            rooms.append(await stack.enter_async_context(room))
            assert trio.current_time() - started < 1
        async with call_between(*rooms) as (alice, bob):
            await go_on(alice, bob)
            numbers = alice.numbers()
            assert numbers == list(range(numbers[0], numbers[-1] + 1))


@VERSIONS
async def test_udp_that_stops_getting_through_gives_way_to_tcp(
    embedded: RoomServer, options: RoomOptions
) -> None:
    network, there = embedded.network, embedded.server_host
    assert network is not None
    assert there is not None
    async with open_call(embedded, options) as (alice, bob):
        sid = alice.room.local_participant.sid
        for host in embedded.hosts:
            network.partition(host, there, "udp")
        await trio.sleep(6)
        await go_on(alice, bob)
        assert alice.room.local_participant.sid == sid
        for side in (alice, bob):
            assert side.data == list(range(side.data[0], side.data[-1] + 1))
            assert not side.told(Reconnecting)
            numbers = side.numbers()
            assert numbers[-1] - numbers[0] - len(numbers) < 50 * 5.5


async def test_nobody_connects_by_tcp_while_udp_works(embedded: RoomServer) -> None:
    async with open_call(embedded, RoomOptions()) as (alice, bob):
        await trio.sleep(5)
        await go_on(alice, bob)
        for host in embedded.hosts:
            assert host.open_sockets == 2, host  # UDP, and the signalling


async def test_what_connects_to_the_port_for_media_and_says_something_else_is_closed(
    embedded: RoomServer,
) -> None:
    assert embedded.server_host is not None
    (address,) = [
        each for each in embedded.server_host.listeners if f":{each[1]}" not in embedded.url
    ]
    host = embedded.host()
    for name, data in (
        ("nothing", b""),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n" * 200),
        ("an empty frame, then none", b"\x00\x00"),
        ("no STUN", b"\x00\x14" + bytes(20)),
        ("half a frame", b"\x01\x00" + bytes(100)),
        (
            "a check of nobody's",
            b"\x00\x20\x00\x01\x00\x0c!\x12\xa4B" + bytes(12) + b"\x00\x06\x00\x05nob:x\0\0\0",
        ),
    ):
        stream = await host.open_tcp_stream(*address)
        async with stream:
            await stream.send_all(data)
            with trio.fail_after(11):
                with suppress(trio.BrokenResourceError):
                    assert await stream.receive_some() == b"", name
    async with open_call(embedded, RoomOptions(ice=TCP_ONLY)) as (alice, bob):
        await go_on(alice, bob)


async def test_the_server_says_that_it_takes_tcp_only_when_it_does() -> None:
    for ice_tcp in (False, True):
        async with (
            open_server("embedded", ice_tcp=ice_tcp) as server,
            server.join("alice", RoomOptions()) as room,
        ):
            assert isinstance(room.sid, str)
            host = server.server_host
            assert host is not None
            assert len(host.listeners) == 1 + ice_tcp


@VERSIONS
@pytest.mark.parametrize("which", SERVERS[1:])
async def test_the_server_moves_a_call_to_tcp_and_back(which: str, options: RoomOptions) -> None:
    async with open_server(which) as real, open_call(real, options) as (alice, bob):
        sid = alice.room.local_participant.sid
        events = alice.room.events(Reconnected, replay=False)
        for protocol in ("tcp", "udp"):
            await alice.room.simulate(SimulateScenario.SWITCH_CANDIDATE_PROTOCOL, protocol)
            assert await expect(events, Reconnected) == Reconnected(ReconnectKind.RESUME)
            await go_on(alice, bob)
            await until(lambda p=protocol: alice.room.media_paths[0].transport == p)  # type: ignore[misc]
        assert alice.room.local_participant.sid == sid
        for side in (alice, bob):
            assert side.data == list(range(side.data[0], side.data[-1] + 1))
            assert side.tracks == 1

"""Streams as paths: cancelled, nothing stays open; one that is full costs itself alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio

from lktrio.net import IcePolicy
from lktrio.net.stream_paths import StreamPath
from lktrio.room import RoomOptions
from lktrio.rtc.paths import FrameReader, Framing
from lktrio.testing import SimulatedNetwork
from lktrio.testing.cancellation import cancel_at_every_checkpoint
from tests.support.servers import open_server
from tests.support.sweeps import PART

ADDRESS = ("192.0.2.1", 7881)


def _nothing() -> None:
    """Nobody waits for it."""


@pytest.mark.virtual_time
async def test_a_join_over_tcp_is_cancelled_anywhere() -> None:
    options = RoomOptions(ice=IcePolicy(udp=False))
    async with open_server("embedded", ice_tcp=True) as server:

        async def join() -> None:
            async with server.join("alice", options):
                await trio.lowlevel.checkpoint()

        async def nothing_is_left() -> None:
            await trio.sleep(1)
            assert not [host for host in server.hosts if host.open_sockets]

        def connecting() -> bool:
            return server.hosts[-1].open_sockets > 1

        cancelled = await cancel_at_every_checkpoint(
            join, after_each=nothing_is_left, since=connecting, part=PART
        )
        assert cancelled > 5


@pytest.mark.virtual_time
async def test_a_stream_that_does_not_drain_drops_and_goes_on_with_what_is_new() -> None:
    network = SimulatedNetwork()
    here, there = network.host("here", "192.0.2.2"), network.host("there", "192.0.2.1")
    (listener,) = await there.listen_tcp(*ADDRESS)
    path = StreamPath(ADDRESS, lambda datagrams: None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(path.open, lambda: here.open_tcp_stream(*ADDRESS), _nothing)
        stream = await listener.accept()
        for number in range(2000):
            path.send(ADDRESS, [b"\x80" + number.to_bytes(2, "big") + bytes(997)])
            await trio.sleep(0)
        assert 1000 < path.dropped < 2000
        path.send(ADDRESS, [b"\x00\x01 a check"])
        path.send(ADDRESS, [bytes(70_000)])
        reader, found = FrameReader(), list[bytes]()
        while not found or found[-1][0] != 0:
            found += reader.feed(bytes(await stream.receive_some()))
        assert len(found) == 2000 + 2 - path.dropped, "the check is never dropped"
        numbers = [int.from_bytes(each[1:3], "big") for each in found[:-1]]
        assert numbers == sorted(set(numbers))
        path.close()
    await stream.aclose()
    listener.close()
    assert here.open_sockets == there.open_sockets == 0


@pytest.mark.virtual_time
async def test_a_stream_ends_with_its_peer_and_with_what_makes_no_sense() -> None:
    network = SimulatedNetwork()
    here, there = network.host("here", "192.0.2.2"), network.host("there", "192.0.2.1")
    (listener,) = await there.listen_tcp(*ADDRESS)
    endings: dict[str, Callable[[trio.abc.Stream], object]] = {
        "end": lambda stream: stream.aclose(),
        "reset": lambda stream: trio.aclose_forcefully(stream),
        "garbage": lambda stream: stream.send_all(b"\xff" * 40),
    }
    for name, end in endings.items():
        received: list[bytes] = []
        path = StreamPath(ADDRESS, received.extend, Framing.TURN)
        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(path.open, lambda: here.open_tcp_stream(*ADDRESS), _nothing)
                stream = await listener.accept()
                await stream.send_all(b"\x40\x00\x00\x02hi\x00\x00")
                await trio.sleep(1)
                await end(stream)  # type: ignore[misc]
        assert received == [b"\x40\x00\x00\x02hi"], name
        await stream.aclose()
        await trio.sleep(1)
        assert here.open_sockets == 0, name
    listener.close()
    with trio.fail_after(30):
        await StreamPath(ADDRESS, lambda datagrams: None).open(
            lambda: here.open_tcp_stream(*ADDRESS), _nothing
        )

"""Streams are whole, once, over lost links and bad paths; a restart ends them at both ends."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio

from lktrio.errors import StreamAborted
from lktrio.events import Reconnected, Reconnecting
from lktrio.room import ByteStreamReader, ReconnectKind, Room, SimulateScenario, TextStreamReader
from lktrio.testing import LinkProfile, SimulatedHost, SimulatedNetwork
from tests.support.servers import RoomServer, expect, until

pytestmark = pytest.mark.virtual_time
DEADLINE = 120.0

PIECES = [random.Random(number).randbytes(7_000) for number in range(60)]
PAUSE = 0.05
BLOB = b"".join(PIECES)


@asynccontextmanager
async def open_call(server: RoomServer) -> AsyncGenerator[tuple[Room, Room], None]:
    async with server.join("alice") as alice, server.join("bob") as bob:
        await until(lambda: bool(alice.remote_participants and bob.remote_participants))
        yield alice, bob


def place(server: RoomServer) -> tuple[SimulatedNetwork, SimulatedHost, SimulatedHost]:
    """The network, alice's host, and the server's."""
    if server.network is None or server.server_host is None:
        pytest.skip("a real network does not fail when it is asked to")
    return server.network, server.hosts[-2], server.server_host


async def cut(server: RoomServer, alice: Room, how: str) -> None:
    """Take something from alice that her session survives."""
    if how == "signalling":
        await alice.simulate(SimulateScenario.SIGNAL_RECONNECT)
        return
    network, here, there = place(server)
    if how == "media":
        network.partition(here, there, "udp")
    else:
        network.partition(here, there)
    await trio.sleep(12)
    network.heal(here, there)


async def note_kinds(room: Room, kinds: list[ReconnectKind]) -> None:
    async for event in room.events(Reconnecting, Reconnected, replay=False):
        kinds.append(event.kind)  # noqa: PERF401 - as they come


async def test_a_resume_costs_a_stream_nothing(server: RoomServer) -> None:
    await trio.lowlevel.checkpoint()
    for how in ("signalling",) if server.real else ("signalling", "media", "everything"):
        async with open_call(server) as (alice, bob), trio.open_nursery() as nursery:
            whole: list[bytes | str] = []

            async def read(stream: ByteStreamReader | TextStreamReader) -> None:
                whole.append(await stream.read_all())  # noqa: B023 - served within the round

            async def send(room: Room) -> None:
                async with room.local_participant.stream_bytes(topic="t") as out:
                    for piece in PIECES:
                        await out.send_all(piece)
                        await trio.sleep(PAUSE)

            for room in (alice, bob):
                await nursery.start(room.serve_byte_streams, "t", read)
                await nursery.start(room.serve_text_streams, "t", read)
            kinds: list[ReconnectKind] = []
            nursery.start_soon(note_kinds, alice, kinds)
            async with trio.open_nursery() as senders:
                senders.start_soon(send, alice)
                senders.start_soon(send, bob)
                await trio.sleep(1)
                await cut(server, alice, how)
                await alice.local_participant.send_text("ü" * 30_000, topic="t", compress=False)
            await until(lambda: len(whole) >= 3)  # noqa: B023
            assert set(kinds) == {ReconnectKind.RESUME}, how
            assert sorted(map(type, whole), key=str) == [bytes, bytes, str], how
            assert whole.count(BLOB) == 2, how
            assert "ü" * 30_000 in whole, how
            nursery.cancel_scope.cancel()


async def test_a_restart_ends_streams_at_both_ends(server: RoomServer) -> None:
    async with open_call(server) as (alice, bob):
        ours, theirs = bob.text_streams("t"), alice.text_streams("t")
        news = alice.events(Reconnected, replay=False)

        async def stream_over_the_restart() -> None:
            async with alice.local_participant.stream_text(topic="t") as out:
                await out.send("half")
                async with bob.local_participant.stream_text(topic="t") as back:
                    await back.send("half")
                    first, second = await ours.receive(), await theirs.receive()
                    await until(lambda: first.received > 0 and second.received > 0)
                    await alice.simulate(SimulateScenario.NODE_FAILURE)
                    assert (await expect(news, Reconnected)).kind is ReconnectKind.RESTART
                    for stream in (first, second):
                        assert await stream.receive() == "half"
                        with pytest.raises(StreamAborted):
                            await stream.receive()
                    await back.send("more")  # for those who were not away
                await out.send("more")

        with pytest.raises(StreamAborted, match="anew"):
            await stream_over_the_restart()
        await until(lambda: bool(alice.remote_participants and bob.remote_participants))
        await alice.local_participant.send_text("whole", topic="t")
        assert await (await ours.receive()).read_all() == "whole"


async def test_who_gives_up_while_the_link_is_lost_tells_later(server: RoomServer) -> None:
    async with open_call(server) as (alice, bob):
        texts = bob.text_streams("t")
        network, here, there = place(server)
        with trio.CancelScope() as scope:
            async with alice.local_participant.stream_text(topic="t") as out:
                await out.send("half")
                stream = await texts.receive()
                assert await stream.receive() == "half"
                network.partition(here, there)
                await trio.sleep(12)
                scope.cancel()
        network.heal(here, there)
        with trio.fail_after(15), pytest.raises(StreamAborted, match="cancelled"):
            await stream.receive()


async def test_bad_paths_cost_time_alone(server: RoomServer) -> None:
    network = server.network
    if network is None:
        pytest.skip("a real network is not as bad as it is asked to be")
    good = network.profile
    for bad in (
        replace(good, loss=0.05, burst=2),
        replace(good, jitter=0.05, reorder=0.1, duplicate=0.1),
        LinkProfile(latency=0.05, rate=200_000, queue=30_000),
    ):
        async with open_call(server) as (alice, bob):
            network.profile = bad
            files, texts = bob.byte_streams("t"), bob.text_streams("t")
            async with trio.open_nursery() as nursery:
                for _ in range(2):
                    nursery.start_soon(lambda: alice.local_participant.send_bytes(BLOB, topic="t"))
                await alice.local_participant.send_text("ü" * 40_000, topic="t")
            for _ in range(2):
                assert await (await files.receive()).read_all() == BLOB, bad
            assert await (await texts.receive()).read_all() == "ü" * 40_000, bad
            network.profile = good

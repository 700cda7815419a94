"""Whole calls on a simulated network: a room and its server in virtual time."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
import trio

from lktrio import media
from lktrio.devserver import open_dev_server
from lktrio.events import DataReceived, TrackSubscribed
from lktrio.media import Codec, EncodedFrame
from lktrio.room import Room, RoomOptions, open_room
from lktrio.testing import (
    LinkProfile,
    NatKind,
    SimulatedHost,
    SimulatedNetwork,
    run_in_virtual_time,
)

pytestmark = pytest.mark.virtual_time

ROUGH = LinkProfile(latency=0.03, jitter=0.01, loss=0.01, burst=2, duplicate=0.01)
AUDIO_INTERVAL, VIDEO_INTERVAL = 0.02, 1 / 30
KEYFRAME = bytes((0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xF0, 0x00))
DELTA = bytes((0x31, 0x02, 0x00, 0x00))


@dataclass
class Call:
    """Two people in a room on a network."""

    network: SimulatedNetwork
    server: SimulatedHost
    hosts: dict[str, SimulatedHost]
    alice: Room
    bob: Room
    received: dict[str, int] = field(default_factory=dict[str, int])
    """Frames that bob got, by codec."""

    async def count(self, frames: AsyncIterator[EncodedFrame], codec: str) -> None:
        self.received[codec] = 0
        async for _ in frames:
            self.received[codec] += 1

    async def receive(self) -> None:
        """Let bob receive every track."""
        async with trio.open_nursery() as nursery:
            async for event in self.bob.events(TrackSubscribed):
                codec = event.track.codec
                assert codec is not None
                nursery.start_soon(self.count, event.track.frames(), codec.name)

    async def send(self, codec: Codec, interval: float, seconds: float) -> None:
        """Let alice send frames of a track in real time."""
        async with self.alice.local_participant.publish_track(codec) as track:
            for number in range(int(seconds / interval)):
                keyframe = codec is media.OPUS or number % 30 == 0
                data = b"\x78" + bytes(79)
                if codec is media.VP8:
                    data = KEYFRAME + bytes(3000) if keyframe else DELTA + bytes(900)
                start = number * interval
                await track.send(EncodedFrame(data, start, interval, keyframe=keyframe))
            await trio.sleep(1)


@asynccontextmanager
async def open_call(network: SimulatedNetwork, nat: NatKind | None = None) -> AsyncGenerator[Call]:
    """A call, alice perhaps behind a NAT."""
    server = network.host("server", "192.0.2.1")
    home = network.nat("198.51.100.1", nat) if nat is not None else None
    hosts = {"alice": network.host("alice", "10.0.0.2", nat=home)}
    hosts["bob"] = network.host("bob", "192.0.2.3")
    at = {name: RoomOptions(network=host) for name, host in hosts.items()}
    async with (
        open_dev_server(host="192.0.2.1", network=server) as dev,
        open_room(dev.url, dev.token("alice", "demo"), at["alice"]) as alice,
        open_room(dev.url, dev.token("bob", "demo"), at["bob"]) as bob,
    ):
        yield Call(network, server, hosts, alice, bob)


async def talk(call: Call, seconds: float) -> None:
    """Sound and picture from alice to bob."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(call.receive)
        async with trio.open_nursery() as senders:
            senders.start_soon(call.send, media.OPUS, AUDIO_INTERVAL, seconds)
            senders.start_soon(call.send, media.VP8, VIDEO_INTERVAL, seconds)
        nursery.cancel_scope.cancel()


async def test_sound_and_picture_cross_a_rough_network_faster_than_time() -> None:
    started, real = trio.current_time(), time.process_time()
    async with open_call(SimulatedNetwork(1, ROUGH)) as call:
        await talk(call, 10)
        assert call.received["opus"] > 0.97 * 10 / AUDIO_INTERVAL
        assert call.received["VP8"] > 0.6 * 10 / VIDEO_INTERVAL
        assert call.network.statistics(call.hosts["alice"], call.server).lost > 0
    assert trio.current_time() - started > 10
    assert time.process_time() - real < 10


async def call_with(seed: int) -> tuple[str, dict[str, int], float]:
    """A short call: the digest of its trace, what was received, and when it ended."""
    network = SimulatedNetwork(seed, ROUGH)
    async with open_call(network) as call:
        await call.alice.local_participant.publish_data(b"hello")
        await talk(call, 2)
    return network.digest, call.received, trio.current_time()


def test_the_same_seed_gives_the_same_call() -> None:
    digests = set()
    for seed in (1, 2):
        first, second = (run_in_virtual_time(partial(call_with, seed)) for _ in range(2))
        assert first == second, f"{seed=}"
        digests.add(first[0])
    assert len(digests) == 2


async def test_a_client_is_reached_behind_each_kind_of_nat() -> None:
    for kind in NatKind:
        async with open_call(SimulatedNetwork(1, ROUGH), kind) as call:
            events = call.alice.events(DataReceived)
            await call.bob.local_participant.publish_data(b"in")
            with trio.fail_after(10):
                assert (await events.receive()).data == b"in", kind


async def test_media_go_on_after_a_short_partition() -> None:
    async with open_call(SimulatedNetwork(1, ROUGH)) as call, trio.open_nursery() as nursery:
        nursery.start_soon(talk, call, 12)
        await trio.sleep(3)
        call.network.partition(call.server, call.hosts["bob"])
        await trio.sleep(0.5)  # what was on its way has arrived
        before = call.received["opus"]
        await trio.sleep(3)
        assert call.received["opus"] - before < 5
        call.network.heal(call.server, call.hosts["bob"])
        await trio.sleep(5)
        assert call.received["opus"] - before > 100


async def test_a_long_partition_ends_the_room() -> None:
    async with open_call(SimulatedNetwork(1, ROUGH)) as call:
        call.network.partition(call.server, call.hosts["bob"])
        with trio.fail_after(300):
            await call.bob.wait_closed()

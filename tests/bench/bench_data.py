"""Data: messages through a room beside LiveKit's own SDK, bulk between two peers beside aiortc.

``python -m tests.bench.bench_data``. Each run is a process of its own.

Rooms: two participants of one SDK, in one process, join the embedded server, which is another
process. One sends reliable messages of 1 KB that the other receives: one at a time, each when the
one before has arrived, and then as fast as the SDK takes them. What counts is the CPU time of the
clients' process per message, both ends together.

Bulk: two peers in one process, connected by ICE and DTLS over UDP on loopback, and a data channel
that carries messages of 16 KiB, at most 1 MiB waiting to be sent. What counts is the time of a
message. The exit status is 1 if lktrio takes more than a fifth of the time of aiortc.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import trio

from tests.bench.bench_join import running_server
from tests.bench.comparing import Clock, in_turns, judge

ROUNDS = 5
MESSAGE = bytes(1000)
ONE_BY_ONE = 300
IN_A_ROW = 2000
BLOCK = bytes(16 * 1024)
BLOCKS = {"lktrio": 4000, "aiortc": 400}
HIGH_WATER = 1 << 20
SECONDS = 60
LIMIT = 0.2


def per_message(clock: Clock, count: int) -> dict[str, float]:
    wall, cpu = clock.read()
    return {"wall": wall / count * 1e6, "cpu": cpu / count * 1e6}


# Messages through a room


def tokens(key: str, secret: str, room: str) -> tuple[str, str]:
    from lktrio import AccessToken, VideoGrants

    video = VideoGrants(room_join=True, room=room)
    sender, receiver = (AccessToken(identity=name, video=video) for name in ("sender", "receiver"))
    return sender.to_jwt(key, secret), receiver.to_jwt(key, secret)


async def room_of_lktrio(url: str, key: str, secret: str) -> dict[str, dict[str, float]]:
    from lktrio import events, open_room

    first, second = tokens(key, secret, "bench-data-lktrio")
    with trio.fail_after(SECONDS):
        async with open_room(url, second) as receiver, open_room(url, first) as sender:
            received = receiver.events(events.DataReceived)

            async def send(count: int) -> None:
                for _ in range(count):
                    await sender.local_participant.publish_data(MESSAGE)

            async def receive(count: int) -> None:
                for _ in range(count):
                    assert len((await received.receive()).data) == len(MESSAGE)

            await send(1)
            await receive(1)
            clock = Clock()
            for _ in range(ONE_BY_ONE):
                await send(1)
                await receive(1)
            times = {"one by one": per_message(clock, ONE_BY_ONE)}
            clock = Clock()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send, IN_A_ROW)
                nursery.start_soon(receive, IN_A_ROW)
            return times | {"in a row": per_message(clock, IN_A_ROW)}


async def room_of_livekit(url: str, key: str, secret: str) -> dict[str, dict[str, float]]:
    from livekit import rtc

    first, second = tokens(key, secret, "bench-data-livekit")
    sender, receiver = rtc.Room(), rtc.Room()
    received: asyncio.Queue[bytes] = asyncio.Queue()
    receiver.on("data_received", lambda packet: received.put_nowait(packet.data))
    await receiver.connect(url, second)
    await sender.connect(url, first)

    async def send(count: int) -> None:
        for _ in range(count):
            await sender.local_participant.publish_data(MESSAGE, reliable=True)

    async def receive(count: int) -> None:
        for _ in range(count):
            assert len(await received.get()) == len(MESSAGE)

    await send(1)
    await receive(1)
    clock = Clock()
    for _ in range(ONE_BY_ONE):
        await send(1)
        await receive(1)
    times = {"one by one": per_message(clock, ONE_BY_ONE)}
    clock = Clock()
    await asyncio.gather(send(IN_A_ROW), receive(IN_A_ROW))
    return times | {"in a row": per_message(clock, IN_A_ROW)}


# Bulk between two peers


async def bulk_of_lktrio() -> dict[str, dict[str, float]]:
    from lktrio.net.driver import PeerDriver
    from lktrio.rtc.datachannel import (
        DataChannelBufferedAmountLow,
        DataChannelMessage,
        DataChannelOpened,
    )
    from lktrio.rtc.dtls import Certificate
    from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent

    opened, done, drained = trio.Event(), trio.Event(), trio.Event()
    received = 0

    def on_sender_event(event: PeerEvent) -> None:
        if isinstance(event, DataChannelBufferedAmountLow):
            drained.set()
        elif isinstance(event, DataChannelOpened):
            opened.set()

    def on_receiver_event(event: PeerEvent) -> None:
        nonlocal received
        if isinstance(event, DataChannelMessage):
            received += 1
            if received == BLOCKS["lktrio"]:
                done.set()

    def make(handler: Callable[[PeerEvent], None]) -> PeerDriver:
        peer = Peer(
            PeerConfig(),
            certificate=Certificate.generate(datetime.datetime.now(datetime.UTC)),
            random=os.urandom,
            ntp_offset=time.time() - trio.current_time(),
        )
        return PeerDriver(peer, handler, ["127.0.0.1"])

    left, right = make(on_sender_event), make(on_receiver_event)
    channel = left.peer.create_data_channel("bench")
    channel.buffered_amount_low_threshold = HIGH_WATER // 2
    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as nursery:
            await nursery.start(left.run)
            await nursery.start(right.run)
            right.peer.set_offer(left.peer.create_offer(trio.current_time()), trio.current_time())
            left.peer.set_answer(right.peer.create_answer(trio.current_time()), trio.current_time())
            left.flush()
            right.flush()
            await opened.wait()
            clock = Clock()
            for _ in range(BLOCKS["lktrio"]):
                channel.send(BLOCK, trio.current_time())
                if channel.buffered_amount >= HIGH_WATER:
                    drained = trio.Event()
                    left.flush()
                    await drained.wait()
            left.flush()
            await done.wait()
            times = per_message(clock, BLOCKS["lktrio"])
            nursery.cancel_scope.cancel()
    return {"bulk": times}


async def bulk_of_aiortc() -> dict[str, dict[str, float]]:
    import aioice.ice
    from aiortc import RTCPeerConnection

    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    opened, done, drained = asyncio.Event(), asyncio.Event(), asyncio.Event()
    received = 0

    def on_message(message: Any) -> None:
        nonlocal received
        received += 1
        if received == BLOCKS["aiortc"]:
            done.set()

    left, right = RTCPeerConnection(), RTCPeerConnection()
    right.on("datachannel", lambda channel: channel.on("message", on_message))
    channel = left.createDataChannel("bench")
    channel.on("open", opened.set)
    channel.on("bufferedamountlow", drained.set)
    channel.bufferedAmountLowThreshold = HIGH_WATER // 2
    await left.setLocalDescription(await left.createOffer())
    await right.setRemoteDescription(left.localDescription)
    await right.setLocalDescription(await right.createAnswer())
    await left.setRemoteDescription(right.localDescription)
    await opened.wait()
    clock = Clock()
    for _ in range(BLOCKS["aiortc"]):
        channel.send(BLOCK)
        if channel.bufferedAmount >= HIGH_WATER:
            drained.clear()
            await drained.wait()
    await done.wait()
    times = per_message(clock, BLOCKS["aiortc"])
    await asyncio.gather(left.close(), right.close())
    return {"bulk": times}


# Everything in turns

Times = dict[str, dict[str, float]]


def in_asyncio(work: Callable[..., Awaitable[Times]], *arguments: str) -> Times:
    async def run() -> Times:
        return await asyncio.wait_for(work(*arguments), SECONDS)

    return asyncio.run(run())


RUNNERS: dict[str, Callable[..., Times]] = {
    "room-lktrio": lambda *server: trio.run(room_of_lktrio, *server),
    "room-livekit": lambda *server: in_asyncio(room_of_livekit, *server),
    "bulk-lktrio": lambda *_: trio.run(bulk_of_lktrio),
    "bulk-aiortc": lambda *_: in_asyncio(bulk_of_aiortc),
}


def measure(runner: str, server: tuple[str, str, str]) -> Times:
    command = [sys.executable, "-m", "tests.bench.bench_data", runner, *server]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: Times = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    if len(sys.argv) > 1:
        print(json.dumps(RUNNERS[sys.argv[1]](*sys.argv[2:])), flush=True)
        os._exit(0)  # the threads of LiveKit's SDK have no end of their own
    with running_server() as server:
        sides = {runner: partial(measure, runner, server) for runner in RUNNERS}
        found = in_turns(sides, ROUNDS)

    def values(runner: str, what: str, unit: str) -> list[float]:
        return [times[what][unit] for times in found[runner]]

    for what in ("one by one", "in a row"):
        for kind, unit in (("cpu", "us of CPU"), ("wall", "us")):
            ours, theirs = (values(f"room-{sdk}", what, kind) for sdk in ("lktrio", "livekit"))
            judge("data", f"message of 1 KB in a room, {what}", unit, ours, "livekit", theirs)
    missed = False
    for kind, unit, goal in (("cpu", "us of CPU", None), ("wall", "us", LIMIT)):
        ours, theirs = (values(f"bulk-{stack}", "bulk", kind) for stack in ("lktrio", "aiortc"))
        what = "message of 16 KiB between two peers"
        missed |= judge("data", what, unit, ours, "aiortc", theirs, at_most=goal)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

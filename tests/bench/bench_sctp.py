"""Bulk throughput of SCTP against aiortc, in one run: ``python -m tests.bench.bench_sctp``.

Two associations of each implementation exchange packets in memory, without DTLS and sockets; both
ends run in this process. What counts is CPU time; the exit status is 1 if lktrio takes more than a
fifth of that of aiortc on asyncio for messages of 16 KiB. ``lktrio + crc`` and ``lktrio + folding``
go without RFC 9653, the latter in pure Python.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any
from unittest.mock import patch

from aiortc import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport

from lktrio.rtc.sctp import SctpAssociation, SctpMessage, SctpOptions, wire
from lktrio.rtc.sctp.crc32c import crc32c, crc32c_folding
from tests.bench.comparing import in_turns, judge

PASSES = 7
PEER = "aiortc asyncio"
GATED_SIZE, GOAL = 16_384, 0.2
BATCH = 64  # datagrams that a driver drains at once
LOW_WATER = 1 << 20
SIZES = {100: 10_000, 1000: 8_000, 16_384: 1_000, 65_536: 250, 262_144: 60}  # size: messages


def pump(source: SctpAssociation, target: SctpAssociation) -> bool:
    packets, source.out = source.out, []
    now = time.perf_counter()
    for start in range(0, len(packets), BATCH):
        for packet in packets[start : start + BATCH]:
            target.receive(packet, now)
        target.flush(now)
    return bool(packets)


def ours(size: int, count: int, options: SctpOptions) -> float:
    """CPU seconds for a transfer, both ends together."""
    left, right = (SctpAssociation(random=os.urandom, options=options) for _ in range(2))
    left.remote_max_message_size = 0
    left.start(time.perf_counter())
    while pump(left, right) or pump(right, left):
        pass
    right.events.clear()
    message = os.urandom(size)
    begin = time.process_time()
    sent = received = 0
    while received < count:
        now = time.perf_counter()
        while sent < count and left.buffered_amount < LOW_WATER:
            left.send(0, 53, message, now=now)
            sent += 1
        left.handle_timer(now)
        right.handle_timer(now)
        pump(left, right)
        pump(right, left)
        received += sum(isinstance(event, SctpMessage) for event in right.events)
        right.events.clear()
    return time.process_time() - begin


class MemoryTransport:
    """What RTCSctpTransport needs of DTLS; packets go to the other end's queue."""

    state = "connected"

    def __init__(self, role: str) -> None:
        self._role = role
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.peer: MemoryTransport
        self.receiver: Any = None

    def _register_data_receiver(self, receiver: object) -> None:
        self.receiver = receiver

    def _unregister_data_receiver(self, receiver: object) -> None:
        pass

    async def _send_data(self, data: bytes) -> None:
        self.peer.inbox.put_nowait(data)

    async def run(self) -> None:
        while True:
            await self.receiver._handle_data(await self.inbox.get())


async def theirs(size: int, count: int) -> float:
    """CPU seconds for the same transfer by aiortc."""
    transports = MemoryTransport("client"), MemoryTransport("server")
    transports[0].peer, transports[1].peer = transports[1], transports[0]
    left, right = (RTCSctpTransport(transport) for transport in transports)  # type: ignore[arg-type, unused-ignore]
    for end in (left, right):
        await end.start(RTCSctpCapabilities(maxMessageSize=0), 5000)
    runners = [asyncio.ensure_future(transport.run()) for transport in transports]
    received, opened, drained, done = 0, asyncio.Event(), asyncio.Event(), asyncio.Event()

    def arrived(message: object) -> None:
        nonlocal received
        received += 1
        if received == count:
            done.set()

    right.on("datachannel", lambda channel: channel.on("message", arrived))
    channel = RTCDataChannel(left, RTCDataChannelParameters(label="bench"))
    channel.on("open", opened.set)
    channel.on("bufferedamountlow", drained.set)
    channel.bufferedAmountLowThreshold = LOW_WATER // 2
    await opened.wait()
    message = os.urandom(size)
    begin = time.process_time()
    for _ in range(count):
        channel.send(message)
        if channel.bufferedAmount >= LOW_WATER:
            drained.clear()
            await drained.wait()
    await done.wait()
    elapsed = time.process_time() - begin
    for end in (left, right):
        await end.stop()
    for runner in runners:
        runner.cancel()
    await asyncio.gather(*runners, return_exceptions=True)
    return elapsed


def with_checksums(size: int, count: int, function: Callable[[bytes], int]) -> float:
    with patch.object(wire, "crc32c", function):
        return ours(size, count, SctpOptions(zero_checksum=False))


def contestants() -> dict[str, Callable[[int, int], float]]:
    def on(run: Callable[[Coroutine[Any, Any, float]], float]) -> Callable[[int, int], float]:
        return lambda size, count: (
            run(theirs(size, max(count // 10, 5))) * count / max(count // 10, 5)
        )

    found = {PEER: on(asyncio.run)}
    if importlib.util.find_spec("uvloop") is not None:
        found["aiortc uvloop"] = on(importlib.import_module("uvloop").run)
    found["lktrio"] = lambda size, count: ours(size, count, SctpOptions())
    found["lktrio + crc"] = lambda size, count: with_checksums(size, count, crc32c)
    found["lktrio + folding"] = lambda size, count: with_checksums(size, count, crc32c_folding)
    return found


def main() -> int:
    missed = False
    for size, count in SIZES.items():
        sides = {name: partial(run, size, count) for name, run in contestants().items()}
        times = in_turns(sides, PASSES)
        each = {name: [one / count * 1e6 for one in values] for name, values in times.items()}
        for name in [name for name in sides if name.startswith("lktrio")]:
            goal = GOAL if (name, size) == ("lktrio", GATED_SIZE) else None
            what = f"SCTP message of {size} bytes"
            missed |= judge(
                "data", what, "us of CPU", each[name], PEER, each[PEER], at_most=goal, us=name
            )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

"""Connecting two peers, from the offer to the first message through a data channel.

``python -m tests.bench.bench_connect``. Both peers are in one process, on loopback; each pass is a
process that connects one pair after the other, beside aiortc on asyncio. Certificates are made
before. The exit status is 1 if lktrio takes more than 0.4 of the time of aiortc.
"""

from __future__ import annotations

import asyncio
import datetime
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import trio

from tests.bench.comparing import Clock, in_turns, judge
from tests.bench.processes import answer, in_asyncio, in_trio, measure

PASSES = 7
WARM_UP, PAIRS = 3, 20
LIMIT = 0.4
Times = tuple[float, float]


async def connect_lktrio() -> Times:
    from lktrio.net.driver import PeerDriver
    from lktrio.rtc.datachannel import DataChannelMessage, DataChannelOpened
    from lktrio.rtc.dtls import Certificate
    from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent

    opened, arrived = trio.Event(), trio.Event()

    def on_left(event: PeerEvent) -> None:
        if isinstance(event, DataChannelOpened):
            opened.set()

    def on_right(event: PeerEvent) -> None:
        if isinstance(event, DataChannelMessage):
            arrived.set()

    def make(handler: Callable[[PeerEvent], None]) -> PeerDriver:
        peer = Peer(
            PeerConfig(),
            certificate=Certificate.generate(datetime.datetime.now(datetime.UTC)),
            random=os.urandom,
            ntp_offset=time.time() - trio.current_time(),
        )
        return PeerDriver(peer, handler, ["127.0.0.1"])

    left, right = make(on_left), make(on_right)
    channel = left.peer.create_data_channel("bench")
    async with trio.open_nursery() as nursery:
        clock = Clock()
        await nursery.start(left.run)
        await nursery.start(right.run)
        right.peer.set_offer(left.peer.create_offer(trio.current_time()), trio.current_time())
        left.peer.set_answer(right.peer.create_answer(trio.current_time()), trio.current_time())
        left.flush()
        right.flush()
        await opened.wait()
        channel.send(b"first", trio.current_time())
        left.flush()
        await arrived.wait()
        times = clock.read()
        nursery.cancel_scope.cancel()
    return times


async def connect_aiortc() -> Times:
    from aiortc import RTCPeerConnection

    opened, arrived = asyncio.Event(), asyncio.Event()
    left, right = RTCPeerConnection(), RTCPeerConnection()
    right.on("datachannel", lambda other: other.on("message", lambda data: arrived.set()))
    channel = left.createDataChannel("bench")
    channel.on("open", opened.set)
    clock = Clock()
    await left.setLocalDescription(await left.createOffer())
    await right.setRemoteDescription(left.localDescription)
    await right.setLocalDescription(await right.createAnswer())
    await left.setRemoteDescription(right.localDescription)
    await opened.wait()
    channel.send(b"first")
    await arrived.wait()
    times = clock.read()
    await asyncio.gather(left.close(), right.close())
    return times


async def many_of_lktrio() -> Times:
    return middle([await connect_lktrio() for _ in range(WARM_UP + PAIRS)])


async def many_of_aiortc() -> Times:
    import aioice.ice

    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    return middle([await connect_aiortc() for _ in range(WARM_UP + PAIRS)])


def middle(times: list[Times]) -> Times:
    """Medians in ms of wall and CPU time."""
    wall, cpu = (statistics.median(column) * 1e3 for column in zip(*times[WARM_UP:], strict=True))
    return wall, cpu


SIDES = {"lktrio": in_trio(many_of_lktrio), "aiortc": in_asyncio(many_of_aiortc)}


def main() -> int:
    if len(sys.argv) > 1:
        answer(SIDES)
    found = in_turns({side: partial(measure, "bench_connect", side) for side in SIDES}, PASSES)
    missed = False
    for column, unit, goal in ((0, "ms", LIMIT), (1, "ms of CPU", None)):
        ours, theirs = ([times[column] for times in found[side]] for side in SIDES)
        what = "connecting two peers, offer to first message"
        missed |= judge("joining", what, unit, ours, "aiortc", theirs, at_most=goal)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

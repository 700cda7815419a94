"""What idle connections and rooms cost: ``python -m tests.bench.bench_idle``.

Each pass is a process of its own. Peers: 1,000 of them, connected in pairs over loopback with a
data channel each, do nothing but stay connected. Rooms: one room, beside the official SDK, and then
fifty more in the same process, each idle in a room of its own on the embedded server, or on the one
that LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name. The exit status is 1 if the peers
need more than 120 MiB or 10 % of a core, a room's process more than 54 MiB, or a further room more
than 0.15 MiB or 0.1 % of a core.
"""

from __future__ import annotations

import asyncio
import datetime
import gc
import os
import resource
import sys
import time
from contextlib import AsyncExitStack
from functools import partial

import trio

from tests.bench.bench_join import running_server, token
from tests.bench.comparing import Clock, in_turns, judge, judge_limit
from tests.bench.processes import answer, in_asyncio, in_trio, measure, resident_mib

PASSES = 3
PEERS, FURTHER = 1000, 50
AT_ONCE = 10
SETTLING, SECONDS = 5.0, 20.0
Found = dict[str, float]


async def idle_peers() -> Found:
    from lktrio.net.driver import PeerDriver
    from lktrio.rtc.dtls import Certificate
    from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent
    from lktrio.rtc.transport import TransportState

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    certificate = Certificate.generate(datetime.datetime.now(datetime.UTC))
    peers: list[Peer] = []

    def ignore(event: PeerEvent) -> None:
        pass

    def make() -> PeerDriver:
        peer = Peer(
            PeerConfig(),
            certificate=certificate,
            random=os.urandom,
            ntp_offset=time.time() - trio.current_time(),
        )
        peers.append(peer)
        return PeerDriver(peer, ignore, ["127.0.0.1"])

    async with trio.open_nursery() as nursery:
        for number in range(PEERS // 2):
            left, right = make(), make()
            left.peer.create_data_channel("idle")
            await nursery.start(left.run)
            await nursery.start(right.run)
            right.peer.set_offer(left.peer.create_offer(trio.current_time()), trio.current_time())
            left.peer.set_answer(right.peer.create_answer(trio.current_time()), trio.current_time())
            left.flush()
            right.flush()
            while number % AT_ONCE == 0 and left.peer.state is not TransportState.CONNECTED:
                await trio.sleep(0.005)
        await trio.sleep(SETTLING)
        share = await share_of_core()
        assert {peer.state for peer in peers} == {TransportState.CONNECTED}
        found = {"MiB": resident_mib(), "core": share}
        nursery.cancel_scope.cancel()
    return found


async def rooms_of_lktrio(url: str, *tokens: str) -> Found:
    from lktrio import open_room

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(open_room(url, tokens[0]))
        await trio.sleep(SETTLING)
        first, share = settled_mib(), await share_of_core()
        for one in tokens[1:]:
            await stack.enter_async_context(open_room(url, one))
        await trio.sleep(SETTLING)
        more, shares = settled_mib(), await share_of_core()
    return {
        "first": first,
        "further": (more - first) / FURTHER,
        "core": (shares - share) / FURTHER,
    }


async def room_of_livekit(url: str, *tokens: str) -> Found:
    from livekit import rtc

    room = rtc.Room()
    await room.connect(url, tokens[0])
    await asyncio.sleep(SETTLING)
    return {"first": settled_mib()}


def settled_mib() -> float:
    gc.collect()
    return resident_mib()


async def share_of_core() -> float:
    """Percent of a core that this process uses from now on for a while."""
    clock = Clock()
    await trio.sleep(SECONDS)
    wall, cpu = clock.read()
    return cpu / wall * 100


SIDES = {
    "peers": in_trio(idle_peers),
    "lktrio": in_trio(rooms_of_lktrio),
    "livekit": in_asyncio(room_of_livekit),
}


def main() -> int:
    if len(sys.argv) > 1:
        answer(SIDES)
    peers = [measure("bench_idle", "peers") for _ in range(PASSES)]
    mib, core = ([found[unit] for found in peers] for unit in ("MiB", "core"))
    missed = judge_limit("memory", f"{PEERS:,} idle peers in a process", "MiB", mib, 120)
    missed |= judge_limit("memory", f"{PEERS:,} idle peers in a process", "% of a core", core, 10)
    with running_server() as server:

        def run(side: str) -> Found:
            tokens = [token("idle", server) for _ in range(FURTHER + 1)]
            found: Found = measure("bench_idle", side, server[0], *tokens)
            return found

        found = in_turns({side: partial(run, side) for side in ("lktrio", "livekit")}, PASSES)

    def values(side: str, part: str) -> list[float]:
        return [one[part] for one in found[side]]

    what = "process with one idle room"
    missed |= judge_limit("memory", what, "MiB", values("lktrio", "first"), 54)
    judge("memory", what, "MiB", values("lktrio", "first"), "livekit", values("livekit", "first"))
    what = "each further idle room"
    missed |= judge_limit("memory", what, "MiB", values("lktrio", "further"), 0.15)
    missed |= judge_limit("memory", what, "% of a core", values("lktrio", "core"), 0.1)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

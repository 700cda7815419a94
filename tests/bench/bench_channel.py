"""Messages through a data channel between two peers, beside libdatachannel (C++) in Node.js.

``LKTRIO_NODE_MODULES=FOLDER python -m tests.bench.bench_channel``, where the folder has the npm
package node-datachannel. Each side has both peers in one process, on loopback. In bulk, messages of
16 KiB go one way, at most 1 MiB of them waiting; one by one, a message of 100 bytes goes there and
back. The exit status is 1 if lktrio takes longer for either.
"""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import trio

from tests.bench.bench_data import bulk_of_lktrio
from tests.bench.comparing import Clock, in_turns, judge, skip
from tests.bench.processes import answer, in_trio, measure

PASSES = 7
ROUND_TRIPS = 2000
SMALL = bytes(100)
WHAT = {
    "bulk": "message of 16 KiB between two peers",
    "round trip": "round trip of 100 bytes between two peers",
}
PROGRAM = Path(__file__).with_name("libdatachannel.cjs")
Times = dict[str, dict[str, float]]


async def of_lktrio() -> Times:
    return {**await bulk_of_lktrio(), **await round_trips()}


async def round_trips() -> Times:
    from lktrio.net.driver import PeerDriver
    from lktrio.rtc.datachannel import DataChannelMessage, DataChannelOpened
    from lktrio.rtc.dtls import Certificate
    from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent

    opened, done, returned = trio.Event(), trio.Event(), 0

    def on_left(event: PeerEvent) -> None:
        nonlocal returned
        if isinstance(event, DataChannelOpened):
            opened.set()
        elif isinstance(event, DataChannelMessage):
            returned += 1
            if returned == ROUND_TRIPS:
                done.set()
            else:
                event.channel.send(event.data, trio.current_time())

    def on_right(event: PeerEvent) -> None:
        if isinstance(event, DataChannelMessage):
            event.channel.send(event.data, trio.current_time())

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
        await nursery.start(left.run)
        await nursery.start(right.run)
        right.peer.set_offer(left.peer.create_offer(trio.current_time()), trio.current_time())
        left.peer.set_answer(right.peer.create_answer(trio.current_time()), trio.current_time())
        left.flush()
        right.flush()
        await opened.wait()
        clock = Clock()
        channel.send(SMALL, trio.current_time())
        left.flush()
        await done.wait()
        wall, cpu = clock.read()
        nursery.cancel_scope.cancel()
    return {"round trip": {"wall": wall / ROUND_TRIPS * 1e6, "cpu": cpu / ROUND_TRIPS * 1e6}}


def of_libdatachannel(node: str) -> Times:
    modules = os.environ["LKTRIO_NODE_MODULES"]
    command = [node, str(PROGRAM), str(ROUND_TRIPS)]
    environment = os.environ | {"NODE_PATH": modules}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, check=True, env=environment, timeout=60
    )
    found: Times = json.loads(done.stdout.splitlines()[-1])
    return found


def reason_to_skip() -> str:
    modules = os.environ.get("LKTRIO_NODE_MODULES", "")
    if shutil.which("node") is None:
        return "node is not installed"
    if not modules or not (Path(modules) / "node-datachannel").is_dir():
        return "LKTRIO_NODE_MODULES names no folder with node-datachannel"
    return ""


def main() -> int:
    if len(sys.argv) > 1:
        answer({"lktrio": in_trio(of_lktrio)})
    if reason := reason_to_skip():
        for what in WHAT.values():
            skip("data", f"{what}, beside libdatachannel", reason)
        return 0
    sides: dict[str, Callable[[], Any]] = {
        "lktrio": partial(measure, "bench_channel", "lktrio"),
        "libdatachannel": partial(of_libdatachannel, str(shutil.which("node"))),
    }
    found = in_turns(sides, PASSES)
    missed = False
    for part, what in WHAT.items():
        for kind, unit, goal in (("wall", "us", 1.0), ("cpu", "us of CPU", None)):
            ours, theirs = ([times[part][kind] for times in found[side]] for side in sides)
            missed |= judge("data", what, unit, ours, "libdatachannel", theirs, at_most=goal)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

"""Calls between participants beside LiveKit's own SDK.

``python -m tests.bench.bench_rpc``. Each run is a process of its own.

Two participants of one SDK, in one process, join the embedded server, which is another process, or
the one that LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name. One calls a method of the
other that returns what it gets: one call after the other, and several at once. What counts is the
time of a round trip. The exit status is 1 if a lone call of lktrio takes more than 0.4 of what one
of the other SDK does.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import trio

from tests.bench.bench_data import in_asyncio, per_message, tokens
from tests.bench.bench_join import running_server
from tests.bench.comparing import Clock, in_turns, judge

ROUNDS = 5
PAYLOAD = "x" * 100
ONE_BY_ONE = 300
AT_ONCE = 16
SECONDS = 60
SETTLED = 4.0  # seconds until the other SDK knows who else is there
TARGET = 0.4

Times = dict[str, dict[str, float]]


async def calls_of_lktrio(url: str, key: str, secret: str) -> Times:
    from lktrio import RpcInvocation, open_room

    first, second = tokens(key, secret, "bench-rpc-lktrio")

    async def echo(call: RpcInvocation[str]) -> str:
        return call.payload

    with trio.fail_after(SECONDS):
        async with (
            open_room(url, second) as callee,
            open_room(url, first) as caller,
            trio.open_nursery() as nursery,
        ):
            await nursery.start(callee.serve_rpc, "echo", echo)
            while "receiver" not in caller.remote_participants:
                await trio.sleep(0.01)

            async def call(count: int) -> None:
                for _ in range(count):
                    answer = await caller.local_participant.perform_rpc("receiver", "echo", PAYLOAD)
                    assert answer == PAYLOAD

            await trio.sleep(SETTLED)
            await call(10)
            clock = Clock()
            await call(ONE_BY_ONE)
            times = {"one by one": per_message(clock, ONE_BY_ONE)}
            clock = Clock()
            async with trio.open_nursery() as several:
                for _ in range(AT_ONCE):
                    several.start_soon(call, ONE_BY_ONE // 4)
            times["at once"] = per_message(clock, AT_ONCE * (ONE_BY_ONE // 4))
            nursery.cancel_scope.cancel()
    return times


async def calls_of_livekit(url: str, key: str, secret: str) -> Times:
    from livekit import rtc

    first, second = tokens(key, secret, "bench-rpc-livekit")
    caller, callee = rtc.Room(), rtc.Room()
    await callee.connect(url, second)
    await caller.connect(url, first)

    async def echo(call: Any) -> str:
        return str(call.payload)

    callee.local_participant.register_rpc_method("echo", echo)

    async def call(count: int) -> None:
        for _ in range(count):
            answer = await caller.local_participant.perform_rpc(
                destination_identity="receiver", method="echo", payload=PAYLOAD
            )
            assert answer == PAYLOAD

    await asyncio.sleep(SETTLED)
    await call(10)
    clock = Clock()
    await call(ONE_BY_ONE)
    times = {"one by one": per_message(clock, ONE_BY_ONE)}
    clock = Clock()
    await asyncio.gather(*(call(ONE_BY_ONE // 4) for _ in range(AT_ONCE)))
    return times | {"at once": per_message(clock, AT_ONCE * (ONE_BY_ONE // 4))}


RUNNERS: dict[str, Callable[..., Times]] = {
    "lktrio": lambda *server: trio.run(calls_of_lktrio, *server),
    "livekit": lambda *server: in_asyncio(calls_of_livekit, *server),
}


def measure(runner: str, server: tuple[str, str, str]) -> Times:
    command = [sys.executable, "-m", "tests.bench.bench_rpc", runner, *server]
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
    missed = False
    for what in ("one by one", "at once"):
        for kind, unit in (("wall", "us"), ("cpu", "us of CPU")):
            ours, theirs = ([one[what][kind] for one in found[runner]] for runner in RUNNERS)
            goal = TARGET if (what, kind) == ("one by one", "wall") else None
            name = f"RPC, {what}"
            missed |= judge("data", name, unit, ours, "livekit", theirs, at_most=goal)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

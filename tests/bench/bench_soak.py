"""Memory over thousands of joins, resumes and restarts, in virtual time.

``python -m tests.bench.bench_soak [joins|resumes|restarts ...]``. Each part is a process of its own
with the embedded server on the simulated network: 5,000 joins of one machine, 2,000 resumes and
1,000 restarts of two participants, each followed by eleven seconds in which what is kept for a
while runs out. The resident memory is read eight times. The exit status is 1 if it grows by more
than 3 % after the first quarter, in which caches and the allocator's pools fill.
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import trio

from lktrio.events import Reconnected
from lktrio.room import Room, SimulateScenario, open_room
from lktrio.testing import run_in_virtual_time
from tests.bench.comparing import judge
from tests.support.servers import V0, V1, RoomServer, open_server

READINGS = 8
LIMIT = 1.03
_KEPT = 11.0  # seconds after which nothing of a lost link is kept
_PATIENCE = 60.0
_PAGE = 4096

Step = Callable[[int], Awaitable[object]]
Part = Callable[[RoomServer], AbstractAsyncContextManager[Step]]


@asynccontextmanager
async def joins(server: RoomServer) -> AsyncGenerator[Step]:
    host = server.host()

    async def step(number: int) -> None:
        options = replace((V0, V1)[number % 2], network=host)
        async with open_room(server.url, server.token("me"), options):
            pass
        await trio.sleep(1)

    yield step


@asynccontextmanager
async def reconnects(scenario: SimulateScenario, server: RoomServer) -> AsyncGenerator[Step]:
    async with server.join("alice", V1) as alice, server.join("bob", V0) as bob:

        async def step(number: int) -> None:
            await reconnect((alice, bob)[number % 2], scenario)
            await trio.sleep(_KEPT)

        yield step


async def reconnect(room: Room, scenario: SimulateScenario) -> None:
    with room.events(Reconnected, replay=False) as events, trio.fail_after(_PATIENCE):
        await room.simulate(scenario)
        await events.receive()


PARTS: dict[str, tuple[int, Part]] = {
    "joins": (5_000, joins),
    "resumes": (2_000, partial(reconnects, SimulateScenario.SIGNAL_RECONNECT)),
    "restarts": (1_000, partial(reconnects, SimulateScenario.NODE_FAILURE)),
}


def resident() -> float:
    """Megabytes of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE / 1e6


async def soak(name: str) -> list[float]:
    steps, part = PARTS[name]
    readings: list[float] = []
    async with open_server("embedded") as server, part(server) as step:
        for number in range(1, steps + 1):
            await step(number)
            if number % (steps // READINGS) == 0:
                readings.append(resident())
    return readings


def run(name: str) -> list[float]:
    return run_in_virtual_time(soak, name)


def main(names: list[str]) -> int:
    missed = False
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for name in names or list(PARTS):
            (readings,) = pool.map(run, [name])
            print(f"{PARTS[name][0]:,} {name}:", *(f"{one:.1f}" for one in readings), "MB")
            first, last = [readings[READINGS // 4 - 1]], [readings[-1]]
            what = f"memory after {PARTS[name][0]:,} {name}"
            missed |= judge("memory", what, "MB", last, "after a quarter", first, at_most=LIMIT)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Joining a room of 1,000 participants beside one of 10.

``python -m tests.bench.bench_large_room``. A scripted server in a process of its own sends a join
response that was made before, with two published tracks for everybody. What is measured is
``open_room`` until it returns, and the longest that one step of a task held the loop on the way and
in the second after. The exit status is 1 if the large room takes more than 1.5 of the time of the
small one, or holds the loop for more than 20 ms.
"""

from __future__ import annotations

import statistics
import sys
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import trio

from tests.bench.comparing import Clock, in_turns, judge, judge_limit
from tests.bench.processes import answer, background, in_trio, measure

PASSES = 7
WARM_UP, JOINS = 2, 5
SMALL, LARGE = 10, 1000
LIMIT, STEP_MS = 1.5, 20
AFTERWARDS = 1.0


async def serve(*sizes: str) -> None:
    from lktrio import proto
    from lktrio.proto.codec import encode
    from tests.support.scripted_room import ME, Plan, ScriptedRoom, info
    from tests.support.signal_server import Visit, joined, open_signal_server

    def others(size: int) -> list[proto.ParticipantInfo]:
        return [
            info(
                f"participant-{number}",
                name=f"Participant {number}",
                attributes={"seat": str(number)},
                tracks=[
                    proto.TrackInfo(sid=f"TR_mic{number}", name="microphone"),
                    proto.TrackInfo(
                        sid=f"TR_cam{number}", name="camera", type=proto.TrackType.VIDEO
                    ),
                ],
            )
            for number in range(size)
        ]

    def script(size: int) -> Any:
        frame = encode(joined(participant=ME, other_participants=others(size)))

        async def serve(visit: Visit) -> None:
            send = visit.send

            async def prepared(*responses: proto.SignalResponse) -> None:
                if responses[0].join is not None:
                    await visit.send_frame(frame)
                else:
                    await send(*responses)

            visit.send = prepared  # type: ignore[method-assign]
            await ScriptedRoom(Plan()).serve(visit)

        return serve

    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(open_signal_server(script(int(size)))) for size in sizes
        ]
        print(*(server.url for server in servers), flush=True)
        await trio.sleep_forever()


async def join(url: str, others: str) -> list[float]:
    """Medians in ms of the time, the CPU time, and the longest step of a task."""
    from lktrio import RoomOptions, open_room
    from lktrio.testing import detect_stalls

    found: list[tuple[float, float, float]] = []
    for _ in range(WARM_UP + JOINS):
        wall, cpu, steps = 0.0, 0.0, list[float]()
        try:
            with detect_stalls(limit=0.001) as detector:
                clock = Clock()
                async with open_room(url, "token", RoomOptions(reconnect=None)) as room:
                    wall, cpu = clock.read()
                    assert len(room.remote_participants) == int(others)
                    await trio.sleep(AFTERWARDS)
                    steps = [stall.seconds for stall in detector.stalls]
        except AssertionError:
            if not steps:
                raise
        found.append((wall, cpu, max(steps, default=0.0)))
    return [statistics.median(one) * 1e3 for one in zip(*found[WARM_UP:], strict=True)]


SIDES = {"server": in_trio(serve), "join": in_trio(join)}


def main() -> int:
    if len(sys.argv) > 1:
        answer(SIDES)
    sizes = [str(LARGE), str(SMALL)]
    with background("bench_large_room", "server", *sizes) as server:
        urls = server.first_line.split()
        sides = {
            size: partial(measure, "bench_large_room", "join", url, size)
            for size, url in zip(sizes, urls, strict=True)
        }
        found = in_turns(sides, PASSES)
    missed = False
    what = f"joining a room of {LARGE:,}"
    for column, unit, goal in ((0, "ms", LIMIT), (1, "ms of CPU", None)):
        large, small = ([times[column] for times in found[size]] for size in sizes)
        missed |= judge("joining", what, unit, large, f"a room of {SMALL}", small, at_most=goal)
    steps = [times[2] for times in found[str(LARGE)]]
    what = f"longest step of a task, joining a room of {LARGE:,}"
    return int(missed | judge_limit("joining", what, "ms", steps, STEP_MS))


if __name__ == "__main__":
    sys.exit(main())

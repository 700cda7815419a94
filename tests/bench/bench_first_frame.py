"""The first sound after joining a room in which somebody speaks, beside LiveKit's own SDK.

``python -m tests.bench.bench_first_frame``. Somebody in another process publishes the sample melody
all the time. Each pass is a process that joins, waits for sound and leaves, again and again. What
is measured is the time from the call that joins to the first frame, and of each pass the 90th
percentile counts: for lktrio an encoded frame, for the PyPI package ``livekit`` decoded sound that
is not silent. The room is on the server that LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET
name, otherwise on the embedded one. The exit status is 1 if it takes lktrio more than 40 ms.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial

import trio

from tests.bench.bench_join import running_server
from tests.bench.comparing import Clock, in_turns, judge, judge_limit
from tests.bench.processes import answer, background, in_asyncio, in_trio, measure
from tests.bench.results import decile

PASSES = 5
WARM_UP, JOINS = 2, 20
PAUSE = 0.3
ROOM = "bench-first-frame"
LIMIT_MS = 40


async def speak(url: str, token: str) -> None:
    from lktrio import open_room
    from lktrio.media import OPUS, open_reader, samples
    from tests.interop.support.participant import send_endlessly

    async with open_reader(samples.AUDIO) as reader:
        frames = [frame async for frame in reader]
    async with (
        open_room(url, token) as room,
        room.local_participant.publish_track(OPUS, name="voice") as track,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(send_endlessly, track, frames)
        await trio.sleep(1)
        print("speaking", flush=True)


async def listen_lktrio(url: str, token: str) -> list[float]:
    from lktrio import events, open_room

    async def join() -> float:
        clock = Clock()
        async with open_room(url, token) as room:
            event = await room.events(events.TrackSubscribed).receive()
            await event.track.frames().receive()
            return clock.read()[0] * 1e3

    times: list[float] = []
    for _ in range(WARM_UP + JOINS):
        times.append(await join())
        await trio.sleep(PAUSE)
    return times[WARM_UP:]


async def listen_livekit(url: str, token: str) -> list[float]:
    from livekit import rtc

    async def join() -> float:
        room = rtc.Room()
        subscribed: asyncio.Queue[rtc.Track] = asyncio.Queue()
        room.on("track_subscribed", lambda track, *_: subscribed.put_nowait(track))
        clock = Clock()
        await room.connect(url, token)
        stream = rtc.AudioStream(await subscribed.get(), sample_rate=48_000, num_channels=1)
        async for event in stream:
            if any(event.frame.data):
                break
        elapsed = clock.read()[0] * 1e3
        await stream.aclose()
        await room.disconnect()
        return elapsed

    times: list[float] = []
    for _ in range(WARM_UP + JOINS):
        times.append(await join())
        await asyncio.sleep(PAUSE)
    return times[WARM_UP:]


SIDES = {
    "speaker": in_trio(speak),
    "lktrio": in_trio(listen_lktrio),
    "livekit": in_asyncio(listen_livekit),
}


def token(identity: str, server: tuple[str, str, str]) -> str:
    from lktrio import AccessToken, VideoGrants

    video = VideoGrants(room_join=True, room=ROOM)
    return AccessToken(identity=identity, video=video).to_jwt(*server[1:])


def main() -> int:
    if len(sys.argv) > 1:
        answer(SIDES)
    with (
        running_server() as server,
        background("bench_first_frame", "speaker", server[0], token("speaker", server)),
    ):
        sides = {
            side: partial(measure, "bench_first_frame", side, server[0], token(side, server))
            for side in ("lktrio", "livekit")
        }
        found = in_turns(sides, PASSES)
    ours, theirs = ([decile(times, 0.9) for times in found[side]] for side in sides)
    what = "joining to first sound, 90th percentile"
    judge("joining", what, "ms", ours, "livekit", theirs)
    missed = judge_limit("joining", what, "ms", ours, LIMIT_MS)
    middle = [[decile(times, 0.5) for times in found[side]] for side in sides]
    judge("joining", "joining to first sound, median", "ms", middle[0], "livekit", middle[1])
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

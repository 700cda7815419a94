"""Recording rooms of 8 and 16 pairs of Opus and VP8, beside LiveKit's own SDK.

``python -m tests.bench.bench_recording``. A publisher in a process of its own sends the sample
melody and the sample film on each track. Each pass is a process that joins, receives every track
for a while, and tells the share of a core that it used; lktrio writes each to a file, the PyPI
package ``livekit`` decodes, which it cannot do without, and throws away what it decoded. The server
is the one that LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name, or the embedded one. The
exit status is 1 if lktrio needs more than 0.3 of the CPU time.

LKTRIO_GO_RECORDER names a program with the Go SDK, to be compared as well (goal: 1.3): it is run
with the URL, a token, the number of tracks to wait for and the seconds to record after that, and
prints as its last line a JSON object with the share of a core as ``core`` and the number of packets
or frames as ``frames``.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import trio

from tests.bench.bench_join import running_server
from tests.bench.comparing import Clock, in_turns, judge, skip
from tests.bench.processes import answer, background, in_asyncio, in_trio, measure

PASSES = 3
PAIRS = (8, 16)
SETTLING, SECONDS = 3.0, 10.0
LIMIT, GO_LIMIT = 0.3, 1.3
GO = "LKTRIO_GO_RECORDER"
Found = dict[str, float]


async def publish(url: str, token: str, pairs: str) -> None:
    from lktrio import open_room
    from lktrio.media import OPUS, VP8, open_reader, samples
    from tests.interop.support.participant import send_endlessly

    async with open_reader(samples.AUDIO) as reader:
        sound = [frame async for frame in reader]
    async with open_reader(samples.VIDEO) as reader:
        film = [frame async for frame in reader]
    async with AsyncExitStack() as stack:
        room = await stack.enter_async_context(open_room(url, token))
        nursery = await stack.enter_async_context(trio.open_nursery())
        for number in range(int(pairs)):
            for codec, frames in ((OPUS, sound), (VP8, film)):
                track = await stack.enter_async_context(
                    room.local_participant.publish_track(
                        codec, name=f"{codec.kind}-{number}", width=320, height=180
                    )
                )
                nursery.start_soon(send_endlessly, track, frames)
        print("publishing", flush=True)
        await trio.sleep_forever()


async def record_lktrio(url: str, token: str, tracks: str) -> Found:
    from lktrio import RemoteTrack, events, media, open_room

    written = 0

    async def record(track: RemoteTrack, folder: str) -> None:
        nonlocal written
        assert track.codec is not None
        suffix = ".ogg" if track.kind == "audio" else ".ivf"
        path = Path(folder) / f"{track.sid}{suffix}"
        async with media.open_writer(path, track.codec) as out:
            async for frame in track.frames():
                await out.send(frame)
                written += 1

    with tempfile.TemporaryDirectory() as folder:
        async with open_room(url, token) as room, trio.open_nursery() as nursery:
            subscribed = room.events(events.TrackSubscribed)
            for _ in range(int(tracks)):
                nursery.start_soon(record, (await subscribed.receive()).track, folder)
            await trio.sleep(SETTLING)
            before, clock = written, Clock()
            await trio.sleep(SECONDS)
            found = shares(clock, written - before)
            nursery.cancel_scope.cancel()
    return found


async def record_livekit(url: str, token: str, tracks: str) -> Found:
    from livekit import rtc

    received = 0
    subscribed: asyncio.Queue[rtc.Track] = asyncio.Queue()

    async def record(track: rtc.Track) -> None:
        nonlocal received
        is_audio = track.kind == rtc.TrackKind.KIND_AUDIO
        stream = rtc.AudioStream(track) if is_audio else rtc.VideoStream(track)
        async for _ in stream:
            received += 1

    room = rtc.Room()
    room.on("track_subscribed", lambda track, *_: subscribed.put_nowait(track))
    await room.connect(url, token)
    tasks = [asyncio.ensure_future(record(await subscribed.get())) for _ in range(int(tracks))]
    await asyncio.sleep(SETTLING)
    before, clock = received, Clock()
    await asyncio.sleep(SECONDS)
    assert not any(task.done() for task in tasks)
    return shares(clock, received - before)


def shares(clock: Clock, frames: int) -> Found:
    wall, cpu = clock.read()
    return {"core": cpu / wall * 100, "frames": frames}


SIDES = {
    "publisher": in_trio(publish),
    "lktrio": in_trio(record_lktrio),
    "livekit": in_asyncio(record_livekit),
}


def measure_go(program: str, url: str, token: str, tracks: str) -> Found:
    done = subprocess.run(
        [program, url, token, tracks, str(SECONDS)], stdout=subprocess.PIPE, text=True, check=True
    )
    found: Found = json.loads(done.stdout.splitlines()[-1])
    return {"core": found["core"] * 100, "frames": found["frames"]}


def token(identity: str, pairs: int, server: tuple[str, str, str]) -> str:
    from lktrio import AccessToken, VideoGrants

    video = VideoGrants(room_join=True, room=f"bench-recording-{pairs}")
    return AccessToken(identity=identity, video=video).to_jwt(*server[1:])


def compare(pairs: int, server: tuple[str, str, str]) -> bool:
    """Tell what each recorder uses; whether a goal is missed."""
    url, tracks, go = server[0], str(2 * pairs), os.environ.get(GO, "")
    what = f"recording {pairs} pairs of Opus and VP8"
    publisher = (url, token("publisher", pairs, server), str(pairs))
    sides: dict[str, Callable[[], Found]] = {
        side: partial(
            measure, "bench_recording", side, url, token(f"recorder-{side}", pairs, server), tracks
        )
        for side in ("lktrio", "livekit")
    }
    if go:
        sides["Go"] = partial(measure_go, go, url, token("recorder-go", pairs, server), tracks)
    with background("bench_recording", "publisher", *publisher):
        found = in_turns(sides, PASSES)
    cores = {side: [one["core"] for one in values] for side, values in found.items()}
    expected = pairs * (50 + 25) * SECONDS
    assert all(one["frames"] > 0.9 * expected for one in found["lktrio"]), found["lktrio"]
    unit = "% of a core"
    missed = judge("media", what, unit, cores["lktrio"], "livekit", cores["livekit"], at_most=LIMIT)
    if not go:
        skip("media", f"{what}, beside the Go SDK", f"{GO} names no program")
        return missed
    return missed | judge(
        "media", what, unit, cores["lktrio"], "Go SDK", cores["Go"], at_most=GO_LIMIT
    )


def main() -> int:
    if len(sys.argv) > 1:
        answer(SIDES)
    with running_server() as server:
        missed = [compare(pairs, server) for pairs in PAIRS]
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())

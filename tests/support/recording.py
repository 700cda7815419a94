"""Media for tests of rooms, and consumers that note what they receive."""

from __future__ import annotations

import functools
import io
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, TypeVar

import pytest
import trio

from lktrio import media
from lktrio.events import TrackSubscribed
from lktrio.media import Codec, EncodedFrame, samples
from lktrio.room import MediaChannel, RemoteTrack, Room
from tests.support.servers import PATIENCE, expect

T = TypeVar("T")

QUICK = 0.004
"""Seconds between frames: the server does not care how fast time goes by in the media."""


async def sample(codec: Codec, *, interval: float = QUICK) -> list[EncodedFrame]:
    """Frames of a codec, different from each other, at intervals of so many seconds."""
    source: Any = samples.AUDIO if codec is media.OPUS else samples.VIDEO
    if codec is media.H264:
        source = io.BytesIO(_encode_h264())
    async with media.open_reader(source) as reader:
        frames = [frame async for frame in reader]
    if codec is media.OPUS:  # packets may repeat themselves; nobody looks behind the first bytes
        frames = [replace(f, data=f.data + n.to_bytes(2, "big")) for n, f in enumerate(frames)]
    return [
        replace(frame, timestamp=number * interval, duration=0.0)
        for number, frame in enumerate(frames)
    ]


@functools.cache
def _encode_h264() -> bytes:
    """Noise, so that frames are large: 60 of them, every 20th a keyframe."""
    av = pytest.importorskip("av", reason="PyAV makes the H.264 sample")
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 160, 96, "yuv420p"
    context.framerate, context.gop_size, context.max_b_frames = 30, 20, 0
    context.time_base = Fraction(1, 30)
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
    out = b""
    noise = random.Random(1)
    for number in range(60):
        frame = av.VideoFrame(160, 96, "yuv420p")
        for plane in frame.planes:
            plane.update(noise.randbytes(plane.line_size * plane.height))
        frame.pts = number
        out += b"".join(bytes(packet) for packet in context.encode(frame))
    return out + b"".join(bytes(packet) for packet in context.encode(None))


@dataclass
class Recorder:
    """Notes the frames of one channel."""

    channel: MediaChannel[EncodedFrame]
    frames: list[EncodedFrame] = field(default_factory=list)
    done: trio.Event = field(default_factory=trio.Event)
    """Set when the channel has ended."""

    async def run(self) -> None:
        async for frame in self.channel:
            self.frames.append(frame)
        self.done.set()


@asynccontextmanager
async def recording(room: Room, kind: str) -> AsyncGenerator[list[Recorder], None]:
    """Record every track of a kind that is subscribed to within the block."""
    recorders: list[Recorder] = []
    events = room.events(TrackSubscribed)

    async def watch() -> None:
        async for event in events:
            if event.track.kind == kind:
                recorders.append(Recorder(event.track.frames()))
                nursery.start_soon(recorders[-1].run)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch)
        yield recorders
        nursery.cancel_scope.cancel()


async def subscribed_track(room: Room) -> RemoteTrack:
    """The next track that a room receives."""
    return (await expect(room.events(TrackSubscribed), TrackSubscribed)).track


def run_of(received: Sequence[EncodedFrame], sent: Sequence[EncodedFrame]) -> range:
    """Which of the frames that were sent were received: without a gap, in order, unchanged.

    A server adds frames of its own behind the last one when a track ends.
    """
    numbers = {frame.data: number for number, frame in enumerate(sent)}
    assert len(numbers) == len(sent), "the sample repeats itself"
    found = [numbers[frame.data] for frame in received if frame.data in numbers]
    assert found, "nothing was received"
    assert found == list(range(found[0], found[0] + len(found)))
    strange = [n for n, frame in enumerate(received) if frame.data not in numbers]
    assert all(n >= len(found) for n in strange), "a frame was changed"
    return range(found[0], found[-1] + 1)


async def drained(channel: MediaChannel[T]) -> list[T]:
    """Everything until the channel ends."""
    return [item async for item in channel]


async def wait_for(event: trio.Event) -> None:
    with trio.fail_after(PATIENCE):
        await event.wait()

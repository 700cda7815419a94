"""A participant of ours that notes everything and publishes endlessly."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

import trio

from lktrio.events import DataReceived, RoomEvent, TrackSubscribed
from lktrio.media import VP8, Codec, EncodedFrame, open_reader, samples
from lktrio.media.av import OpusDecoder, OpusEncoder, VideoDecoder
from lktrio.room import LocalTrack, RemoteTrack, Room, RoomOptions, open_room
from tests.interop.support.signals import contrast, frequency, loudness, tone

__all__ = [
    "Participant",
    "Pictures",
    "Sound",
    "listen",
    "open_participant",
    "picture_frames",
    "send_endlessly",
    "tone_frames",
    "watch",
]

E = TypeVar("E")


class Participant:
    """A room that we are in, the events in it, and the frames of each subscribed track."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.events: list[RoomEvent] = []
        self.tracks: dict[str, RemoteTrack] = {}
        self.frames: dict[str, list[EncodedFrame]] = {}
        """By the name of the track."""
        self._changed = trio.lowlevel.ParkingLot()

    async def collect(self, task_status: trio.TaskStatus[None]) -> None:
        async with trio.open_nursery() as nursery:
            events = self.room.events()
            for other in self.room.remote_participants.values():
                for publication in other.track_publications.values():
                    self._take(publication.track, nursery)
            task_status.started()
            async for event in events:
                self.events.append(event)
                if isinstance(event, TrackSubscribed):
                    self._take(event.track, nursery)
                self._changed.unpark_all()

    def _take(self, track: RemoteTrack | None, nursery: trio.Nursery) -> None:
        if track is not None:
            self.tracks[track.publication.name] = track
            nursery.start_soon(self._collect_frames, track)

    async def _collect_frames(self, track: RemoteTrack) -> None:
        frames = self.frames.setdefault(track.publication.name, [])
        async for frame in track.frames():
            frames.append(frame)
            self._changed.unpark_all()

    async def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until something has become true."""
        while not condition():
            try:
                await self._changed.park()
            except trio.Cancelled:
                counts = {name: len(frames) for name, frames in self.frames.items()}
                print(f"our participant has {counts} frames, {self.events[-20:]}")
                raise

    async def wait_event(
        self, kind: type[E], condition: Callable[[E], bool] = lambda event: True
    ) -> E:
        """The first event of a kind, past or to come, that fits."""
        await self.wait(lambda: any(condition(event) for event in self.seen(kind)))
        return next(event for event in self.seen(kind) if condition(event))

    async def wait_frames(self, name: str, count: int) -> list[EncodedFrame]:
        """The frames of a track, once there are so many."""
        await self.wait(lambda: len(self.frames.get(name, ())) >= count)
        return self.frames[name]

    async def wait_pictures(self, name: str, condition: Callable[[Pictures], bool]) -> Pictures:
        """The pictures of a track, once they are as wanted."""
        count = 15
        while True:
            frames = (await self.wait_frames(name, count))[:]
            pictures = await watch(frames, self.tracks[name].codec or VP8)
            if condition(pictures):
                return pictures
            count += 15

    async def wait_sound(self, name: str, condition: Callable[[Sound], bool]) -> Sound:
        """The latest second of sound of a track, once it is as wanted."""
        count = 50
        while True:
            sound = listen((await self.wait_frames(name, count))[-50:])
            if condition(sound):
                return sound
            count += 25

    def seen(self, kind: type[E]) -> list[E]:
        """The events of a kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def data(self, topic: str) -> list[bytes]:
        """The data that came with a topic."""
        return [event.data for event in self.seen(DataReceived) if event.topic == topic]


@asynccontextmanager
async def open_participant(
    url: str, token: str, **options: Any
) -> AsyncGenerator[Participant, None]:
    """Join for the time of the block."""
    async with open_room(url, token, RoomOptions(**options)) as room:
        participant = Participant(room)
        async with trio.open_nursery() as nursery:
            await nursery.start(participant.collect)
            yield participant
            nursery.cancel_scope.cancel()


def tone_frames(hertz: float, seconds: float) -> list[EncodedFrame]:
    """A tone in Opus; a whole number of periods, so that it can be repeated."""
    return OpusEncoder().encode(tone(hertz, 48_000, 0, round(48_000 * seconds)))


async def picture_frames() -> list[EncodedFrame]:
    """The sample video: VP8, 320x180."""
    async with open_reader(samples.VIDEO) as reader:
        return [frame async for frame in reader]


def repeated(frames: Sequence[EncodedFrame]) -> Iterator[EncodedFrame]:
    """The frames again and again, with timestamps that go on."""
    step = frames[1].timestamp - frames[0].timestamp
    length = frames[-1].timestamp - frames[0].timestamp + step
    start = 0.0
    while True:
        for frame in frames:
            yield replace(frame, timestamp=start + frame.timestamp)
        start += length


async def send_endlessly(track: LocalTrack, frames: Sequence[EncodedFrame]) -> None:
    """Publish frames again and again, and from the start whenever a keyframe is asked for."""
    endless = repeated(frames)
    asked, end = track.keyframes_requested, 0.0
    while True:
        frame = next(endless)
        if track.keyframes_requested > asked and not frame.keyframe:
            asked = track.keyframes_requested
            shift = end
            endless = (replace(f, timestamp=shift + f.timestamp) for f in repeated(frames))
            frame = next(endless)
        end = frame.timestamp + (frames[1].timestamp - frames[0].timestamp)
        await track.send(frame)


class Sound:
    """What Opus frames sound like."""

    def __init__(self, frames: Sequence[EncodedFrame]) -> None:
        decoder = OpusDecoder()
        pcm = b"".join(decoder.decode(frame) for frame in frames)
        self.seconds = len(pcm) / 2 / 48_000
        self.frequency = frequency(pcm, 48_000)
        self.loudness = loudness(pcm)

    def __repr__(self) -> str:
        return f"<Sound {self.seconds:.2f} s, {self.frequency:.0f} Hz, {self.loudness:.0f}>"


def listen(frames: Sequence[EncodedFrame]) -> Sound:
    """Decode Opus."""
    return Sound(frames)


class Pictures:
    """What video frames look like."""

    def __init__(self) -> None:
        self.count = 0
        self.sizes: list[tuple[int, int]] = []
        self.rows: list[bytes] = []

    @property
    def contrast(self) -> int:
        """Of the last picture."""
        return contrast(self.rows[-1]) if self.rows else 0

    @property
    def different(self) -> int:
        """How many pictures differ."""
        return len(set(self.rows))

    def __repr__(self) -> str:
        return f"<Pictures {self.count} {sorted(set(self.sizes))} {self.different} different>"


async def watch(frames: Sequence[EncodedFrame], codec: Codec = VP8) -> Pictures:
    """Decode video."""
    pictures, decoder = Pictures(), VideoDecoder(codec)
    for frame in frames:
        for picture in await decoder.decode(frame):
            luma = picture.planes[0]
            start = picture.height // 2 * luma.line_size
            pictures.count += 1
            pictures.sizes.append((picture.width, picture.height))
            pictures.rows.append(bytes(luma)[start : start + picture.width])
    return pictures

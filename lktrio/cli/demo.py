"""``lktrio demo``: the main job from end to end, on this machine.

Starts the embedded server, lets one participant publish an audio and a video file and a data
message, lets another record all of it, and compares what was recorded with what was published,
frame by frame. Everything passes the real protocol stack and the sockets of the loopback interface.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio

from lktrio import media
from lktrio.cli.progress import Progress, open_progress
from lktrio.devserver import DevServer, open_dev_server
from lktrio.errors import MediaError
from lktrio.events import DataReceived, TrackSubscribed
from lktrio.media import EncodedFrame, samples
from lktrio.room import RemoteTrack, Room, Subscription, open_room

__all__ = ["Demo", "Recording", "configure", "difference", "run"]

_MESSAGE = b"The recorder should write this down."
_TOPIC = "demo"
_ROOM = "demo"
_PATIENCE = 10.0  # seconds without a frame, or without a subscription, after which to give up


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--audio", type=Path, default=samples.AUDIO, help="an Ogg Opus file")
    parser.add_argument(
        "--video", type=Path, default=samples.VIDEO, help="an IVF (VP8) or H.264 Annex B file"
    )
    parser.add_argument("--output", type=Path, help="where to record (default: a new folder)")


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 if everything that was published was recorded unchanged."""
    with open_progress() as progress:
        demo = Demo(arguments.audio, arguments.video, arguments.output, progress)
        return trio.run(demo.run)


@dataclass
class Recording:
    """One track on its way from a file through the network into another file."""

    name: str
    """``"audio"`` or ``"video"``."""
    source: Path
    """What is published."""
    target: Path
    """What is recorded."""
    expected: list[EncodedFrame]
    """The frames of ``source``."""
    frames: int = 0
    """Frames recorded so far."""
    dropped: int = 0
    """Frames that came faster than they could be written."""
    started_at: float = 0.0
    """When publishing began, on trio's clock."""
    first_frame_at: float = 0.0
    """When the first frame was recorded."""
    difference: str = "nothing was recorded"
    """How the recording differs from its source; empty if it does not."""
    ready: trio.Event = field(default_factory=trio.Event)
    """Set when the recorder receives the track, so that it misses nothing."""
    done: trio.Event = field(default_factory=trio.Event)
    """Set when everything was recorded, or nothing came for too long."""


class Demo:
    """One run.

    Args:
        audio: File to publish as a microphone.
        video: File to publish as a camera.
        output: Folder for the recordings; None for a new one.
        progress: Where to show what happens.
    """

    def __init__(self, audio: Path, video: Path, output: Path | None, progress: Progress) -> None:
        self._sources = {"audio": audio, "video": video}
        self._output = output
        self._progress = progress
        self._recordings: dict[str, Recording] = {}
        self._joined: dict[str, float] = {}
        self._message: bytes | None = None

    async def run(self) -> int:
        """Run and return the exit code."""
        folder = self._output or Path(tempfile.mkdtemp(prefix="lktrio-demo-"))
        await trio.Path(folder).mkdir(parents=True, exist_ok=True)
        for name, source in self._sources.items():
            self._recordings[name] = await _prepare(name, source, folder)
        async with open_dev_server() as server:
            self._progress.line(f"the embedded server listens at {server.url}")
            await self._call(server)
        for recording in self._recordings.values():
            recording.difference = await difference(recording)
        return self._report()

    async def _call(self, server: DevServer) -> None:
        async with self._join(server, "recorder") as room:
            events = room.events(TrackSubscribed, DataReceived)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._record, events)
                await self._publish(server)
                nursery.cancel_scope.cancel()

    @asynccontextmanager
    async def _join(self, server: DevServer, identity: str) -> AsyncGenerator[Room, None]:
        begun = trio.current_time()
        async with open_room(server.url, server.token(identity, _ROOM)) as room:
            self._joined[identity] = trio.current_time() - begun
            self._progress.line(f"the {identity} joined in {_milliseconds(self._joined[identity])}")
            yield room

    # Publishing

    async def _publish(self, server: DevServer) -> None:
        async with self._join(server, "publisher") as room:
            await room.local_participant.publish_data(_MESSAGE, topic=_TOPIC)
            async with trio.open_nursery() as nursery:
                for recording in self._recordings.values():
                    nursery.start_soon(self._publish_file, room, recording)

    async def _publish_file(self, room: Room, recording: Recording) -> None:
        async with (
            media.open_reader(recording.source) as reader,
            room.local_participant.publish(reader.codec, name=recording.name) as track,
        ):
            with trio.fail_after(_PATIENCE):
                await recording.ready.wait()
            recording.started_at = trio.current_time()
            async for frame in reader:
                await track.send(frame)
            await recording.done.wait()

    # Recording

    async def _record(self, events: Subscription[TrackSubscribed | DataReceived]) -> None:
        async with trio.open_nursery() as nursery:
            async for event in events:
                if isinstance(event, TrackSubscribed):
                    recording = self._recordings[event.publication.name]
                    nursery.start_soon(self._record_track, event.track, recording)
                elif event.topic == _TOPIC:
                    self._message = event.data
                    self._progress.line(f"the recorder received {event.data.decode()!r}")

    async def _record_track(self, track: RemoteTrack, recording: Recording) -> None:
        assert track.codec is not None  # the server forwards what was published
        frames = track.frames()
        bar = self._progress.bar(recording.name, len(recording.expected))
        recording.ready.set()
        async with media.open_writer(recording.target, track.codec) as out:
            while recording.frames < len(recording.expected):
                with trio.move_on_after(_PATIENCE) as patience:
                    frame = await frames.receive()
                if patience.cancelled_caught:
                    break
                recording.first_frame_at = recording.first_frame_at or trio.current_time()
                await out.send(frame)
                recording.frames += 1
                bar.advance()
        recording.dropped = frames.dropped
        recording.done.set()

    # Results

    def _report(self) -> int:
        show = self._progress.line
        for recording in self._recordings.values():
            lost = len(recording.expected) - recording.frames
            first = recording.first_frame_at - recording.started_at
            show(
                f"{recording.name}: {recording.frames} of {len(recording.expected)} frames, "
                f"{lost} lost, the first after {_milliseconds(max(first, 0.0))}, "
                f"{recording.difference or 'identical to what was published'}"
            )
            show(f"  {recording.target}")
        if self._message != _MESSAGE:
            show("data: the message did not arrive")
        failed = self._message != _MESSAGE or any(r.difference for r in self._recordings.values())
        show("FAILED" if failed else "everything arrived unchanged")
        return 1 if failed else 0


async def difference(recording: Recording) -> str:
    """Compare a recording with its source, frame by frame; empty if they are equal."""
    try:
        recorded = await _read(recording.target)
    except MediaError as error:
        return f"the recording cannot be read: {error}"
    pairs = zip(recorded, recording.expected, strict=False)
    for number, (ours, theirs) in enumerate(pairs):
        if ours.data != theirs.data:
            return f"frame {number} differs from what was published"
    if len(recorded) != len(recording.expected):
        return f"{len(recorded)} frames were recorded, {len(recording.expected)} published"
    return ""


async def _prepare(name: str, source: Path, folder: Path) -> Recording:
    expected = await _read(source)
    if not expected:
        raise MediaError(f"{source} holds no frames to publish")
    return Recording(name, source, folder / f"{name}{source.suffix}", expected)


async def _read(path: Path) -> list[EncodedFrame]:
    async with media.open_reader(path) as reader:
        return [frame async for frame in reader]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"

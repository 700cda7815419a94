"""``lktrio demo``: the main job from end to end, on this machine.

Starts the embedded server, lets one participant publish an audio and a video file and a data
message, lets another record all of it, and compares what was recorded with what was published,
frame by frame. Everything passes the real protocol stack and the sockets of the loopback interface.
"""

from __future__ import annotations

import argparse
import math
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio

from lktrio import events, media
from lktrio.cli.arguments import CommandFailed, add_json
from lktrio.cli.output import Output
from lktrio.cli.progress import Progress, open_progress
from lktrio.cli.running import run_trio
from lktrio.devserver import DevServer, open_dev_server
from lktrio.errors import MediaError
from lktrio.media import EncodedFrame, samples
from lktrio.room import RemoteTrack, Room, open_room

__all__ = ["Demo", "Recording", "configure", "difference", "run"]

_MESSAGE = b"The recorder should write this down."
_TOPIC = "demo"
_ROOM = "demo"
_PATIENCE = 10.0  # seconds without a frame, or without a subscription, after which to give up
_TIMING = 0.001  # seconds by which frames may be placed differently in a recording
_SUFFIXES = {"opus": ".ogg", "VP8": ".ivf", "H264": ".h264"}
_UNTIMED = ("H264",)  # stored without timestamps


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--audio", type=Path, default=samples.AUDIO, metavar="FILE", help="an Ogg Opus file"
    )
    parser.add_argument(
        "--video",
        type=Path,
        default=samples.VIDEO,
        metavar="FILE",
        help="an IVF (VP8) or H.264 Annex B file",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="where to record (default: a new folder)"
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the demo; 0 if everything that was published was recorded unchanged."""
    with open_progress(silent=arguments.json) as progress:
        demo = Demo(arguments.audio, arguments.video, arguments.output, progress)
        code = run_trio(demo.run)
    if arguments.json:
        Output(as_json=True).value(demo.results())
    return code


@dataclass
class Recording:
    """One track on its way from a file through the network into another file."""

    kind: str
    """``"audio"`` or ``"video"``."""
    source: Path
    """What is published."""
    codec: media.Codec
    """What it is encoded with."""
    target: Path
    """What is recorded."""
    expected: list[EncodedFrame]
    """The frames of ``source``."""
    frames: int = 0
    """Frames recorded so far."""
    dropped: int = 0
    """Frames that came faster than they could be written."""
    started_at: float = math.nan
    """When publishing began, on trio's clock."""
    first_frame_at: float = math.nan
    """When the first frame was recorded."""
    difference: str = "nothing was recorded"
    """How the recording differs from its source; empty if it does not."""
    ready: trio.Event = field(default_factory=trio.Event)
    """Set when the recorder receives the track, so that it misses nothing."""
    done: trio.Event = field(default_factory=trio.Event)
    """Set when everything was recorded, or nothing came for too long."""

    @property
    def lost(self) -> int:
        """Frames that were published and not recorded."""
        return len(self.expected) - self.frames

    @property
    def latency(self) -> float:
        """Seconds from sending the first frame to recording it."""
        return self.first_frame_at - self.started_at


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
        self._message_arrived = trio.Event()
        self._message_file = Path()

    async def run(self) -> int:
        """Run and return the exit code."""
        for kind, source in self._sources.items():
            self._recordings[kind] = await _prepare(kind, source)
        folder = self._output or Path(tempfile.mkdtemp(prefix="lktrio-demo-"))
        await trio.Path(folder).mkdir(parents=True, exist_ok=True)
        try:
            await self._record_call(folder)
        except BaseException:
            if self._output is None:  # half a recording is of no use to anybody
                shutil.rmtree(folder, ignore_errors=True)
            raise
        return self._report()

    async def _record_call(self, folder: Path) -> None:
        for recording in self._recordings.values():
            recording.target = folder / f"{recording.kind}{_SUFFIXES[recording.codec.name]}"
        self._message_file = folder / "message.txt"
        async with open_dev_server() as server:
            self._progress.line(f"the embedded server listens at {server.url}")
            await self._call(server)
        for recording in self._recordings.values():
            recording.difference = await difference(recording)

    async def _call(self, server: DevServer) -> None:
        async with self._join(server, "recorder") as room:
            subscribed = room.events(events.TrackSubscribed)
            messages = room.events(events.DataReceived)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._record_tracks, subscribed)
                nursery.start_soon(self._record_messages, messages)
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
            with trio.move_on_after(_PATIENCE):
                await self._message_arrived.wait()

    async def _publish_file(self, room: Room, recording: Recording) -> None:
        async with room.local_participant.publish_track(
            recording.codec, name=recording.kind
        ) as track:
            with trio.move_on_after(_PATIENCE) as patience:
                await recording.ready.wait()
            if patience.cancelled_caught:
                raise CommandFailed(f"the {recording.kind} track did not reach the recorder")
            recording.started_at = trio.current_time()
            for frame in recording.expected:
                await track.send(frame)
            await recording.done.wait()

    # Recording

    async def _record_messages(
        self, messages: trio.abc.ReceiveChannel[events.DataReceived]
    ) -> None:
        async for event in messages:
            self._message = event.data
            path = trio.Path(self._message_file)
            await path.touch(mode=0o600)  # as recordings are
            await path.write_bytes(event.data)
            self._progress.line(f"the recorder received {len(event.data)} bytes of data")
            self._message_arrived.set()

    async def _record_tracks(
        self, subscribed: trio.abc.ReceiveChannel[events.TrackSubscribed]
    ) -> None:
        async with trio.open_nursery() as nursery:
            async for event in subscribed:
                recording = self._recordings[event.publication.name]
                nursery.start_soon(self._record_track, event.track, recording)

    async def _record_track(self, track: RemoteTrack, recording: Recording) -> None:
        frames = track.frames()
        bar = self._progress.bar(recording.kind, len(recording.expected))
        async with media.open_writer(recording.target, recording.codec) as out:
            recording.ready.set()
            while recording.frames < len(recording.expected):
                frame = None
                with trio.move_on_after(_PATIENCE):
                    frame = await frames.receive()
                if frame is None:
                    break
                if not recording.frames:
                    recording.first_frame_at = trio.current_time()
                await out.send(frame)
                recording.frames += 1
                bar.advance()
        recording.dropped = frames.dropped
        recording.done.set()

    # Results

    @property
    def _failed(self) -> bool:
        differences = (recording.difference for recording in self._recordings.values())
        return self._message != _MESSAGE or any(differences)

    def _report(self) -> int:
        show = self._progress.line
        for recording in self._recordings.values():
            total = len(recording.expected)
            show(
                f"{recording.kind}: {recording.frames} of {total} frames ({recording.codec.name}), "
                f"{recording.lost} lost ({recording.lost / total:.1%}), "
                f"the first after {_milliseconds(recording.latency)}; "
                f"{recording.difference or 'identical to what was published'}"
            )
            show(f"  {recording.target}")
        arrived = self._message == _MESSAGE
        show(f"data: the message {'is identical' if arrived else 'did not arrive'}")
        if arrived:
            show(f"  {self._message_file}")
        show("FAILED" if self._failed else "everything arrived unchanged")
        return 1 if self._failed else 0

    def results(self) -> dict[str, object]:
        """What was measured, for scripts; times are in seconds."""
        return {
            "ok": not self._failed,
            "joined": self._joined,
            "data": {"arrived": self._message == _MESSAGE, "file": str(self._message_file)},
            "tracks": [
                {
                    "kind": recording.kind,
                    "codec": recording.codec.mime,
                    "source": str(recording.source),
                    "file": str(recording.target),
                    "published": len(recording.expected),
                    "recorded": recording.frames,
                    "lost": recording.lost,
                    "dropped": recording.dropped,
                    "firstFrame": None if math.isnan(recording.latency) else recording.latency,
                    "difference": recording.difference or None,
                }
                for recording in self._recordings.values()
            ],
        }


async def difference(recording: Recording) -> str:
    """Compare a recording with its source, frame by frame; empty if they are equal."""
    try:
        _, recorded = await _read(recording.target)
    except MediaError as error:
        await trio.lowlevel.checkpoint()
        return f"the recording cannot be read: {error}"
    timed = recording.codec.name not in _UNTIMED
    for number, (ours, theirs) in enumerate(zip(recorded, recording.expected, strict=False)):
        if ours.data != theirs.data:
            return f"frame {number} differs from what was published"
        shift = (ours.timestamp - recorded[0].timestamp) - (
            theirs.timestamp - recording.expected[0].timestamp
        )
        if timed and abs(shift) > _TIMING:
            return f"frame {number} is {_milliseconds(shift)} from its place"
    if len(recorded) != len(recording.expected):
        return f"{len(recorded)} frames were recorded, {len(recording.expected)} published"
    return ""


async def _prepare(kind: str, source: Path) -> Recording:
    codec, expected = await _read(source)
    if codec.kind != kind or codec.name not in _SUFFIXES:
        raise MediaError(f"{source} holds {codec.name}, which cannot be published as {kind}")
    if not expected:
        raise MediaError(f"{source} holds no frames to publish")
    return Recording(kind, source, codec, Path(), expected)


async def _read(path: Path) -> tuple[media.Codec, list[EncodedFrame]]:
    async with media.open_reader(path) as reader:
        return reader.codec, [frame async for frame in reader]


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"

"""Files of encoded media as channels to send frames to; the codec decides the format.

Opus goes to Ogg, VP8 to IVF, H.264 to an Annex B stream, G.711 to WAV.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import PurePath

import trio

from lktrio._running import require_trio
from lktrio.errors import ContainerError, MediaError
from lktrio.media.annexb import AnnexBMuxer
from lktrio.media.codec import H264, OPUS, PCMA, PCMU, VP8, Codec
from lktrio.media.container import Muxer, check_times
from lktrio.media.files import CLOSE_TIMEOUT, ByteSink, Sink, open_sink
from lktrio.media.frame import EncodedFrame
from lktrio.media.ivf import IvfMuxer
from lktrio.media.ogg_opus import DEFAULT_PRE_SKIP, OggOpusMuxer
from lktrio.media.recording import FramePlacer, Recording
from lktrio.media.wav import WavMuxer

__all__ = ["MediaWriter", "open_writer"]

_WRITE_SIZE = 32 * 1024  # bytes collected before they are handed on to be written
_WRITE_INTERVAL = 1.0  # seconds after which what there is is handed on

_SUFFIXES = {  # by media type: the usual one first
    OPUS.mime: (".ogg", ".opus", ".oga"),
    VP8.mime: (".ivf",),
    H264.mime: (".h264", ".264", ".avc", ".annexb"),
    PCMU.mime: (".wav",),
    PCMA.mime: (".wav",),
}
_OTHER_CONTAINERS = frozenset(
    (
        ".aac",
        ".avi",
        ".flac",
        ".m4a",
        ".mka",
        ".mkv",
        ".mov",
        ".mp3",
        ".mp4",
        ".ts",
        ".webm",
    )
)


class _Drain:
    """A muxer and the sink that takes its bytes."""

    def __init__(self, muxer: Muxer, sink: ByteSink) -> None:
        self.muxer = muxer
        self.busy = False  # a write is under way
        self.broken = False  # a write failed, so there is no sense in another
        self.closed = False
        self._sink = sink
        self._pending = bytearray()
        self._time = trio.current_time()  # of the last write

    def add(self, frame: EncodedFrame) -> bool:
        """Take a frame; returns whether enough has come together, or for long enough."""
        self._pending += self.muxer.add(frame)
        late = trio.current_time() - self._time >= _WRITE_INTERVAL
        return len(self._pending) >= _WRITE_SIZE or (late and bool(self._pending))

    async def write(self) -> None:
        """Write what has come together."""
        data, self._pending = bytes(self._pending), bytearray()
        self._time = trio.current_time()
        self.busy = True
        try:
            await self._sink.write(data)
        except trio.Cancelled:
            self.broken = self._sink.breakable
            raise
        except BaseException:
            self.broken = True
            raise
        finally:
            self.busy = False
            if self.closed and self.broken:  # in the meantime
                self._sink.abandon()
        if self.closed:
            await self._end()

    async def close(self) -> None:
        """End the file and close it, even when cancelled."""
        if self.closed or self.busy:
            self.closed = True
            await trio.lowlevel.checkpoint()
        else:
            self.closed = True
            await self._end()

    async def _end(self) -> None:
        if self.broken:
            self._sink.abandon()
            await trio.lowlevel.checkpoint()
            return
        end = bytes(self._pending) + self.muxer.finish()
        self._pending.clear()
        await self._sink.end(end, self.muxer.patch())


class MediaWriter(trio.abc.SendChannel[EncodedFrame]):
    """Stores frames in a file.

    Made by `open_writer`.
    """

    def __init__(self, drain: _Drain, codec: Codec, placer: FramePlacer) -> None:
        self.codec = codec
        """The codec of the frames."""
        self.begins_at: float | None = None
        """Time in the file of the first frame in it, in seconds; None before that.

        H.264 streams have no times, so whoever plays one beside other files of a recording must
        begin it so much later.
        """
        self._drain = drain
        self._placer = placer
        self._overlapping = 0

    @property
    def written(self) -> int:
        """Frames in the file so far."""
        return self._drain.muxer.written

    @property
    def skipped(self) -> int:
        """Frames left out: before the first key frame, or where sound was already."""
        return self._drain.muxer.skipped + self._overlapping

    async def send(self, value: EncodedFrame) -> None:
        """Store a frame.

        Frames are placed by their timestamps; see `open_writer`. A cancelled call has stored
        the frame whole or not at all, except that a trio stream it was writing to is then
        broken, as every stream is.

        Raises:
            LocalProtocolError: The frame is not one of the codec; it was left out.
            ValueError: Its time or duration is impossible; it was left out.
            TypeError: It is no frame.
            trio.ClosedResourceError: The writer was closed.
            trio.BrokenResourceError: An earlier write failed or was cancelled half-way.
            trio.BusyResourceError: Another task is in this method.
            MediaError: What was sent before could not be written, such as on a full disk. What is
                in the file by then can be read.
        """
        drain = self._drain
        if drain.closed:
            raise trio.ClosedResourceError
        if drain.busy:
            raise trio.BusyResourceError("another task is writing to this file")
        if drain.broken:
            raise trio.BrokenResourceError("an earlier write to this file failed")
        # Callers may be untyped.
        if not isinstance(value, EncodedFrame):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"a media.EncodedFrame is needed, not {type(value).__name__}")
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._add(value):
            await drain.write()
        else:
            await trio.lowlevel.cancel_shielded_checkpoint()

    def _add(self, frame: EncodedFrame) -> bool:
        """Put a frame in its place; returns whether there is something to be written."""
        check_times(frame)
        now, muxer = trio.current_time(), self._drain.muxer
        placement = self._placer.place(frame, now, time.time())
        enough = False
        if placement.overlaps:
            self._overlapping += 1
        else:
            enough = self._drain.add(replace(frame, timestamp=placement.time))
        self._placer.commit(frame, placement, now)
        if self.begins_at is None and muxer.written and muxer.start is not None:
            self.begins_at = max(0.0, placement.time - muxer.start)
        return enough

    async def aclose(self) -> None:
        """End the file properly and close it, even when cancelled.

        A caller that is cancelled waits two seconds for it at most; a file is ended in the
        background then, a trio stream is not.

        Raises:
            MediaError: The end could not be written. The file is closed anyway.
        """
        await self._drain.close()


@asynccontextmanager
async def open_writer(
    target: Sink,
    codec: Codec,
    *,
    start: float | None = None,
    recording: Recording | None = None,
    channels: int = 2,
    pre_skip: int = DEFAULT_PRE_SKIP,
) -> AsyncGenerator[MediaWriter]:
    """Open a file to store encoded media in: Ogg, IVF, Annex B or WAV, by the codec.

    ::

        async with media.open_writer("talk.ogg", track.codec) as out:
            async for frame in track.frames():
                await out.send(frame)

    Timestamps in the file count from ``start``. Gaps between frames are kept, in Ogg by packets
    that ask the player to conceal them, in WAV by silence; H.264 streams have no timestamps.
    Timestamps that begin again or jump continue, so one file can take several sources, one behind
    the other (`Timeline`). Video begins with the first key frame.

    A file is written in the background: ``send`` waits only while more than 8 MiB are to be
    written. What was sent is on its way to the disk a second later, so that little of a file is
    lost if the program dies. Leaving the block ends and closes the file, also when it is left by
    an exception or by cancellation; a cancelled block waits for that two seconds at most.

    Args:
        target: A path, whose file is created, for its owner alone, or emptied; or a binary file
            object or trio stream, which stays open. An IVF file says how long it is only if
            it is seekable.
        codec: The codec of the frames, which decides the format of the file.
        start: The timestamp that becomes 0 in the file, by default that of the first frame.
        recording: What several files have in common, so that they play in step: frames are placed
            by the time at which they were captured, and no ``start`` is needed.
        channels: For Opus, channels that players are told to decode to, 1 or 2.
        pre_skip: For Opus, samples at 48 kHz that players leave out at the beginning.

    Raises:
        ContainerError: The name of the file asks for a format that cannot be written.
        MediaError: The file cannot be created or written.
    """
    require_trio("media.open_writer()")
    if recording is not None and start is not None:
        raise ValueError("a file has a start of its own, or belongs to a recording")
    muxer = _make_muxer(codec, start if recording is None else 0.0, channels, pre_skip)
    if isinstance(target, (str, os.PathLike)):
        _check_suffix(os.fspath(target), codec)
    drain = _Drain(muxer, await open_sink(target))
    try:
        yield MediaWriter(drain, codec, FramePlacer(codec.kind, recording))
    except BaseException:
        with trio.move_on_after(CLOSE_TIMEOUT, shield=True):
            await drain.close()
        raise
    await drain.close()


def _make_muxer(codec: Codec, start: float | None, channels: int, pre_skip: int) -> Muxer:
    # Callers may be untyped.
    if not isinstance(codec, Codec):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a codec such as media.OPUS is needed, not {codec!r}")
    if codec.same_as(OPUS):
        return OggOpusMuxer(start, channels=channels, pre_skip=pre_skip)
    if codec.same_as(VP8):
        return IvfMuxer(start)
    if codec.same_as(H264):
        return AnnexBMuxer(start)
    if codec.same_as(PCMU) or codec.same_as(PCMA):
        return WavMuxer(codec, start)
    raise MediaError(f"{codec.name} cannot be stored in a file, only Opus, VP8, H.264 and G.711")


def _check_suffix(path: str, codec: Codec) -> None:
    """Refuse a name that promises another format than the file will have."""
    suffix = PurePath(path).suffix.lower()
    right = next(names for mime, names in _SUFFIXES.items() if mime.lower() == codec.mime.lower())
    wrong = _OTHER_CONTAINERS.union(*_SUFFIXES.values()) - set(right)
    if suffix in wrong:
        raise ContainerError(f"{codec.name} cannot be written to {path}; name it {right[0]}")

"""Files of encoded media as channels of frames.

The format of a file is told by its content when reading, and by the codec when writing:
Opus goes to Ogg, VP8 to IVF, H.264 to an Annex B stream.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import PurePath

import trio

from lktrio.errors import ContainerError, MediaError
from lktrio.media.annexb import AnnexBDemuxer, AnnexBMuxer
from lktrio.media.codec import H264, OPUS, VP8, Codec
from lktrio.media.container import Demuxer, MediaInfo, Muxer
from lktrio.media.detect import SNIFF_SIZE, detect_format
from lktrio.media.files import ByteSink, ByteSource, Sink, Source, open_sink, open_source
from lktrio.media.frame import EncodedFrame
from lktrio.media.ivf import IvfDemuxer, IvfMuxer
from lktrio.media.ogg_opus import DEFAULT_PRE_SKIP, OggOpusDemuxer, OggOpusMuxer

__all__ = ["MediaReader", "MediaWriter", "open_reader", "open_writer"]

_WRITE_SIZE = 32 * 1024  # bytes collected before a thread is asked to write them

_DEMUXERS: dict[str, Callable[[str, float | None], Demuxer]] = {
    "Ogg": lambda name, frame_rate: OggOpusDemuxer(name),
    "IVF": lambda name, frame_rate: IvfDemuxer(name),
    "H.264": AnnexBDemuxer,
}
_SUFFIXES = {  # by media type: the usual one first
    OPUS.mime: (".ogg", ".opus", ".oga"),
    VP8.mime: (".ivf",),
    H264.mime: (".h264", ".264", ".avc", ".annexb"),
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
        ".wav",
        ".webm",
    )
)


class MediaReader(trio.abc.ReceiveChannel[EncodedFrame]):
    """The frames of a file, in the order in which they are stored.

    Made by `open_reader`. It ends like any channel, with `trio.EndOfChannel`.
    """

    def __init__(self, source: ByteSource, demuxer: Demuxer) -> None:
        self._source = source
        self._demuxer = demuxer
        self._failure: ContainerError | None = None
        self._at_end = False
        self._busy = False
        self._closed = False

    @property
    def info(self) -> MediaInfo:
        """What the head of the file says."""
        assert self._demuxer.info is not None, "a reader is handed out when its head was read"
        return self._demuxer.info

    @property
    def codec(self) -> Codec:
        """The codec of the frames."""
        return self.info.codec

    @property
    def width(self) -> int | None:
        """Width of the picture in pixels, where known."""
        return self.info.width

    @property
    def height(self) -> int | None:
        """Height of the picture in pixels, where known."""
        return self.info.height

    async def receive(self) -> EncodedFrame:
        """Read the next frame, as fast as the disk gives it; see `lktrio.media.pace`.

        A cancelled call loses nothing: the next one returns the same frame.

        Raises:
            trio.EndOfChannel: The file has ended.
            trio.ClosedResourceError: The reader was closed.
            trio.BusyResourceError: Another task is in this method.
            ContainerError: The file is damaged, or a frame larger than 8 MiB. Frames
                before that place were delivered.
            MediaError: The file could not be read.
        """
        if self._busy:
            raise trio.BusyResourceError("another task is reading from this file")
        self._busy = True
        try:
            if self._demuxer.frames:
                await trio.lowlevel.checkpoint()
            while not self._demuxer.frames and not self._closed:
                await self._read_more()
        finally:
            self._busy = False
        if self._closed:
            raise trio.ClosedResourceError
        return self._demuxer.frames.popleft()

    async def read_head(self, head: bytes) -> None:
        """Read on until it is known what is in the file; ``head`` was read already."""
        self._feed(head)
        while self._demuxer.info is None:
            await self._read_more()

    async def _read_more(self) -> None:
        if self._failure is not None:
            raise ContainerError(*self._failure.args)
        if self._at_end:
            raise trio.EndOfChannel
        self._feed(await self._source.read())

    def _feed(self, data: bytes) -> None:
        try:
            if data:
                self._demuxer.feed(data)
            else:
                self._at_end = True
                self._demuxer.finish()
        except ContainerError as error:  # to be raised behind the frames before it
            self._failure = error

    def close(self) -> None:
        """Close the file, unless the caller opened it; a receiver gets ClosedResourceError."""
        self._closed = True
        self._source.close()

    async def aclose(self) -> None:
        """Close as `close` does, even when cancelled."""
        self.close()
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def open_reader(
    source: Source, *, frame_rate: float | None = None
) -> AsyncGenerator[MediaReader]:
    """Open a file of encoded media: Ogg with Opus, IVF with VP8, or an H.264 stream.

    The format is told by the content, whatever the name. ::

        async with media.open_reader("talk.ogg") as source:
            async for frame in source: ...

    Args:
        source: A path, a binary file object, or a trio stream such as a process's output.
            What the caller opened stays open.
        frame_rate: Frames per second of an H.264 stream; by default what the stream says, or
            30. Other files have timestamps.

    Raises:
        ContainerError: The file is of another kind, or damaged at its head.
        MediaError: The file cannot be opened or read.
    """
    if frame_rate is not None and not 0 < frame_rate < 1e6:
        raise ValueError(f"a frame rate of {frame_rate} is not possible")
    stream = await open_source(source)
    try:
        head = b""
        while len(head) < SNIFF_SIZE and (data := await stream.read()):
            head += data
        demuxer = _DEMUXERS[detect_format(head, stream.name)](stream.name, frame_rate)
        reader = MediaReader(stream, demuxer)
        await reader.read_head(head)
        yield reader
        await reader.aclose()
    finally:
        stream.close()


class MediaWriter(trio.abc.SendChannel[EncodedFrame]):
    """Stores frames in a file.

    Made by `open_writer`.
    """

    def __init__(self, sink: ByteSink, muxer: Muxer, codec: Codec) -> None:
        self.codec = codec
        """The codec of the frames."""
        self._sink = sink
        self._muxer = muxer
        self._pending = bytearray()
        self._busy = False
        self._closed = False
        self._broken = False

    @property
    def written(self) -> int:
        """Frames in the file so far."""
        return self._muxer.written

    @property
    def skipped(self) -> int:
        """Frames left out because no key frame had come before them."""
        return self._muxer.skipped

    async def send(self, value: EncodedFrame) -> None:
        """Store a frame.

        Frames are placed by their timestamps; see `open_writer`. A cancelled call has stored
        the frame whole or not at all, except that a trio stream it was writing to is then
        broken, as every stream is.

        Raises:
            LocalProtocolError: The frame is not one of the codec; it was left out.
            trio.ClosedResourceError: The writer was closed.
            trio.BrokenResourceError: An earlier write failed or was cancelled half-way.
            trio.BusyResourceError: Another task is in this method.
            MediaError: The file could not be written, such as on a full disk.
        """
        self._check_usable()
        await trio.lowlevel.checkpoint_if_cancelled()
        self._pending += self._muxer.add(value)
        if len(self._pending) < _WRITE_SIZE:
            await trio.lowlevel.cancel_shielded_checkpoint()
        else:
            await self._write_pending()

    def _check_usable(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError
        if self._broken:
            raise trio.BrokenResourceError("an earlier write to this file failed")
        if self._busy:
            raise trio.BusyResourceError("another task is writing to this file")

    async def _write_pending(self) -> None:
        data, self._pending = bytes(self._pending), bytearray()
        self._busy = self._broken = True
        try:
            await self._sink.write(data)
            self._broken = False
        finally:
            self._busy = False
            if self._closed:  # while the thread was writing
                await self._end()

    async def aclose(self) -> None:
        """End the file properly and close it, even when cancelled.

        What is still to be written, less than 100 kB and one frame, is written without
        another thread. A trio stream is given two seconds for it when the caller is cancelled.

        Raises:
            MediaError: The end could not be written. The file is closed anyway.
        """
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        self._closed = True
        if self._busy:
            await trio.lowlevel.checkpoint()
        else:
            await self._end()

    async def _end(self) -> None:
        if self._broken:
            self._sink.abandon()
            await trio.lowlevel.checkpoint()
            return
        end = bytes(self._pending) + self._muxer.finish()
        self._pending.clear()
        await self._sink.end(end, self._muxer.patch())


@asynccontextmanager
async def open_writer(
    target: Sink,
    codec: Codec,
    *,
    start: float | None = None,
    channels: int = 2,
    pre_skip: int = DEFAULT_PRE_SKIP,
) -> AsyncGenerator[MediaWriter]:
    """Open a file to store encoded media in: Opus in Ogg, VP8 in IVF, H.264 in Annex B form.

    ::

        async with media.open_writer("talk.ogg", track.codec) as out:
            async for frame in track.frames():
                await out.send(frame)

    Timestamps in the file count from ``start``. Gaps between frames are kept, in Ogg by packets
    that ask the player to conceal them; an H.264 stream has no timestamps at all. Video begins
    with the first key frame. Leaving the block ends and closes the file, also when it is left
    by an exception or by cancellation.

    Args:
        target: A path, whose file is created or emptied; or a binary file object or trio
            stream, which stays open. An IVF file says how many frames it holds only if
            it is seekable.
        codec: The codec of the frames, which decides the format of the file.
        start: The timestamp that becomes 0 in the file, by default that of the first frame.
            Files with the same start play in step.
        channels: For Opus, channels that players are told to decode to, 1 or 2.
        pre_skip: For Opus, samples at 48 kHz that players leave out at the beginning.

    Raises:
        ContainerError: The name of the file asks for a format that cannot be written.
        MediaError: The file cannot be created or written.
    """
    muxer = _make_muxer(codec, start, channels, pre_skip)
    if isinstance(target, (str, os.PathLike)):
        _check_suffix(os.fspath(target), codec)
    sink = await open_sink(target)
    writer = MediaWriter(sink, muxer, codec)
    try:
        yield writer
    finally:
        await writer.aclose()


def _make_muxer(codec: Codec, start: float | None, channels: int, pre_skip: int) -> Muxer:
    if codec.same_as(OPUS):
        return OggOpusMuxer(start, channels=channels, pre_skip=pre_skip)
    if codec.same_as(VP8):
        return IvfMuxer(start)
    if codec.same_as(H264):
        return AnnexBMuxer(start)
    raise MediaError(f"{codec.name} cannot be stored in a file, only Opus, VP8 and H.264")


def _check_suffix(path: str, codec: Codec) -> None:
    """Refuse a name that promises another format than the file will have."""
    suffix = PurePath(path).suffix.lower()
    right = next(names for mime, names in _SUFFIXES.items() if mime.lower() == codec.mime.lower())
    wrong = _OTHER_CONTAINERS.union(*_SUFFIXES.values()) - set(right)
    if suffix in wrong:
        raise ContainerError(f"{codec.name} cannot be written to {path}; name it {right[0]}")

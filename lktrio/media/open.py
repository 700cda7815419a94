"""Files of encoded media as channels of frames.

The format of a file is told by its content when reading, and by the codec when writing:
Opus goes to Ogg, VP8 to IVF, H.264 to an Annex B stream, G.711 to WAV.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import PurePath

import trio

from lktrio._running import require_trio
from lktrio.errors import ContainerError, MediaError, UnplayableMedia
from lktrio.media.annexb import AnnexBDemuxer, AnnexBMuxer
from lktrio.media.codec import H264, OPUS, PCMA, PCMU, VP8, Codec
from lktrio.media.container import Demuxer, MediaInfo, Muxer
from lktrio.media.detect import SNIFF_SIZE, detect_format
from lktrio.media.files import GOODBYE, ByteSink, ByteSource, Sink, Source, open_sink, open_source
from lktrio.media.frame import EncodedFrame
from lktrio.media.ivf import IvfDemuxer, IvfMuxer
from lktrio.media.ogg_opus import DEFAULT_PRE_SKIP, OggOpusDemuxer, OggOpusMuxer
from lktrio.media.wav import WavDemuxer, WavMuxer

__all__ = ["MediaReader", "MediaWriter", "open_reader", "open_writer"]

_WRITE_SIZE = 32 * 1024  # bytes collected before a thread is asked to write them

_DEMUXERS: dict[str, Callable[[str, float | None, bool], Demuxer]] = {
    "Ogg": lambda name, frame_rate, any_video: OggOpusDemuxer(name),
    "IVF": lambda name, frame_rate, any_video: IvfDemuxer(name),
    "WAV": lambda name, frame_rate, any_video: WavDemuxer(name),
    "H.264": lambda name, frame_rate, any_video: AnnexBDemuxer(
        name, frame_rate, any_video=any_video
    ),
}
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


class _Feed:
    """A demuxer and the source that feeds it."""

    def __init__(self, source: ByteSource, demuxer: Demuxer) -> None:
        self.source = source
        self.demuxer = demuxer
        self._failure: MediaError | None = None
        self._at_end = False

    def check_playable(self) -> None:
        """Raise what was found so far that receivers do not show."""
        if isinstance(self._failure, UnplayableMedia):
            raise self._failure

    async def more(self) -> None:
        """Read a piece of the file, or raise what there is to say about its end."""
        if self._failure is not None:
            raise type(self._failure)(*self._failure.args)
        if self._at_end:
            raise trio.EndOfChannel
        self.take(await self.source.read())

    def take(self, data: bytes) -> None:
        """Feed what was read; none is the end of the file."""
        try:
            if data:
                self.demuxer.feed(data)
            else:
                self._at_end = True
                self.demuxer.finish()
        except MediaError as error:  # to be raised behind the frames before it
            self._failure = error


class MediaReader(trio.abc.ReceiveChannel[EncodedFrame]):
    """The frames of a file, in the order in which they are stored.

    Made by `open_reader`. It ends like any channel, with `trio.EndOfChannel`.
    """

    def __init__(self, feed: _Feed, info: MediaInfo) -> None:
        self.info = info
        """What the head of the file says."""
        self._feed = feed
        self._frames = feed.demuxer.frames
        self._busy = False
        self._closed = False

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

    @property
    def channels(self) -> int | None:
        """Audio channels, 1 or 2; None for video."""
        return self.info.channels

    @property
    def skipped(self) -> int:
        """Bytes passed over so far because they were damaged, or no part of the format."""
        return self._feed.demuxer.skipped

    @property
    def holes(self) -> int:
        """Places so far where something of the file is missing."""
        return self._feed.demuxer.holes

    @property
    def retimed(self) -> int:
        """Frames so far whose time could not be right; each follows the one before it."""
        return self._feed.demuxer.retimed

    async def receive(self) -> EncodedFrame:
        """Read the next frame, as fast as the disk gives it; see `lktrio.media.pace`.

        A cancelled call loses nothing: the next one returns the same frame.

        Raises:
            trio.EndOfChannel: The file has ended.
            trio.ClosedResourceError: The reader was closed.
            trio.BusyResourceError: Another task is in this method.
            ContainerError: The file is damaged, or a frame larger than 8 MiB. Frames
                before that place were delivered.
            UnplayableMedia: Receivers do not show what is in the file, see `open_reader`.
            MediaError: The file could not be read.
        """
        if self._busy:
            raise trio.BusyResourceError("another task is reading from this file")
        self._busy = True
        try:
            if self._frames:
                await trio.lowlevel.checkpoint()
            else:
                await self._feed.more()
            while not self._frames and not self._closed:
                await self._feed.more()
        finally:
            self._busy = False
        if self._closed:
            raise trio.ClosedResourceError
        return self._frames.popleft()

    def close(self) -> None:
        """Close the file, unless the caller opened it; a receiver gets ClosedResourceError."""
        self._closed = True
        self._feed.source.close()

    async def aclose(self) -> None:
        """Close as `close` does, even when cancelled."""
        self.close()
        await trio.lowlevel.checkpoint()


@asynccontextmanager
async def open_reader(
    source: Source, *, frame_rate: float | None = None, any_video: bool = False
) -> AsyncGenerator[MediaReader]:
    """Open a file of encoded media: Ogg with Opus, IVF with VP8, H.264, or WAV with G.711.

    The format is told by the content, whatever the name. ::

        async with media.open_reader("talk.ogg") as source:
            async for frame in source: ...

    Args:
        source: A path, a binary file object, or a trio stream such as a process's output.
            What the caller opened stays open.
        frame_rate: Frames per second of an H.264 stream; by default what the stream says, or
            30. Other files have timestamps.
        any_video: Whether to read also H.264 that receivers of WebRTC do not show: B frames,
            more than 8 bits a sample, colours other than 4:2:0, interlaced pictures.

    Raises:
        ContainerError: The file is of another kind, or damaged at its head.
        UnplayableMedia: Receivers do not show what is in it; the text has a command that makes a
            file of it which they do. What is found behind the beginning, ``receive`` raises.
        MediaError: The file cannot be opened or read.
    """
    if frame_rate is not None and not 0 < frame_rate < 1e6:
        raise ValueError(f"a frame rate of {frame_rate} is not possible")
    require_trio("media.open_reader()")
    stream = await open_source(source)
    try:
        head = b""
        while len(head) < SNIFF_SIZE and (data := await stream.read()):
            head += data
        feed = _Feed(
            stream, _DEMUXERS[detect_format(head, stream.name)](stream.name, frame_rate, any_video)
        )
        feed.take(head)
        while feed.demuxer.info is None:
            await feed.more()
        feed.check_playable()
        reader = MediaReader(feed, feed.demuxer.info)
        yield reader
        await reader.aclose()
    finally:
        stream.close()


class _Drain:
    """A muxer and the sink that takes its bytes."""

    def __init__(self, muxer: Muxer, sink: ByteSink) -> None:
        self.muxer = muxer
        self.busy = False  # a thread or stream is writing
        self.broken = False  # a write failed, so there is no sense in another
        self.closed = False
        self._sink = sink
        self._pending = bytearray()

    def add(self, frame: EncodedFrame) -> bool:
        """Take a frame; returns whether enough has come together to be written."""
        self._pending += self.muxer.add(frame)
        return len(self._pending) >= _WRITE_SIZE

    async def write(self) -> None:
        """Write what has come together; not left before a thread is done with it."""
        data, self._pending = bytes(self._pending), bytearray()
        self.busy = self.broken = True
        try:
            await self._sink.write(data)
        except BaseException:
            self.busy = False
            if self.closed:
                self._sink.abandon()
            raise
        self.busy = self.broken = False
        if self.closed:  # in the meantime
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

    def __init__(self, drain: _Drain, codec: Codec) -> None:
        self.codec = codec
        """The codec of the frames."""
        self._drain = drain

    @property
    def written(self) -> int:
        """Frames in the file so far."""
        return self._drain.muxer.written

    @property
    def skipped(self) -> int:
        """Frames left out because no key frame had come before them."""
        return self._drain.muxer.skipped

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
            MediaError: The file could not be written, such as on a full disk.
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
        if drain.add(value):
            await drain.write()
        else:
            await trio.lowlevel.cancel_shielded_checkpoint()

    async def aclose(self) -> None:
        """End the file properly and close it, even when cancelled.

        What is still to be written, less than 100 kB and one frame, is written without
        another thread. A trio stream is given two seconds for it when the caller is cancelled.

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
    Video begins with the first key frame. Leaving the block ends and closes the file, also when
    it is left by an exception or by cancellation.

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
    require_trio("media.open_writer()")
    muxer = _make_muxer(codec, start, channels, pre_skip)
    if isinstance(target, (str, os.PathLike)):
        _check_suffix(os.fspath(target), codec)
    drain = _Drain(muxer, await open_sink(target))
    try:
        yield MediaWriter(drain, codec)
    except BaseException:
        with trio.move_on_after(GOODBYE, shield=True):
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

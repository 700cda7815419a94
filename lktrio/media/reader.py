"""Files of encoded media as channels to receive frames from; their content tells the format."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import trio

from lktrio._running import require_trio
from lktrio.errors import MediaError, UnplayableMedia
from lktrio.media.annexb import AnnexBDemuxer
from lktrio.media.codec import Codec
from lktrio.media.container import Demuxer, MediaInfo
from lktrio.media.detect import SNIFF_SIZE, detect_format
from lktrio.media.files import ByteSource, Source, open_source
from lktrio.media.frame import EncodedFrame
from lktrio.media.ivf import IvfDemuxer
from lktrio.media.ogg_opus import OggOpusDemuxer
from lktrio.media.wav import WavDemuxer

__all__ = ["MediaReader", "open_reader"]

_DEMUXERS: dict[str, Callable[[str, float | None, bool], Demuxer]] = {
    "Ogg": lambda name, frame_rate, any_video: OggOpusDemuxer(name),
    "IVF": lambda name, frame_rate, any_video: IvfDemuxer(name),
    "WAV": lambda name, frame_rate, any_video: WavDemuxer(name),
    "H.264": lambda name, frame_rate, any_video: AnnexBDemuxer(
        name, frame_rate, any_video=any_video
    ),
}


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

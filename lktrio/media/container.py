"""What every media file format offers: a demuxer and a muxer that do no input or output.

Theory of operation: a `Demuxer` is fed the bytes of a file in pieces of any size and leaves
frames in its queue; a `Muxer` is given frames and returns bytes. Both are synchronous, so that
they can be tested byte by byte; files, threads and cancellation are the business of
`lktrio.media.reader` and `lktrio.media.writer`.

A demuxer holds at most one frame (8 MiB) besides what it was fed last. Damage that the format
allows to get over is passed over and counted; frames that were whole are delivered before the
error that ends a file otherwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass

from lktrio.errors import ContainerError
from lktrio.media.codec import Codec
from lktrio.media.frame import EncodedFrame
from lktrio.rtc.payload.base import MAX_FRAME_SIZE

__all__ = ["MAX_FRAME_SIZE", "Demuxer", "MediaInfo", "Muxer", "check_times"]

_MAX_TIMESTAMP = 2.0**40  # seconds; what is larger no file format could hold


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What the head of a file says about its content."""

    codec: Codec
    """The codec of the frames."""
    width: int | None = None
    """Width of the picture in pixels, where known."""
    height: int | None = None
    """Height of the picture in pixels, where known."""
    frame_rate: float | None = None
    """Frames per second, where the frames have no timestamps of their own."""
    channels: int | None = None
    """Audio channels."""
    pre_skip: int = 0
    """Samples at 48 kHz that a decoder of Opus discards at the beginning (RFC 7845 §4.2)."""


class Demuxer(ABC):
    """Turns the bytes of one file into frames.

    Args:
        name: What error messages call the file.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.info: MediaInfo | None = None
        """What is in the file; None until its head was read."""
        self.frames: deque[EncodedFrame] = deque()
        """Frames found so far; take them from the left."""
        self.skipped = 0
        """Bytes passed over because they were damaged, or no part of the format."""
        self.holes = 0
        """Places where something of the file is missing."""
        self.retimed = 0
        """Frames whose time could not be right; they were placed behind the one before them."""
        self._buffer: bytearray = bytearray()
        self._offset = 0  # of the buffer's first byte in the file

    @abstractmethod
    def feed(self, data: bytes) -> None:
        """Take the next bytes of the file.

        Raises:
            ContainerError: The file is damaged or holds something else.
        """

    @abstractmethod
    def finish(self) -> None:
        """Take notice that the file has ended.

        Raises:
            ContainerError: It has ended too early.
        """

    def _consume(self, size: int) -> None:
        del self._buffer[:size]
        self._offset += size

    def _error(self, message: str, position: int = 0) -> ContainerError:
        """An error at a position of the buffer."""
        return ContainerError(f"{self.name}: {message}, at byte {self._offset + position}")


class Muxer(ABC):
    """Turns frames into the bytes of one file.

    Frames are placed by their timestamps, counted from ``start``. A frame that is not later
    than the one before it, which a source should not hand out, is placed right behind that.

    Args:
        start: The timestamp that becomes 0 in the file; by default, that of the first frame
            written. Give two files the same to keep sound and picture together.
    """

    def __init__(self, start: float | None = None) -> None:
        self.start: float | None = start
        """The timestamp that is 0 in the file; None before the first frame."""
        self.written: int = 0
        """Frames in the file."""
        self.skipped = 0
        """Frames left out because no key frame had come before them."""

    @abstractmethod
    def add(self, frame: EncodedFrame) -> bytes:
        """Add a frame.

        Returns:
            Bytes to write now, possibly none.

        Raises:
            LocalProtocolError: The frame is not one of the codec. Nothing has changed then.
        """

    @abstractmethod
    def finish(self) -> bytes:
        """End the file; returns the bytes that it ends with."""

    def patch(self) -> tuple[int, bytes] | None:
        """After `finish`: bytes to put over earlier ones, and where, if the file is seekable."""
        return None

    def _ticks(self, frame: EncodedFrame, rate: int) -> int:
        """When the frame begins, in units of ``1 / rate`` seconds."""
        check_times(frame)
        start = frame.timestamp if self.start is None else self.start
        return round((frame.timestamp - start) * rate)


def check_times(frame: EncodedFrame) -> None:
    """Refuse impossible times.

    Raises:
        ValueError: The timestamp or the duration is none.
    """
    if not abs(frame.timestamp) < _MAX_TIMESTAMP:  # also refuses a NaN
        raise ValueError(f"the timestamp of a frame cannot be {frame.timestamp} s")
    if not abs(frame.duration) < _MAX_TIMESTAMP:
        raise ValueError(f"the duration of a frame cannot be {frame.duration} s; 0 if unknown")

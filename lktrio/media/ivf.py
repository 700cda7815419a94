"""IVF files with VP8 (the format of libvpx's tools; there is no standard).

Theory of operation: a 32-byte head names the codec, the dimensions and the time base; then
each frame follows a 12-byte head with its size and its timestamp in units of the time base.
All numbers are little endian. Frames have no durations: one lasts until the next begins, so
the reader runs one frame behind. The frame count in the head is not reliable (some writers put
a duration there, or nothing), so it is written but not believed.
"""

from __future__ import annotations

import struct

from lktrio.errors import LocalProtocolError
from lktrio.media.codec import VP8
from lktrio.media.container import MAX_FRAME_SIZE, Demuxer, MediaInfo, Muxer
from lktrio.media.frame import EncodedFrame
from lktrio.rtc.payload.vp8 import frame_dimensions, frame_is_keyframe

__all__ = ["IvfDemuxer", "IvfMuxer"]

SIGNATURE = b"DKIF"

_HEAD = struct.Struct("<4sHH4sHHIII4x")  # signature version size fourcc w h rate scale count
_COUNT = struct.Struct("<I")
_COUNT_OFFSET = 24
_FRAME_HEAD = struct.Struct("<IQ")  # size timestamp
_VP8 = b"VP80"
_MAX_HEAD_SIZE = 1024  # the head says its own size; a larger one is damage


class IvfDemuxer(Demuxer):
    """Reads an IVF file; timestamps count from its first frame."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._tick = 0.0  # seconds per unit of the time base
        self._first: int | None = None
        self._last = 0
        self._held: tuple[bytes, int] | None = None
        self._duration = 0.0

    def feed(self, data: bytes) -> None:
        """See `Demuxer.feed`."""
        self._buffer += data
        if self.info is None and not self._read_head():
            return
        position = 0
        try:
            while frame_end := self._read_frame(position):
                position = frame_end
        finally:
            self._consume(position)

    def _read_head(self) -> bool:
        if len(self._buffer) < _HEAD.size:
            return False
        fields: tuple[bytes, int, int, bytes, int, int, int, int, int]
        fields = _HEAD.unpack_from(self._buffer)
        signature, version, size, fourcc, width, height, rate, scale, _ = fields
        if signature != SIGNATURE or version != 0 or not _HEAD.size <= size <= _MAX_HEAD_SIZE:
            raise self._error("not the head of an IVF file")
        if fourcc != _VP8:
            codec = fourcc.decode("ascii", "replace")
            raise self._error(f"an IVF file with codec {codec!r}; only VP8 can be read", 8)
        if not rate or not scale:
            raise self._error(f"an impossible time base of {scale}/{rate} s", 16)
        if len(self._buffer) < size:
            return False
        self._tick = scale / rate
        self.info = MediaInfo(VP8, width=width or None, height=height or None)
        self._consume(size)
        return True

    def _read_frame(self, position: int) -> int:
        """Take one frame from the buffer; returns where it ends, 0 if it is not all there."""
        if len(self._buffer) - position < _FRAME_HEAD.size:
            return 0
        size: int
        timestamp: int
        size, timestamp = _FRAME_HEAD.unpack_from(self._buffer, position)
        if size > MAX_FRAME_SIZE:
            raise self._error(f"a frame of {size} bytes, more than {MAX_FRAME_SIZE}", position)
        if timestamp < self._last:
            raise self._error(f"timestamp {timestamp} after {self._last}", position + 4)
        start = position + _FRAME_HEAD.size
        stop = start + size
        if len(self._buffer) < stop:
            return 0
        self._last = timestamp
        if size:  # an empty one stands for a frame that the encoder left out
            self._release(timestamp)
            self._held = bytes(self._buffer[start:stop]), timestamp
        return stop

    def _release(self, end: int) -> None:
        """Hand out the frame held back, now that its end is known."""
        if self._held is None:
            self._first = end
            return
        data, timestamp = self._held
        self._held = None
        self._duration = (end - timestamp) * self._tick
        self._deliver(data, timestamp)

    def _deliver(self, data: bytes, timestamp: int) -> None:
        begin = (timestamp - (self._first or 0)) * self._tick
        self.frames.append(EncodedFrame(data, begin, self._duration, frame_is_keyframe(data)))

    def finish(self) -> None:
        """See `Demuxer.finish`."""
        if self.info is None:
            raise self._error("the file ends within its head", len(self._buffer))
        if self._held is not None:  # how long the last frame lasts is a guess
            data, timestamp = self._held
            self._held = None
            self._duration = self._duration or self._tick
            self._deliver(data, timestamp)
        if self._buffer:
            raise self._error("the file ends within a frame", len(self._buffer))


class IvfMuxer(Muxer):
    """Writes an IVF file with the RTP clock as its time base.

    The file begins with the first key frame, which has the dimensions; frames before it cannot
    be decoded and are skipped.
    """

    def __init__(self, start: float | None = None) -> None:
        super().__init__(start)
        self._last = -1

    def add(self, frame: EncodedFrame) -> bytes:
        """See `Muxer.add`."""
        data = frame.data
        if not 0 < len(data) <= MAX_FRAME_SIZE:
            raise LocalProtocolError(f"a VP8 frame cannot have {len(data)} bytes")
        ticks = self._ticks(frame, VP8.clock_rate)
        head = b""
        if not self.written:
            dimensions = frame_dimensions(data)
            if dimensions is None:
                self.skipped += 1
                return b""
            head = self._head(*dimensions)
        if self.start is None:
            self.start = frame.timestamp
        self._last = max(ticks, self._last + 1)
        self.written += 1
        return head + _FRAME_HEAD.pack(len(data), self._last) + data

    def _head(self, width: int, height: int) -> bytes:
        rate, scale = VP8.clock_rate, 1
        return _HEAD.pack(SIGNATURE, 0, _HEAD.size, _VP8, width, height, rate, scale, 0)

    def finish(self) -> bytes:
        """See `Muxer.finish`."""
        return b"" if self.written else self._head(0, 0)

    def patch(self) -> tuple[int, bytes]:
        """See `Muxer.patch`: the frame count."""
        return _COUNT_OFFSET, _COUNT.pack(self.written)

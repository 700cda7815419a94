"""IVF files with VP8 (the format of libvpx's tools; there is no standard).

Theory of operation: a 32-byte head names the codec, the dimensions and the time base; then
each frame follows a 12-byte head with its size and its timestamp in units of the time base.
All numbers are little endian. Frames have no durations: one lasts until the next begins, so
the reader runs one frame behind.

What is at byte 24 of the head was meant as the count of frames, and players take it for the length
of the file in units of the time base. Both are the same where one frame lasts one unit. Otherwise
the length is what somebody sees, so that is written; it is not believed when reading.

Files with wrong times are common: none at all, or those of an encoder that was started again. A
frame that is shown and not later than the one before it follows that at the usual distance. (VP8
frames that are not shown have no time of their own.) Zeros behind the last frame are padding.
"""

from __future__ import annotations

import struct

from lktrio.errors import ContainerError, LocalProtocolError
from lktrio.media.codec import VP8
from lktrio.media.container import MAX_FRAME_SIZE, Demuxer, MediaInfo, Muxer
from lktrio.media.frame import EncodedFrame
from lktrio.rtc.payload.vp8 import frame_dimensions, frame_is_keyframe

__all__ = ["IvfDemuxer", "IvfMuxer"]

SIGNATURE = b"DKIF"

_HEAD = struct.Struct("<4sHH4sHHIII4x")  # signature version size fourcc w h rate scale count
_LENGTH = struct.Struct("<I")
_LENGTH_OFFSET = 24
_MAX_LENGTH = 0xFFFFFFFF
_FRAME_HEAD = struct.Struct("<IQ")  # size timestamp
_VP8 = b"VP80"
_MAX_HEAD_SIZE = 1024  # the head says its own size; a larger one is damage
_MAX_PAUSE = 24 * 3600.0  # seconds; what is longer is damage
_PLAUSIBLE_RATES = (1.0, 240.0)  # of frames, for a time base that may say how long one lasts
_DEFAULT_RATE = 30
_SHOWN = 0x10  # in the first byte of a VP8 frame, RFC 6386 section 9.1


class IvfDemuxer(Demuxer):
    """Reads an IVF file; timestamps count from its first frame."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._tick = 0.0  # seconds per unit of the time base
        self._interval = 1  # units from one frame to the next, usually
        self._shift = 0  # added to the timestamps of the file
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
        except ContainerError:
            self._release_last()
            raise
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
        least, most = _PLAUSIBLE_RATES
        if not least <= rate / scale <= most:
            self._interval = max(1, round(rate / scale / _DEFAULT_RATE))
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
        start = position + _FRAME_HEAD.size
        stop = start + size
        if len(self._buffer) < stop:
            return 0
        if size:
            self._take_frame(bytes(self._buffer[start:stop]), timestamp)
        elif self._held is not None and timestamp + self._shift <= self._last:
            self.skipped += _FRAME_HEAD.size  # later ones stand for what the encoder left out
        return stop

    def _take_frame(self, data: bytes, timestamp: int) -> None:
        begin = timestamp + self._shift
        if self._held is not None:
            step = begin - self._last
            hidden = not step and not self._held[0][0] & _SHOWN
            if (step <= 0 and not hidden) or step * self._tick > _MAX_PAUSE:
                begin = self._last + self._interval
                self._shift = begin - timestamp
                self.retimed += 1
            elif step * self._tick <= 1.0:
                self._interval = step or self._interval
        self._release(begin)
        self._held = data, begin
        self._last = begin

    def _release(self, end: int) -> None:
        """Hand out the frame held back, now that its end is known."""
        if self._held is None:
            self._first = end
            return
        data, begin = self._held
        self._held = None
        self._duration = (end - begin) * self._tick
        self._deliver(data, begin)

    def _release_last(self) -> None:
        """Hand out the last frame; how long that lasts is a guess."""
        if self._held is not None:
            data, begin = self._held
            self._held = None
            self._duration = self._duration or self._interval * self._tick
            self._deliver(data, begin)

    def _deliver(self, data: bytes, timestamp: int) -> None:
        begin = (timestamp - (self._first or 0)) * self._tick
        self.frames.append(EncodedFrame(data, begin, self._duration, frame_is_keyframe(data)))

    def finish(self) -> None:
        """See `Demuxer.finish`."""
        if self.info is None:
            raise self._error("the file ends within its head", len(self._buffer))
        self._release_last()
        if any(self._buffer):
            raise self._error("the file ends within a frame", len(self._buffer))
        self.skipped += len(self._buffer)
        self._consume(len(self._buffer))


class IvfMuxer(Muxer):
    """Writes an IVF file with the RTP clock as its time base.

    The file begins with the first key frame, which has the dimensions; frames before it cannot
    be decoded and are skipped.
    """

    def __init__(self, start: float | None = None) -> None:
        super().__init__(start)
        self._last = -1
        self._duration = 0  # of the last frame

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
        begin = max(ticks, self._last + 1)
        self._duration = round(frame.duration * VP8.clock_rate) or begin - max(self._last, 0)
        self._last = begin
        self.written += 1
        return head + _FRAME_HEAD.pack(len(data), self._last) + data

    def _head(self, width: int, height: int) -> bytes:
        rate, scale = VP8.clock_rate, 1
        return _HEAD.pack(SIGNATURE, 0, _HEAD.size, _VP8, width, height, rate, scale, 0)

    def finish(self) -> bytes:
        """See `Muxer.finish`."""
        return b"" if self.written else self._head(0, 0)

    def patch(self) -> tuple[int, bytes]:
        """See `Muxer.patch`: the length of the file."""
        length = self._last + self._duration if self.written else 0
        return _LENGTH_OFFSET, _LENGTH.pack(min(length, _MAX_LENGTH))

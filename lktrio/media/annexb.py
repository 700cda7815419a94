"""H.264 files as a plain stream of NAL units (H.264 annex B).

Theory of operation: NAL units follow each other, each after a start code. The reader collects
them to access units, one per picture: a new one begins with the first delimiter, parameter set
or SEI behind a slice, or with a slice of macroblock 0 (H.264 §7.4.1.2.3, without the redundant
and arbitrarily ordered slices that nobody sends). There are no timestamps: pictures follow each
other at the frame rate that the sequence parameter set states, or that the caller gives.
A file that was cut off cannot be told from a whole one.

Pictures come in decoding order. WebRTC has no other, so files for it must be without B frames.
"""

from __future__ import annotations

from lktrio.errors import LocalProtocolError
from lktrio.media.codec import H264
from lktrio.media.container import MAX_FRAME_SIZE, Demuxer, MediaInfo, Muxer
from lktrio.media.frame import EncodedFrame
from lktrio.media.sps import SpsInfo, parse_sps
from lktrio.rtc.payload.base import MAX_FRAME_PACKETS
from lktrio.rtc.payload.h264 import (
    AUD,
    IDR,
    PPS,
    SEI,
    SLICE,
    SPS,
    START_CODE,
    frame_is_keyframe,
    split_nal_units,
)

__all__ = ["DEFAULT_FRAME_RATE", "AnnexBDemuxer", "AnnexBMuxer"]

DEFAULT_FRAME_RATE = 30.0
"""Frames per second of a file that does not state any."""

_SHORT_START_CODE = b"\x00\x00\x01"
_TYPE = 0x1F
_FORBIDDEN = 0x80
_LAST_TYPE = 23  # higher ones belong to RTP
_SLICES = frozenset((SLICE, 2, IDR))  # the types that begin with first_mb_in_slice
_DATA_PARTITIONS = frozenset((3, 4))
_PREFIXES = frozenset((SEI, SPS, PPS, AUD, 14, 15, 16, 17, 18))  # these precede a picture


class AnnexBDemuxer(Demuxer):
    """Reads an H.264 file; the first frame has the timestamp 0.

    Args:
        name: See `Demuxer`.
        frame_rate: Frames per second, against what the file says.
    """

    def __init__(self, name: str, frame_rate: float | None = None) -> None:
        super().__init__(name)
        self._given_rate = frame_rate
        self._rate = frame_rate or DEFAULT_FRAME_RATE
        self._scan = 0  # where to look for the next start code
        self._started = False  # whether the buffer begins inside a NAL unit
        self._units: list[bytes] = []  # of the current access unit
        self._size = 0
        self._has_picture = False
        self._base = 0.0  # when the frame rate last changed
        self._count = 0  # frames since then

    def feed(self, data: bytes) -> None:
        """See `Demuxer.feed`."""
        self._buffer += data
        start = 0
        try:
            while (found := self._buffer.find(_SHORT_START_CODE, self._scan)) >= 0:
                self._end_unit(start, found)
                start = self._scan = found + len(_SHORT_START_CODE)
                self._started = True
        finally:
            self._consume(start)
        self._scan = max(0, len(self._buffer) - len(_SHORT_START_CODE) + 1)
        if len(self._buffer) > MAX_FRAME_SIZE:
            raise self._error(f"a NAL unit of more than {MAX_FRAME_SIZE} bytes")

    def _end_unit(self, start: int, stop: int) -> None:
        unit = bytes(self._buffer[start:stop]).rstrip(b"\x00")
        if not self._started:
            if unit:
                raise self._error("no start code at the beginning", start)
        elif unit:
            self._take_unit(unit, start)

    def _take_unit(self, unit: bytes, where: int) -> None:
        unit_type = unit[0] & _TYPE
        if unit[0] & _FORBIDDEN or not 0 < unit_type <= _LAST_TYPE:
            raise self._error(f"{unit[0]:#04x} does not begin an H.264 NAL unit", where)
        if self._has_picture and _begins_access_unit(unit_type, unit):
            self._release()
        if unit_type == SPS:
            self._apply(self._parsed_sps(unit, where))
        self._has_picture |= unit_type in _SLICES or unit_type in _DATA_PARTITIONS
        self._size += len(START_CODE) + len(unit)
        if self._size > MAX_FRAME_SIZE:
            raise self._error(f"a frame of more than {MAX_FRAME_SIZE} bytes", where)
        self._units.append(unit)
        if len(self._units) > MAX_FRAME_PACKETS:
            raise self._error(f"a frame of more than {MAX_FRAME_PACKETS} NAL units", where)

    def _parsed_sps(self, unit: bytes, where: int) -> SpsInfo:
        try:
            info = parse_sps(unit)
        except ValueError as error:
            raise self._error(str(error), where) from None
        if info.interlaced:
            raise self._error("interlaced video, which WebRTC does not have", where)
        return info

    def _apply(self, sps: SpsInfo) -> None:
        rate = self._given_rate or sps.frame_rate or DEFAULT_FRAME_RATE
        if rate != self._rate:
            self._base, self._count, self._rate = self._now(), 0, rate
        if self.info is None:
            self.info = MediaInfo(H264, sps.width, sps.height, frame_rate=rate)

    def _now(self) -> float:
        return self._base + self._count / self._rate

    def _release(self) -> None:
        """Hand out the current access unit."""
        data = b"".join([START_CODE + unit for unit in self._units])
        frame = EncodedFrame(data, self._now(), 1 / self._rate, frame_is_keyframe(data))
        self.frames.append(frame)
        self._count += 1
        self._units, self._size, self._has_picture = [], 0, False
        if self.info is None:  # the file begins in the middle of a sequence
            self.info = MediaInfo(H264, frame_rate=self._rate)

    def finish(self) -> None:
        """See `Demuxer.finish`."""
        self._end_unit(0, len(self._buffer))
        self._consume(len(self._buffer))
        if self._has_picture:
            self._release()
        if self.info is None or not (self._count or self._base):
            raise self._error("the file ends before its first picture")


def _begins_access_unit(unit_type: int, unit: bytes) -> bool:
    """Whether a NAL unit behind a picture belongs to the next one."""
    if unit_type in _SLICES:
        return bool(unit[1:2]) and bool(unit[1] & 0x80)  # first_mb_in_slice, ue(v), is 0
    return unit_type in _PREFIXES


class AnnexBMuxer(Muxer):
    """Writes frames one behind the other; timestamps are lost.

    The file begins with the first key frame that has its parameter set; what comes before it
    cannot be decoded and is skipped.
    """

    def add(self, frame: EncodedFrame) -> bytes:
        """See `Muxer.add`."""
        if not 0 < len(frame.data) <= MAX_FRAME_SIZE:
            raise LocalProtocolError(f"an H.264 frame cannot have {len(frame.data)} bytes")
        try:
            units = split_nal_units(frame.data)
        except ValueError as error:
            raise LocalProtocolError(f"not an H.264 frame in Annex B form: {error}") from None
        self._ticks(frame, H264.clock_rate)
        types = {unit[0] & _TYPE for unit in units}
        if not self.written and not {SPS, IDR} <= types:
            self.skipped += 1
            return b""
        if self.start is None:
            self.start = frame.timestamp
        self.written += 1
        return b"".join([START_CODE + unit for unit in units])

    def finish(self) -> bytes:
        """See `Muxer.finish`."""
        return b""

"""H.264 files as a plain stream of NAL units (H.264 annex B).

Theory of operation: NAL units follow each other, each after a start code. The reader collects
them to access units, one per picture: a slice of macroblock 0 begins a new one (H.264 §7.4.1.2.4,
without the redundant and arbitrarily ordered slices that nobody sends). What may stand before a
picture (SEI, prefix units and others) is kept until the next slice tells whether that begins one,
as prefix units also stand between the slices of a picture. Units that only their encoder
understands, and damaged ones, are left out and counted.

There are no timestamps: pictures follow each other at the frame rate that the sequence parameter
set states, or that the caller gives. A file that was cut off cannot be told from a whole one.

Pictures come in decoding order, and WebRTC has no other. So B frames, which are decoded before what
they are shown ahead of, are refused unless the caller wants them anyhow, as are pictures that no
receiver shows: fields of interlaced video, more than 8 bits a sample, colours other than 4:2:0.
"""

from __future__ import annotations

import shlex

from lktrio.errors import LocalProtocolError, UnplayableMedia
from lktrio.media.codec import H264
from lktrio.media.container import MAX_FRAME_SIZE, Demuxer, MediaInfo, Muxer
from lktrio.media.frame import EncodedFrame
from lktrio.media.slices import ParameterSets
from lktrio.media.sps import SpsInfo, parse_sps
from lktrio.rtc.payload.base import MAX_FRAME_PACKETS
from lktrio.rtc.payload.h264 import (
    AUD,
    IDR,
    PPS,
    SEI,
    SHORT_START_CODE,
    SLICE,
    SPS,
    START_CODE,
    frame_is_keyframe,
    split_nal_units,
)

__all__ = ["DEFAULT_FRAME_RATE", "AnnexBDemuxer", "AnnexBMuxer"]

DEFAULT_FRAME_RATE = 30.0
"""Frames per second of a file that does not state any."""

_TYPE = 0x1F
_FORBIDDEN = 0x80
_LAST_TYPE = 23  # higher ones are private, and in RTP belong to its payload format
_PREFIX = 14
_SLICES = frozenset((SLICE, 2, IDR))  # the types that begin with first_mb_in_slice
_DATA_PARTITIONS = frozenset((3, 4))
_BEFORE_PICTURE = frozenset((SEI, SPS, PPS, AUD, _PREFIX, 15, 16, 17, 18))
_SETS = frozenset((SPS, PPS, 13, 15))  # with the extensions of sequence parameter sets
_MAX_SETS = 320  # parameter sets kept for the first picture: as many as there can be numbers
_4_2_0 = 1


class AnnexBDemuxer(Demuxer):
    """Reads an H.264 file; the first frame has the timestamp 0.

    Args:
        name: See `Demuxer`.
        frame_rate: Frames per second, against what the file says.
        any_video: Whether to read also what receivers cannot show.
    """

    def __init__(
        self, name: str, frame_rate: float | None = None, *, any_video: bool = False
    ) -> None:
        super().__init__(name)
        self._given_rate = frame_rate
        self._rate = frame_rate or DEFAULT_FRAME_RATE
        self._any_video = any_video
        self._sets = ParameterSets()
        self._scan = 0  # where to look for the next start code
        self._started = False  # whether the buffer begins inside a NAL unit
        self._units: list[bytes] = []  # of the current access unit, up to its last slice
        self._pending: list[bytes] = []  # behind that
        self._size = 0
        self._has_picture = False
        self._field = False  # whether the current picture is a field
        self._base = 0.0  # when the frame rate last changed
        self._count = 0.0  # frames since then

    def feed(self, data: bytes) -> None:
        """See `Demuxer.feed`."""
        self._buffer += data
        start = 0
        try:
            while (found := self._buffer.find(SHORT_START_CODE, self._scan)) >= 0:
                self._end_unit(start, found)
                start = self._scan = found + len(SHORT_START_CODE)
                self._started = True
        finally:
            self._consume(start)
        self._scan = max(0, len(self._buffer) - len(SHORT_START_CODE) + 1)
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
            self.skipped += len(unit)
            return
        if unit_type in _SLICES:
            if self._has_picture and _begins_picture(unit):
                self._release()
            self._look_at_slice(unit, where)
        elif unit_type in (AUD, SPS) and self._has_picture:  # never within one
            self._release()
        if unit_type == SPS:
            self._apply(self._parsed_sps(unit, where))
        elif unit_type == PPS:
            self._note_pps(unit)
        self._append(unit, unit_type)
        if self._size > MAX_FRAME_SIZE:
            raise self._error(f"a frame of more than {MAX_FRAME_SIZE} bytes", where)
        if len(self._units) + len(self._pending) > MAX_FRAME_PACKETS:
            raise self._error(f"a frame of more than {MAX_FRAME_PACKETS} NAL units", where)

    def _append(self, unit: bytes, unit_type: int) -> None:
        self._size += len(START_CODE) + len(unit)
        if unit_type in _SLICES or unit_type in _DATA_PARTITIONS:
            self._units += [*self._pending, unit]
            self._pending.clear()
            self._has_picture = True
        elif self._pending or unit_type in _BEFORE_PICTURE:
            self._pending.append(unit)
        else:
            self._units.append(unit)

    def _parsed_sps(self, unit: bytes, where: int) -> SpsInfo:
        try:
            info = parse_sps(unit)
        except ValueError as error:
            raise self._error(str(error), where) from None
        if info.bit_depth > 8:
            self._refuse(f"{info.bit_depth} bits a sample", where)
        if info.chroma != _4_2_0:
            self._refuse("colours that are not 4:2:0", where)
        if info.field_adaptive:
            self._refuse("interlaced pictures", where)
        return info

    def _note_pps(self, unit: bytes) -> None:
        try:
            self._sets.add_picture(unit)
        except ValueError:  # whoever decodes may make more of it
            self.holes += 1

    def _look_at_slice(self, unit: bytes, where: int) -> None:
        try:
            header = self._sets.read_slice(unit)
        except ValueError:
            self.holes += 1
            return
        self._field = header.field
        if header.field:
            self._refuse("interlaced pictures", where)
        if header.bidirectional and not (header.sps is not None and header.sps.in_order):
            self._refuse("B frames", where)

    def _refuse(self, what: str, where: int) -> None:
        """Refuse video that receivers do not show, unless it is wanted anyhow."""
        if not self._any_video:
            raise UnplayableMedia(
                f"{self.name}: {what}, which WebRTC receivers do not show, at byte "
                f"{self._offset + where}; encode it for them: ffmpeg -i {shlex.quote(self.name)} "
                "-an -c:v libx264 -profile:v baseline -pix_fmt yuv420p -bf 0 -g 60 out.h264"
            )

    def _apply(self, sps: SpsInfo) -> None:
        self._sets.add_sequence(sps)
        rate = self._given_rate or sps.frame_rate or DEFAULT_FRAME_RATE
        if rate != self._rate:
            self._base, self._count, self._rate = self._now(), 0.0, rate
        if self.info is None:
            self.info = MediaInfo(H264, sps.width, sps.height, frame_rate=rate)

    def _step(self) -> float:
        """How much of a frame the current picture is."""
        return 0.5 if self._field else 1.0

    def _now(self) -> float:
        return self._base + self._count / self._rate

    def _release(self) -> None:
        """Hand out the current access unit."""
        data = b"".join([START_CODE + unit for unit in self._units])
        duration = self._step() / self._rate
        self.frames.append(EncodedFrame(data, self._now(), duration, frame_is_keyframe(data)))
        self._count += self._step()
        self._units.clear()
        self._size = sum(len(START_CODE) + len(unit) for unit in self._pending)
        self._has_picture = False
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


def _begins_picture(unit: bytes) -> bool:
    return bool(unit[1:2]) and bool(unit[1] & 0x80)  # first_mb_in_slice, ue(v), is 0


class AnnexBMuxer(Muxer):
    """Writes frames one behind the other; timestamps are lost.

    The file begins with the first key frame that has its parameter sets, be they in the same frame
    or in earlier ones of their own; what comes before it cannot be decoded and is skipped.
    """

    def __init__(self, start: float | None = None) -> None:
        super().__init__(start)
        self._sets: dict[bytes, None] = {}  # seen before the first picture

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
        is_picture = not types.isdisjoint(_SLICES | _DATA_PARTITIONS)
        if not self.written:
            self._keep_sets(units)
            if not is_picture:
                return b""
            if IDR not in types or not any(unit[0] & _TYPE == SPS for unit in self._sets):
                self.skipped += 1
                return b""
            units = [*self._missing_sets(units), *units]
        if self.start is None:
            self.start = frame.timestamp
        self.written += is_picture
        return b"".join([START_CODE + unit for unit in units])

    def _keep_sets(self, units: list[bytes]) -> None:
        for unit in units:
            if unit[0] & _TYPE in _SETS:
                self._sets.pop(unit, None)  # so that the newest come last
                self._sets[unit] = None
        while len(self._sets) > _MAX_SETS:
            del self._sets[next(iter(self._sets))]

    def _missing_sets(self, units: list[bytes]) -> list[bytes]:
        """The parameter sets that came before the first frame."""
        missing = [unit for unit in self._sets if unit not in units]
        self._sets.clear()
        return missing

    def finish(self) -> bytes:
        """See `Muxer.finish`."""
        return b""

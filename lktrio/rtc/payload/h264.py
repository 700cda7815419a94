"""H.264 in RTP, packetization mode 1 (RFC 6184 §5.6, §5.7.1, §5.8), and Annex B framing.

Theory of operation: our frames are *access units in Annex B form*: NAL units, each after a
start code (``00 00 00 01`` when we write it, ``00 00 01`` accepted too). Sending, neighbours
that fit together travel in one STAP-A, which in practice joins SPS, PPS and SEI, a NAL unit
that fits alone travels as it is, and a larger one is cut evenly into FU-A fragments. Receiving
undoes all three, from any peer and in any mix, and writes four-byte start codes.

Nothing is taken away from the end of a frame: an encrypted frame ends in a key index that may
be 0, although a plain NAL unit never ends in a zero byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.payload.base import (
    MAX_FRAME_SIZE,
    check_inbound,
    check_outbound,
    check_packet_count,
    even_split,
)

__all__ = [
    "AUD",
    "IDR",
    "PPS",
    "SEI",
    "SLICE",
    "SPS",
    "SHORT_START_CODE",
    "START_CODE",
    "H264Depacketizer",
    "H264Packetizer",
    "frame_is_keyframe",
    "split_nal_units",
]

START_CODE = b"\x00\x00\x00\x01"
"""What precedes each NAL unit of a frame that we hand out (H.264 Annex B)."""

SLICE = 1
"""NAL unit type: slice of a picture that refers to others (H.264 table 7-1)."""
IDR = 5
"""NAL unit type: slice of a picture that starts afresh."""
SEI = 6
"""NAL unit type: supplemental information."""
SPS = 7
"""NAL unit type: sequence parameter set."""
PPS = 8
"""NAL unit type: picture parameter set."""
AUD = 9
"""NAL unit type: access unit delimiter."""

SHORT_START_CODE = b"\x00\x00\x01"
"""What precedes a NAL unit at least."""
_TYPE = 0x1F
_NRI = 0x60
_HEADER_BUT_TYPE = 0xE0
_LAST_NAL_TYPE = 23  # higher ones are RTP's own (RFC 6184 table 1)
_STAP_A = 24
_FU_A = 28
_FU_START = 0x80
_FU_END = 0x40
_FU_HEADERS = 2  # FU indicator and FU header
_LENGTH_SIZE = 2  # of each NAL unit in a STAP-A
_PARTITIONED = frozenset((SLICE, 2, IDR))  # slices and data partition A begin with first_mb
_KEYFRAME_TYPES = frozenset((IDR, SPS))
_LOOKED_AT = 32  # NAL units of a STAP-A, where one is sought that a keyframe begins with
_FILLER = b"\x0c\xff\x80"  # NAL unit type 12: one byte of filler data and the trailing bits


def split_nal_units(frame: bytes) -> list[bytes]:
    """Take an access unit in Annex B form apart.

    Args:
        frame: NAL units, each after a start code of three or four bytes.

    Returns:
        The NAL units without start codes. Empty ones are left out; zero bytes between NAL
        units are taken away, those behind the last one are kept.

    Raises:
        ValueError: The frame does not begin with a start code.
    """
    position = frame.find(SHORT_START_CODE)
    if position < 0 or frame.count(0, 0, position) != position:
        raise ValueError("it does not begin with a start code (00 00 00 01)")
    units: list[bytes] = []
    while position >= 0:
        start = position + len(SHORT_START_CODE)
        position = frame.find(SHORT_START_CODE, start)
        unit = frame[start:] if position < 0 else frame[start:position].rstrip(b"\x00")
        if unit:
            units.append(unit)
    return units


def frame_is_keyframe(frame: bytes) -> bool:
    """Whether an access unit in Annex B form holds a picture that starts afresh (IDR)."""
    position = frame.find(SHORT_START_CODE)
    while 0 <= position < len(frame) - 3:
        if frame[position + 3] & _TYPE == IDR:
            return True
        position = frame.find(SHORT_START_CODE, position + 3)
    return False


class H264Packetizer:
    """Sends access units in packetization mode 1."""

    def preamble(self) -> bytes:
        """See `Packetizer.preamble`: a NAL unit of filler data (H.264 section 7.3.2.7)."""
        return _FILLER

    def pack(self, frame: bytes, budget: int) -> list[bytes]:
        """See `Packetizer.pack`; ``frame`` is an access unit in Annex B form."""
        check_outbound(frame, budget)
        payloads: list[bytes] = []
        group: list[bytes] = []
        room = budget - 1
        for unit in _checked_units(frame):
            needed = _LENGTH_SIZE + len(unit)
            if group and needed > room:
                payloads.append(_aggregate(group))
                group, room = [], budget - 1
            if len(unit) > budget:
                payloads += _fragment(unit, budget)
            else:
                group.append(unit)
                room -= needed
        if group:
            payloads.append(_aggregate(group))
        check_packet_count(len(payloads))
        return payloads


def _checked_units(frame: bytes) -> list[bytes]:
    try:
        units = split_nal_units(frame)
    except ValueError as error:
        raise LocalProtocolError(
            f"not an H.264 access unit in Annex B form: {error}; convert length-prefixed "
            "(AVCC) frames first"
        ) from None
    if not units:
        raise LocalProtocolError("the H.264 access unit holds no NAL unit")
    for unit in units:
        if not 0 < unit[0] & _TYPE <= _LAST_NAL_TYPE:
            raise LocalProtocolError(
                f"the H.264 access unit holds a NAL unit of type {unit[0] & _TYPE}, which does "
                "not exist"
            )
    return units


def _aggregate(units: list[bytes]) -> bytes:
    """One payload: a single NAL unit, or a STAP-A (RFC 6184 §5.7.1)."""
    if len(units) == 1:
        return units[0]
    forbidden_or_damaged = 0x80 & max(unit[0] for unit in units)
    header = _STAP_A | max(unit[0] & _NRI for unit in units) | forbidden_or_damaged
    parts = [bytes((header,))]
    for unit in units:
        parts += (len(unit).to_bytes(_LENGTH_SIZE, "big"), unit)
    return b"".join(parts)


def _fragment(unit: bytes, budget: int) -> list[bytes]:
    """A NAL unit as FU-A fragments (RFC 6184 §5.8)."""
    indicator, unit_type = unit[0] & _HEADER_BUT_TYPE | _FU_A, unit[0] & _TYPE
    body = unit[1:]
    pieces = even_split(len(body), budget - _FU_HEADERS)
    middle = bytes((indicator, unit_type))
    payloads = [middle + body[start:stop] for start, stop in pieces]
    payloads[0] = bytes((indicator, unit_type | _FU_START)) + payloads[0][_FU_HEADERS:]
    payloads[-1] = bytes((indicator, unit_type | _FU_END)) + payloads[-1][_FU_HEADERS:]
    return payloads


class H264Depacketizer:
    """Joins single NAL units, STAP-A and FU-A payloads to access units in Annex B form."""

    def starts_frame(self, payload: bytes) -> bool:
        """See `Depacketizer.starts_frame`.

        RTP does not mark the first packet of an H.264 frame. A fragment that is not a first
        one and a slice that does not begin at the first macroblock cannot be it; anything
        else can.
        """
        unit_type, body = _first_unit(payload)
        if unit_type in _PARTITIONED:
            return bool(body) and bool(body[0] & 0x80)  # first_mb_in_slice, ue(v), is 0
        return unit_type != 0

    def is_keyframe(self, payload: bytes) -> bool:
        """See `Depacketizer.is_keyframe`: true for a parameter set or a slice of an IDR picture.

        A frame whose first packet is a delimiter or SEI alone is not recognised here;
        `frame_is_keyframe` judges the whole frame.
        """
        if not self.starts_frame(payload):
            return False
        if payload[0] & _TYPE != _STAP_A:
            return _first_unit(payload)[0] in _KEYFRAME_TYPES
        try:
            units = list(islice(_units(payload), _LOOKED_AT))
        except RemoteProtocolError:
            return False
        return any(unit[0] & _TYPE in _KEYFRAME_TYPES for unit in units)

    def assemble(self, payloads: Sequence[bytes]) -> bytes:
        """See `Depacketizer.assemble`; the frame is an access unit in Annex B form."""
        check_inbound(payloads)
        parts: list[bytes] = []
        open_type: int | None = None
        for payload in payloads:
            if len(payload) >= _FU_HEADERS and payload[0] & _TYPE == _FU_A:
                open_type = _append_fragment(parts, payload, open_type)
                continue
            if open_type is not None:
                raise RemoteProtocolError("an H.264 fragment is followed by something else")
            for unit in _whole_units(payload):
                parts += (START_CODE, unit)
        if open_type is not None:
            raise RemoteProtocolError("an H.264 NAL unit without its last fragment")
        frame = b"".join(parts)
        if len(frame) > MAX_FRAME_SIZE:
            raise RemoteProtocolError(f"an H.264 access unit of {len(frame)} bytes")
        return frame


def _first_unit(payload: bytes) -> tuple[int, bytes]:
    """Type and first bytes of the NAL unit that a payload begins; type 0 if it begins none."""
    unit_type = payload[0] & _TYPE if payload else 0
    if unit_type == _STAP_A:
        unit = payload[1 + _LENGTH_SIZE : 1 + _LENGTH_SIZE + 2]
        return (unit[0] & _TYPE, unit[1:]) if unit else (0, b"")
    if unit_type == _FU_A:
        if len(payload) < _FU_HEADERS or not payload[1] & _FU_START:
            return 0, b""
        return payload[1] & _TYPE, payload[2:3]
    return (unit_type, payload[1:2]) if unit_type <= _LAST_NAL_TYPE else (0, b"")


def _append_fragment(parts: list[bytes], payload: bytes, open_type: int | None) -> int | None:
    """Add an FU-A payload; return the type of the NAL unit that is still open after it."""
    header = payload[1]
    unit_type = header & _TYPE
    if header & _FU_START:
        if open_type is not None:
            raise RemoteProtocolError("an H.264 NAL unit without its last fragment")
        if not 0 < unit_type <= _LAST_NAL_TYPE:
            raise RemoteProtocolError(f"a fragmented H.264 NAL unit of type {unit_type}")
        parts += (START_CODE, bytes((payload[0] & _HEADER_BUT_TYPE | unit_type,)))
    elif open_type != unit_type:
        raise RemoteProtocolError("an H.264 NAL unit without its first fragment")
    parts.append(payload[_FU_HEADERS:])
    return None if header & _FU_END else unit_type


def _whole_units(payload: bytes) -> list[bytes]:
    unit_type = payload[0] & _TYPE if payload else 0
    if unit_type == _STAP_A:
        return _disaggregate(payload)
    if not 0 < unit_type <= _LAST_NAL_TYPE:
        raise RemoteProtocolError(
            f"an H.264 payload of type {unit_type}, which packetization mode 1 does not have"
        )
    return [payload]


def _disaggregate(payload: bytes) -> list[bytes]:
    """The NAL units of a STAP-A (RFC 6184 §5.7.1)."""
    units = list(_units(payload))
    if not units:
        raise RemoteProtocolError("an H.264 STAP-A without NAL units")
    return units


def _units(payload: bytes) -> Iterator[bytes]:
    position = 1
    while position < len(payload):
        start = position + _LENGTH_SIZE
        position = start + int.from_bytes(payload[position:start], "big")
        unit = payload[start:position]
        if not unit or position > len(payload):
            raise RemoteProtocolError("an H.264 STAP-A with a NAL unit that is cut off or empty")
        if not 0 < unit[0] & _TYPE <= _LAST_NAL_TYPE:
            raise RemoteProtocolError(f"an H.264 STAP-A within type {unit[0] & _TYPE}")
        yield unit

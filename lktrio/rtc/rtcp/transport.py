"""Transport-wide feedback: when each packet of a transport arrived (RTPFB format 15).

The message reports a run of transport sequence numbers. Chunks of 16 bits say which arrived and
how large their delta is; the deltas follow, in quarters of a millisecond since the arrival
before, the first relative to a reference time. Implements
draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.rtcp import header

__all__ = ["MAX_STATUS_COUNT", "TICK", "TICKS_PER_REFERENCE", "TransportFeedback"]

TICK = 0.00025
"""Seconds per unit of a delta."""

TICKS_PER_REFERENCE = 256
"""Ticks per unit of the reference time, which is 64 ms."""

MAX_STATUS_COUNT = 5000
"""Most packets that the messages of one compound packet may report on; the format allows 65,535
in each."""

TRANSPORT_CC_FORMAT = 15

_FIXED = Struct("!IIHHI")
_CHUNK = Struct("!H")
_LOST, _SMALL, _LARGE = 0, 1, 2
_VECTOR = 0x8000
_TWO_BIT = 0x4000
_ONE_BIT_COUNT = 14
_TWO_BIT_COUNT = 7
_MAX_RUN = 0x1FFF
_MAX_SMALL = 0xFF
_LARGE_RANGE = range(-0x8000, 0x8000)


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """Arrivals of consecutive transport sequence numbers."""

    sender_ssrc: int
    """Who reports."""
    media_ssrc: int
    """Any stream of the transport."""
    base_sequence: int
    """Transport sequence number of the first entry of `deltas`, 16 bits."""
    reference_time: int
    """Receiver's clock in units of 64 ms, signed 24 bits; the first delta is relative to it."""
    feedback_count: int
    """Number of this report, 8 bits."""
    deltas: tuple[int | None, ...]
    """Per packet the ticks of 250 us since the arrival before it, None for a lost one."""

    @classmethod
    def parse(cls, body: bytes) -> TransportFeedback:
        """Read the packet behind its header.

        Raises:
            RemoteProtocolError: Chunks or deltas are missing, or there are too many.
        """
        header.check_size(body, _FIXED.size, "a transport feedback")
        sender, media, base, count, rest = _FIXED.unpack_from(body)
        if count > MAX_STATUS_COUNT:
            raise RemoteProtocolError(f"a transport feedback on {count} packets")
        statuses, position = _parse_chunks(body, count)
        reference = rest >> 8
        reference -= (reference & 0x800000) << 1
        deltas = _parse_deltas(body, position, statuses)
        return cls(sender, media, base, reference, rest & 0xFF, deltas)

    def arrivals(self) -> Iterator[tuple[int, int]]:
        """Yield sequence number (16 bits) and arrival in ticks of 250 us of what arrived."""
        ticks = self.reference_time * TICKS_PER_REFERENCE
        for number, delta in enumerate(self.deltas, self.base_sequence):
            if delta is not None:
                ticks += delta
                yield number & 0xFFFF, ticks

    def serialize(self) -> bytes:
        """Write the packet.

        Raises:
            LocalProtocolError: A delta does not fit 16 bits, or there are too many packets.
        """
        if len(self.deltas) > MAX_STATUS_COUNT:
            raise LocalProtocolError(f"a transport feedback on {len(self.deltas)} packets")
        statuses = [_status(delta) for delta in self.deltas]
        fixed = _FIXED.pack(
            self.sender_ssrc,
            self.media_ssrc,
            self.base_sequence,
            len(statuses),
            (self.reference_time & 0xFFFFFF) << 8 | self.feedback_count,
        )
        chunks = b"".join(map(_CHUNK.pack, _build_chunks(statuses)))
        deltas = b"".join(
            delta.to_bytes(status, "big", signed=status == _LARGE)
            for delta, status in zip(self.deltas, statuses, strict=True)
            if delta is not None
        )
        body = fixed + chunks + deltas
        return header.build(
            TRANSPORT_CC_FORMAT, header.TRANSPORT_FEEDBACK, body, padding=-len(body) % 4
        )


def _status(delta: int | None) -> int:
    """Symbol of a packet; it is also the number of bytes that its delta takes."""
    if delta is None:
        return _LOST
    if 0 <= delta <= _MAX_SMALL:
        return _SMALL
    if delta in _LARGE_RANGE:
        return _LARGE
    raise LocalProtocolError(f"a transport feedback with a gap of {delta} ticks; use several")


def _parse_chunks(body: bytes, count: int) -> tuple[list[int], int]:
    """Read chunks until they describe ``count`` packets; return the symbols and the position."""
    statuses: list[int] = []
    position = _FIXED.size
    while len(statuses) < count:
        header.check_size(body, position + _CHUNK.size, "a transport feedback")
        (chunk,) = _CHUNK.unpack_from(body, position)
        position += _CHUNK.size
        if not chunk & _VECTOR:
            run = min(chunk & _MAX_RUN, count - len(statuses))
            statuses.extend([chunk >> 13] * run)
        elif chunk & _TWO_BIT:
            statuses.extend(chunk >> shift & 3 for shift in range(12, -1, -2))
        else:
            statuses.extend(chunk >> shift & 1 for shift in range(13, -1, -1))
    return statuses[:count], position


def _parse_deltas(body: bytes, position: int, statuses: Sequence[int]) -> tuple[int | None, ...]:
    deltas: list[int | None] = []
    for status in statuses:
        if status == _LOST:
            deltas.append(None)
            continue
        if status > _LARGE:
            raise RemoteProtocolError("a transport feedback with a reserved symbol")
        stop = position + status
        header.check_size(body, stop, "a transport feedback")
        deltas.append(int.from_bytes(body[position:stop], "big", signed=status == _LARGE))
        position = stop
    return tuple(deltas)


def _build_chunks(statuses: Sequence[int]) -> Iterator[int]:
    """Choose chunks greedily: a run where the symbols are equal, else the densest vector."""
    start = 0
    while start < len(statuses):
        run = _run_length(statuses, start)
        dense = statuses[start : start + _ONE_BIT_COUNT]
        if run >= min(_TWO_BIT_COUNT, len(dense)) and (_LARGE in dense or run >= len(dense)):
            yield statuses[start] << 13 | run
            start += run
        elif _LARGE not in dense:
            yield _vector(dense, _ONE_BIT_COUNT, 1)
            start += len(dense)
        else:
            yield _TWO_BIT | _vector(dense[:_TWO_BIT_COUNT], _TWO_BIT_COUNT, 2)
            start += len(dense[:_TWO_BIT_COUNT])


def _run_length(statuses: Sequence[int], start: int) -> int:
    first = statuses[start]
    stop = start + 1
    limit = min(len(statuses), start + _MAX_RUN)
    while stop < limit and statuses[stop] == first:
        stop += 1
    return stop - start


def _vector(symbols: Sequence[int], capacity: int, bits: int) -> int:
    value = 0
    for symbol in symbols:
        value = value << bits | symbol
    return _VECTOR | value << bits * (capacity - len(symbols))

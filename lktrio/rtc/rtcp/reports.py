"""Reports and descriptions: SR, RR, SDES, BYE (RFC 3550 section 6) and XR (RFC 3611).

Of the extended reports, the two that measure a receiver's round-trip time are taken apart:
the receiver reference time (block 4) and its answer, DLRR (block 5). Others stay raw.

All NTP times are 64-bit fixed point as on the wire: seconds since 1900 in the upper half.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TypeAlias

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.rtcp import header

__all__ = [
    "CNAME",
    "DelaySinceLastReport",
    "DlrrBlock",
    "ExtendedReport",
    "Goodbye",
    "RawXrBlock",
    "ReceiverReferenceTime",
    "ReceiverReport",
    "ReportBlock",
    "SdesChunk",
    "SenderReport",
    "SourceDescription",
    "XrBlock",
]

CNAME = 1
"""SDES item type of the canonical name (RFC 3550 section 6.5.1)."""

_SENDER_INFO = Struct("!IQIII")
_REPORT_BLOCK = Struct("!IIIIII")
_SSRC = Struct("!I")
_XR_HEADER = Struct("!BBH")
_DLRR = Struct("!III")
_MAX_TEXT = 255
_REFERENCE_TIME_BLOCK = 4  # RFC 3611 section 4.4
_DLRR_BLOCK = 5  # RFC 3611 section 4.5
_LOST_RANGE = (-0x800000, 0x7FFFFF)


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """How one stream was received (RFC 3550 section 6.4.1)."""

    ssrc: int
    """The stream reported on."""
    fraction_lost: int
    """Part of the packets lost since the last report, in 1/256."""
    packets_lost: int
    """Packets lost since the beginning; negative if more arrived than expected."""
    highest_sequence: int
    """Highest sequence number received, with its cycles in the upper 16 bits."""
    jitter: int
    """Interarrival jitter in timestamp units."""
    last_sender_report: int = 0
    """Middle 32 bits of the NTP time of the last SR received, 0 if none."""
    delay_since_last: int = 0
    """Time since that SR in 1/65536 s."""

    @classmethod
    def parse_all(cls, data: bytes, count: int, what: str) -> tuple[ReportBlock, ...]:
        """Read ``count`` blocks.

        Raises:
            RemoteProtocolError: There are fewer.
        """
        size = count * _REPORT_BLOCK.size
        header.check_size(data, size, what)
        return tuple(cls._from_fields(*fields) for fields in _REPORT_BLOCK.iter_unpack(data[:size]))

    @classmethod
    def _from_fields(
        cls, ssrc: int, loss: int, highest: int, jitter: int, last: int, delay: int
    ) -> ReportBlock:
        lost = loss & 0xFFFFFF
        lost -= (lost & 0x800000) << 1
        return cls(ssrc, loss >> 24, lost, highest, jitter, last, delay)

    def __bytes__(self) -> bytes:
        low, high = _LOST_RANGE
        lost = min(max(self.packets_lost, low), high) & 0xFFFFFF
        return _REPORT_BLOCK.pack(
            self.ssrc,
            self.fraction_lost << 24 | lost,
            self.highest_sequence,
            self.jitter,
            self.last_sender_report,
            self.delay_since_last,
        )


def _join(blocks: tuple[ReportBlock, ...]) -> bytes:
    return b"".join(map(bytes, blocks))


@dataclass(frozen=True, slots=True)
class SenderReport:
    """What a stream's sender has sent, and its clock (RFC 3550 section 6.4.1)."""

    ssrc: int
    """The stream."""
    ntp_time: int
    """Wall clock of this report, 64-bit NTP."""
    rtp_timestamp: int
    """The same instant in the stream's RTP clock."""
    packet_count: int
    """Packets sent, modulo 2^32."""
    octet_count: int
    """Payload bytes sent, modulo 2^32."""
    reports: tuple[ReportBlock, ...] = ()
    """What the same source receives."""

    @classmethod
    def parse(cls, count: int, body: bytes) -> SenderReport:
        """Read the packet behind its header.

        Raises:
            RemoteProtocolError: It is too short.
        """
        header.check_size(body, _SENDER_INFO.size, "a sender report")
        ssrc, ntp, timestamp, packets, octets = _SENDER_INFO.unpack_from(body)
        blocks = ReportBlock.parse_all(body[_SENDER_INFO.size :], count, "a sender report")
        return cls(ssrc, ntp, timestamp, packets, octets, blocks)

    def serialize(self) -> bytes:
        """Write the packet."""
        info = _SENDER_INFO.pack(
            self.ssrc, self.ntp_time, self.rtp_timestamp, self.packet_count, self.octet_count
        )
        return header.build(len(self.reports), header.SENDER_REPORT, info + _join(self.reports))


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """What a participant receives (RFC 3550 section 6.4.2)."""

    ssrc: int
    """The participant."""
    reports: tuple[ReportBlock, ...] = ()
    """One block per received stream, at most 31."""

    @classmethod
    def parse(cls, count: int, body: bytes) -> ReceiverReport:
        """Read the packet behind its header.

        Raises:
            RemoteProtocolError: It is too short.
        """
        header.check_size(body, _SSRC.size, "a receiver report")
        (ssrc,) = _SSRC.unpack_from(body)
        return cls(ssrc, ReportBlock.parse_all(body[_SSRC.size :], count, "a receiver report"))

    def serialize(self) -> bytes:
        """Write the packet."""
        body = _SSRC.pack(self.ssrc) + _join(self.reports)
        return header.build(len(self.reports), header.RECEIVER_REPORT, body)


@dataclass(frozen=True, slots=True)
class SdesChunk:
    """Description of one source: ``(item type, text)`` pairs (RFC 3550 section 6.5)."""

    ssrc: int
    """The source."""
    items: tuple[tuple[int, bytes], ...] = ()
    """Item types (`CNAME` is 1) and their UTF-8 texts."""

    @property
    def cname(self) -> str | None:
        """The canonical name, if there is one."""
        for number, text in self.items:
            if number == CNAME:
                return text.decode("utf-8", "replace")
        return None

    def __bytes__(self) -> bytes:
        parts = [_SSRC.pack(self.ssrc)]
        for number, text in self.items:
            if len(text) > _MAX_TEXT:
                raise LocalProtocolError(f"an SDES text of {len(text)} bytes; 255 are allowed")
            parts.append(bytes((number, len(text))) + text)
        data = b"".join(parts)
        return data + bytes(4 - len(data) % 4)


@dataclass(frozen=True, slots=True)
class SourceDescription:
    """Descriptions of sources (RFC 3550 section 6.5)."""

    chunks: tuple[SdesChunk, ...] = ()
    """One chunk per source, at most 31."""

    @classmethod
    def parse(cls, count: int, body: bytes) -> SourceDescription:
        """Read the packet behind its header.

        Raises:
            RemoteProtocolError: A chunk or an item reaches beyond the packet.
        """
        chunks: list[SdesChunk] = []
        position = 0
        for _ in range(count):
            chunk, position = _parse_chunk(body, position)
            chunks.append(chunk)
        return cls(tuple(chunks))

    def serialize(self) -> bytes:
        """Write the packet.

        Raises:
            LocalProtocolError: There are more than 31 chunks, or a text is too long.
        """
        body = b"".join(map(bytes, self.chunks))
        return header.build(len(self.chunks), header.SOURCE_DESCRIPTION, body)


def _parse_chunk(body: bytes, position: int) -> tuple[SdesChunk, int]:
    header.check_size(body, position + _SSRC.size, "a source description")
    (ssrc,) = _SSRC.unpack_from(body, position)
    position += _SSRC.size
    items: list[tuple[int, bytes]] = []
    while position < len(body) and body[position]:
        header.check_size(body, position + 2, "a source description")
        stop = position + 2 + body[position + 1]
        header.check_size(body, stop, "a source description")
        items.append((body[position], body[position + 2 : stop]))
        position = stop
    if position == len(body):
        raise RemoteProtocolError("a source description chunk without its end")
    return SdesChunk(ssrc, tuple(items)), position + 4 - position % 4


@dataclass(frozen=True, slots=True)
class Goodbye:
    """Sources that leave (RFC 3550 section 6.6)."""

    ssrcs: tuple[int, ...]
    """The sources, at most 31."""
    reason: bytes = b""
    """Optional UTF-8 text."""

    @classmethod
    def parse(cls, count: int, body: bytes) -> Goodbye:
        """Read the packet behind its header.

        Raises:
            RemoteProtocolError: It is too short.
        """
        size = count * _SSRC.size
        header.check_size(body, size, "a goodbye")
        reason = b""
        if len(body) > size:
            header.check_size(body, size + 1 + body[size], "a goodbye with a reason")
            reason = body[size + 1 : size + 1 + body[size]]
        return cls(tuple(ssrc for (ssrc,) in _SSRC.iter_unpack(body[:size])), reason)

    def serialize(self) -> bytes:
        """Write the packet.

        Raises:
            LocalProtocolError: There are more than 31 sources, or the reason is too long.
        """
        body = b"".join(map(_SSRC.pack, self.ssrcs))
        if len(self.reason) > _MAX_TEXT:
            raise LocalProtocolError(f"a reason of {len(self.reason)} bytes; 255 are allowed")
        if self.reason:
            body += bytes((len(self.reason),)) + self.reason
            body += bytes(-len(body) % 4)
        return header.build(len(self.ssrcs), header.GOODBYE, body)


@dataclass(frozen=True, slots=True)
class ReceiverReferenceTime:
    """The clock of a participant that only receives (RFC 3611 section 4.4)."""

    ntp_time: int
    """Its wall clock, 64-bit NTP."""

    def __bytes__(self) -> bytes:
        return _XR_HEADER.pack(_REFERENCE_TIME_BLOCK, 0, 2) + self.ntp_time.to_bytes(8, "big")


@dataclass(frozen=True, slots=True)
class DelaySinceLastReport:
    """Answer to one `ReceiverReferenceTime` (RFC 3611 section 4.5)."""

    ssrc: int
    """Who sent the reference time."""
    last_reference_time: int
    """Middle 32 bits of that time, 0 if none was received."""
    delay: int
    """Time since its arrival in 1/65536 s."""


@dataclass(frozen=True, slots=True)
class DlrrBlock:
    """Answers to reference times (RFC 3611 section 4.5)."""

    reports: tuple[DelaySinceLastReport, ...]
    """One per participant answered."""

    def __bytes__(self) -> bytes:
        parts = [_XR_HEADER.pack(_DLRR_BLOCK, 0, 3 * len(self.reports))]
        parts += [_DLRR.pack(r.ssrc, r.last_reference_time, r.delay) for r in self.reports]
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class RawXrBlock:
    """A block of an extended report that we do not interpret."""

    block_type: int
    """Its type."""
    specific: int
    """Its type-specific byte."""
    data: bytes
    """Its contents, whole words."""

    def __bytes__(self) -> bytes:
        return _XR_HEADER.pack(self.block_type, self.specific, len(self.data) // 4) + self.data


XrBlock: TypeAlias = ReceiverReferenceTime | DlrrBlock | RawXrBlock
"""One block of an extended report."""


@dataclass(frozen=True, slots=True)
class ExtendedReport:
    """Extended report (RFC 3611 section 2)."""

    ssrc: int
    """Who reports."""
    blocks: tuple[XrBlock, ...] = ()
    """Its blocks."""

    @classmethod
    def parse(cls, _count: int, body: bytes) -> ExtendedReport:
        """Read the packet behind its header.

        Raises:
            RemoteProtocolError: A block reaches beyond the packet.
        """
        header.check_size(body, _SSRC.size, "an extended report")
        (ssrc,) = _SSRC.unpack_from(body)
        blocks: list[XrBlock] = []
        position = _SSRC.size
        while position < len(body):
            header.check_size(body, position + _XR_HEADER.size, "an extended report")
            kind, specific, words = _XR_HEADER.unpack_from(body, position)
            position += _XR_HEADER.size
            header.check_size(body, position + 4 * words, "an extended report")
            blocks.append(_parse_block(kind, specific, body[position : position + 4 * words]))
            position += 4 * words
        return cls(ssrc, tuple(blocks))

    def serialize(self) -> bytes:
        """Write the packet."""
        body = _SSRC.pack(self.ssrc) + b"".join(map(bytes, self.blocks))
        return header.build(0, header.EXTENDED_REPORT, body)


def _parse_block(kind: int, specific: int, data: bytes) -> XrBlock:
    if kind == _REFERENCE_TIME_BLOCK and len(data) == 8:
        return ReceiverReferenceTime(int.from_bytes(data, "big"))
    if kind == _DLRR_BLOCK and len(data) % _DLRR.size == 0:
        return DlrrBlock(tuple(DelaySinceLastReport(*part) for part in _DLRR.iter_unpack(data)))
    return RawXrBlock(kind, specific, data)

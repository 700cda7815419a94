"""RTP: packet header, sequence number and timestamp arithmetic.

Theory of operation
    Media packets on the hot path never become objects: SRTP finds the header's bounds, and the
    streams read single fields by offset. `RtpPacket` is for those who want whole packets: users
    of raw packets, and a forwarder that rewrites them.

    Sequence numbers (16 bits) and timestamps (32 bits) wrap. Each is unwrapped once, where it
    enters, into an integer that only grows with the stream; everything after uses ``<``.

Implements: RFC 3550 section 5.1 (fixed header), 5.3.1 (extension), appendix A.1 in spirit
(extended sequence numbers); RFC 7983 and RFC 5761 section 4 (telling RTP, RTCP and the rest apart).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.rtp.extensions import build_extensions, parse_extensions

__all__ = [
    "FIXED_HEADER_SIZE",
    "HEADER",
    "RtpPacket",
    "SequenceUnwrapper",
    "TimestampUnwrapper",
    "is_rtcp",
    "is_rtp_or_rtcp",
    "parse_header_length",
    "strip_padding",
]

HEADER = Struct("!BBHII")
"""First byte, marker and payload type, sequence number, timestamp, SSRC (RFC 3550 section 5.1)."""

FIXED_HEADER_SIZE = HEADER.size
VERSION_BITS = 0x80
PADDING_BIT = 0x20
EXTENSION_BIT = 0x10
MARKER_BIT = 0x80

_MAX_CSRCS = 15
_ONE_BYTE_PROFILE_HIGH = 0xBE  # of 0xBEDE, RFC 8285 section 4.2
_MAX_PADDING = 255
_RTCP_TYPES = range(192, 224)  # RFC 5761 section 4
_RTP_FIRST_BYTES = range(128, 192)  # RFC 7983


def is_rtp_or_rtcp(datagram: bytes) -> bool:
    """Whether a datagram of a multiplexed port is (S)RTP or (S)RTCP, by its first byte."""
    return len(datagram) > 1 and datagram[0] in _RTP_FIRST_BYTES


def is_rtcp(datagram: bytes) -> bool:
    """Whether a datagram for which `is_rtp_or_rtcp` holds is (S)RTCP."""
    return datagram[1] in _RTCP_TYPES


def parse_header_length(packet: bytes) -> int:
    """Find where the payload begins.

    Raises:
        RemoteProtocolError: It is not RTP version 2, or the header reaches beyond the packet.
    """
    if len(packet) < FIXED_HEADER_SIZE or packet[0] & 0xC0 != VERSION_BITS:
        raise RemoteProtocolError("not an RTP version 2 packet")
    length = FIXED_HEADER_SIZE + 4 * (packet[0] & 0x0F)
    if packet[0] & EXTENSION_BIT:
        if len(packet) < length + 4:
            raise RemoteProtocolError("an RTP header extension beyond the end of the packet")
        length += 4 + 4 * (packet[length + 2] << 8 | packet[length + 3])
    if len(packet) < length:
        raise RemoteProtocolError("an RTP header beyond the end of the packet")
    return length


def strip_padding(payload: bytes) -> bytes:
    """Cut the padding off the payload of a packet whose padding bit is set.

    Raises:
        RemoteProtocolError: The padding count is zero or larger than the payload.
    """
    size = payload[-1] if payload else 0
    if not 0 < size <= len(payload):
        raise RemoteProtocolError(f"an RTP packet with {size} of {len(payload)} bytes as padding")
    return payload[:-size]


@dataclass(slots=True)
class RtpPacket:
    """One RTP packet, taken apart (RFC 3550 section 5.1)."""

    payload_type: int
    """Payload type, 0 to 127."""
    sequence_number: int
    """Sequence number as on the wire, 16 bits."""
    timestamp: int
    """RTP timestamp as on the wire, 32 bits."""
    ssrc: int
    """Synchronisation source."""
    payload: bytes = b""
    """Payload without padding; empty for a packet of nothing but padding."""
    marker: bool = False
    """Marker bit: end of a video frame, start of a talk spurt."""
    csrcs: tuple[int, ...] = ()
    """Contributing sources, at most 15."""
    extensions: dict[int, bytes] = field(default_factory=dict[int, bytes])
    """Header extension values by id, in packet order."""
    padding_size: int = 0
    """Bytes of padding behind the payload, its count included."""
    two_byte_extensions: bool = False
    """Whether the two-byte element form is used although the one-byte form might do."""
    index: int = 0
    """Extended sequence number: rollover counter and `sequence_number`; 0 if not known."""

    @classmethod
    def parse(cls, data: bytes) -> RtpPacket:
        """Take a packet apart.

        Raises:
            RemoteProtocolError: A count or a length in it does not fit the packet.
        """
        header_length = parse_header_length(data)
        return cls.from_parts(data, header_length, data[header_length:])

    @classmethod
    def from_parts(
        cls, packet: bytes, header_length: int, payload: bytes, index: int = 0
    ) -> RtpPacket:
        """Take a packet apart of which SRTP found the header and the plain payload.

        Args:
            packet: The packet, of which only the header is read.
            header_length: Size of the header with CSRCs and extensions.
            payload: What follows the header, padding included.
            index: Extended sequence number.

        Raises:
            RemoteProtocolError: Extensions or padding are malformed.
        """
        first, second = packet[0], packet[1]
        _, _, sequence_number, timestamp, ssrc = HEADER.unpack_from(packet)
        count = first & _MAX_CSRCS
        has_block = bool(first & EXTENSION_BIT)
        two_byte = has_block and packet[FIXED_HEADER_SIZE + 4 * count] != _ONE_BYTE_PROFILE_HIGH
        size = len(payload)
        if first & PADDING_BIT:
            payload = strip_padding(payload)
        return cls(
            payload_type=second & 0x7F,
            sequence_number=sequence_number,
            timestamp=timestamp,
            ssrc=ssrc,
            payload=payload,
            marker=second >= MARKER_BIT,
            csrcs=tuple(
                int.from_bytes(packet[start : start + 4], "big")
                for start in range(FIXED_HEADER_SIZE, FIXED_HEADER_SIZE + 4 * count, 4)
            ),
            extensions=parse_extensions(packet, header_length),
            padding_size=size - len(payload),
            two_byte_extensions=two_byte,
            index=index,
        )

    def serialize(self) -> bytes:
        """Write the packet.

        Raises:
            LocalProtocolError: A field is outside what the header can carry.
        """
        self._check()
        first = VERSION_BITS | len(self.csrcs)
        block = b""
        if self.extensions:
            first |= EXTENSION_BIT
            block = build_extensions(self.extensions, two_byte=self.two_byte_extensions)
        padding = b""
        if self.padding_size:
            first |= PADDING_BIT
            padding = bytes(self.padding_size - 1) + bytes((self.padding_size,))
        header = HEADER.pack(
            first,
            self.marker << 7 | self.payload_type,
            self.sequence_number,
            self.timestamp,
            self.ssrc,
        )
        csrcs = b"".join(csrc.to_bytes(4, "big") for csrc in self.csrcs)
        return b"".join((header, csrcs, block, self.payload, padding))

    def _check(self) -> None:
        ranges = (
            ("payload_type", self.payload_type, 0x7F),
            ("sequence_number", self.sequence_number, 0xFFFF),
            ("timestamp", self.timestamp, 0xFFFFFFFF),
            ("ssrc", self.ssrc, 0xFFFFFFFF),
            ("padding_size", self.padding_size, _MAX_PADDING),
            ("number of CSRCs", len(self.csrcs), _MAX_CSRCS),
        )
        for name, value, limit in ranges:
            if not 0 <= value <= limit:
                raise LocalProtocolError(f"the {name} {value} is outside 0..{limit}")


class SequenceUnwrapper:
    """Extends 16-bit sequence numbers to integers that do not wrap.

    Attributes:
        highest: The largest value returned so far, or -1.
    """

    __slots__ = ("highest",)

    def __init__(self, highest: int = -1) -> None:
        self.highest = highest

    def unwrap(self, sequence_number: int) -> int:
        """Return the value nearest to the highest one so far; never a negative one."""
        value = self.peek(sequence_number)
        if value > self.highest:
            self.highest = value
        return value

    def peek(self, sequence_number: int) -> int:
        """Do as `unwrap` does, without learning from it."""
        highest = self.highest
        if highest < 0:
            return sequence_number
        delta = (sequence_number - highest) & 0xFFFF
        value = highest + delta if delta < 0x8000 else highest + delta - 0x10000
        return value if value >= 0 else value + 0x10000


class TimestampUnwrapper:
    """Extends 32-bit RTP timestamps to integers that do not wrap.

    The first timestamp is returned as it is; later ones lie at most 2^31 before or behind the
    one before, so they can be negative when a stream begins near zero and goes back.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def unwrap(self, timestamp: int) -> int:
        """Return the value nearest to the one before."""
        last = self._last
        if last is not None:
            delta = (timestamp - last) & 0xFFFFFFFF
            timestamp = last + delta if delta < 0x80000000 else last + delta - 0x100000000
        self._last = timestamp
        return timestamp

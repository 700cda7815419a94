"""One RTP packet as an object, for those who want whole packets.

Users of raw packets read it, and a forwarder rewrites it; the streams themselves work on bytes.

Implements: RFC 3550 section 5.1 (fixed header), 5.3.1 (extension).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lktrio._protocol_errors import LocalProtocolError
from lktrio.rtc.rtp.extensions import ONE_BYTE_PROFILE, build_extensions, parse_extensions
from lktrio.rtc.rtp.header import (
    EXTENSION_BIT,
    FIXED_HEADER_SIZE,
    HEADER,
    MARKER_BIT,
    MAX_CSRCS,
    PADDING_BIT,
    VERSION_BITS,
    parse_header_length,
    strip_padding,
)

__all__ = ["RtpPacket"]

_ONE_BYTE_PROFILE_HIGH = ONE_BYTE_PROFILE >> 8
_MAX_PADDING = 255


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
        count = first & MAX_CSRCS
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
            ("number of CSRCs", len(self.csrcs), MAX_CSRCS),
        )
        for name, value, limit in ranges:
            if not 0 <= value <= limit:
                raise LocalProtocolError(f"the {name} {value} is outside 0..{limit}")

"""The fixed RTP header: its fields, where it ends, and how to tell RTP from RTCP.

Theory of operation
    Media packets on the hot path never become objects: SRTP finds the header's bounds, and the
    streams read single fields by offset. These are the offsets and bits that they share.

Implements: RFC 3550 section 5.1 (fixed header), 5.3.1 (extension); RFC 7983 and RFC 5761 section 4
(telling RTP, RTCP and the rest apart).
"""

from __future__ import annotations

from struct import Struct

from lktrio._protocol_errors import RemoteProtocolError

__all__ = [
    "EXTENSION_BIT",
    "EXTENSION_HEADER_SIZE",
    "FIXED_HEADER_SIZE",
    "HEADER",
    "MARKER_BIT",
    "MAX_CSRCS",
    "PADDING_BIT",
    "VERSION_BITS",
    "VERSION_MASK",
    "is_rtcp",
    "is_rtp_or_rtcp",
    "parse_header_length",
    "strip_padding",
]

HEADER = Struct("!BBHII")
"""First byte, marker and payload type, sequence number, timestamp, SSRC (RFC 3550 section 5.1)."""

FIXED_HEADER_SIZE = HEADER.size
VERSION_BITS = 0x80
"""Version 2 in the first byte."""
VERSION_MASK = 0xC0
PADDING_BIT = 0x20
"""Of the first byte: the payload ends in padding."""
EXTENSION_BIT = 0x10
"""Of the first byte: an extension block follows the CSRCs."""
MAX_CSRCS = 15
"""Contributing sources; also the mask of their count in the first byte."""
MARKER_BIT = 0x80
"""Of the second byte; the rest is the payload type."""
EXTENSION_HEADER_SIZE = 4
"""Profile and length of an extension block."""

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
    if len(packet) < FIXED_HEADER_SIZE or packet[0] & VERSION_MASK != VERSION_BITS:
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

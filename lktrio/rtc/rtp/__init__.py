"""RTP (RFC 3550): packets, the streams made of them in both directions, and what steers them.

``packet`` is one packet with its header, ``inbound`` and ``outbound`` are the streams.
"""

from __future__ import annotations

from lktrio.rtc.rtp.packet import (
    FIXED_HEADER_SIZE,
    HEADER,
    RtpPacket,
    SequenceUnwrapper,
    TimestampUnwrapper,
    is_rtcp,
    is_rtp_or_rtcp,
    parse_header_length,
    strip_padding,
)

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

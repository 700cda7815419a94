"""RTP (RFC 3550): packets, the streams made of them in both directions, and what steers them.

``header`` and ``packet`` are one packet, ``inbound`` and ``outbound`` the streams of one SSRC.
Nothing here knows of SRTP: a stream is given what protects its packets.
"""

from __future__ import annotations

from lktrio.rtc.rtp.header import (
    FIXED_HEADER_SIZE,
    HEADER,
    is_rtcp,
    is_rtp_or_rtcp,
    parse_header_length,
    strip_padding,
)
from lktrio.rtc.rtp.packet import RtpPacket
from lktrio.rtc.rtp.unwrapping import SequenceUnwrapper, TimestampUnwrapper

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

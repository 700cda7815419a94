"""RTCP: reports and feedback about RTP streams.

Theory of operation
    One SRTCP packet holds one *compound* packet: RTCP packets one after another, each with its
    type and length (RFC 3550 section 6.1). `parse_compound` returns those we know as frozen
    objects and skips the others; each object writes itself with ``serialize()``. Feedback may
    travel alone (reduced-size RTCP, RFC 5506). If any part is malformed the whole packet is
    refused, as RFC 3550 appendix A.2 does.

Implements: RFC 3550 section 6, RFC 3611 sections 4.4 and 4.5, RFC 4585 sections 6.2.1 and 6.3.1,
RFC 5104 section 4.3.1, RFC 5506, draft-alvestrand-rmcat-remb-03,
draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.
"""

from __future__ import annotations

from lktrio.rtc.rtcp.compound import (
    MAX_COMPOUND_SIZE,
    MAX_PACKETS,
    RtcpPacket,
    parse_compound,
    serialize_compound,
)
from lktrio.rtc.rtcp.feedback import (
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverEstimatedMaxBitrate,
)
from lktrio.rtc.rtcp.header import MAX_COUNT
from lktrio.rtc.rtcp.reports import (
    CNAME,
    DelaySinceLastReport,
    DlrrBlock,
    ExtendedReport,
    Goodbye,
    RawXrBlock,
    ReceiverReferenceTime,
    ReceiverReport,
    ReportBlock,
    SdesChunk,
    SenderReport,
    SourceDescription,
    XrBlock,
)
from lktrio.rtc.rtcp.transport import TICK, TICKS_PER_REFERENCE, TransportFeedback

__all__ = [
    "CNAME",
    "MAX_COMPOUND_SIZE",
    "MAX_COUNT",
    "MAX_PACKETS",
    "TICK",
    "TICKS_PER_REFERENCE",
    "DelaySinceLastReport",
    "DlrrBlock",
    "ExtendedReport",
    "FullIntraRequest",
    "Goodbye",
    "Nack",
    "PictureLossIndication",
    "RawXrBlock",
    "ReceiverEstimatedMaxBitrate",
    "ReceiverReferenceTime",
    "ReceiverReport",
    "ReportBlock",
    "RtcpPacket",
    "SdesChunk",
    "SenderReport",
    "SourceDescription",
    "TransportFeedback",
    "XrBlock",
    "parse_compound",
    "serialize_compound",
]

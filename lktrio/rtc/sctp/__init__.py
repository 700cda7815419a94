"""SCTP over DTLS (RFC 8261, RFC 8831): the transport of data channels, without I/O."""

from __future__ import annotations

from lktrio.rtc.sctp.association import SctpAssociation
from lktrio.rtc.sctp.events import (
    BufferedAmountLow,
    DataAcknowledged,
    SctpClosed,
    SctpConnected,
    SctpEvent,
    SctpMessage,
    SctpOptions,
    SctpStats,
    StreamsReset,
    StreamsResetDone,
)
from lktrio.rtc.sctp.states import SctpState

__all__ = [
    "BufferedAmountLow",
    "DataAcknowledged",
    "SctpAssociation",
    "SctpClosed",
    "SctpConnected",
    "SctpEvent",
    "SctpMessage",
    "SctpOptions",
    "SctpState",
    "SctpStats",
    "StreamsReset",
    "StreamsResetDone",
]

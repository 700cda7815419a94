"""DTLS 1.2 for WebRTC (RFC 6347, RFC 8827 6.5): the keys of SRTP and the channel below SCTP.

``DtlsEndpoint`` is one end of a connection, ``Certificate`` what it presents.
"""

from __future__ import annotations

from lktrio.rtc.dtls.certificate import Certificate
from lktrio.rtc.dtls.endpoint import DtlsEndpoint
from lktrio.rtc.dtls.options import (
    DtlsAborted,
    DtlsClosed,
    DtlsConnected,
    DtlsEvent,
    DtlsOptions,
    DtlsSecrets,
)
from lktrio.rtc.dtls.records import DtlsStats

__all__ = [
    "Certificate",
    "DtlsClosed",
    "DtlsConnected",
    "DtlsEndpoint",
    "DtlsEvent",
    "DtlsAborted",
    "DtlsOptions",
    "DtlsSecrets",
    "DtlsStats",
]

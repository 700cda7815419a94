"""SRTP and SRTCP (RFC 3711, RFC 7714): media encrypted with the keys of the DTLS handshake.

``SrtpSender`` and ``SrtpReceiver`` are the two directions of one peer connection.
"""

from __future__ import annotations

from lktrio.rtc.srtp.ciphers import SrtpProfile
from lktrio.rtc.srtp.replay import NumberSet
from lktrio.rtc.srtp.session import (
    DEFAULT_MAX_SSRCS,
    EXPORTER_LABEL,
    OutboundSrtpStream,
    SrtpCounters,
    SrtpKeys,
    SrtpReceiver,
    SrtpSender,
)

__all__ = [
    "DEFAULT_MAX_SSRCS",
    "EXPORTER_LABEL",
    "NumberSet",
    "OutboundSrtpStream",
    "SrtpCounters",
    "SrtpKeys",
    "SrtpProfile",
    "SrtpReceiver",
    "SrtpSender",
]

"""Session descriptions (RFC 8866, RFC 8829): the text in which two peers offer and answer media.

``description`` has the model and its parser, ``attributes`` the values, ``writer`` the text.
"""

from __future__ import annotations

from lktrio.rtc.sdp.attributes import (
    Direction,
    Fingerprint,
    Group,
    HeaderExtension,
    Msid,
    Rid,
    RtpCodec,
    SetupRole,
    Simulcast,
    SsrcGroup,
)
from lktrio.rtc.sdp.description import (
    MAX_LINES,
    MAX_SECTIONS,
    MAX_SIZE,
    MediaDescription,
    Origin,
    SessionDescription,
    SharedAttributes,
)

__all__ = [
    "Direction",
    "Fingerprint",
    "Group",
    "HeaderExtension",
    "MAX_LINES",
    "MAX_SECTIONS",
    "MAX_SIZE",
    "MediaDescription",
    "Msid",
    "Origin",
    "Rid",
    "RtpCodec",
    "SessionDescription",
    "SetupRole",
    "SharedAttributes",
    "Simulcast",
    "SsrcGroup",
]

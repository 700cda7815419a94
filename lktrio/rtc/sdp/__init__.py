"""Session descriptions (RFC 8866, RFC 8829): the text in which two peers offer and answer media.

``description`` is the model, ``attributes`` its values, ``reader`` and ``writer`` the text.
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
    MediaDescription,
    Origin,
    SessionDescription,
    SharedAttributes,
)
from lktrio.rtc.sdp.reader import MAX_LINES, MAX_SECTIONS, MAX_SIZE, read_description
from lktrio.rtc.sdp.writer import write_description

__all__ = [
    "MAX_LINES",
    "MAX_SECTIONS",
    "MAX_SIZE",
    "Direction",
    "Fingerprint",
    "Group",
    "HeaderExtension",
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
    "read_description",
    "write_description",
]

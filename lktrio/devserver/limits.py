"""How much a client may say: LiveKit's limits, and some where LiveKit's server has none.

Sizes are bytes of UTF-8.
"""

from __future__ import annotations

from collections.abc import Mapping

from lktrio import proto

__all__ = [
    "MAX_ATTRIBUTES",
    "MAX_LISTED",
    "MAX_METADATA",
    "MAX_NAME",
    "MAX_SID",
    "attributes_size",
    "fits",
    "if_short",
    "is_sid",
    "too_long",
]

MAX_NAME = 256
"""Bytes of an identity, of the name of a participant, a room or a track, of a cid, of a topic."""
MAX_SID = 64
"""Bytes of an identifier that the server made; its own have 18."""
MAX_METADATA = 512 * 1024
"""Bytes of the metadata of a participant or a room."""
MAX_ATTRIBUTES = 64 * 1024
"""Bytes of all names and values of a participant's attributes."""
MAX_LISTED = 4096
"""Entries of a list that a session keeps: preferences, settings, permissions."""


def fits(*texts: str, limit: int = MAX_NAME) -> bool:
    """Whether none of some texts is too long."""
    return all(len(text) <= limit and len(text.encode()) <= limit for text in texts)


def if_short(text: str | None) -> str:
    """A text of a client's description as others are told it: nothing if it is too long."""
    return text if text is not None and fits(text) else ""


def is_sid(text: str) -> bool:
    """Whether a text may be an identifier of this server."""
    return 0 < len(text) <= MAX_SID and text.isascii()


def attributes_size(attributes: Mapping[str, str]) -> int:
    """Bytes of all names and values."""
    return sum(len(key.encode()) + len(value.encode()) for key, value in attributes.items())


def too_long(
    name: str, metadata: str, attributes: Mapping[str, str]
) -> tuple[proto.RequestResponse.Reason, str] | None:
    """Why these values are too long for a participant, None if they are not."""
    reason = proto.RequestResponse.Reason.LIMIT_EXCEEDED
    if not fits(name):
        return reason, "exceeds name length limit"
    if not fits(metadata, limit=MAX_METADATA):
        return reason, "exceeds metadata size limit"
    if attributes_size(attributes) > MAX_ATTRIBUTES:
        return reason, "exceeds attributes size limit"
    return None

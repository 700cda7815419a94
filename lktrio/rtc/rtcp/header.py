"""The common header of all RTCP packets (RFC 3550 section 6.4.1) and their packet types."""

from __future__ import annotations

from struct import Struct

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError

__all__ = [
    "APPLICATION",
    "EXTENDED_REPORT",
    "GOODBYE",
    "HEADER",
    "PAYLOAD_FEEDBACK",
    "RECEIVER_REPORT",
    "SENDER_REPORT",
    "SOURCE_DESCRIPTION",
    "TRANSPORT_FEEDBACK",
    "build",
    "check_size",
]

SENDER_REPORT = 200  # RFC 3550 section 12.1
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203
APPLICATION = 204
TRANSPORT_FEEDBACK = 205  # RFC 4585 section 6.1
PAYLOAD_FEEDBACK = 206
EXTENDED_REPORT = 207  # RFC 3611 section 2

HEADER = Struct("!BBH")
"""Version, padding bit and count; packet type; length in words, minus one."""

VERSION_BITS = 0x80
PADDING_BIT = 0x20
MAX_COUNT = 31
_MAX_WORDS = 0xFFFF


def build(count: int, packet_type: int, body: bytes, *, padding: int = 0) -> bytes:
    """Put the header before ``body``, and ``padding`` bytes (a count in the last one) behind it.

    Raises:
        LocalProtocolError: The count or the length does not fit its field.
    """
    first = VERSION_BITS | count
    if padding:
        first |= PADDING_BIT
        body += bytes(padding - 1) + bytes((padding,))
    assert len(body) % 4 == 0
    words = len(body) // 4
    if count > MAX_COUNT or words > _MAX_WORDS:
        raise LocalProtocolError(
            f"an RTCP packet with {count} parts in {len(body)} bytes is too large; use several"
        )
    return HEADER.pack(first, packet_type, words) + body


def check_size(body: bytes, minimum: int, what: str) -> None:
    """Refuse a packet that is shorter than its fixed part.

    Raises:
        RemoteProtocolError: It is.
    """
    if len(body) < minimum:
        raise RemoteProtocolError(f"{what} of {len(body)} bytes, where {minimum} are needed")

"""RTP header extensions: the element formats and the values that WebRTC carries in them.

Theory of operation
    An RTP header may be followed by one extension block: a 16-bit profile, a length in 32-bit
    words, and data. RFC 8285 defines two profiles that divide the data into elements with a
    small id each: the one-byte form (``0xBEDE``: ids 1-14, 1-16 bytes) and the two-byte form
    (``0x100?``: ids 1-255, 0-255 bytes). SDP (``a=extmap``) gives the ids their meaning, per
    peer connection; `ExtensionIds` is that agreement.

    One packet uses one form. We write the one-byte form whenever every element fits it.

Implements: RFC 8285 sections 4.1.2, 4.2, 4.3 (elements); RFC 6464 (audio level); RFC 9143
section 15 (mid); RFC 8852 (rid, repaired-rid); draft-holmer-rmcat-transport-wide-cc-extensions-01
(transport-wide sequence number); webrtc.org ``abs-send-time``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.rtp.header import (
    EXTENSION_BIT,
    EXTENSION_HEADER_SIZE,
    FIXED_HEADER_SIZE,
    MAX_CSRCS,
)

__all__ = [
    "ABS_SEND_TIME_URI",
    "AUDIO_LEVEL_URI",
    "MAX_EXTENSIONS",
    "MID_URI",
    "NO_EXTENSIONS",
    "ONE_BYTE_MAX_ID",
    "ONE_BYTE_MAX_SIZE",
    "ONE_BYTE_PROFILE",
    "REPAIRED_RID_URI",
    "RID_URI",
    "SILENCE",
    "TRANSPORT_CC_URI",
    "AudioLevel",
    "ExtensionIds",
    "abs_send_time",
    "build_extensions",
    "find_extension",
    "parse_extensions",
]

MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID_URI = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID_URI = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL_URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
ABS_SEND_TIME_URI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_CC_URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

MAX_EXTENSIONS = 16
"""Most elements that one packet may carry; more is an attack on the parser."""

ONE_BYTE_PROFILE = 0xBEDE  # RFC 8285 section 4.2
TWO_BYTE_PROFILE = 0x1000  # RFC 8285 section 4.3, application bits zero
ONE_BYTE_MAX_ID = 14
_ONE_BYTE_STOP_ID = 15
ONE_BYTE_MAX_SIZE = 16
_TWO_BYTE_MAX_ID = 255
_TWO_BYTE_MAX_SIZE = 255

SILENCE = 127
"""The audio level of silence (RFC 6464): the quietest, no voice."""


@dataclass(frozen=True, slots=True)
class ExtensionIds:
    """Which element id means what in one media section; 0 where an extension is not in use."""

    mid: int = 0
    """Media section of the stream (RFC 9143)."""
    rid: int = 0
    """Simulcast layer of the stream (RFC 8852)."""
    repaired_rid: int = 0
    """Simulcast layer that a retransmission stream repairs (RFC 8852)."""
    audio_level: int = 0
    """Loudness of the audio in the packet (RFC 6464)."""
    abs_send_time: int = 0
    """When the packet left the sender."""
    transport_cc: int = 0
    """Sequence number over all packets of a transport."""

    @classmethod
    def from_uris(cls, uris: Iterable[tuple[str, int]]) -> ExtensionIds:
        """Take the extensions we know from ``(uri, id)`` pairs of an SDP section."""
        return cls(**{_FIELDS[uri]: number for uri, number in uris if uri in _FIELDS})


_FIELDS = {
    MID_URI: "mid",
    RID_URI: "rid",
    REPAIRED_RID_URI: "repaired_rid",
    AUDIO_LEVEL_URI: "audio_level",
    ABS_SEND_TIME_URI: "abs_send_time",
    TRANSPORT_CC_URI: "transport_cc",
}

NO_EXTENSIONS = ExtensionIds()
"""No extension negotiated."""


@dataclass(frozen=True, slots=True)
class AudioLevel:
    """Loudness of the audio in one packet (RFC 6464)."""

    level: int
    """Level in -dBov: 0 is the loudest, 127 digital silence."""
    voice: bool = False
    """Whether the sender believes that the packet contains speech."""

    @classmethod
    def parse(cls, value: bytes) -> AudioLevel:
        """Read the element's value.

        Raises:
            RemoteProtocolError: The value is empty.
        """
        if not value:
            raise RemoteProtocolError("an audio level without a value")
        return cls(value[0] & 0x7F, bool(value[0] & 0x80))

    def __bytes__(self) -> bytes:
        return bytes((self.voice << 7 | self.level,))


def abs_send_time(now: float) -> int:
    """Turn seconds of any clock into the 24 bits of abs-send-time: 6.18 fixed point, wrapping."""
    return int(now * 262144.0) & 0xFFFFFF


def parse_extensions(packet: bytes, header_length: int) -> dict[int, bytes]:
    """Read all header extension elements of one packet.

    Args:
        packet: The RTP packet, of which the header was found to be in bounds.
        header_length: Size of the whole header, extension block included.

    Returns:
        Values by id, in packet order. Empty for a profile that is not of RFC 8285.

    Raises:
        RemoteProtocolError: An element reaches beyond the block, or there are too many.
    """
    if not packet[0] & EXTENSION_BIT:
        return {}
    start = FIXED_HEADER_SIZE + 4 * (packet[0] & MAX_CSRCS)
    profile = packet[start] << 8 | packet[start + 1]
    if profile == ONE_BYTE_PROFILE:
        return _parse_one_byte(packet, start + EXTENSION_HEADER_SIZE, header_length)
    if profile & 0xFFF0 == TWO_BYTE_PROFILE:
        return _parse_two_byte(packet, start + EXTENSION_HEADER_SIZE, header_length)
    return {}


def _parse_one_byte(packet: bytes, position: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while position < end:
        first = packet[position]
        position += 1
        if not first:
            continue
        number = first >> 4
        if number == _ONE_BYTE_STOP_ID:
            break
        stop = position + (first & 0x0F) + 1
        _check_element(stop, end, len(found))
        if number:
            found[number] = packet[position:stop]
        position = stop
    return found


def _parse_two_byte(packet: bytes, position: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while position < end:
        number = packet[position]
        position += 1
        if not number:
            continue
        if position == end:
            raise RemoteProtocolError("a header extension without its length")
        stop = position + 1 + packet[position]
        _check_element(stop, end, len(found))
        found[number] = packet[position + 1 : stop]
        position = stop
    return found


def _check_element(stop: int, end: int, count: int) -> None:
    if stop > end:
        raise RemoteProtocolError("a header extension reaches beyond its block")
    if count >= MAX_EXTENSIONS:
        raise RemoteProtocolError(f"more than {MAX_EXTENSIONS} header extensions")


def find_extension(packet: bytes, header_length: int, number: int) -> bytes | None:
    """Read one element, or None if the packet lacks it or its extension block is malformed."""
    try:
        return parse_extensions(packet, header_length).get(number)
    except RemoteProtocolError:
        return None


def build_extensions(extensions: Mapping[int, bytes], *, two_byte: bool = False) -> bytes:
    """Write an extension block, padded to whole words, with its profile and length.

    Args:
        extensions: Values by id, written in this order.
        two_byte: Use the two-byte form even where the one-byte form would do.

    Raises:
        LocalProtocolError: An id or a value is outside what the two-byte form can carry.
    """
    small = not two_byte and all(
        0 < number <= ONE_BYTE_MAX_ID and 0 < len(value) <= ONE_BYTE_MAX_SIZE
        for number, value in extensions.items()
    )
    if small:
        profile = ONE_BYTE_PROFILE
        parts = [bytes((n << 4 | len(value) - 1,)) + value for n, value in extensions.items()]
    else:
        profile = TWO_BYTE_PROFILE
        parts = [_two_byte_element(number, value) for number, value in extensions.items()]
    data = b"".join(parts)
    words = (len(data) + 3) // 4
    return profile.to_bytes(2, "big") + words.to_bytes(2, "big") + data.ljust(4 * words, b"\0")


def _two_byte_element(number: int, value: bytes) -> bytes:
    if not 0 < number <= _TWO_BYTE_MAX_ID:
        raise LocalProtocolError(f"header extension id {number} is outside 1..{_TWO_BYTE_MAX_ID}")
    if len(value) > _TWO_BYTE_MAX_SIZE:
        raise LocalProtocolError(
            f"header extension {number} has {len(value)} bytes; at most {_TWO_BYTE_MAX_SIZE} fit"
        )
    return bytes((number, len(value))) + value

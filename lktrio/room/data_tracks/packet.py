"""Packets of data tracks, one to a message of the data channel ``_data_track``.

Theory of operation: the format is LiveKit's own, after RTP's; there is no RFC. All numbers are big
endian. A fixed header of 12 bytes comes first::

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-----+-+-+-+---+---------------+-------------------------------+
    |  V  |S|E|X|      reserved     |            handle             |
    +-----+-+-+-+---+---------------+-------------------------------+
    |        sequence number        |         frame number          |
    +-------------------------------+-------------------------------+
    |                           timestamp                           |
    +---------------------------------------------------------------+

``V`` is the version, 0. ``S`` marks the first packet of a frame, ``E`` the last one. The handle
names the track: on the way up as its publisher has numbered it, on the way down as the server has
for the subscriber. The timestamp is in units of 1/90,000 s.

With ``X`` extensions follow: two bytes with the number of further words of four bytes that they
take, and then elements of id, length and value. The id 0 is padding up to the end of the last word.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct

from lktrio.errors import RemoteProtocolError

__all__ = ["MAX_HANDLE", "MAX_USER_TIMESTAMP", "DataTrackPacket", "decode_packet", "encode_packet"]

MAX_HANDLE = 0xFFFF
"""The largest handle; the smallest is 1."""
MAX_USER_TIMESTAMP = 2**64 - 1
"""The largest timestamp that a program may give to a frame."""

_HEADER = Struct("!BxHHHI")
_EXTENSIONS_SIZE = Struct("!H")
_USER_TIMESTAMP = Struct("!Q")
_STARTS, _ENDS, _EXTENDED = 0x10, 0x08, 0x04
_VERSION_SHIFT = 5
_WORD = 4  # bytes
_PADDING_ID, _USER_TIMESTAMP_ID = 0, 2  # DataTrackExtensionID; others are skipped


@dataclass(frozen=True, slots=True)
class DataTrackPacket:
    """One packet: a frame, or a part of one."""

    handle: int
    """Which track, 1 to 65,535."""
    sequence: int
    """Counts the packets of the track; 16 bits, wraps."""
    frame_number: int
    """Counts its frames; 16 bits, wraps."""
    timestamp: int
    """When the frame was sent, in 1/90,000 s from a random beginning; 32 bits, wraps."""
    starts: bool
    """Whether the frame begins here."""
    ends: bool
    """Whether it ends here."""
    payload: bytes
    """This part of the frame."""
    user_timestamp: int | None = None
    """What the publisher's program gave to the frame, 64 bits."""


def encode_packet(packet: DataTrackPacket) -> bytes:
    """The message for a packet, whose fields have to be in range."""
    extensions = b""
    if packet.user_timestamp is not None:
        value = _USER_TIMESTAMP.pack(packet.user_timestamp)
        extensions = bytes((_USER_TIMESTAMP_ID, len(value))) + value
    flags = _STARTS * packet.starts | _ENDS * packet.ends | _EXTENDED * bool(extensions)
    header = _HEADER.pack(
        flags, packet.handle, packet.sequence, packet.frame_number, packet.timestamp
    )
    return header + _padded(extensions) + packet.payload


def _padded(extensions: bytes) -> bytes:
    if not extensions:
        return b""
    words = -(-(_EXTENSIONS_SIZE.size + len(extensions)) // _WORD)
    section = _EXTENSIONS_SIZE.pack(words - 1) + extensions
    return section.ljust(words * _WORD, b"\0")


def decode_packet(message: bytes) -> DataTrackPacket:
    """The packet that a message holds.

    Raises:
        RemoteProtocolError: It holds none, or one of a version that is not known.
    """
    if len(message) < _HEADER.size:
        raise RemoteProtocolError(f"a data track packet of {len(message)} bytes has no header")
    flags, handle, sequence, frame_number, timestamp = _HEADER.unpack_from(message)
    if flags >> _VERSION_SHIFT:
        raise RemoteProtocolError(f"data track packet of version {flags >> _VERSION_SHIFT}")
    if not handle:
        raise RemoteProtocolError("data track packet with the handle 0")
    begin, user_timestamp = _HEADER.size, None
    if flags & _EXTENDED:
        begin, user_timestamp = _read_extensions(message, begin)
    return DataTrackPacket(
        handle,
        sequence,
        frame_number,
        timestamp,
        bool(flags & _STARTS),
        bool(flags & _ENDS),
        message[begin:],
        user_timestamp,
    )


def _read_extensions(message: bytes, begin: int) -> tuple[int, int | None]:
    """Where the extensions end, and the timestamp among them."""
    at = begin + _EXTENSIONS_SIZE.size
    if len(message) < at:
        raise RemoteProtocolError("data track packet without the size of its extensions")
    end = begin + (_EXTENSIONS_SIZE.unpack_from(message, begin)[0] + 1) * _WORD
    if len(message) < end:
        raise RemoteProtocolError("data track packet with extensions that go beyond its end")
    user_timestamp = None
    while at < end and message[at] != _PADDING_ID:
        value = at + 2
        after = value + message[at + 1] if value <= end else value
        if after > end:
            raise RemoteProtocolError("data track packet with an extension that is cut off")
        if message[at] == _USER_TIMESTAMP_ID and after - value == _USER_TIMESTAMP.size:
            user_timestamp = _USER_TIMESTAMP.unpack_from(message, value)[0]
        at = after
    return end, user_timestamp

"""How TURN messages are told apart in a stream (RFC 8656 sections 3.1 and 12.5).

STUN messages and ChannelData both say their length; over streams ChannelData is padded to four
bytes. Anything else means that the two sides do not agree any more where a message begins.
"""

from __future__ import annotations

import struct

from lktrio._protocol_errors import RemoteProtocolError

__all__ = ["CHANNEL_HEADER", "TurnReader", "is_channel_data"]

CHANNEL_HEADER = struct.Struct("!HH")
"""Channel number and length."""

_STUN_HEADER_SIZE = 20
_FIRST_CHANNEL_BYTE, _LAST_CHANNEL_BYTE = 0x40, 0x4F  # RFC 8656 section 12
_FIRST_OTHER_BYTE = 0x04


def is_channel_data(data: bytes) -> bool:
    """Whether a datagram of a TURN server is ChannelData."""
    return len(data) >= CHANNEL_HEADER.size and (
        _FIRST_CHANNEL_BYTE <= data[0] <= _LAST_CHANNEL_BYTE
    )


class TurnReader:
    """Finds the messages in a stream. What it keeps is less than one message."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes in any pieces; the messages that are complete, without padding.

        Raises:
            RemoteProtocolError: What comes next is neither STUN nor ChannelData.
        """
        data = self._rest + data
        found: list[bytes] = []
        start = 0
        while len(data) - start >= CHANNEL_HEADER.size:
            length, padding = _length(data, start)
            if start + length + padding > len(data):
                break
            found.append(data[start : start + length])
            start += length + padding
        self._rest = data[start:]
        return found


def _length(data: bytes, start: int) -> tuple[int, int]:
    """Bytes of a message and of the padding after it."""
    first = data[start]
    length = int(CHANNEL_HEADER.unpack_from(data, start)[1])
    if first < _FIRST_OTHER_BYTE and length % 4 == 0:
        return _STUN_HEADER_SIZE + length, 0
    if _FIRST_CHANNEL_BYTE <= first <= _LAST_CHANNEL_BYTE:
        return CHANNEL_HEADER.size + length, -length & 3
    raise RemoteProtocolError("a TURN server sent something else than TURN")

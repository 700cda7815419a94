"""The messages with which data channels are opened (RFC 8832, DCEP).

An OPEN says what the channel is called and how reliable it is; the ACK is a single byte. Both
travel on the channel's own stream under a payload protocol identifier of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

from lktrio._protocol_errors import RemoteProtocolError

__all__ = ["MESSAGE_ACK", "MESSAGE_OPEN", "DataChannelOpen"]

MESSAGE_OPEN: Final = 0x03
"""First byte of a DATA_CHANNEL_OPEN."""
MESSAGE_ACK: Final = 0x02
"""First and only byte of a DATA_CHANNEL_ACK."""

_OPEN: Final = Struct("!BBHIHH")
_UNORDERED: Final = 0x80
_LIMIT_NONE: Final = 0x00
_LIMIT_RETRANSMITS: Final = 0x01
_LIMIT_LIFETIME: Final = 0x02
_PRIORITY_NORMAL: Final = 256  # RFC 8831 section 6.4


@dataclass(frozen=True, slots=True)
class DataChannelOpen:
    """The DATA_CHANNEL_OPEN message (RFC 8832 section 5.1)."""

    label: str
    """Name of the channel; need not be unique."""
    protocol: str = ""
    """Subprotocol."""
    ordered: bool = True
    """Whether messages are delivered in order."""
    max_retransmits: int | None = None
    """How often a lost message is repeated, or None."""
    max_packet_life_time: int | None = None
    """Milliseconds for which a message is repeated, or None."""
    priority: int = _PRIORITY_NORMAL
    """Priority; not used."""

    def serialize(self) -> bytes:
        """The message as sent."""
        kind, parameter = _LIMIT_NONE, 0
        if self.max_retransmits is not None:
            kind, parameter = _LIMIT_RETRANSMITS, self.max_retransmits
        elif self.max_packet_life_time is not None:
            kind, parameter = _LIMIT_LIFETIME, self.max_packet_life_time
        if not self.ordered:
            kind |= _UNORDERED
        label, protocol = self.label.encode(), self.protocol.encode()
        head = _OPEN.pack(MESSAGE_OPEN, kind, self.priority, parameter, len(label), len(protocol))
        return head + label + protocol

    @classmethod
    def parse(cls, data: bytes) -> DataChannelOpen:
        """Read the message.

        Raises:
            RemoteProtocolError: It is too short, of an unknown type or not UTF-8.
        """
        if len(data) < _OPEN.size:
            raise RemoteProtocolError(f"DATA_CHANNEL_OPEN of {len(data)} bytes")
        _, kind, priority, parameter, label_length, protocol_length = _OPEN.unpack_from(data)
        limit = kind & ~_UNORDERED
        middle = _OPEN.size + label_length
        if limit > _LIMIT_LIFETIME or middle + protocol_length > len(data):
            raise RemoteProtocolError(f"DATA_CHANNEL_OPEN of type {kind:#x} cannot be read")
        try:
            label = data[_OPEN.size : middle].decode()
            protocol = data[middle : middle + protocol_length].decode()
        except UnicodeDecodeError:
            raise RemoteProtocolError("DATA_CHANNEL_OPEN with a label that is not UTF-8") from None
        return cls(
            label,
            protocol,
            ordered=not kind & _UNORDERED,
            max_retransmits=parameter if limit == _LIMIT_RETRANSMITS else None,
            max_packet_life_time=parameter if limit == _LIMIT_LIFETIME else None,
            priority=priority,
        )

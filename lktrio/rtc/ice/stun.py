"""STUN messages: the codec and its two checksums.

Theory of operation
-------------------

A STUN message is a 20-byte header (type, length, magic cookie, 96-bit transaction id) followed by
attributes in type-length-value form, each padded to four bytes. `StunMessage.parse` keeps the
attributes as bytes and in order; typed readers decode one when it is asked for. Sizes of the
attributes with a fixed size are checked while parsing, so that reading one of them cannot fail
later.

Two attributes cover what stands before them. MESSAGE-INTEGRITY is an HMAC-SHA1 under a password;
FINGERPRINT is a CRC-32 that tells STUN from other protocols on the same port. Each is computed
as if the message ended with it, so the length field is patched before the computation.
What follows MESSAGE-INTEGRITY, other than FINGERPRINT, is not protected and is left out.

The same codec serves ICE connectivity checks, address discovery and TURN.

Implements RFC 8489 sections 5, 6.3, 14 (without the SHA-256 family and USERHASH), the attributes
of RFC 8445 section 16.1 and RFC 8656 section 18, and the size and count limits that an
implementation facing the open network needs.
"""

from __future__ import annotations

import binascii
import hmac
import ipaddress
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.base import Address

__all__ = [
    "MAGIC_COOKIE",
    "MAX_ATTRIBUTES",
    "MAX_MESSAGE_SIZE",
    "TRANSACTION_ID_SIZE",
    "Attribute",
    "StunClass",
    "StunMessage",
    "StunMethod",
    "is_stun",
]

MAGIC_COOKIE = 0x2112A442
"""RFC 8489 section 5."""

TRANSACTION_ID_SIZE = 12
"""Bytes of a transaction id (RFC 8489 section 5)."""

MAX_MESSAGE_SIZE = 1500
"""Bytes. No STUN message of ICE or TURN control comes near one Ethernet frame."""

MAX_ATTRIBUTES = 32
"""Attributes in one message; more is refused."""

_HEADER = Struct("!HHI12s")
_ATTRIBUTE = Struct("!HH")
_UINT32 = Struct("!I")
_UINT64 = Struct("!Q")
_ADDRESS = Struct("!xBH")
_ERROR = Struct("!HBB")

_COOKIE_BYTES = MAGIC_COOKIE.to_bytes(4, "big")
_COOKIE_PORT = MAGIC_COOKIE >> 16
_FINGERPRINT_XOR = 0x5354554E  # RFC 8489 section 14.7
_METHOD_MASK = 0x3EEF
_CLASS_MASK = 0x0110
_FAMILY_IPV4, _FAMILY_IPV6 = 1, 2  # RFC 8489 section 14.1
_FIRST_OPTIONAL_ATTRIBUTE = 0x8000
_INTEGRITY_SIZE = 20


class StunMethod(IntEnum):
    """Methods, with their bits already in the places of the message type (RFC 8489 section 5)."""

    BINDING = 0x001
    ALLOCATE = 0x003
    REFRESH = 0x004
    SEND = 0x006
    DATA = 0x007
    CREATE_PERMISSION = 0x008
    CHANNEL_BIND = 0x009


class StunClass(IntEnum):
    """Classes, with their bits in the places of the message type (RFC 8489 section 5)."""

    REQUEST = 0x000
    INDICATION = 0x010
    SUCCESS = 0x100
    ERROR = 0x110


class Attribute(IntEnum):
    """Attribute types that some part of the stack reads or writes."""

    MAPPED_ADDRESS = 0x0001
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    UNKNOWN_ATTRIBUTES = 0x000A
    CHANNEL_NUMBER = 0x000C
    LIFETIME = 0x000D
    XOR_PEER_ADDRESS = 0x0012
    DATA = 0x0013
    REALM = 0x0014
    NONCE = 0x0015
    XOR_RELAYED_ADDRESS = 0x0016
    REQUESTED_ADDRESS_FAMILY = 0x0017
    EVEN_PORT = 0x0018
    REQUESTED_TRANSPORT = 0x0019
    DONT_FRAGMENT = 0x001A
    MESSAGE_INTEGRITY_SHA256 = 0x001C
    PASSWORD_ALGORITHM = 0x001D
    USERHASH = 0x001E
    XOR_MAPPED_ADDRESS = 0x0020
    RESERVATION_TOKEN = 0x0022
    PRIORITY = 0x0024
    USE_CANDIDATE = 0x0025
    PASSWORD_ALGORITHMS = 0x8002
    ALTERNATE_DOMAIN = 0x8003
    SOFTWARE = 0x8022
    ALTERNATE_SERVER = 0x8023
    FINGERPRINT = 0x8028
    ICE_CONTROLLED = 0x8029
    ICE_CONTROLLING = 0x802A
    NOMINATION = 0xC001


_KNOWN_ATTRIBUTES = frozenset(int(attribute) for attribute in Attribute)

_XOR_ADDRESSES = frozenset(
    {Attribute.XOR_MAPPED_ADDRESS, Attribute.XOR_PEER_ADDRESS, Attribute.XOR_RELAYED_ADDRESS}
)

_FIXED_SIZES: dict[int, int] = {
    Attribute.MESSAGE_INTEGRITY: _INTEGRITY_SIZE,
    Attribute.CHANNEL_NUMBER: 4,
    Attribute.LIFETIME: 4,
    Attribute.REQUESTED_ADDRESS_FAMILY: 4,
    Attribute.EVEN_PORT: 1,
    Attribute.REQUESTED_TRANSPORT: 4,
    Attribute.DONT_FRAGMENT: 0,
    Attribute.RESERVATION_TOKEN: 8,
    Attribute.PRIORITY: 4,
    Attribute.USE_CANDIDATE: 0,
    Attribute.FINGERPRINT: 4,
    Attribute.ICE_CONTROLLED: 8,
    Attribute.ICE_CONTROLLING: 8,
    Attribute.NOMINATION: 4,
}


def is_stun(data: bytes) -> bool:
    """Whether a datagram looks like STUN: class bits and magic cookie (RFC 8489 section 6.3).

    Args:
        data: A whole UDP payload.
    """
    return len(data) >= _HEADER.size and data[0] < 4 and data[4:8] == _COOKIE_BYTES


@dataclass(slots=True)
class StunMessage:
    """One STUN message.

    Attributes hold neither MESSAGE-INTEGRITY nor FINGERPRINT: those are made by `serialize` and
    checked by `parse` and `verify`.
    """

    method: int
    """A `StunMethod`, or the number of a method that is not known here."""
    message_class: StunClass
    """Request, indication, success or error response."""
    transaction_id: bytes
    """12 bytes, random in requests and copied in responses."""
    attributes: list[tuple[int, bytes]] = field(default_factory=list[tuple[int, bytes]])
    """Type and unpadded value of each attribute, in order."""
    has_integrity: bool = field(default=False, compare=False)
    """A parsed message carried MESSAGE-INTEGRITY; `verify` says whether it is right."""
    has_fingerprint: bool = field(default=False, compare=False)
    """A parsed message carried a FINGERPRINT, which was right."""
    _protected: bytes = field(default=b"", compare=False, repr=False)
    _integrity: bytes = field(default=b"", compare=False, repr=False)

    @classmethod
    def parse(cls, data: bytes) -> StunMessage:
        """Decode a whole datagram.

        Args:
            data: Exactly one message.

        Raises:
            RemoteProtocolError: It is no STUN message, is larger than `MAX_MESSAGE_SIZE`, has a
                wrong FINGERPRINT, or has an attribute of the wrong size.
        """
        if len(data) > MAX_MESSAGE_SIZE or not is_stun(data):
            raise RemoteProtocolError("not a STUN message")
        message_type, length, _, transaction_id = _HEADER.unpack_from(data)
        if length & 3 or length + _HEADER.size != len(data):
            raise RemoteProtocolError("STUN length does not match the datagram")
        message = cls(
            message_type & _METHOD_MASK, StunClass(message_type & _CLASS_MASK), transaction_id
        )
        message._parse_attributes(data)
        return message

    def _parse_attributes(self, data: bytes) -> None:
        position = _HEADER.size
        for _ in range(MAX_ATTRIBUTES):
            if position == len(data):
                return
            kind, size = _ATTRIBUTE.unpack_from(data, position)
            value = data[position + 4 : position + 4 + size]
            if len(value) != size or _FIXED_SIZES.get(kind, size) != size:
                raise RemoteProtocolError(f"STUN attribute {kind:#06x} has a wrong size")
            self._parse_attribute(kind, value, data, position)
            position += 4 + ((size + 3) & ~3)
        if position != len(data):
            raise RemoteProtocolError("too many STUN attributes")

    def _parse_attribute(self, kind: int, value: bytes, data: bytes, position: int) -> None:
        if self.has_fingerprint:
            raise RemoteProtocolError("STUN attribute after FINGERPRINT")
        if kind == Attribute.FINGERPRINT:
            if _UINT32.unpack(value)[0] != _fingerprint(data[:position]):
                raise RemoteProtocolError("wrong STUN FINGERPRINT")
            self.has_fingerprint = True
        elif self.has_integrity:
            pass  # not protected by MESSAGE-INTEGRITY: RFC 8489 section 14.5 has it ignored
        elif kind == Attribute.MESSAGE_INTEGRITY:
            self.has_integrity = True
            self._protected = data[:position]
            self._integrity = value
        else:
            self.attributes.append((kind, value))

    def serialize(self, key: bytes | None = None, *, fingerprint: bool = True) -> bytes:
        """Encode the message.

        Args:
            key: Password or long-term key to protect it with MESSAGE-INTEGRITY; None for none.
            fingerprint: Whether to end it with FINGERPRINT.

        Raises:
            LocalProtocolError: It would be larger than `MAX_MESSAGE_SIZE`.
        """
        body = b"".join([_attribute(kind, value) for kind, value in self.attributes])
        header = _HEADER.pack(
            self.method | self.message_class, len(body), MAGIC_COOKIE, self.transaction_id
        )
        data = header + body
        if key is not None:
            data += _attribute(Attribute.MESSAGE_INTEGRITY, _integrity(data, key))
        if fingerprint:
            data += _attribute(Attribute.FINGERPRINT, _UINT32.pack(_fingerprint(data)))
        if len(data) > MAX_MESSAGE_SIZE:
            raise LocalProtocolError(
                f"a STUN message of {len(data)} bytes is over {MAX_MESSAGE_SIZE}"
            )
        return _with_length(data, len(data) - _HEADER.size)

    def verify(self, key: bytes) -> bool:
        """Whether MESSAGE-INTEGRITY is present and right for `key`, compared in constant time."""
        if not self.has_integrity:
            return False
        return hmac.compare_digest(self._integrity, _integrity(self._protected, key))

    def respond(self, message_class: StunClass) -> StunMessage:
        """An empty response to this request."""
        return StunMessage(self.method, message_class, self.transaction_id)

    def get(self, kind: int) -> bytes | None:
        """The first attribute of a type, or None (RFC 8489 section 14: later ones are ignored)."""
        for candidate, value in self.attributes:
            if candidate == kind:
                return value
        return None

    def get_uint32(self, kind: Attribute) -> int | None:
        """A 32-bit attribute as a number, or None.

        Raises:
            RemoteProtocolError: The value is not four bytes long.
        """
        value = self.get(kind)
        if value is None:
            return None
        if len(value) != _UINT32.size:
            raise RemoteProtocolError(f"STUN {kind.name} has a wrong size")
        return int(_UINT32.unpack(value)[0])

    def get_uint64(self, kind: Attribute) -> int | None:
        """A 64-bit attribute as a number, or None.

        Raises:
            RemoteProtocolError: The value is not eight bytes long.
        """
        value = self.get(kind)
        if value is None:
            return None
        if len(value) != _UINT64.size:
            raise RemoteProtocolError(f"STUN {kind.name} has a wrong size")
        return int(_UINT64.unpack(value)[0])

    def get_text(self, kind: Attribute) -> str | None:
        """A text attribute, or None.

        Raises:
            RemoteProtocolError: The value is not UTF-8.
        """
        value = self.get(kind)
        if value is None:
            return None
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise RemoteProtocolError(f"STUN {kind.name} is not UTF-8") from None

    def get_address(self, kind: Attribute) -> Address | None:
        """An address attribute, un-XORed where its type says so, or None.

        Raises:
            RemoteProtocolError: The value is not an IPv4 or IPv6 address with a port.
        """
        value = self.get(kind)
        if value is None:
            return None
        if len(value) not in (8, 20) or value[1] != {8: _FAMILY_IPV4, 20: _FAMILY_IPV6}[len(value)]:
            raise RemoteProtocolError(f"STUN {kind.name} is not an address")
        _, port = _ADDRESS.unpack_from(value)
        host = value[4:]
        if kind in _XOR_ADDRESSES:
            port ^= _COOKIE_PORT
            host = self._mask(host)
        return str(ipaddress.ip_address(host)), port

    def get_error(self) -> tuple[int, str] | None:
        """Code and reason phrase of ERROR-CODE, or None.

        Raises:
            RemoteProtocolError: The value is not a code from 300 to 699.
        """
        value = self.get(Attribute.ERROR_CODE)
        if value is None:
            return None
        if len(value) < _ERROR.size:
            raise RemoteProtocolError("STUN ERROR-CODE has a wrong size")
        _, hundreds, number = _ERROR.unpack_from(value)
        hundreds &= 7
        if not 3 <= hundreds <= 6 or number > 99:
            raise RemoteProtocolError("STUN ERROR-CODE is out of range")
        return hundreds * 100 + number, value[4:].decode(errors="replace")

    def unknown_required(self) -> list[int]:
        """Types of the attributes that must be understood but are not (RFC 8489 section 6.3.1)."""
        return [
            kind
            for kind, _ in self.attributes
            if kind < _FIRST_OPTIONAL_ATTRIBUTE and kind not in _KNOWN_ATTRIBUTES
        ]

    def add(self, kind: int, value: bytes = b"") -> None:
        """Append an attribute with a ready value."""
        self.attributes.append((kind, value))

    def add_uint32(self, kind: Attribute, value: int) -> None:
        """Append a 32-bit number."""
        self.attributes.append((kind, _UINT32.pack(value)))

    def add_uint64(self, kind: Attribute, value: int) -> None:
        """Append a 64-bit number."""
        self.attributes.append((kind, _UINT64.pack(value)))

    def add_address(self, kind: Attribute, address: Address) -> None:
        """Append an address, XORed where its type says so.

        Raises:
            ValueError: The host is not a numeric IPv4 or IPv6 address.
        """
        host, port = ipaddress.ip_address(address[0]).packed, address[1]
        family = _FAMILY_IPV4 if len(host) == 4 else _FAMILY_IPV6
        if kind in _XOR_ADDRESSES:
            port ^= _COOKIE_PORT
            host = self._mask(host)
        self.attributes.append((kind, _ADDRESS.pack(family, port) + host))

    def add_error(self, code: int, reason: str) -> None:
        """Append ERROR-CODE."""
        value = _ERROR.pack(0, code // 100, code % 100) + reason.encode()
        self.attributes.append((Attribute.ERROR_CODE, value))

    def add_unknown_attributes(self, kinds: list[int]) -> None:
        """Append UNKNOWN-ATTRIBUTES, the list that goes with error 420."""
        value = b"".join([kind.to_bytes(2, "big") for kind in kinds])
        self.attributes.append((Attribute.UNKNOWN_ATTRIBUTES, value))

    def _mask(self, host: bytes) -> bytes:
        mask = (_COOKIE_BYTES + self.transaction_id)[: len(host)]
        masked = int.from_bytes(host, "big") ^ int.from_bytes(mask, "big")
        return masked.to_bytes(len(host), "big")


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) & 3)


def _with_length(data: bytes, length: int) -> bytes:
    return data[:2] + length.to_bytes(2, "big") + data[4:]


def _integrity(covered: bytes, key: bytes) -> bytes:
    length = len(covered) - _HEADER.size + 4 + _INTEGRITY_SIZE
    return hmac.digest(key, _with_length(covered, length), "sha1")


def _fingerprint(covered: bytes) -> int:
    length = len(covered) - _HEADER.size + 4 + _UINT32.size
    return binascii.crc32(_with_length(covered, length)) ^ _FINGERPRINT_XOR

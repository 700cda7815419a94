"""Reading and writing the vectors of the TLS presentation language (RFC 5246 section 4).

Theory of operation: a ``Reader`` walks over one message body. Every read is bounded by what is
left, and ``finish`` refuses bytes that nobody read, so a body has exactly one reading. Vectors are
length-prefixed byte strings; the width of the prefix is in the method's name.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from lktrio._protocol_errors import RemoteProtocolError

__all__ = ["Reader", "u16_list", "vector8", "vector16", "vector24"]


class Reader:
    """Reads fields off the front of a byte string.

    Args:
        data: The bytes to read.
        what: Name of the message, for error texts.
    """

    __slots__ = ("_data", "_offset", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._offset = 0
        self._what = what

    @property
    def remaining(self) -> int:
        """Bytes that are not read yet."""
        return len(self._data) - self._offset

    def take(self, size: int) -> bytes:
        """Read exactly ``size`` bytes.

        Raises:
            RemoteProtocolError: The data ends earlier.
        """
        start = self._offset
        end = start + size
        if end > len(self._data):
            raise RemoteProtocolError(f"{self._what} is truncated")
        self._offset = end
        return self._data[start:end]

    def number(self, size: int) -> int:
        """Read a big-endian unsigned number of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big")

    def vector8(self, minimum: int = 0) -> bytes:
        """Read a byte string with an 8-bit length, of at least ``minimum`` bytes."""
        return self._vector(1, minimum)

    def vector16(self, minimum: int = 0) -> bytes:
        """Read a byte string with a 16-bit length, of at least ``minimum`` bytes."""
        return self._vector(2, minimum)

    def vector24(self, minimum: int = 0) -> bytes:
        """Read a byte string with a 24-bit length, of at least ``minimum`` bytes."""
        return self._vector(3, minimum)

    def u16_list(self, minimum: int = 1) -> tuple[int, ...]:
        """Read a vector of 16-bit numbers with a 16-bit length in bytes."""
        data = self.vector16(2 * minimum)
        if len(data) % 2:
            raise RemoteProtocolError(f"{self._what} holds a list of odd length")
        return struct.unpack(f"!{len(data) // 2}H", data)

    def finish(self) -> None:
        """Check that everything was read.

        Raises:
            RemoteProtocolError: Bytes are left over.
        """
        if self.remaining:
            raise RemoteProtocolError(f"{self._what} has {self.remaining} bytes too many")

    def _vector(self, width: int, minimum: int) -> bytes:
        data = self.take(self.number(width))
        if len(data) < minimum:
            raise RemoteProtocolError(f"{self._what} holds a vector that is too short")
        return data


def vector8(data: bytes) -> bytes:
    """Prefix ``data`` with its length in 8 bits."""
    return len(data).to_bytes(1, "big") + data


def vector16(data: bytes) -> bytes:
    """Prefix ``data`` with its length in 16 bits."""
    return len(data).to_bytes(2, "big") + data


def vector24(data: bytes) -> bytes:
    """Prefix ``data`` with its length in 24 bits."""
    return len(data).to_bytes(3, "big") + data


def u16_list(values: Iterable[int]) -> bytes:
    """Build a vector of 16-bit numbers with a 16-bit length in bytes."""
    return vector16(b"".join(value.to_bytes(2, "big") for value in values))

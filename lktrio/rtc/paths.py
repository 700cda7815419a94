"""Paths: what datagrams travel on, and how the core asks for those that are byte streams.

Theory of operation: a path is a number. Those of UDP sockets are given by the driver, which opens
sockets by itself. Streams are opened when the core wants them, one for each remote address: it
numbers them and leaves an `OpenStream` in its ``streams``, and the driver tells later that the
stream is open, or why it is not, or not any more. What travels on a stream is still datagrams, in
frames of `FrameReader`. ::

    OpenStream --> opened --> datagrams both ways --> closed (by us: CloseStream; or by the network)
         `------------------------------------------> closed (could not be opened)

RFC 4571 (as RFC 6544 section 3 uses it) puts two bytes with the length before each datagram.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from lktrio.rtc.base import Address

__all__ = [
    "CloseStream",
    "FrameReader",
    "Framing",
    "NewPath",
    "OpenStream",
    "StreamRequest",
    "frame",
    "path_numbers",
]

FIRST_STREAM_PATH = 1 << 16
"""Paths below it are numbered by the driver."""

_LENGTH = struct.Struct("!H")
MAX_FRAME = 0xFFFF
"""Bytes of the longest datagram that a frame can hold."""

NewPath: TypeAlias = Callable[[], int]
"""Makes the number of a path."""


class Framing(Enum):
    """How datagrams are told apart in a stream."""

    RFC4571 = "rfc4571"
    """Two bytes with the length before each (ICE over TCP)."""
    TURN = "turn"
    """Messages of a TURN server, as `turn.framing` reads them."""


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Connect to an address, and carry datagrams there."""

    path: int
    """The number of the path."""
    address: Address
    """Where to connect to."""
    framing: Framing
    """How datagrams are told apart."""
    tls: str | None = None
    """Put TLS on it, with this name of the server; None for plain TCP."""


@dataclass(frozen=True, slots=True)
class CloseStream:
    """A stream is of no use any more; nothing is expected of the driver afterwards."""

    path: int
    """The number of the path."""


StreamRequest: TypeAlias = OpenStream | CloseStream
"""What the core asks of the driver."""


def path_numbers() -> NewPath:
    """A source of numbers for the streams of one peer."""
    return itertools.count(FIRST_STREAM_PATH).__next__


def frame(datagram: bytes) -> bytes:
    """Put the length before a datagram (RFC 4571 section 2).

    Raises:
        struct.error: It is longer than `MAX_FRAME`.
    """
    return _LENGTH.pack(len(datagram)) + datagram


class FrameReader:
    """Finds the datagrams in a stream. What it keeps is less than one frame."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes in any pieces; the datagrams that are complete. Empty ones are left out."""
        data = self._rest + data
        found: list[bytes] = []
        start = 0
        while len(data) - start >= _LENGTH.size:
            end = start + _LENGTH.size + int(_LENGTH.unpack_from(data, start)[0])
            if end > len(data):
                break
            if end > start + _LENGTH.size:
                found.append(data[start + _LENGTH.size : end])
            start = end
        self._rest = data[start:]
        return found

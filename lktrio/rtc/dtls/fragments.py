"""Handshake messages in pieces: fragmenting, reassembling, and waiting for whole flights.

Theory of operation: every handshake message has a sequence number; a message that does not fit
into a datagram is sent as fragments, each of which repeats type, total length and number. The
``Reassembler`` collects fragments of a few messages ahead and hands out messages only as a *whole
flight*, everything the peer sends before it waits for us. So the handshake logic sees complete
flights or nothing, a message at a wrong place is dropped like noise, and a flight that was handed
out is forgotten here and may come again.

Nothing here is authenticated, therefore: all memory is bounded, later fragments win over earlier
ones and lower numbers over higher ones (a retransmission repairs what a forgery broke), several
flights may be awaited at once, and no fragment makes a loop.

Sources: RFC 6347 4.2.2 and 4.2.3.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.dtls.records import DtlsStats
from lktrio.rtc.dtls.registry import HandshakeType

__all__ = [
    "FRAGMENT_HEADER_LENGTH",
    "Awaited",
    "Flights",
    "Fragment",
    "HandshakeMessage",
    "Reassembler",
    "parse_fragments",
]

# Type (8 bits) and length (24), message sequence, fragment offset (24) and fragment length (24).
_HEADER = struct.Struct("!IHIH")
FRAGMENT_HEADER_LENGTH: Final = _HEADER.size

MESSAGE_LIMIT: Final = 16 * 1024
CERTIFICATE_LIMIT: Final = 64 * 1024
FRAGMENT_LIMIT: Final = 64
"""Disjoint pieces that one incomplete message may consist of."""
AHEAD_LIMIT: Final = 8
"""Messages from the next expected one on that are collected."""
BUFFER_LIMIT: Final = 128 * 1024
"""Bytes of all collected messages together."""

Flights: TypeAlias = tuple[tuple[int, ...], ...]
"""Sequences of message types that are possible at one place; none begins another."""
Awaited: TypeAlias = Mapping[int, Flights]
"""What may come now, by the number of the first message."""


class Fragment(NamedTuple):
    """A piece of a handshake message."""

    type: int
    """Type of the message."""
    length: int
    """Bytes of the whole message body."""
    sequence: int
    """Number of the message."""
    offset: int
    """Where the piece belongs."""
    data: bytes
    """The piece."""

    def serialize(self) -> bytes:
        """Build the fragment with its header."""
        size = len(self.data)
        return (
            _HEADER.pack(
                self.type << 24 | self.length,
                self.sequence,
                self.offset << 8 | size >> 16,
                size & 0xFFFF,
            )
            + self.data
        )


class HandshakeMessage(NamedTuple):
    """A whole handshake message."""

    type: int
    """Type of the message."""
    sequence: int
    """Number of the message."""
    body: bytes
    """The body, without header."""

    def fragment(self, offset: int, size: int) -> Fragment:
        """Cut ``size`` bytes out."""
        piece = self.body[offset : offset + size]
        return Fragment(self.type, len(self.body), self.sequence, offset, piece)

    def serialize(self) -> bytes:
        """Build the message as one fragment: the form that is hashed (RFC 6347 4.2.6)."""
        return self.fragment(0, len(self.body)).serialize()


def parse_fragments(content: bytes) -> list[Fragment]:
    """Read the fragments that one handshake record holds.

    Raises:
        RemoteProtocolError: The record is empty, truncated, or holds a fragment that is empty
            without need or reaches beyond its message.
    """
    fragments: list[Fragment] = []
    position, end = 0, len(content)
    while position < end or not fragments:
        if end - position < FRAGMENT_HEADER_LENGTH:
            raise RemoteProtocolError("handshake fragment is truncated")
        first, sequence, third, low = _HEADER.unpack_from(content, position)
        length, offset, size = first & 0xFFFFFF, third >> 8, (third & 0xFF) << 16 | low
        start = position + FRAGMENT_HEADER_LENGTH
        position = start + size
        if position > end or offset + size > length or (size == 0 and length > 0):
            raise RemoteProtocolError("handshake fragment has impossible lengths")
        fragments.append(Fragment(first >> 24, length, sequence, offset, content[start:position]))
    return fragments


class _Partial:
    """A message that is being put together."""

    __slots__ = ("_buffer", "_covered", "length", "type")

    def __init__(self, kind: int, length: int) -> None:
        self.type = kind
        self.length = length
        self._buffer = bytearray(length)
        self._covered: list[tuple[int, int]] = []  # disjoint, sorted, half-open

    @property
    def complete(self) -> bool:
        return not self.length or self._covered == [(0, self.length)]

    def body(self) -> bytes:
        return bytes(self._buffer)

    def add(self, offset: int, data: bytes) -> bool:
        """Note one piece; False when the message is in too many pieces."""
        start, end = offset, offset + len(data)
        apart: list[tuple[int, int]] = []
        for known_start, known_end in self._covered:
            if known_end < start or end < known_start:
                apart.append((known_start, known_end))
            else:
                start, end = min(start, known_start), max(end, known_end)
        if len(apart) >= FRAGMENT_LIMIT:
            return False
        self._buffer[offset : offset + len(data)] = data
        self._covered = sorted([*apart, (start, end)])
        return True


class Reassembler:
    """Puts the peer's handshake messages together and waits for whole flights.

    Args:
        stats: Where dropped fragments and messages are counted.
    """

    __slots__ = ("_buffered", "_partial", "_stats", "next_sequence")

    def __init__(self, stats: DtlsStats) -> None:
        self.next_sequence = 0
        """Messages below this number are over."""
        self._partial: dict[int, _Partial] = {}
        self._buffered = 0
        self._stats = stats

    def add(self, fragment: Fragment) -> bool:
        """Collect a fragment of a message from ``next_sequence`` on, or drop and count it.

        Returns:
            Whether it completed its message, so that a flight may be whole now.
        """
        kind, length, sequence, offset, data = fragment
        partial = self._partial.get(sequence)
        if partial is not None and (partial.type, partial.length) != (kind, length):
            self._stats.unexpected += 1
            self._forget(sequence)
            partial = None
        if partial is None:
            if not self._make_room(kind, length, sequence):
                self._stats.overflowed += 1
                return False
            partial = self._partial[sequence] = _Partial(kind, length)
            self._buffered += length
        elif partial.complete:
            return False
        if not partial.add(offset, data):
            self._stats.overflowed += 1
        return partial.complete

    def take(self, awaited: Awaited) -> list[HandshakeMessage] | None:
        """Return a flight that is whole, and forget it.

        Args:
            awaited: What is possible now. A message out of place stays until it is replaced.
        """
        for start, flights in awaited.items():
            found = self._find(start, flights)
            if found is not None:
                return [
                    HandshakeMessage(each.type, number, each.body())
                    for number, each in enumerate(found, start)
                ]
        return None

    def _find(self, start: int, flights: Flights) -> list[_Partial] | None:
        """The messages of a flight that is whole; copied only then, not for every fragment."""
        found: list[_Partial] = []
        types: tuple[int, ...] = ()
        while (partial := self._partial.get(start + len(found))) is not None:
            types = (*types, partial.type)
            if not any(flight[: len(types)] == types for flight in flights):
                return None
            if not partial.complete:
                return None
            found.append(partial)
            if types in flights:
                for number in range(start, start + len(found)):
                    self._forget(number)
                return found
        return None

    def advance(self, sequence: int) -> None:
        """Forget all messages below a number, and expect none of them any more."""
        for number in range(self.next_sequence, sequence):
            self._forget(number)
        self.next_sequence = sequence

    def clear(self) -> None:
        """Forget everything that was collected."""
        self._partial.clear()
        self._buffered = 0

    def _make_room(self, kind: int, length: int, sequence: int) -> bool:
        """Tell whether a message may be collected; those with higher numbers make room for it."""
        limit = CERTIFICATE_LIMIT if kind == HandshakeType.CERTIFICATE else MESSAGE_LIMIT
        if length > limit or not 0 <= sequence - self.next_sequence < AHEAD_LIMIT:
            return False
        later = sorted(number for number in self._partial if number > sequence)
        while self._buffered + length > BUFFER_LIMIT and later:
            self._stats.overflowed += 1
            self._forget(later.pop())
        return self._buffered + length <= BUFFER_LIMIT

    def _forget(self, sequence: int) -> None:
        partial = self._partial.pop(sequence, None)
        if partial is not None:
            self._buffered -= partial.length

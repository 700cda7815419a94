"""Whole SCTP packets as values (RFC 9260 section 3).

The association never builds these: it walks a packet in place and packs DATA straight to bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.sctp.chunks import (
    CHUNK_HEADER,
    COMMON_HEADER,
    MAX_CHUNKS,
    Chunk,
    UnknownChunk,
    parse_chunk,
)
from lktrio.rtc.sctp.wire import CHECKSUM

__all__ = ["CHECKSUM", "Packet", "parse_packet"]


def _walk_chunks(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    position, end = COMMON_HEADER.size, len(data)
    for _ in range(MAX_CHUNKS):
        if position == end:
            return
        if end - position < CHUNK_HEADER.size:
            raise RemoteProtocolError("SCTP packet ends inside a chunk header")
        kind, flags, length = CHUNK_HEADER.unpack_from(data, position)
        if length < 4 or position + length > end:
            raise RemoteProtocolError(f"SCTP chunk {kind} has the bad length {length}")
        yield kind, flags, data[position + 4 : position + length]
        position = min(position + (length + 3 & ~3), end)  # padding may be cut at the end
    if position != end:
        raise RemoteProtocolError(f"SCTP packet holds more than {MAX_CHUNKS} chunks")


@dataclass(frozen=True, slots=True)
class Packet:
    """A whole SCTP packet."""

    source_port: int
    """SCTP port of the sender."""
    destination_port: int
    """SCTP port of the receiver."""
    verification_tag: int
    """The receiver's tag; 0 with an INIT."""
    chunks: tuple[Chunk | UnknownChunk, ...]
    """The chunks in order."""
    checksum: int = 0
    """CRC32C of the packet, or 0 (RFC 9653)."""

    def serialize(self) -> bytes:
        """The packet as sent, with ``checksum`` as it stands."""
        ports = COMMON_HEADER.pack(
            self.source_port, self.destination_port, self.verification_tag, 0
        )
        body = b"".join(chunk.serialize() for chunk in self.chunks)
        return ports[:8] + CHECKSUM.pack(self.checksum) + body


def parse_packet(data: bytes) -> Packet:
    """Read a whole packet without verifying its checksum.

    Args:
        data: The SCTP packet, as DTLS delivered it.

    Raises:
        RemoteProtocolError: The packet or one of its chunks is malformed.
    """
    if len(data) < COMMON_HEADER.size:
        raise RemoteProtocolError(f"SCTP packet of {len(data)} bytes")
    source, destination, tag, _ = COMMON_HEADER.unpack_from(data)
    (checksum,) = CHECKSUM.unpack_from(data, 8)
    chunks = tuple(parse_chunk(*found) for found in _walk_chunks(data))
    return Packet(source, destination, tag, chunks, checksum)

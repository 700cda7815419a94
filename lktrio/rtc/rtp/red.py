"""Redundant audio data: earlier packets' payloads repeated in later ones (RFC 2198).

A RED payload is a list of block headers, the blocks in the same order, oldest first, and last the
primary block, which is the packet's own. WebRTC repeats the packets directly before, one block
each, so the n-th block from the end stands for the n-th sequence number before.
"""

from __future__ import annotations

from dataclasses import dataclass

from lktrio._protocol_errors import RemoteProtocolError

__all__ = ["RedBlock", "primary_block", "split_red"]

_FOLLOWS = 0x80
_HEADER_SIZE = 4
_MAX_BLOCKS = 32
_MAX_OFFSET = (1 << 14) - 1
_MAX_SIZE = (1 << 10) - 1


@dataclass(frozen=True, slots=True)
class RedBlock:
    """One block of a RED payload."""

    payload_type: int
    """Payload type of the block's codec."""
    data: bytes
    """Payload as it would stand alone."""
    timestamp_offset: int = 0
    """Timestamp units before the packet's own timestamp; 0 for the primary block."""


def split_red(payload: bytes) -> list[RedBlock]:
    """Take a RED payload apart (RFC 2198 section 3).

    Returns:
        The blocks, oldest first; the last is the primary one.

    Raises:
        RemoteProtocolError: Headers or blocks reach beyond the payload, or there are too many.
    """
    headers: list[tuple[int, int, int]] = []
    position = 0
    size = len(payload)
    while position < size and payload[position] & _FOLLOWS:
        if position + _HEADER_SIZE > size or len(headers) == _MAX_BLOCKS:
            raise RemoteProtocolError("a RED payload with too many or cut off headers")
        word = int.from_bytes(payload[position : position + _HEADER_SIZE], "big")
        headers.append((word >> 24 & 0x7F, word >> 10 & _MAX_OFFSET, word & _MAX_SIZE))
        position += _HEADER_SIZE
    if position >= size:
        raise RemoteProtocolError("a RED payload without a primary block")
    primary_type = payload[position]
    position += 1
    if position + sum(length for _, _, length in headers) > size:
        raise RemoteProtocolError("a RED payload with blocks beyond its end")
    blocks: list[RedBlock] = []
    for payload_type, offset, length in headers:
        blocks.append(RedBlock(payload_type, payload[position : position + length], offset))
        position += length
    blocks.append(RedBlock(primary_type, payload[position:]))
    return blocks


def primary_block(payload: bytes) -> bytes:
    """Return the primary block's data alone.

    Raises:
        RemoteProtocolError: As `split_red`.
    """
    position = skipped = 0
    size = len(payload)
    while position < size and payload[position] & _FOLLOWS:
        if position > _MAX_BLOCKS * _HEADER_SIZE:
            raise RemoteProtocolError("a RED payload with too many headers")
        skipped += int.from_bytes(payload[position + 2 : position + 4], "big") & _MAX_SIZE
        position += _HEADER_SIZE
    start = position + 1 + skipped
    if position >= size or start > size:
        raise RemoteProtocolError("a RED payload without a primary block")
    return payload[start:]

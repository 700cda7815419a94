"""Ogg pages (RFC 3533): the frame around every Ogg file, whatever is inside.

Theory of operation: a file is a sequence of *pages* of at most 65,307 bytes, each with a
checksum, the serial number of the logical stream it belongs to and a count of that stream's
pages. A page's segment table cuts its body into packets: a packet is a run of 255-byte
segments and one shorter segment; a packet whose run reaches the end of the table goes on in
the next page. The *granule position* is the time at the end of the last packet that ends on
the page, -1 if none does.

The checksum is the common CRC-32 with the bits in the other order, a start value of 0 and no
final inversion, so the C code of ``zlib`` computes it from bytes with their bits reversed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["CAPTURE_PATTERN", "MAX_SEGMENTS", "OggPage", "build_page", "read_page"]

CAPTURE_PATTERN = b"OggS"
"""What every page begins with."""

MAX_SEGMENTS = 255
"""Most entries of a segment table."""

_FULL_SEGMENT = 255
_HEAD = struct.Struct("<4sBBqIIIB")  # pattern version flags granule serial sequence crc segments
_CHECKSUM = struct.Struct("<I")
_CHECKSUM_OFFSET = 22
_CONTINUED = 1
_FIRST = 2
_LAST = 4
_ALL_ONES = 0xFFFFFFFF

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class OggPage:
    """One page, its body cut into packets."""

    continued: bool
    """The first packet began on an earlier page."""
    first: bool
    """It begins the logical stream."""
    last: bool
    """It ends the logical stream."""
    granule: int
    """Granule position, -1 if no packet ends here."""
    serial: int
    """Number of the logical stream."""
    sequence: int
    """Number of the page within its logical stream."""
    packets: tuple[bytes, ...]
    """The packets or parts of packets in the body."""
    unfinished: bool
    """The last packet goes on in the next page."""
    size: int
    """Bytes of the whole page."""


def checksum(page: bytes | bytearray) -> int:
    """Checksum of a page whose checksum field is 0 (RFC 3533 §6)."""
    crc = zlib.crc32(page.translate(_REVERSED), _ALL_ONES) ^ _ALL_ONES
    return int.from_bytes(crc.to_bytes(4, "little").translate(_REVERSED), "big")


def read_page(buffer: bytes | bytearray, position: int) -> OggPage | None:
    """Read the page that begins at a position.

    Returns:
        The page, or None if the buffer ends before it does.

    Raises:
        ValueError: There is no page, or a damaged one; the text says which.
    """
    head = bytes(buffer[position : position + _HEAD.size])
    if head[:4] != CAPTURE_PATTERN[: len(head)]:
        raise ValueError("no Ogg page begins here")
    if len(head) < _HEAD.size:
        return None
    _, version, flags, granule, serial, sequence, crc, count = _HEAD.unpack(head)
    if version != 0:
        raise ValueError(f"an Ogg page of version {version}")
    body = position + _HEAD.size + count
    table = bytes(buffer[position + _HEAD.size : body])
    end = body + sum(table)
    if len(table) < count or len(buffer) < end:
        return None
    page = buffer[position:end]
    if checksum(page[:_CHECKSUM_OFFSET] + bytes(4) + page[_CHECKSUM_OFFSET + 4 :]) != crc:
        raise ValueError(f"page {sequence} has a wrong checksum")
    return OggPage(
        continued=bool(flags & _CONTINUED),
        first=bool(flags & _FIRST),
        last=bool(flags & _LAST),
        granule=granule,
        serial=serial,
        sequence=sequence,
        packets=_cut(bytes(buffer[body:end]), table),
        unfinished=bool(table) and table[-1] == _FULL_SEGMENT,
        size=end - position,
    )


def _cut(body: bytes, table: bytes) -> tuple[bytes, ...]:
    packets: list[bytes] = []
    start = stop = 0
    for segment in table:
        stop += segment
        if segment < _FULL_SEGMENT:
            packets.append(body[start:stop])
            start = stop
    if table and table[-1] == _FULL_SEGMENT:
        packets.append(body[start:])
    return tuple(packets)


def segments(size: int) -> bytes:
    """The segment table entries of a packet of so many bytes."""
    return b"\xff" * (size // _FULL_SEGMENT) + bytes((size % _FULL_SEGMENT,))


def build_page(
    packets: Sequence[bytes],
    *,
    granule: int,
    serial: int,
    sequence: int,
    first: bool = False,
    last: bool = False,
) -> bytes:
    """Make a page of whole packets, which must fit: at most `MAX_SEGMENTS` segments."""
    table = b"".join([segments(len(packet)) for packet in packets])
    if len(table) > MAX_SEGMENTS:
        raise ValueError(f"{len(table)} segments do not fit one Ogg page")
    flags = _FIRST * first | _LAST * last
    head = _HEAD.pack(CAPTURE_PATTERN, 0, flags, granule, serial, sequence, 0, len(table))
    page = bytearray().join((head, table, *packets))
    _CHECKSUM.pack_into(page, _CHECKSUM_OFFSET, checksum(page))
    return bytes(page)

"""Writes redundant audio (RFC 2198), which we only read."""

from __future__ import annotations

from collections.abc import Sequence

from lktrio.rtc.rtp.red import RedBlock


def build_red(blocks: Sequence[RedBlock]) -> bytes:
    """A RED payload of blocks, oldest first, the primary block last."""
    headers: list[bytes] = []
    for block in blocks[:-1]:
        word = (0x80 | block.payload_type) << 24 | block.timestamp_offset << 10 | len(block.data)
        headers.append(word.to_bytes(4, "big"))
    headers.append(bytes((blocks[-1].payload_type,)))
    return b"".join((*headers, *(block.data for block in blocks)))

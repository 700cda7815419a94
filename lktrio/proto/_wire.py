"""Numbers of the protobuf wire format that reading and writing share (protobuf.dev, "Encoding")."""

from __future__ import annotations

__all__ = [
    "END_GROUP",
    "FIXED32",
    "FIXED32_SIZE",
    "FIXED64",
    "FIXED64_SIZE",
    "LENGTH",
    "START_GROUP",
    "VARINT",
]

VARINT, FIXED64, LENGTH, START_GROUP, END_GROUP, FIXED32 = 0, 1, 2, 3, 4, 5
"""Wire types: the low three bits of a tag."""
FIXED32_SIZE = 4
FIXED64_SIZE = 8

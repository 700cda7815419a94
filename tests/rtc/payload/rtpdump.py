"""Reads the recordings in tests/data/rtp-media and groups their packets to frames."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "data" / "rtp-media"
RECORD = struct.Struct(">IQ")
HEADER = struct.Struct(">BBHII")


@dataclass
class RecordedFrame:
    """Packets with one RTP timestamp, in sequence number order."""

    timestamp: int
    payloads: list[bytes] = field(default_factory=list)
    marker: bool = False


def payload_of(packet: bytes) -> bytes:
    first = packet[0]
    start = 12 + 4 * (first & 15)
    if first & 0x10:
        start += 4 + 4 * int.from_bytes(packet[start + 2 : start + 4], "big")
    stop = len(packet) - (packet[-1] if first & 0x20 else 0)
    return packet[start:stop]


def packets(name: str) -> Iterator[bytes]:
    data = (FOLDER / f"{name}.rtpdump").read_bytes()
    position = 0
    while position < len(data):
        size, _ = RECORD.unpack_from(data, position)
        position += RECORD.size
        yield data[position : position + size]
        position += size


def frames(name: str) -> list[RecordedFrame]:
    """All frames of a recording, padding-only packets left out."""
    by_sequence: dict[int, bytes] = {}
    first: int | None = None
    for packet in packets(name):
        sequence = HEADER.unpack_from(packet)[2]
        first = sequence if first is None else first
        by_sequence[(sequence - first + 0x8000) % 0x10000] = packet
    found: dict[int, RecordedFrame] = {}
    for _, packet in sorted(by_sequence.items()):
        _, second, _, timestamp, _ = HEADER.unpack_from(packet)
        if payload := payload_of(packet):
            frame = found.setdefault(timestamp, RecordedFrame(timestamp))
            frame.payloads.append(payload)
            frame.marker |= bool(second & 0x80)
    return list(found.values())

"""Reads the recordings in tests/data/rtp."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from lktrio.rtc.rtp import is_rtcp

FOLDER = Path(__file__).parent.parent / "data" / "rtp"
RECORDINGS = sorted(path.stem for path in FOLDER.glob("*.rtpdump"))

_RECORD = Struct("!IQ")


def read(name: str) -> Iterator[tuple[float, bytes]]:
    """Yield time in seconds and packet."""
    data = (FOLDER / f"{name}.rtpdump").read_bytes()
    position = 0
    while position < len(data):
        size, nanoseconds = _RECORD.unpack_from(data, position)
        position += _RECORD.size
        yield nanoseconds / 1e9, data[position : position + size]
        position += size


def read_rtp(name: str) -> list[tuple[float, bytes]]:
    return [(time, packet) for time, packet in read(name) if not is_rtcp(packet)]


def read_rtcp(name: str) -> list[tuple[float, bytes]]:
    return [(time, packet) for time, packet in read(name) if is_rtcp(packet)]


@dataclass
class Headers:
    """The packets of one recording, those of RTP without most of their payloads."""

    name: str
    rtp: list[bytes]
    rtcp: list[bytes]


def every_header() -> list[Headers]:
    """What tells how real peers write packets, of all recordings there are."""
    lines = gzip.decompress((FOLDER / "every-header.jsonl.gz").read_bytes()).splitlines()
    return [
        Headers(
            found["name"],
            [bytes.fromhex(packet) for packet in found["rtp"]],
            [bytes.fromhex(packet) for packet in found["rtcp"]],
        )
        for found in map(json.loads, lines)
    ]

"""Messages of data channels recorded between the real server and real clients."""

from __future__ import annotations

import gzip
from pathlib import Path

FILE = Path(__file__).parents[1] / "data" / "datachannel" / "messages.txt.gz"


def load(kind: str) -> list[bytes]:
    """The messages of a kind: ``dcep`` (how channels are opened) or ``data``."""
    lines = [line.split() for line in gzip.decompress(FILE.read_bytes()).decode().splitlines()]
    return [bytes.fromhex(data) for _, _, found, data in lines if found == kind]

"""Signalling sessions recorded between the real server and real clients."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lktrio import proto
from lktrio.proto.codec import decode

FILE = Path(__file__).parents[1] / "data" / "signal" / "sessions.jsonl.gz"


@dataclass
class Session:
    """One WebSocket connection, whole."""

    name: str
    version: Literal["v0", "v1"]
    resume: str | None
    """The participant that was resumed."""
    end: Literal["left", "closed", "lost"]
    """Whether the client went, the server closed, or the connection broke."""
    code: int | None
    """With which the server closed."""
    join_request: bytes | None
    """What the client of a v1 session put into its URL."""
    frames: list[bytes | str]
    """Of the server, in order."""
    requests: list[bytes]
    """Of the client, in order."""

    @property
    def responses(self) -> list[proto.SignalResponse]:
        """The frames that are messages."""
        return [decode(proto.SignalResponse, one) for one in self.frames if isinstance(one, bytes)]


def load() -> list[Session]:
    """Every recorded session."""
    lines = gzip.decompress(FILE.read_bytes()).decode().split("\n")
    return [_session(json.loads(line)) for line in lines if line]


def _session(line: dict[str, Any]) -> Session:
    # Bytes are written as text of the same code points: the repeated SDP in them packs well.
    line["join_request"] = line["join_request"] and line["join_request"].encode("latin-1")
    line["frames"] = [
        one["text"] if isinstance(one, dict) else one.encode("latin-1") for one in line["frames"]
    ]
    line["requests"] = [one.encode("latin-1") for one in line["requests"]]
    return Session(**line)


def descriptions(session: Session) -> Iterator[str]:
    """The SDP of every offer and answer of a session."""
    if session.join_request:
        offer = decode(proto.JoinRequest, session.join_request).publisher_offer
        if offer is not None:
            yield offer.sdp
    messages: list[proto.SignalRequest | proto.SignalResponse] = list(session.responses)
    if not session.name.startswith("raw"):  # their client sends garbage on purpose
        messages += [decode(proto.SignalRequest, one) for one in session.requests]
    for message in messages:
        for description in (message.offer, message.answer):
            if description is not None and description.sdp.startswith("v=0"):
                yield description.sdp

"""Our codec against betterproto2's own, on the same declarations.

``python -m tests.bench.bench_codec``. A data packet with a short user message, and a transcription
of twenty segments, are read and written by both. betterproto2 gets plain classes of its own with
the same fields, since the library's never reach its parser. The passes take turns. The exit status
is 1 if ours takes more than half of the time at reading.
"""

# ruff: noqa: RUF009 - what betterproto2.field returns is a field, not a default

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import betterproto2
from betterproto2 import field

from lktrio import proto
from lktrio.proto.codec import decode, encode
from tests.bench.comparing import in_turns, judge

REPEATS = 2000
PASSES = 9
LIMIT = 0.5


@dataclass(eq=False, repr=False)
class UserPacket(betterproto2.Message):
    participant_sid: str = field(1, betterproto2.TYPE_STRING)
    participant_identity: str = field(5, betterproto2.TYPE_STRING)
    payload: bytes = field(2, betterproto2.TYPE_BYTES)
    destination_sids: list[str] = field(3, betterproto2.TYPE_STRING, repeated=True)
    destination_identities: list[str] = field(6, betterproto2.TYPE_STRING, repeated=True)
    topic: str | None = field(4, betterproto2.TYPE_STRING, optional=True)
    id: str | None = field(8, betterproto2.TYPE_STRING, optional=True)
    start_time: int | None = field(9, betterproto2.TYPE_UINT64, optional=True)
    end_time: int | None = field(10, betterproto2.TYPE_UINT64, optional=True)
    nonce: bytes = field(11, betterproto2.TYPE_BYTES)


@dataclass(eq=False, repr=False)
class TranscriptionSegment(betterproto2.Message):
    id: str = field(1, betterproto2.TYPE_STRING)
    text: str = field(2, betterproto2.TYPE_STRING)
    start_time: int = field(3, betterproto2.TYPE_UINT64)
    end_time: int = field(4, betterproto2.TYPE_UINT64)
    final: bool = field(5, betterproto2.TYPE_BOOL)
    language: str = field(6, betterproto2.TYPE_STRING)


@dataclass(eq=False, repr=False)
class Transcription(betterproto2.Message):
    transcribed_participant_identity: str = field(2, betterproto2.TYPE_STRING)
    track_id: str = field(3, betterproto2.TYPE_STRING)
    segments: list[TranscriptionSegment] = field(4, betterproto2.TYPE_MESSAGE, repeated=True)


@dataclass(eq=False, repr=False)
class DataPacket(betterproto2.Message):
    user: UserPacket | None = field(2, betterproto2.TYPE_MESSAGE, optional=True, group="value")
    transcription: Transcription | None = field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    participant_identity: str = field(4, betterproto2.TYPE_STRING)
    destination_identities: list[str] = field(5, betterproto2.TYPE_STRING, repeated=True)
    sequence: int = field(16, betterproto2.TYPE_UINT32)
    participant_sid: str = field(17, betterproto2.TYPE_STRING)


USER = proto.DataPacket(
    user=proto.UserPacket(payload=b"hello, everybody", topic="chat", id="1"),
    participant_identity="alice",
    participant_sid="PA_xxxxxxxxxxxx",
    sequence=17,
)
TRANSCRIPTION = proto.DataPacket(
    transcription=proto.Transcription(
        transcribed_participant_identity="alice",
        track_id="TR_xxxxxxxxxxxx",
        segments=[
            proto.TranscriptionSegment(
                id=f"SG_{number}", text="some words that were said", start_time=1, end_time=2
            )
            for number in range(20)
        ],
    )
)


def seconds_each(call: Callable[[], Any]) -> float:
    """CPU time of one call."""
    begin = time.process_time()
    for _ in range(REPEATS):
        call()
    return (time.process_time() - begin) / REPEATS


def compare(what: str, message: proto.DataPacket) -> bool:
    """Print how long both take; whether ours is not fast enough at reading."""
    data = encode(message)
    theirs = DataPacket.parse(data)
    assert bytes(theirs) == data == encode(decode(proto.DataPacket, data))
    calls = {
        "reading": (lambda: decode(proto.DataPacket, data), lambda: DataPacket.parse(data)),
        "writing": (lambda: encode(message), lambda: bytes(theirs)),
    }
    missed = False
    for doing, (our_way, their_way) in calls.items():
        sides = {
            "ours": lambda call=our_way: seconds_each(call),
            "betterproto2": lambda call=their_way: seconds_each(call),
        }
        found = in_turns(sides, PASSES)
        mine, other = ([each * 1e6 for each in times] for times in found.values())
        title = f"{doing} {what} of {len(data)} bytes"
        goal = LIMIT if doing == "reading" else None
        missed |= judge("messages", title, "us of CPU", mine, "betterproto2", other, at_most=goal)
    return missed


def main() -> int:
    messages = {"a user packet": USER, "a transcription": TRANSCRIPTION}
    missed = [compare(what, message) for what, message in messages.items()]
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())

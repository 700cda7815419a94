"""Events that wait are made fewer without losing what they say."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from lktrio.room.channels.compaction import EventRule, compact
from lktrio.room.channels.queue import EventQueue
from tests.room.channels.events import RULES, Came, Changed, Left, Opened, Packet, Shut, Told


def shortened(*events: Any) -> list[Any]:
    return list(compact(events, RULES).values())


def test_what_stays_of_many_events() -> None:
    cases: dict[str, tuple[list[Any], list[Any]]] = {
        "nothing": ([], []),
        "no rule": ([Told(1), Told(1)], [Told(1), Told(1)]),
        "data is left alone": ([Packet(b"a"), Packet(b"a")], [Packet(b"a"), Packet(b"a")]),
        "newest of a key, where the newest was": (
            [Changed("a", 1), Changed("b", 2), Changed("a", 3)],
            [Changed("b", 2), Changed("a", 3, before=1)],
        ),
        "merged three times": (
            [Changed("a", 1), Changed("a", 2), Changed("a", 3)],
            [Changed("a", 3, before=1)],
        ),
        "came and went, with all about it": (
            [Came("a"), Opened("a", "x"), Changed("a", 1), Told(0), Shut("a", "x"), Left("a")],
            [Told(0)],
        ),
        "still there": ([Came("a"), Opened("a", "x")], [Came("a"), Opened("a", "x")]),
        "a part of it came and went": (
            [Came("a"), Opened("a", "x"), Shut("a", "x"), Changed("a", 1)],
            [Came("a"), Changed("a", 1)],
        ),
        "its beginning was heard": (
            [Changed("a", 1), Shut("a", "x"), Left("a")],
            [Changed("a", 1), Shut("a", "x"), Left("a")],
        ),
        "came, went, came again": (
            [Came("a"), Changed("a", 1), Left("a"), Came("a"), Changed("a", 2)],
            [Came("a"), Changed("a", 2)],
        ),
        "went, came again and went": (
            [Changed("a", 1), Left("a"), Came("a"), Changed("a", 2), Left("a")],
            [Changed("a", 1), Left("a")],
        ),
        "others are not touched": (
            [Came("a"), Came("b"), Left("a"), Changed("b", 1)],
            [Came("b"), Changed("b", 1)],
        ),
    }
    for name, (events, expected) in cases.items():
        assert shortened(*events) == expected, name
        assert shortened(*shortened(*events)) == expected, f"{name}, again"


def test_types_may_share_a_key() -> None:
    @dataclass(frozen=True)
    class On:
        what: str

    @dataclass(frozen=True)
    class Off:
        what: str

    rules = {kind: EventRule[Any](newest=lambda event: event.what) for kind in (On, Off)}
    assert list(compact([On("a"), Off("b"), Off("a"), On("a")], rules).values()) == [
        Off("b"),
        On("a"),
    ]


def test_whoever_reads_some_and_then_the_rest_knows_what_is_there() -> None:
    for seed in range(5):
        chance = random.Random(seed)
        there: set[str] = set()
        seen: set[str] = set()
        queue: EventQueue[Any] = EventQueue(RULES, lambda _event: True)
        for _ in range(6000):
            name = str(chance.randrange(700))
            if name in there:
                there.discard(name)
                assert queue.put(Left(name))
            else:
                there.add(name)
                assert queue.put(Came(name))
            if queue and chance.random() < 0.2:
                _read(queue, seen)
        while queue:
            _read(queue, seen)
        assert seen == there, seed


def _read(queue: EventQueue[Any], seen: set[str]) -> None:
    match queue.take():
        case Came(who):
            assert who not in seen
            seen.add(who)
        case Left(who):
            seen.remove(who)

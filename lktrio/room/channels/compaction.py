"""How the events that wait for somebody are made fewer without losing what they say.

Theory of operation: a source of events has a table of rules, one for each type of event. Data has a
size and is left alone. Of events that say "look at the snapshot again" only the newest of one key
is needed. An event may begin the life of a thing (somebody joined, a track was published) and
another one end it: when both still wait, they go, with everything between them that was about the
thing, since nobody can have heard of it. What is left is bounded by what there is.

A type without a rule is never left out.

What is left is told, however much it is, if it is something that one peer can make many of, such as
tracks: it exists, and no peer must be able to overrun the others. What takes many peers counts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

__all__ = ["EventRule", "EventRules", "compact"]

E = TypeVar("E")
T = TypeVar("T")


def _nothing(_event: Any) -> Iterable[Hashable]:
    return ()


@dataclass(frozen=True)  # Python 3.11 cannot call the subscript of a frozen class with slots
class EventRule(Generic[E]):
    """What may be done with events of one type that wait."""

    size: Callable[[E], int] | None = None
    """For data: its bytes. Data waits apart, bounded by bytes; the other fields are not used."""
    newest: Callable[[E], Hashable] | None = None
    """The key of which the newest event is enough; types may share keys."""
    merge: Callable[[E, E], E] | None = None
    """Makes one event of an older and a newer one of the same key; without it the newer stays."""
    begins: Callable[[E], Hashable] | None = None
    """The thing whose life the event begins."""
    ends: Callable[[E], Hashable] | None = None
    """The thing whose life it ends."""
    about: Callable[[E], Iterable[Hashable]] = _nothing
    """Other things that the event is about: it goes with them."""
    counts: bool = False
    """Whether what is left counts against the limit of a queue."""


EventRules: TypeAlias = Mapping[type[Any], EventRule[Any]]
"""The rules of a source of events."""


def compact(events: Sequence[T], rules: EventRules) -> dict[int, T]:
    """Leave out what need not be told any more.

    Returns:
        The events that stay, in their order, by their place in ``events``.
    """
    unheard = _unheard(events, rules)
    newest: dict[Hashable, int] = {}
    kept: dict[int, T] = {}
    for place in range(len(events) - 1, -1, -1):
        if place in unheard:
            continue
        event = events[place]
        rule = rules.get(type(event))
        if rule is not None and rule.newest is not None:
            newer = newest.setdefault(rule.newest(event), place)
            if newer != place:
                if rule.merge is not None:
                    kept[newer] = rule.merge(event, kept[newer])
                continue
        kept[place] = event
    return dict(reversed(kept.items()))


def _unheard(events: Sequence[T], rules: EventRules) -> set[int]:
    """Places of the events about things that began and ended while nobody listened."""
    unheard: set[int] = set()
    alive: dict[Hashable, list[int]] = {}  # what was begun here, and the places about it
    for place, event in enumerate(events):
        rule = rules.get(type(event))
        if rule is None:
            continue
        for thing in rule.about(event):
            if thing in alive:
                alive[thing].append(place)
        if rule.begins is not None:
            alive[rule.begins(event)] = [place]
        if rule.ends is not None and (places := alive.pop(rule.ends(event), None)) is not None:
            unheard.update(places)
            unheard.add(place)
    return unheard

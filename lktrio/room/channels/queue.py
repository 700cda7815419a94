"""What waits for one subscriber: a queue with two limits.

Theory of operation: all events wait in one queue, so their order is kept. What is there when the
subscription begins comes first and is not counted. Data is bounded by bytes; what does not fit is
dropped and counted. Of the events that have a rule (``channels.compaction``), those that need not
be told any more go when there are many, so they are bounded by what there is in the room, and no
peer can fill the queue. Only events without a rule, or whose rule says that they count, can: then
the subscription ends.

Things begin and end also for those who did not ask to hear of it: beginnings and ends of things are
queued unseen, so that what is told about a thing can go with it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from lktrio.room.channels.compaction import EventRule, EventRules, compact

__all__ = ["DATA_LIMIT", "QUEUE_LIMIT", "EventQueue", "WaitingData"]

_log = logging.getLogger("lktrio.room")

QUEUE_LIMIT = 1024
"""Events that may wait for one subscriber before they are made fewer."""
DATA_LIMIT = 4 * 1024 * 1024
"""Bytes of data that may wait for one subscriber."""
_DATA_OVERHEAD = 256  # bytes that one event of data costs besides its payload, at most

T = TypeVar("T")


class EventQueue(Generic[T]):
    """The events of one subscriber.

    Args:
        rules: What may be done with events that wait.
        wanted: Whether the subscriber asked for an event; others are queued unseen.
        beginning: What is there already.

    Attributes:
        dropped: Events of data that did not fit.
    """

    def __init__(
        self, rules: EventRules, wanted: Callable[[T], bool], beginning: Iterable[T] = ()
    ) -> None:
        self.dropped = 0
        self._rules = rules
        self._wanted = wanted
        self._queue = deque(filter(wanted, beginning))
        self._beginning = len(self._queue)  # how many of the first are not counted
        self._counted = 0
        self._with_rule = 0
        self._compact_at = QUEUE_LIMIT
        self._data_size = 0

    def __bool__(self) -> bool:
        """Whether there is something to take."""
        return bool(self._queue)

    def put(self, event: T) -> bool:
        """Queue an event; False if it counts and there is no room for it."""
        rule = self._rules.get(type(event))
        if rule is not None and rule.size is not None:
            self._put_data(event, rule.size(event) + _DATA_OVERHEAD)
            return True
        if rule is not None and not self._queue and not self._wanted(event):
            return True
        self._queue.append(event)
        self._count(rule, 1)
        if self._with_rule > self._compact_at or self._counted > QUEUE_LIMIT:
            self._compact()
            if self._counted > QUEUE_LIMIT:
                self._queue.pop()
                self._count(rule, -1)
                return False
        return True

    def _count(self, rule: EventRule[T] | None, change: int) -> None:
        if rule is None or rule.counts:
            self._counted += change
        if rule is not None:
            self._with_rule += change

    def _put_data(self, event: T, cost: int) -> None:
        if self._data_size + cost > DATA_LIMIT:
            self._drop()
        else:
            self._data_size += cost
            self._queue.append(event)

    def _drop(self) -> None:
        if not self.dropped:
            _log.warning(
                "a subscriber does not read its data: more than %d MiB wait, the rest is dropped",
                DATA_LIMIT >> 20,
            )
        self.dropped += 1

    def take(self) -> T:
        """Remove the next event; there must be one."""
        event = self._remove()
        self._skip_unseen()
        return event

    def _skip_unseen(self) -> None:
        while self._queue and not self._wanted(self._queue[0]):
            self._remove()

    def _remove(self) -> T:
        event = self._queue.popleft()
        if self._beginning:
            self._beginning -= 1
            return event
        rule = self._rules.get(type(event))
        if rule is not None and rule.size is not None:
            self._data_size -= rule.size(event) + _DATA_OVERHEAD
        else:
            self._count(rule, -1)
        return event

    def clear(self) -> None:
        """Drop everything."""
        self._queue.clear()
        self._beginning = self._counted = self._with_rule = self._data_size = 0

    def _compact(self) -> None:
        events = list(self._queue)
        kept = compact(events, self._rules)
        for place in range(self._beginning, len(events)):
            if place not in kept:
                self._count(self._rules[type(events[place])], -1)
        self._beginning = sum(place < self._beginning for place in kept)
        self._queue = deque(kept.values())
        self._skip_unseen()
        # The next time only after twice as many, so that an event costs the same however many wait.
        self._compact_at = max(QUEUE_LIMIT, 2 * self._with_rule)


class WaitingData(Generic[T]):
    """Data that nobody has asked for yet; the first to ask gets it.

    Attributes:
        dropped: Events that did not fit into 4 MiB.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._events: list[tuple[T, int]] = []
        self._size = 0

    def put(self, event: T, size: int) -> None:
        """Keep an event, or count it as dropped."""
        cost = size + _DATA_OVERHEAD
        if self._size + cost > DATA_LIMIT:
            if not self.dropped:
                _log.info("nobody asks for the data that arrives: what does not fit is dropped")
            self.dropped += 1
            return
        self._size += cost
        self._events.append((event, cost))

    def look(self, wanted: Callable[[T], bool]) -> list[T]:
        """Return what somebody asks for, and keep it."""
        return [event for event, _ in self._events if wanted(event)]

    def take(self, wanted: Callable[[T], bool]) -> list[T]:
        """Remove and return what somebody asks for."""
        taken = self.look(wanted)
        self._keep_only(lambda event: not wanted(event))
        return taken

    def discard(self, event: T) -> None:
        """Remove an event, if it is here."""
        self._keep_only(lambda other: other is not event)

    def _keep_only(self, staying: Callable[[T], bool]) -> None:
        self._events = [(event, cost) for event, cost in self._events if staying(event)]
        self._size = sum(cost for _, cost in self._events)

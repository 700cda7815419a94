"""Events for any number of subscribers, each at its own pace.

Theory of operation: a `Broadcast` knows its subscriptions weakly. A program holds a `Subscription`,
that one holds a feed, and the broadcast only refers to the feed: when nobody refers to the
subscription any longer, it is gone, and costs nothing. A task that waits in ``receive`` refers to
it. Publishing never waits, so a consumer cannot stall the network side of a room; it looks only at
the feeds that want an event of that type.

A subscription begins with what is there, as its maker tells (``replay``). Data is no part of that:
what comes before anybody asks for it waits for the first who does.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from types import UnionType
from typing import Any, Generic, TypeVar, overload

import trio

from lktrio.errors import SlowConsumer
from lktrio.room.channels.compaction import EventRule, EventRules
from lktrio.room.channels.feed import Feed, FeedChannel
from lktrio.room.channels.queue import DATA_LIMIT, QUEUE_LIMIT, EventQueue, WaitingData

__all__ = ["DATA_LIMIT", "QUEUE_LIMIT", "Broadcast", "Subscription"]

T = TypeVar("T")
E = TypeVar("E")
E1 = TypeVar("E1")
E2 = TypeVar("E2")
E3 = TypeVar("E3")
E4 = TypeVar("E4")


class _Feed(Feed[EventQueue[T]], Generic[T]):
    """What one subscription reads from; filled by the broadcast."""

    def __init__(
        self, types: tuple[type[Any], ...], rules: EventRules, replay: Iterable[T]
    ) -> None:
        self.types = types
        super().__init__(EventQueue(rules, self.wants, replay))
        self.overrun = False

    def wants(self, event: T) -> bool:
        return not self.types or isinstance(event, self.types)

    def put(self, event: T) -> None:
        if not self.queue.put(event):
            self.overrun = True
            self.end()
        elif self.lot:
            self.lot.unpark()

    def check(self) -> None:
        if self.overrun and not self.closed:
            raise SlowConsumer(
                f"more than {QUEUE_LIMIT} events waited for this subscriber; read them faster, "
                "or subscribe to fewer types"
            )
        super().check()


class Subscription(FeedChannel[T, _Feed[T]]):
    """The events of one subscriber, in order; ends cleanly when the source ends.

    Several tasks may receive from one subscription; each event goes to one of them. It is closed by
    ``close``, by ``aclose``, at the end of a ``with`` or ``async with`` block, or by nobody
    referring to it any longer.

    When many events wait, some are put together: of those that tell of a change of the same thing
    the newest stays, and a thing that came and went is not told at all. Data has limits of its own:
    what does not fit into 4 MiB is dropped.
    """

    @property
    def dropped(self) -> int:
        """Events with data that were dropped because they were not read in time."""
        return self._feed.queue.dropped

    async def receive(self) -> T:
        """Return the next event. Cancelled, it loses nothing.

        Raises:
            trio.EndOfChannel: The room has ended, and everything was received.
            SlowConsumer: More than 1,024 events were waiting that could not be put together;
                subscribe again.
            trio.ClosedResourceError: The subscription was closed.
        """
        event: T = await self._feed.take()
        return event


class Broadcast(Generic[T]):
    """The source of events.

    Args:
        rules: What may be done with events that wait; see ``EventRule``.
    """

    def __init__(self, rules: EventRules | None = None) -> None:
        self._rules = rules or {}
        self._feeds: list[weakref.ref[_Feed[Any]]] = []
        self._tidy_at = 16  # how many may be noted before the dead among them are looked for
        self._by_type: dict[type[Any], tuple[weakref.ref[_Feed[Any]], ...]] = {}
        self._data_types = {kind for kind, rule in self._rules.items() if rule.size is not None}
        self._unasked = set(self._data_types)
        self._waiting: WaitingData[T] = WaitingData()
        self._ended = False

    @property
    def waiting_dropped(self) -> int:
        """Events with data that came before anybody asked for it, and did not fit into 4 MiB."""
        return self._waiting.dropped

    @overload
    def subscribe(self, *, replay: Iterable[T] | None = ...) -> Subscription[T]: ...

    @overload
    def subscribe(
        self, one: type[E1], /, *, replay: Iterable[T] | None = ...
    ) -> Subscription[E1]: ...

    @overload
    def subscribe(
        self, one: type[E1], two: type[E2], /, *, replay: Iterable[T] | None = ...
    ) -> Subscription[E1 | E2]: ...

    @overload
    def subscribe(
        self, one: type[E1], two: type[E2], three: type[E3], /, *, replay: Iterable[T] | None = ...
    ) -> Subscription[E1 | E2 | E3]: ...

    @overload
    def subscribe(
        self,
        one: type[E1],
        two: type[E2],
        three: type[E3],
        four: type[E4],
        /,
        *,
        replay: Iterable[T] | None = ...,
    ) -> Subscription[E1 | E2 | E3 | E4]: ...

    @overload
    def subscribe(self, *types: type[E], replay: Iterable[T] | None = ...) -> Subscription[E]: ...

    def subscribe(self, *types: type[Any], replay: Iterable[T] | None = None) -> Subscription[Any]:
        """Make a subscription to events of these types, or to all without any.

        Args:
            types: The types.
            replay: The events of what is there, which it begins with; it also gets the data that
                has waited for somebody to ask. None for news only. Used up before this returns.

        One made after the end has what it begins with, and ends.
        """
        feed = self._add(types, replay)
        if replay is not None:
            for event in self._waiting.take(feed.wants):
                feed.put(event)
        self._unasked = {kind for kind in self._unasked if types and not issubclass(kind, types)}
        if self._ended:
            feed.end()
        return Subscription(feed)

    def _add(self, types: tuple[type[Any], ...], replay: Iterable[T] | None) -> _Feed[Any]:
        for kind in types:  # callers may be untyped, and whoever publishes must not find out
            if not isinstance(kind, (type, UnionType)):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise TypeError(f"events are chosen by their types, not by {kind!r}")
        feed: _Feed[Any] = _Feed(types, self._rules, () if replay is None else replay)
        self._feeds.append(weakref.ref(feed))
        if len(self._feeds) > self._tidy_at:
            self._tidy()
        self._by_type.clear()
        return feed

    def _tidy(self) -> None:
        self._feeds = [reference for reference in self._feeds if _living(reference)]
        self._tidy_at = 2 * len(self._feeds) + 16

    def publish(self, event: T) -> None:
        """Give an event to everybody who wants it. Never waits."""
        kind = type(event)
        references = self._by_type.get(kind)
        if references is None:
            references = self._by_type[kind] = self._find(kind)
        for reference in references:
            feed = reference()
            if feed is None or feed.ended:
                self._by_type.pop(kind, None)  # looked for again the next time
            else:
                feed.put(event)
        if kind in self._unasked:
            self._keep(event)

    def _find(self, kind: type[Any]) -> tuple[weakref.ref[_Feed[Any]], ...]:
        """The feeds that want a type, or need it to know what lives."""
        self._tidy()
        rule = self._rules.get(kind)
        found: list[weakref.ref[_Feed[Any]]] = []
        for reference in self._feeds:
            feed = reference()
            if feed is not None and (
                not feed.types or issubclass(kind, feed.types) or self._follows(feed, rule)
            ):
                found.append(reference)
        return tuple(found)

    def _follows(self, feed: _Feed[Any], rule: EventRule[Any] | None) -> bool:
        """Whether a feed needs to know when things begin and end: if it has events about things."""
        if rule is None or (rule.begins is None and rule.ends is None):
            return False
        return any(
            kind not in self._data_types and issubclass(kind, feed.types) for kind in self._rules
        )

    def _keep(self, event: T) -> None:
        rule = self._rules[type(event)]
        assert rule.size is not None  # only data waits
        self._waiting.put(event, rule.size(event))

    async def wait_for(
        self,
        kind: type[E],
        predicate: Callable[[E], object] | None = None,
        *,
        replay: Iterable[T] | None = None,
    ) -> E:
        """Wait for the first event of a type for which a predicate holds.

        Data that waits for a subscription goes on waiting for it, save the event that is returned.
        Cancelled, it has taken nothing.

        Raises:
            trio.EndOfChannel: The source has ended without such an event.
            SlowConsumer: See ``Subscription.receive``.
        """
        feed = self._add((kind,), replay)
        if replay is not None:
            for event in self._waiting.look(feed.wants):
                feed.put(event)
        if self._ended:
            feed.end()
        with Subscription(feed) as subscription:
            async for event in subscription:
                if predicate is None or predicate(event):
                    self._waiting.discard(event)
                    return event
        raise trio.EndOfChannel

    def end(self) -> None:
        """End every subscription, after what it has queued. Idempotent."""
        self._ended = True
        for reference in self._feeds:
            if (feed := reference()) is not None:
                feed.end()
        self._feeds.clear()
        self._by_type.clear()


def _living(reference: weakref.ref[_Feed[Any]]) -> bool:
    feed = reference()
    return feed is not None and not feed.ended

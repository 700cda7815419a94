"""Events for any number of subscribers, each at its own pace.

Every subscriber has a bounded queue of its own. One that does not read in time loses its
subscription with ``SlowConsumer`` after what it has queued; nobody else notices, and publishing
never waits, so the network side of a room cannot be stalled by a consumer.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import trio

from lktrio.errors import SlowConsumer

__all__ = ["QUEUE_LIMIT", "Broadcast", "Subscription"]

QUEUE_LIMIT = 1024
"""Events that may wait for one subscriber."""

T = TypeVar("T")


class Subscription(trio.abc.ReceiveChannel[T]):
    """The events of one subscriber, in order; ends cleanly when the source ends.

    Cancelling ``receive`` loses nothing. Several tasks may receive from one subscription; each
    event goes to one of them.
    """

    def __init__(self, source: Broadcast[T], types: tuple[type, ...]) -> None:
        self._source: Broadcast[T] | None = source
        self._types = types
        self._queue: deque[T] = deque()
        self._lot = trio.lowlevel.ParkingLot()
        self._overrun = False
        self._closed = False

    def wants(self, event: T) -> bool:
        """Whether this subscription was made for events like this one."""
        return not self._types or isinstance(event, self._types)

    def put(self, event: T) -> None:
        """Queue an event, or end the subscription if there is no room for it."""
        if len(self._queue) >= QUEUE_LIMIT:
            self._overrun = True
            self.end()
        else:
            self._queue.append(event)
            self._lot.unpark()

    def end(self) -> None:
        """No more events will come; what is queued can still be received."""
        if self._source is not None:
            self._source.discard(self)
            self._source = None
        self._lot.unpark_all()

    async def receive(self) -> T:
        """Return the next event.

        Raises:
            trio.EndOfChannel: The room has ended, and everything was received.
            SlowConsumer: More than ``QUEUE_LIMIT`` events were waiting; subscribe again and read
                the snapshots anew.
            trio.ClosedResourceError: The subscription was closed.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while True:
            if self._closed:
                raise trio.ClosedResourceError("this subscription was closed")
            if self._queue:
                event = self._queue.popleft()
                await trio.lowlevel.cancel_shielded_checkpoint()
                return event
            if self._overrun:
                raise SlowConsumer(
                    f"more than {QUEUE_LIMIT} events waited for this subscriber; read them faster, "
                    "or subscribe to fewer types"
                )
            if self._source is None:
                raise trio.EndOfChannel
            await self._lot.park()

    def close(self) -> None:
        """End the subscription and drop what is queued. Idempotent."""
        self._closed = True
        self._queue.clear()
        self.end()

    async def aclose(self) -> None:
        """End the subscription, also when cancelled. Idempotent."""
        self.close()
        await trio.lowlevel.checkpoint()


class Broadcast(Generic[T]):
    """The source of events."""

    def __init__(self) -> None:
        self._subscriptions: dict[Subscription[T], None] = {}
        self._ended = False

    def subscribe(self, *types: type) -> Subscription[T]:
        """Make a subscription to events of these types, or to all without any.

        One made after the end ends at once.
        """
        subscription = Subscription(self, types)
        if self._ended:
            subscription.end()
        else:
            self._subscriptions[subscription] = None
        return subscription

    def discard(self, subscription: Subscription[T]) -> None:
        """Deliver nothing more to a subscription."""
        self._subscriptions.pop(subscription, None)

    def publish(self, event: T) -> None:
        """Give an event to everybody who wants it. Never waits."""
        for subscription in list(self._subscriptions):
            if subscription.wants(event):
                subscription.put(event)

    def end(self) -> None:
        """End every subscription, after what it has queued. Idempotent."""
        self._ended = True
        for subscription in list(self._subscriptions):
            subscription.end()

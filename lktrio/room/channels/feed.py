"""What the channels of a room have in common: a queue that a source fills, and its ends.

Theory of operation: a program holds a channel, the channel its feed, and the source refers to the
feed weakly. Whoever refers to the channel keeps the feed, as does a task that waits in ``receive``.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import trio

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Feed", "FeedChannel", "Queue"]

T = TypeVar("T")
Q = TypeVar("Q", bound="Queue")
F = TypeVar("F", bound="Feed[Any]")


class Queue(Protocol):
    """What waits for a consumer."""

    def __bool__(self) -> bool:
        """Whether anything waits."""
        ...

    def take(self) -> Any:
        """Remove the next of what waits; there must be one."""
        ...

    def clear(self) -> None:
        """Drop what waits."""
        ...


class Feed(Generic[Q]):
    """What one channel reads from; filled by its source.

    Attributes:
        queue: What waits.
        lot: The tasks that wait for more.
        ended: Whether nothing more will come.
        closed: Whether the consumer wants nothing more.
    """

    def __init__(self, queue: Q) -> None:
        self.queue = queue
        self.lot = trio.lowlevel.ParkingLot()
        self.ended = False
        self.closed = False

    def end(self) -> None:
        """Nothing more will come. Idempotent."""
        self.ended = True
        self.lot.unpark_all()

    def check(self) -> None:
        """Tell a consumer for whom nothing waits that it waits in vain, if it does.

        Raises:
            trio.ClosedResourceError: It wanted nothing more.
            trio.EndOfChannel: Nothing more will come.
        """
        if self.closed:
            raise trio.ClosedResourceError("this channel was closed")
        if self.ended:
            raise trio.EndOfChannel

    async def take(self) -> Any:
        """Wait for the next of what comes. Cancelled, it loses nothing; errors as ``check``."""
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self.queue:
            self.check()
            await self.lot.park()
        item = self.queue.take()
        await trio.lowlevel.cancel_shielded_checkpoint()
        return item


class FeedChannel(trio.abc.ReceiveChannel[T], Generic[T, F]):
    """A channel that reads from a feed, and a context manager."""

    def __init__(self, feed: F) -> None:
        self._feed = feed

    def close(self) -> None:
        """Stop receiving and drop what is queued. Idempotent."""
        self._feed.closed = True
        self._feed.queue.clear()
        self._feed.end()

    async def aclose(self) -> None:
        """Stop receiving, also when cancelled. Idempotent."""
        self.close()
        await trio.lowlevel.checkpoint()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

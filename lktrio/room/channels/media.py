"""Channels between the network and the consumers of a track, bounded, the newest media first.

Theory of operation: a `MediaSource` gives the frames, or the packets, of one track to any number
of channels, which it knows weakly: a channel that nobody refers to any longer is gone. The first
one begins with what the track has kept for it (``channels.backlog``); from then on, what nobody
reads is not kept.

A consumer that falls behind loses the oldest media, never the connection. Video that lost a frame
cannot be decoded until the next keyframe, so what comes before one is dropped as well and the
publisher is asked for a keyframe.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from lktrio.media import EncodedFrame
from lktrio.room.channels.backlog import Backlog
from lktrio.room.channels.feed import Feed, FeedChannel

__all__ = [
    "FRAME_QUEUE_LIMIT",
    "PACKET_QUEUE_LIMIT",
    "FrameQueue",
    "MediaChannel",
    "MediaQueue",
    "MediaSource",
]

FRAME_QUEUE_LIMIT = 50
"""Frames that may wait for one consumer, besides those that it began with."""
PACKET_QUEUE_LIMIT = 2048
"""RTP packets that may wait for one consumer, besides those that it began with."""

T = TypeVar("T")


def _as_it_is(item: T) -> T:
    return item


class MediaQueue(Generic[T]):
    """What waits for one consumer; the oldest goes when there is no room.

    Args:
        limit: How many may wait.
        beginning: What the consumer begins with; not counted.

    Attributes:
        dropped: How many were dropped because they were not read in time.
    """

    def __init__(self, limit: int, beginning: Iterable[T] = ()) -> None:
        self.dropped = 0
        self._limit = limit
        self._beginning = deque(beginning)
        self._queue: deque[T] = deque()

    def __bool__(self) -> bool:
        """Whether there is something to take."""
        return bool(self._beginning or self._queue)

    def put(self, item: T) -> None:
        """Queue an item."""
        if len(self._queue) >= self._limit:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(item)

    def take(self) -> T:
        """Remove the next item; there must be one."""
        return self._beginning.popleft() if self._beginning else self._queue.popleft()

    def clear(self) -> None:
        """Drop everything."""
        self._beginning.clear()
        self._queue.clear()


class FrameQueue(MediaQueue[EncodedFrame]):
    """Frames of video that wait for one consumer: never one without what it refers to.

    Args:
        request_keyframe: Called when a keyframe is needed to go on.
        beginning: What the consumer begins with, a keyframe first; without it, it needs one.
    """

    def __init__(
        self, request_keyframe: Callable[[], None], beginning: Iterable[EncodedFrame] = ()
    ) -> None:
        super().__init__(FRAME_QUEUE_LIMIT, beginning)
        self._request_keyframe = request_keyframe
        self._needs_keyframe = not self._beginning
        if self._needs_keyframe:
            request_keyframe()

    def put(self, item: EncodedFrame) -> None:
        """Queue a frame, if it can be decoded."""
        if item.keyframe:
            self._needs_keyframe = False
        if self._needs_keyframe:
            self.dropped += 1
            self._request_keyframe()  # again, as a request can get lost; repeated twice a second
        elif len(self._queue) >= self._limit:
            self._skip_to_keyframe(item)
        else:
            self._queue.append(item)

    def _skip_to_keyframe(self, item: EncodedFrame) -> None:
        # Dropping single frames would leave references dangling, so whole runs go.
        self._queue.append(item)
        self._queue.popleft()
        self.dropped += 1
        while self._queue and not self._queue[0].keyframe:
            self._queue.popleft()
            self.dropped += 1
        if not self._queue:
            self._needs_keyframe = True
            self._request_keyframe()


class _Feed(Feed[MediaQueue[T]], Generic[T]):
    """What one channel reads from; filled by the source."""

    def put(self, item: T) -> None:
        self.queue.put(item)
        if self.lot:
            self.lot.unpark()


class MediaChannel(FeedChannel[T, _Feed[T]]):
    """Media of one track for one consumer, in order; ends cleanly when the track ends.

    It is closed by ``close``, by ``aclose``, at the end of a ``with`` or ``async with`` block, or
    by nobody referring to it any longer.
    """

    def __init__(self, feed: _Feed[T], stamp: Callable[[T], T]) -> None:
        super().__init__(feed)
        self._stamp = stamp

    @property
    def dropped(self) -> int:
        """How many were dropped because they were not read in time."""
        return self._feed.queue.dropped

    async def receive(self) -> T:
        """Return the next item. Cancelled, it loses nothing.

        Raises:
            trio.EndOfChannel: The track has ended, and everything was received.
            trio.ClosedResourceError: The channel was closed.
        """
        return self._stamp(await self._feed.take())


class MediaSource(Generic[T]):
    """The frames, or the packets, of one track.

    Args:
        backlog: Keeps what comes before the first reader.
        stamp: Called with every item that somebody takes; returns what is given to the taker.

    Attributes:
        dropped: How many were dropped because somebody has not read them in time.
    """

    def __init__(self, backlog: Backlog[T], stamp: Callable[[T], T] = _as_it_is) -> None:
        self._stamp = stamp
        self._backlog: Backlog[T] | None = backlog
        self._feeds: tuple[weakref.ref[_Feed[T]], ...] = ()
        self._ended = False
        self.dropped = 0

    @property
    def wanted(self) -> bool:
        """Whether somebody reads, or may begin to: whether it makes sense to ``put``."""
        return not self._ended and (self._backlog is not None or bool(self._feeds))

    def open(self, make_queue: Callable[[list[T]], MediaQueue[T]]) -> MediaChannel[T]:
        """Make a channel.

        Args:
            make_queue: Makes its queue from what it begins with. The first one gets what was kept,
                also after the end of the track.
        """
        kept = self._backlog.take() if self._backlog is not None else []
        self._backlog = None
        feed = _Feed(make_queue(kept))
        if self._ended:
            feed.end()
        else:
            self._feeds += (weakref.ref(feed),)
        return MediaChannel(feed, self._stamp)

    def put(self, item: T, size: int, now: float, *, keyframe: bool = False) -> None:
        """Give an item to everybody who reads. Never waits.

        Args:
            item: The frame or packet.
            size: Its bytes.
            now: When it arrived.
            keyframe: Whether video can be decoded from here on.
        """
        if self._backlog is not None:
            self._backlog.put(item, size, now, keyframe=keyframe)
        for reference in self._feeds:
            feed = reference()
            if feed is None or feed.ended:
                self._feeds = tuple(one for one in self._feeds if one is not reference)
            else:
                before = feed.queue.dropped
                feed.put(item)
                self.dropped += feed.queue.dropped - before

    def begin_backlog_with(self, first: Callable[[T], bool]) -> None:
        """Keep nothing that came before the first item for which this holds."""
        if self._backlog is not None:
            self._backlog.begin_with(first)

    def drop_backlog(self) -> None:
        """Keep nothing any more: the track has a reader of another kind."""
        self._backlog = None

    def end(self) -> None:
        """The track is over: every channel ends after what it has queued. Idempotent."""
        self._ended = True
        for reference in self._feeds:
            if (feed := reference()) is not None:
                feed.end()
        self._feeds = ()

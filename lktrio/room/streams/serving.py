"""Which topics are served, and the streams of each that wait for a program.

Theory of operation: a program holds the channel of a topic, and the topic is served as long as it
does: `ServedTopics` knows the feeds of channels weakly. Streams that nobody takes are closed with
their channel.

A program can serve a topic only when it has joined, and others may send as soon as it has. So the
newest few streams that nobody serves are kept for some seconds, for whoever does then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, Literal, TypeVar
from weakref import WeakValueDictionary

from lktrio.room.channels.feed import Feed, FeedChannel
from lktrio.room.streams.reader import ByteStreamReader, TextStreamReader

__all__ = ["KEPT_FOR", "MAX_KEPT", "MAX_UNREAD", "ServedTopics", "StreamChannel", "StreamFeed"]

MAX_UNREAD = 64
"""Streams of one topic that may wait for a program."""
MAX_KEPT = 16
"""Streams of one kind that are kept although nobody serves their topic; the newest."""
KEPT_FOR = 5.0
"""Seconds that they are kept, as long as media wait for their first reader."""

R = TypeVar("R", bound="TextStreamReader | ByteStreamReader")


class _WaitingStreams(Generic[R]):
    """Streams that nobody has taken yet."""

    def __init__(self) -> None:
        self.dropped = 0
        self._streams: deque[R] = deque()

    def __bool__(self) -> bool:
        return bool(self._streams)

    @property
    def full(self) -> bool:
        return len(self._streams) >= MAX_UNREAD

    def put(self, stream: R) -> None:
        self._streams.append(stream)

    def take(self) -> R:
        return self._streams.popleft()

    def clear(self) -> None:
        while self._streams:
            self._streams.popleft().close()


class StreamFeed(Feed[_WaitingStreams[R]], Generic[R]):
    """What the channel of a topic reads from."""

    def __init__(self) -> None:
        super().__init__(_WaitingStreams())

    def has_room(self) -> bool:
        """Whether another stream may wait; if not, one was dropped."""
        if self.queue.full:
            self.queue.dropped += 1
        return not self.queue.full

    def put(self, stream: R) -> None:
        """A stream has begun."""
        self.queue.put(stream)
        self.lot.unpark()


class StreamChannel(FeedChannel[R, StreamFeed[R]]):
    """The streams of one topic, as they begin; see ``Room.text_streams``.

    The topic is served until the channel is closed, or until nobody refers to it any longer. At
    most 64 streams wait; further ones are dropped and counted. It ends cleanly when the room ends.
    """

    @property
    def dropped(self) -> int:
        """Streams that were dropped because 64 waited already."""
        return self._feed.queue.dropped

    async def receive(self) -> R:
        """Return the next stream, as soon as it has begun. Cancelled, it loses nothing.

        Raises:
            trio.EndOfChannel: The room has ended, and everything was received.
            trio.ClosedResourceError: The channel was closed.
        """
        stream: R = await self._feed.take()
        return stream


class ServedTopics(Generic[R]):
    """The topics that are served, of streams of one kind.

    Args:
        kind: What streams of that kind are called.
        clock: Tells the time.
    """

    def __init__(self, kind: Literal["text", "byte"], clock: Callable[[], float]) -> None:
        self.kind = kind
        self._clock = clock
        self._feeds: WeakValueDictionary[str, StreamFeed[R]] = WeakValueDictionary()
        self._reserved: set[str] = set()
        self._kept: deque[tuple[float, str, R]] = deque()  # until when, topic
        self._ended = False

    def reserve(self, topic: str) -> None:
        """Let no program serve a topic."""
        self._reserved.add(topic)

    def serve(self, topic: str) -> StreamChannel[R]:
        """Serve a topic; the channel begins with the streams of it that were kept.

        Raises:
            ValueError: It is served already, or reserved.
        """
        if topic in self._reserved:
            raise ValueError(f"the topic {topic!r} is reserved")
        if self.find(topic) is not None:
            raise ValueError(f"the topic {topic!r} is served already")
        feed: StreamFeed[R] = StreamFeed()
        self._feeds[topic] = feed
        self.drop_old()
        for _, _, stream in [kept for kept in self._kept if kept[1] == topic]:
            feed.put(stream)
        self._kept = deque(kept for kept in self._kept if kept[1] != topic)
        if self._ended:
            feed.end()
        return StreamChannel(feed)

    def find(self, topic: str) -> StreamFeed[R] | None:
        """Who serves a topic, if anybody does."""
        feed = self._feeds.get(topic)
        return None if feed is None or feed.closed else feed

    def keep(self, topic: str, stream: R) -> None:
        """Keep a stream of a topic that nobody serves, for a while."""
        self._kept.append((self._clock() + KEPT_FOR, topic, stream))
        if len(self._kept) > MAX_KEPT:
            self._kept.popleft()[2].close()

    def drop_old(self) -> None:
        """Close the streams that were kept long enough."""
        while self._kept and self._kept[0][0] <= self._clock():
            self._kept.popleft()[2].close()

    def end(self) -> None:
        """There will be no more streams."""
        self._ended = True
        for feed in list(self._feeds.values()):
            feed.end()

"""Channels between a data track and those who read it: bounded, the newest frames first.

Theory of operation: a track is received as long as somebody reads it. So it has `DataTrackReaders`,
who come and go; whoever subscribes looks whether there are any, and is called when that may have
changed. Readers are known weakly: one that nobody refers to any longer is gone, which is found out
when the next frame arrives.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from lktrio.room.channels.feed import Feed, FeedChannel
from lktrio.room.channels.media import MediaQueue

__all__ = ["DATA_FRAME_QUEUE_LIMIT", "DataTrackChannel", "DataTrackFrame", "DataTrackReaders"]

DATA_FRAME_QUEUE_LIMIT = 16
"""Frames that wait for one reader, if it does not say how many may."""


@dataclass(frozen=True, slots=True)
class DataTrackFrame:
    """A frame of a data track."""

    payload: bytes = field(repr=False)
    """What was sent."""
    user_timestamp: int | None = None
    """The timestamp that its publisher gave it, from 0 to 2**64 - 1, or None. LiveKit gives it no
    meaning; programs of other SDKs put Unix time in milliseconds there."""


class _Feed(Feed[MediaQueue[DataTrackFrame]]):
    """What one channel reads from."""

    def __init__(self, buffer_size: int, target_fps: int | None) -> None:
        super().__init__(MediaQueue(buffer_size))
        self.target_fps = target_fps
        self._interval = 0.0 if target_fps is None else 1 / target_fps
        self._due = -math.inf

    def put(self, frame: DataTrackFrame, now: float) -> None:
        """Queue a frame, unless the reader wants fewer."""
        if now < self._due:
            return
        late = now - self._due >= self._interval
        self._due = (now if late else self._due) + self._interval
        self.queue.put(frame)
        if self.lot:
            self.lot.unpark()


class DataTrackChannel(FeedChannel[DataTrackFrame, _Feed]):
    """Frames of one data track for one reader; ends cleanly when the track ends.

    It is closed by ``close``, by ``aclose``, at the end of a ``with`` or ``async with`` block, or
    by nobody referring to it any longer.
    """

    def __init__(self, feed: _Feed, readers: DataTrackReaders) -> None:
        super().__init__(feed)
        self._readers = readers

    @property
    def dropped(self) -> int:
        """How many frames were dropped because they were not read in time."""
        return self._feed.queue.dropped

    async def receive(self) -> DataTrackFrame:
        """Return the next frame. Cancelled, it loses nothing.

        Raises:
            trio.EndOfChannel: The track has ended, and everything was received.
            trio.ClosedResourceError: The channel was closed.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        feed = self._feed
        while not feed.queue:
            if feed.closed:
                raise trio.ClosedResourceError("this channel was closed")
            if feed.ended:
                raise trio.EndOfChannel
            await feed.lot.park()
        frame = feed.queue.take()
        await trio.lowlevel.cancel_shielded_checkpoint()
        return frame

    async def wait_subscribed(self) -> None:
        """Wait until the server sends the track: what is sent from then on can be received.

        That may take for ever: the publisher may not let us have the track.

        Raises:
            trio.EndOfChannel: The track has ended.
            trio.ClosedResourceError: The channel was closed.
        """
        await trio.lowlevel.checkpoint()
        while not self._readers.subscribed:
            if self._feed.closed:
                raise trio.ClosedResourceError("this channel was closed")
            if self._feed.ended:
                raise trio.EndOfChannel
            await self._readers.lot.park()

    def close(self) -> None:
        """Stop receiving and drop what is queued. Idempotent."""
        super().close()
        self._readers.closed()


class DataTrackReaders:
    """Who reads one track.

    Args:
        changed: Called when somebody has begun to read, or reads no more.

    Attributes:
        subscribed: Whether the server sends the track.
        lot: Who waits for that.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.subscribed = False
        self.lot = trio.lowlevel.ParkingLot()
        self._changed = changed
        self._feeds: list[weakref.ref[_Feed]] = []
        self._ended = False

    def _alive(self) -> list[_Feed]:
        feeds = [feed for reference in self._feeds if (feed := reference()) is not None]
        return [feed for feed in feeds if not feed.ended]

    @property
    def wanted(self) -> bool:
        """Whether somebody reads."""
        return bool(self._alive())

    @property
    def target_fps(self) -> int | None:
        """Frames a second that are enough for all who read; None: all that there are."""
        wishes = [feed.target_fps for feed in self._alive()]
        limits = [limit for limit in wishes if limit is not None]
        return max(limits) if wishes and len(limits) == len(wishes) else None

    def open(self, buffer_size: int, target_fps: int | None) -> DataTrackChannel:
        """Make a channel; of a track that has ended, one that has ended as well."""
        feed = _Feed(buffer_size, target_fps)
        if self._ended:
            feed.end()
        else:
            self._feeds.append(weakref.ref(feed))
            self._changed()
        return DataTrackChannel(feed, self)

    def closed(self) -> None:
        """Somebody reads no more. Does nothing if that is known."""
        known = len(self._feeds)
        self._feeds = [weakref.ref(feed) for feed in self._alive()]
        if len(self._feeds) < known:
            self.lot.unpark_all()
            self._changed()

    def put(self, frame: DataTrackFrame, now: float) -> None:
        """Give a frame to everybody who reads. Never waits."""
        alive = self._alive()
        for feed in alive:
            feed.put(frame, now)
        if len(alive) < len(self._feeds):
            self.closed()

    def set_subscribed(self, subscribed: bool) -> None:
        """The server begins, or has stopped, to send the track."""
        self.subscribed = subscribed
        if subscribed:
            self.lot.unpark_all()

    def end(self) -> None:
        """The track is over: every channel ends after what it has queued. Idempotent."""
        self._ended, self.subscribed = True, False
        for feed in self._alive():
            feed.end()
        self._feeds.clear()
        self.lot.unpark_all()

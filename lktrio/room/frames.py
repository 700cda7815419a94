"""Queues between the network and the consumers of a track, bounded, the newest media first.

A consumer that falls behind loses the oldest frames, never the connection. Video that lost a
frame cannot be decoded until the next keyframe, so what comes before one is dropped as well and
the publisher is asked for a keyframe. A track that nobody reads queues nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import trio

from lktrio.media import EncodedFrame

__all__ = ["FRAME_QUEUE_LIMIT", "PACKET_QUEUE_LIMIT", "FrameChannel", "MediaChannel"]

FRAME_QUEUE_LIMIT = 50
"""Frames that may wait for one consumer."""
PACKET_QUEUE_LIMIT = 2048
"""RTP packets that may wait for one consumer."""

T = TypeVar("T")


class ChannelOwner(Protocol):
    """The track that a channel reads from."""

    def discard(self, channel: MediaChannel[Any]) -> None:
        """Deliver nothing more to the channel."""
        ...


class MediaChannel(trio.abc.ReceiveChannel[T]):
    """Media of one track for one consumer, in order; ends cleanly when the track ends.

    Attributes:
        dropped: How many were dropped because they were not read in time.
    """

    def __init__(self, owner: ChannelOwner, limit: int) -> None:
        self.dropped = 0
        self._owner = owner
        self._queue: deque[T] = deque()
        self._limit = limit
        self._lot = trio.lowlevel.ParkingLot()
        self._ended = False
        self._closed = False

    def put(self, item: T) -> None:
        """Queue an item; the oldest one goes if there is no room. Called by the track."""
        if len(self._queue) >= self._limit:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append(item)
        self._lot.unpark()

    def end(self) -> None:
        """No more media will come; what is queued can still be received. Called by the track."""
        self._ended = True
        self._lot.unpark_all()

    async def receive(self) -> T:
        """Return the next item. Cancelled, it loses nothing.

        Raises:
            trio.EndOfChannel: The track has ended, and everything was received.
            trio.ClosedResourceError: The channel was closed.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        while not self._queue:
            if self._closed:
                raise trio.ClosedResourceError("this channel was closed")
            if self._ended:
                raise trio.EndOfChannel
            await self._lot.park()
        item = self._queue.popleft()
        await trio.lowlevel.cancel_shielded_checkpoint()
        return item

    def close(self) -> None:
        """Stop receiving and drop what is queued. Idempotent."""
        self._closed = True
        self._queue.clear()
        self._owner.discard(self)
        self._lot.unpark_all()

    async def aclose(self) -> None:
        """Stop receiving, also when cancelled. Idempotent."""
        self.close()
        await trio.lowlevel.checkpoint()


class FrameChannel(MediaChannel[EncodedFrame]):
    """Encoded frames of one track for one consumer.

    Args:
        owner: The track.
        request_keyframe: Called when video needs a keyframe to go on; None for audio.
    """

    def __init__(self, owner: ChannelOwner, request_keyframe: Callable[[], None] | None) -> None:
        super().__init__(owner, FRAME_QUEUE_LIMIT)
        self._request_keyframe = request_keyframe
        self._needs_keyframe = request_keyframe is not None

    def put(self, item: EncodedFrame) -> None:
        """Queue a frame. Called by the track."""
        if self._request_keyframe is None:
            super().put(item)
            return
        if item.keyframe:
            self._needs_keyframe = False
        if self._needs_keyframe:
            self.dropped += 1
            self._request_keyframe()  # again, as a request can get lost; repeated twice a second
            return
        if len(self._queue) >= self._limit:
            self._skip_to_keyframe(item)
        else:
            super().put(item)

    def _skip_to_keyframe(self, item: EncodedFrame) -> None:
        # Dropping single frames would leave references dangling, so whole runs go.
        assert self._request_keyframe is not None  # audio does not come here
        self._queue.append(item)
        self._queue.popleft()
        self.dropped += 1
        while self._queue and not self._queue[0].keyframe:
            self._queue.popleft()
            self.dropped += 1
        if not self._queue:
            self._needs_keyframe = True
            self._request_keyframe()

"""Frames at the pace at which they are to be heard and seen.

A `FramePacer` puts the frames of a track on one timeline and says how long each has to wait; it is
synchronous. `pace` makes a channel of it, for sinks that do not keep time by themselves.
"""

from __future__ import annotations

import trio

from lktrio.media.frame import EncodedFrame
from lktrio.media.schedule import DEFAULT_MAX_LAG, SendSchedule
from lktrio.media.timeline import Timeline

__all__ = ["FramePacer", "PacedChannel", "pace"]

_MAX_CONSUMER_LAG = 1.0  # seconds that a consumer may be late before the schedule is moved
_MAX_KEPT = 0.25  # seconds that a program may hold a received frame that it passes on


class FramePacer:
    """When each frame of a track is to be sent, and with which timestamp.

    Files are played in real time. What is live is sent at once, and a backlog of it, after a stall
    of the program for instance, four times as fast as it plays; see `lktrio.media.schedule`.
    Timestamps that go back or jump continue; see `lktrio.media.timeline`. ::

        await trio.sleep(pacer.schedule(frame, trio.current_time()))
        timestamp = pacer.sent(frame, trio.current_time())

    Args:
        start: When timestamp 0 of the first source is due; by default the first frame is due at
            once.
        max_lag: Seconds by which a file may be late before its schedule is moved.
        observe: Whether to find out which sources are live, beside received frames.
    """

    def __init__(
        self,
        *,
        start: float | None = None,
        max_lag: float = DEFAULT_MAX_LAG,
        observe: bool = True,
    ) -> None:
        self._timeline = Timeline()
        self._schedule = SendSchedule(start=start, max_lag=max_lag, observe=observe)
        self._scheduled: tuple[EncodedFrame, float, float, bool] | None = None

    @property
    def moved(self) -> float:
        """Seconds by which the schedule was moved because of lags."""
        return self._schedule.moved

    @property
    def jumps(self) -> int:
        """How often timestamps went back or jumped."""
        return self._timeline.jumps

    def schedule(self, frame: EncodedFrame, now: float) -> float:
        """Return how many seconds a frame has to wait from now on.

        A frame that is then not sent leaves no trace.

        Args:
            frame: The frame.
            now: What time it is, on trio's clock.
        """
        received = frame.received_at
        live = received is not None and now - received <= _MAX_KEPT
        position = self._timeline.place(frame, now)
        self._scheduled = frame, position, now, live
        return self._schedule.schedule(position, now, live=live)

    def sent(self, frame: EncodedFrame, now: float) -> float:
        """Take notice that the frame scheduled last was sent.

        Args:
            frame: The frame.
            now: What time it is, on trio's clock.

        Returns:
            Its time on the track's timeline in seconds, from which to make its timestamp.
        """
        if self._scheduled is None or self._scheduled[0] is not frame:
            raise ValueError("another frame was scheduled last")
        _, position, arrived, live = self._scheduled
        self._scheduled = None
        self._schedule.sent(position, arrived, now, live=live)
        self._timeline.commit(frame, position, now)
        return position


class PacedChannel(trio.abc.ReceiveChannel[EncodedFrame]):
    """Hands out the frames of another channel when they are due; made by `pace`."""

    def __init__(
        self, source: trio.abc.ReceiveChannel[EncodedFrame], start: float | None, max_lag: float
    ) -> None:
        self.source = source
        """Where the frames come from."""
        self._pacer = FramePacer(start=start, max_lag=max_lag, observe=False)
        self._held: EncodedFrame | None = None
        self._busy = False

    @property
    def moved(self) -> float:
        """Seconds by which the schedule was moved because of lags."""
        return self._pacer.moved

    async def receive(self) -> EncodedFrame:
        """Wait until the next frame is due.

        A cancelled call loses nothing: the next one returns the same frame.

        Raises:
            trio.EndOfChannel: The source has ended.
            trio.BusyResourceError: Another task is in this method.
        """
        if self._busy:
            raise trio.BusyResourceError("another task is receiving from this channel")
        self._busy = True
        try:
            if self._held is None:
                self._held = await self.source.receive()
            await trio.sleep(self._pacer.schedule(self._held, trio.current_time()))
        finally:
            self._busy = False
        frame, self._held = self._held, None
        self._pacer.sent(frame, trio.current_time())
        return frame

    async def aclose(self) -> None:
        """Close the source, even when cancelled."""
        await self.source.aclose()


def pace(
    source: trio.abc.ReceiveChannel[EncodedFrame],
    *,
    start: float | None = None,
    max_lag: float = _MAX_CONSUMER_LAG,
) -> PacedChannel:
    """Release frames by their timestamps on trio's clock.

    ::

        async with media.open_reader("talk.ogg") as source:
            async for frame in media.pace(source):
                await track.send(frame)

    Args:
        source: The frames; closing the channel closes it.
        start: When timestamp 0 is due, on trio's clock; by default the first frame is due at
            once. Two channels with one start keep sound and picture together.
        max_lag: Seconds that a frame may be late before the schedule is moved; ``math.inf``
            never moves it, so that missed frames follow each other four times as fast as they play.
    """
    return PacedChannel(source, start, max_lag)

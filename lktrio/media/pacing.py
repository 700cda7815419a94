"""Frames at the pace at which they are to be heard and seen.

Theory of operation: the first frame fixes when timestamp 0 is, on trio's clock; every later
frame is due at its timestamp counted from there. Deadlines are absolute, so neither the time
that the consumer needs nor a late wake-up adds up. Only when a frame is later than the allowed
lag, because the program or its disk stood still, the schedule is moved instead of sending
everything that was missed at once.
"""

from __future__ import annotations

import trio

from lktrio.media.frame import EncodedFrame

__all__ = ["Pacer", "pace"]

DEFAULT_MAX_LAG = 1.0
"""Seconds that a consumer may be late before the schedule is moved."""


class Pacer(trio.abc.ReceiveChannel[EncodedFrame]):
    """Hands out the frames of another channel when they are due; made by `pace`."""

    def __init__(
        self, source: trio.abc.ReceiveChannel[EncodedFrame], start: float | None, max_lag: float
    ) -> None:
        self.source = source
        """Where the frames come from."""
        self.moved = 0.0
        """Seconds by which the schedule was moved because of lags."""
        self._zero = start  # when timestamp 0 is due, on trio's clock
        self._max_lag = max_lag
        self._held: EncodedFrame | None = None
        self._busy = False

    async def receive(self) -> EncodedFrame:
        """Wait until the next frame is due.

        A cancelled call loses nothing: the next one returns the same frame.

        Raises:
            trio.EndOfChannel: The source has ended.
            trio.BusyResourceError: Another task is in this method.
        """
        if self._busy:
            raise trio.BusyResourceError("another task is receiving from this pacer")
        self._busy = True
        try:
            if self._held is None:
                self._held = await self.source.receive()
            await trio.sleep_until(self._due(self._held))
        finally:
            self._busy = False
        frame, self._held = self._held, None
        return frame

    def _due(self, frame: EncodedFrame) -> float:
        now = trio.current_time()
        if self._zero is None:
            self._zero = now - frame.timestamp
        due = self._zero + frame.timestamp
        lag = now - due
        if lag > self._max_lag:
            self._zero += lag
            self.moved += lag
        return due

    async def aclose(self) -> None:
        """Close the source, even when cancelled."""
        await self.source.aclose()


def pace(
    source: trio.abc.ReceiveChannel[EncodedFrame],
    *,
    start: float | None = None,
    max_lag: float = DEFAULT_MAX_LAG,
) -> Pacer:
    """Release frames by their timestamps on trio's clock.

    ::

        async with media.open_reader("talk.ogg") as source:
            async for frame in media.pace(source):
                await track.send(frame)

    Args:
        source: The frames; closing the pacer closes it.
        start: When timestamp 0 is due, on trio's clock; by default the first frame is due at
            once. Two pacers with one start keep sound and picture together.
        max_lag: Seconds that a frame may be late before the schedule is moved; ``math.inf``
            never moves it, so that missed frames follow each other without a pause.
    """
    return Pacer(source, start, max_lag)

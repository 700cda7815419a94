"""How often video stands still, as W3C's webrtc-stats define it (``freezeCount``)."""

from __future__ import annotations

from collections import deque

__all__ = ["FreezeMonitor"]

_REMEMBERED = 30  # intervals between frames whose mean is the usual one
_FACTOR = 3
_MARGIN = 0.15  # seconds


class FreezeMonitor:
    """Watches the times at which frames are there.

    Attributes:
        count: Freezes so far.
        seconds: What they lasted altogether.
    """

    def __init__(self) -> None:
        self.count = 0
        self.seconds = 0.0
        self._last: float | None = None
        self._intervals: deque[float] = deque(maxlen=_REMEMBERED)
        self._sum = 0.0

    def frame(self, now: float) -> None:
        """A frame is whole."""
        last, self._last = self._last, now
        if last is None:
            return
        interval = now - last
        if self._intervals and interval >= self._limit():
            self.count += 1
            self.seconds += interval
        if len(self._intervals) == _REMEMBERED:
            self._sum -= self._intervals[0]
        self._intervals.append(interval)
        self._sum += interval

    def _limit(self) -> float:
        usual = self._sum / len(self._intervals)
        return max(_FACTOR * usual, usual + _MARGIN)

    def pause(self) -> None:
        """Nobody looks: the time until the next frame is no freeze."""
        self._last = None

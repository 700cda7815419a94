"""What the path carries: its rate, and its round trip when nothing waits in front of it.

Theory of operation: whoever keeps more on the way than *rate x round trip* fills the queues of
routers, and everything that follows waits there. So those who have much to send may ask how many
bytes can be outstanding for the next one to wait only so long (:meth:`PathModel.limit`). The
congestion window cannot tell: it grows until a queue overflows.

The rate is what was acknowledged per second, measured over windows of a round trip. A window in
which there was nothing to send says only that the path carries as much. The round trip is the
shortest of the last one or two periods of 10 s. Each period begins with a short time in which the
limit lets the queues drain, as BBR does (draft-ietf-ccwg-bbr), since otherwise a sender would take
its own queue for a part of the path. Until the rate stops growing, the limit is twice as far.
"""

from __future__ import annotations

import math
from typing import Final

__all__ = ["PathModel"]

_WINDOW: Final = 0.025  # seconds: peers acknowledge in batches
_PERIOD: Final = 10.0
_DRAIN: Final = 0.1  # seconds, beside a round trip
_DRAINED: Final = 0.8  # of what the path carries: less would be followed by a burst
_GROWTH: Final = 1.25  # less than that between windows is none (BBR)
_WINDOWS_WITHOUT_GROWTH: Final = 3
_QUEUE: Final = 0.02  # seconds by which no round trip of a window is short: the path is full
_INITIAL_LIMIT: Final = 32 * 1024


class PathModel:
    """Rate and round trip of the path that an association uses."""

    __slots__ = (
        "_acknowledged",
        "_current",
        "_drain_until",
        "_fastest",
        "_gain",
        "_idle_since",
        "_limited",
        "_period_end",
        "_previous",
        "_still",
        "_window_start",
        "rate",
        "round_trip",
    )

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The path is another one."""
        self.rate = 0.0
        """Bytes per second; 0 before the first measurement."""
        self.round_trip = math.inf
        """Seconds of the shortest round trip; infinite before the first measurement."""
        self._previous = self._current = math.inf
        self._period_end = self._drain_until = -math.inf
        self._window_start = self._idle_since = -math.inf
        self._acknowledged = 0
        self._fastest = math.inf
        self._limited = False
        self._gain = 2
        self._still = 0

    def measured(self, elapsed: float, now: float) -> None:
        """Enter the round trip of a chunk that was sent once."""
        if now >= self._period_end:
            if self._current < math.inf:
                self._drain_until = now + elapsed + _DRAIN
            self._previous, self._current = self._current, elapsed
            self._period_end = now + _PERIOD
        elif elapsed < self._current:
            self._current = elapsed
        self.round_trip = min(self._previous, self._current)
        self._fastest = min(self._fastest, elapsed)

    def resumed(self, now: float) -> None:
        """Something is sent after everything had been acknowledged."""
        if self._idle_since == -math.inf:
            self._window_start = now
        elif now > self._idle_since:
            self._window_start += now - self._idle_since
            self._limited = True

    def acknowledged(self, size: int, now: float, *, idle: bool) -> None:
        """Enter newly acknowledged bytes; ``idle`` if nothing is on the way any more."""
        self._acknowledged += size
        if idle:
            self._idle_since = now
        elapsed = now - self._window_start
        if elapsed >= _WINDOW and elapsed >= self.round_trip:
            self._enter(self._acknowledged / elapsed)
            self._window_start = now
            self._acknowledged = 0
            self._fastest = math.inf
            self._limited = False

    def _enter(self, sample: float) -> None:
        if sample > self.rate * _GROWTH:
            self._still = 0
        elif not self._limited:
            self._still += 1
        if self._still >= _WINDOWS_WITHOUT_GROWTH or self._fastest > self.round_trip + _QUEUE:
            self._gain = 1
        if not self.rate:
            self.rate = sample
        elif sample > self.rate or not self._limited:
            self.rate += (sample - self.rate) / 2

    def limit(self, delay: float, size: int, now: float) -> float:
        """How much may be outstanding, the next message included.

        Args:
            delay: Seconds that what follows may wait for it, beside the round trip.
            size: Bytes of the message; one of them may wait on a path however slow.
            now: The time.
        """
        if not self.rate or self.round_trip == math.inf:
            return _INITIAL_LIMIT
        carried = self.rate * self.round_trip
        if now < self._drain_until:
            return _DRAINED * carried
        return self._gain * carried + self.rate * delay + size

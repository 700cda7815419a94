"""A token bucket, for what the ICE agent does in answer to the network.

Triggered checks and error responses are caused by packets of others. Both may go out at once, but
only so many before they are spread over time.
"""

from __future__ import annotations

__all__ = ["TokenBucket"]


class TokenBucket:
    """Allows a burst of events, then a steady rate of them.

    Args:
        interval: Seconds between events in the long run.
        burst: Events that may come at once.
    """

    def __init__(self, interval: float, burst: int) -> None:
        self._interval = interval
        self._slack = interval * (burst - 1)
        self._next = -float("inf")

    def next_at(self) -> float:
        """The earliest time at which `take` succeeds."""
        return self._next - self._slack

    def take(self, now: float) -> bool:
        """Whether an event may happen now; if so it is counted."""
        if now < self.next_at():
            return False
        self._next = max(self._next, now) + self._interval
        return True

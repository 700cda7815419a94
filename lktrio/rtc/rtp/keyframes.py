"""How often a keyframe is asked for (RFC 4585 section 6.3.1, RFC 5104 section 4.3.1)."""

from __future__ import annotations

from lktrio.rtc.base import NEVER

__all__ = ["GRANT_INTERVAL", "REQUEST_INTERVAL", "KeyframeRequests"]

REQUEST_INTERVAL = 0.5
"""Seconds between two requests of ours, what LiveKit's server grants."""
GRANT_INTERVAL = 0.3
"""Seconds between two requests of the peer that are passed on to the source."""


class KeyframeRequests:
    """Limits requests for a keyframe to one per interval.

    Args:
        interval: Seconds.

    Attributes:
        due: When a request may be sent, or passed on.
    """

    __slots__ = ("_interval", "_last", "due")

    def __init__(self, interval: float) -> None:
        self.due = NEVER
        self._interval = interval
        self._last = -NEVER

    def want(self, now: float) -> None:
        """Note a request, to be sent now or as soon as the last request is old enough."""
        if self.due == NEVER:
            self.due = max(now, self._last + self._interval)

    def cancel(self) -> None:
        """A keyframe came."""
        self.due = NEVER

    def take(self, now: float) -> bool:
        """Whether to send a request now; if so, it counts as sent."""
        if now < self.due:
            return False
        self.due = NEVER
        self._last = now
        return True

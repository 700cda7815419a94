"""When to acknowledge (RFC 9260 section 6.2).

The second packet with data is acknowledged at once, a lone one after a delay, and either sooner if
the SACK travels for free with data of ours. What the receiver finds urgent waits for nothing.
"""

from __future__ import annotations

from lktrio.rtc.base import NEVER

__all__ = ["SackSchedule"]


class SackSchedule:
    """Decides when a SACK is due.

    Args:
        delay: Seconds for which a lone packet may wait.
    """

    __slots__ = ("_delay", "_packets", "at")

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._packets = 0
        self.at = NEVER
        """When a SACK is due that nothing calls for sooner."""

    def arrived(self) -> None:
        """Note a packet with data."""
        self._packets += 1

    def due(self, now: float, *, urgent: bool, free: bool) -> bool:
        """Whether to send a SACK now; if so, it counts as sent.

        Args:
            now: The time in seconds.
            urgent: Whether the receiver asks for one.
            free: Whether a packet with room for one is about to leave.
        """
        if not self._packets and not urgent:
            return False
        if urgent or free or self._packets > 1 or now >= self.at:
            self.stop()
            return True
        if self.at == NEVER:
            self.at = now + self._delay
        return False

    def stop(self) -> None:
        """Wait for nothing."""
        self._packets = 0
        self.at = NEVER

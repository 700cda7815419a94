"""Whether the other end of a signalling link is still there.

Theory of operation: TCP may take many minutes to tell that the other side is gone, and never tells
that a program has stopped reading. So pings go out, and the link is dead when one of these lasts as
long as the server announced (its ping timeout):

::

    silence      no message came at all
    no answer    messages come, but none of our pings was answered, although some were before
    no reading   the network did not take what we send

A process that stood still looks first at what has arrived meanwhile. A machine that slept has not
noticed: its clock stood still too, but not the time of day. What was silent before it slept was
silent all the while. This class knows no clock and sends nothing.
"""

from __future__ import annotations

import math

__all__ = ["Liveness"]

_GRACE = 0.1  # seconds in which what arrived while the process stood still is read
_ANSWER = 2.0  # seconds for a server to show that it has waited for a machine that slept
_SLEEP = 10.0  # seconds by which the time of day runs ahead of the clock when the machine has slept


class Liveness:
    """What is known of the other end.

    Args:
        now: The time; the link has just opened.
        wall: The time of day, in seconds.

    Attributes:
        heard_at: When a message came last.
    """

    def __init__(self, now: float, wall: float) -> None:
        self.heard_at = now
        self._awake_at = (now, wall)
        self._asked_at = math.inf
        self._writing_since = math.inf
        self._answers = False

    def heard(self, now: float) -> None:
        """A message came, of whatever kind."""
        self.heard_at = now

    def asked(self, now: float) -> None:
        """A ping was queued."""
        self._asked_at = min(self._asked_at, now)

    def answered(self) -> None:
        """A ping was answered."""
        self._answers = True
        self._asked_at = math.inf

    def writing(self, now: float) -> None:
        """A message is handed to the network."""
        self._writing_since = now

    def written(self) -> None:
        """The network has taken it."""
        self._writing_since = math.inf

    def dies_at(self, timeout: float) -> float:
        """When the link is dead if nothing changes.

        Args:
            timeout: The server's ping timeout, in seconds.
        """
        return self._weakest() + timeout + _GRACE

    def verdict(self, timeout: float) -> str:
        """Why the link is dead, once it is."""
        weakest = self._weakest()
        if weakest == self.heard_at:
            return f"nothing was heard for {timeout:g} s"
        if weakest == self._writing_since:
            return f"nothing could be sent for {timeout:g} s"
        return f"no ping was answered for {timeout:g} s"

    def _weakest(self) -> float:
        """Since when the worst of the three lasts."""
        asked_at = self._asked_at if self._answers else math.inf
        return min(self.heard_at, asked_at, self._writing_since)

    def wake(self, planned: float, now: float, wall: float) -> float:
        """Look whether the process stood still, or the machine slept.

        Args:
            planned: When it was to be looked at the link again.
            now: The time.
            wall: The time of day, in seconds.

        Returns:
            Seconds to wait before judging, so that what has arrived is read, or a ping answered.
        """
        before, wall_before = self._awake_at
        self._awake_at = (now, wall)
        asleep = (wall - wall_before) - (now - before)
        if asleep > _SLEEP:
            self.heard_at -= asleep
            return _ANSWER
        return _GRACE if now > planned + _GRACE else 0.0

"""Which transmissions a later one has overtaken (RFC 8985 section 6, adapted to SCTP).

Theory of operation
-------------------
Transmissions are numbered. Once one has been acknowledged, those before it are lost if they have
been under way for a round trip plus a *reordering window* longer. The window is zero as long as no
reordering was seen and losses are plain; otherwise a quarter of the shortest round trip, more after
every round trip in which the peer reports duplicates, which means that we were too quick.
"""

from __future__ import annotations

from typing import Final

from lktrio.rtc.sctp.congestion import RtoEstimator
from lktrio.rtc.sctp.scoreboard import Outstanding, Scoreboard

__all__ = ["Rack"]

_DUPLICATE_THRESHOLD: Final = 3  # RFC 8985 section 6.2.4
_MAX_SCALE: Final = 16


class Rack:
    """What acknowledged transmissions tell about the others.

    Args:
        round_trip: Learns from the times.
        initial_tsn: Our first TSN.
    """

    __slots__ = ("_elapsed", "_point", "_reordering_seen", "_round_trip", "_scale", "newest")

    def __init__(self, round_trip: RtoEstimator, initial_tsn: int) -> None:
        self._round_trip = round_trip
        self._elapsed = 0.0
        self._reordering_seen = False
        self._scale = 1
        self._point = initial_tsn - 1
        self.newest = 0
        """Number of the latest transmission that has arrived."""

    def delivered(self, record: Outstanding, now: float) -> None:
        """Learn from the most recently sent chunk that was acknowledged (section 6.2)."""
        elapsed = now - record.sent_at
        if record.transmissions == 1:
            self._round_trip.measured(elapsed)
        elif elapsed < self._round_trip.minimum:
            return  # this answers an earlier transmission
        if record.serial > self.newest:
            self.newest = record.serial
            self._elapsed = elapsed
        elif record.transmissions == 1:
            self._reordering_seen = True

    def duplicated(self, cumulative: int, last_sent: int) -> None:
        """The peer got something twice: be more patient, once per round trip.

        Args:
            cumulative: The peer has everything up to this TSN.
            last_sent: The last TSN that was sent.
        """
        if cumulative > self._point:
            self._point = last_sent
            self._scale = min(self._scale + 1, _MAX_SCALE)

    def patience(self, board: Scoreboard, recovery_point: int) -> float:
        """Seconds after which an overtaken transmission is lost."""
        if not self._reordering_seen:
            in_recovery = board.cumulative < recovery_point
            if in_recovery or board.beyond_gap >= _DUPLICATE_THRESHOLD:
                return self._elapsed
        smoothed = self._round_trip.smoothed or 0.0
        return self._elapsed + min(self._scale * self._round_trip.minimum / 4, smoothed)

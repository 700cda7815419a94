"""Which packets of a stream are missing, and when to ask for them.

Theory of operation
    `NackList` names packets that are missing. The first request waits a moment for reordered
    packets; then it is repeated every 1.25 round trips until the packet comes or is given up. A
    gap too large to repair is not asked for at all.

Implements: RFC 4585 section 6.2.1 (NACK).
"""

from __future__ import annotations

from lktrio.rtc.base import NEVER

__all__ = ["MAX_MISSING", "MAX_TRIES", "REORDER_TOLERANCE", "NackList", "retry_interval"]

REORDER_TOLERANCE = 0.01
"""Seconds for which a missing packet may just be late."""
MAX_TRIES = 10
"""How often a packet is asked for."""
_MIN_INTERVAL = 0.02
_RTT_FACTOR = 1.25
MAX_MISSING = 300
"""Packets that may be missing at once; more are not worth repairing."""
_MAX_AGE = 1000  # packets behind the newest after which a packet is not asked for


def retry_interval(round_trip: float) -> float:
    """Seconds between two requests for the same packet."""
    return max(_MIN_INTERVAL, _RTT_FACTOR * round_trip)


class NackList:
    """Missing packets of one stream, by extended sequence number.

    Attributes:
        due: When `collect` has something to ask for.
    """

    __slots__ = ("_missing", "due")

    def __init__(self) -> None:
        self.due = NEVER
        self._missing: dict[int, tuple[float, int]] = {}

    def __len__(self) -> int:
        return len(self._missing)

    def __contains__(self, index: int) -> bool:
        return index in self._missing

    def add_gap(self, start: int, stop: int, now: float) -> bool:
        """Note that packets from ``start`` to before ``stop`` are missing.

        Returns:
            False if there are now too many to repair; then all are forgotten.
        """
        if len(self._missing) + stop - start > MAX_MISSING:
            self.clear()
            return False
        due = now + REORDER_TOLERANCE
        for index in range(start, stop):
            self._missing[index] = (due, 0)
        self.due = min(self.due, due)
        return True

    def arrived(self, index: int) -> bool:
        """Note that a packet came; return whether it was missing."""
        return bool(self._missing) and self._missing.pop(index, None) is not None

    def clear_before(self, index: int) -> None:
        """Forget packets before ``index``: a keyframe there makes them useless."""
        self._missing = {n: state for n, state in self._missing.items() if n >= index}

    def clear(self) -> None:
        """Forget all."""
        self._missing.clear()
        self.due = NEVER

    def collect(self, newest: int, round_trip: float, now: float) -> list[int]:
        """Return the extended sequence numbers to ask for now.

        Args:
            newest: Highest extended sequence number received.
            round_trip: Seconds.
            now: The time.
        """
        again = now + retry_interval(round_trip)
        wanted: list[int] = []
        remaining: dict[int, tuple[float, int]] = {}
        for index, (due, tries) in self._missing.items():
            if due > now:
                remaining[index] = (due, tries)
            elif tries < MAX_TRIES and newest - index <= _MAX_AGE:
                wanted.append(index)
                remaining[index] = (again, tries + 1)
        self._missing = remaining
        self.due = min((due for due, _ in remaining.values()), default=NEVER)
        return wanted

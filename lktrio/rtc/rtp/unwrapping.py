"""Sequence numbers and timestamps that no longer wrap.

Theory of operation
    Sequence numbers (16 bits) and timestamps (32 bits) wrap. Each is unwrapped once, where it
    enters, into an integer that only grows with the stream; everything after uses ``<``.

Implements: RFC 3550 appendix A.1 in spirit (extended sequence numbers).
"""

from __future__ import annotations

__all__ = ["SequenceUnwrapper", "TimestampUnwrapper"]


class SequenceUnwrapper:
    """Extends 16-bit sequence numbers to integers that do not wrap.

    Attributes:
        highest: The largest value returned so far, or -1.
    """

    __slots__ = ("highest",)

    def __init__(self, highest: int = -1) -> None:
        self.highest = highest

    def unwrap(self, sequence_number: int) -> int:
        """Return the value nearest to the highest one so far; never a negative one."""
        value = self.peek(sequence_number)
        if value > self.highest:
            self.highest = value
        return value

    def peek(self, sequence_number: int) -> int:
        """Do as `unwrap` does, without learning from it."""
        highest = self.highest
        if highest < 0:
            return sequence_number
        delta = (sequence_number - highest) & 0xFFFF
        value = highest + delta if delta < 0x8000 else highest + delta - 0x10000
        return value if value >= 0 else value + 0x10000


class TimestampUnwrapper:
    """Extends 32-bit RTP timestamps to integers that do not wrap.

    The first timestamp is returned as it is; later ones lie at most 2^31 before or behind the
    one before, so they can be negative when a stream begins near zero and goes back.
    """

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def unwrap(self, timestamp: int) -> int:
        """Return the value nearest to the one before."""
        last = self._last
        if last is not None:
            delta = (timestamp - last) & 0xFFFFFFFF
            timestamp = last + delta if delta < 0x80000000 else last + delta - 0x100000000
        self._last = timestamp
        return timestamp

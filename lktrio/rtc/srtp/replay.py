"""What a receiver remembers so that no packet is taken twice, as long as its keys live.

Theory of operation: each SSRC in use has a window of the indices received last. It is never
forgotten under the same keys, or whoever recorded packets could send them again. When an SSRC is
retired, nothing of it is wanted any more: what remains is its number in a sorted array, four bytes
each, and everything that carries it is refused.

Implements: RFC 3711 section 3.3.2.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

__all__ = ["REPLAY_WINDOW", "ControlWindow", "NumberSet"]

REPLAY_WINDOW = 1024  # packets; RFC 3711 section 3.3.2 asks for at least 64
_WINDOW_MASK = (1 << REPLAY_WINDOW) - 1


class ControlWindow:
    """The SRTCP indices of one SSRC that were received, as bits below the highest."""

    __slots__ = ("_bits", "_highest")

    def __init__(self) -> None:
        self._highest = -1
        self._bits = 0

    def seen(self, index: int) -> bool:
        """Whether the index was added before, or is too far behind to tell."""
        behind = self._highest - index
        return behind >= REPLAY_WINDOW or (behind >= 0 and bool(self._bits >> behind & 1))

    def add(self, index: int) -> None:
        """Note an index that was received."""
        ahead = index - self._highest
        if ahead > 0:
            self._bits = (self._bits << min(ahead, REPLAY_WINDOW) | 1) & _WINDOW_MASK
            self._highest = index
        else:
            self._bits |= 1 << -ahead


class NumberSet:
    """A set of 32-bit numbers in four bytes each."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers = array("I")

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, number: int) -> bool:
        at = bisect_left(self._numbers, number)
        return at < len(self._numbers) and self._numbers[at] == number

    def add(self, number: int) -> None:
        """Add a number, if it is not there."""
        at = bisect_left(self._numbers, number)
        if at == len(self._numbers) or self._numbers[at] != number:
            self._numbers.insert(at, number)

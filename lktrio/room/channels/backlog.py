"""What a track keeps for its first reader.

Theory of operation: media arrives as soon as a track is subscribed, and its first reader comes a
little later. What arrives in between is kept within bounds of time and size. Of sound that is a
window that rolls on; video cannot be decoded but from a keyframe, so it begins with the last one,
and what follows on one goes as a whole if it becomes too much.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["BACKLOG_BYTES", "BACKLOG_SECONDS", "Backlog"]

BACKLOG_SECONDS = 5.0
"""How much is kept, by the time of its arrival."""
BACKLOG_BYTES = 16 * 1024 * 1024
"""How much a track keeps; frames, and the packets that they came in, have one half each."""
_OVERHEAD = 256  # bytes that an item costs besides its payload, at most

T = TypeVar("T")


class Backlog(Generic[T]):
    """Frames or packets of a track that nobody has read yet.

    Args:
        from_keyframe: Begin with the last keyframe, and with nothing else; otherwise roll on.
        max_bytes: How much is kept.
    """

    def __init__(self, *, from_keyframe: bool, max_bytes: int = BACKLOG_BYTES // 2) -> None:
        self._from_keyframe = from_keyframe
        self._max_bytes = max_bytes
        self._items: deque[tuple[float, int, T]] = deque()  # arrival, bytes
        self._size = 0

    def put(self, item: T, size: int, now: float, *, keyframe: bool = False) -> None:
        """Keep an item of so many bytes that arrived now."""
        if self._from_keyframe and keyframe:
            self.clear()
        elif self._from_keyframe and not self._items:
            return
        cost = size + _OVERHEAD
        self._items.append((now, cost, item))
        self._size += cost
        while self._items and self._exceeds(now):
            if self._from_keyframe:
                self.clear()
            else:
                self._drop_first()

    def _exceeds(self, now: float) -> bool:
        return self._size > self._max_bytes or now - self._items[0][0] > BACKLOG_SECONDS

    def _drop_first(self) -> None:
        self._size -= self._items.popleft()[1]

    def begin_with(self, first: Callable[[T], bool]) -> None:
        """Drop what came before the first item for which this holds, if there is one."""
        for place, (_, _, item) in enumerate(self._items):
            if first(item):
                for _ in range(place):
                    self._drop_first()
                return

    def clear(self) -> None:
        """Drop everything."""
        self._items.clear()
        self._size = 0

    def take(self) -> list[T]:
        """Remove and return everything, in the order of arrival."""
        items = [item for _, _, item in self._items]
        self.clear()
        return items

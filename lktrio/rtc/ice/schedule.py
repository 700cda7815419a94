"""Which pairs are checked next, and when (RFC 8445 sections 6.1.4.2 and 7.3.1.4).

Two queues feed the checks. Pairs on which the peer was heard are *triggered* and go first, as
fast as a bucket of tokens allows. The others wait in the order of their priority and go one at a
time, at the pace of the options.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from lktrio.rtc.base import NEVER
from lktrio.rtc.ice.options import IceOptions
from lktrio.rtc.ice.pacing import TokenBucket
from lktrio.rtc.ice.pairs import Generation, Pair, PairState

__all__ = ["CheckSchedule"]


class CheckSchedule:
    """The pairs that wait for a check.

    Args:
        options: The pace.
    """

    def __init__(self, options: IceOptions) -> None:
        self._pacing = options.pacing
        self._bucket = TokenBucket(options.pacing, options.triggered_burst)
        self._triggered: deque[Pair] = deque()
        self._next_ordinary = -NEVER

    def trigger(self, pair: Pair) -> None:
        """Let a pair be checked soon."""
        pair.state = PairState.WAITING
        if not pair.triggered:
            pair.triggered = True
            self._triggered.append(pair)

    def take(self, generation: Generation, now: float) -> Iterator[Pair]:
        """The pairs to check now; each is to be started before the next is asked for."""
        while self._triggered:
            pair = self._triggered[0]
            due = pair.state is PairState.WAITING and generation.pairs.get(pair.key) is pair
            if due and not self._bucket.take(now):
                break
            self._triggered.popleft()
            pair.triggered = False
            if due:
                yield pair
        if now >= self._next_ordinary:
            ordinary, _ = generation.next_waiting(now)
            if ordinary is not None:
                self._next_ordinary = now + self._pacing
                yield ordinary

    def next_timer(self, generation: Generation, now: float) -> float:
        """When `take` may have something."""
        triggered = self._bucket.next_at() if self._triggered else NEVER
        _, ready_from = generation.next_waiting(now)
        return min(triggered, max(self._next_ordinary, ready_from))

    def clear(self) -> None:
        """Check nothing any more."""
        self._triggered.clear()

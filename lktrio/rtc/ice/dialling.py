"""The TCP connections of an ICE agent: which are wanted, and which are there (RFC 6544).

Theory of operation
-------------------

A pair from an active candidate needs a stream before it can be checked. It is asked for when the
pair's turn comes, and is of use as long as the pair is: when the pair has failed, or was replaced,
or its generation is over, the stream is closed. A restart therefore opens other streams, which the
peer needs, because it finds the session of a stream by the first check that comes over it.

::

    (unknown)  dial --> OPENING  opened --> OPEN
                           `---- closed, or of no use any more ----> (unknown)
"""

from __future__ import annotations

from collections.abc import Sequence

from lktrio.rtc.ice.pairs import Generation, Pair
from lktrio.rtc.paths import CloseStream, Framing, OpenStream, StreamRequest

__all__ = ["Dialling"]


class Dialling:
    """The streams of one agent.

    Args:
        limit: How many there may be at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pairs: dict[int, Pair] = {}
        self._open: set[int] = set()
        self._requests: list[StreamRequest] = []

    def is_open(self, pair: Pair) -> bool:
        """Whether the stream of a pair is there."""
        return pair.path in self._open

    def dial(self, pair: Pair) -> bool:
        """Ask for the stream of a pair, once; False if there are too many."""
        if pair.path not in self._pairs:
            if len(self._pairs) >= self._limit:
                return False
            self._pairs[pair.path] = pair
            self._requests.append(OpenStream(pair.path, pair.address, Framing.RFC4571))
        return True

    def opened(self, path: int) -> Pair | None:
        """A stream is there: its pair, unless nobody wants it any more."""
        if path in self._pairs:
            self._open.add(path)
        return self._pairs.get(path)

    def closed(self, path: int) -> Pair | None:
        """A stream is gone, or never came: its pair, unless nobody waits for it."""
        self._open.discard(path)
        return self._pairs.pop(path, None)

    def settle(self, generations: Sequence[Generation]) -> list[StreamRequest]:
        """Give up the streams whose pairs are gone; what to ask the driver for."""
        for path, pair in list(self._pairs.items()):
            there = pair.generation in generations
            if not there or not pair.is_hopeful or pair.generation.pairs.get(pair.key) is not pair:
                self.closed(path)
                self._requests.append(CloseStream(path))
        requests, self._requests = self._requests, []
        return requests

    def close_all(self) -> list[StreamRequest]:
        """Give up all streams."""
        return self.settle(())

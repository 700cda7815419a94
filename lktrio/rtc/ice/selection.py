"""Which pair carries the traffic.

Theory of operation
-------------------

::

    nominated   we asked the peer to use it (controlling side)
    selected    nominated and proved: both sides use it
    carrier     what we send on: the selected pair, else the best that works
    awaited     nominated towards a lite agent, which has not heard anything authentic from there

The selected pair of an older generation goes on until one of the newer generation is selected, or
it does not answer while a newer pair works. A lite agent that has selected a pair never goes to
another by itself: what makes a pair valid for it may have been replayed.
"""

from __future__ import annotations

from collections.abc import Sequence

from lktrio.rtc.base import Address
from lktrio.rtc.ice.options import IceOptions
from lktrio.rtc.ice.pairs import Generation, Pair

__all__ = ["Selection"]


class Selection:
    """The pairs with a part in the traffic of one agent.

    Args:
        options: Limits.
        lite: Whether our agent is lite.

    Attributes:
        selected: The nominated pair that works, or None.
        nominated: The pair that we nominated last in the active generation, or None.
        carrier: The pair that traffic is sent on, or None.
        awaited: Of a lite agent: nominated, and selected once something authentic comes from there.
    """

    def __init__(self, options: IceOptions, *, lite: bool) -> None:
        self.selected: Pair | None = None
        self.nominated: Pair | None = None
        self.carrier: Pair | None = None
        self.awaited: Pair | None = None
        self._home: tuple[int, Address] | None = None  # where traffic went last
        self._options = options
        self._lite = lite

    def select(self, pair: Pair) -> None:
        """Let a valid pair carry the traffic."""
        self.selected = self.carrier = pair
        self.awaited = None
        self._home = pair.key

    def may_follow(self, pair: Pair) -> bool:
        """Whether a lite agent may select a nominated pair on the word of a check alone."""
        if self._home is not None and pair.key != self._home:
            self.awaited = pair
            return False
        self.awaited = None
        return True

    def surplus(self, newest: Generation) -> list[Pair]:
        """The working pairs beyond the few that are kept beside the selected one."""
        if self.selected is None or self.selected.generation is not newest:
            return []
        kept = (self.selected, self.awaited)
        backups = [pair for pair in newest.valid_pairs() if pair not in kept]
        return backups[self._options.max_backup_pairs :]

    def update_carrier(self, generations: Sequence[Generation], now: float) -> None:
        """Decide which pair carries traffic.

        Args:
            generations: Oldest first.
            now: Seconds.
        """
        if self._lite and self._home is not None:
            self.carrier = self.selected
            return
        best = [pairs[0] for each in reversed(generations) if (pairs := each.valid_pairs())]
        selected = self.selected
        if selected is None or (
            selected.generation is not best[0].generation
            and selected.is_unresponsive(now, self._options.unresponsive)
        ):
            self.carrier = best[0] if best else None
        else:
            self.carrier = selected

    def keep(self, generations: Sequence[Generation]) -> None:
        """Forget the pairs of all other generations."""
        if self.selected is not None and self.selected.generation not in generations:
            self.selected = None
        if self.awaited is not None and self.awaited.generation not in generations:
            self.awaited = None

    def drop(self, pair: Pair) -> None:
        """A pair does not work any more."""
        if pair is self.selected:
            self.selected = None
        if pair is self.nominated:
            self.nominated = None

    def clear(self) -> None:
        """Send nothing any more."""
        self.carrier = self.selected = self.nominated = self.awaited = None
        self._home = None

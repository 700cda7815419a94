"""How the measurements compare: passes in turns, ratios pass by pass, and a verdict for the shell.

A shared machine is faster in one second than in the next. So the sides take turns, in every other
pass in the opposite order, and what counts is the median of the ratios of the passes: a slow moment
hits both sides of one pass, or it makes one ratio of many wrong.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

__all__ = ["Clock", "in_turns", "judge", "ratio"]

T = TypeVar("T")


class Clock:
    """Wall and CPU seconds between its making and its reading."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


def in_turns(sides: Mapping[str, Callable[[], T]], passes: int) -> dict[str, list[T]]:
    """Run every side once per pass; the results of a side stand in the order of the passes."""
    found: dict[str, list[T]] = {name: [] for name in sides}
    for number in range(passes):
        for name in list(sides) if number % 2 == 0 else reversed(list(sides)):
            found[name].append(sides[name]())
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of the passes."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def judge(
    what: str, value: float, *, at_most: float | None = None, at_least: float | None = None
) -> bool:
    """Print a ratio, and how it stands to its goal if it has one; whether the goal is missed."""
    missed = False
    verdict = "no goal"
    if at_most is not None:
        missed, verdict = value > at_most, f"goal: at most {at_most:g}"
    elif at_least is not None:
        missed, verdict = value < at_least, f"goal: at least {at_least:g}"
    print(f"  {what}: {value:.2f} ({verdict}{', MISSED' if missed else ''})")
    return missed

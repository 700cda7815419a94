"""How the measurements compare: passes in turns, ratios pass by pass, and a verdict for the shell.

A shared machine is faster in one second than in the next. So the sides take turns, in every other
pass in the opposite order, and what counts is the median of the ratios of the passes: a slow moment
hits both sides of one pass, or it makes one ratio of many wrong.

Each verdict is printed, and written as a line of JSON to the file that LKTRIO_BENCH_RESULTS names,
from which ``python -m tests.bench`` makes its table and its report.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from tests.bench.results import Cost, Result, Theme, to_json
from tests.bench.table import costs, ratio, standing

__all__ = ["RESULTS", "Clock", "in_turns", "judge", "judge_limit", "skip"]

RESULTS = "LKTRIO_BENCH_RESULTS"

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


def judge(
    theme: Theme,
    what: str,
    unit: str,
    ours: Sequence[float],
    peer: str,
    theirs: Sequence[float],
    *,
    at_most: float | None = None,
    us: str = "lktrio",
) -> bool:
    """Tell what both sides take, pass by pass; whether the goal for their ratio is missed."""
    mine, other = Cost(us, unit, tuple(ours)), Cost(peer, unit, tuple(theirs))
    return _tell(Result(theme, what, mine, other, at_most))


def judge_limit(
    theme: Theme, what: str, unit: str, ours: Sequence[float], limit: float, *, why: str = "limit"
) -> bool:
    """Tell how what is measured stands to a limit; whether its median is over it."""
    mine, most = Cost("lktrio", unit, tuple(ours)), Cost(why, unit, (limit,))
    return _tell(Result(theme, what, mine, most, 1.0))


def skip(theme: Theme, what: str, reason: str) -> None:
    """Tell that a comparison cannot be made here, and why."""
    _tell(Result(theme, what, skipped=reason))


def _tell(result: Result) -> bool:
    print(f"{result.what}: {costs(result)}")
    if result.ratios:
        print(f"  {ratio(result)}, {standing(result)}", flush=True)
    if path := os.environ.get(RESULTS):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(to_json(result) + "\n")
    return result.verdict == "missed"

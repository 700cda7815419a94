"""What a comparison found: what each side takes, pass by pass, and how that stands to its goal.

Everything is a cost, so that less is better and a ratio below one is ours. A goal without a peer
(memory within so many MiB) is a comparison with that limit, and is reached at 1.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Cost", "Result", "Theme", "Verdict", "decile", "from_json", "to_json"]

Theme = Literal["joining", "media", "data", "crypto", "memory", "import", "messages", "unknown"]
Verdict = Literal["reached", "missed", "no goal", "skipped", "broken"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one side takes."""

    who: str
    unit: str
    values: tuple[float, ...]
    """One for each pass; a limit has one for all."""

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True)
class Result:
    """One comparison."""

    theme: Theme
    what: str
    ours: Cost | None = None
    """None if it was skipped."""
    peer: Cost | None = None
    at_most: float | None = None
    """The goal for the median of the ratios."""
    skipped: str = ""
    """Why there is no ratio."""
    broken: bool = False
    """There is none because the measurement failed, which is no excuse."""

    @property
    def ratios(self) -> tuple[float, ...]:
        """Pass by pass, or all to the one value of a limit."""
        if self.ours is None or self.peer is None:
            return ()
        theirs = self.peer.values
        if len(theirs) == 1:
            theirs *= len(self.ours.values)
        return tuple(a / b for a, b in zip(self.ours.values, theirs, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the ratios: a slow moment hits both sides, or one pass of many."""
        return statistics.median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest tenth of the ratios."""
        return decile(self.ratios, 0.1), decile(self.ratios, 0.9)

    @property
    def verdict(self) -> Verdict:
        if not self.ratios:
            return "broken" if self.broken else "skipped"
        if self.at_most is None:
            return "no goal"
        return "reached" if self.ratio <= self.at_most else "missed"


def decile(values: Sequence[float], part: float) -> float:
    """The value below which this part of the values lies, between neighbours by distance."""
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def to_json(result: Result) -> str:
    """One line."""
    return json.dumps(asdict(result))


def from_json(lines: Iterable[str]) -> list[Result]:
    """The results of lines that `to_json` made."""
    return [_result(json.loads(line)) for line in lines]


def _result(fields: dict[str, Any]) -> Result:
    for side in ("ours", "peer"):
        if (cost := fields[side]) is not None:
            fields[side] = Cost(cost["who"], cost["unit"], tuple(cost["values"]))
    return Result(**fields)

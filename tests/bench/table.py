"""Results as text: one line each, and all of them as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

from tests.bench.results import Cost, Result, Verdict

__all__ = ["costs", "number", "quantity", "ratio", "render_table", "standing", "tally"]

HEAD = ("what", "ours", "peer", "ratio (80 % of the passes)", "goal", "")


def number(value: float) -> str:
    """Three digits that count, as people write them."""
    if value == 0 or not 0.01 <= abs(value) < 100_000:
        return f"{value:.3g}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 3
    return f"{value:,.{digits}f}"


def quantity(cost: Cost) -> str:
    return f"{number(cost.median)} {cost.unit}"


def costs(result: Result) -> str:
    """What each side takes, or why nothing was measured."""
    if result.ours is None or result.peer is None:
        return f"{result.verdict}: {result.skipped}"
    sides = (result.ours, result.peer)
    return ", ".join(f"{side.who} {quantity(side)}" for side in sides)


def ratio(result: Result) -> str:
    """The median with the spread of the passes, if there are several."""
    if len(result.ratios) == 1:
        return f"{number(result.ratio)}x"
    low, high = result.spread
    return f"{number(result.ratio)}x ({number(low)} to {number(high)})"


def standing(result: Result) -> str:
    """How it stands to its goal."""
    if result.at_most is None:
        return result.verdict
    goal = f"goal: at most {result.at_most:g}x"
    return f"{goal}, {'MISSED' if result.verdict == 'missed' else 'reached'}"


def tally(results: Sequence[Result]) -> dict[Verdict, int]:
    """How many of each verdict."""
    verdicts = [result.verdict for result in results]
    return {name: verdicts.count(name) for name in get_args(Verdict)}


def render_table(results: Sequence[Result]) -> str:
    """Everything, grouped by theme in the order in which themes come first."""
    rows = [HEAD, *(_row(result) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(HEAD, widths), _line(["-" * width for width in widths], widths)]
    for theme in dict.fromkeys(result.theme for result in results):
        lines.append(theme)
        for result, row in zip(results, rows[1:], strict=True):
            if result.theme == theme:
                lines.append(_line(row, widths))
                lines += [f"    {result.skipped}"] if result.skipped else []
    counts = ", ".join(f"{count} {name}" for name, count in tally(results).items())
    return "\n".join([*lines, counts])


def _row(result: Result) -> tuple[str, ...]:
    what, verdict = f"  {result.what}", result.verdict
    shown = verdict.upper() if verdict in {"missed", "broken"} else verdict
    if result.ours is None or result.peer is None:
        return what, "", "", "", "", shown
    sides = (f"{side.who}: {quantity(side)}" for side in (result.ours, result.peer))
    goal = "" if result.at_most is None else f"{result.at_most:g}x"
    return what, *sides, ratio(result), goal, shown


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

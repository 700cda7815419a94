"""The pictures of the report, as inline SVG: ratios on a logarithmic axis, and what they cost.

All strips of a report share one axis, so that they can be compared by eye. Colours are those of the
page's style sheet. Each picture says in words what it shows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from tests.bench.results import Result, decile
from tests.bench.table import quantity, ratio, standing

__all__ = ["axis_of", "draw_costs", "draw_ratios"]

WIDTH, MARGIN = 360, 14
DOTS = 60
STEPS = (1, 2, 5)
Axis = tuple[float, float]


def axis_of(results: Sequence[Result]) -> Axis:
    """From and to which ratio all strips go: 1, 2 or 5 times a power of ten."""
    shown = [value for result in results for value in result.ratios if value > 0]
    shown += [result.at_most for result in results if result.at_most]
    rounded = [step * 10.0**power for power in range(-6, 7) for step in STEPS]
    low = max(mark for mark in rounded if mark <= min([*shown, 0.5]))
    return low, min(mark for mark in rounded if mark >= max([*shown, 2]))


def draw_ratios(result: Result, axis: Axis) -> str:
    """Dots for passes, a bar for four fifths of them, a diamond for their median, the goal."""
    low, high = (_place(value, axis) for value in result.spread)
    middle = _place(result.ratio, axis)
    parts = [_ticks(axis)]
    if result.at_most is not None:
        goal = _place(result.at_most, axis)
        parts.append(f'<rect class="wanted" x="0" y="4" width="{goal:.1f}" height="36"/>')
        parts.append(f'<path class="goal" d="M{goal:.1f} 4V40"/>')
    parts += [
        f'<circle class="pass" cx="{_place(value, axis):.1f}" cy="{30 - index % 3 * 3}" r="2.5"/>'
        for index, value in enumerate(_some(result.ratios))
    ]
    parts.append(f'<path class="spread" d="M{low:.1f} 16H{high:.1f}"/>')
    parts.append(f'<path class="median" d="M{middle:.1f} 9l6 7-6 7-6-7z"/>')
    words = f"Ratio to {result.peer.who if result.peer else ''}: {ratio(result)}"
    return _picture(56, f"{words}; {standing(result)}.", parts)


def draw_costs(result: Result) -> str:
    """A bar for each side, as long as what it takes."""
    sides = [side for side in (result.ours, result.peer) if side is not None]
    longest = max(side.median for side in sides) or 1.0
    parts: list[str] = []
    for row, side in enumerate(sides):
        top, width = row * 32, side.median / longest * WIDTH
        kind = "peer" if row else "ours"
        parts += [
            f'<text x="0" y="{top + 12}">{escape(side.who)}</text>',
            f'<text x="{WIDTH}" y="{top + 12}" text-anchor="end">{escape(quantity(side))}</text>',
            f'<rect class="{kind}" x="0" y="{top + 17}" width="{width:.1f}" height="8" rx="2"/>',
        ]
    words = ", ".join(f"{side.who} {quantity(side)}" for side in sides)
    return _picture(32 * len(sides), f"{words}.", parts)


def _place(value: float, axis: Axis) -> float:
    """Where on the strip a ratio is."""
    low, high = map(math.log, axis)
    part = (math.log(max(value, axis[0])) - low) / (high - low)
    return MARGIN + part * (WIDTH - 2 * MARGIN)


def _some(values: Sequence[float]) -> Sequence[float]:
    """As many as can be told apart, spread as all are."""
    if len(values) <= DOTS:
        return values
    return [decile(values, index / (DOTS - 1)) for index in range(DOTS)]


def _ticks(axis: Axis) -> str:
    powers = range(math.floor(math.log10(axis[0])), math.ceil(math.log10(axis[1])) + 1)
    marks = [step * 10.0**power for power in powers for step in STEPS]
    marks = [mark for mark in marks if axis[0] * 0.999 <= mark <= axis[1] * 1.001]
    if len(marks) > 8:
        marks = [mark for mark in marks if round(math.log10(mark), 6).is_integer()]
    parts: list[str] = []
    for mark in marks:
        place, kind = _place(mark, axis), "even" if mark == 1 else "tick"
        parts.append(f'<path class="{kind}" d="M{place:.1f} 4V40"/>')
        parts.append(f'<text x="{place:.1f}" y="53" text-anchor="middle">{mark:g}</text>')
    return "".join(parts)


def _picture(height: int, words: str, parts: Sequence[str]) -> str:
    text = escape(words, quote=True)
    head = (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{text}"><title>{text}</title>'
    )
    return "".join([head, *parts, "</svg>"])

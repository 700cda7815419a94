"""The report: one HTML file that needs nothing else, to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from tests.bench.results import Result
from tests.bench.strips import Axis, axis_of, draw_costs, draw_ratios
from tests.bench.table import costs, quantity, ratio, standing, tally

__all__ = ["render_page"]

STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #fff; --ink: #1d2126; --faint: #626a73;
  --line: #dcdfe2; --ours: #2f6fdb; --peer: #9aa3ad;
  --good: #1a7f45; --bad: #c02f2f; --wanted: #1a7f4518 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171a; --card: #1d2125; --ink: #e8eaec; --faint: #a0a8b0; --line: #363c42;
    --ours: #6ea2ff; --peer: #757f89; --good: #5cc98a; --bad: #ff7b72; --wanted: #5cc98a20 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 76rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.45 system-ui, sans-serif }
h1 { font-size: 1.7rem; margin: 0 0 .3rem } h2 { margin: 2.2rem 0 .8rem; font-size: 1.25rem }
h2::first-letter { text-transform: uppercase }
h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere }
p { margin: .3rem 0; max-width: 44rem }
.faint, dt, svg text { color: var(--faint); fill: var(--faint) }
nav a { margin-right: .9rem } a { color: var(--ours) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .9rem; font-size: .9rem }
dd { margin: 0; overflow-wrap: anywhere }
.tally { display: flex; height: 1.1rem; border-radius: .3rem; overflow: hidden; gap: 2px;
  margin: .8rem 0 .3rem }
.tally span { min-width: 3px }
.grid { display: grid; gap: .9rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)) }
article { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  padding: .9rem 1rem; display: flex; flex-direction: column; gap: .5rem }
.value { font-size: 1.6rem; font-weight: 650; font-variant-numeric: tabular-nums }
.verdict { font-size: .88rem }
.is-reached .verdict { color: var(--good) }
.is-missed .verdict { color: var(--bad); font-weight: 650 }
.is-missed, .is-broken { border-color: var(--bad) } .bg-reached { background: var(--good) }
.bg-missed, .bg-broken { background: var(--bad) } .bg-no-goal { background: var(--ours) }
.bg-skipped { background: var(--peer) }
svg { width: 100%; height: auto; display: block; font: 11px system-ui, sans-serif }
.tick { stroke: var(--line) } .even { stroke: var(--ink) } .wanted { fill: var(--wanted) }
.goal { stroke: var(--good); stroke-width: 2; stroke-dasharray: 4 3 }
.pass { fill: var(--ours); opacity: .45 } .spread { stroke: var(--ours); stroke-width: 3 }
.median { fill: var(--ours); stroke: var(--card) }
.ours { fill: var(--ours) } .peer { fill: var(--peer) }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-size: .88rem; width: 100% }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  vertical-align: top }
td { font-variant-numeric: tabular-nums } caption { text-align: left }
"""

MARKS = {"reached": "✓", "missed": "✗", "no goal": "·", "skipped": "-", "broken": "✗"}


def render_page(results: Sequence[Result], about: Mapping[str, str]) -> str:
    """The whole file; `about` tells of the machine, the versions and the day."""
    themes = list(dict.fromkeys(result.theme for result in results))
    axis = axis_of(results)
    links = " ".join(f'<a href="#{_anchor(theme)}">{escape(theme)}</a>' for theme in themes)
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>lktrio: measurements</title><style>{STYLE}</style></head><body>",
            "<header><h1>What lktrio costs, beside its peers</h1>",
            _tally(results),
            _key(),
            f'<nav aria-label="Themes">{links} <a href="#all">everything as a table</a></nav>',
            "</header><main>",
            *(_section(theme, results, axis) for theme in themes),
            _table(results),
            f"</main><footer><h2>Measured on</h2>{_about(about)}</footer></body></html>\n",
        ]
    )


def _anchor(theme: str) -> str:
    return theme.replace(" ", "-")


def _tally(results: Sequence[Result]) -> str:
    counts = {name: count for name, count in tally(results).items() if count}
    bars = "".join(
        f'<span class="bg-{_anchor(name)}" style="flex:{count}"></span>'
        for name, count in counts.items()
    )
    words = ", ".join(f"{MARKS[name]} {count} {name}" for name, count in counts.items())
    return f'<div class="tally" aria-hidden="true">{bars}</div><p>{words}</p>'


def _key() -> str:
    return (
        '<p class="faint">Each ratio is what lktrio takes to what its peer takes in the same run:'
        " left of 1 lktrio takes less. Dots are single passes, the bar four fifths of them, the"
        " diamond their median; the goal is reached where the diamond lies in the shaded part.</p>"
    )


def _section(theme: str, results: Sequence[Result], axis: Axis) -> str:
    cards = [_card(result, axis) for result in results if result.theme == theme]
    grid = f'<div class="grid">{"".join(cards)}</div>'
    return f'<section id="{_anchor(theme)}"><h2>{escape(theme)}</h2>{grid}</section>'


def _card(result: Result, axis: Axis) -> str:
    head = f'<article class="is-{_anchor(result.verdict)}"><h3>{escape(result.what)}</h3>'
    mark = f'<span aria-hidden="true">{MARKS[result.verdict]}</span>'
    if not result.ratios:
        return f'{head}<p class="verdict">{mark} {escape(costs(result))}</p></article>'
    value = f'<div><span class="value">{ratio(result).split()[0]}</span> '
    verdict = f'<span class="verdict">{mark} {standing(result)}</span></div>'
    pictures = draw_ratios(result, axis) + draw_costs(result)
    return f"{head}{value}{verdict}{pictures}</article>"


def _table(results: Sequence[Result]) -> str:
    rows = "".join(f"<tr>{''.join(_cells(result))}</tr>" for result in results)
    heads = ("What", "Ours", "Peer", "Ratio, 80 % of the passes", "Verdict")
    head = "".join(f'<th scope="col">{text}</th>' for text in heads)
    table = f"<table><caption>Medians of the passes</caption><tr>{head}</tr>{rows}</table>"
    return f'<section id="all"><h2>Everything</h2><div class="scroll">{table}</div></section>'


def _cells(result: Result) -> list[str]:
    what = f'<th scope="row">{escape(result.what)}</th>'
    if result.ours is None or result.peer is None:
        return [what, f'<td colspan="4">{escape(costs(result))}</td>']
    sides = (f"{side.who}: {quantity(side)}" for side in (result.ours, result.peer))
    texts = (*sides, ratio(result), standing(result))
    return [what, *(f"<td>{escape(text)}</td>" for text in texts)]


def _about(about: Mapping[str, str]) -> str:
    items = (f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in about.items())
    return f"<dl>{''.join(items)}</dl>"

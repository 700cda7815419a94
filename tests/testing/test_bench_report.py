"""From what measurements find to the table and the page."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

from tests.bench.page import render_page
from tests.bench.results import Cost, Result, from_json, to_json
from tests.bench.strips import axis_of, draw_costs, draw_ratios
from tests.bench.table import number, ratio, render_table

OURS = Cost("lktrio", "us", (1.0, 2.0, 3.0))
PEER = Cost("<peer>", "us", (4.0, 4.0, 4.0))
REACHED = Result("data", "a message", OURS, PEER, 0.5)
MISSED = replace(REACHED, theme="crypto", what="a record", at_most=0.4)
WITHOUT_GOAL = replace(REACHED, what="a call", at_most=None)
SKIPPED = Result("memory", "idle & quiet", skipped="no <server>")
BROKEN = Result("unknown", "bench_x", skipped="it ended with status 2", broken=True)
EVERY = [REACHED, MISSED, WITHOUT_GOAL, SKIPPED, BROKEN]


def test_ratios_are_of_passes_and_the_verdict_of_their_median() -> None:
    assert REACHED.ratios == (0.25, 0.5, 0.75)
    assert REACHED.ratio == 0.5
    low, high = REACHED.spread
    assert (round(low, 6), round(high, 6)) == (0.3, 0.7)
    limit = replace(REACHED, peer=Cost("limit", "us", (2.0,)), at_most=1.0)
    assert limit.ratios == (0.5, 1.0, 1.5)
    verdicts = ["reached", "missed", "no goal", "skipped", "broken"]
    assert [result.verdict for result in EVERY] == verdicts


def test_lines_of_json_give_back_the_results() -> None:
    assert from_json(map(to_json, EVERY)) == EVERY


def test_numbers_have_the_digits_that_count() -> None:
    shown = [number(value) for value in (0, 0.0123, 0.256, 3.14159, 31.4159, 314.159, 31415.9)]
    assert shown == ["0", "0.012", "0.26", "3.14", "31.4", "314", "31,416"]


def test_the_table_groups_by_theme_and_says_why_a_row_is_empty() -> None:
    lines = render_table(EVERY).splitlines()
    assert [line for line in lines if re.fullmatch(r"[a-z]+", line)] == [
        "data",
        "crypto",
        "memory",
        "unknown",
    ]
    call = next(place for place, line in enumerate(lines) if line.startswith("  a call"))
    assert lines[call - 1].split()[:2] == ["a", "message"]
    assert "0.50x (0.30 to 0.70)" in lines[call]
    assert next(line for line in lines if "a record" in line).endswith("0.4x  MISSED")
    assert "    no <server>" in lines
    assert lines[-1] == "1 reached, 1 missed, 1 no goal, 1 skipped, 1 broken"


def test_one_pass_has_no_spread() -> None:
    assert (
        ratio(Result("data", "once", Cost("us", "s", (1.0,)), Cost("it", "s", (2.0,)))) == "0.50x"
    )


def test_pictures_are_well_formed_and_hold_what_they_show() -> None:
    low, high = axis_of(EVERY)
    assert (round(low, 9), round(high, 9)) == (0.2, 2)
    many = Cost("lktrio", "us", tuple(range(1, 1001)))
    wide = Result("data", "wide", many, Cost("limit", "us", (100.0,)), 1.0)
    for result in (REACHED, MISSED, WITHOUT_GOAL, wide):
        strip = ElementTree.fromstring(draw_ratios(result, axis_of([result])))
        dots = strip.findall("circle")
        assert 1 < len(dots) <= 60, result
        assert all(0 <= float(dot.get("cx", "")) <= 360 for dot in dots), result
        assert (strip.find("*[@class='goal']") is None) == (result.at_most is None), result
        assert ratio(result) in str(strip.findtext("title")), result
        bars = ElementTree.fromstring(draw_costs(result)).findall("rect")
        assert max(float(bar.get("width", "")) for bar in bars) == 360, result


class Loads(HTMLParser):
    """What a page refers to, what is left open, and its pictures without words."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []
        self.mute = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.tags.append(tag)
        self.references += [str(given[name]) for name in ("src", "href") if name in given]
        self.mute += tag == "svg" and not given.get("aria-label")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else_and_every_picture_has_words() -> None:
    page = render_page(EVERY, {"Machine": "a <fast> one"})
    parser = Loads()
    parser.feed(page)
    assert not parser.open
    assert not parser.mute
    assert "script" not in parser.tags
    assert all(reference.startswith("#") for reference in parser.references)
    assert "url(" not in page
    assert "@import" not in page
    assert parser.tags.count("svg") == 6
    assert parser.tags.count("article") == len(EVERY)
    assert "<peer>" not in page
    assert "a &lt;fast&gt; one" in page
    assert "no &lt;server&gt;" in page


def test_a_page_of_nothing_measured() -> None:
    assert "no &lt;server&gt;" in render_page([SKIPPED], {})

"""Text of others is shown on one line, without what drives a terminal or misleads a reader."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio._text import LONGEST, printable

CASES = {
    "plain": ("alice", "alice"),
    "other scripts": ("Ångström 名前 اسم", "Ångström 名前 اسم"),
    "emoji with joiners": ("👩\u200d🚀", "👩\u200d🚀"),
    "line ends": ("a\nERROR b\r\n", "a\\nERROR b\\r\\n"),
    "terminal escapes": ("\x1b[2J\x9b1m\x07", "\\x1b[2J\\x9b1m\\x07"),
    "nul and delete": ("\0\x7f", "\\x00\\x7f"),
    "marks that reverse": ("\u202egpj.exe\u2066", "\\u202egpj.exe\\u2066"),
    "unicode line ends": ("a\u2028b\u2029c\x85", "a\\u2028b\\u2029c\\x85"),
    "half a surrogate pair": ("\ud800", "\\ud800"),
    "spaces of typography": ("1\u00a0000", "1\u00a0000"),
    "long": ("x" * (LONGEST + 1), "x" * LONGEST + "..."),
    "empty": ("", ""),
}


def test_what_is_shown_of_a_text() -> None:
    for name, (text, shown) in CASES.items():
        assert printable(text) == shown, name


def test_the_limit_is_the_callers() -> None:
    assert printable("abcdef", limit=3) == "abc..."
    assert printable("abc", limit=3) == "abc"


@settings(max_examples=100)
@given(st.text())
def test_whatever_is_shown_can_be_written_and_is_one_line(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown
    shown.encode()

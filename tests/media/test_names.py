from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio import media


def test_names() -> None:
    cases = (
        (("alice", "TR_x"), "alice-TR_x.ogg"),
        (("../../etc/passwd",), "_.._etc_passwd.ogg"),
        (("..",), "unnamed.ogg"),
        ((), "unnamed.ogg"),
        (("", "a"), "a.ogg"),
        ((".hidden",), "hidden.ogg"),
        (("a\x00b\r\nc\x1b[2J",), "a_b__c__2J.ogg"),
        (("C:\\x|y?*<>\"'",), "C__x_y______.ogg"),
        (("abc\u202egpj", "\ud800"), "abc_gpj-_.ogg"),
        (("Zo\u00eb Müller 日本",), "Zo\u00eb Müller 日本.ogg"),
        (("nul",), "_nul.ogg"),
        (("con.txt",), "_con.txt.ogg"),
        (("user@example.org+1",), "user@example.org+1.ogg"),
    )
    for parts, expected in cases:
        assert media.safe_file_name(*parts, suffix=".ogg") == expected, parts


def test_long_texts_are_cut_so_that_each_part_is_seen() -> None:
    name = media.safe_file_name("a" * 500, "TR_unique", suffix=".ogg")
    assert name.endswith("-TR_unique.ogg")
    assert len(name) <= 120
    assert len(media.safe_file_name("日" * 500).encode()) <= 120


@settings(max_examples=100)
@given(parts=st.lists(st.text(max_size=300), max_size=4))
def test_any_text_gives_one_name_within_a_folder(parts: list[str]) -> None:
    name = media.safe_file_name(*parts, suffix=".ivf")
    assert len(name.encode()) <= 120
    assert name.endswith(".ivf")
    assert name.isprintable()
    assert not name.startswith(".")
    for kind in (PurePosixPath, PureWindowsPath):
        assert kind("folder", name).parts == ("folder", name)

"""What a long command shows while it works, on a terminal and elsewhere."""

from __future__ import annotations

import sys

import pytest

from lktrio.cli import progress
from lktrio.cli.progress import PlainProgress, SilentProgress, open_progress

rich_progress = pytest.importorskip("lktrio.cli.rich_progress", reason="rich is not installed")


def test_a_pipe_gets_plain_lines() -> None:
    with open_progress() as shown:
        assert isinstance(shown, PlainProgress)


def test_a_terminal_gets_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with open_progress() as shown:
        assert isinstance(shown, rich_progress.RichProgress)


def test_without_rich_a_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setitem(sys.modules, "rich", None)
    with open_progress() as shown:
        assert isinstance(shown, PlainProgress)


def test_plain_lines_come_with_every_quarter(capsys: pytest.CaptureFixture[str]) -> None:
    bar = PlainProgress().bar("audio", 8)
    for _ in range(8):
        bar.advance()
    shown = [f"audio: {count} of 8 frames" for count in (2, 4, 6, 8)]
    assert capsys.readouterr().out.splitlines() == shown


def test_bytes_are_counted_in_larger_steps(capsys: pytest.CaptureFixture[str]) -> None:
    bar = PlainProgress().bar("file", 10_000_000, unit="bytes")
    for _ in range(2):
        bar.advance(5_000_000)
    with rich_progress.RichProgress() as shown:
        bars = shown.bar("[b]file", 10_000_000, unit="bytes")
        bars.advance(5_000_000)
    out = capsys.readouterr().out
    assert out.splitlines()[:2] == [
        "file: 5000000 of 10000000 bytes",
        "file: 10000000 of 10000000 bytes",
    ]
    assert "[b]file" in out
    assert "5.0 MB of 10.0 MB" in out


def test_silence_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with open_progress(silent=True) as shown:
        assert isinstance(shown, SilentProgress)
        shown.line("text")
        shown.bar("audio", 2).advance()
    assert capsys.readouterr().out == ""


def test_bars_count_and_lines_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    with rich_progress.RichProgress() as shown:
        bar = shown.bar("audio", 2)
        shown.line("[bold]a line[/bold]")
        bar.advance()
        bar.advance()
    out = capsys.readouterr().out
    assert "[bold]a line[/bold]" in out
    assert "2/2" in out


def test_the_module_names_what_it_offers() -> None:
    assert set(progress.__all__) <= set(vars(progress))

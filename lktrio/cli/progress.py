"""What a long command shows while it works: live bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol

from lktrio.cli.output import on_terminal

__all__ = ["Bar", "PlainProgress", "Progress", "SilentProgress", "open_progress"]

_PLAIN_STEPS = 4  # lines that a bar becomes where there is no terminal


class Bar(Protocol):
    """Counts something up to a known total."""

    def advance(self, count: int = 1) -> None:
        """So many more."""
        ...


class Progress(Protocol):
    """Where a command shows what happens."""

    def line(self, text: str) -> None:
        """Show a line that stays."""
        ...

    def bar(self, name: str, total: int, *, unit: str = "frames") -> Bar:
        """Begin to count."""
        ...


class PlainProgress:
    """Lines of text, for pipes, logs and machines without rich."""

    def line(self, text: str) -> None:
        """Print a line at once."""
        print(text, flush=True)

    def bar(self, name: str, total: int, *, unit: str = "frames") -> Bar:
        """Begin to count; prints a line for every quarter."""
        return _PlainBar(name, total, unit, self.line)


class _PlainBar:
    def __init__(self, name: str, total: int, unit: str, line: Callable[[str], None]) -> None:
        self._name = name
        self._total = total
        self._unit = unit
        self._line = line
        self._count = 0

    def advance(self, count: int = 1) -> None:
        before, self._count = self._count, self._count + count
        if before * _PLAIN_STEPS // self._total < self._count * _PLAIN_STEPS // self._total:
            self._line(f"{self._name}: {self._count} of {self._total} {self._unit}")


class SilentProgress:
    """Shows nothing."""

    def line(self, text: str) -> None:
        """Show nothing."""

    def bar(self, name: str, total: int, *, unit: str = "frames") -> Bar:
        """Count, and show nothing."""
        return _SilentBar()


class _SilentBar:
    def advance(self, count: int = 1) -> None:
        pass


@contextmanager
def open_progress(*, silent: bool = False) -> Generator[Progress, None, None]:
    """Choose what suits standard output, for the duration of a block."""
    if silent:
        yield SilentProgress()
    elif on_terminal():
        from lktrio.cli.rich_progress import RichProgress

        with RichProgress() as progress:
            yield progress
    else:
        yield PlainProgress()

"""Live progress on a terminal, drawn by rich (``lktrio[cli]``)."""

from __future__ import annotations

from functools import partial
from types import TracebackType

from rich import progress as rich_progress
from rich.text import Text

__all__ = ["RichProgress"]


class RichProgress:
    """Bars that stay at the bottom, below the lines."""

    def __init__(self) -> None:
        self._display = rich_progress.Progress(
            rich_progress.TextColumn("{task.description:>8}"),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TextColumn("frames"),
            rich_progress.TimeElapsedColumn(),
        )

    def __enter__(self) -> RichProgress:
        self._display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._display.stop()

    def line(self, text: str) -> None:
        """Print a line above the bars; nothing in it is markup."""
        self._display.console.print(Text(text), soft_wrap=True)

    def bar(self, name: str, total: int) -> _RichBar:
        """Begin to count."""
        return _RichBar(self._display, self._display.add_task(name, total=total))


class _RichBar:
    def __init__(self, display: rich_progress.Progress, task: rich_progress.TaskID) -> None:
        self._advance = partial(display.advance, task)

    def advance(self) -> None:
        self._advance()

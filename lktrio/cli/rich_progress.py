"""Live progress on a terminal, drawn by rich (``lktrio[cli]``)."""

from __future__ import annotations

from functools import partial
from types import TracebackType

from rich import progress as rich_progress
from rich.filesize import decimal
from rich.markup import escape
from rich.text import Text

__all__ = ["RichProgress"]


class RichProgress:
    """Bars that stay at the bottom, below the lines."""

    def __init__(self) -> None:
        self._display = rich_progress.Progress(
            rich_progress.TextColumn("{task.description:>8}"),
            rich_progress.BarColumn(),
            _Count(),
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

    def bar(self, name: str, total: int, *, unit: str = "frames") -> _RichBar:
        """Begin to count."""
        task = self._display.add_task(escape(name), total=total, unit=unit)
        return _RichBar(self._display, task)


class _Count(rich_progress.ProgressColumn):
    """How far a task is, in its unit; bytes also in what people read, and how fast."""

    def render(self, task: rich_progress.Task) -> Text:
        """Show a task."""
        done, total = int(task.completed), int(task.total or 0)
        if task.fields["unit"] != "bytes":
            return Text(f"{done}/{total} {task.fields['unit']}")
        speed = f", {decimal(int(task.speed))}/s" if task.speed else ""
        return Text(f"{decimal(done)} of {decimal(total)}{speed}")


class _RichBar:
    def __init__(self, display: rich_progress.Progress, task: rich_progress.TaskID) -> None:
        self._advance = partial(display.advance, task)

    def advance(self, count: int = 1) -> None:
        self._advance(count)

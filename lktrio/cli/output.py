"""What commands write: tables, records or JSON; never a secret unless asked to.

Texts come from servers and from other participants. Characters that could move a terminal's
cursor or change its colours are escaped before they are printed.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from importlib.util import find_spec
from typing import Any, TextIO, cast

from lktrio._text import printable
from lktrio.auth._grants import camel_case
from lktrio.proto import Message
from lktrio.proto._secrets import HIDDEN, SECRET_FIELDS
from lktrio.proto.codec import to_json_value

__all__ = [
    "Output",
    "enum_name",
    "hide_secrets",
    "on_terminal",
    "timestamp",
    "to_text",
    "write_anything",
]

_SECRETS = frozenset(map(camel_case, SECRET_FIELDS))
"""Fields that let in whoever knows them, by their names in JSON."""
_COLUMN_GAP = "  "
_WHOLE = sys.maxsize  # nothing is cut: who asks for somebody's metadata wants to see it


class Output:
    """Where a command puts its results.

    Args:
        as_json: Write JSON in place of text.
        show_secrets: Write secrets as they are.
    """

    def __init__(self, *, as_json: bool, show_secrets: bool = False) -> None:
        self._as_json = as_json
        self._show_secrets = show_secrets

    def table(
        self, message: Message, headers: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """A list of things: the message as JSON, or rows of cells."""
        if self._as_json:
            self.value(self._to_json(message))
            return
        cells = [[_cell(value) for value in row] for row in rows]
        if on_terminal():
            _print_rich_table(headers, cells)
        else:
            _print_columns([header.upper() for header in headers], cells)

    def record(self, message: Message, fields: Iterable[tuple[str, object]]) -> None:
        """One thing: the message as JSON, or a line for each field that has a value."""
        if self._as_json:
            self.value(self._to_json(message))
            return
        self.fields(fields)

    def fields(self, fields: Iterable[tuple[str, object]]) -> None:
        """A line of text for each field that has a value."""
        shown = [(printable(name), text) for name, value in fields if (text := _cell(value))]
        width = max((len(name) for name, _ in shown), default=0)
        for name, text in shown:
            print(f"{name + ':':<{width + 1}} {text}")

    def done(self, message: Message, text: str) -> None:
        """An action was carried out: the server's answer as JSON, or a line."""
        if self._as_json:
            self.value(self._to_json(message))
        else:
            print(printable(text, _WHOLE))

    def secret(self, value: str) -> str:
        """A secret as a cell."""
        return value if self._show_secrets or not value else HIDDEN

    def value(self, value: object) -> None:
        """Any JSON value."""
        print(to_text(value, indent=2))

    def _to_json(self, message: Message) -> Any:
        value = to_json_value(message, defaults=True)
        return value if self._show_secrets else hide_secrets(value)


def to_text(value: object, *, indent: int | None = None) -> str:
    """A JSON value as text, in which what could control a terminal is escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=not _is_unicode())
    if text.isprintable():
        return text
    return "".join(
        character if character == "\n" or character.isprintable() else json.dumps(character)[1:-1]
        for character in text
    )


def hide_secrets(value: Any) -> Any:
    """A JSON value in which every secret is hidden."""
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {
            name: HIDDEN if name in _SECRETS and item else hide_secrets(item)
            for name, item in fields.items()
        }
    if isinstance(value, list):
        return [hide_secrets(item) for item in cast("list[object]", value)]
    return value


def write_anything(stream: TextIO) -> None:
    """Let a stream write every character: what its encoding lacks becomes an escape.

    Texts of others have any character, and a terminal may know ASCII alone (``LANG=C``).
    """
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def timestamp(seconds: float) -> str:
    """A point in time, given in seconds since 1970; nothing for 0."""
    if not seconds:
        return ""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def enum_name(value: IntEnum, prefix: str = "") -> str:
    """The name of an enum's value in lower case, without a prefix; its number if it has none."""
    name: str | None = value.name  # None for values of newer servers
    return (name or str(int(value))).lower().removeprefix(prefix)


def on_terminal() -> bool:
    """Whether standard output is a terminal and rich is there to draw on it."""
    return sys.stdout.isatty() and find_spec("rich") is not None


def _is_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if value is None:
        return ""
    return printable(str(value), _WHOLE)


def _print_columns(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(headers, *rows, strict=True)]
    for row in (headers, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(_COLUMN_GAP.join(cells).rstrip())


def _print_rich_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for number, header in enumerate(headers):
        # Ids come first. They are there to be copied: they are never broken into two lines.
        least = max((len(row[0]) for row in rows), default=0) if number == 0 else None
        table.add_column(Text(header), min_width=least, no_wrap=number == 0)
    for row in rows:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    Console().print(table)

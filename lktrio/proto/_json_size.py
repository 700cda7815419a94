"""How much a JSON text may hold: the budget of a message, looked at before it is made.

``json`` makes an object of three characters, a hundred times faster than a message is made of it
but without a limit. So the marks that separate values are counted first, strings included (which
may hold some, hence the margin), and then the values that ``json`` has made.
"""

from __future__ import annotations

from typing import cast

from lktrio.errors import RemoteProtocolError
from lktrio.proto._budget import Budget

__all__ = ["check_text", "check_value"]

MARGIN = 10
"""Marks that a text may have for each value that a message may hold."""


def check_text(text: str | bytes | bytearray, budget: Budget) -> None:
    """Refuse a text that would become far too many objects.

    Raises:
        RemoteProtocolError: It would.
    """
    if isinstance(text, str):
        found = sum(text.count(mark) for mark in "[{,")
    else:
        found = sum(text.count(mark) for mark in b"[{,")
    most = MARGIN * budget.values_in(len(text))
    if found > most:
        raise RemoteProtocolError(f"the JSON has more than {most} values")


def check_value(value: object, size: int, budget: Budget) -> None:
    """Refuse what ``json`` read of so many characters if it holds more than its budget.

    Raises:
        RemoteProtocolError: It does.
    """
    values = messages = 0
    most_values, most_messages = budget.values_in(size), budget.messages_in(size)
    left: list[object] = [value]
    while left:
        found = left.pop()
        if isinstance(found, dict):
            messages += 1
            parts = list(cast("dict[str, object]", found).values())
        elif isinstance(found, list):
            parts = cast("list[object]", found)
        else:
            continue
        values += len(parts)
        left.extend(parts)
        if values > most_values or messages > most_messages:
            raise RemoteProtocolError(
                f"the JSON has more than {most_values} values or {most_messages} objects"
            )

"""Another program that takes commands and reports, whichever way they travel.

Reports are objects with an ``event`` and more, kept in the order of their arrival. A command has a
``do`` and a ``number``; a program that supports ``order`` reports ``done`` or ``error`` with the
same number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import trio

__all__ = ["Program", "Report"]

Report = dict[str, Any]


def anything(report: Report) -> bool:
    return True


class Program(ABC):
    """The other program and everything that it has reported."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: list[Report] = []
        self.ended: str | None = None
        self._changed = trio.lowlevel.ParkingLot()
        self._orders = 0

    @abstractmethod
    async def send_command(self, command: dict[str, Any]) -> None:
        """Bring a command on its way."""

    async def tell(self, do: str, **values: Any) -> None:
        """Give it a command."""
        await self.send_command({"do": do, **values})

    async def order(self, do: str, **values: Any) -> None:
        """Give it a command and wait until it has carried it out."""
        self._orders += 1
        number = self._orders
        await self.send_command({"do": do, "number": number, **values})
        end = await self._find(
            lambda entry: entry["event"] in ("done", "error") and entry.get("number") == number,
            f"the end of {do}",
        )
        if end["event"] == "error":
            raise AssertionError(f"{self.name} could not {do}: {end['error']}\n{self.tail()}")

    def add(self, report: Report) -> None:
        self.entries.append(report)
        self._changed.unpark_all()

    def end(self, why: str) -> None:
        """No more reports will come: whoever waits for one fails with this text."""
        self.ended = why
        self._changed.unpark_all()

    def matching(self, event: str, **fields: Any) -> list[Report]:
        """The reports of an event that have all these values."""
        wanted = {"event": event} | fields
        return [
            entry
            for entry in self.entries
            if all(entry.get(key) == value for key, value in wanted.items())
        ]

    async def wait(
        self, event: str, condition: Callable[[Report], bool] = anything, **fields: Any
    ) -> Report:
        """The first report of an event, past or to come, that fits."""
        wanted = {"event": event} | fields

        def fits(entry: Report) -> bool:
            same = all(entry.get(key) == value for key, value in wanted.items())
            return same and condition(entry)

        return await self._find(fits, f"{event} {fields}")

    async def wait_for_number(self, event: str, number: int) -> Report:
        """The first, second or later report of an event, past or to come."""
        return await self.wait(event, lambda entry: entry in self.matching(event)[number - 1 :])

    async def _find(self, fits: Callable[[Report], bool], what: str) -> Report:
        seen = 0
        while True:
            for entry in self.entries[seen:]:
                if fits(entry):
                    return entry
            seen = len(self.entries)
            if self.ended is not None:
                raise AssertionError(
                    f"{self.name} ended before {what}: {self.ended}\n{self.tail()}"
                )
            try:
                await self._changed.park()
            except trio.Cancelled:
                print(f"{self.name} has not reported {what} yet\n{self.tail()}")
                raise

    def tail(self, count: int = 30) -> str:
        """The latest reports, for people."""
        return "\n".join(str(entry)[:300] for entry in self.entries[-count:])

"""What another program reports: objects with an ``event`` and more, in the order of arrival."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio

__all__ = ["Report", "Reports"]

Report = dict[str, Any]


def anything(report: Report) -> bool:
    return True


class Reports:
    """The reports of one program, old ones included."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.entries: list[Report] = []
        self.ended: str | None = None
        self._changed = trio.lowlevel.ParkingLot()

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
        while True:
            for entry in self.matching(event, **fields):
                if condition(entry):
                    return entry
            if self.ended is not None:
                raise AssertionError(
                    f"{self.name} ended without {event} {fields}: {self.ended}\n{self.tail()}"
                )
            try:
                await self._changed.park()
            except trio.Cancelled:
                print(f"{self.name} has not reported {event} {fields} yet\n{self.tail()}")
                raise

    def tail(self, count: int = 30) -> str:
        """The latest reports, for people."""
        return "\n".join(str(entry)[:300] for entry in self.entries[-count:])

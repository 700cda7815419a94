"""Which room a log record or an exception belongs to.

Every task of a room, and every task that was started by one, sees ``current_room``. A logging
filter can copy it into records::

    def filter(record):
        record.room = lktrio.current_room.get()
        return True
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from lktrio._text import printable

__all__ = ["RoomContext", "current_room"]


@dataclass(frozen=True, slots=True)
class RoomContext:
    """A session in a room."""

    room: str
    """Name of the room."""
    identity: str
    """Our identity in it."""

    def __str__(self) -> str:
        return f"{printable(self.room)}/{printable(self.identity)}"


current_room: ContextVar[RoomContext | None] = ContextVar("lktrio_room", default=None)
"""The session in a room that the running task works for, or None."""

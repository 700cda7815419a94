"""Whether a room has ended, why, and who waits for that."""

from __future__ import annotations

import weakref

import trio

from lktrio.errors import LiveKitError, RoomClosed
from lktrio.room.state.enums import DisconnectReason

__all__ = ["RoomLife"]


class RoomLife:
    """The end of one room.

    Attributes:
        reason: Why the room has ended, or None as long as it has not.
        can_reconnect: Whether it makes sense to join again.
        failure: The error that ended it, if it was one.
    """

    def __init__(self) -> None:
        self.reason: DisconnectReason | None = None
        self.can_reconnect = False
        self.failure: LiveKitError | None = None
        self._ended = trio.Event()
        self._raised: weakref.WeakSet[RoomClosed] = weakref.WeakSet()

    def end(
        self, reason: DisconnectReason, failure: LiveKitError | None, *, can_reconnect: bool
    ) -> bool:
        """Note the end; only the first one counts, and only for that the result is True."""
        if self.reason is not None:
            return False
        self.reason, self.failure, self.can_reconnect = reason, failure, can_reconnect
        self._ended.set()
        return True

    async def wait_ended(self) -> DisconnectReason:
        """Wait until the room has ended and return why."""
        await self._ended.wait()
        assert self.reason is not None  # set before the event
        return self.reason

    def check_open(self) -> None:
        """Raise ``RoomClosed`` if the room has ended."""
        if self.reason is not None:
            error = RoomClosed(
                f"the room is closed ({self.reason})",
                reason=self.reason,
                can_reconnect=self.can_reconnect,
            )
            self._raised.add(error)
            raise error

    def raised(self, error: BaseException) -> bool:
        """Whether this is a ``RoomClosed`` of this room."""
        return isinstance(error, RoomClosed) and error in self._raised

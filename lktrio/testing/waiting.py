"""Waiting for a time that may still change, without a task that watches the clock."""

from __future__ import annotations

import math

import trio

__all__ = ["Alarm"]


class Alarm:
    """One waiting task, woken at a time that others may bring forward."""

    __slots__ = ("_scope",)

    def __init__(self) -> None:
        self._scope: trio.CancelScope | None = None

    @property
    def busy(self) -> bool:
        """Whether a task waits."""
        return self._scope is not None

    async def wait_until(self, deadline: float) -> None:
        """Sleep until the deadline, or the one that it was moved to."""
        with trio.CancelScope(deadline=deadline) as self._scope:
            try:
                await trio.sleep_forever()
            finally:
                self._scope = None

    def move(self, deadline: float) -> None:
        """Let the waiting task, if there is one, wake at this time if it would wake later."""
        if self._scope is not None and deadline < self._scope.deadline:
            self._scope.deadline = deadline

    def ring(self) -> None:
        """Wake the waiting task, if there is one."""
        if self._scope is not None:
            self._scope.deadline = -math.inf

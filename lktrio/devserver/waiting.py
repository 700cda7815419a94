"""Connections that wait for a request, and how many of them there may be.

A connection costs memory and a task before anybody knows who is behind it. It counts from its
beginning until the head of a request was read, and again between two requests. If there are too
many from one address, or in all, the one that has waited longest is closed, so that whoever opens
connections and leaves them keeps nobody else out.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import trio

__all__ = ["WaitingConnections"]

_MAX_PER_ADDRESS = 64
_MAX_TOTAL = 256


class WaitingConnections:
    """The connections of a server that wait for a request.

    Args:
        per_address: How many may wait from one address.
        total: How many may wait in all.
    """

    def __init__(self, per_address: int = _MAX_PER_ADDRESS, total: int = _MAX_TOTAL) -> None:
        self._per_address = per_address
        self._total = total
        self._scopes: dict[trio.CancelScope, str] = {}

    @contextmanager
    def wait(self, address: str) -> Generator[trio.CancelScope, None, None]:
        """Let a connection wait in the block.

        Args:
            address: Where it comes from.

        Yields:
            The scope of the block; it is cancelled when the connection is to be closed.
        """
        self._make_room(address)
        with trio.CancelScope() as scope:
            self._scopes[scope] = address
            try:
                yield scope
            finally:
                self._scopes.pop(scope, None)

    def _make_room(self, address: str) -> None:
        same = [scope for scope, known in self._scopes.items() if known == address]
        if len(same) >= self._per_address:
            self._close(same[0])
        elif len(self._scopes) >= self._total:
            self.close_oldest()

    def _close(self, scope: trio.CancelScope) -> None:
        del self._scopes[scope]
        scope.cancel()

    def close_oldest(self) -> bool:
        """Close the connection that has waited longest; whether there was one."""
        for scope in self._scopes:
            self._close(scope)
            return True
        return False

    def close_all(self) -> None:
        """Close all of them."""
        while self.close_oldest():
            pass

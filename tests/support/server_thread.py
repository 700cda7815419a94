"""The embedded server in a thread of its own, for tests that are not async themselves."""

from __future__ import annotations

import queue
import threading
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import trio

from lktrio import Room, open_room
from lktrio.devserver import DevServer, open_dev_server

__all__ = ["Guest", "ServerThread", "serve_in_thread"]

T = TypeVar("T")
_DEADLINE = 20.0  # seconds for anything that a test waits for


class Guest:
    """A participant that lives in the server's thread."""

    def __init__(self, thread: ServerThread, room: Room) -> None:
        self._thread = thread
        self.room = room

    def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run an async function where the participant lives."""
        return self._thread.run(function, *args)


class ServerThread:
    """An embedded server and the guests it has."""

    def __init__(self, server: DevServer, nursery: trio.Nursery) -> None:
        self.url = server.url
        self.api_key = server.api_key
        self.api_secret = server.api_secret
        self.token = server.token
        self._nursery = nursery
        self._trio_token = trio.lowlevel.current_trio_token()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead to the server."""
        return {
            "LIVEKIT_URL": self.url,
            "LIVEKIT_API_KEY": self.api_key,
            "LIVEKIT_API_SECRET": self.api_secret,
        }

    def run(self, function: Callable[..., Awaitable[T]], *args: Any) -> T:
        """Run an async function in the server's thread."""

        async def limited() -> T:
            with trio.fail_after(_DEADLINE):
                return await function(*args)

        return trio.from_thread.run(limited, trio_token=self._trio_token)

    def start(self, function: Callable[..., Awaitable[object]], *args: Any) -> None:
        """Run an async function in the background there, and wait until it has started."""
        self.run(partial(self._nursery.start, function, *args))

    @contextmanager
    def guest(self, identity: str, room: str, **grants: Any) -> Generator[Guest, None, None]:
        """Somebody in a room, for the duration of a block."""
        token = self.token(identity, room, **grants)
        left = trio.Event()
        scope = trio.CancelScope()
        stay = partial(self._stay, token, scope, left)
        guest: Room = self.run(self._nursery.start, stay)
        try:
            yield Guest(self, guest)
        finally:
            trio.from_thread.run_sync(scope.cancel, trio_token=self._trio_token)
            self.run(left.wait)

    async def _stay(
        self,
        token: str,
        scope: trio.CancelScope,
        left: trio.Event,
        *,
        task_status: trio.TaskStatus[Room],
    ) -> None:
        try:
            with scope:
                async with open_room(self.url, token) as room:
                    task_status.started(room)
                    await trio.sleep_forever()
        finally:
            left.set()


@contextmanager
def serve_in_thread(**options: Any) -> Generator[ServerThread, None, None]:
    """Run a server in a thread for the duration of a block."""
    started: queue.SimpleQueue[ServerThread | BaseException] = queue.SimpleQueue()
    scope = trio.CancelScope()

    async def serve() -> None:
        with scope:
            async with open_dev_server(**options) as server, trio.open_nursery() as nursery:
                started.put(ServerThread(server, nursery))
                await trio.sleep_forever()

    def run() -> None:
        try:
            trio.run(serve)
        except BaseException as error:
            started.put(error)
            raise

    thread = threading.Thread(target=run, name="embedded server")
    thread.start()
    server = started.get(timeout=_DEADLINE)
    if isinstance(server, BaseException):
        raise server
    try:
        yield server
    finally:
        trio.from_thread.run_sync(scope.cancel, trio_token=server._trio_token)
        thread.join(_DEADLINE)
        assert not thread.is_alive()

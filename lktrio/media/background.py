"""A file that is written in a thread, so that a slow disk does not hold up the program.

Theory of operation: bytes are put into a buffer at once. A thread takes what is there, all of it,
and writes until nothing is left; the next bytes start another one. So nobody waits for a disk
unless more waits to be written than `MAX_WAITING`. The last job of a file, which closes it, is done
by the thread as well: a file is ended properly even if nobody waits for that any longer.

The first error stops the writing; it is raised by whatever is called next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import IO, Any

import trio

__all__ = ["MAX_WAITING", "BackgroundFile"]

MAX_WAITING = 8 * 1024 * 1024
"""Bytes that may wait to be written, some seconds of what a recorder receives."""


class BackgroundFile:
    """Writes bytes to a file in their order, in a thread.

    Args:
        file: What is written to; nobody else may use it meanwhile.

    Attributes:
        error: The first thing that went wrong, None so far.
        ended: Whether the last job was done.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.error: Exception | None = None
        self.ended = False
        self._file = file
        self._lock = threading.Lock()
        self._buffer = bytearray()
        self._writing = 0  # bytes in the hands of the thread
        self._last: Callable[[], None] | None = None
        self._running = False
        self._changed = trio.Event()
        self._token = trio.lowlevel.current_trio_token()

    @property
    def waiting(self) -> int:
        """Bytes that are not written yet."""
        with self._lock:
            return len(self._buffer) + self._writing

    def put(self, data: bytes) -> None:
        """Have bytes written. Never waits; after an error they are dropped."""
        with self._lock:
            self._buffer += data
            self._start()

    def finish(self, last: Callable[[], None]) -> None:
        """Have a last job done, when everything is written or could not be."""
        with self._lock:
            self._last = last
            self._start()

    async def wait_room(self) -> None:
        """Wait while more than `MAX_WAITING` bytes are to be written."""
        while self.waiting > MAX_WAITING:
            await self._changed.wait()
        await trio.lowlevel.cancel_shielded_checkpoint()

    async def wait_ended(self) -> None:
        """Wait until the last job was done."""
        while not self.ended:
            await self._changed.wait()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def _start(self) -> None:
        if not self._running:
            self._running = True
            trio.lowlevel.start_thread_soon(self._work, _ignore)

    # In the thread

    def _work(self) -> None:
        while job := self._next_job():
            try:
                job()
            except Exception as error:  # noqa: BLE001 - raised by whatever is called next
                self.error = self.error or error
            self._done()

    def _next_job(self) -> Callable[[], None] | None:
        with self._lock:
            if data := bytes(self._buffer):
                self._buffer.clear()
                self._writing = len(data)
                return lambda: self._write(data)
            if (last := self._last) is not None:
                self._last = None
                return lambda: self._end(last)
            self._running = False
            return None

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view and self.error is None:
            written: int | None = self._file.write(view)
            view = view[written or 0 :]

    def _end(self, last: Callable[[], None]) -> None:
        try:
            last()
        finally:
            self.ended = True

    def _done(self) -> None:
        with self._lock:
            self._writing = 0
        try:
            self._token.run_sync_soon(self._notify)
        except trio.RunFinishedError:
            return  # nobody waits any more

    # In trio's thread again

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def _ignore(outcome: Any) -> None:
    """What a thread found is kept where it was found."""

"""Running a program in virtual time.

trio's ``MockClock`` jumps to the next deadline whenever every task waits. It takes a task that
waits for a thread for one that waits for time, though, and jumps far ahead while a file is read.
Here the clock stands still as long as threads work that trio has started.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import trio
import trio.testing

__all__ = ["run_in_virtual_time"]

T = TypeVar("T")


class _ThreadsHoldTheClock:
    """trio's cache of threads, which stops a clock while one of them works.

    A thread counts as at work until trio has taken its result, not only until it has one: in
    between the clock would jump.
    """

    def __init__(self, cache: Any, clock: trio.testing.MockClock) -> None:
        self._cache = cache
        self._clock = clock
        self._working = 0

    def start_thread_soon(
        self, fn: Callable[[], Any], deliver: Callable[[Any], object], name: str | None = None
    ) -> None:
        if trio.lowlevel.current_clock() is not self._clock:  # another run, in another thread
            self._cache.start_thread_soon(fn, deliver, name)
            return
        token = trio.lowlevel.current_trio_token()
        self._count(1)

        def deliver_and_count(result: Any) -> None:
            deliver(result)
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(self._count, -1)

        self._cache.start_thread_soon(fn, deliver_and_count, name)

    def _count(self, change: int) -> None:
        self._working += change
        self._clock.autojump_threshold = math.inf if self._working else 0


@contextmanager
def _watched_threads(clock: trio.testing.MockClock) -> Generator[None]:
    module: Any = importlib.import_module("trio._core._thread_cache")  # has no public door
    cache = module.THREAD_CACHE
    module.THREAD_CACHE = _ThreadsHoldTheClock(cache, clock)
    try:
        yield
    finally:
        module.THREAD_CACHE = cache


def run_in_virtual_time(
    async_fn: Callable[..., Awaitable[T]],
    *args: object,
    clock: trio.testing.MockClock | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
) -> T:
    """Call ``trio.run`` with a clock that jumps to the next deadline whenever every task waits.

    It does not jump while a thread works that trio has started, as for reading and writing files;
    other processes and sockets of the machine are not waited for. With pytest-trio,
    ``@pytest.mark.trio(run=run_in_virtual_time)`` lets one test run so.

    Args:
        async_fn: What to run.
        *args: Its arguments.
        clock: The clock; None makes one that begins at zero.
        instruments: For trio.
    """
    clock = clock or trio.testing.MockClock()
    clock.autojump_threshold = 0
    with _watched_threads(clock):
        return trio.run(async_fn, *args, clock=clock, instruments=instruments)

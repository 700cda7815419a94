"""In virtual time nothing waits, and nothing is missed while a thread works."""

from __future__ import annotations

import threading
import time

import trio

from lktrio.testing import run_in_virtual_time


def test_an_hour_takes_no_time() -> None:
    async def sleep() -> float:
        await trio.sleep(3600)
        return trio.current_time()

    started = time.monotonic()
    assert run_in_virtual_time(sleep) == 3600
    assert time.monotonic() - started < 10


def test_the_clock_stands_still_while_a_thread_works() -> None:
    may_end = threading.Event()
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            await trio.sleep(1)
            ticks.append(trio.current_time())
            may_end.set()

    async def main() -> float:
        async with trio.open_nursery() as nursery:
            with trio.fail_after(5):
                for _ in range(3):
                    await trio.to_thread.run_sync(may_end.wait, 0.05)
            before = trio.current_time()
            assert before == 0
            nursery.start_soon(tick)
            await trio.sleep(3.5)
            assert await trio.to_thread.run_sync(may_end.wait)
            nursery.cancel_scope.cancel()
        return trio.current_time()

    assert run_in_virtual_time(main) == 3.5
    assert ticks == [1, 2, 3]

"""Tasks that hold the event loop are named."""

from __future__ import annotations

import gc
import time

import pytest
import trio

from lktrio.testing import detect_stalls


async def _block(seconds: float) -> None:
    await trio.lowlevel.checkpoint()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    await trio.lowlevel.checkpoint()


async def _run_slowly() -> None:
    with detect_stalls(limit=0.05):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_block, 0.08, name="the slow one")


async def test_a_task_that_holds_the_loop_is_named() -> None:
    with pytest.raises(AssertionError, match=r"the slow one held the event loop for \d\d+ ms"):
        await _run_slowly()


async def test_tasks_that_wait_hold_nothing() -> None:
    with detect_stalls(limit=5) as detector:
        await trio.sleep(0.01)
        await _block(0.001)
    assert not detector.stalls


class _Cycle:
    """What only the collector can free, which takes it a while."""

    def __init__(self) -> None:
        self.myself = self

    def __del__(self) -> None:
        end = time.perf_counter() + 0.3
        while time.perf_counter() < end:
            pass


async def test_garbage_collection_is_no_stall() -> None:
    with detect_stalls(limit=0.25) as detector:
        await trio.lowlevel.checkpoint()
        _Cycle()
        gc.collect()
        await trio.lowlevel.checkpoint()
    assert not detector.stalls


async def _fail_slowly() -> None:
    with detect_stalls(limit=0):
        await trio.lowlevel.checkpoint()
        raise KeyError


async def test_the_error_of_the_block_is_not_hidden() -> None:
    with pytest.raises(KeyError):
        await _fail_slowly()

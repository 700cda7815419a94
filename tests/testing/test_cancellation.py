"""The sweep over all checkpoints finds what it is there to find."""

from __future__ import annotations

import socket

import pytest
import trio

from lktrio.testing.cancellation import cancel_at_every_checkpoint


async def test_every_checkpoint_is_visited_once() -> None:
    reached: list[int] = []

    async def operation() -> None:
        reached.append(0)
        for _ in range(3):
            await trio.lowlevel.checkpoint()
            reached[-1] += 1

    assert await cancel_at_every_checkpoint(operation) == 3
    assert reached == [0, 1, 2, 3]


async def test_parts_make_a_whole() -> None:
    reached: list[int] = []

    async def operation() -> None:
        reached.append(0)
        for _ in range(7):
            await trio.lowlevel.checkpoint()
            reached[-1] += 1

    for part in range(1, 4):
        assert await cancel_at_every_checkpoint(operation, part=(part, 3)) == 7, part
    assert reached == [0, 3, 6, 7, 1, 4, 7, 2, 5, 7]
    for part, parts in ((0, 1), (2, 1), (0, 0)):
        with pytest.raises(ValueError, match="there is no part"):
            await cancel_at_every_checkpoint(operation, part=(part, parts))


async def test_the_steps_of_children_count_too() -> None:
    async def child() -> None:
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()

    async def operation() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)

    assert await cancel_at_every_checkpoint(operation) >= 3


async def test_other_tasks_do_not_count() -> None:
    async def other() -> None:
        while True:
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        assert await cancel_at_every_checkpoint(trio.lowlevel.checkpoint) == 1
        nursery.cancel_scope.cancel()


async def test_an_operation_may_finish_although_cancelled() -> None:
    async def operation() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(0)

    assert await cancel_at_every_checkpoint(operation) >= 1


async def test_a_task_that_stays_is_found() -> None:
    async with trio.open_nursery() as nursery:

        async def operation() -> None:
            nursery.start_soon(trio.sleep_forever)
            await trio.lowlevel.checkpoint()

        with pytest.raises(AssertionError, match="checkpoint 1, it left 1 tasks and 0 sockets"):
            await cancel_at_every_checkpoint(operation, settle=0.01)
        nursery.cancel_scope.cancel()


async def test_a_socket_that_stays_is_found() -> None:
    kept: list[socket.socket] = []

    async def operation() -> None:
        one = socket.socket()
        try:
            await trio.lowlevel.checkpoint()
            one.close()
        except trio.Cancelled:
            kept.append(one)
            raise

    with pytest.raises(AssertionError, match="left 0 tasks and 1 sockets"):
        await cancel_at_every_checkpoint(operation, settle=0.01)
    kept[0].close()


async def test_an_exception_in_place_of_cancellation_is_found() -> None:
    async def operation() -> None:
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled:
            raise KeyError("oops") from None

    with pytest.raises(AssertionError, match="checkpoint 1, it raised KeyError"):
        await cancel_at_every_checkpoint(operation)
    assert await cancel_at_every_checkpoint(operation, raises=(KeyError,)) == 1


async def test_an_operation_that_holds_on_is_found() -> None:
    async def operation() -> None:
        try:
            await trio.lowlevel.checkpoint()
        finally:
            with trio.CancelScope(shield=True):
                await trio.sleep(0.05)

    with pytest.raises(AssertionError, match=r"it took 0\.\d s"):
        await cancel_at_every_checkpoint(operation, patience=0.02)


async def test_a_coroutine_that_was_not_awaited_is_found() -> None:
    async def operation() -> None:
        forgotten = trio.sleep(0)
        await trio.lowlevel.checkpoint()
        await forgotten

    with pytest.raises(AssertionError, match="never awaited"):
        await cancel_at_every_checkpoint(operation)


async def test_an_operation_without_end_is_given_up() -> None:
    async def operation() -> None:
        while True:
            await trio.lowlevel.checkpoint()

    with pytest.raises(AssertionError, match="in 20 runs"):
        await cancel_at_every_checkpoint(operation, limit=20)


async def test_a_check_of_the_caller_is_made_after_each_run() -> None:
    checked = 0

    async def check() -> None:
        nonlocal checked
        checked += 1

    cancelled = await cancel_at_every_checkpoint(trio.lowlevel.checkpoint, after_each=check)
    assert checked == cancelled + 1

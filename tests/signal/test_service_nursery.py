"""Background tasks that outlive the cancelled body, and the exceptions that come out."""

from __future__ import annotations

import pytest
import trio

from lktrio._scope import open_service_nursery
from lktrio.testing.cancellation import cancel_at_every_checkpoint


async def fail(error: Exception) -> None:
    raise error


async def test_tasks_are_cancelled_when_the_body_ends() -> None:
    ended = False

    async def task() -> None:
        nonlocal ended
        try:
            await trio.sleep_forever()
        finally:
            ended = True

    async with open_service_nursery() as nursery:
        nursery.start_soon(task)
        await trio.sleep(0)
    assert ended


async def test_tasks_live_on_while_a_cancelled_body_cleans_up() -> None:
    send, receive = trio.open_memory_channel[str](0)
    received: list[str] = []

    async def task() -> None:
        received.append(await receive.receive())

    with trio.CancelScope() as scope:
        async with open_service_nursery() as nursery:
            nursery.start_soon(task)
            scope.cancel()
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await send.send("goodbye")
    assert received == ["goodbye"]
    assert scope.cancelled_caught


async def test_the_exception_of_the_body_comes_out_bare() -> None:
    raised = KeyError("body")

    async def run() -> None:
        async with open_service_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise raised

    with pytest.raises(KeyError) as caught:
        await run()
    assert caught.value is raised


async def test_the_failure_of_a_task_cancels_the_body_and_comes_out_bare() -> None:
    raised = KeyError("task")

    async def run() -> None:
        async with open_service_nursery() as nursery:
            nursery.start_soon(fail, raised)
            await trio.sleep_forever()

    with pytest.raises(KeyError) as caught:
        await run()
    assert caught.value is raised


async def test_the_body_wins_and_tells_of_the_failure_in_a_note() -> None:
    async def run() -> None:
        async with open_service_nursery() as nursery:
            nursery.start_soon(fail, ValueError("task"))
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("body")

    with pytest.raises(KeyError) as caught:
        await run()
    assert caught.value.__notes__ == ["a background task failed as well: ValueError('task')"]


async def test_several_failures_come_out_as_a_group() -> None:
    async def stubborn() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("second")

    async def run() -> None:
        async with open_service_nursery() as nursery:
            nursery.start_soon(stubborn)
            nursery.start_soon(fail, KeyError("first"))
            await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as caught:
        await run()
    assert caught.group_contains(KeyError)
    assert caught.group_contains(ValueError)


async def test_a_group_of_the_body_stays_a_group() -> None:
    async def run() -> None:
        async with open_service_nursery(), trio.open_nursery() as nursery:
            nursery.start_soon(fail, KeyError("body"))
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        await run()
    assert caught.group_contains(KeyError)


async def test_cancelled_anywhere_it_leaves_nothing() -> None:
    async def operation() -> None:
        async with open_service_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            await trio.sleep(0)
            async with trio.open_nursery() as inner:
                inner.start_soon(trio.sleep, 0)

    assert await cancel_at_every_checkpoint(operation) > 3

"""Every subscriber gets every event it asked for, at its own pace, and stalls nobody."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lktrio.errors import SlowConsumer
from lktrio.room.broadcast import QUEUE_LIMIT, Broadcast


async def test_every_subscriber_gets_every_event_in_order() -> None:
    source: Broadcast[int] = Broadcast()
    first, second = source.subscribe(), source.subscribe()
    for number in range(3):
        source.publish(number)
    source.end()
    assert [event async for event in first] == [0, 1, 2]
    assert [event async for event in second] == [0, 1, 2]


async def test_a_subscription_to_types_gets_only_those() -> None:
    source: Broadcast[object] = Broadcast()
    texts = source.subscribe(str, bytes)
    for event in (1, "a", 2.0, b"b"):
        source.publish(event)
    source.end()
    assert [event async for event in texts] == ["a", b"b"]


async def test_events_before_the_subscription_are_not_delivered() -> None:
    source: Broadcast[int] = Broadcast()
    source.publish(1)
    late = source.subscribe()
    source.publish(2)
    source.end()
    assert [event async for event in late] == [2]


async def test_a_slow_subscriber_is_ended_alone_after_what_it_has_queued() -> None:
    source: Broadcast[int] = Broadcast()
    slow, quick = source.subscribe(), source.subscribe()
    for number in range(QUEUE_LIMIT + 1):
        source.publish(number)
        assert await quick.receive() == number
    for number in range(QUEUE_LIMIT):
        assert await slow.receive() == number
    with pytest.raises(SlowConsumer, match="1024"):
        await slow.receive()
    source.publish(-1)
    assert await quick.receive() == -1


async def test_a_cancelled_receive_loses_no_event() -> None:
    source: Broadcast[int] = Broadcast()
    subscription = source.subscribe()
    with trio.CancelScope() as scope:
        scope.cancel()
        source.publish(1)
        await subscription.receive()
    assert scope.cancelled_caught
    assert await subscription.receive() == 1


async def test_a_waiting_receiver_is_woken_by_an_event_and_by_the_end() -> None:
    source: Broadcast[int] = Broadcast()
    subscription = source.subscribe()
    received: list[int] = []

    async def collect() -> None:
        async for event in subscription:
            received.append(event)  # noqa: PERF401 - what was received so far is looked at

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect)
            await trio.testing.wait_all_tasks_blocked()
            source.publish(1)
            await trio.testing.wait_all_tasks_blocked()
            assert received == [1]
            source.end()


async def test_closing_drops_what_is_queued_and_wakes_a_waiting_receiver() -> None:
    source: Broadcast[int] = Broadcast()
    subscription = source.subscribe()

    async def wait() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await subscription.receive()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            await subscription.aclose()
            await subscription.aclose()
    source.publish(1)
    with pytest.raises(trio.ClosedResourceError):
        await subscription.receive()


async def test_subscribing_after_the_end_ends_at_once() -> None:
    source: Broadcast[int] = Broadcast()
    source.end()
    assert [event async for event in source.subscribe()] == []

"""Every subscriber gets every event it asked for, at its own pace, and stalls nobody."""

from __future__ import annotations

import gc
import logging
import weakref
from typing import Any

import pytest
import trio
import trio.testing

from lktrio.errors import SlowConsumer
from lktrio.room.channels.events import DATA_LIMIT, QUEUE_LIMIT, Broadcast, Subscription
from tests.room.channels.events import (
    RULES,
    Came,
    Changed,
    Gone,
    Joined,
    Left,
    Opened,
    Packet,
    Shut,
    Told,
)


async def drain(subscription: Subscription[Any], count: int) -> list[Any]:
    return [await subscription.receive() for _ in range(count)]


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
    texts, more = source.subscribe(str, bytes), source.subscribe(object)
    for event in (1, "a", 2.0, b"b"):
        source.publish(event)
    late = source.subscribe(int)
    source.publish(3)
    source.end()
    assert [event async for event in texts] == ["a", b"b"]
    assert [event async for event in more] == [1, "a", 2.0, b"b", 3]
    assert [event async for event in late] == [3]


async def test_what_is_no_type_is_refused_at_once_and_a_union_is_one() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    wrongs: tuple[Any, ...] = ("Came", Came("a"), None, (Came, Left))
    for wrong in wrongs:
        with pytest.raises(TypeError, match="by their types"):
            source.subscribe(Told, wrong)
        with pytest.raises(TypeError, match="by their types"):
            await source.wait_for(wrong)
    either: Any = Came | Left
    subscription = source.subscribe(either)
    for event in (Came("a"), Told(1), Left("a")):
        source.publish(event)
    source.end()
    assert [event async for event in subscription] == [Came("a"), Left("a")]


async def test_a_subscription_begins_with_what_is_there_then_come_news() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    source.publish(Came("a"))
    there = [Came("a"), Opened("a", "x")]
    everything = source.subscribe(replay=there)
    some = source.subscribe(Opened, replay=iter(there))
    news = source.subscribe()
    there.clear()
    source.publish(Left("a"))
    source.end()
    assert [event async for event in everything] == [Came("a"), Opened("a", "x"), Left("a")]
    assert [event async for event in some] == [Opened("a", "x")]
    assert [event async for event in news] == [Left("a")]


async def test_what_is_there_does_not_count_against_the_limit() -> None:
    source: Broadcast[int] = Broadcast()
    subscription = source.subscribe(replay=range(2000))
    for number in range(QUEUE_LIMIT):
        source.publish(2000 + number)
    assert await drain(subscription, 2000) == list(range(2000))
    source.publish(-1)
    assert await drain(subscription, QUEUE_LIMIT) == list(range(2000, 2000 + QUEUE_LIMIT))
    with pytest.raises(SlowConsumer):
        await subscription.receive()


async def test_a_slow_subscriber_is_ended_alone_after_what_it_has_queued() -> None:
    source: Broadcast[int] = Broadcast()
    slow, quick = source.subscribe(), source.subscribe()
    for number in range(QUEUE_LIMIT + 1):
        source.publish(number)
        assert await quick.receive() == number
    assert await drain(slow, QUEUE_LIMIT) == list(range(QUEUE_LIMIT))
    with pytest.raises(SlowConsumer, match="1024"):
        await slow.receive()
    source.publish(-1)
    assert await quick.receive() == -1


async def test_no_flood_of_events_with_rules_ends_a_subscription() -> None:
    def churn(number: int) -> list[Any]:
        who, what = f"guest {number}", f"thing {number}"
        return [Came(who), Opened(who, what), Changed(who, 1), Shut(who, what), Left(who)]

    floods: dict[str, Any] = {
        "changes of one": lambda number: [Changed("a", number)],
        "guests": churn,
        "things": lambda number: [Opened("a", str(number)), Shut("a", str(number))],
    }
    kinds = (Came, Left, Opened, Shut, Changed)
    for name, flood in floods.items():
        for types in ((), *((kind,) for kind in kinds), kinds):
            source: Broadcast[Any] = Broadcast(RULES)
            subscription = source.subscribe(*types)
            for number in range(2 * QUEUE_LIMIT + 1):
                for event in flood(number):
                    source.publish(event)
            source.end()
            left = [event async for event in subscription]
            assert len(left) <= 2 * QUEUE_LIMIT, (name, types)
            assert {type(event) for event in left} <= set(types or kinds), (name, types)


async def test_what_is_left_ends_a_slow_subscription_if_it_counts() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    slow = source.subscribe()
    for number in range(QUEUE_LIMIT - 1):
        source.publish(Joined(str(number)))
    for number in range(50):  # those who come and go need no room
        source.publish(Joined(f"guest {number}"))
        source.publish(Gone(f"guest {number}"))
    for name in ("last", "one too many"):
        source.publish(Joined(name))
    left = await drain(slow, QUEUE_LIMIT)
    assert [event.who for event in left] == [*map(str, range(QUEUE_LIMIT - 1)), "last"]
    with pytest.raises(SlowConsumer, match="1024"):
        await slow.receive()


async def test_events_are_not_put_together_while_few_wait() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    subscription = source.subscribe()
    events = [Came("a"), *(Changed("a", number) for number in range(1000)), Left("a")]
    for event in events:
        source.publish(event)
    source.end()
    assert [event async for event in subscription] == events


async def test_all_that_is_there_is_told_however_much_it_is() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    subscription = source.subscribe()
    events = [Came(str(number)) for number in range(3 * QUEUE_LIMIT)]
    for event in events:
        source.publish(event)
    source.end()
    assert [event async for event in subscription] == events


async def test_a_burst_of_small_data_fits_and_keeps_its_place_among_other_events() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    subscription = source.subscribe()
    events: list[Any] = []
    for number in range(10_000):
        events.append(Packet(b"%d" % number))
        if number % 100 == 0:
            events.append(Told(number))
    for event in events:
        source.publish(event)
    source.end()
    assert [event async for event in subscription] == events
    assert subscription.dropped == 0


async def test_data_that_does_not_fit_is_dropped_counted_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    slow, quick = source.subscribe(), source.subscribe()
    packets = [Packet(bytes([number]) * 60_000) for number in range(100)]
    with caplog.at_level(logging.WARNING, "lktrio"):
        for packet in packets:
            source.publish(packet)
            assert await quick.receive() == packet
        source.publish(Told(1))
    fitting = DATA_LIMIT // 60_256
    assert slow.dropped == 100 - fitting
    assert quick.dropped == 0
    assert await drain(slow, fitting + 1) == [*packets[:fitting], Told(1)]
    assert len(caplog.records) == 1
    source.publish(packets[0])
    assert await slow.receive() == packets[0]


async def test_tiny_data_is_bounded_too() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    subscription = source.subscribe()
    for _ in range(20_000):
        source.publish(Packet(b""))
    source.end()
    left = [event async for event in subscription]
    assert 10_000 < len(left) < 20_000
    assert subscription.dropped == 20_000 - len(left)


async def test_data_waits_for_the_first_who_asks_for_it() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    others = source.subscribe(Came, Told, replay=())
    source.publish(Packet(b"1"))
    source.publish(Packet(b"2"))
    news = source.subscribe(Packet)
    source.publish(Packet(b"3"))
    first = source.subscribe(Packet, replay=[Came("a")])
    second = source.subscribe(replay=[Came("a")])
    source.publish(Packet(b"4"))
    source.end()
    assert [event async for event in others] == []
    assert [event.data async for event in news] == [b"3", b"4"]
    assert [event.data async for event in first] == [b"1", b"2", b"4"]
    assert [event async for event in second] == [Came("a"), Packet(b"4")]


async def test_data_comes_after_what_is_there() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    source.publish(Packet(b"1"))
    subscription = source.subscribe(replay=[Came("a")])
    assert await drain(subscription, 2) == [Came("a"), Packet(b"1")]


async def test_data_that_waits_is_bounded_and_kept_no_longer_once_somebody_asked() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    for _ in range(100):
        source.publish(Packet(bytes(60_000)))
    fitting = DATA_LIMIT // 60_256
    assert source.waiting_dropped == 100 - fitting
    first = source.subscribe(replay=())
    source.publish(Told(1))
    assert len([await first.receive() for _ in range(fitting)]) == fitting
    assert await first.receive() == Told(1)
    first.close()
    source.publish(Packet(b"gone"))
    source.end()
    assert [event async for event in source.subscribe(replay=())] == []


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


async def test_a_subscription_closes_at_the_end_of_a_block() -> None:
    source: Broadcast[int] = Broadcast()
    with source.subscribe() as first:
        source.publish(1)
        assert await first.receive() == 1
    async with source.subscribe() as second:
        pass
    for subscription in (first, second):
        with pytest.raises(trio.ClosedResourceError):
            await subscription.receive()


async def test_a_subscription_that_nobody_refers_to_is_gone() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    subscriptions = [source.subscribe() for _ in range(1000)]
    source.publish(event := Told(1))
    gone = [weakref.ref(one) for one in subscriptions]
    before = len(gc.get_referrers(event))
    subscriptions.clear()
    gc.collect()
    assert all(one() is None for one in gone)
    assert len(gc.get_referrers(event)) <= before - 1000
    for _ in range(20):
        source.subscribe(Came)  # nor do those add up of whose types nothing comes
    source.publish(Told(2))
    source.end()


async def test_a_task_that_waits_keeps_its_subscription() -> None:
    source: Broadcast[int] = Broadcast()
    received: list[int] = []

    async def wait() -> None:
        received.append(await source.subscribe().receive())

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            gc.collect()
            source.publish(7)
    assert received == [7]


async def test_subscribing_after_the_end_ends_at_once() -> None:
    source: Broadcast[int] = Broadcast()
    source.end()
    assert [event async for event in source.subscribe()] == []
    assert [event async for event in source.subscribe(replay=[1])] == [1]


async def test_waiting_for_an_event() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    found = await source.wait_for(Came, replay=[Came("a"), Came("b")])
    assert found.who == "a"
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_publish_later, source, Told(1), Came("a"), Came("b"))
            found = await source.wait_for(
                Came, lambda event: event.who == "b", replay=[Came("other")]
            )
    assert found == Came("b")
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_publish_later, source, Came("c"))
            assert await source.wait_for(Came) == Came("c")
    source.end()
    with pytest.raises(trio.EndOfChannel):
        await source.wait_for(Came)


async def test_waiting_for_data_takes_one_and_leaves_the_rest() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    for data in (b"1", b"2", b"3"):
        source.publish(Packet(data))
    found = await source.wait_for(Packet, lambda event: event.data == b"2", replay=())
    assert found.data == b"2"
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_publish_later, source, Packet(b"4"), Packet(b"5"))
            found = await source.wait_for(Packet, lambda event: event.data == b"5", replay=())
    source.end()
    assert [event.data async for event in source.subscribe(replay=())] == [b"1", b"3", b"4"]


async def test_a_predicate_that_raises_is_the_callers_own_business() -> None:
    source: Broadcast[Any] = Broadcast(RULES)
    with pytest.raises(ZeroDivisionError):
        await source.wait_for(Told, lambda event: 1 / event.number, replay=[Told(0)])
    source.publish(Told(1))


async def _publish_later(source: Broadcast[Any], *events: Any) -> None:
    await trio.testing.wait_all_tasks_blocked()
    for event in events:
        source.publish(event)

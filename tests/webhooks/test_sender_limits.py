"""A receiver that is slow or down costs the sender bounded memory and time, and no exception."""

from __future__ import annotations

import httpx
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from lktrio.webhooks import Delivery, Outcome
from tests.webhooks.endpoint import Deliveries, Endpoint, event, hang, in_turn, sender_to


async def test_a_full_queue_drops_what_comes_and_keeps_what_is_there(
    autojump_clock: MockClock,
) -> None:
    deliveries = Deliveries()
    go_on = trio.Event()

    async def answer(_: int) -> httpx.Response:
        await go_on.wait()
        return httpx.Response(200)

    endpoint = Endpoint(answer)
    async with sender_to(endpoint, depth=3, on_delivery=deliveries.append) as sender:
        assert [sender.send(event(number)) for number in range(5)] == [True] * 3 + [False] * 2
        assert sender.queued == 3
        assert sender.send(event(1, "other"))
        go_on.set()
        await sender.flush()
    assert sorted(endpoint.ids) == ["demo-0", "demo-1", "demo-2", "other-1"]
    overflowed = [delivery for delivery in deliveries if delivery.outcome is Outcome.OVERFLOWED]
    assert [(one.id, one.attempts, one.status) for one in overflowed] == [
        ("demo-3", 0, None),
        ("demo-4", 0, None),
    ]


async def test_there_is_a_limit_over_all_resources(autojump_clock: MockClock) -> None:
    endpoint = Endpoint(hang)
    async with sender_to(endpoint, total=5, linger=0) as sender:
        taken = [sender.send(event(1, f"room {number}")) for number in range(8)]
    assert taken == [True] * 5 + [False] * 3
    assert sender.counts == {Outcome.OVERFLOWED: 3, Outcome.ABANDONED: 5}
    assert sender.queued == 0


async def test_a_limit_counts_what_waits_and_not_what_was(
    autojump_clock: MockClock,
) -> None:
    async with sender_to(Endpoint(in_turn(200)), total=2) as sender:
        for _ in range(5):
            assert sender.send(event(1))
            assert sender.send(event(2))
            await sender.flush()
            assert sender.queued == 0


async def test_an_event_that_waited_too_long_is_dropped(
    autojump_clock: MockClock,
) -> None:
    deliveries = Deliveries()

    async def answer(number: int) -> httpx.Response:
        await trio.sleep(5 if number == 1 else 0.1)
        return httpx.Response(200)

    endpoint = Endpoint(answer)
    async with sender_to(endpoint, max_age=4, on_delivery=deliveries.append) as sender:
        sender.send(event(1))
        sender.send(event(2))
        await trio.sleep(2)
        sender.send(event(3))
        await sender.flush()
    assert deliveries.outcomes == [
        ("demo-1", Outcome.DELIVERED),
        ("demo-2", Outcome.TOO_OLD),
        ("demo-3", Outcome.DELIVERED),
    ]
    assert [delivery.waited for delivery in deliveries] == pytest.approx([0, 5, 3.1], abs=0.11)


async def test_the_next_event_tells_how_many_were_dropped(
    autojump_clock: MockClock,
) -> None:
    endpoint = Endpoint(in_turn(200, 400, 200))
    async with sender_to(endpoint, depth=2) as sender:
        for number in range(5):
            sender.send(event(number))
        await sender.flush()
        sender.send(event(5))
        await sender.flush()
        sender.send(event(6))
        await sender.flush()
    told = [one.get("numDropped", 0) for one in endpoint.events]
    assert endpoint.ids == ["demo-0", "demo-1", "demo-5", "demo-6"]
    assert told == [3, 0, 1, 0]


async def test_an_event_that_fails_hands_on_what_it_was_to_tell(
    autojump_clock: MockClock,
) -> None:
    endpoint = Endpoint(in_turn(400, 400, 200))
    async with sender_to(endpoint) as sender:
        for number in range(3):
            sender.send(event(number))
        await sender.flush()
    assert [one.get("numDropped", 0) for one in endpoint.events] == [0, 1, 2]


async def test_a_hook_that_fails_is_logged_and_nothing_else(
    caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    def fail(_: Delivery) -> None:
        raise KeyError("a bug of the hook")

    endpoint = Endpoint(in_turn(200))
    async with sender_to(endpoint, on_delivery=fail) as sender:
        sender.send(event(1))
        sender.send(event(2))
        await sender.flush()
    assert sender.counts == {Outcome.DELIVERED: 2}
    assert len(caplog.records) == 2
    assert "a bug of the hook" in caplog.text


async def test_nothing_is_kept_of_resources_that_are_done(
    autojump_clock: MockClock,
) -> None:
    async with sender_to(Endpoint(in_turn(200))) as sender:
        for number in range(100):
            sender.send(event(1, f"room {number}"))
        await sender.flush()
        await trio.testing.wait_all_tasks_blocked()
        tasks = trio.lowlevel.current_statistics().tasks_living
        for number in range(100):
            sender.send(event(1, f"room {number}"))
        await sender.flush()
        await trio.testing.wait_all_tasks_blocked()
        assert trio.lowlevel.current_statistics().tasks_living == tasks

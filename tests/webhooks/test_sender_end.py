"""However the sender's block is left, it delivers what it can in time, and leaves nothing."""

from __future__ import annotations

import httpx
import pytest
import trio
import trio.testing

from lktrio.testing.cancellation import cancel_at_every_checkpoint
from lktrio.webhooks import Outcome, WebhookReceiver, WebhookSender, asgi_app
from tests.support.cases import each_case
from tests.webhooks.endpoint import Deliveries, Endpoint, event, hang, in_turn, sender_to
from tests.webhooks.http_server import serve
from tests.webhooks.requests import KEY, KEYS, SECRET


async def test_what_is_queued_is_delivered_when_the_block_is_left() -> None:
    endpoint = Endpoint(in_turn(200))
    async with sender_to(endpoint) as sender:
        for number in range(10):
            sender.send(event(number))
    assert len(endpoint.requests) == 10


async def test_events_of_the_cleanup_are_delivered_even_if_all_is_cancelled() -> None:
    endpoint = Endpoint(in_turn(200))
    with trio.CancelScope() as scope:
        async with sender_to(endpoint) as sender:
            try:
                scope.cancel()
                await trio.sleep_forever()
            finally:
                sender.send(event(1, name="room_finished"))
    assert scope.cancelled_caught
    assert endpoint.ids == ["demo-1"]


async def test_events_are_delivered_when_the_block_fails() -> None:
    endpoint = Endpoint(in_turn(200))

    async def fail() -> None:
        async with sender_to(endpoint) as sender:
            sender.send(event(1))
            raise KeyError("body")

    with pytest.raises(KeyError):
        await fail()
    assert endpoint.ids == ["demo-1"]


@each_case("cancelled", [False, True])
async def test_the_end_takes_no_longer_than_it_may(
    cancelled: bool, autojump_clock: trio.testing.MockClock
) -> None:
    deliveries = Deliveries()
    started = trio.current_time()
    with trio.CancelScope() as scope:
        async with sender_to(Endpoint(hang), on_delivery=deliveries.append) as sender:
            sender.send(event(1))
            sender.send(event(2))
            sender.send(event(1, "other"))
            if cancelled:
                scope.cancel()
    assert trio.current_time() - started == pytest.approx(2)
    assert sorted(deliveries.outcomes) == [
        ("demo-1", Outcome.ABANDONED),
        ("demo-2", Outcome.ABANDONED),
        ("other-1", Outcome.ABANDONED),
    ]
    assert sender.queued == 0


async def test_an_event_that_pauses_between_attempts_is_given_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    deliveries = Deliveries()
    async with sender_to(Endpoint(in_turn(500)), on_delivery=deliveries.append) as sender:
        sender.send(event(1))
    assert [(one.outcome, one.attempts, one.status) for one in deliveries] == [
        (Outcome.ABANDONED, 2, 500)
    ]


async def test_who_waits_for_the_queue_learns_of_the_end(
    autojump_clock: trio.testing.MockClock,
) -> None:
    flushed = trio.Event()

    async def flush() -> None:
        await sender.flush()
        flushed.set()

    async with trio.open_nursery() as nursery:
        async with sender_to(Endpoint(hang)) as sender:
            sender.send(event(1))
            nursery.start_soon(flush)
            await trio.testing.wait_all_tasks_blocked()
        with trio.fail_after(1):
            await flushed.wait()


async def test_a_cancelled_flush_loses_nothing(autojump_clock: trio.testing.MockClock) -> None:
    async def answer(_: int) -> httpx.Response:
        await trio.sleep(1)
        return httpx.Response(200)

    endpoint = Endpoint(answer)
    async with sender_to(endpoint) as sender:
        sender.send(event(1))
        sender.send(event(2))
        with trio.move_on_after(0.5) as scope:
            await sender.flush()
        assert scope.cancelled_caught
        await sender.flush()
    assert endpoint.ids == ["demo-1", "demo-2"]


async def test_a_bug_in_the_sender_comes_out_bare_and_ends_it() -> None:
    async def answer(_: int) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        raise ZeroDivisionError("no exception of httpx")

    sender = sender_to(Endpoint(answer))

    async def wait() -> None:
        async with sender:
            sender.send(event(1))
            try:
                await trio.sleep_forever()
            finally:
                with pytest.raises(trio.ClosedResourceError):
                    sender.send(event(2))

    with trio.fail_after(5), pytest.raises(ZeroDivisionError):
        await wait()
    assert sender.counts == {Outcome.ABANDONED: 1}


async def test_cancelled_anywhere_the_block_leaves_nothing() -> None:
    async def operation() -> None:
        endpoint = Endpoint(in_turn(500, 200))
        deliveries = Deliveries()
        try:
            async with sender_to(
                endpoint, backoff=0.0, linger=0.05, on_delivery=deliveries.append
            ) as sender:
                queued = [sender.send(event(number)) for number in range(3)]
                queued += [sender.send(event(1, "other"))]
                await sender.flush()
        finally:
            if "queued" in locals():
                assert len(deliveries) == 4  # each event has an end, whatever happens
                assert sender.queued == 0

    assert await cancel_at_every_checkpoint(operation) > 10


async def test_cancelled_anywhere_the_service_leaves_nothing() -> None:
    async def operation() -> None:
        sender = sender_to(Endpoint(in_turn(200)), linger=0.05)
        async with trio.open_nursery() as nursery:
            await nursery.start(sender.serve)
            sender.send(event(1))
            await sender.flush()
            nursery.cancel_scope.cancel()

    assert await cancel_at_every_checkpoint(operation) > 5


async def test_cancelled_anywhere_real_connections_are_closed() -> None:
    seen: set[str] = set()

    async def handler(one: object) -> None:
        await trio.lowlevel.checkpoint()
        seen.add(getattr(one, "id", ""))

    app = asgi_app(WebhookReceiver(KEYS), handler)
    async with serve(app, keep_alive=0.1) as url:

        async def operation() -> None:
            async with WebhookSender(url, KEY, SECRET) as sender:
                sender.send(event(1))
                sender.send(event(2))
                await sender.flush()

        assert await cancel_at_every_checkpoint(operation) > 10
    assert seen == {"demo-1", "demo-2"}

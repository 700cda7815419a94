"""What the sender tries again, when, and when it gives up; in virtual time."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock

from lktrio.webhooks import Delivery, Outcome, WebhookReceiver
from tests.support.cases import each_case
from tests.webhooks.endpoint import (
    URL,
    Deliveries,
    Endpoint,
    event,
    hang,
    in_turn,
    sender_to,
)
from tests.webhooks.requests import KEYS, SECRET


async def send_one(endpoint: Endpoint, **options: Any) -> Delivery:
    """Send an event and return what became of it."""
    deliveries = Deliveries()
    async with sender_to(endpoint, on_delivery=deliveries.append, **options) as sender:
        sender.send(event(1))
        await sender.flush()
        assert sender.queued == 0
    [delivery] = deliveries
    assert sender.counts == {delivery.outcome: 1}
    return delivery


@each_case("status", [200, 201, 202, 204, 299])
async def test_success_ends_the_matter(status: int, autojump_clock: MockClock) -> None:
    endpoint = Endpoint(in_turn(status))
    delivery = await send_one(endpoint)
    assert (delivery.outcome, delivery.attempts) == (Outcome.DELIVERED, 1)
    assert (delivery.status, delivery.problem) == (status, "")
    assert (delivery.event, delivery.id) == ("participant_joined", "demo-1")


@each_case("status", [301, 302, 307, 400, 401, 403, 404, 405, 410, 501])
async def test_an_answer_that_would_not_change_is_final(
    status: int, autojump_clock: MockClock
) -> None:
    endpoint = Endpoint(in_turn(status, Location="https://other.example/"))
    delivery = await send_one(endpoint)
    assert (delivery.outcome, delivery.attempts) == (Outcome.REJECTED, 1)
    assert delivery.status == status
    assert [request.url for request in endpoint.requests] == [URL]


@each_case("status", [429, 500, 502, 503, 504])
async def test_pauses_double_from_one_attempt_to_the_next(
    status: int, autojump_clock: MockClock
) -> None:
    endpoint = Endpoint(in_turn(status))
    delivery = await send_one(endpoint)
    assert (delivery.outcome, delivery.attempts) == (Outcome.FAILED, 5)
    assert delivery.status == status
    assert endpoint.pauses == [1, 2, 4, 8]
    assert delivery.took == pytest.approx(15)


async def test_pauses_have_a_limit(autojump_clock: MockClock) -> None:
    endpoint = Endpoint(in_turn(500))
    await send_one(endpoint, attempts=8, backoff=3, max_backoff=10)
    assert endpoint.pauses == [3, 6, 10, 10, 10, 10, 10]


@each_case(
    "asked, pause",
    [("7", 7), ("0", 1), ("86400", 30), ("9" * 400, 30), ("Fri, 31 Dec 1999", 1), ("-5", 1)],
)
async def test_the_receiver_may_ask_for_a_pause(
    asked: str, pause: float, autojump_clock: MockClock
) -> None:
    endpoint = Endpoint(in_turn(503, 200, Retry_After=asked))
    delivery = await send_one(endpoint)
    assert delivery.outcome is Outcome.DELIVERED
    assert endpoint.pauses == [pause]


async def test_an_attempt_that_works_ends_the_attempts(
    autojump_clock: MockClock,
) -> None:
    endpoint = Endpoint(in_turn(500, 429, 200))
    delivery = await send_one(endpoint)
    assert (delivery.outcome, delivery.attempts) == (Outcome.DELIVERED, 3)
    assert endpoint.pauses == [1, 2]


async def test_all_attempts_carry_the_same_event_with_tokens_of_their_own(
    autojump_clock: MockClock,
) -> None:
    endpoint = Endpoint(in_turn(500, 500, 200))
    await send_one(endpoint)
    assert len({request.content for request in endpoint.requests}) == 1
    receiver = WebhookReceiver(KEYS)
    for request in endpoint.requests:
        assert receiver.receive(request.content, request.headers["Authorization"]) == event(1)


@each_case(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("nonsense"),
        httpx.ConnectTimeout("too late"),
    ],
)
async def test_no_answer_is_a_reason_to_try_again(
    failure: httpx.HTTPError, autojump_clock: MockClock
) -> None:
    async def fail_once(number: int) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        if number == 1:
            raise failure
        return httpx.Response(200)

    endpoint = Endpoint(fail_once)
    delivery = await send_one(endpoint)
    assert (delivery.outcome, delivery.attempts) == (Outcome.DELIVERED, 2)
    assert endpoint.pauses == [1]


async def test_what_went_wrong_is_told(
    caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    async def fail(_: int) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        raise httpx.ConnectError("refused")

    delivery = await send_one(Endpoint(fail), attempts=2)
    assert (delivery.outcome, delivery.status) == (Outcome.FAILED, None)
    assert delivery.problem == "ConnectError: refused"
    told = [record for record in caplog.records if record.name == "lktrio.webhooks"]
    assert [record.levelno for record in told] == [logging.WARNING]
    assert "demo-1: failed ConnectError: refused" in told[0].getMessage()
    assert SECRET not in caplog.text


async def test_an_attempt_takes_no_longer_than_it_may(
    autojump_clock: MockClock,
) -> None:
    endpoint = Endpoint(hang)
    delivery = await send_one(endpoint, attempts=2, attempt_timeout=5)
    assert (delivery.outcome, delivery.status) == (Outcome.FAILED, None)
    assert delivery.problem == "no answer within 5.0 s"
    assert endpoint.pauses == [6]
    assert delivery.took == pytest.approx(11)


class Body(httpx.AsyncByteStream):
    """The body of an answer: chunks without end, or none that ever comes."""

    def __init__(self, chunk: bytes) -> None:
        self._chunk = chunk
        self.chunks = 0
        self.closed = False

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self._chunk:
            await trio.sleep_forever()
        self.chunks += 1
        return self._chunk

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()


@each_case("headers", [{}, {"Content-Length": "9" * 12}, {"Content-Length": "x"}])
async def test_an_endless_answer_is_not_read(
    headers: dict[str, str], autojump_clock: MockClock
) -> None:
    body = Body(bytes(1000))

    async def answer(_: int) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        return httpx.Response(200, headers=headers, stream=body)

    delivery = await send_one(Endpoint(answer))
    assert delivery.outcome is Outcome.DELIVERED
    assert not body.chunks
    assert body.closed


async def test_an_answer_counts_even_if_its_body_never_comes(
    autojump_clock: MockClock,
) -> None:
    body = Body(b"")

    async def answer(_: int) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        return httpx.Response(200, headers={"Content-Length": "5"}, stream=body)

    delivery = await send_one(Endpoint(answer))
    assert (delivery.outcome, delivery.problem) == (Outcome.DELIVERED, "")
    assert delivery.took == pytest.approx(10)
    assert body.closed

"""What the sender sends, and in which order."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

import httpx
import pytest
import trio
import trio.testing

from lktrio import proto
from lktrio.auth import verify_token
from lktrio.errors import LocalProtocolError
from lktrio.proto import WebhookEvent
from lktrio.webhooks import Outcome, SenderOptions, WebhookReceiver, WebhookSender, signed_headers
from tests.support.cases import each_case
from tests.webhooks.endpoint import URL, Deliveries, Endpoint, event, in_turn, sender_to
from tests.webhooks.requests import KEY, KEYS, RECORDED_AT, SECRET, recorded


async def test_a_request_is_like_the_servers() -> None:
    endpoint = Endpoint(in_turn(200))
    async with sender_to(endpoint) as sender:
        assert sender.send(event(1))
        await sender.flush()
    [request] = endpoint.requests
    assert request.method == "POST"
    assert str(request.url) == URL
    for name, value in recorded()[0].headers.items():
        if name in ("User-Agent", "Content-Type"):
            assert request.headers[name] == value
    assert request.headers["Authorization"].startswith("ey")
    received = WebhookReceiver(KEYS).receive(request.content, request.headers["Authorization"])
    assert received == event(1)


def test_the_token_has_the_claims_of_the_servers() -> None:
    def claims_of(authorization: str, now: float) -> dict[str, Any]:
        claims = verify_token(authorization, KEYS, now=now).raw
        signed: int = claims["iat"]
        times = {name: claims[name] - signed for name in ("iat", "nbf", "exp")}
        return {**claims, **times}

    body, authorization, _ = recorded()[0]
    ours = signed_headers(body, KEY, SECRET)["Authorization"]
    assert claims_of(ours, time.time()) == claims_of(authorization, RECORDED_AT)


async def test_the_body_is_in_the_servers_json() -> None:
    """A recorded body has the same names and kinds of values as the one we write."""
    endpoint = Endpoint(in_turn(200))
    bodies = [request.body for request in recorded()]
    async with sender_to(endpoint) as sender:
        for body in bodies:
            sender.send(proto.codec.from_json(WebhookEvent, body))
        await sender.flush()
    assert endpoint.events == [json.loads(body) for body in bodies]


async def test_what_is_missing_is_added_and_the_event_left_alone() -> None:
    endpoint = Endpoint(in_turn(200))
    bare = WebhookEvent(event="room_started")
    before = time.time()
    async with sender_to(endpoint) as sender:
        sender.send(bare)
        sender.send(bare)
        await sender.flush()
    assert bare == WebhookEvent(event="room_started")
    assert len(set(endpoint.ids)) == 2
    for sent in endpoint.events:
        assert re.fullmatch(r"EV_[0-9A-Za-z]{12}", sent["id"])
        assert int(before) <= int(sent["createdAt"]) <= time.time()


async def test_an_event_is_sent_as_it_was_when_it_was_queued() -> None:
    endpoint = Endpoint(in_turn(200))
    changing = event(1)
    assert changing.room is not None
    async with sender_to(endpoint) as sender:
        sender.send(changing)
        changing.room.name = "other"
        await sender.flush()
    assert endpoint.events[0]["room"]["name"] == "demo"


async def test_the_events_of_a_room_arrive_in_order_whatever_their_kind(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def slower_and_slower_to_fast(number: int) -> httpx.Response:
        await trio.sleep(1 / number)
        return httpx.Response(200)

    endpoint = Endpoint(slower_and_slower_to_fast)
    kinds = ("room_started", "participant_joined", "track_published", "participant_left")
    events = [event(number, name=kinds[number % len(kinds)]) for number in range(20)]
    async with sender_to(endpoint) as sender:
        for one in events:
            sender.send(one)
        await sender.flush()
    assert endpoint.ids == [one.id for one in events]
    assert endpoint.most_under_way == 1


async def test_a_resource_that_fails_holds_up_no_other(
    autojump_clock: trio.testing.MockClock,
) -> None:
    deliveries = Deliveries()

    async def answer(number: int) -> httpx.Response:
        await trio.sleep(0.1)
        return httpx.Response(503 if endpoint.ids[number - 1].startswith("bad") else 200)

    endpoint = Endpoint(answer)
    async with sender_to(endpoint, concurrency=2, on_delivery=deliveries.append) as sender:
        for number in range(3):
            sender.send(event(number, "bad"))
        for number in range(3):
            sender.send(event(number, "good"))
        with trio.fail_after(0.5):
            while len(deliveries) < 3:
                await trio.sleep(0.1)
        assert deliveries.outcomes == [(f"good-{number}", Outcome.DELIVERED) for number in range(3)]


@each_case(
    "one, other",
    [
        (
            WebhookEvent(egress_info=proto.EgressInfo(egress_id=a, room_name="r")),
            WebhookEvent(egress_info=proto.EgressInfo(egress_id=b, room_name="r")),
        )
        for a, b in (("EG_1", "EG_2"),)
    ]
    + [
        (
            WebhookEvent(ingress_info=proto.IngressInfo(ingress_id="IN_1")),
            WebhookEvent(ingress_info=proto.IngressInfo(ingress_id="IN_2")),
        ),
        (
            WebhookEvent(room=proto.Room(name="same")),
            WebhookEvent(egress_info=proto.EgressInfo(egress_id="same")),
        ),
        (
            WebhookEvent(participant=proto.ParticipantInfo(identity="same")),
            WebhookEvent(track=proto.TrackInfo(sid="same")),
        ),
        (WebhookEvent(room=proto.Room(name="")), WebhookEvent(job=proto.Job(id="J"))),
    ],
)
async def test_different_resources_are_sent_to_at_the_same_time(
    one: WebhookEvent, other: WebhookEvent, autojump_clock: trio.testing.MockClock
) -> None:
    async def answer(_: int) -> httpx.Response:
        await trio.sleep(1)
        return httpx.Response(200)

    endpoint = Endpoint(answer)
    async with sender_to(endpoint) as sender:
        sender.send(one)
        sender.send(other)
        await sender.flush()
    assert endpoint.most_under_way == 2


async def test_only_so_many_requests_are_under_way(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def answer(_: int) -> httpx.Response:
        await trio.sleep(1)
        return httpx.Response(200)

    endpoint = Endpoint(answer)
    async with sender_to(endpoint, concurrency=3) as sender:
        for number in range(12):
            sender.send(event(1, f"room {number}"))
        await sender.flush()
    assert endpoint.most_under_way == 3
    assert len(endpoint.requests) == 12


@each_case(
    "chosen, sent",
    [
        ({}, ["a", "b", "c"]),
        ({"include": ["b"]}, ["b"]),
        ({"exclude": {"b"}}, ["a", "c"]),
        ({"include": ("b", "c"), "exclude": ("b",)}, ["b", "c"]),
    ],
)
async def test_events_can_be_chosen_by_name(chosen: dict[str, Any], sent: list[str]) -> None:
    endpoint = Endpoint(in_turn(200))
    async with sender_to(endpoint, **chosen) as sender:
        for name in "abc":
            assert sender.send(event(1, name=name)) == (name in sent)
        await sender.flush()
    assert [one["event"] for one in endpoint.events] == sent
    assert sender.counts == {Outcome.DELIVERED: len(sent)}


async def test_every_async_function_is_a_checkpoint() -> None:
    sender = sender_to(Endpoint(in_turn(200)))
    with trio.testing.assert_checkpoints():
        await sender.__aenter__()
    with trio.testing.assert_checkpoints():
        await sender.flush()
    with trio.testing.assert_no_checkpoints():
        sender.send(event(1))
    with trio.testing.assert_checkpoints():
        await sender.__aexit__(None, None, None)


async def test_a_sender_works_until_it_is_cancelled() -> None:
    endpoint = Endpoint(in_turn(200))
    sender = sender_to(endpoint)
    async with trio.open_nursery() as nursery:
        await nursery.start(sender.serve)
        assert sender.send(event(1))
        await sender.flush()
        nursery.cancel_scope.cancel()
    assert endpoint.ids == ["demo-1"]
    with pytest.raises(trio.ClosedResourceError):
        sender.send(event(2))


async def test_a_sender_is_opened_once_and_before_it_is_used() -> None:
    sender = sender_to(Endpoint(in_turn(200)))
    with pytest.raises(LocalProtocolError, match="async with"):
        sender.send(event(1))
    async with sender:
        with pytest.raises(LocalProtocolError, match="opened once"):
            async with sender:
                pass
        assert sender.send(event(1))
    with pytest.raises(trio.ClosedResourceError):
        sender.send(event(1))


async def test_the_exception_of_the_block_comes_out_bare() -> None:
    with pytest.raises(KeyError) as caught:
        async with sender_to(Endpoint(in_turn(200))):
            raise KeyError("body")
    assert caught.value.args == ("body",)


def test_a_url_that_cannot_be_posted_to_is_refused() -> None:
    for url in (
        "",
        "example.com/hook",
        "ws://example.com",
        "http://",
        "http://[::1",
        "https://user:hush@example.com/",
        "https://user:hush@example.com:99999999/",
        "http://exam\nple.com/",
        "http://example.com:99999999/",
    ):
        with pytest.raises(ValueError, match="URL") as caught:
            WebhookSender(url, KEY, SECRET)
        assert "hush" not in str(caught.value), url
    assert WebhookSender(" http://example.com/\n", KEY, SECRET).url == "http://example.com/"
    not_text: Any = b"http://example.com/"
    with pytest.raises(TypeError, match="must be a str, not bytes"):
        WebhookSender(not_text, KEY, SECRET)


def test_under_asyncio_a_sender_says_that_it_needs_trio() -> None:
    with pytest.raises(RuntimeError, match="WebhookSender needs trio, and asyncio runs this"):
        asyncio.run(WebhookSender("http://example.com/", KEY, SECRET).__aenter__())


async def test_a_proxy_that_cannot_be_used_is_said_when_the_sender_opens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "ftp://proxy")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(ValueError, match="the proxy 'ftp://proxy' of the environment"):
        await WebhookSender("http://example.com/", KEY, SECRET).__aenter__()


async def test_a_url_that_the_http_client_does_not_understand_is_refused() -> None:
    with pytest.raises(ValueError, match="URL"):
        async with WebhookSender("http://\N{SNOWMAN}.example/", KEY, SECRET):
            pass


def test_keys_are_missed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIVEKIT_API_KEY", raising=False)
    monkeypatch.delenv("LIVEKIT_API_SECRET", raising=False)
    with pytest.raises(ValueError, match="LIVEKIT_API_KEY"):
        WebhookSender(URL)
    monkeypatch.setenv("LIVEKIT_API_KEY", KEY)
    monkeypatch.setenv("LIVEKIT_API_SECRET", SECRET)
    assert SECRET not in repr(WebhookSender(URL))


@each_case("options", [{"depth": 0}, {"attempts": 0}, {"linger": -1}, {"backoff": float("nan")}])
def test_options_make_sense(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        SenderOptions(**options)

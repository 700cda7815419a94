"""Real requests to real servers: the application alone, in Starlette, and in Quart-Trio."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import httpx
import pytest
import trio

from lktrio import proto
from lktrio.proto import WebhookEvent
from lktrio.webhooks import WebhookReceiver, WebhookSender, asgi_app, signed_headers
from tests.support.cases import each_case
from tests.webhooks.http_server import serve
from tests.webhooks.requests import (
    KEY,
    KEYS,
    SECRET,
    event_body,
    recorded,
    recorded_receiver,
    token_for,
)

BODY = event_body(room={"name": "demo"})


@pytest.fixture(autouse=True)
def keys_in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_API_KEY", KEY)
    monkeypatch.setenv("LIVEKIT_API_SECRET", SECRET)


@asynccontextmanager
async def client_of(app: Any) -> AsyncGenerator[httpx.AsyncClient, None]:
    with trio.fail_after(20):
        async with serve(app) as url, httpx.AsyncClient(base_url=url) as client:
            yield client


def example(name: str, package: str) -> Any:
    """A module of the examples, new for each test."""
    pytest.importorskip(package, reason=f"{package} is not installed")
    return import_module(f"examples.{name}")


async def test_recorded_requests_are_taken_with_their_own_headers() -> None:
    events: list[WebhookEvent] = []

    async def handler(event: WebhookEvent) -> None:
        await trio.lowlevel.checkpoint()
        events.append(event)

    drop = ("Host", "Content-Length")
    async with client_of(asgi_app(recorded_receiver(deduplicate=100), handler)) as client:
        for request in recorded():
            headers = {key: value for key, value in request.headers.items() if key not in drop}
            answer = await client.post("/hook", content=request.body, headers=headers)
            assert (answer.status_code, answer.content) == (200, b"")
    assert len(events) == len(recorded())


async def test_refusals_travel() -> None:
    async def handler(event: WebhookEvent) -> None:
        await trio.lowlevel.checkpoint()
        raise ValueError(event.id)

    async with client_of(asgi_app(WebhookReceiver(KEYS, max_body=2000), handler)) as client:
        large = bytes(100_000)
        requests: dict[int, tuple[bytes, dict[str, str]]] = {
            401: (BODY, {}),
            400: (b"[]", signed_headers(b"[]", KEY, SECRET)),
            413: (large, signed_headers(large, KEY, SECRET)),
            500: (BODY, signed_headers(BODY, KEY, SECRET)),
        }
        for status, (body, headers) in requests.items():
            answer = await client.post("/", content=body, headers=headers)
            assert answer.status_code == status
        assert (await client.get("/")).status_code == 405


async def test_a_large_body_arrives_whole() -> None:
    sizes: list[int] = []

    async def handler(event: WebhookEvent) -> None:
        await trio.lowlevel.checkpoint()
        assert event.room is not None
        sizes.append(len(event.room.metadata))

    body = event_body(room={"metadata": "m" * 1_000_000})
    async with client_of(asgi_app(WebhookReceiver(KEYS), handler)) as client:
        answer = await client.post("/", content=body, headers={"Authorization": token_for(body)})
        assert answer.status_code == 200
    assert sizes == [1_000_000]


async def test_the_sender_and_the_application_understand_each_other() -> None:
    received: list[WebhookEvent] = []

    async def handler(event: WebhookEvent) -> None:
        await trio.lowlevel.checkpoint()
        received.append(event)

    events = [
        WebhookEvent(event=f"event {number}", id=f"EV_{number}", created_at=1)
        for number in range(20)
    ]
    with trio.fail_after(20):
        app = asgi_app(WebhookReceiver(KEYS, deduplicate=100), handler)
        async with serve(app) as url, WebhookSender(f"{url}/hook") as sender:
            for event in events:
                assert sender.send(event)
            await sender.flush()
    assert received == events


EXAMPLES = {"webhook_starlette": "starlette", "webhook_quart": "quart_trio"}


@each_case("name", EXAMPLES)
async def test_an_application_of_a_framework_receives_events(name: str) -> None:
    module = example(name, EXAMPLES[name])
    module.rooms.clear()
    async with client_of(module.app) as client:
        body = event_body(id=f"EV_{name}", room={"name": "demo"})
        headers = signed_headers(body, KEY, SECRET)
        for _ in range(2):
            answer = await client.post("/livekit", content=body, headers=headers)
            assert answer.status_code == 200
        while (answer := await client.get("/rooms")).json() != {"demo": 1}:
            await trio.lowlevel.checkpoint()
        for headers in ({}, {"Authorization": token_for(b"other")}):
            answer = await client.post("/livekit", content=body, headers=headers)
            assert answer.status_code == 401
        assert (await client.get("/livekit")).status_code == 405
        assert (await client.get("/rooms")).json() == {"demo": 1}


async def test_the_example_tells_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    module = example("webhook_receiver", "hypercorn")
    room = proto.Room(name="demo")
    reason = proto.DisconnectReason.CLIENT_INITIATED
    bob = proto.ParticipantInfo(identity="bob", disconnect_reason=reason)
    with trio.fail_after(20):
        async with serve(module.app) as url, WebhookSender(url) as sender:
            sender.send(WebhookEvent(event="room_started", room=room))
            for event in ("participant_joined", "participant_left"):
                sender.send(WebhookEvent(event=event, room=room, participant=bob))
            await sender.flush()
    told = ["room_started demo", "'bob' is in 'demo'", "'bob' has left 'demo': CLIENT_INITIATED"]
    assert capsys.readouterr().out.splitlines() == told

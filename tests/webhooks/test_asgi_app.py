"""The ASGI application, spoken to directly: statuses, limits, and what becomes of failures."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from lktrio.proto import WebhookEvent
from lktrio.webhooks import ASGIApp, Handler, WebhookReceiver, asgi_app
from tests.webhooks.requests import KEYS, event_body, token_for

BODY = event_body()
DISCONNECT = {"type": "http.disconnect"}


def app_for(handler: Handler, **options: Any) -> ASGIApp:
    return asgi_app(WebhookReceiver(KEYS, **options), handler)


class Connection:
    """One request, and what was answered; ``read`` counts the messages that were received."""

    def __init__(self, *messages: dict[str, Any]) -> None:
        self._messages = list(messages)
        self.read = 0
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        await trio.lowlevel.checkpoint()
        self.read += 1
        return self._messages.pop(0)

    async def send(self, message: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self.sent.append(message)

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def text(self) -> str:
        body: bytes = self.sent[1]["body"]
        return body.decode()

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])


def chunks(*bodies: bytes) -> list[dict[str, Any]]:
    last = len(bodies) - 1
    return [
        {"type": "http.request", "body": body, "more_body": number < last}
        for number, body in enumerate(bodies)
    ]


async def post(
    app: ASGIApp,
    *messages: dict[str, Any],
    token: str | None = None,
    method: str = "POST",
    length: bytes = b"",
) -> Connection:
    connection = Connection(*(messages or chunks(BODY)))
    headers = [(b"host", b"localhost")]
    if token != "":
        headers.append((b"authorization", (token or token_for(BODY)).encode()))
    if length:
        headers.append((b"content-length", length))
    scope = {"type": "http", "method": method, "path": "/any", "headers": headers}
    await app(scope, connection.receive, connection.send)
    return connection


class Recorder:
    def __init__(self) -> None:
        self.events: list[WebhookEvent] = []

    async def __call__(self, event: WebhookEvent) -> None:
        await trio.lowlevel.checkpoint()
        self.events.append(event)


async def test_an_event_is_handed_over_and_answered() -> None:
    handler = Recorder()
    answer = await post(app_for(handler))
    assert [event.event for event in handler.events] == ["room_started"]
    assert (answer.status, answer.text) == (200, "")
    assert answer.headers[b"content-length"] == b"0"


async def test_a_body_may_come_in_pieces() -> None:
    handler = Recorder()
    answer = await post(app_for(handler), *chunks(BODY[:5], b"", BODY[5:]))
    assert answer.status == 200
    assert len(handler.events) == 1


async def test_a_refused_token_is_told() -> None:
    for token in (
        "",
        "nonsense",
        "Basic \xff",
        token_for(BODY, secret="x" * 32),
        token_for(BODY, key="other"),
        token_for(BODY, now=1),
        token_for(b"", sha256="x"),
    ):
        handler = Recorder()
        answer = await post(app_for(handler), token=token)
        assert answer.status == 401, token
        assert answer.headers[b"www-authenticate"] == b"Bearer"
        assert answer.text
        assert not handler.events


async def test_the_body_of_an_unauthenticated_request_is_not_read() -> None:
    answer = await post(app_for(Recorder()), token=token_for(BODY, secret="x" * 32))
    assert answer.read == 0


async def test_what_is_no_event_is_told() -> None:
    body = b'{"room": 1}'
    answer = await post(app_for(Recorder()), *chunks(body), token=token_for(body))
    assert answer.status == 400


async def test_a_body_over_the_limit_is_not_read_to_its_end() -> None:
    handler = Recorder()
    pieces = chunks(*[bytes(100)] * 50)
    answer = await post(app_for(handler, max_body=1000), *pieces)
    assert answer.status == 413
    assert answer.read == 11
    assert not handler.events


async def test_a_body_that_is_announced_as_too_long_is_not_read_at_all() -> None:
    for length, status, read in [(b"1001", 413, 0), (b"9" * 5000, 413, 0), (b"x", 200, 1)]:
        answer = await post(app_for(Recorder(), max_body=1000), length=length)
        assert (answer.status, answer.read) == (status, read), length


async def test_only_post_is_taken() -> None:
    for method in ("GET", "HEAD", "PUT", "OPTIONS"):
        handler = Recorder()
        answer = await post(app_for(handler), method=method)
        assert answer.status == 405
        assert answer.headers[b"allow"] == b"POST"
        assert not handler.events


async def test_a_client_that_goes_away_is_not_answered() -> None:
    handler = Recorder()
    answer = await post(app_for(handler), *chunks(BODY[:5], b"")[:1], DISCONNECT)
    assert not answer.sent
    assert not handler.events


async def test_a_repeated_event_is_handled_once_and_answered_twice() -> None:
    handler = Recorder()
    app = app_for(handler, deduplicate=10)
    assert [(await post(app)).status for _ in range(2)] == [200, 200]
    assert len(handler.events) == 1


async def test_the_failure_of_a_handler_is_logged_and_the_event_can_come_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = [KeyError("a bug"), None]

    async def handler(event: WebhookEvent) -> None:
        await trio.lowlevel.checkpoint()
        failure = failures.pop(0)
        if failure is not None:
            raise failure

    app = app_for(handler, deduplicate=10)
    answer = await post(app)
    assert answer.status == 500
    assert "bug" not in answer.text
    [record] = caplog.records
    assert record.name == "lktrio.webhooks"
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert (await post(app)).status == 200
    assert not failures


async def test_an_event_that_is_being_handled_is_asked_for_later() -> None:
    go_on = trio.Event()
    handled = []

    async def handler(event: WebhookEvent) -> None:
        await go_on.wait()
        handled.append(event.id)

    app = app_for(handler, deduplicate=10)
    first: list[Connection] = []

    async def post_first() -> None:
        first.append(await post(app))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(post_first)
        await trio.testing.wait_all_tasks_blocked()
        second = await post(app)
        assert second.status == 503
        assert int(second.headers[b"retry-after"]) > 0
        go_on.set()
    assert first[0].status == 200
    assert (await post(app)).status == 200
    assert handled == ["EV_1"]


async def test_events_of_several_requests_are_handled_at_the_same_time() -> None:
    both = trio.Event()
    waiting: set[str] = set()

    async def handler(event: WebhookEvent) -> None:
        waiting.add(event.id)
        if len(waiting) == 2:
            both.set()
        await both.wait()

    app = app_for(handler)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            for number in range(2):
                body = event_body(id=f"EV_{number}")
                message = {"type": "http.request", "body": body}
                connection = Connection(message)
                scope = {
                    "type": "http",
                    "method": "POST",
                    "headers": [(b"authorization", token_for(body).encode())],
                }
                nursery.start_soon(app, scope, connection.receive, connection.send)


async def test_a_cancelled_handler_leaves_the_event_unhandled() -> None:
    patient = [False, True]

    async def handler(event: WebhookEvent) -> None:
        await trio.lowlevel.checkpoint()
        if not patient.pop(0):
            await trio.sleep_forever()

    app = app_for(handler, deduplicate=10)
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(post, app)
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    assert (await post(app)).status == 200
    assert not patient


async def test_the_lifespan_of_a_server_is_acknowledged() -> None:
    connection = Connection({"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    await app_for(Recorder())({"type": "lifespan"}, connection.receive, connection.send)
    sent = [message["type"] for message in connection.sent]
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_websocket_is_declined() -> None:
    connection = Connection({"type": "websocket.connect"})
    await app_for(Recorder())({"type": "websocket"}, connection.receive, connection.send)
    assert [message["type"] for message in connection.sent] == ["websocket.close"]


async def test_an_unknown_kind_of_connection_is_an_error() -> None:
    connection = Connection()
    with pytest.raises(ValueError, match="carrier pigeon"):
        await app_for(Recorder())({"type": "carrier pigeon"}, connection.receive, connection.send)


def test_the_application_needs_no_event_loop_of_its_own() -> None:
    """It runs under whatever awaits it: here, nothing at all."""

    async def handler(event: WebhookEvent) -> None:
        events.append(event.id)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": BODY}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    events: list[str] = []
    sent: list[dict[str, Any]] = []
    headers = [(b"authorization", token_for(BODY).encode())]
    scope = {"type": "http", "method": "POST", "headers": headers}
    run: Callable[..., Any] = app_for(handler)
    with pytest.raises(StopIteration):
        run(scope, receive, send).send(None)
    assert events == ["EV_1"]
    assert sent[0]["status"] == 200

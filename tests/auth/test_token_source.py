"""Tokens fetched when needed: literal, from a function, from an endpoint, and cached."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import trio

from lktrio.auth import AccessToken, ConnectionDetails, TokenRequest, TokenSource
from lktrio.errors import TokenError

URL = "wss://example.com"


def details(ttl: float = 600) -> ConnectionDetails:
    token = AccessToken(identity="bot", ttl=timedelta(seconds=ttl)).to_jwt("key", "secret")
    return ConnectionDetails(server_url=URL, participant_token=token)


class Backend:
    """Counts how often it was asked."""

    def __init__(self, ttl: float = 600) -> None:
        self.ttl = ttl
        self.requests: list[TokenRequest] = []

    async def __call__(self, request: TokenRequest) -> ConnectionDetails:
        await trio.lowlevel.checkpoint()
        self.requests.append(request)
        return details(self.ttl)


async def test_a_literal_is_what_it_is() -> None:
    source = TokenSource.literal(URL, "token")
    assert await source.fetch() == ConnectionDetails(server_url=URL, participant_token="token")


async def test_a_good_token_is_fetched_once() -> None:
    backend = Backend()
    source = TokenSource.custom(backend)
    assert await source.fetch() == await source.fetch()
    assert len(backend.requests) == 1


async def test_a_token_near_its_expiry_is_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Backend(ttl=600)
    source = TokenSource.custom(backend)
    await source.fetch()
    start = time.time()
    monkeypatch.setattr(time, "time", lambda: start + 530)
    await source.fetch()
    assert len(backend.requests) == 1
    monkeypatch.setattr(time, "time", lambda: start + 545)
    await source.fetch()
    assert len(backend.requests) == 2


async def test_another_request_is_fetched_again() -> None:
    backend = Backend()
    source = TokenSource.custom(backend)
    request = TokenRequest(room_name="demo", participant_attributes={"a": "b"})
    await source.fetch(request)
    await source.fetch(TokenRequest(room_name="demo", participant_attributes={"a": "b"}))
    assert backend.requests == [request]
    await source.fetch()
    await source.fetch(force=True)
    assert backend.requests == [request, TokenRequest(), TokenRequest()]


async def test_tasks_that_ask_at_once_share_one_fetch() -> None:
    backend = Backend()
    source = TokenSource.custom(backend)
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(source.fetch)
    assert len(backend.requests) == 1


async def test_a_cancelled_fetch_leaves_nothing_behind() -> None:
    gate = trio.Event()

    async def slow(_: TokenRequest) -> ConnectionDetails:
        await gate.wait()
        return details()

    source = TokenSource.custom(slow)
    with trio.CancelScope() as scope:
        scope.cancel()
        await source.fetch()
    gate.set()
    assert (await source.fetch()).server_url == URL


def client(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


async def test_an_endpoint_gets_the_standard_request() -> None:
    seen: list[httpx.Request] = []
    expected = details()

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        body = {"server_url": URL, "participant_token": expected.participant_token, "more": 1}
        return httpx.Response(201, json=body)

    source = TokenSource.endpoint(
        "https://tokens.example.com/get", headers={"X-User": "me"}, client=client(answer)
    )
    request = TokenRequest(
        room_name="demo",
        participant_identity="bot",
        participant_name="Bot",
        participant_metadata="",
        participant_attributes={"a": "b"},
        agent_name="helper",
        agent_metadata="m",
        deployment="d",
    )
    assert await source.fetch(request) == expected
    assert await source.fetch(request) == expected
    assert len(seen) == 1
    assert seen[0].method == "POST"
    assert seen[0].headers["X-User"] == "me"
    assert seen[0].headers["Content-Type"] == "application/json"
    assert json.loads(seen[0].content) == {
        "room_name": "demo",
        "participant_identity": "bot",
        "participant_name": "Bot",
        "participant_metadata": "",
        "participant_attributes": {"a": "b"},
        "room_config": {
            "agents": [{"agent_name": "helper", "metadata": "m", "deployment": "d"}],
        },
    }


async def test_an_endpoint_may_answer_in_camel_case() -> None:
    expected = details()
    body = {"serverUrl": URL, "participantToken": expected.participant_token}
    source = TokenSource.endpoint(
        "https://tokens.example.com", client=client(lambda _: httpx.Response(200, json=body))
    )
    assert await source.fetch() == expected


async def test_the_development_server_is_asked_by_id() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        found = details()
        body = {"serverUrl": URL, "participantToken": found.participant_token}
        return httpx.Response(200, json=body)

    await TokenSource.development_server("my-id", client=client(answer)).fetch()
    assert seen[0].headers["X-Sandbox-ID"] == "my-id"
    assert seen[0].url.path == "/api/v2/sandbox/connection-details"


def refused(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


BAD_ENDPOINTS: list[tuple[Any, str]] = [
    (lambda _: httpx.Response(500, text="hush"), "answered with status 500"),
    (lambda _: httpx.Response(302, headers={"Location": "/"}), "status 302"),
    (lambda _: httpx.Response(200, text="<html>"), "something else than a token"),
    (lambda _: httpx.Response(200, json=[]), "something else than a token"),
    (
        lambda _: httpx.Response(200, content=b" " * (1 << 20) + b"{}"),
        "something else than a token",
    ),
    (lambda _: httpx.Response(200, json={"server_url": URL}), "without a URL or a token"),
    (
        lambda _: httpx.Response(200, json={"server_url": URL, "participant_token": "a.b"}),
        "three parts",
    ),
    (refused, "ConnectError: refused"),
]


async def test_a_bad_endpoint_is_a_token_error() -> None:
    for answer, problem in BAD_ENDPOINTS:
        source = TokenSource.endpoint(
            "https://me:pw@tokens.example.com/x?k=hush", client=client(answer)
        )
        with pytest.raises(TokenError, match=problem) as caught:
            await source.fetch()
        assert "hush" not in str(caught.value)
        assert "pw" not in str(caught.value)


async def test_an_endpoint_that_cannot_be_called_is_a_token_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://proxy")
    monkeypatch.delenv("NO_PROXY", raising=False)
    for url, problem in [
        ("https://tokens.example.com/", "the proxy 'ftp://proxy' of the environment"),
        ("https://tokens.example.com:port/?k=hush", "the URL is none that can be called"),
    ]:
        with pytest.raises(TokenError, match=problem) as caught:
            await TokenSource.endpoint(url).fetch()
        assert "hush" not in str(caught.value)


async def test_a_function_that_returns_something_else_is_an_error_of_its_author() -> None:
    async def fetch(_: TokenRequest) -> Any:
        await trio.lowlevel.checkpoint()
        return "token"

    with pytest.raises(TypeError, match="returns ConnectionDetails, not str"):
        await TokenSource.custom(fetch).fetch()


def test_requests_of_the_wrong_type_are_refused_by_name() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"room_name": 5}, "room_name must be a str, not int"),
        ({"participant_metadata": {}}, "participant_metadata must be a str, not dict"),
        ({"participant_attributes": {"a": 1}}, "values of participant_attributes are strings"),
    ]
    for arguments, problem in wrong:
        with pytest.raises(TypeError, match=problem):
            TokenRequest(**arguments)


def test_tokens_are_not_shown() -> None:
    assert "token=" not in repr(details())

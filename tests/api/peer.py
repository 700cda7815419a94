"""A server that lives in memory: httpx hands it requests, and it answers, fails or hangs."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import trio

from lktrio.api import LiveKitAPI
from lktrio.proto import Message
from lktrio.proto.codec import encode

URL = "https://example.com"
CLOUD = "https://project.livekit.cloud"
KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"
PROTOBUF = {"Content-Type": "application/protobuf"}

Handler = Callable[[httpx.Request], Awaitable[httpx.Response]]


@dataclasses.dataclass
class Peer(httpx.AsyncBaseTransport):
    """Answers with ``handler``, and remembers the requests and when they came."""

    handler: Handler
    requests: list[httpx.Request] = dataclasses.field(default_factory=list)
    times: list[float] = dataclasses.field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        self.times.append(trio.current_time())
        return await self.handler(request)

    @property
    def urls(self) -> list[str]:
        return [str(request.url) for request in self.requests]


def api(peer: Peer | Handler, url: str = URL, **options: Any) -> LiveKitAPI:
    """An API that talks to a peer."""
    transport = peer if isinstance(peer, Peer) else Peer(peer)
    client = httpx.AsyncClient(transport=transport)
    credentials = {} if "token" in options else {"api_key": KEY, "api_secret": SECRET}
    return LiveKitAPI(url, client=client, **{**credentials, **options})


def answer(message: Message) -> httpx.Response:
    return httpx.Response(200, headers=PROTOBUF, content=encode(message))


def refusal(status: int, code: str, text: str = "", **meta: str) -> httpx.Response:
    body: dict[str, Any] = {"code": code, "msg": text}
    return httpx.Response(status, json={**body, "meta": meta} if meta else body)


def always(response: Callable[[], httpx.Response]) -> Handler:
    async def handler(_: httpx.Request) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        return response()

    return handler


async def hang(_: httpx.Request) -> httpx.Response:
    """Never answer."""
    await trio.sleep_forever()
    raise AssertionError


async def refuse(request: httpx.Request) -> httpx.Response:
    """No connection."""
    await trio.lowlevel.checkpoint()
    raise httpx.ConnectError("connection refused", request=request)


class Body(httpx.AsyncByteStream):
    """A body that arrives in pieces, and may break off."""

    def __init__(self, pieces: list[bytes], pause: float = 0.0, *, breaks: bool = False) -> None:
        self._pieces = iter(pieces)
        self._pause = pause
        self._breaks = breaks

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        await trio.sleep(self._pause)
        piece = next(self._pieces, None)
        if piece is not None:
            return piece
        raise httpx.ReadError("connection reset") if self._breaks else StopAsyncIteration

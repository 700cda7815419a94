"""What is between httpx and httpcore: a transport whose streams come from elsewhere.

httpx brings its own way to the machine and no public door for another one; httpcore, which is below
it, has that door. Keep-alive, TLS and pools are httpcore's.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import cast

import httpcore
import httpx

__all__ = ["PoolTransport"]

_CONNECTIONS = 100  # at once, as httpx has it
_IDLE = 20  # of these, kept without a request
_IDLE_SECONDS = 5.0


class PoolTransport(httpx.AsyncBaseTransport):
    """A transport of an ``httpx.AsyncClient``.

    Args:
        backend: Where its streams come from.
        ssl_context: For https; None trusts what the system trusts.
    """

    def __init__(
        self, backend: httpcore.AsyncNetworkBackend, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_IDLE,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=backend,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Make one call; called by httpx."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        call = httpcore.Request(
            method=request.method,
            url=url,
            headers=request.headers.raw,
            content=_Content(await request.aread()),
            extensions=request.extensions,
        )
        try:
            answer = await self._pool.handle_async_request(call)
        except _FAILURES as error:
            raise _as_httpx(error) from error
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer),
            extensions=answer.extensions,  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - a bare dict in httpcore
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


_FAILURES = (
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


def _as_httpx(error: Exception) -> Exception:
    """The exception of httpx that has the name of httpcore's."""
    kind = cast("type[httpx.TransportError]", getattr(httpx, type(error).__name__))
    return kind(str(error))


class _Content(AsyncIterator[bytes]):
    """What a request carries. No generator: nobody closes one when the call is cancelled."""

    def __init__(self, data: bytes) -> None:
        self._parts = iter([data])

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for part in self._parts:
            return part  # noqa: ASYNC910 - httpcore asks for it, and it is there
        raise StopAsyncIteration


class _Body(httpx.AsyncByteStream):
    """What an answer carries."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer
        self._parts = answer.aiter_stream()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._parts)
        except _FAILURES as error:
            raise _as_httpx(error) from error

    async def aclose(self) -> None:
        await self._answer.aclose()

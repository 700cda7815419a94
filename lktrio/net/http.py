"""HTTP calls over a network that is no real one, such as a simulated one.

httpx brings its own way to the machine. `NetworkTransport` takes another, with all that httpx does
above it (keep-alive, TLS, pools)::

    client = httpx.AsyncClient(transport=NetworkTransport(network.open_tcp_stream))
    LiveKitAPI(server.url, key, secret, client=client)
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import httpcore
import httpx
import trio

from lktrio.net.network import StreamOpener

__all__ = ["NetworkTransport"]

_CONNECTIONS = 100  # at once, as httpx has it
_IDLE = 20  # of these, kept without a request
_IDLE_SECONDS = 5.0


class NetworkTransport(httpx.AsyncBaseTransport):
    """The transport of an ``httpx.AsyncClient`` whose streams come from elsewhere.

    Args:
        open_tcp_stream: Opens them: that of a `lktrio.net.Network`, or any other.
        ssl_context: For https; None trusts what the system trusts.
    """

    def __init__(
        self, open_tcp_stream: StreamOpener, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_IDLE,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_Backend(open_tcp_stream),
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


class _Backend(httpcore.AsyncNetworkBackend):
    """Where httpcore gets its streams from."""

    def __init__(self, open_tcp_stream: StreamOpener) -> None:
        self._open = open_tcp_stream

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore asks for it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            with trio.fail_after(_seconds(timeout)):
                return _Stream(await self._open(host, port))
        except trio.TooSlowError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """A stream as httpcore uses it."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore asks for it
    ) -> bytes:
        try:
            with trio.fail_after(_seconds(timeout)):
                return bytes(await self._stream.receive_some(max_bytes))
        except trio.TooSlowError as error:
            raise httpcore.ReadTimeout(str(error)) from error
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore asks for it
    ) -> None:
        try:
            with trio.fail_after(_seconds(timeout)):
                await self._stream.send_all(buffer)
        except trio.TooSlowError as error:
            raise httpcore.WriteTimeout(str(error)) from error
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore asks for it
    ) -> httpcore.AsyncNetworkStream:
        secured = trio.SSLStream(
            self._stream, ssl_context, server_hostname=server_hostname, https_compatible=True
        )
        try:
            with trio.fail_after(_seconds(timeout)):
                await secured.do_handshake()
        except trio.TooSlowError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except trio.BrokenResourceError as error:
            raise httpcore.ConnectError(str(error.__cause__ or error)) from error
        return _Stream(secured)

    def get_extra_info(self, info: str) -> Any:
        return None


def _seconds(timeout: float | None) -> float:
    return float("inf") if timeout is None else timeout

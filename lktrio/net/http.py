"""HTTP calls over a network that is no real one, such as a simulated one.

httpx brings its own way to the machine. `NetworkTransport` takes another, with all that httpx does
above it (keep-alive, TLS, pools)::

    client = httpx.AsyncClient(transport=NetworkTransport(network.open_tcp_stream))
    LiveKitAPI(server.url, key, secret, client=client)
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
import trio

from lktrio._http_pool import PoolTransport
from lktrio.net.network import StreamOpener

__all__ = ["NetworkTransport"]


class NetworkTransport(PoolTransport):
    """The transport of an ``httpx.AsyncClient`` whose streams come from elsewhere.

    Args:
        open_tcp_stream: Opens them: that of a `lktrio.net.Network`, or any other.
        ssl_context: For https; None trusts what the system trusts.
    """

    def __init__(
        self, open_tcp_stream: StreamOpener, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(_Backend(open_tcp_stream), ssl_context)


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

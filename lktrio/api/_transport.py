"""A transport for httpx's requests that stays fast with a thousand of them at once.

Theory of operation: httpx's own transport looks at all connections and all waiting requests
whenever a request begins or ends, so that a thousand calls at once take seconds; and with one
connection to look at it still takes twice as long as this one. Here the idle connections of an
origin are kept on a stack: the one used last is taken first, and the others grow old and are
closed, one with every request.

At most `MAX_REQUESTS` are under way; others wait for their turn, first come, first served.
Cancelled, a request closes its connection. Nothing is tried twice, and the deadline is the caller's
cancel scope: httpx's timeouts are not looked at.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import httpx  # noqa: ASYNC127 - the design's choice
import trio

from ._http1 import Answer, Http1Connection

__all__ = ["IDLE_SECONDS", "MAX_REQUESTS", "Transport"]

MAX_REQUESTS = 100
"""Requests under way at once, each on a connection; the default of most HTTP clients."""
IDLE_SECONDS = 5.0
"""How long an idle connection may be used again; servers close theirs later than that."""

TcpOpener: TypeAlias = Callable[[str, int], Awaitable[trio.SocketStream]]
_Origin: TypeAlias = tuple[bytes, bytes]


class Transport(httpx.AsyncBaseTransport):
    """Connections to any number of servers, reused.

    Args:
        connect: Opens a TCP connection; raises OSError.
        ssl_context: For TLS; None for httpx's, made when it is first needed.
    """

    def __init__(
        self,
        connect: TcpOpener = trio.open_tcp_stream,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._connect = connect
        self._ssl_context = ssl_context
        self._open: set[Http1Connection] = set()
        self._idle: dict[_Origin, list[Http1Connection]] = {}
        self._closed = False
        self._turns = trio.Semaphore(MAX_REQUESTS)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, whole.

        Raises:
            httpx.ConnectError: No connection to the server.
            httpx.ReadError: The connection broke.
            httpx.RemoteProtocolError: What came is no answer, or too much.
            httpx.LocalProtocolError: The request cannot be sent.
        """
        stream = request.stream
        body = b"".join(stream) if isinstance(stream, httpx.ByteStream) else await request.aread()
        async with self._turns:
            answer = await self._exchange(request, body)
        return httpx.Response(
            answer.status,
            headers=answer.headers,
            content=answer.body,
            request=request,
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": answer.reason},
        )

    async def _exchange(self, request: httpx.Request, body: bytes) -> Answer:
        origin = request.url.raw_scheme, request.url.netloc
        connection = self._take_idle(origin)
        if connection is None:
            connection = await self._connect_to(request.url)
        try:
            return await connection.exchange(request, body)
        finally:
            if connection.reusable and connection in self._open:
                connection.idle_since = trio.current_time()
                self._idle.setdefault(origin, []).append(connection)
            else:
                self._close(connection)

    async def aclose(self) -> None:
        """Close all connections; requests under way fail."""
        self._closed = True
        for connection in list(self._open):
            self._close(connection)
        self._idle.clear()
        await trio.lowlevel.checkpoint()

    def _take_idle(self, origin: _Origin) -> Http1Connection | None:
        """The connection that was used last, if it is any good."""
        idle = self._idle.get(origin)
        if not idle:
            return None
        too_old = trio.current_time() - IDLE_SECONDS
        if idle[0].idle_since <= too_old:
            self._close(idle.pop(0))
        while idle:
            connection = idle.pop()
            if connection.idle_since > too_old and not connection.is_readable():
                return connection
            self._close(connection)
        return None

    def _close(self, connection: Http1Connection) -> None:
        self._open.discard(connection)
        connection.close()

    async def _connect_to(self, url: httpx.URL) -> Http1Connection:
        host, secure = url.raw_host.decode("ascii"), url.scheme == "https"
        try:
            tcp = await self._connect(host, url.port or (443 if secure else 80))
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        stream = await self._secure(tcp, host) if secure else tcp
        connection = Http1Connection(stream, tcp)
        if self._closed:
            connection.close()
            raise httpx.ConnectError("the client was closed")
        self._open.add(connection)
        return connection

    async def _secure(self, tcp: trio.SocketStream, host: str) -> trio.abc.Stream:
        try:
            if self._ssl_context is None:
                self._ssl_context = httpx.create_ssl_context()
            secured = trio.SSLStream(
                tcp, self._ssl_context, server_hostname=host, https_compatible=True
            )
            await secured.do_handshake()
        except (OSError, trio.BrokenResourceError) as error:
            tcp.socket.close()
            raise httpx.ConnectError(f"TLS failed: {error.__cause__ or error}") from error
        except BaseException:
            tcp.socket.close()
            raise
        return secured

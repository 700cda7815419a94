"""From a URL to an open WebSocket, each phase with its own deadline and errors.

Theory of operation: the stream (TCP, perhaps TLS) is opened here and handed to trio-websocket,
whose reader runs in a task of ours, `serve_websocket`, for as long as the link lasts. A stream
between the two watches the HTTP upgrade, for three things that trio-websocket leaves open: it waits
for ever when the peer hangs up or does not speak HTTP, it keeps a refusal of any length, and it
does not tell the status of a refusal whose length is not declared.

Implements: the client's side of RFC 6455 section 4.1, as far as trio-websocket leaves it to us.
"""

from __future__ import annotations

import logging
import re
import ssl
from dataclasses import dataclass
from typing import Any, cast

import h11
import trio
from trio_websocket import ConnectionRejected, WebSocketConnection, wrap_client_stream
from wsproto.utilities import ProtocolError as WebSocketProtocolError

from lktrio._scope import first_leaf
from lktrio._version import __version__
from lktrio.errors import ConnectTimeout, ProxyFailed, ServerUnreachable
from lktrio.net.network import StreamOpener
from lktrio.net.proxy import ServerOpener
from lktrio.net.system import failure_reason
from lktrio.signal.urls import SignalUrl

__all__ = [
    "MAX_MESSAGE_SIZE",
    "Link",
    "Upgrade",
    "UpgradeRefused",
    "open_stream",
    "serve_websocket",
]

MAX_MESSAGE_SIZE = 16 * 1024 * 1024
"""Bytes of one message that we accept; the server's own limit is 2 MiB."""
_QUEUE = 256  # messages between trio-websocket's reader and ours, which never waits
_READ_SIZE = 64 * 1024
_MAX_ANSWER = 512 * 1024  # bytes that may arrive before the upgrade is through
_HEAD = 64  # enough for the status line
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})\b")

_log = logging.getLogger("lktrio.signal")


@dataclass(frozen=True, slots=True)
class UpgradeRefused:
    """The answer to an HTTP upgrade that was something else than 101."""

    status: int | None
    """The HTTP status, or None if what came was not HTTP."""
    text: str
    """The body, decoded; empty if there was none."""


class _UpgradeOver(Exception):
    """The stream ended, or too much arrived, before the upgrade was through."""


@dataclass(frozen=True, slots=True)
class Link:
    """An open WebSocket."""

    websocket: WebSocketConnection
    scope: trio.CancelScope

    def abort(self) -> None:
        """Close the stream at once. Whoever uses the WebSocket sees it closed."""
        self.scope.cancel()


class Upgrade:
    """A WebSocket on its way to being open.

    Attributes:
        over: Set when one of the other two is.
        link: The open WebSocket.
        refused: What the server answered in place of opening it.
    """

    def __init__(self) -> None:
        self.over = trio.Event()
        self.link: Link | None = None
        self.refused: UpgradeRefused | None = None
        self.scope = trio.CancelScope()

    def abort(self) -> None:
        """Close the stream at once."""
        self.scope.cancel()


class _WatchedStream(trio.abc.Stream):
    """Passes everything on and watches what arrives until the upgrade is through."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.over = trio.Event()
        self.upgraded = False
        self._stream = stream
        self._head = b""
        self._received = 0

    @property
    def status(self) -> int | None:
        found = _STATUS.match(self._head)
        return int(found[1]) if found else None

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        data = await self._stream.receive_some(max_bytes)
        if not self.upgraded:
            self._watch(data)
        return data

    def _watch(self, data: bytes | bytearray) -> None:
        self._head = (self._head + data[:_HEAD])[:_HEAD]
        self._received += len(data)
        if not data or self._received > _MAX_ANSWER:
            self.over.set()

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        self.over.set()
        await self._stream.aclose()


async def open_stream(
    url: SignalUrl, ssl_context: ssl.SSLContext | None, connect: StreamOpener, seconds: float
) -> trio.abc.Stream:
    """Connect to the host of a URL and secure the connection if the URL says so.

    Raises:
        ServerUnreachable: Nothing answers there, or TLS fails; `ProxyFailed` if a
            proxy is to blame.
        ConnectTimeout: It takes longer than ``seconds``.
    """
    phase = "connecting"
    with trio.move_on_after(seconds):
        stream = await _connect(url, connect)
        if not url.secure:
            return stream
        phase = "securing the connection (TLS)"
        return await _secure(stream, url, ssl_context or ssl.create_default_context())
    through = connect.through if isinstance(connect, ServerOpener) else ""
    raise ConnectTimeout(f"{phase} to {url.place}{through} took longer than {seconds:g} s")


async def _connect(url: SignalUrl, connect: StreamOpener) -> trio.abc.Stream:
    try:
        return await connect(url.host, url.port)
    except ProxyFailed:
        raise
    except OSError as error:
        raise ServerUnreachable(
            f"cannot connect to {url.place}: {failure_reason(error)}; "
            "check the URL, and that the server is running"
        ) from error


async def _secure(
    stream: trio.abc.Stream, url: SignalUrl, context: ssl.SSLContext
) -> trio.abc.Stream:
    secured = trio.SSLStream(stream, context, server_hostname=url.host, https_compatible=True)
    try:
        await secured.do_handshake()
    except trio.BrokenResourceError as error:
        await trio.aclose_forcefully(stream)
        raise ServerUnreachable(_tls_failure(url, error.__cause__)) from error
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return secured


def _tls_failure(url: SignalUrl, cause: BaseException | None) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"the TLS certificate of {url.place} is not trusted: {cause.verify_message}; "
            "for a private authority pass an ssl_context that knows it"
        )
    reason = cause.reason if isinstance(cause, ssl.SSLError) and cause.reason else "it hung up"
    return f"{url.place} does not speak TLS ({reason}); if it is not meant to, use ws://"


async def serve_websocket(
    stream: trio.abc.Stream, url: SignalUrl, resource: str, token: str, upgrade: Upgrade
) -> None:
    """Upgrade a stream to a WebSocket and read from it until it ends; then close it.

    The outcome of the upgrade is told in ``upgrade``; nothing is raised.
    """
    watched = _WatchedStream(stream)
    try:
        with upgrade.scope:
            async with trio.open_nursery() as nursery:
                websocket = await _upgrade(nursery, watched, url, resource, token)
                upgrade.link = Link(websocket, upgrade.scope)
                upgrade.over.set()
    except* ConnectionRejected as group:
        rejected = cast("ConnectionRejected", first_leaf(group))
        upgrade.refused = UpgradeRefused(rejected.status_code, _text(rejected.body))
    except* _UpgradeOver:
        upgrade.refused = UpgradeRefused(watched.status, "")
    except* (WebSocketProtocolError, h11.ProtocolError) as group:
        _log.debug("the WebSocket broke down: %r", first_leaf(group))
        if upgrade.link is None:
            upgrade.refused = UpgradeRefused(watched.status, "")
    finally:
        upgrade.over.set()
        with trio.CancelScope(shield=True):  # closing by force does not wait
            await trio.aclose_forcefully(stream)


async def _upgrade(
    nursery: trio.Nursery, watched: _WatchedStream, url: SignalUrl, resource: str, token: str
) -> WebSocketConnection:
    watch = trio.CancelScope()
    nursery.start_soon(_fail_when_over, watched, watch)
    websocket = await wrap_client_stream(
        nursery,
        cast("Any", watched),  # declared for two kinds of streams, works with all
        url.host_header,
        resource,
        extra_headers=[
            (b"Authorization", b"Bearer " + token.encode()),
            (b"User-Agent", f"lktrio/{__version__}".encode()),
        ],
        message_queue_size=_QUEUE,
        max_message_size=MAX_MESSAGE_SIZE,
        receive_buffer_size=_READ_SIZE,
    )
    watched.upgraded = True
    watch.cancel()
    return websocket


async def _fail_when_over(watched: _WatchedStream, scope: trio.CancelScope) -> None:
    with scope:
        await watched.over.wait()
        raise _UpgradeOver


def _text(body: bytes | None) -> str:
    return (body or b"").decode("utf-8", "replace")

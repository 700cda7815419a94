"""The signalling link to one client: a WebSocket with whole messages, both ways.

Theory of operation: messages to the client are encoded when they are queued, so they say what was
true then, and a writer task sends them in order; nobody who has something to say ever waits. The
queue is bounded: a client that does not read loses its link. A reader task hands every message to
the session synchronously. A third task sends WebSocket pings.

Messages are binary protobuf. LiveKit's JSON form, in text frames, ends the link: no client uses it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import h11
import trio
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    wrap_server_stream,
)
from wsproto.utilities import ProtocolError as WebSocketProtocolError

from lktrio import proto
from lktrio.errors import RemoteProtocolError
from lktrio.proto import codec

__all__ = ["SignalLink", "serve_link"]

MAX_MESSAGE = 2 * 1024 * 1024
"""Bytes of a message that a client may send."""
MAX_QUEUE = 16 * 1024 * 1024
"""Bytes that may wait for a client; one that lags further loses its link."""
_QUEUE_MESSAGES = 64  # between the readers of trio-websocket and of the link
_READ_SIZE = 64 * 1024
_PING_INTERVAL = 10.0
_WRITE_SECONDS = 10.0
_UPGRADE_SECONDS = 10.0
_CLOSE_SECONDS = 2.0

_log = logging.getLogger("lktrio.devserver")


class SignalLink:
    """One WebSocket, as its session sees it.

    Attributes:
        receive: Called with every message; set before the link runs.
        outgoing: What becomes of a message to the client; None drops it.
        delay: Called for the seconds that a message waits before it is sent.
        lost: Called once when the link has ended, for whatever reason.
    """

    def __init__(self) -> None:
        self.receive: Callable[[proto.SignalRequest], None] = _ignore
        self.lost: Callable[[], None] = _do_nothing
        self.outgoing: Callable[[proto.SignalResponse], proto.SignalResponse | None] = _as_it_is
        self.delay: Callable[[], float] = _none
        self.open = True
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._wake = trio.Event()
        self._closing = False
        self._finished = False
        self._scope = trio.CancelScope()

    def send(self, response: proto.SignalResponse) -> None:
        """Queue a message; dropped when the link is closing or closed."""
        changed = self.outgoing(response)
        if changed is None or self._closing or not self.open:
            return
        message = codec.encode(changed)
        self._queue.append(message)
        self._queued += len(message)
        if self._queued > MAX_QUEUE:
            _log.warning("a client does not read what it is sent; its link is cut")
            self.abort()
        self._wake.set()

    def close(self) -> None:
        """Send what is queued, then close the WebSocket."""
        self._closing = True
        self._wake.set()

    def abort(self) -> None:
        """End the link without a word."""
        self.open = False
        self._scope.cancel()

    async def run(self, websocket: WebSocketConnection) -> None:
        """Serve the link until it ends."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._read, websocket)
                    nursery.start_soon(self._ping, websocket)
                    await self._write(websocket)
                    nursery.cancel_scope.cancel()
        finally:
            self.finish()

    def finish(self) -> None:
        """Note that the link has ended. Idempotent."""
        self.open = False
        if not self._finished:
            self._finished = True
            self.lost()

    async def _read(self, websocket: WebSocketConnection) -> None:
        try:
            while True:
                self.receive(_decode(await websocket.get_message()))
        except ConnectionClosed:
            self._scope.cancel()
        except RemoteProtocolError:
            self.close()  # a frame that cannot be read ends the link, without a leave
        await trio.lowlevel.checkpoint()

    async def _write(self, websocket: WebSocketConnection) -> None:
        while True:
            while self._queue:
                message = self._queue.popleft()
                self._queued -= len(message)
                if delay := self.delay():
                    await trio.sleep(delay)
                if not await self._write_one(websocket, message):
                    return
            if self._closing:
                with trio.move_on_after(_CLOSE_SECONDS):
                    await websocket.aclose(1000)
                return
            await self._wake.wait()
            self._wake = trio.Event()

    async def _write_one(self, websocket: WebSocketConnection, message: bytes) -> bool:
        try:
            with trio.move_on_after(_WRITE_SECONDS):
                await websocket.send_message(message)
                return True
        except ConnectionClosed:
            pass
        await trio.lowlevel.checkpoint()
        return False

    async def _ping(self, websocket: WebSocketConnection) -> None:
        while True:
            await trio.sleep(_PING_INTERVAL)
            with trio.move_on_after(_PING_INTERVAL):
                try:
                    await websocket.ping()
                    continue
                except ConnectionClosed:
                    pass
            self._scope.cancel()


def _ignore(request: proto.SignalRequest) -> None:
    """Messages before there is a session."""


def _as_it_is(response: proto.SignalResponse) -> proto.SignalResponse:
    return response


def _none() -> float:
    return 0.0


def _do_nothing() -> None:
    """The end of a link without a session."""


def _decode(message: bytes | str) -> proto.SignalRequest:
    if isinstance(message, str):
        raise RemoteProtocolError("a text frame")
    return codec.decode(proto.SignalRequest, message)


async def serve_link(stream: trio.abc.Stream, link: SignalLink) -> None:
    """Upgrade a stream whose next bytes are the client's request, and serve the link on it."""
    try:
        async with trio.open_nursery() as nursery:
            websocket: WebSocketConnection | None = None
            with trio.move_on_after(_UPGRADE_SECONDS):
                request: WebSocketRequest = await wrap_server_stream(
                    nursery,
                    cast("Any", stream),  # declared for two kinds of streams, works with all
                    message_queue_size=_QUEUE_MESSAGES,
                    max_message_size=MAX_MESSAGE,
                    receive_buffer_size=_READ_SIZE,
                )
                websocket = await request.accept()
            if websocket is not None:
                await link.run(websocket)
            nursery.cancel_scope.cancel()
    except* (ConnectionClosed, WebSocketProtocolError, h11.ProtocolError) as group:
        _log.debug("a WebSocket broke down: %r", group.exceptions)
    finally:
        link.finish()
    await trio.lowlevel.checkpoint()

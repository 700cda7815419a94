"""The HTTP side of the server: connections, requests, responses, and who may read them (CORS).

Theory of operation: every TCP connection is a task that reads requests with h11, one after the
other, and writes what the handler returns. Everything a client can make us keep or wait for is
bounded: the head of a request (it may carry a whole join request) and its lines, the body, the time
each may take, and the number of connections that wait. The body is read when the handler asks for
it, which it does once it knows who sends it; a body that nobody asked for ends the connection. A
request for a WebSocket ends HTTP on its connection: the handler is given the stream, from which the
head can be read once more.

Implements: RFC 9112 through h11; the Fetch standard's CORS protocol as LiveKit's server does it:
any origin, no credentials.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import parse_qs, unquote_plus

import h11
import trio

from lktrio._text import printable
from lktrio.devserver.waiting import WaitingConnections

__all__ = [
    "MAX_BODY",
    "HttpError",
    "HttpHandlers",
    "Request",
    "Response",
    "plain",
    "serve_connection",
]

MAX_BODY = 10 * 1024 * 1024
"""Bytes of a request body, LiveKit's limit."""
_MAX_HEAD = 1024 * 1024 + 4096  # bytes; what Go's net/http accepts by default
_MAX_LINES = 128  # of a head, empty ones before it included
_MAX_DISCARDED = 256 * 1024  # bytes of a body that nobody wants; what Go's net/http reads
_IDLE_SECONDS = 75.0  # before a request begins
_HEAD_SECONDS = 15.0
_BODY_SECONDS = 30.0
_SEND_SECONDS = 30.0
_DISCARD_SECONDS = 2.0
_MAX_AGE = b"86400"
_MAX_PARAMETERS = 100
_MAX_PARAMETER = 256 * 1024  # characters of one that is looked at without a token
_PLAIN = "text/plain; charset=utf-8"

_log = logging.getLogger("lktrio.devserver")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    method: str
    """In upper case, as sent."""
    target: str
    """Path and query."""
    headers: Mapping[str, str]
    """Values by lower-case name; the first of several."""
    read_body: Callable[[], Awaitable[bytes]] = field(repr=False)
    """Reads the body; raises `HttpError` if it is too large, too slow or malformed."""

    @property
    def path(self) -> str:
        """The path, with a leading double slash made one."""
        path = self.target.partition("?")[0]
        if not path.startswith("/"):  # the absolute form, which proxies use
            path = path.partition("://")[2].partition("/")[2]
        return "/" + path.lstrip("/")

    @property
    def query(self) -> dict[str, str]:
        """The first value of each parameter.

        Raises:
            HttpError: 400; there are too many.
        """
        text = self.target.partition("?")[2]
        try:
            found = parse_qs(text, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
        except ValueError:
            raise HttpError(400, "too many parameters") from None
        return {name: values[0] for name, values in found.items()}

    def parameter(self, name: str) -> str:
        """The first value of one parameter, without a look at what the others hold."""
        for part in self.target.partition("?")[2].split("&", _MAX_PARAMETERS):
            key, _, value = part.partition("=")
            if key == name:
                return unquote_plus(value[:_MAX_PARAMETER])
        return ""

    @property
    def wants_websocket(self) -> bool:
        """Whether it asks for a WebSocket."""
        connection = self.headers.get("connection", "").lower()
        upgrade = self.headers.get("upgrade", "").lower()
        return self.method == "GET" and "upgrade" in connection and upgrade == "websocket"


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = field(default=())


class HttpError(Exception):
    """A request that is answered with an error, as plain text."""

    def __init__(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.text = text
        self.headers = headers

    def response(self) -> Response:
        """The error as it is sent."""
        answer = plain(self.status, self.text)
        return Response(answer.status, answer.body, (*answer.headers, *self.headers))


def plain(status: int, text: str) -> Response:
    """A response of plain text."""
    return Response(status, text.encode(), (("Content-Type", _PLAIN),))


Upgrade: TypeAlias = Callable[[trio.abc.Stream], Awaitable[None]]
"""Takes over a stream whose next bytes are the request head again."""


@dataclass(frozen=True, slots=True)
class HttpHandlers:
    """Who answers requests."""

    respond: Callable[[Request], Awaitable[Response]]
    """Answers a request; may raise `HttpError`."""
    upgrade: Callable[[Request], Awaitable[Upgrade]]
    """Accepts a WebSocket; raises `HttpError` to refuse it."""
    waiting: WaitingConnections = field(default_factory=WaitingConnections)
    """The connections that wait for a request."""


async def serve_connection(
    stream: trio.abc.Stream, handlers: HttpHandlers, address: str = ""
) -> None:
    """Answer the requests of one connection until it ends; then close it.

    Args:
        stream: The connection.
        handlers: Who answers.
        address: Where it comes from, as far as that is known.
    """
    connection = _Connection(stream, handlers, address)
    try:
        await connection.run()
    except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
        pass  # the client is gone or does not take part
    finally:
        with trio.CancelScope(shield=True):  # closing by force does not wait
            await trio.aclose_forcefully(stream)


class _HeadTooLong(Exception):
    """The head of a request has too many lines."""


class _Connection:
    """The HTTP conversation on one stream."""

    def __init__(self, stream: trio.abc.Stream, handlers: HttpHandlers, address: str) -> None:
        self._stream = stream
        self._handlers = handlers
        self._address = address
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)
        self._lines = 0
        self._too_large = False

    async def run(self) -> None:
        while True:
            try:
                if not await self._serve_one():
                    return
            except h11.RemoteProtocolError as error:
                await self._refuse(error.error_status_hint, "malformed request")
                return
            except _HeadTooLong:
                await self._refuse(431, "too many header fields")
                return

    async def _serve_one(self) -> bool:
        """Serve one request; whether another may follow."""
        head = None
        with self._handlers.waiting.wait(self._address):
            head = await self._read_head()
        if head is None:
            return False
        request = _request(head, self._read_body)
        self._too_large = _content_length(request) > MAX_BODY
        if not _has_body(request):
            await self._next_event()  # the end of the message, without waiting
        if request.wants_websocket:
            return await self._upgrade(head, request)
        await self._send(await _answer(self._handlers.respond, request), request)
        if self._http.their_state is h11.SEND_BODY:
            await self._discard_body()
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _read_head(self) -> h11.Request | None:
        """The head of the next request, None if there is none."""
        self._lines = 0
        self._count_lines(self._http.trailing_data[0])
        if not self._http.trailing_data[0]:
            with trio.fail_after(_IDLE_SECONDS):
                await self._receive_head()
        with trio.fail_after(_HEAD_SECONDS):
            while (event := self._http.next_event()) is h11.NEED_DATA:
                await self._receive_head()
        await trio.lowlevel.checkpoint()
        return event if isinstance(event, h11.Request) else None

    async def _receive_head(self) -> None:
        """Receive more of a head, which is not to have too many lines: each costs time."""
        data = bytes(await self._stream.receive_some())
        self._count_lines(data)
        self._http.receive_data(data)

    def _count_lines(self, data: bytes) -> None:
        head = data if self._lines else data.lstrip(b"\r\n")
        self._lines += head.partition(b"\r\n\r\n")[0].count(b"\n")
        if self._lines > _MAX_LINES:
            raise _HeadTooLong

    async def _read_body(self) -> bytes:
        """The body of the present request.

        Raises:
            HttpError: It is too large, too slow or malformed.
        """
        if self._http.their_state is not h11.SEND_BODY:
            await trio.lowlevel.checkpoint()
            return b""
        if self._too_large:
            raise HttpError(413, "request body too large")
        parts: list[bytes] = []
        size = 0
        try:
            with trio.fail_after(_BODY_SECONDS):
                while isinstance(event := await self._next_event(), h11.Data):
                    size += len(event.data)
                    if size > MAX_BODY:
                        raise HttpError(413, "request body too large")
                    parts.append(bytes(event.data))
        except trio.TooSlowError:
            raise HttpError(408, "request body too slow") from None
        except h11.RemoteProtocolError as error:
            raise HttpError(error.error_status_hint, "malformed request") from None
        return b"".join(parts)

    async def _discard_body(self) -> None:
        """Read some of a body that nobody wants, lest closing resets what we answered."""
        with trio.move_on_after(_DISCARD_SECONDS):
            discarded = 0
            while discarded < _MAX_DISCARDED:
                data = await self._stream.receive_some()
                if not data:
                    return
                discarded += len(data)
        await trio.lowlevel.checkpoint()

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            if self._http.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                await self._write(self._http.send(go_on))
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                await trio.lowlevel.checkpoint()
                return event  # type: ignore[return-value]  # h11 types the sentinels as classes
            self._http.receive_data(bytes(await self._stream.receive_some()))

    async def _upgrade(self, head: h11.Request, request: Request) -> bool:
        try:
            take_over = await self._handlers.upgrade(request)
        except HttpError as error:
            await self._send(_with_cors(error.response(), request), request)
            return False
        replayed = _Replayed(self._stream, _head_bytes(head) + self._http.trailing_data[0])
        await take_over(replayed)
        return False

    async def _refuse(self, status: int, text: str) -> None:
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            response = plain(status, text)
            close = (*response.headers, ("Connection", "close"))
            await self._send(Response(response.status, response.body, close), None)
        await trio.lowlevel.checkpoint()

    async def _send(self, response: Response, request: Request | None) -> None:
        headers = [*response.headers, ("Date", formatdate(usegmt=True))]
        if request is not None and self._http.their_state is h11.SEND_BODY:
            headers.append(("Connection", "close"))  # before a body that nobody read
        if response.status != HTTPStatus.NO_CONTENT:
            headers.append(("Content-Length", str(len(response.body))))
        reason = HTTPStatus(response.status).phrase if response.status in _STATUSES else ""
        head = h11.Response(status_code=response.status, headers=headers, reason=reason.encode())
        data = self._http.send(head) or b""
        if response.body and (request is None or request.method != "HEAD"):
            data += self._http.send(h11.Data(data=response.body)) or b""
        await self._write(data + (self._http.send(h11.EndOfMessage()) or b""))

    async def _write(self, data: bytes | None) -> None:
        with trio.fail_after(_SEND_SECONDS):
            await self._stream.send_all(data or b"")


_STATUSES = {status.value for status in HTTPStatus}


async def _answer(respond: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    await trio.lowlevel.checkpoint()
    if _is_preflight(request):
        return _preflight(request)
    try:
        response = await respond(request)
    except HttpError as error:
        response = error.response()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        raise
    except Exception:  # noqa: BLE001 - logged; the others go on
        # A request must not end the server; the log has the traceback.
        _log.exception("%s %s could not be answered", request.method, printable(request.path))
        response = plain(500, "internal error")
    return _with_cors(response, request)


def _is_preflight(request: Request) -> bool:
    return (
        request.method == "OPTIONS"
        and "origin" in request.headers
        and "access-control-request-method" in request.headers
    )


def _preflight(request: Request) -> Response:
    names = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    headers = [
        ("Access-Control-Allow-Origin", request.headers["origin"]),
        ("Access-Control-Allow-Methods", request.headers["access-control-request-method"]),
        ("Access-Control-Max-Age", _MAX_AGE.decode()),
        ("Vary", names),
    ]
    wanted = request.headers.get("access-control-request-headers")
    if wanted:
        headers.append(("Access-Control-Allow-Headers", wanted))
    return Response(204, b"", tuple(headers))


def _with_cors(response: Response, request: Request) -> Response:
    headers = [*response.headers, ("Vary", "Origin")]
    origin = request.headers.get("origin")
    names = {name for name, _ in response.headers}
    if origin is not None and not request.wants_websocket:
        if "Access-Control-Allow-Origin" not in names:
            headers.append(("Access-Control-Allow-Origin", origin))
        headers.append(("Access-Control-Expose-Headers", "*"))
    return Response(response.status, response.body, tuple(headers))


def _request(head: h11.Request, read_body: Callable[[], Awaitable[bytes]]) -> Request:
    headers: dict[str, str] = {}
    for name, value in head.headers:
        headers.setdefault(name.decode("ascii"), value.decode("latin-1"))
    method, target = head.method.decode("ascii"), head.target.decode("latin-1")
    return Request(method, target, headers, read_body)


def _has_body(request: Request) -> bool:
    """Whether bytes follow the head (RFC 9112 section 6.3)."""
    return "transfer-encoding" in request.headers or _content_length(request) > 0


def _content_length(request: Request) -> int:
    text = request.headers.get("content-length", "0")
    return int(text) if text.isdigit() else 0  # h11 refuses others


def _head_bytes(head: h11.Request) -> bytes:
    lines = [b"%s %s HTTP/1.1" % (head.method, head.target)]
    lines += [b"%s: %s" % (name, value) for name, value in head.headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"


class _Replayed(trio.abc.Stream):
    """A stream from which something was read that has to be read again."""

    def __init__(self, stream: trio.abc.Stream, head: bytes) -> None:
        self._stream = stream
        self._head = head

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self._head:
            await trio.lowlevel.checkpoint()
            head, self._head = self._head, b""
            return head
        return await self._stream.receive_some(max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self._stream.aclose()

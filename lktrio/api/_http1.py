"""One connection to an HTTP/1.1 server: a request out, its answer in (RFC 9112).

Theory of operation: a request leaves in one write. An answer of the shape that servers give, with
one Content-Length, is taken apart here; every other one is read by h11, which knows all of the
RFC. The connection may be used again if exactly one answer came on it, whole, and nobody asked to
close it.
"""

from __future__ import annotations

import re
import select
import sys
from typing import NamedTuple, TypeAlias

import h11
import httpx  # noqa: ASYNC127 - the design's choice
import trio

__all__ = ["Answer", "Http1Connection"]

MAX_HEAD = 64 * 1024
"""Bytes of the head of an answer."""
MAX_BODY = 128 * 1024 * 1024
"""Bytes of an answer that are taken into memory."""
_READ_SIZE = 64 * 1024

_HEAD_END = re.compile(rb"\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: ([^\r\n]*))?")  # RFC 9112 section 4
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.1
_NEVER_IN_A_LINE = re.compile(rb"[\x00\r\n]")
_LENGTH = re.compile(rb"[0-9]{1,12}")
_WITHOUT_BODY = (204, 304)

Headers: TypeAlias = list[tuple[bytes, bytes]]


class _Head(NamedTuple):
    """The head of an answer that has a Content-Length."""

    status: int
    reason: bytes
    headers: Headers
    length: int
    keep_alive: bool


class Answer(NamedTuple):
    """An answer as it came."""

    status: int
    """The HTTP status."""
    reason: bytes
    """What is told beside the status."""
    headers: Headers
    """Names and values, in order."""
    body: bytes
    """The content, not decoded."""
    keep_alive: bool
    """Whether the connection is at the beginning of a next answer."""


class Http1Connection:
    """One connection.

    Args:
        stream: What is written to and read from.
        tcp: What is below: the same, unless there is TLS.

    Attributes:
        idle_since: When the last answer was complete.
        reusable: Whether the connection may carry another request.
    """

    def __init__(self, stream: trio.abc.Stream, tcp: trio.SocketStream) -> None:
        self.idle_since = 0.0
        self.reusable = False
        self._stream = stream
        self._socket = tcp.socket

    def is_readable(self) -> bool:
        """Whether something came that nobody asked for: as a rule, the end."""
        if sys.platform == "win32":
            return bool(select.select([self._socket], [], [], 0)[0])
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close the connection at once. Whoever uses it gets ``httpx.ReadError``. Idempotent."""
        self.reusable = False
        self._socket.close()

    async def exchange(self, request: httpx.Request, body: bytes) -> Answer:
        """Send a request and read its answer. Cancelled, the connection cannot be used again.

        Raises:
            httpx.ReadError: The connection broke.
            httpx.RemoteProtocolError: What came is no answer, or too much.
            httpx.LocalProtocolError: The request cannot be sent.
        """
        self.reusable = False
        sent = _head(request) + body
        try:
            complete = True
            try:
                await self._stream.send_all(sent)
            except trio.BrokenResourceError:  # what it has to say may have come before, as with 413
                complete = False
            answer = await self._receive(request, body)
        except trio.BrokenResourceError as error:
            raise httpx.ReadError(str(error.__cause__ or error)) from error
        except trio.ClosedResourceError as error:
            raise httpx.ReadError("the client was closed") from error
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        self.reusable = complete and answer.keep_alive
        return answer

    async def _receive(self, request: httpx.Request, body: bytes) -> Answer:
        received, end = await self._receive_head()
        head = _parse_head(received[:end]) if request.method != "HEAD" else None
        if head is None:
            return await self._receive_any(request, body, received)
        content = received[end:]
        if len(content) < head.length:
            content = await self._receive_rest(content, head.length)
        return Answer(
            head.status,
            head.reason,
            head.headers,
            content[: head.length],
            head.keep_alive and len(content) == head.length,
        )

    async def _receive_head(self) -> tuple[bytes, int]:
        """What came, and where the head ends in it."""
        received = b""
        while True:
            data = await self._stream.receive_some(_READ_SIZE)
            if not data and not received:
                raise httpx.RemoteProtocolError("the server hung up without an answer")
            searched = max(0, len(received) - 2)
            received += data
            found = _HEAD_END.search(received, searched)
            if found or not data or len(received) > MAX_HEAD:
                return received, found.end() if found else len(received)

    async def _receive_rest(self, begun: bytes, length: int) -> bytes:
        chunks = [begun]
        missing = length - len(begun)
        while True:
            data = await self._stream.receive_some(_READ_SIZE)
            if not data:
                raise httpx.RemoteProtocolError(f"the answer ended {missing} bytes early")
            chunks.append(bytes(data))
            missing -= len(data)
            if missing <= 0:
                return b"".join(chunks)

    async def _receive_any(self, request: httpx.Request, body: bytes, received: bytes) -> Answer:
        """The answer as h11 reads it; what is none is an error there."""
        await trio.lowlevel.checkpoint()
        machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        target, fields = request.url.raw_path, request.headers.raw
        machine.send(h11.Request(method=request.method, target=target, headers=fields))
        machine.send(h11.Data(body))
        machine.send(h11.EndOfMessage())
        machine.receive_data(received)
        response: h11.Response | None = None
        content = bytearray()
        while not isinstance(event := machine.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                machine.receive_data(bytes(await self._stream.receive_some(_READ_SIZE)))
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                content += event.data
                if len(content) > MAX_BODY:
                    raise httpx.RemoteProtocolError(f"the answer is longer than {MAX_BODY} bytes")
        assert response is not None  # h11 lets no end come before the head
        return Answer(
            response.status_code,
            response.reason,
            response.headers.raw_items(),
            bytes(content),
            machine.their_state is h11.DONE and machine.trailing_data == (b"", False),
        )


def _head(request: httpx.Request) -> bytes:
    """The head of a request (RFC 9112 section 3)."""
    fields = request.headers.raw
    line = b"%s %s HTTP/1.1\r\n" % (request.method.encode(), request.url.raw_path)
    head = line + b"".join([b"%s: %s\r\n" % field for field in fields])
    if not head.count(b"\n") == head.count(b"\r") == len(fields) + 1:
        raise httpx.LocalProtocolError("a header of the request holds a line break")
    return head + b"\r\n"


def _parse_head(text: bytes) -> _Head | None:
    """The head of an answer; None if h11 should have a look at it."""
    status_line, *lines = text.split(b"\r\n")
    status = _STATUS_LINE.fullmatch(status_line)
    headers = _parse_fields(lines[:-2])
    if status is None or headers is None or lines[-2:] != [b"", b""]:
        return None
    values = {name.lower(): value for name, value in headers}
    length = values.get(b"content-length", b"")
    if (
        len(values) < len(headers)  # a field came twice
        or b"transfer-encoding" in values
        or int(status[1]) in _WITHOUT_BODY
        or not _LENGTH.fullmatch(length)
    ):
        return None
    if int(length) > MAX_BODY:
        raise httpx.RemoteProtocolError(f"an answer of {int(length)} bytes is too long")
    keep_alive = values.get(b"connection", b"keep-alive").lower() == b"keep-alive"
    return _Head(int(status[1]), status[2] or b"", headers, int(length), keep_alive)


def _parse_fields(lines: list[bytes]) -> Headers | None:
    """The header fields on these lines; None if h11 should have a look at one of them."""
    headers: Headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not _NAME.fullmatch(name) or _NEVER_IN_A_LINE.search(value):
            return None
        headers.append((name, value.strip(b" \t")))
    return headers

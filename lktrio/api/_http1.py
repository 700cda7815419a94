"""One connection to an HTTP/1.1 server: a request out, its answer in (RFC 9112).

Theory of operation: a request leaves in one write. An answer that comes whole, in the shape that
servers give it, is taken apart here by one regular expression, because h11 takes half as long as
all the rest of a call; every other one is read by h11, which knows all of the RFC. The connection
may be used again if exactly one answer came on it, whole, and nobody asked to close it.
"""

from __future__ import annotations

import re
import select
import sys
from typing import NamedTuple

import h11
import httpx  # noqa: ASYNC127 - the design's choice
import trio

__all__ = ["Answer", "Http1Connection"]

MAX_HEAD = 64 * 1024
"""Bytes of the head of an answer."""
MAX_BODY = 128 * 1024 * 1024
"""Bytes of an answer that are taken into memory."""
_READ_SIZE = 64 * 1024

_PLAIN_HEAD = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9][0-9])(?: ([^\r\n\x00\v\f]*+))?\r\n"  # RFC 9112 section 4
    rb"((?:[!#$%&'*+.^_`|~0-9A-Za-z-]++:[^\r\n\x00\v\f]*+\r\n)*+)\r\n"  # section 5
)
_WITHOUT_BODY = (b"204", b"304")


class Answer(NamedTuple):
    """An answer as it came."""

    status: int
    """The HTTP status."""
    reason: bytes
    """What is told beside the status."""
    headers: list[tuple[bytes, bytes]]
    """Names and values, in order."""
    body: bytes
    """The content, not decoded."""
    keep_alive: bool = True
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
            complete = await self._send(sent)
            answer = await self._receive(request.method)
        except trio.BrokenResourceError as error:
            raise httpx.ReadError(str(error.__cause__ or error)) from error
        except trio.ClosedResourceError as error:
            raise httpx.ReadError("the client was closed") from error
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        self.reusable = complete and answer.keep_alive
        return answer

    async def _send(self, data: bytes) -> bool:
        """Whether the server took it all; if not, it may have said why before, as with 413."""
        try:
            await self._stream.send_all(data)
            return True
        except trio.BrokenResourceError:
            await trio.lowlevel.checkpoint()
            return False

    async def _receive(self, method: str) -> Answer:
        received = bytes(await self._stream.receive_some(_READ_SIZE))
        plain = _read_plain(received) if method != "HEAD" else None
        return plain or await self._receive_any(method, received)

    async def _receive_any(self, method: str, received: bytes) -> Answer:
        """The answer as h11 reads it; what is none is an error there."""
        await trio.lowlevel.checkpoint()
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        http.send(h11.Request(method=method, target="/", headers=[("Host", "")]))
        http.send(h11.EndOfMessage())
        http.receive_data(received)
        response: h11.Response | None = None
        content = bytearray()
        while not isinstance(event := http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                http.receive_data(bytes(await self._stream.receive_some(_READ_SIZE)))
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
            http.their_state is h11.DONE and http.trailing_data == (b"", False),
        )


def _head(request: httpx.Request) -> bytes:
    """The head of a request (RFC 9112 section 3)."""
    fields = request.headers.raw
    line = b"%s %s HTTP/1.1\r\n" % (request.method.encode(), request.url.raw_path)
    head = line + b"".join([b"%s: %s\r\n" % field for field in fields])
    if not head.count(b"\n") == head.count(b"\r") == len(fields) + 1:
        raise httpx.LocalProtocolError("a header of the request holds a line break")
    return head + b"\r\n"


def _read_plain(text: bytes) -> Answer | None:
    """A whole answer with a Content-Length and nothing special; None for every other."""
    head = _PLAIN_HEAD.match(text)
    if head is None:
        return None
    status, reason, lines = head.groups(b"")
    fields = [line.partition(b":") for line in lines.split(b"\r\n")[:-1]]
    headers = [(name, value.strip(b" \t")) for name, _, value in fields]
    values = {name.lower(): value for name, value in headers}
    body = text[head.end() :]
    plain = (
        len(values) == len(headers)  # no field came twice
        and values.get(b"content-length") == b"%d" % len(body)
        and values.get(b"connection", b"keep-alive").lower() == b"keep-alive"
        and b"transfer-encoding" not in values
        and status not in _WITHOUT_BODY
    )
    return Answer(int(status), reason, headers, body) if plain else None

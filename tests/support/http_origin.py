"""An HTTP/1.1 server on a real socket that counts its connections, for tests of keep-alive."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

__all__ = ["HttpOrigin", "answer"]


def answer(body: bytes, headers: bytes = b"") -> bytes:
    """A successful answer; each further header ends with CR LF."""
    return b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (headers, len(body), body)


class HttpOrigin:
    """Gives every request the same answer.

    Args:
        answer: The answer.
        context: For TLS; None for none.

    Attributes:
        requests: What came, head and body.
        connections: How many connections were made.
    """

    def __init__(self, answer: bytes, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._context = context

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Serve; the value is the URL."""
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, self._serve, 0)
            port = listeners[0].socket.getsockname()[1]
            yield f"http{'' if self._context is None else 's'}://127.0.0.1:{port}"
            nursery.cancel_scope.cancel()

    async def _serve(self, raw: trio.SocketStream) -> None:
        self.connections += 1
        stream: trio.abc.Stream = raw
        if self._context is not None:
            stream = trio.SSLStream(raw, self._context, server_side=True, https_compatible=True)
        received = b""
        while data := await stream.receive_some():
            received += data
            while (length := _request_length(received)) is not None:
                self.requests.append(received[:length])
                received = received[length:]
                await stream.send_all(self._answer)


def _request_length(received: bytes) -> int | None:
    """Bytes of the first request, or None if it has not come whole."""
    head, end, rest = received.partition(b"\r\n\r\n")
    if not end:
        return None
    fields = head.lower().partition(b"content-length:")[2]
    body = int(fields.partition(b"\r\n")[0] or b"0")
    return len(head) + len(end) + body if len(rest) >= body else None

"""Through an HTTP proxy: the method CONNECT.

Implements: RFC 9110 section 9.3.6 (CONNECT), RFC 7617 (Basic credentials).

The name and the password are sent with the first request, without being asked for; proxies that
want more than Basic are told apart in the error. Whatever the proxy answers is read up to a limit.
"""

from __future__ import annotations

from base64 import b64encode

import h11
import trio

from lktrio._proxies import UNAUTHORISED, Proxy, http_refusal
from lktrio._text import printable
from lktrio._version import __version__
from lktrio.errors import ProxyFailed

__all__ = ["connect_through_http"]

_READ_SIZE = 4096
_MAX_ANSWER = 64 * 1024  # bytes until the answer's head is over; proxies of companies say a lot
_HTTP = b"HTTP/1."
_LONG = 80  # characters of a reason that are shown
_SUCCESS = range(200, 300)


async def connect_through_http(
    stream: trio.abc.Stream, proxy: Proxy, host: str, port: int
) -> trio.abc.Stream:
    """Ask an HTTP proxy to connect a stream to a host.

    Args:
        stream: The stream to the proxy; the caller closes it if this fails.
        proxy: The proxy.
        host: Name or address of the server, without brackets.
        port: Its port.

    Returns:
        The stream to the server.

    Raises:
        ProxyFailed: The proxy refuses, or its answer makes no sense.
        trio.BrokenResourceError: The stream broke.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_ANSWER)
    request = connection.send(_request(place, proxy))
    assert request is not None
    await stream.send_all(request + (connection.send(h11.EndOfMessage()) or b""))
    answer = await _answer(stream, connection, proxy)
    if answer.status_code not in _SUCCESS:
        raise _refusal(answer, proxy, place)
    early = connection.trailing_data[0]
    return _Resumed(stream, early) if early else stream


def _request(place: str, proxy: Proxy) -> h11.Request:
    headers = [("Host", place), ("User-Agent", f"lktrio/{__version__}")]
    if proxy.has_credentials:
        credentials = b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
        headers.append(("Proxy-Authorization", f"Basic {credentials}"))
    return h11.Request(method="CONNECT", target=place, headers=headers)


async def _answer(
    stream: trio.abc.Stream, connection: h11.Connection, proxy: Proxy
) -> h11.Response:
    received, head = 0, b""
    while True:
        await trio.lowlevel.checkpoint()
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as error:
            raise _nonsense(proxy) from error
        if isinstance(event, h11.Response):
            return event
        if event is h11.NEED_DATA:
            data = await stream.receive_some(_READ_SIZE)
            received += len(data)
            head = (head + data)[: len(_HTTP)]
            if received > _MAX_ANSWER or not _HTTP.startswith(head):
                raise _nonsense(proxy)  # at once: some servers speak first, and then wait
            if not data:
                raise trio.BrokenResourceError("the end came before the answer")
            connection.receive_data(bytes(data))


def _nonsense(proxy: Proxy) -> ProxyFailed:
    return ProxyFailed(
        f"{proxy} does not answer as HTTP has it: check its port, and whether its URL should start "
        "with socks5:// or https://",
        proxy=proxy.place,
    )


def _refusal(answer: h11.Response, proxy: Proxy, place: str) -> ProxyFailed:
    asks_for = b", ".join(
        value for name, value in answer.headers if name == b"proxy-authenticate"
    ).decode("latin-1")
    status = answer.status_code
    reason = printable(answer.reason.decode("latin-1"), _LONG)
    advice = http_refusal(status, had_credentials=proxy.has_credentials, asks_for=asks_for)
    return ProxyFailed(
        f"{proxy} refused to connect to {place} ({f'{status} {reason}'.rstrip()}): {advice}",
        proxy=proxy.place,
        status=status,
        permanent=status in UNAUTHORISED,
    )


class _Resumed(trio.abc.Stream):
    """A stream of which something was read already."""

    def __init__(self, stream: trio.abc.Stream, first: bytes) -> None:
        self._stream = stream
        self._first = first

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if not self._first:
            return await self._stream.receive_some(max_bytes)
        await trio.lowlevel.checkpoint()
        size = len(self._first) if max_bytes is None else max_bytes
        data, self._first = self._first[:size], self._first[size:]
        return data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        self._first = b""
        await self._stream.aclose()

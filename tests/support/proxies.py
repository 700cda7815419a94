"""Proxies as companies have them: HTTP CONNECT and SOCKS5 on one port, on any network.

They are small but whole: they ask for a name and a password, connect to where they are asked to,
look names up themselves, and carry bytes both ways. What they may not do is told by tests.
"""

from __future__ import annotations

import base64
import ipaddress
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import h11
import trio

from lktrio.net import Network

__all__ = ["CompanyProxy", "serve_scripted"]

_VERSION = b"\x05"
_NAME, _IPV4, _IPV6 = 3, 1, 4
_SUCCEEDED, _NOT_ALLOWED, _UNREACHABLE = 0, 2, 4
_REPLY_ADDRESS = b"\x00\x01" + bytes(6)


class _Refused(Exception):
    """The client is told so, and hung up on."""


@dataclass
class CompanyProxy:
    """A proxy on a network, for CONNECT and SOCKS5."""

    network: Network
    credentials: tuple[str, str] | None = None
    """Name and password that it asks for."""
    allowed: Callable[[str, int], bool] = lambda host, port: True
    """Where it connects to."""
    context: ssl.SSLContext | None = None
    """For TLS with its clients; None for none."""
    asked: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """Where it was asked to connect to."""
    open_streams: int = 0
    """How many connections it carries now."""
    _scopes: set[trio.CancelScope] = field(default_factory=set[trio.CancelScope])

    @asynccontextmanager
    async def open(self, host: str, port: int = 0) -> AsyncGenerator[str, None]:
        """Serve; the value is host and port."""
        (listener,) = await self.network.listen_tcp(host, port)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, self._serve, [listener])
            yield f"{listener.address[0]}:{listener.address[1]}"
            nursery.cancel_scope.cancel()

    def cut(self) -> None:
        """End all that it carries now; it goes on serving."""
        for scope in self._scopes:
            scope.cancel()

    async def _serve(self, raw: trio.abc.Stream) -> None:
        near = raw if self.context is None else trio.SSLStream(raw, self.context, server_side=True)
        with trio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                await self._serve_client(near)
            except (trio.BrokenResourceError, _Refused):
                await trio.lowlevel.checkpoint()
            finally:
                self._scopes.remove(scope)
        await trio.aclose_forcefully(near)

    async def _serve_client(self, near: trio.abc.Stream) -> None:
        first = bytes(await near.receive_some(1))
        if first:
            connect = self._socks if first == _VERSION else self._http
            await _carry(near, await connect(near, first), self)

    async def _connect(self, host: str, port: int) -> trio.abc.Stream | None:
        """The stream to a host, or None if that is not allowed."""
        self.asked.append((host, port))
        return await self.network.open_tcp_stream(host, port) if self.allowed(host, port) else None

    async def _http(self, near: trio.abc.Stream, first: bytes) -> trio.abc.Stream:
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(first)
        try:
            while (event := connection.next_event()) is h11.NEED_DATA:
                connection.receive_data(bytes(await near.receive_some()))
        except h11.RemoteProtocolError as error:
            raise _Refused from error
        assert isinstance(event, h11.Request), event
        headers = dict(event.headers)
        if self.credentials is not None:
            expected = b"Basic " + base64.b64encode(":".join(self.credentials).encode())
            if headers.get(b"proxy-authorization") != expected:
                asks = b'Proxy-Authenticate: Basic realm="company"\r\n'
                await _answer(near, b"407 Proxy Authentication Required", asks)
        host, _, port = event.target.decode().rpartition(":")
        try:
            far = await self._connect(host.strip("[]"), int(port))
        except OSError:
            far = await _answer(near, b"502 Bad Gateway")
        if far is None:
            far = await _answer(near, b"403 Forbidden")
        await near.send_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return far

    async def _socks(self, near: trio.abc.Stream, first: bytes) -> trio.abc.Stream:
        methods = await _read(near, (await _read(near, 1))[0])
        wanted = 0 if self.credentials is None else 2
        if wanted not in methods:
            await near.send_all(b"\x05\xff")
            raise _Refused
        await near.send_all(bytes((5, wanted)))
        if self.credentials is not None:
            name = await _read(near, (await _read(near, 2))[1])
            password = await _read(near, (await _read(near, 1))[0])
            right = (name.decode(), password.decode()) == self.credentials
            await near.send_all(b"\x01\x00" if right else b"\x01\x01")
            if not right:
                raise _Refused
        host, port = await _socks_target(near)
        try:
            far = await self._connect(host, port)
        except OSError:
            far = await _socks_refusal(near, _UNREACHABLE)
        if far is None:
            far = await _socks_refusal(near, _NOT_ALLOWED)
        await near.send_all(bytes((5, _SUCCEEDED)) + _REPLY_ADDRESS)
        return far


async def _answer(near: trio.abc.Stream, status: bytes, header: bytes = b"") -> trio.abc.Stream:
    page = b"<html>no</html>"
    head = b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n" % (status, header, len(page))
    await near.send_all(head + page)
    raise _Refused


async def _socks_refusal(near: trio.abc.Stream, code: int) -> trio.abc.Stream:
    await near.send_all(bytes((5, code)) + _REPLY_ADDRESS)
    raise _Refused


async def _socks_target(near: trio.abc.Stream) -> tuple[str, int]:
    _, command, _, kind = await _read(near, 4)
    assert command == 1, command
    if kind == _NAME:
        host = (await _read(near, (await _read(near, 1))[0])).decode()
    else:
        host = str(ipaddress.ip_address(await _read(near, {_IPV4: 4, _IPV6: 16}[kind])))
    return host, int.from_bytes(await _read(near, 2), "big")


async def _read(stream: trio.abc.Stream, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = await stream.receive_some(size - len(data))
        if not more:
            raise _Refused
        data += more
    return data


async def _carry(near: trio.abc.Stream, far: trio.abc.Stream, proxy: CompanyProxy) -> None:
    proxy.open_streams += 1
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_pump, near, far, nursery.cancel_scope)
            nursery.start_soon(_pump, far, near, nursery.cancel_scope)
    finally:
        proxy.open_streams -= 1
        await trio.aclose_forcefully(far)


async def _pump(source: trio.abc.Stream, sink: trio.abc.Stream, both: trio.CancelScope) -> None:
    try:
        while data := await source.receive_some():
            await sink.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        await trio.lowlevel.checkpoint()
    both.cancel()


@asynccontextmanager
async def serve_scripted(
    network: Network, host: str, answers: list[bytes | None]
) -> AsyncGenerator[str, None]:
    """Something that answers in a fixed way; the value is its host and port.

    Args:
        network: Where it is.
        host: Its address.
        answers: What it sends for one piece of input after the other, before it hangs up; None for
            nothing, for ever.
    """

    async def serve(stream: trio.abc.Stream) -> None:
        async with stream:
            for answer in answers:
                try:
                    if not await stream.receive_some():
                        return
                    if answer is None:
                        await trio.sleep_forever()
                    else:
                        await stream.send_all(answer)
                except trio.BrokenResourceError:
                    return

    (listener,) = await network.listen_tcp(host)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield f"{listener.address[0]}:{listener.address[1]}"
        nursery.cancel_scope.cancel()

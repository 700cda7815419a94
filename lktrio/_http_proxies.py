"""HTTP calls through proxies: httpx brings the ways, and `lktrio._proxies` says which to take.

httpx reads the environment by rules of its own, once for all that a client will call. Here each
host that is called goes the way that the signalling of a room would, and what goes wrong at a proxy
says so, and what to do.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable
from typing import Any, cast

import httpcore
import httpx
import trio

from lktrio._http_pool import PoolTransport
from lktrio._proxies import Proxy, http_refusal
from lktrio._socks import SocksSteps, socks_handshake
from lktrio.errors import ProxyFailed

__all__ = ["ProxyTransport"]

_UNAUTHORISED = 407
_MAX_HOSTS = 256  # whose way is kept in mind
_STATUS = re.compile(r"([1-5][0-9]{2})\b")  # how httpcore tells of a refused CONNECT


class ProxyTransport(httpx.AsyncBaseTransport):
    """The transport of a client whose calls go through proxies where there are any.

    Args:
        find: The proxy for a URL, or None; asked once for each scheme, host and port.
        context: For TLS.
    """

    def __init__(self, find: Callable[[str], Proxy | None], context: ssl.SSLContext) -> None:
        self._find = find
        self._context = context
        self._proxies: dict[tuple[str, str, int | None], Proxy | None] = {}
        self._transports: dict[Proxy | None, httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Make one call; called by httpx."""
        proxy = self._proxy_for(request.url)
        transport = self._transport(proxy)
        if proxy is None:
            return await transport.handle_async_request(request)
        try:
            response = await transport.handle_async_request(request)
        except httpx.ProxyError as error:
            raise httpx.ProxyError(_told(proxy, str(error))) from error
        except httpx.TransportError as error:
            raise type(error)(f"through {proxy}: {error}") from error
        except ProxyFailed as error:
            raise httpx.ProxyError(str(error)) from error
        if response.status_code == _UNAUTHORISED:  # of a server it would make no sense
            asks_for = response.headers.get("Proxy-Authenticate", "")
            await response.aclose()
            raise httpx.ProxyError(_refusal(proxy, _UNAUTHORISED, asks_for))
        return response

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            await transport.aclose()
        await trio.lowlevel.checkpoint()

    def _proxy_for(self, url: httpx.URL) -> Proxy | None:
        key = (url.scheme, url.host, url.port)
        if key not in self._proxies:
            if len(self._proxies) >= _MAX_HOSTS:
                self._proxies.clear()
            try:
                self._proxies[key] = self._find(str(url))
            except ValueError as error:
                raise httpx.ProxyError(str(error)) from None
        return self._proxies[key]

    def _transport(self, proxy: Proxy | None) -> httpx.AsyncBaseTransport:
        transport = self._transports.get(proxy)
        if transport is None:
            transport = self._transports[proxy] = _new_transport(proxy, self._context)
        return transport


def _new_transport(proxy: Proxy | None, context: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    if proxy is not None and proxy.is_socks:
        return PoolTransport(_SocksBackend(proxy), context)
    through = None
    if proxy is not None:
        auth = (proxy.username, proxy.password) if proxy.has_credentials else None
        for_proxy = context if proxy.scheme == "https" else None
        through = httpx.Proxy(proxy.place, auth=auth, ssl_context=for_proxy)
    return httpx.AsyncHTTPTransport(verify=context, trust_env=False, proxy=through)


class _SocksBackend(httpcore.AsyncNetworkBackend):
    """Streams through a SOCKS proxy.

    httpcore has SOCKS too, but leaves the socket open when it is refused, and takes an answer that
    comes in pieces for a wrong one.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._direct = cast("httpcore.AsyncNetworkBackend", httpcore.TrioBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore asks for it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        proxy = self._proxy
        stream = await self._direct.connect_tcp(
            proxy.host, proxy.port, timeout, local_address, socket_options
        )
        try:
            await _ask(stream, socks_handshake(proxy, host, port), timeout)
        except BaseException:
            await stream.aclose()  # noqa: ASYNC102 - closes the socket before it looks
            raise
        return stream

    async def sleep(self, seconds: float) -> None:
        await self._direct.sleep(seconds)


async def _ask(
    stream: httpcore.AsyncNetworkStream, steps: SocksSteps, seconds: float | None
) -> None:
    out, size = next(steps)
    while True:
        if out:
            await stream.write(out, seconds)
        answer = await _read(stream, size, seconds)
        try:
            out, size = steps.send(answer)
        except StopIteration:
            return


async def _read(stream: httpcore.AsyncNetworkStream, size: int, seconds: float | None) -> bytes:
    data = b""
    while len(data) < size:
        more = await stream.read(size - len(data), seconds)
        if not more:
            raise httpcore.ProxyError("it closed the connection")
        data += more
    await trio.lowlevel.checkpoint()
    return data


def _told(proxy: Proxy, text: str) -> str:
    status = _STATUS.match(text)
    if status is None:
        return f"{proxy}: {text}"
    return _refusal(proxy, int(status[1]), "")


def _refusal(proxy: Proxy, status: int, asks_for: str) -> str:
    advice = http_refusal(status, had_credentials=proxy.has_credentials, asks_for=asks_for)
    return f"{proxy} refused to connect ({status}): {advice}"

"""Opening byte streams to servers, through a proxy where there is one.

Theory of operation: a `Dialer` knows what the program says about proxies, and what the network's
machine says. For each URL it makes an opener, which looks for the proxy anew whenever it opens a
stream, so that a room that comes back follows a machine that moved. The connection to the proxy is
made as any other would be, perhaps secured by TLS, and then handed to the handshake that the
proxy speaks (`proxy_http`, `proxy_socks`). What comes back is the stream to the server. The proxy
looks the server's name up: behind one, this machine often cannot.

An attempt has no deadline of its own: it is that of whoever opens the stream.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from lktrio._proxies import Proxy, find_proxy
from lktrio.errors import ProxyFailed
from lktrio.net.network import Network, StreamOpener
from lktrio.net.proxy_http import connect_through_http
from lktrio.net.system import failure_reason, unknown_name
from lktrio.rtc.paths import Framing, OpenStream

__all__ = ["Dialer", "MediaDialer", "ServerOpener"]

_MAX_NAME = 253  # characters of a host name (RFC 1035 section 2.3.4)

_ADVICE = "check its host and port, and that it is running"

_Handshake = Callable[[trio.abc.Stream, Proxy, str, int], Awaitable[trio.abc.Stream]]


@dataclass(frozen=True, slots=True)
class Dialer:
    """Opens byte streams to servers."""

    network: Network
    """The machine's network."""
    proxy: str | None = field(default=None, repr=False)
    """The URL of a proxy for everything, empty for none; None for what the machine is set to."""
    connect: StreamOpener | None = None
    """The program's own way to open streams; None for the network's. The machine's settings about
    proxies do not count for it."""
    ssl_context: ssl.SSLContext | None = None
    """For a proxy that is reached over TLS; None trusts what the system trusts."""

    def proxy_for(self, url: str) -> Proxy | None:
        """The proxy that leads to a URL.

        Raises:
            ProxyFailed: It cannot be used.
        """
        named = ""
        if self.proxy is None and self.connect is None:
            named = self.network.proxy_for(url)
        try:
            return find_proxy(self.proxy, named)
        except ValueError as error:
            raise ProxyFailed(str(error), proxy="", permanent=True) from None

    def opener(self, url: str) -> ServerOpener:
        """What opens streams to the host of a URL."""
        return ServerOpener(self, url)

    async def open_through(self, proxy: Proxy, host: str, port: int) -> trio.abc.Stream:
        """Open a stream to a host through a proxy. Cancelled, it leaves nothing open.

        Raises:
            ProxyFailed: The proxy cannot be reached, does not let us through, or makes no sense.
            OSError: There can be no host of that name.
        """
        host = _checked(host)
        stream = await self.reach(proxy)
        try:
            return await _handshake_of(proxy)(stream, proxy, host, port)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            await trio.aclose_forcefully(stream)
            raise ProxyFailed(
                f"{proxy} closed the connection: {_ADVICE}", proxy=proxy.place
            ) from error
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise

    async def reach(self, proxy: Proxy) -> trio.abc.Stream:
        """Open a stream to a proxy, with TLS if it wants that. Cancelled, it leaves nothing open.

        Raises:
            ProxyFailed: It cannot be reached, or not be trusted.
        """
        connect = self.connect or self.network.open_tcp_stream
        try:
            stream = await connect(proxy.host, proxy.port)
        except OSError as error:
            raise ProxyFailed(
                f"cannot connect to {proxy}: {failure_reason(error)}; {_ADVICE}", proxy=proxy.place
            ) from error
        if proxy.scheme != "https":
            return stream
        try:
            return await self._secure(proxy, stream)
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise

    async def _secure(self, proxy: Proxy, stream: trio.abc.Stream) -> trio.abc.Stream:
        context = self.ssl_context or ssl.create_default_context()
        secured = trio.SSLStream(stream, context, server_hostname=proxy.host, https_compatible=True)
        try:
            await secured.do_handshake()
        except trio.BrokenResourceError as error:
            cause = error.__cause__
            if isinstance(cause, ssl.SSLCertVerificationError):
                problem = (
                    f"its certificate is not trusted ({cause.verify_message}); for a private "
                    "authority pass an ssl_context that knows it"
                )
            else:
                problem = "it does not speak TLS; if it is not meant to, start its URL with http://"
            raise ProxyFailed(f"{proxy}: {problem}", proxy=proxy.place) from error
        return secured


def _handshake_of(proxy: Proxy) -> _Handshake:
    if not proxy.is_socks:
        return connect_through_http
    # Slow to import, and of use only with such a proxy.
    from lktrio.net.proxy_socks import connect_through_socks

    return connect_through_socks


@dataclass(frozen=True, slots=True)
class ServerOpener:
    """Opens streams to one server; a ``StreamOpener``."""

    dialer: Dialer
    """What it knows of proxies."""
    url: str
    """Where the server is: what decides about the proxy."""

    async def __call__(self, host: str, port: int) -> trio.abc.Stream:
        """Open a stream, as `lktrio.net.Network.open_tcp_stream` does.

        Raises:
            ProxyFailed: A proxy did not let us through.
            OSError: The name is not known, or nothing answers there.
        """
        proxy = self.dialer.proxy_for(self.url)
        if proxy is not None:
            return await self.dialer.open_through(proxy, host, port)
        return await (self.dialer.connect or self.dialer.network.open_tcp_stream)(host, port)

    @property
    def through(self) -> str:
        """``" through the proxy ..."``, for messages; empty without one."""
        try:
            proxy = self.dialer.proxy_for(self.url)
        except ProxyFailed:
            return ""
        return "" if proxy is None else f" through {proxy}"


@dataclass(frozen=True, slots=True)
class MediaDialer:
    """Opens the streams that media takes: to TURN servers, and to the server itself.

    For proxies they count as ``https``, as in browsers. Where the server itself is reached without
    a proxy, its ports for media are too.
    """

    dialer: Dialer
    """What it knows of proxies."""
    server_url: str = ""
    """The server's; empty if the dialer alone decides."""

    async def open(self, request: OpenStream, local_address: str | None) -> trio.abc.Stream:
        """Open a stream that the core asks for. Cancelled, it leaves nothing open.

        Args:
            request: Where to.
            local_address: Where to come from; None for any. A proxy is reached from any.

        Raises:
            ProxyFailed: A proxy did not let us through.
            OSError: Nothing answers there.
        """
        proxy = self._proxy_for(request)
        if proxy is not None:
            return await self.dialer.open_through(proxy, *request.address)
        open_tcp_stream = self.dialer.network.open_tcp_stream
        return await open_tcp_stream(*request.address, local_address=local_address)

    def _proxy_for(self, request: OpenStream) -> Proxy | None:
        to_server = request.framing is Framing.RFC4571
        if to_server and self.server_url and self.dialer.proxy_for(self.server_url) is None:
            return None
        return self.dialer.proxy_for(_https(*request.address))

    def uses_proxy(self, host: str, port: int) -> bool:
        """Whether a TURN server is reached through a proxy, which then looks its name up.

        Raises:
            ProxyFailed: The proxy cannot be used.
        """
        return self.dialer.proxy_for(_https(host, port)) is not None


def _https(host: str, port: int) -> str:
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def _checked(host: str) -> str:
    """The name as it goes to a proxy, which must not be told anything else by it.

    Raises:
        OSError: No host can have it.
    """
    try:
        name = host if ":" in host else host.encode("idna").decode()
    except UnicodeError:
        raise unknown_name(host) from None
    if not 0 < len(name) <= _MAX_NAME or not all(
        letter.isascii() and (letter.isalnum() or letter in "-._:%") for letter in name
    ):
        raise unknown_name(host)
    return name

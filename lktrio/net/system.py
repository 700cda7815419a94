"""The network of the machine that the program runs on."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence

import trio

from lktrio._proxies import environment_proxy
from lktrio._scope import first_leaf
from lktrio.net.address_watch import watch_of_this_run
from lktrio.net.interfaces import local_addresses
from lktrio.net.network import TcpListener, TcpStream
from lktrio.net.udp import UdpSocket
from lktrio.rtc.base import Address

__all__ = ["SYSTEM_NETWORK", "SystemNetwork", "failure_reason", "unknown_name"]


class _SystemTcpStream(TcpStream):
    """An accepted connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        name = stream.socket.getpeername()
        self._remote_address: Address = (name[0], name[1])

    @property
    def remote_address(self) -> Address:
        return self._remote_address

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._stream.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self._stream.aclose()


class _SystemTcpListener(TcpListener):
    def __init__(self, listener: trio.SocketListener) -> None:
        self._listener = listener
        name = listener.socket.getsockname()
        self._address: Address = (name[0], name[1])

    @property
    def address(self) -> Address:
        return self._address

    async def accept(self) -> TcpStream:
        while True:
            stream = await self._listener.accept()
            try:
                return _SystemTcpStream(stream)
            except OSError:  # it was reset before we looked at it
                stream.socket.close()

    def close(self) -> None:
        self._listener.socket.close()

    async def aclose(self) -> None:
        await self._listener.aclose()


class SystemNetwork:
    """The real network; see `Network`."""

    def __repr__(self) -> str:
        return "SystemNetwork()"

    def local_addresses(self, *, loopback: bool = False) -> list[str]:
        """Addresses of the interfaces, without link-local ones; at most 16."""
        return local_addresses(loopback=loopback)

    async def wait_addresses_changed(
        self, known: Sequence[str], *, loopback: bool = False
    ) -> list[str]:
        """Listen to the kernel (Linux: at once), or look about once a second (elsewhere)."""
        return await watch_of_this_run().wait_changed(known, loopback=loopback)

    def open_udp(self, host: str, port: int = 0) -> UdpSocket:
        """A socket of the kernel, with segmentation offload where there is any."""
        return UdpSocket(host, port)

    async def open_tcp_stream(
        self, host: str, port: int, *, local_address: str | None = None
    ) -> trio.SocketStream:
        """Connect by Happy Eyeballs (RFC 8305)."""
        return await trio.open_tcp_stream(host, port, local_address=local_address)

    async def listen_tcp(self, host: str, port: int = 0) -> list[TcpListener]:
        """Listen on each address of ``host``."""
        listeners = await trio.open_tcp_listeners(port, host=host or None)
        return [_SystemTcpListener(listener) for listener in listeners]

    async def resolve(self, host: str, port: int) -> list[Address]:
        """Ask the resolver of the system."""
        try:
            found = await trio.socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        except UnicodeError as error:  # no name that could be asked for
            raise unknown_name(host) from error
        by_family = {family: sockaddr for family, _, _, _, sockaddr in reversed(found)}
        return [(str(sockaddr[0]), int(sockaddr[1])) for sockaddr in by_family.values()]

    def proxy_for(self, url: str) -> str:
        """Read ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``."""
        return environment_proxy(url)

    def random_bytes(self, count: int) -> bytes:
        """Random bytes of the system."""
        return os.urandom(count)

    def wall_time(self) -> float:
        """The time of the system's clock."""
        return time.time()


SYSTEM_NETWORK = SystemNetwork()
"""The one that is used where nobody says otherwise."""


def unknown_name(host: str) -> OSError:
    """The error of a look-up that found nothing."""
    return socket.gaierror(socket.EAI_NONAME, f"there is no host called {host!a}")


def failure_reason(error: OSError) -> str:
    """Say in few words why a connection was not made, such as ``Connection refused``.

    trio groups one error for each address that it tried; the first one tells.
    """
    cause = first_leaf(error.__cause__ or error)
    told = cause if isinstance(cause, OSError) else error
    if isinstance(told, socket.gaierror) or not told.errno:
        return told.strerror or str(told)
    return os.strerror(told.errno)

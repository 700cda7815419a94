"""The seam to the machine: everything that rooms and servers take from outside the process.

Theory of operation: sockets, name lookup, interface addresses, randomness and the wall clock come
from a `Network` that is handed down from the options of a room or of the development server. There
is no other way to the machine (a test reads the source for that), so whoever replaces the network
replaces all of it: `lktrio.testing.SimulatedNetwork` does, and whole calls then run in virtual
time. The clock for deadlines and pacing is trio's, which tests replace with a `MockClock`.

UDP sockets are not trio's, because the cost of a call is in wake-ups and system calls: a
`DatagramSocket` is waited for once and then drained and filled in batches with calls that never
block. TLS, WebSocket and HTTP stand above the byte streams and are the same on every network.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

import trio

from lktrio.rtc.base import Address

__all__ = ["DatagramSocket", "Network", "StreamOpener", "TcpListener", "TcpStream"]

StreamOpener: TypeAlias = Callable[[str, int], Awaitable[trio.abc.Stream]]
"""Opens a byte stream to a host and port; raises OSError."""


class DatagramSocket(Protocol):
    """A bound UDP socket that moves datagrams in batches."""

    @property
    def address(self) -> Address:
        """The local address, with the port that was chosen."""
        ...

    async def wait_readable(self) -> None:
        """Wait until a datagram can be read.

        Raises:
            trio.ClosedResourceError: The socket was closed.
        """
        ...

    async def wait_writable(self) -> None:
        """Wait until `send` takes datagrams again.

        Raises:
            trio.ClosedResourceError: The socket was closed.
        """
        ...

    def drain(self) -> list[tuple[bytes, Address]]:
        """Take datagrams that have arrived, with their senders, without blocking.

        A batch is limited, so more may be left.
        """
        ...

    def send(self, address: Address, datagrams: Sequence[bytes]) -> int:
        """Send datagrams to one address without blocking.

        Returns:
            How many were dealt with: sent, or refused and counted. Send the rest after
            `wait_writable`.
        """
        ...

    @property
    def counters(self) -> Mapping[str, int]:
        """How many datagrams were not sent, or not received, by cause."""
        ...

    def close(self) -> None:
        """Close the socket; tasks waiting on it get ``trio.ClosedResourceError``. Idempotent."""
        ...


class TcpStream(trio.abc.HalfCloseableStream):
    """A TCP connection that a listener accepted."""

    @property
    @abstractmethod
    def remote_address(self) -> Address:
        """Where the other side is."""


class TcpListener(trio.abc.Listener[TcpStream]):
    """A listening TCP socket."""

    @property
    @abstractmethod
    def address(self) -> Address:
        """The local address, with the port that was chosen."""

    @abstractmethod
    def close(self) -> None:
        """Stop listening at once. Idempotent."""


class Network(Protocol):
    """What rooms and the development server need of the machine that they run on."""

    def local_addresses(self, *, loopback: bool = False) -> list[str]:
        """List the addresses of this machine that a peer might reach, best first.

        Args:
            loopback: Whether to include loopback addresses. They are returned in any case when
                the machine has nothing else.

        Returns:
            Numeric addresses.
        """
        ...

    async def wait_addresses_changed(
        self, known: Sequence[str], *, loopback: bool = False
    ) -> list[str]:
        """Wait until `local_addresses` has others than those: an interface came, went, or moved.

        Nothing is missed between two calls, as long as the second is given what the first
        returned. Cancelled, it leaves nothing behind.

        Args:
            known: Addresses that `local_addresses` returned, in any order.
            loopback: As for `local_addresses`.

        Returns:
            What `local_addresses` returns now.
        """
        ...

    def open_udp(self, host: str, port: int = 0) -> DatagramSocket:
        """Open a UDP socket.

        Args:
            host: Numeric address of a local interface.
            port: Local port, 0 for any free one.

        Raises:
            OSError: The address is not local, or the port is taken.
        """
        ...

    async def open_tcp_stream(
        self, host: str, port: int, *, local_address: str | None = None
    ) -> trio.abc.HalfCloseableStream:
        """Connect to a host, by name or numeric address. Cancelled, it leaves nothing open.

        Args:
            host: Where to.
            port: Its port.
            local_address: The address of this machine to come from; None for any.

        Raises:
            OSError: The name is not known, nothing answers there, or the address is not local.
        """
        ...

    async def listen_tcp(self, host: str, port: int = 0) -> list[TcpListener]:
        """Listen for connections.

        Args:
            host: Name or numeric address; empty for every address of the machine.
            port: Local port, 0 for any free one.

        Returns:
            One listener for each address.

        Raises:
            OSError: The address is not local, or the port is taken.
        """
        ...

    async def resolve(self, host: str, port: int) -> list[Address]:
        """Look a name up; a numeric address stands for itself.

        Returns:
            The first address of each family.

        Raises:
            OSError: There is no such name.
        """
        ...

    def proxy_for(self, url: str) -> str:
        """The URL of the proxy that the machine is set to use for a URL; empty if there is none.

        It may hold a name and a password.
        """
        ...

    def random_bytes(self, count: int) -> bytes:
        """Draw random bytes that nobody can guess."""
        ...

    def wall_time(self) -> float:
        """The time of day, in seconds since 1970, for what others compare with their clocks."""
        ...

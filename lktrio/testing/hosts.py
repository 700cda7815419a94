"""Simulated hosts: what a program asks of the machine that it runs on.

A host knows its addresses, its sockets and its names. Everything that concerns other hosts it asks
of the network, through the narrow `Fabric`.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import random
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

import trio

from lktrio.net.interfaces import usable_addresses
from lktrio.net.network import TcpListener
from lktrio.net.system import unknown_name
from lktrio.rtc.base import Address
from lktrio.testing.datagrams import SimulatedUdpSocket
from lktrio.testing.nat import Nat
from lktrio.testing.streams import SimulatedTcpListener, SimulatedTcpStream

__all__ = ["Fabric", "SimulatedHost", "is_loopback"]

_LOOPBACK = ("127.0.0.1", "::1")
_ANY = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound
_FIRST_PORT = 49_152  # RFC 6335 section 6
_LAST_PORT = 65_535


class Fabric(Protocol):
    """What a host needs of the network."""

    @property
    def wall_time(self) -> float:
        """The time of day."""
        ...

    def lookup(self, name: str) -> Sequence[str]:
        """The addresses of a name; none if it is not known."""
        ...

    def transmit(
        self, host: SimulatedHost, source: Address, destination: Address, data: bytes
    ) -> None:
        """Send a datagram."""
        ...

    async def connect(
        self, host: SimulatedHost, source: Address, destination: Address
    ) -> SimulatedTcpStream:
        """Connect to a listener."""
        ...

    def settle(self, host: SimulatedHost, address: str) -> None:
        """The host takes an address, if it is free."""
        ...

    def vacate(self, host: SimulatedHost, address: str) -> None:
        """The host gives an address up."""
        ...

    def open_streams(self, host: SimulatedHost) -> int:
        """How many ends of connections at the host are not closed."""
        ...


class SimulatedHost:
    """A host of a simulated network, and the `lktrio.net.Network` of programs on it.

    Made by `SimulatedNetwork.host`.

    Args:
        name: Its name, by which others can look it up.
        addresses: Its addresses.
        nat: The NAT that it is behind.
        fabric: The network.
        chance: Source of its randomness.

    Attributes:
        sockets: Its open UDP sockets by address.
        listeners: Its listening sockets by address.
        proxy: URL of the proxy that it is set to use, as by ``HTTPS_PROXY``; empty for none.
    """

    def __init__(
        self,
        name: str,
        addresses: Sequence[str],
        nat: Nat | None,
        fabric: Fabric,
        chance: random.Random,
    ) -> None:
        self.name = name
        self.nat = nat
        self.sockets: dict[Address, SimulatedUdpSocket] = {}
        self.listeners: dict[Address, SimulatedTcpListener] = {}
        self.proxy = ""
        self._addresses = list(addresses)
        self._fabric = fabric
        self._chance = chance
        self._next_port = _FIRST_PORT
        self._moved = trio.lowlevel.ParkingLot()

    def __repr__(self) -> str:
        return f"<SimulatedHost {self.name} {' '.join(self._addresses)}>"

    @property
    def address(self) -> str:
        """The first of its addresses, of which there must be one."""
        return self._addresses[0]

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses, without loopback."""
        return tuple(self._addresses)

    @property
    def open_sockets(self) -> int:
        """How many sockets its programs have not closed: UDP, listening, and connections."""
        return len(self.sockets) + len(self.listeners) + self._fabric.open_streams(self)

    def owns(self, address: str) -> bool:
        """Whether it has this address now."""
        return address in self._addresses or is_loopback(address)

    def change_address(self, new: str, old: str | None = None) -> None:
        """Move to another address, as from a wireless network to a mobile one.

        Sockets on the old address stay open, and nothing gets to or from them any more.

        Args:
            new: The new address.
            old: The one that it takes the place of; None for the first.
        """
        old = self.address if old is None else old
        self._fabric.settle(self, new)
        self._fabric.vacate(self, old)
        self._addresses[self._addresses.index(old)] = new
        self._moved.unpark_all()

    def add_address(self, new: str) -> None:
        """Take one more address, as when a VPN comes up. The other ones stay.

        Raises:
            ValueError: It is taken.
        """
        self._fabric.settle(self, new)
        self._addresses.append(new)
        self._moved.unpark_all()

    def remove_address(self, old: str) -> None:
        """Give an address up, perhaps the last one, as when a wireless network is out of reach.

        Sockets on it stay open, and nothing gets to or from them any more.
        """
        self._addresses.remove(old)
        self._fabric.vacate(self, old)
        self._moved.unpark_all()

    async def wait_addresses_changed(
        self, known: Sequence[str], *, loopback: bool = False
    ) -> list[str]:
        """Wait until it has other addresses."""
        await trio.lowlevel.checkpoint()
        while set(found := self.local_addresses(loopback=loopback)) == set(known):
            await self._moved.park()
        return found

    def local_addresses(self, *, loopback: bool = False) -> list[str]:
        """Its addresses as the real network would list them."""
        return usable_addresses([*_LOOPBACK, *self._addresses], loopback=loopback)

    def open_udp(self, host: str, port: int = 0) -> SimulatedUdpSocket:
        """Open a UDP socket on one of its addresses.

        Raises:
            OSError: The address is not its own, or the port is taken.
        """
        if not self.owns(host):
            raise _not_local(host)
        address = (host, port or self._free_port())
        if address in self.sockets:
            raise _taken(address)
        sock = SimulatedUdpSocket(address, self._transmit, self._forget_socket)
        self.sockets[address] = sock
        return sock

    def _transmit(self, sock: SimulatedUdpSocket, destination: Address, data: bytes) -> None:
        self._fabric.transmit(self, sock.address, destination, data)

    def _forget_socket(self, sock: SimulatedUdpSocket) -> None:
        del self.sockets[sock.address]

    async def open_tcp_stream(
        self, host: str, port: int, *, local_address: str | None = None
    ) -> SimulatedTcpStream:
        """Connect to another host, or to this one.

        Raises:
            OSError: The name is not known, nothing answers there, or the address is not its own.
        """
        failure: OSError = unknown_name(host)
        for destination in await self.resolve(host, port):
            try:
                source = (self._source_for(destination[0], local_address), self._free_port())
                return await self._fabric.connect(self, source, destination)
            except OSError as error:
                failure = error
        await trio.lowlevel.checkpoint()
        raise failure

    def _source_for(self, destination: str, local_address: str | None) -> str:
        if local_address is not None:
            if not self.owns(local_address):
                raise _not_local(local_address)
            return local_address
        if is_loopback(destination):
            return destination
        for address in self._addresses:
            if (":" in address) == (":" in destination):
                return address
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

    async def listen_tcp(self, host: str, port: int = 0) -> list[TcpListener]:
        """Listen on its addresses, all with the same port.

        Raises:
            OSError: The address is not its own, or the port is taken.
        """
        if host in _ANY:
            addresses = [a for a in (*_LOOPBACK, *self._addresses) if _is_of(a, host)]
        else:
            addresses = [address for address, _ in await self.resolve(host, port)]
        await trio.lowlevel.checkpoint()
        port = port or self._free_port()
        for address in addresses:
            if not self.owns(address):
                raise _not_local(address)
            if (address, port) in self.listeners:
                raise _taken((address, port))
        return [self._listen((address, port)) for address in addresses]

    def _listen(self, address: Address) -> TcpListener:
        listener = SimulatedTcpListener(address, self._forget_listener)
        self.listeners[address] = listener
        return listener

    def _forget_listener(self, listener: SimulatedTcpListener) -> None:
        del self.listeners[listener.address]

    async def resolve(self, host: str, port: int) -> list[Address]:
        """Look a name up among the network's names and hosts.

        Raises:
            OSError: There is no such name.
        """
        await trio.lowlevel.checkpoint()
        if _is_numeric(host):
            return [(host, port)]
        found = _LOOPBACK[:1] if host == "localhost" else self._fabric.lookup(host)
        if not found:
            raise unknown_name(host)
        return [(address, port) for address in found]

    def proxy_for(self, url: str) -> str:
        """The proxy that it is set to use, save for addresses of its own."""
        return "" if self.owns(urlsplit(url).hostname or "") else self.proxy

    def random_bytes(self, count: int) -> bytes:
        """Draw bytes from the seed of the network and the host's name."""
        return self._chance.randbytes(count)

    def wall_time(self) -> float:
        """The network's time of day."""
        return self._fabric.wall_time

    def _free_port(self) -> int:
        while True:
            port = self._next_port
            self._next_port = _FIRST_PORT if port == _LAST_PORT else port + 1
            if not any(used == port for _, used in (*self.sockets, *self.listeners)):
                return port


def is_loopback(address: str) -> bool:
    """Whether an address is one of the two that every host has for itself."""
    return address in _LOOPBACK


def _is_of(address: str, wildcard: str) -> bool:
    return wildcard == "" or (":" in address) == (":" in wildcard)


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _not_local(host: str) -> OSError:
    return OSError(errno.EADDRNOTAVAIL, f"{os.strerror(errno.EADDRNOTAVAIL)}: {host}")


def _taken(address: Address) -> OSError:
    return OSError(errno.EADDRINUSE, f"{os.strerror(errno.EADDRINUSE)}: {address}")

"""A whole network in one process: hosts, links and NATs, for programs that run on trio.

Theory of operation
-------------------

Each host is a `lktrio.net.Network`: what a room or the development server would ask of the machine
it asks of its host. Addresses are looked up among the hosts; those behind a NAT are known inside
alone. Between any two hosts there is a link for each direction, whose profile says what happens to
packets. The fate of a packet is decided when it is sent, and it goes straight into the receiver's
socket with its time of arrival, so no task runs for the network.

All time is trio's. Under ``trio.testing.MockClock(autojump_threshold=0)`` nothing waits for real
time, and minutes of a call take seconds. All chance comes from the seed, what hosts draw as random
bytes included, and the order in which trio runs tasks is made repeatable: the same seed gives the
same trace.
"""

from __future__ import annotations

import errno
import hashlib
import os
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

import trio

from lktrio.rtc.base import Address
from lktrio.testing.hosts import SimulatedHost, is_loopback
from lktrio.testing.links import Fate, Link, LinkProfile, LinkStatistics
from lktrio.testing.nat import Nat, NatKind
from lktrio.testing.scheduling import make_scheduling_repeatable
from lktrio.testing.streams import SimulatedTcpStream, connected_pair

__all__ = ["SimulatedNetwork", "TraceRecord"]

_EPOCH = 1_750_000_000.0  # the time of day at which a network begins, in June 2025
_TRACE = 10_000  # records that are kept
_SYN_TIMEOUTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # seconds (RFC 6298, Linux' tcp_syn_retries)
_LEAST_MTU = 576  # bytes; less would leave TCP no room
_LONGEST_SEGMENT = 65_495  # bytes, within a host
_UDP_HEADERS, _TCP_HEADERS = 28, 40  # bytes over IPv4
_MORE_IN_IPV6 = 20


Protocol: TypeAlias = Literal["udp", "tcp"]
"""What a packet is of."""
_PROTOCOLS: tuple[Protocol, ...] = ("udp", "tcp")


class TraceRecord(NamedTuple):
    """One packet."""

    time: float
    """When it was sent, by trio's clock."""
    protocol: str
    """``udp`` or ``tcp``."""
    source: Address
    """Who sent it, as its receiver would see it."""
    destination: Address
    """Where it was sent."""
    size: int
    """Bytes without headers."""
    fate: Fate
    """What became of it."""
    arrival: float | None
    """When it arrives (for the first time), if it does."""


@dataclass(slots=True)
class _Route:
    """Where a packet goes."""

    source: Address
    """As the receiver sees it."""
    host: SimulatedHost | None
    """Who receives it."""
    destination: Address
    """As the receiver knows it."""
    fate: Fate = Fate.DELIVERED
    """Something else if it is decided before any link."""


class SimulatedNetwork:
    """A network.

    Args:
        seed: Where all chance comes from.
        profile: How links behave that nothing else was said of.

    Attributes:
        names: Addresses by host name, for look-ups; hosts are known by their own names as well.
        trace: The last 10,000 packets.
    """

    def __init__(self, seed: int = 0, profile: LinkProfile | None = None) -> None:
        self.seed = seed
        self.names: dict[str, Sequence[str]] = {}
        self.trace: deque[TraceRecord] = deque(maxlen=_TRACE)
        self._profile = profile or LinkProfile()
        self._hosts: dict[str, SimulatedHost] = {}
        self._inside: dict[tuple[Nat | None, str], SimulatedHost] = {}
        self._nats: dict[str, Nat] = {}
        self._links: dict[tuple[str, str], Link] = {}
        self._chosen: set[tuple[str, str]] = set()
        self._partitions: set[tuple[frozenset[str], Protocol]] = set()
        self._connections: dict[SimulatedTcpStream, tuple[str, str]] = {}
        self._watchers: list[Callable[[TraceRecord, bytes], object]] = []
        self._digest = hashlib.sha256()
        self._started = trio.current_time()
        make_scheduling_repeatable(seed)

    # Building

    def host(self, name: str, *addresses: str, nat: Nat | None = None) -> SimulatedHost:
        """Add a host.

        Args:
            name: Its name; others can look it up.
            *addresses: Its addresses, IPv4 or IPv6, at least one.
            nat: The NAT that it is behind.

        Raises:
            ValueError: The name or an address is taken, or there is no address.
        """
        if not addresses or name in self._hosts:
            raise ValueError(f"the host {name!r} has no address, or is there already")
        chance = random.Random(f"{self.seed}/{name}")  # noqa: S311 - must be repeatable
        host = SimulatedHost(name, addresses, nat, self, chance)
        for address in addresses:
            self.settle(host, address)
        self._hosts[name] = host
        return host

    @property
    def hosts(self) -> Mapping[str, SimulatedHost]:
        """All hosts by name, a read-only view."""
        return MappingProxyType(self._hosts)

    def settle(self, host: SimulatedHost, address: str) -> None:
        """Give an address to a host; called by hosts.

        Raises:
            ValueError: It is taken.
        """
        place = (host.nat, address)
        if place in self._inside or (host.nat is None and address in self._nats):
            raise ValueError(f"the address {address} is taken")
        self._inside[place] = host

    def vacate(self, host: SimulatedHost, address: str) -> None:
        """Free an address of a host; called by hosts."""
        del self._inside[host.nat, address]

    def nat(
        self,
        address: str,
        kind: NatKind = NatKind.PORT_RESTRICTED,
        *,
        lifetime: float = 120.0,
        hairpin: bool = False,
    ) -> Nat:
        """Add a NAT, which hosts can be put behind.

        Args:
            address: Its public address.
            kind: How it maps and filters.
            lifetime: Seconds for which a mapping lives after the last datagram from inside.
            hairpin: Whether hosts inside reach each other by its public address.
        """
        if address in self._nats or (None, address) in self._inside:
            raise ValueError(f"the address {address} is taken")
        nat = self._nats[address] = Nat(address, kind, lifetime=lifetime, hairpin=hairpin)
        return nat

    # Links

    @property
    def profile(self) -> LinkProfile:
        """How links behave that nothing else was said of; may be replaced at any time."""
        return self._profile

    @profile.setter
    def profile(self, profile: LinkProfile) -> None:
        self._profile = profile
        for pair, link in self._links.items():
            if pair not in self._chosen:
                link.profile = profile

    def set_link(
        self,
        one: SimulatedHost,
        other: SimulatedHost,
        profile: LinkProfile,
        back: LinkProfile | None = None,
    ) -> None:
        """Say how two hosts are connected, now and from now on.

        Args:
            one: A host.
            other: Another.
            profile: The direction from the first to the second.
            back: The other direction; None for the same profile.
        """
        for pair, chosen in (((one, other), profile), ((other, one), back or profile)):
            self.link(*pair).profile = chosen
            self._chosen.add((pair[0].name, pair[1].name))

    def statistics(self, source: SimulatedHost, destination: SimulatedHost) -> LinkStatistics:
        """The counters of one direction between two hosts."""
        return self.link(source, destination).statistics

    def link(self, source: SimulatedHost, destination: SimulatedHost) -> Link:
        """One direction between two hosts."""
        pair = (source.name, destination.name)
        link = self._links.get(pair)
        if link is None:
            chance = random.Random(f"{self.seed}/{pair[0]}>{pair[1]}")  # noqa: S311 - repeatable
            link = self._links[pair] = Link(self._profile, chance)
        return link

    # Trouble

    def partition(
        self, one: SimulatedHost, other: SimulatedHost, protocol: Protocol | None = None
    ) -> None:
        """Let nothing pass between two hosts; nobody is told. TCP connections stay, half-open.

        Args:
            one: A host.
            other: Another.
            protocol: Let the other protocol pass; None for neither.
        """
        pair = frozenset((one.name, other.name))
        self._partitions |= {(pair, each) for each in _PROTOCOLS if protocol in (None, each)}

    def heal(self, one: SimulatedHost, other: SimulatedHost) -> None:
        """Undo `partition`. TCP goes on when its senders try again."""
        pair = frozenset((one.name, other.name))
        self._partitions -= {(pair, each) for each in _PROTOCOLS}
        for stream in list(self._connections):
            stream.retry()

    def reset_connections(self, one: SimulatedHost, other: SimulatedHost) -> int:
        """Reset the TCP connections between two hosts at both ends; how many there were."""
        wanted = {(one.name, other.name), (other.name, one.name)}
        found = [stream for stream, ends in self._connections.items() if ends in wanted]
        for stream in found:
            stream.reset(trio.current_time())
        return len(found) // 2

    def is_blocked(self, one: SimulatedHost, other: SimulatedHost, protocol: Protocol) -> bool:
        """Whether the two are partitioned from each other."""
        return (frozenset((one.name, other.name)), protocol) in self._partitions

    # Looking on

    def watch(self, watcher: Callable[[TraceRecord, bytes], object]) -> None:
        """Show every packet as it is sent; the watcher may `inject` datagrams."""
        self._watchers.append(watcher)

    @property
    def digest(self) -> str:
        """A hash over all packets so far: the same for the same trace.

        It covers the records, and the contents of datagrams. What TCP carries counts with its
        length alone: WebSockets mask it by chance of their own (RFC 6455 section 5.3).
        """
        return self._digest.hexdigest()

    def inject(self, source: Address, destination: Address, data: bytes) -> None:
        """Let a datagram arrive now that only claims to come from a source."""
        route = self._arrive(source, destination, trio.current_time())
        self._deliver(route, data, (trio.current_time(),))

    def _record(self, record: TraceRecord, data: bytes) -> None:
        self.trace.append(record)
        told = f"{record.time!r}{record.source}{record.destination}{record.size}{record.arrival!r}"
        self._digest.update(told.encode())
        if record.protocol == "udp":
            self._digest.update(data)
        for watcher in self._watchers:
            watcher(record, data)

    # What hosts ask for

    @property
    def wall_time(self) -> float:
        """The time of day; it begins in June 2025 and goes by trio's clock."""
        return _EPOCH + trio.current_time() - self._started

    def lookup(self, name: str) -> Sequence[str]:
        """The addresses of a name; none if it is not known."""
        if name in self.names:
            return self.names[name]
        host = self._hosts.get(name)
        return () if host is None else host.addresses

    def open_streams(self, host: SimulatedHost) -> int:
        """How many ends of connections at a host are not closed."""
        ends = self._connections.items()
        return sum(not stream.closed for stream, (name, _) in ends if name == host.name)

    def transmit(
        self, host: SimulatedHost, source: Address, destination: Address, data: bytes
    ) -> None:
        """Decide about a datagram."""
        now = trio.current_time()
        route = self._find(host, source, destination, now)
        arrivals: tuple[float, ...] = ()
        if route.fate is Fate.DELIVERED and route.host is not None:
            sent = self._pass(host, route.host, len(data), now, ipv6=":" in destination[0])
            if isinstance(sent, Fate):
                route.fate = sent
            else:
                arrivals = sent
                self._deliver(route, data, arrivals)
        first = arrivals[0] if arrivals and route.fate is Fate.DELIVERED else None
        self._record(
            TraceRecord(now, "udp", route.source, destination, len(data), route.fate, first), data
        )

    def _pass(
        self, source: SimulatedHost, target: SimulatedHost, size: int, now: float, *, ipv6: bool
    ) -> Fate | tuple[float, ...]:
        if source is target:
            return (now,)
        if self._partitions and self.is_blocked(source, target, "udp"):
            return Fate.BLOCKED
        headers = _UDP_HEADERS + (_MORE_IN_IPV6 if ipv6 else 0)
        return self.link(source, target).send(size + headers, now)

    def _find(
        self, host: SimulatedHost, source: Address, destination: Address, now: float
    ) -> _Route:
        """Where a datagram of a host goes."""
        if not host.owns(source[0]) or is_loopback(source[0]) != is_loopback(destination[0]):
            return _Route(source, None, destination, Fate.UNREACHABLE)
        if host.owns(destination[0]):
            return _Route(source, host, destination)
        inside = self._inside.get((host.nat, destination[0]))
        if inside is not None or host.nat is None:
            return (
                self._arrive(source, destination, now)
                if inside is None
                else _Route(source, inside, destination)
            )
        source = host.nat.translate(host.name, source, destination, now)
        if destination[0] == host.nat.address and not host.nat.hairpin:
            return _Route(source, None, destination, Fate.FILTERED)
        return self._arrive(source, destination, now)

    def _arrive(self, source: Address, destination: Address, now: float) -> _Route:
        """Where a datagram goes that comes to a public address."""
        nat = self._nats.get(destination[0])
        if nat is None:
            host = self._inside.get((None, destination[0]))
            fate = Fate.UNREACHABLE if host is None else Fate.DELIVERED
            return _Route(source, host, destination, fate)
        admitted = nat.admit(destination[1], source, now)
        if admitted is None:
            return _Route(source, None, destination, Fate.FILTERED)
        name, inside = admitted
        return _Route(source, self._hosts[name], inside)

    def _deliver(self, route: _Route, data: bytes, arrivals: tuple[float, ...]) -> None:
        if route.host is None:
            return
        sock = route.host.sockets.get(route.destination)
        if sock is None or not route.host.owns(route.destination[0]):
            route.fate = Fate.UNREACHABLE
            return
        for arrival in arrivals:
            sock.arrive(arrival, data, route.source)

    # TCP

    async def connect(
        self, host: SimulatedHost, source: Address, destination: Address
    ) -> SimulatedTcpStream:
        """Connect a host to a listener.

        Raises:
            OSError: Nobody listens there, or nothing answers.
        """
        target = self._listening_host(host, destination[0])
        if target is None:
            await trio.lowlevel.checkpoint()
            raise OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
        nat = host.nat if target.nat is not host.nat else None
        seen = source if nat is None else (nat.address, nat.new_port())
        there = _TcpPath(self, (host, source), (target, destination), nat)
        back = _TcpPath(self, (target, destination), (host, source), nat)
        for timeout in _SYN_TIMEOUTS:
            again = trio.current_time() + timeout
            if await _travels(there):
                listener = target.listeners.get(destination)
                if await _travels(back):
                    if listener is None:
                        raise OSError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
                    arrival = there.carry(0)
                    near, far = connected_pair(seen, destination, there, back, self._forget)
                    if arrival is not None and listener.arrive(arrival, far):
                        self._connections[near] = (host.name, target.name)
                        self._connections[far] = (target.name, host.name)
                        return near
            await trio.sleep_until(again)
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    def _listening_host(self, host: SimulatedHost, address: str) -> SimulatedHost | None:
        if host.owns(address):
            return host
        return self._inside.get((host.nat, address)) or self._inside.get((None, address))

    def _forget(self, stream: SimulatedTcpStream) -> None:
        self._connections.pop(stream, None)

    def carry(self, path: _TcpPath, size: int, *, again: bool) -> float | None:
        """Send a segment; when it arrives, or None if it is lost."""
        now = trio.current_time()
        sent: Fate | tuple[float, ...] = (now,)
        if path.blocked:
            sent = Fate.BLOCKED
        elif path.link is not None:
            sent = path.link.send(size + path.headers, now, queued=True, again=again)
        fate, arrival = (sent, None) if isinstance(sent, Fate) else (Fate.DELIVERED, sent[0])
        record = TraceRecord(now, "tcp", path.source, path.destination, size, fate, arrival)
        self._record(record, b"")
        return arrival


class _TcpPath:
    """One direction of a connection.

    Args:
        network: The network.
        start: The host that sends, and its address.
        end: The host that receives, and its address.
        nat: The NAT that the connection crosses.
    """

    def __init__(
        self,
        network: SimulatedNetwork,
        start: tuple[SimulatedHost, Address],
        end: tuple[SimulatedHost, Address],
        nat: Nat | None,
    ) -> None:
        self._network = network
        self._start, self.source = start
        self._end, self.destination = end
        self._nat = nat
        self._generation = 0 if nat is None else nat.generation
        self.headers = _TCP_HEADERS + (_MORE_IN_IPV6 if ":" in self.destination[0] else 0)
        self._local = self._start is self._end
        self.link = None if self._local else network.link(self._start, self._end)
        self._back = None if self._local else network.link(self._end, self._start)

    @property
    def blocked(self) -> bool:
        """Whether nothing gets through: a partition, an address that is gone, a NAT restarted."""
        return (
            (not self._local and self._network.is_blocked(self._start, self._end, "tcp"))
            or not self._start.owns(self.source[0])
            or not self._end.owns(self.destination[0])
            or (self._nat is not None and self._nat.generation != self._generation)
        )

    @property
    def round_trip(self) -> float:
        """Seconds there and back, as a rule."""
        links = [link.profile for link in (self.link, self._back) if link is not None]
        return sum(profile.latency + profile.jitter / 2 for profile in links)

    @property
    def longest(self) -> int:
        """Bytes of the longest segment."""
        if self.link is None:
            return _LONGEST_SEGMENT
        return max(_LEAST_MTU, self.link.profile.mtu) - self.headers

    def carry(self, size: int, *, again: bool = False) -> float | None:
        """Send a segment: when it arrives, or None if it is lost."""
        return self._network.carry(self, size, again=again)


async def _travels(path: _TcpPath) -> bool:
    """Let a segment without data travel; whether it arrived, which is then now."""
    arrival = path.carry(0)
    if arrival is None:
        await trio.lowlevel.checkpoint()
        return False
    await trio.sleep_until(arrival)
    return True

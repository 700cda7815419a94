"""A simulated datagram network for engines without tasks, in virtual time of its own.

Theory of operation
-------------------

The network is a heap of (time, destination, datagram). Hosts are adapters around any sans-IO
engine: they take datagrams and timer calls, and are drained of what they want to send. `run`
always takes the earliest of the next arrival, the next host timer and the next scheduled action,
moves `now` there, and lets one host react. Nothing sleeps, so a minute of network takes
milliseconds, and the same seed gives the same run.

Links and NATs are those of `lktrio.testing.SimulatedNetwork`, which is for programs with tasks.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable
from typing import Protocol

from lktrio.rtc.base import NEVER, Address
from lktrio.testing.links import Fate, Link, LinkProfile
from lktrio.testing.nat import Nat, NatKind

__all__ = ["EngineHost", "EngineNetwork"]

_MAX_TIMERS_AT_ONCE = 1000  # a host that is still due after so many calls is broken


class EngineHost(Protocol):
    """An engine with its addresses, as the network sees it."""

    def receive(self, data: bytes, local: Address, source: Address, now: float) -> None:
        """A datagram arrived at the address `local`."""
        ...

    def next_timer(self) -> float:
        """When `handle_timer` wants to be called; infinity for never."""
        ...

    def handle_timer(self, now: float) -> None:
        """The time of `next_timer` has come."""
        ...

    def drain(self) -> Iterable[tuple[Address, Address, bytes]]:
        """Hand over what is to be sent: local address, destination, datagram."""
        ...


class EngineNetwork:
    """The network. `now` is its clock, in seconds, and starts at `start`."""

    def __init__(
        self,
        *,
        seed: int = 0,
        profile: LinkProfile | None = None,
        start: float = 0.0,
    ) -> None:
        self.now = start
        self.profile = profile or LinkProfile()
        self.sent = 0
        self.lost = 0
        self._random = random.Random(seed)  # noqa: S311 - a simulation must be repeatable
        self._profiles: dict[tuple[str, str], LinkProfile] = {}
        self._links: dict[tuple[str, str], Link] = {}
        self._hosts: dict[Address, EngineHost] = {}
        self._unique_hosts: list[EngineHost] = []
        self._heap: list[tuple[float, int, Callable[[], EngineHost | None]]] = []
        self._counter = 0
        self._nats: dict[str, Nat] = {}
        self._public: dict[str, Nat] = {}
        self._watchers: list[Callable[[Address, Address, bytes], object]] = []

    def watch(self, watcher: Callable[[Address, Address, bytes], object]) -> None:
        """Show every datagram that hosts send, with its public source and its destination.

        The watcher may `inject` datagrams of its own.
        """
        self._watchers.append(watcher)

    def attach(self, host: EngineHost, *addresses: Address) -> None:
        """Connect a host under its addresses."""
        for address in addresses:
            self._hosts[address] = host
        if host not in self._unique_hosts:
            self._unique_hosts.append(host)

    def set_link(self, source: str, destination: str, profile: LinkProfile) -> None:
        """How the link is from one IP address to another (one direction), as seen outside NATs."""
        self._profiles[source, destination] = profile

    def add_nat(self, inside: str, outside: str) -> None:
        """Put an IP address behind an address-restricted NAT whose mappings live for ever."""
        nat = self._public.setdefault(
            outside, Nat(outside, NatKind.ADDRESS_RESTRICTED, lifetime=NEVER)
        )
        self._nats[inside] = nat

    def rebind_nat(self, inside: str) -> None:
        """Forget the mappings of the NAT of an inside address: it gets new outside ports."""
        self._nats[inside].rebind()

    def at(self, when: float, action: Callable[[], object]) -> None:
        """Run an action at a time, such as changing `profile`."""

        def act() -> None:
            action()

        self._push(when, act)

    def send(self, source: Address, destination: Address, data: bytes) -> None:
        """Put a datagram on its way."""
        nat = self._nats.get(source[0])
        if nat is not None:
            source = nat.translate(source[0], source, destination, self.now)
        for watcher in self._watchers:
            watcher(source, destination, data)
        self.inject(source, destination, data)

    def inject(self, source: Address, destination: Address, data: bytes) -> None:
        """Put a datagram on its way that only claims to come from `source`."""
        self.sent += 1
        pair = (source[0], destination[0])
        link = self._links.setdefault(pair, Link(self.profile, self._random))
        link.profile = self._profiles.get(pair, self.profile)
        arrivals = link.send(len(data), self.now)
        if isinstance(arrivals, Fate):
            self.lost += 1
            return
        for arrival in arrivals:
            self._push(arrival, lambda: self._deliver(source, destination, data))

    def run(self, duration: float = NEVER, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Let virtual time pass.

        Args:
            duration: Seconds after which to stop; `now` is then exactly that much later.
            until: Checked after every step; stops the run when true.

        Returns:
            Whether `until` was true at the end.

        Raises:
            RuntimeError: A host stays due without end.
        """
        end = self.now + duration
        for host in self._unique_hosts:
            self._drain(host)
        at_once = 0
        while not until():
            timers = [(host.next_timer(), index) for index, host in enumerate(self._unique_hosts)]
            timer, index = min(timers, default=(NEVER, 0))
            arrival = self._heap[0][0] if self._heap else NEVER
            when = min(timer, arrival)
            if when > end or when == NEVER:
                self.now = max(self.now, end) if end != NEVER else self.now
                return until()
            at_once = at_once + 1 if when <= self.now and timer <= arrival else 0
            if at_once > _MAX_TIMERS_AT_ONCE:
                raise RuntimeError(f"{self._unique_hosts[index]!r} stays due at {self.now}")
            self.now = max(self.now, when)
            if arrival <= timer:
                self._drain(heapq.heappop(self._heap)[2]())
            else:
                self._unique_hosts[index].handle_timer(self.now)
                self._drain(self._unique_hosts[index])
        return True

    def _push(self, when: float, action: Callable[[], EngineHost | None]) -> None:
        self._counter += 1
        heapq.heappush(self._heap, (when, self._counter, action))

    def _deliver(self, source: Address, destination: Address, data: bytes) -> EngineHost | None:
        if destination[0] in self._nats:
            return None  # an inside address cannot be reached from outside
        nat = self._public.get(destination[0])
        if nat is not None:
            admitted = nat.admit(destination[1], source, self.now)
            if admitted is None:
                return None
            destination = admitted[1]
        host = self._hosts.get(destination)
        if host is not None:
            host.receive(data, destination, source, self.now)
        return host

    def _drain(self, host: EngineHost | None) -> None:
        if host is None:  # an action ran, and it may have touched any host
            for each in self._unique_hosts:
                self._drain(each)
            return
        for source, destination, data in host.drain():
            self.send(source, destination, data)

"""A simulated datagram network in virtual time.

Theory of operation
-------------------

The network is a heap of (time, destination, datagram). Hosts are adapters around any sans-IO
engine: they take datagrams and timer calls, and are drained of what they want to send. `run`
always takes the earliest of the next arrival, the next host timer and the next scheduled action,
moves `now` there, and lets one host react. Nothing sleeps, so a minute of network takes
milliseconds, and the same seed gives the same run.

A link (from one host address to another) can lose, duplicate, delay, jitter and reorder datagrams
and has a rate with a bounded queue. A NAT gives an inside address an outside one, opens a hole
for each destination that was sent to, and can be rebound to new ports at any time.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from lktrio.rtc.base import NEVER, Address

__all__ = ["LinkConditions", "SimulatedHost", "SimulatedNetwork"]

_MAX_TIMERS_AT_ONCE = 1000  # a host that is still due after so many calls is broken
_FIRST_NAT_PORT = 20000


@dataclass(frozen=True, slots=True)
class LinkConditions:
    """What happens to datagrams on their way."""

    delay: float = 0.0
    """Seconds that every datagram takes."""
    jitter: float = 0.0
    """Largest extra delay in seconds, drawn evenly for each datagram; reorders."""
    loss: float = 0.0
    """Probability that a datagram is lost."""
    duplicate: float = 0.0
    """Probability that a datagram arrives twice."""
    reorder: float = 0.0
    """Probability that a datagram is held back by another `delay` (at least 10 ms)."""
    rate: float | None = None
    """Bytes per second; None for no limit."""
    queue: int = 65536
    """Bytes that may wait when there is a rate; more are lost."""


class SimulatedHost(Protocol):
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


class SimulatedNetwork:
    """The network. `now` is its clock, in seconds, and starts at `start`."""

    def __init__(
        self,
        *,
        seed: int = 0,
        conditions: LinkConditions = LinkConditions(),
        start: float = 0.0,
    ) -> None:
        self.now = start
        self.conditions = conditions
        self.sent = 0
        self.lost = 0
        self._random = random.Random(seed)  # noqa: S311 - a simulation must be repeatable
        self._links: dict[tuple[str, str], LinkConditions] = {}
        self._busy_until: dict[tuple[str, str], float] = {}
        self._hosts: dict[Address, SimulatedHost] = {}
        self._unique_hosts: list[SimulatedHost] = []
        self._heap: list[tuple[float, int, Callable[[], SimulatedHost | None]]] = []
        self._counter = 0
        self._outside: dict[str, str] = {}
        self._mappings: dict[Address, Address] = {}
        self._inside: dict[Address, Address] = {}
        self._holes: set[tuple[Address, str]] = set()
        self._next_port = _FIRST_NAT_PORT
        self._watchers: list[Callable[[Address, Address, bytes], object]] = []

    def watch(self, watcher: Callable[[Address, Address, bytes], object]) -> None:
        """Show every datagram that hosts send, with its public source and its destination.

        The watcher may `inject` datagrams of its own.
        """
        self._watchers.append(watcher)

    def attach(self, host: SimulatedHost, *addresses: Address) -> None:
        """Connect a host under its addresses."""
        for address in addresses:
            self._hosts[address] = host
        if host not in self._unique_hosts:
            self._unique_hosts.append(host)

    def set_link(self, source: str, destination: str, conditions: LinkConditions) -> None:
        """Conditions from one IP address to another (one direction), as seen outside NATs."""
        self._links[source, destination] = conditions

    def add_nat(self, inside: str, outside: str) -> None:
        """Put an IP address behind a NAT with address-dependent filtering (RFC 4787)."""
        self._outside[inside] = outside

    def rebind_nat(self, inside: str) -> None:
        """Forget the mappings of an inside address: it gets new outside ports."""
        for address in [key for key in self._mappings if key[0] == inside]:
            outside = self._mappings.pop(address)
            del self._inside[outside]
            self._holes = {hole for hole in self._holes if hole[0] != outside}

    def at(self, when: float, action: Callable[[], object]) -> None:
        """Run an action at a time, such as changing `conditions`."""

        def act() -> None:
            action()

        self._push(when, act)

    def send(self, source: Address, destination: Address, data: bytes) -> None:
        """Put a datagram on its way."""
        source = self._translate_source(source, destination)
        for watcher in self._watchers:
            watcher(source, destination, data)
        self.inject(source, destination, data)

    def inject(self, source: Address, destination: Address, data: bytes) -> None:
        """Put a datagram on its way that only claims to come from `source`."""
        self.sent += 1
        link = (source[0], destination[0])
        conditions = self._links.get(link, self.conditions)
        if self._random.random() < conditions.loss:
            self.lost += 1
            return
        copies = 2 if self._random.random() < conditions.duplicate else 1
        for _ in range(copies):
            arrival = self._arrival(link, conditions, len(data))
            if arrival is None:
                self.lost += 1
                return
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

    def _push(self, when: float, action: Callable[[], SimulatedHost | None]) -> None:
        self._counter += 1
        heapq.heappush(self._heap, (when, self._counter, action))

    def _arrival(
        self, link: tuple[str, str], conditions: LinkConditions, size: int
    ) -> float | None:
        when = self.now
        if conditions.rate is not None:
            start = max(self.now, self._busy_until.get(link, self.now))
            if (start - self.now) * conditions.rate > conditions.queue:
                return None
            when = self._busy_until[link] = start + size / conditions.rate
        when += conditions.delay + self._random.random() * conditions.jitter
        if self._random.random() < conditions.reorder:
            when += max(conditions.delay, 0.01)
        return when

    def _deliver(self, source: Address, destination: Address, data: bytes) -> SimulatedHost | None:
        if destination in self._inside:
            if (destination, source[0]) not in self._holes:
                return None
            destination = self._inside[destination]
        elif destination[0] in self._outside:
            return None  # an inside address cannot be reached from outside
        host = self._hosts.get(destination)
        if host is not None:
            host.receive(data, destination, source, self.now)
        return host

    def _translate_source(self, source: Address, destination: Address) -> Address:
        outside_host = self._outside.get(source[0])
        if outside_host is None:
            return source
        if source not in self._mappings:
            self._next_port += 1
            self._mappings[source] = (outside_host, self._next_port)
            self._inside[self._mappings[source]] = source
        self._holes.add((self._mappings[source], destination[0]))
        return self._mappings[source]

    def _drain(self, host: SimulatedHost | None) -> None:
        if host is None:  # an action ran, and it may have touched any host
            for each in self._unique_hosts:
                self._drain(each)
            return
        for source, destination, data in host.drain():
            self.send(source, destination, data)

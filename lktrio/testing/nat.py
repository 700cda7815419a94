"""Network address translation between hosts and the rest of the network.

Theory of operation: a NAT has one public address. A datagram from inside gets a public port, its
*mapping*, and opens the mapping for answers; a datagram from outside comes in if the *filter* of
the mapping lets it. The four kinds that everybody talks about (RFC 3489 section 5) are
combinations of the two behaviours that RFC 4787 tells apart:

==================  ====================  ==================================
kind                mapping depends on    comes in from
==================  ====================  ==================================
full cone           the inside address    everywhere
address-restricted  the inside address    addresses that were sent to
port-restricted     the inside address    addresses and ports that were
symmetric           the destination too   addresses and ports that were
==================  ====================  ==================================

A mapping lives for so long after the last datagram from inside (RFC 4787 section 4.3). Connections
of TCP are let out and never in.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from lktrio.rtc.base import Address

__all__ = ["Nat", "NatKind"]

_FIRST_PORT = 20_000
_LAST_PORT = 65_535


class NatKind(enum.StrEnum):
    """How a NAT maps and filters."""

    FULL_CONE = "full cone"
    """One mapping, open to everybody."""
    ADDRESS_RESTRICTED = "address-restricted"
    """One mapping, open to addresses that were sent to."""
    PORT_RESTRICTED = "port-restricted"
    """One mapping, open to addresses and ports that were sent to."""
    SYMMETRIC = "symmetric"
    """A mapping for each destination, open to it alone."""


@dataclass(slots=True)
class _Mapping:
    inside: Address
    outside: Address
    owner: str
    used: float
    peers: set[Address] = field(default_factory=set[Address])


class Nat:
    """A NAT; made by ``SimulatedNetwork.nat``.

    Args:
        address: Its public address.
        kind: How it maps and filters.
        lifetime: Seconds for which a mapping lives after the last datagram from inside.
        hairpin: Whether hosts inside reach each other by the public address.

    Attributes:
        generation: Counts ``rebind``; connections of another generation are dead.
    """

    def __init__(
        self,
        address: str,
        kind: NatKind = NatKind.PORT_RESTRICTED,
        *,
        lifetime: float = 120.0,
        hairpin: bool = False,
    ) -> None:
        self.address = address
        self.kind = kind
        self.lifetime = lifetime
        self.hairpin = hairpin
        self.generation = 0
        self._next_port = _FIRST_PORT
        self._by_inside: dict[tuple[str, Address, Address | None], _Mapping] = {}
        self._by_port: dict[int, _Mapping] = {}

    def __repr__(self) -> str:
        return f"<Nat {self.address} {self.kind}>"

    def rebind(self) -> None:
        """Forget every mapping, as after a restart: hosts get new ports, connections are dead."""
        self.generation += 1
        self._by_inside.clear()
        self._by_port.clear()

    def translate(self, owner: str, inside: Address, destination: Address, now: float) -> Address:
        """The public address of a datagram that leaves.

        Args:
            owner: Name of the host that sends it.
            inside: Its source.
            destination: Where it goes.
            now: The time.
        """
        symmetric = self.kind is NatKind.SYMMETRIC
        key = (owner, inside, destination if symmetric else None)
        mapping = self._by_inside.get(key)
        if mapping is None or now > mapping.used + self.lifetime:
            self._forget_old(now)
            outside = (self.address, self.new_port())
            mapping = _Mapping(inside, outside, owner, now)
            self._by_inside[key] = self._by_port[outside[1]] = mapping
        mapping.used = now
        mapping.peers.add(destination)
        return mapping.outside

    def admit(self, port: int, source: Address, now: float) -> tuple[str, Address] | None:
        """Where a datagram from outside goes, if it may: the host and its address inside."""
        mapping = self._by_port.get(port)
        if mapping is None or now > mapping.used + self.lifetime:
            return None
        if self.kind is NatKind.FULL_CONE:
            allowed = True
        elif self.kind is NatKind.ADDRESS_RESTRICTED:
            allowed = any(peer[0] == source[0] for peer in mapping.peers)
        else:
            allowed = source in mapping.peers
        return (mapping.owner, mapping.inside) if allowed else None

    def new_port(self) -> int:
        """A public port that no mapping has."""
        while True:
            self._next_port += 1
            if self._next_port > _LAST_PORT:
                self._next_port = _FIRST_PORT
            if self._next_port not in self._by_port:
                return self._next_port

    def _forget_old(self, now: float) -> None:
        for key, mapping in list(self._by_inside.items()):
            if now > mapping.used + self.lifetime:
                del self._by_inside[key], self._by_port[mapping.outside[1]]

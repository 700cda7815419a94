"""Which ways to the server media and data may take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["IcePolicy"]

_PORTS = 65_536


@dataclass(frozen=True, slots=True)
class IcePolicy:
    """Which ways to the server media and data may take.

    The default is what a browser does: UDP where it works, TCP where it does not.
    """

    udp: bool = True
    """Whether to use UDP."""
    tcp: bool = True
    """Whether to connect by TCP where UDP does not work: to the server (RFC 6544), and to TURN
    servers."""
    turn: bool = True
    """Whether to use TURN servers, those that the server names and those of the options."""
    relay_only: bool = False
    """Whether to use nothing but TURN servers, and to tell the server no other address."""
    ipv6_only: bool = False
    """Whether to use no IPv4 addresses."""
    addresses: Callable[[str], bool] | None = None
    """Which local addresses to use, given as numeric text; None for all."""
    udp_ports: range | None = None
    """The local ports to use for UDP; None for any. Each peer connection needs one for each local
    address (see ``RoomOptions.single_peer_connection``)."""

    def __post_init__(self) -> None:
        if not (self.udp or self.tcp):
            raise ValueError("with neither UDP nor TCP there is no way to the server")
        if self.relay_only and not self.turn:
            raise ValueError("relay_only needs TURN servers")
        ports = self.udp_ports
        if ports is not None and not (ports and 0 < min(ports) <= max(ports) < _PORTS):
            raise ValueError(f"ports are numbers from 1 to {_PORTS - 1}, not {ports}")

    def select(self, addresses: Sequence[str]) -> list[str]:
        """Those of the addresses of this machine that may be used."""
        return [
            address
            for address in addresses
            if (":" in address or not self.ipv6_only)
            and (self.addresses is None or self.addresses(address))
        ]

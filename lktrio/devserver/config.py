"""How a server is set up, as its rooms and participants need to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lktrio.devserver.ice_tcp import IceTcpPort
from lktrio.net.network import Network

__all__ = ["ServerConfig"]


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How one server is set up."""

    keys: Mapping[str, str] = field(repr=False)
    """API keys and their secrets."""
    network: Network
    """Where peer connections open their sockets, and identifiers get their randomness."""
    media_addresses: tuple[str, ...]
    """On which of its addresses."""
    node_id: str
    """``ND_…``."""
    ice_tcp: IceTcpPort | None = None
    """Where clients connect that cannot use UDP."""
    auto_create: bool = True
    """Whether joining makes the room."""
    ice_lite: bool = True
    """Whether to leave connectivity checks to the clients."""

    @property
    def first_key(self) -> tuple[str, str]:
        """Key and secret that the server signs with."""
        return next(iter(self.keys.items()))

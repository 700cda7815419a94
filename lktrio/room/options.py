"""What a caller chooses about a room."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from lktrio.net.network import Network, StreamOpener
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.signal import Timeouts as SignalTimeouts

__all__ = ["RoomOptions", "Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines of the phases of a room, in seconds. Everything else waits for the caller."""

    signal: SignalTimeouts = field(default_factory=SignalTimeouts)
    """Connecting, joining, requests, and the goodbye."""
    transport: float = 15.0
    """From the join to an encrypted path for media."""
    negotiation: float = 15.0
    """From an offer to its answer."""
    data_channel: float = 10.0
    """From the first wish to send data to an open channel."""


@dataclass(frozen=True, slots=True)
class RoomOptions:
    """How to join a room and what to do in it."""

    auto_subscribe: bool = True
    """Whether the server sends every track without being asked."""
    adaptive_stream: bool = False
    """Whether video subscriptions start at the lowest quality."""
    single_peer_connection: bool = True
    """Use LiveKit's newer signalling with one peer connection if the server knows it."""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Attributes of ours beside the token's; needs ``can_update_own_metadata``."""
    loopback: bool | None = None
    """Whether to offer loopback addresses for media; None: if the server's URL is one."""
    ssl_context: ssl.SSLContext | None = None
    """For TLS with the server; None trusts what the system trusts."""
    network: Network = SYSTEM_NETWORK
    """The machine's network: sockets, names and addresses; tests may simulate one."""
    open_tcp_stream: StreamOpener | None = None
    """Opens the byte stream to the server's host and port, such as through a tunnel; None for the
    network's own. TLS is put on top."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """Deadlines."""

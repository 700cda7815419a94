"""What a caller chooses about a room."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lktrio._timeouts import Timeouts
from lktrio.net.network import Network, StreamOpener
from lktrio.net.system import SYSTEM_NETWORK

__all__ = ["RoomOptions", "Timeouts"]


@dataclass(frozen=True, slots=True)
class RoomOptions:
    """How to join a room and what to do in it."""

    auto_subscribe: bool = True
    """Whether the server sends every track without being asked."""
    adaptive_stream: bool = False
    """Whether video subscriptions start at the lowest quality, until somebody reads the track."""
    single_peer_connection: bool = True
    """Use LiveKit's newer signalling with one peer connection if the server knows it."""
    packet_codecs: Sequence[str] = ()
    """Video codecs to receive though only their packets can be read: ``"VP9"``, ``"AV1"``,
    ``"H265"``. A server sends a track in the first of its codecs that we take: with VP9 here, a
    browser's VP9 comes as packets, and without as its backup, VP8."""
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

"""What a caller chooses about a room."""

from __future__ import annotations

import math
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lktrio._proxies import find_proxy
from lktrio._timeouts import Timeouts
from lktrio.net.ice_policy import IcePolicy
from lktrio.net.network import Network, StreamOpener
from lktrio.net.relaying import IceServer
from lktrio.net.system import SYSTEM_NETWORK

if TYPE_CHECKING:  # loads what only a log needs
    from lktrio.net.packet_log import PacketLog

__all__ = ["IcePolicy", "IceServer", "ReconnectPolicy", "RoomOptions", "Timeouts"]


@dataclass(frozen=True, slots=True)
class ReconnectPolicy:
    """What is done when the link with the server is lost.

    The defaults are those of livekit-client: ten tries, with about 45 s of delays between them. A
    try takes time of its own, at most what `Timeouts` says.
    """

    delays: Sequence[float] = (0.0, 0.3, 1.2, 2.7, 4.8, 7.0, 7.0, 7.0, 7.0, 7.0)
    """Seconds before each try; as many tries as there are delays. A link that works for 10 s
    begins anew. What the server asks for (``leave`` with RESUME or RECONNECT) begins without the
    first delay."""
    jitter: float = 0.5
    """By which part of itself a delay may be shorter or longer, at random, from the second try on:
    so that the participants of a server that was lost do not come back all at once."""
    deadline: float = math.inf
    """Seconds from the loss after which no further try begins."""
    resume: bool = True
    """Whether the session may go on over a new link."""
    restart: bool = True
    """Whether a new join may take its place, with other SIDs."""

    def __post_init__(self) -> None:
        if not all(math.isfinite(delay) and delay >= 0 for delay in self.delays):
            raise ValueError(f"delays are seconds from 0 on, not {list(self.delays)}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter is a part between 0 and 1, not {self.jitter}")
        if not self.deadline >= 0:
            raise ValueError(f"a deadline is seconds from 0 on, not {self.deadline}")


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
    encryption: bool = False
    """Whether what we publish and send has to be encrypted from end to end. That is not there yet:
    with True it is refused with ``EncryptionUnavailable``, so that nothing leaves in the clear."""
    loopback: bool | None = None
    """Whether to offer loopback addresses for media; None: if the server's URL is one."""
    ice: IcePolicy = field(default_factory=IcePolicy)
    """Which ways media and data may take: UDP, TCP, TURN."""
    ice_servers: Sequence[IceServer] = ()
    """STUN and TURN servers beside those that the LiveKit server names."""
    ssl_context: ssl.SSLContext | None = None
    """For TLS with the server, with TURN servers and with a proxy; None trusts what the system
    trusts."""
    network: Network = SYSTEM_NETWORK
    """The machine's network: sockets, names and addresses; tests may simulate one."""
    open_tcp_stream: StreamOpener | None = None
    """Opens the byte stream to the server's host and port, such as through a tunnel; None for the
    network's own. TLS is put on top."""
    proxy: str | None = field(default=None, repr=False)
    """URL of a proxy: ``http://``, ``https://``, ``socks5://`` or ``socks5h://``, with name and
    password if it asks for them (``http://name:password@proxy:3128``). Signalling and what media
    sends over TCP and TLS go through it, UDP does not. None does what the environment says
    (``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``) unless there is an
    ``open_tcp_stream``; empty uses none. The proxy itself is reached by ``open_tcp_stream``."""
    regions: bool = True
    """Whether other regions of LiveKit Cloud are tried when the one of the URL cannot be reached,
    at the first join and later."""
    join_retries: int = 1
    """How often the first join is tried again, after 0.3 s, when the server cannot be reached or
    fails; what it refuses is not tried again."""
    reconnect: ReconnectPolicy | None = field(default_factory=ReconnectPolicy)
    """What is done when the link with the server is lost; None ends the room, for programs that
    join again by themselves."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """Deadlines."""
    packet_log: PacketLog | None = None
    """Where media and data are noted, packet by packet, for Wireshark (see ``open_packet_log``): in
    clear, and with keys. None, as usual, for nowhere."""

    def __post_init__(self) -> None:
        find_proxy(self.proxy, "")

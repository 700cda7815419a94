"""From a URL and a token to the link with a server: signalling and peer connections.

Theory of operation: with one peer connection the offer travels in the join request, so its sockets
are opened and its certificate is made before the server is even asked. A server that only knows
two peer connections makes that offer useless: the connection is closed, and two others take its
place. Nothing here runs yet; the drivers of the connections are started by the session.
"""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lktrio import proto
from lktrio.net.network import Network
from lktrio.room.options import RoomOptions
from lktrio.room.session.peer_connection import PeerConnection
from lktrio.rtc.capabilities import PACKET_CODECS, MediaCapabilities
from lktrio.signal import SignalConnection, SignalOptions, open_signal
from lktrio.signal.urls import SignalUrl

__all__ = ["ServerLink", "open_link"]


@dataclass(frozen=True, slots=True)
class ServerLink:
    """What connects us with a server."""

    signal: SignalConnection
    """The signalling."""
    join: proto.JoinResponse
    """The server's answer to the join."""
    outgoing: PeerConnection
    """The peer connection that we offer: for what we send and, if it is the only one, receive."""
    incoming: PeerConnection | None
    """The one that the server offers, for what we receive; None with a single connection."""
    local: bool
    """Whether the server is on this machine."""

    @property
    def connections(self) -> tuple[PeerConnection, ...]:
        """All peer connections."""
        return (self.outgoing,) if self.incoming is None else (self.outgoing, self.incoming)

    @property
    def primary(self) -> PeerConnection:
        """The connection without which nothing works."""
        if self.incoming is not None and self.join.subscriber_primary:
            return self.incoming
        return self.outgoing

    async def leave(self, reason: proto.DisconnectReason) -> None:
        """Leave: LEAVE, then the peer connections, then the socket. Idempotent.

        Cannot be cancelled, takes at most `Timeouts.leave`, and never fails. The server has read
        LEAVE when its closing frame is here, so only then the peer connections are closed, and the
        stream of the signalling.
        """
        await self.signal.finish(reason)
        for connection in self.connections:
            connection.close()


class _Connections:
    """The connections made so far."""

    def __init__(
        self, addresses: Sequence[str], network: Network, capabilities: MediaCapabilities
    ) -> None:
        self._capabilities = capabilities
        self.opened: list[PeerConnection] = []
        self._addresses = addresses
        self._network = network

    def open(self, target: proto.SignalTarget) -> PeerConnection:
        connection = PeerConnection(target, self._addresses, self._network, self._capabilities)
        self.opened.append(connection)
        return connection

    def open_outgoing(self) -> PeerConnection:
        connection = self.open(proto.SignalTarget.PUBLISHER)
        connection.open_data_channels()
        return connection

    def make_offer(self) -> proto.SessionDescription:
        connection = self.open_outgoing()
        connection.add_receiving_sections()
        return connection.offer()

    def close(self) -> None:
        for connection in self.opened:
            connection.close()
        self.opened.clear()


@asynccontextmanager
async def open_link(url: str, token: str, options: RoomOptions) -> AsyncGenerator[ServerLink, None]:
    """Join, and leave at the end of the block.

    Raises:
        ConnectError: Joining failed; the subclass says in which way.
        RemoteProtocolError: The server's answer makes no sense.
        ValueError: The URL or the token cannot be one.
    """
    local = _is_loopback(SignalUrl.parse(url).host)
    loopback = local if options.loopback is None else options.loopback
    network = options.network
    addresses = network.local_addresses(loopback=loopback)
    connections = _Connections(addresses, network, _capabilities(options.packet_codecs))
    try:
        async with open_signal(
            url,
            token,
            _signal_options(options),
            make_offer=connections.make_offer,
            timeouts=options.timeouts,
            ssl_context=options.ssl_context,
            connect=options.open_tcp_stream or network.open_tcp_stream,
        ) as signal:
            assert signal.join is not None  # nothing was resumed
            if signal.version == "v1":
                (outgoing,), incoming = connections.opened, None
            else:
                connections.close()
                outgoing = connections.open_outgoing()
                incoming = connections.open(proto.SignalTarget.SUBSCRIBER)
            yield ServerLink(signal, signal.join, outgoing, incoming, local)
    finally:
        connections.close()


def _capabilities(packet_codecs: Sequence[str]) -> MediaCapabilities:
    known = {one.name.lower(): one for one in PACKET_CODECS}
    for name in packet_codecs:
        if name.lower() not in known:
            names = ", ".join(one.name for one in PACKET_CODECS)
            raise ValueError(f"{name!r} cannot be a packet codec; these can: {names}")
    more = [known[name.lower()] for name in packet_codecs]
    return MediaCapabilities(video_codecs=(*MediaCapabilities().video_codecs, *more))


def _signal_options(options: RoomOptions) -> SignalOptions:
    return SignalOptions(
        auto_subscribe=options.auto_subscribe,
        adaptive_stream=options.adaptive_stream,
        attributes=options.attributes,
        single_peer_connection=options.single_peer_connection,
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

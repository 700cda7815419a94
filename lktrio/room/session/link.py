"""From a URL and a token to the link with a server: signalling and peer connections.

Theory of operation: a link is what comes of one join. Its peer connections stay the same for as
long as it lives; the signalling is replaced when the session is resumed. With one peer connection
the offer travels in the join request, so its sockets are opened and its certificate is made before
the server is even asked. A server that only knows two peer connections makes that offer useless:
the connection is closed, and two others take its place. Nothing here runs yet; the drivers of the
connections are started by the session.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import ConnectError, RemoteProtocolError
from lktrio.net.proxy import MediaDialer
from lktrio.room.options import RoomOptions
from lktrio.room.session.dialing import dialer_of
from lktrio.room.session.negotiation import OfferExchange
from lktrio.room.session.peer_connection import PeerConnection
from lktrio.room.session.sections import SendingSections
from lktrio.room.session.states import LinkLoss, may_resume_again, signal_loss
from lktrio.rtc.capabilities import PACKET_CODECS, MediaCapabilities
from lktrio.signal import Resume, SignalConnection, SignalOptions, open_signal
from lktrio.signal.urls import SignalUrl

__all__ = ["ServerLink", "open_link", "resume_link", "tell_leaving"]

_log = logging.getLogger("lktrio.room")


_FAREWELLS = 2  # tries to leave a session whose signalling is lost
_SUSPEND_TIME = 0.3  # seconds; a server that is gone does not answer a closing frame


@dataclass(slots=True, eq=False)
class ServerLink:
    """What connects us with a server, by one join."""

    signal: SignalConnection
    """The signalling, the newest if the session was resumed."""
    join: proto.JoinResponse
    """The server's answer to the join."""
    outgoing: PeerConnection
    """The peer connection that we offer: for what we send and, if it is the only one, receive."""
    incoming: PeerConnection | None
    """The one that the server offers, for what we receive; None with a single connection."""
    local: bool
    """Whether the server is on this machine, and not on that of a proxy."""
    addresses: list[str]
    """The addresses of this machine that its connections began with."""
    loopback: bool
    """Whether loopback addresses are among them."""
    negotiation: OfferExchange
    """Our offers on ``outgoing``."""
    sections: SendingSections
    """The sections of ``outgoing`` that carry tracks of ours."""
    relay_forced: bool = False
    """Whether the server wants us to use TURN servers alone."""
    told: bool = False
    """Whether the server was told that we leave."""
    moved: bool = False
    """Whether media needs another way than the one that was last negotiated."""

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

    async def suspend(self) -> None:
        """Close the signalling without a word, as we come back. Takes at most 0.3 s."""
        await self.signal.finish(None, deadline=trio.current_time() + _SUSPEND_TIME)
        await trio.lowlevel.checkpoint()

    async def leave(self, reason: proto.DisconnectReason) -> None:
        """Leave: LEAVE, then the peer connections, then the socket. Idempotent.

        Cannot be cancelled, takes at most `Timeouts.leave`, and never fails. The server has read
        LEAVE when its closing frame is here, so only then the peer connections are closed, and the
        stream of the signalling.
        """
        self.told = self.told or self.signal.close_reason is None
        await self.signal.finish(reason)
        for connection in self.connections:
            connection.close()


class _Connections:
    """The connections made so far."""

    def __init__(self, url: str, addresses: Sequence[str], options: RoomOptions) -> None:
        self._dialer = MediaDialer(dialer_of(options), url)
        self._capabilities = _capabilities(options.packet_codecs)
        self.opened: list[PeerConnection] = []
        self._addresses = addresses
        self._options = options

    def open(self, target: proto.SignalTarget) -> PeerConnection:
        connection = PeerConnection(
            target,
            self._addresses,
            self._options.network,
            self._capabilities,
            self._options.ice,
            self._options.ssl_context,
            self._dialer,
            self._options.packet_log,
        )
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
    opener = dialer_of(options).opener(url)
    local = _is_loopback(SignalUrl.parse(url).host) and not opener.through
    loopback = local if options.loopback is None else options.loopback
    network = options.network
    addresses = network.local_addresses(loopback=loopback)
    connections = _Connections(url, addresses, options)
    try:
        async with open_signal(
            url,
            token,
            _signal_options(options),
            make_offer=connections.make_offer,
            timeouts=options.timeouts,
            ssl_context=options.ssl_context,
            connect=opener,
            wall_time=network.wall_time,
        ) as signal:
            assert signal.join is not None  # nothing was resumed
            if signal.version == "v1":
                (outgoing,), incoming = connections.opened, None
            else:
                connections.close()
                outgoing = connections.open_outgoing()
                incoming = connections.open(proto.SignalTarget.SUBSCRIBER)
            negotiation = OfferExchange(
                outgoing, options.timeouts.negotiation, first_offer_is_out=incoming is None
            )
            yield ServerLink(
                signal=signal,
                join=signal.join,
                outgoing=outgoing,
                incoming=incoming,
                local=local,
                addresses=list(addresses),
                loopback=loopback,
                negotiation=negotiation,
                sections=SendingSections(outgoing, negotiation),
            )
    finally:
        connections.close()


@asynccontextmanager
async def resume_link(
    link: ServerLink, url: str, loss: LinkLoss, options: RoomOptions
) -> AsyncGenerator[None, None]:
    """Give a link new signalling, for the same session; leave at the end of the block.

    Raises:
        ConnectError: That failed; ``LeaveReceived`` if the server does not know the session.
        RemoteProtocolError: The server's answer makes no sense.
    """
    join = link.join
    assert join.participant is not None  # checked when it came
    resume = Resume(
        participant_sid=join.participant.sid,
        version=link.signal.version,
        reason=loss.resume_reason,
        ping_interval=float(join.ping_interval),
        ping_timeout=float(join.ping_timeout),
    )
    async with open_signal(
        url,
        link.signal.token,
        _signal_options(options),
        resume=resume,
        timeouts=options.timeouts,
        ssl_context=options.ssl_context,
        connect=dialer_of(options).opener(url),
        wall_time=options.network.wall_time,
    ) as signal:
        if signal.join is not None:
            raise RemoteProtocolError("the server answered our resume with a new session")
        link.signal = signal
        yield


async def tell_leaving(  # noqa: ASYNC910 - must not be cancelled
    link: ServerLink, url: str, options: RoomOptions
) -> None:
    """Leave a session whose signalling is lost: take it up once more, only to say so.

    LiveKit's server would keep us in the room for up to 20 s. Cannot be cancelled, takes at most
    `Timeouts.leave`, and never fails.
    """
    if link.told or link.signal.close_reason is None or link.signal.server_leave is not None:
        return  # noqa: ASYNC910 - as above
    link.told = True
    seconds = options.timeouts.leave / 2  # cancelled, `open_signal` takes as much once more
    options = replace(options, timeouts=replace(options.timeouts, leave=seconds))
    with trio.CancelScope(shield=True, deadline=trio.current_time() + seconds):
        for _ in range(_FAREWELLS):
            try:
                async with resume_link(link, url, signal_loss("leaving"), options):
                    await trio.lowlevel.checkpoint()
                return  # noqa: ASYNC910 - as above
            except (ConnectError, RemoteProtocolError) as error:
                _log.debug("the server was not told that we leave: %s", printable(str(error)))
                if not may_resume_again(error):
                    return  # noqa: ASYNC910 - as above


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

"""One peer connection with its sockets.

Theory of operation: LiveKit knows two arrangements. In the newer one (``v1``) there is a single
peer connection that the client always offers; the server asks for sections to send in with
``media_sections_requirement``. In the older one (``v0``) there are two: the *publisher*, offered
by the client, carries what we send, and the *subscriber*, offered by the server, what we receive,
data channels included. Both are the same thing here: a list of connections, of which the
publisher is ours to negotiate.
"""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

import trio

from lktrio import proto
from lktrio.net import IcePolicy
from lktrio.net.driver import PeerDriver
from lktrio.net.network import Network
from lktrio.net.proxy import MediaDialer
from lktrio.room.state.media_path import MediaPath
from lktrio.room.state.stats import ConnectionStats
from lktrio.rtc.capabilities import MediaCapabilities, MediaKind
from lktrio.rtc.datachannel import DataChannel, DataChannelOpened
from lktrio.rtc.dtls import Certificate, DtlsOptions
from lktrio.rtc.ice import Pair
from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent
from lktrio.rtc.rtp.extensions import AudioLevel
from lktrio.rtc.rtp.inbound import InboundStream
from lktrio.rtc.rtp.outbound import OutboundStream
from lktrio.rtc.transport import TransportOptions, TransportState, TransportStateChanged
from lktrio.signal import OfferNumbers

if TYPE_CHECKING:  # loads what only a log needs
    from lktrio.net.packet_log import PacketLog

__all__ = ["DATA_TRACK", "LOSSY", "RELIABLE", "UDP_BLOCKED", "PeerConnection"]

RELIABLE = "_reliable"
LOSSY = "_lossy"
UDP_BLOCKED = (
    "are UDP and TCP blocked between this machine and the server's media ports? A TURN server "
    "helps there (RoomOptions.ice_servers, or turn of the server's configuration)"
)
DATA_TRACK = "_data_track"
_LABELS = frozenset({RELIABLE, LOSSY, DATA_TRACK})
_NOT_UP = frozenset((TransportState.DISCONNECTED, TransportState.FAILED))
_INITIAL_SECTIONS: tuple[MediaKind, ...] = ("audio",) * 3 + ("video",) * 3
"""What livekit-client and the Rust SDK offer, so that the first tracks need no second offer."""


class PeerConnection:
    """One peer connection with its sockets.

    Args:
        target: The server's name for it.
        addresses: Local addresses to open sockets on.
        network: Where to open them.
        capabilities: What is received and sent.
        policy: Which ways to the server may be taken.
        ssl_context: For TURN servers over TLS.
        dialer: Opens streams, perhaps through a proxy; None for the network's own.
        packet_log: Where its packets are noted, if anywhere.

    Attributes:
        channels: Those data channels that LiveKit uses, by label; the newest of a label.
        connected: Set while the transport is up; also when it never will be again.
        handle_event: Called synchronously with this connection and every event.

    The sockets are open from construction until ``close``, or until the driver has ended.
    """

    def __init__(
        self,
        target: proto.SignalTarget,
        addresses: Sequence[str],
        network: Network,
        capabilities: MediaCapabilities,
        policy: IcePolicy,
        ssl_context: ssl.SSLContext | None = None,
        dialer: MediaDialer | None = None,
        packet_log: PacketLog | None = None,
    ) -> None:
        self.target = target
        self.numbers = OfferNumbers()
        self.channels: dict[str, DataChannel] = {}
        self.connected = trio.Event()
        self.handle_event: Callable[[PeerConnection, PeerEvent], None] = _ignore
        self._given_up = False
        now = network.wall_time()
        ntp_offset = now - trio.current_time()
        log, dtls = None, DtlsOptions()
        if packet_log is not None:
            log = packet_log.open_connection(_name(target), ntp_offset)
            dtls = DtlsOptions(key_log=log.secured)
        self.peer = Peer(
            PeerConfig(
                capabilities=capabilities,
                transport=TransportOptions(relay_only=policy.relay_only, dtls=dtls),
            ),
            certificate=Certificate.generate(
                datetime.datetime.fromtimestamp(now, datetime.UTC), random=network.random_bytes
            ),
            random=network.random_bytes,
            ntp_offset=ntp_offset,
        )
        self.driver = PeerDriver(
            self.peer,
            self._on_event,
            addresses,
            network,
            policy,
            ssl_context=ssl_context,
            dialer=dialer,
            tap=log,
        )

    def _on_event(self, event: PeerEvent) -> None:
        if isinstance(event, DataChannelOpened) and event.channel.label in _LABELS:
            self.channels[event.channel.label] = event.channel
        elif isinstance(event, TransportStateChanged):
            self._follow(event.state)
        self.handle_event(self, event)

    def _follow(self, state: TransportState) -> None:
        if state is TransportState.CONNECTED:
            self.connected.set()
        elif state in _NOT_UP and self.connected.is_set() and not self._given_up:
            self.connected = trio.Event()

    @property
    def interrupted(self) -> bool:
        """Whether nothing was heard for seconds over what worked."""
        return self.peer.state is TransportState.DISCONNECTED

    @property
    def path(self) -> MediaPath | None:
        """Which way it takes to the server, once that is agreed on."""
        pair = self.peer.selected_pair
        if pair is None:
            return None
        return MediaPath(
            connection="publisher" if self.target is proto.SignalTarget.PUBLISHER else "subscriber",
            transport=_transport(self.peer, pair),
            relayed=pair.base.type == "relay",
            local=(pair.local.address, pair.local.port),
            remote=pair.address,
            round_trip=pair.round_trip,
        )

    @property
    def in_use(self) -> bool:
        """Whether it was ever described."""
        return self.peer.local_description is not None

    @property
    def local_description(self) -> str | None:
        """Our newest description, or None."""
        return self.peer.local_description

    @property
    def remote_description(self) -> str | None:
        """The server's newest description, or None."""
        return self.peer.remote_description

    @property
    def works(self) -> bool:
        """Whether the transport is up, and something was heard in the last seconds."""
        return self.peer.is_connected

    def stats(self) -> ConnectionStats:
        """What is known of it now."""
        peer = self.peer
        return ConnectionStats(
            target=_name(self.target),
            state=peer.state.value,
            path=self.path,
            association=peer.association,
            available_bitrate=peer.available_bitrate,
            counters=peer.counters | self.driver.counters,
        )

    def open_data_channels(self) -> None:
        """Prepare the three channels that LiveKit uses, before the first offer."""
        create = self.peer.create_data_channel
        self.channels[RELIABLE] = create(RELIABLE)
        self.channels[LOSSY] = create(LOSSY, ordered=False, max_retransmits=0)
        self.channels[DATA_TRACK] = create(DATA_TRACK, ordered=False, max_retransmits=0)

    def add_receiving_sections(self, kinds: Sequence[MediaKind] = _INITIAL_SECTIONS) -> None:
        """Add sections for the server to send in (single peer connection only)."""
        for kind in kinds:
            self.peer.add_transceiver(kind, "recvonly")

    def offer(self, *, ice_restart: bool = False) -> proto.SessionDescription:
        """Make an offer as it goes to the server."""
        sdp = self.peer.create_offer(trio.current_time(), ice_restart=ice_restart)
        return proto.SessionDescription(type="offer", sdp=sdp, id=self.numbers.next())

    def cancel_offer(self) -> None:
        """Withdraw the offer that waits for an answer."""
        self.peer.cancel_offer()

    def answer(self, offer: proto.SessionDescription) -> proto.SessionDescription:
        """Answer an offer of the server.

        Raises:
            RemoteProtocolError: The offer cannot be understood.
        """
        now = trio.current_time()
        self.peer.set_offer(offer.sdp, now)
        sdp = self.peer.create_answer(now)
        self.driver.flush()
        return proto.SessionDescription(type="answer", sdp=sdp, id=offer.id)

    def take_answer(self, answer: proto.SessionDescription) -> bool:
        """Take over the server's answer; False if it answers an older offer of ours.

        Raises:
            RemoteProtocolError: The answer cannot be understood.
        """
        if not self.numbers.answers_latest(answer):
            return False
        self.peer.set_answer(answer.sdp, trio.current_time())
        self.driver.flush()
        return True

    def add_remote_candidate(self, candidate: str) -> None:
        """Take a candidate that the server trickled.

        Raises:
            RemoteProtocolError: It is malformed.
        """
        self.peer.add_remote_candidate(candidate, trio.current_time())
        self.driver.flush()

    def send(self, datagrams: Sequence[bytes]) -> None:
        """Send packets of media. Never waits."""
        self.peer.send(datagrams)
        self.driver.flush()

    def send_frame(
        self,
        stream: OutboundStream,
        data: bytes,
        timestamp: int,
        now: float,
        level: AudioLevel | None,
    ) -> float:
        """Send a frame; returns the seconds until all of it has left. Never waits."""
        spread = self.peer.send_frame(stream, data, timestamp, now, level=level)
        self.driver.flush()
        return spread

    def request_keyframe(self, stream: InboundStream) -> None:
        """Ask the sender of a stream for a keyframe. Never waits."""
        self.peer.request_keyframe(stream, trio.current_time())
        self.driver.flush()

    def give_up(self) -> None:
        """Nobody needs to wait for this connection any more. Idempotent."""
        self._given_up = True
        self.connected.set()

    def close(self) -> None:
        """Tell the server without blocking, and close the sockets. Idempotent."""
        self.give_up()
        self.handle_event = _ignore
        self.driver.close()


def _name(target: proto.SignalTarget) -> str:
    return (proto.SignalTarget(target).name or str(target)).lower()


def _transport(peer: Peer, pair: Pair) -> Literal["udp", "tcp", "tls"]:
    """How packets leave this machine."""
    match peer.relay_transport:
        case "tcp":
            return "tcp"
        case "tls":
            return "tls"
        case _:
            return "tcp" if pair.is_stream else "udp"


def _ignore(connection: PeerConnection, event: PeerEvent) -> None:
    """Nobody looks at the connection yet."""

"""The transport of a peer connection: one encrypted path for media and data.

Theory of operation: ICE finds a path, DTLS runs over it and proves that the peer is the one whose
certificate fingerprint was signalled, and from DTLS come the keys of SRTP and the tunnel for SCTP
with its data channels. All of them share the sockets; the first byte of a datagram tells whose it
is (RFC 7983). DTLS is fed only from addresses that ICE has validated, which keeps most of what is
forged away from the handshake; SRTP authenticates itself and is taken from any address. ICE is told
where authentic packets came from, since a lite agent moves on nothing less.

When another host takes the peer's place, as when a session moves to another server, a description
brings another fingerprint and other ICE credentials. Then DTLS begins anew, and with it SRTP and
SCTP (RFC 8842 section 4): nothing is sent until the new path is secured, and what the old peer sent
is over.

What arrives too early is held, within bounds: DTLS records until the peer's fingerprint is known
and ICE has validated where they came from. Media before the keys is dropped, as it could not be
read later either.
"""

from __future__ import annotations

import enum
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.base import Address, RandomBytes, Transmit, flatten_counters
from lktrio.rtc.datachannel import DataChannelEvent, DataChannels
from lktrio.rtc.dtls import (
    Certificate,
    DtlsAborted,
    DtlsConnected,
    DtlsEndpoint,
    DtlsOptions,
    DtlsStats,
)
from lktrio.rtc.ice import IceAgent, IceRole, IceState, IceStateChanged
from lktrio.rtc.ice.candidate import Candidate, host_candidate, stream_candidate
from lktrio.rtc.ice.gather import CandidateGathered, StunGatherer
from lktrio.rtc.ice.messages import remote_credentials
from lktrio.rtc.negotiation import RemoteTransport
from lktrio.rtc.paths import StreamRequest, path_numbers
from lktrio.rtc.relays import RelayOpened, Relays, TurnServer
from lktrio.rtc.sctp import SctpAssociation, SctpOptions
from lktrio.rtc.sdp import Fingerprint
from lktrio.rtc.srtp import (
    EXPORTER_LABEL,
    SrtpCounters,
    SrtpKeys,
    SrtpProfile,
    SrtpReceiver,
    SrtpSender,
)

__all__ = [
    "LocalCandidateFound",
    "MediaSink",
    "Transport",
    "TransportEvent",
    "TransportOptions",
    "TransportState",
    "TransportStateChanged",
    "TransportStats",
]

_SILENT = frozenset((IceState.DISCONNECTED, IceState.FAILED))
_MAX_EARLY_DTLS = 16  # datagrams held until fingerprint and address are known


class TransportState(enum.Enum):
    """State of the whole path, as RTCPeerConnectionState has it."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    """DTLS is up over a working path. CONNECTING comes again when another host takes the peer's
    place (see ``Transport``)."""
    DISCONNECTED = "disconnected"
    """Nothing was heard for 5 s (10 s if we are ICE lite); it may recover by itself."""
    FAILED = "failed"
    """Nothing was heard for 15 s, no path works, or DTLS has ended.

    An ICE restart leads back to CONNECTED as long as DTLS stands, with the same keys and the same
    SCTP association, however long it takes. By itself the path may come back until 30 s are over.
    """
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class TransportStateChanged:
    """The transport entered another state."""

    state: TransportState
    reason: str = ""
    """For FAILED and CLOSED: what happened, for people."""
    cause: str = ""
    """For FAILED: the protocol that failed, ``"ice"`` or ``"dtls"``. Against the second, which may
    follow the first, no restart of ICE helps."""


@dataclass(frozen=True, slots=True)
class LocalCandidateFound:
    """A STUN or TURN server told a public address of ours; signal it to the peer."""

    candidate: str
    """``candidate:…`` (RFC 8839)."""


TransportEvent: TypeAlias = TransportStateChanged | LocalCandidateFound | DataChannelEvent


@dataclass(frozen=True, slots=True)
class TransportOptions:
    """What a transport is configured with."""

    ice_lite: bool = False
    """Whether we only answer connectivity checks (RFC 8445 section 2.5)."""
    relay_only: bool = False
    """Whether to use and to tell no address but those of TURN servers."""
    dtls: DtlsOptions = field(default_factory=DtlsOptions)
    """Cipher and SRTP preferences, timers."""
    sctp: SctpOptions = field(default_factory=SctpOptions)
    """Windows and limits of the data channels."""
    max_datagram: int = 2048
    """Bytes of a datagram that is looked at; peers keep to about 1,200."""


@dataclass(slots=True)
class TransportStats:
    """Counters of datagrams that were not what they should be."""

    unknown: int = 0
    """Datagrams of no protocol that we speak, and empty ones."""
    oversized: int = 0
    """Datagrams of more than ``TransportOptions.max_datagram`` bytes."""
    early_media: int = 0
    """SRTP before the keys were known."""
    unvalidated_dtls: int = 0
    """DTLS from addresses that ICE has not validated, beyond those held."""
    failed_gatherings: int = 0
    """STUN servers that did not answer, counted for each socket, and TURN servers."""


class MediaSink(Protocol):
    """Who takes decrypted media."""

    def secured(self, sender: SrtpSender, receiver: SrtpReceiver, now: float) -> None:
        """The keys are known; media can be sent from now on.

        ``receiver`` keeps state for every SSRC; it is to be told of those that are gone.
        """
        ...

    def unsecured(self) -> None:
        """Another peer takes the place of the one that is known; its keys will follow."""
        ...

    def path_changed(self, now: float) -> None:
        """Send something over the new path at once, if only an empty report."""
        ...

    def receive_rtp(
        self, index: int, packet: bytes, header_length: int, payload: bytes, now: float
    ) -> None:
        """Take one authenticated RTP packet; ``index`` is ROC and sequence number as one."""
        ...

    def receive_rtcp(self, packet: bytes, now: float) -> None:
        """Take one authenticated RTCP packet, compound or not."""
        ...


class Transport:
    """ICE, DTLS, SRTP and SCTP of one peer connection.

    Args:
        certificate: Ours; its fingerprint goes into the session description.
        media: Who takes decrypted media.
        random: Source of randomness.
        options: Configuration.
    """

    def __init__(
        self,
        certificate: Certificate,
        media: MediaSink,
        random: RandomBytes,
        options: TransportOptions,
    ) -> None:
        self.out: list[Transmit] = []
        self.streams: list[StreamRequest] = []
        self.events: deque[TransportEvent] = deque()
        self.stats = TransportStats()
        self.state = TransportState.NEW
        self.certificate = certificate
        new_path = path_numbers()
        self.ice = IceAgent(
            role=IceRole.CONTROLLED, random=random, lite=options.ice_lite, new_path=new_path
        )
        self.relays = Relays(random, new_path)
        self.gatherer = StunGatherer(random=random)
        self.dtls: DtlsEndpoint | None = None
        self.sctp = SctpAssociation(random=random, options=options.sctp)
        self.channels = DataChannels(self.sctp, is_dtls_client=False)
        self._media = media
        self._random = random
        self._options = options
        self._early_dtls: list[tuple[bytes, int, Address]] = []
        self._srtp: SrtpReceiver | None = None
        self._fingerprints: frozenset[Fingerprint] = frozenset()
        self._dtls_started = False
        self._data_channels = False
        self._remote_ufrag = ""
        self._failed_by = ""
        self._past: Counter[str] = Counter()
        self._hosts: list[tuple[int, Candidate]] = []
        self._direct: dict[int, Candidate] = {}
        self._relay_only = options.relay_only

    # Configuration

    def add_host_candidate(self, address: Address, path: int, now: float) -> None:
        """Offer a local socket; ``path`` is its number in ``out``."""
        preference = max(0, 65_535 - path)  # earlier sockets are on better interfaces
        candidate = host_candidate(*address, local_preference=preference)
        self._add_direct(candidate, path, now)
        self._hosts.append((path, candidate))

    def add_stream_candidate(self, host: str, port: int | None, path: int, now: float) -> None:
        """Offer to connect from a local address by TCP, or, with a port, to be connected to."""
        preference = max(0, 65_535 - path)
        candidate = stream_candidate(host, port, local_preference=preference)
        self._add_direct(candidate, path, now)

    def _add_direct(self, candidate: Candidate, path: int, now: float) -> None:
        self._direct[path] = candidate
        if not self._relay_only:
            self.ice.add_local_candidate(candidate, path, now)

    def set_relay_only(self, relay_only: bool, now: float) -> None:
        """Use TURN servers alone from now on, or direct paths as well. An ICE restart tells it."""
        if relay_only is self._relay_only:
            return
        self._relay_only = relay_only
        for path, candidate in self._direct.items():
            if relay_only:
                self.ice.remove_path(path, now)
            else:
                self.ice.add_local_candidate(candidate, path, now)

    def allocate(self, server: TurnServer, now: float) -> bool:
        """Ask a TURN server for a relay; whether there is a way to do so."""
        ipv6 = ":" in server.address[0]
        sockets = [path for path, host in self._hosts if (":" in host.address) == ipv6]
        return self.relays.add(server, sockets[0] if sockets else None, now)

    def stream_opened(self, path: int, now: float) -> None:
        """A stream that was asked for is there."""
        self.relays.stream_opened(path, now)
        self.ice.stream_opened(path, now)

    def stream_closed(self, path: int, now: float) -> None:
        """A stream could not be opened, or has ended."""
        self.relays.path_closed(path)
        self.ice.stream_closed(path, now)

    def remove_host_candidate(self, path: int, now: float) -> None:
        """A local socket is gone, and its candidates with it."""
        self._hosts = [host for host in self._hosts if host[0] != path]
        self._direct.pop(path, None)
        self.gatherer.forget(path)
        self.relays.path_closed(path)
        self.ice.remove_path(path, now)

    def gather(self, server: Address, now: float) -> None:
        """Ask a STUN server for the public addresses of all sockets of its address family."""
        if self._relay_only:
            return
        for path, candidate in self._hosts:
            if (":" in candidate.address) == (":" in server[0]):
                self.gatherer.ask(server, candidate, path, now)

    def add_remote_candidate(self, candidate: Candidate, now: float) -> None:
        """Take a candidate that the peer signalled."""
        self.ice.add_remote_candidate(candidate, now)

    def set_remote(
        self, remote: RemoteTransport, *, offerer: bool, dtls_client: bool, now: float
    ) -> None:
        """Take over the peer's part of a description; the first one starts the transport.

        Args:
            remote: The peer's credentials, fingerprints and candidates.
            offerer: Whether the exchange was offered by us.
            dtls_client: Our DTLS role; fixed by the first description of a peer.
            now: The time.

        Raises:
            RemoteProtocolError: As ``check_remote``; nothing has changed then.
        """
        self.check_remote(remote)
        restarted = self.is_another_peer(remote)
        if restarted:
            self._forget_peer()
        # As long as nothing is secured, a lite agent has nothing authentic to follow to a new path.
        abandons = restarted or (remote.ufrag != self._remote_ufrag and self._is_securing)
        self._remote_ufrag = remote.ufrag
        self._fingerprints = frozenset(remote.fingerprints)
        if self.dtls is None:
            self._choose_role(remote, offerer=offerer)
        if self.dtls is None or restarted:
            self.dtls = self._make_dtls(remote, is_client=dtls_client)
            self._data_channels = remote.data_channels
            self._set_state(TransportState.CONNECTING)
        elif remote.data_channels and not self._data_channels:
            self._data_channels = True
            self._start_sctp(now)
        self.sctp.remote_max_message_size = remote.max_message_size
        self.ice.set_remote_credentials(
            remote.ufrag, remote.pwd, now, lite=remote.ice_lite, keep_local=offerer
        )
        if abandons:
            self.ice.abandon_old_paths(now)
        for line in remote.candidates:
            self.ice.add_remote_candidate(Candidate.parse(line), now)
        if remote.end_of_candidates:
            self.ice.end_of_candidates(now)

    def check_remote(self, remote: RemoteTransport) -> None:
        """Look for what ``set_remote`` would refuse.

        Raises:
            RemoteProtocolError: Something is malformed, or contradicts the transport that is
                running.
        """
        if self.is_another_peer(remote) and remote.ufrag == self._remote_ufrag:
            raise RemoteProtocolError(
                "the certificate fingerprint of the peer has changed without an ICE restart"
            )
        remote_credentials(remote.ufrag, remote.pwd)
        for line in remote.candidates:
            Candidate.parse(line)

    def is_another_peer(self, remote: RemoteTransport) -> bool:
        """Whether a description comes from another host than the one that is known."""
        return self.dtls is not None and frozenset(remote.fingerprints) != self._fingerprints

    @property
    def _is_securing(self) -> bool:
        return self.dtls is not None and not self.dtls.connected

    def _forget_peer(self) -> None:
        self._past.update(self._counters_of_peer())
        self.sctp = SctpAssociation(random=self._random, options=self._options.sctp)
        self.channels.restart(self.sctp)
        self._srtp = None
        self._media.unsecured()
        self._early_dtls = []
        self._dtls_started = False
        self._failed_by = ""
        if self.state is TransportState.CLOSED:  # by the old peer
            self.state = TransportState.DISCONNECTED

    def _choose_role(self, remote: RemoteTransport, *, offerer: bool) -> None:
        # RFC 8445 section 6.1.1: the offerer controls, except that a lite agent never does.
        controlling = offerer or remote.ice_lite
        if controlling and not self._options.ice_lite:
            self.ice.role = IceRole.CONTROLLING

    def _make_dtls(self, remote: RemoteTransport, *, is_client: bool) -> DtlsEndpoint:
        return DtlsEndpoint(
            is_client=is_client,
            certificate=self.certificate,
            random=self._random,
            remote_fingerprints=_pairs(remote),
            options=self._options.dtls,
        )

    # Input

    def receive(self, batch: Sequence[tuple[bytes, Address]], path: int, now: float) -> None:
        """Take a batch of datagrams that one socket received."""
        self._take(self._unwrap(batch, path, now) if self.relays else batch, path, now)

    def _take(self, batch: Sequence[tuple[bytes, Address]], path: int, now: float) -> None:
        """Give each datagram to its protocol."""
        media = self._media
        srtp = self._srtp
        limit = self._options.max_datagram
        heard: Address | None = None
        for data, address in batch:
            first = data[0] if data else 255
            if len(data) > limit:
                self.stats.oversized += 1
            elif 128 <= first <= 191:
                if srtp is None:
                    self.stats.early_media += 1
                elif len(data) > 1 and 192 <= data[1] <= 223:  # RFC 5761 section 4
                    packet = srtp.unprotect_rtcp(data)
                    if packet is not None:
                        heard = address
                        media.receive_rtcp(packet, now)
                else:
                    opened = srtp.unprotect(data)
                    if opened is not None:
                        heard = address
                        index, header_length, payload = opened
                        media.receive_rtp(index, data, header_length, payload, now)
            elif first < 4:
                if self.gatherer.is_done or not self.gatherer.receive(data, path, address):
                    self.ice.receive(data, path, address, now)
            elif 20 <= first <= 63:
                self._receive_dtls(data, path, address, now)
                srtp = self._srtp
            else:
                self.stats.unknown += 1
        if heard is not None:
            self.ice.on_traffic(now, (path, heard))

    def _unwrap(
        self, batch: Sequence[tuple[bytes, Address]], path: int, now: float
    ) -> list[tuple[bytes, Address]]:
        """Take what TURN servers sent; the rest has come to us directly."""
        direct: list[tuple[bytes, Address]] = []
        for data, source in batch:
            try:
                relayed = self.relays.receive(data, path, source, now)
            except LookupError:
                direct.append((data, source))
                continue
            if relayed is not None:
                relay, inner, peer = relayed
                self._take([(inner, peer)], relay, now)
        return direct

    def _receive_dtls(self, data: bytes, path: int, address: Address, now: float) -> None:
        dtls = self.dtls
        if dtls is None or not self._is_trusted(dtls, path, address):
            # Records of a connection that stands are repeated by the protocol within, if need be.
            if len(self._early_dtls) < _MAX_EARLY_DTLS and (dtls is None or not dtls.connected):
                self._early_dtls.append((data, path, address))
            else:
                self.stats.unvalidated_dtls += 1
            return
        self._start_dtls(now)
        was_connected = dtls.connected
        dtls.receive(data, now)
        if dtls.inbound or dtls.connected != was_connected:
            self.ice.on_traffic(now, (path, address))
        self._drive_dtls(now)

    def _is_trusted(self, dtls: DtlsEndpoint, path: int, address: Address) -> bool:
        """Whether DTLS may come from an address: a handshake is easily broken, records are not."""
        if dtls.connected:
            return self.ice.is_heard(path, address)
        return self.ice.is_validated(path, address)

    # Progress

    def handle_timer(self, now: float) -> None:
        """Let time pass in every protocol that is due."""
        self.ice.handle_timer(now)
        self.gatherer.handle_timer(now)
        self.relays.handle_timer(now)
        if self.dtls is not None and self._may_lose_patience:
            self.dtls.handle_timer(now)
            self.sctp.handle_timer(now)

    def next_timer(self) -> float:
        """When ``handle_timer`` is to be called next."""
        due = min(self.ice.next_timer(), self.gatherer.next_timer(), self.relays.next_timer())
        if self.dtls is not None and self._may_lose_patience:
            due = min(due, self.dtls.next_timer(), self.sctp.next_timer())
        return due

    @property
    def _may_lose_patience(self) -> bool:
        """Whether a peer that does not answer is to blame for it, and not the path.

        Otherwise DTLS and SCTP wait; they try again at once when something is heard.
        """
        return self.ice.has_path and self.ice.state not in _SILENT

    def flush(self, now: float) -> None:
        """Bring the protocols' results into ``out`` and ``events``."""
        if not self.gatherer.is_done or self.gatherer.events:
            self._drive_gatherer(now)
        if self.relays:
            self._drive_relays(now)
        self._drive_ice(now)
        if self.dtls is not None:
            if self._early_dtls:
                self._replay_early_dtls(now)
            self._drive_dtls(now)
        self._drive_sctp(now)
        if self.dtls is not None and self.dtls.out:
            self._send_dtls(self.dtls)
        if self.ice.out:
            self.out.extend(self.ice.out)
            self.ice.out = []
        self._take_streams()

    def _take_streams(self) -> None:
        self.streams += self.ice.streams + self.relays.streams
        self.ice.streams, self.relays.streams = [], []

    def _drive_relays(self, now: float) -> None:
        self.relays.settle(now)
        while self.relays.events:
            event = self.relays.events.popleft()
            if isinstance(event, RelayOpened):
                self.ice.add_local_candidate(event.candidate, event.path, now)
                self.events.append(LocalCandidateFound(str(event.candidate)))
            else:
                self.stats.failed_gatherings += 1
                self.ice.remove_path(event.path, now)

    def _drive_gatherer(self, now: float) -> None:
        gatherer = self.gatherer
        while gatherer.events:
            event = gatherer.events.popleft()
            if isinstance(event, CandidateGathered):
                self.ice.add_local_candidate(event.candidate, event.path, now)
                self.events.append(LocalCandidateFound(str(event.candidate)))
            else:
                self.stats.failed_gatherings += 1
        self.out.extend(gatherer.out)
        gatherer.out = []

    def _drive_ice(self, now: float) -> None:
        if self.ice.events:
            events, self.ice.events = self.ice.events, deque()
            for event in events:
                if isinstance(event, IceStateChanged):
                    self._ice_changed(event.state, now)
                else:
                    self._path_changed(now)
        if self.dtls is not None and not self._dtls_started and self.ice.send_path() is not None:
            self._start_dtls(now)

    def _path_changed(self, now: float) -> None:
        """Another pair was selected: what waits may go at once.

        A lite peer follows when something authentic comes over it, so something has to.
        """
        if self._srtp is not None:
            self._media.path_changed(now)
        self._try_again(now)

    def _try_again(self, now: float) -> None:
        """There is a path, another one, or one again."""
        if self.dtls is not None:
            self.dtls.network_changed(now)
            if self.dtls.connected:
                self.sctp.network_changed(now)

    def _ice_changed(self, state: IceState, now: float) -> None:
        if state is IceState.FAILED:
            self._set_state(TransportState.FAILED, "no path to the peer works", "ice")
        elif state is IceState.DISCONNECTED and self.state is TransportState.CONNECTED:
            self._set_state(TransportState.DISCONNECTED)
        elif state is IceState.CONNECTED and self.dtls is not None:
            if self.dtls.connected and self._failed_by != "dtls":
                self._set_state(TransportState.CONNECTED)
            self._try_again(now)

    def _start_dtls(self, now: float) -> None:
        if self.dtls is not None and not self._dtls_started:
            self._dtls_started = True
            self.dtls.start(now)

    def _replay_early_dtls(self, now: float) -> None:
        held, self._early_dtls = self._early_dtls, []
        for data, path, address in held:
            self._receive_dtls(data, path, address, now)

    def _drive_dtls(self, now: float) -> None:
        dtls = self.dtls
        assert dtls is not None  # callers have looked
        while dtls.events:
            event = dtls.events.popleft()
            if isinstance(event, DtlsConnected):
                self._secure(dtls, now)
            elif isinstance(event, DtlsAborted):
                self._set_state(TransportState.FAILED, event.reason, "dtls")
            else:
                self._set_state(TransportState.CLOSED, "the peer closed the connection")
        if dtls.inbound:
            inbound, dtls.inbound = dtls.inbound, []
            for packet in inbound:
                self.sctp.receive(packet, now)

    def _secure(self, dtls: DtlsEndpoint, now: float) -> None:
        if dtls.srtp_profile is not None:
            profile = SrtpProfile(dtls.srtp_profile)
            material = dtls.export_keying_material(EXPORTER_LABEL, profile.exporter_length)
            local, remote = SrtpKeys.from_exporter(profile, material, dtls.is_client)
            self._srtp = SrtpReceiver(profile, remote.key, remote.salt)
            sender = SrtpSender(profile, local.key, local.salt)
            self._media.secured(sender, self._srtp, now)
        self._set_state(TransportState.CONNECTED)
        if self._data_channels:
            self._start_sctp(now)

    def _start_sctp(self, now: float) -> None:
        if self.dtls is not None and self.dtls.connected:
            self.channels.is_dtls_client = self.dtls.is_client
            self.sctp.start(now)

    def _drive_sctp(self, now: float) -> None:
        self.channels.flush(now)
        if self.channels.events:
            events, self.channels.events = self.channels.events, deque()
            self.events.extend(events)
        dtls = self.dtls
        if dtls is not None and dtls.connected and self.sctp.out:
            packets, self.sctp.out = self.sctp.out, []
            try:
                for packet in packets:
                    dtls.send(packet)
            except LocalProtocolError as error:  # days of data have used the keys up
                self._set_state(TransportState.FAILED, str(error), "dtls")

    def _send_dtls(self, dtls: DtlsEndpoint) -> None:
        datagrams, dtls.out = dtls.out, []
        path = self.ice.send_path()
        if path is not None:
            number, address = path
            self.out.extend((number, address, data) for data in datagrams)

    # Output of media

    @property
    def path(self) -> tuple[int, Address] | None:
        """Where media goes: socket number and address; None while no path works, or is secured."""
        return None if self._srtp is None else self.ice.send_path()

    def counters(self) -> dict[str, int]:
        """What every protocol counted, by protocol and name."""
        sources: dict[str, object] = {
            "transport": self.stats,
            "ice": self.ice.stats,
            "turn": self.relays.stats,
            "channels": self.channels.stats,
        }
        lasting = flatten_counters(sources) | {"gatherer.dropped": self.gatherer.dropped}
        peers = self._counters_of_peer()
        return lasting | {name: count + self._past[name] for name, count in peers.items()}

    def _counters_of_peer(self) -> dict[str, int]:
        sources: dict[str, object] = {
            "dtls": self.dtls.stats if self.dtls is not None else DtlsStats(),
            "srtp": self._srtp.dropped if self._srtp is not None else SrtpCounters(),
            "sctp": self.sctp.stats,
        }
        return flatten_counters(sources)

    def close(self, now: float) -> None:
        """Write SCTP ABORT and DTLS close_notify into ``out``, give relays back, and end.

        Idempotent.
        """
        if self.state is not TransportState.CLOSED:  # by the peer
            self.sctp.abort(now)
            self._drive_sctp(now)
            if self.dtls is not None:
                self.dtls.close(now)
                self._send_dtls(self.dtls)
        self.ice.close()
        if self.relays:
            self.out = self.relays.wrap(self.out, now) + self.relays.close(now)
        self._take_streams()
        self.gatherer.close()
        self._set_state(TransportState.CLOSED)

    def _set_state(self, state: TransportState, reason: str = "", cause: str = "") -> None:
        if self.state is TransportState.CLOSED:
            return
        final = cause == "dtls" and self._failed_by != "dtls"  # no restart of ICE helps any more
        if state is not self.state or final:
            self.state = state
            self._failed_by = cause
            self.events.append(TransportStateChanged(state, reason, cause))


def _pairs(remote: RemoteTransport) -> list[tuple[str, str]]:
    return [(fingerprint.algorithm, fingerprint.value) for fingerprint in remote.fingerprints]

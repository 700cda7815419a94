"""One WebRTC peer connection, without sockets, tasks or clock.

Theory of operation: the peer owns one of each protocol engine. ``Transport`` turns datagrams into
authenticated media packets and data channel messages, ``MediaStreams`` turns media packets into
frames, ``Negotiator`` keeps what both sides agreed on. The peer wires them together: an exchange of
descriptions configures transport and streams, and the outputs of all of them come out of one list
of datagrams (``out``), one of byte streams to open and close (``streams``, see ``paths``) and one
queue of events (``events``), which the driver swaps out whole.

Mutate, then drain: every call that may produce output is followed by ``flush`` before the caller
gives up control. ``net.PeerDriver`` does this; tests do it by hand and own the clock.

A description with another certificate fingerprint and other ICE credentials comes from another host
that has taken the peer's place: the connection goes on with it, as ``Transport`` tells, and streams
of ours keep their SSRCs.

Implements RFC 8829 (JSEP) as far as LiveKit uses it: one BUNDLE group, rtcp-mux, one offerer for
the life of a connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from lktrio.rtc.base import Address, RandomBytes, Transmit, flatten_counters
from lktrio.rtc.capabilities import CodecCapability, MediaCapabilities, MediaKind
from lktrio.rtc.datachannel import DataChannel
from lktrio.rtc.dtls import Certificate
from lktrio.rtc.ice import Pair
from lktrio.rtc.ice.candidate import Candidate
from lktrio.rtc.negotiation import Negotiator, TransportParameters, read_transport
from lktrio.rtc.paths import StreamRequest
from lktrio.rtc.relays import TurnServer
from lktrio.rtc.rtp.extensions import AudioLevel
from lktrio.rtc.rtp.inbound import InboundStream
from lktrio.rtc.rtp.outbound import OutboundStream
from lktrio.rtc.rtp.pacer import Pacer
from lktrio.rtc.sdp import (
    Direction,
    Fingerprint,
    SetupRole,
    read_description,
    write_description,
)
from lktrio.rtc.stats import AssociationStats
from lktrio.rtc.streams import MediaStreams, StreamEvent
from lktrio.rtc.transceiver import OutboundTrack, Transceiver
from lktrio.rtc.transport import Transport, TransportEvent, TransportOptions, TransportState

__all__ = ["Peer", "PeerConfig", "PeerEvent"]

PeerEvent: TypeAlias = TransportEvent | StreamEvent
"""Everything a peer reports."""


@dataclass(frozen=True, slots=True)
class PeerConfig:
    """What a peer is configured with."""

    capabilities: MediaCapabilities = field(default_factory=MediaCapabilities)
    """Codecs and header extensions."""
    transport: TransportOptions = field(default_factory=TransportOptions)
    """ICE, DTLS and SCTP."""


class Peer:
    """One peer connection.

    Args:
        config: Capabilities and options.
        certificate: Our DTLS certificate.
        random: Source of randomness (``os.urandom`` in production).
        ntp_offset: Unix time minus the time that is passed as ``now``, in seconds; sender
            reports need the wall clock.
    """

    def __init__(
        self,
        config: PeerConfig,
        *,
        certificate: Certificate,
        random: RandomBytes,
        ntp_offset: float,
    ) -> None:
        self.out: list[Transmit] = []
        self.streams: list[StreamRequest] = []
        self.events: deque[PeerEvent] = deque()
        self._negotiator = Negotiator(config.capabilities, int.from_bytes(random(7), "big"))
        self.capabilities = config.capabilities
        self._ice_lite = config.transport.ice_lite
        self._max_message_size = config.transport.sctp.max_message_size
        self._streams = MediaStreams(self._negotiator, random, ntp_offset)
        self._transport = Transport(certificate, self._streams, random, config.transport)
        self._fingerprint = Fingerprint("sha-256", certificate.fingerprint("sha-256"))
        self._pacer = Pacer()
        self._dtls_client: bool | None = None

    # Snapshots

    @property
    def state(self) -> TransportState:
        """State of the transport."""
        return self._transport.state

    @property
    def is_connected(self) -> bool:
        """Whether media and data reach the peer, as far as can be known now."""
        return self._transport.state is TransportState.CONNECTED

    @property
    def transceivers(self) -> Sequence[Transceiver]:
        """All transceivers, in the order of their sections as far as they have one."""
        return self._negotiator.transceivers

    @property
    def local_candidates(self) -> tuple[str, ...]:
        """Our candidates, each as ``candidate:…``."""
        return tuple(str(candidate) for candidate in self._transport.ice.local_candidates)

    @property
    def local_ufrag(self) -> str:
        """Our current ICE user name fragment; checks of the peer name it first."""
        return self._transport.ice.local_ufrag

    @property
    def local_description(self) -> str | None:
        """Our newest description as text, or None."""
        local = self._negotiator.local
        return None if local is None else write_description(local)

    @property
    def remote_description(self) -> str | None:
        """The peer's newest description as text, or None."""
        remote = self._negotiator.remote
        return None if remote is None else write_description(remote)

    @property
    def relay_transport(self) -> str | None:
        """How the TURN server is reached that media goes through; None if there is none."""
        pair = self._transport.ice.selected
        return None if pair is None else self._transport.relays.transport(pair.path)

    @property
    def selected_pair(self) -> Pair | None:
        """The pair of candidates that carries media and data, once it is agreed on."""
        return self._transport.ice.selected

    @property
    def round_trip_time(self) -> float | None:
        """Smoothed round trip of the ICE path in seconds, None before it is measured."""
        return self._transport.ice.round_trip_time

    @property
    def association(self) -> AssociationStats:
        """What carries the data channels."""
        sctp = self._transport.sctp
        return AssociationStats(
            sctp.round_trip_time,
            sctp.congestion_window,
            sctp.outstanding,
            sctp.stats.messages_sent,
            sctp.stats.messages_received,
            sctp.stats.data_chunks_retransmitted,
            sctp.stats.timeouts,
        )

    @property
    def available_bitrate(self) -> float | None:
        """Bits per second that the peer says it can receive (REMB), None if it did not."""
        return self._streams.estimate

    @property
    def counters(self) -> dict[str, int]:
        """What was sent, received and dropped, by protocol and name, such as ``"dtls.replayed"``.

        Counters only grow. Those of single media streams are at the streams.
        """
        return self._transport.counters() | flatten_counters({"streams": self._streams.stats})

    # Local configuration

    def add_host_candidate(self, address: Address, path: int, now: float) -> None:
        """Offer a local socket; ``path`` is its number in ``out`` and ``receive``."""
        self._transport.add_host_candidate(address, path, now)

    def add_stream_candidate(self, host: str, port: int | None, path: int, now: float) -> None:
        """Offer TCP (RFC 6544).

        Args:
            host: A local address.
            port: Where we listen there, in any order of connections; None to connect from there to
                the peer, over streams that are asked for in ``streams``.
            path: A number for it, as for sockets. What is connected to us is on this path, told
                apart by the peer's address.
            now: The time.
        """
        self._transport.add_stream_candidate(host, port, path, now)

    def stream_opened(self, path: int, now: float) -> None:
        """A stream of ``streams`` is there: datagrams can be sent and received on its path."""
        self._transport.stream_opened(path, now)

    def stream_closed(self, path: int, now: float) -> None:
        """A stream of ``streams`` could not be opened, or has ended."""
        self._transport.stream_closed(path, now)

    def remove_host_candidate(self, path: int, now: float) -> None:
        """A local socket is gone: forget its candidates, and use other paths."""
        self._transport.remove_host_candidate(path, now)

    def gather(self, server: Address, now: float) -> None:
        """Ask a STUN server for our public addresses; ``LocalCandidateFound`` tells of each."""
        self._transport.gather(server, now)

    def set_relay_only(self, relay_only: bool, now: float) -> None:
        """Use TURN servers alone from now on, or direct paths as well; restart ICE afterwards."""
        self._transport.set_relay_only(relay_only, now)

    def allocate(self, server: TurnServer, now: float) -> None:
        """Ask a TURN server for a relay; ``LocalCandidateFound`` tells of it."""
        self._transport.allocate(server, now)

    def add_transceiver(
        self,
        kind: MediaKind,
        direction: Direction,
        codecs: tuple[CodecCapability, ...] | None = None,
    ) -> Transceiver:
        """Add a media section to the next offer.

        Args:
            kind: Audio or video.
            direction: What we want. A section that sends but has no local track is described
                without one, and nothing can be sent in it.
            codecs: Ours for this section, the preferred one first; None for all of the kind.
        """
        return self._negotiator.add_transceiver(kind, direction, codecs)

    def remove_transceiver(self, transceiver: Transceiver) -> None:
        """Forget a transceiver; only one that no description has mentioned yet can go.

        Raises:
            LocalProtocolError: It has a place in the descriptions already.
        """
        self._negotiator.remove_transceiver(transceiver)

    def set_local_track(
        self, transceiver: Transceiver, stream_id: str, track_id: str
    ) -> OutboundTrack:
        """Send a track in a section from the next description on.

        Args:
            transceiver: Its direction is widened to include sending.
            stream_id: First word of the msid, ``-`` for none.
            track_id: Second word of the msid.

        Returns:
            The track with the SSRCs that were chosen for it.
        """
        ssrc, rtx_ssrc = self._streams.new_ssrc(), None
        if transceiver.kind == "video":
            rtx_ssrc = self._streams.new_ssrc()
        track = OutboundTrack(stream_id, track_id, ssrc, rtx_ssrc)
        transceiver.local_track = track
        if transceiver.direction in ("recvonly", "inactive"):
            both = transceiver.direction == "recvonly"
            transceiver.direction = "sendrecv" if both else "sendonly"
        return track

    def clear_local_track(self, transceiver: Transceiver) -> None:
        """Stop sending in a section; the next description says so."""
        stream = self._streams.outbound.of(transceiver)
        if stream is not None:
            self._pacer.discard(stream)
        self._streams.remove_outbound(transceiver)
        transceiver.local_track = None
        if transceiver.direction in ("sendrecv", "sendonly"):
            both = transceiver.direction == "sendrecv"
            transceiver.direction = "recvonly" if both else "inactive"

    def create_data_channel(
        self, label: str, *, ordered: bool = True, max_retransmits: int | None = None
    ) -> DataChannel:
        """Open a data channel; messages can be sent once ``DataChannelOpened`` has come.

        The first one adds the section for data channels to the next offer.
        """
        self._negotiator.wants_data_channels = True
        return self._transport.channels.create(
            label, ordered=ordered, max_retransmits=max_retransmits
        )

    def cork(self, on: bool) -> bool:
        """Let messages of data channels wait until they fill a packet, or no more (TCP_CORK).

        Returns:
            Whether any wait; uncorked, they leave with the next ``flush``.
        """
        self._transport.sctp.corked = on
        return self._transport.sctp.buffered_amount > 0

    # Offer and answer

    def create_offer(self, now: float, *, ice_restart: bool = False) -> str:
        """Describe what we want.

        An offer of ours that was not answered yet is replaced. Its sections keep their places, and
        an ICE restart that it asked for is asked for again, as the peer may have begun it. Only the
        answer to the newest offer may be given to ``set_answer``.

        Args:
            now: The time.
            ice_restart: Look for a new path with new credentials (RFC 8445 section 9). Media and
                data use the old one until the new one works. Not known to the peer yet, the
                credentials of an earlier restart are replaced.

        Raises:
            LocalProtocolError: An offer of the peer waits for our answer.
        """
        self._negotiator.check_can_offer()
        if ice_restart:
            self._transport.ice.restart(now)
        return write_description(self._negotiator.create_offer(self._parameters("actpass")))

    def cancel_offer(self) -> None:
        """Withdraw an offer that was not answered; without one, nothing happens.

        An ICE restart that it asked for is part of the next offer: the peer may have begun it.
        """
        self._negotiator.cancel_offer()

    def set_answer(self, sdp: str, now: float) -> None:
        """Take over the peer's answer to our offer.

        Raises:
            RemoteProtocolError: The answer is malformed or does not fit the offer; the offer still
                waits for one.
            LocalProtocolError: No offer of ours waits for an answer.
        """
        answer = read_description(sdp)
        remote = read_transport(answer)
        if self._negotiator.state == "have-local-offer":
            self._transport.check_remote(remote)
        self._negotiator.apply_answer(answer)
        if self._dtls_client is None or self._transport.is_another_peer(remote):
            self._dtls_client = remote.setup == "passive"
        self._transport.set_remote(remote, offerer=True, dtls_client=self._dtls_client, now=now)
        self._streams.configure()

    def set_offer(self, sdp: str, now: float) -> list[Transceiver]:
        """Take over the peer's offer.

        Returns:
            Transceivers of sections that are new. To send in one, give it a track with
            ``set_local_track`` before ``create_answer``.

        Raises:
            RemoteProtocolError: The offer is malformed or contradicts earlier ones; nothing has
                changed.
            LocalProtocolError: An offer of ours is under way.
        """
        offer = read_description(sdp)
        remote = read_transport(offer)
        self._transport.check_remote(remote)
        added = self._negotiator.apply_offer(offer)
        if self._dtls_client is None or self._transport.is_another_peer(remote):
            self._dtls_client = remote.setup != "active"
        self._transport.set_remote(remote, offerer=False, dtls_client=self._dtls_client, now=now)
        return added

    def create_answer(self, now: float) -> str:
        """Answer the peer's offer.

        Raises:
            LocalProtocolError: There is no offer to answer.
        """
        setup: SetupRole = "active" if self._dtls_client else "passive"
        answer = self._negotiator.create_answer(self._parameters(setup))
        self._streams.configure()
        return write_description(answer)

    def add_remote_candidate(self, line: str, now: float) -> None:
        """Take a candidate that the peer trickled.

        Args:
            line: ``candidate:…`` (RFC 8839); empty for the end of candidates.
            now: The time.

        Raises:
            RemoteProtocolError: The line is malformed.
        """
        if not line:
            self._transport.ice.end_of_candidates(now)
        else:
            self._transport.add_remote_candidate(Candidate.parse(line), now)

    def _parameters(self, setup: SetupRole) -> TransportParameters:
        ice = self._transport.ice
        return TransportParameters(
            ufrag=ice.local_ufrag,
            pwd=ice.local_pwd,
            fingerprint=self._fingerprint,
            setup=setup,
            candidates=self.local_candidates,
            ice_lite=self._ice_lite,
            max_message_size=self._max_message_size,
        )

    # Media

    def outbound(self, transceiver: Transceiver, mime: str) -> OutboundStream:
        """The stream of a section's local track, for ``send_frame`` and ``send``.

        Args:
            transceiver: A section that was negotiated for sending.
            mime: The codec of the media, such as ``"video/VP8"``.

        Raises:
            LocalProtocolError: The section does not send, or the peer did not accept the codec.
        """
        return self._streams.outbound.open(transceiver, mime)

    def change_codec(self, transceiver: Transceiver, mime: str) -> OutboundStream:
        """Let the stream of a section's local track go on in another codec that was negotiated.

        Args:
            transceiver: The section.
            mime: The codec.

        Raises:
            LocalProtocolError: The section does not send, or the peer did not accept the codec.
        """
        return self._streams.outbound.change_codec(transceiver, mime)

    def inbound(self, transceiver: Transceiver) -> list[InboundStream]:
        """The streams that the peer sends in a section: one, or one per simulcast layer."""
        return self._streams.inbound.of(transceiver)

    def send_frame(
        self,
        stream: OutboundStream,
        data: bytes,
        timestamp: int,
        now: float,
        *,
        level: AudioLevel | None = None,
    ) -> float:
        """Send one encoded frame of an outbound stream, a large one spread over some time.

        Args:
            stream: The stream.
            data: The frame.
            timestamp: As for ``OutboundStream.send_frame``.
            now: The time.
            level: As for ``OutboundStream.send_frame``.

        Returns:
            Seconds until all of it has left, 0 for most frames, at most 0.25.

        Raises:
            LocalProtocolError: The frame is not valid for the codec or too large, or the stream
                has no packetizer.
        """
        self.send(self._pacer.send(stream, data, timestamp, now, level))
        return self._pacer.delay(stream)

    def send(self, datagrams: Sequence[bytes]) -> None:
        """Send what an outbound stream made at once; dropped while no path works."""
        path = self._transport.path
        if path is not None:
            number, address = path
            self.out.extend((number, address, data) for data in datagrams)

    def request_keyframe(self, stream: InboundStream, now: float) -> None:
        """Ask the peer for a keyframe, at most once per half second and stream."""
        self._streams.request_keyframe(stream, now)

    # Engine

    def receive(self, batch: Sequence[tuple[bytes, Address]], path: int, now: float) -> None:
        """Take a batch of datagrams from the socket with the number ``path``."""
        self._transport.receive(batch, path, now)

    def handle_timer(self, now: float) -> None:
        """Do what is due."""
        self._transport.handle_timer(now)
        self._streams.handle_timer(now)
        self.send(self._pacer.handle_timer(now))

    def next_timer(self) -> float:
        """When ``handle_timer`` is to be called next."""
        return min(
            self._transport.next_timer(), self._streams.next_timer(), self._pacer.next_timer()
        )

    def flush(self, now: float) -> None:
        """Bring everything that was caused so far into ``out`` and ``events``."""
        self._transport.flush(now)
        self._streams.flush(now)
        self._pacer.estimate = self._streams.estimate
        if self._streams.out:
            datagrams, self._streams.out = self._streams.out, []
            self.send(datagrams)
        if self._transport.out:
            self.out += self._transport.out
            self._transport.out = []
        self._take_streams()
        if self._transport.relays:
            self.out = self._transport.relays.wrap(self.out, now)
        self._take_events()

    def _take_streams(self) -> None:
        if self._transport.streams:
            self.streams += self._transport.streams
            self._transport.streams = []

    def _take_events(self) -> None:
        for source in (self._transport, self._streams):
            if source.events:
                self.events.extend(source.events)
                source.events.clear()

    def close(self, now: float) -> None:
        """Write what ends every layer into ``out`` and end. Idempotent."""
        self._streams.close()
        self.send(self._streams.out)
        self._streams.out = []
        if self._transport.relays:
            self.out = self._transport.relays.wrap(self.out, now)
        self._transport.close(now)
        self.out += self._transport.out
        self._transport.out = []
        self._take_streams()
        self._take_events()

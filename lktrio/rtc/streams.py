"""The RTP streams of one peer connection: who sends which SSRC, and RTCP about all of them.

Theory of operation: media packets carry nothing but an SSRC. It is bound to a media section in one
of three ways, tried in this order: the peer's description lists it (``a=ssrc``), its packets carry
the section's mid (and, for simulcast, the rid of the layer) in a header extension, or only one
section can be meant because of the payload type. With simulcast the rid of a packet decides, and
the SSRCs of a description are hints: which layer is meant when a packet names none, and which SSRC
repairs which. A packet that cannot be bound is counted and
dropped: it is a probe, or belongs to a section that is gone. Binding happens after authentication,
so strangers cannot make streams.

Streams are dropped whenever the track of their section changes. Their SSRCs are retired, which no
packet and no description can undo under the same keys, or recorded media of one track could come
back in the next. Only those that the same description lists for the next track are bound anew, from
the newest packet on.

Reports go out about once a second as one compound packet; feedback that cannot wait (NACK, PLI,
transport-wide feedback) goes out when its stream asks for it.

A connection may have hundreds of streams, and a batch of packets concerns few of them: only these
are looked at when the batch ends, for what they have and for when they want to be called. A stream
that wants to be called later than before is found out when the earlier time has come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.base import NEVER, RandomBytes
from lktrio.rtc.negotiation import Negotiator
from lktrio.rtc.payload import MIME_TYPES, depacketizer, packetizer
from lktrio.rtc.rtcp import (
    MAX_COUNT,
    ExtendedReport,
    FullIntraRequest,
    Goodbye,
    Nack,
    PictureLossIndication,
    ReceiverEstimatedMaxBitrate,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    SourceDescription,
    parse_compound,
)
from lktrio.rtc.rtp.arrivals import ArrivalMonitor, TwccReceiver
from lktrio.rtc.rtp.estimator import ReceiveBandwidth
from lktrio.rtc.rtp.extensions import ExtensionIds, parse_extensions
from lktrio.rtc.rtp.inbound import InboundFormat, InboundOptions, InboundStream
from lktrio.rtc.rtp.outbound import OutboundStream, TransportSequence
from lktrio.rtc.rtp.round_trip import RoundTrip
from lktrio.rtc.rtp.rtx import Rtx
from lktrio.rtc.sdp import Msid, RtpCodec
from lktrio.rtc.srtp import NumberSet, SrtpReceiver, SrtpSender
from lktrio.rtc.transceiver import Transceiver

__all__ = [
    "KeyframeRequested",
    "MediaReceived",
    "MediaStreams",
    "RembReceived",
    "StreamBound",
    "StreamEvent",
    "StreamStats",
]

MAX_UNLISTED = 64
"""Inbound SSRCs of one peer connection that no description lists, such as simulcast layers."""
MAX_STREAMS = 2048
"""Inbound SSRCs of one peer connection, retransmissions and listed ones included."""
_REPORT_INTERVAL = 1.0  # seconds; LiveKit's server needs receiver reports at least this often
_FIRST_REPORT = 0.2  # seconds after the keys: publishers leave out mid and rid after a report
_REPORTS_OF_A_MOVE = 3  # reports that go out on a new path even if there is nothing to report
_MAX_COMPOUND = 1100  # bytes, so that a compound packet fits a datagram of 1,200 with its tag

_Feed: TypeAlias = Callable[[int, bytes, int, bytes, float], None]
_Bound: TypeAlias = tuple[Transceiver, InboundStream]


@dataclass(frozen=True, slots=True)
class StreamBound:
    """An SSRC of the peer was recognised as media of a section."""

    transceiver: Transceiver
    """The section."""
    stream: InboundStream
    """The stream; ``stream.rid`` names the simulcast layer."""
    rid: str
    """Simulcast layer, empty without simulcast."""


@dataclass(frozen=True, slots=True)
class MediaReceived:
    """A stream has frames or packets to be taken; at most one per stream and batch."""

    transceiver: Transceiver
    """The section."""
    stream: InboundStream
    """The stream: swap out ``frames`` and ``packets``."""


@dataclass(frozen=True, slots=True)
class KeyframeRequested:
    """The peer cannot go on without a keyframe of what we send."""

    transceiver: Transceiver
    """The section."""


@dataclass(frozen=True, slots=True)
class RembReceived:
    """The peer estimates how much it can receive (REMB)."""

    bitrate: int
    """Bits per second."""


StreamEvent: TypeAlias = StreamBound | MediaReceived | KeyframeRequested | RembReceived


@dataclass(slots=True)
class StreamStats:
    """Counters of packets that led nowhere."""

    unbound: int = 0
    """RTP packets of SSRCs that belong to no section."""
    malformed_rtcp: int = 0
    """RTCP packets that cannot be read."""


class MediaStreams:
    """Streams and reports of one peer connection; the transport's ``MediaSink``.

    Args:
        negotiator: Whose transceivers the streams belong to.
        random: Source of SSRCs and first sequence numbers.
        ntp_offset: Unix time minus ``now``.

    Attributes:
        out: SRTP and SRTCP datagrams to send, swapped out whole.
        events: What happened, swapped out whole.
        stats: Counters.
        estimate: Bits per second that the peer said it can receive last (REMB), or None.
    """

    def __init__(self, negotiator: Negotiator, random: RandomBytes, ntp_offset: float) -> None:
        self.out: list[bytes] = []
        self.events: deque[StreamEvent] = deque()
        self.stats = StreamStats()
        self.estimate: float | None = None
        self._negotiator = negotiator
        self._random = random
        self._ntp_offset = ntp_offset
        self._sender: SrtpSender | None = None
        self._receiver: SrtpReceiver | None = None
        self._feeds: dict[int, tuple[_Feed, _Bound]] = {}
        self._touched: dict[int, _Bound] = {}
        """Inbound streams that something has happened to since the last flush, by SSRC."""
        self._streams_due = NEVER
        """When the first stream wants to be called, or earlier."""
        self._limit = MAX_UNLISTED
        self._inbound: dict[int, _Bound] = {}
        self._rids: dict[tuple[Transceiver, str], InboundStream] = {}
        self._tracks: dict[Transceiver, Msid | None] = {}
        self._formats: dict[Transceiver, dict[int, InboundFormat]] = {}
        self._outbound: dict[int, tuple[Transceiver, OutboundStream]] = {}
        self._transport_sequence = TransportSequence()
        self._extensions = ExtensionIds()
        self._arrivals = ArrivalMonitor(self._extensions, None, None)
        self._round_trip = RoundTrip()
        self._report_at = NEVER
        self._empty_reports = 0
        self._drawn = NumberSet()
        self._report_ssrc = self.new_ssrc()

    def new_ssrc(self) -> int:
        """Draw an SSRC that was not drawn before: two streams must not share their nonces."""
        ssrc = int.from_bytes(self._random(4), "big") or 1
        while ssrc in self._drawn:
            ssrc = (ssrc + 1) & 0xFFFFFFFF or 1
        self._drawn.add(ssrc)
        return ssrc

    # Configuration by negotiation

    def configure(self) -> None:
        """Take over what the newest exchange of descriptions agreed on."""
        receiving = [t for t in self._negotiator.transceivers if t.receiving]
        ids = {uri: number for t in receiving for uri, number in t.extension_ids.items()}
        self._extensions = ExtensionIds.from_uris(ids.items())
        self._arrivals.set_extensions(self._extensions)
        feedback = {kind for t in receiving for codec in t.codecs for kind in codec.feedback}
        if "transport-cc" in feedback and self._arrivals.twcc is None:
            self._arrivals.twcc = TwccReceiver()
        if "goog-remb" in feedback and self._arrivals.bandwidth is None:
            self._arrivals.bandwidth = ReceiveBandwidth()
        listed = sum(len(t.remote.ssrcs) for t in receiving if t.remote is not None)
        self._limit = min(MAX_UNLISTED + listed, MAX_STREAMS)
        if self._receiver is not None:
            self._receiver.max_ssrcs = max(self._receiver.max_ssrcs, self._limit)
        for transceiver in self._negotiator.transceivers:
            self._follow_track(transceiver)

    def _follow_track(self, transceiver: Transceiver) -> None:
        """Drop the streams of a section whose track changed; bind the signalled ones."""
        track = transceiver.remote_track if transceiver.receiving else None
        formats = self._formats[transceiver] = _formats(transceiver)
        if self._tracks.get(transceiver) != track:
            self._tracks[transceiver] = track
            for stream in self.inbound(transceiver):
                self._drop(stream)
        if track is None:
            return
        for stream in self.inbound(transceiver):
            stream.set_formats(formats)
        if len(transceiver.remote_rids) > 1:
            return  # packets tell which layer an SSRC carries
        for ssrc in transceiver.remote_ssrcs():
            self._bind_media(transceiver, ssrc, "")

    def inbound(self, transceiver: Transceiver) -> list[InboundStream]:
        """The bound streams of a section: one, or one per simulcast layer."""
        return [stream for owner, stream in self._inbound.values() if owner is transceiver]

    def _drop(self, stream: InboundStream) -> None:
        self._inbound.pop(stream.ssrc, None)
        self._touched.pop(stream.ssrc, None)
        self._feeds.pop(stream.ssrc, None)
        if stream.repair is not None:
            self._feeds.pop(stream.repair.ssrc, None)
        self._rids = {key: value for key, value in self._rids.items() if value is not stream}
        self._retire(stream.ssrc)
        if stream.repair is not None:
            self._retire(stream.repair.ssrc)

    def _retire(self, ssrc: int) -> None:
        """Let no packet of an ended track come back, even if another one keeps its SSRC."""
        if self._receiver is None:
            return
        listed = (t.remote.ssrcs for t in self._negotiator.transceivers if t.remote is not None)
        if any(ssrc in ssrcs for ssrcs in listed):
            self._receiver.seal(ssrc)
        else:
            self._receiver.retire(ssrc)

    def _is_refused(self, ssrc: int) -> bool:
        """Whether an SSRC can have no stream: it is retired, or there are too many."""
        retired = self._receiver is not None and self._receiver.is_retired(ssrc)
        return retired or len(self._feeds) >= self._limit

    def _bind_media(self, transceiver: Transceiver, ssrc: int, rid: str) -> InboundStream | None:
        bound = self._inbound.get(ssrc)
        if bound is not None:
            return bound[1] if bound[0] is transceiver else None
        if self._is_refused(ssrc):
            return None
        feedback = {kind for codec in transceiver.codecs for kind in codec.feedback}
        stream = InboundStream(
            ssrc=ssrc,
            kind=transceiver.kind,
            clock_rate=_clock_rate(transceiver),
            formats=self._formats[transceiver],
            options=InboundOptions(
                nack="nack" in feedback, pli="nack pli" in feedback, fir="ccm fir" in feedback
            ),
            sender_ssrc=self._report_ssrc,
            arrivals=self._arrivals,
            rid=rid,
        )
        self._inbound[ssrc] = (transceiver, stream)
        self._feeds[ssrc] = (stream.feed, self._inbound[ssrc])
        if rid:
            self._rids[transceiver, rid] = stream
        self.events.append(StreamBound(transceiver, stream, rid))
        repair = transceiver.remote_ssrcs().get(ssrc)
        if repair is not None:
            self._bind_repair(stream, repair)
        return stream

    def _bind_repair(self, stream: InboundStream, ssrc: int) -> None:
        if ssrc not in self._feeds and not self._is_refused(ssrc):
            stream.add_repair(ssrc)
            self._feeds[ssrc] = (stream.feed_repair, self._inbound[stream.ssrc])

    # Streams of ours

    def open_outbound(self, transceiver: Transceiver, mime: str) -> OutboundStream:
        """Make the stream of a section's local track, or return the one that there is.

        Args:
            transceiver: A section that was negotiated for sending.
            mime: The codec of the media; frames can be sent if it is one of ``MIME_TYPES``.

        Raises:
            LocalProtocolError: The section does not send, or not with this codec.
        """
        track = transceiver.local_track
        if track is None or not transceiver.sending:
            raise LocalProtocolError("this section was not negotiated for sending")
        if track.ssrc in self._outbound:
            return self._outbound[track.ssrc][1]
        codec = transceiver.codec_for(mime)
        if codec is None:
            raise LocalProtocolError(f"the peer did not accept {mime} for this section")
        rtx = transceiver.rtx_for(codec)
        repair = None
        if rtx is not None and track.rtx_ssrc is not None:
            repair = Rtx(track.rtx_ssrc, rtx.payload_type)
        stream = OutboundStream(
            ssrc=track.ssrc,
            payload_type=codec.payload_type,
            clock_rate=codec.clock_rate,
            packetizer=packetizer(mime, random=self._random) if mime in MIME_TYPES else None,
            random=self._random,
            extensions=_extension_ids(transceiver),
            mid=transceiver.mid or "",
            cname=track.cname,
            rtx=repair,
            transport_sequence=self._transport_sequence,
        )
        if self._sender is not None:
            stream.secure(self._sender)
        self._outbound[track.ssrc] = (transceiver, stream)
        return stream

    def outbound(self, transceiver: Transceiver) -> OutboundStream | None:
        """The stream of a section's local track, if it was opened."""
        track = transceiver.local_track
        bound = None if track is None else self._outbound.get(track.ssrc)
        return None if bound is None else bound[1]

    def change_codec(self, transceiver: Transceiver, mime: str) -> OutboundStream:
        """Let the stream of a section's local track go on in another codec.

        Raises:
            LocalProtocolError: The section does not send, or not with this codec.
        """
        stream = self.open_outbound(transceiver, mime)
        codec = transceiver.codec_for(mime)
        if codec is None:
            raise LocalProtocolError(f"the peer did not accept {mime} for this section")
        rtx = transceiver.rtx_for(codec)
        stream.change_codec(
            payload_type=codec.payload_type,
            clock_rate=codec.clock_rate,
            packetizer=packetizer(mime, random=self._random) if mime in MIME_TYPES else None,
            rtx_payload_type=rtx.payload_type if rtx is not None else None,
        )
        return stream

    def remove_outbound(self, transceiver: Transceiver) -> None:
        """Forget the stream of a section's local track, with an RTCP BYE."""
        track = transceiver.local_track
        if track is not None and self._outbound.pop(track.ssrc, None) is not None:
            self._send_rtcp([Goodbye((track.ssrc,))])

    # Packets of the peer

    def secured(self, sender: SrtpSender, receiver: SrtpReceiver, now: float) -> None:
        """Take the keys; part of ``MediaSink``."""
        self._sender = sender
        self._receiver = receiver
        receiver.max_ssrcs = max(receiver.max_ssrcs, self._limit)
        self._report_at = now + _FIRST_REPORT
        for _, stream in self._outbound.values():
            stream.secure(sender)

    def unsecured(self) -> None:
        """Forget all that the peer sent, as another one takes its place; part of ``MediaSink``."""
        self._sender = self._receiver = None
        for _, stream in list(self._inbound.values()):
            self._drop(stream)
        self._tracks.clear()
        self._arrivals = ArrivalMonitor(self._extensions, None, None)
        self._round_trip = RoundTrip()
        self.estimate = None

    def path_changed(self, now: float) -> None:
        """Send an empty report over the new path, and a few more; part of ``MediaSink``."""
        self._send_rtcp([ReceiverReport(self._report_ssrc, ())])
        self._empty_reports = _REPORTS_OF_A_MOVE

    def receive_rtp(
        self, index: int, packet: bytes, header_length: int, payload: bytes, now: float
    ) -> None:
        """Take one authenticated RTP packet; part of ``MediaSink``."""
        ssrc = int.from_bytes(packet[8:12], "big")
        entry = self._feeds.get(ssrc)
        if entry is None:
            self._bind_by_packet(ssrc, packet, header_length)
            entry = self._feeds.get(ssrc)
            if entry is None:
                self.stats.unbound += 1
                return
        feed, bound = entry
        feed(index, packet, header_length, payload, now)
        self._touched[bound[1].ssrc] = bound

    def _bind_by_packet(self, ssrc: int, packet: bytes, header_length: int) -> None:
        try:
            values = parse_extensions(packet, header_length)
        except RemoteProtocolError:
            return
        ids = self._extensions
        payload_type = packet[1] & 0x7F
        transceiver = self._section_of(_text(values, ids.mid), payload_type, ssrc)
        if transceiver is None:
            return
        repaired = _text(values, ids.repaired_rid)
        form = self._formats[transceiver].get(payload_type)
        if repaired or (form is not None and form.role == "rtx"):
            stream = self._repaired_stream(transceiver, repaired)
            if stream is not None:
                self._bind_repair(stream, ssrc)
            return
        rid = _text(values, ids.rid) or _listed_layer(transceiver, ssrc)
        if not rid or rid in transceiver.remote_rids:
            self._bind_media(transceiver, ssrc, rid)

    def _section_of(self, mid: str, payload_type: int, ssrc: int) -> Transceiver | None:
        """The section of a mid or, without one, the only section that can be meant."""
        live = [transceiver for transceiver, track in self._tracks.items() if track is not None]
        if mid:
            return next((transceiver for transceiver in live if transceiver.mid == mid), None)
        listing = next((each for each in live if ssrc in each.remote_ssrcs()), None)
        if listing is not None:
            return listing
        fitting = [
            transceiver
            for transceiver in live
            if payload_type in self._formats[transceiver] and not transceiver.remote_ssrcs()
        ]
        return fitting[0] if len(fitting) == 1 else None

    def _repaired_stream(self, transceiver: Transceiver, rid: str) -> InboundStream | None:
        if rid:
            return self._rids.get((transceiver, rid))
        streams = self.inbound(transceiver)
        return streams[0] if len(streams) == 1 else None

    def receive_rtcp(self, packet: bytes, now: float) -> None:
        """Take one authenticated RTCP packet; part of ``MediaSink``."""
        try:
            parts = parse_compound(packet)
        except RemoteProtocolError:
            self.stats.malformed_rtcp += 1
            return
        for part in parts:
            handler = self._HANDLERS.get(type(part))
            if handler is not None:
                handler(self, part, now)

    def _on_sender_report(self, report: SenderReport, now: float) -> None:
        bound = self._inbound.get(report.ssrc)
        if bound is not None:
            bound[1].on_sender_report(report, now)
        self._on_report_blocks(report.reports, now)

    def _on_receiver_report(self, report: ReceiverReport, now: float) -> None:
        self._on_report_blocks(report.reports, now)

    def _on_report_blocks(self, blocks: Sequence[ReportBlock], now: float) -> None:
        for block in blocks:
            if (bound := self._outbound.get(block.ssrc)) is not None:
                bound[1].on_report_block(block, now)

    def _on_nack(self, nack: Nack, now: float) -> None:
        if (bound := self._outbound.get(nack.media_ssrc)) is not None:
            self.out += bound[1].on_nack(nack, now)

    def _on_pli(self, request: PictureLossIndication, now: float) -> None:
        if (bound := self._outbound.get(request.media_ssrc)) is not None:
            bound[1].on_pli(now)
            self._report_outbound(*bound, now)

    def _on_fir(self, request: FullIntraRequest, now: float) -> None:
        for ssrc in {ssrc for ssrc, _ in request.requests}:
            if (bound := self._outbound.get(ssrc)) is not None:
                bound[1].on_fir(request, now)
                self._report_outbound(*bound, now)

    def _on_extended_report(self, report: ExtendedReport, now: float) -> None:
        self._round_trip.receive(report, now)
        self.set_round_trip(self._round_trip.seconds)

    def _on_remb(self, estimate: ReceiverEstimatedMaxBitrate, now: float) -> None:
        self.estimate = float(estimate.bitrate)
        self.events.append(RembReceived(estimate.bitrate))

    _HANDLERS: ClassVar[Mapping[type, Callable[..., None]]] = {
        SenderReport: _on_sender_report,
        ReceiverReport: _on_receiver_report,
        ExtendedReport: _on_extended_report,
        Nack: _on_nack,
        PictureLossIndication: _on_pli,
        FullIntraRequest: _on_fir,
        ReceiverEstimatedMaxBitrate: _on_remb,
    }

    def set_round_trip(self, seconds: float | None) -> None:
        """Tell the streams how long an answer takes, so that they do not repeat too early."""
        if seconds is not None:
            for _, stream in self._inbound.values():
                stream.round_trip = seconds

    # Time and output

    def request_keyframe(self, stream: InboundStream, now: float) -> None:
        """Ask the peer for a keyframe, throttled per stream."""
        stream.request_keyframe(now)
        self._streams_due = min(self._streams_due, stream.next_timer())

    def flush(self, now: float) -> None:
        """Report the streams that have something."""
        if not self._touched:
            return
        touched, self._touched = self._touched, {}
        for bound in touched.values():
            self._report_inbound(*bound)

    def _report_inbound(self, transceiver: Transceiver, stream: InboundStream) -> None:
        if stream.packets or stream.frames:
            self.events.append(MediaReceived(transceiver, stream))
        self._streams_due = min(self._streams_due, stream.next_timer())

    def _report_outbound(
        self, transceiver: Transceiver, stream: OutboundStream, now: float
    ) -> None:
        if stream.take_keyframe_request(now):
            self.events.append(KeyframeRequested(transceiver))
        self._streams_due = min(self._streams_due, stream.next_timer())

    def next_timer(self) -> float:
        """When ``handle_timer`` is to be called next."""
        if self._sender is None:
            return NEVER
        return min(self._report_at, self._streams_due, self._arrivals.next_timer())

    def handle_timer(self, now: float) -> None:
        """Give up late packets, ask for missing ones, and report."""
        packets = self._serve_streams(now) if now >= self._streams_due else []
        if self._arrivals.next_timer() <= now:
            video = tuple(
                stream.ssrc for _, stream in self._inbound.values() if stream.kind == "video"
            )
            packets += self._arrivals.handle_timer(self._report_ssrc, video, now)
        if now >= self._report_at:
            self._report_at = now + _REPORT_INTERVAL
            packets = [*self._reports(now), *packets]
        self._send_rtcp(packets)

    def _serve_streams(self, now: float) -> list[RtcpPacket]:
        """Do what is due in the streams, and find out who is next."""
        packets: list[RtcpPacket] = []
        self._streams_due = NEVER
        for bound in self._inbound.values():
            stream = bound[1]
            if stream.next_timer() <= now:
                packets += stream.handle_timer(now)
                self._touched[stream.ssrc] = bound
            self._streams_due = min(self._streams_due, stream.next_timer())
        for transceiver, outbound in self._outbound.values():
            self._report_outbound(transceiver, outbound, now)
        return packets

    def _reports(self, now: float) -> list[RtcpPacket]:
        """What is due once a second: sender reports, receiver reports, clocks and names."""
        wall = now + self._ntp_offset
        packets: list[RtcpPacket] = []
        senders = [stream for _, stream in self._outbound.values()]
        for stream in senders:
            report = stream.sender_report(now, wall)
            if report is not None:
                packets += [report, SourceDescription((stream.description(),))]
        blocks = [b for _, stream in self._inbound.values() for b in stream.report_blocks(now)]
        for start in range(0, len(blocks), MAX_COUNT):
            packets.append(
                ReceiverReport(self._report_ssrc, tuple(blocks[start : start + MAX_COUNT]))
            )
        if blocks:
            packets.append(self._round_trip.ask(self._report_ssrc, wall, now))
        elif self._empty_reports:
            packets.append(ReceiverReport(self._report_ssrc, ()))
        self._empty_reports = max(0, self._empty_reports - 1)
        answer = self._round_trip.answer(self._report_ssrc, now)
        return packets if answer is None else [*packets, answer]

    def _send_rtcp(self, packets: Sequence[RtcpPacket]) -> None:
        if self._sender is None:
            return
        compound = b""
        for packet in packets:
            data = packet.serialize()
            if compound and len(compound) + len(data) > _MAX_COMPOUND:
                self.out.append(self._sender.protect_rtcp(compound))
                compound = b""
            compound += data
        if compound:
            self.out.append(self._sender.protect_rtcp(compound))

    def close(self) -> None:
        """Write an RTCP BYE for every stream into ``out``."""
        if self._outbound:
            self._send_rtcp([Goodbye(tuple(self._outbound)[:MAX_COUNT])])
            self._outbound.clear()


def _extension_ids(transceiver: Transceiver) -> ExtensionIds:
    return ExtensionIds.from_uris(transceiver.extension_ids.items())


def _clock_rate(transceiver: Transceiver) -> int:
    media = [codec for codec in transceiver.codecs if codec.name.lower() not in ("rtx", "red")]
    return media[0].clock_rate if media else 90_000


def _formats(transceiver: Transceiver) -> dict[int, InboundFormat]:
    return {codec.payload_type: _format(transceiver, codec) for codec in transceiver.codecs}


def _format(transceiver: Transceiver, codec: RtpCodec) -> InboundFormat:
    name = codec.name.lower()
    if name == "rtx":
        return InboundFormat("rtx", associated=-1 if codec.apt is None else codec.apt)
    if name == "red":
        return InboundFormat("red", mime="audio/red")
    mime = f"{transceiver.kind}/{codec.name}"
    known = mime.lower() in (known.lower() for known in MIME_TYPES)
    return InboundFormat("media", depacketizer(mime) if known else None, mime=mime)


def _listed_layer(transceiver: Transceiver, ssrc: int) -> str:
    """The layer that a listed SSRC carries if a section lists as many as it has layers, else ""."""
    ssrcs, rids = list(transceiver.remote_ssrcs()), transceiver.remote_rids
    return rids[ssrcs.index(ssrc)] if len(ssrcs) == len(rids) and ssrc in ssrcs else ""


def _text(values: Mapping[int, bytes], number: int) -> str:
    return values.get(number, b"").decode("ascii", "replace") if number else ""

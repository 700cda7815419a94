"""The media of one peer connection: its RTP streams, and RTCP about all of them.

Theory of operation: ``InboundStreams`` knows which SSRC of the peer belongs to which section, and
``OutboundStreams`` has ours. Here packets go to the streams, and reports and feedback come and go.

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

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.base import NEVER, RandomBytes
from lktrio.rtc.inbound_streams import Bound, InboundStreams, StreamBound
from lktrio.rtc.negotiation import Negotiator
from lktrio.rtc.outbound_streams import OutboundStreams
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
from lktrio.rtc.rtp.inbound import InboundStream
from lktrio.rtc.rtp.outbound import OutboundStream
from lktrio.rtc.rtp.round_trip import RoundTrip
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

_REPORT_INTERVAL = 1.0  # seconds; LiveKit's server needs receiver reports at least this often
_FIRST_REPORT = 0.2  # seconds after the keys: publishers leave out mid and rid after a report
_REPORTS_OF_A_MOVE = 3  # reports that go out on a new path even if there is nothing to report
_MAX_COMPOUND = 1100  # bytes, so that a compound packet fits a datagram of 1,200 with its tag


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
        inbound: The streams of the peer.
        outbound: Ours.
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
        self._touched: dict[int, Bound] = {}
        """Inbound streams that something has happened to since the last flush, by SSRC."""
        self._streams_due = NEVER
        """When the first stream wants to be called, or earlier."""
        self._round_trip = RoundTrip()
        self._report_at = NEVER
        self._empty_reports = 0
        self._drawn = NumberSet()
        self._report_ssrc = self.new_ssrc()
        self.inbound = InboundStreams(self._report_ssrc)
        self.outbound = OutboundStreams(random)

    def new_ssrc(self) -> int:
        """Draw an SSRC that was not drawn before: two streams must not share their nonces."""
        ssrc = int.from_bytes(self._random(4), "big") or 1
        while ssrc in self._drawn:
            ssrc = (ssrc + 1) & 0xFFFFFFFF or 1
        self._drawn.add(ssrc)
        return ssrc

    # Configuration

    def configure(self) -> None:
        """Take over what the newest exchange of descriptions agreed on."""
        self.inbound.configure(self._negotiator.transceivers)

    def remove_outbound(self, transceiver: Transceiver) -> None:
        """Forget the stream of a section's local track, with an RTCP BYE."""
        ssrc = self.outbound.remove(transceiver)
        if ssrc is not None:
            self._send_rtcp([Goodbye((ssrc,))])

    # Packets of the peer

    def secured(self, sender: SrtpSender, receiver: SrtpReceiver, now: float) -> None:
        """Take the keys; part of ``MediaSink``."""
        self._sender = sender
        self._report_at = now + _FIRST_REPORT
        self.inbound.secured(receiver)
        self.outbound.secured(sender)

    def unsecured(self) -> None:
        """Forget all that the peer sent, as another one takes its place; part of ``MediaSink``."""
        self._sender = None
        self.inbound.unsecured()
        self.outbound.unsecured()
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
        entry = self.inbound.feeds.get(ssrc)
        if entry is None:
            self.inbound.bind_by_packet(ssrc, packet, header_length)
            entry = self.inbound.feeds.get(ssrc)
            if entry is None:
                self.stats.unbound += 1
                return
        feed, bound = entry
        feed(index, packet, header_length, payload, now)
        self._touched[bound[1].ssrc] = bound

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
        bound = self.inbound.bound.get(report.ssrc)
        if bound is not None:
            bound[1].on_sender_report(report, now)
        self._on_report_blocks(report.reports, now)

    def _on_receiver_report(self, report: ReceiverReport, now: float) -> None:
        self._on_report_blocks(report.reports, now)

    def _on_report_blocks(self, blocks: Sequence[ReportBlock], now: float) -> None:
        for block in blocks:
            if (bound := self.outbound.bound.get(block.ssrc)) is not None:
                bound[1].on_report_block(block, now)

    def _on_nack(self, nack: Nack, now: float) -> None:
        if (bound := self.outbound.bound.get(nack.media_ssrc)) is not None:
            self.out += bound[1].on_nack(nack, now)

    def _on_pli(self, request: PictureLossIndication, now: float) -> None:
        if (bound := self.outbound.bound.get(request.media_ssrc)) is not None:
            bound[1].on_pli(now)
            self._report_outbound(*bound, now)

    def _on_fir(self, request: FullIntraRequest, now: float) -> None:
        for ssrc in {ssrc for ssrc, _ in request.requests}:
            if (bound := self.outbound.bound.get(ssrc)) is not None:
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
            for _, stream in self.inbound.bound.values():
                stream.round_trip = seconds

    # Time and output

    def request_keyframe(self, stream: InboundStream, now: float) -> None:
        """Ask the peer for a keyframe, throttled per stream."""
        stream.request_keyframe(now)
        self._streams_due = min(self._streams_due, stream.next_timer())

    def flush(self, now: float) -> None:
        """Report the streams that are new, and those that have something."""
        if self.inbound.news:
            news, self.inbound.news = self.inbound.news, []
            self.events.extend(news)
        if not self._touched:
            return
        touched, self._touched = self._touched, {}
        for ssrc, bound in touched.items():
            if self.inbound.bound.get(ssrc) is bound:  # not dropped meanwhile
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
        report_at = self._report_at if self._has_reports else NEVER
        return min(report_at, self._streams_due, self.inbound.arrivals.next_timer())

    @property
    def _has_reports(self) -> bool:
        """Whether there is a stream to report on; a peer without any is not woken for nothing."""
        return bool(self.inbound.bound or self.outbound.bound or self._empty_reports)

    def handle_timer(self, now: float) -> None:
        """Give up late packets, ask for missing ones, and report."""
        packets = self._serve_streams(now) if now >= self._streams_due else []
        if self.inbound.arrivals.next_timer() <= now:
            video = tuple(
                stream.ssrc for _, stream in self.inbound.bound.values() if stream.kind == "video"
            )
            packets += self.inbound.arrivals.handle_timer(self._report_ssrc, video, now)
        if now >= self._report_at:
            self._report_at = now + _REPORT_INTERVAL
            packets = [*self._reports(now), *packets]
        self._send_rtcp(packets)

    def _serve_streams(self, now: float) -> list[RtcpPacket]:
        """Do what is due in the streams, and find out who is next."""
        packets: list[RtcpPacket] = []
        self._streams_due = NEVER
        for bound in self.inbound.bound.values():
            stream = bound[1]
            if stream.next_timer() <= now:
                packets += stream.handle_timer(now)
                self._touched[stream.ssrc] = bound
            self._streams_due = min(self._streams_due, stream.next_timer())
        for transceiver, outbound in self.outbound.bound.values():
            self._report_outbound(transceiver, outbound, now)
        return packets

    def _reports(self, now: float) -> list[RtcpPacket]:
        """What is due once a second: sender reports, receiver reports, clocks and names."""
        wall = now + self._ntp_offset
        packets: list[RtcpPacket] = []
        senders = [stream for _, stream in self.outbound.bound.values()]
        for stream in senders:
            report = stream.sender_report(now, wall)
            if report is not None:
                packets += [report, SourceDescription((stream.description(),))]
        blocks = [b for _, stream in self.inbound.bound.values() for b in stream.report_blocks(now)]
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
        if self.outbound.bound:
            self._send_rtcp([Goodbye(tuple(self.outbound.bound)[:MAX_COUNT])])
            self.outbound.bound.clear()

"""One RTP stream that we receive: from unprotected packets to encoded frames.

Theory of operation
    The owner finds the stream by SSRC (or by the mid extension, once) and calls `InboundStream.
    feed` with what SRTP gave. Each packet is counted, its padding is cut off, and by its payload
    type it is media, redundant audio (RED) or something we did not negotiate. Media goes through a
    jitter buffer and comes out as `frames`. A forwarder sets `want_packets` and gets `packets` in
    arrival order instead or as well.

    Retransmissions come back on an SSRC of their own (RTX). `InboundStream.feed_repair` unwraps
    them and takes them, provided they are really missing: senders also probe the path by
    repeating packets that did arrive. Packets of nothing but padding are another probe; they are
    counted, and keep their place in the sequence.

    A gap is asked for (`Recovery`), then given up by the jitter buffer, and where that leaves the
    video without a reference a keyframe is asked for. `handle_timer` returns the RTCP messages.

    Redundant audio blocks are looked at only when a packet before is missing.

Implements: RFC 4588 section 4 (RTX); RFC 2198 (RED).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.base import NEVER
from lktrio.rtc.payload.base import Depacketizer
from lktrio.rtc.rtcp import Nack, ReportBlock, RtcpPacket, SenderReport
from lktrio.rtc.rtp.arrivals import ArrivalMonitor
from lktrio.rtc.rtp.header import MARKER_BIT, PADDING_BIT, strip_padding
from lktrio.rtc.rtp.jitter import AudioBuffer, ReceivedFrame, VideoBuffer
from lktrio.rtc.rtp.nack import MAX_TRIES
from lktrio.rtc.rtp.ntp import DEFAULT_ROUND_TRIP
from lktrio.rtc.rtp.packet import RtpPacket
from lktrio.rtc.rtp.reception import Reception
from lktrio.rtc.rtp.recovery import InboundOptions, Recovery
from lktrio.rtc.rtp.red import primary_block, split_red
from lktrio.rtc.rtp.rtx import unwrap

__all__ = [
    "InboundFormat",
    "InboundOptions",
    "InboundStats",
    "InboundStream",
    "ReceivedFrame",
]

_AUDIO_HOLD = (0.02, 0.2)  # seconds
_VIDEO_HOLD = (0.05, 1.0)


@dataclass(frozen=True, slots=True)
class InboundFormat:
    """What a payload type of a media section means."""

    role: Literal["media", "red", "rtx"] = "media"
    """Media, redundant audio (RFC 2198), or retransmissions (RFC 4588)."""
    depacketizer: Depacketizer | None = None
    """For video media: puts frames together. Without one only packets are delivered."""
    associated: int = -1
    """For RTX: payload type of the media (``apt``)."""
    mime: str = ""
    """For media: its type, such as ``"video/VP8"``."""


@dataclass(slots=True)
class InboundStats:
    """Counters of one stream."""

    bytes_received: int = 0
    """Payload bytes, padding excluded, retransmissions included."""
    padding_packets: int = 0
    """Packets of nothing but padding."""
    malformed: int = 0
    """Packets whose padding or payload made no sense."""
    unknown_payload_type: int = 0
    """Packets of payload types that were not negotiated."""
    repaired: int = 0
    """Packets recovered by retransmission."""
    restored: int = 0
    """Audio packets recovered from redundant blocks."""
    useless_repairs: int = 0
    """Retransmissions of packets that were not missing."""
    nacked: int = 0
    """Packets asked for, repetitions included."""
    keyframe_requests: int = 0
    """Keyframes asked for."""
    frames: int = 0
    """Frames taken away by the owner."""


class InboundStream:
    """One media stream that we receive, by SSRC.

    Args:
        ssrc: The stream.
        kind: ``"audio"`` or ``"video"``.
        clock_rate: Of its timestamps, in Hz.
        formats: The section's payload types.
        options: Negotiated feedback.
        sender_ssrc: What our feedback calls us.
        arrivals: Congestion feedback of the transport, fed with every packet.
        rid: Simulcast layer, empty without simulcast.

    Attributes:
        packets: Packets in arrival order, only while `want_packets`; swapped out whole. Those of
            nothing but padding are among them, with an empty payload, so that a forwarder can
            close the gap they would leave.
        want_packets: Whether to fill `packets`.
        want_frames: Whether to fill `frames`.
        round_trip: Seconds to the sender and back, to be updated by the owner.
        stats: Counters.
        reception: Statistics of the SSRC.
        payload_type: Of the last packet, -1 before the first.
        repair: Statistics of the SSRC that carries retransmissions, None as long as there is none.
        sender_report: The last sender report, to map timestamps to the sender's clock.
        sender_report_arrival: When that came.
    """

    def __init__(
        self,
        *,
        ssrc: int,
        kind: Literal["audio", "video"],
        clock_rate: int,
        formats: Mapping[int, InboundFormat],
        options: InboundOptions | None = None,
        sender_ssrc: int = 1,
        arrivals: ArrivalMonitor | None = None,
        rid: str = "",
    ) -> None:
        self.ssrc = ssrc
        self.rid = rid
        self.kind = kind
        self.clock_rate = clock_rate
        self.packets: list[RtpPacket] = []
        self.want_packets = False
        self.want_frames = True
        self.round_trip = DEFAULT_ROUND_TRIP
        self.stats = InboundStats()
        self.reception = Reception(ssrc, clock_rate)
        self.payload_type = -1
        self.sender_report: SenderReport | None = None
        self.sender_report_arrival = 0.0
        self.repair: Reception | None = None
        self._formats = dict(formats)
        self._arrivals = arrivals
        self._recovery = Recovery(ssrc, sender_ssrc, options or InboundOptions())
        self._audio = AudioBuffer(_AUDIO_HOLD[0]) if kind == "audio" else None
        self._video: VideoBuffer | None = None
        self._started = -1
        self._depacketizer: Depacketizer | None = None

    # Results

    @property
    def frames(self) -> list[ReceivedFrame]:
        """Finished frames in stream order; take them by swapping: ``s.frames = []``."""
        buffer = self._video or self._audio
        return buffer.frames if buffer is not None else []

    @frames.setter
    def frames(self, frames: list[ReceivedFrame]) -> None:
        buffer = self._video or self._audio
        if buffer is not None:
            self.stats.frames += len(buffer.frames)
            buffer.frames = frames

    @property
    def mime(self) -> str:
        """Media type of what arrives, such as ``"video/VP8"``; empty before the first packet."""
        form = self._formats.get(self.payload_type)
        return form.mime if form is not None else ""

    @property
    def lost(self) -> int:
        """Packets given up by the jitter buffer."""
        buffer = self._video or self._audio
        return buffer.lost if buffer is not None else 0

    @property
    def needs_keyframe(self) -> bool:
        """Whether video stands still until a keyframe comes."""
        return self._video is not None and self._video.seeking

    def set_formats(self, formats: Mapping[int, InboundFormat]) -> None:
        """Take over the payload types of a new negotiation."""
        self._formats = dict(formats)

    def add_repair(self, ssrc: int) -> None:
        """Expect retransmissions on another SSRC; they go to `feed_repair`."""
        if self.repair is None or self.repair.ssrc != ssrc:
            self.repair = Reception(ssrc, self.clock_rate)

    # Input

    def feed(
        self, index: int, packet: bytes, header_length: int, payload: bytes, now: float
    ) -> None:
        """Take one authenticated packet of the SSRC.

        Args:
            index: Extended sequence number, as SRTP knows it.
            packet: The datagram, of which the header is read.
            header_length: Size of the header.
            payload: Plain payload with padding.
            now: The time.
        """
        if self._arrivals is not None:
            self._arrivals.observe(packet, header_length, now)
        timestamp = int.from_bytes(packet[4:8], "big")
        reception = self.reception
        expected = reception.highest + 1
        reception.record(index, timestamp, now)
        if index != expected:
            if index > expected > 0:
                self._gap(expected, index, now)
            else:
                self._recovery.arrived(index)
        if packet[0] & PADDING_BIT:
            payload = self._strip(payload)
        self._take(index, packet, header_length, payload, timestamp, packet[1], now)

    def _strip(self, payload: bytes) -> bytes:
        try:
            payload = strip_padding(payload)
        except RemoteProtocolError:
            self.stats.malformed += 1
            return b""
        if not payload:
            self.stats.padding_packets += 1
        return payload

    def _take(
        self,
        index: int,
        packet: bytes,
        header_length: int,
        payload: bytes,
        timestamp: int,
        second: int,
        now: float,
    ) -> None:
        """Take one packet, original or repaired, whose padding is cut off."""
        self.stats.bytes_received += len(payload)
        self.payload_type = second & 0x7F
        if self.want_packets:
            self._deliver(index, packet, header_length, payload, second)
        if not self.want_frames:
            return
        form = self._formats.get(second & 0x7F)
        if form is None:
            self.stats.unknown_payload_type += bool(payload)
            payload = b""
        if self._audio is not None:
            if form is not None and form.role == "red" and payload:
                payload = self._unpack_red(self._audio, index, timestamp, payload, now)
            self._audio.push(index, timestamp, payload, now)
            return
        video = self._video
        if payload and form is not None and form.depacketizer is not self._depacketizer:
            if form.role == "media":
                video = self._switch(form.depacketizer)
            else:
                self.stats.unknown_payload_type += 1
                payload = b""
        if video is not None:
            video.push(index, timestamp, second >= MARKER_BIT, payload, now)
            if video.next < 0 or video.started != self._started:
                self._watch_keyframes(video, now)

    def _deliver(
        self, index: int, packet: bytes, header_length: int, payload: bytes, second: int
    ) -> None:
        """Hand a packet to the forwarder, a repaired one as if it had come the first time."""
        try:
            delivered = RtpPacket.from_parts(
                bytes((packet[0] & ~PADDING_BIT,)) + packet[1:header_length],
                header_length,
                payload,
                index,
            )
        except RemoteProtocolError:
            self.stats.malformed += 1
            return
        delivered.ssrc = self.ssrc
        delivered.payload_type = second & 0x7F
        delivered.sequence_number = index & 0xFFFF
        self.packets.append(delivered)

    def _switch(self, depacketizer: Depacketizer | None) -> VideoBuffer | None:
        """Begin afresh with another codec."""
        frames = self.frames
        self._depacketizer = depacketizer
        self._video = None
        if depacketizer is not None:
            self._video = VideoBuffer(depacketizer, _VIDEO_HOLD[0])
            self._video.frames = frames
        return self._video

    def _unpack_red(
        self, audio: AudioBuffer, index: int, timestamp: int, payload: bytes, now: float
    ) -> bytes:
        """Return the primary block; give the audio buffer earlier ones that it lacks."""
        try:
            if audio.next in (index, -1):
                return primary_block(payload)
            blocks = split_red(payload)
        except RemoteProtocolError:
            self.stats.malformed += 1
            return b""
        for distance in range(len(blocks) - 1, 0, -1):
            block = blocks[-1 - distance]
            if block.data and audio.is_missing(index - distance):
                self.stats.restored += 1
                self._recovery.arrived(index - distance)
                earlier = (timestamp - block.timestamp_offset) & 0xFFFFFFFF
                audio.push(index - distance, earlier, block.data, now)
        return blocks[-1].data

    def feed_repair(
        self, index: int, packet: bytes, header_length: int, payload: bytes, now: float
    ) -> None:
        """Take one authenticated packet of the repair SSRC; arguments as for `feed`."""
        if self.repair is None:
            return
        if self._arrivals is not None:
            self._arrivals.observe(packet, header_length, now)
        timestamp = int.from_bytes(packet[4:8], "big")
        self.repair.record(index, timestamp, now)
        if packet[0] & PADDING_BIT:
            try:
                payload = strip_padding(payload)
            except RemoteProtocolError:
                self.stats.malformed += 1
                return
        highest = self.reception.highest
        original = unwrap(payload, highest)
        if original is None:
            self.stats.padding_packets += 1
            return
        payload_type = self._repaired_payload_type(packet[1] & 0x7F)
        if payload_type < 0 or highest < 0:
            self.stats.unknown_payload_type += 1
            return
        index, payload = original
        if not self._recovery.arrived(index):
            self.stats.useless_repairs += 1
            return
        self.stats.repaired += 1
        second = packet[1] & MARKER_BIT | payload_type
        self._take(index, packet, header_length, payload, timestamp, second, now)

    def _repaired_payload_type(self, payload_type: int) -> int:
        """Payload type of the media that an RTX payload type repairs, or -1."""
        form = self._formats.get(payload_type)
        return form.associated if form is not None and form.role == "rtx" else -1

    # Gaps and keyframes

    def _gap(self, start: int, stop: int, now: float) -> None:
        """Note missing packets before they are asked for, and how long to wait for them."""
        repairable = self._recovery.gap(start, stop, now)
        if self._audio is not None:
            self._audio.hold = self._hold(_AUDIO_HOLD, 1)
        elif self._video is not None:
            self._video.hold = self._hold(_VIDEO_HOLD, MAX_TRIES) if repairable else 0.0

    def _hold(self, bounds: tuple[float, float], tries: int) -> float:
        low, high = bounds
        jitter = self.reception.jitter / self.clock_rate
        return min(max(self._recovery.hold(jitter, tries, self.round_trip), low), high)

    def _watch_keyframes(self, video: VideoBuffer, now: float) -> None:
        if video.started != self._started:
            self._started = video.started
            self._recovery.keyframe_arrived(video.started)
        if video.seeking:
            self._recovery.want_keyframe(now)

    def request_keyframe(self, now: float) -> None:
        """Ask the sender for a keyframe, at most once per half second."""
        self._recovery.want_keyframe(now)

    # Timers and reports

    def next_timer(self) -> float:
        """When `handle_timer` has something to do."""
        buffer = self._video or self._audio
        deadline = buffer.deadline if buffer is not None else NEVER
        return min(deadline, self._recovery.next_timer())

    def handle_timer(self, now: float) -> list[RtcpPacket]:
        """Give up what has waited too long; return the feedback that is due."""
        if self._audio is not None:
            self._audio.expire(now)
        elif self._video is not None:
            position = self._video.next
            self._video.expire(now)
            if self._video.next != position:
                self._watch_keyframes(self._video, now)
        packets = self._recovery.collect(self.reception.highest, self.round_trip, now)
        for packet in packets:
            if isinstance(packet, Nack):
                self.stats.nacked += len(packet.lost)
            else:
                self.stats.keyframe_requests += 1
        return packets

    def on_sender_report(self, report: SenderReport, now: float) -> None:
        """Take a sender report of this SSRC."""
        self.sender_report, self.sender_report_arrival = report, now
        self.reception.on_sender_report(report, now)

    def report_blocks(self, now: float) -> list[ReportBlock]:
        """Return what the next receiver report says of this SSRC and of its repair SSRC."""
        blocks: list[ReportBlock] = []
        if self.reception.received:
            expected, lost = self.reception.interval_loss()
            if self._arrivals is not None and self._arrivals.bandwidth is not None:
                self._arrivals.bandwidth.on_loss(expected, lost)
            blocks.append(self.reception.report_block(expected, lost, now))
        if self.repair is not None and self.repair.received:
            blocks.append(self.repair.report_block(*self.repair.interval_loss(), now))
        return blocks

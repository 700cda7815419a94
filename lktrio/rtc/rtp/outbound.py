"""One RTP stream that we send: from encoded frames to protected datagrams.

Theory of operation
    `OutboundStream.send_frame` splits a frame with the codec's packetizer and returns one SRTP
    packet per payload; its header comes from a `HeaderWriter`.

    The mid and rid extensions tell the receiver which section and simulcast layer an unknown SSRC
    belongs to. They are sent until the first receiver report for the SSRC shows that it is known.

    Sent packets are kept (`PacketHistory`) to answer NACKs: on an RTX SSRC where that was
    negotiated, as new packets around the old payload; else the very same protected bytes again,
    since another packet under the same SRTP index would reuse a nonce.

    A forwarder uses `send_packet`, with sequence numbers and timestamps of its own making.

    Requests for a keyframe (PLI, FIR) are passed on at most once in 300 ms; one that comes too
    early waits until that time has passed.

Implements: RFC 3550 sections 5.1, 6.4.1 (SR) and 6.5.1 (CNAME); RFC 4588 section 4 (RTX); RFC 4585
section 6.2.1 (NACK), 6.3.1 (PLI); RFC 5104 section 4.3.1 (FIR); RFC 8852 and 9143 (rid, mid).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from lktrio._protocol_errors import LocalProtocolError
from lktrio.rtc.base import RandomBytes
from lktrio.rtc.payload.base import Packetizer
from lktrio.rtc.rtcp import (
    CNAME,
    FullIntraRequest,
    Nack,
    ReportBlock,
    SdesChunk,
    SenderReport,
)
from lktrio.rtc.rtp.extensions import NO_EXTENSIONS, SILENCE, AudioLevel, ExtensionIds
from lktrio.rtc.rtp.header_writer import (
    HeaderWriter,
    TransportSequence,
    with_extensions,
)
from lktrio.rtc.rtp.history import HISTORY_SIZE, PacketHistory, SentPacket
from lktrio.rtc.rtp.keyframes import GRANT_INTERVAL, KeyframeRequests
from lktrio.rtc.rtp.ntp import DEFAULT_ROUND_TRIP, DELAY_UNITS, ntp_middle, ntp_time
from lktrio.rtc.rtp.rtx import OSN_SIZE, Rtx, wrap

__all__ = [
    "OutboundOptions",
    "OutboundStats",
    "OutboundStream",
    "PacketProtection",
    "ProtectionKeys",
    "TransportSequence",
]

_REMEMBERED_REPORTS = 8
_RTT_SMOOTHING = 0.125  # RFC 6298 section 2


class PacketProtection(Protocol):
    """What makes datagrams of the packets of one SSRC: SRTP."""

    def protect(self, header: bytes, payload: bytes, index: int) -> bytes:
        """Encrypt and authenticate one packet.

        Args:
            header: RTP header with extensions.
            payload: Payload with padding.
            index: Extended sequence number; none is used twice.
        """
        ...


class ProtectionKeys(Protocol):
    """The keys with which a peer connection sends."""

    @property
    def tag_length(self) -> int:
        """Bytes by which protection makes a packet longer."""
        ...

    def stream(self, ssrc: int) -> PacketProtection:
        """What protects the packets of one SSRC."""
        ...


@dataclass(frozen=True, slots=True)
class OutboundOptions:
    """How a stream is sent."""

    datagram_size: int = 1200
    """Largest SRTP packet in bytes; LiveKit's clients and server keep to this."""
    keyframe_interval: float = GRANT_INTERVAL
    """Seconds between two requests for a keyframe that are passed on."""


@dataclass(slots=True)
class OutboundStats:
    """Counters of one stream."""

    packets_sent: int = 0
    """Packets, retransmissions excluded."""
    octets_sent: int = 0
    """Payload bytes, retransmissions excluded."""
    frames_sent: int = 0
    """Frames given to `OutboundStream.send_frame`."""
    resent: int = 0
    """Packets sent again."""
    resend_refused: int = 0
    """Packets asked for again that are gone, too recent, beyond the share for repairs, or more
    than are kept."""
    nacks: int = 0
    """NACK messages received."""
    keyframe_requests: int = 0
    """PLIs and FIRs received, repeated FIRs excluded."""


class OutboundStream:
    """One media stream that we send, by SSRC.

    Args:
        ssrc: The stream.
        payload_type: Payload type of its codec.
        clock_rate: Of its timestamps, in Hz.
        packetizer: Splits frames; None for a stream that only forwards packets.
        random: Draws the first sequence numbers and the timestamp offset.
        extensions: Header extensions that may be sent.
        mid: Media section, for the mid extension.
        rid: Simulcast layer, for the rid extension.
        cname: Canonical name.
        rtx: Where retransmissions go; None to resend on the SSRC itself.
        transport_sequence: Shared counter for the transport-cc extension.
        options: Sizes and intervals.

    Attributes:
        round_trip: Smoothed seconds to the receiver and back, from receiver reports; None before
            the first.
        fraction_lost: What the last receiver report said, 0 to 1.
        stats: Counters.
    """

    def __init__(
        self,
        *,
        ssrc: int,
        payload_type: int,
        clock_rate: int,
        packetizer: Packetizer | None,
        random: RandomBytes,
        extensions: ExtensionIds = NO_EXTENSIONS,
        mid: str = "",
        rid: str = "",
        cname: str = "",
        rtx: Rtx | None = None,
        transport_sequence: TransportSequence | None = None,
        options: OutboundOptions | None = None,
    ) -> None:
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.clock_rate = clock_rate
        self.mid = mid
        self.rid = rid
        self.cname = cname
        self.rtx = rtx
        self.round_trip: float | None = None
        self.fraction_lost = 0.0
        self.stats = OutboundStats()
        self.options = options or OutboundOptions()
        self._packetizer = packetizer
        self._extensions = extensions
        self._sequence = transport_sequence
        self._srtp: PacketProtection | None = None
        self._rtx_srtp: PacketProtection | None = None
        self._tag_size = 0
        # Initial sequence numbers in the lower half leave the rollover counter beyond doubt.
        self._next = int.from_bytes(random(2), "big") & 0x7FFF
        self._rtx_next = int.from_bytes(random(2), "big") & 0x7FFF
        self._timestamp_offset = int.from_bytes(random(4), "big")
        self._acknowledged = False
        self._level_used = False
        self._headers = self._compile()
        self._rtx_headers = self._compile_rtx()
        self._last_timestamp = 0
        self._last_time = 0.0
        self._clock: tuple[int, float] | None = None
        self._history = PacketHistory()
        self._reports: dict[int, float] = {}
        self._keyframes = KeyframeRequests(self.options.keyframe_interval)
        self._fir_number = -1

    # Configuration

    def secure(self, sender: ProtectionKeys) -> None:
        """Begin to send: the keys are there.

        With other keys than before, it begins anew: the receiver is another one and knows nothing.
        A forwarder has to number packets from below 2^15 again.
        """
        if self._srtp is not None:
            self._begin_anew()
        self._tag_size = sender.tag_length
        self._srtp = sender.stream(self.ssrc)
        if self.rtx is not None:
            self._rtx_srtp = sender.stream(self.rtx.ssrc)

    def _begin_anew(self) -> None:
        self._next &= 0x7FFF
        self._rtx_next &= 0x7FFF
        self._history.clear()
        self._reports.clear()
        self._acknowledged = False
        self._fir_number = -1
        self._headers = self._compile()
        self._rtx_headers = self._compile_rtx()

    @property
    def secured(self) -> bool:
        """Whether packets can be sent."""
        return self._srtp is not None

    def configure(
        self, *, payload_type: int, extensions: ExtensionIds, packetizer: Packetizer | None
    ) -> None:
        """Take over what a new negotiation changed."""
        self.payload_type = payload_type
        self._packetizer = packetizer
        self._extensions = extensions
        self._headers = self._compile()
        self._rtx_headers = self._compile_rtx()

    def change_codec(
        self,
        *,
        payload_type: int,
        clock_rate: int,
        packetizer: Packetizer | None,
        rtx_payload_type: int | None,
    ) -> None:
        """Go on in another codec that was negotiated; what was sent is not sent again."""
        self.clock_rate = clock_rate
        self._history.clear()
        if self.rtx is not None:
            ssrc, self.rtx = self.rtx.ssrc, None
            if rtx_payload_type is not None:
                self.rtx = Rtx(ssrc, rtx_payload_type)
        self.configure(
            payload_type=payload_type, extensions=self._extensions, packetizer=packetizer
        )

    def _compile(self) -> HeaderWriter:
        ids = self._extensions
        texts = [] if self._acknowledged else [(ids.mid, self.mid), (ids.rid, self.rid)]
        return HeaderWriter(
            self.ssrc,
            ids,
            texts,
            level=self._level_used,
            transport=self._sequence is not None,
        )

    def _compile_rtx(self) -> HeaderWriter | None:
        if self.rtx is None:
            return None
        ids = self._extensions
        texts = [] if self._acknowledged else [(ids.mid, self.mid), (ids.repaired_rid, self.rid)]
        return HeaderWriter(
            self.rtx.ssrc, ids, texts, level=False, transport=self._sequence is not None
        )

    @property
    def budget(self) -> int:
        """Most payload bytes per packet, so that a retransmission still fits the datagram."""
        size = self._headers.size
        if self._rtx_headers is not None:
            size = max(size, self._rtx_headers.size + OSN_SIZE)
        return self.options.datagram_size - size - self._tag_size

    @property
    def next_sequence(self) -> int:
        """Extended sequence number of the next packet that we number ourselves."""
        return self._next

    # Sending

    def send_frame(
        self, data: bytes, timestamp: int, now: float, *, level: AudioLevel | None = None
    ) -> list[bytes]:
        """Packetize and protect one encoded frame.

        Args:
            data: The frame.
            timestamp: In units of the clock rate from any start, without wrapping; the random
                offset of the stream is added.
            now: The time.
            level: Loudness of an audio frame. Once given, later frames without one carry silence.

        Returns:
            The datagrams in order; none as long as the stream is not secured.

        Raises:
            LocalProtocolError: The frame is not valid for the codec or too large, or the stream
                has no packetizer.
        """
        payloads = self.packetize(data, level)
        last = len(payloads) - 1
        return [
            self.send_payload(payload, timestamp, number == last, now, level)
            for number, payload in enumerate(payloads)
        ]

    def send_preamble(self, now: float) -> list[bytes]:
        """Send a packet that belongs to no frame, before the first one.

        A forwarder that learns of streams by their packets knows this one then, and is ready for
        the first frame. There is none for codecs in which every packet is a frame. It counts
        neither as a packet nor as media in reports.

        Args:
            now: The time.

        Returns:
            The datagrams; none as long as the stream is not secured, or once a frame was sent.
        """
        if self._packetizer is None or self._srtp is None or self.stats.frames_sent:
            return []
        payload = self._packetizer.preamble()
        if not payload:
            return []
        index, self._next = self._next, self._next + 1
        timestamp = (self._timestamp_offset - 1) & 0xFFFFFFFF
        header = self._headers.write(
            self.payload_type, index, timestamp, now, self._sequence, SILENCE
        )
        return [self._srtp.protect(header, payload, index)]

    def packetize(self, data: bytes, level: AudioLevel | None = None) -> list[bytes]:
        """Split one encoded frame into payloads for `send_payload`; see `send_frame`.

        A pacer that spreads the packets of a frame calls both, so that send times and transport
        sequence numbers are those of the moment at which a packet leaves.
        """
        if self._packetizer is None:
            raise LocalProtocolError("this stream forwards packets and takes no frames")
        if self._srtp is None:
            return []
        if level is not None and not self._level_used:
            self._level_used = True
            self._headers = self._compile()
        self.stats.frames_sent += 1
        return self._packetizer.pack(data, self.budget)

    def send_payload(
        self,
        payload: bytes,
        timestamp: int,
        marker: bool,
        now: float,
        level: AudioLevel | None = None,
    ) -> bytes:
        """Protect one payload of `packetize` as the next packet.

        Args:
            payload: The payload.
            timestamp: As for `send_frame`.
            marker: Whether it is the last of its frame.
            now: The time.
            level: As for `send_frame`.

        Returns:
            The datagram.
        """
        timestamp = (timestamp + self._timestamp_offset) & 0xFFFFFFFF
        index = self._next
        self._next = index + 1
        loudness = SILENCE if level is None else level.voice << 7 | level.level
        second = marker << 7 | self.payload_type
        header = self._headers.write(second, index, timestamp, now, self._sequence, loudness)
        return self._protect(header, payload, index, timestamp, marker, now)

    def send_packet(
        self,
        payload: bytes,
        *,
        index: int,
        timestamp: int,
        marker: bool,
        now: float,
        extensions: Mapping[int, bytes] | None = None,
    ) -> bytes | None:
        """Protect one forwarded packet.

        The stream's own extensions (mid, rid, send time, transport sequence) are written as for
        frames; ``extensions`` come on top. A stream is fed with either frames or packets.

        Args:
            payload: Payload of the packet.
            index: Extended sequence number chosen by the forwarder, below 2^15 at the start.
                Late packets may fill gaps it left.
            timestamp: RTP timestamp as it goes on the wire, 32 bits.
            marker: Marker bit.
            now: The time.
            extensions: Further header extensions by this peer's ids.

        Returns:
            The datagram, or None if the stream is not secured yet, the index was used before, or
            it is so old that this can no longer be told.

        Raises:
            LocalProtocolError: An extension cannot be written.
        """
        if self._srtp is None:
            return None
        if index < self._next and self.stats.packets_sent:
            if self._next - index >= HISTORY_SIZE or self._history.find(index) is not None:
                return None
        else:
            self._next = index + 1
        second = marker << 7 | self.payload_type
        header = self._headers.write(second, index, timestamp, now, self._sequence, SILENCE)
        if extensions:
            header = with_extensions(header, extensions)
        return self._protect(header, payload, index, timestamp, marker, now)

    def _protect(
        self, header: bytes, payload: bytes, index: int, timestamp: int, marker: bool, now: float
    ) -> bytes:
        assert self._srtp is not None  # callers have looked
        datagram = self._srtp.protect(header, payload, index)
        kept = datagram if self.rtx is None else payload
        size = len(payload)
        self._history.add((index, kept, timestamp, marker), size)
        self._last_timestamp = timestamp
        self._last_time = now
        stats = self.stats
        stats.packets_sent += 1
        stats.octets_sent += size
        return datagram

    # Repair

    def on_nack(self, nack: Nack, now: float) -> list[bytes]:
        """Return the packets that a NACK for this SSRC asks for and that may be sent again."""
        self.stats.nacks += 1
        wanted = list(dict.fromkeys(nack.lost))
        newest = self._next - 1
        round_trip = self.round_trip or DEFAULT_ROUND_TRIP
        datagrams: list[bytes] = []
        for number in wanted[:HISTORY_SIZE]:
            index = newest - ((newest - number) & 0xFFFF)
            packet = self._history.take(index, round_trip, now)
            if packet is not None:
                datagrams.append(self._again(packet, now))
        self.stats.resend_refused += len(wanted) - len(datagrams)
        self.stats.resent += len(datagrams)
        return datagrams

    def _again(self, packet: SentPacket, now: float) -> bytes:
        """The datagram of a packet that was sent before: the same, or around the same payload."""
        if self.rtx is None:
            return packet[1]
        assert self._rtx_headers is not None
        assert self._rtx_srtp is not None
        index, payload, timestamp, marker = packet
        number = self._rtx_next
        self._rtx_next = number + 1
        second = marker << 7 | self.rtx.payload_type
        header = self._rtx_headers.write(second, number, timestamp, now, self._sequence, 0)
        return self._rtx_srtp.protect(header, wrap(index, payload), number)

    # Reports

    def set_clock(self, timestamp: int, now: float) -> None:
        """Say what the RTP timestamp is at a time, instead of inferring it from the last packet.

        For a forwarder, to which packets come late by different times: with the clocks of their
        sources a receiver can play streams in synchrony.
        """
        self._clock = (timestamp, now)

    def sender_report(self, now: float, wall: float) -> SenderReport | None:
        """Return a sender report, or None before the first packet.

        Args:
            now: The time.
            wall: The same moment as Unix time in seconds.
        """
        if not self.stats.packets_sent:
            return None
        ntp = ntp_time(wall)
        self._reports[ntp_middle(ntp)] = now
        if len(self._reports) > _REMEMBERED_REPORTS:
            del self._reports[next(iter(self._reports))]
        timestamp, moment = self._clock or (self._last_timestamp, self._last_time)
        elapsed = int((now - moment) * self.clock_rate)
        return SenderReport(
            self.ssrc,
            ntp,
            (timestamp + elapsed) & 0xFFFFFFFF,
            self.stats.packets_sent & 0xFFFFFFFF,
            self.stats.octets_sent & 0xFFFFFFFF,
        )

    def description(self) -> SdesChunk:
        """Return the chunk for a source description: the CNAME."""
        return SdesChunk(self.ssrc, ((CNAME, self.cname.encode()),))

    def on_report_block(self, block: ReportBlock, now: float) -> None:
        """Take what the receiver says of this SSRC."""
        if not self._acknowledged:
            self._acknowledged = True
            self._headers = self._compile()
            self._rtx_headers = self._compile_rtx()
        self.fraction_lost = block.fraction_lost / 256.0
        sent = self._reports.get(block.last_sender_report)
        if sent is None:
            return
        measured = max(now - sent - block.delay_since_last / DELAY_UNITS, 0.0)
        known = self.round_trip
        change = 0.0 if known is None else _RTT_SMOOTHING * (measured - known)
        self.round_trip = measured if known is None else known + change

    # Keyframes

    def on_pli(self, now: float) -> None:
        """Take a picture loss indication for this SSRC."""
        self._want_keyframe(now)

    def on_fir(self, request: FullIntraRequest, now: float) -> None:
        """Take a full intra request; a repeated command number is the same request."""
        for ssrc, number in request.requests:
            if ssrc == self.ssrc and number != self._fir_number:
                self._fir_number = number
                self._want_keyframe(now)

    def _want_keyframe(self, now: float) -> None:
        self.stats.keyframe_requests += 1
        self._keyframes.want(now)

    def take_keyframe_request(self, now: float) -> bool:
        """Whether the receiver wants a keyframe that the source is to be asked for now."""
        return self._keyframes.take(now)

    def next_timer(self) -> float:
        """When `take_keyframe_request` has something to say that came too early before."""
        return self._keyframes.due

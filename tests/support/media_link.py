"""A sender and a receiver of one RTP stream, joined by a path in virtual time."""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from lktrio.rtc.payload import depacketizer, packetizer
from lktrio.rtc.rtcp import Nack, PictureLossIndication, ReceiverReport, RtcpPacket
from lktrio.rtc.rtp import is_rtcp
from lktrio.rtc.rtp.arrivals import ArrivalMonitor
from lktrio.rtc.rtp.extensions import ExtensionIds
from lktrio.rtc.rtp.inbound import InboundFormat, InboundOptions, InboundStream, ReceivedFrame
from lktrio.rtc.rtp.outbound import OutboundStream, TransportSequence
from lktrio.rtc.rtp.rtx import Rtx
from lktrio.rtc.srtp import SrtpProfile, SrtpReceiver, SrtpSender

PROFILE = SrtpProfile.AEAD_AES_128_GCM
KEY, SALT = bytes(16), bytes(12)
IDS = ExtensionIds(mid=4, rid=10, repaired_rid=11, audio_level=1, abs_send_time=2, transport_cc=3)
SSRC, RTX_SSRC = 0x1000, 0x2000
CLOCK = {"video": 90_000, "audio": 48_000}
MIME = {"video": "video/VP8", "audio": "audio/opus"}


def vp8_frame(number: int, size: int, *, key: bool) -> bytes:
    """A VP8 frame as far as RTP looks into it, with its number inside."""
    head = b"\x10\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00" if key else b"\x11\x00\x00"
    return head + number.to_bytes(4, "big") + random.Random(number).randbytes(size)


@dataclass
class Path:
    """One direction of a path, with what it does to packets."""

    delay: float = 0.02
    jitter: float = 0.0
    loss: float = 0.0
    duplication: float = 0.0
    seed: int = 1
    lost: int = 0
    drop: frozenset[int] = frozenset()
    """Numbers of media packets to lose, counted from 0, besides those lost at random."""
    count: int = 0
    chosen: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chosen = random.Random(self.seed)

    def arrivals(self, now: float, *, media: bool) -> list[float]:
        """When copies of a packet sent now arrive."""
        dropped = media and self.count in self.drop
        self.count += media
        if self.chosen.random() < self.loss or dropped:
            self.lost += 1
            return []
        copies = 2 if self.chosen.random() < self.duplication else 1
        return [now + self.delay + self.jitter * self.chosen.random() for _ in range(copies)]


class MediaLink:
    """Carries one stream and its feedback in virtual time.

    Attributes:
        frames: What the receiver delivered.
        feedback: RTCP packets that the receiver sent.
    """

    def __init__(
        self,
        kind: str = "video",
        *,
        forward: Path | None = None,
        backward: Path | None = None,
        rtx: bool = True,
        nack: bool = True,
        arrivals: ArrivalMonitor | None = None,
        transport_sequence: TransportSequence | None = None,
    ) -> None:
        self.now = 1000.0
        self.forward = forward or Path()
        self.backward = backward or Path(seed=2)
        self.frames: list[ReceivedFrame] = []
        self.feedback: list[RtcpPacket] = []
        self.sent: dict[int, bytes] = {}
        self._queue: list[tuple[float, int, bytes | RtcpPacket]] = []
        self._number = 0
        chosen = random.Random(3)
        self.sender = OutboundStream(
            ssrc=SSRC,
            payload_type=96,
            clock_rate=CLOCK[kind],
            packetizer=packetizer(MIME[kind]),
            random=chosen.randbytes,
            extensions=IDS,
            mid="0",
            cname="someone",
            rtx=Rtx(RTX_SSRC, 97) if rtx else None,
            transport_sequence=transport_sequence,
        )
        self.sender.secure(SrtpSender(PROFILE, KEY, SALT))
        self._srtp = SrtpReceiver(PROFILE, KEY, SALT)
        self.receiver = InboundStream(
            ssrc=SSRC,
            kind="video" if kind == "video" else "audio",
            clock_rate=CLOCK[kind],
            formats={
                96: InboundFormat(
                    depacketizer=depacketizer(MIME[kind]) if kind == "video" else None
                ),
                97: InboundFormat("rtx", associated=96),
                63: InboundFormat("red"),
            },
            options=InboundOptions(nack=nack, pli=True),
            arrivals=arrivals,
        )
        self.receiver.add_repair(RTX_SSRC)

    def send_frame(self, data: bytes, timestamp: int) -> None:
        self.sent[timestamp] = data
        self.carry(self.sender.send_frame(data, timestamp, self.now))

    def carry(self, datagrams: Iterable[bytes]) -> None:
        """Put datagrams on the path to the receiver."""
        for datagram in datagrams:
            self._put(self.forward, datagram)

    def report(self) -> None:
        """Send a sender report and a receiver report."""
        report = self.sender.sender_report(self.now, 1.7e9 + self.now)
        if report is not None:
            self._put(self.forward, report)
        blocks = self.receiver.report_blocks(self.now)
        if blocks:
            self._put(self.backward, ReceiverReport(1, tuple(blocks)))

    def _put(self, path: Path, item: bytes | RtcpPacket) -> None:
        for when in path.arrivals(self.now, media=isinstance(item, bytes)):
            self._number += 1
            heapq.heappush(self._queue, (when, self._number, item))

    def run_until(self, end: float) -> None:
        """Let time pass."""
        while True:
            arrival = self._queue[0][0] if self._queue else end
            due = self.receiver.next_timer()
            self.now = max(self.now, min(arrival, due, end))
            if self.receiver.next_timer() <= self.now:
                for packet in self.receiver.handle_timer(self.now):
                    self.feedback.append(packet)
                    self._put(self.backward, packet)
            while self._queue and self._queue[0][0] <= self.now:
                self._arrive(heapq.heappop(self._queue)[2])
            frames, self.receiver.frames = self.receiver.frames, []
            self.frames += frames
            if self.now >= end:
                return

    def _arrive(self, item: bytes | RtcpPacket) -> None:
        if isinstance(item, bytes):
            assert not is_rtcp(item)
            opened = self._srtp.unprotect(item)
            if opened is not None:
                index, header_length, payload = opened
                ssrc = int.from_bytes(item[8:12], "big")
                feed = self.receiver.feed if ssrc == SSRC else self.receiver.feed_repair
                feed(index, item, header_length, payload, self.now)
        elif isinstance(item, Nack):
            self.carry(self.sender.on_nack(item, self.now))
        elif isinstance(item, PictureLossIndication):
            self.sender.on_pli(self.now)
        elif isinstance(item, ReceiverReport):
            for block in item.reports:
                if block.ssrc == SSRC:
                    self.sender.on_report_block(block, self.now)
                    self.receiver.round_trip = self.sender.round_trip or 0.1
        else:
            self.receiver.on_sender_report(item, self.now)  # type: ignore[arg-type] # all that is left

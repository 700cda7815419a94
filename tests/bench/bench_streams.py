"""Cost of RTP streams: ``python -m tests.bench.bench_streams``.

Prints medians of microseconds of CPU time per packet for packets that come in order, with and
without the header extensions that congestion feedback needs, without encryption. And what a packet
that comes alone costs a whole peer, by the number of tracks that it receives.
"""

from __future__ import annotations

import statistics
import time
from typing import Literal, TypeAlias

from lktrio.rtc.payload import depacketizer, packetizer
from lktrio.rtc.rtp import HEADER
from lktrio.rtc.rtp.arrivals import ArrivalMonitor, TwccReceiver
from lktrio.rtc.rtp.estimator import ReceiveBandwidth
from lktrio.rtc.rtp.extensions import ExtensionIds, abs_send_time, build_extensions
from lktrio.rtc.rtp.inbound import InboundFormat, InboundOptions, InboundStream
from lktrio.rtc.rtp.outbound import OutboundStream
from lktrio.rtc.streams import MediaReceived
from tests.support.peer_call import Call

SSRC = 5
ROUNDS = 15
FRAMES = 200
IDS = ExtensionIds(mid=4, abs_send_time=2, transport_cc=3)
KEY = b"\x90\x80\x80\x01\x10\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00"
FIRST = b"\x90\x80\x80\x01\x11"
REST = b"\x80\x80\x80\x01\x11"

Kind: TypeAlias = Literal["audio", "video"]
Packet: TypeAlias = tuple[int, bytes, int, bytes, float]


def extension_block(index: int, now: float, kinds: str) -> bytes:
    values = {4: b"0"}
    if "remb" in kinds:
        values[2] = abs_send_time(now).to_bytes(3, "big")
    if "twcc" in kinds:
        values[3] = (index & 0xFFFF).to_bytes(2, "big")
    return build_extensions(values)


def make_packets(kind: Kind, per_frame: int, start: int, kinds: str) -> list[Packet]:
    packets: list[Packet] = []
    for frame in range(FRAMES):
        now = 100.0 + (start + frame) / (30 if kind == "video" else 50)
        for position in range(per_frame):
            index = (start + frame) * per_frame + position
            head = REST if position else FIRST if index else KEY
            payload = head + bytes(1100) if kind == "video" else bytes(100)
            second = 96 | (position == per_frame - 1) << 7
            timestamp = (start + frame) * (3000 if kind == "video" else 960)
            header = HEADER.pack(0x90, second, index & 0xFFFF, timestamp, SSRC)
            header += extension_block(index, now, kinds)
            packets.append((index, header + payload, len(header), payload, now))
    return packets


def receive(kind: Kind, per_frame: int, kinds: str) -> float:
    """Microseconds per packet of `InboundStream.feed`."""
    arrivals = ArrivalMonitor(
        IDS,
        TwccReceiver() if "twcc" in kinds else None,
        ReceiveBandwidth() if "remb" in kinds else None,
    )
    stream = InboundStream(
        ssrc=SSRC,
        kind=kind,
        clock_rate=90_000,
        formats={96: InboundFormat(depacketizer=depacketizer("video/VP8"))},
        options=InboundOptions(nack=True, pli=True),
        arrivals=arrivals if kinds else None,
    )
    times: list[float] = []
    for number in range(ROUNDS):
        packets = make_packets(kind, per_frame, number * FRAMES, kinds)
        start = time.process_time_ns()
        for packet in packets:
            stream.feed(*packet)
        times.append((time.process_time_ns() - start) / len(packets) / 1000)
        frames, stream.frames = stream.frames, []
        assert len(frames) == FRAMES
        arrivals.handle_timer(1, (SSRC,), packets[-1][-1] + 1.0)
    return statistics.median(times)


def receive_one_of(tracks: int) -> float:
    """Microseconds for a batch of one audio packet, on a connection with so many tracks."""
    call = Call()
    sections = [call.publish("audio") for _ in range(tracks)]
    call.connect()
    now = call.network.now
    streams = [call.offerer.peer.outbound(section, "audio/opus") for section in sections]
    receiver = call.answerer.peer
    times: list[float] = []
    for number in range(FRAMES):
        packets = [stream.send_payload(bytes(100), number * 960, False, now) for stream in streams]
        start = time.process_time_ns()
        for packet in packets:
            receiver.receive([(packet, call.offerer.address)], 0, now)
            receiver.flush(now)
            receiver.next_timer()
            for event in receiver.events:
                if isinstance(event, MediaReceived):
                    event.stream.frames = []
            receiver.events.clear()
        times.append((time.process_time_ns() - start) / tracks / 1000)
    return statistics.median(times)


class NoCipher:
    """In place of SRTP: what is measured is the rest."""

    tag_length = 0

    def stream(self, ssrc: int) -> NoCipher:
        return self

    def protect(self, header: bytes, payload: bytes, index: int) -> bytes:
        return header + payload


def send(per_frame: int) -> float:
    """Microseconds per packet of `OutboundStream.send_frame`."""
    stream = OutboundStream(
        ssrc=SSRC,
        payload_type=96,
        clock_rate=90_000,
        packetizer=packetizer("video/VP8"),
        random=bytes,
        extensions=IDS,
        mid="0",
    )
    stream.secure(NoCipher())
    frame = b"\x11" + bytes(1100 * per_frame)
    times: list[float] = []
    for number in range(ROUNDS):
        start = time.process_time_ns()
        count = sum(len(stream.send_frame(frame, n * 3000, number + n / 30)) for n in range(FRAMES))
        times.append((time.process_time_ns() - start) / count / 1000)
    return statistics.median(times)


def main() -> None:
    print("receive, us per packet")
    cases: tuple[tuple[Kind, int], ...] = (("video", 10), ("video", 3), ("audio", 1))
    for kind, per_frame in cases:
        for kinds in ("", "remb", "twcc", "remb+twcc"):
            name = f"{kind}, {per_frame} per frame, {kinds or 'no feedback'}"
            print(f"  {name:36}{receive(kind, per_frame, kinds):6.2f}")
    print("receive alone, us per packet, encrypted")
    for tracks in (1, 20, 80):
        print(f"  {f'audio, one of {tracks} tracks':36}{receive_one_of(tracks):6.2f}")
    print("send, us per packet")
    for per_frame in (1, 10):
        print(f"  {f'video, {per_frame} per frame':36}{send(per_frame):6.2f}")


if __name__ == "__main__":
    main()

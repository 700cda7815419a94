"""Recorded streams of real peers come out as whole frames."""

from __future__ import annotations

from collections import defaultdict

from lktrio.rtc.payload import depacketizer
from lktrio.rtc.rtcp import TransportFeedback
from lktrio.rtc.rtp import RtpPacket, SequenceUnwrapper, parse_header_length
from lktrio.rtc.rtp.arrivals import ArrivalMonitor, TwccReceiver
from lktrio.rtc.rtp.extensions import ExtensionIds
from lktrio.rtc.rtp.inbound import InboundFormat, InboundOptions, InboundStream, ReceivedFrame
from lktrio.rtc.rtp.red import split_red
from tests.support import rtpdump
from tests.support.cases import each_case

FORMATS = {
    96: InboundFormat(depacketizer=depacketizer("video/VP8")),
    109: InboundFormat(depacketizer=depacketizer("video/H264")),
    111: InboundFormat(),
    63: InboundFormat("red"),
}
VIDEO = {96, 109}
WITH_MEDIA = [
    name
    for name in rtpdump.RECORDINGS
    if rtpdump.read_rtp(name) and not name.startswith("av1")  # no payload format for AV1 here
]


def play(name: str) -> tuple[dict[int, InboundStream], dict[int, list[RtpPacket]]]:
    """Feed every RTP packet of a recording to streams by SSRC."""
    streams: dict[int, InboundStream] = {}
    unwrappers: dict[int, SequenceUnwrapper] = defaultdict(SequenceUnwrapper)
    packets: dict[int, list[RtpPacket]] = defaultdict(list)
    for now, data in rtpdump.read_rtp(name):
        packet = RtpPacket.parse(data)
        packets[packet.ssrc].append(packet)
        if packet.ssrc not in streams:
            video = packet.payload_type in VIDEO
            streams[packet.ssrc] = InboundStream(
                ssrc=packet.ssrc,
                kind="video" if video else "audio",
                clock_rate=90_000 if video else 48_000,
                formats=FORMATS,
                options=InboundOptions(nack=True, pli=True),
            )
        stream = streams[packet.ssrc]
        stream.want_packets = True
        index = unwrappers[packet.ssrc].unwrap(packet.sequence_number)
        length = parse_header_length(data)
        stream.feed(index, data, length, data[length:], now)
        assert not stream.handle_timer(now)
    return streams, packets


@each_case("name", WITH_MEDIA)
def test_every_recorded_frame_is_delivered_whole(name: str) -> None:
    streams, packets = play(name)
    for ssrc, stream in streams.items():
        media = [packet for packet in packets[ssrc] if packet.payload]
        frames: list[ReceivedFrame] = stream.frames
        assert len(frames) == len({packet.timestamp for packet in media})
        assert [frame.timestamp & 0xFFFFFFFF for frame in frames] == list(
            dict.fromkeys(packet.timestamp for packet in media)
        )
        assert frames[0].keyframe
        assert not any(frame.discontinuity for frame in frames)
        assert stream.stats.padding_packets == len(packets[ssrc]) - len(media)
        assert stream.lost == stream.stats.malformed == stream.stats.unknown_payload_type == 0


@each_case("name", WITH_MEDIA)
def test_recorded_packets_reach_a_forwarder_without_padding(name: str) -> None:
    streams, packets = play(name)
    for ssrc, stream in streams.items():
        for delivered, original in zip(stream.packets, packets[ssrc], strict=True):
            original.padding_size = 0
            original.index = delivered.index
            assert delivered == original


def test_the_primary_block_of_recorded_redundant_audio_is_what_is_delivered() -> None:
    streams, packets = play("opus-red-dtx-v1.bob.s2c")
    ((ssrc, stream),) = streams.items()
    primaries = [split_red(packet.payload)[-1].data for packet in packets[ssrc]]
    assert [frame.data for frame in stream.frames] == primaries
    assert sum(len(split_red(packet.payload)) > 1 for packet in packets[ssrc]) > 100


def test_recorded_arrivals_give_transport_feedback_on_every_packet() -> None:
    name = "vp8sim-opusred-v1.alice.c2s"
    twcc = TwccReceiver()
    monitor = ArrivalMonitor(ExtensionIds(transport_cc=3), twcc, None)
    sequences: set[int] = set()
    reported: set[int] = set()
    for now, data in rtpdump.read_rtp(name):
        packet = RtpPacket.parse(data)
        monitor.observe(data, parse_header_length(data), now)
        if 3 in packet.extensions:
            sequences.add(int.from_bytes(packet.extensions[3], "big"))
        for report in monitor.handle_timer(1, (), now):
            assert isinstance(report, TransportFeedback)
            reported |= {sequence for sequence, _ in report.arrivals()}
    for report in twcc.collect(1, twcc.due):
        reported |= {sequence for sequence, _ in report.arrivals()}
    assert reported == sequences
    assert len(sequences) > 200

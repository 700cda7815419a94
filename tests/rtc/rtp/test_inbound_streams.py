"""Inbound streams: payload types, repairs, redundancy, padding, reports, requests."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.base import NEVER
from lktrio.rtc.payload import depacketizer
from lktrio.rtc.rtcp import (
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReportBlock,
    RtcpPacket,
    SenderReport,
)
from lktrio.rtc.rtp import RtpPacket, parse_header_length
from lktrio.rtc.rtp.arrivals import ArrivalMonitor, TwccReceiver
from lktrio.rtc.rtp.estimator import ReceiveBandwidth
from lktrio.rtc.rtp.extensions import ExtensionIds
from lktrio.rtc.rtp.inbound import InboundFormat, InboundOptions, InboundStream
from lktrio.rtc.rtp.reception import Reception
from lktrio.rtc.rtp.red import RedBlock, split_red
from tests.support.cases import each_case
from tests.support.memory import growth
from tests.support.red import build_red

MEDIA, RTX, RED, OTHER = 96, 97, 63, 98
SSRC, RTX_SSRC = 0x1000, 0x2000
KEY = b"\x10\x10\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00"
DELTA = b"\x10\x11\x00\x00"


def make(
    kind: Literal["audio", "video"] = "video",
    *,
    options: InboundOptions | None = None,
    arrivals: ArrivalMonitor | None = None,
) -> InboundStream:
    video = depacketizer("video/VP8") if kind == "video" else None
    return InboundStream(
        ssrc=SSRC,
        kind=kind,
        clock_rate=90_000 if kind == "video" else 48_000,
        formats={
            MEDIA: InboundFormat(depacketizer=video),
            RTX: InboundFormat("rtx", associated=MEDIA),
            RED: InboundFormat("red"),
        },
        options=options or InboundOptions(nack=True, pli=True),
        arrivals=arrivals,
    )


def feed(
    stream: InboundStream,
    index: int,
    payload: bytes,
    *,
    timestamp: int | None = None,
    payload_type: int = MEDIA,
    marker: bool = True,
    padding: int = 0,
    now: float = 0.0,
    repair: bool = False,
) -> None:
    packet = RtpPacket(
        payload_type,
        index & 0xFFFF,
        index * 3000 & 0xFFFFFFFF if timestamp is None else timestamp,
        RTX_SSRC if repair else SSRC,
        payload,
        marker,
        padding_size=padding,
        extensions={2: b"\0\0\0", 3: index.to_bytes(4, "big")[2:]},
    )
    data = packet.serialize()
    length = parse_header_length(data)
    if repair:
        stream.add_repair(RTX_SSRC)
    take = stream.feed_repair if repair else stream.feed
    take(index, data, length, data[length:], now)


def feedback(stream: InboundStream, now: float) -> list[RtcpPacket]:
    return stream.handle_timer(now) if stream.next_timer() <= now else []


# payload types and padding


def test_payload_types_that_were_not_negotiated_are_counted_and_leave_no_gap() -> None:
    stream = make()
    feed(stream, 1, KEY)
    feed(stream, 2, b"x", payload_type=OTHER)
    feed(stream, 3, b"x", payload_type=RTX)
    feed(stream, 4, DELTA)
    assert len(stream.frames) == 2
    assert stream.stats.unknown_payload_type == 2


def test_packets_of_padding_are_counted_and_leave_no_gap() -> None:
    stream = make()
    feed(stream, 1, KEY)
    feed(stream, 2, b"", padding=255)
    feed(stream, 3, DELTA, padding=7)
    assert [frame.data for frame in stream.frames] == [KEY[1:], DELTA[1:]]
    assert stream.stats.padding_packets == 1
    assert stream.stats.bytes_received == len(KEY) + len(DELTA)
    assert stream.reception.received == 3


def test_impossible_padding_is_counted_as_malformed() -> None:
    stream = make()
    feed(stream, 1, KEY)
    data = RtpPacket(MEDIA, 2, 0, SSRC, DELTA, padding_size=3).serialize()[:-1] + b"\xff"
    stream.feed(2, data, 12, data[12:], 0.0)
    data = RtpPacket(MEDIA, 3, 0, SSRC, padding_size=1).serialize()[:-1]
    stream.feed(3, data, 12, b"", 0.0)
    feed(stream, 4, DELTA)
    assert stream.stats.malformed == 2
    assert len(stream.frames) == 2


def test_nothing_is_kept_for_a_stream_that_nobody_reads() -> None:
    stream = make()
    stream.want_frames = False
    for index in range(1, 100):
        feed(stream, index, KEY)
    assert not stream.frames
    assert not stream.packets
    stream.want_frames = True
    feed(stream, 100, DELTA)
    assert isinstance(feedback(stream, 0.0)[0], PictureLossIndication)
    feed(stream, 101, KEY)
    assert len(stream.frames) == 1


def test_frames_are_taken_by_swapping() -> None:
    stream = make()
    assert stream.frames == []
    feed(stream, 1, KEY)
    frames, stream.frames = stream.frames, []
    assert len(frames) == 1
    assert stream.frames == []
    assert stream.stats.frames == 1


def test_another_codec_begins_afresh() -> None:
    class Shout:
        def starts_frame(self, payload: bytes) -> bool:
            return True

        def is_keyframe(self, payload: bytes) -> bool:
            return payload.isupper()

        def assemble(self, payloads: Sequence[bytes]) -> bytes:
            return b"".join(payloads)

    stream = make()
    stream.set_formats(
        {
            MEDIA: InboundFormat(depacketizer=depacketizer("video/VP8")),
            99: InboundFormat(depacketizer=Shout()),
        }
    )
    feed(stream, 1, KEY)
    feed(stream, 2, b"not yet", payload_type=99)
    feed(stream, 3, b"NOW", payload_type=99)
    assert [frame.data for frame in stream.frames] == [KEY[1:], b"NOW"]
    stream.set_formats({99: InboundFormat()})
    feed(stream, 4, b"opaque", payload_type=99)
    assert stream.frames == []


# repairs


def test_a_missing_packet_is_asked_for_and_repaired() -> None:
    stream = make()
    feed(stream, 1, KEY)
    feed(stream, 3, DELTA, now=1.0)
    assert feedback(stream, 1.005) == []
    assert feedback(stream, 1.01) == [Nack(1, SSRC, (2,))]
    feed(stream, 50, b"\x00\x02" + DELTA, payload_type=RTX, timestamp=6000, repair=True, now=1.1)
    assert [frame.timestamp for frame in stream.frames] == [3000, 6000, 9000]
    assert stream.stats.repaired == 1
    assert stream.reception.lost == 1
    assert feedback(stream, 5.0) == []


def test_repairs_of_what_is_not_missing_are_dropped() -> None:
    stream = make()
    stream.want_packets = True
    feed(stream, 49, b"\x00\x02" + DELTA, payload_type=RTX, repair=True)  # before any media
    feed(stream, 1, KEY)
    feed(stream, 2, DELTA)
    feed(stream, 50, b"\x00\x02" + DELTA, payload_type=RTX, repair=True)
    feed(stream, 51, b"\x00\x63" + DELTA, payload_type=RTX, repair=True)
    assert stream.stats.useless_repairs == 2
    assert len(stream.frames) == len(stream.packets) == 2


@each_case("payload", [b"", b"\x00"])
def test_repair_packets_of_padding_are_counted(payload: bytes) -> None:
    stream = make()
    feed(stream, 1, KEY)
    feed(stream, 50, payload, payload_type=RTX, repair=True, padding=255)
    assert stream.stats.padding_packets == 1
    assert len(stream.report_blocks(1.0)) == 2


def test_repairs_with_a_foreign_payload_type_or_padding_are_counted() -> None:
    stream = make()
    feed(stream, 1, KEY)
    feed(stream, 50, b"\x00\x02" + DELTA, payload_type=OTHER, repair=True)
    assert stream.stats.unknown_payload_type == 1
    data = RtpPacket(RTX, 51, 0, RTX_SSRC, b"abc", padding_size=3).serialize()[:-1] + b"\xff"
    stream.feed_repair(51, data, 12, data[12:], 0.0)
    assert stream.stats.malformed == 1


def test_the_original_sequence_number_is_found_across_a_wrap() -> None:
    stream = make()
    feed(stream, 65534, KEY)
    feed(stream, 65537, DELTA, now=1.0)
    for number, original in ((50, b"\xff\xff"), (51, b"\x00\x00")):
        feed(stream, number, original + DELTA, payload_type=RTX, repair=True, timestamp=number)
    assert [frame.first_sequence for frame in stream.frames] == [65534, 65535, 65536, 65537]


def test_a_forwarder_sees_a_repaired_packet_as_if_it_had_come_the_first_time() -> None:
    stream = make()
    stream.want_packets = True
    feed(stream, 1, KEY)
    feed(stream, 3, DELTA)
    feed(stream, 50, b"\x00\x02" + DELTA, payload_type=RTX, timestamp=6000, repair=True)
    repaired = stream.packets[-1]
    assert (repaired.ssrc, repaired.payload_type, repaired.sequence_number, repaired.index) == (
        SSRC,
        MEDIA,
        2,
        2,
    )
    assert repaired.payload == DELTA


def test_requests_are_repeated_after_a_round_trip_and_end() -> None:
    stream = make()
    stream.round_trip = 0.2
    feed(stream, 1, KEY)
    feed(stream, 3, DELTA)
    times: list[float] = []
    now = 0.0
    while stream.next_timer() != NEVER and len(times) < 50:
        now = stream.next_timer()
        times += [now for packet in stream.handle_timer(now) if isinstance(packet, Nack)]
    assert times[0] == pytest.approx(0.01)
    assert [b - a for a, b in pairwise(times)] == pytest.approx([0.25] * 9)


def test_a_keyframe_ends_requests_for_what_came_before_it() -> None:
    stream = make(options=InboundOptions(nack=True))
    feed(stream, 1, KEY)
    feed(stream, 3, DELTA)
    now = stream.next_timer()
    assert len(stream.handle_timer(now)) == 1
    stream.handle_timer(2.0)
    stuck = stream.needs_keyframe
    assert stuck
    feed(stream, 4, KEY, now=2.0)
    assert stream.needs_keyframe is not stuck
    assert stream.handle_timer(3.0) == []


# keyframe requests


def test_keyframes_are_asked_for_at_most_twice_a_second_while_packets_come() -> None:
    stream = make(options=InboundOptions(pli=True))
    requests = 0
    for index in range(1, 301):
        now = index / 100
        feed(stream, index, DELTA, now=now)
        requests += sum(isinstance(p, PictureLossIndication) for p in feedback(stream, now))
    assert 5 <= requests <= 7
    assert stream.stats.keyframe_requests == requests
    assert feedback(stream, 100.0) in ([], [PictureLossIndication(1, SSRC)])
    assert feedback(stream, 200.0) == []


def test_a_user_may_ask_for_a_keyframe() -> None:
    stream = make()
    feed(stream, 1, KEY)
    stream.request_keyframe(1.0)
    feed(stream, 2, DELTA, now=1.0)
    assert feedback(stream, 1.0) == [PictureLossIndication(1, SSRC)]
    stream.request_keyframe(1.1)
    assert feedback(stream, 1.1) == []
    assert stream.next_timer() == 1.5
    assert len(feedback(stream, 1.5)) == 1


def test_fir_is_used_where_pli_was_not_negotiated() -> None:
    stream = make(options=InboundOptions(fir=True))
    feed(stream, 1, DELTA)
    assert feedback(stream, 0.0) == [FullIntraRequest(1, ((SSRC, 1),))]
    stream.request_keyframe(1.0)
    assert feedback(stream, 1.0) == [FullIntraRequest(1, ((SSRC, 2),))]


def test_without_any_way_to_ask_nothing_is_sent() -> None:
    stream = make(options=InboundOptions())
    feed(stream, 1, DELTA)
    assert feedback(stream, 0.0) == []


# redundant audio


def red(index: int, distance: int = 2) -> bytes:
    blocks = [
        RedBlock(111, b"%d" % (index - n), 960 * n) for n in range(distance, 0, -1) if index - n > 0
    ]
    return build_red([*blocks, RedBlock(111, b"%d" % index)])


def feed_red(stream: InboundStream, *indices: int) -> None:
    for index in indices:
        feed(stream, index, red(index), payload_type=RED, timestamp=index * 960)


def test_redundant_blocks_fill_gaps_at_once() -> None:
    stream = make("audio", options=InboundOptions())
    feed_red(stream, 1, 2, 5, 6, 8)
    assert [int(frame.data) for frame in stream.frames] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [frame.timestamp // 960 for frame in stream.frames] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert not any(frame.discontinuity for frame in stream.frames)
    assert stream.stats.restored == 3
    assert stream.next_timer() == NEVER


def test_a_gap_larger_than_the_redundancy_remains_a_gap() -> None:
    stream = make("audio", options=InboundOptions())
    feed_red(stream, 1, 2, 6)
    assert [int(frame.data) for frame in stream.frames] == [1, 2]
    stream.handle_timer(stream.next_timer())
    assert [int(frame.data) for frame in stream.frames] == [1, 2, 4, 5, 6]
    assert stream.frames[2].discontinuity


def test_a_late_original_of_a_restored_packet_is_dropped() -> None:
    stream = make("audio", options=InboundOptions())
    feed_red(stream, 1, 3, 2)
    assert [int(frame.data) for frame in stream.frames] == [1, 2, 3]


def test_redundant_and_plain_audio_may_alternate() -> None:
    stream = make("audio", options=InboundOptions())
    feed(stream, 1, b"1", timestamp=960)
    feed_red(stream, 3)
    feed(stream, 4, b"4", timestamp=4 * 960)
    assert [int(frame.data) for frame in stream.frames] == [1, 2, 3, 4]


def test_requests_end_for_what_was_restored() -> None:
    stream = make("audio")
    feed_red(stream, 1, 3)
    assert feedback(stream, 1.0) == []


@each_case("payload", [b"\xef", b"\xef\x00\x00", b"\xef\x00\x03\xff\x6f", b"\xef" * 400])
def test_malformed_redundant_audio_is_counted_and_leaves_no_gap(payload: bytes) -> None:
    stream = make("audio")
    feed(stream, 1, payload, payload_type=RED)
    feed(stream, 2, b"x")
    feed(stream, 4, payload, payload_type=RED)
    assert stream.stats.malformed == 2
    assert [frame.data for frame in stream.frames] == [b"x"]


red_blocks = st.lists(
    st.builds(RedBlock, st.integers(0, 127), st.binary(max_size=40), st.integers(0, 16383)),
    max_size=5,
)


@given(red_blocks, st.integers(0, 127), st.binary(max_size=40))
def test_redundant_audio_survives(blocks: list[RedBlock], number: int, data: bytes) -> None:
    whole = [*blocks, RedBlock(number, data)]
    payload = build_red(whole)
    assert split_red(payload) == whole
    for size in range(len(payload)):
        with contextlib.suppress(RemoteProtocolError):
            assert split_red(payload[:size]) != whole


@given(st.binary(max_size=60))
def test_noise_is_not_redundant_audio_or_gives_blocks(payload: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert split_red(payload)


# reports


def test_a_report_counts_loss_per_interval_and_in_all() -> None:
    stream = make(options=InboundOptions())
    for index in (65530, 65531, 65533, 65537):
        feed(stream, index, DELTA)
    report = stream.report_blocks(1.0)[0]
    assert (report.packets_lost, report.fraction_lost) == (4, 128)
    assert report.highest_sequence == 0x10001
    for index in range(65538, 65542):
        feed(stream, index, DELTA)
    report = stream.report_blocks(2.0)[0]
    assert (report.packets_lost, report.fraction_lost) == (4, 0)


def test_late_and_repeated_packets_make_up_for_loss() -> None:
    reception = Reception(SSRC, 90_000)
    for index in (5, 7, 6, 4, 7):
        reception.record(index, 0, 0.0)
    assert reception.lost == -1
    expected, lost = reception.interval_loss()
    assert (expected, lost) == (4, -1)
    assert reception.report_block(expected, lost, 0.0).fraction_lost == 0


def test_jitter_is_that_of_the_rfc() -> None:
    reception = Reception(SSRC, 8000)
    jitter, arrivals = 0.0, [0.0, 0.02, 0.05, 0.06, 0.11]
    for number, now in enumerate(arrivals):
        reception.record(number, number * 160, now)
        if number:
            difference = abs((now - arrivals[number - 1]) * 8000 - 160)
            jitter += (difference - jitter) / 16
    assert reception.jitter == pytest.approx(jitter)
    reception.record(5, 5 * 160 + 1_000_000, 0.13)
    assert reception.jitter == pytest.approx(jitter)


def test_jitter_survives_a_wrap_of_the_timestamp() -> None:
    reception = Reception(SSRC, 8000)
    reception.record(1, 0xFFFFFFB0, 0.0)
    reception.record(2, 80, 0.02)
    assert reception.jitter == pytest.approx(0.0, abs=1e-6)


def test_a_report_refers_to_the_last_sender_report() -> None:
    stream = make()
    feed(stream, 1, KEY)
    assert stream.report_blocks(1.0)[0].last_sender_report == 0
    report = SenderReport(SSRC, 0x1122334455667788, 3000, 1, 11)
    stream.on_sender_report(report, 2.0)
    block = stream.report_blocks(2.5)[0]
    assert (block.last_sender_report, block.delay_since_last) == (0x33445566, 32768)
    assert stream.sender_report == report


def test_only_streams_that_were_heard_are_reported() -> None:
    stream = make()
    stream.add_repair(RTX_SSRC)
    assert stream.report_blocks(1.0) == []
    feed(stream, 1, KEY)
    assert [block.ssrc for block in stream.report_blocks(1.0)] == [SSRC]
    feed(stream, 9, b"", payload_type=RTX, repair=True)
    blocks: list[ReportBlock] = stream.report_blocks(1.0)
    assert [block.ssrc for block in blocks] == [SSRC, RTX_SSRC]


def test_every_packet_counts_for_congestion_feedback() -> None:
    twcc, bandwidth = TwccReceiver(), ReceiveBandwidth()
    stream = make(arrivals=ArrivalMonitor(ExtensionIds(transport_cc=3), twcc, bandwidth))
    feed(stream, 1, KEY)
    feed(stream, 2, b"", padding=9)
    feed(stream, 3, b"x", payload_type=OTHER)
    feed(stream, 4, b"\x00\x01x", payload_type=RTX, repair=True)
    (report,) = twcc.collect(1, twcc.due)
    assert [sequence for sequence, _ in report.arrivals()] == [1, 2, 3, 4]


# hostile input


@given(
    st.lists(
        st.tuples(
            st.integers(0, 70_000),
            st.sampled_from([MEDIA, RTX, RED, OTHER]),
            st.binary(max_size=30),
            st.booleans(),
            st.booleans(),
        ),
        max_size=40,
    ),
    st.sampled_from(["audio", "video"]),
)
def test_whatever_an_authenticated_peer_sends_the_stream_stands(
    packets: list[tuple[int, int, bytes, bool, bool]], kind: Literal["audio", "video"]
) -> None:
    stream = make(kind)
    stream.want_packets = True
    now = 0.0
    for index, payload_type, body, first, repair in packets:
        now += 0.01
        head = bytes((0xB0 if first else 0x80, payload_type))
        data = head + (index & 0xFFFF).to_bytes(2, "big") + bytes(8) + b"\xbe\xde\0\1" + body
        length = 20 if first else 12
        stream.add_repair(RTX_SSRC)
        take = stream.feed_repair if repair else stream.feed
        take(index, data.ljust(length, b"\1"), length, body, now)
        feedback(stream, now)
    assert stream.reception.received <= len(packets)


def test_gaps_without_end_keep_memory_bounded() -> None:
    stream = make()
    feed(stream, 0, KEY)

    def lose_one(number: int) -> None:
        index = 2 * number + 2
        feed(stream, index, DELTA, now=index / 1000)
        feedback(stream, index / 1000)

    assert growth(lose_one, warm_up=1500, steps=1000) < 20_000

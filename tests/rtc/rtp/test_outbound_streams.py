"""Outbound streams: headers and extensions, retransmission, reports, keyframe requests."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lktrio.errors import LocalProtocolError
from lktrio.rtc.base import NEVER
from lktrio.rtc.payload import packetizer
from lktrio.rtc.rtcp import FullIntraRequest, Nack, ReportBlock, SdesChunk
from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.rtp.extensions import AudioLevel, ExtensionIds, abs_send_time
from lktrio.rtc.rtp.history import HISTORY_SIZE
from lktrio.rtc.rtp.outbound import OutboundOptions, OutboundStream, TransportSequence
from lktrio.rtc.rtp.rtx import Rtx
from lktrio.rtc.srtp import SrtpProfile, SrtpReceiver, SrtpSender
from tests.support.cases import each_case
from tests.support.memory import growth

PROFILE = SrtpProfile.AES128_CM_HMAC_SHA1_80
KEY, SALT = bytes(16), bytes(14)
IDS = ExtensionIds(mid=4, rid=10, repaired_rid=11, audio_level=1, abs_send_time=2, transport_cc=3)
SSRC, RTX_SSRC = 0x1000, 0x2000
FRAME = b"\x11" + bytes(3000)
RTX = Rtx(RTX_SSRC, 97)


def make(codec: str = "video/VP8", *, secured: bool = True, **options: Any) -> OutboundStream:
    stream = OutboundStream(
        ssrc=SSRC,
        payload_type=96,
        clock_rate=90_000,
        packetizer=packetizer(codec),
        random=random.Random(1).randbytes,
        **options,
    )
    if secured:
        stream.secure(SrtpSender(PROFILE, KEY, SALT))
    return stream


class Opener:
    """Opens what a stream sent."""

    def __init__(self) -> None:
        self._srtp = SrtpReceiver(PROFILE, KEY, SALT)

    def __call__(self, datagram: bytes) -> RtpPacket:
        opened = self._srtp.unprotect(datagram)
        assert opened is not None
        index, header_length, payload = opened
        return RtpPacket.from_parts(datagram, header_length, payload, index)


def opened(datagrams: list[bytes]) -> list[RtpPacket]:
    return list(map(Opener(), datagrams))


def report(**fields: int) -> ReportBlock:
    values = {
        "ssrc": SSRC,
        "fraction_lost": 0,
        "packets_lost": 0,
        "highest_sequence": 0,
        "jitter": 0,
    }
    return ReportBlock(**{**values, **fields})


# frames


def test_a_preamble_takes_a_number_of_its_own_and_counts_for_nothing() -> None:
    stream = make()
    sent = stream.send_preamble(1.0)
    assert stream.sender_report(1.0, 1.0) is None
    assert stream.stats.packets_sent == stream.stats.frames_sent == 0
    first, second = opened([*sent, *stream.send_frame(b"\x11 inter", 0, 1.0)])
    assert second.sequence_number == first.sequence_number + 1
    assert (second.timestamp - first.timestamp) % 2**32 == 1
    assert not first.marker
    assert stream.send_preamble(2.0) == []  # too late


def test_no_preamble_without_keys_or_for_audio() -> None:
    assert make(secured=False).send_preamble(1.0) == []
    assert make("audio/opus").send_preamble(1.0) == []


def test_a_frame_becomes_numbered_packets_of_one_timestamp_and_one_marker() -> None:
    stream = make()
    first = opened(stream.send_frame(FRAME, 0, 1.0))
    second = Opener()(stream.send_frame(FRAME[:100], 3000, 2.0)[0])
    assert len(first) == 3
    assert [packet.marker for packet in first] == [False, False, True]
    assert len({packet.timestamp for packet in first}) == 1
    start = first[0].sequence_number
    assert [packet.sequence_number for packet in first] == [start, start + 1, start + 2]
    assert second.sequence_number == start + 3
    assert (second.timestamp - first[0].timestamp) & 0xFFFFFFFF == 3000
    assert {(packet.ssrc, packet.payload_type) for packet in first} == {(SSRC, 96)}


@each_case("rtx", [None, RTX])
def test_datagrams_keep_to_their_size_and_are_even(rtx: Rtx | None) -> None:
    stream = make(
        extensions=IDS, mid="12", rid="f", rtx=rtx, transport_sequence=TransportSequence()
    )
    datagrams = stream.send_frame(bytes((0x11,)) * 20_000, 0, 1.0)
    sizes = [len(datagram) for datagram in datagrams]
    assert max(sizes) <= 1200
    assert min(sizes) > 1100
    assert len(set(sizes[:-1])) == 1
    repairs = stream.on_nack(Nack(1, SSRC, (opened(datagrams)[0].sequence_number,)), 2.0)
    assert len(repairs[0]) <= 1200


def test_the_first_sequence_number_is_in_the_lower_half() -> None:
    for seed in range(50):
        stream = OutboundStream(
            ssrc=SSRC,
            payload_type=96,
            clock_rate=90_000,
            packetizer=packetizer("video/VP8"),
            random=random.Random(seed).randbytes,
        )
        assert stream.next_sequence < 0x8000


def test_frames_before_the_keys_are_not_sent() -> None:
    stream = make(secured=False)
    assert not stream.secured
    assert stream.send_frame(FRAME, 0, 1.0) == []
    assert stream.sender_report(1.0, 1.7e9) is None
    assert stream.send_packet(b"x", index=1, timestamp=0, marker=True, now=1.0) is None


def test_an_invalid_frame_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="empty"):
        make().send_frame(b"", 0, 1.0)


def test_a_stream_keeps_going_across_a_wrap_of_its_sequence_numbers() -> None:
    stream, opener = make(), Opener()
    stream._next = 65530
    indices = [opener(stream.send_frame(b"\x11abc", n, 1.0)[0]).index for n in range(12)]
    assert indices == list(range(65530, 65542))


# header extensions


def test_extensions_carry_what_was_negotiated() -> None:
    sequence = TransportSequence()
    stream = make(extensions=IDS, mid="7", rid="h", transport_sequence=sequence)
    packets = opened(stream.send_frame(FRAME, 0, 12.5))
    for number, packet in enumerate(packets, 1):
        assert packet.extensions == {
            2: abs_send_time(12.5).to_bytes(3, "big"),
            3: number.to_bytes(2, "big"),
            4: b"7",
            10: b"h",
        }
    assert sequence.next == 4


def test_streams_of_a_transport_share_its_sequence_numbers() -> None:
    sequence = TransportSequence()
    sequence.next = 0xFFFF
    one = make(extensions=IDS, transport_sequence=sequence)
    other = make(extensions=IDS, transport_sequence=sequence)
    numbers = [
        opened(stream.send_frame(b"\x11abc", 0, 1.0))[0].extensions[3]
        for stream in (one, other, one)
    ]
    assert numbers == [b"\xff\xff", b"\0\0", b"\0\1"]


def test_without_extensions_the_header_is_plain() -> None:
    (packet,) = opened(make(mid="1", rid="q").send_frame(b"\x11abc", 0, 1.0))
    assert packet.extensions == {}


def test_names_are_sent_until_the_first_receiver_report() -> None:
    stream, opener = (
        make(extensions=ExtensionIds(mid=4, rid=10), mid="1", rid="q", rtx=RTX),
        Opener(),
    )
    first = opener(stream.send_frame(b"\x11abc", 0, 1.0)[0])
    assert first.extensions == {4: b"1", 10: b"q"}
    stream.on_report_block(report(), 1.5)
    assert opener(stream.send_frame(b"\x11abc", 0, 2.0)[0]).extensions == {}
    (repair,) = stream.on_nack(Nack(1, SSRC, (first.sequence_number,)), 2.0)
    assert opener(repair).extensions == {}


def test_elements_that_do_not_fit_the_one_byte_form_are_left_out() -> None:
    ids = ExtensionIds(mid=15, rid=10, abs_send_time=20)
    stream = make(extensions=ids, mid="1", rid="a-name-of-more-than-16-bytes")
    (packet,) = opened(stream.send_frame(b"\x11abc", 0, 1.0))
    assert packet.extensions == {}


def test_the_level_of_audio_is_sent_with_it() -> None:
    stream, opener = make("audio/opus", extensions=ExtensionIds(audio_level=1)), Opener()
    levels: list[AudioLevel | None] = [None, AudioLevel(30, True), AudioLevel(31), None]
    packets = [
        opener(stream.send_frame(b"\xfc\xff\xfe", n, 1.0, level=level)[0])
        for n, level in enumerate(levels)
    ]
    assert [packet.extensions for packet in packets] == [
        {},
        {1: bytes((0x80 | 30,))},
        {1: bytes((31,))},
        {1: bytes((127,))},
    ]


def test_a_new_negotiation_takes_effect() -> None:
    stream, opener = make(extensions=ExtensionIds(mid=4), mid="1"), Opener()
    assert opener(stream.send_frame(b"\x11abc", 0, 1.0)[0]).extensions == {4: b"1"}
    stream.configure(
        payload_type=100, extensions=ExtensionIds(mid=5), packetizer=packetizer("video/VP8")
    )
    packet = opener(stream.send_frame(b"\x11abc", 0, 1.0)[0])
    assert (packet.payload_type, packet.extensions) == (100, {5: b"1"})


@each_case("rtx, number", [(RTX, 109), (RTX, None), (None, 109)])
def test_a_stream_goes_on_in_another_codec(rtx: Rtx | None, number: int | None) -> None:
    stream, opener = make(rtx=rtx), Opener()
    before = opener(stream.send_frame(b"\x11abc", 0, 1.0)[0])
    stream.change_codec(
        payload_type=108,
        clock_rate=90_000,
        packetizer=packetizer("video/H264"),
        rtx_payload_type=number,
    )
    assert stream.on_nack(Nack(1, SSRC, (before.index,)), 2.0) == []  # of a codec that is gone
    after = opener(stream.send_frame(b"\0\0\0\1\x65abc", 0, 3.0)[0])
    assert (after.payload_type, after.payload) == (108, b"\x65abc")
    assert after.index == before.index + 1
    (again,) = stream.on_nack(Nack(1, SSRC, (after.index,)), 4.0)
    repaired = rtx is not None and number is not None
    assert again[1] & 0x7F == (number if repaired else 108)


# forwarding


def forward(stream: OutboundStream, index: int, **options: Any) -> bytes | None:
    values: dict[str, Any] = {"timestamp": 5, "marker": True, "now": 1.0, **options}
    return stream.send_packet(b"payload", index=index, **values)


def test_a_forwarder_chooses_numbers_timestamps_and_extensions() -> None:
    stream = OutboundStream(
        ssrc=SSRC,
        payload_type=96,
        clock_rate=90_000,
        packetizer=None,
        random=bytes,
        extensions=ExtensionIds(mid=4),
        mid="0",
    )
    stream.secure(SrtpSender(PROFILE, KEY, SALT))
    datagram = forward(stream, 70, timestamp=0xFFFFFFFF, extensions={12: bytes(20)})
    assert datagram is not None
    packet = Opener()(datagram)
    assert (packet.index, packet.timestamp, packet.marker) == (70, 0xFFFFFFFF, True)
    assert packet.extensions == {4: b"0", 12: bytes(20)}
    assert packet.payload == b"payload"
    with pytest.raises(LocalProtocolError, match="forwards packets"):
        stream.send_frame(FRAME, 0, 1.0)


def test_forwarded_packets_may_carry_the_first_extensions_of_a_stream() -> None:
    stream = make()
    datagram = forward(stream, 1, extensions={1: b"x"})
    assert datagram is not None
    assert Opener()(datagram).extensions == {1: b"x"}


def test_a_number_is_never_used_for_two_packets() -> None:
    stream = make()
    stream._next = 0
    assert forward(stream, 10) is not None
    assert forward(stream, 8) is not None
    assert forward(stream, 8) is None
    assert forward(stream, 10) is None
    assert forward(stream, 9) is not None
    assert forward(stream, 10 + HISTORY_SIZE) is not None
    assert forward(stream, 11) is None


# retransmission


def test_without_rtx_the_same_bytes_are_sent_again() -> None:
    stream = make(extensions=IDS, transport_sequence=TransportSequence())
    datagrams = stream.send_frame(FRAME, 0, 1.0)
    start = opened(datagrams)[0].sequence_number
    assert stream.on_nack(Nack(1, SSRC, (start, start + 2)), 2.0) == [datagrams[0], datagrams[2]]
    assert stream.stats.resent == 2


def test_with_rtx_the_payload_is_sent_in_a_new_packet() -> None:
    sequence = TransportSequence()
    stream = make(extensions=IDS, mid="3", rid="f", rtx=RTX, transport_sequence=sequence)
    opener = Opener()
    original = [opener(datagram) for datagram in stream.send_frame(FRAME, 0, 1.0)]
    lost = tuple(packet.sequence_number for packet in original[1:])
    repairs = [opener(datagram) for datagram in stream.on_nack(Nack(1, SSRC, lost), 2.0)]
    for packet, repair in zip(original[1:], repairs, strict=True):
        assert (repair.ssrc, repair.payload_type) == (RTX_SSRC, 97)
        assert repair.payload == packet.sequence_number.to_bytes(2, "big") + packet.payload
        assert (repair.timestamp, repair.marker) == (packet.timestamp, packet.marker)
        assert (repair.extensions[4], repair.extensions[11]) == (b"3", b"f")
        assert repair.extensions[2] == abs_send_time(2.0).to_bytes(3, "big")
    assert repairs[1].sequence_number == repairs[0].sequence_number + 1
    assert sequence.next == 6


def test_a_packet_is_sent_again_once_per_round_trip() -> None:
    stream = make()
    number = opened(stream.send_frame(b"\x11abc", 0, 1.0))[0].sequence_number
    nack = Nack(1, SSRC, (number,))
    assert [len(stream.on_nack(nack, now)) for now in (2.0, 2.05, 2.11, 2.2, 2.22)] == [
        1,
        0,
        1,
        0,
        1,
    ]
    assert stream.stats.resend_refused == 2
    assert stream.stats.nacks == 5


def test_packets_that_are_gone_or_were_never_sent_are_not_sent_again() -> None:
    stream = make()
    stream._next = 3
    assert stream.on_nack(Nack(1, SSRC, (0, 2, 3, 40_000)), 1.0) == []
    start = opened(stream.send_frame(b"\x11abc", 0, 1.0))[0].index
    for number in range(HISTORY_SIZE):
        stream.send_frame(b"\x11abc", number, 1.0)
    assert stream.on_nack(Nack(1, SSRC, (start,)), 2.0) == []
    assert len(stream.on_nack(Nack(1, SSRC, (start + 1,)), 2.0)) == 1


@each_case("rtx", [None, RTX])
def test_retransmissions_take_a_limited_share_of_the_rate(rtx: Rtx | None) -> None:
    stream = make(rtx=rtx)
    sent = resent = 0
    now = 1.0
    for number in range(200):
        datagrams = stream.send_frame(bytes((0x11,)) * 5000, number * 3000, now)
        sent += sum(map(len, datagrams))
        for _ in range(5):
            now += 0.2
            lost = tuple((stream.next_sequence - n) & 0xFFFF for n in range(1, 200))
            resent += sum(map(len, stream.on_nack(Nack(1, SSRC, lost), now)))
    assert resent < 64_000 + 0.22 * sent
    assert resent > 0.15 * sent


# reports


def test_a_sender_report_maps_the_clock_and_counts() -> None:
    stream = make()
    packets = opened(stream.send_frame(FRAME, 9000, 1.0))
    made = stream.sender_report(1.5, 1_700_000_000.25)
    assert made is not None
    assert made.ssrc == SSRC
    assert made.ntp_time >> 32 == 1_700_000_000 + 2_208_988_800
    assert made.ntp_time & 0xFFFFFFFF == 1 << 30
    assert made.rtp_timestamp == (packets[0].timestamp + 45_000) & 0xFFFFFFFF
    assert made.packet_count == 3
    assert made.octet_count == sum(len(packet.payload) for packet in packets)


def test_a_forwarder_says_what_the_clock_of_its_source_is() -> None:
    stream = make()
    forward(stream, 5)
    stream.set_clock(0xFFFFFFF0, 10.0)
    made = stream.sender_report(10.5, 1_700_000_000.0)
    assert made is not None
    assert made.rtp_timestamp == (0xFFFFFFF0 + 45_000) & 0xFFFFFFFF


def test_the_description_names_the_source() -> None:
    assert make(cname="alice").description() == SdesChunk(SSRC, ((1, b"alice"),))


def test_the_round_trip_is_measured_from_receiver_reports() -> None:
    stream = make()
    stream.send_frame(FRAME, 0, 1.0)
    for now, expected in ((2.0, 0.1), (3.0, 0.1), (4.0, 0.125)):
        made = stream.sender_report(now, 1.7e9 + now)
        assert made is not None
        late = 0.2 if now == 4.0 else 0.0
        block = report(
            last_sender_report=made.ntp_time >> 16 & 0xFFFFFFFF,
            delay_since_last=round(0.4 * 65536),
            fraction_lost=64,
        )
        stream.on_report_block(block, now + 0.5 + late)
        assert stream.round_trip == pytest.approx(expected, abs=1e-4)
    assert stream.fraction_lost == 0.25


def test_a_report_on_a_sender_report_we_did_not_send_measures_nothing() -> None:
    stream = make()
    stream.send_frame(FRAME, 0, 1.0)
    stream.on_report_block(report(last_sender_report=12345), 2.0)
    stream.on_report_block(report(), 2.0)
    assert stream.round_trip is None


def test_reports_that_nobody_answers_leave_nothing_behind() -> None:
    stream = make()
    stream.send_frame(FRAME, 0, 1.0)

    def report_once(number: int) -> None:
        stream.sender_report(2.0 + number, 1.7e9 + number)

    assert growth(report_once, warm_up=20, steps=1000) < 5000


# keyframe requests


def test_requests_for_keyframes_are_passed_on_and_spaced() -> None:
    stream = make(options=OutboundOptions(keyframe_interval=0.3))
    stream.on_pli(1.0)
    assert stream.take_keyframe_request(1.0)
    for now in (1.1, 1.2):
        stream.on_pli(now)
        assert not stream.take_keyframe_request(now)
    assert stream.next_timer() == 1.3
    assert not stream.take_keyframe_request(1.29)
    assert stream.take_keyframe_request(1.3)
    assert stream.next_timer() == NEVER
    assert stream.stats.keyframe_requests == 3


def test_a_repeated_command_number_is_the_same_request() -> None:
    stream = make()
    passed_on: list[int] = []
    for number, now in ((1, 1.0), (1, 2.0), (2, 3.0)):
        stream.on_fir(FullIntraRequest(9, ((SSRC, number), (SSRC + 1, number + 7))), now)
        if stream.take_keyframe_request(now):
            passed_on.append(number)
    assert passed_on == [1, 2]

"""Feedback: missing packets, keyframe requests, arrivals, round trips."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.rtc.base import NEVER
from lktrio.rtc.rtcp import (
    DlrrBlock,
    ExtendedReport,
    RawXrBlock,
    ReceiverEstimatedMaxBitrate,
    ReceiverReferenceTime,
    TransportFeedback,
    parse_compound,
)
from lktrio.rtc.rtp import RtpPacket, parse_header_length
from lktrio.rtc.rtp.arrivals import ArrivalMonitor, TwccReceiver
from lktrio.rtc.rtp.estimator import ReceiveBandwidth
from lktrio.rtc.rtp.extensions import ExtensionIds
from lktrio.rtc.rtp.keyframes import KeyframeRequests
from lktrio.rtc.rtp.nack import MAX_MISSING, MAX_TRIES, NackList
from lktrio.rtc.rtp.ntp import delay_units, ntp_middle, ntp_time
from lktrio.rtc.rtp.round_trip import RoundTrip
from tests.support.cases import each_case

# missing packets


def test_a_late_packet_is_not_asked_for() -> None:
    nacks = NackList()
    assert nacks.add_gap(5, 7, 1.0)
    assert nacks.arrived(5)
    assert not nacks.arrived(5)
    assert nacks.collect(10, 0.1, 1.009) == []
    assert nacks.collect(10, 0.1, 1.01) == [6]


def test_a_packet_is_asked_for_a_limited_number_of_times() -> None:
    nacks = NackList()
    nacks.add_gap(5, 6, 0.0)
    asked = 0
    while nacks.due != NEVER:
        asked += len(nacks.collect(10, 0.1, nacks.due))
    assert asked == MAX_TRIES
    assert len(nacks) == 0


def test_an_old_packet_is_no_longer_asked_for() -> None:
    nacks = NackList()
    nacks.add_gap(5, 7, 0.0)
    assert nacks.collect(1006, 0.1, 1.0) == [6]


def test_a_gap_too_large_is_given_up_as_a_whole() -> None:
    nacks = NackList()
    assert nacks.add_gap(0, MAX_MISSING, 0.0)
    assert not nacks.add_gap(MAX_MISSING, MAX_MISSING + 1, 0.0)
    assert len(nacks) == 0
    assert nacks.due == NEVER


def test_packets_before_a_keyframe_are_forgotten() -> None:
    nacks = NackList()
    nacks.add_gap(5, 9, 0.0)
    nacks.clear_before(7)
    assert nacks.collect(10, 0.1, 1.0) == [7, 8]


# keyframe requests


def test_keyframe_requests_are_spaced() -> None:
    requests = KeyframeRequests(0.5)
    assert not requests.take(0.0)
    requests.want(1.0)
    assert requests.take(1.0)
    requests.want(1.1)
    requests.want(1.2)
    assert requests.due == 1.5
    assert not requests.take(1.4)
    assert requests.take(1.5)
    requests.want(1.6)
    requests.cancel()
    assert requests.due == NEVER


# arrivals


def reports_of(twcc: TwccReceiver, now: float) -> dict[int, float]:
    """Arrivals in all reports that are due, by sequence number; every message is valid RTCP."""
    found: dict[int, float] = {}
    for report in twcc.collect(9, now):
        assert parse_compound(report.serialize()) == [report]
        found.update((sequence, ticks / 4000) for sequence, ticks in report.arrivals())
    return found


def test_arrivals_are_reported_every_tenth_of_a_second() -> None:
    twcc = TwccReceiver()
    assert twcc.due == NEVER
    for number in range(5):
        twcc.record(number, 100.0 + number / 100)
    assert twcc.due == pytest.approx(100.1)
    assert twcc.collect(9, 100.05) == []
    found = reports_of(twcc, 100.1)
    assert found == pytest.approx({n: 100.0 + n / 100 for n in range(5)}, abs=0.00026)
    assert twcc.due == NEVER


def test_a_hundred_packets_are_reported_at_once() -> None:
    twcc = TwccReceiver()
    for number in range(100):
        twcc.record(number, 100.001)
    assert twcc.due == 100.001


def test_losses_between_and_within_reports_are_told() -> None:
    twcc = TwccReceiver()
    for number in (65534, 65535, 1):
        twcc.record(number, 5.0)
    (first,) = twcc.collect(9, twcc.due)
    assert (first.base_sequence, len(first.deltas)) == (65534, 4)
    assert first.deltas[2] is None
    twcc.record(4, 6.0)
    (second,) = twcc.collect(9, twcc.due)
    assert (second.base_sequence, second.deltas[:2]) == (2, (None, None))
    assert second.feedback_count == first.feedback_count + 1


def test_a_late_packet_is_reported_without_taking_back_others() -> None:
    twcc = TwccReceiver()
    for number in (1, 3, 4):
        twcc.record(number, 5.0)
    reports_of(twcc, twcc.due)
    twcc.record(2, 5.15)
    twcc.record(5, 5.16)
    assert reports_of(twcc, twcc.due) == pytest.approx(
        {2: 5.15, 3: 5.0, 4: 5.0, 5: 5.16}, abs=0.00026
    )


def test_the_first_arrival_of_a_repeated_number_counts() -> None:
    twcc = TwccReceiver()
    for when in (5.0, 5.05, 5.06):
        twcc.record(7, when)
    assert reports_of(twcc, twcc.due) == pytest.approx({7: 5.0}, abs=0.00026)


@given(
    st.lists(
        st.tuples(st.integers(-60, 3000), st.sampled_from([0.0, 0.001, 0.05, 0.3, 20.0])),
        min_size=1,
        max_size=120,
    ),
    st.integers(0, 0xFFFF),
)
def test_whatever_arrives_reports_are_valid_and_complete(
    steps: list[tuple[int, float]], start: int
) -> None:
    twcc, now, highest = TwccReceiver(), 50.0, start + 100
    expected: set[int] = set()
    found: dict[int, float] = {}
    for step, pause in steps:
        now += pause
        if twcc.due <= now:
            found.update(reports_of(twcc, now))
        number = highest + step
        highest = max(highest, number)
        twcc.record(number & 0xFFFF, now)
        expected.add(number & 0xFFFF)
    found.update(reports_of(twcc, twcc.due))
    assert set(found) == expected


def packet(extensions: dict[int, bytes], *, two_byte: bool = False) -> tuple[bytes, int]:
    made = RtpPacket(96, 1, 2, 77, b"x", extensions=extensions, two_byte_extensions=two_byte)
    data = made.serialize()
    return data, parse_header_length(data)


def monitor() -> tuple[ArrivalMonitor, TwccReceiver]:
    twcc = TwccReceiver()
    ids = ExtensionIds(transport_cc=3, abs_send_time=2)
    return ArrivalMonitor(ids, twcc, ReceiveBandwidth()), twcc


@each_case("two_byte", [False, True])
def test_sequence_numbers_are_read_from_both_element_forms(two_byte: bool) -> None:
    watch, twcc = monitor()
    data, length = packet({4: b"0", 2: b"\0\0\1", 3: b"\1\2"}, two_byte=two_byte)
    watch.observe(data, length, 1.0)
    (report,) = twcc.collect(9, twcc.due)
    assert (report.base_sequence, report.media_ssrc, report.deltas[0] is None) == (258, 77, False)


@each_case("extensions", [{}, {4: b"0"}, {3: b"\1"}, {3: b"\1\2\3"}])
def test_packets_without_a_transport_sequence_are_not_reported(
    extensions: dict[int, bytes],
) -> None:
    watch, twcc = monitor()
    data, length = packet(extensions)
    watch.observe(data, length, 1.0)
    assert twcc.due == NEVER
    assert watch.bandwidth is not None
    assert watch.bandwidth.due != NEVER


@each_case("extensions", [{2: b"\0\0\1", 3: b"\1\2"}, {3: b"\1\2", 2: b"\0\0\1"}])
def test_one_kind_of_feedback_does_not_need_the_other(extensions: dict[int, bytes]) -> None:
    ids = ExtensionIds(transport_cc=3, abs_send_time=2)
    twcc, bandwidth = TwccReceiver(), ReceiveBandwidth()
    data, length = packet(extensions)
    ArrivalMonitor(ids, twcc, None).observe(data, length, 1.0)
    assert twcc.due != NEVER
    ArrivalMonitor(ids, None, bandwidth).observe(data, length, 1.0)
    assert bandwidth._burst_first == 1


@given(st.binary(max_size=40), st.booleans())
def test_hostile_extension_blocks_are_harmless(block: bytes, one_byte: bool) -> None:
    watch, _ = monitor()
    block += bytes(-len(block) % 4)
    profile = b"\xbe\xde" if one_byte else b"\x10\x00"
    data = b"\x90" + bytes(11) + profile + (len(block) // 4).to_bytes(2, "big") + block
    watch.observe(data, len(data), 1.0)


def test_what_was_not_negotiated_is_not_sent() -> None:
    watch = ArrivalMonitor(ExtensionIds(transport_cc=3), None, None)
    data, length = packet({3: b"\1\2"})
    watch.observe(data, length, 1.0)
    assert watch.next_timer() == NEVER
    assert watch.handle_timer(1, (77,), 10.0) == []


def test_both_kinds_of_feedback_come_from_one_timer() -> None:
    watch, _ = monitor()
    data, length = packet({3: b"\1\2"})
    watch.observe(data, length, 1.0)
    assert watch.next_timer() == pytest.approx(1.1)
    kinds = [type(report) for report in watch.handle_timer(1, (77,), 2.0)]
    assert kinds == [TransportFeedback, ReceiverEstimatedMaxBitrate]


# round trips


def test_the_round_trip_is_measured_with_extended_reports() -> None:
    receiver, sender = RoundTrip(), RoundTrip()
    asked = receiver.ask(1, 1.7e9, 100.0)
    sender.receive(asked, 500.05)
    answer = sender.answer(2, 500.30)
    assert answer is not None
    receiver.receive(answer, 100.35)
    assert receiver.seconds == pytest.approx(0.1, abs=1e-4)
    assert sender.answer(2, 501.0) is None


def test_answers_to_what_was_not_asked_measure_nothing() -> None:
    asked = RoundTrip().ask(1, 1.7e9, 100.0)
    other = RoundTrip()
    other.receive(asked, 5.0)
    answer = other.answer(2, 5.0)
    assert answer is not None
    fresh = RoundTrip()
    fresh.receive(answer, 101.0)
    fresh.receive(ExtendedReport(1, (RawXrBlock(42, 0, b""),)), 101.0)
    assert fresh.seconds is None


def test_only_so_many_questions_are_remembered() -> None:
    trip = RoundTrip()
    for ssrc in range(100):
        trip.receive(ExtendedReport(ssrc, (ReceiverReferenceTime(ssrc << 16),)), 1.0)
        trip.ask(1, 1.7e9 + ssrc, 1.0)
    assert len(trip._asked) == 8
    answer = trip.answer(2, 2.0)
    assert answer is not None
    (block,) = answer.blocks
    assert isinstance(block, DlrrBlock)
    assert len(block.reports) == 32
    assert block.reports[7].last_reference_time == 7
    assert block.reports[7].delay == 65536


def test_times_are_those_of_ntp() -> None:
    assert ntp_time(0.5) == (2_208_988_800 << 32) + (1 << 31)
    assert ntp_middle(0x1122334455667788) == 0x33445566
    assert delay_units(1.5) == 98304
    assert delay_units(-1.0) == 0
    assert delay_units(1e9) == 0xFFFFFFFF

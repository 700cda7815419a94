"""RTCP: every packet type survives, recordings come back byte for byte."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc import rtcp
from lktrio.rtc.rtcp import RtcpPacket, parse_compound, serialize_compound
from tests.support import rtpdump
from tests.support.cases import each_case

u8, u16, u32, u64 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32, 64))


def tuples_of(strategy: st.SearchStrategy[object], size: int = 4) -> st.SearchStrategy[object]:
    return st.lists(strategy, max_size=size).map(tuple)


def build(
    make: Callable[..., RtcpPacket], *fields: st.SearchStrategy[Any]
) -> st.SearchStrategy[RtcpPacket]:
    return st.builds(make, *fields)


report_blocks = tuples_of(
    st.builds(rtcp.ReportBlock, u32, u8, st.integers(-0x800000, 0x7FFFFF), u32, u32, u32, u32)
)
sdes_items = tuples_of(st.tuples(st.integers(1, 255), st.binary(max_size=20)))
xr_blocks = tuples_of(
    st.one_of(
        st.builds(rtcp.ReceiverReferenceTime, u64),
        st.builds(rtcp.DlrrBlock, tuples_of(st.builds(rtcp.DelaySinceLastReport, u32, u32, u32))),
        st.builds(rtcp.RawXrBlock, st.just(42), u8, st.just(b"abcdefgh")),
    )
)
deltas = st.one_of(
    st.lists(st.one_of(st.none(), st.integers(-0x8000, 0x7FFF)), max_size=60),
    st.lists(st.one_of(st.none(), st.integers(0, 255)), max_size=60),
    st.lists(st.sampled_from([None, 4]), max_size=60),
    st.lists(st.just(None), max_size=60),
).map(tuple)


def runs(lengths: list[tuple[int | None, int]]) -> tuple[int | None, ...]:
    return tuple(delta for delta, length in lengths for _ in range(length))


long_runs = st.lists(
    st.tuples(st.sampled_from([None, 4, 1000]), st.integers(1, 40)), max_size=8
).map(runs)

packets: st.SearchStrategy[RtcpPacket] = st.one_of(
    build(rtcp.SenderReport, u32, u64, u32, u32, u32, report_blocks),
    build(rtcp.ReceiverReport, u32, report_blocks),
    build(rtcp.SourceDescription, tuples_of(st.builds(rtcp.SdesChunk, u32, sdes_items))),
    build(rtcp.Goodbye, tuples_of(u32), st.binary(max_size=20)),
    build(rtcp.ExtendedReport, u32, xr_blocks),
    build(rtcp.Nack, u32, u32, st.sets(u16, max_size=30).map(lambda s: tuple(sorted(s)))),
    build(
        rtcp.TransportFeedback,
        u32,
        u32,
        u16,
        st.integers(-0x800000, 0x7FFFFF),
        u8,
        st.one_of(deltas, long_runs),
    ),
    build(rtcp.PictureLossIndication, u32, u32),
    build(rtcp.FullIntraRequest, u32, tuples_of(st.tuples(u32, u8)), u32),
    build(
        rtcp.ReceiverEstimatedMaxBitrate,
        u32,
        st.one_of(st.integers(0, 0x3FFFF), st.just(0x3FFFF << 63)),
        tuples_of(u32),
        u32,
    ),
)


@given(st.lists(packets, min_size=1, max_size=4))
def test_a_compound_packet_survives_writing_and_parsing(compound: list[RtcpPacket]) -> None:
    data = serialize_compound(compound)
    if len(data) <= rtcp.MAX_COMPOUND_SIZE:
        assert parse_compound(data) == compound


@given(packets)
def test_a_truncated_packet_is_refused(packet: RtcpPacket) -> None:
    data = packet.serialize()
    for size in range(len(data)):
        with pytest.raises(RemoteProtocolError):
            parse_compound(data[:size])


@given(packets)
def test_a_shortened_packet_with_a_true_length_is_refused_or_read(packet: RtcpPacket) -> None:
    data = packet.serialize()
    for words in range(len(data) // 4):
        shortened = data[:2] + words.to_bytes(2, "big") + data[4 : 4 + 4 * words]
        with contextlib.suppress(RemoteProtocolError):
            assert len(parse_compound(shortened)) <= 1


@given(packets, st.data())
def test_a_flipped_bit_is_refused_or_read(packet: RtcpPacket, data: st.DataObject) -> None:
    damaged = bytearray(packet.serialize())
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(RemoteProtocolError):
        parse_compound(bytes(damaged))


@given(st.integers(192, 223), st.integers(0, 63), st.binary(max_size=120))
def test_noise_behind_a_true_header_is_refused_or_read(kind: int, first: int, body: bytes) -> None:
    body += bytes(-len(body) % 4)
    data = bytes((0x80 | first, kind)) + (len(body) // 4).to_bytes(2, "big") + body
    with contextlib.suppress(RemoteProtocolError):
        assert len(parse_compound(data)) <= 1


@each_case("name", rtpdump.RECORDINGS)
def test_recorded_packets_are_written_back_byte_for_byte(name: str) -> None:
    for _, packet in rtpdump.read_rtcp(name):
        assert serialize_compound(parse_compound(packet)) == packet


@each_case("recording", rtpdump.every_header())
def test_every_packet_of_every_recording_is_written_back(recording: rtpdump.Headers) -> None:
    for packet in recording.rtcp:
        assert serialize_compound(parse_compound(packet)) == packet


def test_the_recordings_hold_every_type_that_matters() -> None:
    kinds = {
        type(packet)
        for name in rtpdump.RECORDINGS
        for _, data in rtpdump.read_rtcp(name)
        for packet in parse_compound(data)
    }
    assert kinds >= {
        rtcp.SenderReport,
        rtcp.ReceiverReport,
        rtcp.SourceDescription,
        rtcp.TransportFeedback,
        rtcp.PictureLossIndication,
        rtcp.ExtendedReport,
        rtcp.ReceiverEstimatedMaxBitrate,
    }


def test_unknown_types_are_skipped_by_their_length() -> None:
    unknown = [
        bytes.fromhex("80cc0002 00000001 61626364"),  # APP
        bytes.fromhex("80d10000"),
        bytes.fromhex("83cd0002 00000001 00000002"),  # TMMBR
        bytes.fromhex("8fce0003 00000001 00000000 41424344"),  # not a REMB
    ]
    pli = rtcp.PictureLossIndication(1, 2)
    data = b"".join(packet + pli.serialize() for packet in unknown)
    assert parse_compound(data) == [pli] * 4


def test_a_packet_may_begin_with_feedback_and_end_with_padding() -> None:
    nack = rtcp.Nack(1, 2, (5,))
    padded = bytes.fromhex("a1cd0004 00000001 00000002 00050000 00000004")
    assert parse_compound(padded) == [nack]


def test_bitrates_beyond_18_bits_lose_their_lowest_bits() -> None:
    remb = rtcp.ReceiverEstimatedMaxBitrate(1, 2_500_001, (7,))
    (parsed,) = parse_compound(remb.serialize())
    assert isinstance(parsed, rtcp.ReceiverEstimatedMaxBitrate)
    assert 2_500_000 - 16 < parsed.bitrate <= 2_500_001


def test_close_losses_share_a_nack_item() -> None:
    nack = rtcp.Nack(1, 2, (65530, 65531, 10, 11, 100))
    assert len(nack.serialize()) == 12 + 2 * 4 + 4
    assert parse_compound(nack.serialize()) == [nack]


def test_the_cname_is_found() -> None:
    chunk = rtcp.SdesChunk(1, ((15, b"x"), (rtcp.CNAME, b"alice")))
    assert chunk.cname == "alice"
    assert rtcp.SdesChunk(1).cname is None


def test_arrivals_are_relative_to_the_reference_time() -> None:
    feedback = rtcp.TransportFeedback(1, 2, 65535, 10, 0, (4, None, 300, -2))
    assert list(feedback.arrivals()) == [(65535, 2564), (1, 2864), (2, 2862)]


# hostile input


@each_case(
    "data, reason",
    [
        ("", "0 bytes"),
        ("80c9", "2 bytes"),
        ("40c90001 00000001", "version 2"),
        ("80c90002 00000001", "longer than its datagram"),
        ("80c90001 00000001 80", "version 2"),
        ("81c90001 00000001", "0 bytes, where 24"),
        ("9fc80006" + "00" * 24, "0 bytes, where 744"),
        ("80c80004" + "00" * 16, "sender report"),
        ("80c90000", "receiver report"),
        ("81ca0001 00000001", "without its end"),
        ("82ca0002 00000001 00000000", "source description"),
        ("81ca0002 00000001 01ff6161", "source description"),
        ("81ca0002 00000001 61616161", "source description"),
        ("82cb0001 00000001", "goodbye"),
        ("80cb0001 ff616161", "goodbye"),
        ("80cf0000", "extended report"),
        ("80cf0002 00000001 0400ffff", "extended report"),
        ("81cd0001 00000001", "NACK"),
        ("81ce0001 00000001", "PLI"),
        ("84ce0003 00000001 00000000 00000001", "FIR"),
        ("84ce0001 00000001", "FIR"),
        ("8fce0004 00000001 00000000 52454d42 ff000000", "REMB"),
        ("8fce0003 00000001 00000000 52454d42", "REMB"),
        ("8fcd0003 00000001 00000002 00000001", "transport feedback"),
        ("8fcd0004 00000001 00000002 00000001 00000000", "transport feedback"),
        ("8fcd0005 00000001 00000002 0000ffff 00000000 3fff3fff", "65535 packets"),
        ("8fcd0005 00000001 00000002 00000064 00000000 20640000", "transport feedback"),
        ("8fcd0005 00000001 00000002 00000001 00000000 60010000", "reserved"),
        ("8fcd0005 00000001 00000002 00001000 00000000 00000000", "transport feedback"),
        ("a0c90000", "padding"),
        ("a0c90001 00000000", "padding"),
        ("a0c90001 00000005", "padding"),
    ],
)
def test_malformed_packets_are_refused(data: str, reason: str) -> None:
    with pytest.raises(RemoteProtocolError, match=reason):
        parse_compound(bytes.fromhex(data))


def test_too_many_or_too_large_packets_are_refused() -> None:
    report = bytes.fromhex("80c90001 00000001")
    assert len(parse_compound(report * rtcp.MAX_PACKETS)) == rtcp.MAX_PACKETS
    with pytest.raises(RemoteProtocolError, match="more than 32 packets"):
        parse_compound(report * (rtcp.MAX_PACKETS + 1))
    with pytest.raises(RemoteProtocolError, match="1504 bytes"):
        parse_compound(bytes.fromhex("80c90177") + bytes(1500))


# what we are asked to send and cannot


@each_case(
    "packet",
    [
        rtcp.ReceiverReport(1, (rtcp.ReportBlock(1, 0, 0, 0, 0),) * 32),
        rtcp.SourceDescription((rtcp.SdesChunk(1, ((1, bytes(256)),)),)),
        rtcp.Goodbye((1,) * 32),
        rtcp.Goodbye((1,), bytes(256)),
        rtcp.ReceiverEstimatedMaxBitrate(1, -1, ()),
        rtcp.ReceiverEstimatedMaxBitrate(1, 1 << 90, ()),
        rtcp.ReceiverEstimatedMaxBitrate(1, 1, (1,) * 256),
        rtcp.TransportFeedback(1, 2, 3, 4, 5, (0x8000,)),
        rtcp.TransportFeedback(1, 2, 3, 4, 5, (None,) * 5001),
    ],
)
def test_values_that_do_not_fit_are_refused(packet: RtcpPacket) -> None:
    with pytest.raises(LocalProtocolError):
        packet.serialize()


@each_case("lost", [0x800000, -0x800001])
def test_a_loss_count_beyond_its_field_is_clamped(lost: int) -> None:
    report = rtcp.ReceiverReport(1, (rtcp.ReportBlock(1, 0, lost, 0, 0),))
    (parsed,) = parse_compound(report.serialize())
    assert isinstance(parsed, rtcp.ReceiverReport)
    assert parsed.reports[0].packets_lost in (0x7FFFFF, -0x800000)

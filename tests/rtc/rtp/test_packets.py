"""RTP packets: parsing, writing, and what is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.rtp import RtpPacket, is_rtcp, is_rtp_or_rtcp, parse_header_length
from tests.support import rtpdump
from tests.support.cases import each_case


def extension_maps(two_byte: bool) -> st.SearchStrategy[dict[int, bytes]]:
    if two_byte:
        return st.dictionaries(st.integers(1, 255), st.binary(max_size=40), min_size=1, max_size=16)
    values = st.binary(min_size=1, max_size=16)
    return st.dictionaries(st.integers(1, 14), values, max_size=14)


@st.composite
def packets(draw: st.DrawFn) -> RtpPacket:
    two_byte = draw(st.booleans())
    return RtpPacket(
        payload_type=draw(st.integers(0, 127)),
        sequence_number=draw(st.integers(0, 0xFFFF)),
        timestamp=draw(st.integers(0, 0xFFFFFFFF)),
        ssrc=draw(st.integers(0, 0xFFFFFFFF)),
        payload=draw(st.binary(max_size=60)),
        marker=draw(st.booleans()),
        csrcs=tuple(draw(st.lists(st.integers(0, 0xFFFFFFFF), max_size=15))),
        extensions=draw(extension_maps(two_byte)),
        padding_size=draw(st.integers(0, 255)),
        two_byte_extensions=two_byte,
    )


@given(packets())
def test_a_packet_survives_writing_and_parsing(packet: RtpPacket) -> None:
    assert RtpPacket.parse(packet.serialize()) == packet


@given(packets())
def test_every_truncation_is_refused_or_gives_a_packet(packet: RtpPacket) -> None:
    data = packet.serialize()
    for size in range(len(data)):
        with contextlib.suppress(RemoteProtocolError):
            assert isinstance(RtpPacket.parse(data[:size]), RtpPacket)


@given(packets(), st.data())
def test_a_flipped_bit_is_refused_or_gives_a_packet(packet: RtpPacket, data: st.DataObject) -> None:
    damaged = bytearray(packet.serialize())
    position = data.draw(st.integers(0, len(damaged) - 1))
    damaged[position] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(RemoteProtocolError):
        assert isinstance(RtpPacket.parse(bytes(damaged)), RtpPacket)


@given(st.binary(max_size=80))
def test_noise_is_refused_or_gives_a_packet(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert isinstance(RtpPacket.parse(data), RtpPacket)


@each_case("name", rtpdump.RECORDINGS)
def test_recorded_packets_are_written_back_byte_for_byte(name: str) -> None:
    for _, packet in rtpdump.read_rtp(name):
        assert RtpPacket.parse(packet).serialize() == packet


@each_case("recording", rtpdump.every_header())
def test_every_recorded_header_is_written_back_byte_for_byte(recording: rtpdump.Headers) -> None:
    for packet in recording.rtp:
        assert RtpPacket.parse(packet).serialize() == packet


def test_the_recordings_hold_what_the_tests_are_about() -> None:
    parsed = [RtpPacket.parse(p) for n in rtpdump.RECORDINGS for _, p in rtpdump.read_rtp(n)]
    assert any(packet.two_byte_extensions for packet in parsed)
    assert any(packet.padding_size and not packet.payload for packet in parsed)
    assert len(parsed) > 1000


HEADER = bytes.fromhex("8060 0001 00000002 00000003")
SEVENTEEN_ELEMENTS = b"".join(bytes((number, 0)) for number in range(1, 18)) + bytes(2)


@each_case(
    "data, reason",
    [
        (b"", "not an RTP"),
        (HEADER[:11], "not an RTP"),
        (b"\x40" + HEADER[1:], "not an RTP"),
        (b"\x8f" + HEADER[1:] + bytes(59), "beyond the end"),
        (b"\x90" + HEADER[1:] + b"\xbe\xde\x00", "extension beyond"),
        (b"\x90" + HEADER[1:] + b"\xbe\xde\x00\x02" + bytes(7), "beyond the end"),
        (b"\x90" + HEADER[1:] + b"\xbe\xde\xff\xff", "beyond the end"),
        (b"\x90" + HEADER[1:] + b"\xbe\xde\x00\x01\x1f\0\0\0", "beyond its block"),
        (b"\x90" + HEADER[1:] + b"\x10\x00\x00\x01\x01\x03\0\0", "beyond its block"),
        (b"\x90" + HEADER[1:] + b"\x10\x00\x00\x01\0\0\0\x01", "without its length"),
        (b"\x90" + HEADER[1:] + b"\x10\x00\x00\x09" + SEVENTEEN_ELEMENTS, "more than 16"),
        (b"\xa0" + HEADER[1:], "padding"),
        (b"\xa0" + HEADER[1:] + b"\x00", "padding"),
        (b"\xa0" + HEADER[1:] + b"ab\x04", "padding"),
    ],
)
def test_malformed_packets_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(RemoteProtocolError, match=reason):
        RtpPacket.parse(data)


def test_the_header_length_counts_sources_and_extensions() -> None:
    packet = RtpPacket(96, 1, 2, 3, b"xyz", csrcs=(7, 8), extensions={3: b"abc"})
    assert parse_header_length(packet.serialize()) == 12 + 8 + 8


@each_case(
    "packet",
    [
        RtpPacket(128, 0, 0, 0),
        RtpPacket(0, 0x10000, 0, 0),
        RtpPacket(0, 0, -1, 0),
        RtpPacket(0, 0, 0, 1 << 32),
        RtpPacket(0, 0, 0, 0, padding_size=256),
        RtpPacket(0, 0, 0, 0, csrcs=tuple(range(16))),
        RtpPacket(0, 0, 0, 0, extensions={256: b""}),
        RtpPacket(0, 0, 0, 0, extensions={1: bytes(256)}),
    ],
)
def test_values_that_do_not_fit_are_refused(packet: RtpPacket) -> None:
    with pytest.raises(LocalProtocolError):
        packet.serialize()


@each_case(
    "datagram, media, control",
    [
        (HEADER, True, False),
        (b"\x80\xc8\x00\x06", True, True),
        (b"\x81\xdf", True, True),
        (b"\x80\xe0", True, False),  # payload type 96 with the marker bit
        (b"\x00\x01", False, False),
        (b"\x16\xfe", False, False),
        (b"\x80", False, False),
        (b"", False, False),
    ],
)
def test_datagrams_are_told_apart(datagram: bytes, media: bool, control: bool) -> None:
    assert is_rtp_or_rtcp(datagram) is media
    if media:
        assert is_rtcp(datagram) is control

"""Chunks survive the way to bytes and back; damaged ones are refused and nothing worse."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.sctp.causes import CauseCode, describe_causes
from lktrio.rtc.sctp.chunks import (
    MAX_CHUNKS,
    MAX_PARAMETERS,
    Abort,
    Chunk,
    CookieAck,
    CookieEcho,
    Data,
    Error,
    ForwardTsn,
    Heartbeat,
    HeartbeatAck,
    Init,
    InitAck,
    ReConfig,
    Sack,
    Shutdown,
    ShutdownAck,
    ShutdownComplete,
    UnknownChunk,
    walk_parameters,
)
from tests.support.cases import each_case
from tests.support.sctp_packet import Packet, parse_packet

u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
parameters = st.lists(st.tuples(u16, st.binary(max_size=20)), max_size=5).map(tuple)
pairs = st.lists(st.tuples(u16, u16), max_size=6).map(tuple)
init_fields = (u32, u32, u16, u16, u32, parameters)
known_types = frozenset({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 130, 192})

chunks: st.SearchStrategy[Chunk | UnknownChunk] = st.one_of(
    st.builds(Data, st.integers(0, 15), u32, u16, u16, u32, st.binary(min_size=1, max_size=40)),
    st.builds(Init, *init_fields),
    st.builds(InitAck, *init_fields),
    st.builds(Sack, u32, u32, pairs, st.lists(u32, max_size=4).map(tuple)),
    st.builds(Heartbeat, st.binary(max_size=40)),
    st.builds(HeartbeatAck, st.binary(max_size=40)),
    st.builds(Abort, parameters, st.booleans()),
    st.builds(Error, parameters),
    st.builds(Shutdown, u32),
    st.just(ShutdownAck()),
    st.builds(ShutdownComplete, st.booleans()),
    st.builds(CookieEcho, st.binary(max_size=60)),
    st.just(CookieAck()),
    st.builds(ForwardTsn, u32, pairs),
    st.builds(ReConfig, parameters),
    st.builds(
        UnknownChunk,
        st.integers(0, 255).filter(lambda kind: kind not in known_types),
        st.integers(0, 255),
        st.binary(max_size=20),
    ),
)
packets = st.builds(Packet, u16, u16, u32, st.lists(chunks, min_size=1, max_size=4).map(tuple), u32)


@given(packets)
def test_packets_round_trip(packet: Packet) -> None:
    assert parse_packet(packet.serialize()) == packet


@given(packets)
def test_every_truncation_is_a_value_or_a_protocol_error(packet: Packet) -> None:
    data = packet.serialize()
    for end in range(len(data)):
        with contextlib.suppress(RemoteProtocolError):
            parse_packet(data[:end])


@given(packets, st.data())
def test_bit_flips_are_a_value_or_a_protocol_error(packet: Packet, data: st.DataObject) -> None:
    whole = bytearray(packet.serialize())
    for bit in data.draw(st.lists(st.integers(0, len(whole) * 8 - 1), max_size=4)):
        whole[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(RemoteProtocolError):
        parse_packet(bytes(whole))


@given(st.binary(max_size=200))
def test_noise_is_a_value_or_a_protocol_error(data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        parse_packet(data)


def test_the_padding_of_the_last_parameter_belongs_to_the_chunk() -> None:
    init = Init(1, 2, 3, 4, 5, ((0xC000, b""), (0x8008, b"\x82\xc0")))
    data = init.serialize()
    assert len(data) == 32
    assert int.from_bytes(data[2:4], "big") == 30
    assert data[-2:] == bytes(2)


@each_case("length", [0, 1, 2, 3])
def test_a_parameter_length_below_four_is_refused(length: int) -> None:
    with pytest.raises(RemoteProtocolError, match="bad length"):
        walk_parameters(b"\x80\x08" + length.to_bytes(2, "big") + bytes(8))


def test_a_parameter_beyond_the_chunk_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="bad length"):
        walk_parameters(bytes.fromhex("80080010") + bytes(8))


def test_too_many_parameters_are_refused() -> None:
    one = bytes.fromhex("00630004")
    assert len(walk_parameters(one * MAX_PARAMETERS)) == MAX_PARAMETERS
    with pytest.raises(RemoteProtocolError, match="more than"):
        walk_parameters(one * (MAX_PARAMETERS + 1))


def test_too_many_chunks_are_refused() -> None:
    most = Packet(5000, 5000, 1, (CookieAck(),) * MAX_CHUNKS)
    assert len(parse_packet(most.serialize()).chunks) == MAX_CHUNKS
    with pytest.raises(RemoteProtocolError, match="more than"):
        parse_packet(most.serialize() + CookieAck().serialize())


@each_case("length", [0, 3, 5000])
def test_a_chunk_length_that_cannot_be_is_refused(length: int) -> None:
    data = bytes(12) + b"\x0b\x00" + length.to_bytes(2, "big") + bytes(4)
    with pytest.raises(RemoteProtocolError, match="bad length"):
        parse_packet(data)


def test_data_without_a_payload_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="without data"):
        Data.parse(3, bytes(12))


def test_a_sack_shorter_than_its_counts_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="shorter"):
        Sack.parse(0, bytes.fromhex("00000001 00000001 0002 0000 00010001"))


def test_causes_are_described_in_words() -> None:
    causes = (
        (int(CauseCode.USER_INITIATED_ABORT), b"Close called"),
        (int(CauseCode.OUT_OF_RESOURCE), b""),
        (99, b"\xff"),
    )
    assert (
        describe_causes(causes) == "user initiated abort: Close called, out of resource, cause 99"
    )
    assert describe_causes(()) == "no cause given"

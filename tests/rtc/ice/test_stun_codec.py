"""The STUN codec against whatever may stand in a datagram."""

from __future__ import annotations

import binascii
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.ice.stun import (
    MAX_ATTRIBUTES,
    MAX_MESSAGE_SIZE,
    Attribute,
    StunClass,
    StunMessage,
    StunMethod,
    is_stun,
)
from tests.support.cases import each_case

KEY = b"a password of enough length"
HEADER = struct.Struct("!HHI12s")
READERS = [
    StunMessage.get_uint32,
    StunMessage.get_uint64,
    StunMessage.get_text,
    StunMessage.get_address,
]

transaction_ids = st.binary(min_size=12, max_size=12)
free_kinds = st.integers(0, 0xFFFF).filter(lambda kind: kind not in list(Attribute))
text_kinds = st.sampled_from([Attribute.USERNAME, Attribute.SOFTWARE, Attribute.REALM])
attributes = st.lists(
    st.tuples(st.one_of(free_kinds, text_kinds), st.binary(max_size=40)), max_size=20
)
addresses = st.tuples(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), st.integers(0, 65535))


def raw(body: bytes, *, length: int | None = None, kind: int = 1) -> bytes:
    header = HEADER.pack(kind, len(body) if length is None else length, 0x2112A442, bytes(12))
    return header + body


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def request(*pairs: tuple[int, bytes]) -> StunMessage:
    return StunMessage(StunMethod.BINDING, StunClass.REQUEST, bytes(range(12)), list(pairs))


@given(
    st.sampled_from(list(StunMethod)),
    st.sampled_from(list(StunClass)),
    transaction_ids,
    attributes,
    st.booleans(),
    st.booleans(),
)
def test_round_trip(
    method: StunMethod,
    message_class: StunClass,
    transaction_id: bytes,
    pairs: list[tuple[int, bytes]],
    integrity: bool,
    fingerprint: bool,
) -> None:
    message = StunMessage(method, message_class, transaction_id, pairs)
    data = message.serialize(KEY if integrity else None, fingerprint=fingerprint)
    assert is_stun(data)
    assert len(data) % 4 == 0
    parsed = StunMessage.parse(data)
    assert parsed == message
    assert parsed.has_integrity == integrity
    assert parsed.verify(KEY) == integrity
    assert not parsed.verify(b"another key")
    assert parsed.has_fingerprint == fingerprint


@given(st.sampled_from([Attribute.XOR_MAPPED_ADDRESS, Attribute.MAPPED_ADDRESS]), addresses)
def test_addresses_round_trip(kind: Attribute, address: tuple[object, int]) -> None:
    message = request()
    message.add_address(kind, (str(address[0]), address[1]))
    parsed = StunMessage.parse(message.serialize())
    assert parsed.get_address(kind) == (str(address[0]), address[1])


def test_typed_attributes_round_trip() -> None:
    message = request()
    message.add_uint32(Attribute.PRIORITY, 0xFEDCBA98)
    message.add_uint64(Attribute.ICE_CONTROLLING, 0x0123456789ABCDEF)
    message.add_error(487, "Role Conflict")
    message.add_unknown_attributes([0x7001, 0x7002, 0x7003])
    message.add(Attribute.USE_CANDIDATE)
    parsed = StunMessage.parse(message.serialize())
    assert parsed.get_uint32(Attribute.PRIORITY) == 0xFEDCBA98
    assert parsed.get_uint64(Attribute.ICE_CONTROLLING) == 0x0123456789ABCDEF
    assert parsed.get_error() == (487, "Role Conflict")
    assert parsed.get(Attribute.UNKNOWN_ATTRIBUTES) == bytes.fromhex("700170027003")
    assert parsed.get(Attribute.USE_CANDIDATE) == b""


def test_missing_attributes_are_none() -> None:
    message = request()
    assert message.get_uint32(Attribute.PRIORITY) is None
    assert message.get_uint64(Attribute.ICE_CONTROLLED) is None
    assert message.get_text(Attribute.USERNAME) is None
    assert message.get_address(Attribute.XOR_MAPPED_ADDRESS) is None
    assert message.get_error() is None
    assert not message.verify(KEY)


def test_the_first_of_equal_attributes_counts() -> None:
    message = request((Attribute.USERNAME, b"first"), (Attribute.USERNAME, b"second"))
    assert StunMessage.parse(message.serialize()).get_text(Attribute.USERNAME) == "first"


def full_message() -> bytes:
    message = request((Attribute.USERNAME, b"remote:local"), (0xC057, b"\x00\x01\x00\x00"))
    message.add_uint64(Attribute.ICE_CONTROLLING, 7)
    message.add_uint32(Attribute.PRIORITY, 12345)
    message.add_address(Attribute.XOR_MAPPED_ADDRESS, ("192.0.2.7", 7))
    message.add_error(420, "Unknown Attribute")
    return message.serialize(KEY)


def test_every_truncation_is_refused() -> None:
    data = full_message()
    StunMessage.parse(data)
    for length in range(len(data)):
        with pytest.raises(RemoteProtocolError):
            StunMessage.parse(data[:length])


def test_every_flipped_bit_is_refused_or_fails_verification() -> None:
    data = full_message()
    for position in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << (position % 8)
        try:
            message = StunMessage.parse(bytes(damaged))
        except RemoteProtocolError:
            continue
        assert not (message.has_fingerprint and message.verify(KEY))


@given(st.binary(max_size=120))
def test_arbitrary_bodies_parse_or_are_refused(body: bytes) -> None:
    body += bytes(-len(body) % 4)
    try:
        message = StunMessage.parse(raw(body))
    except RemoteProtocolError:
        return
    assert not message.has_fingerprint
    message.unknown_required()
    for read, kind in itertools.product(READERS, Attribute):
        try:
            read(message, kind)
        except RemoteProtocolError:
            continue


@given(st.binary(max_size=60))
def test_arbitrary_datagrams_are_refused(data: bytes) -> None:
    if not is_stun(data):
        with pytest.raises(RemoteProtocolError):
            StunMessage.parse(data)


@each_case(
    "kind",
    [
        Attribute.PRIORITY,
        Attribute.ICE_CONTROLLED,
        Attribute.ICE_CONTROLLING,
        Attribute.MESSAGE_INTEGRITY,
        Attribute.FINGERPRINT,
        Attribute.USE_CANDIDATE,
        Attribute.NOMINATION,
        Attribute.CHANNEL_NUMBER,
        Attribute.LIFETIME,
    ],
)
def test_attributes_of_a_wrong_size_are_refused(kind: Attribute) -> None:
    """A one-byte PRIORITY once ended another implementation with the wrong exception."""
    with pytest.raises(RemoteProtocolError):
        StunMessage.parse(raw(attribute(kind, b"\x01")))


@each_case(
    "value",
    [
        b"",
        b"\x00\x01\x00\x00",
        b"\x00\x02" + bytes(6),  # IPv6 with the length of IPv4
        b"\x00\x01" + bytes(18),
        b"\x00\x03" + bytes(6),
        bytes(21),
    ],
)
def test_damaged_addresses_are_refused(value: bytes) -> None:
    message = StunMessage.parse(raw(attribute(Attribute.XOR_MAPPED_ADDRESS, value)))
    with pytest.raises(RemoteProtocolError):
        message.get_address(Attribute.XOR_MAPPED_ADDRESS)


@each_case("value", [b"", b"\x00\x00\x04", b"\0\0\x02\0", b"\0\0\x07\0", b"\0\0\x04\x64"])
def test_damaged_error_codes_are_refused(value: bytes) -> None:
    message = StunMessage.parse(raw(attribute(Attribute.ERROR_CODE, value)))
    with pytest.raises(RemoteProtocolError):
        message.get_error()


def test_text_that_is_not_utf8_is_refused() -> None:
    message = StunMessage.parse(raw(attribute(Attribute.USERNAME, b"\xff\xfe")))
    with pytest.raises(RemoteProtocolError):
        message.get_text(Attribute.USERNAME)


@each_case(
    "data",
    [
        b"",
        b"\x00",
        raw(b"")[:19],
        raw(b"", length=4),
        raw(bytes(4), length=0),
        raw(b"\x00\x00"),  # not padded
        raw(b"", kind=0x4001),  # the first two bits belong to other protocols
        b"\x00\x01\x00\x00\x21\x12\xa4\x43" + bytes(12),  # wrong cookie
        raw(struct.pack("!HH", 0x8022, 0xFFFF)),
    ],
)
def test_other_datagrams_are_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        StunMessage.parse(data)


def test_number_of_attributes_is_limited() -> None:
    StunMessage.parse(raw(attribute(0x8022, b"") * MAX_ATTRIBUTES))
    with pytest.raises(RemoteProtocolError):
        StunMessage.parse(raw(attribute(0x8022, b"") * (MAX_ATTRIBUTES + 1)))


def test_size_is_limited() -> None:
    body = attribute(0x8022, bytes(MAX_MESSAGE_SIZE - 24))
    StunMessage.parse(raw(body))
    with pytest.raises(RemoteProtocolError):
        StunMessage.parse(raw(body + attribute(0x8022, b"")))
    with pytest.raises(LocalProtocolError):
        request((0x8022, bytes(MAX_MESSAGE_SIZE))).serialize()


def test_what_follows_the_integrity_is_not_believed() -> None:
    data = request((Attribute.USERNAME, b"a:b")).serialize(KEY, fingerprint=False)
    body = data[20:] + attribute(Attribute.USE_CANDIDATE, b"")
    message = StunMessage.parse(raw(body)[:8] + bytes(range(12)) + body)
    assert message.verify(KEY)
    assert message.get(Attribute.USE_CANDIDATE) is None


def test_nothing_may_follow_the_fingerprint() -> None:
    body = attribute(Attribute.FINGERPRINT, bytes(4)) + attribute(0x8022, b"")
    covered = raw(b"", length=8)
    fingerprint = binascii.crc32(covered) ^ 0x5354554E
    body = attribute(Attribute.FINGERPRINT, struct.pack("!I", fingerprint))
    assert StunMessage.parse(raw(body)).has_fingerprint
    with pytest.raises(RemoteProtocolError):
        StunMessage.parse(raw(body + attribute(0x8022, b"")))


def test_unknown_attributes_that_must_be_understood_are_told() -> None:
    message = request((0x7FFF, b""), (0x8000, b""), (Attribute.PRIORITY, bytes(4)), (0x0002, b""))
    assert message.unknown_required() == [0x7FFF, 0x0002]


def test_no_authenticator_in_repr() -> None:
    data = request((Attribute.USERNAME, b"a:b")).serialize(KEY)
    authenticator = data[-28:-8]
    message = StunMessage.parse(data)
    assert message.verify(KEY)
    assert repr(authenticator)[2:-1] not in repr(message)

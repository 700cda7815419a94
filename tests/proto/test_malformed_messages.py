"""Malformed bytes are refused with RemoteProtocolError and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio import proto
from lktrio.errors import RemoteProtocolError
from lktrio.proto.codec import decode, encode
from tests.support.cases import each_case

PACKET = proto.DataPacket(
    participant_identity="alice",
    destination_identities=["bob", "carol"],
    sequence=7,
    user=proto.UserPacket(payload=b"hello", topic="chat", nonce=b"n" * 16, start_time=5),
)
JOIN = proto.SignalResponse(
    join=proto.JoinResponse(
        room=proto.Room(name="demo", creation_time=3, enabled_codecs=[proto.Codec(mime="a/b")]),
        participant=proto.ParticipantInfo(
            identity="alice",
            attributes={"a": "b"},
            state=proto.ParticipantInfo.State.ACTIVE,
            capabilities=[proto.ClientInfo.Capability.CAP_PACKET_TRAILER],
        ),
        ping_interval=5,
    )
)


@each_case("message", [PACKET, JOIN])
def test_every_truncation_is_refused_or_a_shorter_message(message: proto.Message) -> None:
    data = encode(message)
    for end in range(len(data)):
        try:
            found = decode(type(message), data[:end])
        except RemoteProtocolError:
            continue
        assert found != message


@each_case("message", [PACKET, JOIN])
def test_every_flipped_bit_is_refused_or_a_message(message: proto.Message) -> None:
    data = encode(message)
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            found = decode(type(message), flipped)
        except RemoteProtocolError:
            continue
        decode(type(message), encode(found))


@each_case(
    "data, reason",
    [
        (b"\x0a", "cut short"),
        (b"\x0a\x05abc", "beyond the end"),
        (b"\x12\x04\x0a\x05ab", "beyond the end"),
        (b"\x80", "varint"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "varint"),
        (b"\xff\xff\xff\xff\x7f", "too large"),
        (b"\x22\xff\xff\xff\xff\xff\x01", "too large"),
        (b"\x00\x01", "field number 0"),
        (b"\x0c", "wire type 4"),
        (b"\x0f", "wire type 7"),
        (b"\x0e", "wire type 6"),
        (b"\x09\x01\x02", "beyond the end"),
        (b"\x0d\x01\x02", "beyond the end"),
        (b"\xa3\x06\x08\x01", "does not end"),
        (b"\xa3\x06\xac\x06", "wire type 4"),
        (b"\x22\x02\xc3\x28", "UTF-8"),
    ],
)
def test_the_reason_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(RemoteProtocolError, match=reason):
        decode(proto.DataPacket, data)


def test_depth_is_limited() -> None:
    def nested(levels: int) -> bytes:
        data = b""
        for _ in range(levels):  # Value.list_value.values
            data = b"\x32" + _length(data) + data
            data = b"\x0a" + _length(data) + data
        return data

    decode(proto.ListValue, nested(40))
    with pytest.raises(RemoteProtocolError, match="nested"):
        decode(proto.ListValue, nested(60))


def test_depth_of_groups_is_limited() -> None:
    decode(proto.Room, b"\xa3\x06" * 90 + b"\xa4\x06" * 90)
    with pytest.raises(RemoteProtocolError, match="nested"):
        decode(proto.Room, b"\xa3\x06" * 5000 + b"\xa4\x06" * 5000)


def test_a_time_that_python_cannot_express_is_refused() -> None:
    stamp = encode(proto.Timestamp(seconds=1 << 60))
    with pytest.raises(RemoteProtocolError, match="out of range"):
        decode(proto.MetricSample, b"\x12" + _length(stamp) + stamp)


@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    for cls in (proto.DataPacket, proto.SignalRequest, proto.WebhookEvent, proto.MetricsBatch):
        try:
            message = decode(cls, data)
        except RemoteProtocolError:
            continue
        assert decode(cls, encode(message)) == message or "nan" in repr(message)


def test_unknown_fields_are_kept() -> None:
    data = encode(PACKET) + b"\xa2\x7f\x03abc" + b"\xa0\x7f\x05"
    assert encode(decode(proto.DataPacket, data)) == data


def test_unknown_enum_values_are_kept() -> None:
    data = encode(proto.TrackInfo(sid="a")) + b"\x10\x63"
    track = decode(proto.TrackInfo, data)
    assert track.type == 99
    assert encode(track) == data


def test_the_last_member_of_a_oneof_wins() -> None:
    data = encode(proto.SignalRequest(ping=3)) + encode(
        proto.SignalRequest(mute=proto.MuteTrackRequest(sid="a"))
    )
    request = decode(proto.SignalRequest, data)
    assert request.ping is None
    assert request.mute == proto.MuteTrackRequest(sid="a")


def test_a_message_in_two_parts_is_merged() -> None:
    first = encode(proto.SignalRequest(mute=proto.MuteTrackRequest(sid="a")))
    second = encode(proto.SignalRequest(mute=proto.MuteTrackRequest(muted=True)))
    assert decode(proto.SignalRequest, first + second).mute == proto.MuteTrackRequest(
        sid="a", muted=True
    )


def test_any_buffer_is_read() -> None:
    data = encode(PACKET)
    assert decode(proto.DataPacket, memoryview(data)) == PACKET
    assert decode(proto.DataPacket, bytearray(data)) == PACKET


def _length(data: bytes) -> bytes:
    size = len(data)
    return bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])

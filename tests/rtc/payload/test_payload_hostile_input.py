"""Whatever arrives, a depacketizer returns a value or raises RemoteProtocolError."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.payload import MIME_TYPES, depacketizer, packetizer
from lktrio.rtc.payload.opus import packet_samples
from lktrio.rtc.payload.vp8 import Vp8Descriptor
from tests.rtc.payload import rtpdump
from tests.support.cases import each_case

RECORDED = {
    "audio/opus": "opus-mono-published",
    "video/VP8": "vp8-forwarded",
    "video/H264": "h264-published",
}
HEADS = st.sampled_from(
    [b"\x10", b"\x90\x80", b"\x90\xf0", b"\x78", b"\x7c\x85", b"\x7c\x45", b"\x41"]
)
payloads_of_any_kind = st.lists(
    st.builds(lambda head, tail: head + tail, HEADS | st.just(b""), st.binary(max_size=40)),
    max_size=6,
)


def digest(mime: str, payloads: list[bytes]) -> None:
    codec = depacketizer(mime)
    for payload in payloads:
        starts, key = codec.starts_frame(payload), codec.is_keyframe(payload)
        assert isinstance(starts, bool)
        assert starts or not key
    with contextlib.suppress(RemoteProtocolError):
        frame = codec.assemble(payloads)
        assert len(frame) <= sum(map(len, payloads)) + 4 * sum(map(len, payloads))


@each_case("mime", MIME_TYPES)
@given(payloads=payloads_of_any_kind)
def test_arbitrary_payloads(mime: str, payloads: list[bytes]) -> None:
    digest(mime, payloads)


@given(packet=st.binary(max_size=4))
def test_arbitrary_opus_packets_have_a_duration_or_are_refused(packet: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert 120 <= packet_samples(packet) <= 5760


@each_case("mime", RECORDED)
def test_recorded_payloads_cut_off_at_every_byte(mime: str) -> None:
    frame = max(rtpdump.frames(RECORDED[mime]), key=lambda frame: len(frame.payloads))
    first, *others = frame.payloads
    for size in range(min(len(first), 200)):
        digest(mime, [first[:size], *others])
        digest(mime, [*others, first[:size]])


@each_case("mime", RECORDED)
def test_recorded_payloads_with_any_bit_of_their_heads_flipped(mime: str) -> None:
    frame = max(rtpdump.frames(RECORDED[mime]), key=lambda frame: len(frame.payloads))
    for index, payload in enumerate(frame.payloads[:3]):
        for bit in range(8 * min(len(payload), 24)):
            damaged = bytearray(payload)
            damaged[bit // 8] ^= 1 << bit % 8
            digest(mime, [*frame.payloads[:index], bytes(damaged), *frame.payloads[index + 1 :]])


@each_case("mime", ["video/VP8", "video/H264"])
@given(body=st.binary(min_size=1, max_size=5000), budget=st.integers(64, 1500))
def test_round_trip_of_arbitrary_frames(mime: str, body: bytes, budget: int) -> None:
    if mime == "video/VP8":
        frame = b"\x01" + body
    else:  # what an encoder escapes cannot occur inside a NAL unit
        frame = b"\x00\x00\x00\x01\x41" + body.replace(b"\x00\x00", b"\x00\x01")
    payloads = packetizer(mime).pack(frame, budget)
    assert max(map(len, payloads)) <= budget
    assert depacketizer(mime).assemble(payloads) == frame
    assert depacketizer(mime).starts_frame(payloads[0]) or mime == "video/H264"


@given(
    start=st.booleans(),
    partition=st.integers(0, 7),
    picture_id=st.none() | st.integers(0, 0x7F),
    long_picture_id=st.booleans(),
    tl0picidx=st.none() | st.integers(0, 255),
    tid=st.none() | st.integers(0, 3),
    key_index=st.none() | st.integers(0, 31),
    body=st.binary(max_size=8),
)
def test_round_trip_of_vp8_descriptors(
    *,
    start: bool,
    partition: int,
    picture_id: int | None,
    long_picture_id: bool,
    tl0picidx: int | None,
    tid: int | None,
    key_index: int | None,
    body: bytes,
) -> None:
    descriptor = Vp8Descriptor(
        start=start,
        partition=partition,
        picture_id=picture_id,
        long_picture_id=long_picture_id or picture_id is None,
        tl0picidx=tl0picidx,
        tid=tid,
        key_index=key_index,
    )
    data = descriptor.serialize()
    assert Vp8Descriptor.parse(data + body) == (descriptor, len(data))

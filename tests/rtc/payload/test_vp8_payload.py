from __future__ import annotations

import pytest

from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.payload import depacketizer, packetizer
from lktrio.rtc.payload.vp8 import (
    Vp8Descriptor,
    Vp8Packetizer,
    frame_dimensions,
    frame_is_keyframe,
)
from tests.support.cases import each_case

BUDGET = 1150
KEYFRAME = bytes.fromhex("9033009d012a4001b400") + bytes(2990)
INTER_FRAME = b"\x91\x00\x00" + bytes(range(256)) * 10
vp8 = depacketizer("video/VP8")


def test_a_frame_that_fits_is_one_payload_behind_a_four_byte_descriptor() -> None:
    (payload,) = Vp8Packetizer().pack(INTER_FRAME[:1000], BUDGET)
    assert payload == b"\x90\x80\x80\x00" + INTER_FRAME[:1000]


@each_case("frame", [KEYFRAME, INTER_FRAME])
def test_a_larger_frame_is_cut_evenly_and_only_its_first_payload_starts_it(frame: bytes) -> None:
    payloads = packetizer("video/VP8").pack(frame, BUDGET)
    assert len(payloads) == 3
    assert len(payloads[0]) == len(payloads[1]) <= BUDGET
    assert len(payloads[0]) - len(payloads[2]) < 3
    assert [vp8.starts_frame(payload) for payload in payloads] == [True, False, False]
    assert vp8.assemble(payloads) == frame


def test_picture_ids_count_up_start_anywhere_and_wrap_at_15_bits() -> None:
    sender = Vp8Packetizer(lambda count: b"\xff\xfe"[:count])
    ids = [
        Vp8Descriptor.parse(sender.pack(INTER_FRAME, BUDGET)[-1])[0].picture_id for _ in range(3)
    ]
    assert ids == [0x7FFE, 0x7FFF, 0]


def test_the_preamble_is_no_start_of_a_frame_and_takes_no_picture_id() -> None:
    sender, receiver = packetizer("video/VP8"), depacketizer("video/VP8")
    preamble = sender.preamble()
    assert not receiver.starts_frame(preamble)
    assert Vp8Descriptor.parse(preamble)[0].picture_id == 0x7FFF
    (payload,) = sender.pack(b"\x11 inter", 100)
    assert Vp8Descriptor.parse(payload)[0].picture_id == 0


def test_a_refused_frame_takes_no_picture_id() -> None:
    sender = Vp8Packetizer()
    with pytest.raises(LocalProtocolError):
        sender.pack(b"", BUDGET)
    with pytest.raises(LocalProtocolError):
        sender.pack(bytes(2_000_000) + b"\x01", 64)
    assert sender.picture_id == 0


def test_key_frames_are_told_by_their_first_payload() -> None:
    sender = packetizer("video/VP8")
    first, *others = sender.pack(KEYFRAME, BUDGET)
    assert vp8.is_keyframe(first)
    assert not any(vp8.is_keyframe(payload) for payload in others)
    assert not vp8.is_keyframe(sender.pack(INTER_FRAME, BUDGET)[0])
    assert frame_is_keyframe(KEYFRAME)
    assert not frame_is_keyframe(INTER_FRAME)


def test_a_key_frame_states_its_dimensions_without_the_scaling_bits() -> None:
    assert frame_dimensions(KEYFRAME) == (320, 180)
    assert frame_dimensions(KEYFRAME[:7] + b"\x41" + KEYFRAME[8:]) == (320, 180)
    assert frame_dimensions(INTER_FRAME) is None
    assert frame_dimensions(KEYFRAME[:9]) is None


def test_a_key_frame_without_start_code_is_not_sent() -> None:
    with pytest.raises(LocalProtocolError, match="start code"):
        packetizer("video/VP8").pack(b"\x90" + bytes(100), BUDGET)


@each_case(
    "head, descriptor",
    [
        ("10", Vp8Descriptor(start=True)),
        ("27", Vp8Descriptor(start=False, partition=7, non_reference=True)),
        ("9080 05", Vp8Descriptor(start=True, picture_id=5, long_picture_id=False)),
        ("9080 8005", Vp8Descriptor(start=True, picture_id=5)),
        ("9040 07", Vp8Descriptor(start=True, tl0picidx=7)),
        ("9020 a0", Vp8Descriptor(start=True, tid=2, layer_sync=True)),
        ("9010 1f", Vp8Descriptor(start=True, key_index=31)),
        (
            "90f0 ffff fe 5e",
            Vp8Descriptor(start=True, picture_id=0x7FFF, tl0picidx=254, tid=1, key_index=30),
        ),
    ],
)
def test_descriptors_of_every_shape_are_read_and_written(
    head: str, descriptor: Vp8Descriptor
) -> None:
    data = bytes.fromhex(head)
    assert Vp8Descriptor.parse(data + b"frame") == (descriptor, len(data))
    assert descriptor.serialize() == data
    start = Vp8Descriptor(start=True).serialize()
    body = data if not descriptor.starts_frame else data[:0]
    assert vp8.assemble([start + b"\x01", *([body + b"x"] if body else [])]).startswith(b"\x01")


@each_case("head", ["", "90", "9080", "908080", "9040", "90c080 01", "90f08001 02"])
def test_a_descriptor_that_is_cut_off_is_refused(head: str) -> None:
    payload = bytes.fromhex(head)
    assert not vp8.starts_frame(payload)
    assert not vp8.is_keyframe(payload)
    with pytest.raises(RemoteProtocolError):
        vp8.assemble([payload])
    with pytest.raises(RemoteProtocolError, match="descriptor"):
        Vp8Descriptor.parse(payload)
    with pytest.raises(RemoteProtocolError):
        vp8.assemble([b"\x10\x01", payload])


def test_partitions_in_packets_of_their_own_make_one_frame() -> None:
    assert vp8.assemble([b"\x10\x01ab", b"\x00cd", b"\x11ef", b"\x02"]) == b"\x01abcdef"


def test_a_frame_without_its_first_packet_is_refused() -> None:
    payloads = packetizer("video/VP8").pack(INTER_FRAME, BUDGET)
    with pytest.raises(RemoteProtocolError, match="first packet"):
        vp8.assemble(payloads[1:])


def test_two_frames_under_one_timestamp_are_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="two VP8 frames"):
        vp8.assemble([b"\x10\x01a", b"\x10\x01b"])

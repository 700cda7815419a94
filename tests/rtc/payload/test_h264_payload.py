from __future__ import annotations

import pytest

from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.payload import depacketizer, packetizer
from lktrio.rtc.payload.h264 import START_CODE, frame_is_keyframe, split_nal_units
from tests.support.cases import each_case

BUDGET = 1150
SPS = b"\x67\x42\xe0\x1f\x8c\x8d\x40"
PPS = b"\x68\xce\x3c\x80"
SEI = b"\x06\x05\x10\x80"
AUD = b"\x09\xf0"
IDR = b"\x65\x88" + b"\xab" * 3000
SLICE = b"\x41\x9a" + b"\xcd" * 500
SECOND_SLICE = b"\x41\x4a" + b"\xcd" * 500  # first_mb_in_slice is not 0
h264 = depacketizer("video/H264")
sender = packetizer("video/H264")


def annexb(*units: bytes) -> bytes:
    return b"".join(START_CODE + unit for unit in units)


def test_a_nal_unit_that_fits_travels_as_it_is() -> None:
    assert sender.pack(annexb(SLICE), BUDGET) == [SLICE]


def test_parameter_sets_travel_together_and_before_the_picture() -> None:
    first, *fragments = sender.pack(annexb(SPS, PPS, SEI, IDR), BUDGET)
    assert first == (b"\x78" + b"\x00\x07" + SPS + b"\x00\x04" + PPS + b"\x00\x04" + SEI)
    assert [payload[0] for payload in fragments] == [0x7C] * 3
    assert [payload[1] for payload in fragments] == [0x85, 0x05, 0x45]


def test_the_preamble_is_no_keyframe_and_shows_nothing() -> None:
    preamble = packetizer("video/H264").preamble()
    receiver = depacketizer("video/H264")
    assert not receiver.is_keyframe(preamble)
    assert receiver.assemble([preamble]) == START_CODE + b"\x0c\xff\x80"  # filler data


def test_fragments_have_one_size() -> None:
    payloads = sender.pack(annexb(IDR), BUDGET)
    assert len(payloads[0]) == len(payloads[1]) <= BUDGET
    assert 0 <= len(payloads[0]) - len(payloads[-1]) < len(payloads)


@each_case(
    "units",
    [
        (SLICE,),
        (SPS, PPS, IDR),
        (AUD, SPS, PPS, SEI, IDR),
        (SLICE, SECOND_SLICE, SECOND_SLICE),
        (IDR, IDR, SLICE),
        (SPS, IDR, PPS),
        (AUD,),
    ],
)
@each_case("budget", [64, 502, 503, BUDGET])
def test_an_access_unit_comes_back_whole(units: tuple[bytes, ...], budget: int) -> None:
    frame = annexb(*units)
    payloads = sender.pack(frame, budget)
    assert max(map(len, payloads)) <= budget
    assert h264.assemble(payloads) == frame
    assert h264.starts_frame(payloads[0])


def test_short_start_codes_are_taken_and_come_back_as_long_ones() -> None:
    frame = b"\x00\x00\x01" + SPS + b"\x00\x00\x00\x01" + PPS + b"\x00\x00\x01" + IDR
    assert h264.assemble(sender.pack(frame, BUDGET)) == annexb(SPS, PPS, IDR)


def test_zero_bytes_behind_the_last_nal_unit_are_kept() -> None:
    # An encrypted frame ends in its key index, which may be 0.
    frame = annexb(SPS, SLICE + b"\x0c\x00")
    assert h264.assemble(sender.pack(frame, BUDGET)) == frame


@each_case(
    "frame, complaint",
    [
        (b"", "empty"),
        (b"\x00\x00\x00\x07" + SPS, "Annex B"),
        (SPS, "Annex B"),
        (b"\x01" + annexb(SPS), "Annex B"),
        (START_CODE, "no NAL unit"),
        (annexb(b"\x7c\x85"), "type 28"),
        (annexb(b"\x60\x85"), "type 0"),
    ],
)
def test_what_is_not_an_access_unit_is_not_sent(frame: bytes, complaint: str) -> None:
    with pytest.raises(LocalProtocolError, match=complaint):
        sender.pack(frame, BUDGET)


def test_key_frames_are_told_by_their_first_payload() -> None:
    assert h264.is_keyframe(sender.pack(annexb(SPS, PPS, IDR), BUDGET)[0])
    assert h264.is_keyframe(sender.pack(annexb(AUD, SPS, PPS, IDR), BUDGET)[0])
    assert h264.is_keyframe(sender.pack(annexb(IDR), BUDGET)[0])
    assert h264.is_keyframe(SPS)
    assert not h264.is_keyframe(sender.pack(annexb(IDR), BUDGET)[1])
    assert not h264.is_keyframe(sender.pack(annexb(SLICE), BUDGET)[0])
    assert not h264.is_keyframe(sender.pack(annexb(AUD, SLICE), BUDGET)[0])


def test_only_the_first_units_of_an_aggregate_are_looked_at() -> None:
    def aggregate(count: int) -> bytes:
        """Parameter sets, then a unit that is cut off."""
        return b"\x78" + b"\x00\x01\x67" * count + b"\xff\xff"

    assert not h264.is_keyframe(aggregate(31))  # seen to be damaged
    assert h264.is_keyframe(aggregate(32))  # what follows costs nothing
    assert not h264.is_keyframe(b"\x78" + b"\x00\x01\x41" * 32 + b"\x00\x01\x67")


def test_key_frames_are_told_by_the_whole_frame_too() -> None:
    assert frame_is_keyframe(annexb(AUD, SEI, IDR))
    assert not frame_is_keyframe(annexb(AUD, SEI, SLICE))
    assert not frame_is_keyframe(annexb(SPS, PPS))
    assert not frame_is_keyframe(START_CODE)


@each_case(
    "payload",
    [
        b"",
        b"\x7c",
        b"\x7c\x05\x88",  # a fragment, but not the first
        SECOND_SLICE,
        b"\x7c\x85\x08",  # the first fragment of a slice, but not of the first slice
        b"\x78",
        b"\x78\x00\x02",
        b"\x79\x00\x00" + SPS,
        b"\x41",
    ],
)
def test_what_cannot_be_the_first_packet_of_a_frame(payload: bytes) -> None:
    assert not h264.starts_frame(payload)
    assert not h264.is_keyframe(payload)


@each_case(
    "payloads",
    [
        [],
        [b""],
        [b"\x7c"],
        [b"\x7c\x05x"],
        [b"\x7c\x45x"],
        [b"\x7c\x85x"],
        [b"\x7c\x85x", b"\x7c\x85x", b"\x7c\x45x"],
        [b"\x7c\x85x", b"\x7c\x41x"],
        [b"\x7c\x85x", SLICE, b"\x7c\x45x"],
        [b"\x7c\x9cx", b"\x7c\x5cx"],
        [b"\x7c\x80x", b"\x7c\x40x"],
        [b"\x78"],
        [b"\x78\x00"],
        [b"\x78\x00\x00"],
        [b"\x78\x00\x02\x67"],
        [b"\x78\x00\x01\x78"],
        [b"\x79\x00\x00\x00\x01\x67"],
        [b"\x7a\x00"],
        [b"\x7d\x85\x00\x00x"],
        [b"\x60x"],
        [b"\x7fx"],
    ],
)
def test_what_makes_no_access_unit_is_refused(payloads: list[bytes]) -> None:
    with pytest.raises(RemoteProtocolError):
        h264.assemble(payloads)


def test_fragments_may_be_empty_and_begin_and_end_at_once() -> None:
    assert h264.assemble([b"\x7c\x85ab", b"\x7c\x05", b"\x7c\x45"]) == annexb(b"\x65ab")
    assert h264.assemble([b"\x7c\xc5ab"]) == annexb(b"\x65ab")


def test_nal_units_are_found_between_start_codes_of_either_length() -> None:
    stream = b"\x00" + START_CODE + SPS + b"\x00\x00\x00" + b"\x00\x00\x01" + PPS + START_CODE
    assert split_nal_units(stream) == [SPS, PPS]
    with pytest.raises(ValueError, match="start code"):
        split_nal_units(b"")

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import ContainerError, LocalProtocolError
from lktrio.media.annexb import AnnexBDemuxer, AnnexBMuxer
from lktrio.media.codec import H264
from lktrio.media.container import MAX_FRAME_SIZE, MediaInfo
from lktrio.media.frame import EncodedFrame
from lktrio.rtc.payload.h264 import START_CODE, split_nal_units
from tests.media import oracle
from tests.media.feeding import info_of, read, read_damaged, write

# 320x180, baseline, level 3.1, 25 frames per second, from x264.
SPS = split_nal_units(oracle.h264(size=(320, 180)))[0]
PPS = b"\x68\xce\x3c\x80"
SEI = b"\x06\x05\x01\x55\x80"
AUD = b"\x09\xf0"
IDR = b"\x65\x88" + b"\xab" * 30
SLICE = b"\x41\x9a" + b"\xcd" * 20
SECOND_SLICE = b"\x41\x4a" + b"\xcd" * 20  # first_mb_in_slice is not 0


def annexb(*units: bytes) -> bytes:
    return b"".join(START_CODE + unit for unit in units)


def units_of(frames: list[EncodedFrame]) -> list[list[bytes]]:
    return [split_nal_units(frame.data) for frame in frames]


@pytest.mark.parametrize(
    "x264",
    [{}, {"slices": "3"}, {"aud": "1"}, {"repeat-headers": "0"}, {"slices": "2", "aud": "1"}],
    ids=str,
)
@pytest.mark.parametrize("chunk", [None, 777, 1])
def test_every_frame_is_the_one_that_another_reader_finds(
    x264: dict[str, str], chunk: int | None
) -> None:
    data = oracle.h264(x264)
    frames = read(AnnexBDemuxer("a.h264"), data, chunk)
    expected = oracle.packets(data, "h264")
    assert units_of(frames) == [split_nal_units(packet.data) for packet in expected]
    assert [frame.keyframe for frame in frames] == [packet.keyframe for packet in expected]
    assert sum(frame.keyframe for frame in frames) == 3


@pytest.mark.parametrize("size", [(96, 64), (320, 180), (1280, 720), (1920, 1080)])
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30_000, 1001)])
def test_dimensions_and_frame_rate_come_from_the_parameter_set(
    size: tuple[int, int], rate: Fraction
) -> None:
    data = oracle.h264(frames=2, size=size, rate=rate)
    info = info_of(AnnexBDemuxer("a"), data)
    assert info == MediaInfo(H264, *size, frame_rate=info.frame_rate)
    assert info.frame_rate == pytest.approx(float(rate))
    assert oracle.decoded_pictures(data, "h264") == [size, size]


@pytest.mark.parametrize("profile", ["baseline", "main", "high", "high10", "high422", "high444"])
def test_the_parameter_sets_of_every_profile_are_understood(profile: str) -> None:
    formats = {"high10": "yuv420p10le", "high422": "yuv422p", "high444": "yuv444p"}
    data = oracle.h264_profile(profile, formats.get(profile, "yuv420p"))
    assert info_of(AnnexBDemuxer("a"), data) == MediaInfo(H264, 130, 98, frame_rate=25)


def test_frames_follow_each_other_at_the_frame_rate() -> None:
    frames = read(AnnexBDemuxer("a"), oracle.h264(rate=Fraction(30_000, 1001)))
    step = 1001 / 30_000
    assert [frame.timestamp for frame in frames] == pytest.approx(
        [index * step for index in range(12)]
    )
    assert [frame.duration for frame in frames] == pytest.approx([step] * 12)


def test_the_caller_may_say_another_frame_rate() -> None:
    demuxer = AnnexBDemuxer("a", frame_rate=10)
    assert [frame.timestamp for frame in read(demuxer, oracle.h264())][:3] == [0, 0.1, 0.2]
    assert demuxer.info is not None
    assert demuxer.info.frame_rate == 10


def test_without_a_stated_frame_rate_it_is_30() -> None:
    frames = read(AnnexBDemuxer("a"), annexb(IDR, SLICE))
    assert [frame.timestamp for frame in frames] == pytest.approx([0, 1 / 30])
    assert info_of(AnnexBDemuxer("a"), annexb(SLICE)) == MediaInfo(H264, frame_rate=30)


def test_a_change_of_the_frame_rate_does_not_move_earlier_frames() -> None:
    data = oracle.h264(frames=5, rate=25) + oracle.h264(frames=3, rate=10)
    frames = read(AnnexBDemuxer("a"), data)
    assert [frame.timestamp for frame in frames] == pytest.approx(
        [0, 0.04, 0.08, 0.12, 0.16, 0.2, 0.3, 0.4]
    )


@pytest.mark.parametrize(
    ("units", "frames"),
    [
        ([SPS, PPS, IDR, SLICE, SLICE], [[SPS, PPS, IDR], [SLICE], [SLICE]]),
        ([SPS, PPS, SEI, IDR, SEI, SLICE], [[SPS, PPS, SEI, IDR], [SEI, SLICE]]),
        ([AUD, SPS, PPS, IDR, AUD, SLICE], [[AUD, SPS, PPS, IDR], [AUD, SLICE]]),
        ([SPS, PPS, IDR, SECOND_SLICE, SLICE], [[SPS, PPS, IDR, SECOND_SLICE], [SLICE]]),
        ([SPS, PPS, IDR, b"\x0c\xff", SLICE], [[SPS, PPS, IDR, b"\x0c\xff"], [SLICE]]),
        ([SPS, PPS, IDR, b"\x0a"], [[SPS, PPS, IDR, b"\x0a"]]),
        ([SPS, PPS, IDR, SPS, PPS], [[SPS, PPS, IDR]]),
        (
            [SPS, PPS, b"\x42\x80x", b"\x43\x80x", SLICE],
            [[SPS, PPS, b"\x42\x80x", b"\x43\x80x"], [SLICE]],
        ),
    ],
)
def test_access_units_are_told_apart(units: list[bytes], frames: list[list[bytes]]) -> None:
    assert units_of(read(AnnexBDemuxer("a"), annexb(*units))) == frames


def test_start_codes_of_three_bytes_and_zero_bytes_between_units_are_understood() -> None:
    data = b"\x00\x00" + annexb(SPS) + b"\x00\x00\x01" + PPS + b"\x00" * 5 + annexb(IDR) + bytes(3)
    assert units_of(read(AnnexBDemuxer("a"), data, 1)) == [[SPS, PPS, IDR]]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "before its first picture"),
        (annexb(SPS, PPS), "before its first picture"),
        (b"x" + annexb(SPS, IDR), "no start code"),
        (annexb(SPS, b"\xe5\x88", IDR), "0xe5 does not begin"),
        (annexb(SPS, b"\x60", IDR), "0x60 does not begin"),
        (annexb(SPS, b"\x7c\x85", IDR), "0x7c does not begin"),
        (annexb(SPS[:5], PPS, IDR), "cut off sequence parameter set"),
    ],
)
def test_damage_is_named_with_its_place(data: bytes, complaint: str) -> None:
    with pytest.raises(ContainerError, match=rf"^a\.h264: .*{complaint}.*, at byte \d+$"):
        read(AnnexBDemuxer("a.h264"), data)


def test_the_place_of_the_damage_is_right() -> None:
    data = annexb(SPS, PPS, IDR, SLICE)
    frames, error = read_damaged(AnnexBDemuxer("a"), data + START_CODE + b"\xffx" + annexb(SLICE))
    assert str(error).endswith(f"at byte {len(data) + 4}")
    assert units_of(frames) == [[SPS, PPS, IDR]]


def test_interlaced_video_is_refused() -> None:
    with pytest.raises(ContainerError, match="interlaced"):
        read(AnnexBDemuxer("a"), oracle.h264({"interlaced": "1"}))


def test_nal_units_and_frames_of_more_than_8_mib_are_refused() -> None:
    half = IDR + bytes(b"\xab" * (MAX_FRAME_SIZE // 2))
    demuxer = AnnexBDemuxer("a")
    with pytest.raises(ContainerError, match="frame of more than 8388608 bytes"):
        read(demuxer, annexb(SPS, half, b"\x65\x08" + half, SLICE), 65_536)
    endless = AnnexBDemuxer("a")
    endless.feed(annexb(SPS, IDR) + b"\xab" * (MAX_FRAME_SIZE - len(IDR)))
    with pytest.raises(ContainerError, match="NAL unit of more than 8388608 bytes"):
        endless.feed(b"\xab")
    with pytest.raises(ContainerError, match="more than 8192 NAL units"):
        read(AnnexBDemuxer("a"), annexb(*[SEI] * 9000))


def test_the_writer_begins_with_the_first_key_frame_and_its_parameter_set() -> None:
    muxer = AnnexBMuxer()
    frames = [annexb(SLICE), annexb(IDR), annexb(SPS, PPS, IDR), annexb(SLICE)]
    data = write(muxer, [EncodedFrame(frame, index) for index, frame in enumerate(frames)])
    assert data == frames[2] + frames[3]
    assert (muxer.written, muxer.skipped, muxer.start) == (2, 2, 2)


def test_reading_gives_the_frames_that_were_written() -> None:
    frames = read(AnnexBDemuxer("a"), oracle.h264({"slices": "2"}))
    copy = write(AnnexBMuxer(), frames)
    assert read(AnnexBDemuxer("b"), copy) == frames
    assert oracle.decoded_pictures(copy, "h264") == [(96, 64)] * 12


@pytest.mark.parametrize(
    "data", [b"", SPS, b"x" + annexb(SPS), START_CODE + bytes(MAX_FRAME_SIZE)], ids=len
)
def test_what_cannot_be_a_frame_is_refused(data: bytes) -> None:
    muxer = AnnexBMuxer()
    with pytest.raises(LocalProtocolError):
        muxer.add(EncodedFrame(data, 0))
    assert muxer.start is None


nal_bodies = st.binary(max_size=60).map(
    lambda body: body.replace(b"\x00", b"\x01") or b"\x01"  # nothing that looks like a start code
)


@given(bodies=st.lists(nal_bodies, min_size=1, max_size=20), chunk=st.integers(1, 100))
def test_round_trip(bodies: list[bytes], chunk: int) -> None:
    frames = [annexb(SPS, PPS, IDR), *[annexb(b"\x41\x80" + body) for body in bodies]]
    data = write(AnnexBMuxer(), [EncodedFrame(item, index) for index, item in enumerate(frames)])
    assert [item.data for item in read(AnnexBDemuxer("a"), data, chunk)] == frames

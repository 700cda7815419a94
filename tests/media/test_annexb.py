from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import ContainerError, LocalProtocolError, UnplayableMedia
from lktrio.media.annexb import AnnexBDemuxer, AnnexBMuxer
from lktrio.media.codec import H264
from lktrio.media.container import MAX_FRAME_SIZE, MediaInfo
from lktrio.media.frame import EncodedFrame
from lktrio.rtc.payload.h264 import START_CODE, split_nal_units
from tests.media import oracle
from tests.media.feeding import info_of, read, read_damaged, write
from tests.media.test_sps import BitWriter, begin

# 320x180, baseline, level 3.1, 25 frames per second, from x264.
SPS = split_nal_units(oracle.h264(size=(320, 180)))[0]
PPS = b"\x68\xce\x3c\x80"
SEI = b"\x06\x05\x01\x55\x80"
AUD = b"\x09\xf0"
IDR = b"\x65\x88" + b"\xab" * 30
SLICE = b"\x41\x9a" + b"\xcd" * 20
SECOND_SLICE = b"\x41\x46" + b"\xcd" * 20  # first_mb_in_slice is not 0


def annexb(*units: bytes) -> bytes:
    return b"".join(START_CODE + unit for unit in units)


def units_of(frames: list[EncodedFrame]) -> list[list[bytes]]:
    return [split_nal_units(frame.data) for frame in frames]


def test_every_frame_is_the_one_that_another_reader_finds() -> None:
    for x264 in (
        {},
        {"slices": "3"},
        {"aud": "1"},
        {"repeat-headers": "0"},
        {"slices": "2", "aud": "1"},
        {"fake-interlaced": "1"},
    ):
        data = oracle.h264(x264)
        expected = oracle.packets(data, "h264")
        for chunk in (None, 777, 1):
            frames = read(AnnexBDemuxer("a.h264"), data, chunk)
            assert units_of(frames) == [split_nal_units(packet.data) for packet in expected], x264
            assert [frame.keyframe for frame in frames] == [item.keyframe for item in expected]
            assert sum(frame.keyframe for frame in frames) == 3, x264


def test_dimensions_and_frame_rate_come_from_the_parameter_set() -> None:
    sizes = ((96, 64), (320, 180), (1920, 1080))
    for size, rate in zip(
        sizes, (Fraction(25), Fraction(30_000, 1001), Fraction(1, 2)), strict=True
    ):
        data = oracle.h264(frames=2, size=size, rate=rate)
        info = info_of(AnnexBDemuxer("a"), data)
        assert info == MediaInfo(H264, *size, frame_rate=info.frame_rate)
        assert info.frame_rate == pytest.approx(float(rate)), size
        assert oracle.decoded_pictures(data, "h264") == [size, size]


def test_the_parameter_sets_of_every_profile_are_understood() -> None:
    formats = {"high10": "yuv420p10le", "high422": "yuv422p", "high444": "yuv444p"}
    for profile in ("baseline", "main", "high", *formats):
        data = oracle.h264_profile(profile, formats.get(profile, "yuv420p"))
        info = info_of(AnnexBDemuxer("a", any_video=True), data)
        assert info == MediaInfo(H264, 130, 98, frame_rate=25), profile


def test_what_receivers_do_not_show_is_refused_unless_it_is_wanted() -> None:
    cases = {
        "B frames": (oracle.h264({"bframes": "2", "b-adapt": "0"}), 12),
        "interlaced pictures": (oracle.h264({"interlaced": "1"}), 12),
        "10 bits a sample": (oracle.h264_profile("high10", "yuv420p10le"), 2),
        "colours that are not 4:2:0": (oracle.h264_profile("high422", "yuv422p"), 2),
    }
    for complaint, (data, count) in cases.items():
        with pytest.raises(UnplayableMedia, match=f"a b.h264: {complaint}, which WebRTC") as caught:
            read(AnnexBDemuxer("a b.h264"), data)
        assert "ffmpeg -i 'a b.h264' -an -c:v libx264" in str(caught.value), complaint
        assert len(read(AnnexBDemuxer("a", any_video=True), data)) == count, complaint
    for profile in ("baseline", "main", "high"):
        assert len(read(AnnexBDemuxer("a"), oracle.h264_profile(profile, "yuv420p"))) == 2


def test_b_frames_that_are_shown_in_order_are_taken() -> None:
    b_slice = b"\x41\x9f" + b"\xcd" * 20  # slice_type 6
    assert len(read(AnnexBDemuxer("a"), annexb(SPS, PPS, IDR, b_slice))) == 2
    with pytest.raises(UnplayableMedia, match="B frames"):
        read(AnnexBDemuxer("a"), annexb(PPS, IDR, b_slice))


def test_fields_are_told_from_frames_and_last_half_as_long() -> None:
    bits = begin().ue(0).ue(0, 0).ue(1).u(0, 1).ue(5, 1).u(0, 1).u(0, 1).u(1, 1).u(0, 1).u(1, 1)
    sps = bits.u(0, 4).u(1, 1).u(1, 32).u(50, 32).u(1, 1).bytes()
    slices = [BitWriter().ue(0, 7, 0).u(0, 4).u(number, 4).bytes() for number in (0, 15, 15)]
    frame, top, bottom = [b"\x65" + unit[1:] + b"x" * 20 for unit in slices]
    data = annexb(sps, PPS, frame, frame, top, bottom, frame)
    with pytest.raises(UnplayableMedia, match="interlaced"):
        read(AnnexBDemuxer("a"), data)
    frames = read(AnnexBDemuxer("a", any_video=True), data)
    times = [item.timestamp for item in frames]
    assert times == pytest.approx([0, 0.04, 0.08, 0.1, 0.12])
    assert len(read(AnnexBDemuxer("a"), annexb(sps, PPS, frame, frame))) == 2


def test_units_of_their_encoder_do_not_cut_pictures() -> None:
    """Prefix units before each slice, private and damaged units anywhere."""
    plain = oracle.h264({"slices": "4"})
    units = split_nal_units(plain)
    expected = read(AnnexBDemuxer("a"), plain)
    for extra, skipped in (
        (b"\x6e\x40\x80", 0),
        (b"\x1eprivate", 8),
        (b"\xe5\x88", 2),
        (b"\0a", 2),
    ):
        slices = [unit for unit in units if unit[0] & 31 in (1, 5)]
        data = annexb(
            *[item for unit in units for item in ([extra, unit] if unit in slices else [unit])]
        )
        demuxer = AnnexBDemuxer("a")
        frames = read(demuxer, data, 1000)
        assert [item.timestamp for item in frames] == [item.timestamp for item in expected], extra
        assert demuxer.skipped == skipped * len(slices), extra


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


def test_access_units_are_told_apart() -> None:
    part_b, part_c = b"\x42\x9ax", b"\x43\x80x"
    cases: tuple[tuple[list[bytes], list[list[bytes]]], ...] = (
        ([SPS, PPS, IDR, SLICE, SLICE], [[SPS, PPS, IDR], [SLICE], [SLICE]]),
        ([SPS, PPS, SEI, IDR, SEI, SLICE], [[SPS, PPS, SEI, IDR], [SEI, SLICE]]),
        ([AUD, SPS, PPS, IDR, AUD, SLICE], [[AUD, SPS, PPS, IDR], [AUD, SLICE]]),
        ([SPS, PPS, IDR, SECOND_SLICE, SLICE], [[SPS, PPS, IDR, SECOND_SLICE], [SLICE]]),
        ([SPS, PPS, IDR, SEI, SECOND_SLICE], [[SPS, PPS, IDR, SEI, SECOND_SLICE]]),
        ([SPS, PPS, IDR, b"\x0c\xff", SLICE], [[SPS, PPS, IDR, b"\x0c\xff"], [SLICE]]),
        ([SPS, PPS, IDR, SEI, b"\x0c", SLICE], [[SPS, PPS, IDR], [SEI, b"\x0c", SLICE]]),
        ([SPS, PPS, IDR, b"\x0a"], [[SPS, PPS, IDR, b"\x0a"]]),
        ([SPS, PPS, IDR, SPS, PPS], [[SPS, PPS, IDR]]),
        ([SPS, PPS, part_b, part_c, SLICE], [[SPS, PPS, part_b, part_c], [SLICE]]),
    )
    for units, frames in cases:
        assert units_of(read(AnnexBDemuxer("a"), annexb(*units))) == frames, units


def test_start_codes_of_three_bytes_and_zero_bytes_between_units_are_understood() -> None:
    data = b"\x00\x00" + annexb(SPS) + b"\x00\x00\x01" + PPS + b"\x00" * 5 + annexb(IDR) + bytes(3)
    assert units_of(read(AnnexBDemuxer("a"), data, 1)) == [[SPS, PPS, IDR]]


def test_what_cannot_be_read_is_named_with_its_place() -> None:
    for data, complaint in (
        (b"", "before its first picture"),
        (annexb(SPS, PPS), "before its first picture"),
        (annexb(b"\xffx", b"\x1ey"), "before its first picture"),
        (b"x" + annexb(SPS, IDR), "no start code"),
        (annexb(SPS[:5], PPS, IDR), "cut off sequence parameter set"),
    ):
        with pytest.raises(ContainerError, match=rf"^a\.h264: .*{complaint}.*, at byte \d+$"):
            read(AnnexBDemuxer("a.h264"), data)


def test_the_place_of_the_damage_is_right() -> None:
    data = annexb(SPS, PPS, IDR, SLICE)
    frames, error = read_damaged(AnnexBDemuxer("a"), data + annexb(SPS[:4], SLICE))
    assert str(error).endswith(f"at byte {len(data) + 4}")
    assert units_of(frames) == [[SPS, PPS, IDR], [SLICE]]


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


def test_parameter_sets_may_come_in_frames_of_their_own() -> None:
    frames = read(AnnexBDemuxer("a"), oracle.h264({"slices": "2"}))
    pictures = []
    for shift in (0.0, 0.001):
        muxer, data = AnnexBMuxer(), b""
        for frame in frames:
            units = split_nal_units(frame.data)
            sets = [unit for unit in units if unit[0] & 31 in (7, 8)]
            rest = [unit for unit in units if unit[0] & 31 not in (7, 8)]
            if sets:
                data += muxer.add(EncodedFrame(annexb(*sets), frame.timestamp - shift, 0.0))
            data += muxer.add(replace(frame, data=annexb(*rest)))
        assert (muxer.written, muxer.skipped) == (12, 0), shift
        pictures.append(oracle.decoded_pictures(data, "h264"))
    assert pictures == [[(96, 64)] * 12] * 2


def test_only_the_newest_parameter_sets_are_kept_for_the_first_picture() -> None:
    muxer = AnnexBMuxer()
    for number in range(1000):
        assert (
            muxer.add(EncodedFrame(annexb(b"\x68" + bytes((number >> 8, number & 255, 1))), 0))
            == b""
        )
    assert len(muxer.add(EncodedFrame(annexb(SPS, PPS, IDR), 0))) < 5000
    assert muxer.written == 1


def test_reading_gives_the_frames_that_were_written() -> None:
    frames = read(AnnexBDemuxer("a"), oracle.h264({"slices": "2"}))
    copy = write(AnnexBMuxer(), frames)
    assert read(AnnexBDemuxer("b"), copy) == frames
    assert oracle.decoded_pictures(copy, "h264") == [(96, 64)] * 12


def test_what_cannot_be_a_frame_is_refused() -> None:
    for data in (b"", SPS, b"x" + annexb(SPS), START_CODE + bytes(MAX_FRAME_SIZE)):
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
    assert [item.data for item in read(AnnexBDemuxer("a", any_video=True), data, chunk)] == frames

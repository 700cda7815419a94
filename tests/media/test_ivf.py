from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import ContainerError, LocalProtocolError
from lktrio.media.codec import VP8
from lktrio.media.container import MAX_FRAME_SIZE, MediaInfo
from lktrio.media.frame import EncodedFrame
from lktrio.media.ivf import IvfDemuxer, IvfMuxer
from tests.media import oracle
from tests.media.feeding import info_of, read, read_damaged, write

SMALL = Path(__file__).parents[1] / "data" / "media" / "small.ivf"  # 75 frames of 1/25 s
KEYFRAME = bytes.fromhex("9033009d012a6000 4000") + bytes(40)
INTER = b"\x91\x00\x00" + bytes(20)


def head(
    fourcc: bytes = b"VP80", size: int = 32, rate: int = 25, scale: int = 1, version: int = 0
) -> bytes:
    return struct.pack("<4sHH4sHHIII4x", b"DKIF", version, size, fourcc, 96, 64, rate, scale, 0)


def stored(timestamp: int, data: bytes) -> bytes:
    return struct.pack("<IQ", len(data), timestamp) + data


def key(timestamp: float, duration: float = 0.04) -> EncodedFrame:
    return EncodedFrame(KEYFRAME, timestamp, duration, keyframe=True)


def inter(timestamp: float, duration: float = 0.04) -> EncodedFrame:
    return EncodedFrame(INTER, timestamp, duration, keyframe=False)


def test_every_frame_is_the_one_that_another_reader_finds() -> None:
    for rate in (Fraction(25), Fraction(30), Fraction(30_000, 1001), Fraction(5)):
        data = oracle.ivf(rate=rate)
        expected = oracle.packets(data)
        for chunk in (None, 999, 1):
            demuxer = IvfDemuxer("a.ivf")
            frames = read(demuxer, data, chunk)
            assert demuxer.info == MediaInfo(VP8, width=96, height=64), rate
            assert [frame.data for frame in frames] == [packet.data for packet in expected], rate
            keyframes = [packet.keyframe for packet in expected]
            assert [frame.keyframe for frame in frames] == keyframes, rate
            assert sum(keyframes) == 3, rate
            for frame, packet in zip(frames, expected, strict=True):
                assert packet.timestamp is not None
                assert frame.timestamp == pytest.approx(float(packet.timestamp), abs=1e-9), rate
                assert frame.duration == pytest.approx(float(1 / rate), abs=1e-9), rate
            assert (demuxer.skipped, demuxer.retimed) == (0, 0), rate


def test_another_reader_finds_and_decodes_what_was_written() -> None:
    original = oracle.ivf()
    copy = write(IvfMuxer(), read(IvfDemuxer("a"), original))
    ours, theirs = oracle.packets(copy), oracle.packets(original)
    assert [packet.data for packet in ours] == [packet.data for packet in theirs]
    assert [packet.timestamp for packet in ours] == [packet.timestamp for packet in theirs]
    assert oracle.decoded_pictures(copy) == [(96, 64)] * 12


def test_reading_gives_the_frames_that_were_written() -> None:
    frames = read(IvfDemuxer("a"), oracle.ivf(rate=Fraction(30_000, 1001)))
    copy = read(IvfDemuxer("b"), write(IvfMuxer(), frames))
    assert [frame.data for frame in copy] == [frame.data for frame in frames]
    tick = 1 / 90_000
    assert [frame.timestamp for frame in copy] == pytest.approx(
        [frame.timestamp for frame in frames], abs=tick
    )


def test_a_frame_lasts_until_the_next_begins_and_the_last_as_long_as_its_predecessor() -> None:
    data = head() + stored(5, KEYFRAME) + stored(6, INTER) + stored(10, INTER)
    assert read(IvfDemuxer("a"), data) == [
        key(0, 0.04),
        inter(0.04, 4 * 0.04),
        inter(5 * 0.04, 4 * 0.04),
    ]
    assert read(IvfDemuxer("a"), head() + stored(0, KEYFRAME)) == [key(0, 0.04)]


def test_an_empty_frame_stands_for_one_that_the_encoder_left_out() -> None:
    data = head() + stored(0, b"") + stored(1, KEYFRAME) + stored(2, b"") + stored(3, INTER)
    assert read(IvfDemuxer("a"), data) == [key(0, 0.08), inter(0.08, 0.08)]


def test_a_longer_head_is_passed_over_and_an_empty_file_is_empty() -> None:
    assert read(IvfDemuxer("a"), head(size=40) + bytes(8) + stored(0, KEYFRAME)) == [key(0, 0.04)]
    assert read(IvfDemuxer("a"), head()) == []


def test_damage_is_named_with_its_place() -> None:
    cases = (
        (b"", "ends within its head", 0),
        (head()[:31], "ends within its head", 31),
        (b"DKIG" + head()[4:], "not the head", 0),
        (head(version=1), "not the head", 0),
        (head(size=31), "not the head", 0),
        (head(size=65_535), "not the head", 0),
        (head(fourcc=b"VP90"), "codec 'VP90'; only VP8", 8),
        (head(fourcc=b"\xff\x00\x01\x02"), "codec", 8),
        (head(rate=0), "time base of 1/0", 16),
        (head(scale=0), "time base of 0/25", 16),
        (head() + stored(0, KEYFRAME)[:-1], "ends within a frame", 93),
        (head() + b"\x01", "ends within a frame", 33),
    )
    for data, complaint, place in cases:
        _, error = read_damaged(IvfDemuxer("a.ivf"), data)
        assert str(error).startswith("a.ivf: "), complaint
        assert complaint in str(error)
        assert str(error).endswith(f", at byte {place}"), complaint


def test_frames_with_impossible_times_follow_at_the_usual_distance() -> None:
    """By the times in the file: those of the frames in units of the time base, and how many."""
    cases = (
        (25, [0, 0, 0], [0, 1, 2], 2),
        (25, [0, 2, 4, 0, 2], [0, 2, 4, 6, 8], 1),
        (25, [7, 6, 8], [0, 1, 3], 1),
        (25, [0, 1, 2**60, 2**60 + 3], [0, 1, 2, 5], 1),
        (90_000, [0, 0, 0], [0, 3000, 6000], 2),
    )
    for rate, times, expected, retimed in cases:
        demuxer = IvfDemuxer("a")
        data = b"".join(stored(time, KEYFRAME) for time in times)
        frames = read(demuxer, head(rate=rate) + data)
        assert [round(frame.timestamp * rate) for frame in frames] == expected, times
        assert demuxer.retimed == retimed, times
    hidden = bytes((KEYFRAME[0] & ~0x10,)) + KEYFRAME[1:]
    data = head() + stored(0, KEYFRAME) + stored(1, hidden) + stored(1, INTER)
    demuxer = IvfDemuxer("a")
    assert [frame.timestamp for frame in read(demuxer, data)] == [0, 0.04, 0.04]
    assert demuxer.retimed == 0


def test_files_that_players_play() -> None:
    """Bytes skipped and frames with a time of their own, of 75 frames in 3 s."""
    whole = SMALL.read_bytes()
    untimed = bytearray(whole)
    position = 32
    while position < len(whole):
        struct.pack_into("<Q", untimed, position + 4, 0)
        position += 12 + struct.unpack_from("<I", whole, position)[0]
    cases = {
        "whole": (whole, 0, 0),
        "all times zero": (bytes(untimed), 0, 74),
        "zeros at the end": (whole + bytes(64), 64, 0),
    }
    for name, (data, skipped, retimed) in cases.items():
        for chunk in (None, 1000):
            demuxer = IvfDemuxer(name)
            frames = read(demuxer, data, chunk)
            assert len(frames) == 75, name
            assert frames[-1].timestamp + frames[-1].duration == pytest.approx(3.0), name
            assert (demuxer.skipped, demuxer.retimed) == (skipped, retimed), name


def test_a_whole_frame_before_damage_is_delivered() -> None:
    data = SMALL.read_bytes() + b"\xff" * 64
    frames, error = read_damaged(IvfDemuxer("a"), data)
    assert len(frames) == 75
    assert "more than 8388608" in str(error)


def test_frames_before_the_damage_are_delivered() -> None:
    data = oracle.ivf()
    whole = read(IvfDemuxer("a"), data)
    for size in range(len(data) - len(whole[-1].data) + 1, len(data), 7):
        frames, error = read_damaged(IvfDemuxer("a"), data[:size])
        assert frames == whole[:-1]
        assert "within a frame" in str(error)


def test_a_frame_of_more_than_8_mib_is_refused_by_its_head() -> None:
    demuxer = IvfDemuxer("a.ivf")
    with pytest.raises(ContainerError, match="frame of 8388609 bytes"):
        demuxer.feed(head() + struct.pack("<IQ", MAX_FRAME_SIZE + 1, 0))
    largest = KEYFRAME.ljust(MAX_FRAME_SIZE, b"\x00")
    assert read(IvfDemuxer("a"), head() + stored(0, largest), 65_536)[0].data == largest


def test_the_head_has_dimensions_and_length() -> None:
    data = b""
    for last, length in ((0.04, 0.12), (0.5, 0.58), (0.0, 0.12)):
        data = write(IvfMuxer(), [key(0), inter(0.04), inter(0.08, last)])
        assert struct.unpack("<4sHH4sHHIII4x", data[:32]) == (
            *(b"DKIF", 0, 32, b"VP80", 96, 64),
            *(90_000, 1, round(length * 90_000)),
        )
        assert oracle.duration(data) == pytest.approx(length)
    assert info_of(IvfDemuxer("a"), data) == MediaInfo(VP8, width=96, height=64)


def test_a_file_without_frames_is_a_valid_one() -> None:
    demuxer = IvfDemuxer("a")
    assert read(demuxer, write(IvfMuxer(), [])) == []
    assert demuxer.info == MediaInfo(VP8)


def test_the_file_begins_with_the_first_key_frame() -> None:
    muxer = IvfMuxer()
    data = write(muxer, [inter(0), inter(0.04), key(0.08), inter(0.12)])
    assert read(IvfDemuxer("a"), data) == [key(0), inter(0.04)]
    assert (muxer.written, muxer.skipped, muxer.start) == (2, 2, 0.08)


def test_timestamps_count_from_the_given_start() -> None:
    data = write(IvfMuxer(10.0), [key(12.5), inter(12.54)])
    assert [packet.timestamp for packet in oracle.packets(data)] == [
        Fraction(5, 2),
        Fraction(254, 100),
    ]


def test_a_frame_that_is_not_later_than_the_one_before_it_follows_at_once() -> None:
    data = write(IvfMuxer(1.0), [key(0.5), inter(1.0), inter(0.9), inter(1.04)])
    assert [packet.timestamp for packet in oracle.packets(data)] == [
        Fraction(tick, 90_000) for tick in (0, 1, 2, 3600)
    ]


def test_what_cannot_be_a_frame_is_refused() -> None:
    for size in (0, MAX_FRAME_SIZE + 1):
        with pytest.raises(LocalProtocolError, match=f"{size} bytes"):
            IvfMuxer().add(EncodedFrame(KEYFRAME.ljust(size, b"\x00")[:size], 0))
    with pytest.raises(ValueError, match="timestamp"):
        IvfMuxer().add(key(float("nan")))


@given(
    steps=st.lists(st.tuples(st.integers(1, 10**9), st.binary(max_size=80)), max_size=30),
    chunk=st.integers(1, 200),
)
def test_round_trip(steps: list[tuple[int, bytes]], chunk: int) -> None:
    frames, tick = [key(0)], 0
    for step, body in steps:
        tick += step
        frames.append(EncodedFrame(b"\x01" + body, tick / 90_000, keyframe=False))
    copy = read(IvfDemuxer("a"), write(IvfMuxer(), frames), chunk)
    assert [(item.data, item.keyframe) for item in copy] == [
        (item.data, item.keyframe) for item in frames
    ]
    assert [item.timestamp for item in copy] == pytest.approx(
        [item.timestamp for item in frames], rel=1e-12
    )

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import LocalProtocolError
from lktrio.media.frame import EncodedFrame
from lktrio.media.ogg import OggPage, read_page
from lktrio.media.ogg_opus import OggOpusDemuxer, OggOpusMuxer
from lktrio.rtc.payload.opus import packet_samples
from tests.media import oracle
from tests.media.feeding import info_of, read, write

SILENCE = b"\xf8\xff\xfe"  # CELT, 20 ms
CONCEALED = b"\xf8"
HYBRID_SILENCE = b"\x78\x01\x02"


def frame(timestamp: float, data: bytes = SILENCE, duration: float = 0.02) -> EncodedFrame:
    return EncodedFrame(data, timestamp, duration)


def pages(data: bytes) -> list[OggPage]:
    found, position = [], 0
    while position < len(data):
        page = read_page(data, position)
        assert page is not None
        found.append(page)
        position += page.size
    return found


def recorded(layout: str = "mono", seconds: float = 1.5) -> list[EncodedFrame]:
    return read(OggOpusDemuxer("source"), oracle.ogg(seconds, layout))


def test_another_reader_finds_and_decodes_what_was_written() -> None:
    for layout in ("mono", "stereo"):
        original = oracle.ogg(1.5, layout)
        channels = 1 + (layout == "stereo")
        copy = write(OggOpusMuxer(channels=channels), recorded(layout))
        assert oracle.packets(copy) == oracle.packets(original), layout
        sound = oracle.decoded_samples(original)
        assert np.array_equal(oracle.decoded_samples(copy), sound), layout


def test_reading_gives_the_frames_that_were_written() -> None:
    frames = recorded(seconds=1.013)  # the last one is cut
    assert read(OggOpusDemuxer("copy"), write(OggOpusMuxer(), frames)) == frames


def test_the_heads_say_what_was_asked_for() -> None:
    data = write(OggOpusMuxer(channels=1, pre_skip=3840, serial=7), [])
    info = info_of(OggOpusDemuxer("a"), data)
    assert (info.channels, info.pre_skip) == (1, 3840)
    head, tags, end = pages(data)
    assert head.first
    assert not tags.first
    assert end.last
    assert end.packets == ()
    assert {page.serial for page in (head, tags, end)} == {7}
    assert b"lktrio" in tags.packets[0]


def test_pages_hold_about_a_second_and_only_the_last_ends_the_stream() -> None:
    found = pages(write(OggOpusMuxer(), [frame(index / 50) for index in range(130)]))
    assert [len(page.packets) for page in found] == [1, 1, 50, 50, 30]
    assert [page.granule for page in found] == [0, 0, 48_000, 96_000, 130 * 960]
    assert [page.sequence for page in found] == [0, 1, 2, 3, 4]
    assert [page.last for page in found] == [False] * 4 + [True]


def test_a_gap_is_filled_with_packets_that_conceal_it() -> None:
    frames = [frame(0, HYBRID_SILENCE), frame(0.02, HYBRID_SILENCE), frame(0.44), frame(0.46)]
    copy = read(OggOpusDemuxer("a"), write(OggOpusMuxer(), frames))
    assert [item.data for item in copy] == [
        *[HYBRID_SILENCE] * 2, *[b"\x78"] * 20, SILENCE, SILENCE
    ]  # fmt: skip
    assert [item.timestamp for item in copy] == pytest.approx([index / 50 for index in range(24)])


def test_sound_after_a_pause_is_decoded_where_it_belongs() -> None:
    frames = [item for item in recorded(seconds=2.0) if not 0.5 < item.timestamp < 1.1]
    data = write(OggOpusMuxer(channels=1), frames)
    sound = oracle.decoded_samples(data)
    assert len(sound) == 2 * 48_000
    loud = np.abs(sound.reshape(-1, 960)).max(axis=1) > 0.1  # by 20 ms
    # A decoder lets the tone fade when it conceals, so the pause is not quiet at once.
    assert loud[:25].all()
    assert not loud[45:54].any()
    assert loud[58:].all()


def test_a_recording_of_dtx_keeps_its_length() -> None:
    frames = recorded(seconds=1.0)
    sparse = frames[:10] + frames[20:49:14] + frames[-2:]
    data = write(OggOpusMuxer(), sparse)
    assert len(oracle.packets(data)) == len(frames)


def test_a_frame_a_little_off_its_time_makes_no_gap() -> None:
    frames = [frame(index / 50 + (index % 3) * 0.005) for index in range(100)]
    copy = read(OggOpusDemuxer("a"), write(OggOpusMuxer(), frames))
    assert [item.data for item in copy] == [SILENCE] * 100


def test_a_frame_that_goes_back_in_time_follows_at_once() -> None:
    frames = [frame(0), frame(0.02), frame(0.02), frame(0), frame(0.08)]
    copy = read(OggOpusDemuxer("a"), write(OggOpusMuxer(), frames))
    assert [item.data for item in copy] == [SILENCE] * 5


def test_timestamps_count_from_the_first_frame_or_from_the_given_start() -> None:
    frames = [frame(100.0), frame(100.02)]
    muxer = OggOpusMuxer()
    assert len(read(OggOpusDemuxer("a"), write(muxer, frames))) == 2
    assert muxer.start == 100.0
    copy = read(OggOpusDemuxer("a"), write(OggOpusMuxer(99.9), frames))
    assert [item.data for item in copy] == [CONCEALED] * 5 + [SILENCE] * 2


def test_a_long_pause_is_kept_in_few_bytes() -> None:
    for pause in (1.02, 3600.0):
        data = write(OggOpusMuxer(), [frame(0), frame(0.02 + pause)])
        assert pages(data)[-1].granule == round((pause + 0.04) * 48_000), pause
        assert len(data) < 300 + 30 * pause, pause


def test_a_long_pause_is_decoded_as_long_as_it_is() -> None:
    frames = recorded(seconds=0.5)[:-1]
    later = [EncodedFrame(item.data, item.timestamp + 3.02, item.duration) for item in frames]
    sound = oracle.decoded_samples(write(OggOpusMuxer(channels=1), [*frames, *later]))
    assert len(sound) == round(48_000 * (later[-1].timestamp + 0.02)) - 312  # the pre-skip
    loud = np.abs(sound[: len(sound) // 960 * 960].reshape(-1, 960)).max(axis=1) > 0.1
    assert loud[:24].all()
    assert not loud[45:150].any()
    assert loud[153:].all()


def test_an_absurd_jump_in_time_is_refused_and_changes_nothing() -> None:
    muxer = OggOpusMuxer()
    data = muxer.add(frame(0))
    with pytest.raises(LocalProtocolError, match="100000 s after the end"):
        muxer.add(frame(100_000.02))
    for timestamp in (float("nan"), float("inf"), -1e300):
        with pytest.raises(ValueError, match="timestamp"):
            muxer.add(frame(timestamp))
    assert muxer.written == 1
    data += muxer.add(frame(0.02)) + muxer.finish()
    assert read(OggOpusDemuxer("a"), data) == [frame(0), frame(0.02)]


def test_what_is_no_opus_packet_is_refused() -> None:
    for data in (b"", b"\xfb", b"\xfb\x00", bytes(61_441)):
        muxer = OggOpusMuxer()
        with pytest.raises(LocalProtocolError):
            muxer.add(frame(0, data))
        assert muxer.written == 0, data
        assert muxer.start is None, data


def test_the_largest_packets_fit_their_pages() -> None:
    frames = [frame(index / 50, b"\xf8" + bytes(61_000)) for index in range(5)]
    assert read(OggOpusDemuxer("a"), write(OggOpusMuxer(), frames)) == frames


def test_impossible_options_are_refused() -> None:
    for channels, pre_skip in ((0, 312), (3, 312), (2, -1), (2, 65_536)):
        with pytest.raises(ValueError, match="Opus with"):
            OggOpusMuxer(channels=channels, pre_skip=pre_skip)


tocs = st.sampled_from([0x00, 0x18, 0x60, 0x78, 0x80, 0xF8, 0xF9])


@given(
    packets=st.lists(
        st.tuples(tocs, st.binary(max_size=600), st.integers(0, 3)), min_size=1, max_size=60
    )
)
def test_round_trip(packets: list[tuple[int, bytes, int]]) -> None:
    """Every frame comes back in its place; what else comes back only fills gaps."""
    frames, position = [], 0
    for toc, body, pause in packets:
        position += pause * 2880
        data = bytes((toc,)) + body
        frames.append(EncodedFrame(data, position / 48_000, packet_samples(data) / 48_000))
        position += packet_samples(data)
    copy = read(OggOpusDemuxer("a"), write(OggOpusMuxer(0.0), frames))
    assert [item for item in copy if len(item.data) > 2] == [
        item for item in frames if len(item.data) > 2
    ]
    assert all(len(item.data) <= 2 for item in copy if item not in frames)

"""Files of one recording begin together, whenever their tracks came and whatever is told later."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lktrio import media
from lktrio.media.annexb import AnnexBDemuxer
from lktrio.media.ivf import IvfDemuxer
from lktrio.media.ogg_opus import OggOpusDemuxer
from lktrio.media.recording import FramePlacer
from tests.media import oracle
from tests.media.feeding import read

OPUS_FRAMES = read(OggOpusDemuxer("a"), oracle.ogg(3.0))
VP8_FRAMES = read(IvfDemuxer("a"), oracle.ivf(50))
H264_FRAMES = read(AnnexBDemuxer("a"), oracle.h264(frames=30))
BEGIN = 1.7e9  # as Unix time


def received(
    frames: Sequence[media.EncodedFrame], captured: float | None, skip: float = 0.0
) -> list[media.EncodedFrame]:
    """Frames as a track hands them out: from some time on, with timestamps that begin at 0."""
    kept = [frame for frame in frames if frame.timestamp >= skip]
    return [
        replace(
            frame,
            timestamp=frame.timestamp - kept[0].timestamp,
            captured_at=None if captured is None else BEGIN + captured + frame.timestamp,
            received_at=frame.timestamp,
        )
        for frame in kept
    ]


async def record(
    recording: media.Recording, codec: media.Codec, frames: Sequence[media.EncodedFrame]
) -> tuple[bytes, float | None]:
    file = io.BytesIO()
    async with media.open_writer(file, codec, recording=recording) as out:
        for frame in frames:
            await out.send(frame)
    return file.getvalue(), out.begins_at


def when(frames: Sequence[media.EncodedFrame], data: bytes) -> float:
    """When the frame with some content begins."""
    return next(frame.timestamp for frame in frames if frame.data == data)


async def test_sound_and_picture_that_were_captured_together_are_in_step() -> None:
    """The picture begins with a keyframe 0.8 s later than the sound, or earlier."""
    for sound_skip, picture_skip in ((0.2, 1.0), (1.0, 0.2), (0.5, 0.5)):
        recording = media.Recording()
        sound = received(OPUS_FRAMES, 0.0, sound_skip)
        picture = received(VP8_FRAMES, 0.0, picture_skip)
        ogg, sound_begin = await record(recording, media.OPUS, sound)
        ivf, picture_begin = await record(recording, media.VP8, picture)
        assert recording.zero == pytest.approx(BEGIN + sound_skip)
        sound_copy = read(OggOpusDemuxer("a"), ogg)
        for original in OPUS_FRAMES[100:130:10]:
            expected = original.timestamp - sound_skip
            assert when(sound_copy, original.data) == pytest.approx(expected, abs=0.011)
        assert sound_begin == 0
        # The oracle gives the times in the file, our reader counts from the first frame.
        times = {packet.data: packet.timestamp for packet in oracle.packets(ivf)}
        for original in VP8_FRAMES[-20:]:
            found = times[original.data]
            assert found is not None
            assert float(found) == pytest.approx(original.timestamp - sound_skip, abs=1e-4)
        assert picture_begin == pytest.approx(max(0.0, picture_skip - sound_skip), abs=0.21)


async def test_h264_tells_when_it_begins() -> None:
    recording = media.Recording()
    await record(recording, media.OPUS, received(OPUS_FRAMES, 0.0))
    _, begin = await record(recording, media.H264, received(H264_FRAMES, 5.0))
    assert begin == pytest.approx(5.0)


async def test_a_file_that_stands_alone_begins_with_its_first_frame() -> None:
    out_file = io.BytesIO()
    async with media.open_writer(out_file, media.OPUS) as out:
        for frame in received(OPUS_FRAMES, 77.0):
            await out.send(frame)
    assert out.begins_at == 0
    assert read(OggOpusDemuxer("a"), out_file.getvalue()) == OPUS_FRAMES
    with pytest.raises(ValueError, match="start of its own"):
        async with media.open_writer(out_file, media.OPUS, start=0, recording=media.Recording()):
            pytest.fail("it was opened")


async def test_several_sources_follow_each_other_in_one_file() -> None:
    for codec, frames, make in (
        (media.OPUS, OPUS_FRAMES, OggOpusDemuxer),
        (media.VP8, VP8_FRAMES, IvfDemuxer),
    ):
        file = io.BytesIO()
        async with media.open_writer(file, codec) as out:
            for _ in range(2):
                for frame in frames:
                    await out.send(frame)
        copy = read(make("a"), file.getvalue())
        assert len(copy) == 2 * len(frames)
        length = frames[-1].timestamp + frames[-1].duration
        end = copy[-1].timestamp + copy[-1].duration
        assert end == pytest.approx(2 * length, abs=0.021), codec.name


def place_all(
    placer: FramePlacer, frames: Sequence[media.EncodedFrame]
) -> list[tuple[float, media.EncodedFrame]]:
    """Time in the file of each frame that is not left out."""
    found = []
    for frame in frames:
        now = frame.received_at or 0.0
        placement = placer.place(frame, now, BEGIN + now)
        placer.commit(frame, placement, now)
        if not placement.overlaps:
            found.append((placement.time, frame))
    return found


def test_a_correction_to_earlier_leaves_sound_out_and_one_to_later_leaves_a_pause() -> None:
    for error in (-0.2, 0.2, 0.01, -0.1):
        frames = [frame for frame in received(OPUS_FRAMES, 0.0) if frame.duration == 0.02]
        frames = frames[:10] + [
            replace(frame, captured_at=(frame.captured_at or 0) + error) for frame in frames[10:]
        ]
        found = place_all(FramePlacer("audio", media.Recording()), frames)
        times = [time for time, _ in found]
        assert len(found) == len(frames) - (10 if error < -0.125 else 0), error
        for begin, end in pairwise(times):
            assert end - begin > 0.009
        shift = error if abs(error) > 0.125 else 0.0
        assert times[-1] == pytest.approx(frames[-1].timestamp + shift), error


def test_a_single_report_that_is_wrong_changes_nothing() -> None:
    frames = received(OPUS_FRAMES, 0.0)
    for index in range(20, 110):
        captured = (frames[index].captured_at or 0) - 0.3
        frames[index] = replace(frames[index], captured_at=captured)
    found = place_all(FramePlacer("audio", media.Recording()), frames)
    assert [frame for _, frame in found] == frames
    assert found[-1][0] == pytest.approx(frames[-1].timestamp, abs=1e-5)


def test_sound_of_before_the_beginning_is_left_out() -> None:
    recording = media.Recording()
    place_all(FramePlacer("video", recording), received(VP8_FRAMES, 0.5))
    found = place_all(FramePlacer("audio", recording), received(OPUS_FRAMES, 0.0))
    assert found[0][0] == pytest.approx(0.0, abs=0.011)
    assert len(found) == len(OPUS_FRAMES) - 25


def test_frames_that_do_not_say_when_they_were_captured_are_placed_by_when_they_come() -> None:
    recording = media.Recording()
    place_all(FramePlacer("video", recording), received(VP8_FRAMES, 0.0))
    late = [
        replace(frame, received_at=frame.timestamp + 4) for frame in received(OPUS_FRAMES, None)
    ]
    found = place_all(FramePlacer("audio", recording), late)
    assert found[0][0] == pytest.approx(4.0, abs=1e-5)
    assert found[-1][0] == pytest.approx(4.0 + OPUS_FRAMES[-1].timestamp, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(
    drift=st.floats(-0.002, 0.002),
    pauses=st.lists(st.tuples(st.integers(1, 999), st.floats(0.1, 30)), max_size=3),
    restarts=st.lists(st.integers(1, 999), max_size=3),
    kind=st.sampled_from(["audio", "video"]),
)
@example(drift=0.0, pauses=[(415, 0.5)], restarts=[416], kind="audio")
def test_a_track_stays_in_step_whatever_its_timestamps_do(
    drift: float,
    pauses: list[tuple[int, float]],
    restarts: list[int],
    kind: str,
) -> None:
    frames, captured, timestamp = [], 0.0, 0.0
    for number in range(1000):
        pause = sum(length for index, length in pauses if index == number)
        captured += 0.02 * (1 + drift) + pause
        timestamp = 0.0 if number in restarts else timestamp + 0.02 + pause
        frames.append(
            media.EncodedFrame(
                b"x", timestamp, 0.02, captured_at=BEGIN + captured, received_at=captured + 0.1
            )
        )
    recording = media.Recording()
    placer = FramePlacer("audio" if kind == "audio" else "video", recording)
    for time, frame in place_all(placer, frames):
        assert recording.zero is not None
        assert frame.captured_at is not None
        late = time - frame.captured_at + recording.zero
        assert -0.06 <= late <= (0.14 if kind == "audio" else 0.06)

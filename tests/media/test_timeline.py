from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio import media
from lktrio.media.timeline import MAX_PAUSE


def frame(timestamp: float, duration: float = 0.02) -> media.EncodedFrame:
    return media.EncodedFrame(b"x", timestamp, duration)


def positions(
    frames: Iterable[media.EncodedFrame], times: Iterable[float] | None = None
) -> list[float]:
    timeline, found = media.Timeline(), []
    clock = iter(times) if times is not None else None
    for item in frames:
        now = next(clock) if clock is not None else None
        found.append(timeline.place(item, now))
        timeline.commit(item, found[-1], now)
    return found


def test_where_frames_are_placed() -> None:
    cases: dict[str, tuple[list[media.EncodedFrame], list[float]]] = {
        "the first keeps its timestamp": ([frame(7)], [7]),
        "pauses are kept": ([frame(0), frame(0.02), frame(9)], [0, 0.02, 9]),
        "a loop goes on behind the last frame": (
            [frame(0), frame(0.02), frame(0), frame(0.02)],
            [0, 0.02, 0.04, 0.06],
        ),
        "a loop of one frame": ([frame(5), frame(5), frame(5)], [5, 5.02, 5.04]),
        "without durations, as far as the frames before": (
            [frame(0, 0), frame(0.04, 0), frame(0, 0), frame(0.04, 0)],
            [0, 0.04, 0.08, 0.12],
        ),
        "a last frame that is cut off": (
            [frame(0), frame(0.02, 0.0065), frame(0), frame(0.02)],
            [0, 0.02, 0.04, 0.06],
        ),
        "a jump ahead": ([frame(0), frame(5000), frame(5000.02)], [0, 0.02, 0.04]),
        "a jump back that goes on from there": (
            [frame(1000), frame(3), frame(3.02), frame(4)],
            [1000, 1000.02, 1000.04, 1001.02],
        ),
        "parameter sets beside their picture": (
            [frame(1, 0), frame(1, 0.04), frame(1.04, 0), frame(1.04, 0.04)],
            [1, 1, 1.04, 1.04],
        ),
    }
    for name, (frames, expected) in cases.items():
        assert positions(frames) == pytest.approx(expected), name


def test_a_long_pause_is_one_if_as_much_time_has_passed() -> None:
    frames = [frame(0), frame(300), frame(300.02)]
    assert positions(frames, [0, 300, 300.02]) == pytest.approx([0, 300, 300.02])
    assert positions(frames, [0, 1, 1.02]) == pytest.approx([0, 1, 1.02])


def test_an_utterance_begins_when_it_is_spoken() -> None:
    frames = [frame(0), frame(0.02), frame(0), frame(0.02)]
    assert positions(frames, [0, 0.02, 5, 5.02]) == pytest.approx([0, 0.02, 5, 5.02])


def test_asking_changes_nothing_and_jumps_are_counted() -> None:
    timeline = media.Timeline()
    first, again = frame(3), frame(0)
    timeline.commit(first, timeline.place(first))
    assert [timeline.place(again) for _ in range(3)] == pytest.approx([3.02] * 3)
    assert timeline.jumps == 0
    timeline.commit(again, timeline.place(again))
    assert timeline.jumps == 1


@settings(max_examples=60)
@given(
    timestamps=st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=20),
    durations=st.lists(st.sampled_from([0.0, 0.02, 0.1, 60.0]), min_size=20, max_size=20),
    waits=st.lists(st.floats(0, 20), min_size=20, max_size=20),
)
def test_positions_never_go_back_and_never_jump(
    timestamps: list[float], durations: list[float], waits: list[float]
) -> None:
    frames = [frame(*pair) for pair in zip(timestamps, durations, strict=False)]
    times = [sum(waits[: index + 1]) for index in range(len(frames))]
    found = positions(frames, times)
    for (before, after), (begin, end) in zip(pairwise(found), pairwise(times), strict=True):
        assert 0 <= after - before <= MAX_PAUSE + end - begin + 1e-3

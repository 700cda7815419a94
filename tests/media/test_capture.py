from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.media.capture import CaptureClock, SenderClock

UNIX_TO_NTP = 2_208_988_800


def ntp(time: float) -> int:
    return int((time + UNIX_TO_NTP) * 2**32)


def test_before_a_report_it_is_the_time_of_arrival_without_its_jitter() -> None:
    clock = CaptureClock(48_000, SenderClock())
    found = [
        clock.time_of(7000 + 960 * index, arrived) for index, arrived in enumerate((5, 5.1, 5.03))
    ]
    assert found == pytest.approx([5, 5.02, 5.03])
    assert clock.time_of(7000 + 4 * 960, 9) == pytest.approx(5.07)


def test_a_report_says_when_a_frame_was_captured() -> None:
    """The sender's clock is a day ahead, and the report took 0.1 s."""
    clock = CaptureClock(90_000, SenderClock())
    clock.on_report(ntp(86_400 + 50), 5000, 50.1)
    for ticks, expected in ((0, 50.1), (90_000, 51.1), (-9000, 50.0)):
        for turns in (0, 2**32, -(2**32)):
            found = clock.time_of(5000 + ticks + turns, 60)
            assert found == pytest.approx(expected, abs=1e-5)


def test_what_came_quickest_counts_for_all_tracks_of_the_sender() -> None:
    sender = SenderClock()
    sound, picture = CaptureClock(48_000, sender), CaptureClock(90_000, sender)
    sound.on_report(ntp(10), 0, 110.5)
    assert sound.time_of(0, 111) == pytest.approx(110.5, abs=1e-5)
    picture.on_report(ntp(11), 90_000, 111.1)
    assert sound.time_of(0, 111) == pytest.approx(110.1, abs=1e-5)
    assert picture.time_of(0, 111) == pytest.approx(110.1, abs=1e-5)
    assert picture.time_of(90_000, 111.05) == pytest.approx(111.05, abs=1e-5)
    assert sound.time_of(0, 112) == pytest.approx(110.05, abs=1e-5)


def test_a_late_first_report_moves_nothing() -> None:
    clock = CaptureClock(48_000, SenderClock())
    for index in range(50):
        clock.time_of(2**32 + 1000 + 960 * index, 5 + index / 50 + 0.01 * (index % 3))
    clock.on_report(ntp(6), 1000 + 48_000, 6.3)
    assert clock.time_of(2**32 + 1000 + 48_000, 6.02) == pytest.approx(6.0, abs=1e-5)


def test_an_offset_is_forgotten_as_clocks_drift() -> None:
    clock = CaptureClock(48_000, SenderClock())
    for second in range(100):
        clock.on_report(ntp(second), second * 48_000, 1.001 * second)
    assert 99.03 <= clock.time_of(99 * 48_000, 100) <= 99.07


@settings(max_examples=50)
@given(
    origins=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    delays=st.lists(st.floats(0.01, 0.3), min_size=4, max_size=4),
    ahead=st.floats(-1e6, 1e6),
    moment=st.floats(0, 1000),
)
def test_what_was_captured_together_is_in_step(
    origins: tuple[int, int], delays: list[float], ahead: float, moment: float
) -> None:
    sender = SenderClock()
    clocks = [CaptureClock(rate, sender) for rate in (48_000, 90_000)]

    def timestamp(index: int, time: float) -> int:
        return round(origins[index] + time * (48_000, 90_000)[index]) % 2**32

    for number, delay in enumerate(delays):
        index, time = number % 2, 3.0 * number
        clocks[index].on_report(ntp(time + ahead), timestamp(index, time), time + delay)
    sound, picture = (
        clocks[index].time_of(timestamp(index, moment), moment + 2e6) for index in (0, 1)
    )
    assert sound == pytest.approx(picture, abs=1e-3)
    assert sound - moment == pytest.approx(min(delays), abs=1e-3)

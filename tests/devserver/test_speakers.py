"""Who speaks is known from the audio levels in packets."""

from __future__ import annotations

import pytest

from lktrio.devserver.speakers import LevelMeter
from lktrio.rtc.rtp import RtpPacket

VOICE = 0x80


def window(meter: LevelMeter, levels: list[int]) -> float | None:
    """Hear packets of these levels, in dB below the loudest, and take the loudness."""
    meter.observe(
        [RtpPacket(111, 0, 0, 1, b"x", extensions={1: bytes((VOICE | level,))}) for level in levels]
    )
    return meter.take()


def test_loud_is_louder_than_quiet() -> None:
    loud, quiet = LevelMeter(1), LevelMeter(1)
    levels: tuple[float | None, ...] = ()
    for _ in range(3):
        levels = window(loud, [5] * 20), window(quiet, [25] * 20)
    assert levels[0] is not None
    assert levels[1] is not None
    assert levels[0] > levels[1]
    assert levels[0] <= 1.0


@pytest.mark.parametrize("level", [36, 80, 127])
def test_below_the_threshold_is_silence(level: int) -> None:
    assert window(LevelMeter(1), [level] * 20) is None


def test_a_short_noise_is_no_speech() -> None:
    assert window(LevelMeter(1), [10] * 7 + [127] * 13) is None
    assert window(LevelMeter(1), [10] * 8 + [127] * 12) is not None


def test_loudness_comes_in_eighths() -> None:
    meter = LevelMeter(1)
    for _ in range(3):
        level = window(meter, [17] * 20)
        assert level is not None
        assert (level * 8).is_integer()


def test_who_stops_fades_away() -> None:
    meter = LevelMeter(1)
    assert window(meter, [5] * 20) is not None
    levels = [window(meter, []) for _ in range(10)]
    assert levels[-1] is None


def test_without_the_extension_nobody_speaks() -> None:
    assert window(LevelMeter(0), [5] * 20) is None
    assert window(LevelMeter(2), [5] * 20) is None

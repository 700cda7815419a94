"""When video counts as frozen."""

from __future__ import annotations

from lktrio.room.session.freezes import FreezeMonitor


def test_what_is_a_freeze() -> None:
    cases = {
        "steady": ([0.04] * 50, 0, 0.0),
        "jitter": ([0.04, 0.02, 0.08, 0.01, 0.1] * 5, 0, 0.0),
        "150 ms longer than usual": ([0.04] * 10 + [0.2], 1, 0.2),
        "not yet": ([0.04] * 10 + [0.18], 0, 0.0),
        "slides": ([1.0] * 10 + [2.5], 0, 0.0),
        "slides that stop": ([1.0] * 10 + [3.0], 1, 3.0),
        "twice": ([0.04] * 10 + [1.0] + [0.04] * 40 + [0.5], 2, 1.5),
    }
    for name, (intervals, count, seconds) in cases.items():
        monitor, now = FreezeMonitor(), 0.0
        monitor.frame(now)
        for interval in intervals:
            now += interval
            monitor.frame(now)
        assert monitor.count == count, name
        assert round(monitor.seconds, 6) == seconds, name


def test_a_pause_is_none() -> None:
    monitor = FreezeMonitor()
    for number in range(10):
        monitor.frame(number * 0.04)
    monitor.pause()
    monitor.frame(60.0)
    assert monitor.count == 0

"""The token bucket of triggered checks and error answers."""

from __future__ import annotations

import pytest

from lktrio.rtc.ice.pacing import TokenBucket


def test_a_burst_then_an_even_pace() -> None:
    bucket = TokenBucket(0.1, 5)
    assert [bucket.take(0.0) for _ in range(7)] == [True] * 5 + [False] * 2
    assert bucket.next_at() == pytest.approx(0.1)
    assert not bucket.take(0.05)
    assert bucket.take(0.1000001)
    assert not bucket.take(0.15)


def test_a_pause_refills_no_more_than_the_burst() -> None:
    bucket = TokenBucket(0.1, 3)
    while bucket.take(0.0):
        pass
    assert sum(bucket.take(100.0) for _ in range(10)) == 3


def test_the_announced_time_is_enough() -> None:
    bucket = TokenBucket(0.1, 3)
    now = 1e9
    for _ in range(1000):
        now = max(now, bucket.next_at())
        assert bucket.take(now)

"""Sequence numbers and timestamps become integers that do not wrap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lktrio.rtc.rtp import SequenceUnwrapper, TimestampUnwrapper


@given(st.integers(0, 0xFFFF), st.lists(st.integers(-200, 0x7000), max_size=50))
def test_sequence_numbers_follow_the_sender_through_loss_and_reordering(
    start: int, steps: list[int]
) -> None:
    unwrapper = SequenceUnwrapper()
    true = highest = unwrapper.unwrap(start)
    assert true == start
    for step in steps:
        true = max(highest + step, 0)
        assert unwrapper.unwrap(true & 0xFFFF) == true
        highest = max(highest, true)
        assert unwrapper.highest == highest


def test_sequence_numbers_wrap_and_come_back() -> None:
    unwrapper = SequenceUnwrapper()
    assert [unwrapper.unwrap(n) for n in (65534, 65535, 1, 0, 65533, 2)] == [
        65534,
        65535,
        65537,
        65536,
        65533,
        65538,
    ]


def test_a_sequence_number_never_becomes_negative() -> None:
    unwrapper = SequenceUnwrapper()
    assert unwrapper.unwrap(5) == 5
    assert unwrapper.unwrap(65530) == 65530


def test_peeking_does_not_learn() -> None:
    unwrapper = SequenceUnwrapper(10)
    assert unwrapper.peek(20) == 20
    assert unwrapper.highest == 10


def test_a_timestamp_wraps_and_goes_back() -> None:
    unwrapper = TimestampUnwrapper()
    assert unwrapper.unwrap(0xFFFFFFF0) == 0xFFFFFFF0
    assert unwrapper.unwrap(0x10) == 0x100000010
    assert unwrapper.unwrap(0xFFFFFFF8) == 0xFFFFFFF8


@given(st.integers(0, 0xFFFFFFFF), st.lists(st.integers(-(2**30), 2**30), max_size=50))
def test_timestamps_follow_the_sender(start: int, steps: list[int]) -> None:
    unwrapper = TimestampUnwrapper()
    true = unwrapper.unwrap(start)
    for step in steps:
        true += step
        assert unwrapper.unwrap(true & 0xFFFFFFFF) == true

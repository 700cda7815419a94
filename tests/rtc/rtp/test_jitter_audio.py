"""The audio jitter buffer: order, gaps, silence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lktrio.rtc.base import NEVER
from lktrio.rtc.rtp.jitter import MAX_SPAN, AudioBuffer, ReceivedFrame

HOLD = 0.05


def push(buffer: AudioBuffer, *indices: int, now: float = 0.0) -> None:
    for index in indices:
        buffer.push(index, index * 960 & 0xFFFFFFFF, b"%d" % index, now)


def received(buffer: AudioBuffer) -> list[int]:
    return [int(frame.data) for frame in buffer.frames]


def test_packets_in_order_are_released_at_once() -> None:
    buffer = AudioBuffer(HOLD)
    push(buffer, 7, now=3.0)
    assert buffer.frames == [ReceivedFrame(b"7", 6720, True, 3.0, 7, 7, False)]
    assert buffer.deadline == NEVER


@given(st.permutations(range(10)), st.lists(st.integers(0, 9)))
def test_any_order_and_repetition_gives_the_same_frames(order: list[int], again: list[int]) -> None:
    buffer = AudioBuffer(HOLD)
    push(buffer, 0)
    push(buffer, *order, *again)
    assert received(buffer) == list(range(10))


def test_a_gap_is_held_then_skipped() -> None:
    buffer = AudioBuffer(HOLD)
    push(buffer, 1)
    push(buffer, 3, 4, 6, now=1.0)
    assert received(buffer) == [1]
    assert buffer.deadline == 1.0 + HOLD
    buffer.expire(1.0 + HOLD)
    assert received(buffer) == [1, 3, 4]
    buffer.expire(buffer.deadline)
    assert received(buffer) == [1, 3, 4, 6]
    assert [frame.discontinuity for frame in buffer.frames] == [False, True, False, True]
    assert buffer.lost == 2
    assert buffer.deadline == NEVER
    push(buffer, 2, now=2.0)
    assert buffer.late == 1


def test_silence_is_no_gap() -> None:
    buffer = AudioBuffer(HOLD)
    buffer.push(1, 0, b"a", 0.0)
    buffer.push(2, 19_200, b"b", 0.4)
    assert [frame.timestamp for frame in buffer.frames] == [0, 19_200]
    assert not buffer.frames[1].discontinuity


def test_timestamps_do_not_wrap() -> None:
    buffer = AudioBuffer(HOLD)
    buffer.push(1, 0xFFFFFFFF, b"a", 0.0)
    buffer.push(2, 959, b"b", 0.0)
    assert buffer.frames[1].timestamp - buffer.frames[0].timestamp == 960


def test_padding_keeps_its_place_and_delivers_nothing() -> None:
    buffer = AudioBuffer(HOLD)
    push(buffer, 1)
    buffer.push(2, 0, b"", 0.0)
    push(buffer, 3)
    assert received(buffer) == [1, 3]
    assert not buffer.frames[1].discontinuity


def test_a_large_jump_releases_what_was_held_and_goes_on() -> None:
    buffer = AudioBuffer(HOLD)
    push(buffer, 1, 3, 5)
    push(buffer, 6 + MAX_SPAN)
    assert received(buffer) == [1, 3, 5, 6 + MAX_SPAN]
    assert buffer.deadline == NEVER
    assert buffer.lost == 2 + MAX_SPAN


def test_it_knows_what_is_missing() -> None:
    buffer = AudioBuffer(HOLD)
    assert not buffer.is_missing(5)
    push(buffer, 1, 4)
    assert [n for n in range(7) if buffer.is_missing(n)] == [2, 3, 5, 6]

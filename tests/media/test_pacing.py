from __future__ import annotations

import math

import pytest
import trio
import trio.testing

from lktrio import media
from lktrio.media import samples


def frame(timestamp: float) -> media.EncodedFrame:
    return media.EncodedFrame(b"x", timestamp, 0.02)


def source_of(*timestamps: float) -> trio.MemoryReceiveChannel[media.EncodedFrame]:
    sender, receiver = trio.open_memory_channel[media.EncodedFrame](math.inf)
    with sender:
        for timestamp in timestamps:
            sender.send_nowait(frame(timestamp))
    return receiver


async def times(source: media.PacedChannel, busy: float = 0.0) -> list[float]:
    """When each frame comes; the consumer then works for a while."""
    found = []
    async for _ in source:
        found.append(round(trio.current_time(), 6))
        await trio.sleep(busy)
    return found


async def test_frames_come_at_their_timestamps(autojump_clock: trio.testing.MockClock) -> None:
    assert await times(media.pace(source_of(0, 0.02, 0.05, 3.0))) == [0, 0.02, 0.05, 3.0]


async def test_the_first_frame_comes_at_once(autojump_clock: trio.testing.MockClock) -> None:
    await trio.sleep(7)
    assert await times(media.pace(source_of(100, 100.5))) == [7, 7.5]


async def test_the_time_that_the_consumer_needs_does_not_add_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    timestamps = [index / 50 for index in range(500)]
    assert await times(media.pace(source_of(*timestamps)), busy=0.015) == pytest.approx(timestamps)


async def test_a_short_delay_is_caught_up(autojump_clock: trio.testing.MockClock) -> None:
    pacer = media.pace(source_of(0, 0.1, 0.2, 0.3, 1.5))
    await pacer.receive()
    await trio.sleep(0.8)
    assert await times(pacer) == pytest.approx([0.8, 0.82, 0.84, 1.5])
    assert pacer.moved == 0


async def test_a_long_delay_moves_the_schedule(autojump_clock: trio.testing.MockClock) -> None:
    pacer = media.pace(source_of(0, 0.1, 0.2, 0.3))
    await pacer.receive()
    await trio.sleep(10)
    assert await times(pacer) == pytest.approx([10, 10.1, 10.2])
    assert pacer.moved == pytest.approx(9.9)


async def test_the_schedule_is_never_moved_if_so_asked(
    autojump_clock: trio.testing.MockClock,
) -> None:
    pacer = media.pace(source_of(0, 0.1, 9), max_lag=math.inf)
    await pacer.receive()
    await trio.sleep(8)
    assert await times(pacer) == [8, 9]


async def test_a_loop_goes_on(autojump_clock: trio.testing.MockClock) -> None:
    found = await times(media.pace(source_of(0, 0.02, 0.04, 0, 0.02, 1000)))
    assert found == pytest.approx([0, 0.02, 0.04, 0.06, 0.08, 0.1])


def test_what_was_received_just_now_is_not_held_and_gets_the_next_time() -> None:
    pacer, sent, item = media.FramePacer(), list[float](), frame(0)
    for index, (now, received) in enumerate([(5, 5), (5, 5), (5.1, 5), (6, 5.1), (6, 5.2), (6, 6)]):
        item = media.EncodedFrame(b"x", 100 + index / 50, 0.02, received_at=received)
        delay = pacer.schedule(item, now)
        assert pacer.schedule(item, now) == delay  # as if the sending was cancelled
        sent.append(round(delay, 3))
        assert pacer.sent(item, now + delay) == pytest.approx(item.timestamp)
    # The two that were kept for long are played as a file is, the others spread at most.
    assert sent == [0, 0.005, 0, 0, 0.02, 0.025]
    with pytest.raises(ValueError, match="another frame"):
        pacer.sent(item, 7)
    again = frame(0)
    pacer.schedule(again, 6.5)
    assert pacer.sent(again, 6.5) > 100.1
    assert pacer.jumps == 1


async def test_two_pacers_with_one_start_keep_step(autojump_clock: trio.testing.MockClock) -> None:
    start = trio.current_time() + 1
    assert await times(media.pace(source_of(0.5, 1.0), start=start)) == [1.5, 2.0]
    assert await times(media.pace(source_of(1.5, 2.0), start=start)) == [2.5, 3.0]


async def test_a_cancelled_receive_loses_nothing(autojump_clock: trio.testing.MockClock) -> None:
    pacer = media.pace(source_of(0, 1))
    await pacer.receive()
    with trio.move_on_after(0.5) as scope:
        await pacer.receive()
    assert scope.cancelled_caught
    assert (await pacer.receive()).timestamp == 1
    assert trio.current_time() == pytest.approx(1)
    with pytest.raises(trio.EndOfChannel):
        await pacer.receive()


async def test_only_one_task_may_receive(autojump_clock: trio.testing.MockClock) -> None:
    pacer = media.pace(source_of(0, 1))
    await pacer.receive()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pacer.receive)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(trio.BusyResourceError):
            await pacer.receive()


async def test_closing_closes_the_source(autojump_clock: trio.testing.MockClock) -> None:
    source = source_of(0)
    async with media.pace(source) as pacer:
        assert pacer.source is source
    with pytest.raises(trio.ClosedResourceError):
        await source.receive()


async def test_a_file_plays_as_long_as_it_lasts(autojump_clock: trio.testing.MockClock) -> None:
    async with media.open_reader(samples.AUDIO) as source:
        found = await times(media.pace(source))
    assert len(found) == 251
    assert found[-1] - found[0] == pytest.approx(5.0)

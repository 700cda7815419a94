"""Media for its consumers: what was kept first, the newest when one is slow, video decodable."""

from __future__ import annotations

import gc
import weakref

import pytest
import trio
import trio.testing

from lktrio.media import EncodedFrame
from lktrio.room.channels.backlog import Backlog
from lktrio.room.channels.media import (
    FRAME_QUEUE_LIMIT,
    FrameQueue,
    MediaChannel,
    MediaQueue,
    MediaSource,
)


def numbers(*, from_keyframe: bool = False) -> MediaSource[int]:
    return MediaSource(Backlog(from_keyframe=from_keyframe))


def few(beginning: list[int]) -> MediaQueue[int]:
    return MediaQueue(3, beginning)


def wanted(source: MediaSource[int]) -> bool:
    return source.wanted  # which changes, unlike what type checkers assume of attributes


def put(source: MediaSource[int], *items: int) -> None:
    for item in items:
        source.put(item, 10, 0.0)


class Video:
    """A source of frames and how often a keyframe was asked for."""

    def __init__(self) -> None:
        self.source: MediaSource[EncodedFrame] = MediaSource(Backlog(from_keyframe=True))
        self.asked = 0

    def ask(self) -> None:
        self.asked += 1

    def open(self) -> MediaChannel[EncodedFrame]:
        return self.source.open(lambda beginning: FrameQueue(self.ask, beginning))

    def put(self, kinds: str) -> None:
        """K for a keyframe, anything else for another one."""
        for kind in kinds:
            frame = EncodedFrame(kind.encode(), 0.0, keyframe=kind == "K")
            self.source.put(frame, 1, 0.0, keyframe=frame.keyframe)


async def rest(channel: MediaChannel[EncodedFrame]) -> str:
    return "".join([frame.data.decode() async for frame in channel])


async def test_the_first_reader_begins_with_what_was_kept_the_next_with_news() -> None:
    source = numbers()
    put(source, *range(10))
    first, second = source.open(few), source.open(few)
    put(source, 10, 11)
    source.end()
    assert [item async for item in first] == list(range(12))
    assert [item async for item in second] == [10, 11]
    assert first.dropped == second.dropped == 0


async def test_a_slow_consumer_loses_the_oldest_alone() -> None:
    source = numbers()
    put(source, 0, 1)
    slow, quick = source.open(few), source.open(few)
    for item in range(2, 10):
        put(source, item)
        assert await quick.receive() == item
    source.end()
    assert [item async for item in slow] == [0, 1, 7, 8, 9]
    assert (slow.dropped, quick.dropped) == (5, 0)


async def test_what_was_kept_can_be_read_after_the_end_once() -> None:
    source = numbers()
    put(source, 1, 2)
    source.end()
    assert [item async for item in source.open(few)] == [1, 2]
    assert [item async for item in source.open(few)] == []


async def test_media_is_wanted_until_the_first_reader_has_gone() -> None:
    source = numbers()
    assert wanted(source)
    channel = source.open(few)
    put(source, 1)
    assert wanted(source)
    channel.close()
    put(source, 2)
    assert not wanted(source)
    put(source, 3)
    with source.open(few) as later:
        assert wanted(source)
        put(source, 4)
        assert await later.receive() == 4
    source.end()
    assert not wanted(source)


async def test_nothing_is_kept_for_nobody_when_told_so() -> None:
    source = numbers()
    put(source, 1)
    source.drop_backlog()
    assert not source.wanted
    source.end()
    assert [item async for item in source.open(few)] == []


async def test_what_is_kept_can_be_told_where_to_begin() -> None:
    source = numbers()
    put(source, 1, 2, 3)
    source.begin_backlog_with(lambda item: item == 2)
    channel = source.open(few)
    source.begin_backlog_with(lambda item: item == 3)
    source.end()
    assert [item async for item in channel] == [2, 3]


async def test_video_begins_with_a_keyframe_that_was_kept_or_is_asked_for() -> None:
    cases = {
        "kept": ("..K.K..", "..K", "K....K", 0),
        "none came yet": ("..", ".K.", "K.", 2),
        "nothing came yet": ("", "K.", "K.", 1),
    }
    for name, (before, after, seen, asked) in cases.items():
        video = Video()
        video.put(before)
        channel = video.open()
        video.put(after)
        video.source.end()
        assert await rest(channel) == seen, name
        assert video.asked == asked, name


async def test_a_second_reader_of_video_asks_for_a_keyframe() -> None:
    video = Video()
    video.put("K.")
    first, second = video.open(), video.open()
    assert video.asked == 1
    video.put(".K.")
    video.source.end()
    assert await rest(first) == "K..K."
    assert (await rest(second), second.dropped) == ("K.", 1)


async def test_slow_video_goes_on_with_a_keyframe() -> None:
    full = "K" + "." * (FRAME_QUEUE_LIMIT - 1)
    cases = {
        "one that waits": (full[:-2] + "K." + "x", "K.x", 0),
        "one that comes": (full + "xK.", "K.", 1),
        "none": (full + "xyz", "", 3),
    }
    for name, (kinds, seen, asked) in cases.items():
        video = Video()
        channel = video.open()
        before = video.asked
        video.put(kinds)
        video.source.end()
        assert await rest(channel) == seen, name
        assert channel.dropped == len(kinds) - len(seen), name
        assert video.asked - before == asked, name


async def test_what_was_kept_stays_decodable_when_the_rest_is_skipped() -> None:
    video = Video()
    video.put("K..")
    channel = video.open()
    video.put("." * (FRAME_QUEUE_LIMIT + 1) + "K.")
    video.source.end()
    assert await rest(channel) == "K..K."


async def test_a_cancelled_receive_loses_nothing() -> None:
    source = numbers()
    channel = source.open(few)
    with trio.CancelScope() as scope:
        scope.cancel()
        put(source, 1)
        await channel.receive()
    assert scope.cancelled_caught
    assert await channel.receive() == 1


async def test_a_waiting_consumer_is_woken_by_media_by_the_end_and_by_closing() -> None:
    source = numbers()
    channel, closed = source.open(few), source.open(few)
    received: list[int] = []

    async def collect() -> None:
        async for item in channel:
            received.append(item)  # noqa: PERF401 - what was received so far is looked at

    async def wait() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await closed.receive()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect)
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            await closed.aclose()
            await closed.aclose()
            put(source, 1)
            await trio.testing.wait_all_tasks_blocked()
            assert received == [1]
            source.end()
            source.end()


async def test_a_channel_closes_at_the_end_of_a_block() -> None:
    source = numbers()
    with source.open(few) as first:
        put(source, 1)
        assert await first.receive() == 1
    async with source.open(few) as second:
        pass
    for channel in (first, second):
        with pytest.raises(trio.ClosedResourceError):
            await channel.receive()


async def test_a_channel_that_nobody_refers_to_is_gone_and_one_that_is_waited_for_is_not() -> None:
    source = numbers()
    gone = weakref.ref(source.open(few))
    received: list[int] = []

    async def wait() -> None:
        received.append(await source.open(few).receive())

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            gc.collect()
            assert gone() is None
            put(source, 7)
    gc.collect()
    put(source, 8)
    assert received == [7]
    assert not source.wanted

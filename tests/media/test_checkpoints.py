"""Every asynchronous call of the package is a checkpoint when it succeeds."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import trio.testing

from lktrio import media
from lktrio.media import samples


async def check(call: Callable[[], Awaitable[object]]) -> None:
    with trio.testing.assert_checkpoints():
        await call()


async def check_block(block: AbstractAsyncContextManager[object]) -> None:
    with trio.testing.assert_checkpoints():
        await block.__aenter__()
    with trio.testing.assert_checkpoints():
        await block.__aexit__(None, None, None)


async def test_reading() -> None:
    async with media.open_reader(samples.AUDIO) as source:
        for _ in range(200):  # from the head, from memory and from the disk
            await check(source.receive)
        await check(source.aclose)
        await check(source.aclose)


async def test_pacing() -> None:
    for start in (None, -1e6):
        async with media.open_reader(samples.AUDIO) as source:
            pacer = media.pace(source, start=start)
            for _ in range(2):
                await check(pacer.receive)
            await check(pacer.aclose)


async def test_writing() -> None:
    async with media.open_writer(io.BytesIO(), media.VP8) as out:
        small = media.EncodedFrame(b"\x01x", 0)
        async with media.open_reader(samples.VIDEO) as source:
            key = await source.receive()
        big = media.EncodedFrame(key.data + bytes(100_000), 0)
        for frame in (small, key, big):
            await check(lambda frame=frame: out.send(frame))  # type: ignore[misc]  # bound now
        await check(out.aclose)
        await check(out.aclose)


async def test_opening_and_leaving(tmp_path: Path) -> None:
    await check_block(media.open_reader(samples.AUDIO))
    await check_block(media.open_reader(io.BytesIO(samples.AUDIO.read_bytes())))
    await check_block(media.open_writer(tmp_path / "a.ogg", media.OPUS))
    await check_block(media.open_writer(io.BytesIO(), media.OPUS))
    ours, theirs = trio.testing.memory_stream_one_way_pair()
    await check_block(media.open_writer(ours, media.OPUS))
    await check_block(media.open_reader(theirs))

from __future__ import annotations

import builtins
import io
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from lktrio import media
from lktrio.errors import ContainerError, MediaError, UnplayableMedia
from lktrio.media.annexb import AnnexBDemuxer
from lktrio.media.container import Demuxer
from lktrio.media.ivf import IvfDemuxer
from lktrio.media.ogg_opus import OggOpusDemuxer
from tests.media import oracle
from tests.media.feeding import read

FILES = {
    "ogg": (oracle.ogg(3.0), OggOpusDemuxer, media.OPUS),
    "ivf": (oracle.ivf(60), IvfDemuxer, media.VP8),
    "h264": (oracle.h264(frames=60), AnnexBDemuxer, media.H264),
}


class SlowFile(io.BytesIO):
    """A file whose reader can be held up in its thread."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.entered = trio.Event()
        self.left = trio.Event()

    def read(self, size: int | None = -1, /) -> bytes:
        trio.from_thread.run_sync(self.entered.set)
        trio.from_thread.run(self.left.wait)
        return super().read(size)

    def let_go(self) -> None:
        self.left.set()


async def collect(source: trio.abc.ReceiveChannel[media.EncodedFrame]) -> list[media.EncodedFrame]:
    return [frame async for frame in source]


@pytest.mark.parametrize("kind", FILES)
async def test_a_file_is_read_whatever_its_name(kind: str, tmp_path: Path) -> None:
    data, make, codec = FILES[kind]
    path = tmp_path / "strange.name"
    path.write_bytes(data)
    demuxer: Demuxer = make("a")
    for source in (path, str(path)):
        async with media.open_reader(source) as reader:
            assert reader.codec == codec
            assert await collect(reader) == read(demuxer, data)
            assert reader.info == demuxer.info
            assert (reader.width, reader.height) == (demuxer.info.width, demuxer.info.height)
        demuxer = make("a")


@pytest.mark.parametrize("kind", FILES)
async def test_open_files_and_streams_are_read_and_left_open(kind: str, tmp_path: Path) -> None:
    data, make, _ = FILES[kind]
    expected = read(make("a"), data)
    file = io.BytesIO(data)
    async with media.open_reader(file) as reader:
        assert await collect(reader) == expected
    assert not file.closed
    (tmp_path / "file").write_bytes(data)
    async with await trio.open_file(tmp_path / "file", "rb") as asynchronous:
        async with media.open_reader(asynchronous) as reader:  # type: ignore[arg-type]  # works too
            assert await collect(reader) == expected
        assert not asynchronous.closed
    ours, theirs = trio.testing.memory_stream_one_way_pair()
    async with trio.open_nursery() as nursery:

        async def send() -> None:
            for start in range(0, len(data), 100):
                await ours.send_all(data[start : start + 100])
            ours.close()

        nursery.start_soon(send)
        async with media.open_reader(theirs) as reader:
            assert await collect(reader) == expected
    assert await theirs.receive_some() == b""  # not closed, only at its end


async def test_the_frame_rate_of_h264_can_be_given() -> None:
    async with media.open_reader(io.BytesIO(oracle.h264()), frame_rate=5) as reader:
        assert [(await reader.receive()).timestamp for _ in range(3)] == [0, 0.2, 0.4]
    for impossible in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="frame rate"):
            async with media.open_reader(io.BytesIO(oracle.h264()), frame_rate=impossible):
                pass


async def test_the_end_can_be_asked_for_again() -> None:
    async with media.open_reader(io.BytesIO(oracle.ivf(2))) as reader:
        assert len(await collect(reader)) == 2
        for _ in range(2):
            with pytest.raises(trio.EndOfChannel):
                await reader.receive()


async def test_damage_is_reported_behind_the_whole_frames_and_again(tmp_path: Path) -> None:
    path = tmp_path / "broken.ivf"
    path.write_bytes(oracle.ivf()[:-1])
    async with media.open_reader(path) as reader:
        for _ in range(11):
            await reader.receive()
        for _ in range(2):
            with pytest.raises(ContainerError, match=r"broken\.ivf: the file ends within a frame"):
                await reader.receive()


async def test_a_file_of_another_kind_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "talk.ogg"
    path.write_bytes(b"ID3\x04\x00")
    with pytest.raises(ContainerError, match=r"talk\.ogg looks like an MP3 file"):
        async with media.open_reader(path):
            pass
    path.write_bytes(oracle.ogg()[:60])
    with pytest.raises(ContainerError, match=r"talk\.ogg: the file ends within an Ogg page"):
        async with media.open_reader(path):
            pass


async def test_what_receivers_do_not_show_is_refused_when_the_file_is_opened(
    tmp_path: Path,
) -> None:
    path = tmp_path / "b.h264"
    path.write_bytes(oracle.h264({"bframes": "2", "b-adapt": "0"}))
    with pytest.raises(UnplayableMedia, match=r"b\.h264: B frames.* ffmpeg -i .*b\.h264 -an"):
        async with media.open_reader(path):
            pytest.fail("it was opened")
    async with media.open_reader(path, any_video=True) as reader:
        assert len(await collect(reader)) == 12
    good = oracle.h264(frames=60, size=(320, 180)) * 20  # more than is read at once
    path.write_bytes(good + path.read_bytes())
    async with media.open_reader(path) as reader:
        for _ in range(60 * 20):
            await reader.receive()
        with pytest.raises(UnplayableMedia):
            await collect(reader)


async def test_what_was_passed_over_is_told() -> None:
    data = oracle.ogg(3.0)
    cut = data.index(b"OggS", 2000)
    async with media.open_reader(io.BytesIO(data[:cut] + b"junk" + data[cut:])) as reader:
        assert await collect(reader) == read(OggOpusDemuxer("a"), data)
        assert (reader.skipped, reader.holes, reader.retimed) == (4, 0, 0)


async def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"cannot open .*none\.ogg: No such file") as caught:
        async with media.open_reader(tmp_path / "none.ogg"):
            pass
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    with pytest.raises(MediaError, match="cannot open"):
        async with media.open_reader(tmp_path):
            pass


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there are no device files here")
async def test_what_could_block_for_ever_is_refused_by_path() -> None:
    with pytest.raises(ContainerError, match="not a regular file; open it as a trio stream"):
        async with media.open_reader("/dev/zero"):
            pass


async def test_what_cannot_be_read_from_is_refused() -> None:
    with pytest.raises(TypeError, match="a path, a binary file or a trio stream"):
        async with media.open_reader(7):  # type: ignore[arg-type]  # what is tested
            pass
    with pytest.raises(TypeError, match="reading bytes"):
        async with media.open_reader(io.StringIO("text")):  # type: ignore[arg-type]  # same
            pass


class FailingFile(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        if data := super().read(100):
            return data
        raise OSError(5, "Input/output error")


async def test_a_failing_disk_is_a_media_error() -> None:
    async with media.open_reader(FailingFile(oracle.ogg())) as reader:
        with pytest.raises(MediaError, match="cannot read the file: Input/output error"):
            await collect(reader)


async def test_a_cancelled_receive_loses_nothing() -> None:
    data = oracle.ogg(10.0)
    received = []
    async with media.open_reader(io.BytesIO(data)) as reader:
        while True:
            with trio.CancelScope() as scope:
                scope.cancel()
                await reader.receive()
            assert scope.cancelled_caught
            try:
                received.append(await reader.receive())
            except trio.EndOfChannel:
                break
    assert received == read(OggOpusDemuxer("a"), data)


async def test_a_receive_cancelled_while_the_disk_works_keeps_what_was_read() -> None:
    data = oracle.ivf(3)
    file = SlowFile(data)
    file.left.set()
    async with media.open_reader(file) as reader:
        # All frames came with the head; only the end of the file is still to be read.
        for _ in range(2):
            await reader.receive()
        file.entered, file.left = trio.Event(), trio.Event()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(reader.receive)
                await file.entered.wait()
                scope.cancel()
                file.let_go()
        assert len(await collect(reader)) in (0, 1)


async def test_only_one_task_may_receive() -> None:
    file = SlowFile(oracle.ivf(3))
    file.left.set()
    async with media.open_reader(file) as reader, trio.open_nursery() as nursery:
        for _ in range(2):
            await reader.receive()
        file.entered, file.left = trio.Event(), trio.Event()
        nursery.start_soon(reader.receive)
        await file.entered.wait()
        with pytest.raises(trio.BusyResourceError):
            await reader.receive()
        file.let_go()


async def test_closing_ends_a_receive_that_is_under_way_and_every_later_one() -> None:
    file = SlowFile(oracle.ivf(3))
    file.left.set()
    async with media.open_reader(file) as reader:
        for _ in range(2):
            await reader.receive()
        file.entered, file.left = trio.Event(), trio.Event()

        async def receive() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await reader.receive()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(receive)
            await file.entered.wait()
            await reader.aclose()
            file.let_go()
        await receive()
        await reader.aclose()


def fail(value: object) -> None:
    raise KeyError(value)


async def test_the_file_is_closed_when_the_block_is_left_in_any_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(oracle.ogg())
    junk = tmp_path / "junk"
    junk.write_bytes(b"junk")
    opened: list[io.FileIO] = []
    original = builtins.open

    def spy(*args: Any, **kwargs: Any) -> Any:
        file = original(*args, **kwargs)
        opened.append(file)
        return file

    def is_closed() -> bool:
        return opened[-1].closed

    monkeypatch.setattr(builtins, "open", spy)
    async with media.open_reader(path):
        assert not is_closed()
    assert is_closed()
    with pytest.raises(KeyError):
        async with media.open_reader(path) as reader:
            fail(reader)
    assert is_closed()
    with trio.CancelScope() as scope:
        async with media.open_reader(path) as reader:
            scope.cancel()
            await reader.receive()
    assert scope.cancelled_caught
    assert is_closed()
    with pytest.raises(ContainerError):
        async with media.open_reader(junk):
            pass
    assert is_closed()
    assert len(opened) == 4

from __future__ import annotations

import dataclasses
import io
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from lktrio import media
from lktrio.errors import ContainerError, LocalProtocolError, MediaError
from lktrio.media.annexb import AnnexBDemuxer
from lktrio.media.ivf import IvfDemuxer
from lktrio.media.ogg_opus import OggOpusDemuxer
from tests.media import oracle
from tests.media.feeding import info_of, read, read_damaged

OPUS_FRAMES = read(OggOpusDemuxer("a"), oracle.ogg(3.0))
VP8_FRAMES = read(IvfDemuxer("a"), oracle.ivf(30))
H264_FRAMES = read(AnnexBDemuxer("a"), oracle.h264(frames=30))
KINDS = [
    ("talk.ogg", media.OPUS, OPUS_FRAMES, OggOpusDemuxer),
    ("talk.opus", media.OPUS, OPUS_FRAMES, OggOpusDemuxer),
    ("cam.ivf", media.VP8, VP8_FRAMES, IvfDemuxer),
    ("cam.h264", media.H264, H264_FRAMES, AnnexBDemuxer),
    ("recording", media.VP8, VP8_FRAMES, IvfDemuxer),
]


async def test_what_was_sent_is_in_the_file(tmp_path: Path) -> None:
    for name, codec, frames, make in KINDS:
        async with media.open_writer(tmp_path / name, codec) as out:
            assert out.codec == codec, name
            for frame in frames:
                await out.send(frame)
            assert (out.written, out.skipped) == (len(frames), 0), name
        copy = read(make("copy"), (tmp_path / name).read_bytes())
        assert [frame.data for frame in copy] == [frame.data for frame in frames], name
        assert [frame.timestamp for frame in copy] == pytest.approx(
            [frame.timestamp for frame in frames], abs=1e-4
        )


async def test_the_length_is_put_into_the_head_behind_what_was_there() -> None:
    file = io.BytesIO(b"prefix")
    file.seek(6)
    async with media.open_writer(file, media.VP8) as out:
        for frame in VP8_FRAMES:
            await out.send(frame)
    assert not file.closed
    data = file.getvalue()
    assert data[:10] == b"prefixDKIF"
    assert data[6 + 24 : 6 + 28] == (30 * 3600).to_bytes(4, "little")
    assert len(read(IvfDemuxer("a"), data[6:])) == 30


async def test_a_stream_is_written_and_left_open() -> None:
    ours, theirs = trio.testing.memory_stream_one_way_pair()
    async with media.open_writer(ours, media.VP8) as out:
        for frame in VP8_FRAMES:
            await out.send(frame)
    await ours.send_all(b"more")
    ours.close()
    data = b"".join([chunk async for chunk in theirs])
    assert data.endswith(b"more")
    assert len(read(IvfDemuxer("a"), data[:-4])) == 30


async def test_options_reach_the_file() -> None:
    file = io.BytesIO()
    async with media.open_writer(file, media.OPUS, start=-1.0, channels=1, pre_skip=0) as out:
        await out.send(OPUS_FRAMES[0])
    info = info_of(OggOpusDemuxer("a"), file.getvalue())
    assert (info.channels, info.pre_skip) == (1, 0)
    assert read(OggOpusDemuxer("a"), file.getvalue())[-1].timestamp == 1.0


async def test_a_recording_that_is_cancelled_is_a_complete_file(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    with trio.CancelScope() as scope:
        async with media.open_writer(path, media.OPUS) as out:
            for frame in OPUS_FRAMES[:60]:
                await out.send(frame)
            scope.cancel()
            await out.send(OPUS_FRAMES[60])
    assert scope.cancelled_caught
    data = path.read_bytes()
    assert read(OggOpusDemuxer("a"), data) == OPUS_FRAMES[:60]
    assert data[data.rindex(b"OggS") + 5] == 4  # the flag of a last page


async def test_a_recording_that_ends_by_an_exception_is_a_complete_file(tmp_path: Path) -> None:
    path = tmp_path / "a.ivf"

    async def record() -> None:
        with trio.CancelScope() as scope:
            async with media.open_writer(path, media.VP8) as out:
                await out.send(VP8_FRAMES[0])
                scope.cancel()
                raise KeyError  # is not lost, although the scope is cancelled

    with pytest.raises(KeyError):
        await record()
    data = path.read_bytes()
    assert len(read(IvfDemuxer("a"), data)) == 1
    assert data[24:28] == (3600).to_bytes(4, "little")


async def test_a_stream_that_nobody_reads_holds_up_a_cancelled_writer_two_seconds(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ours, _ = trio.testing.lockstep_stream_one_way_pair()
    started = trio.current_time()
    with trio.CancelScope() as scope:
        async with media.open_writer(ours, media.OPUS) as out:
            await out.send(OPUS_FRAMES[0])
            scope.cancel()
            await out.send(OPUS_FRAMES[0])
    assert trio.current_time() - started == pytest.approx(2.0)


async def test_a_cancelled_send_has_stored_nothing() -> None:
    file = io.BytesIO()
    async with media.open_writer(file, media.OPUS) as out:
        await out.send(OPUS_FRAMES[0])
        with trio.CancelScope() as scope:
            scope.cancel()
            await out.send(OPUS_FRAMES[1])
        assert scope.cancelled_caught
        assert out.written == 1
        await out.send(OPUS_FRAMES[1])
    assert [item.data for item in read(OggOpusDemuxer("a"), file.getvalue())] == [
        item.data for item in OPUS_FRAMES[:2]
    ]


async def test_a_stream_whose_write_was_cancelled_is_broken() -> None:
    ours, _ = trio.testing.lockstep_stream_one_way_pair()
    big = media.EncodedFrame(VP8_FRAMES[0].data + bytes(100_000), 0)
    async with media.open_writer(ours, media.VP8) as out:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(out.send, big)
                await trio.testing.wait_all_tasks_blocked()
                with pytest.raises(trio.BusyResourceError):
                    await out.send(big)
                scope.cancel()
        with pytest.raises(trio.BrokenResourceError):
            await out.send(big)


async def test_closing_is_final_and_may_be_repeated(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    async with media.open_writer(path, media.OPUS) as out:
        await out.send(OPUS_FRAMES[0])
        await out.aclose()
        await out.aclose()
        size = path.stat().st_size
        with pytest.raises(trio.ClosedResourceError):
            await out.send(OPUS_FRAMES[1])
    assert path.stat().st_size == size


class SlowFile(io.BytesIO):
    """A file whose first write is held up in its thread, and may fail then."""

    def __init__(self, error: Exception | None = None) -> None:
        super().__init__()
        self.entered, self.left = trio.Event(), threading.Event()
        self.error = error
        self.token = trio.lowlevel.current_trio_token()

    def write(self, data: object, /) -> int:
        if not self.left.is_set():
            self.token.run_sync_soon(self.entered.set)
            assert self.left.wait(10)
            if self.error is not None:
                raise self.error
        return super().write(data)  # type: ignore[arg-type]  # passed on


BIG = media.EncodedFrame(VP8_FRAMES[0].data + bytes(100_000), 0, 0.04)


async def test_a_slow_disk_holds_nobody_up() -> None:
    file = SlowFile()
    async with media.open_writer(file, media.VP8) as out:
        for number in range(40):
            with trio.testing.assert_checkpoints():
                await out.send(dataclasses.replace(BIG, timestamp=number / 25))
        await file.entered.wait()
        assert file.getvalue() == b""
        file.left.set()
    assert len(read(IvfDemuxer("a"), file.getvalue())) == 40


async def test_more_than_8_mib_are_waited_for() -> None:
    file = SlowFile()
    async with media.open_writer(file, media.VP8) as out:
        sent = 0
        with trio.CancelScope() as scope:
            while True:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(out.send, dataclasses.replace(BIG, timestamp=sent / 25))
                    await trio.testing.wait_all_tasks_blocked()
                    sent += 1
                    if nursery.child_tasks:
                        with pytest.raises(trio.BusyResourceError):
                            await out.send(BIG)
                        scope.cancel()
        assert 8 * 1024 * 1024 < sent * 100_000 < 9 * 1024 * 1024
        file.left.set()
        await out.send(dataclasses.replace(BIG, timestamp=sent / 25))
    assert len(read(IvfDemuxer("a"), file.getvalue())) == sent + 1


async def test_what_was_sent_is_on_the_disk_a_second_later(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    path = tmp_path / "a.ivf"
    async with media.open_writer(path, media.VP8) as out:
        await out.send(VP8_FRAMES[0])
        assert path.stat().st_size == 0
        await trio.sleep(1.1)
        await out.send(VP8_FRAMES[1])
        while path.stat().st_size == 0:
            await trio.sleep(0.1)
        frames, _ = read_damaged(IvfDemuxer("a"), path.read_bytes())
        assert [frame.data for frame in frames] == [frame.data for frame in VP8_FRAMES[:2]]


async def test_a_cancelled_writer_leaves_a_stuck_disk_after_two_seconds(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    file, started = SlowFile(), trio.current_time()
    with trio.CancelScope() as scope:
        async with media.open_writer(file, media.VP8) as out:
            await out.send(VP8_FRAMES[0])
            scope.cancel()
            await out.send(VP8_FRAMES[1])
    assert trio.current_time() - started == pytest.approx(2.0)
    assert "still being written" in caplog.text
    file.left.set()
    while len(file.getvalue()) < 100 or file.getvalue()[24:28] == bytes(
        4
    ):  # it is ended all the same
        await trio.sleep(0.01)


async def test_closing_while_a_thread_writes_ends_the_file_behind_it() -> None:
    file = SlowFile()
    async with media.open_writer(file, media.VP8) as out, trio.open_nursery() as nursery:
        await out.send(BIG)
        await file.entered.wait()
        nursery.start_soon(out.aclose)
        await trio.testing.wait_all_tasks_blocked()
        file.left.set()
    assert read(IvfDemuxer("a"), file.getvalue())[0].data == BIG.data
    assert file.getvalue()[24:28] == (3600).to_bytes(4, "little")


async def write_for_ever(file: io.BytesIO) -> None:
    async with media.open_writer(file, media.VP8) as out:
        while True:
            await out.send(BIG)


async def test_what_went_wrong_in_the_background_is_raised() -> None:
    for error, expected in (
        (OSError(5, "Input/output error"), MediaError),
        (ValueError("it was closed"), ValueError),
    ):
        file = SlowFile(error)

        async def let_go(file: SlowFile = file) -> None:
            await file.entered.wait()
            file.left.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(let_go)
            with pytest.raises(expected, match=str(error.args[-1])):
                await write_for_ever(file)
        assert file.getvalue() == b""


async def test_files_are_private(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    async with media.open_writer(path, media.OPUS) as out:
        await out.send(OPUS_FRAMES[0])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_frames_before_the_first_key_frame_are_counted() -> None:
    file = io.BytesIO()
    async with media.open_writer(file, media.VP8) as out:
        for frame in VP8_FRAMES[1:10]:
            await out.send(frame)
        assert (out.written, out.skipped) == (5, 4)
    assert [item.data for item in read(IvfDemuxer("a"), file.getvalue())] == [
        item.data for item in VP8_FRAMES[5:10]
    ]


async def test_a_frame_of_another_codec_is_refused_and_the_file_goes_on() -> None:
    file = io.BytesIO()
    async with media.open_writer(file, media.H264) as out:
        with pytest.raises(LocalProtocolError, match="Annex B"):
            await out.send(VP8_FRAMES[0])
        for frame in H264_FRAMES:
            await out.send(frame)
    assert len(read(AnnexBDemuxer("a"), file.getvalue())) == 30


async def test_a_name_that_promises_another_format_is_refused(tmp_path: Path) -> None:
    for name, codec, advice in (
        ("talk.wav", media.OPUS, "name it .ogg"),
        ("talk.ivf", media.OPUS, "name it .ogg"),
        ("cam.webm", media.VP8, "name it .ivf"),
        ("cam.MP4", media.H264, "name it .h264"),
        ("cam.ogg", media.VP8, "name it .ivf"),
    ):
        with pytest.raises(ContainerError, match=advice):
            async with media.open_writer(tmp_path / name, codec):
                pass
        assert not (tmp_path / name).exists(), name


async def test_a_codec_with_other_parameters_is_the_same_codec() -> None:
    file = io.BytesIO()
    async with media.open_writer(file, media.Codec("OPUS", "audio/OPUS", "audio", 48_000, 1)):
        pass
    assert read(OggOpusDemuxer("a"), file.getvalue()) == []
    with pytest.raises(MediaError, match="AV1 cannot be stored"):
        async with media.open_writer(file, media.Codec("AV1", "video/AV1", "video", 90_000)):
            pass


async def test_a_file_that_cannot_be_created_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"cannot open .*a\.ogg: No such file"):
        async with media.open_writer(tmp_path / "none" / "a.ogg", media.OPUS):
            pass


class FullDisk(io.BytesIO):
    def write(self, data: object, /) -> int:
        raise OSError(28, "No space left on device")


async def test_a_full_disk_is_a_media_error_and_the_writer_is_broken_then() -> None:
    with pytest.raises(MediaError, match="cannot write the file: No space left on device"):
        await write_for_ever(FullDisk())

    async def send() -> None:
        while True:
            await out.send(BIG)

    async with media.open_writer(FullDisk(), media.VP8) as out:
        with pytest.raises(MediaError, match="No space left"):
            await send()
        with pytest.raises(trio.BrokenResourceError):
            await send()


class SmallDisk(io.BytesIO):
    """A disk with room for 20 kB, which takes what fits."""

    def write(self, data: object, /) -> int:
        room = 20_000 - self.tell()
        if room <= 0:
            raise OSError(28, "No space left on device")
        return super().write(bytes(data)[:room])  # type: ignore[call-overload]  # bytes or a view


async def test_what_is_in_a_file_when_the_disk_is_full_can_be_read() -> None:
    for codec, frames, demuxer in (
        (media.OPUS, OPUS_FRAMES, OggOpusDemuxer("a")),
        (media.VP8, VP8_FRAMES, IvfDemuxer("a")),
    ):
        disk = SmallDisk()

        async def record(
            disk: SmallDisk = disk,
            codec: media.Codec = codec,
            frames: list[media.EncodedFrame] = frames,
        ) -> None:
            async with media.open_writer(disk, codec) as out:
                for frame in frames * 20:
                    await out.send(frame)

        with pytest.raises(MediaError, match="No space left"):
            await record()
        found, _ = read_damaged(demuxer, disk.getvalue())
        assert len(found) > 5, codec.name
        expected = (frames * 20)[: len(found)]
        assert [frame.data for frame in found] == [frame.data for frame in expected], codec.name


async def test_a_disk_that_is_full_at_the_end_is_a_media_error() -> None:
    with pytest.raises(MediaError, match="No space left"):
        async with media.open_writer(FullDisk(), media.OPUS) as out:
            await out.send(OPUS_FRAMES[0])


async def test_a_codec_that_is_none_is_refused_with_an_example() -> None:
    wrong: Any
    for wrong in ("opus", None, "audio/opus"):
        with pytest.raises(TypeError, match=r"such as media\.OPUS"):
            async with media.open_writer(io.BytesIO(), wrong):
                pytest.fail("it was opened")


async def test_what_is_no_frame_is_refused_and_the_file_goes_on() -> None:
    wrong: Any
    for wrong in (b"abc", None, OPUS_FRAMES):
        target = io.BytesIO()
        async with media.open_writer(target, media.OPUS) as out:
            await out.send(OPUS_FRAMES[0])
            with pytest.raises(TypeError, match=r"a media\.EncodedFrame is needed"):
                await out.send(wrong)
            await out.send(OPUS_FRAMES[1])
            assert out.written == 2, wrong
        assert len(read(OggOpusDemuxer("copy"), target.getvalue())) == 2, wrong


async def test_an_impossible_duration_is_refused_and_the_file_goes_on() -> None:
    for duration in (float("nan"), float("inf")):
        target = io.BytesIO()
        async with media.open_writer(target, media.OPUS) as out:
            with pytest.raises(ValueError, match="the duration of a frame cannot be"):
                await out.send(dataclasses.replace(OPUS_FRAMES[0], duration=duration))
            await out.send(OPUS_FRAMES[0])
        assert len(read(OggOpusDemuxer("copy"), target.getvalue())) == 1, duration

"""``lktrio demo``: real media through the whole stack, compared frame by frame."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from lktrio import media
from lktrio.cli import demo
from lktrio.cli.demo import Recording, difference
from lktrio.media import EncodedFrame, samples
from lktrio.room import LocalParticipant, LocalTrack
from tests.cli.shell import Shell, clean_environment, command, run_process
from tests.support.cases import each_case

_PATIENCE = 60


async def read(path: Path) -> list[EncodedFrame]:
    async with media.open_reader(path) as reader:
        return [frame async for frame in reader]


async def write(path: Path, codec: media.Codec, frames: list[EncodedFrame]) -> Path:
    async with media.open_writer(path, codec, start=frames[0].timestamp) as out:
        for frame in frames:
            await out.send(frame)
    return path


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, str, str]:
    """Options for a demo of less than a second."""
    folder = tmp_path_factory.mktemp("short")

    async def make() -> None:
        await write(folder / "short.ogg", media.OPUS, (await read(samples.AUDIO))[:30])
        await write(folder / "short.ivf", media.VP8, (await read(samples.VIDEO))[:15])

    trio.run(make)
    return ("--audio", str(folder / "short.ogg"), "--video", str(folder / "short.ivf"))


def test_the_shipped_files_arrive_unchanged(tmp_path: Path) -> None:
    result = run_process("demo", "--output", str(tmp_path))
    assert (result.code, result.err) == (0, "")
    assert result.lines[-1] == "everything arrived unchanged"
    assert any(line.startswith("the recorder joined in ") for line in result.lines)
    assert "audio: 251 of 251 frames" in result.lines
    assert "video: 125 of 125 frames" in result.lines
    for name, source in (("audio.ogg", samples.AUDIO), ("video.ivf", samples.VIDEO)):
        assert f"  {tmp_path / name}" in result.lines
        published, recorded = trio.run(read, source), trio.run(read, tmp_path / name)
        assert [frame.data for frame in recorded] == [frame.data for frame in published]
    message = (tmp_path / "message.txt").read_bytes()
    assert message == b"The recorder should write this down."
    told = "\n".join(result.lines)
    for line in (
        r"the embedded server listens at ws://127\.0\.0\.1:\d+",
        r"the recorder joined in \d+\.\d ms",
        r"the publisher joined in \d+\.\d ms",
        r"audio: 251 of 251 frames \(opus\), 0 lost \(0\.0%\), the first after \d+\.\d ms; identi",
        r"video: 125 of 125 frames \(VP8\), 0 lost \(0\.0%\), the first after \d+\.\d ms; identi",
        r"data: the message is identical",
    ):
        assert re.search(f"(?m)^{line}", told), line


def test_json_tells_what_was_measured(shell: Shell, tmp_path: Path, short: tuple[str, ...]) -> None:
    result = shell("demo", "--json", "--output", str(tmp_path / "new" / "folder"), *short)
    assert result.err == ""
    measured = result.json
    assert measured["ok"] is True
    assert measured["data"]["arrived"] is True
    assert all(0 < seconds < 10 for seconds in measured["joined"].values())
    assert set(measured["joined"]) == {"recorder", "publisher"}
    audio, video = measured["tracks"]
    assert (audio["published"], audio["recorded"], audio["lost"]) == (30, 30, 0)
    assert (video["published"], video["recorded"], video["dropped"]) == (15, 15, 0)
    assert all(0 < track["firstFrame"] < 10 for track in (audio, video))
    assert Path(video["file"]).parent == tmp_path / "new" / "folder"


def test_h264_is_recorded_as_a_stream(shell: Shell, tmp_path: Path, short: tuple[str, ...]) -> None:
    pytest.importorskip("av", reason="PyAV is not installed")
    from tests.media import oracle

    source = tmp_path / "clip.h264"
    source.write_bytes(oracle.h264(size=(320, 180), frames=20, gop=20))
    output = tmp_path / "out"
    result = shell("demo", *short[:2], "--video", str(source), "--output", str(output))
    assert (result.code, result.err) == (0, "")
    published, recorded = trio.run(read, source), trio.run(read, output / "video.h264")
    assert [frame.data for frame in recorded] == [frame.data for frame in published]
    assert len(recorded) == 20


def damaged(tmp_path: Path) -> Path:
    path = tmp_path / "damaged.ivf"
    path.write_bytes(samples.VIDEO.read_bytes()[:20_000])
    return path


def empty(tmp_path: Path) -> Path:
    path = tmp_path / "empty.ivf"
    path.write_bytes(samples.VIDEO.read_bytes()[:32])
    return path


@each_case(
    "make, complaint",
    [
        (damaged, "the file ends within a frame, at byte 20000"),
        (empty, "holds no frames to publish"),
        (lambda _: samples.AUDIO, "holds opus, which cannot be published as video"),
        (lambda folder: folder / "none.ivf", "none.ivf: No such file or directory"),
        (lambda _: Path(__file__), "looks like text"),
    ],
)
def test_a_file_that_cannot_be_published_is_told_in_one_line(
    shell: Shell, tmp_path: Path, make: object, complaint: str
) -> None:
    assert callable(make)
    result = shell("demo", "--video", str(make(tmp_path)), "--output", str(tmp_path / "out"))
    assert result.code == 1
    assert result.complaint.startswith("lktrio demo: ")
    assert complaint in result.complaint
    assert not (tmp_path / "out").exists()


def test_a_damaged_file_fails_from_the_shell_as_well(tmp_path: Path) -> None:
    result = run_process("demo", "--video", str(damaged(tmp_path)))
    assert result.code == 1
    assert result.complaint.endswith("the file ends within a frame, at byte 20000")


def test_what_arrives_changed_fails_the_demo(
    shell: Shell, tmp_path: Path, short: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = demo.difference

    async def spoiled(recording: Recording) -> str:
        if recording.kind == "video":
            data = bytearray(recording.target.read_bytes())
            data[-1] ^= 1
            recording.target.write_bytes(data)
        return await real(recording)

    monkeypatch.setattr(demo, "difference", spoiled)
    result = shell("demo", "--output", str(tmp_path), *short)
    assert (result.code, result.lines[-1]) == (1, "FAILED")
    assert any("frame 14 differs from what was published" in line for line in result.lines)
    assert any(line.endswith("identical to what was published") for line in result.lines)


def test_a_frame_that_is_lost_fails_the_demo(
    shell: Shell, tmp_path: Path, short: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    send = LocalTrack.send

    async def lossy(track: LocalTrack, frame: EncodedFrame) -> None:
        if track.kind == "video" or frame.timestamp != pytest.approx(0.2):
            await send(track, frame)

    monkeypatch.setattr(LocalTrack, "send", lossy)
    monkeypatch.setattr(demo, "_PATIENCE", 1.0)
    result = shell("demo", "--output", str(tmp_path), *short)
    assert (result.code, result.lines[-1]) == (1, "FAILED")
    (audio,) = [line for line in result.lines if line.startswith("audio: 29 of 30 frames (opus)")]
    assert "1 lost (3.3%)" in audio
    assert "identical" not in audio


def test_a_message_that_is_lost_fails_the_demo(
    shell: Shell, tmp_path: Path, short: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(*arguments: object, **more: object) -> None:
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(LocalParticipant, "publish_data", lose)
    monkeypatch.setattr(demo, "_PATIENCE", 1.0)
    result = shell("demo", "--output", str(tmp_path), *short)
    assert (result.code, result.lines[-1]) == (1, "FAILED")
    assert "data: the message did not arrive" in result.lines
    assert not (tmp_path / "message.txt").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals")
def test_a_terminal_shows_bars_that_move(tmp_path: Path, short: tuple[str, ...]) -> None:
    pytest.importorskip("rich", reason="rich is not installed")
    ours, theirs = os.openpty()
    environment = clean_environment({"TERM": "xterm", "COLUMNS": "200", "LINES": "50"})
    words = command("demo", "--output", str(tmp_path), *short)
    with subprocess.Popen(words, env=environment, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how the end of a terminal is told
            while data := os.read(ours, 65536):
                shown += data
        assert process.wait(_PATIENCE) == 0
    os.close(ours)
    assert b"\x1b[" in shown
    assert shown.count(b"audio") > 3  # drawn again and again
    assert b"30/30" in shown
    assert b"15/15" in shown
    assert b"everything arrived unchanged" in shown


def test_ctrl_c_leaves_in_order_and_leaves_nothing(tmp_path: Path) -> None:
    environment = clean_environment({"TMPDIR": str(tmp_path)})
    process = subprocess.Popen(
        command("demo"),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = threading.Timer(_PATIENCE, process.kill)
    deadline.start()
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        while not process.stdout.readline().startswith("audio: 63 of"):
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(_PATIENCE) == 130
        assert process.stderr.read() == "interrupted\n"
    deadline.cancel()
    assert not list(tmp_path.iterdir())


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    frames = trio.run(read, samples.VIDEO)[:10]
    return Recording("video", samples.VIDEO, media.VP8, tmp_path / "video.ivf", frames)


def compare(recording: Recording, recorded: list[EncodedFrame]) -> str:
    async def run() -> str:
        await write(recording.target, recording.codec, recorded)
        return await difference(recording)

    return trio.run(run)


def test_equal_recordings_do_not_differ(recording: Recording) -> None:
    assert compare(recording, recording.expected) == ""


def test_a_later_beginning_is_no_difference(recording: Recording) -> None:
    later = [replace(frame, timestamp=frame.timestamp + 7) for frame in recording.expected]
    assert compare(recording, later) == ""


def test_a_missing_frame_is_found(recording: Recording) -> None:
    assert compare(recording, recording.expected[:-1]) == "9 frames were recorded, 10 published"


def test_a_changed_frame_is_found(recording: Recording) -> None:
    changed = [*recording.expected]
    changed[4] = replace(changed[4], data=changed[4].data + b"\x00")
    assert compare(recording, changed) == "frame 4 differs from what was published"


def test_a_frame_at_another_time_is_found(recording: Recording) -> None:
    moved = [*recording.expected]
    moved[4] = replace(moved[4], timestamp=moved[4].timestamp + 0.01)
    assert compare(recording, moved) == "frame 4 is 10.0 ms from its place"


def test_a_damaged_recording_is_found(recording: Recording) -> None:
    compare(recording, recording.expected)
    recording.target.write_bytes(recording.target.read_bytes()[:-1])
    assert trio.run(difference, recording).startswith("the recording cannot be read: ")


def test_results_are_json_even_before_anything_was_measured() -> None:
    from lktrio.cli.progress import SilentProgress

    results = demo.Demo(samples.AUDIO, samples.VIDEO, None, SilentProgress()).results()
    assert json.loads(json.dumps(results))["ok"] is False

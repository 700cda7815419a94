"""The example programs do what they say, as programs of their own, on the embedded server."""

from __future__ import annotations

import re
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest
import trio

from lktrio import api, events, media, open_room
from lktrio.api import LiveKitAPI
from lktrio.auth import verify_token
from lktrio.devserver import DevServer, open_dev_server
from lktrio.errors import RpcError
from lktrio.media import EncodedFrame, samples
from tests.examples.program import EXAMPLES, command, environment, running

ROOM = "demo"


async def read(path: Path) -> list[EncodedFrame]:
    async with media.open_reader(path) as reader:
        return [frame async for frame in reader]


async def write_short(path: Path, source: Path, count: int) -> Path:
    """The first frames of a file as a file."""
    async with media.open_reader(source) as reader, media.open_writer(path, reader.codec) as out:
        for _ in range(count):
            await out.send(await reader.receive())
    return path


async def run(server: DevServer, name: str, *words: str) -> list[str]:
    """Run a program that ends by itself; returns the lines it printed."""
    done = await trio.run_process(
        command(name, *words), env=environment(server), capture_stdout=True
    )
    return done.stdout.decode().splitlines()


def test_every_example_has_a_test() -> None:
    tests = Path(__file__).parents[1].rglob("test_*.py")
    tested = "".join(path.read_text(encoding="utf-8") for path in tests)
    for example in EXAMPLES.glob("*.py"):
        assert example.stem in tested


async def test_make_token_prints_a_token_to_join_with() -> None:
    async with open_dev_server() as server:
        (token,) = await run(server, "make_token.py", "alice", ROOM)
        claims = verify_token(token, (server.api_key, server.api_secret))
        assert (claims.identity, claims.video.room, claims.video.room_join) == ("alice", ROOM, True)
        async with open_room(server.url, token) as room:
            assert room.local_participant.identity == "alice"


async def test_list_rooms_prints_rooms_and_people() -> None:
    async with (
        open_dev_server() as server,
        LiveKitAPI(server.url, server.api_key, server.api_secret) as lk,
    ):
        empty = await lk.room.create_room(api.CreateRoomRequest(name="empty"))
        async with open_room(server.url, server.token("alice", ROOM)) as room:
            async with room.local_participant.publish_track(media.OPUS):
                lines = await run(server, "list_rooms.py")
            assert f"'empty' ({empty.sid})" in lines
            place = lines.index(f"{ROOM!r} ({room.sid})")
            assert lines[place + 1] == "  'alice': 1 tracks"
            assert len(lines) == 3


async def test_chat_bot_answers() -> None:
    async with open_dev_server() as server, running(server, "chat_bot.py", ROOM) as program:
        assert await program.line() == f"listening in {ROOM}"
        async with open_room(server.url, server.token("alice", ROOM)) as alice:
            me = alice.local_participant
            news = alice.events(events.ChatReceived)
            message = await me.send_chat_message("how are you")
            first = (await news.receive()).message
            await me.edit_chat_message("who", message)
            second = (await news.receive()).message
            assert (first.text, second.text, second.id) == ("3 words", "1 words", first.id)
            await me.publish_dtmf("5")
            assert (await news.receive()).message.text == "somebody pressed 5"
        program.process.send_signal(signal.SIGINT)
        assert await program.rest() == ["'alice': 3 words", "'alice': 1 words", "interrupted"]


async def test_exchange_files_saves_and_sends(tmp_path: Path) -> None:
    ours, saved = tmp_path / "ours.bin", tmp_path / "saved"
    ours.write_bytes(bytes(range(256)) * 1000)
    async with open_dev_server() as server:
        async with open_room(server.url, server.token("alice", ROOM)) as alice:
            files = alice.byte_streams("files")
            words = (ROOM, "bob", str(saved), str(ours))
            async with running(server, "exchange_files.py", *words) as program:
                assert await program.line() == f"exchanging files in {ROOM}"
                file = await files.receive()
                assert await file.read_all() == ours.read_bytes()
                assert await program.line() == f"{ours}: sent"
                me = alice.local_participant
                stream_id = await me.send_bytes(b"\0" * 9, topic="files", name="../../etc/passwd")
                name = media.safe_file_name("alice", stream_id, "../../etc/passwd")
                assert await program.line() == f"{name}: 9 bytes of 'alice'"
                with trio.CancelScope() as scope:
                    async with me.stream_bytes(topic="files", name="half") as half:
                        await half.send_all(b"1")
                        scope.cancel()
                assert "half did not arrive" in await program.line()
                program.process.send_signal(signal.SIGINT)
                assert await program.rest() == ["interrupted"]
        assert [path.name for path in saved.iterdir()] == [name]


async def test_echo_data_returns_messages_to_their_sender() -> None:
    async with open_dev_server() as server, running(server, "echo_data.py", ROOM) as program:
        assert await program.line() == f"listening in {ROOM}"
        async with (
            open_room(server.url, server.token("alice", ROOM)) as alice,
            open_room(server.url, server.token("bob", ROOM)) as bob,
        ):
            heard, overheard = (room.events(events.DataReceived) for room in (alice, bob))
            send = partial(alice.local_participant.publish_data, destination_identities=["echo"])
            for reliable in (True, False):
                await send(b"\x00hello", topic="t", reliable=reliable)
                echo = await heard.receive()
                assert echo.participant is not None
                assert echo.participant.identity == "echo"
                assert (echo.data, echo.topic, echo.reliable) == (b"\x00hello", "t", reliable)
                assert await program.line() == "6 bytes of 'alice'"
            await bob.local_participant.publish_data(b"from bob")
            assert (await overheard.receive()).data == b"from bob"  # and nothing before it
        program.process.send_signal(signal.SIGINT)
        assert await program.rest() == ["8 bytes of 'bob'", "interrupted"]


async def test_share_sensor_shares_readings() -> None:
    async with (
        open_dev_server() as server,
        running(server, "share_sensor.py", ROOM, "read") as reader,
    ):
        async with running(server, "share_sensor.py", ROOM, "publish") as publisher:
            assert await publisher.line() == f"publishing 'load' in {ROOM}"
            first, second = await reader.line(), await reader.line()
            assert re.fullmatch(r"publish-\d+: [\d.]+", first)
            assert second.startswith(first.partition(":")[0])
            publisher.process.send_signal(signal.SIGINT)
            assert await publisher.rest() == ["interrupted"]
        while not (line := await reader.line()).endswith("has stopped"):
            assert line.startswith("publish-")
        async with running(server, "share_sensor.py", ROOM, "publish") as publisher:
            await publisher.line()
            async with LiveKitAPI(server.url, server.api_key, server.api_secret) as lk:
                await lk.room.delete_room(api.DeleteRoomRequest(room=ROOM))
            assert await publisher.rest() == ["the room is closed (room_deleted)"]
        assert all(line.startswith("publish-") for line in await reader.rest())


async def test_calculate_answers_calls() -> None:
    async with open_dev_server() as server:
        with pytest.raises(subprocess.CalledProcessError):
            await run(server, "calculate.py", ROOM, "1")
        async with running(server, "calculate.py", ROOM) as program:
            assert await program.line() == f"serving in {ROOM}"
            assert await run(server, "calculate.py", ROOM, "1", "2", "39") == ["42.0"]
            assert await program.line() == "42.0 for 'somebody'"
            async with open_room(server.url, server.token("alice", ROOM)) as alice:
                with pytest.raises(RpcError, match="not numbers") as caught:
                    await alice.local_participant.perform_rpc("calculator", "add", '["a"]')
                assert caught.value.code == 1
            program.process.send_signal(signal.SIGINT)
            assert await program.rest() == ["interrupted"]


async def test_publish_file_plays_every_file(tmp_path: Path) -> None:
    audio = await write_short(tmp_path / "a.ogg", samples.AUDIO, 25)
    video = await write_short(tmp_path / "v.ivf", samples.VIDEO, 60)  # two keyframes
    received: dict[str, list[bytes]] = {}

    async def receive(event: events.TrackSubscribed) -> None:
        frames = event.track.frames()
        received[event.publication.name] = [frame.data async for frame in frames]

    async with (
        open_dev_server() as server,
        open_room(server.url, server.token("listener", ROOM)) as room,
        trio.open_nursery() as nursery,
    ):
        subscribed = room.events(events.TrackSubscribed)
        async with running(server, "publish_file.py", ROOM, str(audio), str(video)) as program:
            for _ in range(2):
                nursery.start_soon(receive, await subscribed.receive())
            assert sorted(await program.rest()) == [
                f"{audio} has been played",
                f"{video} has been played",
            ]
    for path, least in ((audio, 20), (video, 1)):
        sent = [frame.data for frame in await read(path)]
        got = received[path.name]
        assert len(got) >= least  # the last ones may be overtaken by the end of the track
        start = sent.index(got[0])
        assert sent[start : start + len(got)] == got


async def test_record_room_writes_a_file_for_every_track(tmp_path: Path) -> None:
    codecs = {"audio": media.OPUS, "video": media.VP8}
    sources = {"audio": await read(samples.AUDIO), "video": await read(samples.VIDEO)}
    async with (
        open_dev_server() as server,
        running(server, "record_room.py", ROOM, str(tmp_path)) as program,
    ):
        assert await program.line() == f"recording {ROOM}"
        async with open_room(server.url, server.token("alice", ROOM)) as room:
            for kind, codec in codecs.items():
                async with room.local_participant.publish_track(codec) as track:
                    announced = await program.line()  # the recorder reads it from here on
                    path, _, whose = announced.partition(": ")
                    assert whose == f"{kind} of 'alice'"
                    assert Path(path).stem == f"alice-{track.sid}"
                    for frame in sources[kind][:20]:
                        await track.send(frame)
                written = re.fullmatch(rf"{path}: (\d+) frames, 0 missed", await program.line())
                assert written is not None
                recorded = await read(Path(path))
                assert len(recorded) == int(written[1]) >= 10
                for ours, theirs in zip(recorded, sources[kind], strict=False):
                    assert ours.data == theirs.data
        program.process.send_signal(signal.SIGINT)
        assert await program.rest() == ["interrupted"]


async def test_record_room_ends_its_files_when_interrupted(tmp_path: Path) -> None:
    async with open_dev_server() as server:
        room_at = open_room(server.url, server.token("alice", ROOM))
        async with room_at as room, room.local_participant.publish_track(media.OPUS) as track:
            async with running(server, "record_room.py", ROOM, str(tmp_path)) as program:
                lines = [await program.line(), await program.line()]
                assert f"recording {ROOM}" in lines  # the track was there before
                for frame in (await read(samples.AUDIO))[:20]:
                    await track.send(frame)
                program.process.send_signal(signal.SIGINT)
                assert "interrupted" in await program.rest()
            (path,) = tmp_path.iterdir()
            recorded = await read(path)  # which would raise if the file had not been ended
            assert [frame.data for frame in recorded] == [
                frame.data for frame in (await read(samples.AUDIO))[: len(recorded)]
            ]


@pytest.mark.parametrize("name", ["record_room.py", "echo_data.py"])
async def test_examples_end_with_the_room(name: str, tmp_path: Path) -> None:
    words = [str(tmp_path)] if name == "record_room.py" else []
    async with open_dev_server() as server, running(server, name, ROOM, *words) as program:
        await program.line()
        async with LiveKitAPI(server.url, server.api_key, server.api_secret) as lk:
            await lk.room.delete_room(api.DeleteRoomRequest(room=ROOM))
        assert await program.rest() == []

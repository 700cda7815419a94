"""``lktrio room join``, ``send-text``, ``send-file`` and ``rpc`` go into a room and out again."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
import trio

from lktrio import events, media
from lktrio.api import RoomParticipantIdentity
from lktrio.cli.room_events import NOISE, Shown, TextReceived, to_line, to_record
from lktrio.cli.room_join import Console
from lktrio.errors import RpcError
from lktrio.room import ChatMessage, DisconnectReason, Room, RpcInvocation
from tests.cli.shell import Shell, clean_environment, command
from tests.support.pcapng import read_log
from tests.support.server_thread import Guest, ServerThread
from tests.support.servers import PATIENCE, RoomServer, open_server, until

_PATIENCE = 30.0  # seconds


async def next_of(room: Room, kind: type[Any], condition: Callable[[Any], bool]) -> Any:
    return await room.wait_for(kind, condition)


def chat(guest: Guest, text: str) -> events.ChatReceived:
    """The chat message of this text, once it has come."""
    waiting = partial(next_of, guest.room, events.ChatReceived, lambda e: e.message.text == text)
    event: events.ChatReceived = guest.run(waiting)
    return event


# Being there


class Visit:
    """A console in a room, in virtual time."""

    def __init__(self, room: Room, *topics: str) -> None:
        self.shown: list[Shown] = []
        self.typing, lines = trio.open_memory_channel[str](10)
        self.console = Console(room, self.show, topics)
        self.run = partial(self.console.run, lines)
        self.readable = trio.Event()
        self.readable.set()

    async def show(self, event: Shown) -> None:
        await self.readable.wait()
        self.shown.append(event)

    def lines(self) -> list[str]:
        return [to_line(event) for event in self.shown if not isinstance(event, NOISE)]


@pytest.mark.virtual_time
async def test_what_happens_is_shown_and_what_is_typed_is_said() -> None:
    async with (
        open_server("embedded", "demo") as server,
        server.join("me") as room,
        server.join("alice\x1b[2J") as alice,
        trio.open_nursery() as nursery,
    ):
        visit = Visit(room, "notes", "notes")
        nursery.start_soon(partial(visit.run, leave_at_end=False))
        heard = alice.events(events.ChatReceived)
        for line in ("hello", "", "grüß dich"):
            await visit.typing.send(line)
        assert [(await heard.receive()).message.text for _ in range(2)] == ["hello", "grüß dich"]
        them = alice.local_participant
        message = await them.send_chat_message("one\x1b]0;title\x07\nforged")
        await them.edit_chat_message("two", message)
        await them.send_text("a text", topic="notes")
        await them.publish_data(b"\x00\xff", topic="raw")
        await them.publish_data("text")
        await them.publish_dtmf("5")
        async with them.publish_track(media.OPUS, name="mic"):
            await until(lambda: "publishes" in visit.lines()[-1])
        await until(lambda: "no longer" in visit.lines()[-1])
        await alice.leave()
        await until(lambda: "has left" in visit.lines()[-1])
        await visit.typing.aclose()  # the end of the input is not the end of the visit
        await room.leave()
    name = "alice\\x1b[2J"
    published, unpublished = (line for line in visit.lines() if "publishes" in line)
    assert published.startswith(f"{name} publishes audio mic (microphone, TR_")
    assert unpublished.startswith(f"{name} no longer publishes audio mic")
    rest = [line for line in visit.lines() if "ublish" not in line and "Track" not in line]
    assert sorted(rest) == sorted(
        [
            f"{name} is there",
            rf"<{name}> one\x1b]0;title\x07\nforged",
            f"<{name}> two (edited)",
            f"{name}, topic notes: a text",
            f"{name} sends 2 bytes, topic raw: 00 ff",
            f"{name} sends 4 bytes: text",
            f"{name} presses 5",
            f"{name} has left: client_initiated",
            "the room has ended: client_initiated",
        ]
    )


@pytest.mark.virtual_time
async def test_the_end_of_the_input_may_end_the_visit() -> None:
    async with (
        open_server("embedded", "demo") as server,
        server.join("me") as room,
        server.join("alice") as alice,
    ):
        await until(lambda: bool(room.remote_participants))
        visit = Visit(room)
        await visit.typing.send("x" * 100_000)
        await visit.typing.aclose()
        with trio.fail_after(PATIENCE):
            assert await visit.run(leave_at_end=True) == "client_initiated"
            await room.leave()
            said = await alice.wait_for(events.ChatReceived)
        assert said.message.text == "x" * 100_000


@pytest.mark.virtual_time
async def test_what_cannot_be_shown_in_time_is_counted() -> None:
    async with (
        open_server("embedded", "demo") as server,
        server.join("me") as room,
        server.join("alice") as alice,
    ):
        await until(lambda: bool(room.remote_participants))
        visit = Visit(room)
        visit.readable = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(visit.run, leave_at_end=False))
            for _ in range(30):
                await alice.local_participant.send_chat_message("x" * 200_000)
            await alice.local_participant.wait_data_sent()
            await trio.sleep(1)
            visit.readable.set()
            await room.leave()
        shown = sum(isinstance(event, events.ChatReceived) for event in visit.shown)
        assert (shown, visit.console.dropped) == (20, 10)


@pytest.mark.virtual_time
async def test_a_room_that_ends_ends_the_visit() -> None:
    async with open_server("embedded", "demo") as server, server.join("me") as room:
        visit = Visit(room)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(end, server))
            with trio.fail_after(PATIENCE):
                assert await visit.run(leave_at_end=False) == "participant_removed"
        assert visit.lines()[-1] == "the room has ended: participant_removed"


async def end(server: RoomServer) -> None:
    async with server.api() as api:
        wanted = RoomParticipantIdentity(room=server.room, identity="me")
        await api.room.remove_participant(wanted)


@pytest.mark.virtual_time
async def test_every_event_can_be_shown() -> None:
    """As JSON and as a line, of which none has a control character; no token is among them."""
    shown: list[Shown] = [
        events.TokenRefreshed("secret"),
        events.RoomMetadataChanged("\x1b", ""),
        events.ChatReceived(ChatMessage("1", "x\u202e", 0.0, deleted=True), None),
        TextReceived("\n", None, "t"),
        events.Disconnected(DisconnectReason.ROOM_CLOSED),
    ]
    async with (
        open_server("embedded", "demo") as server,
        server.join("me") as room,
        server.join("alice", can_update_own_metadata=True) as alice,
    ):
        news = room.events()
        async with alice.local_participant.publish_track(media.VP8) as track:
            await track.wait_subscribed()
            await track.mute()
            await alice.local_participant.set_attributes({"a": "\x07"})
            while len(shown) < 12:
                shown.append(await news.receive())
    assert len({type(event) for event in shown}) > 8
    for event in shown:
        line, record = to_line(event), json.loads(json.dumps(to_record(event)))
        assert line.isprintable(), event
        assert record["event"] == type(event).__name__
        assert "secret" not in line + str(record)
    assert set(NOISE) <= set(get_args(events.RoomEvent))


# The commands


def test_lines_are_piped_into_a_room(connected: Shell, livekit: ServerThread) -> None:
    with livekit.guest("alice", "piped") as alice:
        words = ("room", "join", "piped", "--identity", "bob", "--exit-after-input")
        result = connected(*words, stdin="hello\nworld")
        assert (result.code, result.err) == (0, "in piped as bob\n")
        assert "alice is there" in result.lines
        assert chat(alice, "hello").participant is chat(alice, "world").participant
        records = [json.loads(line) for line in connected(*words, "--json").lines]
        assert {"event": "ParticipantConnected", "participant": "alice"} in records


@contextmanager
def visiting(livekit: ServerThread, room: str) -> Generator[subprocess.Popen[str], None, None]:
    """A process that is in a room, and whose standard input stays open."""
    process = subprocess.Popen(
        command("room", "join", room, "--identity", "bob"),
        env=clean_environment(livekit.environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = threading.Timer(_PATIENCE, process.kill)
    deadline.start()
    with process:
        yield process
    deadline.cancel()


def test_a_visit_ends_by_ctrl_c(livekit: ServerThread) -> None:
    with livekit.guest("alice", "visit") as alice:
        leaving = alice.room.events(events.ParticipantDisconnected)
        with visiting(livekit, "visit") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("typed\n")
            process.stdin.flush()  # and the terminal stays open
            chat(alice, "typed")
            alice.run(alice.room.local_participant.send_chat_message, "\x1b[31mseen")
            for line in process.stdout:
                if line == "<alice> \\x1b[31mseen\n":
                    break
            process.send_signal(signal.SIGINT)
            assert process.wait(_PATIENCE) == 0
        left = alice.run(leaving.receive)
        assert (left.participant.identity, left.reason) == ("bob", "client_initiated")


def test_a_visit_goes_on_while_its_terminal_is_stopped(livekit: ServerThread) -> None:
    """What is typed is sent, and Ctrl-C ends it, though nothing more can be written."""
    with livekit.guest("alice", "stopped") as alice:
        leaving = alice.room.events(events.ParticipantDisconnected)
        with visiting(livekit, "stopped") as process:
            assert process.stdin is not None
            assert process.stderr is not None
            assert process.stderr.readline() == "in stopped as bob\n"
            for _ in range(100):  # more than the 64 KiB of a pipe
                alice.run(alice.room.local_participant.send_chat_message, "x" * 1900)
            process.stdin.write("typed\n")
            process.stdin.flush()
            chat(alice, "typed")
            process.send_signal(signal.SIGINT)
            assert process.wait(_PATIENCE) == 0
        assert alice.run(leaving.receive).reason == "client_initiated"


def test_a_text_is_sent(connected: Shell, livekit: ServerThread, tmp_path: Path) -> None:
    with livekit.guest("alice", "texts") as alice:
        words = ("room", "send-text", "--room", "texts")
        assert connected.succeed(*words, "hello").out == "sent the text to everybody in texts\n"
        chat(alice, "hello")
        log = ("--packet-log", str(tmp_path / "call.pcapng"))
        assert connected(*words, *log, "logged").code == 0
        assert any(b"logged" in one.data for one in read_log(Path(log[1]).read_bytes()).packets)
        text = "long " * 50_000
        sent = connected.succeed(*words, "--to", "alice", "--json", "-", stdin=text).json
        assert chat(alice, text).message.id == sent["id"]
        assert (sent["size"], sent["topic"], sent["to"]) == (len(text), "lk.chat", ["alice"])
        token = livekit.token("bob", "texts")
        assert connected("room", "send-text", "--token", token, "by token").code == 0
        connected.environment({"LIVEKIT_TOKEN": token})
        assert connected("room", "send-text", "by the environment").code == 0
        for said in ("by token", "by the environment"):
            participant = chat(alice, said).participant
            assert participant is not None
            assert participant.identity == "bob"


def test_a_file_is_sent(connected: Shell, livekit: ServerThread, tmp_path: Path) -> None:
    path = tmp_path / "pic\x1bture.png"
    path.write_bytes(bytes(range(256)) * 1000)
    with livekit.guest("alice", "files") as alice:
        streams = alice.room.byte_streams("pictures")
        words = ("room", "send-file", "-r", "files", "--topic", "pictures", str(path))
        *quarters, last = connected.succeed(*words).lines
        assert quarters[-1] == r"pic\x1bture.png: 256000 of 256000 bytes"
        assert 1 <= len(quarters) <= 4  # steps may come together
        assert last == r"sent pic\x1bture.png to everybody in files"
        stream = alice.run(streams.receive)
        assert stream.info.name == path.name
        assert stream.info.mime_type == "image/png"
        assert alice.run(stream.read_all) == path.read_bytes()
        sent = connected.succeed(*words, "--name", "other", "--to", "alice", "--json").json
        assert (sent["name"], sent["size"], sent["to"]) == ("other", 256_000, ["alice"])
        stream = alice.run(streams.receive)
        assert (stream.info.id, stream.info.name) == (sent["id"], "other")
        path.write_bytes(b"")
        connected.succeed(*words)
        stream = alice.run(streams.receive)
        assert alice.run(stream.read_all) == b""


def test_a_method_is_called(connected: Shell, livekit: ServerThread) -> None:
    async def handle(call: RpcInvocation[str]) -> str:
        if call.payload == "no":
            raise RpcError(1234, "not\x1b today")
        return f"{call.payload}\n\x1b[31m"

    with livekit.guest("alice", "calls") as alice:
        livekit.start(alice.room.serve_rpc, "shout", handle)
        words = ("room", "rpc", "-r", "calls", "--to", "alice", "shout")
        assert connected.succeed(*words, "hello").lines == ["hello", "\\x1b[31m"]
        assert connected.succeed(*words, "-", "--json", stdin="x").json == {"answer": "x\n\x1b[31m"}
        refused = connected(*words, "no")
        assert refused.code == 1
        assert r"not\x1b today" in refused.complaint


def test_what_is_wrong_is_said(connected: Shell, livekit: ServerThread, tmp_path: Path) -> None:
    token = livekit.token("bob", "errors")
    nobody = ("-r", "errors", "--to", "nobody", "--wait", "100ms")
    for words, code, complaint in (
        (("join",), 2, "which room?"),
        (("join", "errors", "--token", token), 2, "name neither"),
        (("send-text", "-i", "me", "--token", token, "x"), 2, "name neither"),
        (("send-text", *nobody, "x"), 1, "nobody is not in the room errors"),
        (("send-file", "-r", "errors", str(tmp_path / "none")), 1, "No such file"),
        (("send-file", "-r", "errors", str(tmp_path)), 1, "directory"),
        (("rpc", *nobody, "--packet-log", str(tmp_path), "method"), 1, "packet log"),
        (("rpc", "-r", "errors", "method"), 2, "one participant"),
        (("rpc", *nobody, "method"), 1, "nobody is not in the room"),
        (("join", "--token", "x"), 1, "token"),
    ):
        result = connected("room", *words)
        assert result.code == code, (words, result)
        assert complaint in result.complaint, words

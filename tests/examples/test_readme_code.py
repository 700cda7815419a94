"""The Python of the README runs as it stands there, on the embedded server."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio

import lktrio
from lktrio import api, media, proto
from lktrio.auth import verify_token
from lktrio.devserver import DevServer, open_dev_server
from lktrio.media import samples
from lktrio.proto.codec import to_json
from lktrio.webhooks import signed_headers

README = Path(__file__).parents[2] / "README.md"
TOKENS_AND_API, ROOM, CALLS, RECORDING, WEBHOOKS_AND_SERVER = re.findall(
    r"(?sm)^```python\n(.*?)^```", README.read_text(encoding="utf-8")
)
PATIENCE = 60.0


def program(block: str, **names: Any) -> Callable[[], Awaitable[dict[str, Any]]]:
    """A block of code as an async function of no arguments that returns its variables."""
    body = textwrap.indent(block, "    ")
    scope: dict[str, Any] = dict(names)
    exec(f"async def run():\n{body}\n    return locals()\n", scope)
    run: Callable[[], Awaitable[dict[str, Any]]] = scope["run"]
    return run


def keys(server: DevServer) -> dict[str, str]:
    return {"url": server.url, "api_key": server.api_key, "api_secret": server.api_secret}


async def test_tokens_and_server_apis() -> None:
    with trio.fail_after(PATIENCE):
        async with open_dev_server() as server:
            found = await program(TOKENS_AND_API, **keys(server))()
    claims = verify_token(found["token"], (server.api_key, server.api_secret))
    assert (claims.identity, claims.video.room, claims.video.room_join) == ("bot", "demo", True)
    assert found["listed"] == api.ListParticipantsResponse()


async def test_a_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with (
        media.open_reader(samples.AUDIO) as reader,
        media.open_writer("talk.ogg", reader.codec) as out,
    ):
        for _ in range(25):
            await out.send(await reader.receive())
    with trio.fail_after(PATIENCE):
        async with (
            open_dev_server() as server,
            lktrio.open_room(server.url, server.token("listener", "demo")) as room,
        ):
            heard = room.events(lktrio.events.DataReceived, lktrio.events.TrackUnsubscribed)
            names = {"lktrio": lktrio, "url": server.url, "token": server.token("bot", "demo")}
            await program(ROOM, **names)()
            data = await heard.receive()
            assert isinstance(data, lktrio.events.DataReceived)
            assert (data.data, data.topic) == (b"hello", "chat")
            assert isinstance(await heard.receive(), lktrio.events.TrackUnsubscribed)


async def test_calls() -> None:
    with trio.fail_after(PATIENCE):
        async with (
            open_dev_server() as server,
            lktrio.open_room(server.url, server.token("bob", "demo")) as bob,
            lktrio.open_room(server.url, server.token("alice", "demo")) as alice,
            trio.open_nursery() as nursery,
        ):
            while not (alice.remote_participants and bob.remote_participants):
                await trio.sleep(0.01)
            both = SimpleNamespace(
                serve_rpc=bob.serve_rpc, local_participant=alice.local_participant
            )
            found = await program(CALLS, trio=trio, nursery=nursery, room=both)()
            assert found["total"] == "3"
            nursery.cancel_scope.cancel()


async def test_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async def publish(server: DevServer, file: Path) -> None:
        """Speak to the recorder, and end the room when it has heard something."""
        async with (
            lktrio.open_room(server.url, server.token("alice", "demo")) as room,
            lktrio.LiveKitAPI(server.url, server.api_key, server.api_secret) as lk,
            media.open_reader(samples.AUDIO) as reader,
        ):
            while "bot" not in room.remote_participants:
                await trio.sleep(0.01)
            async with room.local_participant.publish_track(media.OPUS) as track:
                while not (file / f"{track.sid}.ogg").exists():
                    await track.send(await reader.receive())
                for _ in range(40):
                    await track.send(await reader.receive())
            await lk.room.delete_room(api.DeleteRoomRequest(room="demo"))

    with trio.fail_after(PATIENCE):
        async with open_dev_server() as server, trio.open_nursery() as nursery:
            names = {"lktrio": lktrio, "url": server.url, "token": server.token("bot", "demo")}
            nursery.start_soon(program(RECORDING, **names))
            nursery.start_soon(publish, server, tmp_path)
    (path,) = tmp_path.glob("TR_*.ogg")
    async with media.open_reader(path) as recorded:
        assert recorded.codec == media.OPUS
        assert [frame async for frame in recorded]


async def test_webhooks_and_a_server() -> None:
    event = proto.WebhookEvent(event="room_started", id="EV_1", room=proto.Room(name="demo"))
    body = to_json(event).encode()
    names = {"lktrio": lktrio, "body": body, "headers": signed_headers(body, "key", "secret")}
    with trio.fail_after(PATIENCE):
        found = await program(WEBHOOKS_AND_SERVER, **names)()
    assert found["event"] == event
    assert found["room"].local_participant.identity == "alice"

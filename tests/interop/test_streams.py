"""Text and byte streams cross between LiveKit's own clients and ours, in every form there is."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from lktrio.errors import StreamAborted
from lktrio.events import EncryptionError
from lktrio.room import Room
from tests.interop.support.browser import needs_browser, open_browser
from tests.interop.support.child import open_child
from tests.interop.support.participant import open_participant
from tests.interop.support.reports import Program, Report
from tests.support.servers import SERVERS, open_server, until

pytest.importorskip("livekit.rtc", reason="LiveKit's Python SDK is not installed")
pytest.importorskip("av", reason="PyAV is not installed")

LIMIT = 60
TOPIC = "interop"

SHORT = "grüß dich, 世界!"
SQUEEZED = SHORT * 3000  # a single packet once it is compressed
LONG = "".join(random.Random(1).choices("grüßdich世界!abefjklmnopqtvwxyz 0123456789", k=60_000))
LARGE = LONG * 10  # compressed as it is sent
BLOB = random.Random(2).randbytes(100_000)
ZEROS = bytes(100_000)

on_each_server = pytest.mark.parametrize("which", SERVERS)
with_each_client = pytest.mark.parametrize(
    "client", ["python", pytest.param("browser", marks=needs_browser)]
)


@asynccontextmanager
async def open_call(
    which: str, client: str, profile: Path
) -> AsyncGenerator[tuple[Room, Program], None]:
    """A room of ours, and another client in it that serves the streams of the topic."""
    opened = open_browser(profile) if client == "browser" else open_child("official_client")
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            opened as other,
            open_participant(server.url, server.token("me")) as participant,
        ):
            await other.order(
                "join", url=server.url, token=server.token("other"), single_peer_connection=True
            )
            await other.order("serve_streams", topic=TOPIC)
            await participant.wait(lambda: "other" in participant.room.remote_participants)
            yield participant.room, other


def packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def digest(data: bytes | str) -> str:
    data = data.encode() if isinstance(data, str) else data
    return hashlib.sha256(data).hexdigest()


@on_each_server
@with_each_client
async def test_what_they_send_arrives(which: str, client: str, tmp_path: Path) -> None:
    to: dict[str, Any] = {"topic": TOPIC, "to": ["me"]}
    path = tmp_path / "picture.png"
    path.write_bytes(BLOB)
    async with open_call(which, client, tmp_path / "profile") as (room, other):
        texts, files = room.text_streams(TOPIC), room.byte_streams(TOPIC)
        stats = room.data_stats

        for name, text in (
            ("short", SHORT),
            ("squeezed", SQUEEZED),
            ("long", LONG),
            ("large", LARGE),
        ):
            before = stats.received
            await other.order("send_text", text=text, attributes={"a": "ü"}, **to)
            stream = await texts.receive()
            assert await stream.read_all() == text, name
            info = stream.info
            assert info.attributes == {"a": "ü"}, name
            assert info.total_length == len(text.encode()), name
            assert info.participant is room.remote_participants["other"], name
            assert (info.topic, info.mime_type) == (TOPIC, "text/plain"), name
            assert (stats.received - before == 1) is (text in (SHORT, SQUEEZED)), name

        await other.order("stream_text", pieces=[SHORT, LONG, SHORT], at_end={"z": "1"}, **to)
        stream = await texts.receive()
        assert await stream.receive() == SHORT
        assert await stream.read_all() == LONG + SHORT
        assert stream.info.attributes == ({"z": "1"} if client == "python" else {})
        assert stream.received == len((SHORT + LONG + SHORT).encode())

        pieces = [packed(BLOB), packed(BLOB[:1])]
        await other.order(
            "stream_bytes", pieces=pieces, at_end={}, name="a.bin", total=100_001, **to
        )
        file = await files.receive()
        assert await file.read_all() == BLOB + BLOB[:1]
        assert (file.info.name, file.info.total_length) == ("a.bin", 100_001)

        for content in (BLOB, ZEROS, b""):
            path.write_bytes(content)
            options = {"path": str(path)} if client == "python" else {"mime": "image/png"}
            if client == "browser":
                options |= {"name": path.name, "content": packed(content)}
            await other.order("send_file", **options, **to)
            file = await files.receive()
            assert await file.read_all() == content, len(content)
            assert (file.info.name, file.info.mime_type) == (path.name, "image/png")

        if client == "python":
            path.write_bytes(bytes(50_000_000))  # a packet of it unpacks to many megabytes
            await other.order("send_file", path=str(path), **to)
            size = 0
            async for piece in await files.receive():
                size += len(piece)
            assert size == 50_000_000
            await other.order("send_text", text=SHORT, reply_to_id="1", **to)
            assert (await texts.receive()).info.reply_to_stream_id == "1"
            await other.order("stream_text", pieces=["half"], at_end={}, reason="broken", **to)
            with pytest.raises(StreamAborted, match="broken"):
                await (await texts.receive()).read_all()
            return
        for name, data in (("short", b"abc"), ("squeezed", ZEROS), ("long", BLOB), ("none", b"")):
            await other.order("send_bytes", content=packed(data), name="b", **to)
            assert await (await files.receive()).read_all() == data, name
        attachment = {"name": "a.png", "mime": "image/png", "content": packed(BLOB)}
        await other.order("send_text", text=SHORT, attachments=[attachment], **to)
        stream, file = await texts.receive(), await files.receive()
        assert stream.info.attached_stream_ids == (file.info.id,)
        assert await file.read_all() == BLOB


@on_each_server
@with_each_client
async def test_they_get_what_we_send(which: str, client: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(BLOB)
    async with open_call(which, client, tmp_path / "profile") as (room, other):
        me, stats = room.local_participant, room.data_stats

        async def arrived(kind: str, stream_id: str, content: bytes | str) -> Report:
            report = await other.wait(kind, id=stream_id)
            assert (report["error"], report["digest"]) == ("", digest(content)), report
            assert (report["identity"], report["topic"]) == ("me", TOPIC)
            return report

        for to in ((), ("other",)):
            for name, text in (
                ("short", SHORT),
                ("squeezed", SQUEEZED),
                ("long", LONG),
                ("large", LARGE),
            ):
                before = stats.sent
                stream_id = await me.send_text(
                    text, topic=TOPIC, attributes={"a": "ü"}, destination_identities=to
                )
                assert (stats.sent - before == 1) is (text in (SHORT, SQUEEZED)), name
                report = await arrived("text_stream", stream_id, text)
                assert report["attributes"] == {"a": "ü"}, name
                assert report["total"] == len(text.encode()), name
                assert report["mime"] == "text/plain", name
        for data in (b"abc", ZEROS, BLOB, b"", LARGE.encode()):
            stream_id = await me.send_bytes(data, topic=TOPIC, name="b.bin")
            report = await arrived("byte_stream", stream_id, data)
            assert report["name"] == "b.bin"
        for content in (BLOB, ZEROS, LARGE.encode(), b""):
            path.write_bytes(content)
            stream_id = await me.send_file(path, topic=TOPIC)
            report = await arrived("byte_stream", stream_id, content)
            assert (report["name"], report["mime"]) == ("picture.png", "image/png")

        stream_id = await me.send_text(
            SHORT, topic=TOPIC, reply_to_stream_id="1", generated=True, attachments=[path]
        )
        (file_id,) = (await arrived("text_stream", stream_id, SHORT))["attached"]
        await arrived("byte_stream", file_id, b"")

        async with me.stream_text(topic=TOPIC) as out:
            for piece in (SHORT, LONG, SHORT):
                await out.send(piece)
            out.attributes["z"] = "1"
        report = await arrived("text_stream", out.id, SHORT + LONG + SHORT)
        assert report["attributes"] == {"z": "1"}
        async with me.stream_bytes(topic=TOPIC, total_length=100_000) as log:
            await log.send_all(BLOB[:40_000])
            await log.send_all(BLOB[40_000:])
        await arrived("byte_stream", log.id, BLOB)

        with trio.CancelScope() as scope:
            async with me.stream_text(topic=TOPIC) as out:
                await out.send("half")
                scope.cancel()
        report = await other.wait("text_stream", id=out.id)
        assert "cancelled" in report["error"]


@on_each_server
async def test_what_they_encrypt_is_refused(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_child("official_client") as other,
            open_participant(server.url, server.token("me")) as participant,
        ):
            token = server.token("other")
            await other.order("join", url=server.url, token=token, key="a secret of 16 B")
            await participant.wait(lambda: "other" in participant.room.remote_participants)
            await other.order("data", size=10, reliable=True, topic="secret")
            refused = await participant.wait_event(EncryptionError)
            assert refused.participant is participant.room.remote_participants["other"]
            await other.order("send_text", text="secret", topic=TOPIC)
            await until(lambda: participant.room.data_stats.encrypted >= 2)
            assert len(participant.seen(EncryptionError)) == 1

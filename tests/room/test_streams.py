"""Text and byte streams arrive whole, or end with an error of their own."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from lktrio.errors import (
    LengthMismatch,
    LocalProtocolError,
    SlowConsumer,
    StreamAborted,
    StreamError,
    StreamTooLarge,
)
from lktrio.room import ByteStreamReader, Room, RoomOptions, StreamProgress, TextStreamReader
from lktrio.room.streams.reader import MAX_WAITING
from tests.support.servers import VERSIONS, RoomServer, until

pytestmark = pytest.mark.virtual_time


async def both(first: Room, second: Room) -> None:
    await until(lambda: bool(first.remote_participants and second.remote_participants))


@VERSIONS
async def test_texts_and_files_arrive_whole(
    server: RoomServer, options: RoomOptions, tmp_path: Path
) -> None:
    text = "grüß dich, 世界! " * 5000
    blob = random.Random(1).randbytes(200_000)
    path = tmp_path / "picture.png"
    path.write_bytes(blob)
    async with server.join("bob", options) as bob, server.join("alice", options) as alice:
        await both(alice, bob)
        texts, files = bob.text_streams("lk.chat"), bob.byte_streams("lk.chat")
        me = alice.local_participant
        for sent in ("", "short", text):
            stream_id = await me.send_text(sent, topic="lk.chat", attributes={"a": "b"})
            stream = await texts.receive()
            assert await stream.read_all() == sent
            assert stream.info.id == stream_id
            assert stream.info.attributes == {"a": "b"}
            assert stream.info.total_length == len(sent.encode()) == stream.received
            assert stream.info.participant is bob.remote_participants["alice"]
        await me.send_text(
            "look", topic="lk.chat", attachments=[path], reply_to_stream_id="1", generated=True
        )
        info, file = (await texts.receive()).info, await files.receive()
        assert info.attached_stream_ids == (file.info.id,)
        assert (info.reply_to_stream_id, info.generated) == ("1", True)
        assert (file.info.name, file.info.mime_type) == ("picture.png", "image/png")
        assert await file.receive_some(10) == blob[:10]
        assert await file.read_all() == blob[10:]
        await me.send_bytes(blob, topic="lk.chat", destination_identities=["bob"])
        assert await (await files.receive()).read_all() == blob
        with pytest.raises(StreamError, match="nowhere"):
            await me.send_file(tmp_path / "nowhere")
        with pytest.raises(StreamError, match="nowhere"):
            await me.send_text("with", topic="lk.chat", attachments=[tmp_path / "nowhere"])
        await me.send_text("without", topic="lk.chat")
        assert await (await texts.receive()).read_all() == "without"


async def test_long_contents_are_compressed_where_it_helps(
    server: RoomServer, tmp_path: Path
) -> None:
    text = ("schön " * 10 + "\n").encode() * 20_000
    noise = random.Random(1).randbytes(1_000_000)
    path = tmp_path / "log"
    async with server.join("bob") as bob, server.join("alice") as alice:
        await both(alice, bob)
        me, files = alice.local_participant, bob.byte_streams("t")
        for name, content, compress, shrinks in (
            ("text", text, True, True),
            ("text as it is", text, False, False),
            ("noise", noise, True, False),
        ):
            path.write_bytes(content)
            chunks = len(content) / 15_000
            for send in (partial(me.send_bytes, content), partial(me.send_file, path)):
                before = alice.data_stats.sent
                await send(topic="t", compress=compress)
                stream = await files.receive()
                assert await stream.read_all() == content, name
                assert stream.info.total_length == len(content), name
                sent = alice.data_stats.sent - before
                assert (sent < chunks / 2) if shrinks else (sent > chunks), name
        await me.send_text(text.decode(), topic="t", compress=False)
        texts = bob.text_streams("t")
        await me.send_text(text.decode(), topic="t")
        assert await (await texts.receive()).read_all() == text.decode()


async def test_what_is_no_stream_is_refused_at_once(server: RoomServer) -> None:
    no: Any = None
    text: Any = "x"
    data: Any = b"x"
    number: Any = 1
    async with server.join("bob") as bob, server.join("alice") as alice:
        await both(alice, bob)
        me, texts = alice.local_participant, bob.text_streams("t")

        async def write(block: Any, value: Any = b"") -> None:
            async with block as out:
                await (out.send if hasattr(out, "send") else out.send_all)(value)

        wrong: list[tuple[str, type[Exception], Callable[[], Awaitable[object]]]] = [
            ("a text of bytes", TypeError, lambda: me.send_text(data, topic="t")),
            ("no text", TypeError, lambda: me.send_text(no, topic="t")),
            ("half a character", ValueError, lambda: me.send_text("\ud800", topic="t")),
            ("one path", TypeError, lambda: me.send_text("x", topic="t", attachments="a.png")),
            ("bytes of text", TypeError, lambda: me.send_bytes(text, topic="t")),
            ("an attribute", TypeError, lambda: me.send_text("x", attributes={"a": number})),
            (
                "a huge header",
                LocalProtocolError,
                lambda: me.send_text("x" * 9, topic="t" * 70_000),
            ),
            ("a negative length", ValueError, lambda: write(me.stream_bytes(total_length=-1))),
            ("bytes in a text", TypeError, lambda: write(me.stream_text(topic="u"), b"x")),
            ("text in bytes", TypeError, lambda: write(me.stream_bytes(topic="u"), "x")),
        ]
        for name, error, call in wrong:
            refused: Exception | None = None
            try:
                await call()
            except (TypeError, ValueError, LocalProtocolError) as caught:
                refused = caught
            assert isinstance(refused, error), name
        await me.send_text("right", topic="t")
        assert await (await texts.receive()).read_all() == "right"


async def test_progress_of_what_is_sent(server: RoomServer, tmp_path: Path) -> None:
    path = tmp_path / "noise"
    path.write_bytes(random.Random(1).randbytes(500_000))
    async with server.join("bob") as bob, server.join("alice") as alice:
        await both(alice, bob)
        me, files, texts = alice.local_participant, bob.byte_streams("t"), bob.text_streams("t")
        for send, total in (
            (partial(me.send_file, path), 500_000),
            (partial(me.send_bytes, b"abc"), 3),
            (partial(me.send_bytes, bytes(300_000)), 300_000),
            (partial(me.send_text, "abc", attachments=[path, path]), 1_000_003),
            (partial(me.send_file, tmp_path / "empty"), 0),
        ):
            (tmp_path / "empty").touch()
            async with trio.open_nursery() as nursery:
                progress: StreamProgress = await nursery.start(partial(send, topic="t"))
                steps = [step async for step in progress]
            assert steps == sorted(set(steps)), send
            assert (steps[-1], progress.total, progress.fraction) == (total, total, 1.0), send
        received = [await files.receive() for _ in range(6)]
        assert [stream.progress.total for stream in received][:2] == [500_000, 3]
        await texts.receive()
        async with me.stream_text(topic="t") as out:
            await out.send("ü")
            assert (out.sent, out.progress.transferred, out.progress.over) == (2, 2, False)
        assert out.progress.over
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                progress = await nursery.start(partial(me.send_file, path, topic="t"))
                scope.cancel()
        assert progress.over


async def test_pieces_are_read_as_they_come(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("alice") as alice:
        await both(alice, bob)
        texts, files = bob.text_streams("t"), bob.byte_streams("t")
        async with alice.local_participant.stream_text(topic="t") as out:
            await out.send("eins ")
            stream = await texts.receive()
            assert await stream.receive() == "eins "
            await out.send("zwei")
            assert await stream.receive() == "zwei"
            out.attributes["language"] = "de"
        with pytest.raises(trio.EndOfChannel):
            await stream.receive()
        assert stream.info.attributes == {"language": "de"}
        async with alice.local_participant.stream_bytes(topic="t", total_length=3) as log:
            await log.send_all(b"abc")
            with pytest.raises(LengthMismatch):
                await log.send_all(b"d")
        data = await files.receive()
        assert [piece async for piece in data] == [b"abc"]


async def test_who_gives_up_tells_the_others(server: RoomServer) -> None:
    """A cancelled block, a failed one, a file too short, and a sender who leaves."""
    async with server.join("bob") as bob:
        streams = bob.text_streams("t")
        files = bob.byte_streams("t")
        async with server.join("alice") as alice:
            await both(alice, bob)
            me = alice.local_participant
            with trio.CancelScope() as scope:
                async with me.stream_text(topic="t") as out:
                    await out.send("half")
                    scope.cancel()
                    await trio.sleep_forever()
            stream = await streams.receive()
            assert await stream.receive() == "half"
            with pytest.raises(StreamAborted, match="cancelled"):
                await stream.receive()
            with pytest.raises(ZeroDivisionError):
                async with me.stream_text(topic="t"):
                    raise ZeroDivisionError
            with pytest.raises(StreamAborted, match="failed"):
                await (await streams.receive()).read_all()
            with pytest.raises(LengthMismatch):
                async with me.stream_bytes(topic="t", total_length=5) as short:
                    await short.send_all(b"1234")
            with pytest.raises(StreamAborted, match="short"):
                await (await files.receive()).read_all()
            unfinished = me.stream_text(topic="t")
            await (await unfinished.__aenter__()).send("bye")
            stream = await streams.receive()
            assert await stream.receive() == "bye"
        with pytest.raises(StreamAborted, match="left"):
            await stream.read_all()


async def test_handlers_fail_alone(server: RoomServer, caplog: pytest.LogCaptureFixture) -> None:
    """Handlers run side by side; one that raises ends its stream, and is told."""
    got: list[str] = []

    async def handle_text(stream: TextStreamReader) -> None:
        text = await stream.read_all()
        if text == "bad":
            raise ZeroDivisionError
        got.append(text)

    async def handle_bytes(stream: ByteStreamReader) -> None:
        if stream.info.name == "slow":
            await trio.sleep_forever()
        got.append((await stream.read_all()).decode())

    async with server.join("bob") as bob, server.join("alice") as alice:
        await both(alice, bob)
        me = alice.local_participant
        async with trio.open_nursery() as nursery:
            await nursery.start(bob.serve_text_streams, "t", handle_text)
            await nursery.start(bob.serve_byte_streams, "t", handle_bytes)
            with pytest.raises(ValueError, match="served"):
                bob.text_streams("t")
            for text in ("one", "bad", "two"):
                await me.send_text(text, topic="t")
            await me.send_bytes(b"?", topic="t", name="slow")
            await me.send_bytes(b"three", topic="t")
            await me.send_text("nobody listens", topic="other")
            await until(lambda: len(got) == 3 and bob.data_stats.streams_unserved == 1)
            nursery.cancel_scope.cancel()
        assert sorted(got) == ["one", "three", "two"]
        assert "ZeroDivisionError" in caplog.text
        bob.text_streams("t").close()  # it is free again


async def test_a_stalled_reader_holds_up_nobody_else(server: RoomServer) -> None:
    """Only its own stream ends, when too much waits; what is too large is refused."""
    async with server.join("bob") as bob, server.join("alice") as alice:
        await both(alice, bob)
        files = bob.byte_streams("t")
        me = alice.local_participant
        blob = bytes(MAX_WAITING + 100_000)
        await me.send_bytes(blob, topic="t", compress=False)
        await me.send_bytes(b"small", topic="t")
        stalled, small = await files.receive(), await files.receive()
        assert await small.read_all() == b"small"
        with pytest.raises(SlowConsumer):
            await stalled.receive_some()
        await me.send_bytes(blob[:100_000], topic="t")
        with pytest.raises(StreamTooLarge):
            await (await files.receive()).read_all(max_size=99_999)


async def test_streams_end_with_the_room(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("alice") as alice:
        await both(alice, bob)
        texts = bob.text_streams("t")
        async with alice.local_participant.stream_text(topic="t") as out:
            await out.send("…")
            stream = await texts.receive()
            await until(lambda: stream.received > 0)
            await bob.leave()
            assert await stream.receive() == "…"
            with pytest.raises(StreamAborted, match="ended"):
                await stream.receive()
            with pytest.raises(trio.EndOfChannel):
                await texts.receive()
            stream.close()
            with pytest.raises(trio.ClosedResourceError):
                await stream.receive()

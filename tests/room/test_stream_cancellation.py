"""Cancelled anywhere, a stream leaves no task and no receiver that waits for the rest of it."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from lktrio.errors import StreamAborted
from lktrio.room import ByteStreamReader, Room, TextStreamReader
from lktrio.testing.cancellation import cancel_at_every_checkpoint
from tests.support.servers import RoomServer, until

pytestmark = pytest.mark.virtual_time

BLOB = random.Random(1).randbytes(50_000)
TEXT = "ü" * 25_000


class Receiver:
    """Reads all streams of the topic, and notes how they ended."""

    def __init__(self) -> None:
        self.half = 0
        """Streams that have begun and not ended."""
        self.whole: list[str | bytes] = []
        self.aborted = 0

    async def read(self, stream: TextStreamReader | ByteStreamReader) -> None:
        await trio.lowlevel.checkpoint()
        self.half += 1
        try:
            self.whole.append(await stream.read_all())
        except StreamAborted as error:
            assert "cancelled" in str(error)  # noqa: PT017 - all of them end like this
            self.aborted += 1
        self.half -= 1


@asynccontextmanager
async def open_call(server: RoomServer) -> AsyncGenerator[tuple[Room, Room, Receiver], None]:
    async with (
        server.join("bob") as bob,
        server.join("alice") as alice,
        trio.open_nursery() as nursery,
    ):
        await until(lambda: bool(alice.remote_participants and bob.remote_participants))
        receiver = Receiver()
        await nursery.start(bob.serve_text_streams, "t", receiver.read)
        await nursery.start(bob.serve_byte_streams, "t", receiver.read)
        yield alice, bob, receiver
        nursery.cancel_scope.cancel()


async def test_a_cancelled_sender_tells_the_receivers(server: RoomServer, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(BLOB)
    async with open_call(server) as (alice, _, receiver):
        me = alice.local_participant

        async def stream_text() -> None:
            async with me.stream_text(topic="t") as out:
                await out.send(TEXT)
                await out.send("!")

        async def stream_bytes() -> None:
            async with me.stream_bytes(topic="t", total_length=len(BLOB)) as out:
                await out.send_all(BLOB[:20_000])
                await out.send_all(BLOB[20_000:])

        async def send_at_once() -> None:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(partial(me.send_bytes, BLOB, topic="t"))

        operations: list[tuple[str, Callable[[], Awaitable[object]], list[str | bytes]]] = [
            ("send_text", partial(me.send_text, TEXT, topic="t", compress=False), [TEXT]),
            ("a short text", partial(me.send_text, "short", topic="t"), ["short"]),
            ("send_bytes", partial(me.send_bytes, BLOB, topic="t"), [BLOB]),
            ("deflated", partial(me.send_bytes, bytes(300_000), topic="t"), [bytes(300_000)]),
            ("send_file", partial(me.send_file, path, topic="t"), [BLOB]),
            (
                "attachments",
                partial(me.send_text, "look", topic="t", attachments=[path]),
                ["look", BLOB],
            ),
            ("stream_text", stream_text, [TEXT + "!"]),
            ("stream_bytes", stream_bytes, [BLOB]),
            ("several at once", send_at_once, [BLOB] * 3),
        ]
        for name, operation, sent in operations:
            receiver.aborted = 0
            last: list[str | bytes] = []

            async def nothing_is_half(
                name: str, sent: list[str | bytes], last: list[str | bytes]
            ) -> None:
                await trio.sleep(0.1)  # longer than a packet takes
                assert not receiver.half, name
                last[:], receiver.whole = receiver.whole, []
                assert all(one in sent for one in last), name

            after_each = partial(nothing_is_half, name, sent, last)
            runs = await cancel_at_every_checkpoint(operation, after_each=after_each)
            assert runs >= 1, name
            assert last == sent, name
            assert receiver.aborted or name == "a short text", name


async def test_a_cancelled_receiver_loses_nothing(server: RoomServer) -> None:
    async with open_call(server) as (alice, bob, _):
        me = alice.local_participant
        texts, files = bob.text_streams("r"), bob.byte_streams("r")
        found: list[object] = []

        async def sweep(receive: Callable[[], Awaitable[object]]) -> object:
            async def operation() -> None:
                await trio.lowlevel.checkpoint()
                if not found:  # the last run may be cancelled just after it has received
                    found.append(await receive())

            await cancel_at_every_checkpoint(operation)
            return found.pop()

        await me.send_text("text", topic="r")
        text = await sweep(texts.receive)
        assert isinstance(text, TextStreamReader)
        assert await sweep(text.receive) == "text"
        await me.send_bytes(b"bytes", topic="r")
        file = await sweep(files.receive)
        assert isinstance(file, ByteStreamReader)
        assert await sweep(partial(file.receive_some, 2)) == b"by"
        assert await sweep(file.receive_some) == b"tes"
        assert await sweep(file.receive_some) == b""


async def test_a_cancelled_server_of_streams_leaves_nothing(server: RoomServer) -> None:
    async with open_call(server) as (alice, bob, _):
        me = alice.local_participant

        async def serve_and_read() -> None:
            done = trio.Event()

            async def read(stream: TextStreamReader) -> None:
                assert await stream.read_all() == TEXT
                done.set()

            async with trio.open_nursery() as nursery:
                await nursery.start(bob.serve_text_streams, "r", read)
                await me.send_text(TEXT, topic="r", compress=False)
                await done.wait()
                nursery.cancel_scope.cancel()

        async def it_can_be_served_again() -> None:
            bob.text_streams("r").close()
            await trio.sleep(0.1)

        await cancel_at_every_checkpoint(serve_and_read, after_each=it_can_be_served_again)

"""Packet logs on pipes: read while they are written, too slowly, or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from lktrio.errors import PacketLogError
from lktrio.net.packet_log import ConnectionLog, open_packet_log
from tests.support.pcapng import read_log

LOCAL, REMOTE = ("10.0.0.1", 1000), ("10.0.0.2", 2000)
BATCH = [(bytes(1000), REMOTE)] * 100
MANY = 200  # batches, of which a log keeps less than half while they cannot be written


@contextmanager
def open_pipe(path: Path) -> Iterator[int]:
    """A pipe, and its reading end."""
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield reader
    finally:
        os.close(reader)


async def drain(reader: int, into: bytearray) -> None:
    os.set_blocking(reader, False)
    while True:
        await trio.lowlevel.wait_readable(reader)
        data = os.read(reader, 65_536)
        if not data:
            return
        into += data


def note_many(connection: ConnectionLog) -> None:
    for _ in range(MANY):
        connection.note(BATCH, sent=True, local=LOCAL)


async def test_what_a_slow_reader_has_no_room_for_is_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, data = tmp_path / "pipe", bytearray()
    with open_pipe(path) as reader:
        async with trio.open_nursery() as nursery:
            async with open_packet_log(path) as log:
                note_many(log.open_connection("first", 0.0))
                await trio.testing.wait_all_tasks_blocked(0.01)  # the pipe is full, and we go on
                nursery.start_soon(drain, reader, data)
            assert len(BATCH) < log.dropped < MANY * len(BATCH)
    read = read_log(bytes(data))
    assert len(read.packets) + log.dropped == MANY * len(BATCH)
    assert f"lacks {log.dropped} packets" in caplog.text


def test_a_reader_that_has_stopped_holds_nobody_up_for_long(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pipe"

    async def main(reader: int) -> None:
        begin = trio.current_time()
        with trio.move_on_after(0.5) as scope:
            async with open_packet_log(path) as log:
                note_many(log.open_connection("first", 0.0))
                await trio.sleep_forever()
        assert scope.cancelled_caught
        assert 2 <= trio.current_time() - begin < 60
        await drain_until_closed(reader)

    async def drain_until_closed(reader: int) -> None:
        """The thread that was given up writes on when it can, and closes the file."""
        data = bytearray()
        await drain(reader, data)
        assert read_log(bytes(data)).packets

    with open_pipe(path) as reader:
        trio.run(main, reader, clock=trio.testing.MockClock(rate=50.0))
    assert "the disk is too slow" in caplog.text


async def test_a_reader_that_goes_ends_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "pipe"
    async with AsyncExitStack() as stack:
        with open_pipe(path):
            log = await stack.enter_async_context(open_packet_log(path))
        connection = log.open_connection("first", 0.0)
        with trio.fail_after(10):
            while log.active:
                connection.note(BATCH, sent=True, local=LOCAL)
                await trio.lowlevel.checkpoint()
    assert "cannot be written" in caplog.text


async def test_a_pipe_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(PacketLogError, match=str(path)):
        async with open_packet_log(path):
            raise AssertionError("it was opened")

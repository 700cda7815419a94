"""A log of packets, written to a file while calls go on.

Theory of operation: whoever moves datagrams notes them, which takes about as long as to append to a
list. A task hands what has gathered to a thread, ten times a second, and the thread makes blocks of
it and writes them: a disk may be slow, and even stand still, and nobody waits for it. What gathers
meanwhile is bounded; packets that do not fit are dropped and counted. ::

    WRITING --> FULL ------> CLOSED    the file has its largest size
       |------> BROKEN ---->   |       the disk takes no more, or not in time
       `------------------->   '       the block of the log has ended

Only in the first state anything is noted.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from functools import partial
from io import FileIO
from pathlib import Path
from typing import TypeAlias

import trio

from lktrio._scope import open_service_nursery
from lktrio._version import __version__
from lktrio.errors import PacketLogError
from lktrio.rtc.base import Address
from lktrio.rtc.dtls import DtlsSecrets
from lktrio.rtc.packet_log import ConnectionBlocks, LogBlocks

__all__ = ["ConnectionLog", "PacketLog", "open_packet_log"]

DEFAULT_MAX_SIZE = 256 * 1024 * 1024
_MAX_WAITING = 8 * 1024 * 1024  # bytes of packets
_OVERHEAD = 128  # bytes of a packet beside its content, about
_RESERVE = 1024 * 1024  # bytes for what is not dropped
_PERIOD = 0.1  # seconds between two writes
_LAST_WRITE = 2.0  # seconds that the end of the block waits for the disk

_Entry: TypeAlias = Callable[[], bytes]
"""Makes blocks; called in the thread."""

logger = logging.getLogger("lktrio.net")


class _State(Enum):
    """How far the life of a log is."""

    WRITING = "writing"
    FULL = "full"
    BROKEN = "broken"
    CLOSED = "closed"


class _File:
    """The file, used by one thread at a time. Another of that name is replaced, save a pipe.

    Attributes:
        batches: What is to be written; any thread may append.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, path: Path, max_size: int) -> None:
        self.batches: deque[list[_Entry]] = deque()
        self._lock = threading.Lock()
        self._left = max_size
        self._file = _open_pipe(path) if _is_pipe(path) else _open_new(path)

    def write(self) -> bool:
        """Write what is there; whether there is room for more.

        Raises:
            OSError: The disk does not take it.
        """
        with self._lock:
            while self.batches:
                entries = self.batches.popleft()
                if not all(self._write_block(entry()) for entry in entries):
                    return False
            return True

    def _write_block(self, block: bytes) -> bool:
        if len(block) > self._left:
            self._left = 0
            return False
        self._left -= len(block)
        rest = memoryview(block)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._left = 0  # nothing makes sense after a part of a block
            raise
        return True

    def finish(self) -> bool:
        """Write what is there, and close the file in any case.

        Raises:
            OSError: The disk has not taken everything.
        """
        try:
            return self.write()
        finally:
            with self._lock:
                self._file.close()


def _is_pipe(path: Path) -> bool:
    return path.is_fifo() or path.is_char_device()


def _open_pipe(path: Path) -> FileIO:
    """Open what somebody reads meanwhile; if nobody does yet, it fails at once."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return FileIO(descriptor, "wb")


def _open_new(path: Path) -> FileIO:
    """Make a file that nobody else can read, even if there was one that others could."""
    if path.is_file():
        path.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return FileIO(os.open(path, flags, 0o600), "wb")


class PacketLog:
    """A log of packets, made by `open_packet_log`; give it to rooms as `RoomOptions.packet_log`.

    Attributes:
        path: Its file.
        dropped: Packets that are not in it, as the disk was too slow for them.
    """

    def __init__(self, path: str, file: _File) -> None:
        self.path = path
        self.dropped = 0
        self._file = file
        self._state = _State.WRITING
        self._blocks = LogBlocks(f"lktrio {__version__}")
        self._entries: list[_Entry] = []
        self._waiting = 0
        self._limiter = trio.CapacityLimiter(2)  # a write that was given up, and the last one
        self.note(lambda: self._blocks.header)

    def __repr__(self) -> str:
        return f"<PacketLog {self.path!r} {self._state.value}>"

    @property
    def active(self) -> bool:
        """Whether packets are noted: the block goes on, and the file could be written so far."""
        return self._state is _State.WRITING

    # For connections

    def open_connection(self, name: str, clock_offset: float) -> ConnectionLog:
        """Note the packets of one more peer connection.

        Args:
            name: What it is called in the log.
            clock_offset: Unix time minus trio's.
        """
        blocks = self._blocks.open_connection(name)
        self.note(blocks.begin)
        return ConnectionLog(self, blocks, clock_offset)

    def note(self, entry: _Entry) -> None:
        """Note what packets refer to: it is not dropped; the log ends if too much of it waits."""
        self._waiting += _OVERHEAD
        if self._waiting > _MAX_WAITING + _RESERVE:
            self._end(_State.BROKEN, "the disk is too slow")
        if self.active:
            self._entries.append(entry)

    def note_packets(self, entry: _Entry, count: int, size: int) -> None:
        """Note packets, or drop them.

        Args:
            entry: Makes their blocks.
            count: How many they are.
            size: Their bytes.
        """
        size += count * _OVERHEAD
        if not self.active:
            return
        if self._waiting + size > _MAX_WAITING:
            self.dropped += count
            return
        self._waiting += size
        self._entries.append(entry)

    # For the block

    async def run(self) -> None:
        """Write what is noted, until cancelled or the log ends."""
        while self.active:
            await self._write(self._file.write)
            await trio.sleep(_PERIOD)
        await trio.lowlevel.checkpoint()

    async def close(self) -> None:  # noqa: ASYNC910 - must not be cancelled
        """Write the rest and close the file, without waiting longer than 2 s for the disk."""
        with trio.move_on_after(_LAST_WRITE, shield=True) as scope:
            await self._write(self._file.finish)
        if scope.cancelled_caught:
            self._end(_State.BROKEN, "the disk is too slow")
        if self.dropped:
            logger.warning("the packet log %s lacks %d packets", self.path, self.dropped)
        self._state = _State.CLOSED

    async def _write(self, write: Callable[[], bool]) -> None:
        self._file.batches.append(self._entries)
        self._entries, self._waiting = [], 0
        try:
            room = await trio.to_thread.run_sync(
                write, abandon_on_cancel=True, limiter=self._limiter
            )
        except OSError as error:
            self._end(_State.BROKEN, f"it cannot be written: {error.strerror or error}")
        else:
            if not room:
                self._end(_State.FULL, "it has its largest size")
        await trio.lowlevel.checkpoint()

    def _end(self, state: _State, reason: str) -> None:
        if self.active:
            self._state = state
            self._entries.clear()
            logger.warning("the packet log %s ends: %s", self.path, reason)


class ConnectionLog:
    """The part of a log that belongs to one peer connection (a ``PacketTap``)."""

    def __init__(self, log: PacketLog, blocks: ConnectionBlocks, clock_offset: float) -> None:
        self._log = log
        self._blocks = blocks
        self._clock_offset = clock_offset

    def secured(self, keys: DtlsSecrets) -> None:
        """A handshake has succeeded."""
        self._log.note(partial(self._blocks.secured, keys))

    def note(
        self, batch: Sequence[tuple[bytes, Address]], *, sent: bool, local: Address | int
    ) -> None:
        """Datagrams came or went, see ``PacketTap``."""
        time = trio.current_time() + self._clock_offset
        entry = partial(self._blocks.datagrams, time, batch, sent=sent, local=local)
        self._log.note_packets(entry, len(batch), sum(len(data) for data, _ in batch))


@asynccontextmanager
async def open_packet_log(
    path: str | os.PathLike[str], *, max_size: int = DEFAULT_MAX_SIZE
) -> AsyncGenerator[PacketLog, None]:
    """Log the packets of rooms to a file that Wireshark opens, for the duration of a block.

    ::

        async with (
            open_packet_log("call.pcapng") as log,
            open_room(url, token, RoomOptions(packet_log=log)) as room,
        ):
            ...

    The file has everything that is said and sent in clear, and keys. Only its owner can read it; a
    file of that name is replaced. That a log begins is told as a warning of ``lktrio.net``.

    Rooms never wait for the file, and go on when it cannot be written any more: a full disk, or the
    largest size, end the log with a warning. A disk that is too slow costs packets, which are
    counted in `PacketLog.dropped`. What has gathered is written when the block ends, cancelled or
    not, for at most 2 s.

    Args:
        path: Where the file goes; or a pipe, such as one that Wireshark reads already.
        max_size: Bytes of the file at most; 256 MiB by default.

    Raises:
        PacketLogError: The file cannot be made.
    """
    try:
        file = await trio.to_thread.run_sync(_File, Path(path), max_size)
    except OSError as error:
        reason = error.strerror or error
        raise PacketLogError(f"the packet log {path} cannot be opened: {reason}") from error
    log = PacketLog(os.fspath(path), file)
    logger.warning("packets are logged to %s: what they say in clear, and keys", log.path)
    try:
        async with open_service_nursery() as services:
            services.start_soon(log.run, name="lktrio.net packet log")
            yield log
    finally:
        await log.close()  # noqa: ASYNC102 - has its own shield

"""Lines of standard input and output, which may stall without stalling anything else.

Theory of operation: a terminal that is stopped (Ctrl-S), or a pager that is not read, blocks
whoever writes, and nobody may type for hours. So both are read and written by threads, below
Python's buffers: a thread that waits there holds no lock that the end of the process needs.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator

import trio

__all__ = ["read_lines", "write_line"]

_LONGEST = 65_536  # bytes of a line; a longer one is taken in pieces


async def read_lines(into: trio.MemorySendChannel[str]) -> None:
    """Put the lines of standard input into a channel, which is closed at its end.

    Cancelled, a read that has begun goes on in its thread until the process ends.
    """
    async with into:
        try:
            descriptor = sys.stdin.fileno()
        except (io.UnsupportedOperation, ValueError):  # it was replaced, or is closed
            for line in _rest_of_stdin():
                await into.send(line)
            await trio.lowlevel.checkpoint()
            return
        splitter = _Splitter()
        while data := await trio.to_thread.run_sync(_read, descriptor, abandon_on_cancel=True):
            for line in splitter.take(data):
                await into.send(line)
        for line in splitter.take(b"\n" if splitter.pending else b""):
            await into.send(line)


async def write_line(line: str) -> None:
    """Write a line to standard output, at once.

    Cancelled, a write that has begun goes on in its thread until the process ends.

    Raises:
        BrokenPipeError: Nobody reads it any longer.
    """
    await trio.lowlevel.checkpoint()
    try:
        descriptor = sys.stdout.fileno()
    except (io.UnsupportedOperation, ValueError):  # it was replaced
        print(line, flush=True)
        return
    sys.stdout.flush()
    data = f"{line}\n".encode(sys.stdout.encoding, "backslashreplace")
    await trio.to_thread.run_sync(_write, descriptor, data, abandon_on_cancel=True)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _LONGEST)
    except OSError:  # such as a terminal that is gone
        return b""


def _rest_of_stdin() -> Iterator[str]:
    if not sys.stdin.closed:
        yield from (line.rstrip("\r\n") for line in sys.stdin)


class _Splitter:
    """Puts lines together from pieces."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._text = ""

    @property
    def pending(self) -> bool:
        """Whether a line has begun."""
        return bool(self._text)

    def take(self, data: bytes) -> list[str]:
        """The lines that are whole with this."""
        *lines, self._text = (self._text + self._decoder.decode(data)).split("\n")
        if len(self._text) >= _LONGEST:
            lines.append(self._text)
            self._text = ""
        return [line.rstrip("\r") for line in lines]

"""Lines of standard input, as they are typed or piped."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator

import trio

__all__ = ["read_lines"]

_LONGEST = 65_536  # bytes of a line; a longer one is taken in pieces


async def read_lines(into: trio.MemorySendChannel[str]) -> None:
    """Put the lines of standard input into a channel, which is closed at its end.

    Cancelled, a read that has begun goes on in its thread until the process ends: nothing can
    interrupt it. It holds no lock that the end of the process needs.
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

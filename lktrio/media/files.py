"""Where the bytes of media files come from and go to, with trio's rules.

Theory of operation: the operating system has no asynchronous files, so reading and writing
happen in threads. A read that has reached its thread runs to its end, and its result is kept:
cancellation is noticed before or after, so no bytes are lost. Writing goes on in the background
(`lktrio.media.background`): who writes waits only if a disk is slow for long. Named pipes and
terminals, where a thread could wait for ever, are therefore refused by path; as trio streams they
can be read and written, and cancelled.

Files that are created belong to their owner alone: recordings are private.
"""

from __future__ import annotations

import logging
import math
import os
import stat
from abc import ABC, abstractmethod
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeAlias

import trio

from lktrio.errors import ContainerError, MediaError
from lktrio.media.background import BackgroundFile

__all__ = [
    "CHUNK_SIZE",
    "CLOSE_TIMEOUT",
    "ByteSink",
    "ByteSource",
    "Sink",
    "Source",
    "open_sink",
    "open_source",
]

_log = logging.getLogger("lktrio.media")

CHUNK_SIZE = 64 * 1024
"""Bytes read at a time."""

CLOSE_TIMEOUT = 2.0
"""Seconds for which a cancelled writer waits for the end of its file to be written."""

Source: TypeAlias = "str | os.PathLike[str] | IO[bytes] | trio.abc.ReceiveStream"
"""What can be read: a path, a binary file object, or a trio stream."""

Sink: TypeAlias = "str | os.PathLike[str] | IO[bytes] | trio.abc.SendStream"
"""What can be written: a path, a binary file object, or a trio stream."""


class ByteSource(ABC):
    """Bytes to be read in order."""

    name: str

    @abstractmethod
    async def read(self) -> bytes:
        """The next bytes, none at the end."""

    def close(self) -> None:  # noqa: B027 - not every source has something to close
        """Release what was opened here; what the caller opened stays open."""


class ByteSink(ABC):
    """Where bytes are written in order."""

    name: str

    breakable = False
    """Whether a write that is cancelled leaves it broken."""

    @abstractmethod
    async def write(self, data: bytes) -> None:
        """Write all of the bytes, now or in the background."""

    @abstractmethod
    async def end(self, data: bytes, patch: tuple[int, bytes] | None) -> None:
        """Write the last bytes, the patch if that is possible, and close what was opened here.

        It does all this even when the caller is cancelled, and then is a checkpoint.
        """

    def abandon(self) -> None:  # noqa: B027 - not every sink has something to close
        """Close what was opened here, in the background."""


class _FileSource(ByteSource):
    def __init__(self, name: str, file: IO[bytes], *, owned: bool) -> None:
        self.name = name
        self._file = file
        self._owned = owned
        self._reading = False
        self._closed = False

    async def read(self) -> bytes:
        self._reading = True
        try:
            data = await trio.to_thread.run_sync(self._file.read, CHUNK_SIZE)
        except OSError as error:
            raise _failed("read", self.name, error) from error
        finally:
            self._reading = False
            if self._closed:
                self.close()
        if type(data) is not bytes:  # a text file, against its declared type
            raise TypeError(f"{self.name} must be open for reading bytes, not {type(data)}")
        return data

    def close(self) -> None:
        self._closed = True
        if self._owned and not self._reading:  # a thread's file must not vanish under it
            self._file.close()


class _StreamSource(ByteSource):
    def __init__(self, name: str, stream: trio.abc.ReceiveStream) -> None:
        self.name = name
        self._stream = stream

    async def read(self) -> bytes:
        return bytes(await self._stream.receive_some(CHUNK_SIZE))


class _FileSink(ByteSink):
    def __init__(self, name: str, file: IO[bytes], *, owned: bool) -> None:
        self.name = name
        self._file = file
        self._owned = owned
        self._origin = file.tell() if file.seekable() else None
        self._background = BackgroundFile(file)

    async def write(self, data: bytes) -> None:
        self._check()
        self._background.put(data)
        await self._background.wait_room()
        self._check()

    def _check(self) -> None:
        error = self._background.error
        if isinstance(error, OSError):
            raise _failed("write", self.name, error) from error
        if error is not None:
            raise error

    async def end(self, data: bytes, patch: tuple[int, bytes] | None) -> None:
        self._background.put(data)
        self._background.finish(partial(self._finish, patch))
        cancelled = trio.current_effective_deadline() == -math.inf
        try:
            with trio.move_on_after(CLOSE_TIMEOUT if cancelled else math.inf, shield=cancelled):
                await self._background.wait_ended()
        finally:
            if not self._background.ended:
                _log.warning("%s is still being written, in the background", self.name)
        self._check()
        await trio.lowlevel.checkpoint()

    def _finish(self, patch: tuple[int, bytes] | None) -> None:
        """Write the patch and close what was opened here; in a thread."""
        try:
            if patch is not None and self._origin is not None:
                offset, data = patch
                end = self._file.tell()
                self._file.seek(self._origin + offset)
                self._file.write(data)
                self._file.seek(end)
            self._file.flush()
        finally:
            if self._owned:
                self._file.close()

    def abandon(self) -> None:
        self._background.finish(partial(self._finish, None))


class _StreamSink(ByteSink):
    breakable = True

    def __init__(self, name: str, stream: trio.abc.SendStream) -> None:
        self.name = name
        self._stream = stream

    async def write(self, data: bytes) -> None:
        await self._stream.send_all(data)

    async def end(self, data: bytes, patch: tuple[int, bytes] | None) -> None:
        cancelled = trio.current_effective_deadline() == -math.inf
        with trio.move_on_after(CLOSE_TIMEOUT if cancelled else math.inf, shield=cancelled):
            await self._stream.send_all(data)
        await trio.lowlevel.checkpoint()


async def open_source(source: Source) -> ByteSource:
    """Make something readable; opens it if it is a path.

    Raises:
        MediaError: It cannot be opened.
        TypeError: It is nothing that bytes could be read from.
    """
    if isinstance(source, trio.abc.ReceiveStream):
        await trio.lowlevel.checkpoint()
        return _StreamSource("the stream", source)
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        return _FileSource(path, await _open(path, "rb"), owned=True)
    file = _binary_file(source, "read")
    await trio.lowlevel.checkpoint()
    return _FileSource(_name_of(file), file, owned=False)


async def open_sink(sink: Sink) -> ByteSink:
    """Make something writable; creates or empties the file if it is a path.

    Raises:
        MediaError: It cannot be opened.
        TypeError: It is nothing that bytes could be written to.
    """
    if isinstance(sink, trio.abc.SendStream):
        await trio.lowlevel.checkpoint()
        return _StreamSink("the stream", sink)
    if isinstance(sink, (str, os.PathLike)):
        path = os.fspath(sink)
        return _FileSink(path, await _open(path, "wb"), owned=True)
    file = _binary_file(sink, "write")
    await trio.lowlevel.checkpoint()
    return _FileSink(_name_of(file), file, owned=False)


async def _open(path: str, mode: str) -> IO[bytes]:
    def open_regular() -> IO[bytes]:
        target = Path(path)
        if target.exists() and _could_block(target.stat().st_mode):
            raise ContainerError(
                f"{path} is not a regular file; open it as a trio stream and pass that"
            )
        return open(path, mode, buffering=0, opener=_open_private)

    try:
        return await trio.to_thread.run_sync(open_regular)
    except OSError as error:
        raise _failed("open", path, error) from error


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _could_block(mode: int) -> bool:
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _binary_file(thing: Any, verb: str) -> IO[bytes]:
    file: IO[bytes] = getattr(thing, "wrapped", thing)  # trio's own file objects wrap a plain one
    if not callable(getattr(file, verb, None)):
        raise TypeError(f"a path, a binary file or a trio stream is needed, not {type(thing)}")
    return file


def _name_of(file: IO[bytes]) -> str:
    name = getattr(file, "name", None)
    return name if isinstance(name, str) else "the file"


def _failed(verb: str, name: str, error: OSError) -> MediaError:
    return MediaError(f"cannot {verb} {name}: {error.strerror or error}")

"""Where the bytes of media files come from and go to, with trio's rules.

Theory of operation: the operating system has no asynchronous files, so reading and writing
happen in trio's worker threads, a chunk at a time. A call that has reached its thread runs to
its end, which on a disk is short, and its result is kept: cancellation is noticed before or
after, so no bytes are lost. Named pipes and terminals, where a thread could wait for ever, are
therefore refused by path; as trio streams they can be read and written, and cancelled.

Closing is synchronous and needs no thread, so that it happens even when the caller is cancelled.
"""

from __future__ import annotations

import math
import os
import stat
from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, Any, TypeAlias

import trio

from lktrio.errors import ContainerError, MediaError

__all__ = [
    "CHUNK_SIZE",
    "GOODBYE",
    "ByteSink",
    "ByteSource",
    "Sink",
    "Source",
    "open_sink",
    "open_source",
]

CHUNK_SIZE = 64 * 1024
"""Bytes read at a time."""

GOODBYE = 2.0
"""Seconds that the end of a file may take to go out on a stream when the writer is cancelled."""

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

    @abstractmethod
    async def write(self, data: bytes) -> None:
        """Write all of the bytes."""

    @abstractmethod
    async def end(self, data: bytes, patch: tuple[int, bytes] | None) -> None:
        """Write the last bytes, the patch if that is possible, and close what was opened here.

        It does all this even when the caller is cancelled, and then is a checkpoint.
        """

    def abandon(self) -> None:  # noqa: B027 - not every sink has something to close
        """Close what was opened here, without writing anything."""


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

    async def write(self, data: bytes) -> None:
        try:
            await trio.to_thread.run_sync(self._write_all, data)
        except OSError as error:
            raise _failed("write", self.name, error) from error

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written: int | None = self._file.write(view)
            view = view[written or 0 :]

    async def end(self, data: bytes, patch: tuple[int, bytes] | None) -> None:
        try:
            self._write_all(data)
            self._apply(patch)
            self._file.flush()
        except OSError as error:
            raise _failed("write", self.name, error) from error
        finally:
            self.abandon()
        await trio.lowlevel.checkpoint()

    def _apply(self, patch: tuple[int, bytes] | None) -> None:
        if patch is None or self._origin is None:
            return
        offset, data = patch
        end = self._file.tell()
        self._file.seek(self._origin + offset)
        self._write_all(data)
        self._file.seek(end)

    def abandon(self) -> None:
        if self._owned:
            self._file.close()


class _StreamSink(ByteSink):
    def __init__(self, name: str, stream: trio.abc.SendStream) -> None:
        self.name = name
        self._stream = stream

    async def write(self, data: bytes) -> None:
        await self._stream.send_all(data)

    async def end(self, data: bytes, patch: tuple[int, bytes] | None) -> None:
        cancelled = trio.current_effective_deadline() == -math.inf
        with trio.move_on_after(GOODBYE if cancelled else math.inf, shield=cancelled):
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
        file: IO[bytes] = target.open(mode, buffering=0)
        return file

    try:
        return await trio.to_thread.run_sync(open_regular)
    except OSError as error:
        raise _failed("open", path, error) from error


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

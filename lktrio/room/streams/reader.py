"""What programs read streams with.

Theory of operation: `StreamContents` is what waits of one stream. It is filled without waiting, so
a reader that stalls holds up nobody else; what does not fit ends this stream alone.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

import trio

from lktrio.errors import SlowConsumer, StreamError, StreamTooLarge
from lktrio.room.streams.info import ByteStreamInfo, TextStreamInfo

__all__ = [
    "MAX_READ",
    "MAX_WAITING",
    "MAX_WAITING_TOGETHER",
    "ByteStreamReader",
    "StreamContents",
    "TextStreamReader",
    "WaitingBytes",
]

MAX_WAITING = 8 * 1024 * 1024
"""Bytes of one stream that may wait for its reader."""
MAX_WAITING_TOGETHER = 64 * 1024 * 1024
"""Bytes of all streams of a room that may wait."""
MAX_READ = 8 * 1024 * 1024
"""Bytes that ``read_all`` accepts, unless told otherwise."""


class WaitingBytes:
    """How much waits in all streams of a room together."""

    def __init__(self) -> None:
        self.size = 0


class StreamContents:
    """What waits of one stream, and how it ended.

    Args:
        info: What the header says.
        together: What waits in all streams.
        closed: Called when nobody reads any longer.

    Attributes:
        info: What is known of the stream.
        received: Bytes that have come.
    """

    def __init__(
        self,
        info: TextStreamInfo | ByteStreamInfo,
        together: WaitingBytes,
        closed: Callable[[], None],
    ) -> None:
        self.info = info
        self.received = 0
        self._together = together
        self._on_close = closed
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._ended = False
        self._error: StreamError | SlowConsumer | None = None
        self._closed = False
        self._lot = trio.lowlevel.ParkingLot()

    @property
    def over(self) -> bool:
        """Whether nothing more is to be put in."""
        return self._ended or self._closed

    def put(self, data: bytes) -> None:
        """Add what has come; too much at a time ends the stream."""
        if self.over or not data:
            return
        self.received += len(data)
        if (
            self._size + len(data) > MAX_WAITING
            or self._together.size + len(data) > MAX_WAITING_TOGETHER
        ):
            self._clear()
            self.fail(SlowConsumer(f"{self.info.id}: too much of the stream waited to be read"))
            return
        self._waiting.append(data)
        self._count(len(data))
        self._lot.unpark()

    def finish(self, attributes: Mapping[str, str]) -> None:
        """The stream is whole."""
        self.info = replace(self.info, attributes={**self.info.attributes, **attributes})
        self._end()

    def fail(self, error: StreamError | SlowConsumer) -> None:
        """The stream will not become whole; what came before can be read."""
        if not self._ended:
            self._error = error
        self._end()

    def close(self) -> None:
        """Nobody reads any longer. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._clear()
        self._end()
        self._on_close()

    async def take(self) -> bytes:
        """Wait for the next piece; empty at the end. Cancelled, it loses nothing."""
        await trio.lowlevel.checkpoint()
        while not self._waiting:
            if self._closed:
                raise trio.ClosedResourceError("this stream was closed")
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            await self._lot.park()
        data = self._waiting.popleft()
        self._count(-len(data))
        return data

    def give_back(self, data: bytes) -> None:
        """Put back what was too much."""
        self._waiting.appendleft(data)
        self._count(len(data))

    def _count(self, change: int) -> None:
        self._size += change
        self._together.size += change

    def _clear(self) -> None:
        self._waiting.clear()
        self._count(-self._size)

    def _end(self) -> None:
        self._ended = True
        self._lot.unpark_all()

    async def take_all(self, max_size: int) -> bytes:
        """Wait for all of it."""
        whole = bytearray()
        while data := await self.take():
            whole += data
            if len(whole) > max_size:
                self.close()
                raise StreamTooLarge(f"the stream has more than the accepted {max_size} bytes")
        return bytes(whole)


class ByteStreamReader(trio.abc.ReceiveStream):
    """A byte stream of somebody else, from the beginning on.

    It is read by one task, piece by piece or as a whole. What comes is kept up to 8 MiB (64 MiB in
    all streams of the room together); a reader that falls behind further gets ``SlowConsumer``,
    and other streams go on. A stream that is not read to its end should be closed.
    """

    def __init__(self, contents: StreamContents, info: ByteStreamInfo) -> None:
        self._contents = contents
        self._info = info

    @property
    def info(self) -> ByteStreamInfo:
        """What is known of the stream; the end may add attributes."""
        return replace(self._info, attributes=self._contents.info.attributes)

    @property
    def received(self) -> int:
        """Bytes that have come so far, read or not."""
        return self._contents.received

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return the next bytes, at least one; none at the end. Cancelled, it loses nothing.

        Raises:
            StreamAborted: The sender gave up, or left.
            LengthMismatch: The stream has another length than announced.
            StreamError: It is damaged.
            SlowConsumer: Too much waited to be read.
            trio.ClosedResourceError: It was closed here.
            ValueError: ``max_bytes`` is not positive.
        """
        if max_bytes is not None and max_bytes < 1:
            raise ValueError("max_bytes must be at least 1")
        data = await self._contents.take()
        if max_bytes is not None and len(data) > max_bytes:
            self._contents.give_back(data[max_bytes:])
            data = data[:max_bytes]
        return data

    async def read_all(self, *, max_size: int = MAX_READ) -> bytes:
        """Return everything, once the stream is whole. Cancelled, what was read is lost.

        Raises:
            StreamTooLarge: There is more than ``max_size`` bytes of it; it is closed then.
            StreamError: As for ``receive_some``, which also names the other errors.
        """
        return await self._contents.take_all(max_size)

    def close(self) -> None:
        """Read no more. Idempotent."""
        self._contents.close()

    async def aclose(self) -> None:
        """Read no more. Idempotent, also when cancelled."""
        self.close()
        await trio.lowlevel.checkpoint()


class TextStreamReader(trio.abc.ReceiveChannel[str]):
    """A text stream of somebody else, from the beginning on; see ``ByteStreamReader``.

    Pieces of text end where characters do. What is no UTF-8 is a ``StreamError``.
    """

    def __init__(self, contents: StreamContents, info: TextStreamInfo) -> None:
        self._contents = contents
        self._info = info
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    @property
    def info(self) -> TextStreamInfo:
        """What is known of the stream; the end may add attributes."""
        return replace(self._info, attributes=self._contents.info.attributes)

    @property
    def received(self) -> int:
        """Bytes that have come so far, read or not."""
        return self._contents.received

    async def receive(self) -> str:
        """Return the next piece of text. Cancelled, it loses nothing.

        Raises:
            trio.EndOfChannel: That was all.
            StreamAborted: The sender gave up, or left.
            LengthMismatch: The stream has another length than announced.
            StreamError: It is damaged.
            SlowConsumer: Too much waited to be read.
            trio.ClosedResourceError: It was closed here.
        """
        while data := await self._contents.take():
            if text := self._decode(data, final=False):
                return text
        self._decode(b"", final=True)
        raise trio.EndOfChannel

    async def read_all(self, *, max_size: int = MAX_READ) -> str:
        """Return the whole text, once it is complete. Cancelled, what was read is lost.

        Raises:
            StreamTooLarge: There is more than ``max_size`` bytes of it; it is closed then.
            StreamError: As for ``receive``, which also names the other errors.
        """
        return self._decode(await self._contents.take_all(max_size), final=True)

    def _decode(self, data: bytes, *, final: bool) -> str:
        try:
            return self._decoder.decode(data, final)
        except UnicodeDecodeError as error:
            raise StreamError("the text stream is not UTF-8") from error

    def close(self) -> None:
        """Read no more. Idempotent."""
        self._contents.close()

    async def aclose(self) -> None:
        """Read no more. Idempotent, also when cancelled."""
        self.close()
        await trio.lowlevel.checkpoint()

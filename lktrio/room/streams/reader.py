"""What programs read streams with.

Theory of operation: `StreamContents` is what waits of one stream. It is filled without waiting, so
a reader that stalls holds up nobody else; what does not fit ends this stream alone. Compressed
contents wait as they came, and are unpacked piece by piece as they are read, so that a few bytes
cannot become many before anybody wants them.
"""

from __future__ import annotations

import codecs
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

import trio

from lktrio._text import printable
from lktrio.errors import SlowConsumer, StreamError, StreamTooLarge
from lktrio.room.channels.feed import Feed
from lktrio.room.streams.info import ByteStreamInfo, StreamInfo, TextStreamInfo
from lktrio.room.streams.progress import Meter, StreamProgress
from lktrio.room.streams.unpacking import Unpacker

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
_UNPACKED_PIECE = 256 * 1024  # bytes that are unpacked at a time
_LONGEST_ID = 60  # characters of an id that are shown


class WaitingBytes:
    """How much waits in several streams of a room together.

    Args:
        limit: How much may wait.

    Attributes:
        limit: As given.
        size: How much does.
    """

    def __init__(self, limit: int = MAX_WAITING_TOGETHER) -> None:
        self.limit = limit
        self.size = 0


class _Pieces:
    """What waits of one stream."""

    def __init__(self, together: WaitingBytes) -> None:
        self._together = together
        self._pieces: deque[bytes] = deque()
        self._size = 0

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def has_room(self, size: int) -> bool:
        own, together = self._size + size, self._together.size + size
        return own <= MAX_WAITING and together <= self._together.limit

    def put(self, data: bytes) -> None:
        self._pieces.append(data)
        self._count(len(data))

    def take(self) -> bytes:
        data = self._pieces.popleft()
        self._count(-len(data))
        return data

    def give_back(self, data: bytes) -> None:
        self._pieces.appendleft(data)
        self._count(len(data))

    def clear(self) -> None:
        self._pieces.clear()
        self._count(-self._size)

    def _count(self, change: int) -> None:
        self._size += change
        self._together.size += change


class StreamContents(Feed[_Pieces]):
    """What waits of one stream, and how it ended.

    Only its reader refers to it: when nobody does any longer, what waits is gone.

    Args:
        info: What the header says.
        together: What waits in all streams.
        left: Called when nobody reads any longer and the stream is not over.
        unpacker: Unpacks the contents, if they are compressed.

    Attributes:
        info: What is known of the stream.
        meter: Counts the bytes that have come; of compressed contents, those that were unpacked.
    """

    def __init__(
        self,
        info: StreamInfo,
        together: WaitingBytes,
        left: Callable[[], object],
        unpacker: Unpacker | None = None,
    ) -> None:
        super().__init__(_Pieces(together))
        self._unpacker = unpacker
        self._left_over = b""  # contents that were taken, and not read
        self.info = info
        self.meter = Meter(info.total_length)
        self._left = left
        self._error: StreamError | SlowConsumer | None = None
        weakref.finalize(self, self.queue.clear).atexit = False

    @property
    def over(self) -> bool:
        """Whether nothing more is to be put in."""
        return self.ended

    def put(self, data: bytes) -> None:
        """Add what has come; too much at a time ends the stream."""
        if self.ended or not data:
            return
        if self._unpacker is None:
            self.meter.add(len(data))
        if not self.queue.has_room(len(data)):
            self.queue.clear()
            stream_id = printable(self.info.id, _LONGEST_ID)
            self.fail(SlowConsumer(f"{stream_id}: too much of the stream waited to be read"))
            return
        self.queue.put(data)
        self.lot.unpark()

    def finish(self, attributes: Mapping[str, str]) -> None:
        """The stream is whole."""
        self.info = replace(self.info, attributes={**self.info.attributes, **attributes})
        self.end()

    def fail(self, error: StreamError | SlowConsumer) -> None:
        """The stream will not become whole; what came before can be read."""
        if not self.ended:
            self._error = error
        self.end()
        self.meter.end()

    def spoil(self, error: StreamError) -> None:
        """What was read makes no sense; the rest is dropped."""
        self._error = error
        self._drop()

    def close(self) -> None:
        """Nobody reads any longer. Idempotent."""
        self.closed = True
        self._drop()

    def _drop(self) -> None:
        was_over = self.ended
        self.queue.clear()
        self._left_over = b""
        self.end()
        self.meter.end()
        if not was_over:
            self._left()

    def end(self) -> None:
        """Nothing more will come. Idempotent."""
        super().end()
        if self._unpacker is None:
            self.meter.end()

    def check(self) -> None:
        """Tell a reader for whom nothing waits that it waits in vain, if it does."""
        if self.closed:
            raise trio.ClosedResourceError("this stream was closed")
        if self._error is not None:
            raise self._error
        super().check()

    async def next_piece(self, max_bytes: int | None = None) -> bytes:
        """Wait for the next piece; empty at the end. Cancelled, it loses nothing."""
        if self._left_over:
            await trio.lowlevel.checkpoint()
        else:
            self._left_over = await self._next_unpacked()
        if self.closed:
            raise trio.ClosedResourceError("this stream was closed")
        piece = self._left_over
        self._left_over = b"" if max_bytes is None else piece[max_bytes:]
        return piece[:max_bytes]

    async def _next_unpacked(self) -> bytes:
        while True:
            try:
                came: bytes = await self.take()
            except trio.EndOfChannel:
                await trio.lowlevel.checkpoint()
                self._check_end()
                return b""
            piece = came if self._unpacker is None else self._unpack(self._unpacker, came)
            if piece:
                return piece

    def _unpack(self, unpacker: Unpacker, packed: bytes) -> bytes:
        try:
            piece, rest = unpacker.unpack(packed, _UNPACKED_PIECE)
        except StreamError as error:
            self.spoil(error)
            raise
        if rest is not None:
            self.queue.give_back(rest)
        self.meter.add(len(piece))
        return piece

    def _check_end(self) -> None:
        try:
            if self._unpacker is not None:
                self._unpacker.check_end()
        except StreamError as error:
            self.spoil(error)
            raise
        self.meter.end()

    async def take_all(self, max_size: int) -> bytes:
        """Wait for all of it."""
        whole = bytearray()
        while piece := await self.next_piece():
            whole += piece
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
        """Bytes that have come so far, read or not; of compressed contents those that were read."""
        return self._contents.meter.transferred

    @property
    def progress(self) -> StreamProgress:
        """How much has come, for others to follow."""
        return StreamProgress(self._contents.meter)

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
        return await self._contents.next_piece(max_bytes)

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
        """Bytes that have come so far, read or not; of compressed contents those that were read."""
        return self._contents.meter.transferred

    @property
    def progress(self) -> StreamProgress:
        """How much has come, for others to follow."""
        return StreamProgress(self._contents.meter)

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
        while data := await self._contents.next_piece():
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
        except UnicodeDecodeError as cause:
            error = StreamError("the text stream is not UTF-8")
            self._contents.spoil(error)
            raise error from cause

    def close(self) -> None:
        """Read no more. Idempotent."""
        self._contents.close()

    async def aclose(self) -> None:
        """Read no more. Idempotent, also when cancelled."""
        self.close()
        await trio.lowlevel.checkpoint()

"""Streams of others, by topic.

Theory of operation: packets come in order, and none of them waits for a program. A header opens a
stream if its topic is served and there is room; what nobody serves is counted, and told once for
each topic. The streams of one sender end with an error when the sender leaves, and all of them when
the room is joined anew, as packets were lost then.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import SlowConsumer, StreamAborted, StreamError
from lktrio.room.state.data import DataStats
from lktrio.room.state.enums import ReconnectKind
from lktrio.room.state.events import ParticipantDisconnected, Reconnecting, RoomEvent
from lktrio.room.state.remote import RemoteParticipant
from lktrio.room.streams.assembly import StreamAssembler
from lktrio.room.streams.info import ByteStreamInfo, TextStreamInfo, read_header
from lktrio.room.streams.reader import (
    ByteStreamReader,
    StreamContents,
    TextStreamReader,
    WaitingBytes,
)

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "MAX_STREAMS",
    "IncomingStreams",
    "StreamChannel",
    "StreamQueue",
    "StreamSink",
    "TakeText",
]

_log = logging.getLogger("lktrio.room")

MAX_STREAMS = 256
"""Streams that may be open at once in a room."""
_MAX_UNREAD = 64  # streams of one topic that may wait for a program
_MAX_TOLD = 64  # topics that are told as not served

R = TypeVar("R", bound="TextStreamReader | ByteStreamReader")
_Key: TypeAlias = "tuple[str, str]"  # SID of the sender, id of the stream


class StreamSink(Protocol):
    """What takes the contents of a stream."""

    @property
    def over(self) -> bool:
        """Whether nothing more is to be put in."""
        ...

    def put(self, data: bytes) -> None:
        """Take what has come."""
        ...

    def finish(self, attributes: Mapping[str, str]) -> None:
        """The stream is whole; with the attributes of its trailer."""
        ...

    def fail(self, error: StreamError | SlowConsumer) -> None:
        """The stream will not become whole."""
        ...


TakeText: TypeAlias = "Callable[[TextStreamInfo, str], StreamSink | None]"
"""Takes a stream of the participant that this identity names, or does not want it (None)."""


class StreamQueue(Generic[R]):
    """Streams of one topic that wait for a program.

    Args:
        closed: Called when the topic is served no more.
    """

    def __init__(self, closed: Callable[[], None]) -> None:
        self._on_close = closed
        self._waiting: deque[R] = deque()
        self._ended = False
        self._closed = False
        self._lot = trio.lowlevel.ParkingLot()

    @property
    def has_room(self) -> bool:
        """Whether another stream may wait."""
        return len(self._waiting) < _MAX_UNREAD

    def put(self, reader: R) -> None:
        """A stream has begun."""
        self._waiting.append(reader)
        self._lot.unpark()

    async def take(self) -> R:
        """Wait for the next stream."""
        await trio.lowlevel.checkpoint()
        while not self._waiting:
            if self._closed:
                raise trio.ClosedResourceError("this channel was closed")
            if self._ended:
                raise trio.EndOfChannel
            await self._lot.park()
        return self._waiting.popleft()

    def end(self) -> None:
        """There will be no more."""
        self._ended = True
        self._lot.unpark_all()

    def close(self) -> list[R]:
        """Serve the topic no more; returns the streams that nobody took. Idempotent."""
        if self._closed:
            return []
        self._closed = True
        self._on_close()
        left = list(self._waiting)
        self._waiting.clear()
        self.end()
        return left


class StreamChannel(trio.abc.ReceiveChannel[R], Generic[R]):
    """The streams of one topic, as they begin; see ``Room.text_streams``.

    The topic is served until the channel is closed. At most 64 streams wait; further ones are
    dropped and counted. It ends cleanly when the room ends.
    """

    def __init__(self, queue: StreamQueue[R]) -> None:
        self._queue = queue

    async def receive(self) -> R:
        """Return the next stream, as soon as it has begun. Cancelled, it loses nothing.

        Raises:
            trio.EndOfChannel: The room has ended, and everything was received.
            trio.ClosedResourceError: The channel was closed.
        """
        return await self._queue.take()

    def close(self) -> None:
        """Serve the topic no more; streams that nobody received are closed. Idempotent."""
        for reader in self._queue.close():
            reader.close()

    async def aclose(self) -> None:
        """Serve the topic no more, also when cancelled. Idempotent."""
        self.close()
        await trio.lowlevel.checkpoint()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class IncomingStreams:
    """The streams of others.

    Args:
        stats: Where to count.
    """

    def __init__(self, stats: DataStats) -> None:
        self._stats = stats
        self._together = WaitingBytes()
        self._open: dict[_Key, tuple[StreamAssembler, StreamSink]] = {}
        self._reserved: dict[str, TakeText] = {}
        self._text: dict[str, StreamQueue[TextStreamReader]] = {}
        self._bytes: dict[str, StreamQueue[ByteStreamReader]] = {}
        self._told: set[tuple[str, str]] = set()
        self._ended = False

    # For programs

    def open_text(self, topic: str) -> StreamChannel[TextStreamReader]:
        """Serve the text streams of a topic.

        Raises:
            ValueError: The topic is served already, or reserved.
        """
        if topic in self._reserved:
            raise ValueError(f"the topic {topic!r} is reserved")
        return _serve(self._text, topic, ended=self._ended)

    def open_bytes(self, topic: str) -> StreamChannel[ByteStreamReader]:
        """Serve the byte streams of a topic.

        Raises:
            ValueError: The topic is served already.
        """
        return _serve(self._bytes, topic, ended=self._ended)

    def reserve(self, topic: str, take: TakeText) -> None:
        """Give the text streams of a topic to a part of the room in place of programs.

        It limits how many of them there are.
        """
        self._reserved[topic] = take

    def serves_text(self, topic: str) -> bool:
        """Whether a program serves the text streams of a topic."""
        return topic in self._text

    # What happens in the room

    def follow(self, event: RoomEvent) -> None:
        """End the streams that cannot become whole any more."""
        if isinstance(event, ParticipantDisconnected):
            identity, sid = event.participant.identity, event.participant.sid
            self._abort(f"{identity!r} has left", lambda key: key[0] == sid)
        elif isinstance(event, Reconnecting) and event.kind is ReconnectKind.RESTART:
            self._abort("the room is joined anew", lambda _: True)

    def end(self) -> None:
        """The room has ended."""
        self._ended = True
        self._abort("the room has ended", lambda _: True)
        for text in self._text.values():
            text.end()
        for data in self._bytes.values():
            data.end()

    def _abort(self, why: str, concerns: Callable[[_Key], bool]) -> None:
        for key in [key for key in self._open if concerns(key)]:
            self._open.pop(key)[1].fail(StreamAborted(f"the stream is not complete: {why}"))

    # Packets

    def receive(self, packet: proto.DataPacket, sender: RemoteParticipant | None) -> None:
        """Take a packet of a stream."""
        # Agents that speak for others name them in the header alone; the SID is always their own.
        sid = packet.participant_sid or packet.participant_identity
        if packet.stream_header is not None:
            self._on_header((sid, packet.stream_header.stream_id), packet, sender)
            return
        chunk, trailer = packet.stream_chunk, packet.stream_trailer
        part = trailer if chunk is None else chunk
        if part is None or (sid, part.stream_id) not in self._open:
            return  # of a stream that nobody reads
        key = sid, part.stream_id
        assembler, contents = self._open[key]
        try:
            if isinstance(part, proto.DataStream.Chunk):
                contents.put(assembler.chunk(part))
            else:
                assembler.trailer(part)
                contents.finish(part.attributes)
        except StreamError as error:
            contents.fail(error)
        if contents.over:
            self._open.pop(key, None)

    def _on_header(
        self, key: _Key, packet: proto.DataPacket, sender: RemoteParticipant | None
    ) -> None:
        header = packet.stream_header
        assert header is not None  # that is why we are here
        info = read_header(header, sender)
        if len(self._open) >= MAX_STREAMS:
            self._open = {key: one for key, one in self._open.items() if not one[1].over}
        if isinstance(info, TextStreamInfo) and (take := self._reserved.get(info.topic)):
            sink = take(info, packet.participant_identity) if key not in self._open else None
            if sink is not None:
                self._begin(key, header, sink)
            return
        queue = self._queue_for(info)
        if info is None or queue is None:
            return
        if key in self._open or len(self._open) >= MAX_STREAMS or not queue.has_room:
            self._stats.streams_refused += 1
            return
        contents = StreamContents(info, self._together, lambda: self._forget(key, contents))
        if isinstance(info, TextStreamInfo):
            self._text[info.topic].put(TextStreamReader(contents, info))
        else:
            self._bytes[info.topic].put(ByteStreamReader(contents, info))
        self._begin(key, header, contents)

    def _begin(self, key: _Key, header: proto.DataStream.Header, sink: StreamSink) -> None:
        try:
            assembler = StreamAssembler(header)
            if header.inline_content is None:
                self._open[key] = assembler, sink
                return
            sink.put(assembler.inline(header.inline_content))
            sink.finish({})
        except StreamError as error:
            sink.fail(error)

    def _queue_for(
        self, info: TextStreamInfo | ByteStreamInfo | None
    ) -> StreamQueue[TextStreamReader] | StreamQueue[ByteStreamReader] | None:
        if info is None:
            self._stats.streams_refused += 1
            return None
        text = isinstance(info, TextStreamInfo)
        queue = self._text.get(info.topic) if text else self._bytes.get(info.topic)
        if queue is None:
            self._stats.streams_unserved += 1
            self._tell_unserved("text" if text else "byte", info.topic)
        return queue

    def _tell_unserved(self, kind: str, topic: str) -> None:
        if (kind, topic) not in self._told and len(self._told) < _MAX_TOLD:
            self._told.add((kind, topic))
            _log.info("nobody serves the %s streams of the topic %s", kind, printable(topic))

    def _forget(self, key: _Key, contents: StreamContents) -> None:
        """Nobody reads a stream any longer."""
        if key in self._open and self._open[key][1] is contents:
            del self._open[key]


def _serve(queues: dict[str, StreamQueue[R]], topic: str, *, ended: bool) -> StreamChannel[R]:
    if topic in queues:
        raise ValueError(f"the topic {topic!r} is served already")
    queue: StreamQueue[R] = StreamQueue(lambda: _unserve(queues, topic))
    queues[topic] = queue
    if ended:
        queue.end()
    return StreamChannel(queue)


def _unserve(queues: dict[str, StreamQueue[R]], topic: str) -> None:
    del queues[topic]

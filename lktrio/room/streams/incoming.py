"""Streams of others, from packets to the readers that programs get.

Theory of operation: packets come in order, and none of them waits for a program. A header opens a
stream if there is a place; what nobody serves is counted, told once for each topic, and kept for a
moment only. The streams of one sender end with an error when the sender leaves, and all of them
when the room is joined anew, as packets were lost then.

The streams of some topics are no business of programs: a part of the room takes them.

Places are few, and a sender may forget to end its streams. So nobody has more than a share of them,
and where there is none left, the stream of which nothing came for the longest time loses its own,
if that time was long. While there are places, a stream may be silent for as long as it likes.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeAlias, TypeVar

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import SlowConsumer, StreamAborted, StreamError
from lktrio.room.state.data import DataStats
from lktrio.room.state.enums import ReconnectKind
from lktrio.room.state.events import ParticipantDisconnected, Reconnecting, RoomEvent
from lktrio.room.state.remote import RemoteParticipant
from lktrio.room.streams.assembly import StreamAssembler
from lktrio.room.streams.info import ByteStreamInfo, StreamInfo, TextStreamInfo, read_header
from lktrio.room.streams.reader import (
    MAX_WAITING,
    ByteStreamReader,
    StreamContents,
    TextStreamReader,
    WaitingBytes,
)
from lktrio.room.streams.serving import ServedTopics
from lktrio.room.streams.unpacking import Unpacker

__all__ = [
    "MAX_SILENCE",
    "MAX_STREAMS",
    "MAX_STREAMS_OF_ONE",
    "IncomingStreams",
    "StreamSink",
    "TakeText",
]

_log = logging.getLogger("lktrio.room")

MAX_STREAMS = 256
"""Streams that may be open at once in a room."""
MAX_STREAMS_OF_ONE = 64
"""Those of them that one sender may have."""
MAX_SILENCE = 30.0
"""Seconds without a packet after which a stream may lose its place to another one."""
_MAX_TOLD = 64  # topics that are told as not served

R = TypeVar("R", bound="TextStreamReader | ByteStreamReader")
Info = TypeVar("Info", bound=StreamInfo)
_Key: TypeAlias = "tuple[str, str]"  # SID of the sender, id of the stream
_Part: TypeAlias = "proto.DataStream.Chunk | proto.DataStream.Trailer"


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
"""Takes a stream that comes from the session with this SID, or does not want it (None).

An agent may send a stream in the name of another, whose identity the stream has then.

Who takes it goes on referring to the sink.
"""


@dataclass(slots=True)
class _OpenStream:
    """A stream that is not over."""

    assembler: StreamAssembler
    sink: weakref.ref[StreamSink]
    """What takes it, as long as somebody refers to that."""
    takes_place: bool
    heard_at: float

    @property
    def over(self) -> bool:
        sink = self.sink()
        return sink is None or sink.over


class IncomingStreams:
    """The streams of others.

    Args:
        stats: Where to count.
        clock: Tells the time.

    Attributes:
        text: The topics whose text streams are served.
        bytes: The topics whose byte streams are served.
    """

    def __init__(self, stats: DataStats, clock: Callable[[], float] = trio.current_time) -> None:
        self._clock = clock
        self.text: ServedTopics[TextStreamReader] = ServedTopics("text", clock)
        self.bytes: ServedTopics[ByteStreamReader] = ServedTopics("byte", clock)
        self._stats = stats
        self._together = WaitingBytes()
        self._kept = WaitingBytes(MAX_WAITING)  # in streams that nobody served when they began
        self._open: dict[_Key, _OpenStream] = {}  # first the one that was silent longest
        self._reserved: dict[str, TakeText] = {}
        self._told: set[tuple[str, str]] = set()

    def reserve(self, topic: str, take: TakeText) -> None:
        """Give the text streams of a topic to a part of the room in place of programs.

        It limits how many of them there are.
        """
        self.text.reserve(topic)
        self._reserved[topic] = take

    def serves_text(self, topic: str) -> bool:
        """Whether a program serves the text streams of a topic."""
        return self.text.find(topic) is not None

    # What happens in the room

    def follow(self, event: RoomEvent) -> None:
        """End the streams that cannot become whole any more."""
        if isinstance(event, ParticipantDisconnected):
            identity, sid = event.participant.identity, event.participant.sid
            self._abort(f"{printable(identity)!r} has left", lambda key: key[0] in (sid, identity))
        elif isinstance(event, Reconnecting) and event.kind is ReconnectKind.RESTART:
            self._abort("the room is joined anew", lambda _: True)

    def end(self) -> None:
        """The room has ended."""
        self._abort("the room has ended", lambda _: True)
        self.text.end()
        self.bytes.end()

    def _abort(self, why: str, concerns: Callable[[_Key], bool]) -> None:
        for key in [key for key in self._open if concerns(key)]:
            self._fail(key, why)

    def _fail(self, key: _Key, why: str) -> None:
        sink = self._open.pop(key).sink()
        if sink is not None:
            sink.fail(StreamAborted(f"the stream is not complete: {why}"))

    # Packets

    def receive(self, packet: proto.DataPacket, sender: RemoteParticipant | None) -> None:
        """Take a packet of a stream."""
        # Agents that speak for others name them in the header alone; the SID is always their own.
        sid = packet.participant_sid or packet.participant_identity
        if (header := packet.stream_header) is not None:
            info = read_header(header, packet.participant_identity, sender)
            self._on_header((sid, header.stream_id), header, info)
        elif (chunk := packet.stream_chunk) is not None:
            self._on_part((sid, chunk.stream_id), chunk)
        elif (trailer := packet.stream_trailer) is not None:
            self._on_part((sid, trailer.stream_id), trailer)

    def _on_part(self, key: _Key, part: _Part) -> None:
        stream = self._open.pop(key, None)
        sink = None if stream is None else stream.sink()
        if stream is None or sink is None:
            return  # nobody reads it
        try:
            if isinstance(part, proto.DataStream.Chunk):
                sink.put(stream.assembler.chunk(part))
            else:
                stream.assembler.trailer(part)
                sink.finish(part.attributes)
        except StreamError as error:
            sink.fail(error)
        if not sink.over:
            stream.heard_at = self._clock()
            self._open[key] = stream

    def _on_header(
        self,
        key: _Key,
        header: proto.DataStream.Header,
        info: TextStreamInfo | ByteStreamInfo | None,
    ) -> None:
        for other in [other for other, stream in self._open.items() if stream.over]:
            del self._open[other]
        if isinstance(info, TextStreamInfo) and (take := self._reserved.get(info.topic)):
            sink = take(info, key[0]) if key not in self._open else None
            if sink is not None:
                self._begin(key, header, sink, takes_place=False)
        elif isinstance(info, TextStreamInfo):
            self._hand_out(self.text, TextStreamReader, info, key, header)
        elif isinstance(info, ByteStreamInfo):
            self._hand_out(self.bytes, ByteStreamReader, info, key, header)
        else:
            self._stats.streams_refused += 1

    def _hand_out(
        self,
        topics: ServedTopics[R],
        make: Callable[[StreamContents, Info], R],
        info: Info,
        key: _Key,
        header: proto.DataStream.Header,
    ) -> None:
        """Give a new stream to those who serve its topic, or keep it, if there is a place."""
        topics.drop_old()
        feed = topics.find(info.topic)
        if feed is None:
            self._stats.streams_unserved += 1
            self._tell_unserved(topics.kind, info.topic)
        if not self._has_place(key) or (feed is not None and not feed.has_room()):
            self._stats.streams_refused += 1
            return
        together = self._kept if feed is None else self._together
        left = partial(self._open.pop, key, None)
        packed = header.compression == proto.DataStream.CompressionType.DEFLATE_RAW
        unpacker = Unpacker(header.total_length) if packed else None
        contents = StreamContents(info, together, left, unpacker)
        if feed is None:
            topics.keep(info.topic, make(contents, info))
        else:
            feed.put(make(contents, info))
        self._begin(key, header, contents, takes_place=True)

    def _begin(
        self, key: _Key, header: proto.DataStream.Header, sink: StreamSink, *, takes_place: bool
    ) -> None:
        try:
            assembler = StreamAssembler(header, unpack=not takes_place)
            if header.inline_content is None:
                now = self._clock()
                self._open[key] = _OpenStream(assembler, weakref.ref(sink), takes_place, now)
                return
            sink.put(assembler.inline(header.inline_content))
            sink.finish({})
        except StreamError as error:
            sink.fail(error)

    def _has_place(self, key: _Key) -> bool:
        """Whether a stream may be opened; one that was silent for long may lose its place."""
        if key in self._open:
            return False
        places = [other for other, stream in self._open.items() if stream.takes_place]
        own = [other for other in places if other[0] == key[0]]
        if len(own) >= MAX_STREAMS_OF_ONE:
            silent = own[0]
        elif len(places) >= MAX_STREAMS:
            silent = places[0]
        else:
            return True
        if self._open[silent].heard_at + MAX_SILENCE > self._clock():
            return False
        self._fail(silent, "nothing came for long, and its place was needed")
        return True

    def _tell_unserved(self, kind: str, topic: str) -> None:
        if (kind, topic) not in self._told and len(self._told) < _MAX_TOLD:
            self._told.add((kind, topic))
            _log.info("nobody serves the %s streams of the topic %s", kind, printable(topic))

"""Text streams of topics that have a meaning, put together without a program that reads them.

Theory of operation: stands before the streams that programs read, and takes from them those of its
topics. A topic that a program serves is the program's. What was collected so far is told with each
piece of a text that grows, so that a transcription can be followed. Nothing waits: a text that is
too long, damaged or never ends costs its sender, whose oldest one is given up for a newer one.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from lktrio import proto
from lktrio.errors import StreamError
from lktrio.room.state.data import DataStats
from lktrio.room.state.enums import ReconnectKind
from lktrio.room.state.events import ParticipantDisconnected, Reconnecting, RoomEvent
from lktrio.room.state.remote import RemoteParticipant
from lktrio.room.streams.assembly import StreamAssembler

__all__ = ["MAX_TEXT", "CollectedText", "TextCollector"]

MAX_TEXT = 256 * 1024
"""Bytes of one text; longer ones are for programs that serve the topic."""
_MAX_OF_ONE = 16  # texts of one sender that may be open
_MAX_OPEN = 256  # texts that may be open in a room

_Key: TypeAlias = "tuple[str, str]"  # SID of the sender, id of the stream


class OtherStreams(Protocol):
    """The streams that programs read."""

    def serves_text(self, topic: str) -> bool:
        """Whether a program serves the text streams of a topic."""
        ...

    def receive(self, packet: proto.DataPacket, sender: RemoteParticipant | None) -> None:
        """Take a packet of a stream."""
        ...


class CollectedText:
    """A text stream as far as it has come.

    Args:
        packet: The packet with its header.
        header: The header.

    Attributes:
        header: The header.
        identity: Who speaks, as the packet of the header says.
        sid: Who sends it.
        text: What has come.
        attributes: Its attributes; those of the trailer are added at the end.
        complete: Whether that is all.

    Raises:
        StreamError: It cannot be read.
    """

    def __init__(self, packet: proto.DataPacket, header: proto.DataStream.Header) -> None:
        self.header = header
        self.identity, self.sid = packet.participant_identity, packet.participant_sid
        self.text = ""
        self.attributes: Mapping[str, str] = dict(header.attributes)
        self.complete = False
        self._assembler = StreamAssembler(header)
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def take(self, packet: proto.DataPacket) -> bool:
        """Take a packet of the stream; returns whether there is something to tell.

        A text that is sent as a whole, which says how long it is, is told as a whole.

        Raises:
            StreamError: It is damaged, or too long.
        """
        before = self.text
        if packet.stream_chunk is not None:
            self._add(self._assembler.chunk(packet.stream_chunk))
        elif packet.stream_trailer is not None:
            self._assembler.trailer(packet.stream_trailer)
            self._finish(packet.stream_trailer.attributes)
        elif self.header.inline_content is not None:
            self._add(self._assembler.inline(self.header.inline_content))
            self._finish({})
        grows = self.header.total_length is None and self.text != before
        return self.complete or grows

    def _add(self, data: bytes, *, last: bool = False) -> None:
        if self._assembler.length > MAX_TEXT:
            raise StreamError(f"a text of more than {MAX_TEXT} bytes is not collected")
        try:
            self.text += self._decoder.decode(data, last)
        except UnicodeDecodeError as error:
            raise StreamError("the text stream is not UTF-8") from error

    def _finish(self, attributes: Mapping[str, str]) -> None:
        self._add(b"", last=True)
        self.attributes = {**self.attributes, **attributes}
        self.complete = True


class TextCollector:
    """Collects the text streams of some topics.

    Args:
        topics: What to do with a text whenever something of it has come, by topic.
        others: Takes all other streams.
        stats: Where to count.
    """

    def __init__(
        self,
        topics: Mapping[str, Callable[[CollectedText], None]],
        others: OtherStreams,
        stats: DataStats,
    ) -> None:
        self._topics = topics
        self._others = others
        self._stats = stats
        self._open: dict[_Key, CollectedText] = {}

    def receive(self, packet: proto.DataPacket, sender: RemoteParticipant | None) -> None:
        """Take a packet of a stream."""
        parts = (packet.stream_header, packet.stream_chunk, packet.stream_trailer)
        part = next(one for one in parts if one is not None)
        # Agents that speak for others name them in the header alone; the SID is always their own.
        key = packet.participant_sid or packet.participant_identity, part.stream_id
        try:
            text = self._find(key, packet)
            if text is None:
                self._others.receive(packet, sender)
            elif text.take(packet):
                self._topics[text.header.topic](text)
                if text.complete:
                    self._open.pop(key, None)
        except StreamError:
            self._open.pop(key, None)
            self._stats.streams_refused += 1

    def _find(self, key: _Key, packet: proto.DataPacket) -> CollectedText | None:
        """The text that a packet belongs to; a new one for a header."""
        header = packet.stream_header
        if header is None:
            return self._open.get(key)
        topic = header.topic
        if (
            header.text_header is None
            or topic not in self._topics
            or self._others.serves_text(topic)
        ):
            return None
        text = CollectedText(packet, header)
        if header.inline_content is None:
            self._make_room(key)
            self._open[key] = text
        return text

    def _make_room(self, key: _Key) -> None:
        if key in self._open:
            raise StreamError("there is a stream of this id already")
        same = [other for other in self._open if other[0] == key[0]]
        if len(same) >= _MAX_OF_ONE:
            del self._open[same[0]]
            self._stats.streams_refused += 1
        elif len(self._open) >= _MAX_OPEN:
            raise StreamError("too many text streams are open")

    def follow(self, event: RoomEvent) -> None:
        """Forget the texts that cannot become whole any more."""
        if isinstance(event, ParticipantDisconnected):
            sid = event.participant.sid
            self._open = {key: text for key, text in self._open.items() if key[0] != sid}
        elif isinstance(event, Reconnecting) and event.kind is ReconnectKind.RESTART:
            self._open.clear()

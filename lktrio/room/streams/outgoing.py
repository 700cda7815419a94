"""Streams of ours on their way out.

Theory of operation: a small content goes in the header when all receivers know that form
(``client_protocol`` 2); everything else goes in chunks of 15,000 bytes and is closed by a trailer,
which also tells when the sender gives up. Whole contents are compressed if that helps and all
receivers can unpack them; what is sent piece by piece is not, as it may be read piece by piece. A
stream belongs to one join of the room: receivers would miss what was lost with the link.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import trio

from lktrio import proto
from lktrio.errors import LengthMismatch, LiveKitError, StreamAborted
from lktrio.proto.codec import encode
from lktrio.room.streams.packing import CHUNK_SIZE, Deflater, deflate, pieces, utf8
from lktrio.room.streams.progress import Meter, StreamProgress

__all__ = [
    "CHUNK_SIZE",
    "MAX_AT_ONCE",
    "Abilities",
    "ByteStreamWriter",
    "StreamDescription",
    "StreamOutlet",
    "StreamWriter",
    "TextStreamWriter",
    "small_stream",
]

MAX_AT_ONCE = 256 * 1024
"""Bytes of contents that are compressed at once; more would hold up other tasks."""
_SLICE_SIZE = 4 * CHUNK_SIZE  # bytes of others that are compressed between two checkpoints
_INLINE_PROTOCOL = 2  # the client_protocol that knows contents in headers
_TIME_TO_ABORT = 1.0  # seconds to tell receivers that a cancelled stream ends
_MILLISECONDS = 1000


class StreamOutlet(Protocol):
    """Where the packets of streams go."""

    @property
    def data_session(self) -> int:
        """Which join of the room this is; a number that grows."""
        ...

    async def send_packet(self, packet: proto.DataPacket) -> None:
        """Queue a reliable packet; cancelled, nothing was queued."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDescription:
    """What the header of a stream of ours says."""

    id: str
    """Id of the stream."""
    topic: str
    """Topic by which it is served."""
    timestamp: float
    """When it was begun, in seconds since 1970."""
    mime_type: str
    """What the contents are."""
    destinations: tuple[str, ...] = ()
    """Identities of those who get it; empty for everybody."""
    total_length: int | None = None
    """Bytes of the contents, if known."""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Attributes of the header."""
    text: proto.DataStream.TextHeader | None = None
    """What is said of texts only; None for bytes."""
    name: str = ""
    """Name of the file, of bytes only."""

    def header(self, *, deflated: bool = False) -> proto.DataStream.Header:
        """The header, of contents that are compressed or not."""
        compressions = proto.DataStream.CompressionType
        return proto.DataStream.Header(
            stream_id=self.id,
            topic=self.topic,
            timestamp=int(self.timestamp * _MILLISECONDS),
            mime_type=self.mime_type,
            total_length=self.total_length,
            attributes=dict(self.attributes),
            compression=compressions.DEFLATE_RAW if deflated else compressions.NONE,
            text_header=self.text,
            byte_header=proto.DataStream.ByteHeader(name=self.name) if self.text is None else None,
        )

    def with_length(self, length: int) -> StreamDescription:
        """The same with a length in bytes."""
        return replace(self, total_length=length)

    def packet(
        self, part: proto.DataStream.Header | proto.DataStream.Chunk | proto.DataStream.Trailer
    ) -> proto.DataPacket:
        """A packet for those whom the stream is for."""
        packet = proto.DataPacket(
            kind=proto.DataPacket.Kind.RELIABLE, destination_identities=list(self.destinations)
        )
        match part:
            case proto.DataStream.Header():
                packet.stream_header = part
            case proto.DataStream.Chunk():
                packet.stream_chunk = part
            case proto.DataStream.Trailer():
                packet.stream_trailer = part
        return packet


@dataclass(frozen=True, slots=True)
class Abilities:
    """What all receivers of a stream know."""

    inline: bool
    """Contents in headers."""
    deflate: bool
    """Compressed contents."""

    @classmethod
    def common(cls, recipients: Sequence[proto.ParticipantInfo]) -> Abilities:
        """What these have in common; nobody known counts as somebody old."""
        if not recipients:
            return cls(inline=False, deflate=False)
        inline = all(one.client_protocol >= _INLINE_PROTOCOL for one in recipients)
        capability = proto.ClientInfo.Capability.CAP_COMPRESSION_DEFLATE_RAW
        can_unpack = all(capability in one.capabilities for one in recipients)
        return cls(inline=inline, deflate=inline and can_unpack)


def small_stream(
    description: StreamDescription, content: bytes, abilities: Abilities
) -> Iterator[tuple[proto.DataPacket, int]]:
    """The packets of a stream whose content is known, in the best form that everybody knows.

    Args:
        description: The stream.
        content: What is in it, at most `MAX_AT_ONCE` bytes if it may be compressed.
        abilities: What the receivers know.

    Returns:
        The packets, made as they are asked for, each with the bytes of the content that it adds.
    """
    header = description.with_length(len(content)).header()
    size = len(content)
    if abilities.deflate and len(packed := deflate(content)) < size:
        header.compression = proto.DataStream.CompressionType.DEFLATE_RAW
        content = packed
    if abilities.inline and len(content) <= CHUNK_SIZE:
        header.inline_content = content
        if len(encode(header)) <= CHUNK_SIZE:
            yield description.packet(header), size
            return
        header.inline_content = None
    yield description.packet(header), 0
    text = description.text is not None and not header.compression
    for index, piece in enumerate(pieces(content, text=text)):
        added = 0 if header.compression else len(piece)
        size -= added
        yield description.packet(_chunk(description.id, index, piece)), added
    yield description.packet(proto.DataStream.Trailer(stream_id=description.id)), size


def _chunk(stream_id: str, index: int, content: bytes) -> proto.DataStream.Chunk:
    return proto.DataStream.Chunk(stream_id=stream_id, chunk_index=index, content=content)


class StreamWriter:
    """A stream that is sent piece by piece.

    Args:
        description: What it is.
        outlet: Where its packets go.
        meter: Counts what was sent, maybe together with other streams.
        deflate: Whether to compress the contents.
    """

    def __init__(
        self,
        description: StreamDescription,
        outlet: StreamOutlet,
        meter: Meter,
        *,
        deflate: bool = False,
    ) -> None:
        self._deflater = Deflater() if deflate else None
        self.description = description
        self.meter = meter
        self.sent = 0
        """Bytes that were sent."""
        self._outlet = outlet
        self._session = outlet.data_session
        self._index = 0
        self.over = False
        """Whether receivers know that there will be no more."""
        self._writing = trio.StrictFIFOLock()

    async def begin(self) -> None:
        """Send the header."""
        header = self.description.header(deflated=self._deflater is not None)
        await self.send_header(self.description.packet(header))

    async def send_header(self, header: proto.DataPacket) -> None:
        """Send a header that is made already."""
        await self._outlet.send_packet(header)
        self._session = self._outlet.data_session

    async def send_part(self, packet: proto.DataPacket) -> None:
        """Send another packet of the stream.

        Raises:
            StreamAborted: The room was joined anew meanwhile.
        """
        self._check_session()
        await self._outlet.send_packet(packet)
        self._check_session()

    def _check_session(self) -> None:
        if self._outlet.data_session != self._session:
            raise StreamAborted("the room was joined anew; receivers lack a part of the stream")

    async def write(self, data: bytes | memoryview) -> None:
        """Send data in chunks, of a text whole characters; cancelled, some may have been sent.

        Raises:
            trio.ClosedResourceError: The stream has been closed.
            StreamAborted: The room was joined anew meanwhile.
            LengthMismatch: That is more than was announced.
        """
        async with self._writing:
            if self.over:
                raise trio.ClosedResourceError("this stream was closed")
            total = self.description.total_length
            if total is not None and self.sent + len(data) > total:
                raise LengthMismatch(f"the stream was announced with {total} bytes; this is more")
            if self._deflater is None:
                for piece in pieces(bytes(data), text=self.description.text is not None):
                    await self._send_chunk(piece)
                    self.count(len(piece))
            else:
                await self._write_deflated(self._deflater, data)

    async def _write_deflated(  # noqa: ASYNC910 - the caller has locked
        self, deflater: Deflater, data: bytes | memoryview
    ) -> None:
        for start in range(0, len(data), _SLICE_SIZE):
            part = bytes(data[start : start + _SLICE_SIZE])
            for piece in deflater.put(part):
                await self._send_chunk(piece)
            self.count(len(part))
            await trio.lowlevel.checkpoint()

    async def _send_chunk(self, content: bytes) -> None:
        await self._send(_chunk(self.description.id, self._index, content))
        self._index += 1

    def count(self, size: int) -> None:
        """More bytes were sent."""
        self.sent += size
        self.meter.add(size)

    async def finish(self, attributes: Mapping[str, str]) -> None:
        """Close the stream, which is whole. Idempotent.

        Raises:
            LengthMismatch: It is not as long as was announced; receivers were told.
        """
        if self.over:
            await trio.lowlevel.checkpoint()
            return
        total = self.description.total_length
        if total is not None and self.sent != total:
            await self.abort("too short")
            raise LengthMismatch(f"the stream was announced with {total} bytes; it has {self.sent}")
        if self._deflater is not None:
            for piece in self._deflater.end():
                await self._send_chunk(piece)
        trailer = proto.DataStream.Trailer(
            stream_id=self.description.id, attributes=dict(attributes)
        )
        await self._send(trailer)
        self.over = True

    async def abort(self, reason: str) -> None:
        """Tell the receivers that the rest will not come, also when cancelled. Idempotent.

        Takes at most a second.
        """
        if not self.over:
            self.over = True
            trailer = proto.DataStream.Trailer(stream_id=self.description.id, reason=reason)
            with trio.move_on_after(_TIME_TO_ABORT, shield=True):
                # otherwise receivers learn of the end with that of the room
                with contextlib.suppress(LiveKitError):
                    await self._send(trailer)
        await trio.lowlevel.checkpoint()

    async def _send(self, part: proto.DataStream.Chunk | proto.DataStream.Trailer) -> None:
        await self.send_part(self.description.packet(part))


class ByteStreamWriter(trio.abc.SendStream):
    """A byte stream of ours; made by ``LocalParticipant.stream_bytes``."""

    def __init__(self, writer: StreamWriter, attributes: dict[str, str]) -> None:
        self._writer = writer
        self.attributes = attributes
        """Attributes that receivers get at the end, with the trailer; may be filled until then."""

    @property
    def id(self) -> str:
        """Id of the stream."""
        return self._writer.description.id

    @property
    def sent(self) -> int:
        """Bytes that were sent."""
        return self._writer.sent

    @property
    def progress(self) -> StreamProgress:
        """How much was sent, for others to follow."""
        return StreamProgress(self._writer.meter)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; waits while the path is full. Cancelled, some may have been sent.

        Raises:
            StreamAborted: The room was joined anew meanwhile.
            LengthMismatch: That is more than was announced.
            trio.ClosedResourceError: The stream was closed.
            RoomClosed: The room has ended.
        """
        await self._writer.write(memoryview(data).cast("B"))

    async def wait_send_all_might_not_block(self) -> None:
        """Return at once: only sending tells."""
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close the stream, which is whole; errors as for the end of ``stream_bytes``."""
        await self._writer.finish(self.attributes)


class TextStreamWriter(trio.abc.SendChannel[str]):
    """A text stream of ours; made by ``LocalParticipant.stream_text``."""

    def __init__(self, writer: StreamWriter, attributes: dict[str, str]) -> None:
        self._writer = writer
        self.attributes = attributes
        """Attributes that receivers get at the end, with the trailer; may be filled until then."""

    @property
    def id(self) -> str:
        """Id of the stream."""
        return self._writer.description.id

    @property
    def sent(self) -> int:
        """Bytes that were sent, in UTF-8."""
        return self._writer.sent

    @property
    def progress(self) -> StreamProgress:
        """How much was sent, for others to follow."""
        return StreamProgress(self._writer.meter)

    async def send(self, value: str) -> None:
        """Send a piece of text; waits while the path is full.

        Cancelled, some of it may have been sent.

        Raises:
            StreamAborted: The room was joined anew meanwhile.
            trio.ClosedResourceError: The stream was closed.
            RoomClosed: The room has ended.
        """
        await self._writer.write(utf8(value))

    async def aclose(self) -> None:
        """Close the stream, which is whole. Idempotent."""
        await self._writer.finish(self.attributes)

"""Streams of ours on their way out.

Theory of operation: a small content goes in the header when all receivers know that form
(``client_protocol`` 2), compressed if that helps and they can unpack it; everything else goes in
chunks of 15,000 bytes and is closed by a trailer, which also tells when the sender gives up. A
stream belongs to one join of the room: receivers would miss what was lost with the link.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import trio

from lktrio import proto
from lktrio.errors import LengthMismatch, LiveKitError, StreamAborted
from lktrio.proto.codec import encode

__all__ = [
    "CHUNK_SIZE",
    "ByteStreamWriter",
    "StreamDescription",
    "StreamOutlet",
    "StreamWriter",
    "TextStreamWriter",
    "whole_stream",
]

CHUNK_SIZE = 15_000
"""Bytes of a chunk, and of a header with its content, as in LiveKit's SDKs."""
_MAX_PACKED = 256 * 1024  # bytes that are compressed; more would hold up other tasks
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

    def header(self) -> proto.DataStream.Header:
        """The header."""
        return proto.DataStream.Header(
            stream_id=self.id,
            topic=self.topic,
            timestamp=int(self.timestamp * _MILLISECONDS),
            mime_type=self.mime_type,
            total_length=self.total_length,
            attributes=dict(self.attributes),
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


def whole_stream(
    description: StreamDescription,
    content: bytes,
    recipients: Sequence[proto.ParticipantInfo],
) -> Iterator[proto.DataPacket]:
    """The packets of a stream whose content is known, in the best form that everybody knows.

    Args:
        description: The stream.
        content: What is in it.
        recipients: Everybody whom it is for; nobody known counts as the oldest form.
    """
    header = description.header()
    header.total_length = len(content)
    inline, deflate = _abilities(recipients)
    if deflate and len(content) <= _MAX_PACKED:
        packed = _deflated(content)
        if len(packed) < len(content):
            header.compression = proto.DataStream.CompressionType.DEFLATE_RAW
            content = packed
    if inline:
        header.inline_content = content
        if len(encode(header)) <= CHUNK_SIZE:
            yield description.packet(header)
            return
        header.inline_content = None
    yield description.packet(header)
    text = description.text is not None and not header.compression
    for index, piece in enumerate(_pieces(content, text=text)):
        yield description.packet(_chunk(description.id, index, piece))
    trailer = proto.DataStream.Trailer(stream_id=description.id)
    yield description.packet(trailer)


def _abilities(recipients: Sequence[proto.ParticipantInfo]) -> tuple[bool, bool]:
    """Whether everybody knows contents in headers, and whether also compressed ones."""
    if not recipients:
        return False, False
    inline = all(one.client_protocol >= _INLINE_PROTOCOL for one in recipients)
    capability = proto.ClientInfo.Capability.CAP_COMPRESSION_DEFLATE_RAW
    return inline, inline and all(capability in one.capabilities for one in recipients)


def _deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


def _chunk(stream_id: str, index: int, content: bytes) -> proto.DataStream.Chunk:
    return proto.DataStream.Chunk(stream_id=stream_id, chunk_index=index, content=content)


class StreamWriter:
    """A stream that is sent piece by piece.

    Args:
        description: What it is.
        outlet: Where its packets go.
    """

    def __init__(self, description: StreamDescription, outlet: StreamOutlet) -> None:
        self.description = description
        self.sent = 0
        """Bytes that were sent."""
        self._outlet = outlet
        self._session = outlet.data_session
        self._index = 0
        self.over = False
        """Whether receivers know that there will be no more."""
        self._writing = trio.StrictFIFOLock()

    async def send_header(self, header: proto.DataPacket) -> None:
        """Send the header."""
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
        """Send data in chunks; cancelled, some of them may have been sent.

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
            for piece in _pieces(bytes(data), text=False):
                chunk = _chunk(self.description.id, self._index, piece)
                await self._send(chunk)
                self._index += 1
                self.sent += len(piece)

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

    async def send(self, value: str) -> None:
        """Send a piece of text; waits while the path is full.

        Cancelled, some of it may have been sent.

        Raises:
            StreamAborted: The room was joined anew meanwhile.
            trio.ClosedResourceError: The stream was closed.
            RoomClosed: The room has ended.
        """
        for piece in _pieces(value.encode(), text=True):
            await self._writer.write(piece)
        await trio.lowlevel.checkpoint()

    async def aclose(self) -> None:
        """Close the stream, which is whole. Idempotent."""
        await self._writer.finish(self.attributes)


def _pieces(data: bytes, *, text: bool) -> Iterator[bytes]:
    """Pieces for chunks; those of text end where characters do."""
    start = 0
    while start < len(data):
        end = min(start + CHUNK_SIZE, len(data))
        while text and end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        yield data[start:end]
        start = end

"""From the packets of one stream to its contents, without tasks and without waiting.

Theory of operation: chunks are numbered from 0 and come over an ordered channel. A number that is
missing is an error of this stream; one that was there is a repetition. The contents may be
compressed as a whole, and may be in the header itself, which is then all there is. They are
unpacked here, so that what a packet unpacks to is limited, or by who reads them.
"""

from __future__ import annotations

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import LengthMismatch, StreamAborted, StreamError, StreamTooLarge
from lktrio.room.streams.unpacking import Unpacker

__all__ = ["MAX_UNPACKED", "StreamAssembler"]

MAX_UNPACKED = 8 * 1024 * 1024
"""Bytes that one packet may unpack to here."""
_LONGEST_REASON = 200  # characters of a reason that are shown


class StreamAssembler:
    """The contents of one stream.

    Args:
        header: Its header.
        unpack: Whether to unpack them; otherwise they are returned as they come.

    Raises:
        StreamError: Its contents cannot be read: they are encrypted, or compressed in another way.
    """

    def __init__(self, header: proto.DataStream.Header, *, unpack: bool = True) -> None:
        compressions = proto.DataStream.CompressionType
        if header.encryption_type != proto.Encryption.Type.NONE:
            raise StreamError("the stream is encrypted from end to end, which is not supported")
        if header.compression not in (compressions.NONE, compressions.DEFLATE_RAW):
            raise StreamError(f"the stream is compressed in an unknown way ({header.compression})")
        packed = header.compression == compressions.DEFLATE_RAW
        self._unpacker = Unpacker(header.total_length) if packed and unpack else None
        self._total = None if packed else header.total_length
        self._next = 0
        self._length = 0

    @property
    def length(self) -> int:
        """Bytes of the contents so far."""
        return self._length

    def inline(self, content: bytes) -> bytes:
        """Take the contents that are in the header; returns them.

        Raises:
            StreamError: They are damaged, or not as long as announced.
        """
        data = self._take(content)
        self._check_end()
        return data

    def chunk(self, chunk: proto.DataStream.Chunk) -> bytes:
        """Take a chunk; returns what it adds, which may be nothing.

        Raises:
            StreamError: A chunk is missing, it is damaged, or the stream is too long.
        """
        if chunk.chunk_index < self._next:
            return b""
        if chunk.chunk_index > self._next:
            raise StreamError(
                f"chunk {self._next} of the stream is missing: the next was {chunk.chunk_index}"
            )
        self._next += 1
        return self._take(chunk.content)

    def trailer(self, trailer: proto.DataStream.Trailer) -> None:
        """Take the trailer, the end.

        Raises:
            StreamError: The sender gave up, or something is missing.
        """
        if trailer.reason:
            reason = printable(trailer.reason, _LONGEST_REASON)
            raise StreamAborted(f"the sender gave the stream up: {reason}")
        self._check_end()

    def _take(self, content: bytes) -> bytes:
        data = content if self._unpacker is None else _unpack_all(self._unpacker, content)
        self._length += len(data)
        if self._total is not None and self._length > self._total:
            raise LengthMismatch(f"the stream has more than the announced {self._total} bytes")
        return data

    def _check_end(self) -> None:
        if self._unpacker is not None:
            self._unpacker.check_end()
        if self._total is not None and self._length != self._total:
            raise LengthMismatch(
                f"the stream has {self._length} bytes in place of the announced {self._total}"
            )


def _unpack_all(unpacker: Unpacker, content: bytes) -> bytes:
    data, rest = unpacker.unpack(content, MAX_UNPACKED + 1)
    if len(data) > MAX_UNPACKED or rest:
        raise StreamTooLarge(f"a packet unpacks to more than {MAX_UNPACKED} bytes")
    return data

"""From the packets of one stream to its contents, without tasks and without waiting.

Theory of operation: chunks are numbered from 0 and come over an ordered channel. A number that is
missing is an error of this stream; one that was there is a repetition. The contents may be
compressed as a whole (raw deflate, RFC 1951), and may be in the header itself, which is then all
there is. What a few bytes unpack to is limited for every packet.
"""

from __future__ import annotations

import zlib

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import LengthMismatch, StreamAborted, StreamError, StreamTooLarge

__all__ = ["MAX_UNPACKED", "StreamAssembler"]

MAX_UNPACKED = 8 * 1024 * 1024
"""Bytes that one packet may unpack to."""
_RAW_DEFLATE = -15
_LONGEST_REASON = 200  # characters of a reason that are shown


class StreamAssembler:
    """The contents of one stream.

    Args:
        header: Its header.

    Raises:
        StreamError: Its contents cannot be read: they are encrypted, or compressed in another way.
    """

    def __init__(self, header: proto.DataStream.Header) -> None:
        compressions = proto.DataStream.CompressionType
        if header.encryption_type != proto.Encryption.Type.NONE:
            raise StreamError("the stream is encrypted from end to end, which is not supported")
        if header.compression not in (compressions.NONE, compressions.DEFLATE_RAW):
            raise StreamError(f"the stream is compressed in an unknown way ({header.compression})")
        self._compressed = header.compression == compressions.DEFLATE_RAW
        self._unpacker = zlib.decompressobj(_RAW_DEFLATE)
        self._total = header.total_length
        self._next = 0
        self.length = 0
        """Bytes of the contents so far."""

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
        data = self._unpack(content) if self._compressed else content
        self.length += len(data)
        if self._total is not None and self.length > self._total:
            raise LengthMismatch(f"the stream has more than the announced {self._total} bytes")
        return data

    def _unpack(self, content: bytes) -> bytes:
        limit = MAX_UNPACKED
        if self._total is not None:
            limit = min(limit, max(self._total - self.length, 0))
        try:
            data = self._unpacker.decompress(content, limit + 1)
        except zlib.error as error:
            raise StreamError(f"the stream is damaged: {error}") from error
        if self._unpacker.unused_data:
            raise StreamError("the stream is damaged: something follows its compressed end")
        if len(data) > MAX_UNPACKED:
            raise StreamTooLarge(f"a packet unpacks to more than {MAX_UNPACKED} bytes")
        return data

    def _check_end(self) -> None:
        if self._compressed and not self._unpacker.eof:
            raise LengthMismatch("the compressed contents of the stream are not complete")
        if self._total is not None and self.length != self._total:
            raise LengthMismatch(
                f"the stream has {self.length} bytes in place of the announced {self._total}"
            )

"""Contents that were compressed as a whole (raw deflate, RFC 1951), unpacked bit by bit.

Theory of operation: a few bytes may unpack to a thousand times as many. So who unpacks says how
much to return at a time, and gets the rest back to give it again. More than the header announced,
and anything behind the compressed end, is an error.
"""

from __future__ import annotations

import zlib

from lktrio.errors import LengthMismatch, StreamError

__all__ = ["Unpacker"]

_RAW = -15  # the window of raw deflate


class Unpacker:
    """Unpacks the contents of one stream.

    Args:
        total: How many bytes they are announced to have, if they are.

    Attributes:
        length: Bytes of the contents so far.
    """

    def __init__(self, total: int | None) -> None:
        self.length = 0
        self._total = total
        self._inflater = zlib.decompressobj(_RAW)

    def unpack(self, packed: bytes, limit: int) -> tuple[bytes, bytes | None]:
        """Unpack what has come.

        Args:
            packed: It.
            limit: How many bytes to return at most.

        Returns:
            Bytes of the contents, and what to give again to get more, None if there is no more.

        Raises:
            StreamError: It is damaged, or too long.
        """
        try:
            data = self._inflater.decompress(packed, limit)
        except zlib.error as error:
            raise StreamError(f"the stream is damaged: {error}") from error
        self.length += len(data)
        if self._total is not None and self.length > self._total:
            raise LengthMismatch(f"the stream has more than the announced {self._total} bytes")
        if self._inflater.unused_data:
            raise StreamError("the stream is damaged: something follows its compressed end")
        rest = self._inflater.unconsumed_tail
        return data, rest if rest or len(data) == limit else None

    def check_end(self) -> None:
        """Take the end of the contents.

        Raises:
            LengthMismatch: Something is missing.
        """
        if not self._inflater.eof:
            raise LengthMismatch("the compressed contents of the stream are not complete")
        if self._total is not None and self.length != self._total:
            raise LengthMismatch(
                f"the stream has {self.length} bytes in place of the announced {self._total}"
            )

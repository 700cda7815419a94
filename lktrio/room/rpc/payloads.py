"""Payloads that come as text streams, put together without tasks and without waiting."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lktrio.errors import SlowConsumer, StreamError, StreamTooLarge
from lktrio.room.streams.reader import MAX_READ, MAX_WAITING_TOGETHER, WaitingBytes

__all__ = ["StreamedPayload"]


class StreamedPayload:
    """The payload of one request or answer (a ``StreamSink``).

    Args:
        together: Bytes of all payloads that are kept.
        done: Called once, with the text, or with the error of its stream.
    """

    def __init__(self, together: WaitingBytes, done: Callable[[str | StreamError], None]) -> None:
        self._together = together
        self._done = done
        self._data = bytearray()
        self._counted = 0
        self.over = False
        """Whether nothing more is to be put in."""

    def put(self, data: bytes) -> None:
        """Add what has come."""
        if self.over:
            return
        self._counted += len(data)
        self._together.size += len(data)
        if self._counted > MAX_READ or self._together.size > MAX_WAITING_TOGETHER:
            self.fail(StreamTooLarge(f"a payload has at most {MAX_READ} bytes"))
        else:
            self._data += data

    def finish(self, attributes: Mapping[str, str]) -> None:
        """The stream is whole."""
        if self.over:
            return
        try:
            text = self._data.decode()
        except UnicodeDecodeError:
            self.fail(StreamError("the payload is not UTF-8"))
        else:
            self.over = True
            self._data.clear()
            self._done(text)

    def fail(self, error: StreamError | SlowConsumer) -> None:
        """The stream will not become whole."""
        if not self.over:
            self.close()
            self._done(error if isinstance(error, StreamError) else StreamError(str(error)))

    def close(self) -> None:
        """The payload is needed no more. Idempotent."""
        self.over = True
        self._data.clear()
        self._together.size -= self._counted
        self._counted = 0

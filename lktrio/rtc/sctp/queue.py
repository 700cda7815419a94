"""Messages that wait to be sent: one queue per stream, served in turn.

Theory of operation
-------------------
Streams share the association by bytes (start-time fair queueing): every stream has a virtual time
that its messages push forward by their size, and the one furthest behind is next. A message is
sent whole, because its fragments must have consecutive TSNs (RFC 9260 section 6.9). So a small
message waits for the message that is being sent and for little else, however much other streams
have queued, and frequent small messages are not slowed down to the pace of large ones. A stream
that was idle starts at the present virtual time: it has saved nothing up.

A stream is held back while its reset is under way (RFC 6525 section 5.1.2).
"""

from __future__ import annotations

import math
from collections import deque
from heapq import heappop, heappush
from typing import Final

from lktrio._protocol_errors import LocalProtocolError

__all__ = ["OutboundMessage", "StreamQueue", "SendQueue"]

_NO_MARK: Final = -1
_OVERHEAD: Final = 16  # a DATA header: what a tiny message costs beyond its bytes


class OutboundMessage:
    """One message of the user on its way."""

    __slots__ = (
        "abandoned",
        "data",
        "deadline",
        "first_tsn",
        "last_tsn",
        "max_retransmits",
        "offset",
        "partial",
        "protocol",
        "sequence",
        "stream",
        "unordered",
    )

    def __init__(
        self,
        stream: StreamQueue,
        protocol: int,
        data: bytes,
        unordered: bool,
        max_retransmits: int | None,
        deadline: float,
    ) -> None:
        self.stream = stream
        self.protocol = protocol
        self.data = data
        self.unordered = unordered
        self.max_retransmits = max_retransmits
        self.deadline = deadline
        self.partial = max_retransmits is not None or deadline != math.inf
        self.abandoned = False
        self.offset = 0
        self.sequence = 0
        self.first_tsn = 0
        self.last_tsn = 0


class StreamQueue:
    """The sending side of one stream."""

    __slots__ = (
        "buffered",
        "held",
        "low_mark",
        "messages",
        "next_sequence",
        "ready",
        "stream_id",
        "virtual",
    )

    def __init__(self, stream_id: int) -> None:
        self.stream_id = stream_id
        self.messages: deque[OutboundMessage] = deque()
        self.next_sequence = 0
        self.buffered = 0
        self.low_mark = _NO_MARK
        self.held = False
        self.ready = False
        self.virtual = 0


class SendQueue:
    """All streams with their waiting messages."""

    __slots__ = ("_active", "_count", "_ready", "_virtual", "buffered", "low", "streams")

    def __init__(self) -> None:
        self._ready: list[tuple[int, int, StreamQueue]] = []  # a heap
        self._count = 0  # breaks ties: first come, first served
        self._virtual = 0
        self._active: StreamQueue | None = None
        self.streams: dict[int, StreamQueue] = {}
        """Streams in use, by identifier."""
        self.buffered = 0
        """Bytes waiting on all streams."""
        self.low: list[int] = []
        """Streams whose waiting bytes fell to their low-water mark; the caller takes these."""

    def stream(self, stream_id: int) -> StreamQueue:
        """The stream, made on first use."""
        stream = self.streams.get(stream_id)
        if stream is None:
            stream = self.streams[stream_id] = StreamQueue(stream_id)
        return stream

    def check(self, size: int, largest: int, capacity: int) -> None:
        """Refuse a message that cannot be queued.

        Args:
            size: Its size in bytes.
            largest: The largest message that the peer accepts; 0 for any size.
            capacity: How many bytes may wait altogether.

        Raises:
            LocalProtocolError: It is empty or too large, or the buffer is full.
        """
        if not size:
            raise LocalProtocolError("SCTP cannot carry an empty message")
        if largest and size > largest:
            raise LocalProtocolError(
                f"message of {size} bytes is larger than the {largest} that the peer accepts"
            )
        if size + self.buffered > capacity:
            raise LocalProtocolError(
                "the send buffer is full: wait until buffered_amount has fallen"
            )

    def add(self, message: OutboundMessage) -> None:
        """Put a message at the end of its stream's queue."""
        stream = message.stream
        stream.messages.append(message)
        stream.buffered += len(message.data)
        self.buffered += len(message.data)
        self._enter(stream)

    def _enter(self, stream: StreamQueue) -> None:
        if stream.messages and not stream.ready and not stream.held:
            stream.ready = True
            stream.virtual = max(stream.virtual, self._virtual)
            self._count += 1
            heappush(self._ready, (stream.virtual, self._count, stream))

    def current(self) -> OutboundMessage | None:
        """The message whose turn it is; once begun, the same one until :meth:`done`."""
        if self._active is not None:
            return self._active.messages[0]
        return self._ready[0][2].messages[0] if self._ready else None

    def sent(self, message: OutboundMessage, size: int) -> None:
        """Account for bytes of the current message that have left the queue."""
        if not size:
            return
        stream = message.stream
        if self._active is None:
            self._active = heappop(self._ready)[2]
            self._virtual = stream.virtual
        before = stream.buffered
        stream.buffered = before - size
        self.buffered -= size
        if stream.buffered <= stream.low_mark < before:
            self.low.append(stream.stream_id)

    def done(self) -> None:
        """The current message is sent or given up."""
        stream = self._active
        assert stream is not None, "no message has been begun"
        self._active = None
        stream.virtual += len(stream.messages.popleft().data) + _OVERHEAD
        stream.ready = False
        self._enter(stream)

    def hold(self, stream: StreamQueue) -> None:
        """Let a stream send no more messages until :meth:`release`; its queue must be empty."""
        stream.held = True

    def release(self, stream_id: int, *, anew: bool) -> None:
        """Let a held stream send again.

        Args:
            stream_id: The stream.
            anew: Whether it begins anew; nothing is remembered of it then, unless messages wait.
        """
        stream = self.stream(stream_id)
        stream.held = False
        if anew:
            stream.next_sequence = 0
            if not stream.messages:
                del self.streams[stream_id]
                return
        self._enter(stream)

    def clear(self) -> None:
        """Drop everything that waits."""
        for stream in self.streams.values():
            stream.messages.clear()
            stream.buffered = 0
            stream.ready = False
        self._ready.clear()
        self._active = None
        self.buffered = 0

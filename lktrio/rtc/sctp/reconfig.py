"""Resetting streams: how data channels are closed and their numbers used again (RFC 6525).

Theory of operation
-------------------
Each side resets its own sending direction. One request of ours is outstanding at a time; streams
to be reset wait until their queue has been transmitted and then share the next request, which
names the last TSN in use. It is repeated with the retransmission timeout until it is answered.

A request of the peer is performed when everything up to its last TSN has arrived. Until then it
is answered "in progress", and again with the final result when that is known; a repeated request
gets the same answer as before. Requests out of sequence are refused, requests for anything but
the reset of outgoing streams are denied.

A peer without RE-CONFIG, or one that never answers, makes a reset fail and harms nothing else.

Implements RFC 6525 sections 4.1, 4.4, 5.1.2, 5.2.1, 5.2.2 and 5.2.7.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final, Protocol

from lktrio.rtc.base import NEVER
from lktrio.rtc.sctp.chunks import Parameter, ParameterType, ReConfig
from lktrio.rtc.sctp.events import StreamsReset, StreamsResetDone
from lktrio.rtc.sctp.queue import SendQueue
from lktrio.rtc.sctp.serial import HALF, MASK

__all__ = ["StreamReconfiguration"]

_MAX_STREAMS_PER_REQUEST: Final = 256
_MAX_PARAMETERS: Final = 2  # RFC 6525 section 3.1
_MAX_TIMEOUT: Final = 10.0  # seconds between repetitions of a request
_OUTGOING: Final = Struct("!III")
_SEQUENCE: Final = Struct("!I")
_RESPONSE: Final = Struct("!II")
_STREAM: Final = Struct("!H")


class _Result(IntEnum):
    """Result codes of a response (RFC 6525 section 4.4)."""

    NOTHING_TO_DO = 0
    PERFORMED = 1
    DENIED = 2
    WRONG_SSN = 3
    REQUEST_IN_PROGRESS = 4
    BAD_SEQUENCE_NUMBER = 5
    IN_PROGRESS = 6


class SendingHalf(Protocol):
    """What a request of ours says of what was sent before it."""

    @property
    def next_tsn(self) -> int:
        """TSN of the next new chunk."""
        ...

    @property
    def timeout(self) -> float:
        """The retransmission timeout in seconds."""
        ...


class ReceivingHalf(Protocol):
    """What performs a request of the peer."""

    @property
    def cumulative(self) -> int:
        """The last TSN before which nothing is missing."""
        ...

    def reset_streams(self, stream_ids: tuple[int, ...]) -> None:
        """Begin these streams anew, or all if there are none."""
        ...


class StreamReconfiguration:
    """Requests of both sides to reset streams.

    Args:
        queue: The streams that we reset.
        sender: The sending half.
        receiver: The receiving half, whose streams the peer resets.
        local_sequence: Number of our first request: our initial TSN.
        remote_sequence: Number of the peer's first request: its initial TSN.
        supported: Whether the peer understands RE-CONFIG.
        attempts: How often to repeat a request.
    """

    def __init__(
        self,
        queue: SendQueue,
        sender: SendingHalf,
        receiver: ReceivingHalf,
        local_sequence: int,
        remote_sequence: int,
        *,
        supported: bool,
        attempts: int,
    ) -> None:
        self._queue = queue
        self._sender = sender
        self._receiver = receiver
        self._supported = supported
        self._attempts = attempts
        self._repeated = 0
        self._next_request = local_sequence
        self._waiting: dict[int, None] = {}
        self._requested: tuple[int, ...] = ()
        self._request = b""
        self._expected = remote_sequence
        self._last_result: int = _Result.NOTHING_TO_DO
        self._deferred: tuple[int, int, tuple[int, ...]] | None = None
        self._deadline = NEVER
        self.events: list[StreamsReset | StreamsResetDone] = []
        """What happened; the caller takes the list away."""
        self.chunks: list[bytes] = []
        """RE-CONFIG chunks to send; the caller takes the list away."""

    def next_timer(self) -> float:
        """When :meth:`handle_timer` has something to do."""
        return self._deadline

    # Our requests.

    def reset(self, stream_id: int) -> None:
        """Reset our side of a stream once what it has queued is transmitted."""
        if not self._supported:
            self.events.append(StreamsResetDone((stream_id,), accepted=False))
        elif stream_id not in self._requested:
            self._waiting[stream_id] = None

    def flush(self, now: float) -> None:
        """Make the next request if none is outstanding and a stream is ready for it."""
        if not self._waiting or self._request:
            return
        streams = self._queue.streams
        ready = [
            stream_id
            for stream_id in self._waiting
            if stream_id not in streams or not streams[stream_id].messages
        ][:_MAX_STREAMS_PER_REQUEST]
        if not ready:
            return
        for stream_id in ready:
            del self._waiting[stream_id]
            self._queue.hold(self._queue.stream(stream_id))
        self._requested = tuple(ready)
        head = _OUTGOING.pack(
            self._next_request & MASK,
            (self._expected - 1) & MASK,
            (self._sender.next_tsn - 1) & MASK,
        )
        value = head + b"".join(map(_STREAM.pack, ready))
        self._request = ReConfig(((ParameterType.OUTGOING_RESET_REQUEST, value),)).serialize()
        self._send_request(now)

    def _send_request(self, now: float) -> None:
        self.chunks.append(self._request)
        timeout = self._sender.timeout * 2 ** min(self._repeated, 10)
        self._deadline = now + min(timeout, _MAX_TIMEOUT)

    def handle_timer(self, now: float) -> None:
        """Repeat the request, or give it up."""
        if now < self._deadline:
            return
        self._repeated += 1
        if self._repeated > self._attempts:
            self._conclude(accepted=False)
        else:
            self._send_request(now)

    def _answered(self, sequence: int, result: int, now: float) -> None:
        if not self._request or sequence != self._next_request & MASK:
            return
        self._repeated = 0
        if result == _Result.IN_PROGRESS:
            self._deadline = now + self._sender.timeout
            return
        self._conclude(accepted=result in (_Result.PERFORMED, _Result.NOTHING_TO_DO))

    def _conclude(self, *, accepted: bool) -> None:
        self._repeated = 0
        self._next_request += 1
        self._request = b""
        self._deadline = NEVER
        streams, self._requested = self._requested, ()
        for stream_id in streams:
            self._queue.release(stream_id, anew=accepted)
        self.events.append(StreamsResetDone(streams, accepted))

    # The peer's requests.

    def receive(self, parameters: tuple[Parameter, ...], now: float) -> bool:
        """Take the parameters of one RE-CONFIG chunk.

        Returns:
            False when they do not have the form of RFC 6525.
        """
        if not 1 <= len(parameters) <= _MAX_PARAMETERS:
            return False
        for kind, value in parameters:
            if kind == ParameterType.RECONFIG_RESPONSE and len(value) >= _RESPONSE.size:
                sequence, result = _RESPONSE.unpack_from(value)
                self._answered(sequence, result, now)
            elif kind == ParameterType.OUTGOING_RESET_REQUEST and len(value) >= _OUTGOING.size:
                self._receive_outgoing(value)
            elif kind in _OTHER_REQUESTS and len(value) >= _SEQUENCE.size:
                self._deny(value)
            else:
                return False
        return True

    def _is_new(self, sequence: int) -> bool:
        """Whether a request is the next one; answers it when it is not."""
        offset = (sequence - self._expected) & MASK
        if offset == 0 and self._deferred is None:
            return True
        if offset == 0:
            result = int(_Result.REQUEST_IN_PROGRESS)
        elif offset == MASK:
            result = self._last_result
        else:
            result = _Result.BAD_SEQUENCE_NUMBER
        self._respond(sequence, result)
        return False

    def _respond(self, sequence: int, result: int) -> None:
        value = _RESPONSE.pack(sequence, result)
        self.chunks.append(ReConfig(((ParameterType.RECONFIG_RESPONSE, value),)).serialize())

    def _finish(self, sequence: int, result: int) -> None:
        self._last_result = result
        self._respond(sequence, result)

    def _receive_outgoing(self, value: bytes) -> None:
        sequence, _, last_tsn = _OUTGOING.unpack_from(value)
        if not self._is_new(sequence):
            return
        self._expected += 1
        numbers = value[_OUTGOING.size :]
        stream_ids = tuple(
            stream_id for (stream_id,) in _STREAM.iter_unpack(numbers[: len(numbers) & ~1])
        )
        self._deferred = (sequence, last_tsn, stream_ids)
        if not self.perform_deferred():
            self._finish(sequence, _Result.IN_PROGRESS)

    def perform_deferred(self) -> bool:
        """Perform the peer's request if everything before it has arrived by now."""
        if self._deferred is None:
            return False
        sequence, last_tsn, stream_ids = self._deferred
        ahead = (last_tsn - self._receiver.cumulative) & MASK
        if 0 < ahead < HALF:
            return False
        self._deferred = None
        self._receiver.reset_streams(stream_ids)
        self.events.append(StreamsReset(stream_ids))
        self._finish(sequence, _Result.PERFORMED)
        return True

    def _deny(self, value: bytes) -> None:
        (sequence,) = _SEQUENCE.unpack_from(value)
        if self._is_new(sequence):
            self._expected += 1
            self._finish(sequence, _Result.DENIED)


_OTHER_REQUESTS: Final = frozenset(
    (
        ParameterType.INCOMING_RESET_REQUEST,
        ParameterType.TSN_RESET_REQUEST,
        ParameterType.ADD_OUTGOING_STREAMS,
        ParameterType.ADD_INCOMING_STREAMS,
    )
)

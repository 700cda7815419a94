"""The receiving half of an association: which DATA arrived, reassembly, and SACKs.

Theory of operation
-------------------
TSNs are unwrapped to plain integers relative to the cumulative TSN. As long as nothing is
missing, a chunk is the next of ``cumulative``, its payload joins the one message in progress
(``_tail``: without interleaving, fragments of a message have consecutive TSNs), and the last
fragment delivers it. That is the whole fast path.

Once something is missing, received TSNs beyond the gap are kept as sorted ranges, and fragments
as *runs*: neighbours in TSN of the same message, found by their first and last TSN in two dicts
and merged smaller into larger, so that a message costs time linear in its fragments in whatever
order they come. A run from a beginning to an end is a message; unordered ones are delivered at
once, ordered ones when their stream sequence number is due, so loss on one stream delays no
other. When the last gap closes, what cannot become a message any more is discarded.

The window is enforced: beyond it only the chunk that advances the cumulative TSN is taken, the
rest is dropped unacknowledged. Time per chunk does not depend on what is held.

Implements RFC 9260 sections 6.2, 6.5-6.7 and RFC 3758 section 3.6.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from struct import Struct
from typing import Final

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.sctp.causes import CauseCode
from lktrio.rtc.sctp.chunks import (
    CHUNK_HEADER,
    COMMON_HEADER,
    DATA_BEGIN,
    DATA_END,
    DATA_UNORDERED,
    GAP_BLOCK,
    MAX_GAP_BLOCKS,
    SACK_HEADER,
    ChunkType,
    Error,
)
from lktrio.rtc.sctp.events import SctpMessage, SctpOptions, SctpStats
from lktrio.rtc.sctp.serial import HALF, MASK

__all__ = ["InboundData"]

_WHOLE: Final = DATA_BEGIN | DATA_END
_MAX_OFFSET: Final = 0xFFFF  # a gap block cannot tell of a TSN further from the cumulative one
_MAX_RANGES: Final = 4096  # blocks of received TSNs kept while something is missing
_MIN_HELD_CHUNKS: Final = 1536
"""Fragments and messages held, whatever their size: what one packet can set free or discard."""
_SMALL_FRAGMENT: Final = 512  # bytes: fragments of a large message are not smaller on real paths
_MAX_DUPLICATES: Final = 16  # duplicate TSNs reported in one SACK
_SSN_HALF: Final = 0x8000
_PLAIN_SACK: Final = Struct("!BBHIIHH")


class _Run:
    """Neighbouring fragments of one message."""

    __slots__ = (
        "begins",
        "ends",
        "first",
        "last",
        "parts",
        "protocol",
        "sequence",
        "size",
        "stream_id",
        "unordered",
    )

    def __init__(
        self, tsn: int, flags: int, stream_id: int, sequence: int, protocol: int, payload: bytes
    ) -> None:
        self.first = tsn
        self.last = tsn
        self.begins = bool(flags & DATA_BEGIN)
        self.ends = bool(flags & DATA_END)
        self.unordered = flags & DATA_UNORDERED
        self.stream_id = stream_id
        self.sequence = sequence
        self.protocol = protocol
        self.parts = deque((payload,))
        self.size = len(payload)

    def same_message(self, flags: int, stream_id: int, sequence: int) -> bool:
        """Whether a neighbouring fragment belongs here, as far as its header tells."""
        return (
            self.stream_id == stream_id
            and self.unordered == flags & DATA_UNORDERED
            and (self.sequence == sequence or self.unordered != 0)
        )


class _Stream:
    """Ordered delivery of one stream."""

    __slots__ = ("next_sequence", "waiting")

    def __init__(self) -> None:
        self.next_sequence = 0
        self.waiting: dict[int, tuple[int, int, bytes]] = {}  # sequence -> protocol, chunks, data


class InboundData:
    """Everything that is known about the peer's DATA.

    Args:
        options: Limits.
        stats: Counters to update.
        initial_tsn: The peer's first TSN.
    """

    def __init__(self, options: SctpOptions, stats: SctpStats, initial_tsn: int) -> None:
        self._stats = stats
        self._max_message = options.max_message_size
        # A window that one message can fill would stop its own rest from coming.
        self._window = max(options.receive_window, 2 * options.max_message_size)
        self._max_held = max(_MIN_HELD_CHUNKS, options.max_message_size // _SMALL_FRAGMENT)
        self._stream_limit = options.streams
        room = options.mtu - COMMON_HEADER.size - CHUNK_HEADER.size - SACK_HEADER.size
        self._max_blocks = min(MAX_GAP_BLOCKS, room // GAP_BLOCK.size - _MAX_DUPLICATES)
        self._streams: dict[int, _Stream] = {}
        self._tail: _Run | None = None
        self._lows: list[int] = []
        self._highs: list[int] = []
        self._by_first: dict[int, _Run] = {}
        self._by_last: dict[int, _Run] = {}
        self._held_bytes = 0
        self._held_chunks = 0
        self._duplicates: list[int] = []
        self.cumulative = initial_tsn - 1
        """The last TSN before which nothing is missing, unwrapped."""
        self.sack_now = False
        """Whether the next flush shall carry a SACK: loss, a duplicate, or the peer's request."""
        self.invalid_streams: list[int] = []
        """Streams outside the negotiated range that data came for, to be reported."""
        self.messages: list[SctpMessage] = []
        """Whole messages in order of delivery; the caller takes the list away."""

    @property
    def missing(self) -> bool:
        """Whether something beyond the cumulative TSN has arrived."""
        return bool(self._lows)

    @property
    def available_window(self) -> int:
        """Bytes that the peer may still send."""
        return max(0, self._window - self._held_bytes)

    def receive(
        self,
        flags: int,
        tsn: int,
        stream_id: int,
        sequence: int,
        protocol: int,
        payload: bytes,
    ) -> None:
        """Take one DATA chunk.

        Raises:
            RemoteProtocolError: The peer broke a limit in a way that cannot be ignored; the
                association must be aborted.
        """
        cumulative = self.cumulative
        offset = (tsn - cumulative) & MASK
        if offset == 1 and not self._lows:
            self.cumulative = cumulative + 1
            self._stats.data_chunks_received += 1
            self._append(flags, stream_id, sequence, protocol, payload)
        elif self._accept(cumulative + offset, offset, len(payload)):
            self._stats.data_chunks_received += 1
            self._insert(cumulative + offset, flags, stream_id, sequence, protocol, payload)
            if not self._lows:
                self._leave_recovery()

    # In order: nothing missing.

    def _append(
        self, flags: int, stream_id: int, sequence: int, protocol: int, payload: bytes
    ) -> None:
        tail = self._tail
        if flags & DATA_BEGIN:
            if tail is not None:
                self._discard_tail()
            if stream_id >= self._stream_limit:
                self._reject_stream(stream_id)
            elif flags & DATA_END:
                self._complete(flags & DATA_UNORDERED, stream_id, sequence, protocol, 1, payload)
            else:
                self._tail = _Run(self.cumulative, flags, stream_id, sequence, protocol, payload)
                self._held_bytes += len(payload)
                self._held_chunks += 1
            return
        if tail is None or not tail.same_message(flags, stream_id, sequence):
            self._stats.malformed += 1  # the beginning was never sent, or was given up
            if tail is not None:
                self._discard_tail()
            return
        tail.parts.append(payload)
        size = len(payload)
        tail.size += size
        self._held_bytes += size
        self._held_chunks += 1
        if tail.size > self._max_message or self._held_chunks > self._max_held:
            self._check_size(tail)
        if flags & DATA_END:
            self._tail = None
            self._finish(tail)

    def _grow(self, run: _Run, size: int) -> None:
        run.size += size
        self._held_bytes += size
        self._held_chunks += 1
        self._check_size(run)

    def _discard_tail(self) -> None:
        if self._tail is not None:
            self._discard(self._tail)
            self._tail = None

    def _discard(self, run: _Run) -> None:
        self._stats.messages_skipped += 1
        self._held_bytes -= run.size
        self._held_chunks -= len(run.parts)

    def _reject_stream(self, stream_id: int) -> None:
        self._stats.malformed += 1
        if len(self.invalid_streams) < _MAX_DUPLICATES:
            self.invalid_streams.append(stream_id)

    def report_invalid_streams(self) -> Error:
        """The ERROR for :attr:`invalid_streams` (RFC 9260 section 6.5), which this empties."""
        streams, self.invalid_streams = self.invalid_streams, []
        code = int(CauseCode.INVALID_STREAM_IDENTIFIER)
        return Error(tuple((code, stream.to_bytes(2, "big") + bytes(2)) for stream in streams))

    # Out of order: something is missing.

    def _accept(self, tsn: int, offset: int, size: int) -> bool:
        """Enter a TSN into what has been received; False when it is old or must be dropped."""
        lows, highs = self._lows, self._highs
        at = bisect_right(lows, tsn) - 1
        if offset == 0 or offset >= HALF or (at >= 0 and tsn <= highs[at]):
            self._note_duplicate(tsn)
            return False
        over = self._held_bytes + size > self._window or self._held_chunks >= self._max_held
        if offset == 1:
            if over and self._held_bytes > self._window + self._max_message:
                raise RemoteProtocolError("data that cannot be delivered exceeds the window")
            self.cumulative = tsn
            self._absorb_ranges()
            return True
        if over or offset > _MAX_OFFSET or not self._enter_range(at, tsn):
            self._stats.window_drops += 1
            self.sack_now = True
            return False
        self.sack_now = True  # RFC 9260 6.7: report a gap at once
        if self._tail is not None:
            self._enter_recovery(self._tail)
        return True

    def _note_duplicate(self, tsn: int) -> None:
        self._stats.duplicates += 1
        self.sack_now = True
        if len(self._duplicates) < _MAX_DUPLICATES:
            self._duplicates.append(tsn & MASK)

    def _absorb_ranges(self) -> None:
        """Move the cumulative TSN over the ranges that it has reached."""
        lows, highs = self._lows, self._highs
        count = 0
        while count < len(lows) and lows[count] <= self.cumulative + 1:
            self.cumulative = max(self.cumulative, highs[count])
            count += 1
        if count:
            del lows[:count], highs[:count]
        self.sack_now = True

    def _enter_range(self, at: int, tsn: int) -> bool:
        """Add a TSN after range number ``at``, joining its neighbours."""
        lows, highs = self._lows, self._highs
        after = at + 1
        joins_left = at >= 0 and highs[at] == tsn - 1
        joins_right = after < len(lows) and lows[after] == tsn + 1
        if joins_left and joins_right:
            highs[at] = highs[after]
            del lows[after], highs[after]
        elif joins_left:
            highs[at] = tsn
        elif joins_right:
            lows[after] = tsn
        elif len(lows) >= _MAX_RANGES:
            return False
        else:
            lows.insert(after, tsn)
            highs.insert(after, tsn)
        return True

    def _enter_recovery(self, tail: _Run) -> None:
        tail.last = self.cumulative
        self._by_first[tail.first] = tail
        self._by_last[tail.last] = tail
        self._tail = None

    def _leave_recovery(self) -> None:
        """The last gap is closed: keep the message in progress, drop what leads nowhere."""
        if not self._by_last:
            return
        tail = self._by_last.get(self.cumulative)
        if tail is not None and tail.begins and not tail.ends:
            del self._by_last[self.cumulative]
            self._tail = tail
        for run in self._by_last.values():
            self._discard(run)
        self._by_first.clear()
        self._by_last.clear()

    def _insert(
        self,
        tsn: int,
        flags: int,
        stream_id: int,
        sequence: int,
        protocol: int,
        payload: bytes,
    ) -> None:
        if stream_id >= self._stream_limit:
            self._reject_stream(stream_id)
            return
        if flags & _WHOLE == _WHOLE:
            self._complete(flags & DATA_UNORDERED, stream_id, sequence, protocol, 1, payload)
            return
        run = None if flags & DATA_BEGIN else self._by_last.get(tsn - 1)
        if run is not None and not run.ends and run.same_message(flags, stream_id, sequence):
            del self._by_last[tsn - 1]
            run.parts.append(payload)
            run.last = tsn
            run.ends = bool(flags & DATA_END)
            self._grow(run, len(payload))
        else:
            run = _Run(tsn, flags, stream_id, sequence, protocol, payload)
            self._by_first[tsn] = run
            self._held_bytes += len(payload)
            self._held_chunks += 1
        if not run.ends:
            self._merge_following(run)
        if run.begins and run.ends:
            del self._by_first[run.first]
            self._finish(run)
        else:
            self._by_last[run.last] = run

    def _merge_following(self, run: _Run) -> None:
        """Join a run with the one that starts right after it, if that is the same message."""
        after = self._by_first.get(run.last + 1)
        if after is None or after.begins:
            return
        if not after.same_message(run.unordered, run.stream_id, run.sequence):
            return
        del self._by_first[after.first], self._by_last[after.last]
        if len(run.parts) < len(after.parts):
            after.parts.extendleft(reversed(run.parts))
            run.parts = after.parts
        else:
            run.parts.extend(after.parts)
        run.last = after.last
        run.ends = after.ends
        run.size += after.size
        self._check_size(run)

    def _check_size(self, run: _Run) -> None:
        if run.size > self._max_message or self._held_chunks > 2 * self._max_held:
            raise RemoteProtocolError(
                f"message is larger than {self._max_message} bytes or in too many fragments"
            )

    # Whole messages.

    def _finish(self, run: _Run) -> None:
        parts = run.parts
        self._held_bytes -= run.size
        self._held_chunks -= len(parts)
        data = b"".join(parts)
        self._complete(run.unordered, run.stream_id, run.sequence, run.protocol, len(parts), data)

    def _complete(
        self, unordered: int, stream_id: int, sequence: int, protocol: int, chunks: int, data: bytes
    ) -> None:
        """Deliver a whole message, or keep it until its turn on its stream."""
        if unordered:
            self._deliver(stream_id, protocol, data)
            return
        stream = self._streams.get(stream_id)
        if stream is None:
            stream = self._streams[stream_id] = _Stream()
        if sequence == stream.next_sequence:
            stream.next_sequence = sequence + 1 & 0xFFFF
            self._deliver(stream_id, protocol, data)
            if stream.waiting:
                self._deliver_waiting(stream_id, stream)
        elif (sequence - stream.next_sequence) & 0xFFFF < _SSN_HALF and (
            sequence not in stream.waiting
        ):
            stream.waiting[sequence] = (protocol, chunks, data)
            self._held_bytes += len(data)
            self._held_chunks += chunks
            self._check_undeliverable()
        else:
            self._stats.malformed += 1  # this sequence number has had its message

    def _check_undeliverable(self) -> None:
        # Nothing is missing, yet messages wait: their predecessors were never sent.
        over = self._held_bytes > self._window or self._held_chunks > self._max_held
        if over and not self._lows:
            raise RemoteProtocolError("stream sequence numbers were left out")

    def _deliver(self, stream_id: int, protocol: int, data: bytes) -> None:
        self._stats.messages_received += 1
        self.messages.append(SctpMessage(stream_id, protocol, data))

    def _deliver_waiting(self, stream_id: int, stream: _Stream) -> None:
        while (found := stream.waiting.pop(stream.next_sequence, None)) is not None:
            stream.next_sequence = stream.next_sequence + 1 & 0xFFFF
            self._release(stream_id, found)

    def _release(self, stream_id: int, waiting: tuple[int, int, bytes]) -> None:
        protocol, chunks, data = waiting
        self._held_bytes -= len(data)
        self._held_chunks -= chunks
        self._deliver(stream_id, protocol, data)

    # FORWARD-TSN and stream reset.

    def forward(self, tsn: int, streams: dict[int, int]) -> None:
        """Stop waiting for messages that the peer has given up (RFC 3758 section 3.6).

        Args:
            tsn: The new cumulative TSN.
            streams: Last skipped sequence number by stream, for ordered streams.
        """
        self.sack_now = True
        offset = (tsn - self.cumulative) & MASK
        if not 0 < offset < HALF:
            return
        if self._tail is not None:
            self._enter_recovery(self._tail)
        self._skip_to(self.cumulative + offset)
        if not self._lows:
            self._leave_recovery()
        for stream_id, sequence in streams.items():
            if stream_id < self._stream_limit:
                self._skip_sequences(stream_id, sequence)

    def _skip_to(self, target: int) -> None:
        for run in [run for run in self._by_first.values() if run.first <= target]:
            self._skip_run(run, target)
        self.cumulative = target
        self._absorb_ranges()

    def _skip_run(self, run: _Run, target: int) -> None:
        """Discard a run that lost its beginning or its end to the jump."""
        if run.begins and run.last >= target:
            return
        del self._by_first[run.first], self._by_last[run.last]
        self._discard(run)

    def _skip_sequences(self, stream_id: int, sequence: int) -> None:
        stream = self._streams.get(stream_id)
        if stream is None:
            stream = self._streams[stream_id] = _Stream()
        distance = (sequence - stream.next_sequence) & 0xFFFF
        if distance >= _SSN_HALF:
            return
        # Whichever is less work: so that neither far jumps nor many waiting messages cost more.
        if distance < len(stream.waiting):
            due = [stream.next_sequence + step & 0xFFFF for step in range(distance + 1)]
        else:
            start = stream.next_sequence
            due = sorted(stream.waiting, key=lambda number: (number - start) & 0xFFFF)
            due = [number for number in due if (number - start) & 0xFFFF <= distance]
        for number in due:
            found = stream.waiting.pop(number, None)
            if found is not None:
                self._release(stream_id, found)
        stream.next_sequence = sequence + 1 & 0xFFFF
        self._deliver_waiting(stream_id, stream)

    def reset_streams(self, stream_ids: tuple[int, ...]) -> None:
        """Start the numbering of streams anew (RFC 6525 section 5.2.2); none means all."""
        for stream_id in stream_ids or tuple(self._streams):
            stream = self._streams.pop(stream_id, None)
            if stream is not None:
                for _, chunks, data in stream.waiting.values():
                    self._held_bytes -= len(data)
                    self._held_chunks -= chunks

    # SACK.

    def build_sack(self) -> bytes:
        """The SACK chunk for what has arrived so far (RFC 9260 section 3.3.4)."""
        cumulative = self.cumulative
        self.sack_now = False
        window = self.available_window
        if not self._lows and not self._duplicates:
            return _PLAIN_SACK.pack(ChunkType.SACK, 0, 16, cumulative & MASK, window, 0, 0)
        blocks = [
            GAP_BLOCK.pack(low - cumulative, high - cumulative)
            for low, high in zip(
                self._lows[: self._max_blocks], self._highs[: self._max_blocks], strict=True
            )
        ]
        duplicates, self._duplicates = self._duplicates, []
        count = len(blocks) + len(duplicates)
        return b"".join(
            (
                _PLAIN_SACK.pack(
                    ChunkType.SACK,
                    0,
                    16 + 4 * count,
                    cumulative & MASK,
                    window,
                    len(blocks),
                    len(duplicates),
                ),
                *blocks,
                *(tsn.to_bytes(4, "big") for tsn in duplicates),
            )
        )

"""What has been sent and is not finished: states, and what SACKs say about them.

Theory of operation
-------------------
Records are kept by TSN from the first one that the cumulative TSN does not cover. Cumulative
acknowledgement pops them in order. Gap blocks are turned into ranges of TSNs and merged with the
ranges known before; only what is new is walked, so a SACK costs time linear in its blocks and in
what it newly acknowledges, however wide its blocks are.

A receiver may take back what only gap blocks acknowledged (RFC 9260 section 6.2.1); that is looked
at when a retransmission timeout shows that the last SACK no longer tells the truth.
"""

from __future__ import annotations

from typing import Final

from lktrio.rtc.sctp.chunks import MAX_GAP_BLOCKS
from lktrio.rtc.sctp.events import SctpStats
from lktrio.rtc.sctp.queue import OutboundMessage
from lktrio.rtc.sctp.ranges import Ranges, merge_ranges

__all__ = ["ABANDONED", "ACKED", "IN_FLIGHT", "LOST", "Outstanding", "Scoreboard"]

IN_FLIGHT: Final = 0
LOST: Final = 1
ABANDONED: Final = 2
ACKED: Final = 3


class Outstanding:
    """One DATA chunk that was sent and is not yet covered by the cumulative TSN."""

    __slots__ = ("message", "packet", "sent_at", "serial", "size", "state", "transmissions", "tsn")

    def __init__(
        self,
        tsn: int,
        packet: bytes,
        size: int,
        sent_at: float,
        serial: int,
        message: OutboundMessage,
    ) -> None:
        self.tsn = tsn
        self.packet = packet
        self.size = size
        self.sent_at = sent_at
        self.serial = serial
        self.message = message
        self.state = IN_FLIGHT
        self.transmissions = 1


class Scoreboard:
    """All outstanding chunks.

    Args:
        stats: Counters to update.
        initial_tsn: Our first TSN.
    """

    def __init__(self, stats: SctpStats, initial_tsn: int) -> None:
        self._stats = stats
        self._acked: Ranges = []
        self._last_gaps: Ranges = []
        self.records: dict[int, Outstanding] = {}
        """Outstanding chunks by unwrapped TSN, ascending."""
        self.cumulative = initial_tsn - 1
        """The peer has everything up to this TSN."""
        self.in_flight = 0
        """Bytes sent, not acknowledged, and neither lost nor given up."""
        self.unacknowledged = 0
        """Bytes in flight or lost: what still claims room in the peer's window."""

    @property
    def beyond_gap(self) -> int:
        """Chunks that arrived although an earlier one is missing."""
        return sum(high - low + 1 for low, high in self._acked)

    def acknowledge_up_to(self, top: int) -> tuple[int, Outstanding | None]:
        """Drop the records up to a cumulative TSN that is not below the present one.

        Returns:
            The bytes newly acknowledged, and the most recently sent of these chunks.
        """
        newly = flown = 0
        newest: Outstanding | None = None
        pop = self.records.pop
        for tsn in range(self.cumulative + 1, top + 1):
            record = pop(tsn)
            state = record.state
            if state == IN_FLIGHT:
                flown += record.size
                newly += record.size
            elif state == LOST:
                newly += record.size
            else:
                continue
            record.state = ACKED
            if newest is None or record.serial > newest.serial:
                newest = record
        self.in_flight -= flown
        self.unacknowledged -= newly
        self.cumulative = top
        return newly, newest

    def _absolute(self, gaps: Ranges, limit: int) -> Ranges:
        """Gap blocks as ranges of TSNs, clipped to what was sent; disorder ends them."""
        blocks: Ranges = []
        before = base = self.cumulative
        for first, last in gaps[:MAX_GAP_BLOCKS]:
            low, high = base + first, min(base + last, limit)
            if low <= before or high < low:
                self._stats.malformed += 1
                break
            blocks.append((low, high))
            before = high
        return blocks

    def acknowledge_blocks(self, gaps: Ranges, limit: int) -> tuple[int, Outstanding | None]:
        """Enter gap blocks, walking only what they newly cover.

        Args:
            gaps: First and last offset of each block.
            limit: The last TSN that was sent.

        Returns:
            The bytes newly acknowledged, and the most recently sent of these chunks.
        """
        if not gaps and not self._acked:
            return 0, None
        blocks = self._absolute(gaps, limit)
        known = [(low, high) for low, high in self._acked if high > self.cumulative]
        self._acked, fresh = merge_ranges(known, blocks)
        self._last_gaps = blocks
        newly = 0
        newest: Outstanding | None = None
        for low, high in fresh:
            for tsn in range(low, high + 1):
                record = self.records.get(tsn)
                if record is None or record.state >= ABANDONED:
                    continue
                if record.state == IN_FLIGHT:
                    self.in_flight -= record.size
                newly += record.size
                record.state = ACKED
                if newest is None or record.serial > newest.serial:
                    newest = record
        self.unacknowledged -= newly
        return newly, newest

    def restore_reneged(self) -> None:
        """Forget acknowledgements that the last SACK did not repeat (RFC 9260 section 6.2.1)."""
        confirmed = [(low, high) for low, high in self._last_gaps if high > self.cumulative]
        if len(confirmed) >= MAX_GAP_BLOCKS // 2:
            return  # the list may have been cut for want of room
        _, missing = merge_ranges(confirmed, self._acked)
        for low, high in missing:
            for tsn in range(max(low, self.cumulative + 1), high + 1):
                record = self.records.get(tsn)
                if record is not None and record.state == ACKED:
                    record.state = LOST
                    self.unacknowledged += record.size
        self._acked = confirmed

    def give_up(self, message: OutboundMessage) -> None:
        """Mark everything of a message that has not arrived as abandoned."""
        tsn, last = message.first_tsn, message.last_tsn
        if tsn <= self.cumulative:
            tsn = self.cumulative + 1
        while tsn <= last:  # mostly once: a message that may be given up is small
            record = self.records[tsn]
            tsn += 1
            if record.state == ACKED:
                continue
            if record.state == IN_FLIGHT:
                self.in_flight -= record.size
            self.unacknowledged -= record.size
            record.state = ABANDONED

    def clear(self) -> None:
        """Forget everything: the association has ended."""
        self.records.clear()
        self.in_flight = self.unacknowledged = 0

"""The sending half of an association: transmission, SACKs, loss recovery, giving up.

Theory of operation
-------------------
A message is cut when its turn to be transmitted comes. Every fragment becomes one
:class:`Outstanding`: the bytes of a whole packet (common header without checksum, DATA chunk,
padding), built by one ``Struct.pack`` and kept as they are for retransmission. TSNs are plain
unwrapped integers.

Outstanding chunks are found in two ways: by TSN, in the :class:`~lktrio.rtc.sctp.scoreboard
.Scoreboard` that SACKs are entered into, and in the order of their last transmission, in
``_sent``, which answers what a newer transmission has overtaken.

Loss is detected by time (:class:`~lktrio.rtc.sctp.rack.Rack`): a chunk is lost when one sent later
has arrived and more than a round trip plus a reordering window has passed. A tail loss probe asks
for a SACK when none comes in two round trips. The retransmission timeout is the last resort; ten of
them in a row without an answer end the association.

Partial reliability (RFC 3758): a message that is out of retransmissions or time is abandoned as
a whole, including what was not sent yet; :class:`~lktrio.rtc.sctp.forward.ForwardPoint` lets the
receiver go on.

Implements RFC 9260 sections 6.1, 6.3, 6.9 and 7, RFC 3758 section 3.5, RFC 7053, RFC 8985
sections 6 and 7 (adapted to SCTP).
"""

from __future__ import annotations

from collections import deque
from typing import Final

from lktrio.rtc.base import NEVER
from lktrio.rtc.sctp.chunks import (
    COMMON_HEADER,
    DATA_BEGIN,
    DATA_END,
    DATA_HEADER,
    DATA_IMMEDIATE,
    DATA_PACKET,
    DATA_UNORDERED,
    GAP_BLOCK,
    MAX_GAP_BLOCKS,
    SACK_HEADER,
)
from lktrio.rtc.sctp.congestion import CongestionControl, RtoEstimator
from lktrio.rtc.sctp.events import SctpOptions, SctpStats
from lktrio.rtc.sctp.forward import ForwardPoint
from lktrio.rtc.sctp.path_model import PathModel
from lktrio.rtc.sctp.queue import OutboundMessage, SendQueue
from lktrio.rtc.sctp.rack import Rack
from lktrio.rtc.sctp.ranges import Ranges
from lktrio.rtc.sctp.scoreboard import (
    IN_FLIGHT,
    LOST,
    Outstanding,
    Scoreboard,
)
from lktrio.rtc.sctp.serial import HALF, MASK

__all__ = ["OutboundData"]

_MAX_OUTSTANDING: Final = 2048
"""Chunks in flight, 2.3 MB of full ones: what a SACK can make us walk through."""
_PEER_SACK_DELAY: Final = 0.2  # RFC 9260 section 6.2: the usual delay for a lone packet
_MIN_PROBE_DELAY: Final = 0.03  # room for a peer that answers once per batch
_MAX_PROBES: Final = 2  # RFC 8985 has one; a second saves most timeouts at 30 % loss

_PADDING: Final = (b"", b"\0\0\0", b"\0\0", b"\0")  # by length modulo 4


class OutboundData:
    """Everything between the queue of messages and the packets that carry them.

    Args:
        options: Limits and timers.
        stats: Counters to update.
        ports: Source and destination port.
        initial_tsn: Our first TSN.
    """

    def __init__(
        self, options: SctpOptions, stats: SctpStats, ports: tuple[int, int], initial_tsn: int
    ) -> None:
        self._options = options
        self._stats = stats
        self._ports = ports
        self._fragment = (options.mtu & ~3) - COMMON_HEADER.size - DATA_HEADER.size
        self._tag = 0
        self._forward_supported = False
        self.queue = SendQueue()
        """Messages that wait."""
        self.round_trip = RtoEstimator(options)
        """Round-trip time and timeout."""
        self.congestion = CongestionControl(options)
        """The congestion window."""
        self.path = PathModel()
        """What the path carries."""

        self.next_tsn = initial_tsn
        """TSN of the next new chunk, unwrapped."""
        self._board = Scoreboard(stats, initial_tsn)
        self._forward = ForwardPoint(self._board, initial_tsn)
        self._rack = Rack(self.round_trip, initial_tsn)
        self._sent: deque[Outstanding] = deque()
        self._lost: deque[Outstanding] = deque()
        self.peer_window = 0
        """What the peer last said it can take, in bytes."""
        self._serial = 0
        self._window_limited = False
        self._recovery_point = initial_tsn - 1
        self._last_sent_at = 0.0

        self._asked = False
        self._asked_at = -NEVER
        self._probed = 0
        self._probe: list[Outstanding] = []

        self.errors = 0
        """Timeouts in a row without an answer."""
        self._timeout_at = NEVER
        self._probe_at = NEVER
        self._reorder_at = NEVER

    def connect(self, tag: int, window: int, *, forward_supported: bool) -> None:
        """Learn what the handshake brought: the peer's tag, window and abilities."""
        self._tag = tag
        self.peer_window = window
        self._forward_supported = forward_supported

    @property
    def timeout(self) -> float:
        """The retransmission timeout in seconds."""
        return self.round_trip.timeout

    @property
    def outstanding(self) -> int:
        """Bytes that wait, or were sent and not acknowledged."""
        return self.queue.buffered + self._board.unacknowledged

    @property
    def forward_due(self) -> bool:
        """Whether a FORWARD-TSN is to be sent."""
        return self._forward.due

    @property
    def idle(self) -> bool:
        """Whether everything has been sent and acknowledged."""
        return not self._board.records and self.queue.current() is None

    def next_timer(self) -> float:
        """When :meth:`handle_timer` has something to do."""
        return min(self._timeout_at, self._probe_at, self._reorder_at)

    # Transmission.

    def transmit(self, now: float, *, corked: bool = False) -> list[Outstanding]:
        """Take what may be sent now: lost chunks first, then new ones.

        Args:
            now: The time in seconds.
            corked: Whether new ones wait until they fill a packet.

        Returns:
            The chunks in the order to send them.
        """
        out: list[Outstanding] = []
        self._window_limited = False
        if self._probe:
            self._send_probe(out, now)
        if self._lost:
            self._retransmit(out, now)
        message = self.queue.current()
        if corked and self.queue.buffered < self._fragment:
            message = None
        elif message is not None and not self._lost:
            if not self._board.records:
                self._restart_from_idle(now)
                self.path.resumed(now)
            while message is not None and self._send_message(message, out, now):
                message = self.queue.current()
            if message is None and out:
                self._end_burst(out[-1], now)
        if out:
            self._stats.data_chunks_sent += len(out)
            self._last_sent_at = now
            self._arm(now)
        return out

    def _end_burst(self, record: Outstanding, now: float) -> None:
        """Ask for a SACK after everything there is to send, once in a round trip.

        Small messages in a row would each be answered otherwise, and the answers cost more.
        """
        lone = len(self._board.records) == 1
        if lone or now - self._asked_at >= (self.round_trip.smoothed or 0.0):
            self._asked_at = now
            self._ask_for_sack(record)
        else:
            self._asked = False

    def _ask_for_sack(self, record: Outstanding) -> None:
        """Set the I bit on the last of everything there is to send (RFC 7053 section 5.1).

        A prompt SACK keeps the measured round-trip time true, and with it a lost lone message is
        noticed soon; what is never repeated gains nothing from that.
        """
        self._asked = record.message.max_retransmits != 0
        if self._asked:
            packet = record.packet
            record.packet = packet[:13] + bytes((packet[13] | DATA_IMMEDIATE,)) + packet[14:]

    def _restart_from_idle(self, now: float) -> None:
        timeout = self.round_trip.timeout
        idle = now - self._last_sent_at
        if self._last_sent_at and idle > timeout:
            self.congestion.idled(int(idle / timeout))

    def _retransmit(self, out: list[Outstanding], now: float) -> None:
        lost, limit = self._lost, self.congestion.window
        while lost and (self._board.in_flight < limit or not self._board.in_flight):
            record = lost.popleft()
            if record.state != LOST:
                continue  # acknowledged or given up in the meantime
            if self._exhausted(record, now):
                self._abandon(record.message)
                continue
            self._send_again(record, now)
            out.append(record)
        self._window_limited = bool(lost)
        self._forward.advance()

    def _send_probe(self, out: list[Outstanding], now: float) -> None:
        due, self._probe = self._probe, []
        for record in due:
            if record.state == IN_FLIGHT:
                self._send_again(record, now)
                out.append(record)

    def _send_again(self, record: Outstanding, now: float) -> None:
        self._serial += 1
        record.serial = self._serial
        record.sent_at = now
        record.transmissions += 1
        if record.state == LOST:
            record.state = IN_FLIGHT
            self._board.in_flight += record.size
        self._sent.append(record)
        self._stats.data_chunks_retransmitted += 1

    def _send_message(self, message: OutboundMessage, out: list[Outstanding], now: float) -> bool:
        """Transmit as much of the current message as the windows allow; False when they end."""
        start = message.offset
        if start == 0 and not self._begin(message, now):
            return True
        self._send_fragments(message, out, now)
        moved = message.offset - start
        self._board.in_flight += moved
        self._board.unacknowledged += moved
        self.queue.sent(message, moved)
        if start == 0 and moved and not message.unordered:
            message.stream.next_sequence = message.sequence + 1 & 0xFFFF
        if message.offset < len(message.data):
            return False
        self.queue.done()
        self._stats.messages_sent += 1
        return True

    def _send_fragments(self, message: OutboundMessage, out: list[Outstanding], now: float) -> None:
        """Make DATA packets of the message as long as the windows allow."""
        data, total, offset = message.data, len(message.data), message.offset
        fragment, window, sent = self._fragment, self._board.records, self._sent
        (source, destination), tag = self._ports, self._tag
        stream_id, sequence, protocol = message.stream.stream_id, message.sequence, message.protocol
        flags, pack = DATA_UNORDERED if message.unordered else 0, DATA_PACKET.pack
        tsn, serial = self.next_tsn, self._serial
        budget = self.congestion.window - self._board.in_flight
        room = self.peer_window - self._board.unacknowledged
        capacity = _MAX_OUTSTANDING - len(window)
        while offset < total:
            if budget <= 0:
                self._window_limited = True
                break
            end = offset + fragment
            flag = flags if offset else flags | DATA_BEGIN
            if end >= total:
                end = total
                flag |= DATA_END
            size = end - offset
            if (size > room and window) or capacity <= 0:
                break  # a closed window is probed with one chunk (RFC 9260 6.1 A)
            number, length = tsn & MASK, size + 16
            header = pack(
                source, destination, tag, 0, 0, flag, length, number, stream_id, sequence, protocol
            )
            packet = header + data[offset:end]
            if size & 3:
                packet += _PADDING[size & 3]
            serial += 1
            record = window[tsn] = Outstanding(tsn, packet, size, now, serial, message)
            sent.append(record)
            out.append(record)
            tsn += 1
            budget -= size
            room -= size
            capacity -= 1
            offset = end
        self.next_tsn, self._serial, message.offset = tsn, serial, offset
        message.last_tsn = tsn - 1

    def _begin(self, message: OutboundMessage, now: float) -> bool:
        """Start a message; False when its lifetime ended before that."""
        if message.deadline < now:
            self.queue.sent(message, len(message.data))
            self.queue.done()
            self._stats.messages_abandoned += 1
            return False
        if not message.unordered:
            message.sequence = message.stream.next_sequence
        message.first_tsn = self.next_tsn
        return True

    # Acknowledgement.

    def receive_sack(self, value: bytes, now: float) -> None:
        """Take the value of a SACK chunk; what makes no sense is counted.

        Args:
            value: The value, from the cumulative TSN on.
            now: The time in seconds.
        """
        start = SACK_HEADER.size
        if len(value) < start:
            self._stats.malformed += 1
            return
        cumulative, window, count, duplicates = SACK_HEADER.unpack_from(value)
        if start + 4 * (count + duplicates) > len(value):
            self._stats.malformed += 1
            return
        end = start + 4 * min(count, MAX_GAP_BLOCKS)
        gaps = list(GAP_BLOCK.iter_unpack(value[start:end])) if count else []
        if not self.acknowledge(cumulative, window, gaps, duplicates, now):
            self._stats.malformed += 1

    def acknowledge(
        self, cumulative: int, window: int, gaps: Ranges, duplicates: int, now: float
    ) -> bool:
        """Take a SACK.

        Args:
            cumulative: Its cumulative TSN, 32 bits.
            window: The advertised receiver window in bytes.
            gaps: First and last offset of each gap block.
            duplicates: How many duplicate TSNs it reports.
            now: The time in seconds.

        Returns:
            False when the SACK is impossible (it acknowledges what was never sent).
        """
        board = self._board
        offset = (cumulative - board.cumulative) & MASK
        if offset >= HALF:
            return True  # overtaken by a newer one
        top = board.cumulative + offset
        if top >= self.next_tsn:
            return False
        newly, newest = board.acknowledge_up_to(top)
        if newest is not None:
            self._delivered(newest, now)
        beyond, newest = board.acknowledge_blocks(gaps, self.next_tsn - 1)
        if newest is not None:
            self._delivered(newest, now)
        self.peer_window = window
        self._after_sack(newly + beyond, window, duplicates, now)
        return True

    def _delivered(self, newest: Outstanding, now: float) -> None:
        self._rack.delivered(newest, now)
        if newest.transmissions == 1:
            self.path.measured(now - newest.sent_at, now)

    def _after_sack(self, newly: int, window: int, duplicates: int, now: float) -> None:
        if newly:
            self.errors = 0
            self.round_trip.answered()
            self._probed = 0
            self.path.acknowledged(newly, now, idle=not self._board.records)
            if self._window_limited and self._board.cumulative >= self._recovery_point:
                smoothed = self.round_trip.smoothed or 0.0
                self.congestion.acknowledged(newly, now, smoothed)
        if window < self._options.mtu:
            self.errors = 0  # the peer is there, its window is closed (RFC 9260 6.1 A)
        if duplicates:
            self._rack.duplicated(self._board.cumulative, self.next_tsn - 1)
        self._detect_losses(now)
        self._forward.acknowledged(self.round_trip.smoothed or 0.0, now)
        if not self._board.records:
            self._timeout_at = self._probe_at = NEVER
        elif newly:
            self._timeout_at = NEVER
            self._arm(now)

    def _arm(self, now: float) -> None:
        """Start the retransmission timer if it is not running, and the tail probe."""
        if self._timeout_at == NEVER:
            self._timeout_at = now + self.round_trip.timeout
        smoothed = self.round_trip.smoothed
        if self._probed >= _MAX_PROBES or self._lost or smoothed is None:
            self._probe_at = NEVER
            return
        lone = self._board.in_flight <= self._fragment and not self._asked
        delay = 2 * smoothed + (_PEER_SACK_DELAY if lone else _MIN_PROBE_DELAY)
        self._probe_at = min(now + delay, self._timeout_at)

    # Loss.

    def handle_timer(self, now: float) -> None:
        """Do what is due; the caller transmits afterwards and looks at :attr:`errors`."""
        if now >= self._reorder_at:
            self._detect_losses(now)
        if now >= self._probe_at:
            self._prepare_probe(now)
        if now >= self._timeout_at:
            self._time_out(now)

    def _detect_losses(self, now: float) -> None:
        """Take for lost what a later transmission has overtaken (RFC 8985 section 6.2)."""
        self._reorder_at = NEVER
        sent, newest = self._sent, self._rack.newest
        patience = self._rack.patience(self._board, self._recovery_point)
        reduced = False
        while sent:
            record = sent[0]
            if record.state == IN_FLIGHT:
                if record.serial > newest:
                    break
                if record.sent_at + patience > now:
                    self._reorder_at = record.sent_at + patience
                    break
                reduced = reduced or record.tsn > self._recovery_point
                self._lose(record, now)
            sent.popleft()
        if reduced:
            self._recovery_point = self.next_tsn - 1
            self.congestion.lost()
        self._forward.advance()

    def _lose(self, record: Outstanding, now: float) -> None:
        if record.message.partial and self._exhausted(record, now):
            self._abandon(record.message)
            return
        self._board.in_flight -= record.size
        record.state = LOST
        self._lost.append(record)

    def _prepare_probe(self, now: float) -> None:
        """Send the last chunk in flight once more and ask for a SACK (RFC 8985 section 7)."""
        self._probe_at = NEVER
        self._probed += 1
        for record in reversed(self._sent):
            limit = record.message.max_retransmits
            if record.state == IN_FLIGHT and (limit is None or record.transmissions <= limit):
                break
        else:
            return
        self._sent.remove(record)
        self._ask_for_sack(record)
        self._probe.append(record)
        self._stats.probes += 1
        self._timeout_at = now + self.round_trip.timeout

    def _time_out(self, now: float) -> None:
        self.errors += 1
        self._stats.timeouts += 1
        if self.errors == 1:
            self.congestion.timed_out()
        self.round_trip.back_off()
        self._board.restore_reneged()
        self._recovery_point = self._board.cumulative
        self._sent.clear()
        self._lost.clear()
        self._probe.clear()
        for record in tuple(self._board.records.values()):
            if record.state == IN_FLIGHT:
                self._lose(record, now)
            elif record.state == LOST:
                self._lost.append(record)
        self._forward.advance()
        self._forward.due = self._forward.ahead
        self._timeout_at = NEVER
        self._arm(now)

    # Giving up.

    def _exhausted(self, record: Outstanding, now: float) -> bool:
        message = record.message
        if not self._forward_supported or not message.partial:
            return False
        limit = message.max_retransmits
        return message.deadline <= now or (limit is not None and record.transmissions > limit)

    def _abandon(self, message: OutboundMessage) -> None:
        """Give up a message of which something was sent (RFC 3758 section 3.5)."""
        if message.abandoned:
            return
        message.abandoned = True
        self._stats.messages_abandoned += 1
        if message.offset < len(message.data):
            self._drop_rest(message)
        self._board.give_up(message)
        if not message.unordered:
            self._forward.skip(message)

    def _drop_rest(self, message: OutboundMessage) -> None:
        self._occupy_tsn(message)
        self.queue.sent(message, len(message.data) - message.offset)
        self.queue.done()

    def _occupy_tsn(self, message: OutboundMessage) -> None:
        """Give the unsent rest of a message one TSN that is skipped and never sent.

        What was sent may all arrive after all; without this nothing would be left for a
        FORWARD-TSN to tell the receiver that the end will not come.
        """
        tsn = message.last_tsn = self.next_tsn
        self.next_tsn += 1
        self._board.records[tsn] = Outstanding(tsn, b"", 0, 0.0, 0, message)

    def build_forward(self, now: float) -> bytes:
        """The FORWARD-TSN chunk that is due."""
        self._arm(now)
        return self._forward.build(now)

    def retry(self, now: float) -> None:
        """Try again at once what is outstanding: the network path has changed."""
        self.path.forget()
        if self._board.records:
            self.errors = 0
            self.round_trip.answered()
            self._timeout_at = now

    def stop(self) -> None:
        """Drop everything: the association has ended."""
        self.queue.clear()
        self._board.clear()
        self._sent.clear()
        self._lost.clear()
        self._probe.clear()
        self._forward.clear()
        self._timeout_at = self._probe_at = self._reorder_at = NEVER

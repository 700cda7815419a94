"""The association: handshake, dispatch of chunks, timers, end (RFC 9260, RFC 8261, RFC 8831).

Theory of operation
-------------------
Both sides of a WebRTC data transport send INIT as soon as DTLS is up, so the simultaneous open of
RFC 9260 section 5.2.1 is the normal case: each answers the other's INIT with its own tag and first
TSN, each echoes the other's cookie, and whichever cookie arrives first establishes. There is one
path, DTLS underneath, and no restart: a peer that restarts ends the association. Which state
follows which is a table, :mod:`lktrio.rtc.sctp.states`.

``receive`` reads one packet: DATA and SACK in place, all other chunks through the codec and a
table of handlers by type. ``flush``, called once after a batch of packets, writes what is due:
control chunks and at most one SACK first, then DATA, small chunks bundled up to the MTU. A full
packet leaves as the very bytes object that is kept for retransmission.

Checksums: when the peer offers it, packets go without CRC32C (RFC 9653), except those with INIT or
COOKIE-ECHO. Likewise 0 is accepted only if we offered it.

Cost: both SACK and FORWARD-TSN are cumulative, so only the last of a packet counts; limits on what
is outstanding and what is held bound the work that any packet can cause.

Errors: a chunk that cannot be parsed is counted and ends its packet. A peer that breaks a limit in
a way that cannot be ignored is aborted. Nothing is ever raised out of ``receive``.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar, Final

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.base import RandomBytes
from lktrio.rtc.sctp.causes import Cause, CauseCode, describe_causes
from lktrio.rtc.sctp.chunks import (
    COMMON_HEADER,
    DATA_FIELDS,
    DATA_HEADER,
    DATA_IMMEDIATE,
    MAX_CHUNKS,
    MAX_REPORTED,
    SACK_HEADER,
    Abort,
    Chunk,
    ChunkType,
    CookieAck,
    CookieEcho,
    Error,
    ForwardTsn,
    Heartbeat,
    HeartbeatAck,
    Init,
    InitAck,
    ParameterType,
    ReConfig,
    Shutdown,
    ShutdownAck,
    ShutdownComplete,
    UnknownChunk,
    parse_chunk,
)
from lktrio.rtc.sctp.events import (
    DEFAULT_REMOTE_MAX_MESSAGE_SIZE,
    BufferedAmountLow,
    DataAcknowledged,
    SctpClosed,
    SctpConnected,
    SctpEvent,
    SctpOptions,
    SctpStats,
)
from lktrio.rtc.sctp.handshake import Agreement, Offer, Repetition
from lktrio.rtc.sctp.inbound import InboundData
from lktrio.rtc.sctp.outbound import OutboundData
from lktrio.rtc.sctp.queue import OutboundMessage
from lktrio.rtc.sctp.reconfig import StreamReconfiguration
from lktrio.rtc.sctp.sacks import SackSchedule
from lktrio.rtc.sctp.scoreboard import Outstanding
from lktrio.rtc.sctp.serial import MASK
from lktrio.rtc.sctp.states import (
    ACCEPTING,
    ACTIVE,
    ENDING,
    RECEIVING,
    SENDING,
    TRANSITIONS,
    SctpState,
    Step,
)
from lktrio.rtc.sctp.wire import PacketGate, PacketWriter

__all__ = ["SctpAssociation"]

_SILENCE: Final = 5.0  # seconds after which a packet of the peer means that the path is back
_MAX_CONTROL: Final = 64  # control chunks waiting for a flush
_DATA: Final = int(ChunkType.DATA)
_SACK: Final = int(ChunkType.SACK)
_INIT: Final = int(ChunkType.INIT)
_FORWARD_TSN: Final = int(ChunkType.FORWARD_TSN)
_CLOSED: Final = SctpState.CLOSED  # asked for every chunk, and members of enums are slow to find
_CUMULATIVE: Final = frozenset((_SACK, _FORWARD_TSN))


class SctpAssociation:
    """One SCTP association over one DTLS connection, without I/O.

    After any number of ``receive`` and ``send`` calls, call :meth:`flush` once; ``start``,
    ``handle_timer``, ``close`` and ``abort`` flush by themselves.

    Args:
        random: Source of randomness for tags, the first TSN and the cookie key.
        local_port: Our SCTP port.
        remote_port: The peer's SCTP port, from its SDP.
        options: Limits and timers.

    Attributes:
        out: SCTP packets to be sealed by DTLS, in order; swapped out whole by the caller.
        events: What happened; swapped out whole by the caller.
        state: State of the association.
        stats: Counters.
        remote_max_message_size: Largest message the peer accepts, from its SDP; 0 means any size
            (RFC 8841 section 6). May be set at any time.
        corked: Whether less than a full packet of messages waits for more (as TCP_CORK). Turned
            off, it leaves with the next flush.
        reports_acknowledgements: Whether to report :class:`DataAcknowledged`.
    """

    def __init__(
        self,
        *,
        random: RandomBytes,
        local_port: int = 5000,
        remote_port: int = 5000,
        options: SctpOptions | None = None,
    ) -> None:
        self.options = options = options or SctpOptions()
        self.out: list[bytes] = []
        self.events: deque[SctpEvent] = deque()
        self.state = SctpState.NEW
        self.stats = SctpStats()
        self.remote_max_message_size = DEFAULT_REMOTE_MAX_MESSAGE_SIZE
        self.reports_acknowledgements = False
        self.corked = False
        self._ports = (local_port, remote_port)
        self._offer = Offer(random, options)
        self._gate = PacketGate(self._ports, self._offer.tag, options)
        self._remote_tag = 0
        self._writer = PacketWriter(self._ports, options.mtu, self.stats)
        self.outbound_streams = options.streams
        """Streams that may be sent on, numbered from 0."""
        self._sender = OutboundData(options, self.stats, self._ports, self._offer.initial_tsn)
        self._receiver: InboundData | None = None
        self._reconfig: StreamReconfiguration | None = None
        self._early_resets: dict[int, None] = {}
        self._control: list[bytes] = []
        self._sacks = SackSchedule(options.sack_delay)
        self._heard_at = 0.0
        self._repetition = Repetition(options)

    # What the user does.

    @property
    def closed(self) -> bool:
        """Whether the association has ended."""
        return self.state is _CLOSED

    @property
    def connected(self) -> bool:
        """Whether data can flow."""
        return self.state in ACTIVE

    @property
    def buffered_amount(self) -> int:
        """Bytes of all messages that wait to be transmitted for the first time."""
        return self._sender.queue.buffered

    @property
    def outstanding(self) -> int:
        """Bytes of all messages that wait, or were sent and not acknowledged."""
        return self._sender.outstanding

    def outstanding_limit(self, delay: float, size: int, now: float) -> float:
        """How much may be outstanding for what follows to wait at most a while.

        Args:
            delay: Seconds that it may wait on our side of the path and in its queues.
            size: Bytes of the message that is to be sent now; counts as outstanding.
            now: The time.
        """
        return self._sender.path.limit(delay, size, now)

    def stream_buffered_amount(self, stream_id: int) -> int:
        """Bytes waiting on one stream."""
        stream = self._sender.queue.streams.get(stream_id)
        return stream.buffered if stream else 0

    def set_low_mark(self, stream_id: int, size: int) -> None:
        """Set where :class:`BufferedAmountLow` is reported for a stream; not at all by default."""
        self._check_stream(stream_id)
        self._sender.queue.stream(stream_id).low_mark = size

    @property
    def round_trip_time(self) -> float | None:
        """Smoothed round-trip time in seconds, None before the first measurement."""
        return self._sender.round_trip.smoothed

    @property
    def congestion_window(self) -> int:
        """Bytes that may be on their way."""
        return int(self._sender.congestion.window)

    def start(self, now: float) -> None:
        """Send INIT: DTLS is up. Does nothing when the handshake has begun already."""
        if not self._enter(Step.START):
            return
        self._send_until_answered(self._offer.init(), now)
        self.flush(now)

    def send(
        self,
        stream_id: int,
        protocol: int,
        data: bytes,
        *,
        ordered: bool = True,
        max_retransmits: int | None = None,
        lifetime: float | None = None,
        now: float,
    ) -> None:
        """Queue a message; it leaves with the next :meth:`flush` that the windows allow.

        Args:
            stream_id: The stream, below the negotiated number.
            protocol: Payload protocol identifier.
            data: The message, at least one byte; kept, not copied.
            ordered: Whether it is delivered in order with other ordered messages of the stream.
            max_retransmits: How often to repeat a lost fragment before giving the message up.
            lifetime: Seconds after which to give the message up.
            now: The time in seconds.

        Raises:
            LocalProtocolError: The association has ended or is ending, the stream does not exist,
                the message is empty or larger than the peer accepts, or the buffer is full.
        """
        if self.state not in ACCEPTING:
            raise LocalProtocolError("the SCTP association is closed; nothing can be sent on it")
        self._check_stream(stream_id)
        queue = self._sender.queue
        queue.check(len(data), self.remote_max_message_size, self.options.send_buffer)
        stream = queue.stream(stream_id)
        deadline = math.inf if lifetime is None else now + lifetime
        queue.add(OutboundMessage(stream, protocol, data, not ordered, max_retransmits, deadline))

    def _check_stream(self, stream_id: int) -> None:
        if not 0 <= stream_id < self.outbound_streams:
            raise LocalProtocolError(
                f"stream {stream_id} does not exist: use 0..{self.outbound_streams - 1}"
            )

    def reset_stream(self, stream_id: int, now: float) -> None:
        """Reset our side of a stream after what is queued on it (RFC 6525).

        :class:`StreamsResetDone` follows when the peer has answered.
        """
        self._check_stream(stream_id)
        if self._reconfig is None:
            self._early_resets[stream_id] = None
        else:
            self._reconfig.reset(stream_id)

    def network_changed(self, now: float) -> None:
        """Try again at once what is outstanding: the path below works again or is another one."""
        self._retry(now)
        self.handle_timer(now)

    def _retry(self, now: float) -> None:
        self._sender.retry(now)
        self._repetition.hurry(now)

    def close(self, now: float) -> None:
        """End gracefully: deliver what is queued, then SHUTDOWN; :class:`SctpClosed` follows."""
        if self._enter(Step.CLOSE):
            self.flush(now)
        elif not self.connected:
            self.abort(now)

    def abort(self, now: float, reason: str = "") -> None:
        """End at once with an ABORT to the peer; :class:`SctpClosed` follows.

        Args:
            now: The time in seconds.
            reason: A few words that the peer may show to a person.
        """
        if self.state is _CLOSED:
            return
        self._abort(reason)
        self._end(reason or "closed by this side", graceful=True)

    def _abort(self, reason: str) -> None:
        if self._remote_tag:
            self._emit(Abort(((int(CauseCode.USER_INITIATED_ABORT), reason.encode()),)))

    # Timers.

    def next_timer(self) -> float:
        """When :meth:`handle_timer` has something to do, or ``NEVER``."""
        due = min(self._sender.next_timer(), self._sacks.at, self._repetition.at)
        return due if self._reconfig is None else min(due, self._reconfig.next_timer())

    def handle_timer(self, now: float) -> None:
        """Do what is due, and flush."""
        if self.state is _CLOSED:
            return
        self._sender.handle_timer(now)
        errors = self._sender.errors
        if self._reconfig is not None:
            self._reconfig.handle_timer(now)
        again = self._repetition.due(now, self._sender.timeout)
        if max(errors, self._repetition.errors) > self.options.max_retransmissions:
            self._abort("too many retransmissions")
            self._end("the peer does not answer", graceful=False)
            return
        if again is not None:
            self._emit(again)
        self.flush(now)

    def _send_until_answered(self, chunk: Chunk, now: float) -> None:
        self._repetition.begin(chunk, now, self._sender.timeout)
        self._emit(chunk)

    # Output.

    def flush(self, now: float) -> None:
        """Write what is due to ``out``: control chunks, a SACK, and as much data as may be sent."""
        if self.state is _CLOSED:
            return
        records: list[Outstanding] = []
        if self._reconfig is not None:
            if self.state in SENDING:
                records = self._sender.transmit(now, corked=self.corked)
                self._reconfig.flush(now)
                if self._sender.forward_due:
                    self._control.append(self._sender.build_forward(now))
            self._flush_sack(records, now)
            self._collect(self._reconfig)
        if self._control or records:
            control, self._control = self._control, []
            self.out += self._writer.write(control, records)
        if self.state in ENDING and self._sender.idle:
            self._continue_shutdown(now)

    def _flush_sack(self, records: list[Outstanding], now: float) -> None:
        """Add a SACK if one is due, or if it travels for free."""
        receiver = self._receiver
        if receiver is None:
            return
        free = bool(records) and len(records[0].packet) + SACK_HEADER.size < self.options.mtu
        if self._sacks.due(now, urgent=receiver.sack_now, free=free):
            self._control.append(receiver.build_sack())

    def _collect(self, reconfig: StreamReconfiguration) -> None:
        """Take what the parts have produced."""
        if reconfig.chunks:  # what finds no room is repeated, by the peer or by our timer
            self._control += reconfig.chunks[: max(0, _MAX_CONTROL - len(self._control))]
            reconfig.chunks = []
        if reconfig.events:
            self.events += reconfig.events
            reconfig.events = []
        low = self._sender.queue.low
        if low:
            self.events += map(BufferedAmountLow, low)
            low.clear()

    def _emit(self, chunk: Chunk, *, tag: int | None = None) -> None:
        if type(chunk) is Init:
            tag = 0  # RFC 9260 section 8.5.1 A
        self.out += self._writer.write([chunk.serialize()], tag=tag)

    # Input.

    def receive(self, packet: bytes, now: float) -> None:
        """Take one SCTP packet that DTLS has authenticated; it never raises."""
        closed = self.state is _CLOSED
        if not self._gate.admits(packet) or (closed and not self._answer_late(packet)):
            self.stats.packets_dropped += 1
            return
        self.stats.packets_received += 1
        if closed:
            return
        if now - self._heard_at > _SILENCE and (self._sender.errors or self._repetition.errors):
            self._retry(now)
        self._heard_at = now
        try:
            self._walk(packet, now)
        except RemoteProtocolError as error:
            self._violation(str(error))
        if self._receiver is not None:
            self._after_receive(self._receiver)

    def _answer_late(self, packet: bytes) -> bool:
        """The peer repeats its SHUTDOWN-ACK because our last packet was lost (RFC 9260 8.4)."""
        late = packet[12] == ChunkType.SHUTDOWN_ACK
        if late:
            self._emit(ShutdownComplete())
        return late

    def _walk(self, packet: bytes, now: float) -> None:
        position, size = COMMON_HEADER.size, len(packet)
        carried_data = False
        cumulative: dict[int, bytes] = {}
        for _ in range(MAX_CHUNKS):
            if position + 4 > size:
                self.stats.malformed += position < size
                break
            kind, flags = packet[position], packet[position + 1]
            length = packet[position + 2] << 8 | packet[position + 3]
            end = position + length
            if length < 4 or end > size:
                self.stats.malformed += 1
                break
            if kind == _DATA:
                carried_data = True
                self._receive_data(packet, flags, position, end)
            elif kind in _CUMULATIVE:
                cumulative[kind] = packet[position + 4 : end]
            elif kind == _INIT and position > COMMON_HEADER.size:
                self.stats.malformed += 1  # never bundled: RFC 9260 section 3
                break
            elif not self._receive_chunk(kind, flags, packet[position + 4 : end], now):
                break
            if self.state is _CLOSED:
                return
            position = end + 3 & ~3
        else:
            self.stats.malformed += position < size
        if carried_data:
            self._sacks.arrived()
        if cumulative:
            self._receive_cumulative(cumulative, now)

    def _receive_cumulative(self, last: dict[int, bytes], now: float) -> None:
        """Take the last chunk of each kind that says all that the ones before it said."""
        forward, sack = last.get(_FORWARD_TSN), last.get(_SACK)
        if forward is not None:
            self._receive_chunk(_FORWARD_TSN, 0, forward, now)
        if sack is not None and self.state in ACTIVE:
            self._sender.receive_sack(sack, now)
            if self.reports_acknowledgements:
                self.events.append(DataAcknowledged())

    def _receive_data(self, packet: bytes, flags: int, position: int, end: int) -> None:
        receiver = self._receiver
        if receiver is None:
            return
        # A COOKIE-ACK may be lost, but only its sender sends data.
        if self.state not in RECEIVING and not self._establish(Step.COOKIE_ACK):
            return
        if end - position <= DATA_HEADER.size:
            raise RemoteProtocolError("DATA chunk without user data")
        tsn, stream_id, sequence, protocol = DATA_FIELDS.unpack_from(packet, position + 4)
        receiver.receive(
            flags, tsn, stream_id, sequence, protocol, packet[position + DATA_HEADER.size : end]
        )
        if flags & DATA_IMMEDIATE:
            receiver.sack_now = True

    def _after_receive(self, receiver: InboundData) -> None:
        if receiver.messages:
            self.events += receiver.messages
            receiver.messages = []
        if receiver.invalid_streams:
            self._answer(receiver.report_invalid_streams())
        if self._reconfig is not None:
            self._reconfig.perform_deferred()
            self._collect(self._reconfig)

    def _receive_chunk(self, kind: int, flags: int, value: bytes, now: float) -> bool:
        """Take a chunk other than DATA and SACK; False ends the packet."""
        try:
            chunk = parse_chunk(kind, flags, value)
        except RemoteProtocolError:
            self.stats.malformed += 1
            return False
        if isinstance(chunk, UnknownChunk):
            if kind & 0x40:  # RFC 9260 section 3.2: the upper bits say what to do
                report = chunk.serialize()[:MAX_REPORTED]
                self._answer(Error(((int(CauseCode.UNRECOGNIZED_CHUNK), report),)))
            return bool(kind & 0x80)
        handler = self._handlers.get(kind)  # ERROR and HEARTBEAT-ACK have no consequences
        if handler is not None:
            handler(self, chunk, now)
        return True

    def _answer(self, chunk: Chunk) -> None:
        if len(self._control) < _MAX_CONTROL:
            self._control.append(chunk.serialize())

    # Handshake.

    def _on_init(self, init: Init, now: float) -> None:
        if not init.initiate_tag or not init.outbound_streams or not init.inbound_streams:
            self.stats.malformed += 1
            return
        self._emit(self._offer.answer(init), tag=init.initiate_tag)

    def _on_init_ack(self, answer: InitAck, now: float) -> None:
        if self.state is not SctpState.COOKIE_WAIT:
            return
        cookie = answer.parameter(ParameterType.STATE_COOKIE)
        streams = answer.outbound_streams and answer.inbound_streams
        if cookie is None or not answer.initiate_tag or not streams:
            self.stats.malformed += 1
            return
        self._adopt(self._offer.agree(answer))
        self._enter(Step.INIT_ACK)
        self._send_until_answered(CookieEcho(cookie), now)

    def _on_cookie_echo(self, echo: CookieEcho, now: float) -> None:
        agreement = self._offer.open(echo.value)
        if agreement is None:
            self.stats.malformed += 1
            return
        same_peer = agreement.remote_tag == self._remote_tag
        if self.state in ACTIVE:
            if not same_peer:
                self._end("the peer restarted the association", graceful=False)
                return
        else:
            if not same_peer or self._receiver is None:
                self._adopt(agreement)
            self._establish(Step.COOKIE)
        self._answer(CookieAck())

    def _on_cookie_ack(self, chunk: CookieAck, now: float) -> None:
        self._establish(Step.COOKIE_ACK)

    def _adopt(self, agreement: Agreement) -> None:
        """Set up both halves for what was agreed."""
        self._remote_tag = agreement.remote_tag
        zero_checksum = self.options.zero_checksum and agreement.zero_checksum
        self._gate.remote_tag = agreement.remote_tag
        self._writer.connect(agreement.remote_tag, zero_checksum=zero_checksum)
        self.outbound_streams = agreement.outbound_streams
        self._sender.connect(
            agreement.remote_tag,
            agreement.remote_window,
            forward_supported=agreement.forward_tsn,
        )
        self._receiver = InboundData(self.options, self.stats, agreement.remote_tsn)
        self._reconfig = StreamReconfiguration(
            self._sender.queue,
            self._sender,
            self._receiver,
            self._offer.initial_tsn,
            agreement.remote_tsn,
            supported=agreement.reconfig,
            attempts=self.options.max_retransmissions,
        )

    def _establish(self, step: Step) -> bool:
        if not self._enter(step):
            return False
        self._repetition.end()
        if self._reconfig is not None:
            for stream_id in self._early_resets:
                self._reconfig.reset(stream_id)
        self._early_resets.clear()
        self.events.append(SctpConnected())
        return True

    def _enter(self, step: Step) -> bool:
        """Go on to the state that a step leads to; False if it leads nowhere from here."""
        following = TRANSITIONS[self.state].get(step)
        if following is None:
            return False
        self.state = following
        return True

    # While established.

    def _on_heartbeat(self, chunk: Heartbeat, now: float) -> None:
        self._answer(HeartbeatAck(chunk.value))

    def _on_forward_tsn(self, chunk: ForwardTsn, now: float) -> None:
        if self._receiver is not None and self.state in RECEIVING:
            self._receiver.forward(chunk.cumulative_tsn, dict(chunk.streams))

    def _on_reconfig(self, chunk: ReConfig, now: float) -> None:
        if self._reconfig is None or self.state not in ACTIVE:
            return
        if not self._reconfig.receive(chunk.parameters, now):
            self.stats.malformed += 1

    # End.

    def _on_shutdown(self, chunk: Shutdown, now: float) -> None:
        if not self._enter(Step.SHUTDOWN):
            return
        if self.state is SctpState.SHUTDOWN_ACK_SENT:
            self._send_until_answered(ShutdownAck(), now)
        else:
            self._sender.acknowledge(chunk.cumulative_tsn, self._sender.peer_window, [], 0, now)

    def _on_shutdown_ack(self, chunk: ShutdownAck, now: float) -> None:
        if self._enter(Step.SHUTDOWN_ACK):
            self._emit(ShutdownComplete())
            self._end("both sides closed", graceful=True)

    def _on_shutdown_complete(self, chunk: ShutdownComplete, now: float) -> None:
        if self._enter(Step.SHUTDOWN_COMPLETE):
            self._end("both sides closed", graceful=True)

    def _on_abort(self, chunk: Abort, now: float) -> None:
        self._end(f"aborted by the peer: {describe_causes(chunk.causes)}", graceful=False)

    def _continue_shutdown(self, now: float) -> None:
        """All data is acknowledged: take the next step (RFC 9260 section 9.2)."""
        self._enter(Step.DRAINED)
        if self.state is SctpState.SHUTDOWN_SENT:
            cumulative = self._receiver.cumulative & MASK if self._receiver else 0
            self._send_until_answered(Shutdown(cumulative), now)
        else:
            self._send_until_answered(ShutdownAck(), now)

    def _violation(self, reason: str) -> None:
        self.stats.malformed += 1
        cause: Cause = (int(CauseCode.PROTOCOL_VIOLATION), reason.encode())
        self._emit(Abort((cause,)))
        self._end(f"the peer broke the protocol: {reason}", graceful=False)

    def _end(self, reason: str, *, graceful: bool) -> None:
        self.state = SctpState.CLOSED
        self._repetition.end()
        self._sender.stop()
        if self._receiver is not None:
            self.events += self._receiver.messages
        self._receiver = self._reconfig = None
        self._control.clear()
        self._sacks.stop()
        self.events.append(SctpClosed(reason, graceful))

    _handlers: ClassVar[dict[int, Callable[[SctpAssociation, Any, float], None]]] = {
        ChunkType.INIT: _on_init,
        ChunkType.INIT_ACK: _on_init_ack,
        ChunkType.HEARTBEAT: _on_heartbeat,
        ChunkType.ABORT: _on_abort,
        ChunkType.SHUTDOWN: _on_shutdown,
        ChunkType.SHUTDOWN_ACK: _on_shutdown_ack,
        ChunkType.COOKIE_ECHO: _on_cookie_echo,
        ChunkType.COOKIE_ACK: _on_cookie_ack,
        ChunkType.SHUTDOWN_COMPLETE: _on_shutdown_complete,
        ChunkType.RE_CONFIG: _on_reconfig,
        ChunkType.FORWARD_TSN: _on_forward_tsn,
    }

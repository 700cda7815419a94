"""Data channels over an SCTP association (RFC 8831, RFC 8832, W3C WebRTC section 6).

Theory of operation
-------------------
A channel is a pair of SCTP streams with the same number, one each way. Unless both sides agreed on
the number beforehand, the opener sends DATA_CHANNEL_OPEN with label and reliability on an unused
stream of its parity (even for the DTLS client, odd for the server) and may send data right away;
the other side answers DATA_CHANNEL_ACK. Until the answer, or any message, has come back,
everything is sent in order, so that no data overtakes the OPEN (RFC 8832 section 6).

The payload protocol identifier tells text from binary, and both from the OPEN and ACK messages.
SCTP has no empty messages, so empty ones have identifiers of their own and one byte nobody reads.

A channel is closed by resetting its outgoing stream after everything queued; the other side
answers by resetting its own. When both are done the number is free again (RFC 8831 section 6.7).

Nothing the peer sends can raise: what makes no sense is counted and ignored, and a peer that opens
more channels than allowed finds them closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, Final, Literal, TypeAlias

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.dcep import MESSAGE_ACK, MESSAGE_OPEN, DataChannelOpen
from lktrio.rtc.sctp import (
    BufferedAmountLow,
    DataAcknowledged,
    SctpAssociation,
    SctpClosed,
    SctpConnected,
    SctpEvent,
    SctpMessage,
    StreamsReset,
    StreamsResetDone,
)

__all__ = [
    "MAX_CHANNELS",
    "ChannelState",
    "DataChannel",
    "DataChannelAcknowledged",
    "DataChannelBufferedAmountLow",
    "DataChannelClosed",
    "DataChannelEvent",
    "DataChannelMessage",
    "DataChannelOpen",
    "DataChannelOpened",
    "DataChannelStats",
    "DataChannels",
    "DataChannelsProgress",
    "PayloadProtocol",
]

MAX_CHANNELS: Final = 256
"""Channels of both sides together, unless configured otherwise."""

_MAX_LABEL: Final = 65535  # RFC 8832 section 5.1: the length has 16 bits
_LIMITS: Final = range(65536)

ChannelState: TypeAlias = Literal["connecting", "open", "closing", "closed"]
"""State of a channel, in the words of the W3C API."""


class PayloadProtocol(IntEnum):
    """Payload protocol identifiers (RFC 8831 section 8)."""

    DCEP = 50
    STRING = 51
    BINARY = 53
    STRING_EMPTY = 56
    BINARY_EMPTY = 57


class DataChannel:
    """One data channel; made by :meth:`DataChannels.create` or by the peer.

    Attributes:
        id: Stream number; None until one is known.
        label: Name; several channels may share one.
        protocol: Subprotocol.
        ordered: Whether messages are delivered in order.
        max_retransmits: How often a lost message is repeated; None for no such limit.
        max_packet_life_time: Milliseconds for which a message is repeated; None for no such limit.
        negotiated: Whether both sides agreed on the number, so that no OPEN is sent.
        remote: Whether the peer opened it.
        acknowledged: Whether the peer has shown that it knows the channel.
        state: State.
    """

    def __init__(
        self, owner: DataChannels, description: DataChannelOpen, channel_id: int | None
    ) -> None:
        self._owner = owner
        self.id = channel_id
        self.label = description.label
        self.protocol = description.protocol
        self.ordered = description.ordered
        self.max_retransmits = description.max_retransmits
        self.max_packet_life_time = description.max_packet_life_time
        self.negotiated = False
        self.remote = False
        self.state: ChannelState = "connecting"
        self._lifetime = (
            None if self.max_packet_life_time is None else self.max_packet_life_time / 1000
        )
        self.acknowledged = False
        self._low_mark: int | None = None

    def __repr__(self) -> str:
        return f"<DataChannel {self.label!r} id={self.id} {self.state}>"

    @property
    def buffered_amount(self) -> int:
        """Bytes of messages that wait to be transmitted for the first time."""
        return 0 if self.id is None else self._owner.association.stream_buffered_amount(self.id)

    @property
    def buffered_amount_low_threshold(self) -> int | None:
        """``buffered_amount`` at which to report :class:`DataChannelBufferedAmountLow`, if any."""
        return self._low_mark

    @buffered_amount_low_threshold.setter
    def buffered_amount_low_threshold(self, size: int) -> None:
        self._low_mark = size
        if self.id is not None:
            self._owner.association.set_low_mark(self.id, size)

    @property
    def outstanding(self) -> int:
        """Bytes of messages of all channels that wait, or were sent and not acknowledged."""
        return self._owner.association.outstanding

    def outstanding_limit(self, delay: float, size: int, now: float) -> float:
        """How much may be outstanding; see ``SctpAssociation.outstanding_limit``."""
        return self._owner.association.outstanding_limit(delay, size, now)

    def report_progress(self, wanted: bool) -> None:
        """Ask for :class:`DataChannelsProgress`, or for none any more."""
        self._owner.association.reports_acknowledgements = wanted

    def send(self, data: bytes | bytearray | memoryview | str, now: float) -> None:
        """Queue a message; it leaves with the next :meth:`DataChannels.flush`.

        Args:
            data: A binary or text message.
            now: The time in seconds.

        Raises:
            LocalProtocolError: The channel is not open, the message is larger than the peer
                accepts or no text, or the send buffer is full.
            TypeError: The message is neither bytes nor text.
        """
        if self.state != "open" or self.id is None:
            raise LocalProtocolError(f"data channel {self.label!r} is {self.state}, not open")
        if isinstance(data, str):
            data, protocol = _encoded(data, "message"), PayloadProtocol.STRING
        else:
            data, protocol = _copied(data), PayloadProtocol.BINARY
        if not data:
            data, protocol = b"\0", _EMPTY[protocol]
        self._owner.association.send(
            self.id,
            protocol,
            data,
            ordered=self.ordered or not self.acknowledged,
            max_retransmits=self.max_retransmits,
            lifetime=self._lifetime,
            now=now,
        )

    def close(self, now: float) -> None:
        """Close after everything queued; :class:`DataChannelClosed` follows."""
        self._owner.close(self, now)


_EMPTY: Final = {
    PayloadProtocol.STRING: PayloadProtocol.STRING_EMPTY,
    PayloadProtocol.BINARY: PayloadProtocol.BINARY_EMPTY,
}


@dataclass(frozen=True, slots=True)
class DataChannelOpened:
    """A channel can be used; ``channel.remote`` tells who opened it."""

    channel: DataChannel
    """The channel."""


@dataclass(frozen=True, slots=True)
class DataChannelAcknowledged:
    """The peer has accepted a channel of ours (RFC 8832): it may send from now on."""

    channel: DataChannel
    """The channel."""


@dataclass(frozen=True, slots=True)
class DataChannelMessage:
    """A message arrived."""

    channel: DataChannel
    """The channel."""
    data: bytes
    """The message; valid UTF-8 if it is text."""
    binary: bool
    """False for text."""


@dataclass(frozen=True, slots=True)
class DataChannelClosed:
    """A channel has ended, by either side or with the association."""

    channel: DataChannel
    """The channel."""


@dataclass(frozen=True, slots=True)
class DataChannelBufferedAmountLow:
    """What waits on a channel fell to its threshold."""

    channel: DataChannel
    """The channel."""


@dataclass(frozen=True, slots=True)
class DataChannelsProgress:
    """What is outstanding may have become less; only reported if asked for."""


DataChannelEvent: TypeAlias = (
    DataChannelOpened
    | DataChannelAcknowledged
    | DataChannelMessage
    | DataChannelClosed
    | DataChannelBufferedAmountLow
    | DataChannelsProgress
)
"""Everything that data channels report."""


@dataclass(slots=True)
class DataChannelStats:
    """Counters of what the peer sent and could not be used."""

    opens_rejected: int = 0
    """OPEN messages refused: unreadable, wrong parity, number in use, too many channels."""
    messages_ignored: int = 0
    """Messages on streams without an open channel, or with an unknown payload protocol."""
    invalid_text: int = 0
    """Text messages that are not UTF-8."""


class DataChannels:
    """All data channels of one association.

    Feed the association (``receive``, ``handle_timer``), then call :meth:`flush`, which turns the
    association's events into channel events and sends what is due.

    Args:
        association: The association; this object consumes its events.
        is_dtls_client: Our DTLS role, which decides on the parity of stream numbers; may be set
            later, at the latest before the association is up.
        max_channels: Channels of both sides together.

    Attributes:
        events: What happened; swapped out whole by the caller.
        stats: Counters.
        closed_reason: Why the association ended, or None while it has not.
    """

    def __init__(
        self,
        association: SctpAssociation,
        *,
        is_dtls_client: bool,
        max_channels: int = MAX_CHANNELS,
    ) -> None:
        self.association = association
        self.is_dtls_client = is_dtls_client
        self.events: deque[DataChannelEvent] = deque()
        self.stats = DataChannelStats()
        self.closed_reason: str | None = None
        self._max_channels = max_channels
        self._channels: dict[int, DataChannel] = {}
        self._unnumbered: list[DataChannel] = []
        self._cut_off: list[DataChannel] = []
        self._incoming_reset: set[int] = set()
        self._outgoing_reset: set[int] = set()

    @property
    def channels(self) -> tuple[DataChannel, ...]:
        """Every channel that is not closed."""
        return (*self._channels.values(), *self._unnumbered)

    def create(
        self,
        label: str,
        *,
        ordered: bool = True,
        max_retransmits: int | None = None,
        max_packet_life_time: int | None = None,
        protocol: str = "",
        negotiated_id: int | None = None,
    ) -> DataChannel:
        """Make a channel, before or after the association is up.

        Args:
            label: Name.
            ordered: Whether messages are delivered in order.
            max_retransmits: How often a lost message is repeated, 0..65535.
            max_packet_life_time: Milliseconds for which a message is repeated, 0..65535; not
                together with ``max_retransmits``.
            protocol: Subprotocol.
            negotiated_id: Number that both sides agreed on; no OPEN is sent then.

        Raises:
            LocalProtocolError: The association has ended, there are too many channels, the number
                is in use or out of range, or the arguments contradict each other.
        """
        self._check_creation(label, protocol, max_retransmits, max_packet_life_time)
        description = DataChannelOpen(
            label, protocol, ordered, max_retransmits, max_packet_life_time
        )
        channel = DataChannel(self, description, negotiated_id)
        if negotiated_id is not None:
            if negotiated_id in self._channels:
                raise LocalProtocolError(f"data channel number {negotiated_id} is in use")
            if not 0 <= negotiated_id < self.association.options.streams:
                raise LocalProtocolError(f"data channel number {negotiated_id} is out of range")
            channel.negotiated = channel.acknowledged = True
            self._channels[negotiated_id] = channel
        else:
            self._unnumbered.append(channel)
        if self.association.connected:
            self._open_channel(channel)
        return channel

    def _check_creation(
        self, label: str, protocol: str, retransmits: int | None, life_time: int | None
    ) -> None:
        if self.closed_reason is not None or self.association.closed:
            raise LocalProtocolError("the SCTP association is closed; no channel can be made")
        if len(self._channels) + len(self._unnumbered) >= self._max_channels:
            raise LocalProtocolError(f"there are {self._max_channels} data channels already")
        if retransmits is not None and life_time is not None:
            raise LocalProtocolError("max_retransmits and max_packet_life_time exclude each other")
        for limit in (retransmits, life_time):
            if limit is not None and limit not in _LIMITS:
                raise LocalProtocolError("a limit of reliability is a whole number from 0 to 65535")
        if max(len(_encoded(text, "label or protocol")) for text in (label, protocol)) > _MAX_LABEL:
            raise LocalProtocolError(f"label and protocol have at most {_MAX_LABEL} bytes each")

    def close(self, channel: DataChannel, now: float) -> None:
        """Close a channel after everything queued on it; what :meth:`DataChannel.close` does."""
        if channel.state == "open" and channel.id is not None:
            channel.state = "closing"
            self.association.reset_stream(channel.id, now)
        elif channel.state == "connecting":
            if channel in self._unnumbered:
                self._unnumbered.remove(channel)
            self._finish(channel)

    def flush(self, now: float) -> None:
        """Turn the association's events into channel events and send what is due.

        Args:
            now: The time in seconds.
        """
        association = self.association
        while True:
            while association.events:
                events, association.events = association.events, deque()
                for event in events:
                    self._handlers[type(event)](self, event, now)
            association.flush(now)
            if not association.events:
                return

    def restart(self, association: SctpAssociation) -> None:
        """Go on over another association, as another host has taken the peer's place.

        What was queued or on its way is lost. Channels that we opened open again, with
        :class:`DataChannelOpened`, once the association is up, also those that the end of the old
        one closed; those of the peer are closed.

        Args:
            association: It has not begun yet.
        """
        self.association = association
        self.closed_reason = None
        channels = (*self.channels, *self._cut_off)
        self._channels, self._unnumbered, self._cut_off = {}, [], []
        self._incoming_reset.clear()
        self._outgoing_reset.clear()
        for channel in channels:
            if channel.remote or channel.state == "closing":
                channel.state = "closed"
                self.events.append(DataChannelClosed(channel))
            else:
                self._prepare_again(channel)

    def _prepare_again(self, channel: DataChannel) -> None:
        channel.state = "connecting"
        channel.acknowledged = channel.negotiated
        if channel.id is not None and channel.negotiated:
            self._channels[channel.id] = channel
        else:
            channel.id = None
            self._unnumbered.append(channel)

    # Events of the association.

    def _on_connected(self, event: SctpConnected, now: float) -> None:
        for channel in (*self._channels.values(), *self._unnumbered):
            if channel.state == "connecting":
                self._open_channel(channel)

    def _open_channel(self, channel: DataChannel) -> None:
        """Give a channel its number, tell the peer, and open it."""
        if channel.id is None:
            self._unnumbered.remove(channel)
            channel.id = self._free_number()
            if channel.id is not None:
                self._channels[channel.id] = channel
        if channel.id is None or not self._announce(channel.id, channel):
            self._finish(channel)
            return
        if channel.buffered_amount_low_threshold is not None:
            self.association.set_low_mark(channel.id, channel.buffered_amount_low_threshold)
        channel.state = "open"
        self.events.append(DataChannelOpened(channel))
        if channel.buffered_amount_low_threshold is not None:  # whoever waits need not any more
            self.events.append(DataChannelBufferedAmountLow(channel))

    def _announce(self, channel_id: int, channel: DataChannel) -> bool:
        """Send the OPEN if there is to be one; False when the peer has no such stream."""
        if channel.negotiated:
            return channel_id < self.association.outbound_streams
        message = DataChannelOpen(
            channel.label,
            channel.protocol,
            channel.ordered,
            channel.max_retransmits,
            channel.max_packet_life_time,
        )
        return self._send_control(channel_id, message.serialize())

    def _send_control(self, stream_id: int, data: bytes) -> bool:
        try:  # the time would matter for a lifetime only
            self.association.send(stream_id, PayloadProtocol.DCEP, data, now=0.0)
        except LocalProtocolError:
            return False  # the association is ending, or the peer takes no message of this size
        return True

    def _free_number(self) -> int | None:
        first = 0 if self.is_dtls_client else 1  # RFC 8832 section 6
        numbers = range(first, self.association.outbound_streams, 2)
        return next((number for number in numbers if number not in self._channels), None)

    def _on_message(self, event: SctpMessage, now: float) -> None:
        if event.protocol == PayloadProtocol.DCEP:
            self._on_control(event, now)
            return
        channel = self._channels.get(event.stream_id)
        form = _FORMS.get(event.protocol)
        if channel is None or form is None or channel.state not in _READABLE:
            self.stats.messages_ignored += 1
            return
        self._on_accepted(channel)
        binary, empty = form
        data = b"" if empty else event.data
        if not binary and not _is_text(data):
            self.stats.invalid_text += 1
            return
        self.events.append(DataChannelMessage(channel, data, binary))

    def _on_control(self, event: SctpMessage, now: float) -> None:
        """Take a DCEP message; only the first byte of an ACK counts, some send more."""
        channel = self._channels.get(event.stream_id)
        if event.data[0] == MESSAGE_ACK and channel is not None:
            self._on_accepted(channel)
        elif event.data[0] == MESSAGE_OPEN:
            self._on_open(event.stream_id, event.data, now)
        else:
            self.stats.messages_ignored += 1

    def _on_accepted(self, channel: DataChannel) -> None:
        if not channel.acknowledged:
            channel.acknowledged = True
            self.events.append(DataChannelAcknowledged(channel))

    def _on_open(self, stream_id: int, data: bytes, now: float) -> None:
        if stream_id in self._channels:
            self.stats.opens_rejected += 1  # a reset would end the channel that is there
            return
        try:
            description = DataChannelOpen.parse(data)
        except RemoteProtocolError:
            self._reject(stream_id, now)
            return
        peer_parity = 1 if self.is_dtls_client else 0
        full = len(self._channels) + len(self._unnumbered) >= self._max_channels
        if full or stream_id % 2 != peer_parity or stream_id >= self.association.outbound_streams:
            self._reject(stream_id, now)
            return
        if not self._send_control(stream_id, bytes((MESSAGE_ACK,))):
            self.stats.opens_rejected += 1
            return
        channel = DataChannel(self, description, stream_id)
        channel.remote = channel.acknowledged = True
        channel.state = "open"
        self._channels[stream_id] = channel
        self.events.append(DataChannelOpened(channel))

    def _reject(self, stream_id: int, now: float) -> None:
        """Answer an OPEN by closing the channel (RFC 8832 section 6)."""
        self.stats.opens_rejected += 1
        if stream_id < self.association.outbound_streams:
            self.association.reset_stream(stream_id, now)

    def _on_reset(self, event: StreamsReset, now: float) -> None:
        for stream_id in event.stream_ids or tuple(self._channels):
            channel = self._channels.get(stream_id)
            if channel is None or stream_id in self._incoming_reset:
                continue
            self._incoming_reset.add(stream_id)
            if channel.state == "open":
                channel.state = "closing"
                self.association.reset_stream(stream_id, now)
            self._finish_if_reset(channel, stream_id)

    def _on_reset_done(self, event: StreamsResetDone, now: float) -> None:
        for stream_id in event.stream_ids:
            channel = self._channels.get(stream_id)
            if channel is None or channel.state != "closing":
                continue
            self._outgoing_reset.add(stream_id)
            if not event.accepted:
                self._incoming_reset.add(stream_id)  # the peer will not do its part either
            self._finish_if_reset(channel, stream_id)

    def _finish_if_reset(self, channel: DataChannel, stream_id: int) -> None:
        if stream_id in self._incoming_reset and stream_id in self._outgoing_reset:
            self._finish(channel)

    def _finish(self, channel: DataChannel) -> None:
        channel.state = "closed"
        if channel.id is not None:
            self._channels.pop(channel.id, None)
            self._incoming_reset.discard(channel.id)
            self._outgoing_reset.discard(channel.id)
        self.events.append(DataChannelClosed(channel))

    def _on_low(self, event: BufferedAmountLow, now: float) -> None:
        channel = self._channels.get(event.stream_id)
        if channel is not None:
            self.events.append(DataChannelBufferedAmountLow(channel))

    def _on_acknowledged(self, event: DataAcknowledged, now: float) -> None:
        self.events.append(DataChannelsProgress())

    def _on_closed(self, event: SctpClosed, now: float) -> None:
        self.closed_reason = event.reason
        channels = self.channels
        self._cut_off = [each for each in channels if not each.remote and each.state != "closing"]
        self._unnumbered.clear()
        for channel in channels:
            self._finish(channel)

    _handlers: ClassVar[dict[type[SctpEvent], Callable[[DataChannels, Any, float], None]]] = {
        SctpConnected: _on_connected,
        SctpMessage: _on_message,
        SctpClosed: _on_closed,
        StreamsReset: _on_reset,
        StreamsResetDone: _on_reset_done,
        BufferedAmountLow: _on_low,
        DataAcknowledged: _on_acknowledged,
    }


_READABLE: Final = frozenset(("open", "closing"))
_FORMS: Final[dict[int, tuple[bool, bool]]] = {  # payload protocol -> binary, empty
    PayloadProtocol.STRING: (False, False),
    PayloadProtocol.BINARY: (True, False),
    PayloadProtocol.STRING_EMPTY: (False, True),
    PayloadProtocol.BINARY_EMPTY: (True, True),
}


def _encoded(text: str, what: str) -> bytes:
    """UTF-8 of something that the user gave."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"the {what} is no text that UTF-8 can express: {error}") from None


def _copied(data: bytes | bytearray | memoryview) -> bytes:
    """The bytes of a message, which a buffer of the user's may not keep for long."""
    if type(data) is bytes:
        return data
    try:
        return bytes(memoryview(data))
    except TypeError:  # callers may be untyped
        raise TypeError(f"a message is bytes or str, not {type(data).__name__}") from None


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True

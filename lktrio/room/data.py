"""Data packets on their way out and in (LiveKit's ``DataPacket``).

Theory of operation: a finished packet is handed to a data channel, whole or not at all. The
reliable channel makes senders wait above its high-water mark until it has drained to the low
one; the lossy channel never waits, and drops what does not fit. Packets of the reliable channel
carry a sequence number, counted from 1 for one stay in the room; a receiver keeps the last one
of every sender's stay and drops repetitions, which come after somebody's reconnect.

A packet is encoded once. Its sequence number is known only when it is its turn, so it is appended
then: two encoded messages in a row are one message with the fields of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import trio

from lktrio import proto
from lktrio.errors import LocalProtocolError, PublishTimeout, RemoteProtocolError
from lktrio.proto.codec import decode, encode
from lktrio.room.connections import LOSSY, RELIABLE, UDP_BLOCKED, Connection
from lktrio.room.events import DataReceived, RoomEvent
from lktrio.rtc.datachannel import DataChannel

if TYPE_CHECKING:
    from lktrio.room.roster import Roster

__all__ = [
    "LOSSY_LIMIT",
    "MAX_PACKET_SIZE",
    "RELIABLE_HIGH_WATER",
    "RELIABLE_LOW_WATER",
    "DataInbox",
    "DataSender",
    "DataStats",
    "Deduplicator",
    "pack",
    "user_packet",
]

MAX_PACKET_SIZE = 64_000
"""Bytes of one encoded packet; what LiveKit's SDKs agree on (its server reads 65,535)."""
RELIABLE_HIGH_WATER = 1024 * 1024
"""Bytes waiting on the reliable channel above which senders wait."""
RELIABLE_LOW_WATER = 256 * 1024
"""Bytes at which they go on."""
LOSSY_LIMIT = 64 * 1024
"""Bytes that may wait on the lossy channel; a packet that would exceed them is dropped."""
_SEQUENCE_SIZE = 7  # bytes of an encoded sequence number: a tag of two, a number of up to five
_REMEMBERED_SENDERS = 4096  # stays whose last sequence number is kept
_SEQUENCE_TTL = 30.0  # seconds after the last packet of a stay
_HELD_LIMIT = 1024  # events kept until the program has the room


@dataclass(slots=True)
class DataStats:
    """Counters of data packets."""

    sent: int = 0
    """Packets handed to a channel."""
    lossy_dropped: int = 0
    """Lossy packets dropped because the channel was full."""
    received: int = 0
    """Packets received."""
    duplicates: int = 0
    """Reliable packets that had been received before."""
    undecodable: int = 0
    """Messages that are not a DataPacket."""
    unknown: int = 0
    """Packets of a kind that lktrio does not know or use."""
    early_dropped: int = 0
    """Packets dropped because too many arrived before the program had the room."""


class DataSender:
    """The sending half.

    Args:
        connection: The peer connection whose channels are used.
        check_open: Raises ``RoomClosed`` if the stay has ended.
        timeout: Seconds for a channel to open.
        stats: Where to count.
    """

    def __init__(
        self,
        connection: Connection,
        check_open: Callable[[], None],
        timeout: float,
        stats: DataStats,
    ) -> None:
        self._connection = connection
        self._check_open = check_open
        self._timeout = timeout
        self._stats = stats
        self._sequence = 0
        self._changed = trio.lowlevel.ParkingLot()
        self._full = False

    def changed(self) -> None:
        """A channel has opened or closed, or the stay has ended."""
        self._changed.unpark_all()

    def low_water(self) -> None:
        """The reliable channel has drained: senders may go on."""
        self._full = False
        self._changed.unpark_all()

    async def send(self, packet: bytes, *, reliable: bool) -> None:
        """Queue a packet, or drop a lossy one; cancelled, nothing was queued.

        Raises:
            PublishTimeout: The channel did not open in time.
            RoomClosed: The stay has ended.
        """
        channel = await self._open_channel(RELIABLE if reliable else LOSSY)
        if reliable:
            while self._is_full(channel):
                await self._changed.park()
                self._check_open()
            self._sequence += 1
            packet += encode(proto.DataPacket(sequence=self._sequence))
        elif channel.buffered_amount + len(packet) > LOSSY_LIMIT:
            self._stats.lossy_dropped += 1
            return
        channel.send(packet, trio.current_time())
        self._stats.sent += 1
        self._connection.driver.flush()

    async def _open_channel(self, label: str) -> DataChannel:
        channel = self._connection.channels[label]
        with trio.move_on_after(self._timeout) as scope:
            while channel.state == "connecting":
                self._check_open()
                await self._changed.park()
        if scope.cancelled_caught:
            guess = "" if self._connection.connected.is_set() else f": {UDP_BLOCKED}"
            raise PublishTimeout(
                f"the data channel {label} did not open within {self._timeout:g} s{guess}"
            )
        await trio.lowlevel.checkpoint()
        self._check_open()
        return channel

    def _is_full(self, channel: DataChannel) -> bool:
        if channel.buffered_amount_low_threshold is None:
            channel.buffered_amount_low_threshold = RELIABLE_LOW_WATER
        if channel.buffered_amount > RELIABLE_HIGH_WATER:
            self._full = True
        return self._full


def pack(packet: proto.DataPacket) -> bytes:
    """Encode a packet, without its sequence number.

    Raises:
        LocalProtocolError: It is too large.
    """
    packed = encode(packet)
    if len(packed) + _SEQUENCE_SIZE > MAX_PACKET_SIZE:
        raise LocalProtocolError(
            f"a data packet of {len(packed)} bytes is larger than the "
            f"{MAX_PACKET_SIZE - _SEQUENCE_SIZE} that LiveKit carries; split it"
        )
    return packed


def user_packet(
    data: bytes, *, topic: str, reliable: bool, destinations: Iterable[str]
) -> proto.DataPacket:
    """Make the packet for user data."""
    kind = proto.DataPacket.Kind.RELIABLE if reliable else proto.DataPacket.Kind.LOSSY
    return proto.DataPacket(
        kind=kind,  # deprecated, and the server goes by the channel
        destination_identities=list(destinations),
        user=proto.UserPacket(payload=data, topic=topic or None),
    )


class Deduplicator:
    """Remembers the last sequence number of every sender's stay (``participant_sid``)."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, float]] = {}

    def is_new(self, packet: proto.DataPacket, now: float) -> bool:
        """Whether a reliable packet has not been seen; packets without a number always are."""
        sid, sequence = packet.participant_sid, packet.sequence
        if not sequence or not sid:
            return True
        last, _ = self._last.pop(sid, (0, now))
        self._last[sid] = (max(last, sequence), now)
        if len(self._last) > _REMEMBERED_SENDERS:
            self._forget(now)
        return sequence > last

    def _forget(self, now: float) -> None:
        """Forget stays that have been silent; if these are not enough, half of the rest."""
        fresh = {sid: seen for sid, seen in self._last.items() if now - seen[1] < _SEQUENCE_TTL}
        if len(fresh) > _REMEMBERED_SENDERS:
            fresh = dict(list(fresh.items())[_REMEMBERED_SENDERS // 2 :])
        self._last = fresh


class DataInbox:
    """The receiving half.

    Args:
        roster: Who is in the room.
        publish: Delivers an event.
        stats: Where to count.

    Events are held until ``release``: a server repeats to newcomers what was sent while they were
    joining, and nobody can have subscribed to events by then.
    """

    def __init__(
        self, roster: Roster, publish: Callable[[RoomEvent], None], stats: DataStats
    ) -> None:
        self._roster = roster
        self._publish = publish
        self._stats = stats
        self._seen = Deduplicator()
        self._held: list[RoomEvent] | None = []

    def release(self) -> None:
        """Deliver what was held, and everything from now on at once. Idempotent."""
        held, self._held = self._held or [], None
        for event in held:
            self._publish(event)

    def receive(self, message: bytes, *, reliable: bool, now: float) -> None:
        """Take a message of the reliable or the lossy channel."""
        try:
            packet = decode(proto.DataPacket, message)
        except RemoteProtocolError:
            self._stats.undecodable += 1
            return
        self._stats.received += 1
        if reliable and not self._seen.is_new(packet, now):
            self._stats.duplicates += 1
            return
        for name, handle in self._HANDLERS.items():
            value = getattr(packet, name)
            if value is not None:
                handle(self, packet, value, reliable)
                return
        self._stats.unknown += 1

    def _on_user(self, packet: proto.DataPacket, user: proto.UserPacket, reliable: bool) -> None:
        sender = self._roster.sender(packet.participant_identity, packet.participant_sid)
        self._deliver(DataReceived(user.payload, sender, user.topic or "", reliable))

    def _deliver(self, event: RoomEvent) -> None:
        if self._held is None:
            self._publish(event)
        elif len(self._held) < _HELD_LIMIT:
            self._held.append(event)
        else:
            self._stats.early_dropped += 1

    _HANDLERS: ClassVar[dict[str, Callable[..., None]]] = {"user": _on_user}

"""Data packets on their way out and in (LiveKit's ``DataPacket``).

Theory of operation: a finished packet is handed to a data channel, whole or not at all. The
reliable channel makes senders wait above its high-water mark until it has drained to the low
one; the lossy channel never waits, and drops what does not fit. Packets of the reliable channel
carry a sequence number, counted from 1 for one stay in the room; a receiver keeps the last one
of every sender's stay and drops repetitions, which come after somebody's reconnect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import trio

from lktrio import proto
from lktrio.errors import LocalProtocolError
from lktrio.proto.codec import encode
from lktrio.rtc.datachannel import DataChannel

__all__ = [
    "LOSSY_LIMIT",
    "MAX_PACKET_SIZE",
    "RELIABLE_HIGH_WATER",
    "RELIABLE_LOW_WATER",
    "DataSender",
    "DataStats",
    "Deduplicator",
]

MAX_PACKET_SIZE = 64_000
"""Bytes of one encoded packet; what LiveKit's SDKs agree on (its server reads 65,535)."""
RELIABLE_HIGH_WATER = 1024 * 1024
"""Bytes waiting on the reliable channel above which senders wait."""
RELIABLE_LOW_WATER = 256 * 1024
"""Bytes at which they go on."""
LOSSY_LIMIT = 64 * 1024
"""Bytes waiting on the lossy channel above which packets are dropped."""
_REMEMBERED_SENDERS = 4096  # stays whose last sequence number is kept
_SEQUENCE_TTL = 30.0  # seconds after the last packet of a stay


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


class DataSender:
    """The sending half.

    Args:
        flush: Brings what was queued onto the wire.
        stats: Where to count.
    """

    def __init__(self, flush: Callable[[], None], stats: DataStats) -> None:
        self._flush = flush
        self._stats = stats
        self._sequence = 0
        self._drained = trio.lowlevel.ParkingLot()
        self._waiting = False

    def low_water(self) -> None:
        """The reliable channel has drained: senders may go on."""
        self._waiting = False
        self._drained.unpark_all()

    async def send_reliable(self, channel: DataChannel, packet: proto.DataPacket) -> None:
        """Queue a packet; waits above the high-water mark. Cancelled, it has queued nothing.

        Raises:
            LocalProtocolError: The packet is too large, or the channel is not open.
        """
        check_size(packet)
        await trio.lowlevel.checkpoint()
        channel.buffered_amount_low_threshold = RELIABLE_LOW_WATER
        while channel.state == "open" and (
            self._waiting or channel.buffered_amount > RELIABLE_HIGH_WATER
        ):
            self._waiting = True
            await self._drained.park()
        self._sequence += 1
        packet.sequence = self._sequence
        self._put(channel, packet)

    def send_lossy(self, channel: DataChannel, packet: proto.DataPacket) -> bool:
        """Queue a packet, or drop it when the channel is full; returns whether it was queued.

        Raises:
            LocalProtocolError: The packet is too large, or the channel is not open.
        """
        check_size(packet)
        if channel.buffered_amount > LOSSY_LIMIT:
            self._stats.lossy_dropped += 1
            return False
        self._put(channel, packet)
        return True

    def _put(self, channel: DataChannel, packet: proto.DataPacket) -> None:
        channel.send(encode(packet), trio.current_time())
        self._stats.sent += 1
        self._flush()


def check_size(packet: proto.DataPacket) -> None:
    """Refuse a packet that the server would not take.

    Raises:
        LocalProtocolError: It is too large.
    """
    size = len(encode(packet))
    if size > MAX_PACKET_SIZE:
        raise LocalProtocolError(
            f"a data packet of {size} bytes is larger than the {MAX_PACKET_SIZE} that LiveKit "
            "carries; send a stream, or split it"
        )


def user_packet(
    data: bytes, *, topic: str, reliable: bool, destinations: Iterable[str]
) -> proto.DataPacket:
    """Make the packet for user data."""
    kind = proto.DataPacket.Kind.RELIABLE if reliable else proto.DataPacket.Kind.LOSSY
    return proto.DataPacket(
        kind=kind,
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
        fresh = {sid: seen for sid, seen in self._last.items() if now - seen[1] < _SEQUENCE_TTL}
        excess = len(fresh) - _REMEMBERED_SENDERS
        for sid in list(fresh)[: max(0, excess)]:
            del fresh[sid]
        self._last = fresh

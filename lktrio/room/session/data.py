"""Data packets on their way out (LiveKit's ``DataPacket``).

Theory of operation: a finished packet is handed to a data channel, whole or not at all. The
reliable channel is ordered, so whatever is outstanding on it is ahead of the next packet. Bulk may
be outstanding for as long as a late packet may wait, measured at the rate of the path, and no more;
small packets have some room of their own above that. Whoever finds no room waits for a turn (see
``Turns``), and gets it when acknowledgements come. The lossy channel never waits, and drops what
does not fit. Packets of the reliable channel carry a sequence number, counted from 1 for one
session in the room.

A session outlives its association: when it goes on at another node of the server, the channels open
anew, and what the old node may not have passed on is sent again under the same numbers. The server
drops what it has seen. So the newest packets are kept for a while after they were acknowledged.

A packet is encoded once. Its sequence number is known only when it is its turn, so it is appended
then: two encoded messages in a row are one message with the fields of both.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import trio

from lktrio import proto
from lktrio.errors import LocalProtocolError, PublishTimeout
from lktrio.proto.codec import encode, encode_number
from lktrio.room.session.life import RoomLife
from lktrio.room.session.peer_connection import LOSSY, RELIABLE, UDP_BLOCKED, PeerConnection
from lktrio.room.session.turns import Lane, Turns
from lktrio.room.state.data import DataStats
from lktrio.rtc.datachannel import DataChannel

__all__ = [
    "BULK_DELAY",
    "LOSSY_LIMIT",
    "MAX_PACKET_SIZE",
    "RELIABLE_HIGH_WATER",
    "PacketSender",
    "pack",
    "user_packet",
]

MAX_PACKET_SIZE = 64_000
"""Bytes of one encoded packet; what LiveKit's SDKs agree on (its server reads 65,535)."""
RELIABLE_HIGH_WATER = 1024 * 1024
"""Bytes outstanding on the reliable channel above which bulk waits, however fast the path is."""
BULK_DELAY = 0.025
"""Seconds of the path's rate that bulk may be ahead of what follows."""
_SMALL = 4096  # bytes up to which a packet is not bulk
_ROOM_FOR_SMALL = 64 * 1024  # bytes that they may be outstanding beside bulk
LOSSY_LIMIT = 64 * 1024
"""Bytes that may wait on the lossy channel; a packet that would exceed them is dropped."""
_KEPT = 128 * 1024  # bytes of packets that are kept beside those that are outstanding
_SEQUENCE_FIELD = 16  # of DataPacket
_SEQUENCE_SIZE = 7  # bytes of an encoded sequence number: a tag of two, a number of up to five


class PacketSender:
    """Sends packets over the data channels of one connection.

    Args:
        connection: The peer connection whose channels are used.
        life: The end of the room.
        timeout: Seconds for a channel to open.
        stats: Where to count.
    """

    def __init__(
        self, connection: PeerConnection, life: RoomLife, timeout: float, stats: DataStats
    ) -> None:
        self._connection = connection
        self._life = life
        self._timeout = timeout
        self._stats = stats
        self.session = 0
        """Which join of the room this is; a number that grows."""
        self._sequence = 0
        self._changed = trio.lowlevel.ParkingLot()
        self._acknowledged = trio.lowlevel.ParkingLot()
        self._turns = Turns()
        self._suspended = False
        self._usable_since = -math.inf
        self._kept: deque[tuple[int, bytes]] = deque()
        self._kept_size = 0

    def use(self, connection: PeerConnection) -> None:
        """Send over this connection from now on, in a new session.

        What the last connection had taken is not sent again: nobody knows what became of it.
        """
        self._connection = connection
        self.session += 1
        self._sequence = 0
        self._kept.clear()
        self._kept_size = 0
        self._go_on()

    def suspend(self) -> None:
        """The link with the server is lost, for now: senders wait for as long as it takes."""
        self._suspended = True

    def resume(self, last_sequence: int) -> None:
        """The session goes on; the server has everything up to this number."""
        while self._kept and self._kept[0][0] <= last_sequence:
            self._forget_oldest()
        self._go_on()

    def _go_on(self) -> None:
        self._suspended = False
        self._usable_since = trio.current_time()
        self.changed()

    def opened(self, label: str) -> None:
        """A channel has opened, maybe anew."""
        if label == RELIABLE:
            channel = self._connection.channels[RELIABLE]
            for _, packet in self._kept:
                channel.send(packet, trio.current_time())
        self.changed()

    def changed(self) -> None:
        """A channel has closed, or the room has ended."""
        self._changed.unpark_all()
        self._acknowledged.unpark_all()
        self._turns.disperse()

    def progressed(self) -> None:
        """The server has acknowledged data: send what there is room for now."""
        channel = self._connection.channels[RELIABLE]
        if channel.state != "open":
            return
        now = trio.current_time()
        while waiting := self._turns.first():
            if not self._fits(channel, waiting.lane, len(waiting.packet), now):
                return
            self._turns.release(waiting)
            self._send(channel, waiting.lane, waiting.packet, now)
        if not channel.outstanding:
            self._acknowledged.unpark_all()
        channel.report_progress(bool(self._acknowledged))

    async def send(self, packet: bytes, *, reliable: bool) -> None:
        """Queue a packet, or drop a lossy one; cancelled, nothing was queued.

        Raises:
            PublishTimeout: The channel did not open in time.
            RoomClosed: The room has ended.
        """
        if not reliable and self._lost and self._connection.channels[LOSSY].state != "open":
            self._stats.lossy_dropped += 1
            await trio.lowlevel.checkpoint()
            self._life.check_open()
            return
        if reliable:
            await self._send_in_turn(packet)
            return
        channel = await self._open_channel(LOSSY)
        if channel.buffered_amount + len(packet) > LOSSY_LIMIT:
            self._stats.lossy_dropped += 1
            return
        channel.send(packet, trio.current_time())
        self._stats.sent += 1
        self._connection.driver.flush_coalesced()

    async def wait_acknowledged(self) -> None:
        """Wait until the server has everything reliable that was sent.

        Raises:
            PublishTimeout: The channel did not open in time.
            RoomClosed: The room has ended.
        """
        await trio.lowlevel.checkpoint()
        self._life.check_open()
        while self._sequence:
            channel = await self._open_channel(RELIABLE)
            if not channel.outstanding and not self._turns.first():
                return
            channel.report_progress(True)
            await self._acknowledged.park()

    async def _send_in_turn(self, packet: bytes) -> None:
        lane = Lane.SMALL if len(packet) <= _SMALL else Lane.BULK
        while True:
            channel = await self._open_channel(RELIABLE)
            now = trio.current_time()
            if self._turns.is_next(lane) and self._fits(channel, lane, len(packet), now):
                self._send(channel, lane, packet, now)
                self._connection.driver.flush_coalesced()
                return
            channel.report_progress(True)
            if await self._turns.wait(packet, lane):
                return

    def _fits(self, channel: DataChannel, lane: Lane, size: int, now: float) -> bool:
        outstanding = channel.outstanding
        limit = min(channel.outstanding_limit(BULK_DELAY, size, now), RELIABLE_HIGH_WATER)
        if lane is Lane.SMALL:
            limit += _ROOM_FOR_SMALL
        return not outstanding or outstanding + size <= limit

    def _send(self, channel: DataChannel, lane: Lane, packet: bytes, now: float) -> None:
        self._turns.passed(lane, len(packet))
        self._sequence += 1
        packet += encode_number(_SEQUENCE_FIELD, self._sequence)
        self._keep(packet, channel.outstanding)
        channel.send(packet, now)
        self._stats.sent += 1

    def _keep(self, packet: bytes, outstanding: int) -> None:
        self._kept.append((self._sequence, packet))
        self._kept_size += len(packet)
        while self._kept_size > outstanding + _KEPT and len(self._kept) > 1:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        self._kept_size -= len(self._kept.popleft()[1])

    @property
    def _lost(self) -> bool:
        """Whether the link is lost, as it is known or as it seems."""
        return self._suspended or self._connection.interrupted

    async def _open_channel(self, label: str) -> DataChannel:
        """Wait for a channel; the time for that passes only while the link is there."""
        await trio.lowlevel.checkpoint()
        began = trio.current_time()
        while self._connection.channels[label].state != "open":
            self._life.check_open()
            if self._lost:
                began = trio.current_time()
            deadline = max(began, self._usable_since) + self._timeout
            with trio.move_on_at(deadline):
                await self._changed.park()
            late = trio.current_time() >= max(began, self._usable_since) + self._timeout
            if late and not self._lost and self._life.reason is None:
                guess = "" if self._connection.connected.is_set() else f": {UDP_BLOCKED}"
                raise PublishTimeout(
                    f"the data channel {label} did not open within {self._timeout:g} s{guess}"
                )
        self._life.check_open()
        return self._connection.channels[label]


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

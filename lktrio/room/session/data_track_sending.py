"""Frames of data tracks on their way out.

Theory of operation: frames go out in the data channel for tracks, each as a whole or not at all. A
sender waits while much waits to be sent already. What waits long is of no use, so nothing waits for
a link that is lost: frames go nowhere then, and are counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio

from lktrio import proto
from lktrio.errors import PublishTimeout
from lktrio.room.data_tracks.packet import MAX_USER_TIMESTAMP
from lktrio.room.data_tracks.packetizing import FramePacketizer
from lktrio.room.session.life import RoomLife
from lktrio.room.session.link import ServerLink
from lktrio.room.session.peer_connection import DATA_TRACK, UDP_BLOCKED, PeerConnection
from lktrio.room.session.requests import LinkInterrupted
from lktrio.room.state.local import PublicationState
from lktrio.room.state.local_data_tracks import LocalDataTrackRecord
from lktrio.rtc.base import RandomBytes
from lktrio.rtc.datachannel import DataChannel

__all__ = ["BUFFER_LIMIT", "DataTrackOutlet", "OutgoingDataTrack"]

BUFFER_LIMIT = 64 * 1024
"""Bytes waiting in the channel above which senders wait until all of it has been sent."""
_DRAIN_TIME = 1.0  # seconds at most that the end of a block waits for what was sent before it
_TRAVEL_TIME = 0.05  # seconds for the last packets to arrive before the track is withdrawn


class DataTrackOutlet:
    """The data channel for tracks, of the link that there is.

    Args:
        life: The end of the room.
        timeout: Seconds for the channel to open.
    """

    def __init__(self, life: RoomLife, timeout: float) -> None:
        self._life = life
        self._timeout = timeout
        self._link: ServerLink | None = None
        self._changed = trio.lowlevel.ParkingLot()

    def use(self, link: ServerLink | None) -> None:
        """Send over this link from now on; None: there is none for now."""
        self._link = link
        self.changed()

    def changed(self) -> None:
        """The channel has opened or drained, or the link, a track or the room has ended."""
        self._changed.unpark_all()

    async def wait_changed(self) -> None:
        """Wait for that."""
        await self._changed.park()

    def check_open(self) -> None:
        """Raise ``RoomClosed`` if the room has ended."""
        self._life.check_open()

    async def wait_open(self, losses: Callable[[], int]) -> None:
        """Wait until the channel is open.

        Args:
            losses: How often the link was lost so far. Of the time for the channel some has passed
                without a link if that has changed.

        Raises:
            PublishTimeout: It did not open in time.
            LinkInterrupted: The link was lost.
            RoomClosed: The room has ended.
        """
        link, before = self._link, losses()
        await trio.lowlevel.checkpoint()
        if link is None:
            raise LinkInterrupted
        if not link.negotiation.used:
            link.negotiation.request()
        with trio.move_on_after(self._timeout) as scope:
            while link is self._link and link.outgoing.channels[DATA_TRACK].state != "open":
                await self._changed.park()
        self.check_open()
        if link is not self._link or (scope.cancelled_caught and losses() != before):
            raise LinkInterrupted
        if scope.cancelled_caught:
            guess = "" if link.outgoing.connected.is_set() else f": {UDP_BLOCKED}"
            raise PublishTimeout(
                f"the data channel {DATA_TRACK} did not open within {self._timeout:g} s{guess}"
            )

    def _usable(self) -> tuple[PeerConnection, DataChannel] | None:
        """The connection and its channel, if what is sent may arrive."""
        if self._link is None or self._link.outgoing.interrupted:
            return None
        connection = self._link.outgoing
        channel = connection.channels[DATA_TRACK]
        return (connection, channel) if channel.state == "open" else None

    @property
    def waiting(self) -> int:
        """Bytes that wait to be sent; of a link that is lost none."""
        usable = self._usable()
        if usable is None:
            return 0
        channel = usable[1]
        if channel.buffered_amount_low_threshold is None:
            channel.buffered_amount_low_threshold = 0
        return channel.buffered_amount

    def put(self, packets: Sequence[bytes], now: float) -> bool:
        """Queue the packets of a frame; False if the link is lost."""
        usable = self._usable()
        if usable is None:
            return False
        connection, channel = usable
        for packet in packets:
            channel.send(packet, now)
        connection.driver.flush()
        return True


class OutgoingDataTrack:
    """Sends the frames of one track (a ``DataTrackSender``).

    Args:
        record: What is known of the track.
        request: How it is published.
        outlet: Where its packets go.
        unpublish: Called to withdraw it.
        random: Where randomness comes from.

    Attributes:
        published: Whether the server that there is knows the track.
    """

    def __init__(
        self,
        record: LocalDataTrackRecord,
        request: proto.PublishDataTrackRequest,
        outlet: DataTrackOutlet,
        unpublish: Callable[[OutgoingDataTrack], None],
        random: RandomBytes,
    ) -> None:
        self.record = record
        self.request = request
        self.published = True
        self._outlet = outlet
        self._unpublish = unpublish
        self._sent_at = 0.0
        epoch = int.from_bytes(random(4), "big")
        self._packetizer = FramePacketizer(request.pub_handle, epoch)

    @property
    def handle(self) -> int:
        """Its number."""
        return self.request.pub_handle

    def _check(self, user_timestamp: int | None) -> None:
        self._outlet.check_open()
        if self.record.state is PublicationState.UNPUBLISHED:
            raise trio.ClosedResourceError("this data track was unpublished")
        if self.record.state is PublicationState.REMOVED:
            raise trio.BrokenResourceError("the server took this data track away")
        if not isinstance(user_timestamp, int | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"a user timestamp is a whole number, not {user_timestamp!r}")
        if user_timestamp is not None and not 0 <= user_timestamp <= MAX_USER_TIMESTAMP:
            raise ValueError(f"a user timestamp is from 0 to 2**64 - 1, not {user_timestamp}")

    async def send(self, payload: bytes, user_timestamp: int | None) -> None:
        """Send a frame when there is room."""
        await trio.lowlevel.checkpoint()
        self._check(user_timestamp)
        while self._outlet.waiting > BUFFER_LIMIT:
            await self._outlet.wait_changed()
            self._check(user_timestamp)
        self._send(payload, user_timestamp)

    def send_nowait(self, payload: bytes, user_timestamp: int | None) -> None:
        """Send a frame if there is room."""
        self._check(user_timestamp)
        if self._outlet.waiting > BUFFER_LIMIT:
            raise trio.WouldBlock
        self._send(payload, user_timestamp)

    def _send(self, payload: bytes, user_timestamp: int | None) -> None:
        now = trio.current_time()
        packets = self._packetizer.packets(payload, user_timestamp, now)
        if self.published and self._outlet.put(packets, now):
            self._sent_at = now
        else:
            self.record.dropped += 1

    async def wait_sent(self) -> None:
        """Wait until what was sent has left and had the time to arrive; bounded."""
        with trio.move_on_after(_DRAIN_TIME):
            while self._outlet.waiting:
                await self._outlet.wait_changed()
            await trio.sleep_until(self._sent_at + _TRAVEL_TIME)
        await trio.lowlevel.checkpoint()

    def unpublish(self) -> None:
        """Withdraw the track. Idempotent."""
        self._unpublish(self)

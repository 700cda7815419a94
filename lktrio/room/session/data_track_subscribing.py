"""The data tracks that we receive.

Theory of operation: a track is received as long as somebody reads it. Whenever that changes, the
server is told the difference between what it was asked for and what is wanted now, all tracks in
one request. It answers with all handles that its packets will carry, each time: a track whose
handle is not among them is not received.

A track is subscribed to when its handle is known and the data channel is ready at both ends: what
is sent earlier may not arrive. Handles and packets travel on different ways, so the first packets
may come before their handle is known. They are kept for a moment if a track is waited for, within
bounds.

After a resume everything is said again, as requests may have been lost. So may the answer: handles
that were told over the lost link are not told again, as nothing changes for the server. A track
that is still without its handle a while after the resume is ended and asked for once more, which
changes them. A new join begins with nothing: readers go on when the server has subscribed us again.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import trio

from lktrio import proto
from lktrio.errors import RemoteProtocolError
from lktrio.room.data_tracks.assembly import FrameAssembler
from lktrio.room.data_tracks.packet import DataTrackPacket, decode_packet
from lktrio.room.state.data import DataStats
from lktrio.room.state.remote_data_tracks import RemoteDataTrackRecord, RemoteDataTracks

__all__ = ["DataTrackSubscriptions"]

_EARLY_SECONDS = 2.0  # that packets wait for their handle
_EARLY_PACKETS = 64
_ANSWER_SECONDS = 1.0  # that handles may take after a resume
_UNSURE = -1  # what the server was told may have been lost
_OFF = -2  # the server was told that a track is not wanted
_ALL = 0  # the server was asked for all frames of a track


class _Received:
    """A track that the server sends."""

    def __init__(self, track: RemoteDataTrackRecord) -> None:
        self.track = track
        self.assembler = FrameAssembler()


class DataTrackSubscriptions:
    """Subscribes to what is read, and gives out what arrives.

    Args:
        tracks: The data tracks of others.
        stats: Where to count.
        ready: Whether the server can send packets.
    """

    def __init__(
        self, tracks: RemoteDataTracks, stats: DataStats, ready: Callable[[], bool]
    ) -> None:
        self._tracks = tracks
        self._ready = ready
        self._stats = stats
        self._changed = trio.lowlevel.ParkingLot()
        self._said: dict[str, int] = {}  # by SID, frames a second or one of the above
        self._named: set[str] = set()  # SIDs whose handle was told since they were asked for
        self._renewed: set[str] = set()  # SIDs that are ended to be asked for again
        self._check_at = math.inf  # when those that are wanted should be named, or renewed
        self._received: dict[int, _Received] = {}  # by handle
        self._sent: set[RemoteDataTrackRecord] = set()  # whose handle is known
        self._early: deque[tuple[float, DataTrackPacket]] = deque()
        tracks.changed = self._on_change

    def _on_change(self) -> None:
        self._changed.unpark_all()

    # The link

    def use_join(self) -> None:
        """A new join: the server knows nothing of us."""
        self._said.clear()
        self._early.clear()
        self._end_check()
        self._take_over({})

    def resumed(self) -> None:
        """The session goes on; what was said last may not have arrived."""
        self._said = dict.fromkeys(self._said, _UNSURE)
        self._renewed.clear()
        self._check_at = trio.current_time() + _ANSWER_SECONDS
        self._changed.unpark_all()

    async def wait_request(self) -> proto.UpdateDataSubscription:
        """Wait until there is something to say to the server, and return it."""
        await trio.lowlevel.checkpoint()
        while not (request := self._next_request()).updates:
            with trio.move_on_at(self._check_at) as scope:
                await self._changed.park()
            if scope.cancelled_caught:
                self._check()
        return request

    def _check(self) -> None:
        """Renew what the server should have named by now, or ask again for what is renewed."""
        unnamed = set(self._wanted()) - self._named
        if self._renewed or not unnamed:
            self._end_check()
        else:
            self._renewed = unnamed
            self._check_at = trio.current_time() + _ANSWER_SECONDS

    def _end_check(self) -> None:
        self._renewed.clear()
        self._check_at = math.inf

    def _next_request(self) -> proto.UpdateDataSubscription:
        wanted = {sid: wish for sid, wish in self._wanted().items() if sid not in self._renewed}
        known = {sid: said for sid, said in self._said.items() if self._tracks.find(sid)}
        now = dict.fromkeys(known, _OFF) | wanted
        updates = [_update(sid, wish) for sid, wish in now.items() if known.get(sid) != wish]
        self._said = now
        self._named &= set(wanted)
        return proto.UpdateDataSubscription(updates=updates)

    def _wanted(self) -> dict[str, int]:
        """What is read, by SID, and how much of it."""
        tracks = (track for track in self._tracks if track.readers.wanted)
        return {track.info.sid: track.readers.target_fps or _ALL for track in tracks}

    @property
    def wanted(self) -> proto.UpdateDataSubscription:
        """Everything that we want to receive; for ``SyncState``."""
        updates = [_update(sid, wish) for sid, wish in self._wanted().items()]
        return proto.UpdateDataSubscription(updates=updates)

    # What arrives

    def take_handles(self, message: proto.DataTrackSubscriberHandles) -> None:
        """Take over which tracks the server sends, and how it numbers them."""
        handles: dict[int, _Received] = {}
        for handle, named in message.sub_handles.items():
            track = self._tracks.find(named.track_sid)
            if track is not None:
                before = self._received.get(handle)
                same = before is not None and before.track is track
                handles[handle] = before if before and same else _Received(track)
        self._take_over(handles)
        self._named = {one.track.info.sid for one in handles.values()}
        if self._renewed:
            self._end_check()
            self._changed.unpark_all()
        early, self._early = self._early, deque()
        now = trio.current_time()
        for arrived, packet in early:
            if now - arrived <= _EARLY_SECONDS:
                self._deliver(packet, arrived)

    def _take_over(self, handles: dict[int, _Received]) -> None:
        before = {one.track for one in self._received.values()}
        self._received = handles
        self._sent = {one.track for one in handles.values()}
        for track in before - self._sent:
            track.readers.set_subscribed(False)
        self.channel_changed()

    def channel_changed(self) -> None:
        """The data channel may have become ready, or ready no more."""
        ready = self._ready()
        for track in self._sent:
            track.readers.set_subscribed(ready and track.published)

    def receive(self, message: bytes) -> None:
        """Take a message of the data channel."""
        try:
            packet = decode_packet(message)
        except RemoteProtocolError:
            self._stats.track_packets_malformed += 1
            return
        self._deliver(packet, trio.current_time())

    def _deliver(self, packet: DataTrackPacket, arrived: float) -> None:
        received = self._received.get(packet.handle)
        if received is None:
            self._keep(packet, arrived)
            return
        if not received.track.readers.wanted:
            received.track.readers.closed()  # maybe just by nobody referring to them any longer
            self._stats.track_packets_unknown += 1
            return
        incomplete = received.assembler.incomplete
        frame = received.assembler.push(packet)
        self._stats.track_frames_incomplete += received.assembler.incomplete - incomplete
        if frame is not None:
            received.track.readers.put(frame, arrived)

    def _keep(self, packet: DataTrackPacket, arrived: float) -> None:
        if not any(one.readers.wanted and one not in self._sent for one in self._tracks):
            self._stats.track_packets_unknown += 1
            return
        self._early.append((arrived, packet))
        if len(self._early) > _EARLY_PACKETS:
            self._early.popleft()
            self._stats.track_packets_unknown += 1


def _update(sid: str, wish: int) -> proto.UpdateDataSubscription.Update:
    if wish == _OFF:
        return proto.UpdateDataSubscription.Update(track_sid=sid, subscribe=False)
    limit = wish if wish > 0 else None
    options = proto.DataTrackSubscriptionOptions(target_fps=limit)
    return proto.UpdateDataSubscription.Update(track_sid=sid, subscribe=True, options=options)

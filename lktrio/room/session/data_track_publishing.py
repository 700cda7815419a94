"""The data tracks that we publish.

Theory of operation: the server is asked for a track by a handle of ours, which no other track of
ours has, and answers with its SID.

A publication that is cancelled, or fails without a word of the server, is withdrawn like one that
has ended. The server answers that; until then the handle is not used again, and after a resume the
withdrawal is said again.

Tracks outlive the link with the server. When that is replaced by a new join, each is published once
more under its handle; programs keep the track that they have.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Protocol

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import DuplicateName, PublishError, PublishTimeout, RoomClosed
from lktrio.room.data_tracks.packet import MAX_HANDLE
from lktrio.room.session.data_track_sending import DataTrackOutlet, OutgoingDataTrack
from lktrio.room.session.life import RoomLife
from lktrio.room.session.requests import LinkInterrupted
from lktrio.room.state.local_data_tracks import LocalDataTracks
from lktrio.rtc.base import RandomBytes

__all__ = ["DataTrackPublisher", "DataTrackRequests"]

_log = logging.getLogger("lktrio.room")


class DataTrackRequests(Protocol):
    """What is asked of the server about data tracks."""

    @property
    def losses(self) -> int:
        """How often there was no server to ask any more."""
        ...

    async def wait_open(self) -> object:
        """Wait until there is a server to ask."""
        ...

    async def publish_data_track(
        self, request: proto.PublishDataTrackRequest
    ) -> proto.DataTrackInfo:
        """Announce a data track."""
        ...

    def send_nowait(self, request: proto.SignalRequest) -> bool:
        """Send a request if that is possible at once; returns whether it was."""
        ...


class DataTrackPublisher:
    """Publishes data tracks over the link that there is.

    Args:
        tracks: What is known of our data tracks.
        requests: What is asked of the server.
        life: The end of the room.
        outlet: Where frames go.
        random: Where randomness comes from.
        tell: Called when the state has news.
    """

    def __init__(
        self,
        tracks: LocalDataTracks,
        requests: DataTrackRequests,
        life: RoomLife,
        outlet: DataTrackOutlet,
        random: RandomBytes,
        tell: Callable[[], None],
    ) -> None:
        self._tracks = tracks
        self._requests = requests
        self._life = life
        self._outlet = outlet
        self._random = random
        self._tell = tell
        self._outgoing: dict[int, OutgoingDataTrack] = {}  # by handle
        self._pending: set[int] = set()
        self._withdrawn: set[int] = set()  # handles, until the server has answered
        self._unsaid: set[int] = set()  # of these, what the server was not told
        self._last_handle = 0

    # The link

    def release(self) -> None:
        """The link is gone, and the server knows nothing of us any more."""
        for track in self._outgoing.values():
            track.published = False
        self._withdrawn.clear()
        self._unsaid.clear()

    @property
    def published(self) -> list[proto.DataTrackInfo]:
        """The tracks that the server knows."""
        return [track.record.info for track in self._outgoing.values() if track.published]

    def withdrawals(self) -> Iterator[proto.SignalRequest]:
        """What is to be said again about tracks that were withdrawn; after a resume."""
        self._unsaid.clear()
        for handle in self._withdrawn:
            yield _unpublish(handle)

    def handle(self, response: proto.SignalResponse) -> bool:
        """Take the news that a track is withdrawn, by us or not; returns whether this is one."""
        answer, refusal = response.unpublish_data_track_response, response.request_response
        if answer is not None and answer.info is not None:
            self._on_withdrawn(answer.info.pub_handle)
            return True
        if refusal is not None and refusal.unpublish_data_track is not None:
            self._withdrawn.discard(refusal.unpublish_data_track.pub_handle)
            return True
        return False

    def _on_withdrawn(self, handle: int) -> None:
        track = self._outgoing.get(handle)
        if handle in self._withdrawn:
            self._withdrawn.discard(handle)
        elif track is not None:
            self._remove(track)

    # Publishing

    async def publish(self, request: proto.PublishDataTrackRequest) -> OutgoingDataTrack:
        """Publish a track that is allowed. Cancelled or failed, it is withdrawn.

        Waits while the link is being replaced.

        Args:
            request: The track, without its handle.

        Raises:
            NotPermitted: The server forbids it.
            DuplicateName: A track of that name is published already.
            PublishTimeout: The server did not answer, or the data channel did not open, in time.
            PublishError: The server refused it otherwise, or there are too many tracks.
            RoomClosed: The room has ended.
        """
        while True:
            await self._requests.wait_open()
            try:
                return await self._publish(request)
            except LinkInterrupted:
                continue

    async def _publish(self, request: proto.PublishDataTrackRequest) -> OutgoingDataTrack:
        if request.name in self._tracks.views:
            raise DuplicateName(f"the data track {request.name!r} is published already")
        request.pub_handle = handle = self._new_handle()
        self._pending.add(handle)
        try:
            info = await self._ask(request)
            await self._outlet.wait_open(lambda: self._requests.losses)
        except BaseException as error:
            self._withdraw(handle, known=not _is_refusal(error))
            raise
        finally:
            self._pending.discard(handle)
        record = self._tracks.accepted(info)
        track = OutgoingDataTrack(record, request, self._outlet, self.unpublish, self._random)
        self._outgoing[handle] = track
        self._tracks.publish(record, track)
        self._tell()
        return track

    def _new_handle(self) -> int:
        for _ in range(MAX_HANDLE):
            self._last_handle = self._last_handle % MAX_HANDLE + 1
            taken = (self._outgoing, self._pending, self._withdrawn)
            if not any(self._last_handle in handles for handles in taken):
                return self._last_handle
        raise PublishError(f"there are more than {MAX_HANDLE} data tracks")

    async def _ask(self, request: proto.PublishDataTrackRequest) -> proto.DataTrackInfo:
        self._say_unsaid()  # a name may be free only then
        info = await self._requests.publish_data_track(request)
        self._life.check_open()
        info.name = request.name  # by which it is known here, whatever the server says
        return info

    async def publish_again(self) -> None:
        """Publish over a new link what was published over the last one.

        What the server refuses is gone, as if it had taken it away. What is interrupted comes with
        the next link.
        """
        async with trio.open_nursery() as nursery:
            for track in self._outgoing.values():
                if not track.published:
                    nursery.start_soon(self._publish_again, track)
        await trio.lowlevel.checkpoint()

    async def _publish_again(self, track: OutgoingDataTrack) -> None:
        try:
            info = await self._ask(track.request)
        except (LinkInterrupted, RoomClosed):
            _log.debug("a data track waits for the next join")
        except PublishError as error:
            _log.warning("a data track is lost with the link: %s", printable(str(error)))
            if self._outgoing.get(track.handle) is track:
                self._withdraw(track.handle, known=not _is_refusal(error))
                self._remove(track)
        else:
            if self._outgoing.get(track.handle) is track:
                track.published = True
                track.record.info = info
            else:  # the program has withdrawn it meanwhile
                self._withdraw(track.handle, known=True)
        await trio.lowlevel.checkpoint()

    # The end of tracks

    def _withdraw(self, handle: int, *, known: bool) -> None:
        """Tell the server that a track is gone, if it may know of it."""
        if known and self._life.reason is None:
            self._withdrawn.add(handle)
            self._unsaid.add(handle)
            self._say_unsaid()

    def _say_unsaid(self) -> None:
        for handle in list(self._unsaid):
            if not self._requests.send_nowait(_unpublish(handle)):
                break
            self._unsaid.discard(handle)

    def unpublish(self, track: OutgoingDataTrack) -> None:
        """The program withdraws a track. Never waits; does nothing for one that is gone."""
        if self._life.reason is None and self._outgoing.get(track.handle) is track:
            del self._outgoing[track.handle]
            self._tracks.unpublish(track.record)
            self._withdraw(track.handle, known=track.published)
            self._outlet.changed()
            self._tell()

    def revoked(self) -> None:
        """We may not publish data any more: the server has ended every track."""
        for track in list(self._outgoing.values()):
            self._remove(track)

    def _remove(self, track: OutgoingDataTrack) -> None:
        del self._outgoing[track.handle]
        self._tracks.removed_by_server(track.record)
        self._outlet.changed()
        self._tell()


def _unpublish(handle: int) -> proto.SignalRequest:
    request = proto.UnpublishDataTrackRequest(pub_handle=handle)
    return proto.SignalRequest(unpublish_data_track_request=request)


def _is_refusal(error: BaseException) -> bool:
    """Whether the server has said that there is no such track."""
    return isinstance(error, PublishError) and not isinstance(error, PublishTimeout)

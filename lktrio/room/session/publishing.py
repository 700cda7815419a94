"""The tracks that we publish.

Theory of operation: publishing is two exchanges. ``add_track`` announces the track and is answered
with its SID; an offer with a sending section, whose msid holds the track's ``cid``, sets up the
media. Media can flow when both are done. They run side by side, unless so many are under way that
the server might refuse one: it would then give the section of that one to another track. Beyond
what the server takes at once, publishing waits its turn. The server has no request to unpublish: a
section that no longer sends is the message.

LiveKit's server learns of a video stream by its first packet, and forwards from a keyframe that
comes later. So a packet that belongs to no frame goes ahead of the first frame.

Whatever goes wrong, or is cancelled, in between is withdrawn in the same way. A track that was
announced is remembered by the server until its section appears, and too many of these make it
refuse others, so a withdrawn track is negotiated first and turned off then, in the background.

Tracks outlive the link with the server. When that is replaced by a new join, each is announced and
negotiated once more; programs keep the track that they have.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import (
    CodecRejected,
    LocalProtocolError,
    PublishError,
    PublishTimeout,
    RoomClosed,
)
from lktrio.room.options import RoomOptions
from lktrio.room.session.announcing import TrackDescription
from lktrio.room.session.life import RoomLife
from lktrio.room.session.link import ServerLink
from lktrio.room.session.peer_connection import UDP_BLOCKED
from lktrio.room.session.requests import LinkInterrupted
from lktrio.room.session.sending import OutgoingTrack, TrackPath
from lktrio.room.state.events import LocalTrackSubscribed, LocalTrackUnpublished, RoomEvent
from lktrio.room.state.local import LocalTrackPublication, LocalTrackRecord, PublicationState
from lktrio.room.state.local_tracks import LocalTracks
from lktrio.room.state.stream_stats import OutboundStreamStats
from lktrio.rtc.transceiver import Transceiver

__all__ = ["Publisher", "TrackRequests"]

_log = logging.getLogger("lktrio.room")

_SIDE_BY_SIDE = 8  # announced tracks up to which offers do not wait for the announcement's answer
_MAX_ANNOUNCED = 16  # tracks under way at once; LiveKit's server refuses more than 20
_CID_LENGTH = 16  # bytes of the id that a track has until the server gives it one


class TrackRequests(Protocol):
    """What is asked of the server about local tracks."""

    @property
    def losses(self) -> int:
        """How often there was no server to ask any more."""
        ...

    async def wait_open(self) -> object:
        """Wait until there is a server to ask."""
        ...

    async def add_track(self, request: proto.AddTrackRequest) -> proto.TrackInfo:
        """Announce a track."""
        ...

    async def mute_track(self, track: LocalTrackRecord, *, muted: bool) -> None:
        """Tell that a track is muted, or no longer."""
        ...

    def send_nowait(self, request: proto.SignalRequest) -> bool:
        """Send what is state, and is said again if there is no server to tell it now."""
        ...


@dataclass(frozen=True, slots=True)
class _Section:
    """A section that was taken for a track."""

    link: ServerLink
    transceiver: Transceiver
    request: proto.AddTrackRequest
    number: int | None
    """The negotiation that covers it, if it need not wait for the announcement's answer."""


class Publisher:
    """Publishes tracks over the link that there is.

    Args:
        tracks: What is known of local tracks.
        requests: What is asked of the server.
        life: The end of the room.
        options: Deadlines, and where randomness comes from.
        tell: Called when the state has news.
    """

    def __init__(
        self,
        tracks: LocalTracks,
        requests: TrackRequests,
        life: RoomLife,
        options: RoomOptions,
        tell: Callable[[], None],
    ) -> None:
        self._tracks = tracks
        self._requests = requests
        self._life = life
        self._options = options
        self._tell = tell
        self._link: ServerLink | None = None
        self._outgoing: dict[LocalTrackPublication, OutgoingTrack] = {}
        self._announced_less = trio.lowlevel.ParkingLot()

    # The link

    def use(self, link: ServerLink) -> None:
        """Publish over this link from now on."""
        self._link = link

    def release(self) -> None:
        """The link is gone: tracks lead nowhere until they are published over the next one."""
        link, self._link = self._link, None
        for track in self._outgoing.values():
            track.detach()
        self._tracks.end_join()
        self._announced_less.unpark_all()
        if link is not None:
            link.negotiation.end()

    def end(self) -> None:
        """The room has ended, and with it every track."""
        for track in self._outgoing.values():
            track.end()
        self._outgoing.clear()
        self.release()

    # Publishing

    async def publish(self, description: TrackDescription) -> OutgoingTrack:
        """Publish a track that is allowed. Cancelled or failed, it is withdrawn.

        Waits while the link is being replaced.

        Raises:
            NotPermitted: The server forbids it.
            CodecRejected: The server does not take the codec.
            PublishTimeout: The server did not acknowledge the track in time.
            PublishError: There are too many tracks.
            RoomClosed: The room has ended.
        """
        while True:
            await self._requests.wait_open()
            try:
                return await self._publish(description)
            except LinkInterrupted:
                continue

    async def _publish(self, description: TrackDescription) -> OutgoingTrack:
        section = await self._take_section(description)
        record = self._tracks.announce(section.request.cid, description.codec, description.muted)
        try:
            info = await self._negotiate(section)
            path = self._open_path(section, description)
        except BaseException as error:
            record.move(PublicationState.UNPUBLISHED)
            self._withdraw(section, at_once=_is_refusal(error))
            raise
        track = OutgoingTrack(record, self, description, path, self._life)
        self._outgoing[self._tracks.publish(record, info, track)] = track
        self._started(track)
        return track

    async def publish_again(self) -> None:
        """Publish over a new link what was published over the last one.

        What the server refuses is gone, as if it had taken it away. What is interrupted comes with
        the next link.
        """
        async with trio.open_nursery() as nursery:
            for track in self._outgoing.values():
                if not track.attached:
                    nursery.start_soon(self._publish_again, track)
        await trio.lowlevel.checkpoint()

    async def _publish_again(self, track: OutgoingTrack) -> None:
        record = track.record
        description = replace(track.description, muted=record.info.muted)
        section: _Section | None = None
        try:
            section = await self._take_section(description)
            self._tracks.announce_again(record, section.request.cid)
            info = await self._negotiate(section)
            path = self._open_path(section, description)
        except (LinkInterrupted, RoomClosed):
            self._withdraw(section, at_once=True)
        except PublishError as error:
            _log.warning("a track is lost with the link: %s", printable(str(error)))
            self._withdraw(section, at_once=_is_refusal(error))
            self._tracks.removed_by_server(record.info.sid)
            self._tell()
        except BaseException:  # cancelled, as this link is lost as well
            self._withdraw(section, at_once=True)
            raise
        else:
            self._go_on(track, section, path, info)
        await trio.lowlevel.checkpoint()

    def _go_on(
        self, track: OutgoingTrack, section: _Section, path: TrackPath, info: proto.TrackInfo
    ) -> None:
        """Let a track use the path that was set up for it, unless the program has withdrawn it."""
        if track.record.state is not PublicationState.PUBLISHED:
            self._withdraw(section, at_once=False)
            return
        track.attach(path)
        self._tracks.republish(track.record, info)
        if info.muted != section.request.muted:  # what was said meanwhile named another SID
            mute = proto.MuteTrackRequest(sid=info.sid, muted=info.muted)
            self._requests.send_nowait(proto.SignalRequest(mute=mute))
        self._started(track)

    async def _take_section(self, description: TrackDescription) -> _Section:
        await trio.lowlevel.checkpoint()
        while self._tracks.announced >= _MAX_ANNOUNCED:
            await self._announced_less.park()
            self._life.check_open()
        link = self._link
        if link is None:
            raise LinkInterrupted
        cid = self._options.network.random_bytes(_CID_LENGTH).hex()
        transceiver = link.sections.take(description.codec, description.capability, cid)
        early = self._tracks.announced < _SIDE_BY_SIDE
        number = link.negotiation.request() if early else None
        return _Section(link, transceiver, description.request(cid), number)

    async def _negotiate(self, section: _Section) -> proto.TrackInfo:
        """Announce a track, and wait until its section is negotiated and its connection is up."""
        info = await self._requests.add_track(section.request)
        link, number, losses = section.link, section.number, self._requests.losses
        timeouts = self._options.timeouts
        seconds = max(timeouts.negotiation, timeouts.transport)
        late = f"the server did not negotiate the track within {seconds:g} s"
        with trio.move_on_after(seconds) as scope:
            await link.negotiation.wait(link.negotiation.request() if number is None else number)
            late = f"no encrypted path to the server within {seconds:g} s: {UDP_BLOCKED}"
            await link.outgoing.connected.wait()
        self._life.check_open()
        lost = self._requests.losses != losses  # of the time for it some has passed without a link
        if link is not self._link or (scope.cancelled_caught and lost):
            raise LinkInterrupted
        if scope.cancelled_caught:
            raise PublishTimeout(late)
        return info

    def _open_path(self, section: _Section, description: TrackDescription) -> TrackPath:
        mime = description.codec.mime
        connection = section.link.outgoing
        try:
            stream = connection.peer.outbound(section.transceiver, mime)
        except LocalProtocolError as error:
            raise CodecRejected(f"the server does not take {mime}: {error}") from error
        return TrackPath(connection, section.transceiver, stream)

    def _started(self, track: OutgoingTrack) -> None:
        track.send_preamble()
        self._announced_less.unpark()
        self._tell()

    # Withdrawing

    def _withdraw(self, section: _Section | None, *, at_once: bool) -> None:
        """Turn a section off, at once or when the server has seen whose section it is.

        After an interruption nobody knows whether it has seen the announcement. A section that it
        was told nothing about it would give to the next track that is announced.
        """
        if section is None:
            return

        def turn_off() -> None:
            self._tracks.forget(section.request.cid)
            self._announced_less.unpark()
            self._turn_off(section.link, section.transceiver)

        if at_once:
            turn_off()
        elif section.link is self._link:
            section.link.negotiation.request_then(turn_off)

    def _turn_off(self, link: ServerLink | None, transceiver: Transceiver) -> None:
        if link is not None and link is self._link:
            link.sections.turn_off(transceiver)

    def unpublish(self, track: OutgoingTrack) -> None:
        """Withdraw a track. Never waits; does nothing for one that is gone."""
        if self._life.reason is None:
            self._tracks.unpublish(track.record)
            self._tell()

    async def set_muted(self, track: OutgoingTrack, muted: bool) -> None:
        """Mute or unmute a track and tell the server. Cancelled, nothing has changed."""
        while True:
            told = track.record.info.sid
            await self._requests.mute_track(track.record, muted=muted)
            if told == track.record.info.sid:  # it has another one if it was published again
                break
        self._tracks.set_muted(track.record, muted)
        self._tell()

    def stats(self, now: float) -> list[OutboundStreamStats]:
        """What is known of the streams of our tracks now."""
        found = (track.stats(now) for track in self._outgoing.values())
        return [stats for stats in found if stats is not None]

    # What happens

    def follow(self, event: RoomEvent) -> None:
        """Do what an event means for the media of a track."""
        match event:
            case LocalTrackSubscribed(publication):
                self._outgoing[publication].subscribed()
            case LocalTrackUnpublished(publication):
                track = self._outgoing.pop(publication)
                track.end()
                if track.path is not None:
                    self._turn_off(self._link, track.path.transceiver)
            case _:
                pass

    def keyframe_requested(self, transceiver: Transceiver) -> None:
        """A subscriber needs a keyframe."""
        for track in self._outgoing.values():
            if track.path is not None and track.path.transceiver is transceiver:
                track.keyframe_requested()


def _is_refusal(error: BaseException) -> bool:
    """Whether the server is not to be waited for: it has refused, or nobody knows what it saw."""
    if isinstance(error, PublishTimeout):
        return False
    return isinstance(error, (PublishError, LinkInterrupted))

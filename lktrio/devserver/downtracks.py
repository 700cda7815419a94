"""What one participant receives: its preferences, and a down track for each track that is due.

Theory of operation: which tracks a participant should get follows from its preferences, its
permission and the publishers' permissions; `DownTracks.reconcile` brings the down tracks in line
with that. The room calls it whenever one of them, or the tracks that there are, changes. How the
down tracks get sections is told in `downtrack_sections`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

import trio

from lktrio import proto
from lktrio.devserver.connection import MediaConnection
from lktrio.devserver.downtrack import SILENCE_STEP, DownTrack
from lktrio.devserver.downtrack_sections import DownTrackSections
from lktrio.devserver.permissions import TrackSubscriber
from lktrio.devserver.preferences import Preferences, TrackSettings
from lktrio.devserver.tracks import PublishedTrack
from lktrio.rtc.transceiver import Transceiver

__all__ = ["DownTracks", "DownTracksOwner"]

_log = logging.getLogger("lktrio.devserver")


class DownTracksOwner(TrackSubscriber, Protocol):
    """Who receives tracks."""

    @property
    def hidden(self) -> bool:
        """Whether others do not see it."""
        ...

    @property
    def may_subscribe(self) -> bool:
        """Whether it may receive tracks."""
        ...

    def send(self, response: proto.SignalResponse) -> None:
        """Queue a message to its client."""
        ...

    def negotiate_soon(self) -> None:
        """Descriptions have to be exchanged."""
        ...

    def reconcile(self) -> None:
        """What it receives has to be looked at anew."""
        ...


class DownTracks:
    """The tracks that one participant receives.

    Args:
        owner: The participant.
        connection: The peer connection that sends to the client.
        preferences: What the client wants.
        sif_trailer: What tells that the server made a packet, where tracks are encrypted.
        offers: Whether the server offers on the connection.

    Attributes:
        connection: That peer connection.
        sections: How the tracks are carried.
    """

    def __init__(
        self,
        owner: DownTracksOwner,
        connection: MediaConnection,
        preferences: Preferences,
        sif_trailer: bytes,
        *,
        offers: bool,
    ) -> None:
        self.connection = connection
        self._owner = owner
        self._preferences = preferences
        self._sif_trailer = sif_trailer
        self._downtracks: dict[str, DownTrack] = {}
        self._allowed: dict[str, bool] = {}
        self._silence_due = trio.Event()
        self.sections = DownTrackSections(self, connection, self._downtracks, offers=offers)

    @property
    def tracks(self) -> list[PublishedTrack]:
        """The tracks that it receives."""
        return [downtrack.track for downtrack in self._downtracks.values()]

    # Which tracks

    def subscribe(self, sids: Iterable[str], wanted: bool) -> None:
        """Take what the client wants, or the API for it."""
        self._preferences.subscribe(sids, wanted, trio.current_time())
        self._owner.reconcile()

    def update_settings(self, update: proto.UpdateTrackSettings) -> None:
        """Take how the client wants tracks, which may not be there yet."""
        settings = TrackSettings(update.disabled, update.quality, update.width, update.height)
        now = trio.current_time()
        for sid in update.track_sids:
            self._preferences.set_up(sid, settings)
            if sid in self._downtracks:
                self._downtracks[sid].apply(settings, now)

    def reconcile(self, tracks: Iterable[PublishedTrack]) -> None:
        """Bring the down tracks in line with what there is.

        Args:
            tracks: All tracks of the room.
        """
        existing = {track.sid: track for track in tracks}
        offered = {sid: track for sid, track in existing.items() if self._wants(track)}
        allowed = {sid: track.publisher.permits(self._owner, sid) for sid, track in offered.items()}
        gone = [d for sid, d in self._downtracks.items() if not allowed.get(sid, False)]
        for downtrack in gone:
            self._remove(downtrack)
        self._tell_permissions(offered, allowed)
        new = [sid for sid in offered if allowed[sid] and sid not in self._downtracks]
        for sid in new:
            self._add(offered[sid])
        self._preferences.found(existing)
        if gone or new:
            self._owner.negotiate_soon()

    def _wants(self, track: PublishedTrack) -> bool:
        others = track.publisher.sid != self._owner.sid
        return others and self._owner.may_subscribe and self._preferences.wants(track.sid)

    def _tell_permissions(
        self, offered: dict[str, PublishedTrack], allowed: dict[str, bool]
    ) -> None:
        for sid, track in offered.items():
            if self._allowed.get(sid) != allowed[sid]:
                update = proto.SubscriptionPermissionUpdate(
                    participant_sid=track.publisher.sid, track_sid=sid, allowed=allowed[sid]
                )
                self.send(proto.SignalResponse(subscription_permission_update=update))
        self._allowed = allowed

    def _add(self, track: PublishedTrack) -> None:
        downtrack = self._downtracks[track.sid] = DownTrack(track, self)
        track.receivers.append(downtrack)
        downtrack.apply(self._preferences.settings(track.sid), trio.current_time())

    def _remove(self, downtrack: DownTrack) -> None:
        del self._downtracks[downtrack.track.sid]
        if downtrack in downtrack.track.receivers:
            downtrack.track.receivers.remove(downtrack)
        self.sections.release(downtrack)

    def tick(self, now: float) -> None:
        """Look after what waits for something."""
        for downtrack in self._downtracks.values():
            downtrack.choose(now)
        for sid in self._preferences.take_missing(now):
            self._tell_error(sid, proto.SubscriptionError.SE_TRACK_NOTFOUND)

    def _tell_error(self, sid: str, error: proto.SubscriptionError) -> None:
        answer = proto.SubscriptionResponse(track_sid=sid, err=error)
        self.send(proto.SignalResponse(subscription_response=answer))

    def close(self) -> None:
        """Leave every track."""
        for downtrack in self._downtracks.values():
            if downtrack in downtrack.track.receivers:
                downtrack.track.receivers.remove(downtrack)
        self._downtracks.clear()

    def on_keyframe_requested(self, transceiver: Transceiver) -> None:
        """The client asks for a keyframe in one of its sections."""
        for downtrack in self._downtracks.values():
            if downtrack.transceiver is transceiver:
                downtrack.on_keyframe_requested(trio.current_time())

    async def send_silence(self) -> None:
        """Send silence after tracks were muted, until cancelled."""
        while True:
            await self._silence_due.wait()
            self._silence_due = trio.Event()
            while datagrams := self._silence():
                self.send_media(datagrams)
                await trio.sleep(SILENCE_STEP)

    def _silence(self) -> list[bytes]:
        now = trio.current_time()
        made = [d.silence(self._sif_trailer, now) for d in self._downtracks.values()]
        return [datagram for datagram in made if datagram is not None]

    # What down tracks and sections ask for

    def send(self, response: proto.SignalResponse) -> None:
        """Queue a message to the client."""
        self._owner.send(response)

    def negotiate_soon(self) -> None:
        """Descriptions have to be exchanged."""
        self._owner.negotiate_soon()

    def send_media(self, datagrams: list[bytes]) -> None:
        """Send forwarded packets."""
        self.connection.peer.send(datagrams)
        self.connection.flush()

    def on_silence_due(self) -> None:
        """Packets of silence are to be sent."""
        self._silence_due.set()

    def on_bound(self, downtrack: DownTrack) -> None:
        """The client agreed to receive a track."""
        downtrack.track.update_quality(trio.current_time())
        if not self._owner.hidden:
            downtrack.track.announce_subscribed()

    def on_first_packet(self, downtrack: DownTrack) -> None:
        """A track begins to flow to the client."""
        track = downtrack.track
        if track.is_video:
            state = proto.StreamStateInfo(
                participant_sid=track.publisher.sid,
                track_sid=track.sid,
                state=proto.StreamState.ACTIVE,
            )
            update = proto.StreamStateUpdate(stream_states=[state])
            self.send(proto.SignalResponse(stream_state_update=update))

    def on_refused(self, downtrack: DownTrack) -> None:
        """The client takes no codec of a track."""
        _log.info("%s: no codec of %s is taken", self.connection.name, downtrack.track.sid)
        self._tell_error(downtrack.track.sid, proto.SubscriptionError.SE_CODEC_UNSUPPORTED)

    def change_codec(self, downtrack: DownTrack) -> None:
        """A track is not to be had any more in the codec in which the client gets it."""
        if not self.sections.change_codec(downtrack):
            self._remove(downtrack)
            self._owner.reconcile()

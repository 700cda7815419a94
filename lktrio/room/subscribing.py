"""Which section of a peer connection carries whose track.

Theory of operation: after every exchange of descriptions each section is looked at anew. The track
it carries is named by the server's map from mids to track SIDs, or by the track id of its msid. A
section may be recycled for another track, so the binding is to the section's current track, never
to its mid. A track may arrive before the participant update that announces it; it waits.

Tracks that are there when we join are held back until the program has the room, so that a program
which then subscribes to ``TrackSubscribed`` hears of every track.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lktrio.room.connections import Connection
from lktrio.room.events import RoomEvent, TrackSubscribed, TrackUnsubscribed
from lktrio.room.publication import RemoteTrackPublication
from lktrio.room.roster import Roster
from lktrio.room.track import RemoteTrack
from lktrio.rtc.rtp.inbound import InboundStream
from lktrio.rtc.transceiver import Transceiver

__all__ = ["Subscriptions"]

_TRACK_PREFIX = "TR_"


class Subscriptions:
    """The remote tracks that are received.

    Args:
        roster: Who publishes what.
        publish: Delivers an event.
        request_keyframe: Asks the sender of a stream for a keyframe.
    """

    def __init__(
        self,
        roster: Roster,
        publish: Callable[[RoomEvent], None],
        request_keyframe: Callable[[Connection, InboundStream], None],
    ) -> None:
        self._roster = roster
        self._publish = publish
        self._request_keyframe = request_keyframe
        self._bound: dict[Transceiver, RemoteTrack] = {}
        self._waiting: dict[Transceiver, tuple[Connection, str]] = {}
        self._held = True

    def release(self) -> None:
        """Bind what was held back, and everything from now on at once. Idempotent."""
        self._held = False
        self.retry()

    def rebind(self, connection: Connection, mid_to_track_id: Mapping[str, str]) -> None:
        """Follow what a new description says about the sections of a connection."""
        for transceiver in connection.peer.transceivers:
            sid = _track_sid(transceiver, mid_to_track_id)
            bound = self._bound.get(transceiver)
            if bound is not None and bound.sid != sid:
                self._unbind(transceiver)
            self._waiting.pop(transceiver, None)
            if sid is not None and transceiver not in self._bound:
                self._waiting[transceiver] = (connection, sid)
        self.retry()

    def retry(self) -> None:
        """Bind the sections whose tracks are known by now."""
        if self._held:
            return
        for transceiver, (connection, sid) in list(self._waiting.items()):
            publication = self._roster.find_publication(sid)
            if publication is not None and publication.track is None:
                del self._waiting[transceiver]
                self._bind(connection, transceiver, publication)

    def _bind(
        self, connection: Connection, transceiver: Transceiver, publication: RemoteTrackPublication
    ) -> None:
        participant = publication.participant
        track = RemoteTrack(
            publication, participant, lambda stream: self._request_keyframe(connection, stream)
        )
        self._bound[transceiver] = track
        publication.track = track
        for stream in connection.peer.inbound(transceiver):
            track.attach(stream)
        self._publish(TrackSubscribed(track, publication, participant))

    def _unbind(self, transceiver: Transceiver) -> None:
        track = self._bound.pop(transceiver)
        track.end()
        track.publication.track = None
        self._publish(TrackUnsubscribed(track, track.publication, track.participant))

    def lost(self, publication: RemoteTrackPublication) -> None:
        """A publication is gone: end its media."""
        for transceiver, track in list(self._bound.items()):
            if track is publication.track:
                self._unbind(transceiver)

    def attach(self, transceiver: Transceiver, stream: InboundStream) -> None:
        """A stream was found in a section."""
        track = self._bound.get(transceiver)
        if track is not None:
            track.attach(stream)

    def deliver(self, transceiver: Transceiver, stream: InboundStream) -> None:
        """A stream received something."""
        track = self._bound.get(transceiver)
        if track is not None:
            track.deliver(stream)
        else:
            stream.frames = []
            stream.packets = []


def _track_sid(transceiver: Transceiver, mid_to_track_id: Mapping[str, str]) -> str | None:
    msid = transceiver.remote_track if transceiver.receiving else None
    if msid is None:
        return None
    for sid in (mid_to_track_id.get(transceiver.mid or ""), msid.track_id):
        if sid and sid.startswith(_TRACK_PREFIX):
            return sid
    stream, _, track = msid.stream_id.partition("|")
    return track if stream and track.startswith(_TRACK_PREFIX) else None

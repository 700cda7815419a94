"""Who is in the room: the server's participant updates turned into state and events.

Theory of operation: an update holds the whole of what is known about some participants. It is
compared with what we have, the snapshots are changed, and the events say what changed. Updates of
one stay (SID) carry a version that grows; older ones are stale. The same identity with another SID
is a new stay: the old one has left.

Media and data travel on another way than updates and may overtake them: the server tells of
somebody who publishes nothing up to three seconds late, and data may arrive after its sender has
left. ``sender`` finds an object for these as well. For a newcomer it is provisional: it knows
identity and SID, and becomes the participant itself when the update arrives.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING

from lktrio import proto
from lktrio.room.events import (
    ParticipantConnected,
    ParticipantDisconnected,
    RoomEvent,
    TrackMuted,
    TrackPublished,
    TrackUnmuted,
    TrackUnpublished,
)
from lktrio.room.participant import RemoteParticipant
from lktrio.room.publication import RemoteTrackPublication

if TYPE_CHECKING:
    from lktrio.room.session import RoomSession

__all__ = ["Roster", "reason_name"]

_REMEMBERED = 256  # participants who are not in the room, but have been or will be


def reason_name(reason: proto.DisconnectReason) -> str:
    """``"room_deleted"`` and so on; ``"unknown_reason"`` for numbers that we do not know."""
    return (reason.name or "unknown_reason").lower()


class Roster:
    """The remote participants of a room.

    Args:
        session: The stay in the room.
        publish: Delivers an event.
        lost_track: Called before a publication goes, to end its media.
    """

    def __init__(
        self,
        session: RoomSession,
        publish: Callable[[RoomEvent], None],
        lost_track: Callable[[RemoteTrackPublication], None],
    ) -> None:
        self._session = session
        self._publish = publish
        self._lost_track = lost_track
        self._by_identity: dict[str, RemoteParticipant] = {}
        self._by_sid: dict[str, RemoteParticipant] = {}
        self._others: OrderedDict[str, RemoteParticipant] = OrderedDict()
        self.view = MappingProxyType(self._by_identity)
        """Everybody by identity, a read-only view."""

    def by_sid(self, sid: str) -> RemoteParticipant | None:
        """The participant of an SID, or None."""
        return self._by_sid.get(sid)

    def sender(self, identity: str, sid: str) -> RemoteParticipant | None:
        """Who sent something, also if not in the room yet or any more; None for a server."""
        if not identity:
            return None
        known = self._by_identity.get(identity)
        if known is not None and sid in ("", known.sid):
            return known
        other = self._others.get(sid or identity)
        if other is None or other.identity != identity:
            info = proto.ParticipantInfo(identity=identity, sid=sid)
            other = RemoteParticipant(info)
            self._remember(other)
        return other

    def _remember(self, participant: RemoteParticipant) -> None:
        self._others[participant.sid or participant.identity] = participant
        if len(self._others) > _REMEMBERED:
            self._others.popitem(last=False)

    def find_publication(self, track_sid: str) -> RemoteTrackPublication | None:
        """The publication of a track SID, or None."""
        for participant in self._by_identity.values():
            if (publication := participant.track_publications.get(track_sid)) is not None:
                return publication
        return None

    def update(self, info: proto.ParticipantInfo) -> None:
        """Take over what the server says about somebody else."""
        known = self._by_identity.get(info.identity)
        if known is not None and known.sid != info.sid:
            if info.state == proto.ParticipantInfo.State.DISCONNECTED:
                return  # the end of an earlier stay, told late
            self._leave(known, proto.DisconnectReason.UNKNOWN_REASON)
            known = None
        if info.state == proto.ParticipantInfo.State.DISCONNECTED:
            if known is not None:
                self._leave(known, info.disconnect_reason)
        elif known is None:
            self._join(info)
        elif not known.is_stale(info):
            self._change(known, info)

    def _join(self, info: proto.ParticipantInfo) -> None:
        participant = self._others.pop(info.sid, None)
        if participant is None or participant.identity != info.identity or participant.was_here:
            participant = RemoteParticipant(info)
        participant.update(info)
        participant.was_here = True
        self._by_identity[info.identity] = participant
        self._by_sid[info.sid] = participant
        self._publish(ParticipantConnected(participant))
        for track in info.tracks:
            self._add_track(participant, track)

    def _leave(self, participant: RemoteParticipant, reason: proto.DisconnectReason) -> None:
        for sid in list(participant.track_publications):
            self._remove_track(participant, sid)
        participant.is_speaking, participant.audio_level = False, 0.0
        participant.info.state = proto.ParticipantInfo.State.DISCONNECTED
        self._by_identity.pop(participant.identity, None)
        self._by_sid.pop(participant.sid, None)
        self._remember(participant)
        self._publish(ParticipantDisconnected(participant, reason_name(reason)))

    def _change(self, participant: RemoteParticipant, info: proto.ParticipantInfo) -> None:
        for event in participant.update(info):
            self._publish(event)
        tracks = {track.sid: track for track in info.tracks}
        for sid in [sid for sid in participant.track_publications if sid not in tracks]:
            self._remove_track(participant, sid)
        for sid, track in tracks.items():
            publication = participant.track_publications.get(sid)
            if publication is None:
                self._add_track(participant, track)
            else:
                self._change_track(participant, publication, track)

    def _add_track(self, participant: RemoteParticipant, track: proto.TrackInfo) -> None:
        publication = RemoteTrackPublication(track, participant, self._session)
        participant.add_publication(publication)
        self._publish(TrackPublished(publication, participant))

    def _remove_track(self, participant: RemoteParticipant, sid: str) -> None:
        publication = participant.track_publications.get(sid)
        if publication is not None:
            self._lost_track(publication)
            participant.remove_publication(sid)
            self._publish(TrackUnpublished(publication, participant))

    def _change_track(
        self,
        participant: RemoteParticipant,
        publication: RemoteTrackPublication,
        track: proto.TrackInfo,
    ) -> None:
        before, publication.info = publication.info, track
        if track.muted != before.muted:
            event = TrackMuted if track.muted else TrackUnmuted
            self._publish(event(publication, participant))

    def end_media(self) -> None:
        """The room has ended: end the media of everybody. Participants and tracks stay noted."""
        for participant in list(self._by_identity.values()):
            for publication in participant.track_publications.values():
                self._lost_track(publication)

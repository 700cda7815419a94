"""Who else is in the room: the server's participant updates turned into state and events.

Theory of operation: an update holds the whole of what is known about some participants. It is
compared with what we have, the records are changed, and the events say what changed. Updates of
one session (SID) carry a version that grows; older ones are stale. The same identity with another
SID is a new session: the old one has left.

Media and data travel on another way than updates and may overtake them: the server tells of
somebody who publishes nothing up to three seconds late, and data may arrive after its sender has
left. ``sender`` finds an object for these as well. For a newcomer it is provisional: it knows
identity and SID, and becomes the participant itself when the update arrives.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import MappingProxyType

from lktrio import proto
from lktrio.room.state.changes import participant_changes
from lktrio.room.state.enums import DisconnectReason
from lktrio.room.state.events import (
    DataTrackPublished,
    DataTrackUnpublished,
    ParticipantActive,
    ParticipantConnected,
    ParticipantDisconnected,
    RoomEvent,
    TrackMuted,
    TrackPublished,
    TrackSubscribed,
    TrackUnmuted,
    TrackUnpublished,
    TrackUnsubscribed,
)
from lktrio.room.state.remote import (
    RemoteParticipant,
    RemoteParticipantRecord,
    RemoteTrack,
    RemoteTrackRecord,
    SubscriptionRequests,
    TrackReceiver,
)
from lktrio.room.state.remote_data_tracks import RemoteDataTrackRecord, RemoteDataTracks

__all__ = ["Roster"]

_REMEMBERED = 256  # participants who are not in the room, but have been or will be


class Roster:
    """The remote participants of a room.

    Args:
        requests: Who takes the requests of publications.
        tell: Takes the events.

    Attributes:
        data_tracks: The data tracks of everybody.
    """

    def __init__(self, requests: SubscriptionRequests, tell: Callable[[RoomEvent], None]) -> None:
        self._requests = requests
        self._tell = tell
        self._by_identity: dict[str, RemoteParticipantRecord] = {}
        self._by_sid: dict[str, RemoteParticipantRecord] = {}
        self._others: OrderedDict[str, RemoteParticipantRecord] = OrderedDict()
        self._views: dict[str, RemoteParticipant] = {}
        self.views = MappingProxyType(self._views)
        """Everybody by identity, a read-only view."""

        self._unseen: set[str] | None = None
        self._awaited: set[str] = set()
        self._awaited_tracks: set[RemoteTrackRecord] = set()
        self.data_tracks = RemoteDataTracks()

    def by_sid(self, sid: str) -> RemoteParticipantRecord | None:
        """The participant of an SID, or None."""
        return self._by_sid.get(sid)

    def snapshot(self) -> Iterator[RoomEvent]:
        """The events that tell of everybody who is there and of their tracks."""
        for record in self._by_identity.values():
            yield ParticipantConnected(record.view)
            if record.is_active:
                yield ParticipantActive(record.view)
            for track in record.tracks.values():
                yield TrackPublished(track.view, record.view)
                if track.track is not None:
                    yield TrackSubscribed(track.track, track.view, record.view)
            for data_track in record.data_tracks.values():
                yield DataTrackPublished(data_track.view, record.view)

    def sender(self, identity: str, sid: str) -> RemoteParticipant | None:
        """Who sent something, also if not in the room yet or any more; None for a server."""
        if not identity:
            return None
        known = self._by_identity.get(identity)
        # Of somebody else who is here: an agent that speaks for this one.
        if known is not None and (sid in ("", known.info.sid) or sid in self._by_sid):
            return known.view
        other = self._others.get(sid or identity)
        if other is None or other.info.identity != identity:
            info = proto.ParticipantInfo(identity=identity, sid=sid)
            other = RemoteParticipantRecord(info, self._requests)
            self._remember(other)
        return other.view

    def _remember(self, record: RemoteParticipantRecord) -> None:
        self._others[record.info.sid or record.info.identity] = record
        if len(self._others) > _REMEMBERED:
            self._others.popitem(last=False)

    def find_track(self, track_sid: str) -> RemoteTrackRecord | None:
        """The track of an SID, or None."""
        for record in self._by_identity.values():
            if (track := record.tracks.get(track_sid)) is not None:
                return track
        return None

    # What the server says

    def update(self, info: proto.ParticipantInfo) -> None:
        """Take over what the server says about somebody else."""
        if self._unseen is not None:
            self._unseen.discard(info.identity)
        known = self._by_identity.get(info.identity)
        left = info.state == proto.ParticipantInfo.State.DISCONNECTED
        if known is not None and info.identity in self._awaited and not left:
            self._awaited.discard(info.identity)
            self._rebind(known, info)
            return
        if known is not None and known.info.sid != info.sid:
            if left:
                return  # the end of an earlier session, told late
            self._leave(known, proto.DisconnectReason.UNKNOWN_REASON)
            known = None
        if left:
            if known is not None:
                self._leave(known, info.disconnect_reason)
        elif known is None:
            self._join(info)
        elif not known.is_stale(info):
            self._change(known, info)

    def expect_everybody(self) -> None:
        """The session was resumed: the server is about to name everybody who is there."""
        self._unseen = set(self._by_identity)

    def forget_unseen(self) -> None:
        """The server has named everybody: who was not named has left in between."""
        self._leave_those(self._unseen or ())
        self._unseen = None

    def rejoin(self, infos: Sequence[proto.ParticipantInfo]) -> None:
        """Take over who is there at a new join of ours.

        Who has the same identity is the same, also with another SID: of a server that was lost
        everybody joins another anew. If nobody is there any more, that may be because we are the
        first to come back, so everybody is awaited until ``forget_awaited``.
        """
        there = {info.identity: info for info in infos}
        absent = [one for identity, one in self._by_identity.items() if identity not in there]
        if len(absent) == len(self._by_identity):
            self._awaited = {record.info.identity for record in absent}
        else:
            for record in absent:
                self._leave(record, proto.DisconnectReason.UNKNOWN_REASON)
        for identity, info in there.items():
            known = self._by_identity.get(identity)
            if known is None:
                self.update(info)
            else:
                self._rebind(known, info)

    def forget_awaited(self) -> None:
        """Who has not come back by now has left, and so have tracks."""
        self._leave_those(self._awaited)
        self._awaited = set()
        for record in self._by_identity.values():
            for track in list(record.tracks.values()):
                if track in self._awaited_tracks:
                    self._remove_track(record, track)
            self._tell_data_tracks(record, self.data_tracks.forget_awaited(record.data_tracks))

    def _leave_those(self, identities: Iterable[str]) -> None:
        for identity in identities:
            record = self._by_identity.get(identity)
            if record is not None:
                self._leave(record, proto.DisconnectReason.UNKNOWN_REASON)

    def _rebind(self, record: RemoteParticipantRecord, info: proto.ParticipantInfo) -> None:
        """Somebody goes on, maybe in a new session, whose tracks may not be published yet."""
        if record.info.sid != info.sid:
            del self._by_sid[record.info.sid]
            self._by_sid[info.sid] = record
            self._awaited_tracks.update(record.tracks.values())
            self.data_tracks.expect_again(record.data_tracks)
        self._change(record, info)

    def _join(self, info: proto.ParticipantInfo) -> None:
        record = self._others.pop(info.sid, None)
        if record is None or record.info.identity != info.identity or record.announced:
            record = RemoteParticipantRecord(info, self._requests)
        record.update(info)
        record.announced = True
        self._by_identity[info.identity] = self._by_sid[info.sid] = record
        self._views[info.identity] = record.view
        self._tell(ParticipantConnected(record.view))
        if record.is_active:
            self._tell(ParticipantActive(record.view))
        for track in info.tracks:
            self._add_track(record, track)
        self._update_data_tracks(record, info)

    def _leave(self, record: RemoteParticipantRecord, reason: proto.DisconnectReason) -> None:
        for track in list(record.tracks.values()):
            self._remove_track(record, track)
        self._tell_data_tracks(record, self.data_tracks.remove_all(record.data_tracks))
        record.is_speaking, record.audio_level = False, 0.0
        record.info.state = proto.ParticipantInfo.State.DISCONNECTED
        for known in (self._by_identity, self._views):
            known.pop(record.info.identity, None)
        self._by_sid.pop(record.info.sid, None)
        self._remember(record)
        self._tell(ParticipantDisconnected(record.view, DisconnectReason.from_proto(reason)))

    def _change(self, record: RemoteParticipantRecord, info: proto.ParticipantInfo) -> None:
        before = record.info
        record.update(info)
        for event in participant_changes(record.view, before, info):
            self._tell(event)
        tracks = {track.sid: track for track in info.tracks}
        for sid, one in list(record.tracks.items()):
            if sid not in tracks and one not in self._awaited_tracks:
                self._remove_track(record, one)
        for sid, track in tracks.items():
            known = record.tracks.get(sid) or self._find_awaited(record, track)
            if known is None:
                self._add_track(record, track)
            else:
                self._move_track(record, known, track)
        self._update_data_tracks(record, info)

    def _find_awaited(
        self, record: RemoteParticipantRecord, info: proto.TrackInfo
    ) -> RemoteTrackRecord | None:
        """The track that a participant has published again as this one."""
        for one in record.tracks.values():
            known = one.info
            same = (known.type, known.source, known.name) == (info.type, info.source, info.name)
            if same and one in self._awaited_tracks:
                return one
        return None

    def _add_track(self, record: RemoteParticipantRecord, info: proto.TrackInfo) -> None:
        track = RemoteTrackRecord(info, record.view, self._requests)
        record.tracks[info.sid] = track
        record.publications[info.sid] = track.view
        self._tell(TrackPublished(track.view, record.view))

    def _remove_track(self, record: RemoteParticipantRecord, track: RemoteTrackRecord) -> None:
        self._awaited_tracks.discard(track)
        self.unsubscribed(track)
        del record.tracks[track.info.sid], record.publications[track.info.sid]
        self._tell(TrackUnpublished(track.view, record.view))

    def _move_track(
        self, record: RemoteParticipantRecord, track: RemoteTrackRecord, info: proto.TrackInfo
    ) -> None:
        """A track goes on, maybe under another SID."""
        self._awaited_tracks.discard(track)
        if track.info.sid != info.sid:
            del record.tracks[track.info.sid], record.publications[track.info.sid]
            record.tracks[info.sid] = track
            record.publications[info.sid] = track.view
        self._change_track(track, info)

    def _change_track(self, track: RemoteTrackRecord, info: proto.TrackInfo) -> None:
        before, track.info = track.info, info
        if info.muted != before.muted:
            event = TrackMuted if info.muted else TrackUnmuted
            self._tell(event(track.view, track.participant))

    def _update_data_tracks(
        self, record: RemoteParticipantRecord, info: proto.ParticipantInfo
    ) -> None:
        news = self.data_tracks.update(record.view, record.data_tracks, info.data_tracks)
        self._tell_data_tracks(record, news)

    def _tell_data_tracks(
        self, record: RemoteParticipantRecord, news: Iterable[RemoteDataTrackRecord]
    ) -> None:
        for track in news:
            event = DataTrackPublished if track.published else DataTrackUnpublished
            self._tell(event(track.view, record.view))

    def all_tracks(self) -> Iterator[RemoteTrackRecord]:
        """The tracks of everybody."""
        for record in self._by_identity.values():
            yield from record.tracks.values()

    def leave_all(self) -> None:
        """Everybody is gone: we are in another room."""
        for record in list(self._by_identity.values()):
            self._leave(record, proto.DisconnectReason.UNKNOWN_REASON)

    # What is received

    def subscribed(self, track: RemoteTrackRecord, receiver: TrackReceiver) -> None:
        """The media of a track arrives from now on."""
        track.track = RemoteTrack(track, receiver)
        track.receiver = receiver
        self._tell(TrackSubscribed(track.track, track.view, track.participant))

    def unsubscribed(self, track: RemoteTrackRecord) -> None:
        """The media of a track arrives no more. Idempotent."""
        if track.track is None or track.receiver is None:
            return
        media, track.track = track.track, None
        receiver, track.receiver = track.receiver, None
        receiver.end()
        self._tell(TrackUnsubscribed(media, track.view, track.participant))

    def end_media(self) -> None:
        """The room has ended: end the media of everybody. Participants and tracks stay noted."""
        for track in self.all_tracks():
            self.unsubscribed(track)
        self.data_tracks.end()

"""The tracks of the local participant, and what the server says about them.

The server may be ahead of us: its messages about a track can be read before the task that publishes
it has run. These are kept, bounded, and follow when the track is published on our side as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lktrio import proto
from lktrio.media import Codec
from lktrio.room.state.events import (
    LocalTrackPublished,
    LocalTrackRepublished,
    LocalTrackSubscribed,
    LocalTrackUnpublished,
    RoomEvent,
    TrackMuted,
    TrackUnmuted,
)
from lktrio.room.state.local import (
    LocalTrackPublication,
    LocalTrackRecord,
    PublicationState,
    TrackSender,
)
from lktrio.room.state.participant import Participant

__all__ = ["LocalTracks"]

_MAX_EARLY = 64  # messages kept about tracks that are about to be published

_Call = Callable[[LocalTrackRecord], object]


class LocalTracks:
    """The records of local tracks.

    Args:
        participant: The local participant.
        publications: The views of its published tracks by SID, as kept in its record.
        tell: Takes the events.
    """

    def __init__(
        self,
        participant: Participant[LocalTrackPublication],
        publications: dict[str, LocalTrackPublication],
        tell: Callable[[RoomEvent], None],
    ) -> None:
        self._participant = participant
        self._publications = publications
        self._tell = tell
        self._announced: dict[str, LocalTrackRecord] = {}
        self._published: dict[str, LocalTrackRecord] = {}
        self._early: list[tuple[str, _Call]] = []

    @property
    def announced(self) -> int:
        """How many tracks are announced and not published yet."""
        return len(self._announced)

    def announce(self, cid: str, codec: Codec, muted: bool) -> LocalTrackRecord:
        """Note a track that is about to be announced to the server."""
        info = proto.TrackInfo(muted=muted)
        record = LocalTrackRecord(info, cid, codec, self._participant)
        self._announced[cid] = record
        return record

    def forget(self, cid: str) -> None:
        """The server waits for nothing about an announced track any more. Idempotent."""
        self._announced.pop(cid, None)
        if not self._announced:
            self._early.clear()

    def publish(
        self, record: LocalTrackRecord, info: proto.TrackInfo, sender: TrackSender
    ) -> LocalTrackPublication:
        """An announced track is accepted and negotiated."""
        record.move(PublicationState.PUBLISHED)
        record.info = info
        record.view = LocalTrackPublication(record, sender)
        self._note(record)
        self._tell(LocalTrackPublished(record.view, self._participant))
        self._follow_early(record)
        return record.view

    def announce_again(self, record: LocalTrackRecord, cid: str) -> None:
        """Note that a published track is about to be announced to another server."""
        record.cid = cid
        self._announced[cid] = record

    def republish(self, record: LocalTrackRecord, info: proto.TrackInfo) -> None:
        """A published track is accepted and negotiated after a new join, under another SID."""
        previous = record.info
        self._published.pop(previous.sid, None)
        self._publications.pop(previous.sid, None)
        info.muted = previous.muted
        record.info = info
        self._note(record)
        self._tell(LocalTrackRepublished(record.view, self._participant, previous.sid))
        self._follow_early(record)

    def _note(self, record: LocalTrackRecord) -> None:
        self._published[record.info.sid] = record
        self._publications[record.info.sid] = record.view

    def _follow_early(self, record: LocalTrackRecord) -> None:
        for sid, call in list(self._early):
            if sid == record.info.sid:
                call(record)
        self.forget(record.cid)

    @property
    def published(self) -> list[LocalTrackRecord]:
        """The published tracks."""
        return list(self._published.values())

    def end_join(self) -> None:
        """The server that knew of the announced tracks is gone."""
        self._announced.clear()
        self._early.clear()

    def find(self, sid: str) -> LocalTrackRecord | None:
        """The published track of an SID, or None."""
        return self._published.get(sid)

    def unpublish(self, record: LocalTrackRecord) -> bool:
        """The program withdraws a track; returns whether it was published until now."""
        return self._end(record, PublicationState.UNPUBLISHED)

    def _end(self, record: LocalTrackRecord, state: PublicationState) -> bool:
        if record.state is not PublicationState.PUBLISHED:
            return False
        record.move(state)
        sid = record.info.sid
        self._published.pop(sid, None)
        self._publications.pop(sid, None)
        self._tell(LocalTrackUnpublished(record.view, self._participant))
        return True

    def set_muted(self, record: LocalTrackRecord, muted: bool) -> None:
        """A track is muted or not; told if that is news."""
        if record.state is PublicationState.PUBLISHED and record.info.muted != muted:
            record.info.muted = muted
            event = TrackMuted if muted else TrackUnmuted
            self._tell(event(record.view, self._participant))

    # What the server says

    def update(self, infos: Sequence[proto.TrackInfo]) -> None:
        """Take over the server's view of our tracks, apart from whether they are muted."""
        for info in infos:
            record = self._published.get(info.sid)
            if record is not None:
                info.muted = record.info.muted
                record.info = info

    def muted_by_server(self, sid: str, muted: bool) -> None:
        """The server orders a track to be muted or unmuted."""
        record = self.find(sid)
        if record is not None:
            self.set_muted(record, muted)

    def removed_by_server(self, sid: str) -> None:
        """The server took a track away, such as after a change of permissions."""
        self._when_published(sid, lambda record: self._end(record, PublicationState.REMOVED))

    def subscribed(self, sid: str) -> None:
        """Somebody receives a track for the first time."""
        self._when_published(
            sid, lambda record: self._tell(LocalTrackSubscribed(record.view, self._participant))
        )

    def _when_published(self, sid: str, call: _Call) -> None:
        record = self.find(sid)
        if record is not None:
            call(record)
        elif self._announced and len(self._early) < _MAX_EARLY:
            self._early.append((sid, call))

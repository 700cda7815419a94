"""What may be done with the events of a room that wait for a subscriber; see ``EventRule``.

Every event that a remote participant or a server can cause again and again has a rule, so that
nobody else can end a subscription. Only who is in the room counts: that takes many participants.
"""

from __future__ import annotations

from dataclasses import replace
from sys import getsizeof
from typing import Any, TypeVar

from lktrio.room.channels.compaction import EventRule, EventRules
from lktrio.room.state.events import (
    ActiveSpeakersChanged,
    ChatReceived,
    ConnectionQualityChanged,
    DataReceived,
    DataTrackPublished,
    DataTrackUnpublished,
    DtmfReceived,
    EncryptionError,
    LocalDataTrackPublished,
    LocalDataTrackUnpublished,
    LocalTrackPublished,
    LocalTrackRepublished,
    LocalTrackSubscribed,
    LocalTrackUnpublished,
    MetricsReceived,
    ParticipantActive,
    ParticipantAttributesChanged,
    ParticipantConnected,
    ParticipantDisconnected,
    ParticipantMetadataChanged,
    ParticipantNameChanged,
    ParticipantPermissionsChanged,
    Reconnected,
    Reconnecting,
    RecordingStatusChanged,
    RoomMetadataChanged,
    RoomMoved,
    RoomUpdated,
    TokenRefreshed,
    TrackMuted,
    TrackPublished,
    TrackStreamStateChanged,
    TrackSubscribed,
    TrackSubscriptionFailed,
    TrackSubscriptionPermissionChanged,
    TrackUnmuted,
    TrackUnpublished,
    TrackUnsubscribed,
    TranscriptionReceived,
)

__all__ = ["EVENT_RULES"]

_OF_A_SEGMENT = 200  # bytes of memory beside its texts
_OF_A_VALUE = 400  # bytes of memory of one measured value

C = TypeVar("C", ParticipantMetadataChanged, ParticipantNameChanged, RoomMetadataChanged, RoomMoved)


def _keep_previous(older: C, newer: C) -> C:
    return replace(newer, previous=older.previous)


def _keep_previous_sid(
    older: LocalTrackRepublished, newer: LocalTrackRepublished
) -> LocalTrackRepublished:
    return replace(newer, previous_sid=older.previous_sid)


def _join_attributes(
    older: ParticipantAttributesChanged, newer: ParticipantAttributesChanged
) -> ParticipantAttributesChanged:
    return replace(newer, changed={**older.changed, **newer.changed})


def _in_participant(event: Any) -> tuple[object, ...]:
    return (event.participant,)


def _in_publication(event: Any) -> tuple[object, ...]:
    return (event.publication.sid, event.participant)


def _of_participant(kind: object, merge: Any = None) -> EventRule[Any]:
    """For what changes about a participant."""
    return EventRule(
        newest=lambda event: (kind, event.participant),
        merge=merge,
        about=_in_participant,
    )


def _of_publication(kind: object, merge: Any = None) -> EventRule[Any]:
    """For what changes about a track."""
    return EventRule(
        newest=lambda event: (kind, event.publication),
        merge=merge,
        about=_in_publication,
    )


def _of_room(kind: object, merge: Any = None) -> EventRule[Any]:
    """For what changes about the room."""
    return EventRule(newest=lambda _: kind, merge=merge)


def _chat_size(event: ChatReceived) -> int:
    message = event.message
    attributes = (text for pair in message.attributes.items() for text in pair)
    texts = (message.id, message.text, message.reply_to_id, *message.attached_stream_ids)
    return sum(map(getsizeof, (*texts, *attributes)))


def _transcription_size(event: TranscriptionReceived) -> int:
    return getsizeof(event.track_sid) + sum(
        _OF_A_SEGMENT + getsizeof(one.id) + getsizeof(one.text) + getsizeof(one.language)
        for one in event.segments
    )


def _metrics_size(event: MetricsReceived) -> int:
    batch = event.batch
    samples = sum(len(one.samples) for one in batch.time_series)
    values = samples + len(batch.time_series) + len(batch.events)
    texts = sum(map(getsizeof, batch.str_data))
    return _OF_A_VALUE * values + texts + sum(getsizeof(one.metadata) for one in batch.events)


EVENT_RULES: EventRules = {
    DataReceived: EventRule(size=lambda event: len(event.data) + len(event.topic)),
    ChatReceived: EventRule(size=_chat_size),
    DtmfReceived: EventRule(size=lambda _: 0),
    TranscriptionReceived: EventRule(size=_transcription_size),
    MetricsReceived: EventRule(size=_metrics_size),
    ParticipantConnected: EventRule(begins=lambda event: event.participant, counts=True),
    ParticipantDisconnected: EventRule(ends=lambda event: event.participant, counts=True),
    TrackPublished: EventRule(begins=lambda event: event.publication.sid, about=_in_participant),
    TrackUnpublished: EventRule(ends=lambda event: event.publication.sid, about=_in_participant),
    TrackSubscribed: EventRule(begins=lambda event: event.track, about=_in_publication),
    TrackUnsubscribed: EventRule(ends=lambda event: event.track, about=_in_publication),
    DataTrackPublished: EventRule(begins=lambda event: event.track, about=_in_participant),
    DataTrackUnpublished: EventRule(ends=lambda event: event.track, about=_in_participant),
    LocalDataTrackPublished: EventRule(begins=lambda event: event.track),
    LocalDataTrackUnpublished: EventRule(ends=lambda event: event.track),
    LocalTrackPublished: EventRule(begins=lambda event: event.publication.sid),
    LocalTrackUnpublished: EventRule(ends=lambda event: event.publication.sid),
    LocalTrackRepublished: _of_publication(LocalTrackRepublished, _keep_previous_sid),
    LocalTrackSubscribed: _of_publication(LocalTrackSubscribed),
    TrackMuted: _of_publication("muted"),
    TrackUnmuted: _of_publication("muted"),
    TrackStreamStateChanged: _of_publication(TrackStreamStateChanged),
    TrackSubscriptionPermissionChanged: _of_publication(TrackSubscriptionPermissionChanged),
    TrackSubscriptionFailed: EventRule(
        newest=lambda event: ("failed", event.track_sid), about=lambda event: (event.track_sid,)
    ),
    ParticipantActive: _of_participant(ParticipantActive),
    ParticipantMetadataChanged: _of_participant(ParticipantMetadataChanged, _keep_previous),
    ParticipantNameChanged: _of_participant(ParticipantNameChanged, _keep_previous),
    ParticipantAttributesChanged: _of_participant(ParticipantAttributesChanged, _join_attributes),
    ParticipantPermissionsChanged: _of_participant(ParticipantPermissionsChanged),
    ConnectionQualityChanged: _of_participant(ConnectionQualityChanged),
    EncryptionError: _of_participant(EncryptionError),
    ActiveSpeakersChanged: _of_room(ActiveSpeakersChanged),
    RoomMetadataChanged: _of_room(RoomMetadataChanged, _keep_previous),
    RoomMoved: _of_room(RoomMoved, _keep_previous),
    RoomUpdated: _of_room(RoomUpdated),
    RecordingStatusChanged: _of_room(RecordingStatusChanged),
    TokenRefreshed: _of_room(TokenRefreshed),
    Reconnecting: _of_room("link"),
    Reconnected: _of_room("link"),
}
"""The rules of a room's events."""

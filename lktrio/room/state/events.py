"""What happens in a room, as frozen dataclasses to be used with ``match``.

The state has changed before its event is delivered: a program that first subscribes and then reads
the room's snapshots misses nothing and sees nothing twice. Names follow LiveKit's other SDKs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from lktrio import proto
from lktrio.errors import EncryptedData
from lktrio.room.state.enums import (
    ConnectionQuality,
    DisconnectReason,
    ReconnectKind,
    StreamState,
    SubscriptionError,
)
from lktrio.room.state.local import LocalTrackPublication
from lktrio.room.state.local_data_tracks import LocalDataTrack
from lktrio.room.state.messages import ChatMessage, TranscriptionSegment
from lktrio.room.state.participant import Participant
from lktrio.room.state.publication import TrackPublication
from lktrio.room.state.remote import RemoteParticipant, RemoteTrack, RemoteTrackPublication
from lktrio.room.state.remote_data_tracks import RemoteDataTrack

__all__ = [
    "ActiveSpeakersChanged",
    "ChatReceived",
    "ConnectionQualityChanged",
    "DataReceived",
    "DataTrackPublished",
    "DataTrackUnpublished",
    "Disconnected",
    "DtmfReceived",
    "EncryptionError",
    "LocalDataTrackPublished",
    "LocalDataTrackUnpublished",
    "LocalTrackPublished",
    "LocalTrackRepublished",
    "LocalTrackSubscribed",
    "LocalTrackUnpublished",
    "MetricsReceived",
    "ParticipantActive",
    "ParticipantAttributesChanged",
    "ParticipantConnected",
    "ParticipantDisconnected",
    "ParticipantMetadataChanged",
    "ParticipantNameChanged",
    "ParticipantPermissionsChanged",
    "Reconnected",
    "Reconnecting",
    "RecordingStatusChanged",
    "RoomEvent",
    "RoomMetadataChanged",
    "RoomMoved",
    "RoomUpdated",
    "TokenRefreshed",
    "TrackMuted",
    "TrackPublished",
    "TrackStreamStateChanged",
    "TrackSubscribed",
    "TrackSubscriptionFailed",
    "TrackSubscriptionPermissionChanged",
    "TrackUnmuted",
    "TrackUnpublished",
    "TrackUnsubscribed",
    "TranscriptionReceived",
]


@dataclass(frozen=True, slots=True)
class ParticipantConnected:
    """Somebody joined the room."""

    participant: RemoteParticipant
    """Who."""


@dataclass(frozen=True, slots=True)
class ParticipantDisconnected:
    """Somebody left the room; its tracks are unpublished."""

    participant: RemoteParticipant
    """Who; its snapshot is as it last was."""
    reason: DisconnectReason
    """Why, as the server told."""


@dataclass(frozen=True, slots=True)
class ParticipantActive:
    """A participant's media connection is up: it can receive from now on."""

    participant: Participant[Any]
    """Who; may be the local participant."""


@dataclass(frozen=True, slots=True)
class TrackPublished:
    """Somebody published a track."""

    publication: RemoteTrackPublication
    """The track as announced; its media comes with ``TrackSubscribed``."""
    participant: RemoteParticipant
    """Who."""


@dataclass(frozen=True, slots=True)
class TrackUnpublished:
    """Somebody's track is gone."""

    publication: RemoteTrackPublication
    """The track as it last was."""
    participant: RemoteParticipant
    """Who."""


@dataclass(frozen=True, slots=True)
class TrackSubscribed:
    """The media of a remote track can be read now."""

    track: RemoteTrack
    """The track: ``frames()``, ``packets()``."""
    publication: RemoteTrackPublication
    """What was announced about it."""
    participant: RemoteParticipant
    """Who publishes it."""


@dataclass(frozen=True, slots=True)
class TrackUnsubscribed:
    """The media of a remote track has ended; its channels have ended too."""

    track: RemoteTrack
    """The track."""
    publication: RemoteTrackPublication
    """What was announced about it."""
    participant: RemoteParticipant
    """Who published it."""


@dataclass(frozen=True, slots=True)
class TrackSubscriptionFailed:
    """The server could not subscribe us to a track."""

    track_sid: str
    """SID of the track."""
    reason: SubscriptionError
    """Why."""


@dataclass(frozen=True, slots=True)
class TrackMuted:
    """A track was muted: nothing is sent until it is unmuted."""

    publication: TrackPublication
    """The track, local or remote."""
    participant: Participant[Any]
    """Whose."""


@dataclass(frozen=True, slots=True)
class TrackUnmuted:
    """A muted track is sent again."""

    publication: TrackPublication
    """The track, local or remote."""
    participant: Participant[Any]
    """Whose."""


@dataclass(frozen=True, slots=True)
class TrackStreamStateChanged:
    """The server paused or resumed a subscribed video track, for lack of bandwidth."""

    publication: RemoteTrackPublication
    """The track."""
    participant: RemoteParticipant
    """Whose."""
    state: StreamState
    """Whether it is forwarded now."""


@dataclass(frozen=True, slots=True)
class TrackSubscriptionPermissionChanged:
    """A publisher allowed or forbade us to subscribe to its track."""

    publication: RemoteTrackPublication
    """The track."""
    participant: RemoteParticipant
    """Whose."""
    allowed: bool
    """Whether we may."""


@dataclass(frozen=True, slots=True)
class LocalTrackPublished:
    """The server accepted a track of ours."""

    publication: LocalTrackPublication
    """The track."""
    participant: Participant[LocalTrackPublication]
    """The local participant."""


@dataclass(frozen=True, slots=True)
class LocalTrackRepublished:
    """A track of ours was published again after a restart: the same track under another SID."""

    publication: LocalTrackPublication
    """The track."""
    participant: Participant[LocalTrackPublication]
    """The local participant."""
    previous_sid: str
    """Its SID until now."""


@dataclass(frozen=True, slots=True)
class LocalTrackUnpublished:
    """A track of ours is no longer published, by us or by the server."""

    publication: LocalTrackPublication
    """The track."""
    participant: Participant[LocalTrackPublication]
    """The local participant."""


@dataclass(frozen=True, slots=True)
class LocalTrackSubscribed:
    """Somebody receives a track of ours for the first time."""

    publication: LocalTrackPublication
    """The track."""
    participant: Participant[LocalTrackPublication]
    """The local participant."""


@dataclass(frozen=True, slots=True)
class DataTrackPublished:
    """Somebody published a data track."""

    track: RemoteDataTrack
    """The track; nothing of it is received before somebody reads its ``frames()``."""
    participant: RemoteParticipant
    """Who."""


@dataclass(frozen=True, slots=True)
class DataTrackUnpublished:
    """Somebody's data track is gone; its channels have ended."""

    track: RemoteDataTrack
    """The track as it last was."""
    participant: RemoteParticipant
    """Who."""


@dataclass(frozen=True, slots=True)
class LocalDataTrackPublished:
    """The server accepted a data track of ours."""

    track: LocalDataTrack
    """The track."""
    participant: Participant[LocalTrackPublication]
    """The local participant."""


@dataclass(frozen=True, slots=True)
class LocalDataTrackUnpublished:
    """A data track of ours is no longer published, by us or by the server."""

    track: LocalDataTrack
    """The track."""
    participant: Participant[LocalTrackPublication]
    """The local participant."""


@dataclass(frozen=True, slots=True)
class ParticipantMetadataChanged:
    """A participant's metadata changed."""

    participant: Participant[Any]
    """Who; the snapshot holds the new value."""
    previous: str
    """The value before."""


@dataclass(frozen=True, slots=True)
class ParticipantNameChanged:
    """A participant's name changed."""

    participant: Participant[Any]
    """Who; the snapshot holds the new value."""
    previous: str
    """The value before."""


@dataclass(frozen=True, slots=True)
class ParticipantAttributesChanged:
    """Attributes of a participant changed."""

    participant: Participant[Any]
    """Who; the snapshot holds the new values."""
    changed: Mapping[str, str]
    """The attributes that changed, with their new values; removed ones are empty."""


@dataclass(frozen=True, slots=True)
class ParticipantPermissionsChanged:
    """A participant's permissions changed."""

    participant: Participant[Any]
    """Who; the snapshot holds the new ones."""


@dataclass(frozen=True, slots=True)
class ActiveSpeakersChanged:
    """Who speaks changed."""

    speakers: tuple[Participant[Any], ...]
    """Everybody who speaks now, the loudest first."""


@dataclass(frozen=True, slots=True)
class ConnectionQualityChanged:
    """The server judges somebody's connection differently."""

    participant: Participant[Any]
    """Whose."""
    quality: ConnectionQuality
    """The judgement."""
    score: float
    """The server's mean opinion score."""


@dataclass(frozen=True, slots=True)
class DataReceived:
    """User data arrived (LiveKit's ``UserPacket``)."""

    data: bytes
    """The payload."""
    participant: RemoteParticipant | None
    """Who sent it; None when a server did. Data may arrive before the news that its sender has
    joined: of such a participant only ``identity`` and ``sid`` are known yet."""
    topic: str
    """Topic, empty for none."""
    reliable: bool
    """Whether it came over the reliable channel."""


@dataclass(frozen=True, slots=True)
class EncryptionError:
    """Data of a participant is encrypted from end to end and was dropped; told once for each."""

    participant: RemoteParticipant | None
    """Who sent it."""
    error: EncryptedData
    """Why it cannot be read."""


@dataclass(frozen=True, slots=True)
class ChatReceived:
    """A chat message arrived, or one that is known has changed.

    It may have come as a text stream of the topic ``lk.chat``, as a ``ChatMessage`` packet, or as
    both, which is told once.
    """

    message: ChatMessage
    """The message as it is now; ``edited_at`` and ``deleted`` say whether it has changed."""
    participant: Participant[Any] | None
    """Who wrote it; None when a server did. An agent may speak for somebody else, even for us."""


@dataclass(frozen=True, slots=True)
class DtmfReceived:
    """Somebody pressed a key of a telephone (LiveKit's ``SipDTMF``)."""

    digit: str
    """The key: ``0`` to ``9``, ``*``, ``#``, or ``A`` to ``D``."""
    code: int
    """Its number in RFC 4733, 0 to 15."""
    participant: RemoteParticipant | None
    """Who; None when a server sent it."""


@dataclass(frozen=True, slots=True)
class TranscriptionReceived:
    """What somebody says was transcribed, or is being transcribed.

    It may have come as a ``Transcription`` packet or as a text stream of the topic
    ``lk.transcription``, which is told with every piece that arrives.
    """

    segments: tuple[TranscriptionSegment, ...]
    """The segments that are new or have changed, each whole; at least one."""
    participant: Participant[Any] | None
    """Whose speech it is, maybe ours; None if that is not known."""
    track_sid: str
    """SID of the track that the speech is in, or empty."""
    sender: RemoteParticipant | None
    """Who transcribes it; None for a server."""


@dataclass(frozen=True, slots=True)
class MetricsReceived:
    """Measurements of somebody's arrived; needs ``can_subscribe_metrics`` in the token."""

    batch: proto.MetricsBatch
    """LiveKit's message. Its numbers for participants and tracks are places in ``str_data`` plus
    ``MetricLabel.METRIC_LABEL_PREDEFINED_MAX_VALUE``."""
    participant: RemoteParticipant | None
    """Whose; None when a server sent them."""


@dataclass(frozen=True, slots=True)
class RoomMetadataChanged:
    """The room's metadata changed."""

    metadata: str
    """The new value."""
    previous: str
    """The value before."""


@dataclass(frozen=True, slots=True)
class RoomMoved:
    """The server moved this participant to another room, in the same session.

    The room's snapshot is that of the other one. Those who were in the former one have left before,
    those who are in the new one come behind.
    """

    name: str
    """Name of the room."""
    previous: str
    """Name of the former one."""


@dataclass(frozen=True, slots=True)
class RoomUpdated:
    """Something about the room changed, such as the number of participants."""


@dataclass(frozen=True, slots=True)
class RecordingStatusChanged:
    """A recording of the room started or ended."""

    recording: bool
    """Whether it is being recorded."""


@dataclass(frozen=True, slots=True)
class TokenRefreshed:
    """The server sent a new access token."""

    token: str
    """The token; the room uses it by itself."""

    def __repr__(self) -> str:
        return "TokenRefreshed(token=...)"  # a token is a secret


@dataclass(frozen=True, slots=True)
class Reconnecting:
    """The link with the server is lost and is being replaced; ``room.state`` says so too."""

    kind: ReconnectKind
    """In which way."""
    attempt: int
    """Which try this is since the link was lost, from 1."""


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The link with the server works again."""

    kind: ReconnectKind
    """In which way: after a restart our SIDs are others."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The room has ended; always the last event of a subscription."""

    reason: DisconnectReason
    """Why."""
    can_reconnect: bool = False
    """Whether it makes sense to join again: the link was lost, or the server asks for it."""


RoomEvent: TypeAlias = (
    ActiveSpeakersChanged
    | ChatReceived
    | ConnectionQualityChanged
    | DataReceived
    | DataTrackPublished
    | DataTrackUnpublished
    | Disconnected
    | DtmfReceived
    | EncryptionError
    | LocalDataTrackPublished
    | LocalDataTrackUnpublished
    | LocalTrackPublished
    | LocalTrackRepublished
    | LocalTrackSubscribed
    | LocalTrackUnpublished
    | MetricsReceived
    | ParticipantActive
    | ParticipantAttributesChanged
    | ParticipantConnected
    | ParticipantDisconnected
    | ParticipantMetadataChanged
    | ParticipantNameChanged
    | ParticipantPermissionsChanged
    | Reconnected
    | Reconnecting
    | RecordingStatusChanged
    | RoomMetadataChanged
    | RoomMoved
    | RoomUpdated
    | TokenRefreshed
    | TrackMuted
    | TrackPublished
    | TrackStreamStateChanged
    | TrackSubscribed
    | TrackSubscriptionFailed
    | TrackSubscriptionPermissionChanged
    | TrackUnmuted
    | TrackUnpublished
    | TrackUnsubscribed
    | TranscriptionReceived
)
"""Every event that a room delivers."""

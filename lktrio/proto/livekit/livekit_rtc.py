"""Generated from livekit_rtc.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.livekit_models import (
    AudioTrackFeature,
    BackupCodecPolicy,
    ClientConfiguration,
    ClientInfo,
    Codec,
    ConnectionQuality,
    DataBlob,
    DataBlobKey,
    DataTrackFrameEncoding,
    DataTrackInfo,
    DataTrackSchemaId,
    DataTrackSubscriptionOptions,
    DisconnectReason,
    Encryption,
    PacketTrailerFeature,
    ParticipantInfo,
    ParticipantTracks,
    ReconnectReason,
    Room,
    ServerInfo,
    SpeakerInfo,
    SubscribedAudioCodec,
    SubscriptionError,
    TrackInfo,
    TrackSource,
    TrackType,
    VideoLayer,
    VideoQuality,
)

__all__ = (
    "AddTrackRequest",
    "CandidateProtocol",
    "ConnectionQualityInfo",
    "ConnectionQualityUpdate",
    "ConnectionSettings",
    "DataChannelInfo",
    "DataChannelReceiveState",
    "DataTrackSubscriberHandles",
    "GetDataBlobRequest",
    "GetDataBlobResponse",
    "ICEServer",
    "JoinRequest",
    "JoinResponse",
    "LeaveRequest",
    "MediaSectionsRequirement",
    "MuteTrackRequest",
    "NegotiatedDataChannelID",
    "ParticipantUpdate",
    "Ping",
    "Pong",
    "PublishDataTrackRequest",
    "PublishDataTrackResponse",
    "ReconnectResponse",
    "RegionInfo",
    "RegionSettings",
    "RequestResponse",
    "RoomMovedResponse",
    "RoomUpdate",
    "SessionDescription",
    "SignalRequest",
    "SignalResponse",
    "SignalTarget",
    "SimulateScenario",
    "SimulcastCodec",
    "SpeakersChanged",
    "StoreDataBlobRequest",
    "StoreDataBlobResponse",
    "StreamState",
    "StreamStateInfo",
    "StreamStateUpdate",
    "SubscribedAudioCodecUpdate",
    "SubscribedCodec",
    "SubscribedQuality",
    "SubscribedQualityUpdate",
    "SubscriptionPermission",
    "SubscriptionPermissionUpdate",
    "SubscriptionResponse",
    "SyncState",
    "TrackPermission",
    "TrackPublishedResponse",
    "TrackSubscribed",
    "TrackUnpublishedResponse",
    "TrickleRequest",
    "UnpublishDataTrackRequest",
    "UnpublishDataTrackResponse",
    "UpdateDataSubscription",
    "UpdateLocalAudioTrack",
    "UpdateLocalVideoTrack",
    "UpdateParticipantMetadata",
    "UpdateSubscription",
    "UpdateTrackSettings",
    "UpdateVideoLayers",
    "WrappedJoinRequest",
)


class SignalTarget(betterproto2.Enum):
    PUBLISHER = 0
    SUBSCRIBER = 1


class StreamState(betterproto2.Enum):
    ACTIVE = 0
    PAUSED = 1


class NegotiatedDataChannelID(betterproto2.Enum):
    NDCI_INVALID = 0
    NDCI_RELIABLE = 100
    NDCI_LOSSY = 101
    NDCI_DATA_TRACK = 102


class CandidateProtocol(betterproto2.Enum):
    UDP = 0
    TCP = 1
    TLS = 2


@message
class SignalRequest(Message):
    """Of the fields of ``message`` at most one is set."""

    offer: SessionDescription | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    answer: SessionDescription | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    trickle: TrickleRequest | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    add_track: AddTrackRequest | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    mute: MuteTrackRequest | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    subscription: UpdateSubscription | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    track_setting: UpdateTrackSettings | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    leave: LeaveRequest | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    update_layers: UpdateVideoLayers | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    subscription_permission: SubscriptionPermission | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    sync_state: SyncState | None = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    simulate: SimulateScenario | None = betterproto2.field(
        13, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    ping: int | None = betterproto2.field(
        14, betterproto2.TYPE_INT64, optional=True, group="message"
    )
    update_metadata: UpdateParticipantMetadata | None = betterproto2.field(
        15, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    ping_req: Ping | None = betterproto2.field(
        16, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    update_audio_track: UpdateLocalAudioTrack | None = betterproto2.field(
        17, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    update_video_track: UpdateLocalVideoTrack | None = betterproto2.field(
        18, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    publish_data_track_request: PublishDataTrackRequest | None = betterproto2.field(
        19, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    unpublish_data_track_request: UnpublishDataTrackRequest | None = betterproto2.field(
        20, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    update_data_subscription: UpdateDataSubscription | None = betterproto2.field(
        21, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    store_data_blob_request: StoreDataBlobRequest | None = betterproto2.field(
        22, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    get_data_blob_request: GetDataBlobRequest | None = betterproto2.field(
        23, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )


@message
class SignalResponse(Message):
    """Of the fields of ``message`` at most one is set."""

    join: JoinResponse | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    answer: SessionDescription | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    offer: SessionDescription | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    trickle: TrickleRequest | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    update: ParticipantUpdate | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    track_published: TrackPublishedResponse | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    leave: LeaveRequest | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    mute: MuteTrackRequest | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    speakers_changed: SpeakersChanged | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    room_update: RoomUpdate | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    connection_quality: ConnectionQualityUpdate | None = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    stream_state_update: StreamStateUpdate | None = betterproto2.field(
        13, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    subscribed_quality_update: SubscribedQualityUpdate | None = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    subscription_permission_update: SubscriptionPermissionUpdate | None = betterproto2.field(
        15, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    refresh_token: str | None = betterproto2.field(
        16, betterproto2.TYPE_STRING, optional=True, group="message"
    )
    track_unpublished: TrackUnpublishedResponse | None = betterproto2.field(
        17, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    pong: int | None = betterproto2.field(
        18, betterproto2.TYPE_INT64, optional=True, group="message"
    )
    reconnect: ReconnectResponse | None = betterproto2.field(
        19, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    pong_resp: Pong | None = betterproto2.field(
        20, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    subscription_response: SubscriptionResponse | None = betterproto2.field(
        21, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    request_response: RequestResponse | None = betterproto2.field(
        22, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    track_subscribed: TrackSubscribed | None = betterproto2.field(
        23, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    room_moved: RoomMovedResponse | None = betterproto2.field(
        24, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    media_sections_requirement: MediaSectionsRequirement | None = betterproto2.field(
        25, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    subscribed_audio_codec_update: SubscribedAudioCodecUpdate | None = betterproto2.field(
        26, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    publish_data_track_response: PublishDataTrackResponse | None = betterproto2.field(
        27, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    unpublish_data_track_response: UnpublishDataTrackResponse | None = betterproto2.field(
        28, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    data_track_subscriber_handles: DataTrackSubscriberHandles | None = betterproto2.field(
        29, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    store_data_blob_response: StoreDataBlobResponse | None = betterproto2.field(
        30, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    get_data_blob_response: GetDataBlobResponse | None = betterproto2.field(
        31, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )


@message
class SimulcastCodec(Message):
    codec: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    cid: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    layers: list[VideoLayer] = betterproto2.field(4, betterproto2.TYPE_MESSAGE, repeated=True)
    video_layer_mode: VideoLayer.Mode = betterproto2.field(
        5, betterproto2.TYPE_ENUM, default_factory=lambda: VideoLayer.Mode(0)
    )


@message
class AddTrackRequest(Message):
    cid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    type: TrackType = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: TrackType(0)
    )
    width: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    height: int = betterproto2.field(5, betterproto2.TYPE_UINT32)
    muted: bool = betterproto2.field(6, betterproto2.TYPE_BOOL)
    disable_dtx: bool = betterproto2.field(7, betterproto2.TYPE_BOOL)
    source: TrackSource = betterproto2.field(
        8, betterproto2.TYPE_ENUM, default_factory=lambda: TrackSource(0)
    )
    layers: list[VideoLayer] = betterproto2.field(9, betterproto2.TYPE_MESSAGE, repeated=True)
    simulcast_codecs: list[SimulcastCodec] = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, repeated=True
    )
    sid: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    stereo: bool = betterproto2.field(12, betterproto2.TYPE_BOOL)
    disable_red: bool = betterproto2.field(13, betterproto2.TYPE_BOOL)
    encryption: Encryption.Type = betterproto2.field(
        14, betterproto2.TYPE_ENUM, default_factory=lambda: Encryption.Type(0)
    )
    stream: str = betterproto2.field(15, betterproto2.TYPE_STRING)
    backup_codec_policy: BackupCodecPolicy = betterproto2.field(
        16, betterproto2.TYPE_ENUM, default_factory=lambda: BackupCodecPolicy(0)
    )
    audio_features: list[AudioTrackFeature] = betterproto2.field(
        17, betterproto2.TYPE_ENUM, repeated=True
    )
    packet_trailer_features: list[PacketTrailerFeature] = betterproto2.field(
        18, betterproto2.TYPE_ENUM, repeated=True
    )


@message
class PublishDataTrackRequest(Message):
    pub_handle: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    encryption: Encryption.Type = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: Encryption.Type(0)
    )
    frame_encoding: DataTrackFrameEncoding | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True
    )
    schema: DataTrackSchemaId | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class PublishDataTrackResponse(Message):
    info: DataTrackInfo | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)


@message
class UnpublishDataTrackRequest(Message):
    pub_handle: int = betterproto2.field(1, betterproto2.TYPE_UINT32)


@message
class UnpublishDataTrackResponse(Message):
    info: DataTrackInfo | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)


@message
class DataTrackSubscriberHandles(Message):
    @message
    class PublishedDataTrack(Message):
        publisher_identity: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        publisher_sid: str = betterproto2.field(2, betterproto2.TYPE_STRING)
        track_sid: str = betterproto2.field(3, betterproto2.TYPE_STRING)

    sub_handles: dict[int, DataTrackSubscriberHandles.PublishedDataTrack] = betterproto2.field(
        1,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_UINT32, betterproto2.TYPE_MESSAGE),
    )


@message
class TrickleRequest(Message):
    candidateInit: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    target: SignalTarget = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: SignalTarget(0)
    )
    final: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)


@message
class MuteTrackRequest(Message):
    sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    muted: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)


@message
class JoinResponse(Message):
    room: Room | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)
    participant: ParticipantInfo | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )
    other_participants: list[ParticipantInfo] = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, repeated=True
    )
    server_version: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    ice_servers: list[ICEServer] = betterproto2.field(5, betterproto2.TYPE_MESSAGE, repeated=True)
    subscriber_primary: bool = betterproto2.field(6, betterproto2.TYPE_BOOL)
    alternative_url: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    client_configuration: ClientConfiguration | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True
    )
    server_region: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    ping_timeout: int = betterproto2.field(10, betterproto2.TYPE_INT32)
    ping_interval: int = betterproto2.field(11, betterproto2.TYPE_INT32)
    server_info: ServerInfo | None = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, optional=True
    )
    sif_trailer: bytes = betterproto2.field(13, betterproto2.TYPE_BYTES)
    enabled_publish_codecs: list[Codec] = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, repeated=True
    )
    fast_publish: bool = betterproto2.field(15, betterproto2.TYPE_BOOL)


@message
class ReconnectResponse(Message):
    ice_servers: list[ICEServer] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)
    client_configuration: ClientConfiguration | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )
    server_info: ServerInfo | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)
    last_message_seq: int = betterproto2.field(4, betterproto2.TYPE_UINT32)


@message
class TrackPublishedResponse(Message):
    cid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    track: TrackInfo | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)


@message
class TrackUnpublishedResponse(Message):
    track_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class SessionDescription(Message):
    type: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    sdp: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    id: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
    mid_to_track_id: dict[str, str] = betterproto2.field(
        4,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )


@message
class ParticipantUpdate(Message):
    participants: list[ParticipantInfo] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class UpdateSubscription(Message):
    track_sids: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
    subscribe: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
    participant_tracks: list[ParticipantTracks] = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class UpdateDataSubscription(Message):
    @message
    class Update(Message):
        track_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        subscribe: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
        options: DataTrackSubscriptionOptions | None = betterproto2.field(
            3, betterproto2.TYPE_MESSAGE, optional=True
        )

    updates: list[UpdateDataSubscription.Update] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class StoreDataBlobRequest(Message):
    request_id: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    blob: DataBlob | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)


@message
class StoreDataBlobResponse(Message):
    request_id: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    key: DataBlobKey | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)


@message
class GetDataBlobRequest(Message):
    request_id: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    participant_identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    key: DataBlobKey | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)


@message
class GetDataBlobResponse(Message):
    request_id: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    blob: DataBlob | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)


@message
class UpdateTrackSettings(Message):
    track_sids: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
    disabled: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
    quality: VideoQuality = betterproto2.field(
        4, betterproto2.TYPE_ENUM, default_factory=lambda: VideoQuality(0)
    )
    width: int = betterproto2.field(5, betterproto2.TYPE_UINT32)
    height: int = betterproto2.field(6, betterproto2.TYPE_UINT32)
    fps: int = betterproto2.field(7, betterproto2.TYPE_UINT32)
    priority: int = betterproto2.field(8, betterproto2.TYPE_UINT32)


@message
class UpdateLocalAudioTrack(Message):
    track_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    features: list[AudioTrackFeature] = betterproto2.field(2, betterproto2.TYPE_ENUM, repeated=True)


@message
class UpdateLocalVideoTrack(Message):
    track_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    width: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    height: int = betterproto2.field(3, betterproto2.TYPE_UINT32)


@message
class LeaveRequest(Message):
    class Action(betterproto2.Enum):
        DISCONNECT = 0
        RESUME = 1
        RECONNECT = 2

    can_reconnect: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    reason: DisconnectReason = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: DisconnectReason(0)
    )
    action: LeaveRequest.Action = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: LeaveRequest.Action(0)
    )
    regions: RegionSettings | None = betterproto2.field(4, betterproto2.TYPE_MESSAGE, optional=True)


@message
class UpdateVideoLayers(Message):
    track_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    layers: list[VideoLayer] = betterproto2.field(2, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class UpdateParticipantMetadata(Message):
    metadata: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    attributes: dict[str, str] = betterproto2.field(
        3,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    request_id: int = betterproto2.field(4, betterproto2.TYPE_UINT32)


@message
class ICEServer(Message):
    urls: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
    username: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    credential: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class SpeakersChanged(Message):
    speakers: list[SpeakerInfo] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class RoomUpdate(Message):
    room: Room | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)


@message
class ConnectionQualityInfo(Message):
    participant_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    quality: ConnectionQuality = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: ConnectionQuality(0)
    )
    score: float = betterproto2.field(3, betterproto2.TYPE_FLOAT)


@message
class ConnectionQualityUpdate(Message):
    updates: list[ConnectionQualityInfo] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class StreamStateInfo(Message):
    participant_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    track_sid: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    state: StreamState = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: StreamState(0)
    )


@message
class StreamStateUpdate(Message):
    stream_states: list[StreamStateInfo] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class SubscribedQuality(Message):
    quality: VideoQuality = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: VideoQuality(0)
    )
    enabled: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)


@message
class SubscribedCodec(Message):
    codec: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    qualities: list[SubscribedQuality] = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class SubscribedQualityUpdate(Message):
    track_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    subscribed_qualities: list[SubscribedQuality] = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, repeated=True
    )
    subscribed_codecs: list[SubscribedCodec] = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class SubscribedAudioCodecUpdate(Message):
    track_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    subscribed_audio_codecs: list[SubscribedAudioCodec] = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class TrackPermission(Message):
    participant_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    all_tracks: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
    track_sids: list[str] = betterproto2.field(3, betterproto2.TYPE_STRING, repeated=True)
    participant_identity: str = betterproto2.field(4, betterproto2.TYPE_STRING)


@message
class SubscriptionPermission(Message):
    all_participants: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    track_permissions: list[TrackPermission] = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class SubscriptionPermissionUpdate(Message):
    participant_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    track_sid: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    allowed: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)


@message
class RoomMovedResponse(Message):
    room: Room | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)
    token: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    participant: ParticipantInfo | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True
    )
    other_participants: list[ParticipantInfo] = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class SyncState(Message):
    answer: SessionDescription | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True
    )
    subscription: UpdateSubscription | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )
    publish_tracks: list[TrackPublishedResponse] = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, repeated=True
    )
    data_channels: list[DataChannelInfo] = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, repeated=True
    )
    offer: SessionDescription | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True
    )
    track_sids_disabled: list[str] = betterproto2.field(6, betterproto2.TYPE_STRING, repeated=True)
    datachannel_receive_states: list[DataChannelReceiveState] = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, repeated=True
    )
    publish_data_tracks: list[PublishDataTrackResponse] = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, repeated=True
    )
    data_subscription: UpdateDataSubscription | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class DataChannelReceiveState(Message):
    publisher_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    last_seq: int = betterproto2.field(2, betterproto2.TYPE_UINT32)


@message
class DataChannelInfo(Message):
    label: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    id: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    target: SignalTarget = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: SignalTarget(0)
    )


@message
class SimulateScenario(Message):
    """Of the fields of ``scenario`` at most one is set."""

    speaker_update: int | None = betterproto2.field(
        1, betterproto2.TYPE_INT32, optional=True, group="scenario"
    )
    node_failure: bool | None = betterproto2.field(
        2, betterproto2.TYPE_BOOL, optional=True, group="scenario"
    )
    migration: bool | None = betterproto2.field(
        3, betterproto2.TYPE_BOOL, optional=True, group="scenario"
    )
    server_leave: bool | None = betterproto2.field(
        4, betterproto2.TYPE_BOOL, optional=True, group="scenario"
    )
    switch_candidate_protocol: CandidateProtocol | None = betterproto2.field(
        5, betterproto2.TYPE_ENUM, optional=True, group="scenario"
    )
    subscriber_bandwidth: int | None = betterproto2.field(
        6, betterproto2.TYPE_INT64, optional=True, group="scenario"
    )
    disconnect_signal_on_resume: bool | None = betterproto2.field(
        7, betterproto2.TYPE_BOOL, optional=True, group="scenario"
    )
    disconnect_signal_on_resume_no_messages: bool | None = betterproto2.field(
        8, betterproto2.TYPE_BOOL, optional=True, group="scenario"
    )
    leave_request_full_reconnect: bool | None = betterproto2.field(
        9, betterproto2.TYPE_BOOL, optional=True, group="scenario"
    )


@message
class Ping(Message):
    timestamp: int = betterproto2.field(1, betterproto2.TYPE_INT64)
    rtt: int = betterproto2.field(2, betterproto2.TYPE_INT64)


@message
class Pong(Message):
    last_ping_timestamp: int = betterproto2.field(1, betterproto2.TYPE_INT64)
    timestamp: int = betterproto2.field(2, betterproto2.TYPE_INT64)


@message
class RegionSettings(Message):
    regions: list[RegionInfo] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class RegionInfo(Message):
    region: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    url: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    distance: int = betterproto2.field(3, betterproto2.TYPE_INT64)


@message
class SubscriptionResponse(Message):
    track_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    err: SubscriptionError = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: SubscriptionError(0)
    )


@message
class RequestResponse(Message):
    """Of the fields of ``request`` at most one is set."""

    class Reason(betterproto2.Enum):
        OK = 0
        NOT_FOUND = 1
        NOT_ALLOWED = 2
        LIMIT_EXCEEDED = 3
        QUEUED = 4
        UNSUPPORTED_TYPE = 5
        UNCLASSIFIED_ERROR = 6
        INVALID_HANDLE = 7
        INVALID_NAME = 8
        DUPLICATE_HANDLE = 9
        DUPLICATE_NAME = 10
        INVALID_REQUEST = 11

    request_id: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    reason: RequestResponse.Reason = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: RequestResponse.Reason(0)
    )
    message: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    trickle: TrickleRequest | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    add_track: AddTrackRequest | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    mute: MuteTrackRequest | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    update_metadata: UpdateParticipantMetadata | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    update_audio_track: UpdateLocalAudioTrack | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    update_video_track: UpdateLocalVideoTrack | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    publish_data_track: PublishDataTrackRequest | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    unpublish_data_track: UnpublishDataTrackRequest | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )


@message
class TrackSubscribed(Message):
    track_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class ConnectionSettings(Message):
    auto_subscribe: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    adaptive_stream: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
    subscriber_allow_pause: bool | None = betterproto2.field(
        3, betterproto2.TYPE_BOOL, optional=True
    )
    disable_ice_lite: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)
    auto_subscribe_data_track: bool | None = betterproto2.field(
        5, betterproto2.TYPE_BOOL, optional=True
    )


@message
class JoinRequest(Message):
    client_info: ClientInfo | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)
    connection_settings: ConnectionSettings | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )
    metadata: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    participant_attributes: dict[str, str] = betterproto2.field(
        4,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    add_track_requests: list[AddTrackRequest] = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, repeated=True
    )
    publisher_offer: SessionDescription | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True
    )
    reconnect: bool = betterproto2.field(7, betterproto2.TYPE_BOOL)
    reconnect_reason: ReconnectReason = betterproto2.field(
        8, betterproto2.TYPE_ENUM, default_factory=lambda: ReconnectReason(0)
    )
    participant_sid: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    sync_state: SyncState | None = betterproto2.field(10, betterproto2.TYPE_MESSAGE, optional=True)


@message
class WrappedJoinRequest(Message):
    class Compression(betterproto2.Enum):
        NONE = 0
        GZIP = 1

    compression: WrappedJoinRequest.Compression = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: WrappedJoinRequest.Compression(0)
    )
    join_request: bytes = betterproto2.field(2, betterproto2.TYPE_BYTES)


@message
class MediaSectionsRequirement(Message):
    num_audios: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    num_videos: int = betterproto2.field(2, betterproto2.TYPE_UINT32)

"""Generated from livekit_models.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import datetime

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.google_protobuf import Timestamp
from lktrio.proto.livekit.livekit_metrics import MetricsBatch

__all__ = (
    "ActiveSpeakerUpdate",
    "AudioCodec",
    "AudioTrackFeature",
    "BackupCodecPolicy",
    "ChatMessage",
    "ClientConfigSetting",
    "ClientConfiguration",
    "ClientInfo",
    "Codec",
    "ConnectionQuality",
    "DataBlob",
    "DataBlobKey",
    "DataPacket",
    "DataStream",
    "DataTrackExtensionID",
    "DataTrackExtensionParticipantSid",
    "DataTrackFrameEncoding",
    "DataTrackInfo",
    "DataTrackSchemaEncoding",
    "DataTrackSchemaId",
    "DataTrackSubscriptionOptions",
    "DependencyDescriptorForwarderState",
    "DisabledCodecs",
    "DisconnectReason",
    "EncryptedPacket",
    "EncryptedPacketPayload",
    "Encryption",
    "FilterParams",
    "ImageCodec",
    "ListUpdate",
    "PacketTrailerFeature",
    "Pagination",
    "ParticipantInfo",
    "ParticipantPermission",
    "ParticipantTracks",
    "PlayoutDelay",
    "RTCPSenderReportState",
    "RTPDrift",
    "RTPForwarderState",
    "RTPMungerState",
    "RTPStats",
    "ReconnectReason",
    "Room",
    "RoomEndReason",
    "RpcAck",
    "RpcError",
    "RpcRequest",
    "RpcResponse",
    "ServerInfo",
    "SimulcastCodecInfo",
    "SipDTMF",
    "SpeakerInfo",
    "SubscribedAudioCodec",
    "SubscriptionError",
    "TimedVersion",
    "TokenPagination",
    "TrackInfo",
    "TrackSource",
    "TrackType",
    "Transcription",
    "TranscriptionSegment",
    "UserPacket",
    "VP8MungerState",
    "VideoCodec",
    "VideoConfiguration",
    "VideoLayer",
    "VideoQuality",
    "WebhookConfig",
)


class AudioCodec(betterproto2.Enum):
    DEFAULT_AC = 0
    OPUS = 1
    AAC = 2
    AC_MP3 = 3


class VideoCodec(betterproto2.Enum):
    DEFAULT_VC = 0
    H264_BASELINE = 1
    H264_MAIN = 2
    H264_HIGH = 3
    VP8 = 4


class ImageCodec(betterproto2.Enum):
    IC_DEFAULT = 0
    IC_JPEG = 1


class BackupCodecPolicy(betterproto2.Enum):
    PREFER_REGRESSION = 0
    SIMULCAST = 1
    REGRESSION = 2


class TrackType(betterproto2.Enum):
    AUDIO = 0
    VIDEO = 1
    DATA = 2


class TrackSource(betterproto2.Enum):
    UNKNOWN = 0
    CAMERA = 1
    MICROPHONE = 2
    SCREEN_SHARE = 3
    SCREEN_SHARE_AUDIO = 4


class DataTrackExtensionID(betterproto2.Enum):
    DTEI_INVALID = 0
    DTEI_E2EE = 1
    DTEI_USER_TIMESTAMP = 2
    DTEI_PARTICIPANT_SID = 255


class VideoQuality(betterproto2.Enum):
    LOW = 0
    MEDIUM = 1
    HIGH = 2
    OFF = 3


class ConnectionQuality(betterproto2.Enum):
    POOR = 0
    GOOD = 1
    EXCELLENT = 2
    LOST = 3


class ClientConfigSetting(betterproto2.Enum):
    UNSET = 0
    DISABLED = 1
    ENABLED = 2


class DisconnectReason(betterproto2.Enum):
    UNKNOWN_REASON = 0
    CLIENT_INITIATED = 1
    DUPLICATE_IDENTITY = 2
    SERVER_SHUTDOWN = 3
    PARTICIPANT_REMOVED = 4
    ROOM_DELETED = 5
    STATE_MISMATCH = 6
    JOIN_FAILURE = 7
    MIGRATION = 8
    SIGNAL_CLOSE = 9
    ROOM_CLOSED = 10
    USER_UNAVAILABLE = 11
    USER_REJECTED = 12
    SIP_TRUNK_FAILURE = 13
    CONNECTION_TIMEOUT = 14
    MEDIA_FAILURE = 15
    AGENT_ERROR = 16


class RoomEndReason(betterproto2.Enum):
    ROOM_END_UNKNOWN = 0
    ROOM_END_API_DELETE = 1
    ROOM_END_IDLE_TIMEOUT = 2
    ROOM_END_SERVER_SHUTDOWN = 3
    ROOM_END_SUPERSEDED = 4
    ROOM_END_OPEN_FAILED = 5


class ReconnectReason(betterproto2.Enum):
    RR_UNKNOWN = 0
    RR_SIGNAL_DISCONNECTED = 1
    RR_PUBLISHER_FAILED = 2
    RR_SUBSCRIBER_FAILED = 3
    RR_SWITCH_CANDIDATE = 4


class SubscriptionError(betterproto2.Enum):
    SE_UNKNOWN = 0
    SE_CODEC_UNSUPPORTED = 1
    SE_TRACK_NOTFOUND = 2


class AudioTrackFeature(betterproto2.Enum):
    TF_STEREO = 0
    TF_NO_DTX = 1
    TF_AUTO_GAIN_CONTROL = 2
    TF_ECHO_CANCELLATION = 3
    TF_NOISE_SUPPRESSION = 4
    TF_ENHANCED_NOISE_CANCELLATION = 5
    TF_PRECONNECT_BUFFER = 6


class PacketTrailerFeature(betterproto2.Enum):
    PTF_USER_TIMESTAMP = 0
    PTF_FRAME_ID = 1
    PTF_USER_DATA = 2


@message
class Pagination(Message):
    after_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    limit: int = betterproto2.field(2, betterproto2.TYPE_INT32)


@message
class TokenPagination(Message):
    token: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class ListUpdate(Message):
    set: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
    add: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)
    remove: list[str] = betterproto2.field(3, betterproto2.TYPE_STRING, repeated=True)
    clear: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)


@message
class Room(Message):
    sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    empty_timeout: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
    departure_timeout: int = betterproto2.field(14, betterproto2.TYPE_UINT32)
    max_participants: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    creation_time: int = betterproto2.field(5, betterproto2.TYPE_INT64)
    creation_time_ms: int = betterproto2.field(15, betterproto2.TYPE_INT64)
    turn_password: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    enabled_codecs: list[Codec] = betterproto2.field(7, betterproto2.TYPE_MESSAGE, repeated=True)
    metadata: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    num_participants: int = betterproto2.field(9, betterproto2.TYPE_UINT32)
    num_publishers: int = betterproto2.field(11, betterproto2.TYPE_UINT32)
    active_recording: bool = betterproto2.field(10, betterproto2.TYPE_BOOL)
    version: TimedVersion | None = betterproto2.field(13, betterproto2.TYPE_MESSAGE, optional=True)


@message
class Codec(Message):
    mime: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    fmtp_line: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class PlayoutDelay(Message):
    enabled: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    min: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    max: int = betterproto2.field(3, betterproto2.TYPE_UINT32)


@message
class ParticipantPermission(Message):
    can_subscribe: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    can_publish: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
    can_publish_data: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
    can_publish_sources: list[TrackSource] = betterproto2.field(
        9, betterproto2.TYPE_ENUM, repeated=True
    )
    hidden: bool = betterproto2.field(7, betterproto2.TYPE_BOOL)
    recorder: bool = betterproto2.field(8, betterproto2.TYPE_BOOL)
    can_update_metadata: bool = betterproto2.field(10, betterproto2.TYPE_BOOL)
    agent: bool = betterproto2.field(11, betterproto2.TYPE_BOOL)
    can_subscribe_metrics: bool = betterproto2.field(12, betterproto2.TYPE_BOOL)
    can_manage_agent_session: bool = betterproto2.field(13, betterproto2.TYPE_BOOL)


@message
class ParticipantInfo(Message):
    class State(betterproto2.Enum):
        JOINING = 0
        JOINED = 1
        ACTIVE = 2
        DISCONNECTED = 3

    class Kind(betterproto2.Enum):
        STANDARD = 0
        INGRESS = 1
        EGRESS = 2
        SIP = 3
        AGENT = 4
        CONNECTOR = 7
        BRIDGE = 8

    class KindDetail(betterproto2.Enum):
        CLOUD_AGENT = 0
        FORWARDED = 1
        CONNECTOR_WHATSAPP = 2
        CONNECTOR_TWILIO = 3
        BRIDGE_RTSP = 4
        SIMULATION = 5

    sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    state: ParticipantInfo.State = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: ParticipantInfo.State(0)
    )
    tracks: list[TrackInfo] = betterproto2.field(4, betterproto2.TYPE_MESSAGE, repeated=True)
    metadata: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    joined_at: int = betterproto2.field(6, betterproto2.TYPE_INT64)
    joined_at_ms: int = betterproto2.field(17, betterproto2.TYPE_INT64)
    name: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    version: int = betterproto2.field(10, betterproto2.TYPE_UINT32)
    permission: ParticipantPermission | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, optional=True
    )
    region: str = betterproto2.field(12, betterproto2.TYPE_STRING)
    is_publisher: bool = betterproto2.field(13, betterproto2.TYPE_BOOL)
    kind: ParticipantInfo.Kind = betterproto2.field(
        14, betterproto2.TYPE_ENUM, default_factory=lambda: ParticipantInfo.Kind(0)
    )
    attributes: dict[str, str] = betterproto2.field(
        15,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    disconnect_reason: DisconnectReason = betterproto2.field(
        16, betterproto2.TYPE_ENUM, default_factory=lambda: DisconnectReason(0)
    )
    kind_details: list[ParticipantInfo.KindDetail] = betterproto2.field(
        18, betterproto2.TYPE_ENUM, repeated=True
    )
    data_tracks: list[DataTrackInfo] = betterproto2.field(
        19, betterproto2.TYPE_MESSAGE, repeated=True
    )
    client_protocol: int = betterproto2.field(20, betterproto2.TYPE_INT32)
    capabilities: list[ClientInfo.Capability] = betterproto2.field(
        21, betterproto2.TYPE_ENUM, repeated=True
    )


@message
class Encryption(Message):
    class Type(betterproto2.Enum):
        NONE = 0
        GCM = 1
        CUSTOM = 2


@message
class SimulcastCodecInfo(Message):
    mime_type: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    mid: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    cid: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    layers: list[VideoLayer] = betterproto2.field(4, betterproto2.TYPE_MESSAGE, repeated=True)
    video_layer_mode: VideoLayer.Mode = betterproto2.field(
        5, betterproto2.TYPE_ENUM, default_factory=lambda: VideoLayer.Mode(0)
    )
    sdp_cid: str = betterproto2.field(6, betterproto2.TYPE_STRING)


@message
class TrackInfo(Message):
    sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    type: TrackType = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: TrackType(0)
    )
    name: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    muted: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)
    width: int = betterproto2.field(5, betterproto2.TYPE_UINT32)
    height: int = betterproto2.field(6, betterproto2.TYPE_UINT32)
    simulcast: bool = betterproto2.field(7, betterproto2.TYPE_BOOL)
    disable_dtx: bool = betterproto2.field(8, betterproto2.TYPE_BOOL)
    source: TrackSource = betterproto2.field(
        9, betterproto2.TYPE_ENUM, default_factory=lambda: TrackSource(0)
    )
    layers: list[VideoLayer] = betterproto2.field(10, betterproto2.TYPE_MESSAGE, repeated=True)
    mime_type: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    mid: str = betterproto2.field(12, betterproto2.TYPE_STRING)
    codecs: list[SimulcastCodecInfo] = betterproto2.field(
        13, betterproto2.TYPE_MESSAGE, repeated=True
    )
    stereo: bool = betterproto2.field(14, betterproto2.TYPE_BOOL)
    disable_red: bool = betterproto2.field(15, betterproto2.TYPE_BOOL)
    encryption: Encryption.Type = betterproto2.field(
        16, betterproto2.TYPE_ENUM, default_factory=lambda: Encryption.Type(0)
    )
    stream: str = betterproto2.field(17, betterproto2.TYPE_STRING)
    version: TimedVersion | None = betterproto2.field(18, betterproto2.TYPE_MESSAGE, optional=True)
    audio_features: list[AudioTrackFeature] = betterproto2.field(
        19, betterproto2.TYPE_ENUM, repeated=True
    )
    backup_codec_policy: BackupCodecPolicy = betterproto2.field(
        20, betterproto2.TYPE_ENUM, default_factory=lambda: BackupCodecPolicy(0)
    )
    packet_trailer_features: list[PacketTrailerFeature] = betterproto2.field(
        21, betterproto2.TYPE_ENUM, repeated=True
    )


@message
class DataTrackInfo(Message):
    pub_handle: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    sid: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    encryption: Encryption.Type = betterproto2.field(
        4, betterproto2.TYPE_ENUM, default_factory=lambda: Encryption.Type(0)
    )
    frame_encoding: DataTrackFrameEncoding | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True
    )
    schema: DataTrackSchemaId | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class DataTrackFrameEncoding(Message):
    """Of the fields of ``value`` at most one is set."""

    class WellKnownFrameEncoding(betterproto2.Enum):
        WELL_KNOWN_FRAME_ENCODING_UNSPECIFIED = 0
        WELL_KNOWN_FRAME_ENCODING_ROS1 = 1
        WELL_KNOWN_FRAME_ENCODING_CDR = 2
        WELL_KNOWN_FRAME_ENCODING_PROTOBUF = 3
        WELL_KNOWN_FRAME_ENCODING_FLATBUFFER = 4
        WELL_KNOWN_FRAME_ENCODING_CBOR = 5
        WELL_KNOWN_FRAME_ENCODING_MSGPACK = 6
        WELL_KNOWN_FRAME_ENCODING_JSON = 7

    well_known: DataTrackFrameEncoding.WellKnownFrameEncoding | None = betterproto2.field(
        1, betterproto2.TYPE_ENUM, optional=True, group="value"
    )
    custom: str | None = betterproto2.field(
        2, betterproto2.TYPE_STRING, optional=True, group="value"
    )


@message
class DataTrackSchemaEncoding(Message):
    """Of the fields of ``value`` at most one is set."""

    class WellKnownSchemaEncoding(betterproto2.Enum):
        WELL_KNOWN_SCHEMA_ENCODING_UNSPECIFIED = 0
        WELL_KNOWN_SCHEMA_ENCODING_PROTOBUF = 1
        WELL_KNOWN_SCHEMA_ENCODING_FLATBUFFER = 2
        WELL_KNOWN_SCHEMA_ENCODING_ROS1_MSG = 3
        WELL_KNOWN_SCHEMA_ENCODING_ROS2_MSG = 4
        WELL_KNOWN_SCHEMA_ENCODING_ROS2_IDL = 5
        WELL_KNOWN_SCHEMA_ENCODING_OMG_IDL = 6
        WELL_KNOWN_SCHEMA_ENCODING_JSON_SCHEMA = 7

    well_known: DataTrackSchemaEncoding.WellKnownSchemaEncoding | None = betterproto2.field(
        1, betterproto2.TYPE_ENUM, optional=True, group="value"
    )
    custom: str | None = betterproto2.field(
        2, betterproto2.TYPE_STRING, optional=True, group="value"
    )


@message
class DataTrackSchemaId(Message):
    name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    encoding: DataTrackSchemaEncoding | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class DataTrackExtensionParticipantSid(Message):
    id: DataTrackExtensionID = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: DataTrackExtensionID(0)
    )
    participant_sid: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class DataTrackSubscriptionOptions(Message):
    target_fps: int | None = betterproto2.field(1, betterproto2.TYPE_UINT32, optional=True)


@message
class DataBlobKey(Message):
    """Of the fields of ``key`` at most one is set."""

    generic: str | None = betterproto2.field(
        1, betterproto2.TYPE_STRING, optional=True, group="key"
    )
    schema_id: DataTrackSchemaId | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="key"
    )


@message
class DataBlob(Message):
    key: DataBlobKey | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)
    contents: bytes = betterproto2.field(2, betterproto2.TYPE_BYTES)


@message
class VideoLayer(Message):
    class Mode(betterproto2.Enum):
        MODE_UNUSED = 0
        ONE_SPATIAL_LAYER_PER_STREAM = 1
        MULTIPLE_SPATIAL_LAYERS_PER_STREAM = 2
        ONE_SPATIAL_LAYER_PER_STREAM_INCOMPLETE_RTCP_SR = 3

    quality: VideoQuality = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: VideoQuality(0)
    )
    width: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    height: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
    bitrate: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    ssrc: int = betterproto2.field(5, betterproto2.TYPE_UINT32)
    spatial_layer: int = betterproto2.field(6, betterproto2.TYPE_INT32)
    rid: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    repair_ssrc: int = betterproto2.field(8, betterproto2.TYPE_UINT32)


@message
class DataPacket(Message):
    """Of the fields of ``value`` at most one is set."""

    class Kind(betterproto2.Enum):
        RELIABLE = 0
        LOSSY = 1

    kind: DataPacket.Kind = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: DataPacket.Kind(0)
    )
    participant_identity: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    destination_identities: list[str] = betterproto2.field(
        5, betterproto2.TYPE_STRING, repeated=True
    )
    user: UserPacket | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    speaker: ActiveSpeakerUpdate | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    sip_dtmf: SipDTMF | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    transcription: Transcription | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    metrics: MetricsBatch | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    chat_message: ChatMessage | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    rpc_request: RpcRequest | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    rpc_ack: RpcAck | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    rpc_response: RpcResponse | None = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    stream_header: DataStream.Header | None = betterproto2.field(
        13, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    stream_chunk: DataStream.Chunk | None = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    stream_trailer: DataStream.Trailer | None = betterproto2.field(
        15, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    encrypted_packet: EncryptedPacket | None = betterproto2.field(
        18, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    sequence: int = betterproto2.field(16, betterproto2.TYPE_UINT32)
    participant_sid: str = betterproto2.field(17, betterproto2.TYPE_STRING)


@message
class EncryptedPacket(Message):
    encryption_type: Encryption.Type = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: Encryption.Type(0)
    )
    iv: bytes = betterproto2.field(2, betterproto2.TYPE_BYTES)
    key_index: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
    encrypted_value: bytes = betterproto2.field(4, betterproto2.TYPE_BYTES)


@message
class EncryptedPacketPayload(Message):
    """Of the fields of ``value`` at most one is set."""

    user: UserPacket | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    chat_message: ChatMessage | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    rpc_request: RpcRequest | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    rpc_ack: RpcAck | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    rpc_response: RpcResponse | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    stream_header: DataStream.Header | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    stream_chunk: DataStream.Chunk | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    stream_trailer: DataStream.Trailer | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )


@message
class ActiveSpeakerUpdate(Message):
    speakers: list[SpeakerInfo] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class SpeakerInfo(Message):
    sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    level: float = betterproto2.field(2, betterproto2.TYPE_FLOAT)
    active: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)


@message
class UserPacket(Message):
    participant_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    participant_identity: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    payload: bytes = betterproto2.field(2, betterproto2.TYPE_BYTES)
    destination_sids: list[str] = betterproto2.field(3, betterproto2.TYPE_STRING, repeated=True)
    destination_identities: list[str] = betterproto2.field(
        6, betterproto2.TYPE_STRING, repeated=True
    )
    topic: str | None = betterproto2.field(4, betterproto2.TYPE_STRING, optional=True)
    id: str | None = betterproto2.field(8, betterproto2.TYPE_STRING, optional=True)
    start_time: int | None = betterproto2.field(9, betterproto2.TYPE_UINT64, optional=True)
    end_time: int | None = betterproto2.field(10, betterproto2.TYPE_UINT64, optional=True)
    nonce: bytes = betterproto2.field(11, betterproto2.TYPE_BYTES)


@message
class SipDTMF(Message):
    code: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
    digit: str = betterproto2.field(4, betterproto2.TYPE_STRING)


@message
class Transcription(Message):
    transcribed_participant_identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    track_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    segments: list[TranscriptionSegment] = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class TranscriptionSegment(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    text: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    start_time: int = betterproto2.field(3, betterproto2.TYPE_UINT64)
    end_time: int = betterproto2.field(4, betterproto2.TYPE_UINT64)
    final: bool = betterproto2.field(5, betterproto2.TYPE_BOOL)
    language: str = betterproto2.field(6, betterproto2.TYPE_STRING)


@message
class ChatMessage(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    timestamp: int = betterproto2.field(2, betterproto2.TYPE_INT64)
    edit_timestamp: int | None = betterproto2.field(3, betterproto2.TYPE_INT64, optional=True)
    message: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    deleted: bool = betterproto2.field(5, betterproto2.TYPE_BOOL)
    generated: bool = betterproto2.field(6, betterproto2.TYPE_BOOL)


@message
class RpcRequest(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    method: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    payload: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    response_timeout_ms: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    version: int = betterproto2.field(5, betterproto2.TYPE_UINT32)
    compressed_payload: bytes = betterproto2.field(6, betterproto2.TYPE_BYTES)


@message
class RpcAck(Message):
    request_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class RpcResponse(Message):
    """Of the fields of ``value`` at most one is set."""

    request_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    payload: str | None = betterproto2.field(
        2, betterproto2.TYPE_STRING, optional=True, group="value"
    )
    error: RpcError | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="value"
    )
    compressed_payload: bytes | None = betterproto2.field(
        4, betterproto2.TYPE_BYTES, optional=True, group="value"
    )


@message
class RpcError(Message):
    code: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    message: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    data: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class ParticipantTracks(Message):
    participant_sid: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    track_sids: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)


@message
class ServerInfo(Message):
    class Edition(betterproto2.Enum):
        Standard = 0
        Cloud = 1

    edition: ServerInfo.Edition = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: ServerInfo.Edition(0)
    )
    version: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    protocol: int = betterproto2.field(3, betterproto2.TYPE_INT32)
    region: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    node_id: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    debug_info: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    agent_protocol: int = betterproto2.field(7, betterproto2.TYPE_INT32)


@message
class ClientInfo(Message):
    class SDK(betterproto2.Enum):
        UNKNOWN = 0
        JS = 1
        SWIFT = 2
        ANDROID = 3
        FLUTTER = 4
        GO = 5
        UNITY = 6
        REACT_NATIVE = 7
        RUST = 8
        PYTHON = 9
        CPP = 10
        UNITY_WEB = 11
        NODE = 12
        UNREAL = 13
        ESP32 = 14
        DOTNET = 15

    class Capability(betterproto2.Enum):
        CAP_UNUSED = 0
        CAP_PACKET_TRAILER = 1
        CAP_COMPRESSION_DEFLATE_RAW = 2

    sdk: ClientInfo.SDK = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: ClientInfo.SDK(0)
    )
    version: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    protocol: int = betterproto2.field(3, betterproto2.TYPE_INT32)
    os: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    os_version: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    device_model: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    browser: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    browser_version: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    address: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    network: str = betterproto2.field(10, betterproto2.TYPE_STRING)
    other_sdks: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    client_protocol: int = betterproto2.field(12, betterproto2.TYPE_INT32)
    capabilities: list[ClientInfo.Capability] = betterproto2.field(
        13, betterproto2.TYPE_ENUM, repeated=True
    )


@message
class ClientConfiguration(Message):
    video: VideoConfiguration | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True
    )
    screen: VideoConfiguration | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )
    resume_connection: ClientConfigSetting = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: ClientConfigSetting(0)
    )
    disabled_codecs: DisabledCodecs | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True
    )
    force_relay: ClientConfigSetting = betterproto2.field(
        5, betterproto2.TYPE_ENUM, default_factory=lambda: ClientConfigSetting(0)
    )


@message
class VideoConfiguration(Message):
    hardware_encoder: ClientConfigSetting = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: ClientConfigSetting(0)
    )


@message
class DisabledCodecs(Message):
    codecs: list[Codec] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)
    publish: list[Codec] = betterproto2.field(2, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class RTPDrift(Message):
    start_time: datetime.datetime | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    end_time: datetime.datetime | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    duration: float = betterproto2.field(3, betterproto2.TYPE_DOUBLE)
    start_timestamp: int = betterproto2.field(4, betterproto2.TYPE_UINT64)
    end_timestamp: int = betterproto2.field(5, betterproto2.TYPE_UINT64)
    rtp_clock_ticks: int = betterproto2.field(6, betterproto2.TYPE_UINT64)
    drift_samples: int = betterproto2.field(7, betterproto2.TYPE_INT64)
    drift_ms: float = betterproto2.field(8, betterproto2.TYPE_DOUBLE)
    clock_rate: float = betterproto2.field(9, betterproto2.TYPE_DOUBLE)


@message
class RTPStats(Message):
    start_time: datetime.datetime | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    end_time: datetime.datetime | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    duration: float = betterproto2.field(3, betterproto2.TYPE_DOUBLE)
    packets: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    packet_rate: float = betterproto2.field(5, betterproto2.TYPE_DOUBLE)
    bytes: int = betterproto2.field(6, betterproto2.TYPE_UINT64)
    header_bytes: int = betterproto2.field(39, betterproto2.TYPE_UINT64)
    bitrate: float = betterproto2.field(7, betterproto2.TYPE_DOUBLE)
    packets_lost: int = betterproto2.field(8, betterproto2.TYPE_UINT32)
    packet_loss_rate: float = betterproto2.field(9, betterproto2.TYPE_DOUBLE)
    packet_loss_percentage: float = betterproto2.field(10, betterproto2.TYPE_FLOAT)
    packets_duplicate: int = betterproto2.field(11, betterproto2.TYPE_UINT32)
    packet_duplicate_rate: float = betterproto2.field(12, betterproto2.TYPE_DOUBLE)
    bytes_duplicate: int = betterproto2.field(13, betterproto2.TYPE_UINT64)
    header_bytes_duplicate: int = betterproto2.field(40, betterproto2.TYPE_UINT64)
    bitrate_duplicate: float = betterproto2.field(14, betterproto2.TYPE_DOUBLE)
    packets_padding: int = betterproto2.field(15, betterproto2.TYPE_UINT32)
    packet_padding_rate: float = betterproto2.field(16, betterproto2.TYPE_DOUBLE)
    bytes_padding: int = betterproto2.field(17, betterproto2.TYPE_UINT64)
    header_bytes_padding: int = betterproto2.field(41, betterproto2.TYPE_UINT64)
    bitrate_padding: float = betterproto2.field(18, betterproto2.TYPE_DOUBLE)
    packets_out_of_order: int = betterproto2.field(19, betterproto2.TYPE_UINT32)
    frames: int = betterproto2.field(20, betterproto2.TYPE_UINT32)
    frame_rate: float = betterproto2.field(21, betterproto2.TYPE_DOUBLE)
    jitter_current: float = betterproto2.field(22, betterproto2.TYPE_DOUBLE)
    jitter_max: float = betterproto2.field(23, betterproto2.TYPE_DOUBLE)
    gap_histogram: dict[int, int] = betterproto2.field(
        24,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_INT32, betterproto2.TYPE_UINT32),
    )
    nacks: int = betterproto2.field(25, betterproto2.TYPE_UINT32)
    nack_acks: int = betterproto2.field(37, betterproto2.TYPE_UINT32)
    nack_misses: int = betterproto2.field(26, betterproto2.TYPE_UINT32)
    nack_repeated: int = betterproto2.field(38, betterproto2.TYPE_UINT32)
    plis: int = betterproto2.field(27, betterproto2.TYPE_UINT32)
    last_pli: datetime.datetime | None = betterproto2.field(
        28, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    firs: int = betterproto2.field(29, betterproto2.TYPE_UINT32)
    last_fir: datetime.datetime | None = betterproto2.field(
        30, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    rtt_current: int = betterproto2.field(31, betterproto2.TYPE_UINT32)
    rtt_max: int = betterproto2.field(32, betterproto2.TYPE_UINT32)
    key_frames: int = betterproto2.field(33, betterproto2.TYPE_UINT32)
    last_key_frame: datetime.datetime | None = betterproto2.field(
        34, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    layer_lock_plis: int = betterproto2.field(35, betterproto2.TYPE_UINT32)
    last_layer_lock_pli: datetime.datetime | None = betterproto2.field(
        36, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    packet_drift: RTPDrift | None = betterproto2.field(44, betterproto2.TYPE_MESSAGE, optional=True)
    ntp_report_drift: RTPDrift | None = betterproto2.field(
        45, betterproto2.TYPE_MESSAGE, optional=True
    )
    rebased_report_drift: RTPDrift | None = betterproto2.field(
        46, betterproto2.TYPE_MESSAGE, optional=True
    )
    received_report_drift: RTPDrift | None = betterproto2.field(
        47, betterproto2.TYPE_MESSAGE, optional=True
    )
    fec_packets: int = betterproto2.field(48, betterproto2.TYPE_UINT32)
    fec_bytes: int = betterproto2.field(49, betterproto2.TYPE_UINT64)
    fec_packets_discarded: int = betterproto2.field(50, betterproto2.TYPE_UINT32)
    fec_packets_recovered: int = betterproto2.field(51, betterproto2.TYPE_UINT32)


@message
class RTCPSenderReportState(Message):
    rtp_timestamp: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    rtp_timestamp_ext: int = betterproto2.field(2, betterproto2.TYPE_UINT64)
    ntp_timestamp: int = betterproto2.field(3, betterproto2.TYPE_UINT64)
    at: int = betterproto2.field(4, betterproto2.TYPE_INT64)
    at_adjusted: int = betterproto2.field(5, betterproto2.TYPE_INT64)
    packets: int = betterproto2.field(6, betterproto2.TYPE_UINT32)
    octets: int = betterproto2.field(7, betterproto2.TYPE_UINT64)


@message
class RTPForwarderState(Message):
    """Of the fields of ``codec_munger`` at most one is set."""

    started: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    reference_layer_spatial: int = betterproto2.field(2, betterproto2.TYPE_INT32)
    pre_start_time: int = betterproto2.field(3, betterproto2.TYPE_INT64)
    ext_first_timestamp: int = betterproto2.field(4, betterproto2.TYPE_UINT64)
    dummy_start_timestamp_offset: int = betterproto2.field(5, betterproto2.TYPE_UINT64)
    rtp_munger: RTPMungerState | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True
    )
    vp8_munger: VP8MungerState | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="codec_munger"
    )
    sender_report_state: list[RTCPSenderReportState] = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, repeated=True
    )
    dependency_descriptor_forwarder: DependencyDescriptorForwarderState | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class DependencyDescriptorForwarderState(Message):
    ext_last_frame_number: int = betterproto2.field(1, betterproto2.TYPE_UINT64)


@message
class RTPMungerState(Message):
    ext_last_sequence_number: int = betterproto2.field(1, betterproto2.TYPE_UINT64)
    ext_second_last_sequence_number: int = betterproto2.field(2, betterproto2.TYPE_UINT64)
    ext_last_timestamp: int = betterproto2.field(3, betterproto2.TYPE_UINT64)
    ext_second_last_timestamp: int = betterproto2.field(4, betterproto2.TYPE_UINT64)
    last_marker: bool = betterproto2.field(5, betterproto2.TYPE_BOOL)
    second_last_marker: bool = betterproto2.field(6, betterproto2.TYPE_BOOL)


@message
class VP8MungerState(Message):
    ext_last_picture_id: int = betterproto2.field(1, betterproto2.TYPE_INT32)
    picture_id_used: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
    last_tl0_pic_idx: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
    tl0_pic_idx_used: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)
    tid_used: bool = betterproto2.field(5, betterproto2.TYPE_BOOL)
    last_key_idx: int = betterproto2.field(6, betterproto2.TYPE_UINT32)
    key_idx_used: bool = betterproto2.field(7, betterproto2.TYPE_BOOL)


@message
class TimedVersion(Message):
    unix_micro: int = betterproto2.field(1, betterproto2.TYPE_INT64)
    ticks: int = betterproto2.field(2, betterproto2.TYPE_INT32)


@message
class DataStream(Message):
    class OperationType(betterproto2.Enum):
        CREATE = 0
        UPDATE = 1
        DELETE = 2
        REACTION = 3

    class CompressionType(betterproto2.Enum):
        NONE = 0
        DEFLATE_RAW = 1

    @message
    class TextHeader(Message):
        operation_type: DataStream.OperationType = betterproto2.field(
            1, betterproto2.TYPE_ENUM, default_factory=lambda: DataStream.OperationType(0)
        )
        version: int = betterproto2.field(2, betterproto2.TYPE_INT32)
        reply_to_stream_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
        attached_stream_ids: list[str] = betterproto2.field(
            4, betterproto2.TYPE_STRING, repeated=True
        )
        generated: bool = betterproto2.field(5, betterproto2.TYPE_BOOL)

    @message
    class ByteHeader(Message):
        name: str = betterproto2.field(1, betterproto2.TYPE_STRING)

    @message
    class Header(Message):
        """Of the fields of ``content_header`` at most one is set."""

        stream_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        timestamp: int = betterproto2.field(2, betterproto2.TYPE_INT64)
        topic: str = betterproto2.field(3, betterproto2.TYPE_STRING)
        mime_type: str = betterproto2.field(4, betterproto2.TYPE_STRING)
        total_length: int | None = betterproto2.field(5, betterproto2.TYPE_UINT64, optional=True)
        encryption_type: Encryption.Type = betterproto2.field(
            7, betterproto2.TYPE_ENUM, default_factory=lambda: Encryption.Type(0)
        )
        attributes: dict[str, str] = betterproto2.field(
            8,
            betterproto2.TYPE_MAP,
            map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
        )
        text_header: DataStream.TextHeader | None = betterproto2.field(
            9, betterproto2.TYPE_MESSAGE, optional=True, group="content_header"
        )
        byte_header: DataStream.ByteHeader | None = betterproto2.field(
            10, betterproto2.TYPE_MESSAGE, optional=True, group="content_header"
        )
        inline_content: bytes | None = betterproto2.field(
            11, betterproto2.TYPE_BYTES, optional=True
        )
        compression: DataStream.CompressionType = betterproto2.field(
            12, betterproto2.TYPE_ENUM, default_factory=lambda: DataStream.CompressionType(0)
        )

    @message
    class Chunk(Message):
        stream_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        chunk_index: int = betterproto2.field(2, betterproto2.TYPE_UINT64)
        content: bytes = betterproto2.field(3, betterproto2.TYPE_BYTES)
        version: int = betterproto2.field(4, betterproto2.TYPE_INT32)
        iv: bytes | None = betterproto2.field(5, betterproto2.TYPE_BYTES, optional=True)

    @message
    class Trailer(Message):
        stream_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        reason: str = betterproto2.field(2, betterproto2.TYPE_STRING)
        attributes: dict[str, str] = betterproto2.field(
            3,
            betterproto2.TYPE_MAP,
            map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
        )


@message
class FilterParams(Message):
    include_events: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
    exclude_events: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)


@message
class WebhookConfig(Message):
    url: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    signing_key: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    filter_params: FilterParams | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class SubscribedAudioCodec(Message):
    codec: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    enabled: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)

"""Generated from livekit_analytics.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import datetime

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.google_protobuf import Timestamp
from lktrio.proto.livekit.livekit_egress import EgressInfo
from lktrio.proto.livekit.livekit_ingress import IngressInfo
from lktrio.proto.livekit.livekit_models import (
    ClientInfo,
    ParticipantInfo,
    ReconnectReason,
    Room,
    RoomEndReason,
    RTPStats,
    TrackInfo,
    VideoQuality,
)
from lktrio.proto.livekit.livekit_room import (
    CreateRoomRequest,
    DeleteRoomRequest,
    ListParticipantsRequest,
    ListRoomsRequest,
    MuteRoomTrackRequest,
    RoomParticipantIdentity,
    SendDataRequest,
    UpdateParticipantRequest,
    UpdateRoomMetadataRequest,
    UpdateSubscriptionsRequest,
)
from lktrio.proto.livekit.livekit_sip import (
    SIPCallInfo,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPOutboundTrunkInfo,
    SIPTransferInfo,
)

__all__ = (
    "APICallInfo",
    "APICallRequest",
    "AnalyticsClientMeta",
    "AnalyticsEvent",
    "AnalyticsEventType",
    "AnalyticsEvents",
    "AnalyticsNodeRooms",
    "AnalyticsRoom",
    "AnalyticsRoomParticipant",
    "AnalyticsStat",
    "AnalyticsStats",
    "AnalyticsStream",
    "AnalyticsVideoLayer",
    "FeatureUsageInfo",
    "ReportInfo",
    "StreamType",
    "TimeRange",
    "WebhookInfo",
)


class StreamType(betterproto2.Enum):
    UPSTREAM = 0
    DOWNSTREAM = 1


class AnalyticsEventType(betterproto2.Enum):
    ROOM_CREATED = 0
    ROOM_ENDED = 1
    PARTICIPANT_JOINED = 2
    PARTICIPANT_LEFT = 3
    PARTICIPANT_CONNECTION_ABORTED = 45
    TRACK_PUBLISHED = 4
    TRACK_PUBLISH_REQUESTED = 20
    TRACK_UNPUBLISHED = 5
    TRACK_SUBSCRIBED = 6
    TRACK_SUBSCRIBE_REQUESTED = 21
    TRACK_SUBSCRIBE_FAILED = 25
    TRACK_UNSUBSCRIBED = 7
    TRACK_PUBLISHED_UPDATE = 10
    TRACK_MUTED = 23
    TRACK_UNMUTED = 24
    TRACK_PUBLISH_STATS = 26
    TRACK_SUBSCRIBE_STATS = 27
    PARTICIPANT_ACTIVE = 11
    PARTICIPANT_RESUMED = 22
    EGRESS_STARTED = 12
    EGRESS_ENDED = 13
    EGRESS_UPDATED = 28
    TRACK_MAX_SUBSCRIBED_VIDEO_QUALITY = 14
    RECONNECTED = 15
    INGRESS_CREATED = 18
    INGRESS_DELETED = 19
    INGRESS_STARTED = 16
    INGRESS_ENDED = 17
    INGRESS_UPDATED = 29
    SIP_INBOUND_TRUNK_CREATED = 30
    SIP_INBOUND_TRUNK_DELETED = 31
    SIP_OUTBOUND_TRUNK_CREATED = 32
    SIP_OUTBOUND_TRUNK_DELETED = 33
    SIP_DISPATCH_RULE_CREATED = 34
    SIP_DISPATCH_RULE_DELETED = 35
    SIP_PARTICIPANT_CREATED = 36
    SIP_CALL_INCOMING = 37
    SIP_CALL_STARTED = 38
    SIP_CALL_ENDED = 39
    SIP_TRANSFER_REQUESTED = 43
    SIP_TRANSFER_COMPLETE = 44
    SIP_CALL_UPDATE = 46
    REPORT = 40
    API_CALL = 41
    WEBHOOK = 42


@message
class AnalyticsVideoLayer(Message):
    layer: int = betterproto2.field(1, betterproto2.TYPE_INT32)
    packets: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    bytes: int = betterproto2.field(3, betterproto2.TYPE_UINT64)
    frames: int = betterproto2.field(4, betterproto2.TYPE_UINT32)


@message
class AnalyticsStream(Message):
    ssrc: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    primary_packets: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    primary_bytes: int = betterproto2.field(3, betterproto2.TYPE_UINT64)
    retransmit_packets: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    retransmit_bytes: int = betterproto2.field(5, betterproto2.TYPE_UINT64)
    padding_packets: int = betterproto2.field(6, betterproto2.TYPE_UINT32)
    padding_bytes: int = betterproto2.field(7, betterproto2.TYPE_UINT64)
    packets_lost: int = betterproto2.field(8, betterproto2.TYPE_UINT32)
    frames: int = betterproto2.field(9, betterproto2.TYPE_UINT32)
    rtt: int = betterproto2.field(10, betterproto2.TYPE_UINT32)
    jitter: int = betterproto2.field(11, betterproto2.TYPE_UINT32)
    nacks: int = betterproto2.field(12, betterproto2.TYPE_UINT32)
    plis: int = betterproto2.field(13, betterproto2.TYPE_UINT32)
    firs: int = betterproto2.field(14, betterproto2.TYPE_UINT32)
    video_layers: list[AnalyticsVideoLayer] = betterproto2.field(
        15, betterproto2.TYPE_MESSAGE, repeated=True
    )
    start_time: datetime.datetime | None = betterproto2.field(
        17, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    end_time: datetime.datetime | None = betterproto2.field(
        18, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    packets_out_of_order: int = betterproto2.field(19, betterproto2.TYPE_UINT32)


@message
class AnalyticsStat(Message):
    id: str = betterproto2.field(14, betterproto2.TYPE_STRING)
    analytics_key: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    kind: StreamType = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: StreamType(0)
    )
    time_stamp: datetime.datetime | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    node: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    room_id: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    participant_id: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    track_id: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    score: float = betterproto2.field(9, betterproto2.TYPE_FLOAT)
    streams: list[AnalyticsStream] = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, repeated=True
    )
    mime: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    min_score: float = betterproto2.field(12, betterproto2.TYPE_FLOAT)
    median_score: float = betterproto2.field(13, betterproto2.TYPE_FLOAT)


@message
class AnalyticsStats(Message):
    stats: list[AnalyticsStat] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class AnalyticsClientMeta(Message):
    region: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    node: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    client_addr: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    client_connect_time: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    connection_type: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    reconnect_reason: ReconnectReason = betterproto2.field(
        6, betterproto2.TYPE_ENUM, default_factory=lambda: ReconnectReason(0)
    )
    geo_hash: str | None = betterproto2.field(7, betterproto2.TYPE_STRING, optional=True)
    country: str | None = betterproto2.field(8, betterproto2.TYPE_STRING, optional=True)
    isp_asn: int | None = betterproto2.field(9, betterproto2.TYPE_UINT32, optional=True)


@message
class AnalyticsEvent(Message):
    id: str = betterproto2.field(25, betterproto2.TYPE_STRING)
    type: AnalyticsEventType = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: AnalyticsEventType(0)
    )
    timestamp: datetime.datetime | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    room_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    room: Room | None = betterproto2.field(4, betterproto2.TYPE_MESSAGE, optional=True)
    participant_id: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    participant: ParticipantInfo | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True
    )
    track_id: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    track: TrackInfo | None = betterproto2.field(8, betterproto2.TYPE_MESSAGE, optional=True)
    analytics_key: str = betterproto2.field(10, betterproto2.TYPE_STRING)
    client_info: ClientInfo | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, optional=True
    )
    client_meta: AnalyticsClientMeta | None = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, optional=True
    )
    egress_id: str = betterproto2.field(13, betterproto2.TYPE_STRING)
    ingress_id: str = betterproto2.field(19, betterproto2.TYPE_STRING)
    max_subscribed_video_quality: VideoQuality = betterproto2.field(
        14, betterproto2.TYPE_ENUM, default_factory=lambda: VideoQuality(0)
    )
    publisher: ParticipantInfo | None = betterproto2.field(
        15, betterproto2.TYPE_MESSAGE, optional=True
    )
    mime: str = betterproto2.field(16, betterproto2.TYPE_STRING)
    egress: EgressInfo | None = betterproto2.field(17, betterproto2.TYPE_MESSAGE, optional=True)
    ingress: IngressInfo | None = betterproto2.field(18, betterproto2.TYPE_MESSAGE, optional=True)
    error: str = betterproto2.field(20, betterproto2.TYPE_STRING)
    rtp_stats: RTPStats | None = betterproto2.field(21, betterproto2.TYPE_MESSAGE, optional=True)
    video_layer: int = betterproto2.field(22, betterproto2.TYPE_INT32)
    node_id: str = betterproto2.field(24, betterproto2.TYPE_STRING)
    sip_call_id: str = betterproto2.field(26, betterproto2.TYPE_STRING)
    sip_call: SIPCallInfo | None = betterproto2.field(27, betterproto2.TYPE_MESSAGE, optional=True)
    sip_trunk_id: str = betterproto2.field(28, betterproto2.TYPE_STRING)
    sip_inbound_trunk: SIPInboundTrunkInfo | None = betterproto2.field(
        29, betterproto2.TYPE_MESSAGE, optional=True
    )
    sip_outbound_trunk: SIPOutboundTrunkInfo | None = betterproto2.field(
        30, betterproto2.TYPE_MESSAGE, optional=True
    )
    sip_dispatch_rule_id: str = betterproto2.field(31, betterproto2.TYPE_STRING)
    sip_dispatch_rule: SIPDispatchRuleInfo | None = betterproto2.field(
        32, betterproto2.TYPE_MESSAGE, optional=True
    )
    sip_transfer: SIPTransferInfo | None = betterproto2.field(
        36, betterproto2.TYPE_MESSAGE, optional=True
    )
    report: ReportInfo | None = betterproto2.field(33, betterproto2.TYPE_MESSAGE, optional=True)
    api_call: APICallInfo | None = betterproto2.field(34, betterproto2.TYPE_MESSAGE, optional=True)
    webhook: WebhookInfo | None = betterproto2.field(35, betterproto2.TYPE_MESSAGE, optional=True)
    room_end_reason: RoomEndReason = betterproto2.field(
        37, betterproto2.TYPE_ENUM, default_factory=lambda: RoomEndReason(0)
    )


@message
class AnalyticsEvents(Message):
    events: list[AnalyticsEvent] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class AnalyticsRoomParticipant(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    state: ParticipantInfo.State = betterproto2.field(
        4, betterproto2.TYPE_ENUM, default_factory=lambda: ParticipantInfo.State(0)
    )
    joined_at: datetime.datetime | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )


@message
class AnalyticsRoom(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    project_id: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    created_at: datetime.datetime | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    participants: list[AnalyticsRoomParticipant] = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class AnalyticsNodeRooms(Message):
    node_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    sequence_number: int = betterproto2.field(2, betterproto2.TYPE_UINT64)
    timestamp: datetime.datetime | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    rooms: list[AnalyticsRoom] = betterproto2.field(4, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class ReportInfo(Message):
    """Of the fields of ``message`` at most one is set."""

    feature_usage: FeatureUsageInfo | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )


@message
class TimeRange(Message):
    started_at: datetime.datetime | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    ended_at: datetime.datetime | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )


@message
class FeatureUsageInfo(Message):
    class Feature(betterproto2.Enum):
        KRISP_NOISE_CANCELLATION = 0
        KRISP_BACKGROUND_VOICE_CANCELLATION = 1
        AIC_AUDIO_ENHANCEMENT = 2
        KRISP_VIVA = 3

    feature: FeatureUsageInfo.Feature = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: FeatureUsageInfo.Feature(0)
    )
    project_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    room_id: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    participant_identity: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    participant_id: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    track_id: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    time_ranges: list[TimeRange] = betterproto2.field(8, betterproto2.TYPE_MESSAGE, repeated=True)
    feature_info: dict[str, str] = betterproto2.field(
        9,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )


@message
class APICallRequest(Message):
    """Of the fields of ``message`` at most one is set."""

    create_room_request: CreateRoomRequest | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    list_rooms_request: ListRoomsRequest | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    delete_room_request: DeleteRoomRequest | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    list_participants_request: ListParticipantsRequest | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    room_participant_identity: RoomParticipantIdentity | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    mute_room_track_request: MuteRoomTrackRequest | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    update_participant_request: UpdateParticipantRequest | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    update_subscriptions_request: UpdateSubscriptionsRequest | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    send_data_request: SendDataRequest | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    update_room_metadata_request: UpdateRoomMetadataRequest | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )


@message
class APICallInfo(Message):
    project_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    request: APICallRequest | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)
    service: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    method: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    node_id: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    status: int = betterproto2.field(6, betterproto2.TYPE_INT32)
    twirp_error_code: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    twirp_error_message: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    room_id: str = betterproto2.field(10, betterproto2.TYPE_STRING)
    participant_identity: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    participant_id: str = betterproto2.field(12, betterproto2.TYPE_STRING)
    track_id: str = betterproto2.field(13, betterproto2.TYPE_STRING)
    started_at: datetime.datetime | None = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    duration_ns: int = betterproto2.field(15, betterproto2.TYPE_INT64)


@message
class WebhookInfo(Message):
    event_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    event: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    project_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    room_id: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    participant_identity: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    participant_id: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    track_id: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    egress_id: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    ingress_id: str = betterproto2.field(10, betterproto2.TYPE_STRING)
    created_at: datetime.datetime | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    queued_at: datetime.datetime | None = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    queue_duration_ns: int = betterproto2.field(13, betterproto2.TYPE_INT64)
    sent_at: datetime.datetime | None = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    send_duration_ns: int = betterproto2.field(15, betterproto2.TYPE_INT64)
    url: str = betterproto2.field(16, betterproto2.TYPE_STRING)
    num_dropped: int = betterproto2.field(17, betterproto2.TYPE_INT32)
    is_dropped: bool = betterproto2.field(18, betterproto2.TYPE_BOOL)
    service_status: str = betterproto2.field(19, betterproto2.TYPE_STRING)
    service_error_code: int = betterproto2.field(20, betterproto2.TYPE_INT32)
    service_error: str = betterproto2.field(21, betterproto2.TYPE_STRING)
    send_error: str = betterproto2.field(22, betterproto2.TYPE_STRING)
    http_status_code: int = betterproto2.field(23, betterproto2.TYPE_INT32)

"""Generated from livekit_egress.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.livekit_models import (
    AudioCodec,
    ImageCodec,
    ParticipantInfo,
    TokenPagination,
    VideoCodec,
    WebhookConfig,
)

__all__ = (
    "AliOSSUpload",
    "AudioChannel",
    "AudioConfig",
    "AudioMixing",
    "AudioRoute",
    "AutoParticipantEgress",
    "AutoTrackEgress",
    "AzureBlobUpload",
    "DataConfig",
    "DataSelector",
    "DirectFileOutput",
    "EgressInfo",
    "EgressSourceType",
    "EgressStatus",
    "EncodedFileOutput",
    "EncodedFileType",
    "EncodingOptions",
    "EncodingOptionsPreset",
    "ExportReplayRequest",
    "FileInfo",
    "FileOutput",
    "GCPUpload",
    "ImageFileSuffix",
    "ImageOutput",
    "ImagesInfo",
    "ListEgressRequest",
    "ListEgressResponse",
    "MediaSource",
    "Output",
    "ParticipantEgressRequest",
    "ParticipantVideo",
    "ProxyConfig",
    "RoomCompositeEgressRequest",
    "S3Upload",
    "SegmentedFileOutput",
    "SegmentedFileProtocol",
    "SegmentedFileSuffix",
    "SegmentsInfo",
    "StartEgressRequest",
    "StopEgressRequest",
    "StorageConfig",
    "StreamDestination",
    "StreamInfo",
    "StreamInfoList",
    "StreamOutput",
    "StreamProtocol",
    "TemplateSource",
    "TrackCompositeEgressRequest",
    "TrackEgressRequest",
    "UpdateLayoutRequest",
    "UpdateStreamRequest",
    "WebEgressRequest",
    "WebSource",
)


class AudioChannel(betterproto2.Enum):
    AUDIO_CHANNEL_BOTH = 0
    AUDIO_CHANNEL_LEFT = 1
    AUDIO_CHANNEL_RIGHT = 2


class EncodingOptionsPreset(betterproto2.Enum):
    H264_720P_30 = 0
    H264_720P_60 = 1
    H264_1080P_30 = 2
    H264_1080P_60 = 3
    PORTRAIT_H264_720P_30 = 4
    PORTRAIT_H264_720P_60 = 5
    PORTRAIT_H264_1080P_30 = 6
    PORTRAIT_H264_1080P_60 = 7
    PASSTHROUGH = 8


class EncodedFileType(betterproto2.Enum):
    DEFAULT_FILETYPE = 0
    MP4 = 1
    OGG = 2
    MP3 = 3


class StreamProtocol(betterproto2.Enum):
    DEFAULT_PROTOCOL = 0
    RTMP = 1
    SRT = 2
    WEBSOCKET = 3


class SegmentedFileProtocol(betterproto2.Enum):
    DEFAULT_SEGMENTED_FILE_PROTOCOL = 0
    HLS_PROTOCOL = 1
    HLS_FMP4_PROTOCOL = 2


class SegmentedFileSuffix(betterproto2.Enum):
    INDEX = 0
    TIMESTAMP = 1


class ImageFileSuffix(betterproto2.Enum):
    IMAGE_SUFFIX_INDEX = 0
    IMAGE_SUFFIX_TIMESTAMP = 1
    IMAGE_SUFFIX_NONE_OVERWRITE = 2


class EgressSourceType(betterproto2.Enum):
    EGRESS_SOURCE_TYPE_WEB = 0
    EGRESS_SOURCE_TYPE_SDK = 1


class EgressStatus(betterproto2.Enum):
    EGRESS_STARTING = 0
    EGRESS_ACTIVE = 1
    EGRESS_ENDING = 2
    EGRESS_COMPLETE = 3
    EGRESS_FAILED = 4
    EGRESS_ABORTED = 5
    EGRESS_LIMIT_REACHED = 6


class AudioMixing(betterproto2.Enum):
    DEFAULT_MIXING = 0
    DUAL_CHANNEL_AGENT = 1
    DUAL_CHANNEL_ALTERNATE = 2


@message
class StartEgressRequest(Message):
    """Of the fields of ``source`` at most one is set.
    Of the fields of ``encoding`` at most one is set.
    """

    room_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    template: TemplateSource | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="source"
    )
    web: WebSource | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="source"
    )
    media: MediaSource | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="source"
    )
    preset: EncodingOptionsPreset | None = betterproto2.field(
        5, betterproto2.TYPE_ENUM, optional=True, group="encoding"
    )
    advanced: EncodingOptions | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="encoding"
    )
    outputs: list[Output] = betterproto2.field(7, betterproto2.TYPE_MESSAGE, repeated=True)
    storage: StorageConfig | None = betterproto2.field(8, betterproto2.TYPE_MESSAGE, optional=True)
    webhooks: list[WebhookConfig] = betterproto2.field(9, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class TemplateSource(Message):
    layout: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    audio_only: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
    video_only: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
    custom_base_url: str = betterproto2.field(4, betterproto2.TYPE_STRING)


@message
class WebSource(Message):
    url: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    audio_only: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
    video_only: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
    await_start_signal: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)


@message
class MediaSource(Message):
    """Of the fields of ``video`` at most one is set."""

    video_track_id: str | None = betterproto2.field(
        1, betterproto2.TYPE_STRING, optional=True, group="video"
    )
    participant_video: ParticipantVideo | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="video"
    )
    audio: AudioConfig | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)


@message
class ParticipantVideo(Message):
    identity: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    prefer_screen_share: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)


@message
class AudioConfig(Message):
    capture_all: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    routes: list[AudioRoute] = betterproto2.field(2, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class AudioRoute(Message):
    """Of the fields of ``match`` at most one is set."""

    track_id: str | None = betterproto2.field(
        1, betterproto2.TYPE_STRING, optional=True, group="match"
    )
    participant_identity: str | None = betterproto2.field(
        2, betterproto2.TYPE_STRING, optional=True, group="match"
    )
    participant_kind: ParticipantInfo.Kind | None = betterproto2.field(
        3, betterproto2.TYPE_ENUM, optional=True, group="match"
    )
    channel: AudioChannel = betterproto2.field(
        4, betterproto2.TYPE_ENUM, default_factory=lambda: AudioChannel(0)
    )


@message
class DataConfig(Message):
    capture_all: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    selectors: list[DataSelector] = betterproto2.field(2, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class DataSelector(Message):
    """Of the fields of ``match`` at most one is set."""

    track_id: str | None = betterproto2.field(
        1, betterproto2.TYPE_STRING, optional=True, group="match"
    )
    participant_identity: str | None = betterproto2.field(
        2, betterproto2.TYPE_STRING, optional=True, group="match"
    )


@message
class EncodingOptions(Message):
    width: int = betterproto2.field(1, betterproto2.TYPE_INT32)
    height: int = betterproto2.field(2, betterproto2.TYPE_INT32)
    depth: int = betterproto2.field(3, betterproto2.TYPE_INT32)
    framerate: int = betterproto2.field(4, betterproto2.TYPE_INT32)
    audio_codec: AudioCodec = betterproto2.field(
        5, betterproto2.TYPE_ENUM, default_factory=lambda: AudioCodec(0)
    )
    audio_bitrate: int = betterproto2.field(6, betterproto2.TYPE_INT32)
    audio_frequency: int = betterproto2.field(7, betterproto2.TYPE_INT32)
    video_codec: VideoCodec = betterproto2.field(
        8, betterproto2.TYPE_ENUM, default_factory=lambda: VideoCodec(0)
    )
    video_bitrate: int = betterproto2.field(9, betterproto2.TYPE_INT32)
    key_frame_interval: float = betterproto2.field(10, betterproto2.TYPE_DOUBLE)
    audio_quality: int = betterproto2.field(11, betterproto2.TYPE_INT32)
    video_quality: int = betterproto2.field(12, betterproto2.TYPE_INT32)


@message
class Output(Message):
    """Of the fields of ``config`` at most one is set."""

    file: FileOutput | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="config"
    )
    stream: StreamOutput | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="config"
    )
    segments: SegmentedFileOutput | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="config"
    )
    images: ImageOutput | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="config"
    )
    storage: StorageConfig | None = betterproto2.field(6, betterproto2.TYPE_MESSAGE, optional=True)


@message
class FileOutput(Message):
    file_type: EncodedFileType = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: EncodedFileType(0)
    )
    filepath: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    disable_manifest: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)


@message
class StreamOutput(Message):
    protocol: StreamProtocol = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: StreamProtocol(0)
    )
    urls: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)
    destinations: list[StreamDestination] = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class StreamDestination(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    url: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class SegmentedFileOutput(Message):
    """Of the fields of ``output`` at most one is set."""

    protocol: SegmentedFileProtocol = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: SegmentedFileProtocol(0)
    )
    filename_prefix: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    playlist_name: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    live_playlist_name: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    segment_duration: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    filename_suffix: SegmentedFileSuffix = betterproto2.field(
        10, betterproto2.TYPE_ENUM, default_factory=lambda: SegmentedFileSuffix(0)
    )
    disable_manifest: bool = betterproto2.field(8, betterproto2.TYPE_BOOL)
    s3: S3Upload | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    gcp: GCPUpload | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    azure: AzureBlobUpload | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    aliOSS: AliOSSUpload | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )


@message
class ImageOutput(Message):
    """Of the fields of ``output`` at most one is set."""

    capture_interval: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    width: int = betterproto2.field(2, betterproto2.TYPE_INT32)
    height: int = betterproto2.field(3, betterproto2.TYPE_INT32)
    filename_prefix: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    filename_suffix: ImageFileSuffix = betterproto2.field(
        5, betterproto2.TYPE_ENUM, default_factory=lambda: ImageFileSuffix(0)
    )
    image_codec: ImageCodec = betterproto2.field(
        6, betterproto2.TYPE_ENUM, default_factory=lambda: ImageCodec(0)
    )
    disable_manifest: bool = betterproto2.field(7, betterproto2.TYPE_BOOL)
    s3: S3Upload | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    gcp: GCPUpload | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    azure: AzureBlobUpload | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    aliOSS: AliOSSUpload | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )


@message
class StorageConfig(Message):
    """Of the fields of ``provider`` at most one is set."""

    s3: S3Upload | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="provider"
    )
    gcp: GCPUpload | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="provider"
    )
    azure: AzureBlobUpload | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="provider"
    )
    aliOSS: AliOSSUpload | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="provider"
    )


@message
class S3Upload(Message):
    access_key: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    secret: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    session_token: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    assume_role_arn: str = betterproto2.field(12, betterproto2.TYPE_STRING)
    assume_role_external_id: str = betterproto2.field(13, betterproto2.TYPE_STRING)
    region: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    endpoint: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    bucket: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    force_path_style: bool = betterproto2.field(6, betterproto2.TYPE_BOOL)
    metadata: dict[str, str] = betterproto2.field(
        7,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    tagging: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    content_disposition: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    proxy: ProxyConfig | None = betterproto2.field(10, betterproto2.TYPE_MESSAGE, optional=True)


@message
class GCPUpload(Message):
    credentials: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    bucket: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    proxy: ProxyConfig | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)


@message
class AzureBlobUpload(Message):
    account_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    account_key: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    container_name: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class AliOSSUpload(Message):
    access_key: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    secret: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    region: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    endpoint: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    bucket: str = betterproto2.field(5, betterproto2.TYPE_STRING)


@message
class ProxyConfig(Message):
    url: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    username: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    password: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class ListEgressRequest(Message):
    room_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    egress_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    active: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
    page_token: TokenPagination | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class ListEgressResponse(Message):
    items: list[EgressInfo] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)
    next_page_token: TokenPagination | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class StopEgressRequest(Message):
    egress_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class EgressInfo(Message):
    """Of the fields of ``request`` at most one is set.
    Of the fields of ``result`` at most one is set.
    """

    egress_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    room_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(13, betterproto2.TYPE_STRING)
    source_type: EgressSourceType = betterproto2.field(
        26, betterproto2.TYPE_ENUM, default_factory=lambda: EgressSourceType(0)
    )
    status: EgressStatus = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: EgressStatus(0)
    )
    started_at: int = betterproto2.field(10, betterproto2.TYPE_INT64)
    ended_at: int = betterproto2.field(11, betterproto2.TYPE_INT64)
    updated_at: int = betterproto2.field(18, betterproto2.TYPE_INT64)
    egress: StartEgressRequest | None = betterproto2.field(
        29, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    replay: ExportReplayRequest | None = betterproto2.field(
        30, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    room_composite: RoomCompositeEgressRequest | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    web: WebEgressRequest | None = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    participant: ParticipantEgressRequest | None = betterproto2.field(
        19, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    track_composite: TrackCompositeEgressRequest | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    track: TrackEgressRequest | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    stream_results: list[StreamInfo] = betterproto2.field(
        15, betterproto2.TYPE_MESSAGE, repeated=True
    )
    file_results: list[FileInfo] = betterproto2.field(16, betterproto2.TYPE_MESSAGE, repeated=True)
    segment_results: list[SegmentsInfo] = betterproto2.field(
        17, betterproto2.TYPE_MESSAGE, repeated=True
    )
    image_results: list[ImagesInfo] = betterproto2.field(
        20, betterproto2.TYPE_MESSAGE, repeated=True
    )
    error: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    error_code: int = betterproto2.field(22, betterproto2.TYPE_INT32)
    details: str = betterproto2.field(21, betterproto2.TYPE_STRING)
    manifest_location: str = betterproto2.field(23, betterproto2.TYPE_STRING)
    backup_storage_used: bool = betterproto2.field(25, betterproto2.TYPE_BOOL)
    retry_count: int = betterproto2.field(27, betterproto2.TYPE_INT32)
    stream: StreamInfoList | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="result"
    )
    file: FileInfo | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="result"
    )
    segments: SegmentsInfo | None = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, optional=True, group="result"
    )


@message
class StreamInfo(Message):
    class Status(betterproto2.Enum):
        ACTIVE = 0
        FINISHED = 1
        FAILED = 2

    url: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    started_at: int = betterproto2.field(2, betterproto2.TYPE_INT64)
    ended_at: int = betterproto2.field(3, betterproto2.TYPE_INT64)
    duration: int = betterproto2.field(4, betterproto2.TYPE_INT64)
    status: StreamInfo.Status = betterproto2.field(
        5, betterproto2.TYPE_ENUM, default_factory=lambda: StreamInfo.Status(0)
    )
    error: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    last_retry_at: int = betterproto2.field(7, betterproto2.TYPE_INT64)
    retries: int = betterproto2.field(8, betterproto2.TYPE_UINT32)
    id: str = betterproto2.field(9, betterproto2.TYPE_STRING)


@message
class FileInfo(Message):
    filename: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    started_at: int = betterproto2.field(2, betterproto2.TYPE_INT64)
    ended_at: int = betterproto2.field(3, betterproto2.TYPE_INT64)
    duration: int = betterproto2.field(6, betterproto2.TYPE_INT64)
    size: int = betterproto2.field(4, betterproto2.TYPE_INT64)
    location: str = betterproto2.field(5, betterproto2.TYPE_STRING)


@message
class SegmentsInfo(Message):
    playlist_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    live_playlist_name: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    duration: int = betterproto2.field(2, betterproto2.TYPE_INT64)
    size: int = betterproto2.field(3, betterproto2.TYPE_INT64)
    playlist_location: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    live_playlist_location: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    segment_count: int = betterproto2.field(5, betterproto2.TYPE_INT64)
    started_at: int = betterproto2.field(6, betterproto2.TYPE_INT64)
    ended_at: int = betterproto2.field(7, betterproto2.TYPE_INT64)


@message
class ImagesInfo(Message):
    filename_prefix: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    image_count: int = betterproto2.field(1, betterproto2.TYPE_INT64)
    started_at: int = betterproto2.field(2, betterproto2.TYPE_INT64)
    ended_at: int = betterproto2.field(3, betterproto2.TYPE_INT64)


@message
class AutoParticipantEgress(Message):
    """Of the fields of ``options`` at most one is set."""

    preset: EncodingOptionsPreset | None = betterproto2.field(
        1, betterproto2.TYPE_ENUM, optional=True, group="options"
    )
    advanced: EncodingOptions | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="options"
    )
    file_outputs: list[EncodedFileOutput] = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, repeated=True
    )
    segment_outputs: list[SegmentedFileOutput] = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class AutoTrackEgress(Message):
    """Of the fields of ``output`` at most one is set."""

    filepath: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    disable_manifest: bool = betterproto2.field(5, betterproto2.TYPE_BOOL)
    s3: S3Upload | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    gcp: GCPUpload | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    azure: AzureBlobUpload | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    aliOSS: AliOSSUpload | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )


@message
class ExportReplayRequest(Message):
    """Of the fields of ``source`` at most one is set.
    Of the fields of ``encoding`` at most one is set.
    """

    replay_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    start_offset_ms: int = betterproto2.field(2, betterproto2.TYPE_INT64)
    end_offset_ms: int = betterproto2.field(3, betterproto2.TYPE_INT64)
    template: TemplateSource | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="source"
    )
    web: WebSource | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="source"
    )
    media: MediaSource | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="source"
    )
    preset: EncodingOptionsPreset | None = betterproto2.field(
        7, betterproto2.TYPE_ENUM, optional=True, group="encoding"
    )
    advanced: EncodingOptions | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="encoding"
    )
    outputs: list[Output] = betterproto2.field(9, betterproto2.TYPE_MESSAGE, repeated=True)
    storage: StorageConfig | None = betterproto2.field(10, betterproto2.TYPE_MESSAGE, optional=True)
    webhooks: list[WebhookConfig] = betterproto2.field(11, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class RoomCompositeEgressRequest(Message):
    """Of the fields of ``output`` at most one is set.
    Of the fields of ``options`` at most one is set.
    """

    room_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    layout: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    audio_only: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
    audio_mixing: AudioMixing = betterproto2.field(
        15, betterproto2.TYPE_ENUM, default_factory=lambda: AudioMixing(0)
    )
    video_only: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)
    custom_base_url: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    file: EncodedFileOutput | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    stream: StreamOutput | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    segments: SegmentedFileOutput | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    preset: EncodingOptionsPreset | None = betterproto2.field(
        8, betterproto2.TYPE_ENUM, optional=True, group="options"
    )
    advanced: EncodingOptions | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True, group="options"
    )
    file_outputs: list[EncodedFileOutput] = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, repeated=True
    )
    stream_outputs: list[StreamOutput] = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, repeated=True
    )
    segment_outputs: list[SegmentedFileOutput] = betterproto2.field(
        13, betterproto2.TYPE_MESSAGE, repeated=True
    )
    image_outputs: list[ImageOutput] = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, repeated=True
    )
    webhooks: list[WebhookConfig] = betterproto2.field(16, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class WebEgressRequest(Message):
    """Of the fields of ``output`` at most one is set.
    Of the fields of ``options`` at most one is set.
    """

    url: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    audio_only: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
    video_only: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
    await_start_signal: bool = betterproto2.field(12, betterproto2.TYPE_BOOL)
    file: EncodedFileOutput | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    stream: StreamOutput | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    segments: SegmentedFileOutput | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    preset: EncodingOptionsPreset | None = betterproto2.field(
        7, betterproto2.TYPE_ENUM, optional=True, group="options"
    )
    advanced: EncodingOptions | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="options"
    )
    file_outputs: list[EncodedFileOutput] = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, repeated=True
    )
    stream_outputs: list[StreamOutput] = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, repeated=True
    )
    segment_outputs: list[SegmentedFileOutput] = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, repeated=True
    )
    image_outputs: list[ImageOutput] = betterproto2.field(
        13, betterproto2.TYPE_MESSAGE, repeated=True
    )
    webhooks: list[WebhookConfig] = betterproto2.field(14, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class ParticipantEgressRequest(Message):
    """Of the fields of ``options`` at most one is set."""

    room_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    screen_share: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
    preset: EncodingOptionsPreset | None = betterproto2.field(
        4, betterproto2.TYPE_ENUM, optional=True, group="options"
    )
    advanced: EncodingOptions | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="options"
    )
    file_outputs: list[EncodedFileOutput] = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, repeated=True
    )
    stream_outputs: list[StreamOutput] = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, repeated=True
    )
    segment_outputs: list[SegmentedFileOutput] = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, repeated=True
    )
    image_outputs: list[ImageOutput] = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, repeated=True
    )
    webhooks: list[WebhookConfig] = betterproto2.field(10, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class TrackCompositeEgressRequest(Message):
    """Of the fields of ``output`` at most one is set.
    Of the fields of ``options`` at most one is set.
    """

    room_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    audio_track_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    video_track_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    file: EncodedFileOutput | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    stream: StreamOutput | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    segments: SegmentedFileOutput | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    preset: EncodingOptionsPreset | None = betterproto2.field(
        6, betterproto2.TYPE_ENUM, optional=True, group="options"
    )
    advanced: EncodingOptions | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="options"
    )
    file_outputs: list[EncodedFileOutput] = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, repeated=True
    )
    stream_outputs: list[StreamOutput] = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, repeated=True
    )
    segment_outputs: list[SegmentedFileOutput] = betterproto2.field(
        13, betterproto2.TYPE_MESSAGE, repeated=True
    )
    image_outputs: list[ImageOutput] = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, repeated=True
    )
    webhooks: list[WebhookConfig] = betterproto2.field(15, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class TrackEgressRequest(Message):
    """Of the fields of ``output`` at most one is set."""

    room_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    track_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    file: DirectFileOutput | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    websocket_url: str | None = betterproto2.field(
        4, betterproto2.TYPE_STRING, optional=True, group="output"
    )
    webhooks: list[WebhookConfig] = betterproto2.field(5, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class DirectFileOutput(Message):
    """Of the fields of ``output`` at most one is set."""

    filepath: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    disable_manifest: bool = betterproto2.field(5, betterproto2.TYPE_BOOL)
    s3: S3Upload | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    gcp: GCPUpload | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    azure: AzureBlobUpload | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    aliOSS: AliOSSUpload | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )


@message
class EncodedFileOutput(Message):
    """Of the fields of ``output`` at most one is set."""

    file_type: EncodedFileType = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: EncodedFileType(0)
    )
    filepath: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    disable_manifest: bool = betterproto2.field(6, betterproto2.TYPE_BOOL)
    s3: S3Upload | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    gcp: GCPUpload | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    azure: AzureBlobUpload | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )
    aliOSS: AliOSSUpload | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="output"
    )


@message
class UpdateLayoutRequest(Message):
    egress_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    layout: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class UpdateStreamRequest(Message):
    egress_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    add_output_urls: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)
    remove_output_urls: list[str] = betterproto2.field(3, betterproto2.TYPE_STRING, repeated=True)
    add_destinations: list[StreamDestination] = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class StreamInfoList(Message):
    info: list[StreamInfo] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)

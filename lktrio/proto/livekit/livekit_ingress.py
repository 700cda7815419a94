"""Generated from livekit_ingress.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.livekit_models import (
    AudioCodec,
    TokenPagination,
    TrackInfo,
    TrackSource,
    VideoCodec,
    VideoLayer,
)

__all__ = (
    "CreateIngressRequest",
    "DeleteIngressRequest",
    "IngressAudioEncodingOptions",
    "IngressAudioEncodingPreset",
    "IngressAudioOptions",
    "IngressInfo",
    "IngressInput",
    "IngressState",
    "IngressVideoEncodingOptions",
    "IngressVideoEncodingPreset",
    "IngressVideoOptions",
    "InputAudioState",
    "InputVideoState",
    "ListIngressRequest",
    "ListIngressResponse",
    "UpdateIngressRequest",
)


class IngressInput(betterproto2.Enum):
    RTMP_INPUT = 0
    WHIP_INPUT = 1
    URL_INPUT = 2


class IngressAudioEncodingPreset(betterproto2.Enum):
    OPUS_STEREO_96KBPS = 0
    OPUS_MONO_64KBS = 1


class IngressVideoEncodingPreset(betterproto2.Enum):
    H264_720P_30FPS_3_LAYERS = 0
    H264_1080P_30FPS_3_LAYERS = 1
    H264_540P_25FPS_2_LAYERS = 2
    H264_720P_30FPS_1_LAYER = 3
    H264_1080P_30FPS_1_LAYER = 4
    H264_720P_30FPS_3_LAYERS_HIGH_MOTION = 5
    H264_1080P_30FPS_3_LAYERS_HIGH_MOTION = 6
    H264_540P_25FPS_2_LAYERS_HIGH_MOTION = 7
    H264_720P_30FPS_1_LAYER_HIGH_MOTION = 8
    H264_1080P_30FPS_1_LAYER_HIGH_MOTION = 9


@message
class CreateIngressRequest(Message):
    input_type: IngressInput = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: IngressInput(0)
    )
    url: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    participant_identity: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    participant_name: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    participant_metadata: str = betterproto2.field(10, betterproto2.TYPE_STRING)
    bypass_transcoding: bool = betterproto2.field(8, betterproto2.TYPE_BOOL)
    enable_transcoding: bool | None = betterproto2.field(11, betterproto2.TYPE_BOOL, optional=True)
    audio: IngressAudioOptions | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True
    )
    video: IngressVideoOptions | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True
    )
    enabled: bool | None = betterproto2.field(12, betterproto2.TYPE_BOOL, optional=True)


@message
class IngressAudioOptions(Message):
    """Of the fields of ``encoding_options`` at most one is set."""

    name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    source: TrackSource = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: TrackSource(0)
    )
    preset: IngressAudioEncodingPreset | None = betterproto2.field(
        3, betterproto2.TYPE_ENUM, optional=True, group="encoding_options"
    )
    options: IngressAudioEncodingOptions | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="encoding_options"
    )


@message
class IngressVideoOptions(Message):
    """Of the fields of ``encoding_options`` at most one is set."""

    name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    source: TrackSource = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: TrackSource(0)
    )
    preset: IngressVideoEncodingPreset | None = betterproto2.field(
        3, betterproto2.TYPE_ENUM, optional=True, group="encoding_options"
    )
    options: IngressVideoEncodingOptions | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="encoding_options"
    )


@message
class IngressAudioEncodingOptions(Message):
    audio_codec: AudioCodec = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: AudioCodec(0)
    )
    bitrate: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    disable_dtx: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
    channels: int = betterproto2.field(4, betterproto2.TYPE_UINT32)


@message
class IngressVideoEncodingOptions(Message):
    video_codec: VideoCodec = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: VideoCodec(0)
    )
    frame_rate: float = betterproto2.field(2, betterproto2.TYPE_DOUBLE)
    layers: list[VideoLayer] = betterproto2.field(3, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class IngressInfo(Message):
    ingress_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    stream_key: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    url: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    input_type: IngressInput = betterproto2.field(
        5, betterproto2.TYPE_ENUM, default_factory=lambda: IngressInput(0)
    )
    bypass_transcoding: bool = betterproto2.field(13, betterproto2.TYPE_BOOL)
    enable_transcoding: bool | None = betterproto2.field(15, betterproto2.TYPE_BOOL, optional=True)
    audio: IngressAudioOptions | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True
    )
    video: IngressVideoOptions | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True
    )
    room_name: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    participant_identity: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    participant_name: str = betterproto2.field(10, betterproto2.TYPE_STRING)
    participant_metadata: str = betterproto2.field(14, betterproto2.TYPE_STRING)
    reusable: bool = betterproto2.field(11, betterproto2.TYPE_BOOL)
    state: IngressState | None = betterproto2.field(12, betterproto2.TYPE_MESSAGE, optional=True)
    enabled: bool | None = betterproto2.field(16, betterproto2.TYPE_BOOL, optional=True)


@message
class IngressState(Message):
    class Status(betterproto2.Enum):
        ENDPOINT_INACTIVE = 0
        ENDPOINT_BUFFERING = 1
        ENDPOINT_PUBLISHING = 2
        ENDPOINT_ERROR = 3
        ENDPOINT_COMPLETE = 4

    status: IngressState.Status = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: IngressState.Status(0)
    )
    error: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    video: InputVideoState | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)
    audio: InputAudioState | None = betterproto2.field(4, betterproto2.TYPE_MESSAGE, optional=True)
    room_id: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    started_at: int = betterproto2.field(7, betterproto2.TYPE_INT64)
    ended_at: int = betterproto2.field(8, betterproto2.TYPE_INT64)
    updated_at: int = betterproto2.field(10, betterproto2.TYPE_INT64)
    resource_id: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    tracks: list[TrackInfo] = betterproto2.field(6, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class InputVideoState(Message):
    mime_type: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    average_bitrate: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    width: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
    height: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    framerate: float = betterproto2.field(5, betterproto2.TYPE_DOUBLE)


@message
class InputAudioState(Message):
    mime_type: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    average_bitrate: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    channels: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
    sample_rate: int = betterproto2.field(4, betterproto2.TYPE_UINT32)


@message
class UpdateIngressRequest(Message):
    ingress_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    participant_identity: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    participant_name: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    participant_metadata: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    bypass_transcoding: bool | None = betterproto2.field(8, betterproto2.TYPE_BOOL, optional=True)
    enable_transcoding: bool | None = betterproto2.field(10, betterproto2.TYPE_BOOL, optional=True)
    audio: IngressAudioOptions | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True
    )
    video: IngressVideoOptions | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True
    )
    enabled: bool | None = betterproto2.field(11, betterproto2.TYPE_BOOL, optional=True)


@message
class ListIngressRequest(Message):
    page_token: TokenPagination | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True
    )
    room_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    ingress_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class ListIngressResponse(Message):
    next_page_token: TokenPagination | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )
    items: list[IngressInfo] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class DeleteIngressRequest(Message):
    ingress_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)

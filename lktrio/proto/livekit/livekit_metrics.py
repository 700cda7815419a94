"""Generated from livekit_metrics.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import datetime

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.google_protobuf import Timestamp

__all__ = (
    "EventMetric",
    "MetricLabel",
    "MetricSample",
    "MetricsBatch",
    "MetricsRecordingHeader",
    "TimeSeriesMetric",
)


class MetricLabel(betterproto2.Enum):
    AGENTS_LLM_TTFT = 0
    AGENTS_STT_TTFT = 1
    AGENTS_TTS_TTFB = 2
    CLIENT_VIDEO_SUBSCRIBER_FREEZE_COUNT = 3
    CLIENT_VIDEO_SUBSCRIBER_TOTAL_FREEZE_DURATION = 4
    CLIENT_VIDEO_SUBSCRIBER_PAUSE_COUNT = 5
    CLIENT_VIDEO_SUBSCRIBER_TOTAL_PAUSES_DURATION = 6
    CLIENT_AUDIO_SUBSCRIBER_CONCEALED_SAMPLES = 7
    CLIENT_AUDIO_SUBSCRIBER_SILENT_CONCEALED_SAMPLES = 8
    CLIENT_AUDIO_SUBSCRIBER_CONCEALMENT_EVENTS = 9
    CLIENT_AUDIO_SUBSCRIBER_INTERRUPTION_COUNT = 10
    CLIENT_AUDIO_SUBSCRIBER_TOTAL_INTERRUPTION_DURATION = 11
    CLIENT_SUBSCRIBER_JITTER_BUFFER_DELAY = 12
    CLIENT_SUBSCRIBER_JITTER_BUFFER_EMITTED_COUNT = 13
    CLIENT_VIDEO_PUBLISHER_QUALITY_LIMITATION_DURATION_BANDWIDTH = 14
    CLIENT_VIDEO_PUBLISHER_QUALITY_LIMITATION_DURATION_CPU = 15
    CLIENT_VIDEO_PUBLISHER_QUALITY_LIMITATION_DURATION_OTHER = 16
    PUBLISHER_RTT = 17
    SERVER_MESH_RTT = 18
    SUBSCRIBER_RTT = 19
    METRIC_LABEL_PREDEFINED_MAX_VALUE = 4096


@message
class MetricsBatch(Message):
    timestamp_ms: int = betterproto2.field(1, betterproto2.TYPE_INT64)
    normalized_timestamp: datetime.datetime | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    str_data: list[str] = betterproto2.field(3, betterproto2.TYPE_STRING, repeated=True)
    time_series: list[TimeSeriesMetric] = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, repeated=True
    )
    events: list[EventMetric] = betterproto2.field(5, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class TimeSeriesMetric(Message):
    label: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    participant_identity: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    track_sid: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
    samples: list[MetricSample] = betterproto2.field(4, betterproto2.TYPE_MESSAGE, repeated=True)
    rid: int = betterproto2.field(5, betterproto2.TYPE_UINT32)


@message
class MetricSample(Message):
    timestamp_ms: int = betterproto2.field(1, betterproto2.TYPE_INT64)
    normalized_timestamp: datetime.datetime | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    value: float = betterproto2.field(3, betterproto2.TYPE_FLOAT)


@message
class EventMetric(Message):
    label: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    participant_identity: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    track_sid: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
    start_timestamp_ms: int = betterproto2.field(4, betterproto2.TYPE_INT64)
    end_timestamp_ms: int | None = betterproto2.field(5, betterproto2.TYPE_INT64, optional=True)
    normalized_start_timestamp: datetime.datetime | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    normalized_end_timestamp: datetime.datetime | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    metadata: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    rid: int = betterproto2.field(9, betterproto2.TYPE_UINT32)


@message
class MetricsRecordingHeader(Message):
    room_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    duration: int = betterproto2.field(3, betterproto2.TYPE_UINT64)
    start_time: datetime.datetime | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    room_tags: dict[str, str] = betterproto2.field(
        5,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    room_name: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    room_start_time: datetime.datetime | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    job_id: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    simulated: bool = betterproto2.field(9, betterproto2.TYPE_BOOL)
    redaction_enabled: bool = betterproto2.field(10, betterproto2.TYPE_BOOL)
    session_summary: str = betterproto2.field(11, betterproto2.TYPE_STRING)

"""Generated from agent/livekit_agent_inference.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import datetime

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.google_protobuf import Duration, Timestamp
from lktrio.proto.livekit.livekit_agent_session import ChatMessage

__all__ = (
    "AudioEncoding",
    "BufferStart",
    "BufferStop",
    "ClientMessage",
    "EotInferenceRequest",
    "EotInferenceResponse",
    "EotInputChatContext",
    "EotPrediction",
    "EotSettings",
    "InferenceError",
    "InferenceRequest",
    "InferenceResponse",
    "InferenceStart",
    "InferenceStarted",
    "InferenceStats",
    "InferenceStop",
    "InferenceStopped",
    "InputAudio",
    "InterruptionInferenceRequest",
    "InterruptionInferenceResponse",
    "InterruptionPrediction",
    "InterruptionSettings",
    "ServerMessage",
    "SessionClose",
    "SessionClosed",
    "SessionCreate",
    "SessionCreated",
    "SessionFlush",
    "SessionSettings",
)


class AudioEncoding(betterproto2.Enum):
    AUDIO_ENCODING_PCM_S16LE = 0
    AUDIO_ENCODING_OPUS = 1


@message
class SessionSettings(Message):
    """Of the fields of ``type_settings`` at most one is set."""

    sample_rate: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
    encoding: AudioEncoding = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: AudioEncoding(0)
    )
    eot_settings: EotSettings | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="type_settings"
    )
    interruption_settings: InterruptionSettings | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="type_settings"
    )


@message
class InferenceError(Message):
    message: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    code: int = betterproto2.field(2, betterproto2.TYPE_UINT32)


@message
class EotSettings(Message):
    detection_interval: datetime.timedelta | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )


@message
class InterruptionSettings(Message):
    threshold: float = betterproto2.field(1, betterproto2.TYPE_FLOAT)
    min_frames: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    max_audio_duration: datetime.timedelta | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )
    audio_prefix_duration: datetime.timedelta | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )
    detection_interval: datetime.timedelta | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )


@message
class SessionCreate(Message):
    settings: SessionSettings | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class InputAudio(Message):
    audio: bytes = betterproto2.field(1, betterproto2.TYPE_BYTES)
    created_at: datetime.datetime | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    num_samples: int = betterproto2.field(3, betterproto2.TYPE_UINT32)


@message
class EotInputChatContext(Message):
    messages: list[ChatMessage] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class SessionFlush(Message):
    pass


@message
class SessionClose(Message):
    pass


@message
class InferenceStart(Message):
    request_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class InferenceStop(Message):
    request_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class BufferStart(Message):
    pass


@message
class BufferStop(Message):
    pass


@message
class ClientMessage(Message):
    """Of the fields of ``message`` at most one is set."""

    created_at: datetime.datetime | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    session_create: SessionCreate | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    input_audio: InputAudio | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    session_flush: SessionFlush | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    session_close: SessionClose | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    inference_start: InferenceStart | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    inference_stop: InferenceStop | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    buffer_start: BufferStart | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    buffer_stop: BufferStop | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    eot_input_chat_context: EotInputChatContext | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )


@message
class EotInferenceRequest(Message):
    audio: bytes = betterproto2.field(1, betterproto2.TYPE_BYTES)
    assistant_text: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    encoding: AudioEncoding = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: AudioEncoding(0)
    )
    sample_rate: int = betterproto2.field(4, betterproto2.TYPE_UINT32)


@message
class InterruptionInferenceRequest(Message):
    audio: bytes = betterproto2.field(1, betterproto2.TYPE_BYTES)
    encoding: AudioEncoding = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: AudioEncoding(0)
    )
    sample_rate: int = betterproto2.field(3, betterproto2.TYPE_UINT32)


@message
class InferenceRequest(Message):
    """Of the fields of ``request`` at most one is set."""

    eot_inference_request: EotInferenceRequest | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    interruption_inference_request: InterruptionInferenceRequest | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )


@message
class InferenceStats(Message):
    earliest_client_created_at: datetime.datetime | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    latest_client_created_at: datetime.datetime | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    client_e2e_latency: datetime.timedelta | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )
    server_e2e_latency: datetime.timedelta | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )
    preprocessing_duration: datetime.timedelta | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )
    inference_duration: datetime.timedelta | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )


@message
class EotInferenceResponse(Message):
    probability: float = betterproto2.field(1, betterproto2.TYPE_FLOAT)
    stats: InferenceStats | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)


@message
class InterruptionInferenceResponse(Message):
    is_interruption: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    probabilities: list[float] = betterproto2.field(2, betterproto2.TYPE_FLOAT, repeated=True)
    stats: InferenceStats | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)


@message
class InferenceResponse(Message):
    """Of the fields of ``response`` at most one is set."""

    eot_inference_response: EotInferenceResponse | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="response"
    )
    interruption_inference_response: InterruptionInferenceResponse | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="response"
    )


@message
class SessionCreated(Message):
    default_thresholds: dict[str, float] = betterproto2.field(
        1,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_FLOAT),
    )
    default_threshold: float = betterproto2.field(2, betterproto2.TYPE_FLOAT)
    default_backchannel_thresholds: dict[str, float] = betterproto2.field(
        3,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_FLOAT),
    )
    default_backchannel_threshold: float = betterproto2.field(4, betterproto2.TYPE_FLOAT)


@message
class InferenceStarted(Message):
    pass


@message
class InferenceStopped(Message):
    pass


@message
class SessionClosed(Message):
    pass


@message
class EotPrediction(Message):
    class EotBackend(betterproto2.Enum):
        EOT_BACKEND_UNKNOWN = 0
        EOT_BACKEND_MULTIMODAL = 1
        EOT_BACKEND_TEXT = 2

    probability: float = betterproto2.field(1, betterproto2.TYPE_FLOAT)
    inference_stats: InferenceStats | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )
    backend: EotPrediction.EotBackend = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: EotPrediction.EotBackend(0)
    )
    backchannel_probability: float = betterproto2.field(4, betterproto2.TYPE_FLOAT)


@message
class InterruptionPrediction(Message):
    is_interruption: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    probabilities: list[float] = betterproto2.field(2, betterproto2.TYPE_FLOAT, repeated=True)
    inference_stats: InferenceStats | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class ServerMessage(Message):
    """Of the fields of ``message`` at most one is set."""

    server_created_at: datetime.datetime | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    request_id: str | None = betterproto2.field(2, betterproto2.TYPE_STRING, optional=True)
    client_created_at: datetime.datetime | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    session_created: SessionCreated | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    inference_started: InferenceStarted | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    inference_stopped: InferenceStopped | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    session_closed: SessionClosed | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    error: InferenceError | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    eot_prediction: EotPrediction | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    interruption_prediction: InterruptionPrediction | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )

"""Generated from agent/livekit_agent_session.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import datetime

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.google_protobuf import Duration, Struct, Timestamp

__all__ = (
    "AgentConfigUpdate",
    "AgentHandoff",
    "AgentSessionEvent",
    "AgentSessionMessage",
    "AgentSessionUsage",
    "AgentState",
    "AmdCategory",
    "ChatContext",
    "ChatMessage",
    "ChatRole",
    "CloseReason",
    "DebugMessage",
    "EotModelUsage",
    "FunctionCall",
    "FunctionCallOutput",
    "InterruptionModelUsage",
    "LLMModelUsage",
    "MetricsReport",
    "ModelUsage",
    "STTModelUsage",
    "SessionRequest",
    "SessionResponse",
    "TTSModelUsage",
    "TimedString",
    "ToolCallStatus",
    "ToolReplyStatus",
    "UserState",
)


class ChatRole(betterproto2.Enum):
    DEVELOPER = 0
    SYSTEM = 1
    USER = 2
    ASSISTANT = 3


class AgentState(betterproto2.Enum):
    AS_INITIALIZING = 0
    AS_IDLE = 1
    AS_LISTENING = 2
    AS_THINKING = 3
    AS_SPEAKING = 4


class UserState(betterproto2.Enum):
    US_SPEAKING = 0
    US_LISTENING = 1
    US_AWAY = 2


class ToolCallStatus(betterproto2.Enum):
    TC_RUNNING = 0
    TC_DONE = 1
    TC_ERROR = 2
    TC_CANCELLED = 3


class ToolReplyStatus(betterproto2.Enum):
    TR_SCHEDULED = 0
    TR_COMPLETED = 1
    TR_INTERRUPTED = 2
    TR_SKIPPED = 3


class CloseReason(betterproto2.Enum):
    CR_UNKNOWN = 0
    CR_ERROR = 1
    CR_JOB_SHUTDOWN = 2
    CR_PARTICIPANT_DISCONNECTED = 3
    CR_USER_INITIATED = 4
    CR_COMPLETED = 5


class AmdCategory(betterproto2.Enum):
    AMD_UNKNOWN = 0
    AMD_HUMAN = 1
    AMD_MACHINE_IVR = 2
    AMD_MACHINE_VM = 3
    AMD_MACHINE_UNAVAILABLE = 4
    AMD_UNCERTAIN = 5


@message
class MetricsReport(Message):
    started_speaking_at: datetime.datetime | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    stopped_speaking_at: datetime.datetime | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    transcription_delay: float | None = betterproto2.field(
        3, betterproto2.TYPE_DOUBLE, optional=True
    )
    end_of_turn_delay: float | None = betterproto2.field(4, betterproto2.TYPE_DOUBLE, optional=True)
    on_user_turn_completed_delay: float | None = betterproto2.field(
        5, betterproto2.TYPE_DOUBLE, optional=True
    )
    llm_node_ttft: float | None = betterproto2.field(6, betterproto2.TYPE_DOUBLE, optional=True)
    tts_node_ttfb: float | None = betterproto2.field(7, betterproto2.TYPE_DOUBLE, optional=True)
    e2e_latency: float | None = betterproto2.field(8, betterproto2.TYPE_DOUBLE, optional=True)
    llm_node_tps: float | None = betterproto2.field(9, betterproto2.TYPE_DOUBLE, optional=True)
    llm_node_ttfs: float | None = betterproto2.field(10, betterproto2.TYPE_DOUBLE, optional=True)


@message
class TimedString(Message):
    text: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    start_time: float | None = betterproto2.field(2, betterproto2.TYPE_DOUBLE, optional=True)
    end_time: float | None = betterproto2.field(3, betterproto2.TYPE_DOUBLE, optional=True)
    confidence: float | None = betterproto2.field(4, betterproto2.TYPE_DOUBLE, optional=True)
    start_time_offset: float | None = betterproto2.field(5, betterproto2.TYPE_DOUBLE, optional=True)
    speaker_id: str | None = betterproto2.field(6, betterproto2.TYPE_STRING, optional=True)


@message
class ChatMessage(Message):
    @message
    class ChatContent(Message):
        """Of the fields of ``payload`` at most one is set."""

        text: str | None = betterproto2.field(
            1, betterproto2.TYPE_STRING, optional=True, group="payload"
        )

    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    role: ChatRole = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: ChatRole(0)
    )
    content: list[ChatMessage.ChatContent] = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, repeated=True
    )
    interrupted: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)
    transcript_confidence: float | None = betterproto2.field(
        5, betterproto2.TYPE_DOUBLE, optional=True
    )
    extra: dict[str, str] = betterproto2.field(
        6,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    metrics: MetricsReport | None = betterproto2.field(7, betterproto2.TYPE_MESSAGE, optional=True)
    created_at: datetime.datetime | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )


@message
class FunctionCall(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    call_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    arguments: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    created_at: datetime.datetime | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    extra: dict[str, str] = betterproto2.field(
        6,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )


@message
class FunctionCallOutput(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    call_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    output: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    is_error: bool = betterproto2.field(5, betterproto2.TYPE_BOOL)
    created_at: datetime.datetime | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )


@message
class AgentHandoff(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    old_agent_id: str | None = betterproto2.field(2, betterproto2.TYPE_STRING, optional=True)
    new_agent_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    created_at: datetime.datetime | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )


@message
class AgentConfigUpdate(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    instructions: str | None = betterproto2.field(2, betterproto2.TYPE_STRING, optional=True)
    tools_added: list[str] = betterproto2.field(3, betterproto2.TYPE_STRING, repeated=True)
    tools_removed: list[str] = betterproto2.field(4, betterproto2.TYPE_STRING, repeated=True)
    created_at: datetime.datetime | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )


@message
class ChatContext(Message):
    @message
    class ChatItem(Message):
        """Of the fields of ``item`` at most one is set."""

        message: ChatMessage | None = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, optional=True, group="item"
        )
        function_call: FunctionCall | None = betterproto2.field(
            2, betterproto2.TYPE_MESSAGE, optional=True, group="item"
        )
        function_call_output: FunctionCallOutput | None = betterproto2.field(
            3, betterproto2.TYPE_MESSAGE, optional=True, group="item"
        )
        agent_handoff: AgentHandoff | None = betterproto2.field(
            4, betterproto2.TYPE_MESSAGE, optional=True, group="item"
        )
        agent_config_update: AgentConfigUpdate | None = betterproto2.field(
            5, betterproto2.TYPE_MESSAGE, optional=True, group="item"
        )

    items: list[ChatContext.ChatItem] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class LLMModelUsage(Message):
    provider: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    model: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    input_tokens: int = betterproto2.field(3, betterproto2.TYPE_INT32)
    input_cached_tokens: int = betterproto2.field(4, betterproto2.TYPE_INT32)
    input_audio_tokens: int = betterproto2.field(5, betterproto2.TYPE_INT32)
    input_cached_audio_tokens: int = betterproto2.field(6, betterproto2.TYPE_INT32)
    input_text_tokens: int = betterproto2.field(7, betterproto2.TYPE_INT32)
    input_cached_text_tokens: int = betterproto2.field(8, betterproto2.TYPE_INT32)
    input_image_tokens: int = betterproto2.field(9, betterproto2.TYPE_INT32)
    input_cached_image_tokens: int = betterproto2.field(10, betterproto2.TYPE_INT32)
    output_tokens: int = betterproto2.field(11, betterproto2.TYPE_INT32)
    output_audio_tokens: int = betterproto2.field(12, betterproto2.TYPE_INT32)
    output_text_tokens: int = betterproto2.field(13, betterproto2.TYPE_INT32)
    session_duration: float = betterproto2.field(14, betterproto2.TYPE_DOUBLE)


@message
class TTSModelUsage(Message):
    provider: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    model: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    input_tokens: int = betterproto2.field(3, betterproto2.TYPE_INT32)
    output_tokens: int = betterproto2.field(4, betterproto2.TYPE_INT32)
    characters_count: int = betterproto2.field(5, betterproto2.TYPE_INT32)
    audio_duration: float = betterproto2.field(6, betterproto2.TYPE_DOUBLE)


@message
class STTModelUsage(Message):
    provider: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    model: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    input_tokens: int = betterproto2.field(3, betterproto2.TYPE_INT32)
    output_tokens: int = betterproto2.field(4, betterproto2.TYPE_INT32)
    audio_duration: float = betterproto2.field(5, betterproto2.TYPE_DOUBLE)


@message
class InterruptionModelUsage(Message):
    provider: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    model: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    total_requests: int = betterproto2.field(3, betterproto2.TYPE_INT32)


@message
class EotModelUsage(Message):
    provider: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    model: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    total_requests: int = betterproto2.field(3, betterproto2.TYPE_INT32)


@message
class ModelUsage(Message):
    """Of the fields of ``usage`` at most one is set."""

    llm: LLMModelUsage | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="usage"
    )
    tts: TTSModelUsage | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="usage"
    )
    stt: STTModelUsage | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="usage"
    )
    interruption: InterruptionModelUsage | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="usage"
    )
    eot: EotModelUsage | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="usage"
    )


@message
class AgentSessionUsage(Message):
    model_usage: list[ModelUsage] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class DebugMessage(Message):
    payload: Struct | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)


@message
class AgentSessionEvent(Message):
    """Of the fields of ``event`` at most one is set."""

    @message
    class AgentStateChanged(Message):
        old_state: AgentState = betterproto2.field(
            1, betterproto2.TYPE_ENUM, default_factory=lambda: AgentState(0)
        )
        new_state: AgentState = betterproto2.field(
            2, betterproto2.TYPE_ENUM, default_factory=lambda: AgentState(0)
        )

    @message
    class UserStateChanged(Message):
        old_state: UserState = betterproto2.field(
            1, betterproto2.TYPE_ENUM, default_factory=lambda: UserState(0)
        )
        new_state: UserState = betterproto2.field(
            2, betterproto2.TYPE_ENUM, default_factory=lambda: UserState(0)
        )

    @message
    class ConversationItemAdded(Message):
        item: ChatContext.ChatItem | None = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, optional=True
        )

    @message
    class UserInputTranscribed(Message):
        transcript: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        is_final: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
        language: str | None = betterproto2.field(3, betterproto2.TYPE_STRING, optional=True)

    @message
    class FunctionToolsStarted(Message):
        function_calls: list[FunctionCall] = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, repeated=True
        )

    @message
    class FunctionToolsExecuted(Message):
        function_calls: list[FunctionCall] = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, repeated=True
        )
        function_call_outputs: list[FunctionCallOutput] = betterproto2.field(
            2, betterproto2.TYPE_MESSAGE, repeated=True
        )

    @message
    class Error(Message):
        message: str = betterproto2.field(1, betterproto2.TYPE_STRING)

    @message
    class OverlappingSpeech(Message):
        is_interruption: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
        overlap_started_at: datetime.datetime | None = betterproto2.field(
            2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
        )
        detection_delay: float = betterproto2.field(3, betterproto2.TYPE_DOUBLE)
        detected_at: datetime.datetime | None = betterproto2.field(
            4, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
        )

    @message
    class AmdPrediction(Message):
        speech_duration: datetime.timedelta | None = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
        )
        category: AmdCategory = betterproto2.field(
            2, betterproto2.TYPE_ENUM, default_factory=lambda: AmdCategory(0)
        )
        reason: str = betterproto2.field(3, betterproto2.TYPE_STRING)
        transcript: str = betterproto2.field(4, betterproto2.TYPE_STRING)
        delay: datetime.timedelta | None = betterproto2.field(
            5, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
        )

    @message
    class EotPrediction(Message):
        probability: float = betterproto2.field(1, betterproto2.TYPE_FLOAT)
        threshold: float = betterproto2.field(2, betterproto2.TYPE_FLOAT)
        inference_duration: datetime.timedelta | None = betterproto2.field(
            3, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
        )
        delay: datetime.timedelta | None = betterproto2.field(
            4, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
        )

    @message
    class SessionUsageUpdated(Message):
        usage: AgentSessionUsage | None = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, optional=True
        )

    @message
    class ToolExecutionUpdated(Message):
        """Of the fields of ``update`` at most one is set."""

        @message
        class Started(Message):
            function_call: FunctionCall | None = betterproto2.field(
                1, betterproto2.TYPE_MESSAGE, optional=True
            )

        @message
        class CallUpdated(Message):
            id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            call_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
            message: str = betterproto2.field(3, betterproto2.TYPE_STRING)

        @message
        class Ended(Message):
            id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            call_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
            message: str | None = betterproto2.field(3, betterproto2.TYPE_STRING, optional=True)
            status: ToolCallStatus = betterproto2.field(
                4, betterproto2.TYPE_ENUM, default_factory=lambda: ToolCallStatus(0)
            )

        @message
        class ReplyUpdated(Message):
            update_ids: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
            status: ToolReplyStatus = betterproto2.field(
                2, betterproto2.TYPE_ENUM, default_factory=lambda: ToolReplyStatus(0)
            )
            speech_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)

        started: AgentSessionEvent.ToolExecutionUpdated.Started | None = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, optional=True, group="update"
        )
        call_updated: AgentSessionEvent.ToolExecutionUpdated.CallUpdated | None = (
            betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True, group="update")
        )
        reply_updated: AgentSessionEvent.ToolExecutionUpdated.ReplyUpdated | None = (
            betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True, group="update")
        )
        ended: AgentSessionEvent.ToolExecutionUpdated.Ended | None = betterproto2.field(
            4, betterproto2.TYPE_MESSAGE, optional=True, group="update"
        )

    @message
    class AgentFalseInterruption(Message):
        resumed: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)

    created_at: datetime.datetime | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    agent_state_changed: AgentSessionEvent.AgentStateChanged | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    user_state_changed: AgentSessionEvent.UserStateChanged | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    conversation_item_added: AgentSessionEvent.ConversationItemAdded | None = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    user_input_transcribed: AgentSessionEvent.UserInputTranscribed | None = betterproto2.field(
        13, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    function_tools_executed: AgentSessionEvent.FunctionToolsExecuted | None = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    error: AgentSessionEvent.Error | None = betterproto2.field(
        15, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    overlapping_speech: AgentSessionEvent.OverlappingSpeech | None = betterproto2.field(
        16, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    session_usage_updated: AgentSessionEvent.SessionUsageUpdated | None = betterproto2.field(
        17, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    amd_prediction: AgentSessionEvent.AmdPrediction | None = betterproto2.field(
        18, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    eot_prediction: AgentSessionEvent.EotPrediction | None = betterproto2.field(
        19, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    function_tools_started: AgentSessionEvent.FunctionToolsStarted | None = betterproto2.field(
        20, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    debug_message: DebugMessage | None = betterproto2.field(
        21, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    tool_execution_updated: AgentSessionEvent.ToolExecutionUpdated | None = betterproto2.field(
        22, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    agent_false_interruption: AgentSessionEvent.AgentFalseInterruption | None = betterproto2.field(
        23, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )


@message
class SessionRequest(Message):
    """Of the fields of ``request`` at most one is set."""

    @message
    class Ping(Message):
        pass

    @message
    class GetChatHistory(Message):
        pass

    @message
    class RunInput(Message):
        text: str = betterproto2.field(1, betterproto2.TYPE_STRING)

    @message
    class GetAgentInfo(Message):
        pass

    @message
    class GetSessionState(Message):
        pass

    @message
    class GetRTCStats(Message):
        pass

    @message
    class GetSessionUsage(Message):
        pass

    @message
    class GetFrameworkInfo(Message):
        pass

    @message
    class UpdateIO(Message):
        @message
        class Input(Message):
            audio_enabled: bool | None = betterproto2.field(
                1, betterproto2.TYPE_BOOL, optional=True
            )
            video_enabled: bool | None = betterproto2.field(
                2, betterproto2.TYPE_BOOL, optional=True
            )

        @message
        class Output(Message):
            audio_enabled: bool | None = betterproto2.field(
                1, betterproto2.TYPE_BOOL, optional=True
            )
            video_enabled: bool | None = betterproto2.field(
                2, betterproto2.TYPE_BOOL, optional=True
            )
            transcription_enabled: bool | None = betterproto2.field(
                3, betterproto2.TYPE_BOOL, optional=True
            )

        input: SessionRequest.UpdateIO.Input | None = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, optional=True
        )
        output: SessionRequest.UpdateIO.Output | None = betterproto2.field(
            2, betterproto2.TYPE_MESSAGE, optional=True
        )

    @message
    class FinalizeSimulation(Message):
        provisional_success: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
        provisional_reason: str = betterproto2.field(2, betterproto2.TYPE_STRING)

    request_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    ping: SessionRequest.Ping | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    get_chat_history: SessionRequest.GetChatHistory | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    run_input: SessionRequest.RunInput | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    get_agent_info: SessionRequest.GetAgentInfo | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    get_session_state: SessionRequest.GetSessionState | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    get_rtc_stats: SessionRequest.GetRTCStats | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    get_session_usage: SessionRequest.GetSessionUsage | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    get_framework_info: SessionRequest.GetFrameworkInfo | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    update_io: SessionRequest.UpdateIO | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )
    finalize_simulation: SessionRequest.FinalizeSimulation | None = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, optional=True, group="request"
    )


@message
class SessionResponse(Message):
    """Of the fields of ``response`` at most one is set."""

    @message
    class Pong(Message):
        pass

    @message
    class GetChatHistoryResponse(Message):
        items: list[ChatContext.ChatItem] = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, repeated=True
        )

    @message
    class GetAgentInfoResponse(Message):
        id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        instructions: str | None = betterproto2.field(2, betterproto2.TYPE_STRING, optional=True)
        tools: list[str] = betterproto2.field(3, betterproto2.TYPE_STRING, repeated=True)
        chat_ctx: list[ChatContext.ChatItem] = betterproto2.field(
            4, betterproto2.TYPE_MESSAGE, repeated=True
        )

    @message
    class RunInputResponse(Message):
        items: list[ChatContext.ChatItem] = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, repeated=True
        )

    @message
    class GetSessionStateResponse(Message):
        agent_state: AgentState = betterproto2.field(
            1, betterproto2.TYPE_ENUM, default_factory=lambda: AgentState(0)
        )
        user_state: UserState = betterproto2.field(
            2, betterproto2.TYPE_ENUM, default_factory=lambda: UserState(0)
        )
        agent_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
        options: dict[str, str] = betterproto2.field(
            4,
            betterproto2.TYPE_MAP,
            map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
        )
        created_at: datetime.datetime | None = betterproto2.field(
            5, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
        )

    @message
    class GetRTCStatsResponse(Message):
        publisher_stats: list[Struct] = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, repeated=True
        )
        subscriber_stats: list[Struct] = betterproto2.field(
            2, betterproto2.TYPE_MESSAGE, repeated=True
        )

    @message
    class GetSessionUsageResponse(Message):
        usage: AgentSessionUsage | None = betterproto2.field(
            1, betterproto2.TYPE_MESSAGE, optional=True
        )
        created_at: datetime.datetime | None = betterproto2.field(
            2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
        )

    @message
    class GetFrameworkInfoResponse(Message):
        sdk: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        sdk_version: str = betterproto2.field(2, betterproto2.TYPE_STRING)

    @message
    class UpdateIOResponse(Message):
        pass

    @message
    class FinalizeSimulationResponse(Message):
        @message
        class SimulationVerdict(Message):
            success: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
            reason: str = betterproto2.field(2, betterproto2.TYPE_STRING)

        user_verdict: SessionResponse.FinalizeSimulationResponse.SimulationVerdict | None = (
            betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)
        )

    request_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    error: str | None = betterproto2.field(2, betterproto2.TYPE_STRING, optional=True)
    pong: SessionResponse.Pong | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="response"
    )
    get_chat_history: SessionResponse.GetChatHistoryResponse | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="response"
    )
    run_input: SessionResponse.RunInputResponse | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="response"
    )
    get_agent_info: SessionResponse.GetAgentInfoResponse | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="response"
    )
    get_session_state: SessionResponse.GetSessionStateResponse | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True, group="response"
    )
    get_rtc_stats: SessionResponse.GetRTCStatsResponse | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True, group="response"
    )
    get_session_usage: SessionResponse.GetSessionUsageResponse | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True, group="response"
    )
    get_framework_info: SessionResponse.GetFrameworkInfoResponse | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, optional=True, group="response"
    )
    update_io: SessionResponse.UpdateIOResponse | None = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, optional=True, group="response"
    )
    finalize_simulation: SessionResponse.FinalizeSimulationResponse | None = betterproto2.field(
        13, betterproto2.TYPE_MESSAGE, optional=True, group="response"
    )


@message
class AgentSessionMessage(Message):
    """Of the fields of ``message`` at most one is set."""

    @message
    class ConsoleIO(Message):
        @message
        class AudioFrame(Message):
            data: bytes = betterproto2.field(1, betterproto2.TYPE_BYTES)
            sample_rate: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
            num_channels: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
            samples_per_channel: int = betterproto2.field(4, betterproto2.TYPE_UINT32)

        @message
        class AudioPlaybackFlush(Message):
            pass

        @message
        class AudioPlaybackClear(Message):
            pass

        @message
        class AudioPlaybackFinished(Message):
            pass

    audio_input: AgentSessionMessage.ConsoleIO.AudioFrame | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    audio_output: AgentSessionMessage.ConsoleIO.AudioFrame | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    event: AgentSessionEvent | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    request: SessionRequest | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    response: SessionResponse | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    audio_playback_flush: AgentSessionMessage.ConsoleIO.AudioPlaybackFlush | None = (
        betterproto2.field(6, betterproto2.TYPE_MESSAGE, optional=True, group="message")
    )
    audio_playback_clear: AgentSessionMessage.ConsoleIO.AudioPlaybackClear | None = (
        betterproto2.field(7, betterproto2.TYPE_MESSAGE, optional=True, group="message")
    )
    audio_playback_finished: AgentSessionMessage.ConsoleIO.AudioPlaybackFinished | None = (
        betterproto2.field(8, betterproto2.TYPE_MESSAGE, optional=True, group="message")
    )

"""Generated from livekit_agent_simulation.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import datetime

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.google_protobuf import Duration, Timestamp
from lktrio.proto.livekit.livekit_agent_session import ChatContext, ChatRole
from lktrio.proto.livekit.livekit_cloud_agent import PresignedPostRequest
from lktrio.proto.livekit.livekit_models import TokenPagination

__all__ = (
    "Scenario",
    "ScenarioGroup",
    "SimulationDispatch",
    "SimulationImpairments",
    "SimulationMode",
    "SimulationRun",
    "SimulationRunSummary",
)


class SimulationMode(betterproto2.Enum):
    SIMULATION_MODE_UNSPECIFIED = 0
    SIMULATION_MODE_TEXT = 1
    SIMULATION_MODE_AUDIO = 2


@message
class SimulationRunSummary(Message):
    @message
    class Issue(Message):
        description: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        suggestion: str = betterproto2.field(2, betterproto2.TYPE_STRING)
        label: str = betterproto2.field(3, betterproto2.TYPE_STRING)

    passed: int = betterproto2.field(1, betterproto2.TYPE_INT32)
    failed: int = betterproto2.field(2, betterproto2.TYPE_INT32)
    going_well: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    to_improve: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    issues: list[SimulationRunSummary.Issue] = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, repeated=True
    )
    chat_history: dict[str, ChatContext] = betterproto2.field(
        6,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_MESSAGE),
    )


@message
class SimulationRun(Message):
    class Status(betterproto2.Enum):
        STATUS_PENDING_UPLOAD = 0
        STATUS_GENERATING = 1
        STATUS_RUNNING = 2
        STATUS_SUMMARIZING = 3
        STATUS_COMPLETED = 4
        STATUS_FAILED = 5
        STATUS_CANCELLED = 6

    @message
    class Job(Message):
        class Status(betterproto2.Enum):
            STATUS_PENDING = 0
            STATUS_RUNNING = 1
            STATUS_COMPLETED = 2
            STATUS_FAILED = 3
            STATUS_CANCELLED = 4

        class FailureReason(betterproto2.Enum):
            FAILURE_REASON_UNSPECIFIED = 0
            FAILURE_REASON_AGENT_JOIN_TIMEOUT = 1

        @message
        class Usage(Message):
            text_turns_count: int = betterproto2.field(1, betterproto2.TYPE_INT32)
            audio_turns_count: int = betterproto2.field(2, betterproto2.TYPE_INT32)

        id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        status: SimulationRun.Job.Status = betterproto2.field(
            2, betterproto2.TYPE_ENUM, default_factory=lambda: SimulationRun.Job.Status(0)
        )
        instructions: str = betterproto2.field(3, betterproto2.TYPE_STRING)
        error: str = betterproto2.field(4, betterproto2.TYPE_STRING)
        agent_expectations: str = betterproto2.field(5, betterproto2.TYPE_STRING)
        label: str = betterproto2.field(6, betterproto2.TYPE_STRING)
        tags: list[str] = betterproto2.field(7, betterproto2.TYPE_STRING, repeated=True)
        room_name: str = betterproto2.field(8, betterproto2.TYPE_STRING)
        started_at: datetime.datetime | None = betterproto2.field(
            10, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
        )
        ended_at: datetime.datetime | None = betterproto2.field(
            11, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
        )
        room_id: str = betterproto2.field(12, betterproto2.TYPE_STRING)
        usage: SimulationRun.Job.Usage | None = betterproto2.field(
            13, betterproto2.TYPE_MESSAGE, optional=True
        )
        metrics: SimulationRun.JobMetrics | None = betterproto2.field(
            14, betterproto2.TYPE_MESSAGE, optional=True
        )
        scenario_id: str = betterproto2.field(15, betterproto2.TYPE_STRING)
        sample: int = betterproto2.field(16, betterproto2.TYPE_INT32)
        failure_reason: SimulationRun.Job.FailureReason = betterproto2.field(
            19, betterproto2.TYPE_ENUM, default_factory=lambda: SimulationRun.Job.FailureReason(0)
        )

    @message
    class JobMetrics(Message):
        class EndReason(betterproto2.Enum):
            END_REASON_UNSPECIFIED = 0
            END_REASON_SCENARIO_COMPLETED = 1
            END_REASON_AGENT_ENDED = 2
            END_REASON_INACTIVITY = 3
            END_REASON_TURN_LIMIT = 4
            END_REASON_EMPTY_RESPONSE = 5
            END_REASON_AGENT_ERROR = 6

        @message
        class STT(Message):
            wer: float | None = betterproto2.field(1, betterproto2.TYPE_FLOAT, optional=True)
            words: int | None = betterproto2.field(2, betterproto2.TYPE_UINT32, optional=True)
            word_errors: int | None = betterproto2.field(3, betterproto2.TYPE_UINT32, optional=True)
            cer: float | None = betterproto2.field(4, betterproto2.TYPE_FLOAT, optional=True)
            chars: int | None = betterproto2.field(9, betterproto2.TYPE_UINT32, optional=True)
            char_errors: int | None = betterproto2.field(
                10, betterproto2.TYPE_UINT32, optional=True
            )
            stt_delay_ms: int | None = betterproto2.field(
                8, betterproto2.TYPE_UINT32, optional=True
            )
            entity_recognition: float | None = betterproto2.field(
                11, betterproto2.TYPE_FLOAT, optional=True
            )
            entities_uttered: int | None = betterproto2.field(
                12, betterproto2.TYPE_UINT32, optional=True
            )
            entities_recognized: int | None = betterproto2.field(
                13, betterproto2.TYPE_UINT32, optional=True
            )
            entity_recall: float | None = betterproto2.field(
                14, betterproto2.TYPE_FLOAT, optional=True
            )
            entities_acquired_uttered: int | None = betterproto2.field(
                15, betterproto2.TYPE_UINT32, optional=True
            )
            entities_acquired_recognized: int | None = betterproto2.field(
                16, betterproto2.TYPE_UINT32, optional=True
            )

        @message
        class LLM(Message):
            ttft_ms: int | None = betterproto2.field(1, betterproto2.TYPE_UINT32, optional=True)
            ttfs_ms: int | None = betterproto2.field(2, betterproto2.TYPE_UINT32, optional=True)
            tokens_per_second: float | None = betterproto2.field(
                3, betterproto2.TYPE_FLOAT, optional=True
            )

        @message
        class TTS(Message):
            ttfb_ms: int | None = betterproto2.field(2, betterproto2.TYPE_UINT32, optional=True)
            wer: float | None = betterproto2.field(3, betterproto2.TYPE_FLOAT, optional=True)
            words: int | None = betterproto2.field(7, betterproto2.TYPE_UINT32, optional=True)
            word_errors: int | None = betterproto2.field(8, betterproto2.TYPE_UINT32, optional=True)
            cer: float | None = betterproto2.field(9, betterproto2.TYPE_FLOAT, optional=True)
            chars: int | None = betterproto2.field(10, betterproto2.TYPE_UINT32, optional=True)
            char_errors: int | None = betterproto2.field(
                11, betterproto2.TYPE_UINT32, optional=True
            )
            entity_recognition: float | None = betterproto2.field(
                14, betterproto2.TYPE_FLOAT, optional=True
            )
            entities_uttered: int | None = betterproto2.field(
                15, betterproto2.TYPE_UINT32, optional=True
            )
            entities_recognized: int | None = betterproto2.field(
                16, betterproto2.TYPE_UINT32, optional=True
            )
            entity_recall: float | None = betterproto2.field(
                17, betterproto2.TYPE_FLOAT, optional=True
            )
            entities_acquired_uttered: int | None = betterproto2.field(
                18, betterproto2.TYPE_UINT32, optional=True
            )
            entities_acquired_recognized: int | None = betterproto2.field(
                19, betterproto2.TYPE_UINT32, optional=True
            )

        @message
        class Conversation(Message):
            turn_taking_score: float | None = betterproto2.field(
                1, betterproto2.TYPE_FLOAT, optional=True
            )
            heard_e2e_latency_p50_ms: int | None = betterproto2.field(
                2, betterproto2.TYPE_INT32, optional=True
            )
            heard_e2e_latency_p95_ms: int | None = betterproto2.field(
                3, betterproto2.TYPE_INT32, optional=True
            )
            heard_e2e_latency_p99_ms: int | None = betterproto2.field(
                4, betterproto2.TYPE_INT32, optional=True
            )
            time_to_yield_ms: int | None = betterproto2.field(
                5, betterproto2.TYPE_UINT32, optional=True
            )
            eot_misprediction_count: int | None = betterproto2.field(
                6, betterproto2.TYPE_UINT32, optional=True
            )
            overlap_ratio: float | None = betterproto2.field(
                7, betterproto2.TYPE_FLOAT, optional=True
            )
            overlap_speech_ms: int | None = betterproto2.field(
                8, betterproto2.TYPE_UINT32, optional=True
            )
            total_speech_ms: int | None = betterproto2.field(
                9, betterproto2.TYPE_UINT32, optional=True
            )
            awkward_silence_count: int | None = betterproto2.field(
                11, betterproto2.TYPE_UINT32, optional=True
            )
            unanswered_turns: int | None = betterproto2.field(
                12, betterproto2.TYPE_UINT32, optional=True
            )
            false_interruption_count: int | None = betterproto2.field(
                13, betterproto2.TYPE_UINT32, optional=True
            )
            e2e_latency_ms: int | None = betterproto2.field(
                15, betterproto2.TYPE_UINT32, optional=True
            )
            backchannel_count: int | None = betterproto2.field(
                16, betterproto2.TYPE_UINT32, optional=True
            )

        @message
        class Turn(Message):
            index: int = betterproto2.field(1, betterproto2.TYPE_UINT32)
            role: ChatRole = betterproto2.field(
                2, betterproto2.TYPE_ENUM, default_factory=lambda: ChatRole(0)
            )
            text: str = betterproto2.field(18, betterproto2.TYPE_STRING)
            start_ms: int | None = betterproto2.field(3, betterproto2.TYPE_UINT32, optional=True)
            end_ms: int | None = betterproto2.field(4, betterproto2.TYPE_UINT32, optional=True)
            stt_delay_ms: int | None = betterproto2.field(
                5, betterproto2.TYPE_UINT32, optional=True
            )
            llm_ttft_ms: int | None = betterproto2.field(6, betterproto2.TYPE_UINT32, optional=True)
            llm_ttfs_ms: int | None = betterproto2.field(7, betterproto2.TYPE_UINT32, optional=True)
            llm_tps: float | None = betterproto2.field(8, betterproto2.TYPE_FLOAT, optional=True)
            tts_ttfb_ms: int | None = betterproto2.field(9, betterproto2.TYPE_UINT32, optional=True)
            e2e_latency_ms: int | None = betterproto2.field(
                10, betterproto2.TYPE_UINT32, optional=True
            )
            heard_e2e_latency_ms: int | None = betterproto2.field(
                11, betterproto2.TYPE_INT32, optional=True
            )
            time_to_yield_ms: int | None = betterproto2.field(
                12, betterproto2.TYPE_UINT32, optional=True
            )
            turn_taking_score: float | None = betterproto2.field(
                13, betterproto2.TYPE_FLOAT, optional=True
            )
            conciseness: float | None = betterproto2.field(
                14, betterproto2.TYPE_FLOAT, optional=True
            )
            eot_misprediction: bool | None = betterproto2.field(
                15, betterproto2.TYPE_BOOL, optional=True
            )
            awkward_silence: bool | None = betterproto2.field(
                16, betterproto2.TYPE_BOOL, optional=True
            )
            unanswered: bool | None = betterproto2.field(17, betterproto2.TYPE_BOOL, optional=True)

        task_completion: float | None = betterproto2.field(
            3, betterproto2.TYPE_FLOAT, optional=True
        )
        overall_score: float | None = betterproto2.field(20, betterproto2.TYPE_FLOAT, optional=True)
        stt: SimulationRun.JobMetrics.STT | None = betterproto2.field(
            4, betterproto2.TYPE_MESSAGE, optional=True
        )
        llm: SimulationRun.JobMetrics.LLM | None = betterproto2.field(
            5, betterproto2.TYPE_MESSAGE, optional=True
        )
        tts: SimulationRun.JobMetrics.TTS | None = betterproto2.field(
            6, betterproto2.TYPE_MESSAGE, optional=True
        )
        conversation: SimulationRun.JobMetrics.Conversation | None = betterproto2.field(
            7, betterproto2.TYPE_MESSAGE, optional=True
        )
        turns: list[SimulationRun.JobMetrics.Turn] = betterproto2.field(
            9, betterproto2.TYPE_MESSAGE, repeated=True
        )
        judge_model: str = betterproto2.field(10, betterproto2.TYPE_STRING)
        has_remote_session: bool = betterproto2.field(12, betterproto2.TYPE_BOOL)
        t0: datetime.datetime | None = betterproto2.field(
            13, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
        )
        conciseness: float | None = betterproto2.field(14, betterproto2.TYPE_FLOAT, optional=True)
        unnecessary_tool_calls: bool | None = betterproto2.field(
            15, betterproto2.TYPE_BOOL, optional=True
        )
        information_loss: bool | None = betterproto2.field(
            16, betterproto2.TYPE_BOOL, optional=True
        )
        redundant_statements: bool | None = betterproto2.field(
            17, betterproto2.TYPE_BOOL, optional=True
        )
        poor_question_quality: bool | None = betterproto2.field(
            18, betterproto2.TYPE_BOOL, optional=True
        )
        conversation_progression: float | None = betterproto2.field(
            19, betterproto2.TYPE_FLOAT, optional=True
        )
        end_reason: SimulationRun.JobMetrics.EndReason = betterproto2.field(
            21,
            betterproto2.TYPE_ENUM,
            default_factory=lambda: SimulationRun.JobMetrics.EndReason(0),
        )
        caller_language: str = betterproto2.field(22, betterproto2.TYPE_STRING)
        caller_listen_language: str = betterproto2.field(23, betterproto2.TYPE_STRING)
        impairments: SimulationImpairments | None = betterproto2.field(
            24, betterproto2.TYPE_MESSAGE, optional=True
        )

    @message
    class RunMetrics(Message):
        scenario_pass_rate: float | None = betterproto2.field(
            3, betterproto2.TYPE_FLOAT, optional=True
        )
        overall_score: float | None = betterproto2.field(10, betterproto2.TYPE_FLOAT, optional=True)
        stt: SimulationRun.JobMetrics.STT | None = betterproto2.field(
            4, betterproto2.TYPE_MESSAGE, optional=True
        )
        llm: SimulationRun.JobMetrics.LLM | None = betterproto2.field(
            5, betterproto2.TYPE_MESSAGE, optional=True
        )
        tts: SimulationRun.JobMetrics.TTS | None = betterproto2.field(
            6, betterproto2.TYPE_MESSAGE, optional=True
        )
        conversation: SimulationRun.JobMetrics.Conversation | None = betterproto2.field(
            7, betterproto2.TYPE_MESSAGE, optional=True
        )
        conciseness: float | None = betterproto2.field(8, betterproto2.TYPE_FLOAT, optional=True)
        conversation_progression: float | None = betterproto2.field(
            9, betterproto2.TYPE_FLOAT, optional=True
        )

    @message
    class CI(Message):
        provider: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        commit_sha: str = betterproto2.field(2, betterproto2.TYPE_STRING)
        ref: str = betterproto2.field(3, betterproto2.TYPE_STRING)
        pull_request: str = betterproto2.field(4, betterproto2.TYPE_STRING)
        run_url: str = betterproto2.field(5, betterproto2.TYPE_STRING)
        actor: str = betterproto2.field(6, betterproto2.TYPE_STRING)

    @message
    class SamplingOptions(Message):
        samples: int = betterproto2.field(1, betterproto2.TYPE_INT32)
        pass_rate: float = betterproto2.field(2, betterproto2.TYPE_DOUBLE)

    @message
    class Create(Message):
        @message
        class Request(Message):
            project_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            agent_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
            num_simulations: int = betterproto2.field(4, betterproto2.TYPE_INT32)
            region: str = betterproto2.field(6, betterproto2.TYPE_STRING)
            scenario_group: ScenarioGroup | None = betterproto2.field(
                7, betterproto2.TYPE_MESSAGE, optional=True
            )
            concurrency: int | None = betterproto2.field(8, betterproto2.TYPE_INT32, optional=True)
            mode: SimulationMode = betterproto2.field(
                9, betterproto2.TYPE_ENUM, default_factory=lambda: SimulationMode(0)
            )
            background_noise: bool = betterproto2.field(10, betterproto2.TYPE_BOOL)
            low_quality_microphone: bool = betterproto2.field(11, betterproto2.TYPE_BOOL)
            packet_loss: bool = betterproto2.field(12, betterproto2.TYPE_BOOL)
            ci: SimulationRun.CI | None = betterproto2.field(
                13, betterproto2.TYPE_MESSAGE, optional=True
            )
            sampling: SimulationRun.SamplingOptions | None = betterproto2.field(
                14, betterproto2.TYPE_MESSAGE, optional=True
            )

        @message
        class Response(Message):
            simulation_run_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            presigned_post_request: PresignedPostRequest | None = betterproto2.field(
                2, betterproto2.TYPE_MESSAGE, optional=True
            )

    @message
    class ConfirmSourceUpload(Message):
        @message
        class Request(Message):
            project_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            simulation_run_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
            code_entrypoint: str = betterproto2.field(3, betterproto2.TYPE_STRING)

        @message
        class Response(Message):
            pass

    @message
    class Get(Message):
        @message
        class Request(Message):
            project_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            simulation_run_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)

        @message
        class Response(Message):
            run: SimulationRun | None = betterproto2.field(
                1, betterproto2.TYPE_MESSAGE, optional=True
            )

    @message
    class List(Message):
        @message
        class Request(Message):
            project_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            status: SimulationRun.Status | None = betterproto2.field(
                2, betterproto2.TYPE_ENUM, optional=True
            )
            page_token: TokenPagination | None = betterproto2.field(
                3, betterproto2.TYPE_MESSAGE, optional=True
            )
            start_time: datetime.datetime | None = betterproto2.field(
                4, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
            )
            end_time: datetime.datetime | None = betterproto2.field(
                5, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
            )
            agent_name: str | None = betterproto2.field(6, betterproto2.TYPE_STRING, optional=True)
            mode: SimulationMode | None = betterproto2.field(
                7, betterproto2.TYPE_ENUM, optional=True
            )

        @message
        class Response(Message):
            runs: list[SimulationRun] = betterproto2.field(
                1, betterproto2.TYPE_MESSAGE, repeated=True
            )
            next_page_token: TokenPagination | None = betterproto2.field(
                2, betterproto2.TYPE_MESSAGE, optional=True
            )

    @message
    class Counts(Message):
        @message
        class Request(Message):
            project_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            start_time: datetime.datetime | None = betterproto2.field(
                2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
            )
            end_time: datetime.datetime | None = betterproto2.field(
                3, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
            )
            status: SimulationRun.Status | None = betterproto2.field(
                4, betterproto2.TYPE_ENUM, optional=True
            )
            agent_name: str | None = betterproto2.field(5, betterproto2.TYPE_STRING, optional=True)
            mode: SimulationMode | None = betterproto2.field(
                6, betterproto2.TYPE_ENUM, optional=True
            )

        @message
        class Response(Message):
            buckets: list[SimulationRun.Counts.Bucket] = betterproto2.field(
                1, betterproto2.TYPE_MESSAGE, repeated=True
            )
            interval: datetime.timedelta | None = betterproto2.field(
                2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
            )

        @message
        class Bucket(Message):
            bucket_start: datetime.datetime | None = betterproto2.field(
                1, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
            )
            count: int = betterproto2.field(2, betterproto2.TYPE_UINT64)

    @message
    class Cancel(Message):
        @message
        class Request(Message):
            project_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            simulation_run_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)

        @message
        class Response(Message):
            pass

    @message
    class Usage(Message):
        text_turns_count: int = betterproto2.field(1, betterproto2.TYPE_INT32)
        audio_turns_count: int = betterproto2.field(2, betterproto2.TYPE_INT32)

    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    project_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    status: SimulationRun.Status = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: SimulationRun.Status(0)
    )
    agent_description: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    error: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    created_at: datetime.datetime | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    jobs: list[SimulationRun.Job] = betterproto2.field(7, betterproto2.TYPE_MESSAGE, repeated=True)
    agent_name: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    scenario_group: ScenarioGroup | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True
    )
    ended_at: datetime.datetime | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    job_count: int = betterproto2.field(12, betterproto2.TYPE_INT32)
    passed_count: int = betterproto2.field(13, betterproto2.TYPE_INT32)
    failed_count: int = betterproto2.field(14, betterproto2.TYPE_INT32)
    num_simulations: int = betterproto2.field(15, betterproto2.TYPE_INT32)
    usage: SimulationRun.Usage | None = betterproto2.field(
        16, betterproto2.TYPE_MESSAGE, optional=True
    )
    concurrency: int = betterproto2.field(17, betterproto2.TYPE_INT32)
    mode: SimulationMode = betterproto2.field(
        18, betterproto2.TYPE_ENUM, default_factory=lambda: SimulationMode(0)
    )
    metrics: SimulationRun.RunMetrics | None = betterproto2.field(
        19, betterproto2.TYPE_MESSAGE, optional=True
    )
    summary_zstd: bytes = betterproto2.field(20, betterproto2.TYPE_BYTES)
    issue_count: int | None = betterproto2.field(21, betterproto2.TYPE_INT32, optional=True)
    ci: SimulationRun.CI | None = betterproto2.field(22, betterproto2.TYPE_MESSAGE, optional=True)
    sampling: SimulationRun.SamplingOptions | None = betterproto2.field(
        23, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class Scenario(Message):
    @message
    class CreateFromSession(Message):
        @message
        class Request(Message):
            project_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
            room_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
            region: str = betterproto2.field(3, betterproto2.TYPE_STRING)

        @message
        class Response(Message):
            scenario: Scenario | None = betterproto2.field(
                1, betterproto2.TYPE_MESSAGE, optional=True
            )

    label: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    instructions: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    agent_expectations: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    tags: dict[str, str] = betterproto2.field(
        4,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    userdata: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    id: str = betterproto2.field(6, betterproto2.TYPE_STRING)


@message
class ScenarioGroup(Message):
    name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    scenarios: list[Scenario] = betterproto2.field(2, betterproto2.TYPE_MESSAGE, repeated=True)
    id: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class SimulationImpairments(Message):
    background_noise: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    low_quality_microphone: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
    packet_loss: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)


@message
class SimulationDispatch(Message):
    simulation_run_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    job_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    scenario: Scenario | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)
    mode: SimulationMode = betterproto2.field(
        4, betterproto2.TYPE_ENUM, default_factory=lambda: SimulationMode(0)
    )

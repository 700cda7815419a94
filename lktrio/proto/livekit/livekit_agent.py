"""Generated from livekit_agent.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.livekit_models import (
    ParticipantInfo,
    ParticipantPermission,
    Room,
    ServerInfo,
)

__all__ = (
    "AgentHttp",
    "AvailabilityRequest",
    "AvailabilityResponse",
    "Job",
    "JobAssignment",
    "JobState",
    "JobStateReason",
    "JobStatus",
    "JobTermination",
    "JobType",
    "MigrateJobRequest",
    "RegisterWorkerRequest",
    "RegisterWorkerResponse",
    "ServerMessage",
    "SimulateJobRequest",
    "UpdateJobStatus",
    "UpdateWorkerStatus",
    "WorkerMessage",
    "WorkerPing",
    "WorkerPong",
    "WorkerStatus",
)


class JobType(betterproto2.Enum):
    JT_ROOM = 0
    JT_PUBLISHER = 1
    JT_PARTICIPANT = 2


class WorkerStatus(betterproto2.Enum):
    WS_AVAILABLE = 0
    WS_FULL = 1


class JobStatus(betterproto2.Enum):
    JS_PENDING = 0
    JS_RUNNING = 1
    JS_SUCCESS = 2
    JS_FAILED = 3
    JS_CANCELLED = 4


class JobStateReason(betterproto2.Enum):
    JSR_UNSPECIFIED = 0
    JSR_NO_CAPACITY = 1
    JSR_ROOM_CLOSED = 2
    JSR_DISPATCH_DELETED = 3
    JSR_RETRYING = 4


@message
class Job(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    dispatch_id: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    type: JobType = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: JobType(0)
    )
    room: Room | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)
    participant: ParticipantInfo | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True
    )
    namespace: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    state: JobState | None = betterproto2.field(8, betterproto2.TYPE_MESSAGE, optional=True)
    enable_recording: bool = betterproto2.field(10, betterproto2.TYPE_BOOL)
    deployment: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    attributes: dict[str, str] = betterproto2.field(
        12,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    enable_redaction: bool = betterproto2.field(13, betterproto2.TYPE_BOOL)


@message
class JobState(Message):
    status: JobStatus = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: JobStatus(0)
    )
    error: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    started_at: int = betterproto2.field(3, betterproto2.TYPE_INT64)
    ended_at: int = betterproto2.field(4, betterproto2.TYPE_INT64)
    updated_at: int = betterproto2.field(5, betterproto2.TYPE_INT64)
    participant_identity: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    worker_id: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    agent_id: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    reason: JobStateReason = betterproto2.field(
        9, betterproto2.TYPE_ENUM, default_factory=lambda: JobStateReason(0)
    )


@message
class WorkerMessage(Message):
    """Of the fields of ``message`` at most one is set."""

    register: RegisterWorkerRequest | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    availability: AvailabilityResponse | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    update_worker: UpdateWorkerStatus | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    update_job: UpdateJobStatus | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    ping: WorkerPing | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    simulate_job: SimulateJobRequest | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    migrate_job: MigrateJobRequest | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )


@message
class ServerMessage(Message):
    """Of the fields of ``message`` at most one is set."""

    register: RegisterWorkerResponse | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    availability: AvailabilityRequest | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    assignment: JobAssignment | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    termination: JobTermination | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    pong: WorkerPong | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    go_away: AgentHttp.GoAway | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )


@message
class SimulateJobRequest(Message):
    type: JobType = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: JobType(0)
    )
    room: Room | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)
    participant: ParticipantInfo | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class WorkerPing(Message):
    timestamp: int = betterproto2.field(1, betterproto2.TYPE_INT64)


@message
class WorkerPong(Message):
    last_timestamp: int = betterproto2.field(1, betterproto2.TYPE_INT64)
    timestamp: int = betterproto2.field(2, betterproto2.TYPE_INT64)


@message
class RegisterWorkerRequest(Message):
    type: JobType = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: JobType(0)
    )
    agent_name: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    version: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    ping_interval: int = betterproto2.field(5, betterproto2.TYPE_UINT32)
    namespace: str | None = betterproto2.field(6, betterproto2.TYPE_STRING, optional=True)
    allowed_permissions: ParticipantPermission | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True
    )
    deployment: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    endpoints: list[AgentHttp.AgentEndpoint] = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, repeated=True
    )
    instance_id: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    endpoint_protocol: int = betterproto2.field(12, betterproto2.TYPE_UINT32)


@message
class RegisterWorkerResponse(Message):
    worker_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    server_info: ServerInfo | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)
    endpoint_settings: AgentHttp.AgentEndpointSettings | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class MigrateJobRequest(Message):
    job_ids: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)
    jobs: list[Job] = betterproto2.field(3, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class AvailabilityRequest(Message):
    job: Job | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)
    resuming: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)


@message
class AvailabilityResponse(Message):
    job_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    available: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
    supports_resume: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
    terminate: bool = betterproto2.field(8, betterproto2.TYPE_BOOL)
    participant_name: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    participant_identity: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    participant_metadata: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    participant_attributes: dict[str, str] = betterproto2.field(
        7,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )


@message
class UpdateJobStatus(Message):
    job_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    status: JobStatus = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: JobStatus(0)
    )
    error: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class UpdateWorkerStatus(Message):
    status: WorkerStatus | None = betterproto2.field(1, betterproto2.TYPE_ENUM, optional=True)
    load: float = betterproto2.field(3, betterproto2.TYPE_FLOAT)  # type: ignore[assignment]
    job_count: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    draining: bool = betterproto2.field(5, betterproto2.TYPE_BOOL)
    seq: int = betterproto2.field(6, betterproto2.TYPE_UINT64)


@message
class JobAssignment(Message):
    job: Job | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)
    url: str | None = betterproto2.field(2, betterproto2.TYPE_STRING, optional=True)
    token: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class JobTermination(Message):
    job_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class AgentHttp(Message):
    class AgentEndpointKind(betterproto2.Enum):
        AEK_HTTP = 0
        AEK_TEXT = 1

    class HttpStreamResetCode(betterproto2.Enum):
        HSR_ABORT = 0
        HSR_REFUSED = 1
        HSR_INTERNAL = 2
        HSR_TIMEOUT = 3
        HSR_PROTOCOL = 4

    @message
    class AgentEndpoint(Message):
        path: str = betterproto2.field(1, betterproto2.TYPE_STRING)
        methods: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)
        kind: AgentHttp.AgentEndpointKind = betterproto2.field(
            3, betterproto2.TYPE_ENUM, default_factory=lambda: AgentHttp.AgentEndpointKind(0)
        )
        public: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)

    @message
    class AgentEndpointSettings(Message):
        protocol: int = betterproto2.field(1, betterproto2.TYPE_UINT32)

    @message
    class StreamPreamble(Message):
        kind: AgentHttp.AgentEndpointKind = betterproto2.field(
            1, betterproto2.TYPE_ENUM, default_factory=lambda: AgentHttp.AgentEndpointKind(0)
        )
        request_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
        authorized: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
        route: str = betterproto2.field(4, betterproto2.TYPE_STRING)
        timeout_ms: int = betterproto2.field(5, betterproto2.TYPE_UINT32)
        client_addr: str = betterproto2.field(6, betterproto2.TYPE_STRING)
        scheme: str = betterproto2.field(7, betterproto2.TYPE_STRING)

    @message
    class GoAway(Message):
        reason: str = betterproto2.field(1, betterproto2.TYPE_STRING)

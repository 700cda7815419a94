"""Generated from livekit_agent_dispatch.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.livekit_agent import Job

__all__ = (
    "AgentDispatch",
    "AgentDispatchState",
    "CreateAgentDispatchRequest",
    "DeleteAgentDispatchRequest",
    "JobRestartPolicy",
    "ListAgentDispatchRequest",
    "ListAgentDispatchResponse",
    "RoomAgentDispatch",
)


class JobRestartPolicy(betterproto2.Enum):
    JRP_ON_FAILURE = 0
    JRP_NEVER = 1


@message
class CreateAgentDispatchRequest(Message):
    agent_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    room: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    restart_policy: JobRestartPolicy = betterproto2.field(
        4, betterproto2.TYPE_ENUM, default_factory=lambda: JobRestartPolicy(0)
    )
    deployment: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    attributes: dict[str, str] = betterproto2.field(
        6,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )


@message
class RoomAgentDispatch(Message):
    agent_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    restart_policy: JobRestartPolicy = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: JobRestartPolicy(0)
    )
    deployment: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    attributes: dict[str, str] = betterproto2.field(
        5,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )


@message
class DeleteAgentDispatchRequest(Message):
    dispatch_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    room: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class ListAgentDispatchRequest(Message):
    dispatch_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    room: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class ListAgentDispatchResponse(Message):
    agent_dispatches: list[AgentDispatch] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class AgentDispatch(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    room: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    state: AgentDispatchState | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True
    )
    restart_policy: JobRestartPolicy = betterproto2.field(
        6, betterproto2.TYPE_ENUM, default_factory=lambda: JobRestartPolicy(0)
    )
    deployment: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    attributes: dict[str, str] = betterproto2.field(
        8,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )


@message
class AgentDispatchState(Message):
    jobs: list[Job] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)
    created_at: int = betterproto2.field(2, betterproto2.TYPE_INT64)
    deleted_at: int = betterproto2.field(3, betterproto2.TYPE_INT64)

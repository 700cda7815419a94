"""Generated from agent/livekit_agent_dev.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message

__all__ = (
    "AgentDevMessage",
    "GetRunningAgentJobsRequest",
    "GetRunningAgentJobsResponse",
    "RunningAgentJobInfo",
    "ServerInfo",
)


@message
class AgentDevMessage(Message):
    """Of the fields of ``message`` at most one is set."""

    get_running_jobs_request: GetRunningAgentJobsRequest | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    get_running_jobs_response: GetRunningAgentJobsResponse | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )
    server_info: ServerInfo | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="message"
    )


@message
class ServerInfo(Message):
    agent_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    url: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class GetRunningAgentJobsRequest(Message):
    pass


@message
class GetRunningAgentJobsResponse(Message):
    jobs: list[RunningAgentJobInfo] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class RunningAgentJobInfo(Message):
    job: bytes = betterproto2.field(1, betterproto2.TYPE_BYTES)
    accept_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    accept_identity: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    accept_metadata: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    url: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    token: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    worker_id: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    mock_job: bool = betterproto2.field(8, betterproto2.TYPE_BOOL)

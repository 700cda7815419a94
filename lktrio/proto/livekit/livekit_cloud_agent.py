"""Generated from livekit_cloud_agent.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import datetime

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.google_protobuf import Timestamp

__all__ = (
    "AgentDeployment",
    "AgentEvent",
    "AgentEventType",
    "AgentInfo",
    "AgentSecret",
    "AgentSecretKind",
    "AgentVersion",
    "ClientSettingsRequest",
    "ClientSettingsResponse",
    "CreateAgentRequest",
    "CreateAgentResponse",
    "CreateAgentV2Request",
    "CreateAgentV2Response",
    "CreatePrivateLinkRequest",
    "CreatePrivateLinkResponse",
    "DeleteAgentRequest",
    "DeleteAgentResponse",
    "DeployAgentRequest",
    "DeployAgentResponse",
    "DeployAgentV2Request",
    "DeployAgentV2Response",
    "DestroyPrivateLinkRequest",
    "DestroyPrivateLinkResponse",
    "GetPrivateLinkStatusRequest",
    "GetPrivateLinkStatusResponse",
    "ListAgentSecretsRequest",
    "ListAgentSecretsResponse",
    "ListAgentVersionsRequest",
    "ListAgentVersionsResponse",
    "ListAgentsRequest",
    "ListAgentsResponse",
    "ListPrivateLinksRequest",
    "ListPrivateLinksResponse",
    "PresignedPostRequest",
    "PrivateLink",
    "PrivateLinkStatus",
    "PromoteAgentRequest",
    "PromoteAgentResponse",
    "RestartAgentRequest",
    "RestartAgentResponse",
    "RollbackAgentRequest",
    "RollbackAgentResponse",
    "SettingsParam",
    "UpdateAgentRequest",
    "UpdateAgentResponse",
    "UpdateAgentSecretsRequest",
    "UpdateAgentSecretsResponse",
)


class AgentSecretKind(betterproto2.Enum):
    AGENT_SECRET_KIND_UNKNOWN = 0
    AGENT_SECRET_KIND_ENVIRONMENT = 1
    AGENT_SECRET_KIND_FILE = 2


class AgentEventType(betterproto2.Enum):
    AGENT_EVENT_TYPE_UNKNOWN = 0
    AGENT_EVENT_TYPE_APPLICATION_CRASHED = 1
    AGENT_EVENT_TYPE_RESTARTED_HIGH_DISK_USAGE = 2
    AGENT_EVENT_TYPE_RESTARTED_HIGH_MEMORY_USAGE = 3


@message
class AgentEvent(Message):
    type: AgentEventType = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: AgentEventType(0)
    )
    count: int = betterproto2.field(2, betterproto2.TYPE_INT32)
    timestamp: datetime.datetime | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )


@message
class AgentSecret(Message):
    name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    value: bytes = betterproto2.field(2, betterproto2.TYPE_BYTES)
    created_at: datetime.datetime | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    updated_at: datetime.datetime | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    kind: AgentSecretKind = betterproto2.field(
        5, betterproto2.TYPE_ENUM, default_factory=lambda: AgentSecretKind(0)
    )
    deployments: list[str] = betterproto2.field(6, betterproto2.TYPE_STRING, repeated=True)


@message
class CreateAgentRequest(Message):
    agent_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    secrets: list[AgentSecret] = betterproto2.field(2, betterproto2.TYPE_MESSAGE, repeated=True)
    replicas: int = betterproto2.field(3, betterproto2.TYPE_INT32)
    max_replicas: int = betterproto2.field(4, betterproto2.TYPE_INT32)
    cpu_req: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    regions: list[str] = betterproto2.field(6, betterproto2.TYPE_STRING, repeated=True)


@message
class CreateAgentResponse(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    status: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    version: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    presigned_url: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    tag: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    server_regions: list[str] = betterproto2.field(7, betterproto2.TYPE_STRING, repeated=True)
    presigned_post_request: PresignedPostRequest | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class CreateAgentV2Request(Message):
    secrets: list[AgentSecret] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)
    regions: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)


@message
class CreateAgentV2Response(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    status: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    server_regions: list[str] = betterproto2.field(3, betterproto2.TYPE_STRING, repeated=True)


@message
class PromoteAgentRequest(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    src_deployment: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    dst_deployment: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class PromoteAgentResponse(Message):
    success: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    message: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    agent_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    src_deployment: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    dst_deployment: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    version_tag: str = betterproto2.field(6, betterproto2.TYPE_STRING)


@message
class PresignedPostRequest(Message):
    url: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    values: dict[str, str] = betterproto2.field(
        2,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )


@message
class AgentDeployment(Message):
    region: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    status: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    replicas: int = betterproto2.field(4, betterproto2.TYPE_INT32)
    min_replicas: int = betterproto2.field(5, betterproto2.TYPE_INT32)
    max_replicas: int = betterproto2.field(6, betterproto2.TYPE_INT32)
    cpu_req: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    cur_cpu: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    cur_mem: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    mem_req: str = betterproto2.field(10, betterproto2.TYPE_STRING)
    mem_limit: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    cpu_limit: str = betterproto2.field(12, betterproto2.TYPE_STRING)
    server_region: str = betterproto2.field(13, betterproto2.TYPE_STRING)
    events: list[AgentEvent] = betterproto2.field(14, betterproto2.TYPE_MESSAGE, repeated=True)
    deployment: str = betterproto2.field(15, betterproto2.TYPE_STRING)
    version: str = betterproto2.field(16, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(17, betterproto2.TYPE_STRING)
    deployment_enabled: bool = betterproto2.field(18, betterproto2.TYPE_BOOL)
    last_scraped_at: datetime.datetime | None = betterproto2.field(
        19, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )


@message
class AgentInfo(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    version: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    agent_deployments: list[AgentDeployment] = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, repeated=True
    )
    secrets: list[AgentSecret] = betterproto2.field(5, betterproto2.TYPE_MESSAGE, repeated=True)
    deployed_at: datetime.datetime | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )


@message
class ListAgentsRequest(Message):
    agent_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class ListAgentsResponse(Message):
    agents: list[AgentInfo] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class AgentVersion(Message):
    version: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    current: bool = betterproto2.field(2, betterproto2.TYPE_BOOL)
    created_at: datetime.datetime | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    deployed_at: datetime.datetime | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    attributes: dict[str, str] = betterproto2.field(
        5,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    status: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    owner: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    draining: bool = betterproto2.field(8, betterproto2.TYPE_BOOL)
    active: bool = betterproto2.field(9, betterproto2.TYPE_BOOL)


@message
class ListAgentVersionsRequest(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class ListAgentVersionsResponse(Message):
    versions: list[AgentVersion] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class UpdateAgentRequest(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    replicas: int = betterproto2.field(3, betterproto2.TYPE_INT32)
    max_replicas: int = betterproto2.field(4, betterproto2.TYPE_INT32)
    cpu_req: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    regions: list[str] = betterproto2.field(6, betterproto2.TYPE_STRING, repeated=True)
    secrets: list[AgentSecret] = betterproto2.field(7, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class UpdateAgentResponse(Message):
    success: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    message: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class RestartAgentRequest(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class RestartAgentResponse(Message):
    success: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    message: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class DeployAgentRequest(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    secrets: list[AgentSecret] = betterproto2.field(3, betterproto2.TYPE_MESSAGE, repeated=True)
    replicas: int = betterproto2.field(4, betterproto2.TYPE_INT32)
    max_replicas: int = betterproto2.field(5, betterproto2.TYPE_INT32)
    cpu_req: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    deployment: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    attributes: dict[str, str] = betterproto2.field(
        8,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )


@message
class DeployAgentResponse(Message):
    success: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    message: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    agent_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    presigned_url: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    tag: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    presigned_post_request: PresignedPostRequest | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True
    )
    deployment: str = betterproto2.field(7, betterproto2.TYPE_STRING)


@message
class DeployAgentV2Request(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    secrets: list[AgentSecret] = betterproto2.field(2, betterproto2.TYPE_MESSAGE, repeated=True)
    deployment: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    attributes: dict[str, str] = betterproto2.field(
        4,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )


@message
class DeployAgentV2Response(Message):
    success: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    message: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    agent_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    tag: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    presigned_req: PresignedPostRequest | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True
    )
    deployment: str = betterproto2.field(6, betterproto2.TYPE_STRING)


@message
class UpdateAgentSecretsRequest(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    overwrite: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
    secrets: list[AgentSecret] = betterproto2.field(4, betterproto2.TYPE_MESSAGE, repeated=True)
    remove: list[str] = betterproto2.field(5, betterproto2.TYPE_STRING, repeated=True)


@message
class UpdateAgentSecretsResponse(Message):
    success: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    message: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class RollbackAgentRequest(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    version: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class RollbackAgentResponse(Message):
    success: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    message: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class DeleteAgentRequest(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    deployment: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class DeleteAgentResponse(Message):
    success: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    message: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class ListAgentSecretsRequest(Message):
    agent_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class ListAgentSecretsResponse(Message):
    secrets: list[AgentSecret] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class SettingsParam(Message):
    name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    value: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class ClientSettingsResponse(Message):
    params: list[SettingsParam] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class ClientSettingsRequest(Message):
    pass


@message
class PrivateLink(Message):
    """Of the fields of ``config`` at most one is set."""

    @message
    class AWSConfig(Message):
        endpoint: str = betterproto2.field(1, betterproto2.TYPE_STRING)

    private_link_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    region: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    port: int = betterproto2.field(5, betterproto2.TYPE_UINT32)
    endpoint: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    connection_endpoint: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    cloud_region: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    aws: PrivateLink.AWSConfig | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="config"
    )


@message
class PrivateLinkStatus(Message):
    class Status(betterproto2.Enum):
        PRIVATE_LINK_STATUS_UNKNOWN = 0
        PRIVATE_LINK_STATUS_PROVISIONING = 1
        PRIVATE_LINK_STATUS_PENDING_APPROVAL = 2
        PRIVATE_LINK_STATUS_HEALTHY = 3
        PRIVATE_LINK_STATUS_UNHEALTHY = 4
        PRIVATE_LINK_STATUS_APPROVED = 5

    status: PrivateLinkStatus.Status = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: PrivateLinkStatus.Status(0)
    )
    updated_at: datetime.datetime | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    reason: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class CreatePrivateLinkRequest(Message):
    """Of the fields of ``config`` at most one is set."""

    @message
    class AWSCreateConfig(Message):
        endpoint: str = betterproto2.field(1, betterproto2.TYPE_STRING)

    name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    region: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    port: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    endpoint: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    cloud_region: str | None = betterproto2.field(6, betterproto2.TYPE_STRING, optional=True)
    aws: CreatePrivateLinkRequest.AWSCreateConfig | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="config"
    )


@message
class CreatePrivateLinkResponse(Message):
    private_link: PrivateLink | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class DestroyPrivateLinkRequest(Message):
    private_link_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class DestroyPrivateLinkResponse(Message):
    pass


@message
class ListPrivateLinksRequest(Message):
    pass


@message
class ListPrivateLinksResponse(Message):
    items: list[PrivateLink] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class GetPrivateLinkStatusRequest(Message):
    private_link_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class GetPrivateLinkStatusResponse(Message):
    value: PrivateLinkStatus | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True
    )

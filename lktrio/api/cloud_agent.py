"""CloudAgent: agents deployed to LiveKit Cloud (livekit_cloud_agent.proto)."""

# One line per method, whatever its length, is what makes the table readable.
# ruff: noqa: E501

from __future__ import annotations

from lktrio import proto

from ._grants import AGENT_ADMIN
from ._twirp import Service, method

__all__ = ["CloudAgentService"]


# fmt: off
class CloudAgentService(Service):
    """Agents on LiveKit Cloud: their versions, deployments, secrets and private links."""

    service_name = "CloudAgent"

    create_agent = method("CreateAgent", proto.CreateAgentRequest, proto.CreateAgentResponse, AGENT_ADMIN)
    create_agent_v2 = method("CreateAgentV2", proto.CreateAgentV2Request, proto.CreateAgentV2Response, AGENT_ADMIN)
    promote_agent = method("PromoteAgent", proto.PromoteAgentRequest, proto.PromoteAgentResponse, AGENT_ADMIN)
    list_agents = method("ListAgents", proto.ListAgentsRequest, proto.ListAgentsResponse, AGENT_ADMIN)
    list_agent_versions = method("ListAgentVersions", proto.ListAgentVersionsRequest, proto.ListAgentVersionsResponse, AGENT_ADMIN)
    list_agent_secrets = method("ListAgentSecrets", proto.ListAgentSecretsRequest, proto.ListAgentSecretsResponse, AGENT_ADMIN)
    update_agent = method("UpdateAgent", proto.UpdateAgentRequest, proto.UpdateAgentResponse, AGENT_ADMIN)
    restart_agent = method("RestartAgent", proto.RestartAgentRequest, proto.RestartAgentResponse, AGENT_ADMIN)
    deploy_agent = method("DeployAgent", proto.DeployAgentRequest, proto.DeployAgentResponse, AGENT_ADMIN)
    deploy_agent_v2 = method("DeployAgentV2", proto.DeployAgentV2Request, proto.DeployAgentV2Response, AGENT_ADMIN)
    update_agent_secrets = method("UpdateAgentSecrets", proto.UpdateAgentSecretsRequest, proto.UpdateAgentSecretsResponse, AGENT_ADMIN)
    rollback_agent = method("RollbackAgent", proto.RollbackAgentRequest, proto.RollbackAgentResponse, AGENT_ADMIN)
    delete_agent = method("DeleteAgent", proto.DeleteAgentRequest, proto.DeleteAgentResponse, AGENT_ADMIN)
    get_client_settings = method("GetClientSettings", proto.ClientSettingsRequest, proto.ClientSettingsResponse, AGENT_ADMIN)
    create_private_link = method("CreatePrivateLink", proto.CreatePrivateLinkRequest, proto.CreatePrivateLinkResponse, AGENT_ADMIN)
    destroy_private_link = method("DestroyPrivateLink", proto.DestroyPrivateLinkRequest, proto.DestroyPrivateLinkResponse, AGENT_ADMIN)
    list_private_links = method("ListPrivateLinks", proto.ListPrivateLinksRequest, proto.ListPrivateLinksResponse, AGENT_ADMIN)
    get_private_link_status = method("GetPrivateLinkStatus", proto.GetPrivateLinkStatusRequest, proto.GetPrivateLinkStatusResponse, AGENT_ADMIN)
# fmt: on

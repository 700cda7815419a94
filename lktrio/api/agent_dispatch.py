"""AgentDispatchService: sending agents to rooms (livekit_agent_dispatch.proto)."""

# One line per method, whatever its length, is what makes the table readable.
# ruff: noqa: E501

from __future__ import annotations

from lktrio import proto

from ._grants import room_admin
from ._twirp import Service, method

__all__ = ["AgentDispatchService"]


# fmt: off
class AgentDispatchService(Service):
    """Agents that are sent to rooms."""

    service_name = "AgentDispatchService"

    create_dispatch = method("CreateDispatch", proto.CreateAgentDispatchRequest, proto.AgentDispatch, room_admin())
    delete_dispatch = method("DeleteDispatch", proto.DeleteAgentDispatchRequest, proto.AgentDispatch, room_admin())
    list_dispatch = method("ListDispatch", proto.ListAgentDispatchRequest, proto.ListAgentDispatchResponse, room_admin())
    # fmt: on

    async def get_dispatch(self, dispatch_id: str, room: str) -> proto.AgentDispatch | None:
        """One dispatch of a room, or None if there is none with that id."""
        found = await self.list_dispatch(
            proto.ListAgentDispatchRequest(dispatch_id=dispatch_id, room=room)
        )
        return next(iter(found.agent_dispatches), None)

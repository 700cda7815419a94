"""AgentDispatchService: which agents a backend wants in a room.

Grants, error codes and texts are those of LiveKit's server.
"""

from __future__ import annotations

from collections.abc import Mapping

import trio

from lktrio import proto
from lktrio.auth import Claims
from lktrio.devserver.core import ServerCore
from lktrio.devserver.grants import require_admin
from lktrio.devserver.twirp import Method, TwirpError, from_server, nobody_responds

__all__ = ["dispatch_service"]


class _DispatchService:
    """The methods of AgentDispatchService: records of which agents a room is to have.

    Nothing takes them up, as no agents register with this server.
    """

    def __init__(self, core: ServerCore) -> None:
        self._core = core

    async def create(
        self, request: proto.CreateAgentDispatchRequest, claims: Claims
    ) -> proto.AgentDispatch:
        require_admin(claims, request.room)
        room = self._core.create_room(proto.CreateRoomRequest(name=request.room))
        dispatch = room.dispatches.add(
            proto.RoomAgentDispatch(
                agent_name=request.agent_name,
                metadata=request.metadata,
                restart_policy=request.restart_policy,
                deployment=request.deployment,
                attributes=dict(request.attributes),
            )
        )
        await trio.lowlevel.checkpoint()
        if dispatch is None:
            raise TwirpError("resource_exhausted", "too many dispatches for this room")
        return dispatch

    async def delete(
        self, request: proto.DeleteAgentDispatchRequest, claims: Claims
    ) -> proto.AgentDispatch:
        require_admin(claims, request.room)
        room = self._core.rooms.get(request.room)
        dispatch = room.dispatches.remove(request.dispatch_id) if room is not None else None
        await trio.lowlevel.checkpoint()
        if dispatch is None:
            raise from_server("not_found", "dispatch ID not found")
        return dispatch

    async def list(
        self, request: proto.ListAgentDispatchRequest, claims: Claims
    ) -> proto.ListAgentDispatchResponse:
        require_admin(claims, request.room)
        room = self._core.rooms.get(request.room)
        await trio.lowlevel.checkpoint()
        if room is None:
            raise nobody_responds()
        found = [d for d in room.dispatches if request.dispatch_id in ("", d.id)]
        return proto.ListAgentDispatchResponse(agent_dispatches=found)


def dispatch_service(core: ServerCore) -> Mapping[str, Method]:
    """The methods of AgentDispatchService by name."""
    service = _DispatchService(core)
    return {
        "CreateDispatch": Method(proto.CreateAgentDispatchRequest, service.create),
        "DeleteDispatch": Method(proto.DeleteAgentDispatchRequest, service.delete),
        "ListDispatch": Method(proto.ListAgentDispatchRequest, service.list),
    }

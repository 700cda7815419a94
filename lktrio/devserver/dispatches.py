"""Which agents a room is to have: records of AgentDispatchService.

Nothing takes them up, as no agents register with this server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lktrio import proto
from lktrio.devserver.ids import new_dispatch_id
from lktrio.net.network import Network

__all__ = ["AgentDispatches"]

_MAX_DISPATCHES = 1024
_NANOSECONDS = 1_000_000_000


class AgentDispatches:
    """The dispatches of one room.

    Args:
        room: Name of the room.
        wanted: Those that the room begins with; what is too many is left out.
    """

    def __init__(
        self, room: str, wanted: Iterable[proto.RoomAgentDispatch], network: Network
    ) -> None:
        self._room = room
        self._network = network
        self._dispatches: dict[str, proto.AgentDispatch] = {}
        for dispatch in wanted:
            self.add(dispatch)

    def __iter__(self) -> Iterator[proto.AgentDispatch]:
        return iter(list(self._dispatches.values()))

    def add(self, wanted: proto.RoomAgentDispatch) -> proto.AgentDispatch | None:
        """Note that an agent is wanted; None if there are too many dispatches."""
        if len(self._dispatches) >= _MAX_DISPATCHES:
            return None
        created = int(self._network.wall_time() * _NANOSECONDS)
        dispatch = proto.AgentDispatch(
            id=new_dispatch_id(self._network.random_bytes),
            agent_name=wanted.agent_name,
            room=self._room,
            metadata=wanted.metadata,
            state=proto.AgentDispatchState(created_at=created),
            restart_policy=wanted.restart_policy,
            deployment=wanted.deployment,
            attributes=dict(wanted.attributes),
        )
        self._dispatches[dispatch.id] = dispatch
        return dispatch

    def remove(self, dispatch_id: str) -> proto.AgentDispatch | None:
        """Take a dispatch away; None if there is none with that id."""
        return self._dispatches.pop(dispatch_id, None)

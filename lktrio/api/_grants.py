"""The grants that the methods of the services need."""

from __future__ import annotations

from lktrio.auth import AgentGrants, SIPGrants, VideoGrants

from ._twirp import Grant

__all__ = [
    "AGENT_ADMIN",
    "DATABASE_ADMIN",
    "INGRESS_ADMIN",
    "NO_GRANT",
    "ROOM_CREATE",
    "ROOM_LIST",
    "ROOM_RECORD",
    "SIMULATION_ADMIN",
    "SIP_ADMIN",
    "SIP_CALL",
    "room_admin",
]

NO_GRANT = Grant()
ROOM_CREATE = Grant(video=VideoGrants(room_create=True))
ROOM_LIST = Grant(video=VideoGrants(room_list=True))
ROOM_RECORD = Grant(video=VideoGrants(room_record=True))
INGRESS_ADMIN = Grant(video=VideoGrants(ingress_admin=True))
SIP_ADMIN = Grant(sip=SIPGrants(admin=True))
SIP_CALL = Grant(sip=SIPGrants(call=True))
AGENT_ADMIN = Grant(agent=AgentGrants(admin=True))
DATABASE_ADMIN = Grant(agent=AgentGrants(database_admin=True))
SIMULATION_ADMIN = Grant(agent=AgentGrants(simulation_admin=True))


def room_admin(room: str = "room", *, destination: str = "", sip: SIPGrants | None = None) -> Grant:
    """To administer the room that a field of the request names."""
    return Grant(room=room, destination=destination, sip=sip)

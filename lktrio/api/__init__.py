"""LiveKit's server APIs.

`LiveKitAPI` has one attribute per service. The messages of the services are here under the names
they have in LiveKit's .proto files::

    from lktrio import LiveKitAPI, api

    async with LiveKitAPI() as lk:
        room = await lk.room.create_room(api.CreateRoomRequest(name="demo"))

Nothing is loaded before it is used: neither the HTTP client nor the messages of other services.
"""

# ruff: noqa: F403 - for type checkers alone; the names are those of the modules of messages

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lktrio.proto.livekit.cloud_replay import *
    from lktrio.proto.livekit.google_protobuf import *
    from lktrio.proto.livekit.livekit_agent import *
    from lktrio.proto.livekit.livekit_agent_dispatch import *
    from lktrio.proto.livekit.livekit_agent_simulation import *
    from lktrio.proto.livekit.livekit_agentdb import *
    from lktrio.proto.livekit.livekit_cloud_agent import *
    from lktrio.proto.livekit.livekit_connector import *
    from lktrio.proto.livekit.livekit_connector_twilio import *
    from lktrio.proto.livekit.livekit_connector_whatsapp import *
    from lktrio.proto.livekit.livekit_egress import *
    from lktrio.proto.livekit.livekit_ingress import *
    from lktrio.proto.livekit.livekit_models import *
    from lktrio.proto.livekit.livekit_phone_number import *
    from lktrio.proto.livekit.livekit_room import *
    from lktrio.proto.livekit.livekit_sip import *

    from ._failover import FailoverMode as FailoverMode
    from .agent_db import AgentDBService as AgentDBService
    from .agent_dispatch import AgentDispatchService as AgentDispatchService
    from .agent_simulation import AgentSimulationService as AgentSimulationService
    from .client import LiveKitAPI as LiveKitAPI
    from .cloud_agent import CloudAgentService as CloudAgentService
    from .connector import ConnectorService as ConnectorService
    from .egress import EgressService as EgressService
    from .ingress import IngressService as IngressService
    from .phone_number import PhoneNumberService as PhoneNumberService
    from .replay import ReplayService as ReplayService
    from .room_service import RoomService as RoomService
    from .sip import SIPService as SIPService

_OURS = {
    "AgentDBService": "agent_db",
    "AgentDispatchService": "agent_dispatch",
    "AgentSimulationService": "agent_simulation",
    "CloudAgentService": "cloud_agent",
    "ConnectorService": "connector",
    "EgressService": "egress",
    "FailoverMode": "_failover",
    "IngressService": "ingress",
    "LiveKitAPI": "client",
    "PhoneNumberService": "phone_number",
    "ReplayService": "replay",
    "RoomService": "room_service",
    "SIPService": "sip",
}

if not TYPE_CHECKING:  # a type checker would take any name for defined

    def __getattr__(name):
        if name in _OURS:
            value = getattr(import_module(f"{__name__}.{_OURS[name]}"), name)
        elif name.startswith("_"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        else:
            value = getattr(import_module("lktrio.proto"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    from lktrio.proto.livekit import MODULES

    return sorted({*globals(), *_OURS, *(name for names in MODULES.values() for name in names)})

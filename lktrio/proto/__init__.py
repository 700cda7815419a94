"""LiveKit's protocol messages as dataclasses, and the one door between them and bytes.

::

    from lktrio import proto

    request = proto.SignalRequest(ping_req=proto.Ping(timestamp=1))
    proto.ParticipantInfo.State.ACTIVE        # a nested type

Message, enum, field and value names are those of LiveKit's .proto files. Each file is a module of
`lktrio.proto.livekit`, loaded when one of its names is first asked for: a participant never loads
the messages of egress or SIP. Absent message, ``optional`` and ``oneof`` fields are None; an
empty message is falsy, so write ``if response.join is not None``.

`lktrio.proto.codec` turns messages into bytes and JSON and back.

The messages of ``livekit.agent`` (agent sessions) have names that clash with these, and are reached
in their modules: ``lktrio.proto.livekit.livekit_agent_session``.
"""

# ruff: noqa: F403 - for type checkers alone; the names are those of MODULES
from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lktrio.proto.livekit import MODULES

if TYPE_CHECKING:
    from lktrio.proto._message import Message as Message
    from lktrio.proto.livekit.cloud_replay import *
    from lktrio.proto.livekit.google_protobuf import *
    from lktrio.proto.livekit.livekit_agent import *
    from lktrio.proto.livekit.livekit_agent_dispatch import *
    from lktrio.proto.livekit.livekit_agent_simulation import *
    from lktrio.proto.livekit.livekit_agent_worker import *
    from lktrio.proto.livekit.livekit_agentdb import *
    from lktrio.proto.livekit.livekit_analytics import *
    from lktrio.proto.livekit.livekit_cloud_agent import *
    from lktrio.proto.livekit.livekit_connector import *
    from lktrio.proto.livekit.livekit_connector_twilio import *
    from lktrio.proto.livekit.livekit_connector_whatsapp import *
    from lktrio.proto.livekit.livekit_egress import *
    from lktrio.proto.livekit.livekit_ingress import *
    from lktrio.proto.livekit.livekit_metrics import *
    from lktrio.proto.livekit.livekit_models import *
    from lktrio.proto.livekit.livekit_phone_number import *
    from lktrio.proto.livekit.livekit_room import *
    from lktrio.proto.livekit.livekit_rtc import *
    from lktrio.proto.livekit.livekit_sip import *
    from lktrio.proto.livekit.livekit_token_source import *
    from lktrio.proto.livekit.livekit_webhook import *

_MODULE_OF = {name: module for module, names in MODULES.items() for name in names}
_MODULE_OF["Message"] = "_message"


if not TYPE_CHECKING:  # a type checker would take any name for defined

    def __getattr__(name):
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        package = __name__ if module == "_message" else f"{__name__}.livekit"
        value = getattr(import_module(f"{package}.{module}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})

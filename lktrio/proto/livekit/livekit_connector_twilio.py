"""Generated from livekit_connector_twilio.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.livekit_agent_dispatch import RoomAgentDispatch

__all__ = ("ConnectTwilioCallRequest", "ConnectTwilioCallResponse")


@message
class ConnectTwilioCallRequest(Message):
    class TwilioCallDirection(betterproto2.Enum):
        TWILIO_CALL_DIRECTION_INBOUND = 0
        TWILIO_CALL_DIRECTION_OUTBOUND = 1

    twilio_call_direction: ConnectTwilioCallRequest.TwilioCallDirection = betterproto2.field(
        1,
        betterproto2.TYPE_ENUM,
        default_factory=lambda: ConnectTwilioCallRequest.TwilioCallDirection(0),
    )
    room_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    agents: list[RoomAgentDispatch] = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, repeated=True
    )
    participant_identity: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    participant_name: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    participant_metadata: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    participant_attributes: dict[str, str] = betterproto2.field(
        7,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    destination_country: str = betterproto2.field(8, betterproto2.TYPE_STRING)


@message
class ConnectTwilioCallResponse(Message):
    connect_url: str = betterproto2.field(1, betterproto2.TYPE_STRING)

"""Generated from livekit_connector_whatsapp.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import datetime

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.google_protobuf import Duration
from lktrio.proto.livekit.livekit_agent_dispatch import RoomAgentDispatch
from lktrio.proto.livekit.livekit_rtc import SessionDescription

__all__ = (
    "AcceptWhatsAppCallRequest",
    "AcceptWhatsAppCallResponse",
    "ConnectWhatsAppCallRequest",
    "ConnectWhatsAppCallResponse",
    "DialWhatsAppCallRequest",
    "DialWhatsAppCallResponse",
    "DisconnectWhatsAppCallRequest",
    "DisconnectWhatsAppCallResponse",
    "WhatsAppCall",
    "WhatsAppCallDirection",
)


class WhatsAppCallDirection(betterproto2.Enum):
    WHATSAPP_CALL_DIRECTION_INBOUND = 0
    WHATSAPP_CALL_DIRECTION_OUTBOUND = 2


@message
class DialWhatsAppCallRequest(Message):
    whatsapp_phone_number_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    whatsapp_to_phone_number: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    whatsapp_api_key: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    whatsapp_cloud_api_version: str = betterproto2.field(12, betterproto2.TYPE_STRING)
    whatsapp_biz_opaque_callback_data: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    agents: list[RoomAgentDispatch] = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, repeated=True
    )
    participant_identity: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    participant_name: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    participant_metadata: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    participant_attributes: dict[str, str] = betterproto2.field(
        10,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    destination_country: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    ringing_timeout: datetime.timedelta | None = betterproto2.field(
        13, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )


@message
class DialWhatsAppCallResponse(Message):
    whatsapp_call_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class DisconnectWhatsAppCallRequest(Message):
    class DisconnectReason(betterproto2.Enum):
        BUSINESS_INITIATED = 0
        USER_INITIATED = 1

    whatsapp_call_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    whatsapp_api_key: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    disconnect_reason: DisconnectWhatsAppCallRequest.DisconnectReason = betterproto2.field(
        3,
        betterproto2.TYPE_ENUM,
        default_factory=lambda: DisconnectWhatsAppCallRequest.DisconnectReason(0),
    )


@message
class DisconnectWhatsAppCallResponse(Message):
    pass


@message
class ConnectWhatsAppCallRequest(Message):
    whatsapp_call_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    sdp: SessionDescription | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)
    wait_until_answered: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)


@message
class ConnectWhatsAppCallResponse(Message):
    pass


@message
class AcceptWhatsAppCallRequest(Message):
    whatsapp_phone_number_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    whatsapp_api_key: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    whatsapp_cloud_api_version: str = betterproto2.field(13, betterproto2.TYPE_STRING)
    whatsapp_call_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    whatsapp_biz_opaque_callback_data: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    sdp: SessionDescription | None = betterproto2.field(5, betterproto2.TYPE_MESSAGE, optional=True)
    room_name: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    agents: list[RoomAgentDispatch] = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, repeated=True
    )
    participant_identity: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    participant_name: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    participant_metadata: str = betterproto2.field(10, betterproto2.TYPE_STRING)
    participant_attributes: dict[str, str] = betterproto2.field(
        11,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    destination_country: str = betterproto2.field(12, betterproto2.TYPE_STRING)
    ringing_timeout: datetime.timedelta | None = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )
    wait_until_answered: bool = betterproto2.field(15, betterproto2.TYPE_BOOL)


@message
class AcceptWhatsAppCallResponse(Message):
    room_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class WhatsAppCall(Message):
    whatsapp_call_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    direction: WhatsAppCallDirection = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: WhatsAppCallDirection(0)
    )

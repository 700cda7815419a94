"""Connector: calls of WhatsApp and Twilio into rooms (livekit_connector.proto)."""

# One line per method, whatever its length, is what makes the table readable.
# ruff: noqa: E501

from __future__ import annotations

from lktrio import proto

from ._dialing import pin_ringing_if_waiting, waiting_budget
from ._grants import ROOM_CREATE
from ._twirp import Service, method

__all__ = ["ConnectorService"]


# fmt: off
class ConnectorService(Service):
    """Calls of WhatsApp and Twilio."""

    service_name = "Connector"

    dial_whatsapp_call = method("DialWhatsAppCall", proto.DialWhatsAppCallRequest, proto.DialWhatsAppCallResponse, ROOM_CREATE)
    disconnect_whatsapp_call = method("DisconnectWhatsAppCall", proto.DisconnectWhatsAppCallRequest, proto.DisconnectWhatsAppCallResponse, ROOM_CREATE)
    connect_whatsapp_call = method("ConnectWhatsAppCall", proto.ConnectWhatsAppCallRequest, proto.ConnectWhatsAppCallResponse, ROOM_CREATE)
    accept_whatsapp_call = method("AcceptWhatsAppCall", proto.AcceptWhatsAppCallRequest, proto.AcceptWhatsAppCallResponse, ROOM_CREATE, prepare=pin_ringing_if_waiting, budget=waiting_budget)
    connect_twilio_call = method("ConnectTwilioCall", proto.ConnectTwilioCallRequest, proto.ConnectTwilioCallResponse, ROOM_CREATE)
# fmt: on

"""Every method of every service that LiveKit describes is in our tables, as it is described."""

# mypy: disable-error-code="no-untyped-call"
# Google's library has no annotations.

from __future__ import annotations

import re
from typing import Any

from google.protobuf import descriptor_pool

from lktrio.api import (
    AgentDBService,
    AgentDispatchService,
    AgentSimulationService,
    CloudAgentService,
    ConnectorService,
    EgressService,
    IngressService,
    PhoneNumberService,
    ReplayService,
    RoomService,
    SIPService,
)
from lktrio.api._twirp import Method, Service
from tests.proto.oracle import FILE_DESCRIPTORS, our_class
from tests.support.cases import each_case

SERVICES: list[type[Service]] = [
    AgentDBService,
    AgentDispatchService,
    AgentSimulationService,
    CloudAgentService,
    ConnectorService,
    EgressService,
    IngressService,
    PhoneNumberService,
    ReplayService,
    RoomService,
    SIPService,
]


def snake_case(name: str) -> str:
    """The name of a method here; WhatsApp is one word."""
    boundary = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
    return re.sub(boundary, "_", name.replace("WhatsApp", "Whatsapp")).lower()


def described(service: type[Service]) -> dict[str, tuple[str, str, str]]:
    found = descriptor_pool.Default().FindServiceByName(f"livekit.{service.service_name}")
    return {
        snake_case(method.name): (
            method.name,
            method.input_type.full_name,
            method.output_type.full_name,
        )
        for method in found.methods
    }


def table(service: type[Service]) -> dict[str, Method[Any, Any]]:
    return {name: value for name, value in vars(service).items() if isinstance(value, Method)}


def test_no_service_is_missing() -> None:
    names = {name for file in FILE_DESCRIPTORS for name in file.services_by_name}
    assert names == {service.service_name for service in SERVICES}


@each_case("service", SERVICES)
def test_methods_are_those_described(service: type[Service]) -> None:
    expected = described(service)
    assert table(service).keys() == expected.keys()
    for name, method in table(service).items():
        twirp_name, request, response = expected[name]
        assert method.name == twirp_name
        assert method.request is our_class(request)
        assert method.response is our_class(response)


def test_snake_case() -> None:
    assert snake_case("CreateSIPInboundTrunk") == "create_sip_inbound_trunk"
    assert snake_case("ListEgress") == "list_egress"
    assert snake_case("DialWhatsAppCall") == "dial_whatsapp_call"
    assert snake_case("CreateAgentV2") == "create_agent_v2"

"""What is sent: URL, headers, body, and a token that grants what the call needs and no more."""

from __future__ import annotations

import random
import uuid
from typing import Any

import httpx
import pytest

from lktrio import proto
from lktrio.api import LiveKitAPI
from lktrio.api._twirp import Method
from lktrio.auth import verify_token
from lktrio.proto.codec import decode, encode
from tests.api.peer import KEY, SECRET, URL, Peer, always, answer, api
from tests.api.test_tables_match_livekit import SERVICES, table
from tests.proto.oracle import fill, google_class
from tests.support.cases import each_case

ATTRIBUTES = {
    "AgentDBService": "agent_db",
    "AgentDispatchService": "agent_dispatch",
    "AgentSimulation": "agent_simulation",
    "CloudAgent": "cloud_agents",
    "Connector": "connector",
    "Egress": "egress",
    "Ingress": "ingress",
    "PhoneNumberService": "phone_numbers",
    "Replay": "replay",
    "RoomService": "room",
    "SIP": "sip",
}
METHODS = [
    (service.service_name, name, method)
    for service in SERVICES
    for name, method in table(service).items()
]
EVERY_METHOD = each_case("service, name, method", METHODS)
GRANTS: dict[str, dict[str, Any]] = {
    "CreateRoom": {"video": {"roomCreate": True}},
    "ListRooms": {"video": {"roomList": True}},
    "DeleteRoom": {"video": {"roomCreate": True}},
    "ForwardParticipant": {
        "video": {"roomAdmin": True, "room": "demo", "destinationRoom": "other"}
    },
    "MoveParticipant": {"video": {"roomAdmin": True, "room": "demo", "destinationRoom": "other"}},
    "CreateSIPParticipant": {"sip": {"call": True}},
    "TransferSIPParticipant": {
        "sip": {"call": True},
        "video": {"roomAdmin": True, "room": "demo"},
    },
}
SERVICE_GRANTS: dict[str, dict[str, Any]] = {
    "AgentDBService": {"agent": {"databaseAdmin": True}},
    "AgentDispatchService": {"video": {"roomAdmin": True, "room": "demo"}},
    "AgentSimulation": {"agent": {"simulationAdmin": True}},
    "CloudAgent": {"agent": {"admin": True}},
    "Connector": {"video": {"roomCreate": True}},
    "Egress": {"video": {"roomRecord": True}},
    "Ingress": {"video": {"ingressAdmin": True}},
    "PhoneNumberService": {"sip": {"admin": True}},
    "Replay": {},
    "RoomService": {"video": {"roomAdmin": True, "room": "demo"}},
    "SIP": {"sip": {"admin": True}},
}


def request_for(method: Method[Any, Any]) -> proto.Message:
    """A request with something in every field that a grant may need."""
    fields = {"room": "demo", "room_name": "demo", "destination_room": "other"}
    request: proto.Message = method.request()
    for name, value in fields.items():
        if isinstance(getattr(request, name, None), str):
            setattr(request, name, value)
    return request


async def call(lk: LiveKitAPI, service: str, name: str, request: proto.Message) -> Any:
    return await getattr(getattr(lk, ATTRIBUTES[service]), name)(request)


@EVERY_METHOD
async def test_every_method(service: str, name: str, method: Method[Any, Any]) -> None:
    expected = method.response()
    peer = Peer(always(lambda: answer(expected)))
    async with api(peer) as lk:
        assert await call(lk, service, name, request_for(method)) == expected
    (request,) = peer.requests
    assert request.method == "POST"
    assert str(request.url) == f"{URL}/twirp/livekit.{service}/{method.name}"
    assert request.headers["Content-Type"] == "application/protobuf"
    assert request.headers["User-Agent"].startswith("lktrio/")
    uuid.UUID(request.headers["X-Livekit-Request-Id"])
    claims = verify_token(request.headers["Authorization"].removeprefix("Bearer "), (KEY, SECRET))
    granted = {
        family: claims.raw[family]
        for family in ("video", "sip", "agent", "inference", "observability")
        if family in claims.raw
    }
    assert granted == GRANTS.get(method.name, SERVICE_GRANTS[service])
    assert claims.expires_at - (claims.issued_at or 0) == 600
    assert claims.identity == ""


@EVERY_METHOD
async def test_bytes_are_those_of_google(service: str, name: str, method: Method[Any, Any]) -> None:
    full_name = _full_name(method.request)
    google = fill(google_class(full_name)(), random.Random(name), 0.7)
    body = google.SerializeToString(deterministic=True)
    google_answer = fill(google_class(_full_name(method.response))(), random.Random(name), 0.7)
    answered = google_answer.SerializeToString(deterministic=True)
    headers = {"Content-Type": "application/protobuf"}
    peer = Peer(always(lambda: httpx.Response(200, headers=headers, content=answered)))
    async with api(peer) as lk:
        request = decode(method.request, body)
        unsent = encode(request)
        response = await call(lk, service, name, request)
    assert encode(request) == unsent
    assert encode(response) == answered
    sent = peer.requests[0].content
    if method.prepare is None:
        assert sent == body
        return
    completed = google_class(full_name).FromString(sent)
    for added in ("nonce", "ringing_timeout"):
        if added in completed.DESCRIPTOR.fields_by_name and not getattr(google, added):
            completed.ClearField(added)
            google.ClearField(added)
    assert completed == google


def _full_name(cls: type[proto.Message]) -> str:
    package = "google.protobuf" if cls.__module__.endswith("google_protobuf") else "livekit"
    return f"{package}.{cls.__qualname__}"


@each_case(
    "url, expected",
    [
        ("wss://example.com", "https://example.com"),
        ("ws://localhost:7880/", "http://localhost:7880"),
        ("http://[::1]:7880", "http://[::1]:7880"),
        ("https://example.com/livekit/eu/", "https://example.com/livekit/eu"),
        ("https://me:pw@example.com/a?b#c", "https://example.com/a"),
    ],
)
async def test_urls(url: str, expected: str) -> None:
    peer = Peer(always(lambda: answer(proto.ListRoomsResponse())))
    async with api(peer, url) as lk:
        await lk.room.list_rooms(proto.ListRoomsRequest())
    assert peer.urls == [f"{expected}/twirp/livekit.RoomService/ListRooms"]


@each_case("url", ["example.com", "ftp://example.com", "https://", "localhost:7880"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not a server URL"):
        LiveKitAPI(url, KEY, SECRET)


async def test_data_gets_a_nonce() -> None:
    peer = Peer(always(lambda: answer(proto.SendDataResponse())))
    request = proto.SendDataRequest(room="demo", data=b"x")
    async with api(peer) as lk:
        await lk.room.send_data(request)
        await lk.room.send_data(request)
        await lk.room.send_data(proto.SendDataRequest(nonce=b"n" * 16))
    nonces = [decode(proto.SendDataRequest, sent.content).nonce for sent in peer.requests]
    assert request.nonce == b""
    assert [len(nonce) for nonce in nonces] == [16, 16, 16]
    assert nonces[0] != nonces[1]
    assert nonces[2] == b"n" * 16


async def test_a_ready_token_is_sent_as_it_is() -> None:
    peer = Peer(always(lambda: answer(proto.Room())))
    async with api(peer, token="ready") as lk:
        await lk.room.create_room(proto.CreateRoomRequest())
    assert peer.requests[0].headers["Authorization"] == "Bearer ready"


async def test_a_request_of_the_wrong_class_is_refused() -> None:
    wrong: Any = proto.ListRoomsRequest()
    peer = Peer(always(lambda: answer(proto.Room())))
    async with api(peer) as lk:
        with pytest.raises(TypeError, match="CreateRoom takes a CreateRoomRequest"):
            await lk.room.create_room(wrong)
        with pytest.raises(ValueError, match=r"CreateRoomRequest\.max_participants"):
            await lk.room.create_room(proto.CreateRoomRequest(max_participants=-1))
    assert peer.requests == []


async def test_the_agent_service_of_cloud_has_its_own_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LK_AGENTS_URL", raising=False)
    peer = Peer(always(lambda: answer(proto.ListAgentsResponse())))
    async with api(peer, "wss://project.livekit.cloud") as lk:
        await lk.cloud_agents.list_agents(proto.ListAgentsRequest())
        await lk.room.list_rooms(proto.ListRoomsRequest())
    async with api(peer, agents_url="https://mine.example.com/x") as lk:
        await lk.cloud_agents.list_agents(proto.ListAgentsRequest())
    monkeypatch.setenv("LK_AGENTS_URL", "https://env.example.com")
    async with api(peer) as lk:
        await lk.cloud_agents.list_agents(proto.ListAgentsRequest())
    assert [url.partition("/twirp")[0] for url in peer.urls] == [
        "https://agents.livekit.cloud",
        "https://project.livekit.cloud",
        "https://mine.example.com/x",
        "https://env.example.com",
    ]

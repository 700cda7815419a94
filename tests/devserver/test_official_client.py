"""LiveKit's own client for the server APIs drives the server, and gets what our client gets.

Each request goes to the server twice, once from each client, and the two outcomes are compared:
the bytes of the answers, or code, text, status and further values of the errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from typing import Any

import httpx
import pytest
from livekit import api as official

from lktrio import LiveKitAPI, events, media, proto
from lktrio.errors import ServerError
from lktrio.proto import Message
from lktrio.proto.codec import decode, encode
from tests.proto.oracle import google_class
from tests.support.server_thread import Guest, ServerThread, serve_in_thread

Outcome = Message | tuple[str, str, int | None, dict[str, str]]
SECRET = "secret" * 6
ADMIN = official.VideoGrants(room_admin=True, room="people")


@pytest.fixture(scope="module")
def server() -> Generator[ServerThread, None, None]:
    with serve_in_thread(api_secret=SECRET) as found:
        yield found


@pytest.fixture(scope="module")
def people(server: ServerThread) -> Generator[tuple[Guest, Guest, str], None, None]:
    """Alice, who publishes, Bob, and the id of the track."""
    with server.guest("alice", "people") as alice, server.guest("bob", "people") as bob:
        publishing = alice.room.local_participant.publish_track(media.OPUS, name="mic")
        track = alice.run(publishing.__aenter__)
        yield alice, bob, track.sid
        alice.run(publishing.__aexit__, None, None, None)


class Clients:
    """Both clients of one server."""

    def __init__(self, server: ServerThread) -> None:
        self._server = server

    def both(self, service: str, method: str, request: Message) -> tuple[Outcome, Outcome]:
        """What LiveKit's client gets, and what ours gets."""
        return self.theirs(service, method, request), self.ours(service, method, request)

    def ours(self, service: str, method: str, request: Message) -> Outcome:
        async def call(lk: LiveKitAPI) -> Message:
            answer: Message = await getattr(getattr(lk, service), method)(request)
            return answer

        return self.run_ours(call)

    def run_ours(self, call: Callable[[LiveKitAPI], Awaitable[Message]]) -> Outcome:
        server = self._server

        async def run() -> Outcome:
            async with (
                httpx.AsyncClient(verify=False) as client,  # reading certificates takes a while
                LiveKitAPI(server.url, server.api_key, server.api_secret, client=client) as lk,
            ):
                try:
                    return await call(lk)
                except ServerError as error:
                    return error.code, error.message, error.status, error.meta

        return server.run(run)

    def theirs(self, service: str, method: str, request: Message) -> Outcome:
        google = google_class(f"livekit.{type(request).__name__}").FromString(encode(request))

        async def call(lk: Any) -> Any:
            return await getattr(getattr(lk, service), method)(google)

        return self.run_theirs(call)

    def run_theirs(self, call: Callable[[Any], Awaitable[Any]]) -> Outcome:
        """The message in our classes, to be compared."""
        server = self._server

        async def run() -> Outcome:
            async with official.LiveKitAPI(server.url, server.api_key, server.api_secret) as lk:
                try:
                    answer = await call(lk)
                except official.ServerError as error:
                    return error.code, error.message, error.status, error.metadata
                if answer is None:  # of methods whose empty answer their client keeps to itself
                    return proto.Empty()
                cls: type[Message] = getattr(proto, type(answer).__name__)
                return decode(cls, answer.SerializeToString())

        return asyncio.run(run())


@pytest.fixture
def clients(server: ServerThread) -> Clients:
    return Clients(server)


def identity(name: str, room: str = "people") -> proto.RoomParticipantIdentity:
    return proto.RoomParticipantIdentity(room=room, identity=name)


CALLS: tuple[tuple[str, Message], ...] = (
    (
        "create_room",
        proto.CreateRoomRequest(
            name="kept",
            metadata="ä",
            max_participants=4,
            empty_timeout=500,
            agents=[proto.RoomAgentDispatch(agent_name="helper")],
        ),
    ),
    ("list_rooms", proto.ListRoomsRequest()),
    ("list_rooms", proto.ListRoomsRequest(names=["people", "nowhere"])),
    ("update_room_metadata", proto.UpdateRoomMetadataRequest(room="people", metadata="m")),
    ("list_participants", proto.ListParticipantsRequest(room="people")),
    ("list_participants", proto.ListParticipantsRequest(room="nowhere")),
    ("get_participant", identity("alice")),
    (
        "update_participant",
        proto.UpdateParticipantRequest(
            room="people",
            identity="bob",
            name="Bob",
            metadata="m",
            attributes={"a": "b"},
            permission=proto.ParticipantPermission(can_subscribe=True, can_publish=True),
        ),
    ),
)


def test_answers_are_the_same(clients: Clients, people: tuple[Guest, Guest, str]) -> None:
    for method, request in CALLS:
        theirs, ours = clients.both("room", method, request)
        for answer in (theirs, ours):
            if isinstance(answer, proto.ParticipantInfo):
                answer.version = 0  # counts the changes
        assert isinstance(ours, Message), method
        assert theirs == ours, method


def test_tracks_are_muted_and_chosen(clients: Clients, people: tuple[Guest, Guest, str]) -> None:
    _, bob, sid = people
    mute = proto.MuteRoomTrackRequest(room="people", identity="alice", track_sid=sid, muted=True)
    theirs, ours = clients.both("room", "mute_published_track", mute)
    assert isinstance(ours, proto.MuteRoomTrackResponse)
    assert ours.track is not None
    assert ours.track.muted
    assert theirs == ours
    changes = bob.room.events(events.TrackSubscribed, events.TrackUnsubscribed, replay=False)
    for call in (clients.theirs, clients.ours):
        for wanted, event in ((False, events.TrackUnsubscribed), (True, events.TrackSubscribed)):
            change = proto.UpdateSubscriptionsRequest(
                room="people", identity="bob", track_sids=[sid], subscribe=wanted
            )
            outcome = call("room", "update_subscriptions", change)
            assert outcome == proto.UpdateSubscriptionsResponse()
            assert isinstance(bob.run(changes.receive), event)


def test_data_arrives(clients: Clients, people: tuple[Guest, Guest, str]) -> None:
    alice, bob, _ = people
    received = [guest.room.events(events.DataReceived) for guest in (alice, bob)]
    request = proto.SendDataRequest(
        room="people",
        data=b"\x00data",
        kind=proto.DataPacket.Kind.RELIABLE,
        topic="t",
        destination_identities=["bob"],
    )
    assert clients.both("room", "send_data", request) == (proto.SendDataResponse(),) * 2
    request.destination_identities = []
    assert clients.both("room", "send_data", request) == (proto.SendDataResponse(),) * 2
    for guest, subscription, count in zip((alice, bob), received, (2, 4), strict=True):
        for _ in range(count):
            event = guest.run(subscription.receive)
            assert (event.data, event.topic, event.participant) == (b"\x00data", "t", None)


def test_a_call_that_is_too_large_is_refused(
    clients: Clients, people: tuple[Guest, Guest, str]
) -> None:
    request = proto.PerformRpcRequest(
        room="people", destination_identity="alice", method="any", payload="x" * 20_000
    )

    async def call(lk: Any) -> Any:  # a method that their client does not wrap
        google = google_class("livekit.PerformRpcRequest").FromString(encode(request))
        headers, answer = lk.room._auth_header(ADMIN), google_class("livekit.PerformRpcResponse")
        return await lk.room._client.request("RoomService", "PerformRpc", google, headers, answer)

    ours = clients.ours("room", "perform_rpc", request)
    assert isinstance(ours, tuple)
    assert ours[0] == "invalid_argument"
    assert clients.run_theirs(call) == ours


def test_rooms_are_deleted_and_people_removed(clients: Clients, server: ServerThread) -> None:
    for number, call in enumerate((clients.theirs, clients.ours)):
        name = f"gone-{number}"
        with server.guest("carol", name) as carol, server.guest("dave", name) as dave:
            outcome = call("room", "remove_participant", identity("carol", name))
            assert outcome == proto.RemoveParticipantResponse()
            assert carol.run(carol.room.wait_closed) == "participant_removed"
            outcome = call("room", "delete_room", proto.DeleteRoomRequest(room=name))
            assert outcome == proto.DeleteRoomResponse()
            assert dave.run(dave.room.wait_closed) == "room_deleted"


def test_agents_are_dispatched(clients: Clients) -> None:
    request = proto.CreateAgentDispatchRequest(
        room="work", agent_name="helper", metadata="m", attributes={"a": "b"}
    )
    made = clients.both("agent_dispatch", "create_dispatch", request)
    theirs, ours = map(without_id, made)
    assert theirs == ours
    assert (ours.agent_name, ours.attributes) == ("helper", {"a": "b"})

    listing = proto.ListAgentDispatchRequest(room="work")
    listed = clients.ours("agent_dispatch", "list_dispatch", listing)
    assert isinstance(listed, proto.ListAgentDispatchResponse)
    assert {id_of(one) for one in made} < {one.id for one in listed.agent_dispatches}

    async def list_theirs(lk: Any) -> Any:
        answer = google_class("livekit.ListAgentDispatchResponse")()
        answer.agent_dispatches.extend(await lk.agent_dispatch.list_dispatch("work"))
        return answer

    assert clients.run_theirs(list_theirs) == listed

    async def get_theirs(lk: Any) -> Any:
        return await lk.agent_dispatch.get_dispatch(id_of(made[0]), "work")

    async def get_ours(lk: LiveKitAPI) -> Message:
        return await lk.agent_dispatch.get_dispatch(id_of(made[0]), "work") or proto.Empty()

    assert clients.run_theirs(get_theirs) == clients.run_ours(get_ours) == made[0]

    async def delete_theirs(lk: Any) -> Any:
        return await lk.agent_dispatch.delete_dispatch(id_of(made[0]), "work")

    deletion = proto.DeleteAgentDispatchRequest(dispatch_id=id_of(made[1]), room="work")
    gone = (
        clients.run_theirs(delete_theirs),
        clients.ours("agent_dispatch", "delete_dispatch", deletion),
    )
    assert [id_of(one) for one in gone] == [id_of(one) for one in made]
    again = (
        clients.run_theirs(delete_theirs),
        clients.ours("agent_dispatch", "delete_dispatch", deletion),
    )
    assert again[0] == again[1]
    assert again[0][0] == "not_found"  # type: ignore[index] # an error, or the line above fails


def id_of(outcome: Outcome) -> str:
    assert isinstance(outcome, proto.AgentDispatch), outcome
    return outcome.id


def without_id(outcome: Outcome) -> proto.AgentDispatch:
    """A dispatch without what differs between two of them."""
    assert isinstance(outcome, proto.AgentDispatch), outcome
    copy = decode(proto.AgentDispatch, encode(outcome))
    copy.id, copy.state = "", None
    return copy


MOVE: dict[str, Any] = {"room": "people", "identity": "alice", "destination_room": "other"}
NOBODY: dict[str, Any] = {"room": "people", "identity": "nobody"}


MISTAKES: tuple[tuple[str, str, Message], ...] = (
    ("room", "create_room", proto.CreateRoomRequest(name="x" * 300)),
    ("room", "create_room", proto.CreateRoomRequest(name="x", room_preset="none")),
    ("room", "create_room", proto.CreateRoomRequest(name="x", metadata="x" * 600_000)),
    ("room", "create_room", proto.CreateRoomRequest(name="x", egress=proto.RoomEgress())),
    ("room", "delete_room", proto.DeleteRoomRequest(room="nowhere")),
    ("room", "update_room_metadata", proto.UpdateRoomMetadataRequest(room="nowhere")),
    ("room", "get_participant", identity("nobody")),
    ("room", "remove_participant", identity("nobody")),
    ("room", "mute_published_track", proto.MuteRoomTrackRequest(**NOBODY, muted=True)),
    ("room", "mute_published_track", proto.MuteRoomTrackRequest(room="people", identity="bob")),
    ("room", "update_participant", proto.UpdateParticipantRequest(**NOBODY, name="x")),
    ("room", "update_participant", proto.UpdateParticipantRequest(**NOBODY, name="x" * 300)),
    ("room", "update_subscriptions", proto.UpdateSubscriptionsRequest(**NOBODY)),
    ("room", "send_data", proto.SendDataRequest(room="nowhere")),
    ("room", "forward_participant", proto.ForwardParticipantRequest(**MOVE)),
    ("room", "move_participant", proto.MoveParticipantRequest(**MOVE)),
    ("egress", "list_egress", proto.ListEgressRequest()),
    ("ingress", "list_ingress", proto.ListIngressRequest()),
    ("sip", "list_inbound_trunk", proto.ListSIPInboundTrunkRequest()),
    ("connector", "dial_whatsapp_call", proto.DialWhatsAppCallRequest()),
)


def test_errors_are_the_same(clients: Clients, people: tuple[Guest, Guest, str]) -> None:
    for service, method, request in MISTAKES:
        theirs = clients.theirs(service, method, request)
        ours = clients.ours(service, method.replace("inbound", "sip_inbound"), request)
        assert isinstance(ours, tuple), method
        assert theirs == ours, method


def test_a_key_that_is_not_known_is_refused_alike(
    clients: Clients, server: ServerThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "api_secret", "another secret of at least 32 bytes")
    theirs, ours = clients.both("room", "list_rooms", proto.ListRoomsRequest())
    assert isinstance(theirs, tuple)
    assert isinstance(ours, tuple)
    assert theirs[2] == ours[2] == 401  # with a plain text, of which theirs makes nothing
    assert ours[0] == "unauthenticated"
    assert "signature is invalid" in ours[1]

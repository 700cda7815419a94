"""What a backend asks of the server happens to the participants.

The same on the embedded server as on a real one, if there is one: every test runs on both.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio

from lktrio import proto
from lktrio.api import LiveKitAPI
from lktrio.auth import AccessToken, VideoGrants
from lktrio.errors import ServerError
from tests.support.caller import OPUS_FRAME, Caller, open_caller
from tests.support.places import Place, open_place
from tests.support.servers import SERVERS
from tests.support.signal_client import joined

LIMIT = 30
State = proto.ParticipantInfo.State

pytestmark = [pytest.mark.virtual_time, pytest.mark.parametrize("which", SERVERS)]


@asynccontextmanager
async def open_api(which: str) -> AsyncGenerator[tuple[Place, LiveKitAPI], None]:
    async with (
        open_place(which) as server,
        server.api() as lk,
    ):
        yield server, lk


async def test_rooms_are_made_listed_and_deleted(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with open_api(which) as (server, lk):
            first, second = server.room, f"{server.room}-b"
            wanted = proto.CreateRoomRequest(name=first, metadata="m", max_participants=3)
            made = await lk.room.create_room(wanted)
            again = await lk.room.create_room(proto.CreateRoomRequest(name=first, metadata="other"))
            await lk.room.create_room(proto.CreateRoomRequest(name=second))
            everything = await lk.room.list_rooms(proto.ListRoomsRequest())
            names = proto.ListRoomsRequest(names=[first, second, "none"])
            both = await lk.room.list_rooms(names)
            async with joined(server, "me", first) as client:
                await lk.room.delete_room(proto.DeleteRoomRequest(room=first))
                leave = await client.wait_for("leave")
            left = await lk.room.list_rooms(names)
            await lk.room.delete_room(proto.DeleteRoomRequest(room=second))
    assert again == made
    assert (made.metadata, made.max_participants) == ("m", 3)
    assert (made.empty_timeout, made.departure_timeout) == (300, 20)
    assert {first, second} <= {room.name for room in everything.rooms}
    assert {room.name for room in both.rooms} == {first, second}
    assert [room.name for room in left.rooms] == [second]
    assert leave.reason == proto.DisconnectReason.ROOM_DELETED
    assert leave.action == proto.LeaveRequest.Action.DISCONNECT


async def test_rooms_that_stay_empty_end(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with open_api(which) as (server, lk):
            first, second = server.room, f"{server.room}-b"
            names = proto.ListRoomsRequest(names=[first, second])
            request = proto.CreateRoomRequest(name=first, empty_timeout=1, departure_timeout=1)
            await lk.room.create_room(request)
            await lk.room.create_room(proto.CreateRoomRequest(name=second))
            while len((await lk.room.list_rooms(names)).rooms) == 2:
                await trio.sleep(0.1)
            await lk.room.create_room(request)
            async with joined(server, "me", first):
                await trio.sleep(1.2)  # longer than an empty room lives
                assert len((await lk.room.list_rooms(names)).rooms) == 2
            while len((await lk.room.list_rooms(names)).rooms) == 2:
                await trio.sleep(0.1)
            await lk.room.delete_room(proto.DeleteRoomRequest(room=second))


async def test_metadata_of_a_room_is_told_to_everybody(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with open_api(which) as (server, lk), joined(server, "me", server.room) as client:
            request = proto.UpdateRoomMetadataRequest(room=server.room, metadata="new")
            room = await lk.room.update_room_metadata(request)
            update = await client.wait_for("room_update", lambda u: bool(u.room.metadata))
    assert room.metadata == update.room.metadata == "new"


async def test_participants_are_listed_and_removed(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api(which) as (server, lk),
            joined(server, "other", server.room) as other,
            joined(server, "me", server.room) as client,
        ):
            identity = proto.RoomParticipantIdentity(room=server.room, identity="me")
            listed = await lk.room.list_participants(
                proto.ListParticipantsRequest(room=server.room)
            )
            info = await lk.room.get_participant(identity)
            await lk.room.remove_participant(identity)
            leave = await client.wait_for("leave")
            assert await client.wait_closed() == 1000
            gone = await other.wait_update("me", lambda info: info.state == State.DISCONNECTED)
    assert {p.identity for p in listed.participants} == {"me", "other"}
    assert (info.identity, info.state) == ("me", State.JOINED)
    removed = proto.DisconnectReason.PARTICIPANT_REMOVED
    assert leave.reason == gone.disconnect_reason == removed


async def test_a_participant_is_changed(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api(which) as (server, lk),
            joined(server, "me", server.room, attributes={"k": "v"}) as me,
        ):
            change = proto.UpdateParticipantRequest(
                room=server.room,
                identity="me",
                name="N",
                metadata="M",
                attributes={"k": "", "x": "1"},
            )
            info = await lk.room.update_participant(change)
            told = await me.wait_update("me", lambda info: info.attributes == {"x": "1"})
            await me.wait_for("refresh_token")
    for found in (info, told):
        assert (found.name, found.metadata, found.attributes) == ("N", "M", {"x": "1"})


async def open_voice(alice: Caller, bob: Caller) -> str:
    voice = await alice.publish("audio/opus", source=proto.TrackSource.MICROPHONE)
    while len(bob.frames.get(voice.sid, ())) < 3:
        voice.send(OPUS_FRAME)
        await trio.sleep(0.01)
    return voice.sid


async def silence(alice: Caller, bob: Caller, sid: str) -> None:
    """Wait until what Alice sends does not arrive any more."""
    while True:
        count = len(bob.frames[sid])
        for _ in range(20):
            alice.published[0].send(OPUS_FRAME)
            await trio.sleep(0.005)
        if len(bob.frames[sid]) == count:
            return


async def test_a_track_is_muted_but_never_unmuted_from_outside(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api(which) as (server, lk),
            open_caller(server, "alice", room=server.room) as alice,
            open_caller(server, "bob", room=server.room) as bob,
        ):
            sid = await open_voice(alice, bob)
            request = proto.MuteRoomTrackRequest(
                room=server.room, identity="alice", track_sid=sid, muted=True
            )
            answer = await lk.room.mute_published_track(request)
            order = await alice.client.wait_for("mute")
            await bob.client.wait_update(
                "alice", lambda info: any(track.muted for track in info.tracks)
            )
            request.muted = False
            with pytest.raises(ServerError, match="remote unmute not enabled") as caught:
                await lk.room.mute_published_track(request)
    assert answer.track is not None
    assert answer.track.muted
    assert (order.sid, order.muted) == (sid, True)
    assert caught.value.code == "failed_precondition"


async def test_lost_permissions_take_tracks_away(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api(which) as (server, lk),
            open_caller(server, "alice", room=server.room) as alice,
            open_caller(server, "bob", room=server.room) as bob,
        ):
            sid = await open_voice(alice, bob)
            permission = proto.ParticipantPermission(
                can_subscribe=True,
                can_publish=True,
                can_publish_data=True,
                can_publish_sources=[proto.TrackSource.CAMERA],
            )
            info = await lk.room.update_participant(
                proto.UpdateParticipantRequest(
                    room=server.room, identity="alice", permission=permission
                )
            )
            gone = await alice.client.wait_for("track_unpublished")
            await bob.client.wait_update("alice", lambda info: not info.tracks)
    assert gone.track_sid == sid
    assert info.permission == permission
    assert info.tracks == []


async def test_who_may_not_subscribe_any_more_gets_nothing(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api(which) as (server, lk),
            open_caller(server, "alice", room=server.room) as alice,
            open_caller(server, "bob", room=server.room) as bob,
        ):
            sid = await open_voice(alice, bob)
            nothing = proto.ParticipantPermission(can_publish_data=True)
            await lk.room.update_participant(
                proto.UpdateParticipantRequest(room=server.room, identity="bob", permission=nothing)
            )
            await silence(alice, bob, sid)


async def test_subscriptions_are_changed_from_outside(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api(which) as (server, lk),
            open_caller(server, "alice", room=server.room) as alice,
            open_caller(server, "bob", room=server.room) as bob,
        ):
            sid = await open_voice(alice, bob)
            request = proto.UpdateSubscriptionsRequest(
                room=server.room,
                identity="bob",
                participant_tracks=[proto.ParticipantTracks(track_sids=[sid])],
            )
            await lk.room.update_subscriptions(request)
            await silence(alice, bob, sid)
            request.participant_tracks, request.track_sids = [], [sid]
            request.subscribe = True
            await lk.room.update_subscriptions(request)
            count = len(bob.frames[sid])
            while len(bob.frames[sid]) == count:
                alice.published[0].send(OPUS_FRAME)
                await trio.sleep(0.01)


async def test_data_is_sent_to_everybody_or_to_some_and_once(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api(which) as (server, lk),
            open_caller(server, "alice", room=server.room) as alice,
            open_caller(server, "bob", room=server.room) as bob,
        ):
            for caller in (alice, bob):
                await reach(lk, server, caller)
            everybody = proto.SendDataRequest(
                room=server.room, data=b"all", topic="t", nonce=bytes(range(16))
            )
            await lk.room.send_data(everybody)
            await lk.room.send_data(everybody)  # the same nonce: nothing more
            some = proto.SendDataRequest(
                room=server.room, data=b"bob", destination_identities=["bob"]
            )
            await lk.room.send_data(some)
            sid = alice.sid
            by_sid = proto.SendDataRequest(room=server.room, data=b"sid", destination_sids=[sid])
            await lk.room.send_data(by_sid)
            await alice.wait(lambda: len(alice.packets) == 2)
            await bob.wait(lambda: len(bob.packets) == 2)
    payloads = [[p.user.payload for p in c.packets if p.user] for c in (alice, bob)]
    assert payloads == [[b"all", b"sid"], [b"all", b"bob"]]
    assert bob.packets[0].participant_identity == ""
    assert bob.packets[0].user is not None
    assert bob.packets[0].user.topic == "t"


async def reach(lk: LiveKitAPI, server: Place, caller: Caller) -> None:
    """Wait until data of the server reaches somebody; a real one drops it until then."""
    identity = caller.join.participant.identity if caller.join.participant is not None else ""
    hello = proto.SendDataRequest(
        room=server.room, data=b"hello", destination_identities=[identity]
    )
    while not caller.packets:
        await lk.room.send_data(hello)
        await trio.sleep(0.2)
    caller.packets.clear()


async def answer_calls(callee: Caller) -> None:
    """Answer one call as an SDK does: acknowledge, then respond."""
    await callee.wait(lambda: callee.packets)
    packet = callee.packets.pop(0)
    request = packet.rpc_request
    assert request is not None
    to = [packet.participant_identity]
    ack = proto.RpcAck(request_id=request.id)
    await callee.send_data(proto.DataPacket(destination_identities=to, rpc_ack=ack))
    if request.method == "echo":
        response = proto.RpcResponse(request_id=request.id, payload=f"r:{request.payload}")
    else:
        error = proto.RpcError(code=1234, message="app error", data="d")
        response = proto.RpcResponse(request_id=request.id, error=error)
    await callee.send_data(proto.DataPacket(destination_identities=to, rpc_response=response))


async def test_methods_of_participants_are_called(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api(which) as (server, lk),
            open_caller(server, "alice", room=server.room) as alice,
            open_caller(server, "bob", room=server.room) as bob,
        ):
            await reach(lk, server, alice)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(answer_calls, alice)
                request = proto.PerformRpcRequest(
                    room=server.room, destination_identity="alice", method="echo", payload="p"
                )
                answer = await lk.room.perform_rpc(request)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(answer_calls, alice)
                request.method = "bad"
                with pytest.raises(ServerError, match="RpcError 1234: app error: d") as caught:
                    await lk.room.perform_rpc(request)
            assert not bob.packets  # answers are not forwarded
    assert answer.payload == "r:p"
    assert caught.value.code == "internal"


async def test_a_call_that_nobody_acknowledges_fails_soon(
    which: str,
) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api(which) as (server, lk),
            open_caller(server, "alice", room=server.room) as alice,
        ):
            await reach(lk, server, alice)
            request = proto.PerformRpcRequest(
                room=server.room, destination_identity="alice", method="echo"
            )
            with pytest.raises(ServerError, match="RpcError 1501"):
                await lk.room.perform_rpc(request)


async def test_nobody_is_forwarded_or_moved_as_that_takes_livekit_cloud(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with open_api(which) as (server, lk), joined(server, "me", server.room):
            move = {"room": server.room, "identity": "me", "destination_room": "other"}
            with pytest.raises(ServerError, match="not implemented"):
                await lk.room.forward_participant(proto.ForwardParticipantRequest(**move))
            with pytest.raises(ServerError, match="not implemented"):
                await lk.room.move_participant(proto.MoveParticipantRequest(**move))


ALL = VideoGrants(room_create=True, room_list=True, room_record=True, ingress_admin=True)


METHODS: tuple[tuple[str, proto.Message], ...] = (
    ("create_room", proto.CreateRoomRequest()),
    ("list_rooms", proto.ListRoomsRequest()),
    ("delete_room", proto.DeleteRoomRequest()),
    ("update_room_metadata", proto.UpdateRoomMetadataRequest()),
    ("list_participants", proto.ListParticipantsRequest()),
    ("get_participant", proto.RoomParticipantIdentity()),
    ("remove_participant", proto.RoomParticipantIdentity()),
    ("mute_published_track", proto.MuteRoomTrackRequest()),
    ("update_participant", proto.UpdateParticipantRequest()),
    ("update_subscriptions", proto.UpdateSubscriptionsRequest()),
    ("send_data", proto.SendDataRequest()),
    ("forward_participant", proto.ForwardParticipantRequest(destination_room="x")),
    ("move_participant", proto.MoveParticipantRequest(destination_room="x")),
    ("perform_rpc", proto.PerformRpcRequest()),
)


async def test_every_method_needs_its_grant(which: str) -> None:
    """Neither no grants at all, nor those for another room, nor all but the one that is needed."""
    elsewhere = VideoGrants(room_admin=True, room="another", destination_room="x")
    with trio.fail_after(LIMIT):
        async with open_place(which) as server:
            for call, request in METHODS:
                needed: dict[str, Any] = {
                    "room_list" if call == "list_rooms" else "room_create": None
                }
                for grants in (VideoGrants(), elsewhere, replace(ALL, **needed)):
                    token = AccessToken(video=grants).to_jwt(server.key, server.secret)
                    async with server.api(token) as lk:
                        with pytest.raises(ServerError, match="permissions denied") as caught:
                            await getattr(lk.room, call)(request)
                    seen = (caught.value.code, caught.value.status)
                    assert seen == ("unauthenticated", 401), call


IMPOSSIBLE: tuple[tuple[str, proto.Message, str, str], ...] = (
    ("create_room", proto.CreateRoomRequest(name="x" * 300), "invalid_argument", "max length"),
    ("delete_room", proto.DeleteRoomRequest(room="no-room"), "not_found", "does not exist"),
    (
        "create_room",
        proto.CreateRoomRequest(
            name="x", agents=[proto.RoomAgentDispatch(attributes={"a": "v" * 65_536})]
        ),
        "invalid_argument",
        "attribute size exceeds limits",
    ),
    (
        "update_room_metadata",
        proto.UpdateRoomMetadataRequest(room="no-room", metadata="m"),
        "not_found",
        "does not exist",
    ),
    (
        "get_participant",
        proto.RoomParticipantIdentity(room="no-room", identity="nobody"),
        "not_found",
        "participant does not exist",
    ),
    (
        "remove_participant",
        proto.RoomParticipantIdentity(room="no-room", identity="nobody"),
        "not_found",
        "participant does not exist",
    ),
    (
        "update_participant",
        proto.UpdateParticipantRequest(room="no-room", identity="nobody", name="x"),
        "not_found",
        "participant does not exist",
    ),
    (
        "move_participant",
        proto.MoveParticipantRequest(room="a", identity="i", destination_room="b"),
        "unavailable",
        "no response from servers",
    ),
    (
        "move_participant",
        proto.MoveParticipantRequest(room="a", identity="i", destination_room="a"),
        "invalid_argument",
        "destination room cannot be the same",
    ),
    (
        "send_data",
        proto.SendDataRequest(room="no-room", nonce=b"short"),
        "invalid_argument",
        "nonce should be 16-bytes",
    ),
    (
        "perform_rpc",
        proto.PerformRpcRequest(room="no-room", destination_identity="nobody", method="m"),
        "unavailable",
        "no response from servers",
    ),
)


async def test_what_cannot_be_done_is_an_error(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with open_api(which) as (_, lk):
            for call, request, code, text in IMPOSSIBLE:
                with pytest.raises(ServerError, match=text) as caught:
                    await getattr(lk.room, call)(request)
                assert caught.value.code == code, (call, text)

"""What a backend asks of the server happens to the participants."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio

from lktrio import proto
from lktrio.api import LiveKitAPI
from lktrio.devserver import DevServer, open_dev_server
from lktrio.errors import ServerError
from tests.devserver.caller import OPUS_FRAME, Caller, open_caller
from tests.devserver.client import joined

LIMIT = 20
State = proto.ParticipantInfo.State


@asynccontextmanager
async def open_api() -> AsyncGenerator[tuple[DevServer, LiveKitAPI], None]:
    async with (
        open_dev_server() as server,
        LiveKitAPI(server.http_url, server.api_key, server.api_secret) as lk,
    ):
        yield server, lk


async def test_rooms_are_made_listed_and_deleted() -> None:
    with trio.fail_after(LIMIT):
        async with open_api() as (server, lk):
            wanted = proto.CreateRoomRequest(name="a", metadata="m", max_participants=3)
            made = await lk.room.create_room(wanted)
            again = await lk.room.create_room(proto.CreateRoomRequest(name="a", metadata="other"))
            await lk.room.create_room(proto.CreateRoomRequest(name="b"))
            both = await lk.room.list_rooms(proto.ListRoomsRequest())
            one = await lk.room.list_rooms(proto.ListRoomsRequest(names=["b", "none"]))
            async with joined(server, "me", "a") as client:
                await lk.room.delete_room(proto.DeleteRoomRequest(room="a"))
                leave = await client.wait_for("leave")
            left = await lk.room.list_rooms(proto.ListRoomsRequest())
    assert again == made
    assert (made.metadata, made.max_participants) == ("m", 3)
    assert (made.empty_timeout, made.departure_timeout) == (300, 20)
    assert [room.name for room in both.rooms] == ["a", "b"]
    assert [room.name for room in one.rooms] == ["b"]
    assert [room.name for room in left.rooms] == ["b"]
    assert leave.reason == proto.DisconnectReason.ROOM_DELETED
    assert leave.action == proto.LeaveRequest.Action.DISCONNECT


async def test_rooms_that_stay_empty_end() -> None:
    with trio.fail_after(LIMIT):
        async with open_api() as (server, lk):
            request = proto.CreateRoomRequest(name="a", empty_timeout=1, departure_timeout=1)
            await lk.room.create_room(request)
            await lk.room.create_room(proto.CreateRoomRequest(name="b"))
            while len((await lk.room.list_rooms(proto.ListRoomsRequest())).rooms) == 2:
                await trio.sleep(0.1)
            await lk.room.create_room(request)
            async with joined(server, "me", "a"):
                await trio.sleep(1.2)  # longer than an empty room lives
                assert len((await lk.room.list_rooms(proto.ListRoomsRequest())).rooms) == 2
            while len((await lk.room.list_rooms(proto.ListRoomsRequest())).rooms) == 2:
                await trio.sleep(0.1)


async def test_metadata_of_a_room_is_told_to_everybody() -> None:
    with trio.fail_after(LIMIT):
        async with open_api() as (server, lk), joined(server, "me") as client:
            request = proto.UpdateRoomMetadataRequest(room="room", metadata="new")
            room = await lk.room.update_room_metadata(request)
            update = await client.wait_for("room_update", lambda u: bool(u.room.metadata))
    assert room.metadata == update.room.metadata == "new"


async def test_participants_are_listed_and_removed() -> None:
    identity = proto.RoomParticipantIdentity(room="room", identity="me")
    with trio.fail_after(LIMIT):
        async with (
            open_api() as (server, lk),
            joined(server, "other") as other,
            joined(server, "me") as client,
        ):
            listed = await lk.room.list_participants(proto.ListParticipantsRequest(room="room"))
            info = await lk.room.get_participant(identity)
            await lk.room.remove_participant(identity)
            leave = await client.wait_for("leave")
            assert await client.wait_closed() == 1000
            gone = await other.wait_update("me", lambda info: info.state == State.DISCONNECTED)
    assert {p.identity for p in listed.participants} == {"me", "other"}
    assert (info.identity, info.state) == ("me", State.JOINED)
    removed = proto.DisconnectReason.PARTICIPANT_REMOVED
    assert leave.reason == gone.disconnect_reason == removed


async def test_a_participant_is_changed() -> None:
    with trio.fail_after(LIMIT):
        async with open_api() as (server, lk), joined(server, "me", attributes={"k": "v"}) as me:
            change = proto.UpdateParticipantRequest(
                room="room",
                identity="me",
                name="N",
                metadata="M",
                attributes={"k": "", "x": "1"},
            )
            info = await lk.room.update_participant(change)
            told = await me.wait_update("me", lambda info: info.name == "N")
            await me.wait_for("refresh_token")
    for found in (info, told):
        assert (found.name, found.metadata, found.attributes) == ("N", "M", {"x": "1"})


async def open_voice(alice: Caller, bob: Caller) -> str:
    voice = await alice.publish("audio/opus", source=proto.TrackSource.MICROPHONE)
    while len(bob.frames.get(voice.sid, ())) < 3:
        voice.send(OPUS_FRAME)
        await trio.sleep(0.01)
    return voice.sid


async def test_a_track_is_muted_but_never_unmuted_from_outside() -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api() as (server, lk),
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            sid = await open_voice(alice, bob)
            request = proto.MuteRoomTrackRequest(
                room="room", identity="alice", track_sid=sid, muted=True
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


async def test_lost_permissions_take_tracks_away() -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api() as (server, lk),
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            sid = await open_voice(alice, bob)
            permission = proto.ParticipantPermission(
                can_subscribe=True,
                can_publish=True,
                can_publish_data=True,
                can_publish_sources=[proto.TrackSource.CAMERA],
            )
            info = await lk.room.update_participant(
                proto.UpdateParticipantRequest(room="room", identity="alice", permission=permission)
            )
            gone = await alice.client.wait_for("track_unpublished")
            await bob.client.wait_update("alice", lambda info: not info.tracks)
    assert gone.track_sid == sid
    assert info.permission == permission
    assert info.tracks == []


async def test_who_may_not_subscribe_any_more_gets_nothing() -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api() as (server, lk),
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            sid = await open_voice(alice, bob)
            nothing = proto.ParticipantPermission(can_publish_data=True)
            await lk.room.update_participant(
                proto.UpdateParticipantRequest(room="room", identity="bob", permission=nothing)
            )
            await trio.sleep(0.05)
            count = len(bob.frames[sid])
            for _ in range(10):
                alice.published[0].send(OPUS_FRAME)
                await trio.sleep(0.005)
    assert len(bob.frames[sid]) == count


async def test_subscriptions_are_changed_from_outside() -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api() as (server, lk),
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            sid = await open_voice(alice, bob)
            request = proto.UpdateSubscriptionsRequest(
                room="room",
                identity="bob",
                participant_tracks=[proto.ParticipantTracks(track_sids=[sid])],
            )
            await lk.room.update_subscriptions(request)
            await trio.sleep(0.05)
            count = len(bob.frames[sid])
            for _ in range(10):
                alice.published[0].send(OPUS_FRAME)
                await trio.sleep(0.005)
            assert len(bob.frames[sid]) == count
            request.subscribe = True
            await lk.room.update_subscriptions(request)
            while len(bob.frames[sid]) == count:
                alice.published[0].send(OPUS_FRAME)
                await trio.sleep(0.01)


async def test_data_is_sent_to_everybody_or_to_some_and_once() -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api() as (server, lk),
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            for caller in (alice, bob):
                await caller.wait(caller.connected.is_set)
            everybody = proto.SendDataRequest(
                room="room", data=b"all", topic="t", nonce=bytes(range(16))
            )
            await lk.room.send_data(everybody)
            await lk.room.send_data(everybody)  # the same nonce: nothing more
            some = proto.SendDataRequest(room="room", data=b"bob", destination_identities=["bob"])
            await lk.room.send_data(some)
            sid = alice.sid
            by_sid = proto.SendDataRequest(room="room", data=b"sid", destination_sids=[sid])
            await lk.room.send_data(by_sid)
            await alice.wait(lambda: len(alice.packets) == 2)
            await bob.wait(lambda: len(bob.packets) == 2)
    payloads = [[p.user.payload for p in c.packets if p.user] for c in (alice, bob)]
    assert payloads == [[b"all", b"sid"], [b"all", b"bob"]]
    assert bob.packets[0].participant_identity == ""
    assert bob.packets[0].user is not None
    assert bob.packets[0].user.topic == "t"


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


async def test_methods_of_participants_are_called() -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_api() as (server, lk),
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            await alice.wait(alice.connected.is_set)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(answer_calls, alice)
                request = proto.PerformRpcRequest(
                    room="room", destination_identity="alice", method="echo", payload="p"
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
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lktrio.devserver.rpc._ACK_SECONDS", 0.05)
    with trio.fail_after(LIMIT):
        async with open_api() as (server, lk), open_caller(server, "alice"):
            request = proto.PerformRpcRequest(
                room="room", destination_identity="alice", method="echo"
            )
            with pytest.raises(ServerError, match="RpcError 1501"):
                await lk.room.perform_rpc(request)

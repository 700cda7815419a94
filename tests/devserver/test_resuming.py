"""A session outlives its link, and goes on with a new one; without either it ends."""

from __future__ import annotations

import pytest
import trio

from lktrio import proto
from tests.support.caller import OPUS_FRAME, Caller, Mode, Published, open_caller
from tests.support.places import serve_place
from tests.support.signal_client import V0, SignalClient, join_request, joined, open_client

pytestmark = pytest.mark.virtual_time

LIMIT = 90  # seconds, of virtual time
MODES = pytest.mark.parametrize("mode", ["v1", "v0"])
State = proto.ParticipantInfo.State


async def hear(track: Published, receiver: Caller, more: int = 5) -> None:
    count = len(receiver.frames.get(track.sid, ())) + more
    while len(receiver.frames.get(track.sid, ())) < count:
        track.send(OPUS_FRAME)
        await trio.sleep(0.01)


def resume_target(mode: Mode, sid: str) -> str:
    if mode == "v0":
        return f"{V0}&reconnect=1&sid={sid}"
    return f"/rtc/v1?join_request={join_request(reconnect=True, participant_sid=sid)}"


async def drop(client: SignalClient) -> None:
    """End the link without a word."""
    await trio.aclose_forcefully(client.stream)


@MODES
async def test_media_goes_on_without_a_link_and_after_resuming(mode: Mode) -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice", mode) as alice,
            open_caller(server, "bob", mode) as bob,
        ):
            voice = await alice.publish("audio/opus")
            await hear(voice, bob)
            packet = proto.DataPacket(user=proto.UserPacket(payload=b"x"))
            await alice.send_data(packet)
            await bob.wait(lambda: bob.packets)
            await drop(alice.client)
            await hear(voice, bob)
            token = server.token("alice", "room")
            async with open_client(server, token, resume_target(mode, alice.sid)) as again:
                reconnect = await again.wait_for("reconnect")
                assert again.kinds()[0] == "reconnect"
                everybody = await again.wait_for("update")
                room = await again.wait_for("room_update")
                if mode == "v0":
                    offer = await again.wait_for("offer")
                    before = alice.subscriber.remote_description or ""
                    assert ufrag(offer.sdp) != ufrag(before)
                await again.ping()
                await hear(voice, bob)
            states = [
                info.state
                for message in bob.client.received
                if message.update is not None
                for info in message.update.participants
                if info.identity == "alice"
            ]
    assert State.DISCONNECTED not in states
    assert reconnect.last_message_seq == 1
    assert {info.identity for info in everybody.participants} == {"alice", "bob"}
    assert room.room.name == "room"


def ufrag(sdp: str) -> str:
    return next(line for line in sdp.splitlines() if line.startswith("a=ice-ufrag"))


async def test_a_new_ice_generation_is_answered_with_a_new_one() -> None:
    with trio.fail_after(LIMIT):
        async with serve_place() as server, open_caller(server, "alice") as alice:
            await alice.wait(alice.connected.is_set)
            before = ufrag(alice.publisher.remote_description or "")
            now = trio.current_time()
            sdp = alice.publisher.create_offer(now, ice_restart=True)
            await alice.client.send(offer=proto.SessionDescription(type="offer", sdp=sdp, id=9))
            answer = await alice.client.wait_for("answer", lambda answer: answer.id == 9)
            assert ufrag(answer.sdp) != before
            packet = proto.DataPacket(user=proto.UserPacket(payload=b"x"))
            async with open_caller(server, "bob") as bob:
                await alice.send_data(packet)
                await bob.wait(lambda: bob.packets)


async def test_sync_state_may_come_with_the_request_to_resume() -> None:
    unknown = proto.TrackPublishedResponse(track=proto.TrackInfo(sid="TR_unknown"))
    state = proto.SyncState(publish_tracks=[unknown])
    with trio.fail_after(LIMIT):
        async with serve_place() as server, open_caller(server, "alice") as alice:
            await alice.wait(alice.connected.is_set)
            await drop(alice.client)
            request = join_request(reconnect=True, participant_sid=alice.sid, sync_state=state)
            target, token = f"/rtc/v1?join_request={request}", server.token("alice", "room")
            async with open_client(server, token, target) as again:
                leave = await again.wait_for("leave")
                assert await again.wait_closed() == 1000
                assert again.kinds()[0] == "reconnect"
    assert leave.action == proto.LeaveRequest.Action.RECONNECT


async def test_tracks_that_the_sync_state_disables_are_held() -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            voice = await alice.publish("audio/opus")
            await hear(voice, bob)
            await bob.client.send(sync_state=proto.SyncState(track_sids_disabled=[voice.sid]))
            await bob.client.ping()
            held = b"\x78held"
            for _ in range(20):
                voice.send(held)
                await trio.sleep(0.01)
            assert held not in [frame.data for frame in bob.frames[voice.sid]]


async def test_who_left_meanwhile_is_named_before_those_who_are_there() -> None:
    with trio.fail_after(LIMIT):
        async with serve_place() as server, open_caller(server, "alice") as alice:
            await alice.wait(alice.connected.is_set)
            async with joined(server, "early"):
                await alice.client.wait_update("early")
            await alice.client.wait_update("early", lambda info: info.state == State.DISCONNECTED)
            await trio.sleep(1)
            await alice.client.ping()
            async with joined(server, "late"):
                await alice.client.wait_update("late")
                await drop(alice.client)
            await trio.sleep(1)
            target, token = resume_target("v1", alice.sid), server.token("alice", "room")
            async with open_client(server, token, target) as again:
                await again.wait_for("room_update")
                assert again.kinds()[0] == "reconnect"
                updates = [message.update for message in again.received if message.update]
    told = [[(info.identity, info.state) for info in update.participants] for update in updates]
    assert told[:2] == [[("late", State.DISCONNECTED)], [("alice", State.ACTIVE)]]


async def test_without_a_peer_connection_the_end_of_the_link_ends_the_session() -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            joined(server, "other") as other,
            joined(server, "me") as client,
        ):
            await drop(client)
            info = await other.wait_update("me", lambda info: info.state == State.DISCONNECTED)
    assert info.disconnect_reason == proto.DisconnectReason.SIGNAL_CLOSE


async def test_a_client_that_closes_its_peer_connection_is_gone() -> None:
    with trio.fail_after(LIMIT):
        async with serve_place() as server, joined(server, "other") as other:
            async with open_caller(server, "alice") as alice:
                await alice.wait(alice.connected.is_set)
            await other.wait_update("alice", lambda info: info.state == State.DISCONNECTED)


async def test_a_client_that_falls_silent_is_told_to_come_back_and_then_forgotten() -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "other") as other,
            open_caller(server, "alice") as alice,
        ):
            await alice.wait(alice.connected.is_set)
            alice.deafen()
            leave = await alice.client.wait_for("leave")
            assert await alice.client.wait_closed() == 1000
            gone = State.DISCONNECTED
            info = await other.client.wait_update("alice", lambda info: info.state == gone)
    timeout = proto.DisconnectReason.CONNECTION_TIMEOUT
    assert (leave.reason, leave.action) == (timeout, proto.LeaveRequest.Action.RESUME)
    assert info.disconnect_reason == timeout


async def test_who_never_connects_is_sent_away() -> None:
    with trio.fail_after(LIMIT):
        async with serve_place() as server, joined(server, "me", can_subscribe=False) as client:
            leave = await client.wait_for("leave")
    assert leave.reason == proto.DisconnectReason.JOIN_FAILURE


async def test_an_offer_that_nobody_answers_demands_a_new_session() -> None:
    with trio.fail_after(LIMIT):
        async with serve_place() as server, joined(server, "me") as client:
            await client.wait_for("offer")
            leave = await client.wait_for("leave")
    assert leave.action == proto.LeaveRequest.Action.RECONNECT

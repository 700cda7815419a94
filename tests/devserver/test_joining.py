"""What a client is told when it joins, in both forms of joining, and what keeps it from joining."""

from __future__ import annotations

import random
import re

import pytest
import trio
import trio_websocket

from lktrio import proto
from lktrio.auth import AccessToken, VideoGrants, decode_token
from tests.support.places import serve_place
from tests.support.signal_client import V0, join_request, joined, open_client

pytestmark = pytest.mark.virtual_time

V1 = f"/rtc/v1?join_request={join_request()}"
BOTH = pytest.mark.parametrize("target", [V0, V1], ids=["v0", "v1"])


@BOTH
async def test_join_comes_first_and_says_what_clients_insist_on(target: str) -> None:
    with trio.fail_after(20):
        async with (
            serve_place() as server,
            open_client(server, server.token("me", "room", name="Me"), target) as client,
        ):
            join = await client.wait_for("join")
            assert client.kinds()[0] == "join"
    assert re.fullmatch("RM_[A-Za-z0-9]{12}", join.room.sid)
    assert re.fullmatch("PA_[A-Za-z0-9]{12}", join.participant.sid)
    assert (join.room.name, join.participant.identity) == ("room", "me")
    assert join.participant.name == "Me"
    assert join.participant.state == proto.ParticipantInfo.State.JOINING
    assert join.participant.permission.can_publish
    assert (join.ping_interval, join.ping_timeout) == (5, 15)
    assert join.server_info.protocol == 17  # 18 would mean pre-negotiated data channels
    assert tuple(map(int, join.server_info.version.split("."))) >= (1, 8, 0)
    assert join.sif_trailer
    assert join.subscriber_primary == (target == V0)
    assert "video/VP8" in {codec.mime for codec in join.enabled_publish_codecs}


async def test_with_two_connections_the_server_offers_at_once() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "me") as client:
            offer = await client.wait_for("offer")
    assert offer.type == "offer"
    assert 2 < offer.id <= 258
    assert "m=application" in offer.sdp


async def test_who_may_not_subscribe_gets_no_offer() -> None:
    with trio.fail_after(20):
        async with (
            serve_place() as server,
            open_client(server, server.token("me", "room", can_subscribe=False)) as client,
        ):
            join = await client.wait_for("join")
            await trio.sleep(0.1)
            await client.ping()
            assert "offer" not in client.kinds()
    assert not join.subscriber_primary


async def test_a_fresh_token_follows() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "me", can_publish=False) as client:
            claims = decode_token(await client.wait_for("refresh_token"))
    assert claims.identity == "me"
    assert claims.video.room == "room"
    assert claims.video.room_join
    assert not claims.video.may_publish


async def test_those_inside_and_the_newcomer_learn_of_each_other() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "first") as first:
            async with open_client(server, server.token("second", "room")) as second:
                join = await second.wait_for("join")
                assert [info.identity for info in join.other_participants] == ["first"]
                info = await first.wait_update("second")
                assert info.state == proto.ParticipantInfo.State.JOINED
                assert info.client_protocol == 0
            gone = await first.wait_update("second")
    assert gone.state == proto.ParticipantInfo.State.DISCONNECTED
    assert gone.disconnect_reason == proto.DisconnectReason.SIGNAL_CLOSE
    assert gone.version > info.version


async def test_what_a_client_says_about_itself_is_passed_on() -> None:
    capability = proto.ClientInfo.Capability.CAP_PACKET_TRAILER
    client = proto.ClientInfo(protocol=17, client_protocol=2, capabilities=[capability])
    target = f"/rtc/v1?join_request={join_request(client_info=client)}"
    with trio.fail_after(20):
        async with (
            serve_place() as server,
            joined(server, "first") as first,
            joined(server, "second", target=target),
        ):
            info = await first.wait_update("second")
    assert info.client_protocol == 2
    assert info.capabilities == [capability]


async def test_hidden_participants_are_not_seen() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "first") as first:
            async with (
                joined(server, "ghost", hidden=True),
                open_client(server, server.token("third", "room")) as third,
            ):
                join = await third.wait_for("join")
                await first.wait_update("third")
            await first.ping()
            seen = {
                info.identity
                for message in first.received
                if message.update is not None
                for info in message.update.participants
            }
    assert [info.identity for info in join.other_participants] == ["first"]
    assert "ghost" not in seen


async def test_metadata_and_attributes_of_a_join_need_the_grant() -> None:
    request = join_request(metadata="m", participant_attributes={"a": "b"})
    target = f"/rtc/v1?join_request={request}"
    with trio.fail_after(20):
        async with serve_place() as server:
            token = server.token("me", "room", attributes={"t": "u"}, can_update_own_metadata=True)
            async with open_client(server, token, target) as client:
                join = await client.wait_for("join")
    assert join.participant.metadata == "m"
    assert join.participant.attributes == {"t": "u", "a": "b"}


async def test_a_long_request_to_join_is_taken() -> None:
    with trio.fail_after(20):
        async with serve_place() as server:
            text = random.Random(1).randbytes(75_000).hex()
            target = f"/rtc/v1?join_request={join_request(metadata=text)}"
            assert len(target) > 100_000
            token = server.token("me", "room", can_update_own_metadata=True)
            async with open_client(server, token, target) as client:
                join = await client.wait_for("join")
    assert join.participant.metadata == text


async def test_a_full_room_refuses_and_tells_those_inside() -> None:
    config = proto.RoomConfiguration(max_participants=1)
    with trio.fail_after(20):
        async with serve_place() as server:
            token = AccessToken(
                identity="first",
                video=VideoGrants(room_join=True, room="room"),
                room_config=config,
            ).to_jwt(server.key, server.secret)
            async with open_client(server, token) as first:
                await first.wait_for("join")
                with pytest.RaisesGroup(trio_websocket.ConnectionRejected) as caught:
                    async with joined(server, "second"):
                        pass
                rejected = caught.value.exceptions[0]
                assert isinstance(rejected, trio_websocket.ConnectionRejected)
                assert rejected.status_code == 500
                info = await first.wait_update("second")
    assert info.state == proto.ParticipantInfo.State.DISCONNECTED
    assert info.disconnect_reason == proto.DisconnectReason.JOIN_FAILURE


async def test_the_same_identity_again_ends_the_older_session() -> None:
    with trio.fail_after(20):
        async with (
            serve_place() as server,
            joined(server, "other") as other,
            joined(server, "me") as older,
        ):
            first = await other.wait_update("me")
            async with joined(server, "me"):
                leave = await older.wait_for("leave")
                assert await older.wait_closed() == 1000
                second = await other.wait_update("me", lambda info: info.sid != first.sid)
            news = [
                info
                for message in other.received
                if message.update is not None
                for info in message.update.participants
                if info.sid == first.sid
            ]
    assert leave.reason == proto.DisconnectReason.DUPLICATE_IDENTITY
    assert leave.action == proto.LeaveRequest.Action.DISCONNECT
    assert second.state == proto.ParticipantInfo.State.JOINED
    gone = proto.ParticipantInfo.State.DISCONNECTED
    assert gone not in [info.state for info in news]  # the new session says it all


async def test_resuming_what_is_not_there_is_refused_on_the_link() -> None:
    for target in (
        "/rtc?protocol=17&reconnect=1&sid=PA_unknown",
        f"/rtc/v1?join_request={join_request(reconnect=True, participant_sid='PA_unknown')}",
    ):
        with trio.fail_after(20):
            async with (
                serve_place() as server,
                open_client(server, server.token("me", "room"), target) as client,
            ):
                leave = await client.wait_for("leave")
                assert await client.wait_closed() == 1000
                assert client.kinds() == ["leave"]
        assert leave.reason == proto.DisconnectReason.STATE_MISMATCH
        assert leave.action == proto.LeaveRequest.Action.RECONNECT


async def test_a_join_with_a_malformed_offer_ends_that_session_alone() -> None:
    request = join_request(publisher_offer=proto.SessionDescription(type="offer", sdp="v=7"))
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "other") as other:
            target = f"/rtc/v1?join_request={request}"
            async with open_client(server, server.token("me", "room"), target) as client:
                leave = await client.wait_for("leave")
                await client.wait_closed()
            await other.ping()
    assert leave.action == proto.LeaveRequest.Action.RECONNECT

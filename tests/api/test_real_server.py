"""Every method of RoomService against a real LiveKit server, with real participants."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from lktrio import proto
from lktrio.api import LiveKitAPI
from lktrio.auth import AccessToken, VideoGrants
from lktrio.errors import ServerError

pytestmark = [
    pytest.mark.livekit_server,
    pytest.mark.skipif("LIVEKIT_URL" not in os.environ, reason="LIVEKIT_URL is not set"),
]
PARTICIPANT = Path(__file__).parent / "real_participant.py"


class Participant:
    """The program, its lines, and the id of the track it published."""

    def __init__(self, process: trio.Process) -> None:
        assert process.stdout is not None
        self._stream = process.stdout
        self._text = ""
        self.track_sid = ""

    async def line(self) -> str:
        while "\n" not in self._text:
            received = await self._stream.receive_some()
            assert received, "the participant ended"
            self._text += received.decode()
        line, _, self._text = self._text.partition("\n")
        return line


@asynccontextmanager
async def participant(room: str, identity: str) -> AsyncIterator[Participant]:
    pytest.importorskip("livekit.rtc", reason="LiveKit's SDK is the participant")
    grants = VideoGrants(room_join=True, room=room)
    token = AccessToken(identity=identity, video=grants).to_jwt()
    command = [sys.executable, str(PARTICIPANT), os.environ["LIVEKIT_URL"], token]
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            lambda *, task_status: trio.run_process(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, task_status=task_status
            )
        )
        found = Participant(process)
        found.track_sid = await found.line()
        yield found
        assert process.stdin is not None
        await process.stdin.aclose()


def room_name() -> str:
    return f"test-{secrets.token_hex(4)}"


async def test_rooms() -> None:
    name = room_name()
    async with LiveKitAPI() as lk:
        with trio.fail_after(30):
            room = await lk.room.create_room(
                proto.CreateRoomRequest(
                    name=name, metadata="m", max_participants=3, empty_timeout=60
                )
            )
            assert (room.name, room.metadata, room.max_participants) == (name, "m", 3)
            assert room.sid.startswith("RM_")
            listed = await lk.room.list_rooms(proto.ListRoomsRequest(names=[name]))
            assert [found.sid for found in listed.rooms] == [room.sid]
            changed = await lk.room.update_room_metadata(
                proto.UpdateRoomMetadataRequest(room=name, metadata="n")
            )
            assert changed.metadata == "n"
            people = await lk.room.list_participants(proto.ListParticipantsRequest(room=name))
            assert people.participants == []
            await lk.room.delete_room(proto.DeleteRoomRequest(room=name))
            listed = await lk.room.list_rooms(proto.ListRoomsRequest(names=[name]))
            assert listed.rooms == []


async def test_participants() -> None:
    name = room_name()
    identity = proto.RoomParticipantIdentity(room=name, identity="alice")
    async with LiveKitAPI() as lk, participant(name, "alice") as alice:
        with trio.fail_after(60):
            while not (found := await lk.room.get_participant(identity)).tracks:
                await trio.sleep(0.1)
            assert found.state is proto.ParticipantInfo.State.ACTIVE
            assert [track.sid for track in found.tracks] == [alice.track_sid]
            people = await lk.room.list_participants(proto.ListParticipantsRequest(room=name))
            assert [person.identity for person in people.participants] == ["alice"]
            muted = await lk.room.mute_published_track(
                proto.MuteRoomTrackRequest(
                    room=name, identity="alice", track_sid=alice.track_sid, muted=True
                )
            )
            assert muted.track is not None
            assert muted.track.muted
            updated = await lk.room.update_participant(
                proto.UpdateParticipantRequest(
                    room=name,
                    identity="alice",
                    metadata="m",
                    name="Alice",
                    attributes={"a": "b"},
                    permission=proto.ParticipantPermission(can_subscribe=True),
                )
            )
            assert (updated.metadata, updated.name, updated.attributes) == (
                "m",
                "Alice",
                {"a": "b"},
            )
            assert updated.permission is not None
            assert not updated.permission.can_publish
            with pytest.raises(ServerError, match="not implemented"):
                await lk.room.forward_participant(
                    proto.ForwardParticipantRequest(
                        room=name, identity="alice", destination_room="other"
                    )
                )
            with pytest.raises(ServerError, match="not implemented"):
                await lk.room.move_participant(
                    proto.MoveParticipantRequest(
                        room=name, identity="alice", destination_room="other"
                    )
                )
            await lk.room.remove_participant(identity)
            while not (await alice.line()).startswith("disconnected"):
                pass


async def test_data_and_rpc() -> None:
    name = room_name()
    async with LiveKitAPI() as lk, participant(name, "alice") as alice:
        with trio.fail_after(60):
            await lk.room.send_data(
                proto.SendDataRequest(
                    room=name, data=b"hi", topic="t", kind=proto.DataPacket.Kind.RELIABLE
                )
            )
            assert await alice.line() == "data hi t"
            answer = await lk.room.perform_rpc(
                proto.PerformRpcRequest(
                    room=name, destination_identity="alice", method="greet", payload="you"
                )
            )
            assert answer.payload == "hello you"
            with pytest.raises(ServerError) as caught:
                await lk.room.perform_rpc(
                    proto.PerformRpcRequest(
                        room=name, destination_identity="alice", method="unknown"
                    )
                )
            assert caught.value.code == "invalid_argument"


async def test_subscriptions_between_participants() -> None:
    name = room_name()
    async with LiveKitAPI() as lk, participant(name, "alice") as alice, participant(name, "bob"):
        with trio.fail_after(60):
            for subscribe in (False, True):
                await lk.room.update_subscriptions(
                    proto.UpdateSubscriptionsRequest(
                        room=name,
                        identity="bob",
                        track_sids=[alice.track_sid],
                        subscribe=subscribe,
                    )
                )


async def test_agents_are_dispatched() -> None:
    name = room_name()
    async with LiveKitAPI() as lk:
        with trio.fail_after(30):
            dispatch = await lk.agent_dispatch.create_dispatch(
                proto.CreateAgentDispatchRequest(room=name, agent_name="helper")
            )
            assert await lk.agent_dispatch.get_dispatch(dispatch.id, name) == dispatch
            deleted = await lk.agent_dispatch.delete_dispatch(
                proto.DeleteAgentDispatchRequest(dispatch_id=dispatch.id, room=name)
            )
            assert deleted.id == dispatch.id
            assert await lk.agent_dispatch.get_dispatch(dispatch.id, name) is None
            await lk.room.delete_room(proto.DeleteRoomRequest(room=name))


async def test_what_the_open_server_does_not_do() -> None:
    async with LiveKitAPI() as lk:
        with pytest.raises(ServerError, match="redis required"), trio.fail_after(30):
            await lk.egress.list_egress(proto.ListEgressRequest())
        with pytest.raises(ServerError, match="redis required"), trio.fail_after(30):
            await lk.ingress.list_ingress(proto.ListIngressRequest())
        with pytest.raises(ServerError, match="redis required"), trio.fail_after(30):
            await lk.sip.list_sip_inbound_trunk(proto.ListSIPInboundTrunkRequest())
        with pytest.raises(ServerError) as caught, trio.fail_after(30):
            await lk.phone_numbers.list_phone_numbers(proto.ListPhoneNumbersRequest())
        assert caught.value.code == "bad_route"


async def test_errors() -> None:
    nobody = proto.RoomParticipantIdentity(room="no-such-room", identity="nobody")
    async with LiveKitAPI() as lk:
        for call in (lk.room.get_participant, lk.room.remove_participant):
            with pytest.raises(ServerError, match="participant does not exist") as caught:
                await call(nobody)
            assert (caught.value.code, caught.value.status) == ("not_found", 404)
    async with LiveKitAPI(api_key="wrong", api_secret="secret" * 6) as lk:
        with pytest.raises(ServerError) as caught:
            await lk.room.list_rooms(proto.ListRoomsRequest())
        assert (caught.value.code, caught.value.status) == ("unauthenticated", 401)
    token = AccessToken(video=VideoGrants(room_create=True)).to_jwt()
    async with LiveKitAPI(token=token) as lk:
        with pytest.raises(ServerError, match="permissions denied"):
            await lk.room.list_rooms(proto.ListRoomsRequest())

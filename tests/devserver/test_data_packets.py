"""Data packets reach those they are for, once, and say who sent them."""

from __future__ import annotations

import pytest
import trio

from lktrio import proto
from lktrio.proto import codec
from tests.support.caller import Caller, Mode, open_caller
from tests.support.places import open_place, serve_place
from tests.support.servers import SERVERS
from tests.support.signal_client import join_request, joined

pytestmark = pytest.mark.virtual_time

LIMIT = 20
MODES = pytest.mark.parametrize("mode", ["v1", "v0"])


def text(words: str, **fields: object) -> proto.DataPacket:
    packet = proto.DataPacket(user=proto.UserPacket(payload=words.encode(), topic="t"))
    for name, value in fields.items():
        setattr(packet, name, value)
    return packet


def heard(caller: Caller) -> list[bytes]:
    return [packet.user.payload for packet in caller.packets if packet.user is not None]


@MODES
@pytest.mark.parametrize("label", ["_reliable", "_lossy"])
async def test_packets_are_stamped_with_their_sender_and_kind(mode: Mode, label: str) -> None:
    packet = text("hi", participant_identity="liar", participant_sid="PA_liar")
    packet.kind = proto.DataPacket.Kind.LOSSY  # which the server decides by the channel
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice", mode) as alice,
            open_caller(server, "bob", mode) as bob,
        ):
            await bob.wait(bob.connected.is_set)
            while not bob.packets:
                await alice.send_data(packet, label)
                await trio.sleep(0.05)
    received = bob.packets[0]
    assert received.participant_identity == "alice"
    assert received.participant_sid == alice.sid
    assert received.user is not None
    assert (received.user.payload, received.user.topic) == (b"hi", "t")
    assert received.user.participant_identity == "alice"  # deprecated, still read by some
    kinds = proto.DataPacket.Kind
    assert received.kind == (kinds.RELIABLE if label == "_reliable" else kinds.LOSSY)
    assert not alice.packets  # never echoed
    if label == "_reliable":
        assert received.sequence == 1


async def test_packets_go_to_those_they_name() -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
            open_caller(server, "carol") as carol,
        ):
            await alice.send_data(text("to bob", destination_identities=["bob"]))
            inner = text("to carol")
            assert inner.user is not None
            inner.user.destination_identities = ["carol"]  # the deprecated place
            await alice.send_data(inner)
            await alice.send_data(text("to nobody", destination_identities=["dave"]))
            await alice.send_data(text("to all"))
            await bob.wait(lambda: len(bob.packets) == 2)
            await carol.wait(lambda: len(carol.packets) == 2)
    assert heard(bob) == [b"to bob", b"to all"]
    assert heard(carol) == [b"to carol", b"to all"]


async def test_packets_sent_while_somebody_connects_reach_it() -> None:
    with trio.fail_after(LIMIT):
        async with serve_place() as server, open_caller(server, "alice") as alice:
            await alice.send_data(text("before"))
            async with open_caller(server, "bob") as bob:
                await alice.send_data(text("during"))
                await bob.wait(lambda: bob.packets)
    assert heard(bob) == [b"during"]


async def test_reliable_packets_are_delivered_once() -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            for sequence in (1, 2, 2, 1, 3):
                await alice.send_data(text(str(sequence)), sequence=sequence)
            await alice.send_data(text("unnumbered"), sequence=0)
            await alice.send_data(text("unnumbered"), sequence=0)
            await bob.wait(lambda: len(bob.packets) == 5)
    assert heard(bob) == [b"1", b"2", b"3", b"unnumbered", b"unnumbered"]


async def test_who_may_not_send_data_is_not_heard() -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice", can_publish_data=False) as alice,
            open_caller(server, "carol") as carol,
            open_caller(server, "bob") as bob,
        ):
            await alice.send_data(text("mute"))
            await alice.client.ping()
            await carol.send_data(text("audible"))
            await bob.wait(lambda: bob.packets)
    assert heard(bob) == [b"audible"]


async def test_hidden_senders_are_not_named() -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "ghost", hidden=True) as ghost,
            open_caller(server, "bob") as bob,
        ):
            await ghost.send_data(text("boo"))
            await bob.wait(lambda: bob.packets)
    assert bob.packets[0].participant_identity == ""
    assert bob.packets[0].participant_sid == ""


async def test_agents_may_speak_for_others() -> None:
    chat = proto.DataPacket(
        participant_identity="alice", chat_message=proto.ChatMessage(message="said")
    )
    spoken = proto.DataPacket(
        transcription=proto.Transcription(transcribed_participant_identity="a")
    )
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "robot", agent=True) as robot,
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            await alice.send_data(spoken)  # which only agents may
            await alice.client.ping()
            await robot.send_data(chat)
            await robot.send_data(spoken)
            await robot.send_data(text("mine", participant_identity="alice"))
            await bob.wait(lambda: len(bob.packets) == 3)
    said, heard_by_robot, own = bob.packets
    assert said.chat_message is not None
    assert said.chat_message.generated
    assert (said.participant_identity, said.participant_sid) == ("alice", robot.sid)
    assert heard_by_robot.transcription is not None
    assert own.participant_identity == "robot"


async def test_packets_of_unknown_kinds_are_forwarded_whole() -> None:
    unknown = bytes((0xBA, 0x3E, 0x03)) + b"new"  # field 999
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            await alice.send_message(unknown, "_reliable")
            await bob.wait(lambda: bob.packets)
    assert unknown in codec.encode(bob.packets[0])
    assert bob.packets[0].participant_identity == "alice"


async def test_packets_that_cannot_be_read_are_dropped() -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            await alice.send_message(b"\xff\xff", "_reliable")
            await alice.send_message(b"", "_reliable")
            await alice.send_data(text("fine"))
            await bob.wait(lambda: b"fine" in heard(bob))
    assert heard(bob) == [b"fine"]


async def test_messages_of_other_channels_arrive_as_user_packets() -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            alice.publisher.create_data_channel("mine")
            await alice.send_message(b"raw", "mine")
            await bob.wait(lambda: bob.packets)
    assert heard(bob) == [b"raw"]
    assert bob.packets[0].participant_identity == "alice"


async def test_data_tracks_are_published_and_forwarded_under_the_receivers_number() -> None:
    packet = bytes((0x18, 0)) + (7).to_bytes(2, "big") + bytes(8) + b"payload"
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
            open_caller(server, "carol") as carol,
        ):
            for caller in (alice, bob, carol):
                await caller.wait(caller.connected.is_set)
            await alice.client.send(
                publish_data_track_request=proto.PublishDataTrackRequest(pub_handle=7, name="dt")
            )
            published = await alice.client.wait_for("publish_data_track_response")
            info = await bob.client.wait_update("alice", lambda info: bool(info.data_tracks))
            update = proto.UpdateDataSubscription.Update(
                track_sid=published.info.sid, subscribe=True
            )
            await bob.client.send(
                update_data_subscription=proto.UpdateDataSubscription(updates=[update])
            )
            handles = await bob.client.wait_for("data_track_subscriber_handles")
            while not bob.other_messages:
                await alice.send_message(packet, "_data_track")
                await trio.sleep(0.02)
            await alice.client.send(
                unpublish_data_track_request=proto.UnpublishDataTrackRequest(pub_handle=7)
            )
            await alice.client.wait_for("unpublish_data_track_response")
            gone = await bob.client.wait_for("data_track_subscriber_handles")
    assert published.info.sid.startswith("DTR_")
    assert info.data_tracks[0].name == "dt"
    ((handle, track),) = handles.sub_handles.items()
    assert (track.publisher_identity, track.track_sid) == ("alice", published.info.sid)
    assert gone.sub_handles == {}
    received = bob.other_messages[0][1]
    assert received == packet[:2] + handle.to_bytes(2, "big") + packet[4:]
    assert not carol.other_messages


async def test_data_tracks_come_with_the_permission_to_subscribe() -> None:
    settings = proto.ConnectionSettings(auto_subscribe_data_track=True)
    wanted = f"/rtc/v1?join_request={join_request(connection_settings=settings)}"
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            joined(server, "alice") as alice,
            joined(server, "bob", target=wanted, can_subscribe=False) as bob,
            server.api() as api,
        ):
            publish = proto.PublishDataTrackRequest(pub_handle=7, name="dt")
            await alice.send(publish_data_track_request=publish)
            published = await alice.wait_for("publish_data_track_response")
            await bob.wait_update("alice", lambda info: bool(info.data_tracks))
            assert "data_track_subscriber_handles" not in bob.kinds()
            permission = proto.ParticipantPermission(can_subscribe=True)
            await api.room.update_participant(
                proto.UpdateParticipantRequest(room="room", identity="bob", permission=permission)
            )
            handles = await bob.wait_for("data_track_subscriber_handles")
    (track,) = handles.sub_handles.values()
    assert track.track_sid == published.info.sid


@pytest.mark.parametrize("which", SERVERS)
async def test_who_comes_later_gets_the_data_tracks_that_there_are(which: str) -> None:
    settings = proto.ConnectionSettings(auto_subscribe=True, auto_subscribe_data_track=True)
    wanted = f"/rtc/v1?join_request={join_request(connection_settings=settings)}"
    with trio.fail_after(LIMIT):
        async with open_place(which) as server, open_caller(server, "alice", room=server.room) as a:
            await a.wait(a.connected.is_set)
            publish = proto.PublishDataTrackRequest(pub_handle=7, name="dt")
            await a.client.send(publish_data_track_request=publish)
            published = await a.client.wait_for("publish_data_track_response")
            async with joined(server, "bob", server.room, wanted) as bob:
                handles = await bob.wait_for("data_track_subscriber_handles")
    (track,) = handles.sub_handles.values()
    assert (track.publisher_identity, track.track_sid) == ("alice", published.info.sid)


Reason = proto.RequestResponse.Reason


MISTAKES = (
    (0, "b", Reason.INVALID_HANDLE, "handle should be > 0 AND < 65536"),
    (65536, "b", Reason.INVALID_HANDLE, "handle should be > 0 AND < 65536"),
    (2, "", Reason.INVALID_NAME, "name should not be empty and should not exceed 256 characters"),
    (1, "b", Reason.DUPLICATE_HANDLE, "a data track with same handle already exists"),
    (2, "a", Reason.DUPLICATE_NAME, "a data track with same name already exists"),
)


async def test_data_tracks_that_make_no_sense_are_refused() -> None:
    publish = proto.PublishDataTrackRequest
    with trio.fail_after(LIMIT):
        async with serve_place() as server, joined(server, "alice") as alice:
            await alice.send(publish_data_track_request=publish(pub_handle=1, name="a"))
            for handle, name, reason, message in MISTAKES:
                request = publish(pub_handle=handle, name=name)
                await alice.send(publish_data_track_request=request)
                response = await alice.wait_for("request_response")
                assert (response.reason, response.message) == (reason, message)
                assert response.publish_data_track == request

"""Who is in the room and what they say about themselves: events, and snapshots that are ahead."""

from __future__ import annotations

import pytest
import trio

from lktrio import proto
from lktrio.errors import NotPermitted, ServerError
from lktrio.events import (
    ActiveSpeakersChanged,
    ConnectionQualityChanged,
    ParticipantAttributesChanged,
    ParticipantConnected,
    ParticipantDisconnected,
    ParticipantMetadataChanged,
    ParticipantNameChanged,
    ParticipantPermissionsChanged,
    RecordingStatusChanged,
    RoomMetadataChanged,
    TokenRefreshed,
    TrackMuted,
    TrackPublished,
    TrackStreamStateChanged,
    TrackSubscriptionFailed,
    TrackSubscriptionPermissionChanged,
    TrackUnmuted,
    TrackUnpublished,
)
from lktrio.room import RoomOptions, StreamState
from tests.support.scripted_room import ME, info, open_scripted_room
from tests.support.servers import VERSIONS, RoomServer, expect, until

pytestmark = pytest.mark.virtual_time

_State = proto.ParticipantInfo.State


async def test_what_we_change_about_ourselves(server: RoomServer) -> None:
    async with (
        server.join("bob") as bob,
        server.join("me", can_update_own_metadata=True, attributes={"a": "1", "b": "2"}) as room,
    ):
        await until(lambda: "me" in bob.remote_participants)
        me, seen = room.local_participant, bob.remote_participants["me"]
        ours, theirs = room.events(), bob.events()
        await me.set_name("Me")
        for events, one in ((ours, me), (theirs, seen)):
            renamed = await expect(events, ParticipantNameChanged)
            assert (renamed.participant, one.name, renamed.previous) == (one, "Me", "")
        await me.set_metadata("{}")
        for events, one in ((ours, me), (theirs, seen)):
            changed = await expect(events, ParticipantMetadataChanged)
            assert (changed.participant, one.metadata, changed.previous) == (one, "{}", "")
        await me.set_attributes({"a": "", "c": "3"})
        for events, one in ((ours, me), (theirs, seen)):
            attributes = await expect(events, ParticipantAttributesChanged)
            assert attributes.participant is one
            assert attributes.changed == {"a": "", "c": "3"}
            assert one.attributes == {"b": "2", "c": "3"}


async def test_what_we_may_not_change(server: RoomServer) -> None:
    async with server.join("me") as room:
        for change in (
            room.local_participant.set_name("x"),
            room.local_participant.set_metadata("x"),
            room.local_participant.set_attributes({"a": "b"}),
        ):
            with pytest.raises(NotPermitted):
                await change
        assert room.state == "connected"


async def test_what_is_too_large(server: RoomServer) -> None:
    async with server.join("me", can_update_own_metadata=True) as room:
        with pytest.raises(ServerError):
            await room.local_participant.set_name("x" * 300)
        await room.local_participant.set_name("x" * 200)


async def test_what_a_server_changes(server: RoomServer) -> None:
    async with server.join("me") as room, server.api() as api:
        events = room.events()
        await api.room.update_participant(
            proto.UpdateParticipantRequest(
                room=server.room,
                identity="me",
                name="Somebody",
                permission=proto.ParticipantPermission(can_subscribe=True, can_publish_data=True),
            )
        )
        await expect(events, ParticipantPermissionsChanged)
        permissions = room.local_participant.permissions
        assert (permissions.can_publish, permissions.can_publish_data) == (False, True)
        await until(lambda: room.local_participant.name == "Somebody")
        await api.room.update_room_metadata(
            proto.UpdateRoomMetadataRequest(room=server.room, metadata="news")
        )
        changed = await expect(events, RoomMetadataChanged)
        assert (changed.metadata, changed.previous, room.metadata) == ("news", "", "news")


async def test_a_hidden_participant_is_not_seen(server: RoomServer) -> None:
    async with server.join("bob") as bob:
        events = bob.events(ParticipantConnected)
        async with server.join("ghost", hidden=True), server.join("alice"):
            assert (await expect(events, ParticipantConnected)).participant.identity == "alice"
            assert set(bob.remote_participants) == {"alice"}


@VERSIONS
async def test_coming_and_going(server: RoomServer, options: RoomOptions) -> None:
    async with server.join("bob", options) as bob:
        events = bob.events(ParticipantConnected, ParticipantDisconnected)
        seen = []
        for _ in range(2):
            async with server.join("alice", name="Alice", metadata="m"):
                came = await expect(events, ParticipantConnected)
                assert bob.remote_participants["alice"] is came.participant
                assert (came.participant.name, came.participant.metadata) == ("Alice", "m")
                seen.append(came.participant)
            went = await expect(events, ParticipantDisconnected)
            assert went.participant is came.participant
            assert "alice" not in bob.remote_participants
        assert seen[0].sid != seen[1].sid


# What only a scripted server says when we want it to


async def test_stale_updates_are_ignored() -> None:
    async with open_scripted_room() as (scripted, room):
        events = room.events()
        await scripted.update(info("bob", name="first", version=5))
        bob = (await expect(events, ParticipantConnected)).participant
        await scripted.update(info("bob", name="older", version=4))
        await scripted.update(info("bob", name="newer", version=6))
        assert (await expect(events, ParticipantNameChanged)).previous == "first"
        assert bob.name == "newer"


async def test_the_same_identity_with_another_sid_is_another_stay() -> None:
    async with open_scripted_room() as (scripted, room):
        events = room.events(ParticipantConnected, ParticipantDisconnected)
        await scripted.update(info("bob", "PA_1"))
        first = (await expect(events, ParticipantConnected)).participant
        await scripted.update(info("bob", "PA_2"))
        gone, come = await events.receive(), await events.receive()
        assert isinstance(gone, ParticipantDisconnected)
        assert isinstance(come, ParticipantConnected)
        assert gone.participant is first
        await scripted.update(info("bob", "PA_1", state=_State.DISCONNECTED))
        await scripted.update(info("carol"))
        assert (await expect(events, ParticipantConnected)).participant.identity == "carol"
        assert room.remote_participants["bob"].sid == "PA_2"


async def test_tracks_come_change_and_go_with_updates() -> None:
    track = proto.TrackInfo(sid="TR_x", type=proto.TrackType.VIDEO, name="film")
    async with open_scripted_room() as (scripted, room):
        events = room.events()
        await scripted.update(info("bob", tracks=[track], version=1))
        publication = (await expect(events, TrackPublished)).publication
        assert room.remote_participants["bob"].track_publications == {"TR_x": publication}
        muted = proto.TrackInfo(sid="TR_x", type=proto.TrackType.VIDEO, name="film", muted=True)
        await scripted.update(info("bob", tracks=[muted], version=2))
        assert (await expect(events, TrackMuted)).publication is publication
        assert publication.muted
        await scripted.update(info("bob", tracks=[track], version=3))
        await expect(events, TrackUnmuted)
        states = proto.StreamStateInfo(
            participant_sid="PA_bob", track_sid="TR_x", state=proto.StreamState.PAUSED
        )
        await scripted.send(stream_state_update=proto.StreamStateUpdate(stream_states=[states]))
        paused = await expect(events, TrackStreamStateChanged)
        assert (paused.publication, paused.state) == (publication, StreamState.PAUSED)
        assert publication.stream_state is StreamState.PAUSED
        await scripted.send(
            subscription_permission_update=proto.SubscriptionPermissionUpdate(
                participant_sid="PA_bob", track_sid="TR_x", allowed=False
            )
        )
        allowed = await expect(events, TrackSubscriptionPermissionChanged)
        assert (allowed.allowed, publication.subscription_allowed) == (False, False)
        await scripted.send(
            subscription_response=proto.SubscriptionResponse(
                track_sid="TR_x", err=proto.SubscriptionError.SE_CODEC_UNSUPPORTED
            )
        )
        failed = await expect(events, TrackSubscriptionFailed)
        assert (failed.track_sid, failed.reason) == ("TR_x", "codec_unsupported")
        await scripted.update(info("bob", version=4))
        assert (await expect(events, TrackUnpublished)).publication is publication


async def test_speakers_quality_recording_and_tokens() -> None:
    async with open_scripted_room() as (scripted, room):
        events = room.events()
        await scripted.update(info("bob"))
        bob = (await expect(events, ParticipantConnected)).participant
        speakers = [
            proto.SpeakerInfo(sid="PA_bob", level=0.5, active=True),
            proto.SpeakerInfo(sid=ME.sid, level=0.7, active=True),
            proto.SpeakerInfo(sid="PA_unknown", level=0.9, active=True),
        ]
        await scripted.send(speakers_changed=proto.SpeakersChanged(speakers=speakers))
        spoke = await expect(events, ActiveSpeakersChanged)
        assert spoke.speakers == room.active_speakers == (room.local_participant, bob)
        assert (bob.is_speaking, bob.audio_level) == (True, 0.5)
        quality = proto.ConnectionQualityInfo(
            participant_sid="PA_bob", quality=proto.ConnectionQuality.POOR, score=1.5
        )
        await scripted.send(connection_quality=proto.ConnectionQualityUpdate(updates=[quality]))
        told = await expect(events, ConnectionQualityChanged)
        assert (told.participant, told.quality, told.score) == (bob, "poor", 1.5)
        assert bob.connection_quality == "poor"
        await scripted.send(
            room_update=proto.RoomUpdate(room=proto.Room(name="room", active_recording=True))
        )
        assert (await expect(events, RecordingStatusChanged)).recording
        assert room.recording
        await scripted.send(refresh_token="fresh")
        assert (await expect(events, TokenRefreshed)).token == "fresh"


async def test_messages_that_make_no_sense_change_nothing() -> None:
    async with open_scripted_room() as (scripted, room):
        await scripted.send(
            offer=proto.SessionDescription(type="offer", sdp="v=0"),
            trickle=proto.TrickleRequest(candidateInit="{", target=proto.SignalTarget.PUBLISHER),
            track_unpublished=proto.TrackUnpublishedResponse(track_sid="TR_no"),
            mute=proto.MuteTrackRequest(sid="TR_no", muted=True),
            track_subscribed=proto.TrackSubscribed(track_sid="TR_no"),
            room_update=proto.RoomUpdate(),
            speakers_changed=proto.SpeakersChanged(),
        )
        await scripted.visit.send_frame(b"\xff\xff\xff")
        await scripted.update(info("bob"))
        await until(lambda: "bob" in room.remote_participants)
        assert room.state == "connected"


async def test_no_participant_can_end_a_subscription_that_is_not_read() -> None:
    """However often it changes its name: the newest is what there is to know."""
    async with open_scripted_room() as (scripted, room):
        slow, quick = room.events(), room.events(ParticipantNameChanged)
        await scripted.update(info("bob", name="0", version=1))
        for number in range(1, 1100):
            await scripted.update(info("bob", name=str(number), version=number + 1))
            with trio.fail_after(5):
                assert (await quick.receive()).previous == str(number - 1)
        assert isinstance(await slow.receive(), ParticipantConnected)
        renamed = await expect(slow, ParticipantNameChanged)
        assert (renamed.previous, renamed.participant.name) == ("0", "1099")

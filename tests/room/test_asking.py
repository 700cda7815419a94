"""What a program asks of a room: to wait for something, for media, and to leave."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from lktrio import media, proto
from lktrio.errors import CodecUnavailable, EncryptedMedia, RoomClosed
from lktrio.events import Disconnected, ParticipantConnected, TrackPublished, TrackSubscribed
from lktrio.room import (
    DisconnectReason,
    RemoteTrack,
    RemoteTrackPublication,
    Room,
    RoomOptions,
    VideoQuality,
    connect_room,
    open_room,
)
from lktrio.rtc.transport import TransportState
from tests.support.scripted_room import (
    ScriptedRoom,
    info,
    open_scripted_room,
    open_scripted_server,
)
from tests.support.servers import RoomServer

pytestmark = pytest.mark.virtual_time

_State = proto.ParticipantInfo.State
FILM = proto.TrackInfo(sid="TR_x", type=proto.TrackType.VIDEO, name="film")


async def test_waiting_for_an_event(server: RoomServer) -> None:
    async with server.join("bob") as bob:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bob.wait_for, ParticipantConnected)
            async with server.join("alice") as alice:
                event = await bob.wait_for(
                    ParticipantConnected, lambda event: event.participant.identity == "alice"
                )
                assert event.participant.sid == alice.local_participant.sid
                await event.participant.wait_active()
                await alice.local_participant.wait_active()
        with trio.move_on_after(0.1) as scope:
            await bob.wait_for(ParticipantConnected, replay=False)
        assert scope.cancelled_caught
        assert bob.get_participant(identity="bob") is bob.local_participant
        assert bob.get_participant(sid="PA_nobody") is None


async def test_waiting_ends_with_the_room_or_with_who_is_waited_for() -> None:
    async with open_scripted_room() as (scripted, room):
        await scripted.update(info("bob", state=_State.JOINED), info("carol", state=_State.JOINED))
        bob = (await room.wait_for(ParticipantConnected)).participant
        carol = room.get_participant(sid="PA_carol")
        assert carol is not None

        async def closed(call: Any, *arguments: Any) -> None:
            with pytest.raises(RoomClosed, match="signal_close") as caught:
                await call(*arguments)
            assert caught.value.can_reconnect

        async with trio.open_nursery() as nursery:
            nursery.start_soon(closed, room.wait_for, TrackPublished)
            nursery.start_soon(closed, carol.wait_active)
            await scripted.update(info("bob", state=_State.DISCONNECTED))
            with pytest.raises(trio.BrokenResourceError, match="bob has left"):
                await bob.wait_active()
            await scripted.visit.drop()
        await closed(room.wait_for, TrackPublished)
        assert (await room.wait_for(Disconnected)).can_reconnect


@asynccontextmanager
async def published_film(
    options: RoomOptions | None = None,
) -> AsyncGenerator[tuple[ScriptedRoom, RemoteTrackPublication]]:
    async with open_scripted_room(options=options) as (scripted, room):
        await scripted.update(info("bob", tracks=[FILM]))
        yield scripted, (await room.wait_for(TrackPublished)).publication


async def test_how_a_track_is_wanted_is_always_said_in_whole() -> None:
    """What a message leaves out would be the lowest quality."""
    async with published_film() as (scripted, film):
        expected = proto.UpdateTrackSettings(track_sids=["TR_x"])
        for number, (call, disabled, quality) in enumerate(
            [
                (film.set_enabled(False), True, proto.VideoQuality.HIGH),
                (film.set_video_quality("medium"), True, proto.VideoQuality.MEDIUM),
                (film.set_enabled(True), False, proto.VideoQuality.MEDIUM),
            ],
            start=1,
        ):
            await call
            expected.disabled, expected.quality = disabled, quality
            sent = await scripted.visit.wait_for("track_setting", number)
            assert sent.track_setting == expected, number
        assert (film.enabled, film.video_quality) == (True, VideoQuality.MEDIUM)
        with pytest.raises(ValueError, match="VideoQuality"):
            await film.set_video_quality("best")


async def test_the_server_asks_us_to_come_back() -> None:
    for action, can_reconnect in [
        (proto.LeaveRequest.Action.DISCONNECT, False),
        (proto.LeaveRequest.Action.RESUME, True),
        (proto.LeaveRequest.Action.RECONNECT, True),
    ]:
        async with open_scripted_room() as (scripted, room):
            reason = proto.DisconnectReason.SERVER_SHUTDOWN
            await scripted.send(leave=proto.LeaveRequest(reason=reason, action=action))
            end = await room.wait_for(Disconnected)
            assert end == Disconnected(DisconnectReason.SERVER_SHUTDOWN, can_reconnect), action
            with pytest.raises(RoomClosed) as caught:
                await room.local_participant.publish_data(b"x")
            assert caught.value.can_reconnect == can_reconnect, action


async def test_leaving_before_the_block_ends() -> None:
    async with open_scripted_room() as (scripted, room):
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(room.leave, DisconnectReason.MIGRATION)
        await room.leave()
        left = await scripted.visit.wait_for("leave")
        assert left.leave == proto.LeaveRequest(reason=proto.DisconnectReason.MIGRATION)
        assert await room.wait_closed() is DisconnectReason.MIGRATION
        with pytest.raises(RoomClosed):
            await room.local_participant.publish_data(b"x")


async def test_a_cancelled_leave_goes_on_in_the_background() -> None:
    async with open_scripted_room() as (scripted, room):
        with trio.CancelScope() as scope:
            scope.cancel()
            await room.leave()
        assert scope.cancelled_caught
        await scripted.visit.wait_for("leave")
        await scripted.visit.closed.wait()


async def test_leaving_is_the_same_in_a_block_a_nursery_and_by_a_call() -> None:
    """The server reads LEAVE while the media connection is up."""

    async def by_nursery(room: Room, nursery: trio.Nursery) -> None:
        nursery.cancel_scope.cancel()
        await trio.lowlevel.checkpoint()

    async def by_call(room: Room, nursery: trio.Nursery) -> None:
        await room.leave()

    for way in (by_nursery, by_call):
        states: list[TransportState] = []

        async def watch(scripted: ScriptedRoom, states: list[TransportState] = states) -> None:
            await scripted.visit.wait_for("leave")
            states.append(scripted.peer.state)

        async with (
            open_scripted_server() as server,
            trio.open_nursery() as watching,
            trio.open_nursery() as nursery,
        ):
            room = await connect_room(nursery, server.url, "token", server.options())
            watching.start_soon(watch, server.room)
            await way(room, nursery)
        assert states == [TransportState.CONNECTED], way.__name__


async def subscribed_film(scripted: ScriptedRoom, room: Room, **values: Any) -> RemoteTrack:
    """Let the server send a film in a section that the room has offered."""

    async def answer(offer: proto.SessionDescription) -> None:
        now = trio.current_time()
        scripted.peer.set_offer(offer.sdp, now)
        section = next(one for one in scripted.peer.transceivers if one.kind == "video")
        section.direction = "sendonly"
        scripted.peer.set_local_track(section, "PA_bob", "TR_x")
        sdp = scripted.peer.create_answer(now)
        scripted.driver.flush()
        await scripted.send(answer=proto.SessionDescription(type="answer", sdp=sdp, id=offer.id))

    scripted.on_offer = answer
    film = proto.TrackInfo(sid="TR_x", type=proto.TrackType.VIDEO, name="film", **values)
    await scripted.update(info("bob", tracks=[film]))
    await scripted.send(media_sections_requirement=proto.MediaSectionsRequirement(num_videos=1))
    return (await room.wait_for(TrackSubscribed)).track


async def test_the_first_reader_asks_for_the_whole_picture() -> None:
    """A server that was asked to adapt starts with the smallest layer, and leaves it at that."""
    for adaptive in (True, False):
        options = RoomOptions(adaptive_stream=adaptive)
        async with open_scripted_room(options=options) as (scripted, room):
            track = await subscribed_film(scripted, room)
            for _ in range(2):
                track.frames()
            await track.publication.set_subscribed(True)
            await scripted.visit.wait_for("subscription")  # comes behind
            asked = [one.track_setting for one in scripted.visit.requests if one.track_setting]
            whole = proto.UpdateTrackSettings(track_sids=["TR_x"], quality=proto.VideoQuality.HIGH)
            assert asked == ([whole] if adaptive else []), adaptive


async def test_the_codec_is_the_one_that_comes() -> None:
    """A server forwards the first of a track's codecs that we have negotiated."""
    backup = [proto.SimulcastCodecInfo(mime_type=mime) for mime in ("video/VP9", "video/VP8")]
    alone = backup[:1]
    for mime, codecs, more, expected in [
        ("video/VP9", backup, (), media.VP8),
        ("video/VP9", backup, ("VP9",), None),
        ("video/VP9", alone, (), None),
        ("video/H264", [], (), media.H264),
    ]:
        case = (mime, codecs, more)
        options = RoomOptions(packet_codecs=more)
        async with open_scripted_room(options=options) as (scripted, room):
            track = await subscribed_film(scripted, room, mime_type=mime, codecs=codecs)
            assert track.codec == expected, case
            if expected is None:
                with pytest.raises(CodecUnavailable, match=r"VP9.*packets"):
                    track.frames()
            track.packets().close()


async def test_a_codec_that_is_no_packet_codec() -> None:
    with pytest.raises(ValueError, match=r"'MPEG2'.*VP9, AV1, H265"):
        async with open_room("ws://127.0.0.1:1", "token", RoomOptions(packet_codecs=["MPEG2"])):
            pytest.fail("it was joined")


async def test_encrypted_tracks_are_read_as_packets_alone() -> None:
    async with open_scripted_room() as (scripted, room):
        track = await subscribed_film(
            scripted, room, mime_type="video/VP8", encryption=proto.Encryption.Type.GCM
        )
        assert track.publication.encrypted
        assert track.publication.encryption_type == "gcm"
        with pytest.raises(EncryptedMedia, match=r"TR_x.*packets"):
            track.frames()
        track.packets().close()

"""What a server refuses, takes away or mutes, and what it never answers."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from itertools import pairwise

import pytest
import trio

from lktrio import media, proto
from lktrio.errors import (
    CodecRejected,
    LocalProtocolError,
    NotPermitted,
    PublishError,
    PublishTimeout,
)
from lktrio.events import (
    LocalTrackPublished,
    LocalTrackSubscribed,
    LocalTrackUnpublished,
    TrackMuted,
    TrackSubscribed,
    TrackUnpublished,
)
from lktrio.room import RoomOptions
from lktrio.room.session import sections
from tests.support.recording import sample
from tests.support.scripted_room import Plan, ScriptedRoom, open_scripted_room, quick
from tests.support.servers import VERSIONS, RoomServer, expect, until

pytestmark = pytest.mark.virtual_time


@VERSIONS
async def test_a_token_that_does_not_allow_it(server: RoomServer, options: RoomOptions) -> None:
    async with server.join("me", options, can_publish=False) as room:
        with pytest.raises(NotPermitted, match="microphone"):
            async with room.local_participant.publish_track(media.OPUS):
                pytest.fail("it was published")
        assert room.state == "connected"


async def test_a_source_that_the_token_does_not_name(server: RoomServer) -> None:
    async with server.join("me", can_publish_sources=["camera"]) as room:
        publish = room.local_participant.publish_track
        with pytest.raises(NotPermitted, match="microphone"):
            async with publish(media.OPUS):
                pytest.fail("it was published")
        async with publish(media.VP8) as track:
            assert track.publication.source == "camera"


@pytest.mark.parametrize(
    ("codec", "source", "message"),
    [
        (media.PCMU, "", "PCMU"),
        (media.OPUS, "camera", "no source of audio"),
        (media.VP8, "microphone", "no source of video"),
        (media.VP8, "window", "no source of video"),
    ],
)
async def test_what_cannot_be_published(
    server: RoomServer, codec: media.Codec, source: str, message: str
) -> None:
    async with server.join("me") as room:
        with pytest.raises(ValueError, match=message):
            async with room.local_participant.publish_track(codec, source=source):
                pytest.fail("it was published")


async def test_a_lost_permission_takes_the_track_away(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("me") as room, server.api() as api:
        ours, theirs = room.events(), bob.events()
        async with room.local_participant.publish_track(media.OPUS) as track:
            await expect(theirs, TrackSubscribed)
            await api.room.update_participant(
                proto.UpdateParticipantRequest(
                    room=server.room,
                    identity="me",
                    permission=proto.ParticipantPermission(can_subscribe=True),
                )
            )
            assert (await expect(ours, LocalTrackUnpublished)).publication is track.publication
            await expect(theirs, TrackUnpublished)
            frame = (await sample(media.OPUS))[0]
            for call in (partial(track.send, frame), track.mute, track.wait_subscribed):
                with pytest.raises(trio.BrokenResourceError, match="server"):
                    await call()
        with pytest.raises(NotPermitted):
            async with room.local_participant.publish_track(media.OPUS):
                pytest.fail("it was published")


@VERSIONS
async def test_a_server_mutes_a_track(server: RoomServer, options: RoomOptions) -> None:
    async with (
        server.join("bob", options) as bob,
        server.join("me", options) as room,
        server.api() as api,
    ):
        ours, theirs = room.events(TrackMuted), bob.events()
        async with room.local_participant.publish_track(media.OPUS) as track:
            publication = (await expect(theirs, TrackSubscribed)).publication
            await api.room.mute_published_track(
                proto.MuteRoomTrackRequest(
                    room=server.room, identity="me", track_sid=track.sid, muted=True
                )
            )
            assert (await expect(ours, TrackMuted)).publication is track.publication
            assert track.muted
            await expect(theirs, TrackMuted)
            assert publication.muted
            await track.unmute()
            await until(lambda: not publication.muted)


async def test_frames_of_another_codec(server: RoomServer) -> None:
    async with (
        server.join("me") as room,
        room.local_participant.publish_track(media.VP8) as track,
    ):
        with pytest.raises(LocalProtocolError, match="VP8"):
            await track.send(media.EncodedFrame(b"\0no video", 0.0, 0.0, keyframe=True))
        with pytest.raises(LocalProtocolError):
            await track.send(media.EncodedFrame(bytes(9 * 2**20), 0.0, 0.0, keyframe=True))
        await track.send((await sample(media.VP8))[0])


async def test_after_its_block_a_track_is_closed(server: RoomServer) -> None:
    async with server.join("me") as room:
        async with room.local_participant.publish_track(media.OPUS) as track:
            await track.aclose()
            await track.aclose()
            assert not room.local_participant.track_publications
        frame = (await sample(media.OPUS))[0]
        for call in (partial(track.send, frame), track.mute, track.wait_keyframe_request):
            with pytest.raises(trio.ClosedResourceError, match="unpublished"):
                await call()


async def test_more_tracks_than_a_connection_carries(
    server: RoomServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "MAX_SECTIONS", 8)  # six to receive in, one for data
    async with server.join("me") as room, room.local_participant.publish_track(media.OPUS):
        with pytest.raises(PublishError, match="at most 7 tracks"):
            async with room.local_participant.publish_track(media.VP8):
                pytest.fail("it was published")
        await room.local_participant.publish_data(b"still works")


# What only a scripted server does


@asynccontextmanager
async def accepting(scripted: ScriptedRoom) -> AsyncGenerator[None]:
    """Accept every announced track within the block."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(scripted.accept_tracks)
        yield
        nursery.cancel_scope.cancel()


def without_vp8(sdp: str) -> str:
    """An answer to video that takes H.264 alone."""
    lines = [line for line in sdp.split("\r\n") if "VP8" not in line and "apt=96" not in line]
    return "\r\n".join(line.replace(" 96 97", "") for line in lines)


async def test_a_codec_that_the_answer_lacks() -> None:
    async with open_scripted_room(Plan(edit=without_vp8)) as (scripted, room), accepting(scripted):
        with pytest.raises(CodecRejected, match="VP8"):
            async with room.local_participant.publish_track(media.VP8):
                pytest.fail("it was published")
        assert not room.local_participant.track_publications
        async with room.local_participant.publish_track(media.OPUS):
            assert len(room.local_participant.track_publications) == 1


async def refuse(scripted: ScriptedRoom, reason: proto.RequestResponse.Reason) -> None:
    async for request in scripted.requests("add_track"):
        await scripted.send(
            request_response=proto.RequestResponse(reason=reason, add_track=request.add_track)
        )


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (proto.RequestResponse.Reason.NOT_ALLOWED, NotPermitted),
        (proto.RequestResponse.Reason.UNSUPPORTED_TYPE, CodecRejected),
    ],
)
async def test_the_server_refuses_the_announcement(
    reason: proto.RequestResponse.Reason, error: type[Exception]
) -> None:
    async with open_scripted_room() as (scripted, room), trio.open_nursery() as nursery:
        nursery.start_soon(refuse, scripted, reason)
        for _ in range(3):
            with pytest.raises(error):
                async with room.local_participant.publish_track(media.OPUS):
                    pytest.fail("it was published")
        assert room.state == "connected"
        nursery.cancel_scope.cancel()


async def test_the_announcement_is_never_answered() -> None:
    async with open_scripted_room(options=quick(add_track=0.1)) as (_, room):
        with pytest.raises(PublishTimeout):
            async with room.local_participant.publish_track(media.OPUS):
                pytest.fail("it was published")
        assert room.state == "connected"


async def test_the_server_is_ahead_of_us() -> None:
    """It tells of a subscriber before the track is ready on our side."""

    async def accept(scripted: ScriptedRoom) -> None:
        async for request in scripted.requests("add_track"):
            assert request.add_track is not None
            info = proto.TrackInfo(sid="TR_it", type=request.add_track.type)
            cid = request.add_track.cid
            await scripted.send(
                track_published=proto.TrackPublishedResponse(cid=cid, track=info),
                track_subscribed=proto.TrackSubscribed(track_sid="TR_it"),
            )

    async with open_scripted_room() as (scripted, room), trio.open_nursery() as nursery:
        nursery.start_soon(accept, scripted)
        events = room.events(LocalTrackPublished, LocalTrackSubscribed)
        async with room.local_participant.publish_track(media.OPUS) as track:
            with trio.fail_after(1):
                await track.wait_subscribed()
            assert isinstance(await events.receive(), LocalTrackPublished)
            assert isinstance(await events.receive(), LocalTrackSubscribed)
        nursery.cancel_scope.cancel()


async def test_turning_off_is_said_once() -> None:
    """A server may stop for good what it hears is inactive, each time that it hears it."""
    offers: list[str] = []
    async with open_scripted_room() as (scripted, room), accepting(scripted):
        answer = scripted.on_offer

        async def note(offer: proto.SessionDescription) -> None:
            offers.append(offer.sdp)
            await answer(offer)

        scripted.on_offer = note
        publish = room.local_participant.publish_track
        for codec in (media.OPUS, media.VP8, media.OPUS, media.VP8):
            async with publish(codec):
                pass
        await until(lambda: "a=inactive" in offers[-1])
        async with publish(media.OPUS):
            pass
    states = [
        [section for section in sdp.split("m=")[1:] if "a=recvonly" not in section]
        for sdp in offers
    ]
    for before, after in pairwise(states):
        for first, second in zip(before, after, strict=False):
            assert not ("a=inactive" in first and "a=inactive" in second)
    assert len(states[-1]) == 3  # data, sound and film

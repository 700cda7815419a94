"""Media goes from who publishes to who subscribes, with one peer connection or with two."""

from __future__ import annotations

import pytest
import trio

from lktrio import proto
from tests.support.caller import DELTA, KEYFRAME, OPUS_FRAME, Caller, Mode, Published, open_caller
from tests.support.places import serve_place

pytestmark = pytest.mark.virtual_time

MODES = pytest.mark.parametrize("mode", ["v1", "v0"])
LIMIT = 20


async def talk(track: Published, receiver: Caller, count: int = 5) -> None:
    """Send audio until so many frames have come."""
    while len(receiver.frames.get(track.sid, ())) < count:
        track.send(OPUS_FRAME)
        await trio.sleep(0.01)


async def show(track: Published, receiver: Caller, count: int = 5) -> None:
    """Send video until so many frames have come, with keyframes when they are asked for."""
    answered = -1
    while len(receiver.frames.get(track.sid, ())) < count:
        track.send(KEYFRAME if track.keyframes_asked > answered else DELTA)
        answered = track.keyframes_asked
        await trio.sleep(0.01)


@MODES
async def test_audio_and_video_reach_the_other(mode: Mode) -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice", mode) as alice,
            open_caller(server, "bob", mode) as bob,
        ):
            voice = await alice.publish("audio/opus", "voice")
            film = await alice.publish("video/VP8", "film", width=320, height=240)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(talk, voice, bob)
                nursery.start_soon(show, film, bob)
            info = await bob.client.wait_update("alice", lambda info: len(info.tracks) == 2)
    assert [frame.data for frame in bob.frames[voice.sid]][:3] == [OPUS_FRAME] * 3
    assert bob.frames[film.sid][0].keyframe
    assert {track.mime_type for track in info.tracks} == {"audio/opus", "video/VP8"}
    assert info.is_publisher


@MODES
async def test_who_comes_later_gets_what_is_there(mode: Mode) -> None:
    with trio.fail_after(LIMIT):
        async with serve_place() as server, open_caller(server, "alice", mode) as alice:
            film = await alice.publish("video/VP8", "film")
            film.send(KEYFRAME)
            async with open_caller(server, "bob", mode) as bob:
                assert [info.identity for info in bob.join.other_participants] == ["alice"]
                await show(film, bob)
                await alice.client.wait_for("track_subscribed")


@MODES
async def test_updates_come_before_the_description_with_the_track(mode: Mode) -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice", mode) as alice,
            open_caller(server, "bob", mode) as bob,
        ):
            await bob.wait(bob.connected.is_set)
            before = len(bob.client.received)
            voice = await alice.publish("audio/opus")
            await talk(voice, bob, 1)
            news = bob.client.received[before:]
    told = next(
        number
        for number, message in enumerate(news)
        if message.update is not None
        and any(voice.sid == track.sid for p in message.update.participants for track in p.tracks)
    )
    described = next(
        number
        for number, message in enumerate(news)
        if (description := message.offer or message.answer) is not None
        and voice.sid in description.mid_to_track_id.values()
    )
    assert told < described
    description = news[described].offer or news[described].answer
    assert description is not None
    assert f"|{voice.sid} {voice.sid}" in description.sdp


@MODES
async def test_more_tracks_than_sections_ask_for_more(mode: Mode) -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice", mode) as alice,
            open_caller(server, "bob", mode) as bob,
        ):
            tracks = [await alice.publish("audio/opus", f"voice{number}") for number in range(4)]
            async with trio.open_nursery() as nursery:
                for track in tracks:
                    nursery.start_soon(talk, track, bob)


@MODES
async def test_a_muted_track_is_silent_and_goes_on_after(mode: Mode) -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice", mode) as alice,
            open_caller(server, "bob", mode) as bob,
        ):
            voice = await alice.publish("audio/opus")
            await talk(voice, bob)
            await alice.client.send(mute=proto.MuteTrackRequest(sid=voice.sid, muted=True))
            info = await bob.client.wait_update(
                "alice", lambda info: info.tracks[:1] != [] and info.tracks[0].muted
            )
            loud = bytes((0x78, 1, 2, 3))
            for _ in range(20):
                voice.send(loud)
                await trio.sleep(0.005)
            assert all(frame.data == OPUS_FRAME for frame in bob.frames[voice.sid])
            await alice.client.send(mute=proto.MuteTrackRequest(sid=voice.sid, muted=False))
            while not any(frame.data == loud for frame in bob.frames[voice.sid]):
                voice.send(loud)
                await trio.sleep(0.005)
    assert info.tracks[0].sid == voice.sid


@MODES
async def test_an_unpublished_track_is_gone_and_its_place_is_used_again(mode: Mode) -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice", mode) as alice,
            open_caller(server, "bob", mode) as bob,
        ):
            first = await alice.publish("audio/opus", "one")
            await talk(first, bob)
            mid = next(mid for mid, sid in bob.mids.items() if sid == first.sid)
            await alice.unpublish(first)
            await bob.client.wait_update("alice", lambda info: not info.tracks)
            second = await alice.publish("audio/opus", "two")
            await talk(second, bob)
    assert bob.mids[mid] == second.sid


@MODES
async def test_subscriptions_follow_the_preferences_of_the_client(mode: Mode) -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice", mode) as alice,
            open_caller(server, "bob", mode) as bob,
        ):
            voice = await alice.publish("audio/opus")
            await talk(voice, bob)
            change = proto.UpdateSubscription(track_sids=[voice.sid])
            await bob.client.send(subscription=change)
            await bob.client.ping()
            count = len(bob.frames[voice.sid])
            for _ in range(10):
                voice.send(OPUS_FRAME)
                await trio.sleep(0.005)
            assert len(bob.frames[voice.sid]) <= count + 1  # one may have been under way
            change.subscribe = True
            await bob.client.send(subscription=change)
            await talk(voice, bob, count + 5)


@MODES
async def test_the_publisher_says_who_may_subscribe(mode: Mode) -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice", mode) as alice,
            open_caller(server, "bob", mode) as bob,
            open_caller(server, "carol", mode) as carol,
        ):
            rule = proto.TrackPermission(participant_identity="bob", all_tracks=True)
            permission = proto.SubscriptionPermission(track_permissions=[rule])
            await alice.client.send(subscription_permission=permission)
            voice = await alice.publish("audio/opus")
            await talk(voice, bob)
            refused = await carol.client.wait_for("subscription_permission_update")
            assert voice.sid not in carol.frames
            everybody = proto.SubscriptionPermission(all_participants=True)
            await alice.client.send(subscription_permission=everybody)
            allowed = await carol.client.wait_for("subscription_permission_update")
            await talk(voice, carol)
    assert (refused.track_sid, refused.allowed) == (voice.sid, False)
    assert (allowed.track_sid, allowed.allowed) == (voice.sid, True)


async def test_speakers_are_told_to_who_hears_them() -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            voice = await alice.publish("audio/opus")
            async with trio.open_nursery() as nursery:

                async def speak() -> None:
                    while True:
                        voice.send(OPUS_FRAME, level=5)
                        await trio.sleep(0.02)

                nursery.start_soon(speak)
                for caller in (alice, bob):
                    changed = await caller.client.wait_for("speakers_changed")
                    speaker = changed.speakers[0]
                    assert speaker.sid == alice.sid
                    assert speaker.active
                    assert speaker.level > 0
                nursery.cancel_scope.cancel()
            silent = await bob.client.wait_for(
                "speakers_changed", lambda changed: not changed.speakers[0].active
            )
    assert silent.speakers[0].level == 0


async def test_dynacast_tells_which_qualities_are_wanted() -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            film = await alice.publish("video/VP8")
            await show(film, bob)
            update = await alice.client.wait_for("subscribed_quality_update")
    assert update.track_sid == film.sid
    assert [quality.enabled for quality in update.subscribed_codecs[0].qualities] == [True] * 3
    assert update.subscribed_codecs[0].codec == "vp8"

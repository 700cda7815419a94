"""A track is sent in a further codec when somebody cannot take its first one."""

from __future__ import annotations

import pytest
import trio

from lktrio import proto
from lktrio.devserver.dynacast import QUALITY_HOLD, Dynacast
from lktrio.rtc.capabilities import H264, VP8
from tests.support.caller import KEYFRAME, Caller, Mode, Published, open_caller
from tests.support.places import serve_place

pytestmark = pytest.mark.virtual_time

CODECS = [
    proto.SimulcastCodec(codec="vp8", cid="film"),
    proto.SimulcastCodec(codec="h264", cid="film-h264"),
]
Policy = proto.BackupCodecPolicy
IDR = bytes((0, 0, 0, 1, 0x67, 66, 0, 1, 0, 0, 0, 1, 0x68, 1, 0, 0, 0, 1, 0x65)) + bytes(20)


async def watch(caller: Caller, sent: list[tuple[Published, bytes]], sid: str) -> None:
    """Send keyframes of every codec until one of the track has come."""
    while not caller.frames.get(sid):
        for track, data in sent:
            track.send(data)
        await trio.sleep(0.02)


def is_sent_twice(info: proto.ParticipantInfo) -> bool:
    return bool(info.tracks) and bool(info.tracks[0].codecs[1].mid)


async def test_a_further_codec_is_asked_for_and_forwarded() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, open_caller(server, "alice", "v0") as alice:
            film = await alice.publish(
                "video/VP8", "film", simulcast_codecs=CODECS, backup_codec_policy=Policy.SIMULCAST
            )
            async with open_caller(server, "bob", "v0", video_codecs=(H264,)) as bob:
                await bob.wait(lambda: film.sid in bob.mids.values())
                await trio.sleep(1)
                # A browser that is still publishing would not know what this is about.
                assert "subscribed_quality_update" not in alice.client.kinds()
                film.send(KEYFRAME)
                update = await alice.client.wait_for(
                    "subscribed_quality_update",
                    lambda told: len(told.subscribed_codecs) == 2,
                )
                spare = await alice.publish(
                    "video/H264", "film-h264", sid=film.sid, simulcast_codecs=CODECS[1:]
                )
                await watch(bob, [(film, KEYFRAME), (spare, IDR)], film.sid)
                async with open_caller(server, "carol", "v0") as carol:
                    await watch(carol, [(film, KEYFRAME), (spare, IDR)], film.sid)
                info = await bob.client.wait_update("alice", is_sent_twice)
    assert spare.sid == film.sid
    wanted = {codec.codec: codec.qualities[0].enabled for codec in update.subscribed_codecs}
    assert wanted == {"vp8": False, "h264": True}
    assert b"\x65" in bob.frames[film.sid][0].data
    assert carol.frames[film.sid][0].data == KEYFRAME
    assert [codec.mime_type for codec in info.tracks[0].codecs] == ["video/VP8", "video/h264"]


async def test_a_codec_for_no_track_is_refused() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, open_caller(server, "alice", "v0") as alice:
            request = proto.AddTrackRequest(cid="x", sid="TR_none", simulcast_codecs=CODECS[1:])
            await alice.client.send(add_track=request)
            answer = await alice.client.wait_for("request_response")
    assert answer.reason == proto.RequestResponse.Reason.NOT_FOUND
    assert answer.add_track.cid == "x"


@pytest.mark.parametrize("mode", ["v1", "v0"])
async def test_who_cannot_take_a_codec_is_told_and_gets_the_other_tracks(mode: Mode) -> None:
    with trio.fail_after(20):
        async with (
            serve_place() as server,
            open_caller(server, "alice", mode) as alice,
            open_caller(server, "bob", mode, video_codecs=(VP8,)) as bob,
        ):
            only = [proto.SimulcastCodec(codec="h264", cid="film")]
            film = await alice.publish("video/H264", "film", simulcast_codecs=only)
            answer = await bob.client.wait_for("subscription_response")
            await bob.wait(lambda: film.sid not in bob.mids.values())
            second = await alice.publish("video/VP8", "second")
            await watch(bob, [(film, IDR), (second, KEYFRAME)], second.sid)
    assert answer.track_sid == film.sid
    assert answer.err == proto.SubscriptionError.SE_CODEC_UNSUPPORTED
    assert film.sid not in bob.frames


async def test_the_track_ends_with_its_first_codec() -> None:
    with trio.fail_after(20):
        async with (
            serve_place() as server,
            open_caller(server, "alice", "v0") as alice,
            open_caller(server, "bob", "v0") as bob,
        ):
            film = await alice.publish("video/VP8", "film", simulcast_codecs=CODECS)
            spare = await alice.publish(
                "video/H264", "film-h264", sid=film.sid, simulcast_codecs=CODECS[1:]
            )
            await alice.unpublish(spare)
            again = await alice.publish(
                "video/H264", "film-h264", sid=film.sid, simulcast_codecs=CODECS[1:]
            )
            await watch(bob, [(film, KEYFRAME)], film.sid)
            await alice.unpublish(film)
            await bob.client.wait_update("alice", lambda info: not info.tracks)
    assert again.sid == film.sid


async def test_a_track_keeps_its_codec_when_others_come() -> None:
    only = [proto.SimulcastCodec(codec="h264", cid="film")]
    with trio.fail_after(20):
        async with serve_place() as server, open_caller(server, "alice", "v0") as alice:
            film = await alice.publish("video/H264", "film", simulcast_codecs=only)
            before = film.transceiver.codecs[0].name
            await alice.publish("video/VP8", "second")
    assert (before, film.transceiver.codecs[0].name) == ("H264", "H264")


def told(message: proto.SignalResponse | None) -> dict[str, bool] | None:
    update = message.subscribed_audio_codec_update if message is not None else None
    if update is None:
        return None
    return {codec.codec: codec.enabled for codec in update.subscribed_audio_codecs}


def test_codecs_of_audio_are_told_at_once() -> None:
    dynacast = Dynacast("TR_1", video=False)
    assert dynacast.update({"audio/pcmu": -1}, 0.0) is None
    assert told(dynacast.update({"audio/pcmu": 2}, 0.0)) == {"pcmu": True}
    assert told(dynacast.update({"audio/pcmu": 2, "audio/opus": 2}, 0.0)) == {
        "pcmu": True,
        "opus": True,
    }
    assert told(dynacast.update({"audio/pcmu": -1, "audio/opus": 2}, 0.1)) == {
        "pcmu": False,
        "opus": True,
    }


@pytest.mark.parametrize("lower", [{"video/vp8": 0}, {"video/vp8": -1}])
def test_less_video_is_told_after_a_while(lower: dict[str, int]) -> None:
    dynacast = Dynacast("TR_1", video=True)
    assert dynacast.update({"video/vp8": 2}, 0.0) is not None
    assert dynacast.update(lower, 1.0) is None
    assert dynacast.update({"video/vp8": 2}, 2.0) is None
    assert dynacast.update(lower, 3.0) is None
    assert dynacast.update(lower, 2.9 + QUALITY_HOLD) is None
    assert dynacast.update(lower, 3.0 + QUALITY_HOLD) is not None

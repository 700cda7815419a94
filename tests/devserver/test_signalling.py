"""Messages of clients are answered as LiveKit's server answers them, refusals included."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from lktrio import proto
from lktrio.auth import decode_token
from tests.support.caller import open_caller
from tests.support.places import serve_place
from tests.support.signal_client import joined

pytestmark = pytest.mark.virtual_time

Reason = proto.RequestResponse.Reason


async def test_both_forms_of_ping_are_answered() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "me") as client:
            await client.send(ping=123)
            assert await client.wait_for("pong") > 1_700_000_000_000
            await client.send(ping_req=proto.Ping(timestamp=456, rtt=7))
            pong = await client.wait_for("pong_resp")
    assert pong.last_ping_timestamp == 456
    assert pong.timestamp > 1_700_000_000_000


REFUSED: list[tuple[str, dict[str, Any], proto.RequestResponse.Reason, str]] = [
    ("mute", {"mute": proto.MuteTrackRequest(sid="TR_nope")}, Reason.NOT_FOUND, "mute"),
    (
        "trickle that is not JSON",
        {"trickle": proto.TrickleRequest(candidateInit="nojson")},
        Reason.UNCLASSIFIED_ERROR,
        "trickle",
    ),
    (
        "metadata without the grant",
        {"update_metadata": proto.UpdateParticipantMetadata(metadata="x", request_id=5)},
        Reason.NOT_ALLOWED,
        "update_metadata",
    ),
    (
        "a codec for an unknown track",
        {"add_track": proto.AddTrackRequest(cid="c", sid="TR_unknown")},
        Reason.NOT_FOUND,
        "add_track",
    ),
    (
        "a track of data",
        {"add_track": proto.AddTrackRequest(cid="c", type=proto.TrackType.DATA)},
        Reason.UNSUPPORTED_TYPE,
        "add_track",
    ),
    (
        "features of an unknown track",
        {"update_audio_track": proto.UpdateLocalAudioTrack(track_sid="TR_nope")},
        Reason.NOT_FOUND,
        "update_audio_track",
    ),
    (
        "size of an unknown track",
        {"update_video_track": proto.UpdateLocalVideoTrack(track_sid="TR_nope")},
        Reason.NOT_FOUND,
        "update_video_track",
    ),
]


async def test_refusals_echo_the_request() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "me") as client:
            for case, fields, reason, echo in REFUSED:
                await client.send(**fields)
                response = await client.wait_for("request_response")
                await client.ping()  # and the link goes on
                assert response.reason == reason, case
                assert getattr(response, echo) == fields[echo], case
                if echo == "update_metadata":
                    assert response.request_id == 5
                    assert response.message == "does not have permission to update own metadata"


async def test_sources_that_may_not_be_published_are_refused() -> None:
    with trio.fail_after(20):
        async with (
            serve_place() as server,
            joined(server, "me", can_publish_sources=["camera"]) as client,
        ):
            microphone = proto.AddTrackRequest(cid="m", source=proto.TrackSource.MICROPHONE)
            await client.send(add_track=microphone)
            refused = await client.wait_for("request_response")
            camera = proto.AddTrackRequest(
                cid="c", type=proto.TrackType.VIDEO, source=proto.TrackSource.CAMERA
            )
            await client.send(add_track=camera)
            published = await client.wait_for("track_published")
    assert refused.reason == Reason.NOT_ALLOWED
    assert refused.add_track == microphone
    assert published.cid == "c"
    assert published.track.sid.startswith("TR_VC")


async def test_a_track_is_described_as_it_was_asked_for() -> None:
    qualities = (proto.VideoQuality.HIGH, proto.VideoQuality.LOW)
    request = proto.AddTrackRequest(
        cid="c",
        name="cam",
        type=proto.TrackType.VIDEO,
        width=640,
        height=360,
        source=proto.TrackSource.CAMERA,
        layers=[proto.VideoLayer(quality=quality) for quality in qualities],
        simulcast_codecs=[
            proto.SimulcastCodec(
                codec="vp8",
                cid="c",
                layers=[proto.VideoLayer(quality=quality) for quality in qualities],
            )
        ],
    )
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "me") as client:
            await client.send(add_track=request)
            track = (await client.wait_for("track_published")).track
    assert (track.name, track.width, track.height) == ("cam", 640, 360)
    assert track.simulcast
    assert track.stream == "camera"
    assert [layer.quality for layer in track.layers] == sorted(qualities)
    assert track.codecs[0].mime_type == "video/vp8"
    assert track.codecs[0].cid == "c"
    mode = proto.VideoLayer.Mode.ONE_SPATIAL_LAYER_PER_STREAM
    assert track.codecs[0].video_layer_mode == mode


async def test_a_cid_in_use_is_queued_and_twenty_tracks_may_wait() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "me") as client:
            for number in range(20):
                await client.send(add_track=proto.AddTrackRequest(cid=str(number)))
                await client.wait_for("track_published")
            reasons = []
            for cid in ("0", "20"):
                await client.send(add_track=proto.AddTrackRequest(cid=cid))
                reasons.append((await client.wait_for("request_response")).reason)
    assert reasons == [Reason.LIMIT_EXCEEDED, Reason.LIMIT_EXCEEDED]


async def test_the_same_cid_waits_for_the_first_one_to_end() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "me") as client:
            await client.send(add_track=proto.AddTrackRequest(cid="c"))
            await client.wait_for("track_published")
            reasons = []
            for _ in range(4):
                await client.send(add_track=proto.AddTrackRequest(cid="c"))
                reasons.append((await client.wait_for("request_response")).reason)
    assert reasons == [Reason.QUEUED] * 3 + [Reason.LIMIT_EXCEEDED]


async def test_a_participant_changes_what_it_says_about_itself() -> None:
    with trio.fail_after(20):
        async with (
            serve_place() as server,
            joined(server, "other") as other,
            joined(server, "me", can_update_own_metadata=True) as client,
        ):
            change = proto.UpdateParticipantMetadata(
                metadata="m", name="N", attributes={"a": "1", "b": "2"}, request_id=7
            )
            await client.send(update_metadata=change)
            response = await client.wait_for("request_response")
            info = await other.wait_update("me", lambda info: info.name == "N")
            removal = proto.UpdateParticipantMetadata(attributes={"a": ""}, request_id=8)
            await client.send(update_metadata=removal)
            again = await other.wait_update("me", lambda info: info.attributes == {"b": "2"})
            await client.ping()
            tokens = [m.refresh_token for m in client.received if m.refresh_token is not None]
    assert (response.request_id, response.reason) == (7, Reason.OK)
    assert (info.metadata, info.attributes) == ("m", {"a": "1", "b": "2"})
    assert (again.metadata, again.name) == ("m", "N")  # empty values change nothing
    claims = decode_token(tokens[-1])
    assert (claims.name, claims.metadata, dict(claims.attributes)) == ("N", "m", {"b": "2"})


async def test_what_it_says_about_itself_is_limited() -> None:
    changes = (
        proto.UpdateParticipantMetadata(name="n" * 257, request_id=1),
        proto.UpdateParticipantMetadata(metadata="m" * (512 * 1024 + 1), request_id=2),
        proto.UpdateParticipantMetadata(attributes={"a": "v" * 64 * 1024}, request_id=3),
    )
    with trio.fail_after(20):
        async with (
            serve_place() as server,
            joined(server, "me", can_update_own_metadata=True) as client,
        ):
            for number, change in enumerate(changes, 1):
                await client.send(update_metadata=change)
                response = await client.wait_for("request_response")
                assert (response.request_id, response.reason) == (number, Reason.LIMIT_EXCEEDED)


async def test_frames_without_a_known_case_are_ignored() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "me") as client:
            for frame in (b"", b"\xba\x06\x00\x9a\x06\x00"):
                await client.send_raw(frame)
                await client.ping()


async def test_frames_that_cannot_be_read_end_the_link_without_a_leave() -> None:
    with trio.fail_after(20):
        async with serve_place() as server:
            for frame in (b"\xff\xff\xff", "{}"):
                async with joined(server, "me") as client:
                    await client.send_raw(frame)
                    assert await client.wait_closed() == 1000, frame
                    assert "leave" not in client.kinds(), frame


async def test_leaving_gives_the_reason_to_others() -> None:
    reasons = proto.DisconnectReason
    kept = {
        reasons.USER_REJECTED: reasons.USER_REJECTED,
        reasons.ROOM_DELETED: reasons.CLIENT_INITIATED,
    }
    gone = proto.ParticipantInfo.State.DISCONNECTED
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "other") as other:
            for sent, told in kept.items():
                async with joined(server, "me") as client:
                    await client.send(leave=proto.LeaveRequest(reason=sent))
                    leave = await client.wait_for("leave")
                    assert await client.wait_closed() == 1000
                    info = await other.wait_update("me", lambda info: info.state == gone)
                assert leave.reason == info.disconnect_reason == told, sent


async def test_a_track_that_never_comes_is_told_to_be_missing() -> None:
    with trio.fail_after(100):  # of virtual time
        async with serve_place() as server, open_caller(server, "me") as caller:
            client = caller.client
            await client.send(
                subscription=proto.UpdateSubscription(track_sids=["TR_nope"], subscribe=True)
            )
            response = await client.wait_for("subscription_response")
    assert response.track_sid == "TR_nope"
    assert response.err == proto.SubscriptionError.SE_TRACK_NOTFOUND


async def test_sync_state_with_unknown_tracks_demands_a_new_session() -> None:
    unknown = proto.TrackInfo(sid="TR_unknown")
    cases = {
        "nothing": (proto.SyncState(), False),
        "an unknown track": (
            proto.SyncState(publish_tracks=[proto.TrackPublishedResponse(track=unknown)]),
            True,
        ),
        "a track without its description": (
            proto.SyncState(publish_tracks=[proto.TrackPublishedResponse(cid="c")]),
            True,
        ),
        "an unknown data track": (
            proto.SyncState(
                publish_data_tracks=[
                    proto.PublishDataTrackResponse(info=proto.DataTrackInfo(sid="DTR_unknown"))
                ]
            ),
            True,
        ),
        "a data track without its description": (
            proto.SyncState(publish_data_tracks=[proto.PublishDataTrackResponse()]),
            True,
        ),
    }
    with trio.fail_after(60):
        async with serve_place() as server:
            for case, (state, anew) in cases.items():
                async with joined(server, "me") as client:
                    start = trio.current_time()
                    await client.send(sync_state=state)
                    if anew:
                        leave = await client.wait_for("leave")
                        assert leave.action == proto.LeaveRequest.Action.RECONNECT, case
                    else:
                        await client.ping()
                    assert trio.current_time() - start < 1, case


async def test_sync_state_with_everything_that_is_published_is_taken() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "me") as client:
            publish = proto.PublishDataTrackRequest(pub_handle=7, name="dt")
            await client.send(publish_data_track_request=publish)
            data_track = await client.wait_for("publish_data_track_response")
            request = proto.AddTrackRequest(cid="mic", type=proto.TrackType.AUDIO)
            await client.send(add_track=request)
            track = await client.wait_for("track_published")
            await client.send(
                sync_state=proto.SyncState(
                    publish_tracks=[track],
                    publish_data_tracks=[data_track],
                )
            )
            await client.ping()
            assert "leave" not in client.kinds()


SCENARIOS: list[tuple[proto.SimulateScenario, str]] = [
    (proto.SimulateScenario(server_leave=True), "leave"),
    (proto.SimulateScenario(leave_request_full_reconnect=True), "leave"),
]


async def test_scenarios_that_are_answered() -> None:
    with trio.fail_after(20):
        async with serve_place() as server:
            for scenario, answer in SCENARIOS:
                async with joined(server, "me") as client:
                    await client.send(simulate=scenario)
                    await client.wait_for(answer)


async def test_a_simulated_speaker_speaks_for_as_long_as_it_is_asked_to() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "me") as client:
            await client.send(simulate=proto.SimulateScenario(speaker_update=3))
            began = (await client.wait_for("speakers_changed")).speakers
            start = trio.current_time()
            ended = (await client.wait_for("speakers_changed")).speakers
            lasted = trio.current_time() - start
    assert [(speaker.active, speaker.level > 0.5) for speaker in began] == [(True, True)]
    assert [(speaker.active, speaker.level) for speaker in ended] == [(False, 0.0)]
    assert 2.5 < lasted < 4


async def test_scenarios_that_end_without_a_leave() -> None:
    scenarios = (
        (proto.SimulateScenario(node_failure=True), proto.DisconnectReason.SERVER_SHUTDOWN),
        (proto.SimulateScenario(migration=True), proto.DisconnectReason.MIGRATION),
    )
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "other") as other:
            for scenario, reason in scenarios:
                async with joined(server, "me") as client:
                    await client.send(simulate=scenario)
                    assert await client.wait_closed() == 1000
                    assert "leave" not in client.kinds()
                    info = await other.wait_update("me", lambda info: bool(info.disconnect_reason))
                assert info.disconnect_reason == reason


async def test_requests_that_are_not_offered_are_ignored() -> None:
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "me") as client:
            await client.send(update_layers=proto.UpdateVideoLayers(track_sid="TR_x"))
            await client.ping()
            assert "request_response" not in client.kinds()


async def test_blobs_that_make_no_sense_or_are_too_large() -> None:
    reasons = proto.RequestResponse.Reason
    key, large = proto.DataBlobKey(generic="x"), proto.DataBlobKey(generic="x" * 600)
    stored = [
        (None, reasons.INVALID_REQUEST),
        (proto.DataBlob(contents=b"x"), reasons.INVALID_REQUEST),
        (proto.DataBlob(key=proto.DataBlobKey(), contents=b"x"), reasons.INVALID_REQUEST),
        (proto.DataBlob(key=key), reasons.INVALID_REQUEST),
        (proto.DataBlob(key=large, contents=b"x"), reasons.INVALID_REQUEST),
        (proto.DataBlob(key=key, contents=bytes(64_000)), reasons.LIMIT_EXCEEDED),
    ]
    fetched = [
        (None, "me", reasons.INVALID_REQUEST),
        (key, "me", reasons.NOT_FOUND),
        (key, "nobody", reasons.NOT_FOUND),
    ]
    with trio.fail_after(20):
        async with serve_place() as server, joined(server, "me") as client:
            for number, (blob, _) in enumerate(stored):
                store = proto.StoreDataBlobRequest(request_id=number, blob=blob)
                await client.send(store_data_blob_request=store)
            for number, (wanted, identity, _) in enumerate(fetched, len(stored)):
                get = proto.GetDataBlobRequest(
                    request_id=number, participant_identity=identity, key=wanted
                )
                await client.send(get_data_blob_request=get)
            await client.ping()
            answers = [one.request_response for one in client.received if one.request_response]
            expected = [reason for *_, reason in (*stored, *fetched)]
            assert [(one.request_id, one.reason) for one in answers] == list(enumerate(expected))

"""LiveKit's Python SDK (libwebrtc) and our participant hear and see each other."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
import trio

from lktrio.events import TrackMuted, TrackUnmuted, TrackUnpublished, TrackUnsubscribed
from lktrio.media import H264, OPUS, VP8, EncodedFrame, open_reader
from lktrio.room import SimulateScenario
from lktrio.rtc.rtcp import ReceiverEstimatedMaxBitrate
from lktrio.rtc.rtp.estimator import ReceiveBandwidth
from tests.interop.support.child import open_child
from tests.interop.support.participant import (
    open_participant,
    picture_frames,
    send_endlessly,
    tone_frames,
)
from tests.media.oracle import h264
from tests.support.servers import SERVERS, open_server

pytest.importorskip("livekit.rtc", reason="LiveKit's Python SDK is not installed")
pytest.importorskip("av", reason="PyAV is not installed")

LIMIT = 60
HERTZ = 440.0

on_each_server = pytest.mark.parametrize("which", SERVERS)
single = pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])


@on_each_server
@single
async def test_it_hears_and_sees_us(which: str, single: bool) -> None:
    pictures = await picture_frames()
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_child("official_client") as other,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            me = participant.room.local_participant
            await other.order(
                "join", url=server.url, token=server.token("other"), single_peer_connection=single
            )
            async with (
                me.publish_track(OPUS, name="tone") as sound,
                me.publish_track(VP8, name="film", width=320, height=180) as film,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(send_endlessly, sound, tone_frames(HERTZ, 1))
                nursery.start_soon(send_endlessly, film, pictures)
                heard = await other.wait(
                    "audio", lambda r: r["seconds"] >= 1 and r["loudness"] > 5000, name="tone"
                )
                assert heard["frequency"] == pytest.approx(HERTZ, rel=0.02)
                seen = await other.wait(
                    "video", lambda r: r["frames"] >= 20 and r["different"] > 3, name="film"
                )
                assert (seen["width"], seen["height"]) == (320, 180)
                assert seen["contrast"] > 50
                assert (seen["identity"], seen["mime"].lower()) == ("me", "video/vp8")
                nursery.cancel_scope.cancel()


@on_each_server
@pytest.mark.parametrize(
    ("single", "simulcast"),
    [(True, True), (True, False), (False, True)],
    ids=["v1 simulcast", "v1", "v0 simulcast"],
)
async def test_we_hear_and_see_it(which: str, single: bool, simulcast: bool) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_child("official_client") as other,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            await other.order(
                "join", url=server.url, token=server.token("other"), single_peer_connection=single
            )
            await other.order("publish_tone", hertz=HERTZ)
            await other.order("publish_picture", width=640, height=360, simulcast=simulcast)
            sound = await participant.wait_sound(
                "mic", lambda s: s.frequency == pytest.approx(HERTZ, rel=0.02)
            )
            assert sound.loudness > 3000
            pictures = await participant.wait_pictures(
                "cam", lambda p: p.different > 10 and p.contrast > 50
            )
            assert set(pictures.sizes) <= {(640, 360), (320, 180)}
            publication = participant.tracks["cam"].publication
            assert publication.info.simulcast == simulcast


@on_each_server
@single
async def test_the_better_layer_comes_and_stays(which: str, single: bool) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_child("official_client") as other,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            await other.order("join", url=server.url, token=server.token("other"))
            await other.order("publish_picture", width=640, height=360, simulcast=True)
            better = await participant.wait_pictures("cam", lambda p: (640, 360) in p.sizes[-15:])
            pictures = await participant.wait_pictures("cam", lambda p: p.count > better.count + 60)
            assert set(pictures.sizes[better.count :]) == {(640, 360)}


class Pessimist(ReceiveBandwidth):
    """Estimates that fall and fall, from some moment on."""

    despairs = False
    falling = 500_000.0

    def collect(
        self, sender_ssrc: int, ssrcs: tuple[int, ...], now: float
    ) -> ReceiverEstimatedMaxBitrate | None:
        report = super().collect(sender_ssrc, ssrcs, now)
        if report is not None and self.despairs:
            self.falling = max(0.8 * self.falling, 10_000.0)
            report = replace(report, bitrate=int(self.falling))
        return report


@pytest.mark.parametrize("which", SERVERS[1:])
@single
async def test_a_real_server_takes_our_word_for_what_our_path_carries(
    which: str, single: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lktrio.rtc.inbound_streams.ReceiveBandwidth", Pessimist)
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_child("official_client") as other,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            await other.order("join", url=server.url, token=server.token("other"))
            await other.order("publish_picture", width=1280, height=720, simulcast=True)
            await participant.wait_pictures("cam", lambda p: p.sizes[-1] == (1280, 720))
            monkeypatch.setattr(Pessimist, "despairs", True)
            await participant.wait_pictures("cam", lambda p: p.sizes[-1] < (1280, 720))


@pytest.mark.parametrize("which", SERVERS[1:])
@single
async def test_a_server_that_limits_what_it_sends_us_takes_smaller_pictures(
    which: str, single: bool
) -> None:
    """Of the real server's scenarios the one that concerns media alone."""
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_child("official_client") as other,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            await other.order("join", url=server.url, token=server.token("other"))
            await other.order("publish_picture", width=1280, height=720, simulcast=True)
            await participant.wait_pictures("cam", lambda p: p.sizes[-1] == (1280, 720))
            scenario = SimulateScenario.SUBSCRIBER_BANDWIDTH
            await participant.room.simulate(scenario, 200_000)
            await participant.wait_pictures("cam", lambda p: p.sizes[-1] < (1280, 720))
            await participant.room.simulate(scenario, 0)
            await participant.wait_pictures("cam", lambda p: p.sizes[-1] == (1280, 720))
            assert participant.room.state == "connected"


@on_each_server
async def test_we_see_its_h264(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_child("official_client") as other,
            open_participant(server.url, server.token("me")) as participant,
        ):
            await other.order("join", url=server.url, token=server.token("other"))
            await other.order("publish_picture", width=640, height=360, codec="H264")
            pictures = await participant.wait_pictures(
                "cam", lambda p: p.different > 10 and p.contrast > 50
            )
            assert set(pictures.sizes) <= {(640, 360), (320, 180)}
            assert participant.tracks["cam"].codec == H264


@on_each_server
async def test_it_sees_our_h264(which: str) -> None:
    film_frames = await h264_frames()
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_child("official_client") as other,
            open_participant(server.url, server.token("me")) as participant,
        ):
            await other.order("join", url=server.url, token=server.token("other"))
            me = participant.room.local_participant
            async with (
                me.publish_track(H264, name="film", width=320, height=180) as film,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(send_endlessly, film, film_frames)
                seen = await other.wait(
                    "video", lambda r: r["frames"] >= 20 and r["different"] > 3, name="film"
                )
                assert (seen["width"], seen["height"]) == (320, 180)
                nursery.cancel_scope.cancel()


async def h264_frames() -> list[EncodedFrame]:
    film = io.BytesIO(h264(frames=50, size=(320, 180), gop=25))
    async with open_reader(film) as reader:
        return [frame async for frame in reader]


@on_each_server
async def test_whoever_comes_late_finds_what_is_published(which: str) -> None:
    pictures = await picture_frames()
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_child("official_client", name="the first") as first,
            open_child("official_client", name="the last") as last,
        ):
            await first.order("join", url=server.url, token=server.token("first"))
            await first.order("publish_picture", width=320, height=180, name="theirs")
            async with open_participant(server.url, server.token("me")) as participant:
                assert list(participant.room.remote_participants) == ["first"]
                await participant.wait_pictures("theirs", lambda p: p.count >= 10)
                me = participant.room.local_participant
                async with (
                    me.publish_track(VP8, name="ours", width=320, height=180) as film,
                    trio.open_nursery() as nursery,
                ):
                    nursery.start_soon(send_endlessly, film, pictures)
                    await first.wait("video", lambda r: r["frames"] >= 10, name="ours")
                    await last.order("join", url=server.url, token=server.token("last"))
                    joined = await last.wait("joined")
                    assert joined["present"] == ["first", "me"]
                    await last.wait("video", lambda r: r["frames"] >= 10, name="ours")
                    await last.wait("video", lambda r: r["frames"] >= 10, name="theirs")
                    nursery.cancel_scope.cancel()


@on_each_server
@single
async def test_tracks_are_muted_and_unpublished_for_both(which: str, single: bool) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_child("official_client") as other,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            await other.order(
                "join", url=server.url, token=server.token("other"), single_peer_connection=single
            )
            await other.order("publish_tone", hertz=HERTZ)
            await participant.wait_frames("mic", 10)
            await other.order("mute", name="mic")
            await participant.wait_event(TrackMuted)
            await other.order("unmute", name="mic")
            await participant.wait_event(TrackUnmuted)
            await participant.wait_frames("mic", len(participant.frames["mic"]) + 25)
            await other.order("unpublish", name="mic")
            await participant.wait_event(TrackUnpublished)
            await participant.wait_event(TrackUnsubscribed)

            me = participant.room.local_participant
            async with (
                me.publish_track(OPUS, name="ours") as track,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(send_endlessly, track, tone_frames(HERTZ, 1))
                await other.wait("audio", name="ours")
                await track.mute()
                await other.wait("muted", name="ours")
                await track.unmute()
                await other.wait("unmuted", name="ours")
                heard = len(other.matching("audio", name="ours"))
                await other.wait(
                    "audio",
                    lambda r: len(other.matching("audio", name="ours")) > heard + 2,
                    name="ours",
                )
                nursery.cancel_scope.cancel()
            await other.wait("unpublished", name="ours")

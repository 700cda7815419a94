"""livekit-client in Chromium: its camera and microphone recorded by us, our media played by it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import trio

from lktrio.events import (
    DataReceived,
    ParticipantDisconnected,
    TrackMuted,
    TrackUnmuted,
    TrackUnpublished,
)
from lktrio.media import OPUS, VP8, open_reader, open_writer
from tests.interop.support.browser import Browser, needs_browser, open_browser
from tests.interop.support.participant import (
    Participant,
    listen,
    open_participant,
    picture_frames,
    send_endlessly,
    tone_frames,
    watch,
)
from tests.support.servers import SERVERS, RoomServer, open_server

pytest.importorskip("av", reason="PyAV is not installed")

pytestmark = needs_browser

LIMIT = 90
SIZE = 1000
PAYLOAD = bytes(index % 251 for index in range(SIZE))  # what the page sends

on_each_server = pytest.mark.parametrize("which", SERVERS)
single = pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])


async def join(browser: Browser, server: RoomServer, *, single: bool) -> None:
    await browser.order(
        "join", url=server.url, token=server.token("browser"), single_peer_connection=single
    )


async def record(participant: Participant, name: str, path: Path, count: int) -> None:
    """Write frames of a track to a file as they come."""
    track = participant.tracks[name]
    assert track.codec is not None
    async with open_writer(path, track.codec) as out, track.frames() as frames:
        for _ in range(count):
            await out.send(await frames.receive())


def has_played(report: dict[str, Any]) -> bool:
    if not report.get("energy"):
        return False
    genuine = report["samples"] - report["concealed"]
    return report["energy"] > 0.01 and bool(genuine > 24_000)  # half a second


def has_shown(report: dict[str, Any]) -> bool:
    return (report.get("frames") or 0) >= 20 and report["contrast"] > 50


@on_each_server
@single
async def test_its_camera_and_microphone_are_recorded(
    which: str, single: bool, tmp_path: Path
) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_browser(tmp_path / "profile") as browser,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            await join(browser, server, single=single)
            await browser.order("publish_devices")
            await participant.wait(lambda: len(participant.tracks) == 2)
            async with trio.open_nursery() as nursery:
                files = {"audio": tmp_path / "sound.ogg", "video": tmp_path / "film.ivf"}
                nursery.start_soon(record, participant, "mic", files["audio"], 100)
                nursery.start_soon(record, participant, "cam", files["video"], 40)
        async with open_reader(files["audio"]) as reader:
            sound = listen([frame async for frame in reader])
        assert sound.seconds == pytest.approx(2, abs=0.5)
        assert sound.loudness > 200  # the fake microphone beeps once a second
        async with open_reader(files["video"]) as reader:
            pictures = await watch([frame async for frame in reader])
        assert pictures.count == 40
        assert pictures.different > 10


@on_each_server
@single
async def test_a_camera_in_a_codec_that_we_lack_comes_in_its_backup(
    which: str, single: bool, tmp_path: Path
) -> None:
    for codec in ("vp9", "av1"):
        with trio.fail_after(LIMIT):
            async with (
                open_server(which) as server,
                open_browser(tmp_path / codec) as browser,
                open_participant(
                    server.url, server.token("me"), single_peer_connection=single
                ) as participant,
            ):
                await join(browser, server, single=single)
                await browser.order("publish_devices", codec=codec)
                pictures = await participant.wait_pictures("cam", lambda seen: seen.count >= 30)
                assert pictures.different > 10, codec
                track = participant.tracks["cam"]
                assert track.publication.mime_type.lower() == f"video/{codec}"
                assert track.codec is VP8, codec


@on_each_server
@single
async def test_it_plays_what_we_publish(which: str, single: bool, tmp_path: Path) -> None:
    film_frames = await picture_frames()
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_browser(tmp_path / "profile") as browser,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            await join(browser, server, single=single)
            me = participant.room.local_participant
            async with (
                me.publish_track(OPUS, name="tone") as tone,
                me.publish_track(VP8, name="film", width=320, height=180) as film,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(send_endlessly, tone, tone_frames(440, 1))
                nursery.start_soon(send_endlessly, film, film_frames)
                await browser.wait("audio", has_played, name="tone")
                shown = await browser.wait("video", has_shown, name="film")
                assert (shown["width"], shown["height"]) == (320, 180)
                assert shown["identity"] == "me"
                nursery.cancel_scope.cancel()
            await browser.wait("unsubscribed", name="tone")
            await browser.wait("unsubscribed", name="film")


@on_each_server
@single
async def test_the_first_subscriber_sees_every_frame(
    which: str, single: bool, tmp_path: Path
) -> None:
    frames = (await picture_frames())[:40]
    assert sum(frame.keyframe for frame in frames) == 1  # without it, nothing is seen
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_browser(tmp_path / "profile") as browser,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            await join(browser, server, single=single)
            me = participant.room.local_participant
            async with me.publish_track(VP8, name="film", width=320, height=180) as film:
                await film.wait_subscribed()
                for frame in frames:
                    await film.send(frame)
                with trio.fail_after(10):
                    await browser.wait("video", name="film", frames=len(frames))


@on_each_server
@single
async def test_data_mute_unpublish_and_leave(which: str, single: bool, tmp_path: Path) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_browser(tmp_path / "profile") as browser,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            await join(browser, server, single=single)
            await participant.wait(lambda: "browser" in participant.room.remote_participants)
            publish = participant.room.local_participant.publish_data
            for reliable in (True, False):
                topic = "reliable" if reliable else "lossy"
                await browser.order("data", size=SIZE, reliable=reliable, topic=topic, to=["me"])
                data = await participant.wait_event(DataReceived, lambda e, t=topic: e.topic == t)  # type: ignore[misc]
                assert (data.data, data.reliable) == (PAYLOAD, reliable)
                await publish(PAYLOAD, topic=topic, reliable=reliable)
                arrived = await browser.wait("data", topic=topic)
                assert arrived["digest"] == hashlib.sha256(PAYLOAD).hexdigest()
                assert (arrived["reliable"], arrived["identity"]) == (reliable, "me")

            await browser.order("publish_devices")
            await participant.wait(lambda: len(participant.tracks) == 2)
            await browser.order("mute")
            await participant.wait_event(TrackMuted)
            await browser.order("unmute")
            await participant.wait_event(TrackUnmuted)
            await browser.order("stop_camera")
            await participant.wait_event(
                TrackUnpublished, lambda event: event.publication.kind == "video"
            )
            await browser.order("leave")
            gone = await participant.wait_event(ParticipantDisconnected)
            assert gone.participant.identity == "browser"

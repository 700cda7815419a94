"""Data tracks cross between LiveKit's own clients and ours."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from lktrio.events import DataTrackPublished, DataTrackUnpublished
from lktrio.room import LocalDataTrack, Room, SimulateScenario
from tests.interop.support.browser import needs_browser, open_browser
from tests.interop.support.child import open_child
from tests.interop.support.participant import open_participant
from tests.interop.support.reports import Program, Report
from tests.support.servers import SERVERS, open_server

pytest.importorskip("livekit.rtc", reason="LiveKit's Python SDK is not installed")
pytest.importorskip("av", reason="PyAV is not installed")

LIMIT = 60
FRAMES = [random.Random(size).randbytes(size) for size in (1, 1000, 15_990, 40_000, 150_000)]
TIMESTAMPS = [None, 1, 1_700_000_000_000, 2**53, 2**64 - 1]

on_each_server = pytest.mark.parametrize("which", SERVERS)
with_each_client = pytest.mark.parametrize(
    "client", ["python", pytest.param("browser", marks=needs_browser)]
)
each_way = pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])


@asynccontextmanager
async def open_call(
    which: str, client: str, profile: Path, *, single: bool = True
) -> AsyncGenerator[tuple[Room, Program], None]:
    """A room of ours, and another client in it that reads every data track."""
    opened = open_browser(profile) if client == "browser" else open_child("official_client")
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            opened as other,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            await other.order(
                "join", url=server.url, token=server.token("other"), single_peer_connection=single
            )
            await participant.wait(lambda: "other" in participant.room.remote_participants)
            yield participant.room, other


@on_each_server
@with_each_client
@each_way
async def test_what_they_send_arrives(
    which: str, client: str, single: bool, tmp_path: Path
) -> None:
    async with open_call(which, client, tmp_path, single=single) as (room, other):
        events = room.events(DataTrackUnpublished)
        await other.order("publish_data_track", name="theirs")
        ours = await other.wait("data_track_ours", name="theirs")
        track = (await room.wait_for(DataTrackPublished)).track
        assert (track.name, track.sid, track.encrypted) == ("theirs", ours["sid"], False)
        assert track.participant is room.remote_participants["other"]
        frames = track.frames()
        await frames.wait_subscribed()
        for payload, timestamp in zip(FRAMES, TIMESTAMPS, strict=True):
            values = {"content": base64.b64encode(payload).decode()}
            if timestamp is not None:
                values["user_timestamp"] = str(timestamp)
            await other.order("push", name="theirs", **values)
            frame = await frames.receive()
            assert frame.payload == payload, len(payload)
            assert frame.user_timestamp == timestamp, len(payload)
        await other.order("unpublish_data_track", name="theirs")
        assert (await events.receive()).track is track
        with pytest.raises(trio.EndOfChannel):
            await frames.receive()
        stats = room.data_stats
        assert (stats.track_packets_malformed, stats.track_frames_incomplete) == (0, 0)


async def arrive(other: Program, track: LocalDataTrack, payload: bytes, mark: int | None) -> Report:
    """Send a frame until it has arrived: it may get lost, and they may not be subscribed yet."""
    digest = hashlib.sha256(payload).hexdigest()
    told = None if mark is None else str(mark)
    async with trio.open_nursery() as nursery:

        async def send() -> None:
            while True:
                await track.send(payload, user_timestamp=mark)
                await trio.sleep(0.2)

        nursery.start_soon(send)
        report = await other.wait("data_frame", digest=digest, user_timestamp=told)
        nursery.cancel_scope.cancel()
    return report


@on_each_server
@with_each_client
@each_way
async def test_they_get_what_we_send(which: str, client: str, single: bool, tmp_path: Path) -> None:
    async with open_call(which, client, tmp_path, single=single) as (room, other):
        async with room.local_participant.publish_data_track("ours") as track:
            told = await other.wait("data_track", name="ours")
            assert (told["identity"], told["sid"]) == ("me", track.sid)
            for payload, timestamp in zip(FRAMES, TIMESTAMPS, strict=True):
                report = await arrive(other, track, payload, timestamp)
                assert (report["size"], report["identity"]) == (len(payload), "me")
        await other.wait("data_track_ended", name="ours")


@on_each_server
@with_each_client
async def test_tracks_go_on_after_a_lost_link(which: str, client: str, tmp_path: Path) -> None:
    async with (
        open_call(which, client, tmp_path) as (room, other),
        room.local_participant.publish_data_track("ours") as track,
    ):
        await arrive(other, track, b"before", 1)
        await room.simulate(SimulateScenario.SIGNAL_RECONNECT)
        await arrive(other, track, b"resumed", 2)
        sid = track.sid
        await room.simulate(SimulateScenario.NODE_FAILURE)
        while track.sid == sid:
            await trio.sleep(0.05)
        await arrive(other, track, b"restarted", 3)

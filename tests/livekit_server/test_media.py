"""Media between two participants of ours on a real LiveKit server, frame by frame."""

from __future__ import annotations

import io
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
import trio

from lktrio.events import TrackMuted, TrackUnmuted, TrackUnpublished, TrackUnsubscribed
from lktrio.media import H264, OPUS, VP8, Codec, EncodedFrame, open_reader, samples
from lktrio.room import LocalTrack
from tests.interop.support.participant import (
    Participant,
    open_participant,
    picture_frames,
    send_endlessly,
)
from tests.media.oracle import h264
from tests.support.servers import SERVERS, RoomServer, open_server

LIMIT = 60

pytestmark = SERVERS[1].marks
single = pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])


async def frames_of(source: Any) -> list[EncodedFrame]:
    async with open_reader(source) as reader:
        return [frame async for frame in reader]


async def sample(codec: Codec) -> list[EncodedFrame]:
    """About two seconds of media."""
    if codec is H264:
        return await frames_of(io.BytesIO(h264(frames=60, size=(320, 180), gop=10)))
    source, count = (samples.AUDIO, 100) if codec is OPUS else (samples.VIDEO, 60)
    return (await frames_of(source))[:count]


async def wake_server(track: LocalTrack, first: EncodedFrame, receiver: Participant) -> float:
    """Send one frame again and again until it arrives, and return its last timestamp.

    The server forwards from some moment after the first packet on, video from a keyframe.
    """
    timestamp = 0.0
    while not receiver.frames.get(track.publication.name):
        timestamp += 0.1
        await track.send(replace(first, timestamp=timestamp))
    return timestamp


async def two(stack: AsyncExitStack, server: RoomServer, *, single: bool) -> list[Participant]:
    """Two participants, both joined the same way."""
    return [
        await stack.enter_async_context(
            open_participant(server.url, server.token(identity), single_peer_connection=single)
        )
        for identity in ("alice", "bob")
    ]


@single
@pytest.mark.parametrize("codec", [OPUS, VP8, H264], ids=lambda codec: codec.name)
async def test_frames_arrive_as_they_were_sent(codec: Codec, single: bool) -> None:
    sent = await sample(codec)
    with trio.fail_after(LIMIT):
        async with open_server("livekit") as server, AsyncExitStack() as stack:
            alice, bob = await two(stack, server, single=single)
            publish = alice.room.local_participant.publish_track
            async with publish(codec, name="media", width=320, height=180) as track:
                await bob.wait(lambda: "media" in bob.tracks)
                start = 0.1 + await wake_server(track, sent[0], bob)
                for frame in sent:
                    await track.send(replace(frame, timestamp=start + frame.timestamp))
                await bob.wait(lambda: sent[-1].data in [f.data for f in bob.frames["media"]])
            await bob.wait_event(TrackUnsubscribed)
            assert bob.tracks["media"].codec == codec
            # When a track ends, the server adds a little silence or black of its own.
            everything = [frame.data for frame in bob.frames["media"]]
            begin = max(n for n, data in enumerate(everything) if data == sent[0].data)
            received = bob.frames["media"][begin : begin + len(sent)]
            assert [frame.data for frame in received] == [frame.data for frame in sent]
            offset = sent[0].timestamp - received[0].timestamp
            for frame, original in zip(received, sent, strict=True):
                assert frame.timestamp + offset == pytest.approx(original.timestamp, abs=0.001)
                assert frame.keyframe == original.keyframe


@single
async def test_more_tracks_than_there_are_sections_at_first(single: bool) -> None:
    with trio.fail_after(LIMIT):
        async with open_server("livekit") as server, AsyncExitStack() as stack:
            alice, bob = await two(stack, server, single=single)
            sound, film = await sample(OPUS), await picture_frames()
            names = [f"{codec.kind}{number}" for codec in (OPUS, VP8) for number in range(5)]
            nursery = await stack.enter_async_context(trio.open_nursery())
            for name in names:
                codec = OPUS if name.startswith("audio") else VP8
                track = await stack.enter_async_context(
                    alice.room.local_participant.publish_track(codec, name=name)
                )
                nursery.start_soon(send_endlessly, track, sound if codec is OPUS else film)
            for name in names:
                await bob.wait_frames(name, 10)
            nursery.cancel_scope.cancel()


@single
async def test_sections_are_used_again(single: bool) -> None:
    with trio.fail_after(LIMIT):
        async with open_server("livekit") as server, AsyncExitStack() as stack:
            alice, bob = await two(stack, server, single=single)
            film = await picture_frames()
            for number in range(4):
                name = f"film{number}"
                async with (
                    alice.room.local_participant.publish_track(VP8, name=name) as track,
                    trio.open_nursery() as nursery,
                ):
                    nursery.start_soon(send_endlessly, track, film)
                    frames = await bob.wait_frames(name, 5)
                    assert frames[0].keyframe
                    nursery.cancel_scope.cancel()
                await bob.wait(lambda count=number: len(bob.seen(TrackUnsubscribed)) > count)  # type: ignore[misc]
            await bob.wait(lambda: len(bob.seen(TrackUnpublished)) == 4)


@single
async def test_a_muted_track_is_silent_and_goes_on(single: bool) -> None:
    with trio.fail_after(LIMIT):
        async with open_server("livekit") as server, AsyncExitStack() as stack:
            alice, bob = await two(stack, server, single=single)
            async with (
                alice.room.local_participant.publish_track(VP8, name="film") as track,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(send_endlessly, track, await picture_frames())
                await bob.wait_frames("film", 10)
                await track.mute()
                await bob.wait_event(TrackMuted)
                await trio.sleep(0.2)
                count = len(bob.frames["film"])
                await trio.sleep(0.5)
                assert len(bob.frames["film"]) == count
                await track.unmute()
                await bob.wait_event(TrackUnmuted)
                await bob.wait_frames("film", count + 10)
                nursery.cancel_scope.cancel()

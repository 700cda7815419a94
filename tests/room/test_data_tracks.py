"""Data tracks: published for a block, received while somebody reads."""

from __future__ import annotations

import pytest
import trio

from lktrio.errors import DuplicateName, LocalProtocolError, NotPermitted, RoomClosed
from lktrio.events import (
    DataTrackPublished,
    DataTrackUnpublished,
    LocalDataTrackPublished,
    LocalDataTrackUnpublished,
)
from lktrio.room import DataTrackFrame, RemoteDataTrack, Room, RoomOptions
from lktrio.testing import LinkProfile
from tests.support.servers import SERVERS, VERSIONS, RoomServer, expect, until

pytestmark = pytest.mark.virtual_time
EMBEDDED = pytest.mark.parametrize("server", SERVERS[:1], indirect=True)


async def track_of(room: Room, name: str) -> RemoteDataTrack:
    """A data track of somebody else, as soon as it is there."""
    event = await room.wait_for(DataTrackPublished, lambda event: event.track.name == name)
    return event.track


@VERSIONS
async def test_frames_arrive_while_somebody_reads(server: RoomServer, options: RoomOptions) -> None:
    async with server.join("bob", options) as bob, server.join("alice", options) as alice:
        news, own = bob.events(DataTrackPublished, DataTrackUnpublished), alice.events()
        me = alice.local_participant
        async with me.publish_data_track("pose") as track:
            published = await expect(news, DataTrackPublished)
            remote = published.track
            assert published.participant is bob.remote_participants["alice"]
            assert published.participant.data_tracks == {"pose": remote}
            assert me.data_tracks == {"pose": track}
            assert (await expect(own, LocalDataTrackPublished)).track is track
            assert (remote.name, remote.sid, remote.publisher_identity) == (
                "pose",
                track.sid,
                "alice",
            )
            assert track.sid.startswith("DTR_")
            await track.send(b"nobody reads this")
            await trio.sleep(0.2)
            assert not remote.subscribed
            sent = [
                DataTrackFrame(b"", None),
                DataTrackFrame(b"small", 0),
                DataTrackFrame(bytes(range(256)) * 800, 2**64 - 1),
            ]
            with remote.frames() as frames, remote.frames() as others:
                await frames.wait_subscribed()
                await until(lambda: remote.subscribed)
                for frame in sent:
                    await track.send(frame.payload, user_timestamp=frame.user_timestamp)
                for reader in (frames, others):
                    assert [await reader.receive() for _ in sent] == sent
            await until(lambda: not remote.subscribed)
            late = remote.frames()
            await late.wait_subscribed()
            track.send_nowait(memoryview(b"last"))
        assert [frame.payload async for frame in late] == [b"last"]
        assert (await expect(news, DataTrackUnpublished)).track is remote
        assert (await expect(own, LocalDataTrackUnpublished)).track is track
        assert (remote.published, track.published) == (False, False)
        assert (me.data_tracks, bob.remote_participants["alice"].data_tracks) == ({}, {})
        with pytest.raises(trio.ClosedResourceError):
            await track.send(b"too late")
        with pytest.raises(trio.EndOfChannel):
            await remote.frames().receive()
        with pytest.raises(trio.EndOfChannel):
            await remote.frames().wait_subscribed()


async def test_who_may_publish_what(server: RoomServer) -> None:
    async with server.join("me") as room, server.join("mute", can_publish_data=False) as mute:
        me = room.local_participant
        with pytest.raises(NotPermitted):
            async with mute.local_participant.publish_data_track("x"):
                raise AssertionError
        for name in ("", "ü" * 129):
            with pytest.raises(ValueError, match="256 bytes"):
                async with me.publish_data_track(name):
                    raise AssertionError
        async with me.publish_data_track("x") as track, me.publish_data_track("y") as other:
            with pytest.raises(DuplicateName):
                async with me.publish_data_track("x"):
                    raise AssertionError
            for timestamp in (-1, 2**64):
                with pytest.raises(ValueError, match="timestamp"):
                    await track.send(b"", user_timestamp=timestamp)
            with pytest.raises(LocalProtocolError, match="larger"):
                await track.send(bytes(2_100_000))
            with pytest.raises(TypeError):
                await track.send("text")  # type: ignore[arg-type]
            await track.send(b"and it goes on")
            assert track.info.pub_handle != other.info.pub_handle
        for _ in range(3):  # a name is free again at once
            async with me.publish_data_track("x"):
                await trio.lowlevel.checkpoint()


async def test_slow_readers_lose_the_oldest_frames(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("alice") as alice:
        async with alice.local_participant.publish_data_track("x") as track:
            remote = await track_of(bob, "x")
            for wrong in (0, -1):
                with pytest.raises(ValueError, match="at least 1"):
                    remote.frames(buffer_size=wrong)
                with pytest.raises(ValueError, match="at least 1"):
                    remote.frames(target_fps=wrong)
            usual, few = remote.frames(), remote.frames(buffer_size=2)
            slow = remote.frames(target_fps=10, buffer_size=1000)
            await usual.wait_subscribed()
            began = trio.current_time()
            for number in range(100):
                await track.send(bytes([number]))
                await trio.sleep(0.02)
            enough = 10 * (trio.current_time() - began)
            await until(lambda: usual.dropped == 84)
        assert [frame.payload[0] async for frame in usual] == list(range(84, 100))
        assert ([frame.payload[0] async for frame in few], few.dropped) == ([98, 99], 98)
        thinned = [frame.payload[0] async for frame in slow]
        assert enough / 2 <= len(thinned) <= enough + 2
        assert slow.dropped == 0


async def test_the_end_of_the_room_ends_channels(server: RoomServer) -> None:
    async with (
        server.join("bob") as bob,
        server.join("alice") as alice,
        alice.local_participant.publish_data_track("x") as track,
    ):
        frames = (await track_of(bob, "x")).frames()
        await frames.wait_subscribed()
        await track.send(b"x")
        await trio.sleep(0.2)
        await bob.leave()
        assert [frame.payload async for frame in frames] == [b"x"]
        await alice.leave()
        with pytest.raises(RoomClosed):
            await track.send(b"x")
        with pytest.raises(RoomClosed):
            async with alice.local_participant.publish_data_track("y"):
                raise AssertionError


@EMBEDDED
async def test_over_a_path_that_loses_packets(server: RoomServer) -> None:
    """Frames come whole or not at all, and go on coming."""
    assert server.network is not None
    sizes = (10, 5_000, 20_000)
    async with (
        server.join("bob") as bob,
        server.join("alice") as alice,
        alice.local_participant.publish_data_track("x") as track,
    ):
        frames = (await track_of(bob, "x")).frames(buffer_size=1000)
        await frames.wait_subscribed()
        server.network.profile = LinkProfile(latency=0.03, jitter=0.002, loss=0.03)
        sent = [number.to_bytes(2, "big") * (sizes[number % 3] // 2) for number in range(120)]
        for number, payload in enumerate(sent):
            await track.send(payload, user_timestamp=number)
            await trio.sleep(0.01)
        await trio.sleep(20)  # what waits at the server is sent
        server.network.profile = LinkProfile(latency=0.005)
        await track.send(b"last")
    got = [frame async for frame in frames]
    assert got.pop().payload == b"last"
    numbers = [frame.user_timestamp for frame in got if frame.user_timestamp is not None]
    assert [frame.payload for frame in got] == [sent[number] for number in numbers]
    assert len(set(numbers)) == len(numbers) < len(sent)
    arrived = [sum(number % 3 == kind for number in numbers) for kind in range(3)]
    assert arrived[0] > 32, arrived  # of forty, twice over a path that loses 3%
    assert arrived[2] > 4, arrived  # these have 18 packets


@EMBEDDED
async def test_a_slow_path_holds_the_sender_back(server: RoomServer) -> None:
    assert server.network is not None
    async with (
        server.join("bob") as bob,
        server.join("alice") as alice,
        alice.local_participant.publish_data_track("x") as track,
    ):
        frames = (await track_of(bob, "x")).frames(buffer_size=1000)
        await frames.wait_subscribed()
        server.network.profile = LinkProfile(latency=0.02, rate=100_000, queue=50_000)
        began = trio.current_time()
        for number in range(40):
            await track.send(bytes(20_000), user_timestamp=number)
        assert trio.current_time() - began > 5
    got = [frame.user_timestamp async for frame in frames]
    assert 0 < len(got) <= 40

"""Data tracks over lost links: the same track for its publisher, the same channel for a reader."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio

from lktrio import proto
from lktrio.events import DataTrackPublished, DataTrackUnpublished, Reconnected, Reconnecting
from lktrio.room import (
    DataTrackChannel,
    LocalDataTrack,
    ReconnectKind,
    RemoteDataTrack,
    Room,
    RoomOptions,
    SimulateScenario,
)
from tests.support.servers import VERSIONS, RoomServer, expect, until

pytestmark = pytest.mark.virtual_time
DEADLINE = 120.0

RESUME, RESTART = SimulateScenario.SIGNAL_RECONNECT, SimulateScenario.NODE_FAILURE


async def lose(room: Room, scenario: SimulateScenario) -> None:
    """Lose the link, and wait until there is one again."""
    events = room.events(Reconnecting, Reconnected, replay=False)
    await room.simulate(scenario)
    kind = ReconnectKind.RESUME if scenario is RESUME else ReconnectKind.RESTART
    await expect(events, Reconnected, lambda event: event.kind is kind)


async def send_numbers(track: LocalDataTrack) -> None:
    number = 0
    while True:
        await track.send(number.to_bytes(2, "big"), user_timestamp=number)
        await trio.sleep(0.02)
        number += 1


async def next_number(frames: DataTrackChannel) -> int:
    with trio.fail_after(20):
        frame = await frames.receive()
    assert frame.user_timestamp == int.from_bytes(frame.payload, "big")
    return frame.user_timestamp


class Pair:
    """Alice, who publishes numbers, and Bob, who reads them."""

    def __init__(self, alice: Room, bob: Room, track: LocalDataTrack) -> None:
        self.alice, self.bob, self.track = alice, bob, track
        self.remote: RemoteDataTrack
        self.frames: DataTrackChannel

    async def read(self) -> None:
        event = await self.bob.wait_for(
            DataTrackPublished, lambda event: event.track.sid == self.track.sid
        )
        self.remote = event.track
        self.frames = self.remote.frames(buffer_size=10_000)
        await self.frames.wait_subscribed()
        await next_number(self.frames)


@asynccontextmanager
async def open_pair(
    server: RoomServer, options: RoomOptions | None = None
) -> AsyncGenerator[Pair, None]:
    async with (
        server.join("bob", options) as bob,
        server.join("alice", options) as alice,
        alice.local_participant.publish_data_track("numbers") as track,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(send_numbers, track)
        pair = Pair(alice, bob, track)
        await pair.read()
        yield pair
        nursery.cancel_scope.cancel()


@VERSIONS
async def test_a_resume_costs_nothing(server: RoomServer, options: RoomOptions) -> None:
    async with open_pair(server, options) as pair:
        sid, seen = pair.track.sid, [await next_number(pair.frames)]
        news = pair.bob.events(DataTrackPublished, DataTrackUnpublished, replay=False)
        for room in (pair.alice, pair.bob):
            await lose(room, RESUME)
        seen += [await next_number(pair.frames) for _ in range(50)]
        if not server.real or options.single_peer_connection:
            assert seen == list(range(seen[0], seen[0] + len(seen)))
            assert pair.track.dropped == 0
        assert pair.track.sid == pair.remote.sid == sid
        with trio.move_on_after(0.1):
            raise AssertionError(await news.receive())


@VERSIONS
async def test_a_publisher_that_joins_anew_keeps_its_track(
    server: RoomServer, options: RoomOptions
) -> None:
    async with open_pair(server, options) as pair:
        sid, remote, frames = pair.track.sid, pair.remote, pair.frames
        await lose(pair.alice, RESTART)
        assert pair.track.sid != sid
        assert pair.alice.local_participant.data_tracks == {"numbers": pair.track}
        await pair.read()  # of her next session, in which she is another participant
        assert pair.remote is not remote
        assert not remote.published
        old = [frame async for frame in frames]
        assert len(old) < 100
        assert pair.track.dropped > 0 or server.real


@VERSIONS
async def test_a_reader_that_joins_anew_reads_on(server: RoomServer, options: RoomOptions) -> None:
    async with open_pair(server, options) as pair:
        news = pair.bob.events(DataTrackUnpublished, replay=False)
        before = await next_number(pair.frames)
        await lose(pair.bob, RESTART)
        await pair.frames.wait_subscribed()
        seen = [before]
        while seen[-1] < before + 150 and len(seen) < 400:
            seen.append(await next_number(pair.frames))
        assert seen == sorted(set(seen))
        assert len(seen) <= seen[-1] - before  # some are missing
        assert pair.bob.remote_participants["alice"].data_tracks == {"numbers": pair.remote}
        news.close()


async def test_both_join_anew(server: RoomServer) -> None:
    """A server is lost with everybody on it: to each the other one goes on, and so do tracks."""
    async with open_pair(server) as pair, trio.open_nursery() as nursery:
        sid = pair.track.sid
        for room in (pair.bob, pair.alice):
            nursery.start_soon(lose, room, RESTART)
        await until(lambda: pair.track.sid != sid)
        if pair.remote.published:  # Bob was back first
            await until(lambda: pair.remote.sid == pair.track.sid)
        else:
            await pair.read()
        last = -1
        for _ in range(20):
            last = await next_number(pair.frames)
        assert last > 20


async def test_what_begins_and_ends_without_a_link(server: RoomServer) -> None:
    """Tracks are published and withdrawn when there is a link again; names are free at once."""
    async with server.join("bob") as bob, server.join("alice") as alice:
        me = alice.local_participant
        await until(lambda: "alice" in bob.remote_participants)

        def names() -> set[str]:
            there = bob.remote_participants.get("alice")
            return set() if there is None else set(there.data_tracks)

        for scenario in (RESUME, RESTART):
            events = alice.events(Reconnecting, Reconnected, replay=False)
            async with me.publish_data_track("old"), me.publish_data_track("staying"):
                await alice.simulate(scenario)
                await expect(events, Reconnecting)
                ended = me.data_tracks["old"]
                await ended.aclose()
                async with (
                    me.publish_data_track("new") as new,
                    me.publish_data_track("old") as old,
                ):
                    await until(lambda: alice.state == "connected")
                    await until(lambda: names() == {"new", "old", "staying"})
                    there = bob.remote_participants["alice"]
                    assert there.data_tracks["old"].sid == old.sid
                    frames = there.data_tracks["new"].frames()
                    await frames.wait_subscribed()
                    await new.send(b"x")
                    assert (await frames.receive()).payload == b"x", scenario
            await until(lambda: not names())


async def test_cut_while_publishing(server: RoomServer) -> None:
    """Whether the server has seen the request or not: in the end there is one track."""
    async with server.join("bob") as bob, server.join("alice") as alice:

        def sids() -> list[str]:
            there = bob.remote_participants.get("alice")
            return [] if there is None else [one.sid for one in there.data_tracks.values()]

        for milliseconds in range(0, 30, 3):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lose_later, alice, milliseconds / 1000)
                async with alice.local_participant.publish_data_track("x") as track:
                    await until(partial(lambda one: sids() == [one.sid], track))
                await until(lambda: not sids())


async def test_cut_while_publishing_again(server: RoomServer) -> None:
    """A restart that is interrupted, whatever the server has seen of it."""
    async with server.join("bob") as bob:
        for milliseconds in (41, 47):
            async with (
                server.join("alice") as alice,
                alice.local_participant.publish_data_track("x") as track,
            ):
                events = alice.events(Reconnecting, Reconnected, replay=False)
                await alice.simulate(RESTART)
                await expect(events, Reconnecting, _is_restart)
                await trio.sleep(milliseconds / 1000)
                await alice.simulate(RESUME)
                await expect(events, Reconnected)
                await trio.sleep(1)
                assert track.published, milliseconds
                await until(partial(_has, bob, track))


def _is_restart(event: Reconnecting) -> bool:
    return event.kind is ReconnectKind.RESTART


def _has(room: Room, track: LocalDataTrack) -> bool:
    alice = room.remote_participants.get("alice")
    return alice is not None and [one.sid for one in alice.data_tracks.values()] == [track.sid]


async def lose_later(room: Room, seconds: float) -> None:
    await trio.sleep(seconds)
    await lose(room, RESUME)


async def test_reading_begins_and_ends_without_a_link(server: RoomServer) -> None:
    async with (
        server.join("bob") as bob,
        server.join("alice") as alice,
        alice.local_participant.publish_data_track("a") as a,
        alice.local_participant.publish_data_track("b") as b,
    ):
        for scenario in (RESUME, RESTART, RESUME):
            await until(partial(_knows, bob, {"a", "b"}))
            tracks = bob.remote_participants["alice"].data_tracks
            old = tracks["a"].frames()
            await old.wait_subscribed()
            events = bob.events(Reconnected, replay=False)
            await bob.simulate(scenario)
            old.close()
            new = tracks["b"].frames()
            for _ in range(5):
                await trio.lowlevel.checkpoint()
            await expect(events, Reconnected)
            await until(partial(_is_received, tracks["b"], tracks["a"]))
            await a.send(b"for nobody")
            await b.send(scenario.encode())
            assert (await new.receive()).payload == scenario.encode()
            new.close()


async def test_what_was_told_over_the_lost_link_is_asked_for_anew(server: RoomServer) -> None:
    """The server tells handles when they change; nothing does if it got the request."""
    if server.faults is None:
        pytest.skip("what the real server says cannot be dropped")
    async with (
        server.join("bob") as bob,
        server.join("alice") as alice,
        alice.local_participant.publish_data_track("a") as a,
    ):
        lost: list[proto.SignalResponse] = []

        def drop_handles(
            identity: str, response: proto.SignalResponse
        ) -> proto.SignalResponse | None:
            if identity != "bob" or response.data_track_subscriber_handles is None or lost:
                return response
            lost.append(response)
            return None

        server.faults.on_response = drop_handles
        await until(partial(_knows, bob, {"a"}))
        frames = bob.remote_participants["alice"].data_tracks["a"].frames()
        await until(lambda: bool(lost))
        await lose(bob, RESUME)
        await frames.wait_subscribed()
        await a.send(b"x")
        assert (await frames.receive()).payload == b"x"


def _knows(room: Room, names: set[str]) -> bool:
    alice = room.remote_participants.get("alice")
    return alice is not None and set(alice.data_tracks) == names


def _is_received(track: RemoteDataTrack, other: RemoteDataTrack) -> bool:
    return track.subscribed and not other.subscribed


async def test_a_track_that_ends_without_a_link_is_gone_afterwards(server: RoomServer) -> None:
    """Whether the request to end it was never sent, or is lost with the link."""
    async with server.join("bob") as bob, server.join("alice") as alice:
        for known in (False, True):
            events = alice.events(Reconnecting, Reconnected, replay=False)
            async with alice.local_participant.publish_data_track("x") as track:
                await until(partial(_knows, bob, {"x"}))
                await alice.simulate(RESUME)
                if known:
                    await expect(events, Reconnecting)
                await track.aclose()
                await expect(events, Reconnected)
                await until(partial(_knows, bob, set()))

"""Joining a room, seeing who is there, being seen, and leaving."""

from __future__ import annotations

import pytest
import trio

from lktrio import media
from lktrio.auth import TokenSource
from lktrio.events import (
    ParticipantConnected,
    ParticipantDisconnected,
    TrackPublished,
    TrackSubscribed,
)
from lktrio.room import Room, RoomOptions, current_room, open_room
from tests.support.servers import V0, V1, VERSIONS, RoomServer, expect, until


@VERSIONS
async def test_the_snapshots_of_a_new_room(server: RoomServer, options: RoomOptions) -> None:
    claims = {"name": "Alice", "metadata": "hers", "attributes": {"role": "host"}}
    async with server.join("alice", options, **claims) as room:
        assert room.name == server.room
        assert room.sid.startswith("RM_")
        assert room.state == "connected"
        assert room.metadata == ""
        assert not room.recording
        assert room.signal_version == ("v1" if options is V1 else "v0")
        assert room.server_info is not None
        assert room.remote_participants == {}
        alice = room.local_participant
        assert (alice.identity, alice.name, alice.metadata) == ("alice", "Alice", "hers")
        assert alice.attributes == {"role": "host"}
        assert alice.sid.startswith("PA_")
        assert alice.kind == "standard"
        assert alice.permissions.can_publish
        assert alice.permissions.can_subscribe
        assert alice.track_publications == {}
    assert room.state == "disconnected"


@VERSIONS
async def test_both_sides_see_each_other(server: RoomServer, options: RoomOptions) -> None:
    async with server.join("alice", options) as first:
        events = first.events()
        async with server.join("bob", options, name="Bob", attributes={"a": "b"}) as second:
            alice = second.remote_participants["alice"]
            assert alice.identity == "alice"
            await until(lambda: alice.state == "active")  # in the server's view, a moment later
            connected = await expect(events, ParticipantConnected)
            bob = connected.participant
            assert first.remote_participants == {"bob": bob}
            assert bob.sid == second.local_participant.sid
            assert (bob.name, dict(bob.attributes), bob.kind) == ("Bob", {"a": "b"}, "standard")
            assert bob.joined_at > 1e9
        left = await expect(events, ParticipantDisconnected)
        assert left.participant is bob
        assert left.reason == "client_initiated"
        assert first.remote_participants == {}
        assert bob.state == "disconnected"


async def test_one_of_each_kind(server: RoomServer) -> None:
    async with server.join("alice", V1) as first, server.join("bob", V0) as second:
        assert (first.signal_version, second.signal_version) == ("v1", "v0")
        assert "alice" in second.remote_participants


@VERSIONS
async def test_tracks_that_are_there_are_told_to_who_subscribes_first(
    server: RoomServer, options: RoomOptions
) -> None:
    async with (
        server.join("alice", options) as first,
        first.local_participant.publish_track(media.OPUS, name="mic") as track,
        server.join("bob", options) as second,
    ):
        events = second.events(TrackSubscribed, TrackPublished)
        (published,) = second.remote_participants["alice"].track_publications.values()
        assert (published.sid, published.name) == (track.sid, "mic")
        told = await events.receive()
        assert isinstance(told, TrackPublished)
        assert told.publication is published
        event = await events.receive()
        assert isinstance(event, TrackSubscribed)
        assert event.publication is published
        assert published.track is event.track
        assert event.participant is second.remote_participants["alice"]


@VERSIONS
async def test_tracks_are_not_subscribed_when_not_wanted(
    server: RoomServer, options: RoomOptions
) -> None:
    wanted = RoomOptions(
        auto_subscribe=False, single_peer_connection=options.single_peer_connection
    )
    async with (
        server.join("alice", options) as first,
        first.local_participant.publish_track(media.OPUS),
        server.join("bob", wanted) as second,
    ):
        events = second.events(TrackSubscribed)
        with trio.move_on_after(0.3):
            await events.receive()
            pytest.fail("it was subscribed")
        (publication,) = second.remote_participants["alice"].track_publications.values()
        assert not publication.subscribed
        await publication.set_subscribed(True)
        assert (await expect(events, TrackSubscribed)).publication is publication


@VERSIONS
@pytest.mark.parametrize("can_subscribe", [True, False])
async def test_who_may_do_nothing_can_join_nevertheless(
    server: RoomServer, options: RoomOptions, can_subscribe: bool
) -> None:
    grants = {"can_publish": False, "can_publish_data": False, "can_subscribe": can_subscribe}
    async with server.join("alice", options, **grants) as room:
        permissions = room.local_participant.permissions
        assert not permissions.can_publish
        assert not permissions.can_publish_data
        assert permissions.can_subscribe == can_subscribe
        await server.wait_for_participants("alice")


async def test_a_room_can_live_in_the_callers_nursery(server: RoomServer) -> None:
    rooms: list[Room] = []
    async with trio.open_nursery() as nursery:
        room = await server.connect(nursery, "alice")
        rooms.append(room)
        assert room.state == "connected"
        await server.wait_for_participants("alice")
        nursery.cancel_scope.cancel()
    assert room.state == "disconnected"
    assert await room.wait_closed() == "client_initiated"
    await server.wait_for_participants()


async def test_the_token_may_come_from_a_source(server: RoomServer) -> None:
    source = TokenSource.literal(server.url, server.token("alice"))
    async with open_room("", source, server.options()) as room:
        assert room.local_participant.identity == "alice"


async def test_attributes_can_be_set_in_joining(server: RoomServer) -> None:
    options = RoomOptions(attributes={"seat": "3"})
    async with server.join("alice", options, can_update_own_metadata=True) as room:
        assert room.local_participant.attributes["seat"] == "3"


async def test_leaving_leaves_nobody_behind(server: RoomServer) -> None:
    async with server.join("alice"), server.join("bob"):
        await server.wait_for_participants("alice", "bob")
    await server.wait_for_participants()


async def test_a_log_record_can_tell_the_room(server: RoomServer) -> None:
    """What runs for a room sees which one it is; the program's own tasks do not."""
    async with server.join("alice") as room:
        assert current_room.get() is None
        assert room.state == "connected"
        tasks = _tasks_of_rooms(trio.lowlevel.current_root_task())
        assert {f"{server.room}/alice"} == {
            str(task.context[current_room]) for task in tasks if current_room in task.context
        }


def _tasks_of_rooms(task: trio.lowlevel.Task | None) -> list[trio.lowlevel.Task]:
    found: list[trio.lowlevel.Task] = []
    for nursery in task.child_nurseries if task is not None else ():
        for child in nursery.child_tasks:
            found += [child, *_tasks_of_rooms(child)]
    return found

"""Rooms end once, for a reason that everybody is told; errors come out as they are promised."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from lktrio import media, proto
from lktrio.errors import RoomClosed
from lktrio.events import (
    Disconnected,
    ParticipantConnected,
    ParticipantDisconnected,
    TrackSubscribed,
)
from lktrio.room import DisconnectReason, Room, RoomOptions
from lktrio.room.state.events import RoomEvent
from lktrio.room.state.room_state import RoomState
from lktrio.rtc.transport import TransportState
from tests.support.scripted_room import ScriptedRoom, open_scripted_room
from tests.support.servers import VERSIONS, RoomServer, expect, until

pytestmark = pytest.mark.virtual_time


async def remove(server: RoomServer) -> None:
    async with server.api() as api:
        await api.room.remove_participant(
            proto.RoomParticipantIdentity(room=server.room, identity="me")
        )


async def delete(server: RoomServer) -> None:
    async with server.api() as api:
        await api.room.delete_room(proto.DeleteRoomRequest(room=server.room))


async def join_again(server: RoomServer) -> None:
    async with server.join("me"):
        await server.wait_for_participants("me")


@VERSIONS
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (remove, "participant_removed"),
        (delete, "room_deleted"),
        (join_again, "duplicate_identity"),
    ],
    ids=["removed", "deleted", "duplicate"],
)
async def test_the_server_ends_the_stay(
    server: RoomServer,
    options: RoomOptions,
    end: Callable[[RoomServer], Awaitable[None]],
    reason: str,
) -> None:
    async with server.join("me", options) as room:
        everything, of_type = room.events(), room.events(Disconnected)
        async with room.local_participant.publish_track(media.OPUS) as track:
            await end(server)
            with trio.fail_after(10):
                assert await room.wait_closed() == reason
            assert room.state == "disconnected"
            assert [event.reason async for event in of_type] == [reason]
            assert [event async for event in everything][-1] == Disconnected(
                DisconnectReason(reason)
            )
            await check_closed(room, track, reason)


async def check_closed(room: Room, track: Any, reason: str) -> None:
    """Every call says so, and why."""
    me = room.local_participant
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: me.publish_data(b"x"),
        lambda: me.publish_data(b"x", reliable=False),
        lambda: me.publish_track(media.OPUS).__aenter__(),
        lambda: me.set_name("x"),
        lambda: me.set_metadata("x"),
        lambda: me.set_attributes({"a": "b"}),
        lambda: track.send(media.EncodedFrame(b"\xf8\xff\xfe", 0.0, 0.02, keyframe=True)),
        track.mute,
        track.unmute,
        track.wait_subscribed,
        track.wait_keyframe_request,
    ]
    for call in calls:
        with pytest.raises(RoomClosed, match=reason) as caught:
            await call()
        assert caught.value.reason == reason
        assert isinstance(caught.value, trio.BrokenResourceError)
    await track.aclose()
    await track.wait_played()


async def test_media_of_others_ends_with_the_room(server: RoomServer) -> None:
    async with (
        server.join("alice") as alice,
        alice.local_participant.publish_track(media.OPUS),
        server.join("me") as room,
    ):
        event = await expect(room.events(TrackSubscribed), TrackSubscribed)
        frames, packets = event.track.frames(), event.track.packets()
        await remove(server)
        with trio.fail_after(10):
            assert [frame async for frame in frames] == []
            assert [packet async for packet in packets] == []
        with pytest.raises(RoomClosed):
            await event.publication.set_subscribed(False)
        with pytest.raises(RoomClosed):
            await event.publication.set_enabled(False)


async def test_the_connection_is_lost() -> None:
    async with open_scripted_room() as (scripted, room):
        await scripted.visit.drop()
        with trio.fail_after(5):
            assert await room.wait_closed() == "signal_close"
        with pytest.raises(RoomClosed, match="signal_close"):
            await room.local_participant.publish_data(b"x")


async def test_the_server_closes_the_media_connection() -> None:
    async with open_scripted_room() as (scripted, room):
        await until(lambda: scripted.peer.state is TransportState.CONNECTED)
        scripted.driver.close()
        with trio.fail_after(5):
            assert await room.wait_closed() == "media_failure"


async def test_the_end_by_the_network_does_not_cancel_the_body() -> None:
    async with open_scripted_room() as (scripted, room):
        await scripted.visit.drop()
        await room.wait_closed()
        await trio.sleep(0.05)  # would raise
        assert trio.current_effective_deadline() > trio.current_time()


# What comes out of the block


async def test_the_bodys_own_exception_comes_out_bare(server: RoomServer) -> None:
    error = KeyError("mine")

    async def stay() -> None:
        async with server.join("me"):
            raise error

    with pytest.raises(KeyError) as caught:
        await stay()
    assert caught.value is error
    await server.wait_for_participants()


async def test_several_calls_that_find_the_room_closed_are_one_error(server: RoomServer) -> None:

    async def stay() -> None:
        async with server.join("me") as room, trio.open_nursery() as nursery:
            await remove(server)
            await room.wait_closed()
            for _ in range(3):
                nursery.start_soon(room.local_participant.publish_data, b"x")

    with pytest.raises(RoomClosed) as caught:
        await stay()
    assert caught.value.reason == "participant_removed"


async def test_other_errors_stay_in_their_group(server: RoomServer) -> None:
    async def fail() -> None:
        raise KeyError

    async def stay() -> None:
        async with server.join("me") as room, trio.open_nursery() as nursery:
            await remove(server)
            await room.wait_closed()
            nursery.start_soon(room.local_participant.publish_data, b"x")
            nursery.start_soon(fail)

    with pytest.raises(BaseExceptionGroup) as caught:
        await stay()
    assert caught.group_contains(KeyError)
    assert caught.group_contains(RoomClosed)


async def test_the_end_of_another_room_stays_in_its_group(server: RoomServer) -> None:
    """Only a room's own end is unwrapped by it."""
    async with server.join("other") as other:

        async def stay() -> None:
            async with server.join("me") as room, trio.open_nursery() as nursery:
                await delete(server)
                await room.wait_closed()
                await other.wait_closed()
                nursery.start_soon(other.local_participant.publish_data, b"x")

        with pytest.raises(BaseExceptionGroup) as caught:
            await stay()
        assert caught.group_contains(RoomClosed)


def spoil(monkeypatch: pytest.MonkeyPatch, room: Room) -> None:
    """From now on the room makes a mistake whenever the server says something."""
    apply = RoomState.apply

    def fail(state: RoomState, response: proto.SignalResponse) -> list[RoomEvent]:
        assert state.local is not room.local_participant, "a bug"
        return apply(state, response)

    monkeypatch.setattr(RoomState, "apply", fail)


async def test_a_bug_of_ours_crashes_the_room(
    server: RoomServer, monkeypatch: pytest.MonkeyPatch
) -> None:

    async def stay() -> None:
        async with server.join("me") as room:
            spoil(monkeypatch, room)
            async with server.join("somebody"):
                await trio.sleep_forever()

    with pytest.raises(AssertionError, match="a bug"):
        await stay()
    await server.wait_for_participants()


async def test_a_bug_of_ours_is_a_note_on_the_error_of_the_body(
    server: RoomServer, monkeypatch: pytest.MonkeyPatch
) -> None:

    async def stay() -> None:
        async with server.join("me") as room:
            spoil(monkeypatch, room)
            try:
                async with server.join("somebody"):
                    await trio.sleep_forever()
            finally:
                raise KeyError

    with pytest.raises(KeyError) as caught:
        await stay()
    assert "a bug" in "".join(caught.value.__notes__)


async def test_a_room_in_the_callers_nursery_ends_with_it(server: RoomServer) -> None:
    async with trio.open_nursery() as nursery:
        room = await server.connect(nursery, "me")
        await remove(server)
        assert await room.wait_closed() == "participant_removed"
    with pytest.raises(RoomClosed):
        await room.local_participant.publish_data(b"x")


async def test_leaving_is_told(server: RoomServer) -> None:
    async with server.join("watcher") as watcher:
        events = watcher.events()
        async with server.join("me"):
            await expect(events, ParticipantConnected)
        gone = await expect(events, ParticipantDisconnected)
        assert (gone.participant.identity, gone.reason) == ("me", "client_initiated")
        assert gone.participant.state == "disconnected"
        assert "me" not in watcher.remote_participants


async def test_leaving_is_told_before_the_media_connection_closes() -> None:
    states: list[TransportState] = []

    async def watch(scripted: ScriptedRoom) -> None:
        await scripted.visit.wait_for("leave", 1)
        states.append(scripted.peer.state)

    async with trio.open_nursery() as nursery, open_scripted_room() as (scripted, _):
        nursery.start_soon(watch, scripted)
    assert states == [TransportState.CONNECTED]

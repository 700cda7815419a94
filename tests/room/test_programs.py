"""What programs do all day, with pauses in which they look at nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_type

import trio

from lktrio import media
from lktrio.events import (
    ParticipantConnected,
    ParticipantDisconnected,
    RoomEvent,
    TrackPublished,
    TrackSubscribed,
    TrackUnpublished,
    TrackUnsubscribed,
)
from lktrio.media import EncodedFrame
from lktrio.room import LocalTrack, RemoteTrack, Room, Subscription
from tests.support.recording import run_of, sample
from tests.support.servers import RoomServer, until

PAUSE = 2.0  # seconds in which a program does something else


async def spoken(count: int) -> list[EncodedFrame]:
    """Sound, as fast as people speak."""
    return (await sample(media.OPUS, interval=0.02))[:count]


async def filmed(count: int) -> list[EncodedFrame]:
    """Video of which only the first frame is a keyframe."""
    frames = (await sample(media.VP8, interval=1 / 30))[:count]
    assert [frame.keyframe for frame in frames] == [True] + [False] * (count - 1)
    return frames


async def send_all(track: LocalTrack, frames: list[EncodedFrame]) -> None:
    for frame in frames:
        await track.send(frame)


async def read_all(track: RemoteTrack) -> list[EncodedFrame]:
    return [frame async for frame in track.frames()]


async def test_a_recorder_that_begins_late_gets_all_of_it(server: RoomServer) -> None:
    sound, film = await spoken(150), await filmed(50)
    recorded: dict[str, list[EncodedFrame]] = {}

    async def record(track: RemoteTrack) -> None:
        await trio.sleep(PAUSE)  # opens a file, asks somebody, ...
        recorded[track.kind] = await read_all(track)

    async with (
        server.join("recorder") as recorder,
        server.join("alice") as alice,
        recorder.events(TrackSubscribed) as events,
        trio.open_nursery() as nursery,
        alice.local_participant.publish_track(media.OPUS) as mic,
        alice.local_participant.publish_track(media.VP8) as camera,
    ):
        for _ in range(2):
            nursery.start_soon(record, (await events.receive()).track)
        for track in (mic, camera):
            await track.wait_subscribed()
        async with trio.open_nursery() as senders:
            senders.start_soon(send_all, mic, sound)
            senders.start_soon(send_all, camera, film)
    assert run_of(recorded["audio"], sound) == range(len(sound))
    assert run_of(recorded["video"], film) == range(len(film))


async def test_a_track_that_is_over_before_anybody_looks_is_recorded(server: RoomServer) -> None:
    sound = await spoken(50)
    async with server.join("recorder") as recorder, server.join("alice") as alice:
        events = recorder.events(TrackSubscribed, TrackUnsubscribed)
        assert_type(events, Subscription[TrackSubscribed | TrackUnsubscribed])
        async with alice.local_participant.publish_track(media.OPUS) as mic:
            await mic.wait_subscribed()
            await send_all(mic, sound)
        await trio.sleep(PAUSE)
        subscribed = await events.receive()
        assert isinstance(subscribed, TrackSubscribed)
        assert run_of(await read_all(subscribed.track), sound) == range(len(sound))
        assert isinstance(await events.receive(), TrackUnsubscribed)


async def test_whoever_looks_late_knows_everybody_and_everything_once(server: RoomServer) -> None:
    seen: list[RoomEvent] = []
    async with (
        server.join("late") as late,
        server.join("alice") as alice,
        alice.local_participant.publish_track(media.OPUS, name="one") as one,
        alice.local_participant.publish_track(media.OPUS, name="two"),
    ):
        await one.wait_subscribed()
        await trio.sleep(PAUSE)
        with late.events() as events:
            await expect_until(events, seen, lambda: count(seen, TrackSubscribed) == 2)
            async with server.join("bob"):
                await expect_until(events, seen, lambda: count(seen, ParticipantConnected) == 2)
            await expect_until(events, seen, lambda: count(seen, ParticipantDisconnected) == 1)
    told = [event for event in seen if isinstance(event, (ParticipantConnected, TrackPublished))]
    names = [
        event.publication.name if isinstance(event, TrackPublished) else event.participant.identity
        for event in told
    ]
    assert names == ["alice", "one", "two", "bob"]
    assert len({id(e.track) for e in seen if isinstance(e, TrackSubscribed)}) == 2
    assert count(seen, TrackSubscribed) == 2


def count(events: list[RoomEvent], kind: type[object]) -> int:
    return sum(isinstance(event, kind) for event in events)


async def expect_until(
    events: trio.abc.ReceiveChannel[RoomEvent],
    seen: list[RoomEvent],
    condition: Callable[[], bool],
) -> None:
    with trio.fail_after(10):
        while not condition():
            seen.append(await events.receive())


async def test_what_a_program_made_of_the_events_is_what_is_there(server: RoomServer) -> None:
    """A program that follows the events with pauses, while people come, publish, leave, return."""
    there: set[str] = set()
    tracks: set[str] = set()

    def follow(event: RoomEvent) -> None:
        match event:
            case ParticipantConnected(participant):
                assert participant.sid not in there
                there.add(participant.sid)
            case ParticipantDisconnected(participant):
                there.remove(participant.sid)
            case TrackPublished(publication):
                assert publication.sid not in tracks
                tracks.add(publication.sid)
            case TrackUnpublished(publication):
                tracks.remove(publication.sid)
            case _:
                pass

    async def watch(room: Room) -> None:
        async for event in room.events():
            follow(event)
            await trio.sleep(0.1)

    async def come_and_go(name: str) -> None:
        for _ in range(3):
            async with (
                server.join(name) as room,
                room.local_participant.publish_track(media.OPUS),
            ):
                await trio.sleep(0.2)

    async with server.join("watcher") as watcher, trio.open_nursery() as nursery:
        nursery.start_soon(watch, watcher)
        async with trio.open_nursery() as guests:
            for number in range(3):
                guests.start_soon(come_and_go, f"guest {number}")
        async with (
            server.join("stays") as stays,
            stays.local_participant.publish_track(media.OPUS) as track,
        ):
            sid = stays.local_participant.sid
            await until(lambda: there == {sid} and tracks == {track.sid})
            assert set(watcher.remote_participants) == {"stays"}
            nursery.cancel_scope.cancel()


async def test_a_relay_is_as_late_after_a_pause_as_before_it(server: RoomServer) -> None:
    sound = await spoken(400)
    delays: list[float] = []
    sent: dict[bytes, float] = {}

    async def relay(track: RemoteTrack, out: LocalTrack) -> None:
        count = 0
        async for frame in track.frames():
            await out.send(frame)
            count += 1
            if count == 100:
                await trio.sleep(PAUSE)

    async def measure(track: RemoteTrack) -> None:
        async for frame in track.frames():
            now = trio.current_time()
            delays.append(now - sent.get(frame.data, now))

    async with (
        server.join("alice") as alice,
        server.join("relay") as source,
        server.join("relay", room=f"{server.room}-2") as sink,
        server.join("bob", room=f"{server.room}-2") as bob,
        trio.open_nursery() as nursery,
        alice.local_participant.publish_track(media.OPUS) as mic,
        sink.local_participant.publish_track(media.OPUS) as out,
    ):
        nursery.start_soon(relay, (await source.wait_for(TrackSubscribed)).track, out)
        nursery.start_soon(measure, (await bob.wait_for(TrackSubscribed)).track)
        await mic.wait_subscribed()
        for frame in sound:
            await mic.send(frame)
            sent[frame.data] = trio.current_time()
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    before, after = sorted(delays[:90])[45], sorted(delays[-50:])[25]
    assert after < before + 0.05, (before, after)

"""Cancelled anywhere, an operation leaves nothing behind: no task, no socket, nobody, no track."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import trio
from trio_websocket import ConnectionClosed

from lktrio import media, proto
from lktrio.errors import ConnectTimeout, PublishTimeout, RoomClosed
from lktrio.events import DataReceived, Disconnected, Reconnected, TrackSubscribed
from lktrio.media import Codec
from lktrio.room import (
    DisconnectReason,
    Room,
    RoomOptions,
    SimulateScenario,
    Subscription,
    open_room,
)
from lktrio.testing.cancellation import cancel_at_every_checkpoint
from tests.support.recording import sample
from tests.support.scripted_room import Plan, ScriptedRoom, quick
from tests.support.servers import (
    PATIENCE,
    SERVERS,
    V0,
    V1,
    VERSIONS,
    RoomServer,
    expect,
    open_server,
    until,
)
from tests.support.signal_server import Visit, open_signal_server
from tests.support.sweeps import PART

DEADLINE = 600.0  # seconds; hundreds of joins, on a machine that may be busy
CODECS = pytest.mark.parametrize("codec", [media.OPUS, media.VP8], ids=["audio", "video"])
Operation = Callable[[], Awaitable[object]]


@pytest.fixture(params=SERVERS)
async def server(request: pytest.FixtureRequest) -> Any:
    async with open_server(request.param, f"test-{uuid4()}") as server:
        yield server


async def sweep(
    server: RoomServer,
    operation: Operation,
    *present: str,
    since: Callable[[], object] | None = None,
    part: tuple[int, int] = (1, 1),
) -> int:
    """Cancel an operation everywhere; afterwards only these are in the room, without a track."""
    request = proto.ListParticipantsRequest(room=server.room)
    async with server.api() as api:
        others = len(server.hosts)

        async def nothing_is_left() -> None:
            opened = [host for host in server.hosts[others:] if host.open_sockets]
            assert not opened, f"sockets are left open on {opened}"
            listed: list[proto.ParticipantInfo] = []
            with trio.move_on_after(PATIENCE):
                while True:
                    listed = (await api.room.list_participants(request)).participants
                    tracks = [track for one in listed for track in one.tracks]
                    if {one.identity for one in listed} == set(present) and not tracks:
                        return
                    await trio.sleep(0.005)
            raise AssertionError(f"the server still has {listed}")

        return await cancel_at_every_checkpoint(
            operation, after_each=nothing_is_left, since=since, part=part, patience=PATIENCE
        )


@asynccontextmanager
async def two(
    server: RoomServer, options: RoomOptions | None = None
) -> AsyncGenerator[tuple[Room, Room]]:
    async with server.join("alice", options) as alice, server.join("bob", options) as bob:
        await server.wait_for_participants("alice", "bob")
        yield alice, bob


class Through(trio.abc.HalfCloseableStream):
    """A stream to a server that can be meddled with."""

    def __init__(self, stream: trio.abc.HalfCloseableStream) -> None:
        self.stream = stream

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self.stream.send_eof()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self.stream.receive_some(max_bytes)

    async def aclose(self) -> None:
        await self.stream.aclose()


class Rewriting(Through):
    """Asks for another path than the newer one."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await super().send_all(bytes(data).replace(b"GET /rtc/v1?", b"GET /rtc/v7?"))


class Clogged(Through):
    """Takes nothing any more from some moment on."""

    def __init__(self, stream: trio.abc.HalfCloseableStream) -> None:
        super().__init__(stream)
        self.clogged = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if self.clogged:
            await trio.sleep_forever()
        await super().send_all(data)


def is_empty(room: Room) -> bool:
    return not any(one.track_publications for one in room.remote_participants.values())


# Joining and leaving


@VERSIONS
async def test_a_whole_session(server: RoomServer, options: RoomOptions) -> None:
    frames = await sample(media.OPUS, interval=0.002)

    async def operation() -> None:
        async with server.join("me", options) as room:
            await room.local_participant.publish_data(b"x")
            async with room.local_participant.publish_track(media.OPUS) as track:
                await track.send(frames[0])

    assert await sweep(server, operation, part=PART) > 50


async def test_falling_back_to_two_connections(server: RoomServer) -> None:
    """The server seems not to know the newer path."""
    here = server.host()

    async def connect(host: str, port: int) -> trio.abc.HalfCloseableStream:
        return Rewriting(await here.open_tcp_stream(host, port))

    async def operation() -> None:
        async with server.join("me", RoomOptions(open_tcp_stream=connect)) as room:
            assert room.signal_version == "v0"

    assert await sweep(server, operation, part=PART) > 50


async def test_a_session_that_begins_anew(server: RoomServer) -> None:
    """A resume is tried first, and refused."""
    await _sweep_over_faults(server, V1, SimulateScenario.NODE_FAILURE)


@pytest.mark.parametrize("server", SERVERS[1:], indirect=True)
async def test_a_session_that_is_resumed(server: RoomServer) -> None:
    await _sweep_over_faults(
        server,
        V0,
        SimulateScenario.DISCONNECT_SIGNAL_ON_RESUME_NO_MESSAGES,  # so there are two tries
        SimulateScenario.SIGNAL_RECONNECT,
    )


async def _sweep_over_faults(
    server: RoomServer, options: RoomOptions, *scenarios: SimulateScenario
) -> None:
    lost = False

    async def operation() -> None:
        nonlocal lost
        lost = False
        async with (
            server.join("me", options) as room,
            room.local_participant.publish_track(media.OPUS) as track,
        ):
            events = room.events(Reconnected)
            for scenario in scenarios:
                await room.simulate(scenario)
            lost = True
            async with trio.open_nursery() as nursery:  # what waits for the link
                nursery.start_soon(room.local_participant.publish_data, b"x")
                nursery.start_soon(track.mute)
                await events.receive()
            assert room.state == "connected"

    assert await sweep(server, operation, since=lambda: lost, part=PART) > 30


async def test_waiting_in_a_room(server: RoomServer) -> None:
    async with server.join("me") as room:

        async def operation() -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(room.wait_closed)
                nursery.start_soon(room.events().receive)
                nursery.start_soon(room.events(TrackSubscribed).receive)
                await trio.lowlevel.checkpoint()
                nursery.cancel_scope.cancel()

        assert await sweep(server, operation, "me") >= 4
        assert room.state == "connected"


async def test_joining_in_the_callers_nursery(server: RoomServer) -> None:
    async def operation() -> None:
        async with trio.open_nursery() as nursery:
            room = await server.connect(nursery, "me")
            # What was cancelled while it was handed over ended with the nursery.
            await trio.lowlevel.checkpoint_if_cancelled()
            assert room.state == "connected"
            nursery.cancel_scope.cancel()

    assert await sweep(server, operation, part=PART) > 50


# Publishing


@VERSIONS
@CODECS
async def test_publishing(server: RoomServer, options: RoomOptions, codec: Codec) -> None:
    frames = await sample(codec, interval=0.002)
    async with two(server, options) as (alice, bob):

        async def operation() -> None:
            async with alice.local_participant.publish_track(codec, name="it") as track:
                for frame in frames[:3]:
                    await track.send(frame)

        assert await sweep(server, operation, "alice", "bob") > 5
        assert not alice.local_participant.track_publications
        await until(lambda: is_empty(bob))
        # and the next one works
        events = bob.events(TrackSubscribed)
        async with alice.local_participant.publish_track(codec) as track:
            channel = (await expect(events, TrackSubscribed)).track.frames()
            await track.wait_subscribed()
            await track.send(frames[0])
            with trio.fail_after(PATIENCE):
                assert (await channel.receive()).data == frames[0].data


async def test_muting(server: RoomServer) -> None:
    async with (
        two(server) as (alice, bob),
        alice.local_participant.publish_track(media.OPUS) as track,
    ):

        async def operation() -> None:
            await track.mute()
            await track.unmute()

        async def agreed() -> None:
            """Whatever was done: we and the others have the same idea of it."""
            theirs = bob.remote_participants["alice"].track_publications
            await until(lambda: all(one.muted == track.muted for one in theirs.values()))

        assert await cancel_at_every_checkpoint(operation, after_each=agreed) >= 2
        assert not track.muted


async def test_publishing_a_file(server: RoomServer, tmp_path: Path) -> None:
    path = tmp_path / "talk.ogg"
    async with media.open_writer(path, media.OPUS) as out:
        for frame in (await sample(media.OPUS, interval=0.02))[:3]:
            await out.send(frame)
    async with two(server) as (alice, bob):
        operation = partial(alice.local_participant.publish_file, path, wait_subscribed=True)
        assert await sweep(server, operation, "alice", "bob") > 10
        await until(lambda: is_empty(bob))


# Receiving


@pytest.mark.parametrize("what", ["frames", "packets"])
async def test_receiving_media_loses_nothing(server: RoomServer, what: str) -> None:
    frames = (await sample(media.OPUS, interval=0.002))[:40]
    async with two(server) as (alice, bob):
        events = bob.events(TrackSubscribed)
        async with alice.local_participant.publish_track(media.OPUS) as track:
            remote = (await expect(events, TrackSubscribed)).track
            await track.wait_subscribed()
            channel: Any = getattr(remote, what)()
            received: list[bytes] = []
            left = iter(frames)

            async def operation() -> None:
                item = await channel.receive()
                received.append(item.data if what == "frames" else item.payload)

            async def send_more() -> None:
                for _ in range(4):  # more than a sweep may take
                    await track.send(next(left))

            for _ in range(10):
                await send_more()
                await cancel_at_every_checkpoint(operation)
            with trio.fail_after(PATIENCE):
                while len(received) < 20:
                    await operation()
            assert received == [frame.data for frame in frames[: len(received)]]
            await channel.aclose()


async def test_channels_that_are_closed(server: RoomServer) -> None:
    async with two(server) as (alice, bob):
        events = bob.events(TrackSubscribed)
        async with alice.local_participant.publish_track(media.OPUS):
            remote = (await expect(events, TrackSubscribed)).track

            async def operation() -> None:
                async with remote.frames(), remote.packets(), bob.events():
                    await trio.lowlevel.checkpoint()

            await cancel_at_every_checkpoint(operation)


async def test_receiving_events_loses_nothing(server: RoomServer) -> None:
    async with two(server) as (alice, bob), trio.open_nursery() as nursery:
        events = bob.events(DataReceived)
        received: list[int] = []

        async def talk() -> None:
            for number in range(2**32):
                await alice.local_participant.publish_data(number.to_bytes(4, "big"))
                await trio.sleep(0.002)

        async def operation() -> None:
            received.append(int.from_bytes((await events.receive()).data, "big"))

        nursery.start_soon(talk)
        for _ in range(20):
            await cancel_at_every_checkpoint(operation)
        assert received == list(range(len(received)))
        nursery.cancel_scope.cancel()


async def test_subscribing(server: RoomServer) -> None:
    async with (
        two(server, RoomOptions(auto_subscribe=False)) as (alice, bob),
        alice.local_participant.publish_track(media.OPUS),
    ):
        await until(lambda: not is_empty(bob))
        (publication,) = bob.remote_participants["alice"].track_publications.values()

        async def operation() -> None:
            await publication.set_subscribed(True)
            await publication.set_enabled(False)
            await publication.set_enabled(True)
            await publication.set_subscribed(False)

        assert await cancel_at_every_checkpoint(operation) >= 4


# Data


async def open_way(
    publish: Callable[[bytes], Awaitable[object]], events: Subscription[DataReceived]
) -> None:
    """Lossy data is lost until the receiver's channel is open."""
    arrived = False
    while not arrived:
        await publish(b"open?")
        with trio.move_on_after(0.1):
            await events.receive()
            arrived = True


@pytest.mark.parametrize("reliable", [True, False], ids=["reliable", "lossy"])
async def test_data_is_sent_whole_or_not_at_all(server: RoomServer, reliable: bool) -> None:
    async with two(server) as (alice, bob):
        events = bob.events(DataReceived)
        publish = partial(alice.local_participant.publish_data, reliable=reliable)
        sent: list[int] = []
        tried: list[int] = []

        async def operation() -> None:
            tried.append(len(tried))
            await publish(f"{tried[-1]} ".encode() * 100)
            sent.append(tried[-1])

        await open_way(publish, events)
        assert await cancel_at_every_checkpoint(operation) >= 1
        await publish(b"end")
        received: list[int] = []
        while (event := await expect(events, DataReceived)).data != b"end":
            number = int(event.data.split()[0])
            assert event.data == f"{number} ".encode() * 100
            received.append(number)
        assert received == sent


async def test_data_that_waits_for_room_on_the_channel(server: RoomServer) -> None:
    async with two(server) as (alice, bob):
        events = bob.events(DataReceived)
        tried = 0

        async def operation() -> None:
            nonlocal tried
            for _ in range(40):
                tried += 1
                await alice.local_participant.publish_data(tried.to_bytes(2, "big") * 25_000)

        await cancel_at_every_checkpoint(operation)
        await alice.local_participant.publish_data(b"end")
        previous = 0
        while (event := await expect(events, DataReceived)).data != b"end":
            number = int.from_bytes(event.data[:2], "big")
            assert number > previous
            assert len(event.data) == 50_000
            previous = number


async def test_changing_what_others_see_of_us(server: RoomServer) -> None:
    async with server.join("me", can_update_own_metadata=True) as room:

        async def operation() -> None:
            await room.local_participant.set_name("me, myself")
            await room.local_participant.set_attributes({"a": "b"})

        assert await cancel_at_every_checkpoint(operation) >= 2
        await room.local_participant.set_metadata("still works")


async def test_the_end_of_the_room_while_calls_are_under_way(server: RoomServer) -> None:
    """A call that is cancelled when the room has ended says one or the other, never both."""
    async with server.join("me") as room:
        async with server.api() as api:
            await api.room.delete_room(proto.DeleteRoomRequest(room=server.room))
        await room.wait_closed()

        async def operation() -> None:
            for call in (
                partial(room.local_participant.publish_data, b"x"),
                partial(room.local_participant.set_name, "x"),
                room.local_participant.publish_track(media.OPUS).__aenter__,
            ):
                with pytest.raises(RoomClosed):
                    await call()
            assert await room.wait_closed() == "room_deleted"
            async with aclosing(room.events()) as events:
                assert [event async for event in events] == [
                    Disconnected(DisconnectReason.ROOM_DELETED)
                ]

        await cancel_at_every_checkpoint(operation)


# Servers that do not take part


@asynccontextmanager
async def scripted(plan: Plan) -> AsyncGenerator[str]:
    """A server for any number of stays; the URL."""

    async def serve(visit: Visit) -> None:
        room = ScriptedRoom(plan)
        try:
            await room.serve(visit)
        except* (ConnectionClosed, trio.BrokenResourceError):
            pass  # the client was cancelled
        finally:
            room.driver.close()
        await trio.lowlevel.checkpoint()

    async with open_signal_server(serve) as signal:
        yield signal.url


@pytest.mark.parametrize(
    "plan", [Plan(answers=False), Plan(media=False)], ids=["no-answer", "no-media"]
)
async def test_a_server_that_never_connects(plan: Plan) -> None:
    async with scripted(plan) as url:

        async def operation() -> None:
            async with open_room(url, "token", quick(negotiation=0.03, transport=0.03)):
                pytest.fail("there is no way for media")

        steps = await cancel_at_every_checkpoint(operation, raises=(ConnectTimeout,), part=PART)
        assert steps > 20


async def test_a_server_that_accepts_no_track() -> None:
    options = quick(add_track=0.1)
    async with scripted(Plan()) as url, open_room(url, "token", options) as room:

        async def operation() -> None:
            async with room.local_participant.publish_track(media.OPUS):
                pytest.fail("nobody accepted it")

        assert await cancel_at_every_checkpoint(operation, raises=(PublishTimeout,)) >= 3
        assert room.state == "connected"
        assert not room.local_participant.track_publications


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
async def test_a_server_that_stops_reading(server: RoomServer) -> None:
    """However the room is left, leaving takes no longer than it may.

    LiveKit's server waits a while for such a client to come back, so it is not asked.
    """
    streams: list[Clogged] = []
    here = server.host()

    async def connect(host: str, port: int) -> trio.abc.HalfCloseableStream:
        streams.append(Clogged(await here.open_tcp_stream(host, port)))
        return streams[-1]

    options = replace(quick(), open_tcp_stream=connect)
    options = quick(options, leave=0.03, add_track=0.03)

    async def operation() -> None:
        async with server.join("me", options) as room:
            streams[-1].clogged = True
            with pytest.raises(PublishTimeout):
                async with room.local_participant.publish_track(media.OPUS):
                    pytest.fail("nobody heard of it")

    async def cancelled() -> None:
        with trio.CancelScope() as scope:
            async with server.join("me", options):
                streams[-1].clogged = True
                scope.cancel()
                await trio.sleep_forever()

    for body in (operation, cancelled):
        started = trio.current_time()
        await body()
        assert trio.current_time() - started < 2
    assert await sweep(server, operation, part=PART) > 50

"""Cancelled anywhere, what is done with data tracks leaves nothing behind and loses nothing."""

from __future__ import annotations

import itertools

import pytest
import trio

from lktrio.events import DataTrackPublished
from lktrio.room import DataTrackChannel
from lktrio.testing.cancellation import cancel_at_every_checkpoint
from tests.support.servers import PATIENCE, RoomServer, until

pytestmark = pytest.mark.virtual_time


async def test_publishing_and_sending(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("alice") as alice:
        await until(lambda: "alice" in bob.remote_participants)
        me, there = alice.local_participant, bob.remote_participants["alice"]

        async def operation() -> None:
            async with me.publish_data_track("x") as track:
                await track.send(b"x")

        async def nothing_is_left() -> None:
            assert not me.data_tracks
            await trio.sleep(0.05)
            await until(lambda: not there.data_tracks)

        steps = await cancel_at_every_checkpoint(
            operation, after_each=nothing_is_left, patience=PATIENCE
        )
        assert steps > 4
        async with me.publish_data_track("x") as track:  # and the next one works
            event = await bob.wait_for(
                DataTrackPublished, lambda event: event.track.sid == track.sid
            )
            frames = event.track.frames()
            await frames.wait_subscribed()
            await track.send(b"x")
            assert (await frames.receive()).payload == b"x"


async def test_frames_are_sent_and_received_whole_or_not_at_all(server: RoomServer) -> None:
    async with (
        server.join("bob") as bob,
        server.join("alice") as alice,
        alice.local_participant.publish_data_track("x") as track,
    ):
        frames = (await bob.wait_for(DataTrackPublished)).track.frames(buffer_size=1000)
        await frames.wait_subscribed()
        sent: list[int] = []
        received: list[int] = []
        numbers = itertools.count()

        async def send() -> None:
            number = next(numbers)
            await track.send(bytes(20_000), user_timestamp=number)
            sent.append(number)

        async def receive() -> None:
            frame = await frames.receive()
            assert frame.payload == bytes(20_000)
            received.append(frame.user_timestamp or 0)

        for _ in range(5):
            assert await cancel_at_every_checkpoint(send) >= 1
            for _ in range(6):  # more than a sweep may take
                await send()
            await cancel_at_every_checkpoint(receive)
        with trio.move_on_after(2):
            while len(received) < len(sent):
                await receive()
        if server.real:  # which drops what is late, on a machine that is busy
            assert received == [number for number in sent if number in received]
        else:
            assert received == sent


async def test_subscribing(server: RoomServer) -> None:
    async with (
        server.join("bob") as bob,
        server.join("alice") as alice,
        alice.local_participant.publish_data_track("x"),
    ):
        track = (await bob.wait_for(DataTrackPublished)).track
        opened: list[DataTrackChannel] = []

        async def operation() -> None:
            async with track.frames() as frames:
                opened.append(frames)
                await frames.wait_subscribed()

        async def closed() -> None:
            await until(lambda: not track.subscribed)
            with pytest.raises(trio.ClosedResourceError):
                await opened[-1].receive()

        assert await cancel_at_every_checkpoint(operation, after_each=closed) >= 2

"""The code of the tutorial; the tests run it."""

# ruff: noqa: T201 - printing is what these programs do

from __future__ import annotations

import trio

import lktrio
from lktrio import events, media


async def join(url: str, token: str) -> None:
    """Join a room, look around and leave."""
    async with lktrio.open_room(url, token) as room:
        print(f"this is {room.name}, and I am {room.local_participant.identity}")
        for participant in room.remote_participants.values():
            print(f"{participant.identity} is here")


async def publish(room: lktrio.Room, path: str) -> None:
    """Publish a file as a track, in real time."""
    async with (
        media.open_reader(path) as source,
        room.local_participant.publish_track(source.codec, name="from a file") as track,
    ):
        async for frame in source:
            await track.send(frame)


async def record(room: lktrio.Room, path: str) -> None:
    """Record the first audio track that comes."""
    async for event in room.events(events.TrackSubscribed):
        track = event.track
        if track.codec == media.OPUS:
            async with media.open_writer(path, track.codec) as out:
                async for frame in track.frames():
                    await out.send(frame)
            return


async def ask(room: lktrio.Room, question: str) -> bytes:
    """Send a message to everybody and wait for the first answer."""
    answers = room.events(events.DataReceived)
    await room.local_participant.publish_data(question, topic="question")
    async for message in answers:
        if message.topic == "answer":
            return message.data
    raise lktrio.errors.RoomClosed("the room ended without an answer")


async def play_and_record(url: str, token: str, play: str, record_to: str) -> None:
    """Do two things at once, for a minute at most."""
    with trio.move_on_after(60):
        async with lktrio.open_room(url, token) as room, trio.open_nursery() as nursery:
            nursery.start_soon(record, room, record_to)
            nursery.start_soon(publish, room, play)

"""The code of the page about rooms; the tests run it."""

# ruff: noqa: T201 - printing is what these programs do

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import trio

import lktrio
from lktrio import events
from lktrio.errors import RoomClosed


async def work_in_a_room(url: str, token: str) -> None:
    """Tasks of yours belong inside the room's block."""
    async with lktrio.open_room(url, token) as room, trio.open_nursery() as nursery:
        nursery.start_soon(tell_what_happens, room)
        print(f"the room ended: {await room.wait_closed()}")


async def tell_what_happens(room: lktrio.Room) -> None:
    """Events are dataclasses, to be used with match."""
    async for event in room.events():
        match event:
            case events.ParticipantConnected(participant):
                print(f"{participant.identity} joined")
            case events.TrackMuted(publication, participant):
                print(f"{participant.identity} muted {publication.name}")
            case events.DataReceived(data=data, topic="chat", participant=sender):
                print(f"{sender.identity if sender else 'the server'}: {data.decode()}")
            case events.Disconnected(reason):
                print(f"that was all: {reason}")


async def listen_for_a_minute(url: str, token: str) -> None:
    """Deadlines are cancel scopes of trio."""
    with trio.move_on_after(60):
        async with lktrio.open_room(url, token) as room:
            await room.wait_closed()


async def relay(url: str, here: str, there: str) -> None:
    """Two rooms in one nursery of yours; cancelling it leaves both."""
    async with trio.open_nursery() as nursery:
        source = await lktrio.connect_room(nursery, url, here)
        target = await lktrio.connect_room(nursery, url, there)
        async for message in source.events(events.DataReceived):
            await target.local_participant.publish_data(message.data, topic=message.topic)
        nursery.cancel_scope.cancel()


async def greet_everybody(room: lktrio.Room) -> None:
    """Those who are here come first, then those who join."""
    async for event in room.events(events.ParticipantActive):
        identity = event.participant.identity
        await room.local_participant.publish_data("hello", destination_identities=[identity])


async def send_while_it_lasts(room: lktrio.Room) -> str:
    """Calls raise RoomClosed when the room has ended; it says why."""
    try:
        while True:
            await room.local_participant.publish_data(b"tick", topic="clock")
            await trio.sleep(1)
    except RoomClosed as closed:
        return closed.reason


async def tell_of_the_link(room: lktrio.Room) -> None:
    """A link that is lost is replaced in the background."""
    async for event in room.events(events.Reconnecting, events.Reconnected):
        match event:
            case events.Reconnecting(kind, attempt):
                print(f"the link is lost: {kind}, try {attempt}")
            case events.Reconnected(lktrio.ReconnectKind.RESTART):
                print(f"back, as {room.local_participant.sid}")
            case events.Reconnected():
                print("back, as if nothing had happened")


async def talk_in_streams(room: lktrio.Room, log: list[str]) -> None:
    """Take texts of one topic, and send a long one in pieces."""

    async def read(stream: lktrio.TextStreamReader) -> None:
        sender = stream.info.participant
        log.append(f"{sender.identity if sender else 'the server'}: {await stream.read_all()}")

    async with trio.open_nursery() as nursery:
        await nursery.start(room.serve_text_streams, "chat", read)
        await room.local_participant.send_text("hello", topic="chat")
        async with room.local_participant.stream_text(topic="chat") as out:
            for word in ("one", " two", " three"):
                await out.send(word)
        while len(log) < 2:
            await trio.sleep(0.05)
        nursery.cancel_scope.cancel()


async def send_with_progress(room: lktrio.Room, path: Path, log: list[str]) -> None:
    """Send a file, and tell how far it is."""
    send = partial(room.local_participant.send_file, path, topic="files")
    async with trio.open_nursery() as nursery:
        progress: lktrio.StreamProgress = await nursery.start(send)
        async for sent in progress:
            log.append(f"{sent} of {progress.total} bytes")  # noqa: PERF401 - as it changes


async def call_each_other(alice: lktrio.Room, bob: lktrio.Room) -> list[object]:
    """Bob serves methods, Alice calls them."""
    divide_method = lktrio.RpcMethod.json("divide")
    answers: list[object] = []

    async def shout(call: lktrio.RpcInvocation[str]) -> str:
        return f"{call.caller_identity}: {call.payload.upper()}"

    async def divide(call: lktrio.RpcInvocation[list[float]]) -> float:
        dividend, divisor = call.payload
        if divisor == 0:
            raise lktrio.RpcError(1, "division by zero")
        return dividend / divisor

    async with trio.open_nursery() as nursery:
        await nursery.start(bob.serve_rpc, "shout", shout)
        await nursery.start(bob.serve_rpc, divide_method, divide)
        me = alice.local_participant
        with trio.fail_after(5):  # the handler has these five seconds as well
            answers.append(await me.perform_rpc("bob", "shout", "hello"))
        answers.append(await me.perform_rpc("bob", divide_method, [1, 4]))
        try:
            await me.perform_rpc("bob", divide_method, [1, 0])
        except lktrio.RpcError as error:
            answers.append(error.message)
        nursery.cancel_scope.cancel()
    return answers


async def read_a_sensor(publisher: lktrio.Room, reader: lktrio.Room) -> list[bytes]:
    """Publish a data track, and read it in another participant's room."""
    async with publisher.local_participant.publish_data_track("temperature") as sensor:
        event = await reader.wait_for(
            events.DataTrackPublished, lambda event: event.track.name == "temperature"
        )
        frames = event.track.frames()
        await frames.wait_subscribed()
        for reading in (b"20.1", b"20.3"):
            await sensor.send(reading, user_timestamp=int(time.time() * 1000))
    return [frame.payload async for frame in frames]


async def answer_the_chat(room: lktrio.Room) -> None:
    """A bot that says what it was told, and mends its answer when the message is changed."""
    answers: dict[str, lktrio.ChatMessage] = {}
    me = room.local_participant
    async for event in room.events(events.ChatReceived):
        said = event.message
        text = f"you said: {said.text}"
        if said.id in answers:
            answers[said.id] = await me.edit_chat_message(text, answers[said.id])
        else:
            answers[said.id] = await me.send_chat_message(text, reply_to_id=said.id)


async def ask_for_a_number(room: lktrio.Room) -> str:
    """Collect the keys of a telephone until the hash key."""
    digits = ""
    async for tone in room.events(events.DtmfReceived):
        if tone.digit == "#":
            break
        digits += tone.digit
    return digits


async def show_captions(room: lktrio.Room) -> None:
    """Print what is said, once it will not change any more."""
    async for event in room.events(events.TranscriptionReceived):
        speaker = event.participant.identity if event.participant else "somebody"
        for segment in event.segments:
            if segment.final:
                print(f"{speaker}: {segment.text}")


async def describe_frames(publisher: lktrio.Room, reader: lktrio.Room) -> tuple[str, bytes]:
    """Say what the frames of a data track are, and look it up."""
    me = publisher.local_participant
    schema = lktrio.DataTrackSchemaId("pose.v1", lktrio.DataTrackSchemaEncoding.JSON_SCHEMA)
    await me.define_schema(schema, '{"type": "array", "items": {"type": "number"}}')
    async with me.publish_data_track("pose", frame_encoding="json", schema=schema):
        event = await reader.wait_for(
            events.DataTrackPublished, lambda event: event.track.name == "pose"
        )
        track = event.track
        assert track.schema is not None
        identity = track.publisher_identity
        return track.frame_encoding, await reader.local_participant.get_schema(
            track.schema, identity
        )

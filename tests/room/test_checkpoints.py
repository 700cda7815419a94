"""Every public async function of a room is a checkpoint, also when it succeeds at once."""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, TypeVar

import trio

from lktrio import media, proto
from lktrio import room as public
from lktrio.errors import RpcError
from lktrio.events import DataTrackPublished, ParticipantConnected, TrackSubscribed
from lktrio.net.packet_log import open_packet_log
from lktrio.room import (
    DataTrackChannel,
    DataTrackSchemaId,
    LocalDataTrack,
    LocalTrack,
    RemoteTrack,
    Room,
    RpcInvocation,
)
from tests.support.recording import sample
from tests.support.servers import RoomServer, expect, open_server, until

E = TypeVar("E")
SCHEMA = DataTrackSchemaId("x")


class Stage:
    """Two participants with a track between them, and what is called on it."""

    def __init__(self, server: RoomServer, stack: AsyncExitStack) -> None:
        self.server, self.stack = server, stack
        self.room: Room
        self.track: LocalTrack
        self.remote: RemoteTrack
        self.data_track: LocalDataTrack
        self.data_frames_of: Callable[[], DataTrackChannel]
        self.data_frames: DataTrackChannel
        self.frame: media.EncodedFrame

    async def set(self) -> None:
        enter = self.stack.enter_async_context
        watcher = await enter(self.server.join("bob"))
        await enter(self.server.join("agent", kind="agent"))
        self.room = await enter(self.server.join("me", can_update_own_metadata=True))
        events = watcher.events(TrackSubscribed)
        self.track = await enter(self.room.local_participant.publish_track(media.VP8))
        self.remote = (await expect(events, TrackSubscribed)).track
        self.frame = (await sample(media.VP8))[0]
        await self.track.wait_subscribed()
        self.data_track = await enter(self.room.local_participant.publish_data_track("x"))
        self.data_frames_of = (await watcher.wait_for(DataTrackPublished)).track.frames
        self.data_frames = self.data_frames_of()
        await self.data_frames.wait_subscribed()

    async def join(self) -> None:
        async with self.server.join("other"):
            await trio.lowlevel.checkpoint()

    async def log(self) -> None:
        async with open_packet_log(os.devnull):
            await trio.lowlevel.checkpoint()

    async def connect(self) -> None:
        async with trio.open_nursery() as nursery:
            await self.server.connect(nursery, "other")
            nursery.cancel_scope.cancel()

    async def publish(self) -> None:
        async with self.room.local_participant.publish_track(media.OPUS):
            await trio.lowlevel.checkpoint()

    async def publish_file(self) -> None:
        await self.room.local_participant.publish_file(media.samples.AUDIO)

    async def publish_data_track(self) -> None:
        async with self.room.local_participant.publish_data_track("other"):
            await trio.lowlevel.checkpoint()

    async def data_frame(self) -> object:
        await self.data_track.send(b"x")
        return await self.data_frames.receive()

    async def close_data_track(self) -> None:
        async with self.room.local_participant.publish_data_track("third") as track:
            await track.aclose()

    async def data_subscribed(self) -> None:
        with self.data_frames_of() as frames:
            await frames.wait_subscribed()

    async def closed(self) -> str:
        await self.room.leave()
        return await self.room.wait_closed()

    async def event(self) -> object:
        return await self.room.events().receive()

    async def received(self) -> object:
        await self.track.send(replace(self.frame, timestamp=trio.current_time()))
        return await self.remote.frames().receive()

    async def call(self) -> None:
        with contextlib.suppress(RpcError):  # the other does not serve it
            await self.room.local_participant.perform_rpc("bob", "method")

    async def keyframe(self) -> None:
        self.remote.frames()
        await self.track.wait_keyframe_request()


CALLS: dict[str, Callable[[Stage], Awaitable[object]]] = {
    "open_room": Stage.join,
    "open_packet_log": Stage.log,
    "connect_room": Stage.connect,
    "prepare_connection": lambda s: public.prepare_connection(s.server.url),
    "Room.leave": lambda s: s.room.leave(),
    "Room.simulate": lambda s: s.room.simulate("disconnect_signal_on_resume"),
    "Room.wait_closed": Stage.closed,
    "Room.wait_for": lambda s: s.room.wait_for(ParticipantConnected),
    "LocalParticipant.publish_track": Stage.publish,
    "LocalParticipant.publish_file": Stage.publish_file,
    "LocalParticipant.publish_data": lambda s: s.room.local_participant.publish_data(b"x"),
    "LocalParticipant.publish_data lossy": lambda s: s.room.local_participant.publish_data(
        b"x", reliable=False
    ),
    "LocalParticipant.publish_data_track": Stage.publish_data_track,
    "LocalParticipant.define_schema": lambda s: s.room.local_participant.define_schema(SCHEMA, "x"),
    "LocalParticipant.get_schema": lambda s: s.room.local_participant.get_schema(SCHEMA, "me"),
    "LocalParticipant.store_data_blob": lambda s: s.room.local_participant.store_data_blob(
        "x", "x"
    ),
    "LocalParticipant.get_data_blob": lambda s: s.room.local_participant.get_data_blob("x", "me"),
    "LocalDataTrack.send": lambda s: s.data_track.send(b"x"),
    "LocalDataTrack.aclose": Stage.close_data_track,
    "DataTrackChannel.receive": Stage.data_frame,
    "DataTrackChannel.aclose": lambda s: s.data_frames_of().aclose(),
    "DataTrackChannel.wait_subscribed": Stage.data_subscribed,
    "LocalParticipant.wait_data_sent": lambda s: s.room.local_participant.wait_data_sent(),
    "LocalParticipant.send_text": lambda s: s.room.local_participant.send_text("x"),
    "LocalParticipant.send_bytes": lambda s: s.room.local_participant.send_bytes(b"x"),
    "LocalParticipant.send_file": lambda s: s.room.local_participant.send_file(__file__),
    "LocalParticipant.perform_rpc": Stage.call,
    "LocalParticipant.set_name": lambda s: s.room.local_participant.set_name("x"),
    "LocalParticipant.set_metadata": lambda s: s.room.local_participant.set_metadata("x"),
    "LocalParticipant.set_attributes": lambda s: s.room.local_participant.set_attributes(
        {"a": "b"}
    ),
    "LocalParticipant.send_chat_message": lambda s: s.room.local_participant.send_chat_message("x"),
    "LocalParticipant.edit_chat_message": lambda s: s.room.local_participant.edit_chat_message(
        "y", public.ChatMessage("1", "x", 0.0)
    ),
    "LocalParticipant.publish_dtmf": lambda s: s.room.local_participant.publish_dtmf("1"),
    "LocalParticipant.publish_transcription": (
        lambda s: s.room.local_participant.publish_transcription(
            public.TranscriptionSegment("1", "x")
        )
    ),
    "LocalParticipant.publish_metrics": lambda s: s.room.local_participant.publish_metrics(
        proto.MetricsBatch()
    ),
    "LocalParticipant.set_agent_state": lambda s: s.room.local_participant.set_agent_state("idle"),
    "Room.wait_for_agent": lambda s: s.room.wait_for_agent(),
    "LocalTrack.send": lambda s: s.track.send(s.frame),
    "LocalTrack.mute": lambda s: s.track.mute(),
    "LocalTrack.unmute": lambda s: s.track.unmute(),
    "LocalTrack.wait_subscribed": lambda s: s.track.wait_subscribed(),
    "LocalTrack.wait_played": lambda s: s.track.wait_played(),
    "LocalTrack.wait_keyframe_request": Stage.keyframe,
    "LocalTrack.aclose": lambda s: s.track.aclose(),
    "RemoteTrackPublication.set_subscribed": lambda s: s.remote.publication.set_subscribed(True),
    "Participant.wait_active": lambda s: s.remote.participant.wait_active(),
    "RemoteTrackPublication.set_video_quality": lambda s: s.remote.publication.set_video_quality(
        "low"
    ),
    "RemoteTrackPublication.set_enabled": lambda s: s.remote.publication.set_enabled(True),
    "MediaChannel.receive": Stage.received,
    "MediaChannel.aclose": lambda s: s.remote.frames().aclose(),
    "Subscription.receive": Stage.event,
    "Subscription.aclose": lambda s: s.room.events().aclose(),
}


STREAMS = {
    "StreamChannel.receive",
    "StreamChannel.aclose",
    "ByteStreamReader.aclose",
    "ByteStreamReader.read_all",
    "ByteStreamReader.receive_some",
    "ByteStreamWriter.aclose",
    "ByteStreamWriter.send_all",
    "ByteStreamWriter.wait_send_all_might_not_block",
    "TextStreamReader.aclose",
    "TextStreamReader.read_all",
    "TextStreamReader.receive",
    "TextStreamWriter.aclose",
    "TextStreamWriter.send",
    "Room.serve_byte_streams",
    "Room.serve_text_streams",
    "Room.serve_rpc",
}
"""Calls that have a test of their own."""

ENDS = ("Room.leave", "Room.wait_closed", "LocalTrack.aclose")
"""Calls after which a stage is of no further use."""


async def answer_nothing(call: RpcInvocation[str]) -> str:
    await trio.lowlevel.checkpoint()
    return ""


async def check(stage: Stage, name: str) -> None:
    """A call notices that it is cancelled, and lets others run when it succeeds."""
    with trio.CancelScope() as scope:
        scope.cancel()
        await CALLS[name](stage)
    assert scope.cancelled_caught, name
    try:
        with trio.testing.assert_checkpoints():
            await CALLS[name](stage)
    except AssertionError as error:
        raise AssertionError(f"{name} is no checkpoint") from error


async def test_every_call_is_a_checkpoint() -> None:
    others = [name for name in CALLS if name not in ENDS]
    for names in (others, *([name] for name in ENDS)):
        async with open_server("embedded", "room") as server, AsyncExitStack() as stack:
            stage = Stage(server, stack)
            await stage.set()
            for name in names:
                await check(stage, name)


async def test_every_call_of_a_stream_is_a_checkpoint() -> None:
    async with (
        open_server("embedded", "room") as server,
        server.join("bob") as bob,
        server.join("me") as room,
        trio.open_nursery() as nursery,
    ):
        await until(lambda: bool(room.remote_participants and bob.remote_participants))
        texts, files = bob.text_streams("t"), bob.byte_streams("t")
        me = room.local_participant

        async def checked(call: Callable[[], Awaitable[E]]) -> E:
            with trio.CancelScope() as scope:
                scope.cancel()
                await call()
            assert scope.cancelled_caught, call
            with trio.testing.assert_checkpoints():
                return await call()

        async with me.stream_text(topic="t") as out, me.stream_bytes(topic="t") as log:
            await checked(log.wait_send_all_might_not_block)
            await checked(lambda: out.send("x"))
            await checked(lambda: log.send_all(b"xy"))
            text, file = await checked(texts.receive), await checked(files.receive)
            await checked(text.receive)
            await checked(lambda: file.receive_some(1))
            await checked(out.aclose)
            await checked(log.aclose)
            await checked(text.read_all)
            await checked(file.read_all)
        for one in (text, file, texts, files):
            await checked(one.aclose)
        for serve in (bob.serve_text_streams, bob.serve_byte_streams):
            with trio.CancelScope() as scope:
                scope.cancel()
                await serve("t", lambda stream: stream.aclose())
            assert scope.cancelled_caught
            nursery.start_soon(serve, "t", lambda stream: stream.aclose())
        with trio.CancelScope() as scope:
            scope.cancel()
            await bob.serve_rpc("m", answer_nothing)
        assert scope.cancelled_caught
        nursery.start_soon(bob.serve_rpc, "m", answer_nothing)
        await bob.leave()  # which ends the serving


async def test_no_public_async_function_is_forgotten() -> None:
    await trio.lowlevel.checkpoint()
    found = {name for name in public.__all__ if inspect.iscoroutinefunction(vars(public)[name])}
    for name in public.__all__:
        value: Any = vars(public)[name]
        if inspect.isclass(value):
            found |= {
                f"{name}.{member}"
                for member, function in vars(value).items()
                if inspect.iscoroutinefunction(function) and not member.startswith("_")
            }
    assert found <= {name.split()[0] for name in CALLS} | STREAMS

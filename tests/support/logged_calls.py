"""A call with a packet log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import trio

from lktrio.events import TrackSubscribed
from lktrio.media import OPUS, EncodedFrame
from lktrio.net.packet_log import PacketLog, open_packet_log
from lktrio.room import Room, RoomOptions
from tests.support.servers import RoomServer

__all__ = ["SOUND", "TEXT", "logged_call", "talk"]

SOUND = b"\xfcsomething that is said".ljust(80, b".")
TEXT = b"something that is written"


@asynccontextmanager
async def logged_call(
    server: RoomServer, path: Path, options: RoomOptions
) -> AsyncIterator[tuple[Room, PacketLog]]:
    """A call of two, of which alice's packets are logged, with sound and data from either side."""
    async with (
        open_packet_log(path) as log,
        server.join("alice", replace(options, packet_log=log)) as alice,
        server.join("bob") as bob,
    ):
        await talk(bob, alice)
        await talk(alice, bob)
        yield alice, log


async def talk(speaker: Room, listener: Room) -> None:
    async with speaker.local_participant.publish_track(OPUS) as track:
        event = await listener.wait_for(TrackSubscribed)
        with event.track.frames() as frames:
            await track.wait_subscribed()
            await track.send(EncodedFrame(SOUND, 0.0, 0.02))
            await frames.receive()
        await speaker.local_participant.publish_data(TEXT)
    await trio.sleep(0.5)

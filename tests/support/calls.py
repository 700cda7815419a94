"""Calls of two who send each other sound and numbers, and note what they get."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from lktrio.events import DataReceived, RoomEvent, TrackSubscribed
from lktrio.media import OPUS, EncodedFrame
from lktrio.room import ConnectionState, Room, RoomOptions
from tests.support.servers import RoomServer, until

_RATE = 50  # frames a second
_SETTLED = 1.0  # seconds that a call goes on before and after a fault


@dataclass
class Side:
    """One of the two in a call: what it sends and what it gets from the other."""

    room: Room
    frames: list[EncodedFrame] = field(default_factory=list[EncodedFrame])
    data: list[int] = field(default_factory=list[int])
    events: list[RoomEvent] = field(default_factory=list[RoomEvent])
    tracks: int = 0
    sending: bool = True

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            for task in (self._send_frames, self._send_data, self._read, self._note):
                nursery.start_soon(task)

    async def _send_frames(self) -> None:
        async with self.room.local_participant.publish_track(OPUS, name="voice") as track:
            number = 0
            while True:
                data = b"\xfc" + number.to_bytes(4, "big")
                await track.send(EncodedFrame(data, number / _RATE, 1 / _RATE))
                number += 1

    async def _send_data(self) -> None:
        number = 0
        while self.sending:
            await self.room.local_participant.publish_data(str(number))
            number += 1
            await trio.sleep(0.01)

    async def _read(self) -> None:
        async with trio.open_nursery() as nursery:
            async for event in self.room.events(TrackSubscribed, DataReceived):
                if isinstance(event, DataReceived):
                    self.data.append(int(event.data))
                else:
                    self.tracks += 1
                    nursery.start_soon(self._read_track, event)

    async def _read_track(self, event: TrackSubscribed) -> None:
        async for frame in event.track.frames():
            if len(frame.data) == 5:  # others are what servers fill silence with
                self.frames.append(frame)

    async def _note(self) -> None:
        async for event in self.room.events():
            self.events.append(event)

    def state(self) -> ConnectionState:
        return self.room.state

    def told(self, kind: type[RoomEvent]) -> list[RoomEvent]:
        return [event for event in self.events if isinstance(event, kind)]

    def numbers(self) -> list[int]:
        return [int.from_bytes(frame.data[1:], "big") for frame in self.frames]


@asynccontextmanager
async def open_call(
    server: RoomServer, options: RoomOptions
) -> AsyncGenerator[tuple[Side, Side], None]:
    """Alice and bob, in a call that goes on."""
    async with (
        server.join("alice", options) as one,
        server.join("bob", options) as two,
        call_between(one, two) as sides,
    ):
        yield sides


@asynccontextmanager
async def call_between(one: Room, two: Room) -> AsyncGenerator[tuple[Side, Side], None]:
    """A call between two who are in a room."""
    sides = Side(one), Side(two)
    async with trio.open_nursery() as nursery:
        for side in sides:
            nursery.start_soon(side.run)
        await until(lambda: all(side.frames and side.data for side in sides))
        await trio.sleep(_SETTLED)
        yield sides
        nursery.cancel_scope.cancel()


async def go_on(*sides: Side) -> None:
    """Let a call go on until everybody has heard what comes after a fault."""
    seen = [(len(side.frames), len(side.data)) for side in sides]
    await trio.sleep(_SETTLED)
    for side, (frames, data) in zip(sides, seen, strict=True):
        await until(lambda s=side, n=frames: len(s.frames) > n)  # type: ignore[misc]
        await until(lambda s=side, n=data: len(s.data) > n)  # type: ignore[misc]

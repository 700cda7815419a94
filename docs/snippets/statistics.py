"""The code of the page about statistics; the tests run it."""

# ruff: noqa: T201 - printing is what these programs do

from __future__ import annotations

import trio

import lktrio


async def report(room: lktrio.Room) -> None:
    """Print once a second what comes and goes."""
    before: dict[int, lktrio.MediaStreamStats] = {}
    while room.state != "disconnected":
        stats = room.stats()
        for connection in stats.connections:
            if (path := connection.path) is not None and path.round_trip is not None:
                print(f"{path.connection}: {path.transport}, {path.round_trip * 1000:.0f} ms")
        for stream in (*stats.outbound, *stats.inbound):
            rate = stream.bitrate(before.get(stream.ssrc))
            print(f"{stream.track_sid} {stream.mime_type}: {rate / 1000:.0f} kbit/s")
        before = {stream.ssrc: stream for stream in (*stats.outbound, *stats.inbound)}
        await trio.sleep(1)


class LatestStats:
    """What the room said about itself last, for threads and callbacks of others."""

    def __init__(self, room: lktrio.Room) -> None:
        self.stats = room.stats()
        self._room = room

    async def keep_up(self) -> None:
        """Ask once a second, as a task beside the program."""
        while True:
            self.stats = self._room.stats()
            await trio.sleep(1)


async def logged(url: str, token: str) -> None:
    """Stay in a room for a minute, with all of its packets in a file."""
    async with (
        lktrio.open_packet_log("call.pcapng") as log,
        lktrio.open_room(url, token, lktrio.RoomOptions(packet_log=log)),
    ):
        await trio.sleep(60)

"""Files share the path with each other, and let small messages pass."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import trio

from lktrio.events import DataReceived
from lktrio.room import Room
from lktrio.testing import LinkProfile
from tests.support.servers import RoomServer, open_server, until

pytestmark = pytest.mark.virtual_time
DEADLINE = 300.0
MBIT = 1e6 / 8
LATENCY = 0.02


@dataclass
class Traffic:
    """What two participants exchange over a slow link."""

    alice: Room
    bob: Room
    received: dict[str, int] = field(default_factory=dict[str, int])
    delays: list[float] = field(default_factory=list[float])

    async def run(self, seconds: float, files: int, talkers: int = 0) -> None:
        """Files and talkers run for a while; after a second it counts what arrives."""
        async with trio.open_nursery() as nursery:
            for number in range(files):
                nursery.start_soon(self._receive, f"file {number}")
                nursery.start_soon(self._send, f"file {number}")
            for _ in range(talkers):
                nursery.start_soon(self._talk)
            await trio.sleep(1)
            self.received.clear()
            nursery.start_soon(self._ping)
            await trio.sleep(seconds)
            nursery.cancel_scope.cancel()

    async def _send(self, topic: str) -> None:
        async with self.alice.local_participant.stream_bytes(topic=topic) as stream:
            while True:
                await stream.send_all(bytes(100_000))

    async def _receive(self, topic: str) -> None:
        stream = await self.bob.byte_streams(topic).receive()
        async for data in stream:
            self.received[topic] = self.received.get(topic, 0) + len(data)

    async def _talk(self) -> None:
        while True:
            await self.alice.local_participant.publish_data(bytes(100), topic="talk")

    async def _ping(self) -> None:
        arrived = self.bob.events(DataReceived)
        while True:
            began = trio.current_time()
            await self.alice.local_participant.publish_data(bytes(200), topic="ping")
            async for event in arrived:
                if event.topic == "ping":
                    break
            self.delays.append(trio.current_time() - began - LATENCY - 0.005)
            await trio.sleep(0.05)


async def traffic(
    server: RoomServer, megabits: float, seconds: float, *, files: int, talkers: int = 0
) -> Traffic:
    """Exchange traffic over a link of so many megabits per second."""
    assert server.network is not None
    assert server.server_host is not None
    async with server.join("bob") as bob, server.join("alice") as alice:
        await until(lambda: bool(alice.remote_participants and bob.remote_participants))
        slow = LinkProfile(latency=LATENCY, rate=megabits * MBIT)
        back = LinkProfile(latency=LATENCY)
        server.network.set_link(server.hosts[-1], server.server_host, slow, back)
        found = Traffic(alice, bob)
        await found.run(seconds, files, talkers)
        return found


async def test_small_messages_wait_little_for_files() -> None:
    for megabits, seconds, longest in ((2, 4, 0.12), (5, 3, 0.05), (20, 1.5, 0.05)):
        for files in (1, 3) if megabits == 5 else (1,):
            async with open_server("embedded") as server:
                found = await traffic(server, megabits, seconds, files=files)
            case = f"{megabits} Mbit/s, {files} files"
            assert len(found.delays) > 10, case
            assert max(found.delays) < longest, case
            assert sum(found.received.values()) > 0.8 * megabits * MBIT * seconds, case
            assert max(found.received.values()) < 1.15 * min(found.received.values()), case


async def test_neither_small_nor_large_messages_starve() -> None:
    async with open_server("embedded") as server:
        found = await traffic(server, 2, 4, files=2, talkers=20)
    assert sum(found.received.values()) > 0.3 * 2 * MBIT * 4
    assert max(found.received.values()) < 1.15 * min(found.received.values())
    assert len(found.delays) > 5
    assert max(found.delays) < 1

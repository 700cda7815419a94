"""An ICE agent on real sockets of the loopback interface, for tests against other programs."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from lktrio.rtc.base import NEVER, Address
from lktrio.rtc.ice import IceAgent, IceRole, PairSelected
from lktrio.rtc.ice.candidate import host_candidate
from lktrio.rtc.ice.gather import CandidateGathered, StunGatherer


class IceSockets:
    """Pumps an agent; made by `open_ice`."""

    def __init__(self, agent: IceAgent) -> None:
        self.agent = agent
        self.gatherer = StunGatherer(random=os.urandom)
        self.selections: list[PairSelected] = []
        self.gathered: list[CandidateGathered] = []
        self.received: list[tuple[bytes, Address]] = []
        self._sockets: dict[int, trio.socket.SocketType] = {}
        self._changed = trio.Event()

    async def bind(self, host: str) -> int:
        family = trio.socket.AF_INET6 if ":" in host else trio.socket.AF_INET
        socket = trio.socket.socket(family, trio.socket.SOCK_DGRAM)
        await socket.bind((host, 0))
        path = len(self._sockets) + 1
        self._sockets[path] = socket
        self.agent.add_local_candidate(
            host_candidate(host, socket.getsockname()[1], local_preference=65535 - path),
            path,
            trio.current_time(),
        )
        return path

    async def send(self, data: bytes) -> None:
        where = self.agent.send_path()
        assert where is not None
        await self._sockets[where[0]].sendto(data, where[1])

    async def flush(self) -> None:
        """Send and note what the engines have left, and wake whoever waits."""
        for engine in (self.agent, self.gatherer):
            out, engine.out = engine.out, []
            for path, address, data in out:
                await self._sockets[path].sendto(data, address)
        while self.agent.events:
            event = self.agent.events.popleft()
            if isinstance(event, PairSelected):
                self.selections.append(event)
        while self.gatherer.events:
            found = self.gatherer.events.popleft()
            if isinstance(found, CandidateGathered):
                self.gathered.append(found)
        self._changed.set()
        self._changed = trio.Event()

    async def wait(self) -> None:
        """Wait until something happened."""
        await self._changed.wait()

    async def read(self, path: int) -> None:
        while True:
            data, source = await self._sockets[path].recvfrom(2048)
            address = (source[0], source[1])
            if data[0] > 3:
                self.received.append((data, address))
                self.agent.on_traffic(trio.current_time(), (path, address))
            elif not self.gatherer.receive(data, path, address):
                self.agent.receive(data, path, address, trio.current_time())
            await self.flush()

    async def tick(self) -> None:
        while True:
            deadline = min(self.agent.next_timer(), self.gatherer.next_timer())
            with trio.move_on_at(NEVER if deadline == NEVER else deadline) as scope:
                await self._changed.wait()
            if scope.cancelled_caught:
                self.agent.handle_timer(trio.current_time())
                self.gatherer.handle_timer(trio.current_time())
                await self.flush()

    def close(self) -> None:
        for socket in self._sockets.values():
            socket.close()


@asynccontextmanager
async def open_ice(role: IceRole, *hosts: str, lite: bool = False) -> AsyncIterator[IceSockets]:
    """An agent with one socket for each host, served until the block ends."""
    sockets = IceSockets(IceAgent(role=role, random=os.urandom, lite=lite))
    try:
        async with trio.open_nursery() as nursery:
            for host in hosts:
                nursery.start_soon(sockets.read, await sockets.bind(host))
            nursery.start_soon(sockets.tick)
            yield sockets
            nursery.cancel_scope.cancel()
    finally:
        sockets.close()

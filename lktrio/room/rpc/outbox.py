"""Acknowledgements and errors that no task waits for."""

from __future__ import annotations

import logging
from collections import deque

import trio

from lktrio import proto
from lktrio.errors import PublishError, RoomClosed
from lktrio.room.state.data import DataStats
from lktrio.room.streams.outgoing import StreamOutlet

__all__ = ["MAX_QUEUED", "RpcOutbox"]

_log = logging.getLogger("lktrio.room")

MAX_QUEUED = 256
"""Packets that may wait; what comes then is dropped and counted."""


class RpcOutbox:
    """A queue of packets, and the task that sends them.

    Args:
        outlet: Where they go.
        stats: Where to count.
    """

    def __init__(self, outlet: StreamOutlet, stats: DataStats) -> None:
        self._outlet = outlet
        self._stats = stats
        self._queue: deque[proto.DataPacket] = deque()
        self._lot = trio.lowlevel.ParkingLot()

    def put(self, packet: proto.DataPacket) -> None:
        """Queue a packet."""
        if len(self._queue) >= MAX_QUEUED:
            self._stats.rpc_dropped += 1
            return
        self._queue.append(packet)
        self._lot.unpark()

    def clear(self) -> None:
        """What waits is of no use any more."""
        self._queue.clear()

    async def run(self) -> None:
        """Send what is queued until cancelled, or until the room has ended."""
        await trio.lowlevel.checkpoint()
        try:
            while True:
                await self._send_next()
        except RoomClosed:
            return

    async def _send_next(self) -> None:
        while not self._queue:
            await self._lot.park()
        try:
            await self._outlet.send_packet(self._queue.popleft())
        except PublishError as error:
            self._stats.rpc_dropped += 1
            _log.info("a call was not answered: %s", error)
        await trio.lowlevel.checkpoint()

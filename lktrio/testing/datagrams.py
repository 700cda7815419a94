"""UDP sockets of simulated hosts.

Theory of operation: whoever sends puts the datagram into the receiver's socket, together with the
time at which it arrives. The socket is readable from that time on; until then it only knows when
to wake its reader. So there is no task that delivers, and waiting costs what sleeping costs.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import trio

from lktrio.rtc.base import Address
from lktrio.testing.waiting import Alarm

__all__ = ["SimulatedUdpSocket", "SimulatedUdpStatistics"]

_DRAIN_LIMIT = 64  # datagrams per turn, as the real socket has it
_BUFFER = 2 * 1024 * 1024  # bytes that wait to be read, as the real socket asks for


@dataclass(slots=True)
class SimulatedUdpStatistics:
    """Counters of one socket."""

    received: int = 0
    """Datagrams read."""
    sent: int = 0
    """Datagrams sent."""
    overflowed: int = 0
    """Datagrams that found the buffer full."""


class SimulatedUdpSocket:
    """A bound UDP socket; see ``lktrio.net.DatagramSocket``. Sending never blocks.

    Args:
        address: Its local address.
        transmit: Puts a datagram of this socket on its way.
        closed: Called once when it is closed.
    """

    def __init__(
        self,
        address: Address,
        transmit: Callable[[SimulatedUdpSocket, Address, bytes], None],
        closed: Callable[[SimulatedUdpSocket], None],
    ) -> None:
        self._address = address
        self._transmit = transmit
        self._on_close = closed
        self._arriving: list[tuple[float, int, bytes, Address]] = []
        self._count = 0
        self._bytes = 0
        self._alarm = Alarm()
        self._closed = False
        self.statistics = SimulatedUdpStatistics()

    @property
    def address(self) -> Address:
        """The local address."""
        return self._address

    def arrive(self, when: float, data: bytes, source: Address) -> None:
        """Let a datagram arrive at a time, unless the buffer is full."""
        if self._bytes + len(data) > _BUFFER:
            self.statistics.overflowed += 1
            return
        self._count += 1
        self._bytes += len(data)
        heapq.heappush(self._arriving, (when, self._count, data, source))
        self._alarm.move(when)

    async def wait_readable(self) -> None:
        """Wait until a datagram can be read.

        Raises:
            trio.ClosedResourceError: The socket was closed.
        """
        if self._closed or self._next_arrival <= trio.current_time():
            await trio.lowlevel.checkpoint()
        else:
            await self._alarm.wait_until(self._next_arrival)
        while not self._closed and self._next_arrival > trio.current_time():
            await self._alarm.wait_until(self._next_arrival)
        if self._closed:
            raise trio.ClosedResourceError("this UDP socket was closed")

    @property
    def _next_arrival(self) -> float:
        return self._arriving[0][0] if self._arriving else math.inf

    async def wait_writable(self) -> None:
        """Return after a checkpoint: a simulated socket takes everything.

        Raises:
            trio.ClosedResourceError: The socket was closed.
        """
        await trio.lowlevel.checkpoint()
        if self._closed:
            raise trio.ClosedResourceError("this UDP socket was closed")

    def drain(self) -> list[tuple[bytes, Address]]:
        """Take what has arrived, at most 64 datagrams."""
        now = trio.current_time()
        batch: list[tuple[bytes, Address]] = []
        arriving = self._arriving
        while arriving and arriving[0][0] <= now and len(batch) < _DRAIN_LIMIT:
            _, _, data, source = heapq.heappop(arriving)
            self._bytes -= len(data)
            batch.append((data, source))
        self.statistics.received += len(batch)
        return batch

    def send(self, address: Address, datagrams: Sequence[bytes]) -> int:
        """Put datagrams on their way; all of them are dealt with."""
        if self._closed:
            return len(datagrams)
        self.statistics.sent += len(datagrams)
        for data in datagrams:
            self._transmit(self, address, bytes(data))
        return len(datagrams)

    @property
    def counters(self) -> Mapping[str, int]:
        """Datagrams that found the buffer full."""
        return {"overflowed": self.statistics.overflowed}

    def close(self) -> None:
        """Close the socket; a task that waits gets ``trio.ClosedResourceError``. Idempotent."""
        if not self._closed:
            self._closed = True
            self._arriving.clear()
            self._alarm.ring()
            self._on_close(self)

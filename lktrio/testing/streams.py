"""TCP between simulated hosts.

Theory of operation: a connection is two `_Flow` objects, one for each direction: the bytes on
their way in segments that each have a time of arrival, in order. A lost segment arrives later, by
the time that a sender takes to find out (RFC 6298: it waits for its timeout, and twice as long
each time after), and what was sent after it waits with it. While nothing gets through at all,
segments have no time of arrival; the network tells when to try again. A sender that is not heard
for fifteen minutes gives up, as Linux does.

What the receiver has not read fills the window, and the sender waits for room in it. Closing ends
the stream in order, or resets the connection if something was not read; whoever sends to a closed
end is told so a round trip later.
"""

from __future__ import annotations

import heapq
import math
import operator
from collections import deque
from collections.abc import Callable
from typing import Protocol

import trio

from lktrio.net.network import TcpListener, TcpStream
from lktrio.rtc.base import Address
from lktrio.testing.waiting import Alarm

__all__ = ["Path", "SimulatedTcpListener", "SimulatedTcpStream", "connected_pair"]

_WINDOW = 256 * 1024  # bytes that may be on their way or unread
_READ = 64 * 1024  # bytes of one read, if nobody says how many
_GIVE_UP = 900.0  # seconds without an acknowledgement (Linux' tcp_retries2)
_SHORTEST_TIMEOUT = 0.2  # seconds, as Linux has it
_LONGEST_TIMEOUT = 60.0  # seconds between two tries (RFC 6298 section 2.4 allows that)
_BACKLOG = 128  # connections that wait to be accepted


class Path(Protocol):
    """One direction between the two ends of a connection, as the network sees it."""

    def carry(self, size: int, *, again: bool = False) -> float | None:
        """Send a segment, perhaps again after a timeout: when it arrives, or None if it is lost."""
        ...

    @property
    def blocked(self) -> bool:
        """Whether nothing gets through."""
        ...

    @property
    def round_trip(self) -> float:
        """Seconds that a segment and its acknowledgement take, as a rule."""
        ...

    @property
    def longest(self) -> int:
        """Bytes of the longest segment."""
        ...


class _Flow:
    """The bytes of one direction, and the end of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.arrived = Alarm()
        self.room = Alarm()
        self.unread = 0
        self.ended = False
        self._segments: deque[tuple[float, bytes]] = deque()  # b"" is the end
        self._stalled: deque[bytes] = deque()
        self._stalled_since = math.inf
        self._last = -math.inf

    @property
    def next_arrival(self) -> float:
        """When there is something to read."""
        return self._segments[0][0] if self._segments else math.inf

    @property
    def gives_up(self) -> float:
        """When the sender takes the connection for dead."""
        return self._stalled_since + _GIVE_UP

    @property
    def free(self) -> int:
        """Bytes that may be sent now."""
        return _WINDOW - self.unread

    @property
    def _timeout(self) -> float:
        """Seconds after which a segment that was not acknowledged is sent again."""
        return max(_SHORTEST_TIMEOUT, 2 * self.path.round_trip)

    def send(self, data: bytes) -> None:
        """Put a segment on its way."""
        self.unread += len(data)
        if self._stalled or not self._schedule(data, trio.current_time()):
            self._stall(data)

    def end(self) -> None:
        """Put the end of the stream on its way. Idempotent."""
        if not self.ended:
            self.ended = True
            self.send(b"")

    def _stall(self, data: bytes) -> None:
        if not self._stalled:
            self._stalled_since = trio.current_time()
        self._stalled.append(data)

    def _schedule(self, data: bytes, sent: float) -> bool:
        """Find out when a segment arrives; whether it ever does."""
        if self.path.blocked:
            return False
        now = trio.current_time()
        waited, timeout = max(0.0, sent - now), self._timeout
        arrival = self.path.carry(len(data))
        while arrival is None:
            waited += timeout
            timeout = min(2 * timeout, _LONGEST_TIMEOUT)
            if waited > _GIVE_UP:
                return False
            arrival = self.path.carry(len(data), again=True)
        self._last = max(self._last, arrival + waited)
        self._segments.append((self._last, data))
        self.arrived.move(self._last)
        return True

    def retry(self) -> None:
        """Something may get through again: send what stalled, at the sender's next try."""
        if not self._stalled or self.path.blocked:
            return
        timeout, again = self._timeout, self._stalled_since
        while again < trio.current_time():
            again += timeout
            timeout = min(2 * timeout, _LONGEST_TIMEOUT)
        while self._stalled and self._schedule(self._stalled[0], again):
            self._stalled.popleft()
        self._stalled_since = trio.current_time() if self._stalled else math.inf

    def take(self, limit: int) -> bytes | None:
        """What has arrived; empty at the end of the stream, None if there is nothing yet."""
        now = trio.current_time()
        parts: list[bytes] = []
        while limit > 0 and self.next_arrival <= now and self._segments[0][1]:
            arrival, data = self._segments.popleft()
            parts.append(data[:limit])
            if len(data) > limit:
                self._segments.appendleft((arrival, data[limit:]))
            limit -= len(parts[-1])
        if not parts:
            return b"" if self.next_arrival <= now else None
        taken = b"".join(parts)
        self.unread -= len(taken)
        self.room.ring()
        return taken

    def drop(self) -> None:
        """Nobody reads any more."""
        self._segments.clear()
        self._stalled.clear()
        self._stalled_since = math.inf
        self.unread = 0
        self.arrived.ring()
        self.room.ring()


class _Exclusive:
    """Refuses a second task at the same end of a stream."""

    def __init__(self) -> None:
        self._held = False

    def __enter__(self) -> None:
        if self._held:
            raise trio.BusyResourceError("another task is using this stream")
        self._held = True

    def __exit__(self, *exception: object) -> None:
        self._held = False


class SimulatedTcpStream(TcpStream):
    """One end of a connection; hosts and their listeners make them."""

    def __init__(
        self,
        remote: Address,
        incoming: _Flow,
        outgoing: _Flow,
        forget: Callable[[SimulatedTcpStream], None],
    ) -> None:
        self._remote_address = remote
        self._incoming = incoming
        self._outgoing = outgoing
        self._forget = forget
        self._closed = False
        self._reset_at = math.inf
        self._sending = _Exclusive()
        self._receiving = _Exclusive()
        self.peer = self
        """The other end."""

    @property
    def remote_address(self) -> Address:
        """Where the other side is, as seen from here."""
        return self._remote_address

    @property
    def closed(self) -> bool:
        """Whether this end was closed."""
        return self._closed

    def reset(self, when: float) -> None:
        """Let this end learn at a time that the connection was reset."""
        self._reset_at = min(self._reset_at, when)
        self._incoming.arrived.move(self._reset_at)
        self._outgoing.room.move(self._reset_at)

    def retry(self) -> None:
        """Something may get through again."""
        self._outgoing.retry()
        self._notice_closed_peer()

    @property
    def _dies(self) -> float:
        """When this end takes the connection for dead, as things are."""
        return min(self._reset_at, self._outgoing.gives_up)

    def _check(self) -> None:
        if self._closed:
            raise trio.ClosedResourceError("this stream was closed")
        if trio.current_time() >= self._dies:
            raise trio.BrokenResourceError("the connection was reset")

    def _notice_closed_peer(self) -> None:
        path = self._outgoing.path
        if self.peer.closed and not path.blocked:
            self.reset(trio.current_time() + path.round_trip)

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Take what has arrived, or wait for it; empty at the end."""
        limit = _READ if max_bytes is None else operator.index(max_bytes)
        if limit < 1:
            raise ValueError("max_bytes must be at least 1")
        with self._receiving:
            await trio.lowlevel.checkpoint()
            while True:
                if self._closed:
                    self._check()
                data = self._incoming.take(limit)
                if data is not None:
                    return data
                self._check()
                deadline = min(self._incoming.next_arrival, self._dies)
                await self._incoming.arrived.wait_until(deadline)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send; waits while the window is full."""
        with self._sending:
            await trio.lowlevel.checkpoint()
            rest = memoryview(data)
            while self._may_send() and rest:
                if self._outgoing.free <= 0:
                    await self._outgoing.room.wait_until(self._dies)
                    continue
                segment = bytes(rest[: min(self._outgoing.path.longest, self._outgoing.free)])
                rest = rest[len(segment) :]
                self._outgoing.send(segment)
                self._notice_closed_peer()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait for room in the window."""
        with self._sending:
            await trio.lowlevel.checkpoint()
            self._check()
            while self._outgoing.free <= 0:
                await self._outgoing.room.wait_until(self._dies)
                self._check()

    def _may_send(self) -> bool:
        self._check()
        if self._outgoing.ended:
            raise trio.ClosedResourceError("the end of this stream was sent")
        return True

    async def send_eof(self) -> None:
        """End what is sent; receiving goes on. Idempotent."""
        with self._sending:
            await trio.lowlevel.checkpoint()
            self._check()
            self._outgoing.end()

    def close(self) -> None:
        """Close at once. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._incoming.unread and not self._outgoing.path.blocked:
            self.peer.reset(trio.current_time() + self._outgoing.path.round_trip / 2)
        else:
            self._outgoing.end()
        self._incoming.drop()
        self._outgoing.room.ring()
        if self.peer.closed:
            self._forget(self)
            self._forget(self.peer)

    async def aclose(self) -> None:
        """Close at once, even if cancelled."""
        self.close()
        await trio.lowlevel.checkpoint()


def connected_pair(
    client: Address,
    server: Address,
    there: Path,
    back: Path,
    forget: Callable[[SimulatedTcpStream], None],
) -> tuple[SimulatedTcpStream, SimulatedTcpStream]:
    """Both ends of a connection.

    Args:
        client: Where the client is, as the server sees it.
        server: Where the server is, as the client sees it.
        there: The path from the client to the server.
        back: The path from the server to the client.
        forget: Called for each end when both are closed.
    """
    upward, downward = _Flow(there), _Flow(back)
    first = SimulatedTcpStream(server, downward, upward, forget)
    second = SimulatedTcpStream(client, upward, downward, forget)
    first.peer, second.peer = second, first
    return first, second


class SimulatedTcpListener(TcpListener):
    """A listening socket; hosts make it.

    Args:
        address: Its local address.
        closed: Called once when it is closed.
    """

    def __init__(self, address: Address, closed: Callable[[SimulatedTcpListener], None]) -> None:
        self._address = address
        self._on_close = closed
        self._arriving: list[tuple[float, int, SimulatedTcpStream]] = []
        self._count = 0
        self._alarm = Alarm()
        self._accepting = _Exclusive()
        self._closed = False

    @property
    def address(self) -> Address:
        """The local address."""
        return self._address

    def arrive(self, when: float, stream: SimulatedTcpStream) -> bool:
        """Let a connection arrive at a time; whether it finds a place among those that wait."""
        if len(self._arriving) >= _BACKLOG:
            return False
        self._count += 1
        heapq.heappush(self._arriving, (when, self._count, stream))
        self._alarm.move(when)
        return True

    async def accept(self) -> TcpStream:
        """Wait for the next connection."""
        with self._accepting:
            await trio.lowlevel.checkpoint()
            while not self._closed:
                when = self._arriving[0][0] if self._arriving else math.inf
                if when <= trio.current_time():
                    return heapq.heappop(self._arriving)[2]
                await self._alarm.wait_until(when)
        raise trio.ClosedResourceError("this listener was closed")

    def close(self) -> None:
        """Stop listening; connections that nobody accepted are reset. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._alarm.ring()
        self._on_close(self)
        for _, _, stream in self._arriving:
            stream.close()
        self._arriving.clear()

    async def aclose(self) -> None:
        """Stop listening."""
        self.close()
        await trio.lowlevel.checkpoint()

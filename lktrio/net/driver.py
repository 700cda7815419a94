"""The driver: the tasks that connect one ``rtc.Peer`` to the network and the clock.

Theory of operation: all protocol work happens synchronously inside the peer. The driver has one
reader task per socket (wait until readable, drain, feed the whole batch, flush once), one timer
task that sleeps until the peer's next deadline, and one writer task per socket that sleeps except
while the kernel's send buffer is full. Whatever woke it, the driver then *pumps*: it hands the
peer's events to its owner, sends the peer's output, and re-arms the timer, without an ``await`` in
between, so every task sees the peer in a settled state. Calls from other tasks mutate the peer
and then call ``flush``; they never wait for the network.

No cancel scope, queue or task exists per packet: entering a scope costs more than handling a
packet does.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Sequence

import trio

from lktrio.net.network import DatagramSocket, Network
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.rtc.base import Address, Transmit
from lktrio.rtc.peer import Peer, PeerEvent

__all__ = ["PeerDriver"]

_BACKLOG_LIMIT = 1024  # datagrams kept per socket while the kernel is full; then they are dropped

logger = logging.getLogger("lktrio.net")


class _Outlet:
    """One socket with the datagrams that the kernel has not taken yet."""

    def __init__(self, sock: DatagramSocket) -> None:
        self.socket = sock
        self.dropped = 0
        self._backlog: deque[tuple[Address, bytes]] = deque()
        self._blocked = trio.Event()

    def send(self, address: Address, datagrams: list[bytes]) -> None:
        if not self._backlog:
            done = self.socket.send(address, datagrams)
            if done == len(datagrams):
                return
            datagrams = datagrams[done:]
        room = _BACKLOG_LIMIT - len(self._backlog)
        self.dropped += max(0, len(datagrams) - room)
        self._backlog.extend((address, data) for data in datagrams[:room])
        self._blocked.set()

    async def write_backlog(self) -> None:
        while True:
            await self._blocked.wait()
            await self.socket.wait_writable()
            while self._backlog:
                address, data = self._backlog[0]
                if self.socket.send(address, (data,)) == 0:
                    break
                self._backlog.popleft()
            else:
                self._blocked = trio.Event()


class PeerDriver:
    """Runs one peer on UDP sockets.

    Args:
        peer: The peer; from now on only the driver feeds it.
        handle_event: Called synchronously for every event of the peer. It may call the peer and
            ``flush``; it must not block. What it raises ends ``run``.
        addresses: Numeric local addresses to open a socket on, one each. Addresses that cannot be
            bound are left out and logged.
        network: Where to open them.

    The sockets are open from construction to the end of ``run``, or until ``close``.
    """

    def __init__(
        self,
        peer: Peer,
        handle_event: Callable[[PeerEvent], None],
        addresses: Sequence[str],
        network: Network = SYSTEM_NETWORK,
    ) -> None:
        self.peer = peer
        self._network = network
        self._handle_event = handle_event
        self._outlets: list[_Outlet] = []
        self._pumping = False
        self._timer_scope = trio.CancelScope()
        self._running = trio.CancelScope()
        try:
            self._open_sockets(addresses)
        except BaseException:
            self._close_sockets()
            raise

    def _open_sockets(self, addresses: Sequence[str]) -> None:
        now = trio.current_time()
        for host in addresses:
            try:
                sock = self._network.open_udp(host)
            except OSError as error:
                logger.debug("no socket on %s: %s", host, error)
                continue
            self._outlets.append(_Outlet(sock))
            self.peer.add_host_candidate(sock.address, len(self._outlets) - 1, now)

    @property
    def local_addresses(self) -> list[Address]:
        """The addresses of the open sockets; the index in this list is the path number."""
        return [outlet.socket.address for outlet in self._outlets]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the peer until cancelled or closed, then end the connections and close the sockets.

        On the way out the peer's farewells (RTCP BYE, SCTP, DTLS close_notify) are sent with
        non-blocking calls, so cancellation needs no shield.
        """
        try:
            with self._running:
                async with trio.open_nursery() as nursery:
                    for outlet in self._outlets:
                        name = f"lktrio.net {outlet.socket.address}"
                        nursery.start_soon(self._read, outlet, name=f"{name} reader")
                        nursery.start_soon(outlet.write_backlog, name=f"{name} writer")
                    nursery.start_soon(self._run_timer, name="lktrio.net timer")
                    self.flush()
                    task_status.started()
        finally:
            self.close()

    async def _read(self, outlet: _Outlet) -> None:
        path = self._outlets.index(outlet)
        sock = outlet.socket
        while True:
            await sock.wait_readable()
            batch = sock.drain()
            if batch:
                now = trio.current_time()
                self.peer.receive(batch, path, now)
                self._pump(now)

    async def _run_timer(self) -> None:
        while True:
            with trio.CancelScope(deadline=self.peer.next_timer()) as self._timer_scope:
                await trio.sleep_forever()
            now = trio.current_time()
            self.peer.handle_timer(now)
            self._pump(now)

    def flush(self) -> None:
        """Bring what was asked of the peer onto the wire. Never blocks."""
        self._pump(trio.current_time())

    def _pump(self, now: float) -> None:
        if self._pumping:  # an event handler called flush: the loop below goes on anyway
            return
        self._pumping = True
        try:
            self.peer.flush(now)
            while self.peer.events:
                events, self.peer.events = self.peer.events, deque()
                for event in events:
                    self._handle_event(event)
                self.peer.flush(now)
        finally:
            self._pumping = False
            self._transmit()
        self._arm()

    def _arm(self) -> None:
        # A deadline that moved later is found out on waking; only an earlier one needs action.
        deadline = self.peer.next_timer()
        if deadline < self._timer_scope.deadline:
            self._timer_scope.deadline = deadline

    def _transmit(self) -> None:
        out, self.peer.out = self.peer.out, []
        start = 0
        while start < len(out):
            end = _same_destination(out, start)
            path, address, _ = out[start]
            if path < len(self._outlets):
                self._outlets[path].send(address, [item[2] for item in out[start:end]])
            start = end

    def close(self) -> None:
        """Send the peer's farewells without blocking, close the sockets, and end ``run``.

        Idempotent.
        """
        self._running.cancel()  # before the sockets go, so that nobody waits on a closed one
        if self._outlets:
            self.peer.close(trio.current_time())
            self._transmit()
            self._close_sockets()
            self._timer_scope.deadline = math.inf

    def _close_sockets(self) -> None:
        for outlet in self._outlets:
            outlet.socket.close()
        self._outlets = []


def _same_destination(out: list[Transmit], start: int) -> int:
    path, address, _ = out[start]
    end = start + 1
    while end < len(out) and out[end][0] == path and out[end][1] == address:
        end += 1
    return end

"""The driver: the tasks that connect one ``rtc.Peer`` to the network and the clock.

Theory of operation: all protocol work happens synchronously inside the peer. The driver has one
reader task per socket (wait until readable, drain, feed the whole batch, flush once), one timer
task that sleeps until the peer's next deadline, and one writer task per socket that sleeps except
while the kernel's send buffer is full. Sockets come and go with the addresses of the machine; each
has a number, its path, that is not used again. Whatever woke it, the driver then *pumps*: it hands
the peer's events to its owner, sends the peer's output, and re-arms the timer, without an ``await``
in between, so every task sees the peer in a settled state. Calls from other tasks mutate the peer
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
_STOOD_STILL = 0.5  # seconds by which the timer is late: stopped, asleep, or swapped out
_BATCHES_AFTER_A_STALL = 32  # of each socket; the rest is read as usual

logger = logging.getLogger("lktrio.net")


class _Outlet:
    """One socket with the datagrams that the kernel has not taken yet."""

    def __init__(self, sock: DatagramSocket) -> None:
        self.socket = sock
        self.dropped = 0
        self.serving = trio.CancelScope()
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

    def close(self) -> None:
        self.serving.cancel()  # before the socket goes, so that nobody waits on a closed one
        self.socket.close()


class PeerDriver:
    """Runs one peer on UDP sockets.

    Args:
        peer: The peer; from now on only the driver feeds it.
        handle_event: Called synchronously for every event of the peer. It may call the peer and
            ``flush``; it must not block. What it raises ends ``run``.
        addresses: Numeric local addresses to open a socket on, one each. Addresses that cannot be
            bound are left out and logged.
        network: Where to open them.

    The sockets are open from construction to the end of ``run``, until ``close``, or until their
    address is not among those of ``set_addresses`` any more.
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
        self._outlets: dict[int, _Outlet] = {}
        self._next_path = 0
        self._nursery: trio.Nursery | None = None
        self._closed = False
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
            path, outlet = self._next_path, _Outlet(sock)
            self._next_path += 1
            self._outlets[path] = outlet
            self.peer.add_host_candidate(sock.address, path, now)
            if self._nursery is not None:
                self._start(path, outlet, self._nursery)

    @property
    def local_addresses(self) -> list[Address]:
        """The addresses of the open sockets."""
        return [outlet.socket.address for outlet in self._outlets.values()]

    def set_addresses(self, addresses: Sequence[str]) -> bool:
        """Follow the machine to other addresses: open sockets on new ones, close those of old ones.

        The peer checks the new paths with the candidates that it knows; an ICE restart afterwards
        tells the other side of them too. What is sent meanwhile takes a path that is left, if any.
        Never blocks. Does nothing once the driver is closed.

        Args:
            addresses: All numeric addresses to have a socket on. Those that cannot be bound are
                left out and logged.

        Returns:
            Whether a socket was opened or closed.
        """
        if self._closed:
            return False
        before = dict(self._outlets)
        known = {outlet.socket.address[0] for outlet in before.values()}
        self._open_sockets([host for host in dict.fromkeys(addresses) if host not in known])
        now = trio.current_time()
        for path, outlet in before.items():
            if outlet.socket.address[0] not in addresses:
                self.peer.remove_host_candidate(path, now)
                outlet.close()
                del self._outlets[path]
        self.flush()
        return self._outlets.keys() != before.keys()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve the peer until cancelled or closed, then end the connections and close the sockets.

        On the way out the peer's farewells (RTCP BYE, SCTP, DTLS close_notify) are sent with
        non-blocking calls, so cancellation needs no shield.
        """
        try:
            with self._running:
                async with trio.open_nursery() as nursery:
                    self._nursery = nursery
                    for path, outlet in self._outlets.items():
                        self._start(path, outlet, nursery)
                    nursery.start_soon(self._run_timer, name="lktrio.net timer")
                    self.flush()
                    task_status.started()
        finally:
            self._nursery = None
            self.close()

    def _start(self, path: int, outlet: _Outlet, nursery: trio.Nursery) -> None:
        nursery.start_soon(
            self._serve, path, outlet, name=f"lktrio.net {outlet.socket.address} reader"
        )

    async def _serve(self, path: int, outlet: _Outlet) -> None:
        with outlet.serving:
            async with trio.open_nursery() as nursery:
                name = f"lktrio.net {outlet.socket.address} writer"
                nursery.start_soon(outlet.write_backlog, name=name)
                await self._read(path, outlet.socket)

    async def _read(self, path: int, sock: DatagramSocket) -> None:
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
            if now > self._timer_scope.deadline + _STOOD_STILL:
                self._read_everything(now)
            self.peer.handle_timer(now)
            self._pump(now)

    def _read_everything(self, now: float) -> None:
        """The process stood still: what came meanwhile tells that the peer is there."""
        for path, outlet in self._outlets.items():
            for _ in range(_BATCHES_AFTER_A_STALL):
                batch = outlet.socket.drain()
                if not batch:
                    break
                self.peer.receive(batch, path, now)

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
        out = self.peer.out
        if not out:
            return
        self.peer.out = []
        start = 0
        while start < len(out):
            end = _same_destination(out, start)
            path, address, _ = out[start]
            outlet = self._outlets.get(path)
            if outlet is not None:
                outlet.send(address, [item[2] for item in out[start:end]])
            start = end

    def close(self) -> None:
        """Send the peer's farewells without blocking, close the sockets, and end ``run``.

        Idempotent.
        """
        self._running.cancel()
        if not self._closed:
            self._closed = True
            self.peer.close(trio.current_time())
            self._transmit()
            self._close_sockets()
            self._timer_scope.deadline = math.inf

    def _close_sockets(self) -> None:
        for outlet in self._outlets.values():
            outlet.close()
        self._outlets = {}


def _same_destination(out: list[Transmit], start: int) -> int:
    path, address, _ = out[start]
    end = start + 1
    while end < len(out) and out[end][0] == path and out[end][1] == address:
        end += 1
    return end

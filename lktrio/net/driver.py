"""The driver: the tasks that connect one ``rtc.Peer`` to the network and the clock.

Theory of operation: all protocol work happens synchronously inside the peer. The driver has one
reader task per socket (wait until readable, drain, feed the whole batch, flush once), one timer
task that sleeps until the peer's next deadline, and one writer task per socket that sleeps except
while the kernel's send buffer is full. Sockets come and go with the addresses of the machine; each
has a number, its path, that is not used again. Where TCP is allowed, the peer asks for streams,
which have tasks of their own (see ``stream_paths``). Whatever woke it, the driver then *pumps*: it
hands the peer's events to its owner, sends the peer's output, and re-arms the timer, without an
``await`` in between, so every task sees the peer in a settled state. Calls from other tasks mutate
the peer and then call ``flush``; they never wait for the network. When such calls come in a row,
each would be a packet and a system call of its own; so ``flush_coalesced`` flushes for the first,
and wakes a task that flushes for those that follow: after some passes of the scheduler, or as soon
as no more come.

No cancel scope, queue or task exists per packet: entering a scope costs more than handling a
packet does.
"""

from __future__ import annotations

import errno
import functools
import logging
import math
import ssl
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Protocol

import trio

from lktrio.net.ice_policy import IcePolicy
from lktrio.net.network import DatagramSocket, Network
from lktrio.net.proxy import Dialer, MediaDialer
from lktrio.net.stream_paths import StreamPath, open_stream
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.rtc.base import Address, Transmit
from lktrio.rtc.paths import OpenStream
from lktrio.rtc.peer import Peer, PeerEvent

__all__ = ["PacketTap", "PeerDriver"]

_ANY_WAY = IcePolicy()
_BACKLOG_LIMIT = 1024  # datagrams kept per socket while the kernel is full; then they are dropped
_PASSES = 16  # of the scheduler, for which a flush waits while more is asked in each
_QUIET_PASSES = 2  # that show that no more is asked; in one, we may come before who asks
_LONGEST_ROW = 0.01  # seconds by which these are over, however slow they are
_STOOD_STILL = 0.5  # seconds by which the timer is late: stopped, asleep, or swapped out
_BATCHES_AFTER_A_STALL = 32  # of each socket; the rest is read as usual

logger = logging.getLogger("lktrio.net")


class PacketTap(Protocol):
    """What is told of every datagram that comes or goes."""

    def note(
        self, batch: Sequence[tuple[bytes, Address]], *, sent: bool, local: Address | int
    ) -> None:
        """Datagrams came or went together. Must not block.

        Args:
            batch: Each with the address of the other side.
            sent: Whether they went.
            local: The address of our socket; for a stream, the number of its path.
        """
        ...


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

    @property
    def counters(self) -> dict[str, int]:
        lost = {f"udp.{name}": count for name, count in self.socket.counters.items()}
        return lost | {"udp.dropped": self.dropped}

    def close(self) -> None:
        self.serving.cancel()  # before the socket goes, so that nobody waits on a closed one
        self.socket.close()


class PeerDriver:
    """Runs one peer on UDP sockets, and on TCP connections that it asks for.

    Args:
        peer: The peer; from now on only the driver feeds it.
        handle_event: Called synchronously for every event of the peer. It may call the peer and
            ``flush``; it must not block. What it raises ends ``run``.
        addresses: Numeric local addresses to open a socket on, one each. Addresses that cannot be
            bound are left out and logged.
        network: Where to open them.
        policy: Which ways to the peer may be taken.
        ssl_context: For TURN servers over TLS; None trusts what the system trusts.
        dialer: Opens streams, perhaps through a proxy; None for the network's own.
        listening: Where somebody listens for TCP and hands connections to `serve_stream`.
        tap: Told of every datagram; None for nobody.

    The sockets are open from construction to the end of ``run``, until ``close``, or until their
    address is not among those of ``set_addresses`` any more.
    """

    def __init__(
        self,
        peer: Peer,
        handle_event: Callable[[PeerEvent], None],
        addresses: Sequence[str],
        network: Network = SYSTEM_NETWORK,
        policy: IcePolicy = _ANY_WAY,
        listening: Sequence[Address] = (),
        ssl_context: ssl.SSLContext | None = None,
        dialer: MediaDialer | None = None,
        tap: PacketTap | None = None,
    ) -> None:
        self.peer = peer
        self.dialer = dialer or MediaDialer(Dialer(network, proxy=""))
        self._tap = tap
        self._policy = policy
        self._ssl_context = ssl_context
        self._network = network
        self._handle_event = handle_event
        self._outlets: dict[int, _Outlet] = {}
        self._streams: dict[tuple[int, Address], StreamPath] = {}
        self._dialling_from: dict[str, int] = {}
        self._listening: dict[Address, int] = {}
        self._next_path = 0
        self._past: Counter[str] = Counter()  # of what is closed
        self._nursery: trio.Nursery | None = None
        self._closed = False
        self._pumping = False
        self._asked = 0
        self._answered = 0
        self._flusher = trio.lowlevel.ParkingLot()
        self._timer_scope = trio.CancelScope()
        self._running = trio.CancelScope()
        try:
            self._open_sockets(addresses)
            self._allow_dialling(addresses)
            for address in listening:
                path = self._listening[address] = self._new_path()
                peer.add_stream_candidate(*address, path, trio.current_time())
        except BaseException:
            self._close_sockets()
            raise

    def _new_path(self) -> int:
        path, self._next_path = self._next_path, self._next_path + 1
        return path

    def _open_sockets(self, addresses: Sequence[str]) -> None:
        now = trio.current_time()
        for host in self._policy.select(addresses) if self._policy.udp else ():
            try:
                sock = self._open_udp(host)
            except OSError as error:
                logger.debug("no socket on %s: %s", host, error)
                continue
            path, outlet = self._new_path(), _Outlet(sock)
            self._outlets[path] = outlet
            self.peer.add_host_candidate(sock.address, path, now)
            if self._nursery is not None:
                self._start(path, outlet, self._nursery)

    def _open_udp(self, host: str) -> DatagramSocket:
        """Open a socket on the first port that is allowed and free."""
        failure = OSError(errno.EADDRINUSE, "no port of those that are allowed is free")
        for port in self._policy.udp_ports or (0,):
            try:
                return self._network.open_udp(host, port)
            except OSError as error:
                failure = error
                if error.errno != errno.EADDRINUSE:
                    break
        raise failure

    def _allow_dialling(self, addresses: Sequence[str]) -> bool:
        """Offer TCP from the first address of each family; whether that is another one now."""
        if not self._policy.tcp:
            return False
        now = trio.current_time()
        allowed = self._policy.select(addresses)
        best = {":" in host: host for host in reversed(allowed)}.values()
        gone = self._dialling_from.keys() - best
        for host in gone:
            self.peer.remove_host_candidate(self._dialling_from.pop(host), now)
        new = [host for host in best if host not in self._dialling_from]
        for host in new:
            path = self._dialling_from[host] = self._new_path()
            self.peer.add_stream_candidate(host, None, path, now)
        return bool(gone or new)

    @property
    def local_addresses(self) -> list[Address]:
        """The addresses of the open sockets."""
        return [outlet.socket.address for outlet in self._outlets.values()]

    @property
    def counters(self) -> dict[str, int]:
        """Datagrams that were not sent or received, by cause, such as ``"udp.send_errors"``."""
        total = Counter(self._past)
        for outlet in self._outlets.values():
            total.update(outlet.counters)
        total["tcp.dropped"] += sum(stream.dropped for stream in self._streams.values())
        return dict(total)

    def set_addresses(self, addresses: Sequence[str]) -> bool:
        """Follow the machine to other addresses: open sockets on new ones, close those of old ones.

        The peer checks the new paths with the candidates that it knows; an ICE restart afterwards
        tells the other side of them too. What is sent meanwhile takes a path that is left, if any.
        Never blocks. Does nothing once the driver is closed.

        Args:
            addresses: All numeric addresses to have a socket on. Those that cannot be bound are
                left out and logged.

        Returns:
            Whether a socket was opened or closed, or TCP will come from another address.
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
                self._drop_outlet(path)
        dialling = self._allow_dialling(addresses)
        self.flush()
        return dialling or self._outlets.keys() != before.keys()

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
                    nursery.start_soon(self._run_flusher, name="lktrio.net flusher")
                    self.flush()
                    task_status.started()
        finally:
            self._nursery = None
            self.close()

    async def serve_stream(
        self, stream: trio.abc.Stream, local: Address, remote: Address, first: bytes
    ) -> None:
        """Serve a connection that was made to us, until it ends or the driver is closed.

        Args:
            stream: The connection; it is closed in any case.
            local: Where it was accepted, one of ``listening``.
            remote: Where it comes from.
            first: What was read of it already.
        """
        path = self._listening[local]
        served = StreamPath(remote, functools.partial(self._stream_received, path, remote))
        if not self._closed:
            self._streams[path, remote] = served
        else:
            served.close()
        try:
            await served.serve(stream, first)
        finally:
            if self._streams.get((path, remote)) is served:
                self._drop_stream((path, remote))

    def _stream_received(self, path: int, address: Address, datagrams: list[bytes]) -> None:
        now = trio.current_time()
        self._take([(data, address) for data in datagrams], path, now)
        self._pump(now)

    def _ask_streams(self, nursery: trio.Nursery) -> None:
        """Open and close the streams that the peer asks for."""
        requests, self.peer.streams = self.peer.streams, []
        for request in requests:
            if isinstance(request, OpenStream):
                path, address = request.path, request.address
                receive = functools.partial(self._stream_received, path, address)
                stream = self._streams[path, address] = StreamPath(
                    address, receive, request.framing
                )
                name = f"lktrio.net TCP to {request.address}"
                nursery.start_soon(self._open_stream, request, stream, name=name)
            else:
                for key in [key for key in self._streams if key[0] == request.path]:
                    self._drop_stream(key)

    async def _open_stream(self, request: OpenStream, stream: StreamPath) -> None:
        path, address = request.path, request.address
        dial = functools.partial(self.dialer.open, request, self._local_address(address))
        connect = functools.partial(open_stream, dial, request, self._ssl_context)
        try:
            await stream.open(connect, functools.partial(self._stream_opened, path))
        finally:
            now = trio.current_time()
            if self._drop_stream((path, address)):
                self.peer.stream_closed(path, now)
                self._pump(now)

    def _local_address(self, remote: Address) -> str | None:
        """Where a stream has to come from; None if the policy leaves that to the system."""
        if self._policy.addresses is None:
            return None
        same = [host for host in self._dialling_from if (":" in host) == (":" in remote[0])]
        return same[0] if same else None

    def _stream_opened(self, path: int) -> None:
        now = trio.current_time()
        self.peer.stream_opened(path, now)
        self._pump(now)

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
                self._take(batch, path, now)
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
                self._take(batch, path, now)

    def _take(self, batch: Sequence[tuple[bytes, Address]], path: int, now: float) -> None:
        self.peer.receive(batch, path, now)
        if self._tap is not None:  # afterwards, as from it may come how to decrypt it
            self._tell_tap(self._tap, batch, path, sent=False)

    def _tell_tap(
        self, tap: PacketTap, batch: Sequence[tuple[bytes, Address]], path: int, *, sent: bool
    ) -> None:
        outlet = self._outlets.get(path)
        tap.note(batch, sent=sent, local=path if outlet is None else outlet.socket.address)

    def flush(self) -> None:
        """Bring what was asked of the peer onto the wire. Never blocks."""
        self._pump(trio.current_time())

    def flush_coalesced(self) -> None:
        """Flush at once, or a moment later together with others when they come in a row.

        Never blocks.
        """
        self._asked += 1
        if self._flusher:
            self._answered = self._asked
            self.flush()
            self._flusher.unpark()

    async def _run_flusher(self) -> None:
        while True:
            await self._flusher.park()
            quiet = 0
            while quiet < _QUIET_PASSES:
                self.peer.cork(True)
                latest = trio.current_time() + _LONGEST_ROW
                for _ in range(_PASSES):
                    asked = self._asked
                    await trio.lowlevel.checkpoint()
                    quiet = quiet + 1 if asked == self._asked else 0
                    if quiet == _QUIET_PASSES or trio.current_time() > latest:
                        break
                self._flush_row()

    def _flush_row(self) -> None:
        """Flush what waited, whoever asked for it."""
        if self.peer.cork(False) or self._answered != self._asked:
            self._answered = self._asked
            self.flush()

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
            if self.peer.streams and self._nursery is not None:
                self._ask_streams(self._nursery)
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
            outlet = self._outlets.get(path) or self._streams.get((path, address))
            if outlet is not None:
                datagrams = [item[2] for item in out[start:end]]
                if self._tap is not None:
                    batch = [(data, address) for data in datagrams]
                    self._tell_tap(self._tap, batch, path, sent=True)
                outlet.send(address, datagrams)
            start = end

    def close(self) -> None:
        """Send the peer's farewells without blocking, close the sockets, and end ``run``.

        Over TCP there are no farewells: the end of the stream tells enough.

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
        for path in list(self._outlets):
            self._drop_outlet(path)
        for key in list(self._streams):
            self._drop_stream(key)

    def _drop_outlet(self, path: int) -> None:
        outlet = self._outlets.pop(path)
        self._past.update(outlet.counters)
        outlet.close()

    def _drop_stream(self, key: tuple[int, Address]) -> bool:
        """Close a stream; whether there was one."""
        stream = self._streams.pop(key, None)
        if stream is None:
            return False
        self._past["tcp.dropped"] += stream.dropped
        stream.close()
        return True


def _same_destination(out: list[Transmit], start: int) -> int:
    path, address, _ = out[start]
    end = start + 1
    while end < len(out) and out[end][0] == path and out[end][1] == address:
        end += 1
    return end

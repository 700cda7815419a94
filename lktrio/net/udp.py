"""A UDP socket that moves datagrams in batches.

Theory of operation: the cost of UDP in Python is the system call and the wake-up, not the packet.
So a socket is *drained* when it becomes readable, with non-blocking calls until the kernel has
nothing more or the batch is large enough to let other tasks run, and a list of datagrams is
*flushed* in one go. Where the kernel offers it (Linux), runs of equally long datagrams to one
address leave in one call (generic segmentation offload, ``UDP_SEGMENT``) and arrive in one call
(generic receive offload, ``UDP_GRO``). Both are probed per socket; a network card that refuses
segmentation at run time turns it off for that socket, and nothing is lost.

ICMP errors (connection refused, network unreachable) that the kernel reports on a later call
concern one remote address among many: they are counted, never raised.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import trio

from lktrio.rtc.base import Address

__all__ = ["UdpSocket", "UdpStats"]

_SOL_UDP = 17  # linux/udp.h
_UDP_SEGMENT = 103
_UDP_GRO = 104
_MAX_SEGMENTS = 64  # UDP_MAX_SEGMENTS
_MAX_GSO_BYTES = 65_507  # the largest UDP payload over IPv4
_SEGMENT_SIZE = struct.Struct("=H")
_GRO_SIZE = struct.Struct("=i")

_RECEIVE_BUFFER = 65_535  # a smaller one would truncate a batch that the kernel coalesced
_ANCILLARY_BUFFER = 64
_KERNEL_BUFFER = 2 * 1024 * 1024  # the only queue of packets that we have not looked at yet
DRAIN_LIMIT = 64  # datagrams per turn, so that one busy socket cannot starve other tasks

# Segmentation refused by the device (EIO) or the protocol (EINVAL, EOPNOTSUPP).
_GSO_REFUSED = frozenset({errno.EIO, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOPROTOOPT})


@dataclass(slots=True)
class UdpStats:
    """Counters of one socket."""

    datagrams_received: int = 0
    """Datagrams read, after splitting what the kernel coalesced."""
    datagrams_sent: int = 0
    """Datagrams handed to the kernel."""
    send_errors: int = 0
    """Datagrams that the kernel refused (unreachable, too long, not permitted)."""
    receive_errors: int = 0
    """Errors reported on reading, mostly ICMP answers to earlier sends."""


class UdpSocket:
    """A bound, non-blocking UDP socket.

    Args:
        host: Numeric IPv4 or IPv6 address of a local interface.
        port: Local port, 0 (the default) for any free one.

    Raises:
        OSError: The address is not local, or the port is taken.
    """

    def __init__(self, host: str, port: int = 0) -> None:
        self.stats = UdpStats()
        self._ipv6 = ":" in host
        family = socket.AF_INET6 if self._ipv6 else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self.socket.setblocking(False)
            self._grow_buffers()
            self.socket.bind((host, port))
        except BaseException:
            self.socket.close()
            raise
        name = self.socket.getsockname()
        self.address: Address = (name[0], name[1])
        """Local address; the port is the one that the kernel chose."""
        self._segmentation = self._probe(_UDP_SEGMENT, 0)
        self._coalescing = self._probe(_UDP_GRO, 1)

    def _grow_buffers(self) -> None:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self.socket.setsockopt(socket.SOL_SOCKET, option, _KERNEL_BUFFER)

    def _probe(self, option: int, value: int) -> bool:
        if not hasattr(self.socket, "recvmsg"):
            return False
        try:
            self.socket.setsockopt(_SOL_UDP, option, value)
        except OSError:
            return False
        return True

    def _descriptor(self) -> int:
        descriptor = self.socket.fileno()
        if descriptor == -1:
            raise trio.ClosedResourceError("this UDP socket was closed")
        return descriptor

    async def wait_readable(self) -> None:
        """Wait until a datagram can be read.

        Raises:
            trio.ClosedResourceError: The socket was closed.
        """
        if self.socket.fileno() == -1:
            await trio.lowlevel.checkpoint()  # cancelled before the closing, a task is told so
        await trio.lowlevel.wait_readable(self._descriptor())

    async def wait_writable(self) -> None:
        """Wait until the kernel takes datagrams again.

        Raises:
            trio.ClosedResourceError: The socket was closed.
        """
        if self.socket.fileno() == -1:
            await trio.lowlevel.checkpoint()  # cancelled before the closing, a task is told so
        await trio.lowlevel.wait_writable(self._descriptor())

    def drain(self) -> list[tuple[bytes, Address]]:
        """Read what has arrived, at most about ``DRAIN_LIMIT`` datagrams, without blocking."""
        batch: list[tuple[bytes, Address]] = []
        receive = self._receive_coalesced if self._coalescing else self._receive_one
        errors = 0
        while len(batch) + errors < DRAIN_LIMIT:
            try:
                receive(batch)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno == errno.EBADF:
                    break
                errors += 1  # some come again and again: a network that is gone
        self.stats.receive_errors += errors
        self.stats.datagrams_received += len(batch)
        return batch

    def _receive_one(self, batch: list[tuple[bytes, Address]]) -> None:
        data, address = self.socket.recvfrom(_RECEIVE_BUFFER)
        batch.append((data, address[:2] if self._ipv6 else address))

    def _receive_coalesced(self, batch: list[tuple[bytes, Address]]) -> None:
        data, ancillary, _, address = self.socket.recvmsg(_RECEIVE_BUFFER, _ANCILLARY_BUFFER)
        if self._ipv6:
            address = address[:2]
        for level, kind, value in ancillary:
            if level == _SOL_UDP and kind == _UDP_GRO:
                size = _GRO_SIZE.unpack_from(value)[0]
                if 0 < size < len(data):
                    batch.extend(
                        (data[start : start + size], address) for start in range(0, len(data), size)
                    )
                    return
        batch.append((data, address))

    def send(self, address: Address, datagrams: Sequence[bytes]) -> int:
        """Hand datagrams for one address to the kernel without blocking.

        Returns:
            How many were dealt with: sent, or refused and counted. Fewer than given means that
            the kernel's buffer is full; send the rest after ``wait_writable``.
        """
        done = 0
        total = len(datagrams)
        while done < total:
            many = self._segmentation and done + 1 < total
            run = self._run_length(datagrams, done) if many else 1
            try:
                if run == 1:
                    self.socket.sendto(datagrams[done], address)
                else:
                    self._send_segmented(address, datagrams[done : done + run])
            except BlockingIOError:
                break
            except OSError as error:
                if run > 1 and error.errno in _GSO_REFUSED:
                    self._segmentation = False
                    continue
                self.stats.send_errors += run
                done += run
                continue
            self.stats.datagrams_sent += run
            done += run
        return done

    def _send_segmented(self, address: Address, datagrams: Sequence[bytes]) -> None:
        size = _SEGMENT_SIZE.pack(len(datagrams[0]))
        self.socket.sendmsg((b"".join(datagrams),), ((_SOL_UDP, _UDP_SEGMENT, size),), 0, address)

    @staticmethod
    def _run_length(datagrams: Sequence[bytes], start: int) -> int:
        """Count datagrams from ``start`` that may leave in one call: equal, the last shorter."""
        size = len(datagrams[start])
        if size == 0:
            return 1
        limit = min(len(datagrams), start + _MAX_SEGMENTS, start + _MAX_GSO_BYTES // size)
        end = start + 1
        while end < limit:
            length = len(datagrams[end])
            if length != size:
                return end - start + (1 if 0 < length < size else 0)
            end += 1
        return max(1, end - start)

    @property
    def counters(self) -> Mapping[str, int]:
        """Datagrams that the kernel refused, and errors on reading."""
        stats = self.stats
        return {"send_errors": stats.send_errors, "receive_errors": stats.receive_errors}

    def close(self) -> None:
        """Close the socket; tasks waiting on it get ``trio.ClosedResourceError``. Idempotent."""
        if self.socket.fileno() != -1:
            trio.lowlevel.notify_closing(self._descriptor())
            self.socket.close()

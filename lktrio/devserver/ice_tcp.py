"""ICE over TCP for clients that cannot use UDP: one port for all peer connections.

Theory of operation: the first frame of a connection is a STUN check, whose user name begins with
the fragment that one peer connection gave to its client (RFC 8445 section 7.1.2). It tells whose
connection it is, from then on; the check is authenticated there. A connection whose first frame is
something else, or late, is closed.

Implements RFC 6544 (passive candidates only) with the framing of RFC 4571.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import trio

from lktrio.errors import RemoteProtocolError
from lktrio.net.driver import PeerDriver
from lktrio.net.network import Network, TcpListener, TcpStream
from lktrio.rtc.base import Address
from lktrio.rtc.ice.stun import Attribute, StunMessage
from lktrio.rtc.paths import FrameReader

__all__ = ["IceTcpPort", "open_ice_tcp"]

_FIRST_FRAME_SECONDS = 10.0
_MAX_FIRST = 2 + 1500  # bytes: a frame with a STUN message
_MAX_WAITING = 64  # connections that have not said whose they are


class IceTcpPort:
    """The port, with the peer connections that it leads to."""

    def __init__(self, listeners: Sequence[TcpListener]) -> None:
        self._listeners = listeners
        self._drivers: set[PeerDriver] = set()
        self._waiting = 0

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where it listens."""
        return tuple(listener.address for listener in self._listeners)

    @contextmanager
    def accepting_for(self, driver: PeerDriver) -> Generator[None, None, None]:
        """Hand connections to a peer connection for the time of the block."""
        self._drivers.add(driver)
        try:
            yield
        finally:
            self._drivers.discard(driver)

    async def listen(self) -> None:
        """Accept connections until cancelled."""
        async with trio.open_nursery() as nursery:
            for listener in self._listeners:
                nursery.start_soon(self._listen, listener)

    async def _listen(self, listener: TcpListener) -> None:
        async def serve(stream: TcpStream) -> None:
            await self._serve(stream, listener.address)

        await trio.serve_listeners(serve, [listener])

    async def _serve(self, stream: TcpStream, local: Address) -> None:
        try:
            first = await self._read_first(stream)
            driver = self._find(first)
            if driver is not None:
                await driver.serve_stream(stream, local, stream.remote_address, first)
        finally:
            await trio.aclose_forcefully(stream)

    async def _read_first(self, stream: TcpStream) -> bytes:
        """The bytes up to the end of the first frame, perhaps more; empty if it does not come."""
        data, reader = b"", FrameReader()
        if self._waiting >= _MAX_WAITING:
            await trio.lowlevel.checkpoint()
            return b""
        self._waiting += 1
        await trio.lowlevel.checkpoint()
        try:
            with trio.move_on_after(_FIRST_FRAME_SECONDS):
                while len(data) <= _MAX_FIRST:
                    more = await stream.receive_some(_MAX_FIRST)
                    data += more
                    if not more or reader.feed(bytes(more)):
                        return data
        except trio.BrokenResourceError:
            pass
        finally:
            self._waiting -= 1
        return b""

    def _find(self, first: bytes) -> PeerDriver | None:
        """Whose connection it is that begins so."""
        frames = FrameReader().feed(first)
        try:
            name = StunMessage.parse(frames[0]).get(Attribute.USERNAME) if frames else None
        except RemoteProtocolError:
            return None
        ufrag = (name or b"").partition(b":")[0]
        for driver in self._drivers:
            if driver.peer.local_ufrag.encode() == ufrag:
                return driver
        return None

    def close(self) -> None:
        """Stop listening. Idempotent."""
        for listener in self._listeners:
            listener.close()


async def open_ice_tcp(addresses: Sequence[str], network: Network) -> IceTcpPort:
    """Listen on a port of each address.

    Raises:
        OSError: One of them cannot be listened on.
    """
    listeners: list[TcpListener] = []
    try:
        for address in addresses:
            listeners += await network.listen_tcp(address)
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    await trio.lowlevel.checkpoint()
    return IceTcpPort(listeners)

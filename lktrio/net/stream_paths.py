"""Byte streams as paths for datagrams: ICE over TCP (RFC 6544), and TURN over TCP and TLS.

Theory of operation: each stream has one reader and one writer. Datagrams wait in a backlog of
bounded size, which the writer takes whole whenever the stream has room again. What comes on top is
dropped and counted, as a full UDP buffer would do; what keeps the path alive (STUN) may use as much
again. So a stream that does not drain costs media on itself alone, and nobody ever waits for it.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence

import trio

from lktrio.errors import ProxyFailed, RemoteProtocolError
from lktrio.net.system import failure_reason
from lktrio.rtc.base import Address
from lktrio.rtc.paths import MAX_FRAME, FrameReader, Framing, OpenStream, frame
from lktrio.rtc.turn.framing import TurnReader

__all__ = ["StreamPath", "open_stream"]

_BACKLOG_LIMIT = 256 * 1024  # bytes
_READ_SIZE = 64 * 1024
_CONNECT_TIMEOUT = 10.0  # seconds; by then ICE has mostly found something else
_STUN_BELOW = 4  # the first byte of a STUN message (RFC 7983)

_log = logging.getLogger("lktrio.net")


def _whole(message: bytes) -> bytes:
    """Messages of TURN tell their length by themselves."""
    return message


_CODECS: dict[Framing, tuple[Callable[[], FrameReader | TurnReader], Callable[[bytes], bytes]]] = {
    Framing.RFC4571: (FrameReader, frame),
    Framing.TURN: (TurnReader, _whole),
}


class StreamPath:
    """The stream to one address.

    Args:
        address: Where it leads.
        receive: Called synchronously with each batch of datagrams that arrived.
        framing: How datagrams are told apart.

    Attributes:
        dropped: Datagrams that were not sent, as too many waited, or they were too long.
    """

    def __init__(
        self,
        address: Address,
        receive: Callable[[list[bytes]], None],
        framing: Framing = Framing.RFC4571,
    ) -> None:
        self.dropped = 0
        self._address = address
        self._receive = receive
        self._scope = trio.CancelScope()
        reader, self._frame = _CODECS[framing]
        self._feed = reader().feed
        self._backlog = bytearray()
        self._filled = trio.Event()

    def send(self, address: Address, datagrams: Sequence[bytes]) -> None:
        """Queue datagrams, or drop them; never blocks. The address is that of the stream."""
        for data in datagrams:
            limit = _BACKLOG_LIMIT * (2 if data[0] < _STUN_BELOW else 1)
            if len(data) > MAX_FRAME or len(self._backlog) + len(data) > limit:
                self.dropped += 1
            else:
                self._backlog += self._frame(data)
        self._filled.set()

    def close(self) -> None:
        """Close the stream, or give up opening it. Idempotent."""
        self._scope.cancel()

    async def open(
        self,
        connect: Callable[[], Awaitable[trio.abc.Stream]],
        opened: Callable[[], None],
    ) -> None:
        """Connect and serve the stream until it ends, or is closed by `close`.

        Args:
            connect: Opens it; raises OSError.
            opened: Called when it is open.
        """
        with self._scope:
            stream: trio.abc.Stream | None = None
            try:
                with trio.fail_after(_CONNECT_TIMEOUT):
                    stream = await connect()
            except OSError as error:
                level = logging.INFO if isinstance(error, ProxyFailed) else logging.DEBUG
                _log.log(level, "no TCP to %s port %d: %s", *self._address, failure_reason(error))
            except trio.TooSlowError:
                _log.debug("no TCP to %s port %d in time", *self._address)
            if stream is not None:
                opened()
                await self._serve(stream)
        await trio.lowlevel.checkpoint_if_cancelled()

    async def serve(self, stream: trio.abc.Stream, first: bytes = b"") -> None:
        """Serve an open stream until it ends, or is closed by `close`; then close it.

        Args:
            stream: The stream.
            first: What was read of it before.
        """
        with self._scope:
            await self._serve(stream, first)
        await trio.lowlevel.checkpoint_if_cancelled()

    async def _serve(self, stream: trio.abc.Stream, first: bytes = b"") -> None:
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, stream, nursery.cancel_scope)
                await self._read(stream, first)
                nursery.cancel_scope.cancel()
        finally:
            await trio.aclose_forcefully(stream)
        if self.dropped:
            _log.debug("%d datagrams to %s port %d were dropped", self.dropped, *self._address)

    async def _read(self, stream: trio.abc.Stream, data: bytes) -> None:
        while True:
            try:
                datagrams = self._feed(data)
                if datagrams:
                    self._receive(datagrams)
                data = bytes(await stream.receive_some(_READ_SIZE))
            except (trio.BrokenResourceError, trio.ClosedResourceError, RemoteProtocolError):
                data = b""
                await trio.lowlevel.checkpoint()
            if not data:
                return

    async def _write(self, stream: trio.abc.Stream, serving: trio.CancelScope) -> None:
        while True:
            await self._filled.wait()
            self._filled = trio.Event()
            data, self._backlog = self._backlog, bytearray()
            try:
                await stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                serving.cancel()
                return


async def open_stream(
    connect: Callable[[], Awaitable[trio.abc.Stream]],
    request: OpenStream,
    context: ssl.SSLContext | None,
) -> trio.abc.Stream:
    """Connect, with TLS if that is asked for. Cancelled, it leaves nothing open.

    Raises:
        OSError: Nothing answers there, or it cannot prove who it is.
    """
    stream = await connect()
    if request.tls is None:
        return stream
    secured = trio.SSLStream(
        stream, context or ssl.create_default_context(), server_hostname=request.tls
    )
    try:
        await secured.do_handshake()
    except trio.BrokenResourceError as error:
        await trio.aclose_forcefully(stream)
        raise ConnectionError(f"no TLS: {error.__cause__ or error}") from error
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return secured

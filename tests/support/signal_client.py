"""A signalling client that does as it is told, and nothing by itself."""

from __future__ import annotations

import base64
import contextlib
import gzip
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol, cast
from urllib.parse import quote

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from lktrio import proto
from lktrio.proto import codec
from tests.support.raw_http import Reachable

PATIENCE = 100.0  # seconds within which a message has to come; of virtual time mostly


class Joinable(Reachable, Protocol):
    """A server that can be joined."""

    def token(self, identity: str, room: str, **grants: Any) -> str: ...


class SignalClient:
    """One link to a server.

    Attributes:
        received: Every message so far.
        stream: What the link is on.
        closed: Set when the link has ended.
        close_code: The code of the close frame.
    """

    def __init__(self, websocket: WebSocketConnection, stream: trio.abc.Stream) -> None:
        self.websocket = websocket
        self.stream = stream
        self.received: list[proto.SignalResponse] = []
        self.closed = trio.Event()
        self.close_code: int | None = None
        self._arrival = trio.Condition()
        self._seen = 0

    async def read(self) -> None:
        try:
            while True:
                message = await self.websocket.get_message()
                assert isinstance(message, bytes)
                response = codec.decode(proto.SignalResponse, message)
                async with self._arrival:
                    self.received.append(response)
                    self._arrival.notify_all()
        except ConnectionClosed as error:
            self.close_code = error.reason.code if error.reason is not None else None
        self.closed.set()
        async with self._arrival:
            self._arrival.notify_all()

    async def send(self, **member: Any) -> None:
        await self.websocket.send_message(codec.encode(proto.SignalRequest(**member)))

    async def send_raw(self, message: bytes | str) -> None:
        await self.websocket.send_message(message)

    async def try_send(self, message: bytes | str) -> None:
        """Send a message if the link is still there."""
        with contextlib.suppress(ConnectionClosed):
            await self.websocket.send_message(message)

    async def wait_for(
        self, member: str, condition: Callable[[Any], bool] = lambda value: True
    ) -> Any:
        """The next message of a kind that fits, not looked at before."""
        with trio.fail_after(PATIENCE):
            async with self._arrival:
                while True:
                    while self._seen < len(self.received):
                        value = getattr(self.received[self._seen], member)
                        self._seen += 1
                        if value is not None and condition(value):
                            return value
                    if self.closed.is_set():
                        raise AssertionError(f"the link ended before any {member}: {self.kinds()}")
                    await self._arrival.wait()

    async def wait_update(
        self, identity: str, condition: Callable[[proto.ParticipantInfo], bool] = lambda info: True
    ) -> proto.ParticipantInfo:
        """The next news of a participant that fits."""

        def find(update: proto.ParticipantUpdate) -> list[proto.ParticipantInfo]:
            return [p for p in update.participants if p.identity == identity and condition(p)]

        update = await self.wait_for("update", lambda update: bool(find(update)))
        return find(update)[0]

    async def wait_for_more(self, count: int) -> None:
        """Wait until there were more messages than that, or no further ones can come."""
        async with self._arrival:
            while len(self.received) <= count and not self.closed.is_set():
                await self._arrival.wait()

    async def wait_closed(self) -> int | None:
        with trio.fail_after(PATIENCE):
            await self.closed.wait()
        return self.close_code

    def kinds(self) -> list[str]:
        """Which kinds of messages came, in order."""
        names = list(proto.SignalResponse.__dataclass_fields__)
        return [
            next((name for name in names if getattr(message, name) is not None), "")
            for message in self.received
        ]

    async def ping(self) -> None:
        """Wait until the server has handled everything sent before."""
        await self.send(ping_req=proto.Ping(timestamp=1))
        await self.wait_for("pong_resp")


def join_request(**fields: Any) -> str:
    """The parameter ``join_request`` with these fields."""
    fields.setdefault("client_info", proto.ClientInfo(protocol=17))
    inner = gzip.compress(codec.encode(proto.JoinRequest(**fields)))
    compression = proto.WrappedJoinRequest.Compression.GZIP
    wrapped = proto.WrappedJoinRequest(compression=compression, join_request=inner)
    return quote(base64.urlsafe_b64encode(codec.encode(wrapped)))


V0 = "/rtc?protocol=17&sdk=python&version=1.0"


@asynccontextmanager
async def open_client(
    server: Joinable, token: str, target: str = V0
) -> AsyncGenerator[SignalClient, None]:
    """Connect for the time of the block."""
    stream = await server.network.open_tcp_stream(*server.address)
    async with stream, trio.open_nursery() as nursery:
        websocket = await wrap_client_stream(
            nursery,
            cast("Any", stream),  # declared for two kinds of streams, works with all
            "{}:{}".format(*server.address),
            target,
            extra_headers=[(b"Authorization", f"Bearer {token}".encode())],
            message_queue_size=1000,
            max_message_size=2**24,
        )
        client = SignalClient(websocket, stream)
        nursery.start_soon(client.read)
        try:
            yield client
        finally:
            nursery.cancel_scope.cancel()


@asynccontextmanager
async def joined(
    server: Joinable, identity: str, room: str = "room", target: str = V0, **grants: Any
) -> AsyncGenerator[SignalClient, None]:
    """Join for the time of the block."""
    async with open_client(server, server.token(identity, room, **grants), target) as client:
        await client.wait_for("join")
        yield client

"""A scripted LiveKit server for tests: HTTP and signalling on a port of the loopback interface.

A script is an async function that is called with a `Visit` for each WebSocket upgrade; it accepts
or refuses, sends what it likes, and sees what the client sent. Requests that are no upgrade are
answered from a table.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import trio
import trio.testing
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_server_stream

from lktrio import proto
from lktrio.net import Network, StreamOpener
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.proto.codec import decode, encode

Script: TypeAlias = "Callable[[Visit], Awaitable[None]]"
Answer: TypeAlias = tuple[int, dict[str, str], bytes]


@dataclass
class Request:
    """An HTTP request."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.target).query).items()}

    @property
    def join_request(self) -> proto.JoinRequest:
        """What the client put into the query of a v1 join."""
        wrapped = decode(
            proto.WrappedJoinRequest,
            base64.urlsafe_b64decode(self.query["join_request"]),
        )
        inner = wrapped.join_request
        if wrapped.compression == proto.WrappedJoinRequest.Compression.GZIP:
            inner = gzip.decompress(inner)
        return decode(proto.JoinRequest, inner)


class _Replayed(trio.abc.Stream):
    """A stream from which something was read that has to be read again."""

    def __init__(self, stream: trio.abc.Stream, head: bytes) -> None:
        self.stream, self.head = stream, head

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self.head:
            await trio.lowlevel.checkpoint()
            head, self.head = self.head, b""
            return head
        return await self.stream.receive_some(max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await self.stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.stream.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        await self.stream.aclose()


class Visit:
    """One client that asked for a WebSocket."""

    def __init__(self, stream: trio.abc.Stream, nursery: trio.Nursery, request: Request) -> None:
        self.request = request
        self.requests: list[proto.SignalRequest] = []
        self.accepted = False
        self.closed = trio.Event()
        self.close_code: int | None = None
        self._arrival = trio.Condition()
        self._stream = stream
        self._nursery = nursery
        self._websocket: WebSocketConnection | None = None

    @property
    def left(self) -> bool:
        """Whether the client said that it leaves."""
        return any(request.leave is not None for request in self.requests)

    @property
    def join_request(self) -> proto.JoinRequest:
        return self.request.join_request

    async def accept(self) -> None:
        """Upgrade, and read from now on what the client sends."""
        head = f"{self.request.method} {self.request.target} HTTP/1.1\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in self.request.headers.items())
        replayed = _Replayed(self._stream, (head + "\r\n").encode())
        request = await wrap_server_stream(self._nursery, replayed)
        self._websocket = await request.accept()
        self.accepted = True
        self._nursery.start_soon(self._read)

    async def refuse(self, status: int, body: str = "", headers: str = "") -> None:
        """Answer something else than 101."""
        text = f"HTTP/1.1 {status} Refused\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}"
        await self.send_raw(text.encode())

    async def send_raw(self, data: bytes) -> None:
        """Put bytes on the stream."""
        await self._stream.send_all(data)

    async def send(self, *responses: proto.SignalResponse) -> None:
        for response in responses:
            await self.send_frame(encode(response))

    async def send_frame(self, frame: bytes | str) -> None:
        assert self._websocket is not None
        await self._websocket.send_message(frame)

    async def join(self, **join: Any) -> None:
        """Accept and let the client join."""
        await self.accept()
        await self.send(joined(**join))

    async def close(self, code: int = 1000) -> None:
        assert self._websocket is not None
        await self._websocket.aclose(code)

    async def drop(self) -> None:
        """End the TCP connection without a word."""
        await trio.aclose_forcefully(self._stream)

    async def wait_for(self, member: str, count: int = 1) -> proto.SignalRequest:
        """Wait until the client has sent so many requests of a kind; the last of these.

        Raises:
            trio.BrokenResourceError: The client is gone.
        """
        async with self._arrival:
            while True:
                found = [one for one in self.requests if getattr(one, member) is not None]
                if len(found) >= count:
                    return found[count - 1]
                if self.closed.is_set():
                    raise trio.BrokenResourceError
                await self._arrival.wait()

    async def _read(self) -> None:
        assert self._websocket is not None
        try:
            while True:
                frame = await self._websocket.get_message()
                assert isinstance(frame, bytes), "a client sends no text"
                async with self._arrival:
                    self.requests.append(decode(proto.SignalRequest, frame))
                    self._arrival.notify_all()
        except ConnectionClosed as closed:
            self.close_code = closed.reason.code if closed.reason is not None else None
        finally:
            self.closed.set()
            with trio.CancelScope(shield=True):
                async with self._arrival:
                    self._arrival.notify_all()


def joined(**join: Any) -> proto.SignalResponse:
    """The first message of a session."""
    values: dict[str, Any] = {
        "room": proto.Room(sid="RM_room", name="room"),
        "participant": proto.ParticipantInfo(sid="PA_me", identity="me"),
        "ping_interval": 5,
        "ping_timeout": 15,
        "server_info": proto.ServerInfo(version="1.13.5", protocol=17),
    }
    return proto.SignalResponse(join=proto.JoinResponse(**(values | join)))


@dataclass
class SignalServer:
    """A running server."""

    url: str
    script: Script
    answers: dict[str, Answer] = field(default_factory=dict)
    """By path; 404 for the others."""
    visits: list[Visit] = field(default_factory=list)
    """Requests for an upgrade."""
    asked: list[Request] = field(default_factory=list)
    """Other requests."""

    @property
    def visit(self) -> Visit:
        """The only visit."""
        (visit,) = self.visits
        return visit

    @property
    def ghosts(self) -> list[Visit]:
        """Clients that were let in, and are gone without having said that they leave."""
        return [v for v in self.visits if v.accepted and v.closed.is_set() and not v.left]

    async def handle(self, stream: trio.abc.Stream) -> None:
        async with trio.open_nursery() as nursery:
            try:
                await self._handle(stream, nursery)
            except* (trio.BrokenResourceError, trio.ClosedResourceError, ConnectionClosed):
                pass  # the client is gone, also for the tasks of a script
            finally:
                await trio.aclose_forcefully(stream)
                nursery.cancel_scope.cancel()

    async def _handle(self, stream: trio.abc.Stream, nursery: trio.Nursery) -> None:
        request = await _read_request(stream)
        if request is None:
            return
        if request.headers.get("upgrade", "").lower() != "websocket":
            self.asked.append(request)
            status, headers, body = self.answers.get(request.path, (404, {}, b"not found"))
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{head}\r\n"
            await stream.send_all(head.encode() + body)
            return
        visit = Visit(stream, nursery, request)
        self.visits.append(visit)
        await self.script(visit)
        if visit.accepted:
            await visit.closed.wait()


async def _read_request(stream: trio.abc.Stream) -> Request | None:
    head = b""
    while b"\r\n\r\n" not in head:
        data = await stream.receive_some()
        if not data:
            return None
        head += data
        if not head[:1].isalpha():  # as web servers do when they are talked to in TLS
            await stream.send_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            return None
    first, *lines = head.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (s.partition(":") for s in lines)}
    return Request(method, target, headers)


@asynccontextmanager
async def open_signal_server(
    script: Script,
    answers: dict[str, Answer] | None = None,
    *,
    network: Network = SYSTEM_NETWORK,
    host: str = "127.0.0.1",
) -> AsyncGenerator[SignalServer, None]:
    """Run a server for the time of the block."""
    async with trio.open_nursery() as nursery:
        (listener,) = await network.listen_tcp(host)
        server = SignalServer(f"ws://{host}:{listener.address[1]}", script, answers or {})
        nursery.start_soon(trio.serve_listeners, server.handle, [listener])
        yield server
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def open_memory_server(
    script: Script, answers: dict[str, Answer] | None = None
) -> AsyncGenerator[tuple[SignalServer, StreamOpener], None]:
    """Run a server that is reached through memory, for tests in virtual time.

    The second value is the ``connect`` of `open_signal`.
    """
    async with trio.open_nursery() as nursery:
        server = SignalServer("ws://server.test", script, answers or {})

        async def connect(host: str, port: int) -> trio.abc.Stream:
            await trio.lowlevel.checkpoint()
            ours, theirs = trio.testing.memory_stream_pair()
            nursery.start_soon(server.handle, theirs)
            return ours

        yield server, connect
        nursery.cancel_scope.cancel()


async def join_and_stay(visit: Visit) -> None:
    """The plainest script: let the client in."""
    await visit.join()

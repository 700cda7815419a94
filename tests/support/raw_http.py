"""HTTP requests written by hand, for what a well-behaved client would not send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import h11
import trio

from lktrio.net.network import Network


@dataclass
class Answer:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class Reachable(Protocol):
    """A server on some network."""

    @property
    def network(self) -> Network: ...

    @property
    def address(self) -> tuple[str, int]: ...


async def connect(place: Reachable) -> trio.abc.HalfCloseableStream:
    return await place.network.open_tcp_stream(*place.address)


async def request(
    place: Reachable,
    method: str,
    path: str,
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"",
) -> Answer:
    """Send one request on a connection of its own."""
    async with await connect(place) as stream:
        sent = [("Host", "{}:{}".format(*place.address)), ("Connection", "close"), *(headers or [])]
        if any(name.lower() == "upgrade" for name, _ in sent):
            sent[1] = ("Connection", "Upgrade")
        if body:
            sent.append(("Content-Length", str(len(body))))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent)]
        await stream.send_all("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return await read_answer(stream, method)


async def read_answer(stream: trio.abc.ReceiveStream, method: str = "GET") -> Answer:
    """Read one answer; the body of an upgrade is left alone."""
    client = h11.Connection(h11.CLIENT)
    upgrade = [("Host", "x"), ("Connection", "Upgrade"), ("Upgrade", "websocket")]
    client.send(h11.Request(method=method, target="/", headers=upgrade))
    client.send(h11.EndOfMessage())
    head: h11.Response | h11.InformationalResponse | None = None
    body = b""
    while True:
        event = client.next_event()
        if event is h11.NEED_DATA:
            client.receive_data(bytes(await stream.receive_some()))
        elif isinstance(event, h11.InformationalResponse) and event.status_code != 101:
            continue
        elif isinstance(event, h11.Response | h11.InformationalResponse):
            head = event
            if event.status_code == 101:
                break
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        else:
            break
    assert head is not None
    headers = {name.decode(): value.decode() for name, value in head.headers}
    return Answer(head.status_code, headers, body)

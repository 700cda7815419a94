"""Calls of the server APIs, one after the other and many at once, against bare httpx.

``python -m tests.bench.bench_api``. Both sides make the same calls of ``list_participants`` to the
same server, a process that answers every request with the same prepared bytes, so that the clients
are what is measured. Bare httpx is what a program without lktrio's client would write: encode, post
with a token made before, decode. lktrio signs, bounds what it reads, watches over deadlines and
follows regions as well. Each pass is a process of its own; the
first calls of it, which open connections, are not counted. The exit status is 1 if a call of lktrio
takes more than 10 % longer.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import multiprocessing.connection
import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import partial

import httpx
import trio

from tests.bench.comparing import Clock, in_turns, judge

CALLS = 400
AT_ONCE = 50
PASSES = 9
LIMIT = 1.1
PARTICIPANTS = 5
KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"
ROOM = "demo"


class Server(asyncio.Protocol):
    """Answers every request; knows no more of HTTP than its clients make it."""

    answer: bytes

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._received) < end + 4 + length:
                return
            self._received = self._received[end + 4 + length :]
            self._transport.write(self.answer)


def prepared_answer() -> bytes:
    from lktrio import proto
    from lktrio.proto.codec import encode

    people = [
        proto.ParticipantInfo(
            sid=f"PA_{number:012}",
            identity=f"participant-{number}",
            name=f"Participant {number}",
            metadata="{}",
            tracks=[proto.TrackInfo(sid=f"TR_{number:012}", name="microphone")],
        )
        for number in range(PARTICIPANTS)
    ]
    body = encode(proto.ListParticipantsResponse(participants=people))
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/protobuf\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def serve(ready: multiprocessing.connection.Connection) -> None:
    async def main() -> None:
        Server.answer = prepared_answer()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Server, "127.0.0.1", 0, backlog=1024)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def ours(url: str, at_once: int) -> tuple[float, float]:
    from lktrio import LiveKitAPI, api

    async with LiveKitAPI(url, KEY, SECRET) as lk:

        async def call() -> None:
            answer = await lk.room.list_participants(api.ListParticipantsRequest(room=ROOM))
            assert len(answer.participants) == PARTICIPANTS

        return await time_calls(call, at_once)


async def bare_httpx(url: str, at_once: int) -> tuple[float, float]:
    from lktrio import api
    from lktrio.proto.codec import decode, encode

    url = f"{url}/twirp/livekit.RoomService/ListParticipants"
    headers = {"Content-Type": "application/protobuf", "Authorization": f"Bearer {'x' * 200}"}
    async with httpx.AsyncClient(timeout=None) as client:

        async def call() -> None:
            body = encode(api.ListParticipantsRequest(room=ROOM))
            response = await client.post(url, content=body, headers=headers)
            answer = decode(api.ListParticipantsResponse, response.content)
            assert len(answer.participants) == PARTICIPANTS

        return await time_calls(call, at_once)


async def time_calls(call: Callable[[], Awaitable[None]], at_once: int) -> tuple[float, float]:
    """Wall and CPU seconds of all calls, made by so many tasks."""

    async def many(count: int) -> None:
        for _ in range(count):
            await call()

    async def round_of(count: int) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(at_once):
                nursery.start_soon(many, count // at_once)

    await round_of(at_once)
    clock = Clock()
    await round_of(CALLS)
    return clock.read()


CLIENTS: dict[str, Callable[[str, int], Awaitable[tuple[float, float]]]] = {
    "lktrio": ours,
    "bare httpx": bare_httpx,
}


def measure(client: str, url: str, at_once: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "tests.bench.bench_api", client, url, str(at_once)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, cpu = json.loads(done.stdout)
    return wall, cpu


def compare(url: str, at_once: int) -> bool:
    """Print what both sides take for a call; whether ours is too slow."""
    sides = {client: partial(measure, client, url, at_once) for client in CLIENTS}
    found = in_turns(sides, PASSES)
    missed = False
    for column, unit, goal in ((1, "us of CPU", None), (0, "us", LIMIT)):
        ours, theirs = (
            [times[column] / CALLS * 1e6 for times in found[client]] for client in CLIENTS
        )
        what = f"server API call, {at_once} at once"
        missed |= judge("data", what, unit, ours, "bare httpx", theirs, at_most=goal)
    return missed


def main() -> int:
    if len(sys.argv) > 1:
        client, url, at_once = sys.argv[1:]
        print(json.dumps(trio.run(CLIENTS[client], url, int(at_once))))
        return 0
    port, ready = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(ready,), daemon=True)
    server.start()
    ready.close()  # so that the end of the process is noticed
    url = f"http://127.0.0.1:{port.recv()}"
    missed = [compare(url, at_once) for at_once in (1, AT_ONCE)]
    server.terminate()
    server.join()
    return int(any(missed))


if __name__ == "__main__":
    sys.exit(main())

"""Many calls of the server APIs at once, against LiveKit's own client on aiohttp.

``python -m tests.bench.bench_api``. Both clients make the same calls of ``list_participants`` to
the same server, a process that answers every request with the same prepared bytes, so that the
clients are what is measured. Each pass is a process of its own; the first calls of it, which open
connections, are not counted. The exit status is 1 if lktrio takes longer than livekit-api.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import multiprocessing.connection
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import trio

from tests.bench.comparing import Clock, in_turns, judge, ratio

CALLS = 1000
PASSES = 7
WARM_UP = 100
PARTICIPANTS = 5
LIMIT = 1.0
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


async def ours(url: str) -> tuple[float, float]:
    from lktrio import LiveKitAPI, api

    async with LiveKitAPI(url, KEY, SECRET) as lk:

        async def call() -> None:
            answer = await lk.room.list_participants(api.ListParticipantsRequest(room=ROOM))
            assert len(answer.participants) == PARTICIPANTS

        async def many(count: int) -> None:
            async with trio.open_nursery() as nursery:
                for _ in range(count):
                    nursery.start_soon(call)

        await many(WARM_UP)
        clock = Clock()
        await many(CALLS)
        return clock.read()


async def theirs(url: str) -> tuple[float, float]:
    from livekit import api

    async with api.LiveKitAPI(url, KEY, SECRET) as lk:

        async def call() -> None:
            answer = await lk.room.list_participants(api.ListParticipantsRequest(room=ROOM))
            assert len(answer.participants) == PARTICIPANTS

        async def many(count: int) -> None:
            await asyncio.gather(*(call() for _ in range(count)))

        await many(WARM_UP)
        clock = Clock()
        await many(CALLS)
        return clock.read()


CLIENTS: dict[str, Callable[[str], tuple[float, float]]] = {
    "lktrio": lambda url: trio.run(ours, url),
    "livekit-api": lambda url: asyncio.run(theirs(url)),
}


def measure(client: str, url: str) -> tuple[float, float]:
    command = [sys.executable, "-m", "tests.bench.bench_api", client, url]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall, cpu = json.loads(done.stdout)
    return wall, cpu


def main() -> int:
    if len(sys.argv) > 1:
        print(json.dumps(CLIENTS[sys.argv[1]](sys.argv[2])))
        return 0
    port, ready = multiprocessing.Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(ready,), daemon=True)
    server.start()
    ready.close()  # so that the end of the process is noticed
    url = f"http://127.0.0.1:{port.recv()}"
    sides = {client: partial(measure, client, url) for client in CLIENTS}
    found = in_turns(sides, PASSES)
    server.terminate()
    server.join()
    walls, cpus = (
        {client: [times[column] for times in found[client]] for client in CLIENTS}
        for column in (0, 1)
    )
    print(f"{CALLS} calls at once, medians of {PASSES} passes in turns")
    for client in CLIENTS:
        wall, cpu = statistics.median(walls[client]), statistics.median(cpus[client])
        print(f"{client:12} {wall * 1e3:8.0f} ms, {cpu / CALLS * 1e6:6.0f} us of CPU per call")
    judge("CPU time of lktrio to livekit-api", ratio(cpus["lktrio"], cpus["livekit-api"]))
    compared = ratio(walls["lktrio"], walls["livekit-api"])
    return int(judge("time of lktrio to livekit-api", compared, at_most=LIMIT))


if __name__ == "__main__":
    sys.exit(main())

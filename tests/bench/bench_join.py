"""Joining a room until media can be sent, against LiveKit's own SDK.

``python -m tests.bench.bench_join``. The embedded server and each of the clients are processes of
their own; one join after the other, in turns, into a room of its own. What is measured is the time
from the call to its return: ``open_room`` of lktrio, ``Room.connect`` of the PyPI package
``livekit``, both of which return when the encrypted path for media is up. Leaving is not counted,
nor is importing; the first join of a process, which loads what is loaded once, is told apart. CPU
time is that of the client's process. With a URL of a LiveKit server in ``LIVEKIT_URL`` (and its key
and secret) the joins go there. The exit status is 1 if later joins of lktrio take more than 0.6 of
the time of the official SDK, or more than 0.8 of that of the Go SDK, where LKTRIO_GO_JOINER names a
program with it: that is run with the URL, reads tokens, and writes for each a line with the JSON
array of the seconds of the join and of CPU time.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import multiprocessing.connection
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from itertools import count

import trio

from lktrio import AccessToken, VideoGrants
from tests.bench.comparing import Clock, in_turns, judge, skip

COLD_JOINS = 5
WARM_UP = 3
JOINS = 40
LIMIT, GO_LIMIT = 0.6, 0.8
GO = os.environ.get("LKTRIO_GO_JOINER", "")
SETTLING_SECONDS = 0.5
"""Before each join: the threads of LiveKit's SDK work on after it has left."""
ROOMS = "bench-join"
_NUMBERS = count()

Times = tuple[float, float]


# The clients, each in a process of its own: a token in, the times of a join out


async def join_with_lktrio(url: str, token: str) -> Times:
    from lktrio import open_room

    clock = Clock()
    async with open_room(url, token) as room:
        times = clock.read()
        assert room.state == "connected"
    return times


async def join_with_livekit(url: str, token: str) -> Times:
    from livekit import rtc

    room = rtc.Room()
    clock = Clock()
    await room.connect(url, token)
    times = clock.read()
    assert room.isconnected()
    await room.disconnect()
    return times


def run_lktrio(url: str) -> None:
    for token in sys.stdin:
        print(json.dumps(trio.run(join_with_lktrio, url, token.strip())), flush=True)


def run_livekit(url: str) -> None:
    loop = asyncio.new_event_loop()
    for token in sys.stdin:
        times = loop.run_until_complete(join_with_livekit(url, token.strip()))
        print(json.dumps(times), flush=True)
    os._exit(0)  # the SDK's threads have no end of their own


CLIENTS: dict[str, Callable[[str], None]] = {"lktrio": run_lktrio, "livekit": run_livekit}


class Client:
    """The process of one client."""

    def __init__(self, name: str, url: str) -> None:
        ours = [sys.executable, "-m", "tests.bench.bench_join", name]
        command = [*([GO] if name == "Go SDK" else ours), url]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def join(self, token: str) -> Times:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        time.sleep(SETTLING_SECONDS)
        self._process.stdin.write(f"{token}\n")
        self._process.stdin.flush()
        wall, cpu = json.loads(self._process.stdout.readline())
        return wall, cpu

    def close(self) -> None:
        self._process.communicate(timeout=10)


# The server


def serve(ready: multiprocessing.connection.Connection) -> None:
    from lktrio import devserver

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            server = await nursery.start(devserver.serve_dev_server)
            ready.send((server.url, server.api_key, server.api_secret))

    trio.run(main)


@contextmanager
def running_server() -> Generator[tuple[str, str, str]]:
    """URL, key and secret of the server."""
    if url := os.environ.get("LIVEKIT_URL"):
        yield url, os.environ["LIVEKIT_API_KEY"], os.environ["LIVEKIT_API_SECRET"]
        return
    told, ready = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(ready,), daemon=True)
    process.start()
    ready.close()  # so that the end of the process is noticed
    try:
        yield told.recv()
    finally:
        process.terminate()
        process.join()


def token(name: str, server: tuple[str, str, str]) -> str:
    """A token for a room of its own."""
    video = VideoGrants(room_join=True, room=f"{ROOMS}-{name}-{next(_NUMBERS)}")
    return AccessToken(identity=name, video=video).to_jwt(*server[1:])


def join_once(name: str, server: tuple[str, str, str]) -> Times:
    """The first join of a process."""
    client = Client(name, server[0])
    times = client.join(token(name, server))
    client.close()
    return times


def measure_warm(server: tuple[str, str, str]) -> dict[str, list[Times]]:
    names = [*CLIENTS, *(["Go SDK"] if GO else [])]
    clients = {name: Client(name, server[0]) for name in names}

    def join(name: str) -> Times:
        return clients[name].join(token(name, server))

    sides = {name: partial(join, name) for name in names}
    in_turns(sides, WARM_UP)
    times = in_turns(sides, JOINS)
    for client in clients.values():
        client.close()
    return times


def compare(
    what: str, times: dict[str, list[Times]], limit: float | None, peer: str = "livekit"
) -> bool:
    """Tell what both take; whether the goal is missed."""
    missed = False
    for column, unit, goal in ((1, "ms of CPU", None), (0, "ms", limit)):
        ours, theirs = ([found[column] * 1e3 for found in times[name]] for name in ("lktrio", peer))
        missed |= judge("joining", what, unit, ours, peer, theirs, at_most=goal)
    return missed


def main() -> int:
    if len(sys.argv) > 1:
        CLIENTS[sys.argv[1]](sys.argv[2])
        return 0
    with running_server() as server:
        cold = in_turns({name: partial(join_once, name, server) for name in CLIENTS}, COLD_JOINS)
        warm = measure_warm(server)
    compare("joining a room, first of a process", cold, None)
    missed = compare("joining a room", warm, LIMIT)
    if not GO:
        skip("joining", "joining a room, beside the Go SDK", "LKTRIO_GO_JOINER names no program")
        return int(missed)
    return int(missed | compare("joining a room", warm, GO_LIMIT, "Go SDK"))


if __name__ == "__main__":
    sys.exit(main())

"""Joining a room until media can be sent, against LiveKit's own SDK.

``python -m tests.bench.bench_join``. The embedded server and each of the clients are processes of
their own; one join after the other, in turns, into a room of its own. What is measured is the time
from the call to its return: ``open_room`` of lktrio, ``Room.connect`` of the PyPI package
``livekit``, both of which return when the encrypted path for media is up. Leaving is not counted,
nor is what is loaded once; CPU time is that of the client's process. With a URL of a LiveKit server
in ``LIVEKIT_URL`` (and its key and secret) the joins go there. The exit status is 1 if lktrio takes
more than 0.6 of the time of the official SDK.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import multiprocessing.connection
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import trio

from lktrio import AccessToken, VideoGrants

WARM_UP = 3
JOINS = 40
LIMIT = 0.6
ROOMS = "bench-join"

Times = tuple[float, float]


class Clock:
    """Wall and CPU seconds between its making and its reading."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> Times:
        return time.perf_counter() - self._wall, time.process_time() - self._cpu


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
        command = [sys.executable, "-m", "tests.bench.bench_join", name, url]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def join(self, token: str) -> Times:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
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


def measure(server: tuple[str, str, str]) -> dict[str, list[Times]]:
    url, key, secret = server
    clients = {name: Client(name, url) for name in CLIENTS}
    times: dict[str, list[Times]] = {name: [] for name in CLIENTS}
    for number in range(WARM_UP + JOINS):
        for name, client in clients.items():
            video = VideoGrants(room_join=True, room=f"{ROOMS}-{name}-{number}")
            token = AccessToken(identity=name, video=video).to_jwt(key, secret)
            found = client.join(token)
            if number >= WARM_UP:
                times[name].append(found)
    for client in clients.values():
        client.close()
    return times


def main() -> int:
    if len(sys.argv) > 1:
        CLIENTS[sys.argv[1]](sys.argv[2])
        return 0
    with running_server() as server:
        times = measure(server)
    print(f"{JOINS} joins each, medians")
    medians: dict[str, list[float]] = {}
    for name, found in times.items():
        walls, cpus = zip(*found, strict=True)
        medians[name] = [statistics.median(walls), statistics.median(cpus)]
        wall, cpu = (value * 1e3 for value in medians[name])
        print(f"{name:8} {wall:7.1f} ms (best {min(walls) * 1e3:.1f}), {cpu:6.1f} ms of CPU")
    wall, cpu = (a / b for a, b in zip(medians["lktrio"], medians["livekit"], strict=True))
    print(f"lktrio takes {wall:.2f} of the time of livekit, {cpu:.2f} of its CPU time")
    return int(wall > LIMIT)


if __name__ == "__main__":
    sys.exit(main())

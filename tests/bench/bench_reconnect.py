"""How long a link that was cut is felt, beside LiveKit's own SDK.

``python -m tests.bench.bench_reconnect``. The client joins through a process that forwards its
signalling to the server, and that cuts it: every connection is closed, and new ones are let
through. Each pass is a process that is cut again and again; what is measured is the time from the
cut to ``Reconnected``. The server is the one that LIVEKIT_URL, LIVEKIT_API_KEY and
LIVEKIT_API_SECRET name, otherwise the embedded one. The exit status is 1 if lktrio takes more than
half of the time.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import sys
import time
from functools import partial
from urllib.parse import urlsplit

import trio

from tests.bench.bench_join import running_server, token
from tests.bench.comparing import in_turns, judge, skip
from tests.bench.processes import answer, background, in_asyncio, in_trio, measure

PASSES, CUTS = 5, 5
SETTLED = 2.0
LONGEST = 20.0
LIMIT = 0.5


class Between:
    """Forwards signalling, and cuts it when a client asks for it."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._streams: set[trio.SocketStream] = set()

    async def run(self) -> None:
        """Print the ports for signalling and for cuts, and serve both."""
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        (control,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, self._forward, [listener])
            nursery.start_soon(trio.serve_listeners, self._cut, [control])
            print(*(one.socket.getsockname()[1] for one in (listener, control)), flush=True)

    async def _cut(self, control: trio.SocketStream) -> None:
        for stream in list(self._streams):
            await trio.aclose_forcefully(stream)
        await control.send_all(b"%.6f" % time.monotonic())
        await control.aclose()

    async def _forward(self, client: trio.SocketStream) -> None:
        server = await trio.open_tcp_stream(*self._server)
        pair = {client, server}
        self._streams |= pair
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(copy, client, server, nursery.cancel_scope)
                nursery.start_soon(copy, server, client, nursery.cancel_scope)
        finally:
            self._streams -= pair
            for stream in pair:
                await trio.aclose_forcefully(stream)


async def copy(
    source: trio.SocketStream, target: trio.SocketStream, scope: trio.CancelScope
) -> None:
    """Forward one way, and end both when that ends."""
    try:
        async for data in source:
            await target.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    scope.cancel()


async def run_between(host: str, port: str) -> None:
    await Between(host, int(port)).run()


def cut(control: str) -> float:
    """Cut, and tell when that was done."""
    with socket.create_connection(("127.0.0.1", int(control))) as connection:
        return float(connection.recv(100))


async def reconnect_lktrio(url: str, token: str, control: str) -> float:
    from lktrio import events, open_room

    times: list[float] = []
    async with open_room(url, token) as room:
        reconnected = room.events(events.Reconnected)
        for _ in range(CUTS):
            await trio.sleep(SETTLED)
            begun = cut(control)
            with trio.fail_after(LONGEST):
                await reconnected.receive()
            times.append(time.monotonic() - begun)
    return statistics.median(times) * 1e3


async def reconnect_livekit(url: str, token: str, control: str) -> float:
    from livekit import rtc

    room, times = rtc.Room(), list[float]()
    reconnected: asyncio.Queue[float] = asyncio.Queue()
    room.on("reconnected", lambda: reconnected.put_nowait(time.monotonic()))
    await room.connect(url, token)
    for _ in range(CUTS):
        await asyncio.sleep(SETTLED)
        begun = cut(control)
        times.append(await asyncio.wait_for(reconnected.get(), LONGEST) - begun)
    return statistics.median(times) * 1e3


SIDES = {
    "between": in_trio(run_between),
    "lktrio": in_trio(reconnect_lktrio),
    "livekit": in_asyncio(reconnect_livekit),
}


def main() -> int:
    if len(sys.argv) > 1:
        answer(SIDES)
    with running_server() as server:
        address = urlsplit(server[0])
        where = (str(address.hostname), str(address.port))
        with background("bench_reconnect", "between", *where) as between:
            port, control = between.first_line.split()

            def run(side: str) -> float:
                joining = (f"ws://127.0.0.1:{port}", token(side, server), control)
                found: float = measure("bench_reconnect", side, *joining)
                return found

            found = in_turns({side: partial(run, side) for side in ("lktrio", "livekit")}, PASSES)
    what = "from a cut of signalling to Reconnected"
    ours, theirs = found["lktrio"], found["livekit"]
    missed = judge("joining", what, "ms", ours, "livekit", theirs, at_most=LIMIT)
    reason = "the official SDK's media cannot be cut on one machine without its firewall"
    skip("media", "frames lost by a cut of media", reason)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

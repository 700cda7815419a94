"""How long a lost link is felt, beside LiveKit's own SDK.

``python -m tests.bench.bench_reconnect``. The client joins through a process that forwards its
signalling to the server, and that cuts it: every connection is closed, and new ones are let through.
Each pass is a process that is cut again and again; what is measured is the time from the cut to
``Reconnected``.

With LiveKit's own server, media goes through the forwarding process too: it changes the port of the
server in what it forwards to one of its own. A media cut drops all that the client sends and gets
over UDP until the client checks with new ICE credentials, as a resume does. Somebody in another
process speaks all the time, and what is measured are the frames of 20 ms that a listener loses: for
lktrio encoded frames, for the PyPI package ``livekit`` decoded sound that is not silent. The media
has to be on LIVEKIT_UDP_PORT (7882 unless given) of the server that LIVEKIT_URL, LIVEKIT_API_KEY and
LIVEKIT_API_SECRET name; without these the joins go to the embedded server, whose media is not cut.

The exit status is 1 if lktrio takes more than half of the time, or loses more than half of the
frames.
"""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

import trio

from tests.bench.bench_first_frame import speak
from tests.bench.bench_join import running_server
from tests.bench.comparing import in_turns, judge, skip
from tests.bench.processes import answer, background, in_asyncio, in_trio, measure

PASSES, CUTS = 5, 5
MEDIA_PASSES = 3
SETTLED = 2.0
LONGEST_OUTAGE = 40.0
FRAME = 0.02
NOT_UNDER_WAY = 0.2  # seconds after which nothing arrives that was sent before a cut
LIMIT = 0.5
ROOM = "bench-reconnect"

STUN_COOKIE = bytes.fromhex("2112a442")
STUN_USERNAME = 0x0006


# What is between the client and the server


class Between:
    """Forwards signalling and media, and cuts either when a client asks for it."""

    def __init__(self, host: str, port: int, udp_port: int) -> None:
        self.server, self.udp_server = (host, port), (host, udp_port)
        self.streams: set[trio.SocketStream] = set()
        self.replaced = str(udp_port).encode()
        self.known: set[bytes] = set()
        self.blocked: set[bytes] = set()
        self.open_from: set[tuple[str, int]] = set()
        self.outlets: dict[tuple[str, int], trio.socket.SocketType] = {}

    async def run(self) -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        (control,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.udp = await self._bind_udp()
        self.replacement = str(self.udp.getsockname()[1]).encode()
        async with trio.open_nursery() as nursery:
            self.nursery = nursery
            nursery.start_soon(trio.serve_listeners, self._forward, [listener])
            nursery.start_soon(trio.serve_listeners, self._obey, [control])
            nursery.start_soon(self._read_udp)
            print(*(one.socket.getsockname()[1] for one in (listener, control)), flush=True)

    async def _bind_udp(self) -> trio.socket.SocketType:
        """A port with as many digits as the server's, as lengths must not change."""
        while True:
            sock = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            digits = len(self.replaced)
            await sock.bind(("127.0.0.1", 0 if digits == 5 else 10 ** (digits - 1) + 1789))
            if len(str(sock.getsockname()[1])) == digits:
                return sock
            sock.close()

    async def _obey(self, control: trio.SocketStream) -> None:
        async with control:
            async for command in control:
                if command == b"signalling":
                    for stream in list(self.streams):
                        await trio.aclose_forcefully(stream)
                else:
                    self.blocked, self.open_from = set(self.known), set()
                await control.send_all(b"%.6f" % time.monotonic())

    async def _forward(self, client: trio.SocketStream) -> None:
        server = await trio.open_tcp_stream(*self.server)
        pair = {client, server}
        self.streams |= pair
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._copy, client, server, nursery)
                nursery.start_soon(self._copy, server, client, nursery)
        finally:
            self.streams -= pair
            for stream in pair:
                await trio.aclose_forcefully(stream)

    async def _copy(
        self, source: trio.SocketStream, target: trio.SocketStream, nursery: trio.Nursery
    ) -> None:
        try:
            async for data in source:
                # As candidates have it; TCP has another port, which is left alone.
                before, after = b" %b typ" % self.replaced, b" %b typ" % self.replacement
                await target.send_all(bytes(data).replace(before, after))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        nursery.cancel_scope.cancel()

    async def _read_udp(self) -> None:
        while True:
            data, address = await self.udp.recvfrom(2048)
            name = stun_username(data)
            if name:
                self.known.add(name)
                if name not in self.blocked:
                    self.open_from.add(address)
            if address not in self.open_from or (name and name in self.blocked):
                continue
            if address not in self.outlets:
                outlet = self.outlets[address] = trio.socket.socket(
                    socket.AF_INET, socket.SOCK_DGRAM
                )
                await outlet.connect(self.udp_server)
                self.nursery.start_soon(self._answer, outlet, address)
            await self.outlets[address].send(data)

    async def _answer(self, outlet: trio.socket.SocketType, address: tuple[str, int]) -> None:
        while True:
            data = await outlet.recv(2048)
            if address in self.open_from:
                await self.udp.sendto(data, address)


def stun_username(data: bytes) -> bytes:
    """Whom a STUN request names; nothing for what is none."""
    if data[4:8] != STUN_COOKIE or data[:2] != b"\0\1":
        return b""
    place = 20
    while place + 4 <= len(data):
        kind, length = (
            int.from_bytes(data[place : place + 2]),
            int.from_bytes(data[place + 2 : place + 4]),
        )
        if kind == STUN_USERNAME:
            return data[place + 4 : place + 4 + length]
        place += 4 + (length + 3) // 4 * 4
    return b""


async def run_between(host: str, port: str, udp_port: str) -> None:
    await Between(host, int(port), int(udp_port)).run()


def cut(control: str, what: str) -> float:
    """Cut, and tell when that was done."""
    with socket.create_connection(("127.0.0.1", int(control))) as connection:
        connection.sendall(what.encode())
        return float(connection.recv(100))


# The clients


async def cut_signalling_lktrio(url: str, token: str, control: str) -> float:
    from lktrio import events, open_room

    times: list[float] = []
    async with open_room(url, token) as room:
        reconnected = room.events(events.Reconnected)
        for _ in range(CUTS):
            await trio.sleep(SETTLED)
            begun = cut(control, "signalling")
            with trio.fail_after(LONGEST_OUTAGE):
                await reconnected.receive()
            times.append(time.monotonic() - begun)
    return statistics.median(times) * 1e3


async def cut_signalling_livekit(url: str, token: str, control: str) -> float:
    from livekit import rtc

    room, times = rtc.Room(), list[float]()
    reconnected: asyncio.Queue[float] = asyncio.Queue()
    room.on("reconnected", lambda: reconnected.put_nowait(time.monotonic()))
    await room.connect(url, token)
    for _ in range(CUTS):
        await asyncio.sleep(SETTLED)
        begun = cut(control, "signalling")
        times.append(await asyncio.wait_for(reconnected.get(), LONGEST_OUTAGE) - begun)
    return statistics.median(times) * 1e3


async def cut_media_lktrio(url: str, token: str, control: str) -> float:
    from lktrio import events, open_room

    async with open_room(url, token) as room:
        track = (await room.events(events.TrackSubscribed).receive()).track
        frames = track.frames()
        with trio.move_on_after(SETTLED):
            while True:
                await frames.receive()
        begun = cut(control, "media")
        with trio.fail_after(LONGEST_OUTAGE):
            while True:
                await frames.receive()
                if time.monotonic() - begun > NOT_UNDER_WAY:
                    return (time.monotonic() - begun) / FRAME


async def cut_media_livekit(url: str, token: str, control: str) -> float:
    from livekit import rtc

    room = rtc.Room()
    subscribed: asyncio.Queue[rtc.Track] = asyncio.Queue()
    room.on("track_subscribed", lambda track, *_: subscribed.put_nowait(track))
    await room.connect(url, token)
    stream = rtc.AudioStream(await subscribed.get(), sample_rate=48_000, num_channels=1)
    settled, begun, silent = time.monotonic() + SETTLED, 0.0, False
    async for event in stream:
        if not begun:
            if time.monotonic() > settled:
                begun = cut(control, "media")
        elif not any(event.frame.data):
            silent = True
        elif silent:
            break
    return (time.monotonic() - begun) / FRAME


SIDES: dict[str, Callable[..., object]] = {
    "between": in_trio(run_between),
    "speaker": in_trio(speak),
    "signalling-lktrio": in_trio(cut_signalling_lktrio),
    "signalling-livekit": in_asyncio(cut_signalling_livekit),
    "media-lktrio": in_trio(cut_media_lktrio),
    "media-livekit": in_asyncio(cut_media_livekit),
}
SDKS = ("lktrio", "livekit")


def token(identity: str, server: tuple[str, str, str]) -> str:
    from lktrio import AccessToken, VideoGrants

    video = VideoGrants(room_join=True, room=ROOM)
    return AccessToken(identity=identity, video=video).to_jwt(*server[1:])


def main() -> int:
    if len(sys.argv) > 1:
        answer(SIDES)
    udp_port = os.environ.get("LIVEKIT_UDP_PORT", "7882")
    with running_server() as server:
        address = urlsplit(server[0])
        where = (str(address.hostname), str(address.port), udp_port)
        with (
            background("bench_reconnect", "between", *where) as between,
            background("bench_reconnect", "speaker", server[0], token("speaker", server)),
        ):
            port, control = between.first_line.split()

            def run(what: str, sdk: str) -> float:
                joining = (f"ws://127.0.0.1:{port}", token(sdk, server), control)
                found: float = measure("bench_reconnect", f"{what}-{sdk}", *joining)
                return found

            cuts = in_turns({sdk: partial(run, "signalling", sdk) for sdk in SDKS}, PASSES)
            what = "from a cut of signalling to Reconnected"
            missed = judge(
                "joining", what, "ms", cuts[SDKS[0]], "livekit", cuts[SDKS[1]], at_most=LIMIT
            )
            what = "frames of 20 ms lost by a cut of media"
            if not os.environ.get("LIVEKIT_URL"):
                skip("joining", what, "LIVEKIT_URL names no server whose media could be cut")
                return int(missed)
            lost = in_turns({sdk: partial(run, "media", sdk) for sdk in SDKS}, MEDIA_PASSES)
    ours, theirs = (lost[sdk] for sdk in SDKS)
    return int(missed | judge("joining", what, "frames", ours, "livekit", theirs, at_most=LIMIT))


if __name__ == "__main__":
    sys.exit(main())

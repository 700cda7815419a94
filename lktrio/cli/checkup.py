"""Whether a LiveKit server can be used from this machine: step after step, each with its time.

Theory of operation: the steps go from the outside to the inside, from the name of the server to a
call of two participants in a room of their own, and each needs the one before. The first that fails
says what is wrong and what to do; the rest is skipped. Only the ways that media can take are tried
each for itself, and one that does not work is a warning as long as there is another.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, TypeAlias

import trio

from lktrio import media
from lktrio._regions import Regions, is_cloud
from lktrio._scope import first_leaf
from lktrio._text import printable
from lktrio.errors import (
    AuthenticationFailed,
    ConnectTimeout,
    DtlsFailed,
    IceFailed,
    JoinRejected,
    LiveKitError,
    NotPermitted,
    ProxyFailed,
    ServerUnreachable,
)
from lktrio.events import DataReceived, Reconnected, TrackSubscribed
from lktrio.media import EncodedFrame
from lktrio.net.http import NetworkTransport
from lktrio.net.network import Network
from lktrio.net.proxy import Dialer
from lktrio.net.relaying import parse_turn_url
from lktrio.room import IcePolicy, MediaPath, Room, RoomOptions, connect_room, open_room
from lktrio.signal import open_signal
from lktrio.signal.urls import SignalUrl
from lktrio.signal.websocket import open_stream

__all__ = ["Checkup", "Step"]

_PATIENCE = 15.0  # seconds for what should take less than one
_FRAMES = 50  # one second of sound
_SOUND = b"\xfc" + bytes(79)  # an Opus packet of 20 ms
_PROBE_SECONDS = 5.0
_PINGS = 5
_LONG = 400  # characters of an error that are shown


Status: TypeAlias = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Step:
    """How one step went."""

    name: str
    """What was tried."""
    status: Status
    """How it went; ``warning`` if it failed and is not needed, ``skipped`` as it needs one that
    failed, or does not apply."""
    seconds: float = 0.0
    """How long it took."""
    detail: str = ""
    """What was found, or what went wrong."""
    advice: str = ""
    """What to do about a failure."""


class _Failed(Exception):
    """A step failed; with what to do about it."""

    def __init__(self, detail: str, advice: str) -> None:
        super().__init__(detail)
        self.advice = advice


class _Unneeded(_Failed):
    """The same, of a step that may fail."""


class _NotApplicable(Exception):
    """A step has nothing to try; says why."""


_UDP_ADVICE = (
    "let UDP pass between this machine and the server's media ports (rtc.udp_port or "
    "rtc.port_range_start of its configuration)"
)
_TCP_ADVICE = "let TCP pass to the server's port for media (rtc.tcp_port, mostly 7881)"
_ICE_ADVICE = (
    f"{_UDP_ADVICE}, or TCP (rtc.tcp_port), and check the addresses that the server announces "
    "(rtc.use_external_ip, rtc.node_ip)"
)
_ADVICE: Sequence[tuple[type[Exception], str]] = (
    (
        AuthenticationFailed,
        "check key and secret (LIVEKIT_API_KEY, LIVEKIT_API_SECRET), and the clock of this machine",
    ),
    (NotPermitted, "the token needs the grants roomJoin, canPublish and canPublishData"),
    (
        IceFailed,
        _ICE_ADVICE,
    ),
    (
        DtlsFailed,
        "something on the way changes packets: a gateway for WebRTC, or another server's address",
    ),
    (
        JoinRejected,
        "the server says why; a room may be full, or rooms may not be created by joining",
    ),
    (
        ProxyFailed,
        (
            "the text says what to ask of the proxy; to do without it, unset HTTPS_PROXY, "
            "HTTP_PROXY and ALL_PROXY, or list the server's host in NO_PROXY"
        ),
    ),
    (
        ServerUnreachable,
        "check the URL and that the server is running; a proxy on the way must let WebSockets pass",
    ),
    (
        ConnectTimeout,
        "the network or the server is slow, or packets get lost: see which phase the text names",
    ),
)


@dataclass
class Checkup:
    """The steps for one server.

    Args:
        url: The server's.
        tokens: Makes the access token of a participant of the room to test in.
        network: The machine's network.
        report: Called with each step as soon as it is over.
        ssl_context: For TLS; None trusts what the system trusts.
    """

    url: str
    tokens: Callable[[str], str]
    network: Network
    report: Callable[[Step], object] = lambda step: None
    ssl_context: ssl.SSLContext | None = None
    steps: list[Step] = field(default_factory=list[Step])
    """What was tried so far."""
    _rooms: list[Room] = field(default_factory=list[Room])
    _turn: list[str] = field(default_factory=list[str])
    _nursery: trio.Nursery = field(init=False)

    async def run(self) -> bool:
        """Go through all steps; whether none has failed."""
        checks: Sequence[tuple[str, Callable[[], Awaitable[str]]]] = (
            ("proxy", self._reach_proxy),
            ("name", self._resolve),
            ("connection", self._connect),
            ("region", self._find_regions),
            ("token", self._make_token),
            ("signalling", self._open_signalling),
            ("udp", partial(self._probe, IcePolicy(tcp=False), _UDP_ADVICE)),
            ("tcp", partial(self._probe, IcePolicy(udp=False), _TCP_ADVICE)),
            ("turn", self._probe_relay),
            ("ice", self._join),
            ("media", self._exchange_media),
            ("data", self._exchange_data),
            ("reconnect", self._reconnect),
        )
        healthy = True
        async with trio.open_nursery() as self._nursery:
            for name, check in checks:
                healthy = await self._try(name, check) if healthy else self._skip(name)
            self._nursery.cancel_scope.cancel()
        return healthy

    def _skip(self, name: str) -> bool:
        self._add(Step(name, "skipped", detail="needs what failed"))
        return False

    def _add(self, step: Step) -> None:
        self.steps.append(step)
        self.report(step)

    async def _try(self, name: str, check: Callable[[], Awaitable[str]]) -> bool:
        await trio.lowlevel.checkpoint()
        started = trio.current_time()
        detail = advice = ""
        status: Status = "failed"
        try:
            with trio.fail_after(_PATIENCE):
                detail = await check()
            status = "ok"
        except _Unneeded as failure:
            status, detail, advice = "warning", str(failure), failure.advice
        except _NotApplicable as reason:
            status, detail = "skipped", str(reason)
        except _Failed as failure:
            detail, advice = str(failure), failure.advice
        except trio.TooSlowError:
            detail = f"not over within {_PATIENCE:g} s"
            advice = "the network or the server is slow, or packets get lost"
        except (LiveKitError, ValueError, ExceptionGroup) as error:
            found = first_leaf(error)
            if not isinstance(found, (LiveKitError, ValueError)):
                raise
            detail, advice = printable(str(found), _LONG), _advice_for(found)
        seconds = trio.current_time() - started
        self._add(Step(name, status, seconds, detail, advice))
        return status != "failed"

    # The way to the server

    @property
    def _dialer(self) -> Dialer:
        return Dialer(self.network, ssl_context=self.ssl_context)

    async def _reach_proxy(self) -> str:
        await trio.lowlevel.checkpoint()
        proxy = self._dialer.proxy_for(self.url)
        if proxy is None:
            raise _NotApplicable("none is used")
        stream = await self._dialer.reach(proxy)
        await trio.aclose_forcefully(stream)
        return str(proxy)

    async def _resolve(self) -> str:
        target = SignalUrl.parse(self.url)
        if self._dialer.proxy_for(self.url) is not None:
            raise _NotApplicable("the proxy looks it up")
        try:
            found = await self.network.resolve(target.host, target.port)
        except OSError as error:
            raise _Failed(
                f"{target.host} has no address ({error.strerror or error})",
                "check the host name in the URL, and the name server of this machine",
            ) from error
        return f"{target.host} is {', '.join(dict.fromkeys(address[0] for address in found))}"

    async def _connect(self) -> str:
        target = SignalUrl.parse(self.url)
        opener = self._dialer.opener(self.url)
        stream = await open_stream(target, self.ssl_context, opener, _PATIENCE)
        await trio.aclose_forcefully(stream)
        how = "TCP and TLS" if target.secure else "TCP, without TLS"
        return f"{target.place} by {how}{opener.through}"

    async def _find_regions(self) -> str:
        import httpx

        target = SignalUrl.parse(self.url)
        if not is_cloud(target.host):
            raise _NotApplicable("only LiveKit Cloud has regions")
        transport = NetworkTransport(self._dialer.opener(self.url), self.ssl_context)
        async with httpx.AsyncClient(transport=transport) as client:
            headers = {"Authorization": f"Bearer {self.tokens('doctor')}"}
            urls = await Regions(client, target.http("")).list(headers)
        if not urls:
            raise _Failed(
                "the regions could not be fetched",
                "check key and secret; without regions there is no failover",
            )
        return ", ".join(url.partition("//")[2] for url in urls)

    async def _make_token(self) -> str:
        await trio.lowlevel.checkpoint()
        self.tokens("doctor-1")
        return "made"

    # A call

    def _options(self, seconds: float = _PATIENCE - 3) -> RoomOptions:
        """For a join whose error says what took so long, before the step is given up."""
        options = RoomOptions(network=self.network, ssl_context=self.ssl_context, join_retries=0)
        return replace(options, timeouts=replace(options.timeouts, transport=seconds))

    async def _probe(self, policy: IcePolicy, advice: str) -> str:
        """Join in one way alone."""
        options = replace(self._options(_PROBE_SECONDS), ice=policy)
        try:
            async with open_room(self.url, self.tokens("doctor-1"), options) as room:
                return _describe(room.media_paths)
        except (ConnectTimeout, IceFailed) as error:
            raise _Unneeded(printable(str(error), _LONG), advice) from error

    async def _open_signalling(self) -> str:
        async with open_signal(
            self.url,
            self.tokens("doctor-1"),
            ssl_context=self.ssl_context,
            connect=self._dialer.opener(self.url),
            wall_time=self.network.wall_time,
        ) as signal:
            join = signal.join
            named = join.ice_servers if join is not None else []
            urls = [url for server in named for url in server.urls]
            self._turn = [url for url in urls if parse_turn_url(url) is not None]
            info = join.server_info if join is not None else None
            version = f"LiveKit {info.version}" if info is not None and info.version else "a server"
            return f"{version}, {signal.version}"

    async def _probe_relay(self) -> str:
        if not self._turn:
            raise _NotApplicable("the server names no TURN server")
        advice = f"let UDP or TCP pass to the TURN server ({', '.join(self._turn)})"
        return await self._probe(IcePolicy(relay_only=True), printable(advice, _LONG))

    async def _join(self) -> str:
        try:
            for number in (1, 2):
                token = self.tokens(f"doctor-{number}")
                room = await connect_room(self._nursery, self.url, token, self._options())
                self._rooms.append(room)
        except ConnectTimeout as error:  # signalling has worked
            raise _Failed(printable(str(error), _LONG), _ICE_ADVICE) from error
        return _describe(self._rooms[0].media_paths)

    async def _exchange_media(self) -> str:
        one, two = self._rooms
        delays: list[float] = []
        async with trio.open_nursery() as nursery:
            for sender, receiver in ((one, two), (two, one)):
                nursery.start_soon(self._send_sound, sender, receiver, delays)
        return f"sound both ways, first heard after {max(delays) * 1000:.0f} ms"

    async def _send_sound(self, sender: Room, receiver: Room, delays: list[float]) -> None:
        started = trio.current_time()
        subscribed = receiver.events(TrackSubscribed)
        async with _publishing(sender):
            track = (await subscribed.receive()).track
            frames, heard = track.frames(), 0
            await frames.receive()
            delays.append(trio.current_time() - started)
            while heard < _FRAMES:
                await frames.receive()
                heard += 1

    async def _exchange_data(self) -> str:
        await trio.lowlevel.checkpoint()
        times = [await self._ping(str(number)) for number in range(_PINGS)]
        return f"round trip {sorted(times)[_PINGS // 2] * 1000:.1f} ms"

    async def _ping(self, text: str) -> float:
        one, two = self._rooms
        started = trio.current_time()
        for sender, receiver in ((one, two), (two, one)):
            with receiver.events(DataReceived, replay=False) as events:
                await sender.local_participant.publish_data(text, topic="doctor")
                await events.receive()
        await trio.lowlevel.checkpoint()
        return trio.current_time() - started

    async def _reconnect(self) -> str:
        room = self._rooms[0]
        with room.events(Reconnected, replay=False) as events:
            await room.simulate("signal_reconnect")
            kind = (await events.receive()).kind
        await self._ping("again")
        return f"by a {kind}, data goes on"


@asynccontextmanager
async def _publishing(room: Room) -> AsyncGenerator[None, None]:
    """Publish sound for the time of the block."""
    async with (
        room.local_participant.publish_track(media.OPUS) as track,
        trio.open_nursery() as nursery,
    ):

        async def send() -> None:
            number = 0
            while True:
                await track.send(EncodedFrame(_SOUND, number * 0.02, 0.02))
                number += 1

        nursery.start_soon(send)
        yield
        nursery.cancel_scope.cancel()


def _describe(paths: Sequence[MediaPath]) -> str:
    """Which ways media takes, such as ``udp to 192.0.2.1 port 7882 (1.2 ms)``."""
    told: list[str] = []
    for path in paths:
        delay = "" if path.round_trip is None else f" ({path.round_trip * 1000:.1f} ms)"
        how = f"{path.transport} through a relay" if path.relayed else path.transport
        told.append(f"{how} to {path.remote[0]} port {path.remote[1]}{delay}")
    return ", ".join(told) or "connected"


def _advice_for(error: Exception) -> str:
    for kind, advice in _ADVICE:
        if isinstance(error, kind):
            return advice
    return ""

"""The relays of one peer connection: TURN clients, and the paths that lead through them.

Theory of operation: each TURN server that is asked is reached over a path, a UDP socket or a stream
of its own. Its relay is one more path, on which ICE sends and receives as on any other: what goes
out there is wrapped for the server, and what the server hands over is unwrapped and comes in there.

A server that names another one is followed, twice at most. Several servers are asked at once; ICE
takes the best way that works.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lktrio.rtc.base import NEVER, Address, RandomBytes, Transmit
from lktrio.rtc.ice.candidate import Candidate, relay_candidate
from lktrio.rtc.paths import CloseStream, Framing, NewPath, OpenStream, StreamRequest
from lktrio.rtc.turn import Allocated, AllocationFailed, TurnClient, TurnCredentials, TurnStats

__all__ = ["RelayEvent", "RelayFailed", "RelayOpened", "Relays", "TurnServer"]

_MAX_RELAYS = 8
_MAX_ALTERNATES = 2
_PREFERENCES = {"udp": 3, "tcp": 2, "tls": 1}  # which relay is better


@dataclass(frozen=True, slots=True)
class TurnServer:
    """A TURN server, its name resolved."""

    address: Address
    """Where it is."""
    transport: str
    """How it is reached: ``"udp"``, ``"tcp"`` or ``"tls"``."""
    credentials: TurnCredentials
    """What it wants to know."""
    name: str = ""
    """Its host name, which its certificate must bear."""
    alternates: int = 0
    """How many other servers have sent us to it."""


@dataclass(frozen=True, slots=True)
class RelayOpened:
    """There is a relay."""

    path: int
    """Its path."""
    candidate: Candidate
    """Its address."""


@dataclass(frozen=True, slots=True)
class RelayFailed:
    """There is no relay, or none any more."""

    path: int
    """Its path."""
    reason: str
    """For a log."""


RelayEvent: TypeAlias = RelayOpened | RelayFailed


@dataclass(slots=True, eq=False)
class _Relay:
    server: TurnServer
    client: TurnClient
    path: int
    """The relay's own."""
    via: int
    """The path that leads to the server."""
    renewed: TurnServer | None = None
    """The same server with other credentials, for when it takes those of the relay no more."""


class Relays:
    """The TURN clients of one peer connection.

    Args:
        random: Source of randomness.
        new_path: Numbers paths.

    Attributes:
        streams: Streams to open and close; swap it out whole after every call.
        events: What happened; swap it out whole after every call.
        stats: Counters of all clients.
    """

    def __init__(self, random: RandomBytes, new_path: NewPath) -> None:
        self.streams: list[StreamRequest] = []
        self.events: deque[RelayEvent] = deque()
        self.stats = TurnStats()
        self._random = random
        self._new_path = new_path
        self._relays: dict[int, _Relay] = {}
        self._servers: dict[tuple[int, Address], _Relay] = {}

    def __bool__(self) -> bool:
        return bool(self._relays)

    def transport(self, path: int) -> str | None:
        """How the server of a relay is reached; None if the path is no relay."""
        relay = self._relays.get(path)
        return None if relay is None else relay.server.transport

    def add(self, server: TurnServer, socket: int | None, now: float) -> bool:
        """Ask a server for a relay.

        Args:
            server: The server.
            socket: For UDP: the path of the socket to reach it with.
            now: The time.

        Returns:
            Whether it was asked; one that relays for us already is not asked again, as long as it
            takes the credentials that it was asked with (RFC 8656 section 5: they cannot change).
        """
        reliable = server.transport != "udp"
        known = self._known(server)
        if known is not None:
            known.renewed = server if server.credentials != known.server.credentials else None
            return False
        if len(self._relays) >= _MAX_RELAYS or (socket is None and not reliable):
            return False
        via = self._new_path() if reliable or socket is None else socket
        client = TurnClient(
            server.credentials,
            stats=self.stats,
            random=self._random,
            reliable=reliable,
            ipv6=":" in server.address[0],
        )
        relay = _Relay(server, client, self._new_path(), via)
        self._relays[relay.path] = self._servers[via, server.address] = relay
        if reliable:
            tls = (server.name or server.address[0]) if server.transport == "tls" else None
            self.streams.append(OpenStream(via, server.address, Framing.TURN, tls))
        else:
            client.start(now)
        return True

    def _known(self, server: TurnServer) -> _Relay | None:
        for relay in self._relays.values():
            if relay.server.address == server.address and (
                relay.server.transport == server.transport
            ):
                return relay
        return None

    def stream_opened(self, path: int, now: float) -> None:
        """A stream is there; others than ours are left alone."""
        for relay in self._via(path):
            relay.client.start(now)

    def path_closed(self, path: int) -> None:
        """A stream or a socket is gone."""
        for relay in self._via(path):
            if relay.server.transport == "udp":
                relay.renewed = None
            relay.client.fail("the way to the TURN server is closed")

    def _via(self, path: int) -> list[_Relay]:
        return [relay for relay in self._relays.values() if relay.via == path]

    def receive(
        self, data: bytes, path: int, source: Address, now: float
    ) -> tuple[int, bytes, Address] | None:
        """Take what a server sent: relay, datagram and peer, if it handed one over.

        Raises:
            LookupError: It is no message of a TURN server of ours.
        """
        relay = self._servers.get((path, source))
        if relay is None or not relay.client.knows(data):
            raise LookupError
        unwrapped = relay.client.receive(data, now)
        return None if unwrapped is None else (relay.path, *unwrapped)

    def wrap(self, out: Sequence[Transmit], now: float) -> list[Transmit]:
        """Let what is to be sent over relays go to their servers."""
        direct: list[Transmit] = []
        for item in out:
            relay = self._relays.get(item[0])
            if relay is None:
                direct.append(item)
            else:
                relay.client.send(item[1], item[2], now)
        return direct + self._collect()

    def _collect(self) -> list[Transmit]:
        found: list[Transmit] = []
        for relay in self._relays.values():
            if relay.client.out:
                out, relay.client.out = relay.client.out, []
                found += [(relay.via, relay.server.address, data) for data in out]
        return found

    def settle(self, now: float) -> None:
        """Bring what happened in the clients into `events`."""
        for relay in list(self._relays.values()):
            while relay.client.events:
                event = relay.client.events.popleft()
                if isinstance(event, Allocated):
                    preference = _PREFERENCES[relay.server.transport]
                    candidate = relay_candidate(event.relayed, event.mapped, preference)
                    self.events.append(RelayOpened(relay.path, candidate))
                    continue
                reason = event.reason if isinstance(event, AllocationFailed) else "moved"
                self._drop(relay)
                self.events.append(RelayFailed(relay.path, reason))
                if not isinstance(event, AllocationFailed):
                    self._follow(relay, event.server, now)
                elif relay.renewed is not None:
                    self.add(relay.renewed, relay.via, now)

    def _follow(self, relay: _Relay, address: Address, now: float) -> None:
        old = relay.server
        if old.alternates < _MAX_ALTERNATES:
            server = TurnServer(
                address, old.transport, old.credentials, old.name, old.alternates + 1
            )
            self.add(server, relay.via if old.transport == "udp" else None, now)

    def _drop(self, relay: _Relay) -> None:
        del self._relays[relay.path]
        del self._servers[relay.via, relay.server.address]
        if relay.server.transport != "udp":
            self.streams.append(CloseStream(relay.via))

    def next_timer(self) -> float:
        """When `handle_timer` is to be called next."""
        return min((relay.client.next_timer() for relay in self._relays.values()), default=NEVER)

    def handle_timer(self, now: float) -> None:
        """Let time pass."""
        for relay in self._relays.values():
            relay.client.handle_timer(now)

    def close(self, now: float) -> list[Transmit]:
        """Give all relays back; what to send for it."""
        for relay in self._relays.values():
            relay.client.close(now)
        farewells = self._collect()
        for relay in list(self._relays.values()):
            self._drop(relay)
        return farewells

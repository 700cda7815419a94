"""Finding our own public addresses: a client of STUN servers.

Theory of operation
-------------------

For each pair of local socket and server one Binding request goes out, without credentials, and is
repeated with doubling pauses until the response tells the address that the server saw. An address
that is not the socket's own becomes a server-reflexive candidate, once for each socket.

Responses are accepted only for a transaction of ours, on the same socket and from the server that
was asked. Nobody vouches for their content: a wrong address merely makes a candidate that never
connects.

Implements RFC 8445 section 5.1.1.2 and RFC 8489 section 7 over UDP.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.base import NEVER, Address, RandomBytes, Transmit
from lktrio.rtc.ice.candidate import Candidate, normalize_host, reflexive_candidate
from lktrio.rtc.ice.stun import TRANSACTION_ID_SIZE, Attribute, StunClass, StunMessage, StunMethod

__all__ = ["CandidateGathered", "GatherEvent", "GatheringFailed", "StunGatherer"]

_INITIAL_TIMEOUT = 0.25  # seconds; RFC 8489 section 6.2.1 allows less than 0.5 on known links
_BACKOFF = 2.0
_GIVE_UP_AFTER = 5.0  # seconds: five requests
_MAX_REQUESTS = 64


@dataclass(frozen=True, slots=True)
class CandidateGathered:
    """A server told a new address of ours."""

    candidate: Candidate
    """The server-reflexive candidate, for `IceAgent.add_local_candidate`."""
    path: int
    """Local socket."""
    server: Address
    """Who told."""


@dataclass(frozen=True, slots=True)
class GatheringFailed:
    """A server did not answer, or refused."""

    path: int
    """Local socket."""
    server: Address
    """Who was asked."""
    reason: str
    """For a log."""


GatherEvent: TypeAlias = CandidateGathered | GatheringFailed
"""What `StunGatherer.events` holds."""


@dataclass(slots=True, eq=False)
class _Request:
    path: int
    server: Address
    base: Candidate
    datagram: bytes
    next_send: float
    timeout: float
    gives_up: float


class StunGatherer:
    """Asks STUN servers for server-reflexive candidates.

    Args:
        random: Source of transaction ids.

    Attributes:
        out: Datagrams to send; swap it out whole after every call.
        events: `CandidateGathered` and `GatheringFailed`; swap it out whole after every call.
        dropped: Responses that were damaged or came from somebody else.
    """

    def __init__(self, *, random: RandomBytes) -> None:
        self.out: list[Transmit] = []
        self.events: deque[GatherEvent] = deque()
        self.dropped = 0
        self._random = random
        self._requests: dict[bytes, _Request] = {}
        self._found: set[tuple[int, Address]] = set()

    @property
    def is_done(self) -> bool:
        """Whether no request waits for an answer."""
        return not self._requests

    def ask(self, server: Address, base: Candidate, path: int, now: float) -> None:
        """Ask one server about one socket.

        Args:
            server: Numeric address and port, of the address family of `base`.
            base: The host candidate of the socket.
            path: The driver's number of the socket.
            now: Seconds.

        Raises:
            ValueError: The address families differ.
        """
        if (":" in server[0]) != (":" in base.address):
            raise ValueError(f"a socket on {base.address} cannot reach {server[0]}")
        if len(self._requests) >= _MAX_REQUESTS:
            self.events.append(GatheringFailed(path, server, "too many requests at once"))
            return
        transaction_id = self._random(TRANSACTION_ID_SIZE)
        message = StunMessage(StunMethod.BINDING, StunClass.REQUEST, transaction_id)
        request = _Request(
            path=path,
            server=server,
            base=base,
            datagram=message.serialize(),
            next_send=now,
            timeout=_INITIAL_TIMEOUT,
            gives_up=now + _GIVE_UP_AFTER,
        )
        self._requests[transaction_id] = request
        self._send(request, now)

    def receive(self, data: bytes, path: int, address: Address) -> bool:
        """Take a STUN datagram.

        Args:
            data: The datagram.
            path: Where it arrived.
            address: Where it came from.

        Returns:
            Whether it belonged to a request of ours; if not, it is for the ICE agent.
        """
        request = self._requests.get(data[8:20])
        if request is None:
            return False
        if (path, address) != (request.path, request.server):
            self.dropped += 1
            return True
        try:
            self._on_response(request, StunMessage.parse(data))
        except RemoteProtocolError:
            self.dropped += 1
        return True

    def next_timer(self) -> float:
        """When `handle_timer` is to be called next."""
        if not self._requests:  # as a rule, and the driver asks with every batch of packets
            return NEVER
        return min(min(request.next_send, request.gives_up) for request in self._requests.values())

    def handle_timer(self, now: float) -> None:
        """Repeat requests and give up on servers that stay silent."""
        for transaction_id, request in list(self._requests.items()):
            if now >= request.gives_up:
                del self._requests[transaction_id]
                self.events.append(GatheringFailed(request.path, request.server, "no answer"))
            elif now >= request.next_send:
                self._send(request, now)

    def forget(self, path: int) -> None:
        """A socket is gone: wait for no answers on it."""
        gone = [number for number, request in self._requests.items() if request.path == path]
        for number in gone:
            del self._requests[number]
        self._found = {found for found in self._found if found[0] != path}

    def close(self) -> None:
        """Forget all requests."""
        self._requests.clear()

    def _send(self, request: _Request, now: float) -> None:
        self.out.append((request.path, request.server, request.datagram))
        request.next_send = now + request.timeout
        request.timeout *= _BACKOFF

    def _on_response(self, request: _Request, message: StunMessage) -> None:
        if message.message_class is StunClass.ERROR:
            code, reason = message.get_error() or (0, "")
            self.events.append(
                GatheringFailed(request.path, request.server, f"{code} {reason}".strip())
            )
        elif message.message_class is StunClass.SUCCESS:
            self._on_mapped(request, _mapped_address(message))
        else:
            raise RemoteProtocolError("a STUN request with a transaction id of ours")
        del self._requests[message.transaction_id]

    def _on_mapped(self, request: _Request, mapped: Address) -> None:
        base = request.base
        key = (request.path, mapped)
        if mapped == (base.address, base.port) or key in self._found:
            return
        self._found.add(key)
        candidate = reflexive_candidate(base, mapped, server=request.server[0])
        self.events.append(CandidateGathered(candidate, request.path, request.server))


def _mapped_address(message: StunMessage) -> Address:
    """XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS of a server from before RFC 5389."""
    address = message.get_address(Attribute.XOR_MAPPED_ADDRESS)
    address = address or message.get_address(Attribute.MAPPED_ADDRESS)
    host = None if address is None else normalize_host(address[0])
    if address is None or host is None or not address[1]:
        raise RemoteProtocolError("a STUN response without a usable address")
    return host, address[1]

"""A client of one TURN server: one allocation, its permissions and its channels (RFC 8656).

Theory of operation
-------------------

The first request goes out without credentials, and the server answers it with its realm and a
nonce (401). From then on every request is authenticated with the long-term key. A nonce that has
become stale (438) is replaced by the one that comes with the error, and the request repeated; a
server that says so again and again is given up.

Before anything is sent to a peer, the server needs a permission for its IP address. It is asked
for with the first datagram, of which the newest waits meanwhile. ICE checks travel in Send
indications, 36 bytes more each. With the first datagram that is no STUN, a channel is bound to the
peer's address, which costs four bytes. Allocation, permissions and channels are renewed in time,
for as long as they are in use.

::

    allocation   NEW  start --> ALLOCATING  success --> ALLOCATED  close --> CLOSED
                                  |  401, 438: again       |  refused, no answer, 437
                                  |  300: TryAlternate     v
                                  `--------------------> FAILED (AllocationFailed)
    permission   (none)  datagram --> ASKED  success --> GRANTED  4 min --> asked again
                                       `---- refused --> REFUSED (until 5 min are over)
    channel      (none)  datagram --> ASKED  success --> BOUND  9 min --> asked again
                                       `---- refused --> REFUSED: indications go on

Everything that comes is taken from the server's address alone; the caller sees to that. A response
must be one to a request of ours, and authentic where the request was; indications are not
authenticated, and what they carry is judged as if it had come straight from the peer.

Implements RFC 8656 for UDP relays, over UDP and streams, with RFC 8489 section 9.2 (long-term
credentials with MD5), and ALTERNATE-SERVER.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.base import NEVER, Address, RandomBytes
from lktrio.rtc.ice.candidate import normalize_host
from lktrio.rtc.ice.stun import TRANSACTION_ID_SIZE, Attribute, StunClass, StunMessage, StunMethod
from lktrio.rtc.turn.framing import CHANNEL_HEADER, is_channel_data

__all__ = [
    "Allocated",
    "AllocationFailed",
    "TryAlternate",
    "TurnClient",
    "TurnCredentials",
    "TurnEvent",
    "TurnStats",
]

_UDP = 17  # REQUESTED-TRANSPORT, RFC 8656 section 18.9
_IPV4, _IPV6 = 1, 2
_TRY_ALTERNATE, _UNAUTHENTICATED, _MISMATCH, _STALE_NONCE = 300, 401, 437, 438
_FIRST_CHANNEL, _LAST_CHANNEL = 0x4000, 0x4FFF
_STUN_BELOW = 4

_INITIAL_TIMEOUT = 0.25  # seconds
_BACKOFF = 2.0
_PATIENCE = 8.0  # seconds for an answer, over streams too
_REFRESH_BEFORE = 60.0  # seconds before an allocation ends
_PERMISSION_REFRESH = 240.0  # RFC 8656 section 9: it lives for 300 s
_CHANNEL_REFRESH = 540.0  # section 12: it lives for 600 s
_IDLE = 600.0  # what nobody has used for so long is not renewed
_MAX_PEERS = 64
_MAX_CHALLENGES = 3  # in a row
_MAX_LIFETIME = 3600.0


class _State(Enum):
    """See the table above."""

    NEW = "new"
    ALLOCATING = "allocating"
    ALLOCATED = "allocated"
    FAILED = "failed"
    CLOSED = "closed"


class _Grant(Enum):
    """Of permissions and channels; see the table above."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TurnCredentials:
    """What a server wants to know (long-term credentials)."""

    username: str
    """User name."""
    password: str = field(repr=False)
    """Its password."""


@dataclass(frozen=True, slots=True)
class Allocated:
    """The server relays for us."""

    relayed: Address
    """Where peers send to."""
    mapped: Address
    """Our own address, as the server sees it."""


@dataclass(frozen=True, slots=True)
class AllocationFailed:
    """The server does not relay for us, or does no more."""

    reason: str
    """For a log."""


@dataclass(frozen=True, slots=True)
class TryAlternate:
    """The server wants us to ask another one, with the same credentials."""

    server: Address
    """The other one."""


TurnEvent: TypeAlias = Allocated | AllocationFailed | TryAlternate
"""What `TurnClient.events` holds."""


@dataclass(slots=True)
class TurnStats:
    """Counters."""

    dropped_malformed: int = 0
    """Messages that are no acceptable TURN."""
    dropped_unauthenticated: int = 0
    """Responses with missing or wrong integrity."""
    dropped_stale: int = 0
    """Responses to nothing, and data of channels that are not bound."""
    dropped_limit: int = 0
    """Datagrams to more peers than can be kept, or to those that the server refuses."""


@dataclass(slots=True, eq=False)
class _Request:
    """A transaction under way."""

    method: StunMethod
    peer: Address | None
    message: bytes
    next_send: float
    timeout: float
    gives_up: float
    authenticated: bool


@dataclass(slots=True, eq=False)
class _Lease:
    """A permission or a channel."""

    state: _Grant = _Grant.ASKED
    renew_at: float = NEVER
    used_at: float = 0.0
    number: int = 0


class TurnClient:
    """One allocation.

    Args:
        credentials: For the server.
        random: Source of transaction ids.
        reliable: Whether it is reached over a stream, where nothing has to be repeated.
        ipv6: Whether to ask for a relayed address of IPv6.
        stats: Where to count.

    Attributes:
        out: Messages for the server; swap it out whole after every call.
        events: What happened; swap it out whole after every call.
        stats: Counters.
    """

    def __init__(
        self,
        credentials: TurnCredentials,
        *,
        random: RandomBytes,
        reliable: bool,
        ipv6: bool = False,
        stats: TurnStats | None = None,
    ) -> None:
        self.out: list[bytes] = []
        self.events: deque[TurnEvent] = deque()
        self.stats = stats or TurnStats()
        self._credentials = credentials
        self._random = random
        self._reliable = reliable
        self._ipv6 = ipv6
        self._state = _State.NEW
        self._realm = ""
        self._nonce = b""
        self._key: bytes | None = None
        self._challenges = 0
        self._refresh_at = NEVER
        self._requests: dict[bytes, _Request] = {}
        self._permissions: dict[str, _Lease] = {}
        self._channels: dict[Address, _Lease] = {}
        self._peers: dict[int, Address] = {}
        self._held: dict[Address, bytes] = {}

    # The allocation

    def start(self, now: float) -> None:
        """Ask for an address; `Allocated` or something else follows."""
        self._state = _State.ALLOCATING
        self._ask(StunMethod.ALLOCATE, now)

    def fail(self, reason: str) -> None:
        """The server cannot be reached any more."""
        if self._state not in (_State.FAILED, _State.CLOSED):
            self._forget(_State.FAILED)
            self.events.append(AllocationFailed(reason))

    def close(self, now: float) -> None:
        """Give the address back, without waiting for an answer. Idempotent."""
        if self._state is _State.ALLOCATED:
            self._ask(StunMethod.REFRESH, now, lifetime=0)
        self._forget(_State.CLOSED)

    def _forget(self, state: _State) -> None:
        self._state = state
        self._refresh_at = NEVER
        for table in (self._requests, self._permissions, self._channels, self._peers, self._held):
            table.clear()

    # Traffic

    def send(self, peer: Address, data: bytes, now: float) -> None:
        """Send a datagram to a peer through the relay; it may wait for its permission, or not."""
        if self._state is not _State.ALLOCATED:
            self.stats.dropped_limit += 1
            return
        permission = self._permissions.get(peer[0])
        if permission is None or permission.state is _Grant.ASKED:
            self._hold(peer, data, now)
        elif permission.state is _Grant.REFUSED:
            self.stats.dropped_limit += 1
        else:
            permission.used_at = now
            self._pass_on(peer, data, now)

    def _hold(self, peer: Address, data: bytes, now: float) -> None:
        """Keep the newest datagram for a peer until there is a permission."""
        if peer[0] not in self._permissions:
            if len(self._permissions) >= _MAX_PEERS or (":" in peer[0]) is not self._ipv6:
                self.stats.dropped_limit += 1
                return
            self._permissions[peer[0]] = _Lease(used_at=now)
            self._ask(StunMethod.CREATE_PERMISSION, now, peer)
        if peer in self._held or len(self._held) < _MAX_PEERS:
            self._held[peer] = data
        else:
            self.stats.dropped_limit += 1

    def _pass_on(self, peer: Address, data: bytes, now: float) -> None:
        channel = self._channels.get(peer)
        if channel is not None and channel.state is _Grant.GRANTED:
            channel.used_at = now
            padding = bytes(-len(data) & 3) if self._reliable else b""
            self.out.append(CHANNEL_HEADER.pack(channel.number, len(data)) + data + padding)
            return
        if channel is None and data and data[0] >= _STUN_BELOW:
            self._bind(peer, now)
        message = StunMessage(
            StunMethod.SEND, StunClass.INDICATION, self._random(TRANSACTION_ID_SIZE)
        )
        message.add_address(Attribute.XOR_PEER_ADDRESS, peer)
        message.add(Attribute.DATA, data)
        try:
            self.out.append(message.serialize(fingerprint=False))
        except LocalProtocolError:  # longer than what fits into a datagram
            self.stats.dropped_limit += 1

    def _bind(self, peer: Address, now: float) -> None:
        number = _FIRST_CHANNEL + len(self._channels)  # channels are never forgotten
        if len(self._channels) < _MAX_PEERS and number <= _LAST_CHANNEL:
            self._channels[peer] = _Lease(number=number, used_at=now)
            self._ask(StunMethod.CHANNEL_BIND, now, peer)

    # Input

    def receive(self, data: bytes, now: float) -> tuple[bytes, Address] | None:
        """Take a message of the server: a datagram of a peer and who sent it, or None."""
        try:
            if is_channel_data(data):
                return self._on_channel_data(data)
            message = StunMessage.parse(data)
            if message.message_class is StunClass.INDICATION:
                return self._on_indication(message)
            self._on_response(message, now)
        except RemoteProtocolError:
            self.stats.dropped_malformed += 1
        return None

    def knows(self, data: bytes) -> bool:
        """Whether a message is for this client, and not for another protocol at that server."""
        if is_channel_data(data):
            return True
        kind = int.from_bytes(data[:2], "big")
        indication = kind == (StunMethod.DATA | StunClass.INDICATION)
        return indication or data[8:20] in self._requests

    def _on_channel_data(self, data: bytes) -> tuple[bytes, Address] | None:
        number, length = CHANNEL_HEADER.unpack_from(data)
        peer = self._peers.get(number)
        if peer is None:
            self.stats.dropped_stale += 1
            return None
        if CHANNEL_HEADER.size + length > len(data):
            raise RemoteProtocolError("ChannelData is shorter than it says")
        return data[CHANNEL_HEADER.size : CHANNEL_HEADER.size + length], peer

    def _on_indication(self, message: StunMessage) -> tuple[bytes, Address] | None:
        peer = message.get_address(Attribute.XOR_PEER_ADDRESS)
        data = message.get(Attribute.DATA)
        if message.method != StunMethod.DATA or peer is None or data is None:
            raise RemoteProtocolError("a TURN indication lacks what it is for")
        if peer[0] not in self._permissions:
            self.stats.dropped_stale += 1
            return None
        return data, peer

    def _on_response(self, message: StunMessage, now: float) -> None:
        request = self._requests.get(message.transaction_id)
        if request is None or message.method != request.method:
            self.stats.dropped_stale += 1
            return
        error = message.get_error() if message.message_class is StunClass.ERROR else None
        challenged = error is not None and error[0] in (_UNAUTHENTICATED, _STALE_NONCE)
        authentic = self._key is not None and message.verify(self._key)
        if request.authenticated and not authentic and not challenged:
            self.stats.dropped_unauthenticated += 1
            return
        if message.message_class is StunClass.SUCCESS:
            self._on_success(request, message, now)
        elif error is None:
            raise RemoteProtocolError("a TURN error response lacks ERROR-CODE")
        else:
            self._on_error(request, message, error, now)
        self._requests.pop(message.transaction_id, None)

    def _on_success(self, request: _Request, message: StunMessage, now: float) -> None:
        if not request.authenticated:
            raise RemoteProtocolError("a TURN server that wants no credentials")
        self._challenges = 0
        if request.method in (StunMethod.ALLOCATE, StunMethod.REFRESH):
            self._on_lifetime(request, message, now)
        elif request.method is StunMethod.CREATE_PERMISSION and request.peer is not None:
            self._grant(self._permissions.get(request.peer[0]), now + _PERMISSION_REFRESH)
            for peer in [peer for peer in self._held if peer[0] == request.peer[0]]:
                self._pass_on(peer, self._held.pop(peer), now)
        elif request.peer is not None:
            channel = self._channels.get(request.peer)
            self._grant(channel, now + _CHANNEL_REFRESH)
            if channel is not None:
                self._peers[channel.number] = request.peer

    @staticmethod
    def _grant(lease: _Lease | None, renew_at: float) -> None:
        if lease is not None:
            lease.state, lease.renew_at = _Grant.GRANTED, renew_at

    def _on_lifetime(self, request: _Request, message: StunMessage, now: float) -> None:
        relayed = mapped = None
        if request.method is StunMethod.ALLOCATE:
            relayed = _usable(message.get_address(Attribute.XOR_RELAYED_ADDRESS))
            mapped = _usable(message.get_address(Attribute.XOR_MAPPED_ADDRESS))
        lifetime = min(float(message.get_uint32(Attribute.LIFETIME) or 0), _MAX_LIFETIME)
        self._refresh_at = now + max(lifetime - _REFRESH_BEFORE, lifetime / 2, 1.0)
        if relayed is not None and mapped is not None:
            self._state = _State.ALLOCATED
            self.events.append(Allocated(relayed, mapped))

    def _on_error(
        self, request: _Request, message: StunMessage, error: tuple[int, str], now: float
    ) -> None:
        code, phrase = error
        if code == _STALE_NONCE or (code == _UNAUTHENTICATED and not request.authenticated):
            self._on_challenge(request, message, now)
        elif code == _TRY_ALTERNATE and request.method is StunMethod.ALLOCATE:
            server = _usable(message.get_address(Attribute.ALTERNATE_SERVER))
            self._forget(_State.FAILED)
            self.events.append(TryAlternate(server))
        elif request.method in (StunMethod.ALLOCATE, StunMethod.REFRESH) or code == _MISMATCH:
            self.fail(f"{code} {phrase}".strip())
        else:
            self._refuse(request, now)

    def _on_challenge(self, request: _Request, message: StunMessage, now: float) -> None:
        realm, nonce = message.get_text(Attribute.REALM), message.get(Attribute.NONCE)
        if nonce is None or (realm is None and not self._realm):
            raise RemoteProtocolError("a TURN challenge lacks realm or nonce")
        self._challenges += 1
        if self._challenges > _MAX_CHALLENGES:
            self.fail("the server takes no nonce of its own")
            return
        self._realm, self._nonce = realm or self._realm, nonce
        text = f"{self._credentials.username}:{self._realm}:{self._credentials.password}"
        self._key = hashlib.md5(text.encode(), usedforsecurity=False).digest()
        self._ask(request.method, now, request.peer)

    def _refuse(self, request: _Request, now: float) -> None:
        """The server wants nothing to do with a peer."""
        peer = request.peer
        if peer is None:
            return
        if request.method is StunMethod.CHANNEL_BIND:
            lease = self._channels.get(peer)
        else:
            lease = self._permissions.get(peer[0])
            for held in [held for held in self._held if held[0] == peer[0]]:
                del self._held[held]
                self.stats.dropped_limit += 1
        if lease is not None:
            lease.state, lease.renew_at = _Grant.REFUSED, NEVER

    # Requests

    def _ask(
        self,
        method: StunMethod,
        now: float,
        peer: Address | None = None,
        lifetime: int | None = None,
    ) -> None:
        message = StunMessage(method, StunClass.REQUEST, self._random(TRANSACTION_ID_SIZE))
        if method is StunMethod.ALLOCATE:
            message.add_uint32(Attribute.REQUESTED_TRANSPORT, _UDP << 24)
            family = _IPV6 if self._ipv6 else _IPV4
            message.add_uint32(Attribute.REQUESTED_ADDRESS_FAMILY, family << 24)
        if lifetime is not None:
            message.add_uint32(Attribute.LIFETIME, lifetime)
        if method is StunMethod.CHANNEL_BIND and peer is not None:
            message.add_uint32(Attribute.CHANNEL_NUMBER, self._channels[peer].number << 16)
        if peer is not None:
            message.add_address(Attribute.XOR_PEER_ADDRESS, peer)
        if self._key is not None:
            message.add(Attribute.USERNAME, self._credentials.username.encode())
            message.add(Attribute.REALM, self._realm.encode())
            message.add(Attribute.NONCE, self._nonce)
        try:
            data = message.serialize(self._key)
        except LocalProtocolError as error:  # a nonce or a user name without end
            self.fail(str(error))
            return
        request = _Request(
            method=method,
            peer=peer,
            message=data,
            next_send=NEVER if self._reliable else now + _INITIAL_TIMEOUT,
            timeout=_INITIAL_TIMEOUT * _BACKOFF,
            gives_up=now + _PATIENCE,
            authenticated=self._key is not None,
        )
        self._requests[message.transaction_id] = request
        self.out.append(data)

    # Time

    def next_timer(self) -> float:
        """When `handle_timer` is to be called next."""
        due = self._refresh_at
        for request in self._requests.values():
            due = min(due, request.next_send, request.gives_up)
        for lease in (*self._permissions.values(), *self._channels.values()):
            due = min(due, lease.renew_at)
        return due

    def handle_timer(self, now: float) -> None:
        """Repeat requests, renew what is in use, give up what is not answered."""
        for number, request in list(self._requests.items()):
            if now >= request.gives_up:
                self._requests.pop(number, None)
                self._unanswered(request, now)
            elif now >= request.next_send:
                self.out.append(request.message)
                request.next_send = now + request.timeout
                request.timeout *= _BACKOFF
        if now >= self._refresh_at:
            self._refresh_at = NEVER
            self._ask(StunMethod.REFRESH, now)
        for host, lease in list(self._permissions.items()):
            if now >= lease.renew_at:
                self._renew(StunMethod.CREATE_PERMISSION, (host, 0), lease, now)
        for peer, lease in list(self._channels.items()):
            if now >= lease.renew_at:
                self._renew(StunMethod.CHANNEL_BIND, peer, lease, now)

    def _unanswered(self, request: _Request, now: float) -> None:
        if request.method in (StunMethod.ALLOCATE, StunMethod.REFRESH):
            self.fail("the TURN server does not answer")
        else:
            self._refuse(request, now)

    def _renew(self, method: StunMethod, peer: Address, lease: _Lease, now: float) -> None:
        lease.renew_at = NEVER
        if now - lease.used_at < _IDLE:
            self._ask(method, now, peer)
        elif method is StunMethod.CREATE_PERMISSION:
            del self._permissions[peer[0]]
        else:
            lease.state = _Grant.REFUSED  # indications will do


def _usable(address: Address | None) -> Address:
    host = None if address is None else normalize_host(address[0])
    if address is None or host is None or not address[1]:
        raise RemoteProtocolError("a TURN response without a usable address")
    return host, address[1]

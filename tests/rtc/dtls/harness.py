"""Two DTLS endpoints and the virtual wire between them."""

from __future__ import annotations

import datetime
import functools
import hashlib
import heapq
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lktrio.rtc.dtls import Certificate, DtlsAborted, DtlsConnected, DtlsEndpoint, DtlsOptions
from lktrio.rtc.dtls.fragments import HandshakeMessage, parse_fragments
from lktrio.rtc.dtls.records import EPOCH_1, RECORD_HEADER, RECORD_HEADER_LENGTH
from lktrio.rtc.dtls.registry import DTLS_1_2, ContentType

LONG_AGO = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
LABEL = "EXTRACTOR-dtls_srtp"


class Random:
    """Deterministic bytes; the same seed gives the same handshake."""

    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.count = 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return hashlib.shake_128(f"{self.seed}/{self.count}".encode()).digest(size)


@functools.cache
def certificate(name: str) -> Certificate:
    """A certificate that is made once per test run."""
    assert name
    return Certificate.generate(LONG_AGO)


def endpoint(
    *,
    is_client: bool,
    options: DtlsOptions | None = None,
    own: Certificate | None = None,
    fingerprints: Iterable[tuple[str, str]] | None = None,
    seed: str = "",
) -> DtlsEndpoint:
    """One end that expects the other one made by this function."""
    role, peer = ("client", "server") if is_client else ("server", "client")
    if fingerprints is None:
        fingerprints = [("sha-256", certificate(peer).fingerprint())]
    return DtlsEndpoint(
        is_client=is_client,
        certificate=own or certificate(role),
        random=Random(seed + role),
        remote_fingerprints=list(fingerprints),
        options=options,
    )


def records(datagram: bytes) -> list[bytes]:
    """Cut a datagram into its records."""
    cut: list[bytes] = []
    position = 0
    while position < len(datagram):
        length = RECORD_HEADER.unpack_from(datagram, position)[3]
        end = position + RECORD_HEADER_LENGTH + length
        cut.append(datagram[position:end])
        position = end
    return cut


def drain(end: DtlsEndpoint) -> list[bytes]:
    """Take what an endpoint wants to send."""
    out, end.out = end.out, []
    return out


@dataclass
class Parcel:
    """A datagram on the wire, as the wire's rule sees it."""

    index: int
    """Number of the datagram in the order of sending, both directions together."""
    from_client: bool
    data: bytes


def deliver_all(parcel: Parcel) -> Iterable[tuple[float, bytes]]:
    """The perfect wire: every datagram arrives once after 10 ms."""
    return [(0.01, parcel.data)]


@dataclass
class Wire:
    """Carries datagrams between two endpoints in virtual time.

    ``rule`` decides for each datagram with which delays and contents it arrives; an empty answer
    loses it.
    """

    client: DtlsEndpoint
    server: DtlsEndpoint
    rule: Callable[[Parcel], Iterable[tuple[float, bytes]]] = deliver_all
    now: float = 0.0
    sent: list[Parcel] = field(default_factory=list)
    _queue: list[tuple[float, int, bool, bytes]] = field(default_factory=list)
    _order: int = 0

    def start(self) -> None:
        self.server.start(self.now)
        self.client.start(self.now)
        self.collect()

    def collect(self) -> None:
        """Put what both ends want to send on the wire."""
        for end in (self.client, self.server):
            for data in drain(end):
                parcel = Parcel(len(self.sent), end is self.client, data)
                self.sent.append(parcel)
                for delay, content in self.rule(parcel):
                    self.inject(content, to_client=end is self.server, delay=delay)

    def inject(self, data: bytes, *, to_client: bool, delay: float = 0.0) -> None:
        """Let a datagram arrive."""
        self._order += 1
        heapq.heappush(self._queue, (self.now + delay, self._order, to_client, data))

    def run(self, until: float = 60.0) -> None:
        """Advance the time until nothing happens any more, or to ``until``."""
        self.collect()
        while True:
            arrival = self._queue[0][0] if self._queue else math.inf
            timer = min(self.client.next_timer(), self.server.next_timer())
            due = min(arrival, timer)
            if due > until:
                return
            self.now = max(self.now, due)
            if arrival <= timer:
                _, _, to_client, data = heapq.heappop(self._queue)
                (self.client if to_client else self.server).receive(data, self.now)
            else:
                for end in (self.client, self.server):
                    if end.next_timer() <= self.now:
                        end.handle_timer(self.now)
            self.collect()


def rewriting(
    kind: int, change: Callable[[bytes], bytes]
) -> Callable[[Parcel], Iterable[tuple[float, bytes]]]:
    """A wire that replaces the body of every clear handshake message of type ``kind``.

    Only for endpoints whose options put each message into one fragment.
    """

    def rewrite(record: bytes) -> bytes:
        content_type, version, number, _ = RECORD_HEADER.unpack_from(record)
        if content_type != ContentType.HANDSHAKE or number >= EPOCH_1:
            return record
        (fragment,) = parse_fragments(record[RECORD_HEADER_LENGTH:])
        if fragment.type == kind:
            body = change(fragment.data)
            fragment = fragment._replace(length=len(body), data=body)
        content = fragment.serialize()
        return RECORD_HEADER.pack(content_type, version, number, len(content)) + content

    return lambda parcel: [(0.01, b"".join(rewrite(record) for record in records(parcel.data)))]


def plain_record(content_type: int, content: bytes, number: int = 1000) -> bytes:
    """A record in clear, as anybody can make it."""
    return RECORD_HEADER.pack(content_type, DTLS_1_2, number, len(content)) + content


def plain_message(kind: int, sequence: int, body: bytes) -> bytes:
    """A handshake message in one clear record."""
    message = HandshakeMessage(kind, sequence, body)
    return plain_record(ContentType.HANDSHAKE, message.serialize())


def connected_pair(options: DtlsOptions | None = None) -> Wire:
    """Two endpoints after their handshake, on a perfect wire."""
    wire = Wire(
        endpoint(is_client=True, options=options), endpoint(is_client=False, options=options)
    )
    wire.start()
    wire.run()
    assert_connected(wire)
    wire.client.events.clear()
    wire.server.events.clear()
    return wire


def assert_connected(wire: Wire) -> None:
    """Check that both ends are connected with the same keys and can talk."""
    client, server = wire.client, wire.server
    assert list(client.events) == [DtlsConnected()], client.events
    assert list(server.events) == [DtlsConnected()], server.events
    assert client.connected
    assert server.connected
    assert client.srtp_profile == server.srtp_profile
    assert client.export_keying_material(LABEL, 60) == server.export_keying_material(LABEL, 60)
    for sender, receiver in ((client, server), (server, client)):
        receiver.inbound.clear()
        sender.send(b"application data")
        for datagram in drain(sender):
            receiver.receive(datagram, wire.now)
        assert receiver.inbound == [b"application data"]
        receiver.inbound.clear()


def failure(end: DtlsEndpoint) -> str:
    """Return the reason of the endpoint's failure, its only event."""
    (event,) = end.events
    assert isinstance(event, DtlsAborted), event
    assert end.closed
    assert not end.connected
    return event.reason

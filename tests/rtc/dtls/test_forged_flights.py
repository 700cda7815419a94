"""What somebody who can send from the peer's address, but holds none of its keys, may send."""

from __future__ import annotations

from collections.abc import Callable

from lktrio.rtc.dtls import DtlsEndpoint, DtlsOptions
from lktrio.rtc.dtls.fragments import Fragment, HandshakeMessage
from lktrio.rtc.dtls.registry import ContentType, HandshakeType
from tests.rtc.dtls.harness import (
    Parcel,
    Wire,
    assert_connected,
    certificate,
    drain,
    endpoint,
    failure,
    plain_message,
    plain_record,
)


def stranger(*, is_client: bool) -> DtlsEndpoint:
    """One end of somebody who has another certificate."""
    return endpoint(is_client=is_client, own=certificate("stranger"), seed="stranger")


def hello_of_a_stranger() -> list[bytes]:
    client = stranger(is_client=True)
    client.start(0.0)
    return drain(client)


def hellos_of_strangers(count: int) -> list[bytes]:
    found: list[bytes] = []
    for number in range(count):
        client = endpoint(is_client=True, own=certificate("stranger"), seed=f"stranger {number}")
        client.start(0.0)
        found += drain(client)
    return found


def refused_hello() -> list[bytes]:
    body = b"\xfe\xfd" + bytes(32) + b"\x00\x00" + b"\x00\x02\x00\x05" + b"\x01\x00"
    return [plain_message(HandshakeType.CLIENT_HELLO, 0, body)] * 3


def flights_of_a_strange_server(hellos: list[bytes]) -> list[bytes]:
    server = stranger(is_client=False)
    server.start(0.0)
    for datagram in hellos:
        server.receive(datagram, 0.0)
    return drain(server)


def flights_of_a_strange_client(wire: Wire) -> list[bytes]:
    """Certificate, key and proof for the server's own flight."""
    client = stranger(is_client=True)
    client.start(0.0)
    drain(client)
    for parcel in wire.sent:
        if not parcel.from_client:
            client.receive(parcel.data, 0.0)
    return drain(client)


def large_announcements() -> list[bytes]:
    pieces = [
        Fragment(HandshakeType.CERTIFICATE, 64 * 1024, sequence, 0, b"x") for sequence in range(8)
    ]
    return [plain_record(ContentType.HANDSHAKE, piece.serialize()) for piece in pieces]


def alerts() -> list[bytes]:
    return [
        plain_record(ContentType.ALERT, bytes([level, description]))
        for level in (1, 2)
        for description in (0, 10, 40, 42, 90)
    ]


def change_cipher_specs() -> list[bytes]:
    return [plain_record(ContentType.CHANGE_CIPHER_SPEC, b"\x01")] * 3


def cookies(sequences: range) -> list[bytes]:
    return [
        plain_message(
            HandshakeType.HELLO_VERIFY_REQUEST, sequence, b"\xfe\xff\x01" + bytes([sequence])
        )
        for sequence in sequences
    ]


def empty_messages() -> list[bytes]:
    return [
        plain_message(kind, sequence, b"") for sequence in range(9) for kind in (*HandshakeType, 99)
    ]


def changed_choice(wire: Wire) -> list[bytes]:
    """The server's own flight with another cipher suite, which its signature does not cover."""
    forged: list[bytes] = []
    for parcel in wire.sent:
        if not parcel.from_client and parcel.data[13] == HandshakeType.SERVER_HELLO:
            position = parcel.data.index(b"\xc0\x2b")
            forged.append(parcel.data[:position] + b"\xc0\x2c" + parcel.data[position + 2 :])
    return forged


def flight_for_a_changed_hello(wire: Wire) -> list[bytes]:
    """What a server with the announced certificate makes of a hello that is not the client's."""
    server = endpoint(is_client=False, seed="second")
    server.start(0.0)
    for parcel in wire.sent[:1]:
        server.receive(parcel.data.replace(b"\xc0\x2b\xc0\x2c", b"\xc0\x2c\xc0\x2b"), 0.0)
    return drain(server)


FORGERIES: dict[str, Callable[[Wire], list[bytes]]] = {
    "an acceptable ClientHello": lambda wire: hello_of_a_stranger(),
    "seven acceptable ClientHellos": lambda wire: hellos_of_strangers(7),
    "one refused ClientHello, three times": lambda wire: refused_hello(),
    "the flight of a server with another certificate": lambda wire: flights_of_a_strange_server(
        [parcel.data for parcel in wire.sent[:1]]
    ),
    "the flight of a server for another hello": lambda wire: flights_of_a_strange_server(
        hello_of_a_stranger()
    ),
    "the flight of a client with another certificate": flights_of_a_strange_client,
    "the flight of the server with another choice": changed_choice,
    "the flight of the server for a changed hello": flight_for_a_changed_hello,
    "one request for a cookie": lambda wire: cookies(range(1)),
    "four requests for a cookie": lambda wire: cookies(range(4)),
    "large messages that never come": lambda wire: large_announcements(),
    "alerts": lambda wire: alerts(),
    "ChangeCipherSpecs": lambda wire: change_cipher_specs(),
    "empty messages of all kinds": lambda wire: empty_messages(),
}


def disturbed(step: int, forge: Callable[[Wire], list[bytes]], *, twice: bool) -> Wire:
    """A handshake in which forgeries overtake the datagram ``step``, and may come again."""

    def rule(parcel: Parcel) -> list[tuple[float, bytes]]:
        if parcel.index == step:
            for data in forge(wire):
                for delay in (0.0, 0.15)[: 1 + twice]:
                    wire.inject(data, to_client=True, delay=delay)
                    wire.inject(data, to_client=False, delay=delay)
        return [(0.01, parcel.data)]

    wire = Wire(endpoint(is_client=True), endpoint(is_client=False), rule)
    wire.start()
    wire.run()
    return wire


def test_a_handshake_survives_forged_datagrams_at_any_step() -> None:
    for case, forge in FORGERIES.items():
        for step in range(4):
            for twice in (False, True):
                wire = disturbed(step, forge, twice=twice)
                assert wire.client.connected, (case, step, twice)
                assert wire.server.connected, (case, step, twice)
                assert wire.now < 2.0, (case, step, twice)
                assert_connected(wire)


def test_hellos_beyond_the_limit_make_room_after_a_while() -> None:
    client, server = endpoint(is_client=True), endpoint(is_client=False)
    wire = Wire(client, server)
    server.start(0.0)
    for datagram in hellos_of_strangers(20):
        server.receive(datagram, 0.0)
    assert server.stats.refused == 12
    assert len(drain(server)) == 8
    wire.now = 1.0
    client.start(wire.now)
    wire.run()
    assert_connected(wire)
    assert wire.now < 4.0


def test_a_flight_refused_again_and_again_fails_before_the_deadline() -> None:
    """A peer that cannot be talked to is told apart from one that is not there."""
    server = endpoint(is_client=False)
    server.start(0.0)
    for second in range(10):
        server.receive(refused_hello()[0], float(second))
        assert not server.closed
    server.receive(refused_hello()[0], 10.0)
    assert "no cipher suite of ours" in failure(server)


def test_one_datagram_costs_one_flight_at_most() -> None:
    server = endpoint(is_client=False)
    server.start(0.0)
    server.receive(b"".join(refused_hello() * 5), 0.0)
    assert server.stats.refused == 1
    server.receive(b"".join(hellos_of_strangers(8)), 1.0)
    assert len(drain(server)) == 1


def test_a_server_answers_a_hello_that_follows_a_cookie_of_somebody_else() -> None:
    """Clients that forget their first hello when anybody asks for a cookie."""
    server, client = endpoint(is_client=False), endpoint(is_client=True)
    server.start(0.0)
    client.start(0.0)
    drain(client)
    client.receive(cookies(range(1))[0], 0.0)
    (second,) = drain(client)
    server.receive(second, 0.01)
    for datagram in drain(server):
        client.receive(datagram, 0.02)
    for datagram in drain(client):
        server.receive(datagram, 0.03)
    assert server.connected


def test_forged_messages_of_one_number_only_delay() -> None:
    """A whole forged message in place of the genuine one, of the same type and length."""

    def rule(parcel: Parcel) -> list[tuple[float, bytes]]:
        if parcel.index == 0:
            for sequence in range(1, 5):
                forged = HandshakeMessage(HandshakeType.CERTIFICATE, sequence, bytes(400))
                record = plain_record(ContentType.HANDSHAKE, forged.serialize())
                wire.inject(record, to_client=True)
                wire.inject(record, to_client=False)
        return [(0.01, parcel.data)]

    options = DtlsOptions(mtu=300)
    wire = Wire(
        endpoint(is_client=True, options=options),
        endpoint(is_client=False, options=options),
        rule,
    )
    wire.start()
    wire.run()
    assert_connected(wire)

"""Messages at a wrong place: out of order, out of epoch, out of time."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.rtc.dtls import DtlsEndpoint, DtlsOptions
from lktrio.rtc.dtls.fragments import HandshakeMessage
from lktrio.rtc.dtls.registry import ContentType, HandshakeType
from tests.rtc.dtls.harness import (
    Parcel,
    Wire,
    assert_connected,
    connected_pair,
    drain,
    endpoint,
    plain_message,
    plain_record,
    records,
)
from tests.support.cases import each_case

ROLES = each_case("is_client", [True, False])
KINDS = [*HandshakeType, 4, 6, 22, 24, 67, 254, 255]
CHANGE_CIPHER_SPEC = plain_record(ContentType.CHANGE_CIPHER_SPEC, b"\x01")


def protected_message(peer: DtlsEndpoint, kind: int, sequence: int, body: bytes = b"") -> bytes:
    """A handshake message that the peer authenticates."""
    assert peer._writer is not None
    message = HandshakeMessage(kind, sequence, body)
    return peer._writer.seal(ContentType.HANDSHAKE, message.serialize())


def ends(wire: Wire, is_client: bool) -> tuple[DtlsEndpoint, DtlsEndpoint]:
    return (wire.client, wire.server) if is_client else (wire.server, wire.client)


# Before the connection.


@each_case("step", range(4))
@each_case("sequence", range(9))
def test_every_empty_message_in_every_state(step: int, sequence: int) -> None:
    """Forged messages of all kinds cost at most retransmissions."""

    def rule(parcel: Parcel) -> list[tuple[float, bytes]]:
        if parcel.index == step:
            for kind in KINDS:
                forged = plain_message(kind, sequence, b"")
                wire.inject(forged, to_client=True)
                wire.inject(forged, to_client=False)
        return [(0.01, parcel.data)]

    wire = Wire(endpoint(is_client=True), endpoint(is_client=False), rule)
    wire.start()
    wire.run()
    assert_connected(wire)
    assert wire.now < 1.0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_forged_messages_at_any_time(data: st.DataObject) -> None:
    forged = data.draw(
        st.lists(
            st.tuples(
                st.integers(0, 3),
                st.sampled_from(KINDS),
                st.integers(0, 9),
                st.binary(max_size=40),
                st.booleans(),
            ),
            max_size=10,
        )
    )

    def rule(parcel: Parcel) -> list[tuple[float, bytes]]:
        for step, kind, sequence, body, to_client in forged:
            if step == parcel.index:
                wire.inject(plain_message(kind, sequence, body), to_client=to_client)
        return [(0.01, parcel.data)]

    wire = Wire(endpoint(is_client=True), endpoint(is_client=False), rule)
    wire.start()
    wire.run()
    assert_connected(wire)


@ROLES
def test_a_finished_in_clear_is_never_taken(is_client: bool) -> None:
    """The peer's Finished arrives unprotected instead of protected."""
    wire = Wire(endpoint(is_client=True), endpoint(is_client=False))
    victim, peer = ends(wire, is_client)

    def rule(parcel: Parcel) -> list[tuple[float, bytes]]:
        clear = records(parcel.data)
        if parcel.from_client == peer.is_client and peer._writer is not None:
            secrets = peer._handshake.secrets or peer._secrets
            assert secrets is not None
            finished = next(
                item.message for item in peer._flight if item.message and item.protected
            )
            clear = [record for record in clear if record[3:5] == b"\x00\x00"]
            clear.append(plain_message(finished.type, finished.sequence, finished.body))
        return [(0.01, b"".join(clear))]

    wire.rule = rule
    wire.start()
    wire.run(until=5.0)
    assert not victim.connected
    assert victim.stats.unexpected > 0


@ROLES
def test_without_change_cipher_spec_nothing_protected_is_taken(is_client: bool) -> None:
    wire = Wire(endpoint(is_client=True), endpoint(is_client=False))
    victim, _ = ends(wire, is_client)

    def rule(parcel: Parcel) -> list[tuple[float, bytes]]:
        kept = [
            record
            for record in records(parcel.data)
            if record[0] != ContentType.CHANGE_CIPHER_SPEC or parcel.from_client == is_client
        ]
        return [(0.01, b"".join(kept))]

    wire.rule = rule
    wire.start()
    wire.run(until=5.0)
    assert not victim.connected
    # One that comes late is enough: the protected records have waited.
    wire.rule = lambda parcel: [(0.01, parcel.data)]
    victim.receive(CHANGE_CIPHER_SPEC, wire.now)
    wire.run()
    assert_connected(wire)


@each_case("step", range(4))
def test_an_early_change_cipher_spec_changes_no_cipher(step: int) -> None:
    """Unlike CVE-2014-0224: records in clear stay readable, protected ones need the real keys."""

    def rule(parcel: Parcel) -> list[tuple[float, bytes]]:
        if parcel.index == step:
            wire.inject(CHANGE_CIPHER_SPEC, to_client=True)
            wire.inject(CHANGE_CIPHER_SPEC, to_client=False)
        return [(0.01, parcel.data)]

    wire = Wire(endpoint(is_client=True), endpoint(is_client=False), rule)
    wire.start()
    wire.run()
    assert_connected(wire)
    assert wire.client.stats.retransmissions == wire.server.stats.retransmissions == 0


@ROLES
@each_case("content", [b"", b"\x00", b"\x02", b"\x01\x01"])
def test_a_malformed_change_cipher_spec_is_ignored(is_client: bool, content: bytes) -> None:
    end = endpoint(is_client=is_client)
    end.start(0.0)
    end.receive(plain_record(ContentType.CHANGE_CIPHER_SPEC, content), 0.0)
    assert end.stats.unexpected == 1


@each_case("mtu", [200, 1200])
def test_finished_before_the_keys_it_needs(mtu: int) -> None:
    """The client's last flight arrives backwards, record by record."""

    def rule(parcel: Parcel) -> list[tuple[float, bytes]]:
        cut = records(parcel.data)
        if parcel.from_client and wire.client._writer is not None:
            base = 0.1 - 0.02 * (parcel.index % 5)
            return [(base - 0.001 * i, record) for i, record in enumerate(cut)]
        return [(0.01, parcel.data)]

    options = DtlsOptions(mtu=mtu, initial_timeout=1.0)
    wire = Wire(
        endpoint(is_client=True, options=options),
        endpoint(is_client=False, options=options),
        rule,
    )
    wire.start()
    wire.run()
    assert_connected(wire)
    assert wire.client.stats.retransmissions == wire.server.stats.retransmissions == 0


def test_data_that_overtakes_the_finished_waits() -> None:
    """Data is decrypted early but comes out only once the peer is verified."""
    client, server = endpoint(is_client=True), endpoint(is_client=False)
    wire = Wire(client, server, lambda parcel: [] if parcel.index == 3 else [(0.01, parcel.data)])
    wire.start()
    wire.run(until=0.035)
    change, finished = records(wire.sent[3].data)
    for i in range(20):
        server.send(bytes([i]))
    early = drain(server)

    client.receive(early[0], 0.04)  # before ChangeCipherSpec: kept as it is
    client.receive(change, 0.04)
    for record in early[1:]:
        client.receive(record, 0.04)  # after it: decrypted
    assert not client.inbound
    assert not client.events
    client.receive(finished, 0.05)
    assert client.connected
    assert client.inbound == [bytes([i]) for i in range(16)]
    assert client.stats.overflowed == 4


def test_early_data_with_a_wrong_finished_is_never_released() -> None:
    client, server = endpoint(is_client=True), endpoint(is_client=False)
    wire = Wire(client, server, lambda parcel: [] if parcel.index == 3 else [(0.01, parcel.data)])
    wire.start()
    wire.run(until=0.035)
    server.send(b"secret")
    client.receive(wire.sent[3].data[:14] + drain(server)[0], 0.04)
    client.receive(protected_message(server, HandshakeType.FINISHED, 5, b"wrong digest"), 0.04)
    assert client.closed
    assert not client.inbound


# After the connection.


@ROLES
@each_case("kind", [HandshakeType.HELLO_REQUEST, HandshakeType.CLIENT_HELLO])
def test_renegotiation_is_refused_once_and_the_connection_stays(
    is_client: bool, kind: HandshakeType
) -> None:
    end, peer = ends(connected_pair(), is_client)
    for sequence in (0, 1, 6):
        end.receive(protected_message(peer, kind, sequence), 1.0)
    (alert,) = drain(end)
    assert end.connected
    assert end.stats.unexpected == 3
    peer.receive(alert, 1.0)
    assert peer.connected
    assert peer.stats.unexpected == 1


@ROLES
def test_a_new_handshake_in_clear_is_ignored(is_client: bool) -> None:
    """A late or forged hello after the connection makes no new association."""
    wire = connected_pair()
    end, _ = ends(wire, is_client)
    other = endpoint(is_client=not is_client, seed="other")
    other.start(1.0)
    for datagram in drain(other):
        end.receive(datagram, 1.0)
    for sequence in range(8):
        for kind in KINDS:
            end.receive(plain_message(kind, sequence, bytes(60)), 1.0)
    assert end.connected
    assert not end.events
    assert not end.out


def test_a_repeated_client_hello_after_the_connection_is_ignored() -> None:
    wire = connected_pair()
    for now in (1.0, 2.0, 3.0):
        wire.server.receive(wire.sent[0].data, now)
    assert not wire.server.out
    assert wire.server.connected


@ROLES
def test_a_second_finished_changes_nothing(is_client: bool) -> None:
    wire = connected_pair()
    end, peer = ends(wire, is_client)
    sequence = 5 if is_client else 4
    end.receive(protected_message(peer, HandshakeType.FINISHED, sequence + 1, bytes(12)), 1.0)
    end.receive(protected_message(peer, HandshakeType.FINISHED, sequence, b"wrong digest"), 2.0)
    assert end.connected
    assert not end.events
    # Only the server may still owe its last flight.
    assert len(drain(end)) == (0 if is_client else 1)


def test_the_last_flight_is_not_repeated_too_often() -> None:
    """Amplification: a burst of authentic repetitions gets one answer."""
    wire = connected_pair()
    for i in range(20):
        repeated = protected_message(wire.client, HandshakeType.FINISHED, 4, bytes(12))
        wire.server.receive(repeated, 1.0 + i * 0.001)
    assert len(drain(wire.server)) == 1


def test_the_server_flight_is_not_repeated_too_often() -> None:
    wire = Wire(endpoint(is_client=True), endpoint(is_client=False))
    wire.start()
    wire.run(until=0.015)
    hello = wire.sent[0].data
    for i in range(20):
        wire.server.receive(hello, 0.02 + i * 0.001)
    assert not wire.server.out
    wire.server.receive(hello, 0.09)
    assert len(drain(wire.server)) == 1


@ROLES
@each_case("kind", [20, 24, 25, 26, 255])
def test_other_protected_content_is_dropped(is_client: bool, kind: int) -> None:
    end, peer = ends(connected_pair(), is_client)
    assert peer._writer is not None
    end.receive(peer._writer.seal(kind, b"\x01"), 1.0)
    assert end.stats.unexpected == 1
    assert end.connected
    assert not end.out


@ROLES
def test_protected_garbage_in_a_handshake_record_is_dropped(is_client: bool) -> None:
    end, peer = ends(connected_pair(), is_client)
    assert peer._writer is not None
    end.receive(peer._writer.seal(ContentType.HANDSHAKE, b"garbage"), 1.0)
    end.receive(peer._writer.seal(ContentType.HANDSHAKE, b""), 1.0)
    assert end.stats.malformed == 2
    assert end.connected


@ROLES
def test_a_connection_keeps_nothing_of_unfinished_messages(is_client: bool) -> None:
    end = endpoint(is_client=is_client)
    peer = endpoint(is_client=not is_client)
    wire = Wire(end, peer) if is_client else Wire(peer, end)
    wire.start()
    for sequence in range(1, 8):
        piece = HandshakeMessage(HandshakeType.CERTIFICATE, sequence, bytes(15000)).fragment(0, 10)
        end.receive(plain_record(ContentType.HANDSHAKE, piece.serialize()), 0.0)
    wire.run()
    assert_connected(wire)
    assert end._reassembler._buffered == 0

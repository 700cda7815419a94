"""No key and no data for a peer whose certificate was not announced, in either role."""

from __future__ import annotations

import pytest

from lktrio.errors import LocalProtocolError
from lktrio.rtc.dtls import Certificate, DtlsEndpoint
from lktrio.rtc.dtls.certificate import Fingerprints
from lktrio.rtc.dtls.registry import HandshakeType
from tests.rtc.dtls.harness import (
    LABEL,
    LONG_AGO,
    Wire,
    assert_connected,
    certificate,
    drain,
    endpoint,
    failure,
    rewriting,
)
from tests.support.cases import each_case

Pairs = list[tuple[str, str]]
ROLES = each_case("is_client", [True, False])


def checking(is_client: bool, fingerprints: Pairs) -> tuple[DtlsEndpoint, Wire]:
    """An endpoint with these fingerprints, and the wire to a peer that trusts it."""
    checker = endpoint(is_client=is_client, fingerprints=fingerprints)
    peer = endpoint(is_client=not is_client)
    wire = Wire(checker, peer) if is_client else Wire(peer, checker)
    wire.start()
    wire.run(until=20.0)
    return checker, wire


def right(is_client: bool, algorithm: str = "sha-256") -> str:
    return certificate("server" if is_client else "client").fingerprint(algorithm)


def wrong(algorithm: str = "sha-256") -> str:
    return certificate("somebody else").fingerprint(algorithm)


def assert_nothing_was_released(end: DtlsEndpoint) -> None:
    assert end.srtp_profile is None
    assert not end.inbound
    with pytest.raises(LocalProtocolError):
        end.export_keying_material(LABEL, 56)
    with pytest.raises(LocalProtocolError):
        end.send(b"data")


@ROLES
@each_case("algorithm", ["sha-256", "sha-384", "sha-512", "SHA-256", " Sha-384"])
def test_each_hash_is_enough(algorithm: str, is_client: bool) -> None:
    text = right(is_client, algorithm.strip())
    assert_connected(checking(is_client, [(algorithm, text)])[1])
    assert_connected(checking(is_client, [(algorithm, text.lower())])[1])


@ROLES
def test_one_match_among_many_is_enough(is_client: bool) -> None:
    pairs = [
        ("sha-1", "00:11"),
        ("sha-256", wrong()),
        ("sha-512", right(is_client, "sha-512")),
        ("sha-384", "not hex at all"),
    ]
    assert_connected(checking(is_client, pairs)[1])


@ROLES
@each_case("algorithm", ["sha-256", "sha-384", "sha-512"])
def test_another_certificate_fails_the_connection(algorithm: str, is_client: bool) -> None:
    checker, _ = checking(is_client, [(algorithm, wrong(algorithm))])
    assert "none of the announced fingerprints" in failure(checker)
    assert_nothing_was_released(checker)


@ROLES
def test_the_peer_never_connects_either(is_client: bool) -> None:
    _, wire = checking(is_client, [("sha-256", wrong())])
    peer = wire.server if is_client else wire.client
    assert not peer.connected
    assert_nothing_was_released(peer)


@ROLES
def test_failing_takes_one_repetition_and_sends_bad_certificate(is_client: bool) -> None:
    checker, wire = checking(is_client, [("sha-256", wrong())])
    assert checker.closed
    assert checker.stats.refused > 2
    alerts = [
        parcel.data
        for parcel in wire.sent
        if parcel.data[0] == 21 and parcel.data[-2:] == b"\x02\x2a"
    ]
    assert len(alerts) == 1


@ROLES
def test_a_failed_endpoint_stays_failed(is_client: bool) -> None:
    checker, wire = checking(is_client, [("sha-256", wrong())])
    drain(checker)
    for parcel in wire.sent:
        checker.receive(parcel.data, 11.0)
    checker.handle_timer(100.0)
    checker.close(100.0)
    assert not checker.out
    assert len(checker.events) == 1
    assert_nothing_was_released(checker)


@ROLES
@each_case(
    "pairs",
    [
        [],
        [("sha-1", "AA:" * 19 + "AA")],
        [("md5", "AA:" * 15 + "AA")],
        [("sha-256", "")],
        [("sha-256", "AA:BB")],
        [("sha-256", "zz")],
        [("sha256", "AA:" * 31 + "AA")],
    ],
)
def test_without_a_usable_fingerprint_nothing_is_even_sent(is_client: bool, pairs: Pairs) -> None:
    end = endpoint(is_client=is_client, fingerprints=pairs)
    end.start(0.0)
    assert "SHA-256" in failure(end)
    assert not end.out


def test_a_truncated_digest_does_not_match() -> None:
    own = certificate("client")
    text = own.fingerprint()
    assert not Fingerprints([("sha-256", text[: -len(":AB")])]).match(own.der)
    assert not Fingerprints([("sha-256", text + ":00")]).match(own.der)
    assert not Fingerprints([("sha-512", text)]).match(own.der)


@ROLES
def test_a_replaced_certificate_is_noticed(is_client: bool) -> None:
    """A man in the middle with a certificate of its own, but not the announced one."""
    other = Certificate.generate(LONG_AGO)

    def replace(body: bytes) -> bytes:
        size = len(other.der)
        return (size + 3).to_bytes(3, "big") + size.to_bytes(3, "big") + other.der

    wire = Wire(
        endpoint(is_client=True),
        endpoint(is_client=False),
        rewriting(HandshakeType.CERTIFICATE, replace),
    )
    wire.start()
    wire.run(until=20.0)
    assert not wire.client.connected
    assert not wire.server.connected
    assert "none of the announced fingerprints" in failure(wire.client)


def test_the_announced_certificate_without_its_key_is_not_enough() -> None:
    """Certificates are public: whoever shows one must sign with its key."""
    thief = Certificate.generate(LONG_AGO)
    thief.der = certificate("client").der
    wire = Wire(endpoint(is_client=True, own=thief), endpoint(is_client=False))
    wire.start()
    wire.run(until=20.0)
    assert "signature is wrong" in failure(wire.server)
    assert_nothing_was_released(wire.server)

    thief.der = certificate("server").der
    wire = Wire(endpoint(is_client=True), endpoint(is_client=False, own=thief))
    wire.start()
    wire.run(until=20.0)
    assert "signature is wrong" in failure(wire.client)
    assert_nothing_was_released(wire.client)

"""Choices, keys and proofs that a peer, or somebody between, should not have sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from lktrio.rtc.dtls import DtlsEndpoint, DtlsOptions
from lktrio.rtc.dtls.client import ClientHandshake
from lktrio.rtc.dtls.messages import (
    CertificateMessage,
    CertificateRequest,
    CertificateVerify,
    ClientKeyExchange,
    ServerHello,
    ServerKeyExchange,
)
from lktrio.rtc.dtls.registry import ExtensionType, HandshakeType
from lktrio.rtc.dtls.server import ServerHandshake, _Greeting
from tests.rtc.dtls.harness import (
    Wire,
    assert_connected,
    certificate,
    endpoint,
    failure,
    rewriting,
)
from tests.support.cases import each_case

ChosenChange = Callable[[ServerHello], ServerHello]


def run(wire: Wire, until: float = 60.0) -> Wire:
    wire.start()
    wire.run(until)
    return wire


# What a server may not choose. Somebody in between changes it on every transmission.


def changing(kind: HandshakeType, change: Callable[[bytes], bytes]) -> Wire:
    return Wire(endpoint(is_client=True), endpoint(is_client=False), rewriting(kind, change))


def chosen(change: ChosenChange) -> Wire:
    return changing(
        HandshakeType.SERVER_HELLO,
        lambda body: change(ServerHello.parse(body)).serialize(),
    )


def answers(hello: ServerHello, *changes: tuple[int, bytes | None]) -> ServerHello:
    found: dict[int, bytes | None] = dict(hello.extensions)
    found.update(changes)
    kept = tuple((kind, body) for kind, body in found.items() if body is not None)
    return dataclasses.replace(hello, extensions=kept)


IMPOSSIBLE_CHOICES: dict[str, tuple[ChosenChange, str, int]] = {
    "DTLS 1.0": (lambda hello: dataclasses.replace(hello, version=0xFEFF), "version", 70),
    "DTLS 1.3": (lambda hello: dataclasses.replace(hello, version=0xFEFC), "version", 70),
    "a suite that was not offered": (
        lambda hello: dataclasses.replace(hello, cipher_suite=0xC009),
        "not offered",
        47,
    ),
    "the null cipher": (
        lambda hello: dataclasses.replace(hello, cipher_suite=0),
        "not offered",
        47,
    ),
    "compression": (
        lambda hello: dataclasses.replace(hello, compression_method=1),
        "not offered",
        47,
    ),
    "no extended master secret": (
        lambda hello: answers(hello, (ExtensionType.EXTENDED_MASTER_SECRET, None)),
        "extended master secret",
        40,
    ),
    "no extensions at all": (
        lambda hello: dataclasses.replace(hello, extensions=()),
        "extended master secret",
        40,
    ),
    "a session ticket": (lambda hello: answers(hello, (35, b"")), "not offered", 110),
    "encrypt-then-mac": (lambda hello: answers(hello, (22, b"")), "not offered", 110),
    "an SRTP profile that was not offered": (
        lambda hello: answers(hello, (ExtensionType.USE_SRTP, b"\x00\x02\x00\x05\x00")),
        "SRTP",
        47,
    ),
    "two SRTP profiles": (
        lambda hello: answers(hello, (ExtensionType.USE_SRTP, b"\x00\x04\x00\x07\x00\x08\x00")),
        "SRTP",
        47,
    ),
    "an MKI": (
        lambda hello: answers(hello, (ExtensionType.USE_SRTP, b"\x00\x02\x00\x07\x01m")),
        "SRTP",
        47,
    ),
    "a renegotiation": (
        lambda hello: answers(hello, (ExtensionType.RENEGOTIATION_INFO, b"\x02ab")),
        "renegotiation_info",
        40,
    ),
    "compressed points": (
        lambda hello: answers(hello, (ExtensionType.EC_POINT_FORMATS, b"\x01\x01")),
        "uncompressed",
        40,
    ),
}


@each_case("name", IMPOSSIBLE_CHOICES)
def test_an_impossible_choice_of_the_server_is_refused(name: str) -> None:
    change, reason, alert = IMPOSSIBLE_CHOICES[name]
    wire = run(chosen(change))
    assert reason in failure(wire.client)
    assert not wire.server.connected
    assert [parcel.data[-2:] for parcel in wire.sent if parcel.data[0] == 21] == [bytes([2, alert])]


@each_case("profile", [8, 1, None])
def test_a_changed_but_possible_choice_prevents_the_handshake(profile: int | None) -> None:
    """A downgrade in transit is not noticed at once, but never leads to a connection."""
    body = None if profile is None else bytes([0, 2, 0, profile, 0])
    wire = run(chosen(lambda hello: answers(hello, (ExtensionType.USE_SRTP, body))))
    assert not wire.client.connected
    assert not wire.server.connected
    failure(wire.client)
    failure(wire.server)


def test_a_downgraded_suite_prevents_the_handshake() -> None:
    wire = run(chosen(lambda hello: dataclasses.replace(hello, cipher_suite=0xCCA9)))
    failure(wire.client)
    failure(wire.server)


def test_a_changed_server_random_is_noticed_by_its_signature() -> None:
    wire = run(chosen(lambda hello: dataclasses.replace(hello, random=bytes(32))))
    assert "signature is wrong" in failure(wire.client)


# Key exchange.


def key_exchange(change: Callable[[ServerKeyExchange], ServerKeyExchange]) -> Wire:
    return changing(
        HandshakeType.SERVER_KEY_EXCHANGE,
        lambda body: change(ServerKeyExchange.parse(body)).serialize(),
    )


@each_case(
    "change",
    [
        lambda found: dataclasses.replace(found, public=bytes(32)),
        lambda found: dataclasses.replace(found, group=0x0017),
        lambda found: dataclasses.replace(found, signature=b""),
        lambda found: dataclasses.replace(found, scheme=0x0503),
        lambda found: dataclasses.replace(found, scheme=0x0203),
        lambda found: dataclasses.replace(
            found, signature=found.signature[:-1] + bytes([found.signature[-1] ^ 1])
        ),
    ],
)
def test_a_changed_server_key_is_noticed(
    change: Callable[[ServerKeyExchange], ServerKeyExchange],
) -> None:
    wire = run(key_exchange(change))
    reason = failure(wire.client)
    assert "signature is wrong" in reason or "not with ECDSA" in reason
    assert not wire.server.connected


def signing_server(group: int, public: bytes) -> DtlsEndpoint:
    """A server that signs any key it is told to."""
    server = endpoint(is_client=False)
    handshake = server._handshake
    assert isinstance(handshake, ServerHandshake)

    def sign(greeting: _Greeting) -> ServerKeyExchange:
        signed = (
            greeting.client_random
            + greeting.server_random
            + ServerKeyExchange.parameters(group, public)
        )
        own = certificate("server")
        return ServerKeyExchange(group, public, own.scheme, own.sign(signed))

    handshake._sign_share = sign  # type: ignore[method-assign]  # the attack
    return server


BAD_KEYS: dict[str, tuple[int, bytes]] = {
    "x25519 zero": (0x001D, bytes(32)),
    "x25519 one": (0x001D, b"\x01" + bytes(31)),
    "x25519 short": (0x001D, bytes(31)),
    "x25519 long": (0x001D, bytes(33)),
    "P-256 off the curve": (0x0017, b"\x04" + b"\x01" * 64),
    "P-256 infinity": (0x0017, b"\x00"),
    "P-256 compressed": (
        0x0017,
        bytes.fromhex("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
    ),
    "P-256 short": (0x0017, b"\x04" + bytes(63)),
    "P-384 off the curve": (0x0018, b"\x04" + b"\x01" * 96),
}


@each_case("name", BAD_KEYS)
def test_a_signed_but_invalid_server_key_is_refused(name: str) -> None:
    wire = run(Wire(endpoint(is_client=True), signing_server(*BAD_KEYS[name])))
    assert "ephemeral key is not valid" in failure(wire.client)


def test_a_signed_key_of_a_group_that_was_not_offered_is_refused() -> None:
    client = endpoint(is_client=True, options=DtlsOptions(groups=(0x0017,)))
    wire = run(Wire(client, signing_server(0x001D, b"\x09" + bytes(31))))
    assert "not offered" in failure(client)
    assert not wire.server.connected


@each_case("name", BAD_KEYS)
def test_an_invalid_client_key_is_refused(name: str) -> None:
    group, public = BAD_KEYS[name]
    client = endpoint(is_client=True, options=DtlsOptions(groups=(group,)))
    lying_client(client, public=public)
    wire = run(Wire(client, endpoint(is_client=False)))
    assert "ephemeral key is not valid" in failure(wire.server)


def lying_client(client: DtlsEndpoint, *, public: bytes) -> None:
    """Make a client send ``public`` as its key, and sign that it did."""
    handshake = client._handshake
    assert isinstance(handshake, ClientHandshake)
    original = handshake._message

    def message(kind: HandshakeType, body: bytes = b"") -> object:
        if kind == HandshakeType.CLIENT_KEY_EXCHANGE:
            body = ClientKeyExchange(public).serialize()
        return original(kind, body)

    handshake._message = message  # type: ignore[method-assign, assignment]  # the attack


# Client authentication.


def test_an_empty_client_certificate_is_refused() -> None:
    wire = run(changing(HandshakeType.CERTIFICATE, empty_for(certificate("client").der)))
    assert "no certificate" in failure(wire.server)


def empty_for(der: bytes) -> Callable[[bytes], bytes]:
    def change(body: bytes) -> bytes:
        mine = CertificateMessage.parse(body).certificates == (der,)
        return CertificateMessage(()).serialize() if mine else body

    return change


def test_an_empty_server_certificate_is_refused() -> None:
    wire = run(changing(HandshakeType.CERTIFICATE, empty_for(certificate("server").der)))
    assert "no certificate" in failure(wire.client)


def dropping(kinds: Sequence[HandshakeType]) -> Wire:
    """A client that leaves messages of its flight out, without a gap in their numbers."""
    client = endpoint(is_client=True)
    handshake = client._handshake
    assert isinstance(handshake, ClientHandshake)
    original = handshake._build_answer

    def build(*args: object, **kwargs: bool) -> tuple[tuple[object, ...], object]:
        before = handshake._sequence
        items, secrets = original(*args, **kwargs)  # type: ignore[arg-type]  # passed through
        kept = [item for item in items if item.message is None or item.message.type not in kinds]
        numbered: list[object] = []
        for item in kept:
            if item.message is None:
                numbered.append(item)
            else:
                numbered.append(item._replace(message=item.message._replace(sequence=before)))
                before += 1
        return tuple(numbered), secrets

    handshake._build_answer = build  # type: ignore[method-assign, assignment]  # the attack
    return Wire(client, endpoint(is_client=False))


@each_case(
    "kinds",
    [
        (HandshakeType.CERTIFICATE_VERIFY,),
        (HandshakeType.CERTIFICATE,),
        (HandshakeType.CERTIFICATE, HandshakeType.CERTIFICATE_VERIFY),
        (HandshakeType.CLIENT_KEY_EXCHANGE,),
        (HandshakeType.FINISHED,),
    ],
)
def test_a_server_never_does_without_any_message_of_the_client(
    kinds: tuple[HandshakeType, ...],
) -> None:
    """CVE-2022-29222: a certificate without the proof of its key is nothing."""
    wire = run(dropping(kinds))
    failure(wire.server)
    assert not wire.server.inbound


def test_a_proof_over_another_handshake_is_refused() -> None:
    recorded: list[bytes] = []
    first = Wire(endpoint(is_client=True, seed="first"), endpoint(is_client=False, seed="first"))
    run(first)
    assert first.server.connected

    def record(body: bytes) -> bytes:
        recorded.append(body)
        return body

    run(
        Wire(
            endpoint(is_client=True, seed="second"),
            endpoint(is_client=False, seed="second"),
            rewriting(HandshakeType.CERTIFICATE_VERIFY, record),
        )
    )
    (proof,) = recorded
    wire = run(changing(HandshakeType.CERTIFICATE_VERIFY, lambda _: proof))
    assert "signature is wrong" in failure(wire.server)


def test_a_proof_with_a_scheme_that_was_not_offered_is_refused() -> None:
    wire = run(
        changing(
            HandshakeType.CERTIFICATE_VERIFY,
            lambda body: dataclasses.replace(
                CertificateVerify.parse(body), scheme=0x0201
            ).serialize(),
        )
    )
    assert "not with ECDSA" in failure(wire.server)


def test_a_server_that_cannot_verify_our_signatures_is_refused() -> None:
    wire = run(
        changing(
            HandshakeType.CERTIFICATE_REQUEST,
            lambda body: dataclasses.replace(
                CertificateRequest.parse(body), schemes=(0x0401, 0x0804)
            ).serialize(),
        )
    )
    assert "signatures" in failure(wire.client)


def test_a_server_hello_done_with_content_is_refused() -> None:
    wire = run(changing(HandshakeType.SERVER_HELLO_DONE, lambda _: b"x"))
    assert "not empty" in failure(wire.client)


def test_these_wires_without_a_change_connect() -> None:
    """Nothing but the changes makes the handshakes of this file fail."""
    assert_connected(run(chosen(lambda hello: hello)))
    assert_connected(run(key_exchange(lambda found: found)))
    assert_connected(run(dropping(())))

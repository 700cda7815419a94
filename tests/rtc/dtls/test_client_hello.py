"""What a server makes of ClientHellos: modern ones, unacceptable ones, and cookies."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from lktrio.rtc.dtls import DtlsOptions
from lktrio.rtc.dtls.client import ClientHandshake
from lktrio.rtc.dtls.codec import u16_list, vector16
from lktrio.rtc.dtls.extensions import build_use_srtp
from lktrio.rtc.dtls.fragments import parse_fragments
from lktrio.rtc.dtls.messages import ClientHello, ServerHello
from lktrio.rtc.dtls.records import RECORD_HEADER_LENGTH
from lktrio.rtc.dtls.registry import ExtensionType, HandshakeType
from tests.rtc.dtls.harness import (
    Wire,
    assert_connected,
    drain,
    endpoint,
    failure,
    plain_message,
    records,
)
from tests.support.cases import each_case

GREASE = 0x0A0A
X25519MLKEM768 = 0x11EC
HelloChange = Callable[[ClientHello], ClientHello]


def run(wire: Wire, until: float = 60.0) -> Wire:
    wire.start()
    wire.run(until)
    return wire


def with_hello(change: HelloChange, options: DtlsOptions | None = None) -> Wire:
    """A client that really sends a changed ClientHello, and an ordinary server."""
    client = endpoint(is_client=True, options=options)
    handshake = client._handshake
    assert isinstance(handshake, ClientHandshake)
    handshake._hello = change(handshake._hello)
    return Wire(client, endpoint(is_client=False))


def without(hello: ClientHello, kind: int) -> ClientHello:
    kept = tuple(pair for pair in hello.extensions if pair[0] != kind)
    return dataclasses.replace(hello, extensions=kept)


def replaced(hello: ClientHello, kind: int, body: bytes) -> ClientHello:
    kept = without(hello, kind)
    return dataclasses.replace(kept, extensions=(*kept.extensions, (kind, body)))


# What a ClientHello may hold beyond what we know.


def modern(hello: ClientHello) -> ClientHello:
    """Like today's browsers: DTLS 1.3, a hybrid key share, GREASE everywhere."""
    shares = (X25519MLKEM768.to_bytes(2, "big") + vector16(bytes(1216))) + (
        b"\x00\x1d" + vector16(bytes(32))
    )
    more = {
        GREASE: b"",
        ExtensionType.SUPPORTED_VERSIONS: bytes.fromhex("060a0afefcfefd"),
        ExtensionType.SUPPORTED_GROUPS: u16_list((GREASE, X25519MLKEM768, 0x1D, 0x17, 0x100)),
        ExtensionType.SIGNATURE_ALGORITHMS: u16_list((GREASE, 0x0804, 0x0403, 0x0401, 0x0807)),
        ExtensionType.USE_SRTP: build_use_srtp((GREASE, 8, 7, 1)),
        51: vector16(shares),  # key_share
        0: b"\x00\x0c\x00\x00\x09localhost",  # server_name
        16: b"\x00\x09\x08c-webrtc",  # application_layer_protocol_negotiation
        35: b"",  # session_ticket
        54: b"\x00",  # connection_id
        0x1A1A: b"\x00",
    }
    return dataclasses.replace(
        hello,
        session_id=bytes(32),
        cipher_suites=(GREASE, 0x1301, 0x1302, 0x1303, *hello.cipher_suites, 0xC02F, 0xC009),
        compression_methods=b"\x01\x00",
        extensions=tuple({**more, **dict(hello.extensions), **more}.items()),
    )


@each_case("mtu", [200, 1200, 65000])
def test_a_modern_hello_of_more_than_a_datagram(mtu: int) -> None:
    wire = run(with_hello(modern, DtlsOptions(mtu=mtu)))
    assert_connected(wire)
    if mtu == 65000:
        assert len(wire.sent[0].data) > 1500
    else:
        assert wire.sent[1].from_client  # it took several datagrams


def test_a_modern_hello_gets_no_answer_to_what_is_unknown() -> None:
    wire = with_hello(modern)
    wire.start()
    wire.run(until=0.015)
    (fragment,) = parse_fragments(records(wire.sent[-1].data)[0][RECORD_HEADER_LENGTH:])
    assert fragment.type == HandshakeType.SERVER_HELLO
    hello = ServerHello.parse(fragment.data)
    assert {kind for kind, _ in hello.extensions} == {
        ExtensionType.EXTENDED_MASTER_SECRET,
        ExtensionType.RENEGOTIATION_INFO,
        ExtensionType.EC_POINT_FORMATS,
        ExtensionType.USE_SRTP,
    }
    assert hello.version == 0xFEFD
    assert hello.session_id == b""


def test_a_minimal_hello_is_enough() -> None:
    def minimal(hello: ClientHello) -> ClientHello:
        for kind in (
            ExtensionType.SUPPORTED_GROUPS,
            ExtensionType.EC_POINT_FORMATS,
            ExtensionType.USE_SRTP,
            ExtensionType.RENEGOTIATION_INFO,
        ):
            hello = without(hello, kind)
        return dataclasses.replace(hello, cipher_suites=(0xC02B, 0x00FF))

    wire = with_hello(minimal)
    client = wire.client._handshake
    assert isinstance(client, ClientHandshake)
    # The signalling suite stands for the extension, which the server answers.
    offered = client._hello.extensions
    client._check_extensions = lambda extensions: None  # type: ignore[method-assign]  # as old clients
    assert len(offered) == 2
    run(wire)
    assert wire.client.connected
    assert wire.server.connected


# What a ClientHello may lack: the server says why and goes on waiting, up to a repetition.

UNACCEPTABLE: dict[str, tuple[HelloChange, str, int]] = {
    "DTLS 1.0": (
        lambda hello: dataclasses.replace(hello, version=0xFEFF),
        "DTLS 1.2",
        70,
    ),
    "TLS 1.2": (lambda hello: dataclasses.replace(hello, version=0x0303), "DTLS 1.2", 70),
    "only DTLS 1.3": (
        lambda hello: replaced(hello, ExtensionType.SUPPORTED_VERSIONS, bytes.fromhex("02fefc")),
        "DTLS 1.2",
        70,
    ),
    "no common suite": (
        lambda hello: dataclasses.replace(hello, cipher_suites=(0xC02F, 0xC009, 0x002F)),
        "cipher suite",
        40,
    ),
    "the null cipher": (
        lambda hello: dataclasses.replace(hello, cipher_suites=(0x0000,)),
        "cipher suite",
        40,
    ),
    "only compression": (
        lambda hello: dataclasses.replace(hello, compression_methods=b"\x01"),
        "cipher suite",
        40,
    ),
    "no common group": (
        lambda hello: replaced(
            hello, ExtensionType.SUPPORTED_GROUPS, bytes.fromhex("000411ec0a0a")
        ),
        "group",
        40,
    ),
    "only compressed points": (
        lambda hello: replaced(hello, ExtensionType.EC_POINT_FORMATS, b"\x02\x01\x02"),
        "uncompressed",
        40,
    ),
    "only RSA signatures": (
        lambda hello: replaced(
            hello, ExtensionType.SIGNATURE_ALGORITHMS, bytes.fromhex("000408040401")
        ),
        "signatures",
        40,
    ),
    "no signature algorithms": (
        lambda hello: without(hello, ExtensionType.SIGNATURE_ALGORITHMS),
        "signatures",
        40,
    ),
    "no extended master secret": (
        lambda hello: without(hello, ExtensionType.EXTENDED_MASTER_SECRET),
        "extended master secret",
        40,
    ),
    "extended master secret with content": (
        lambda hello: replaced(hello, ExtensionType.EXTENDED_MASTER_SECRET, b"\x00"),
        "extended master secret",
        40,
    ),
    "renegotiation": (
        lambda hello: replaced(hello, ExtensionType.RENEGOTIATION_INFO, b"\x01x"),
        "renegotiation_info",
        40,
    ),
    "broken groups": (
        lambda hello: replaced(hello, ExtensionType.SUPPORTED_GROUPS, b"\x00\x03\x00\x1d\x00"),
        "odd length",
        50,
    ),
    "duplicate extension": (
        lambda hello: dataclasses.replace(
            hello, extensions=(*hello.extensions, (ExtensionType.USE_SRTP, b"\x00\x02\x00\x01\x00"))
        ),
        "twice",
        50,
    ),
}


@each_case("name", UNACCEPTABLE)
def test_an_unacceptable_hello_is_refused(name: str) -> None:
    change, reason, alert = UNACCEPTABLE[name]
    wire = run(with_hello(change))
    assert reason in failure(wire.server)
    assert wire.server.stats.refused > 2
    assert not wire.client.connected
    (told,) = [parcel.data for parcel in wire.sent if not parcel.from_client]
    assert told[0] == 21
    assert told[-2:] == bytes([2, alert])


@each_case("name", UNACCEPTABLE)
def test_one_forged_hello_does_not_stop_the_genuine_one(name: str) -> None:
    """The ClientHello race: CVE-2023-49786, CVE-2023-51443 and their kin."""
    client = endpoint(is_client=True)
    handshake = client._handshake
    assert isinstance(handshake, ClientHandshake)
    forged = UNACCEPTABLE[name][0](handshake._hello).serialize()
    wire = Wire(client, endpoint(is_client=False))
    wire.start()
    wire.inject(plain_message(HandshakeType.CLIENT_HELLO, 0, forged), to_client=False)
    wire.run()
    assert_connected(wire)
    assert wire.server.stats.refused == 1


# Cookies.


def test_a_client_follows_only_a_few_cookies() -> None:
    client = endpoint(is_client=True)
    client.start(0.0)
    drain(client)
    for sequence in range(6):
        cookie = b"\xfe\xff\x01" + bytes([sequence])
        client.receive(plain_message(HandshakeType.HELLO_VERIFY_REQUEST, sequence, cookie), 0.0)
    assert len(drain(client)) == 4
    assert client.stats.refused == 1
    assert not client.closed


def test_a_forged_cookie_delays_but_does_not_prevent() -> None:
    """The server repeats its request, and the client follows again."""
    options = DtlsOptions(cookie_exchange=True)
    wire = Wire(endpoint(is_client=True), endpoint(is_client=False, options=options))
    wire.start()
    forged = plain_message(HandshakeType.HELLO_VERIFY_REQUEST, 0, b"\xfe\xff\x04fake")
    wire.inject(forged, to_client=True)
    wire.run()
    assert_connected(wire)


@each_case("cookie", [b"", b"\x00" * 32, b"x"])
def test_a_server_with_cookies_answers_nothing_else_without_one(cookie: bytes) -> None:
    server = endpoint(is_client=False, options=DtlsOptions(cookie_exchange=True))
    client = endpoint(is_client=True)
    server.start(0.0)
    client.start(0.0)
    handshake = client._handshake
    assert isinstance(handshake, ClientHandshake)
    hello = dataclasses.replace(handshake._hello, cookie=cookie).serialize()
    for sequence in range(3):
        server.receive(plain_message(HandshakeType.CLIENT_HELLO, sequence, hello), 0.0)
        (answer,) = drain(server)
        assert answer[13] == HandshakeType.HELLO_VERIFY_REQUEST
        assert len(answer) < len(hello)  # no amplification
    server.handle_timer(5.0)
    assert not server.out  # nor a retransmission


def test_a_cookie_is_bound_to_the_hello() -> None:
    options = DtlsOptions(cookie_exchange=True)
    server, client = endpoint(is_client=False, options=options), endpoint(is_client=True)
    server.start(0.0)
    client.start(0.0)
    server.receive(drain(client)[0], 0.0)
    client.receive(drain(server)[0], 0.0)
    handshake = client._handshake
    assert isinstance(handshake, ClientHandshake)
    stolen = dataclasses.replace(handshake._hello, random=b"r" * 32).serialize()
    server.receive(plain_message(HandshakeType.CLIENT_HELLO, 1, stolen), 0.0)
    assert drain(server)[0][13] == HandshakeType.HELLO_VERIFY_REQUEST

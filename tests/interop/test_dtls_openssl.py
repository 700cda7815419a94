"""DTLS with OpenSSL: its command line over loopback UDP, and pyOpenSSL in this process."""

from __future__ import annotations

import contextlib
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lktrio.rtc.dtls import (
    Certificate,
    DtlsAborted,
    DtlsClosed,
    DtlsConnected,
    DtlsEndpoint,
    DtlsOptions,
)
from tests.interop.support.dtls_process import (
    OWN_P384,
    PATIENCE,
    PEER,
    PEER_P384,
    Identity,
    Process,
    drive,
    our_end,
    running,
)
from tests.rtc.dtls.harness import LABEL, certificate, drain, records

SSL = pytest.importorskip("OpenSSL.SSL", reason="pyOpenSSL is not installed")
OPENSSL = shutil.which("openssl")

needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="there is no openssl command")

PROFILES = {
    7: "SRTP_AEAD_AES_128_GCM",
    8: "SRTP_AEAD_AES_256_GCM",
    1: "SRTP_AES128_CM_SHA1_80",
}
SUITES = {
    0xC02B: "ECDHE-ECDSA-AES128-GCM-SHA256",
    0xC02C: "ECDHE-ECDSA-AES256-GCM-SHA384",
    0xCCA9: "ECDHE-ECDSA-CHACHA20-POLY1305",
}
GROUPS = {0x001D: "X25519", 0x0017: "P-256", 0x0018: "P-384"}
NIST_NAMES = {0x001D: ("x25519",), 0x0017: ("secp256r1", "prime256v1"), 0x0018: ("secp384r1",)}
EXPORTED = {7: 56, 8: 88, 1: 60}

# The command line.


def converse(end: DtlsEndpoint, sock: socket.socket, process: Process) -> None:
    """Handshake, compare exported keys, talk both ways."""
    drive(end, sock, process, lambda: end.connected or end.closed)
    assert list(end.events) == [DtlsConnected()]
    for datagram in drain(end):
        sock.send(datagram)
    theirs = process.wait_for(r"Keying material: ([0-9A-F]+)")
    profile = process.wait_for(r"SRTP Extension negotiated, profile=(\S+)")
    assert end.srtp_profile is not None
    assert profile == PROFILES[end.srtp_profile]
    assert theirs == end.export_keying_material(LABEL, len(theirs) // 2).hex().upper()
    process.write("spoken by openssl\n")
    drive(end, sock, process, lambda: bool(end.inbound))
    assert end.inbound == [b"spoken by openssl\n"]
    end.send(b"spoken by lktrio\n")
    drive(end, sock, process, lambda: "spoken by lktrio" in process.text)


def named(files: tuple[Path, Path]) -> list[str]:
    return ["-cert", str(files[0]), "-key", str(files[1])]


def keying(profile: int) -> list[str]:
    return [
        *("-use_srtp", PROFILES[profile], "-keymatexport", LABEL),
        *("-keymatexportlen", str(EXPORTED[profile])),
    ]


@dataclass(frozen=True)
class Case:
    """One way to run openssl and us."""

    arguments: tuple[str, ...] = ()
    options: DtlsOptions = field(default_factory=DtlsOptions)
    peer: Identity = PEER
    profile: int = 7
    own: Certificate | None = None


CASES = {
    "plain": Case(),
    "small datagrams": Case(("-mtu", "300"), DtlsOptions(mtu=300)),
    "tiny datagrams from us": Case((), DtlsOptions(mtu=128)),
    "large datagrams": Case(("-mtu", "4000"), DtlsOptions(mtu=4000)),
    "P-384": Case(("-groups", "P-384"), peer=PEER_P384, own=OWN_P384),
    "P-256": Case(("-groups", "P-256")),
    "AES-256": Case(("-cipher", SUITES[0xC02C]), profile=8),
    "ChaCha20": Case(("-cipher", SUITES[0xCCA9]), profile=1),
}
EACH_CASE = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@needs_openssl
@pytest.mark.parametrize("cookie", [False, True], ids=["no-cookie", "cookie"])
@EACH_CASE
def test_openssl_as_server(case: Case, cookie: bool, tmp_path: Path) -> None:
    arguments = [
        *("s_server", "-accept", "127.0.0.1:0", "-dtls1_2", "-Verify", "1"),
        *named(case.peer.write(tmp_path)),
        *keying(case.profile),
        *case.arguments,
        *(["-listen"] if cookie else []),
    ]
    end = our_end(is_client=True, peer=case.peer, options=case.options, own=case.own)
    with (
        running([OPENSSL or "", *arguments]) as process,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.connect(("127.0.0.1", int(process.wait_for(r"ACCEPT \S+:(\d+)"))))
        end.start(time.monotonic())
        converse(end, sock, process)
        end.close(time.monotonic())
        for datagram in drain(end):
            sock.send(datagram)
        process.wait_for(r"(DONE|CONNECTION CLOSED|shut down)")


@needs_openssl
@pytest.mark.parametrize("cookie", [False, True], ids=["no-cookie", "cookie"])
@EACH_CASE
def test_openssl_as_client(case: Case, cookie: bool, tmp_path: Path) -> None:
    options = case.options
    if cookie:
        options = DtlsOptions(mtu=options.mtu, cookie_exchange=True)
    end = our_end(is_client=False, peer=case.peer, options=options, own=case.own)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        arguments = [
            *("s_client", "-connect", f"127.0.0.1:{sock.getsockname()[1]}", "-dtls1_2"),
            *named(case.peer.write(tmp_path)),
            *keying(case.profile),
            *case.arguments,
        ]
        with running([OPENSSL or "", *arguments]) as process:
            end.start(time.monotonic())
            converse(end, sock, process)


@needs_openssl
def test_we_end_the_connection(tmp_path: Path) -> None:
    end = our_end(is_client=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        arguments = [
            *("s_client", "-connect", f"127.0.0.1:{sock.getsockname()[1]}", "-dtls1_2"),
            *named(PEER.write(tmp_path)),
            *keying(7),
        ]
        with running([OPENSSL or "", *arguments]) as process:
            end.start(time.monotonic())
            converse(end, sock, process)
            end.close(time.monotonic())
            for datagram in drain(end):
                sock.send(datagram)
            assert process.process.wait(PATIENCE) == 0


@needs_openssl
def test_openssl_ends_the_connection(tmp_path: Path) -> None:
    end = our_end(is_client=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        arguments = [
            *("s_client", "-connect", f"127.0.0.1:{sock.getsockname()[1]}", "-dtls1_2"),
            *named(PEER.write(tmp_path)),
            *keying(7),
        ]
        with running([OPENSSL or "", *arguments]) as process:
            end.start(time.monotonic())
            converse(end, sock, process)
            process.write("Q\n")
            drive(end, sock, process, lambda: end.closed)
    assert list(end.events) == [DtlsConnected(), DtlsClosed()]


# In this process.


class OpenSslEnd:
    """A pyOpenSSL connection over memory, with one datagram per record."""

    def __init__(
        self,
        *,
        is_client: bool,
        identity: Identity | None = PEER,
        ciphers: str = ":".join(SUITES.values()),
        profiles: tuple[int, ...] = (7, 8, 1),
        mtu: int = 1200,
        options: int = 0,
    ) -> None:
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        if identity is not None:
            context.use_certificate(identity.certificate)
            context.use_privatekey(identity.key)
        context.set_cipher_list(ciphers.encode())
        if profiles:
            context.set_tlsext_use_srtp(
                ":".join(PROFILES[profile] for profile in profiles).encode()
            )
        context.set_options(options)
        self.connection = SSL.Connection(context, None)
        self.connection.set_ciphertext_mtu(mtu)
        if is_client:
            self.connection.set_connect_state()
        else:
            self.connection.set_accept_state()
        self.connected = False
        self.failed = ""
        self.inbound: list[bytes] = []

    def receive(self, datagram: bytes) -> None:
        self.connection.bio_write(datagram)
        self.proceed()

    def proceed(self) -> None:
        try:
            if not self.connected:
                self.connection.do_handshake()
                self.connected = True
            self.inbound.append(self.connection.recv(20000))
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            self.failed = str(error)

    def handle_timer(self) -> None:
        self.connection.DTLSv1_handle_timeout()

    def next_timer(self) -> float | None:
        """Seconds until a retransmission is due."""
        left = self.connection.DTLSv1_get_timeout()
        return None if left is None else float(left)

    def drain(self) -> list[bytes]:
        try:
            return records(self.connection.bio_read(1 << 20))
        except SSL.WantReadError:
            return []


def shake(
    ours: DtlsEndpoint,
    theirs: OpenSslEnd,
    *,
    clock: Callable[[], float] = lambda: 0.0,
    lost: Callable[[int], bool] = lambda index: False,
) -> Iterator[None]:
    """Exchange datagrams until both ends wait; then yield for time to pass, again and again."""
    index = 0
    while True:
        theirs.proceed()
        while waiting := [(True, data) for data in drain(ours)] + [
            (False, data) for data in theirs.drain()
        ]:
            for from_us, data in waiting:
                index += 1
                if lost(index):
                    continue
                if from_us:
                    theirs.receive(data)
                else:
                    ours.receive(data, clock())
        yield


def assert_agreed(ours: DtlsEndpoint, theirs: OpenSslEnd) -> None:
    assert list(ours.events) == [DtlsConnected()], (ours.events, theirs.failed)
    assert theirs.connected
    exported = theirs.connection.export_keying_material(LABEL.encode(), 88)
    assert ours.export_keying_material(LABEL, 88) == exported
    profile = theirs.connection.get_selected_srtp_profile().decode()
    assert profile == PROFILES.get(ours.srtp_profile or 0, "")
    theirs.connection.send(b"theirs")
    for data in theirs.drain():
        ours.receive(data, 0.0)
    assert ours.inbound == [b"theirs"]
    ours.send(b"ours")
    for data in drain(ours):
        theirs.receive(data)
    assert theirs.inbound == [b"ours"]


ROLES = pytest.mark.parametrize("is_client", [True, False], ids=["we-start", "we-answer"])


@ROLES
@pytest.mark.parametrize("group", GROUPS, ids=GROUPS.values())
@pytest.mark.parametrize("suite", SUITES, ids=SUITES.values())
def test_suites_and_groups(suite: int, group: int, is_client: bool) -> None:
    # OpenSSL takes the client's groups for those of certificates as well (RFC 8422 5.1): P-256
    # must be among them, though as the last choice.
    groups = tuple(dict.fromkeys((group, 0x0017)))
    ours = our_end(is_client=is_client, options=DtlsOptions(groups=groups))
    theirs = OpenSslEnd(is_client=not is_client, ciphers=SUITES[suite])
    ours.start(0.0)
    next(shake(ours, theirs))
    assert_agreed(ours, theirs)
    assert theirs.connection.get_cipher_name() == SUITES[suite]
    if hasattr(theirs.connection, "get_group_name"):  # pyOpenSSL 25.1
        assert theirs.connection.get_group_name() in (GROUPS[group], *NIST_NAMES[group])


@ROLES
@pytest.mark.parametrize("profile", PROFILES, ids=PROFILES.values())
def test_srtp_profiles(profile: int, is_client: bool) -> None:
    ours = our_end(is_client=is_client)
    theirs = OpenSslEnd(is_client=not is_client, profiles=(profile,))
    ours.start(0.0)
    next(shake(ours, theirs))
    assert_agreed(ours, theirs)
    assert ours.srtp_profile == profile


@ROLES
def test_without_srtp(is_client: bool) -> None:
    ours = our_end(is_client=is_client)
    theirs = OpenSslEnd(is_client=not is_client, profiles=())
    ours.start(0.0)
    next(shake(ours, theirs))
    assert_agreed(ours, theirs)
    assert ours.srtp_profile is None


@ROLES
@pytest.mark.parametrize("mtu", [256, 600, 1400])
def test_datagram_sizes(mtu: int, is_client: bool) -> None:
    ours = our_end(is_client=is_client, options=DtlsOptions(mtu=mtu))
    theirs = OpenSslEnd(is_client=not is_client, mtu=mtu)
    ours.start(0.0)
    next(shake(ours, theirs))
    assert_agreed(ours, theirs)


@ROLES
def test_p384_certificates_on_both_ends(is_client: bool) -> None:
    ours = our_end(is_client=is_client, peer=PEER_P384, own=OWN_P384)
    theirs = OpenSslEnd(is_client=not is_client, identity=PEER_P384)
    ours.start(0.0)
    next(shake(ours, theirs))
    assert_agreed(ours, theirs)


def test_a_server_that_asks_for_no_certificate() -> None:
    ours = our_end(is_client=True)
    theirs = OpenSslEnd(is_client=False)
    theirs.connection.set_verify(SSL.VERIFY_NONE, None)
    ours.start(0.0)
    next(shake(ours, theirs))
    assert_agreed(ours, theirs)


def test_the_peer_sees_our_certificate() -> None:
    for is_client in (True, False):
        ours = our_end(is_client=is_client)
        theirs = OpenSslEnd(is_client=not is_client)
        ours.start(0.0)
        next(shake(ours, theirs))
        seen = theirs.connection.get_peer_certificate(as_cryptography=True)
        der = seen.public_bytes(serialization.Encoding.DER)
        assert der == certificate("client" if is_client else "server").der


@ROLES
def test_data_in_both_directions(is_client: bool) -> None:
    ours = our_end(is_client=is_client)
    theirs = OpenSslEnd(is_client=not is_client)
    ours.start(0.0)
    next(shake(ours, theirs))
    assert_agreed(ours, theirs)
    ours.inbound.clear()
    theirs.inbound.clear()
    messages = [bytes([i % 256]) * (1 + i * 37 % 1100) for i in range(300)]
    for message in messages:
        ours.send(message)
        for data in drain(ours):
            theirs.receive(data)
        theirs.connection.send(message)
        for data in theirs.drain():
            ours.receive(data, 1.0)
    assert ours.inbound == theirs.inbound == messages


@ROLES
def test_renegotiation_asked_for_by_openssl_is_declined(is_client: bool) -> None:
    ours = our_end(is_client=is_client)
    theirs = OpenSslEnd(is_client=not is_client)
    ours.start(0.0)
    next(shake(ours, theirs))
    assert_agreed(ours, theirs)
    theirs.connection.renegotiate()
    with contextlib.suppress(SSL.WantReadError):
        theirs.connection.do_handshake()
    asked = theirs.drain()
    assert asked
    for data in asked:
        ours.receive(data, 1.0)
    assert ours.connected
    assert ours.stats.unexpected >= 1
    assert len(drain(ours)) == 1


@ROLES
def test_openssl_closes(is_client: bool) -> None:
    ours = our_end(is_client=is_client)
    theirs = OpenSslEnd(is_client=not is_client)
    ours.start(0.0)
    next(shake(ours, theirs))
    assert_agreed(ours, theirs)
    theirs.connection.shutdown()
    for data in theirs.drain():
        ours.receive(data, 1.0)
    assert list(ours.events) == [DtlsConnected(), DtlsClosed()]
    for data in drain(ours):
        theirs.connection.bio_write(data)
    assert theirs.connection.shutdown()


# What we do not accept.


def refused(ours: DtlsEndpoint, theirs: OpenSslEnd) -> str:
    ours.start(0.0)
    now = 0.0
    steps = shake(ours, theirs, clock=lambda: now)
    next(steps)
    while now < 30.0:
        now += 0.5
        ours.handle_timer(now)
        next(steps)
    (event,) = ours.events
    assert isinstance(event, DtlsAborted)
    assert not ours.connected
    return event.reason


@ROLES
def test_a_peer_without_extended_master_secret(is_client: bool) -> None:
    no_extended_master_secret = 1  # SSL_OP_NO_EXTENDED_MASTER_SECRET
    theirs = OpenSslEnd(is_client=not is_client, options=no_extended_master_secret)
    reason = refused(our_end(is_client=is_client), theirs)
    assert "extended master secret" in reason
    assert not theirs.connected


@ROLES
def test_an_rsa_peer(is_client: bool) -> None:
    identity = Identity.make(rsa.generate_private_key(65537, 2048))
    theirs = OpenSslEnd(is_client=not is_client, identity=identity, ciphers="ALL")
    reason = refused(our_end(is_client=is_client, peer=identity), theirs)
    assert "ECDSA" in reason
    assert not theirs.connected


def test_a_client_without_certificate() -> None:
    theirs = OpenSslEnd(is_client=True, identity=None)
    refused(our_end(is_client=False), theirs)
    assert not theirs.connected


@ROLES
def test_a_peer_with_another_certificate(is_client: bool) -> None:
    theirs = OpenSslEnd(is_client=not is_client)
    ours = our_end(is_client=is_client, peer=PEER_P384)
    refused(ours, theirs)
    assert ours.stats.refused >= 1
    # A client that was never answered again may think that it is done; we are not.
    assert ours.closed


@ROLES
def test_a_peer_with_other_ciphers_only(is_client: bool) -> None:
    theirs = OpenSslEnd(is_client=not is_client, ciphers="ECDHE-ECDSA-AES128-SHA256")
    refused(our_end(is_client=is_client), theirs)
    assert not theirs.connected


# Loss.


@ROLES
def test_any_lost_datagram_is_repaired(is_client: bool) -> None:
    """OpenSSL's timer is a second of real time, so all cases wait for it together."""
    options = DtlsOptions(mtu=300)
    cases: list[tuple[DtlsEndpoint, OpenSslEnd, Iterator[None]]] = []
    begin = time.monotonic()

    def clock() -> float:
        return time.monotonic() - begin

    for index in range(1, 21):
        ours = our_end(is_client=is_client, options=options)
        theirs = OpenSslEnd(is_client=not is_client, mtu=300)
        ours.start(clock())
        steps = shake(ours, theirs, clock=clock, lost=index.__eq__)
        next(steps)
        cases.append((ours, theirs, steps))
    while clock() < 10.0:
        waiting = [case for case in cases if not (case[0].connected and case[1].connected)]
        if not waiting:
            break
        timers = [theirs.next_timer() for _, theirs, _ in waiting]
        time.sleep(min((timer for timer in timers if timer is not None), default=0.1))
        for ours, theirs, steps in waiting:
            theirs.handle_timer()
            ours.handle_timer(clock())
            next(steps)
    for ours, theirs, _ in cases:
        assert_agreed(ours, theirs)

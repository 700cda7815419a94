"""DTLS with GnuTLS: its command line over loopback UDP, in both roles."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from lktrio.rtc.dtls import Certificate, DtlsAborted, DtlsConnected, DtlsEndpoint, DtlsOptions
from tests.interop.support.dtls_process import (
    OWN_P384,
    PEER,
    PEER_P384,
    Identity,
    Process,
    drive,
    our_end,
    running,
)
from tests.rtc.dtls.harness import LABEL, drain

SERVER, CLIENT = shutil.which("gnutls-serv"), shutil.which("gnutls-cli")
HERE = "127.0.0.1"
DTLS_1_2 = "NORMAL:-VERS-ALL:+VERS-DTLS1.2"
PROFILE = 1  # the only one of ours that GnuTLS knows
EXPORTED = 60

pytestmark = pytest.mark.skipif(
    SERVER is None or CLIENT is None, reason="gnutls-serv and gnutls-cli are not installed"
)


@dataclass(frozen=True)
class Case:
    """One way to run GnuTLS and us."""

    priority: str = DTLS_1_2
    peer: Identity = PEER
    own: Certificate | None = None
    mtu: int = 1200
    cookie: bool = True


CASES = {
    "plain": Case(),
    "P-384": Case(f"{DTLS_1_2}:-GROUP-ALL:+GROUP-SECP384R1", PEER_P384, OWN_P384),
    "P-256": Case(f"{DTLS_1_2}:-GROUP-ALL:+GROUP-SECP256R1"),
    "X25519": Case(f"{DTLS_1_2}:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1"),
    "AES-128": Case(f"{DTLS_1_2}:-CIPHER-ALL:+AES-128-GCM"),
    "AES-256": Case(f"{DTLS_1_2}:-CIPHER-ALL:+AES-256-GCM"),
    "ChaCha20": Case(f"{DTLS_1_2}:-CIPHER-ALL:+CHACHA20-POLY1305"),
    "small datagrams": Case(mtu=400),
    "no cookie": Case(cookie=False),
    "all versions": Case("NORMAL"),
}


def common(case: Case, directory: Path) -> list[str]:
    certificate, key = case.peer.write(directory)
    return [
        *("--udp", "--mtu", str(case.mtu), "--priority", case.priority),
        *("--x509certfile", str(certificate), "--x509keyfile", str(key)),
        *("--srtp-profiles", "SRTP_AES128_CM_HMAC_SHA1_80"),
        *("--keymatexport", LABEL, "--keymatexportsize", str(EXPORTED)),
    ]


def end_of(case: Case, *, is_client: bool, timeout: float = 30.0) -> DtlsEndpoint:
    options = DtlsOptions(
        mtu=case.mtu, cookie_exchange=case.cookie, handshake_timeout=timeout, max_timeout=1.0
    )
    return our_end(is_client=is_client, peer=case.peer, options=options, own=case.own)


@contextmanager
def gnutls(
    case: Case, directory: Path, *, is_client: bool
) -> Iterator[tuple[Process, socket.socket]]:
    """A running program, and a socket of ours that it talks to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HERE, 0))
        if is_client:
            port = str(sock.getsockname()[1])
            arguments = [str(CLIENT), "--insecure", "--port", port, *common(case, directory), HERE]
        else:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((HERE, 0))
                port = str(probe.getsockname()[1])
            cookie = [] if case.cookie else ["--nocookie"]
            options = ["--echo", "--require-client-cert", "--port", port, *cookie]
            arguments = [str(SERVER), *options, *common(case, directory)]
        with running(arguments) as process:
            if not is_client:
                process.wait_for(r"(IPv4 \S+ port \d+\.\.\.done)")
                sock.connect((HERE, int(port)))
            yield process, sock


def connect(end: DtlsEndpoint, sock: socket.socket, process: Process, name: str) -> None:
    end.start(time.monotonic())
    drive(end, sock, process, lambda: end.connected or end.closed)
    assert list(end.events) == [DtlsConnected()], name
    assert end.srtp_profile == PROFILE, name


def listen(end: DtlsEndpoint, sock: socket.socket, process: Process) -> bytes:
    """What GnuTLS says next."""
    drive(end, sock, process, lambda: bool(end.inbound))
    return end.inbound.pop()


def test_gnutls_as_server(tmp_path: Path) -> None:
    for name, case in CASES.items():
        end = end_of(case, is_client=True)
        with gnutls(case, tmp_path, is_client=False) as (process, sock):
            connect(end, sock, process, name)
            end.send(b"spoken by lktrio\n")
            assert listen(end, sock, process) == b"spoken by lktrio\n", name


def test_gnutls_as_client(tmp_path: Path) -> None:
    for name, case in CASES.items():
        end = end_of(case, is_client=False)
        with gnutls(case, tmp_path, is_client=True) as (process, sock):
            connect(end, sock, process, name)
            process.write("spoken by gnutls\n")
            assert listen(end, sock, process) == b"spoken by gnutls\n", name
            end.send(b"spoken by lktrio\n")
            drive(end, sock, process, lambda: "spoken by lktrio" in process.text)
            keys = process.wait_for(r"Key material: ([0-9a-f]+)")
            assert keys == end.export_keying_material(LABEL, EXPORTED).hex(), name
            end.close(time.monotonic())
            for datagram in drain(end):
                sock.send(datagram)
            process.wait_for("(Peer has closed the GnuTLS connection)")


def test_what_is_refused_is_refused_with_the_reason(tmp_path: Path) -> None:
    an_rsa_peer = Identity.make(rsa.generate_private_key(65537, 2048))
    silence = "no DTLS handshake within"  # gnutls-serv does not tell why it gives up
    no_ems = "extended master secret"
    refused: list[tuple[Case, str, str]] = [  # as client, as server
        (Case(peer=an_rsa_peer), silence, "ECDSA"),
        (Case(f"{DTLS_1_2}:-CIPHER-ALL:+AES-128-CBC"), silence, "no cipher suite"),
        (Case(f"{DTLS_1_2}:%NO_SESSION_HASH"), no_ems, no_ems),
    ]
    for case, *reasons in refused:
        for is_client, reason in zip((True, False), reasons, strict=True):
            end = end_of(case, is_client=is_client, timeout=1.0)
            with gnutls(case, tmp_path, is_client=not is_client) as (process, sock):
                end.start(time.monotonic())
                drive(end, sock, process, lambda: end.connected or end.closed)  # noqa: B023
            (event,) = end.events
            assert isinstance(event, DtlsAborted), (case.priority, is_client)
            assert reason in event.reason, (case.priority, is_client)

"""Other programs that speak DTLS over loopback UDP, and our end of the connection."""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from lktrio.rtc.dtls import Certificate, DtlsEndpoint, DtlsOptions
from tests.rtc.dtls.harness import LONG_AGO, drain, endpoint

__all__ = [
    "OWN_P384",
    "PATIENCE",
    "PEER",
    "PEER_P384",
    "Identity",
    "Process",
    "drive",
    "our_end",
    "running",
]

PATIENCE = 20.0  # seconds of real time until an exchange with a process has failed

AnyKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Identity:
    """A key and a certificate as other programs take them."""

    key: AnyKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, key: AnyKey) -> Identity:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer")])
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(3)
            .not_valid_before(LONG_AGO)
            .not_valid_after(LONG_AGO.replace(year=LONG_AGO.year + 20))
            .sign(key, hashes.SHA256())
        )
        return cls(key, signed)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def fingerprint(self) -> str:
        return self.certificate.fingerprint(hashes.SHA256()).hex(":")

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Write PEM files, of the certificate and of the key."""
        certificate_file, key_file = directory / "certificate.pem", directory / "key.pem"
        certificate_file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(
            self.key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate_file, key_file


PEER = Identity.make(ec.generate_private_key(ec.SECP256R1()))
PEER_P384 = Identity.make(ec.generate_private_key(ec.SECP384R1()))
KEY_P384 = ec.generate_private_key(ec.SECP384R1())
OWN_P384 = Certificate(KEY_P384, Identity.make(KEY_P384).der)


def our_end(
    *,
    is_client: bool,
    peer: Identity = PEER,
    options: DtlsOptions | None = None,
    own: Certificate | None = None,
) -> DtlsEndpoint:
    return endpoint(
        is_client=is_client,
        own=own,
        options=options,
        fingerprints=[("sha-256", peer.fingerprint)],
    )


class Process:
    """Another program with its output so far."""

    def __init__(self, arguments: list[str]) -> None:
        self.process = subprocess.Popen(
            arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = ""

    def fileno(self) -> int:
        """What ``select`` asks for."""
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def read(self) -> bool:
        """Take what it has printed; False at the end of its output."""
        try:
            data = os.read(self.fileno(), 65536)
        except BlockingIOError:
            return True
        self.text += data.decode(errors="replace")
        return bool(data)

    def write(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())

    def wait_for(self, pattern: str) -> str:
        """Wait until it has printed something, of which the first group is returned."""
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < deadline, self.text
            select.select([self], [], [], 0.5)
            assert self.read() or re.search(pattern, self.text), self.text
        return found[1]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.stdout.close()


@contextlib.contextmanager
def running(arguments: list[str]) -> Iterator[Process]:
    process = Process(arguments)
    try:
        yield process
    finally:
        process.end()


def drive(
    end: DtlsEndpoint, sock: socket.socket, process: Process, done: Callable[[], bool]
) -> None:
    """Carry datagrams until something has happened; the socket learns its peer from the first."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        now = time.monotonic()
        assert now < deadline, (end, end.stats, process.text)
        if end.next_timer() <= now:
            end.handle_timer(now)
        for datagram in drain(end):
            with contextlib.suppress(ConnectionRefusedError):  # the program has given up
                sock.send(datagram)
        if done():
            return
        wait = max(0.0, min(end.next_timer(), now + 0.5) - now)
        ready, _, _ = select.select([sock.fileno(), process.fileno()], [], [], wait)
        if process.fileno() in ready:
            process.read()
        if sock.fileno() in ready:
            with contextlib.suppress(ConnectionRefusedError):
                data, address = sock.recvfrom(4096)
                with contextlib.suppress(OSError):
                    sock.connect(address)
                end.receive(data, time.monotonic())

"""Times of DTLS: the handshake, sealing and opening, next to pyOpenSSL in the same process.

``python -m tests.bench.bench_dtls``. Records of 1,200 bytes, AES-128-GCM. A handshake is both ends,
certificates made anew for each (two keys for ours, one for pyOpenSSL). The exit status is 1 if a
record takes lktrio more than 0.6 of the time of pyOpenSSL.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import time
from collections.abc import Callable
from functools import partial

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from lktrio.rtc.dtls import Certificate, DtlsEndpoint
from tests.bench.comparing import in_turns, judge

PASSES = 9
RECORDS = 2000
HANDSHAKES = 20
SIZE = 1200
LIMIT = 0.6


def our_pair() -> tuple[DtlsEndpoint, DtlsEndpoint]:
    now = datetime.datetime.now(datetime.UTC)
    own, other = Certificate.generate(now), Certificate.generate(now)
    ends = [
        DtlsEndpoint(
            is_client=mine is own,
            certificate=mine,
            random=os.urandom,
            remote_fingerprints=[("sha-256", theirs.fingerprint())],
        )
        for mine, theirs in ((own, other), (other, own))
    ]
    client, server = ends
    server.start(0.0)
    client.start(0.0)
    while client.out or server.out:
        for sender, receiver in ((client, server), (server, client)):
            out, sender.out = sender.out, []
            for datagram in out:
                receiver.receive(datagram, 0.0)
    assert client.connected
    assert server.connected
    return client, server


def openssl_pair() -> tuple[SSL.Connection, SSL.Connection]:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    ends: list[SSL.Connection] = []
    for _ in range(2):
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        context.use_certificate(certificate)
        context.use_privatekey(key)
        context.set_cipher_list(b"ECDHE-ECDSA-AES128-GCM-SHA256")
        context.set_tlsext_use_srtp(b"SRTP_AEAD_AES_128_GCM")
        connection = SSL.Connection(context, None)
        connection.set_ciphertext_mtu(1400)
        ends.append(connection)
    client, server = ends
    client.set_connect_state()
    server.set_accept_state()
    connected = 0
    while connected < 2:
        connected = 0
        for sender, receiver in ((client, server), (server, client)):
            try:
                sender.do_handshake()
                connected += 1
            except SSL.WantReadError:
                pass
            with contextlib.suppress(SSL.WantReadError):
                receiver.bio_write(sender.bio_read(65536))
    return client, server


class Ours:
    """What is measured of lktrio."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.client, self.server = our_pair()
        self.records: list[bytes] = []

    def seal(self) -> None:
        for _ in range(RECORDS):
            self.client.send(self.data)
        self.records, self.client.out = self.client.out, []

    def open(self) -> None:
        for record in self.records:
            self.server.receive(record, 0.0)
            self.server.inbound.pop()

    def handshake(self) -> None:
        for _ in range(HANDSHAKES):
            our_pair()


class Theirs:
    """The same of pyOpenSSL."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.client, self.server = openssl_pair()
        self.records: list[bytes] = []

    def seal(self) -> None:
        self.records = []
        for _ in range(RECORDS):
            self.client.send(self.data)
            self.records.append(self.client.bio_read(2048))

    def open(self) -> None:
        for record in self.records:
            self.server.bio_write(record)
            self.server.recv(2048)

    def handshake(self) -> None:
        for _ in range(HANDSHAKES):
            openssl_pair()


def per_call(work: Callable[[], None], calls: int) -> float:
    """Microseconds of one call of many."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) / calls * 1e6


def measure(side: Ours | Theirs) -> dict[str, float]:
    """One pass; a record is opened right after it was sealed, as replayed ones are dropped."""
    return {
        "seal": per_call(side.seal, RECORDS),
        "open": per_call(side.open, RECORDS),
        "handshake": per_call(side.handshake, HANDSHAKES),
    }


def main() -> int:
    data = os.urandom(SIZE)
    ours, theirs = Ours(data), Theirs(data)
    sides: dict[str, Ours | Theirs] = {"lktrio": ours, "pyOpenSSL": theirs}
    found = in_turns({name: partial(measure, side) for name, side in sides.items()}, PASSES)
    assert ours.server.stats.dropped == 0

    missed = False
    for work, what, goal in (
        ("seal", "DTLS record, sealed", LIMIT),
        ("open", "DTLS record, opened", LIMIT),
        ("handshake", "DTLS handshake, both ends", None),
    ):
        mine, other = ([times[work] for times in found[name]] for name in sides)
        missed |= judge("crypto", what, "us", mine, "pyOpenSSL", other, at_most=goal)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())

"""Times of DTLS: the handshake, sealing and opening, next to pyOpenSSL in the same process.

Run: ``python tests/bench/bench_dtls.py``. Prints medians of several passes and ratios; passes of
the two implementations alternate, so that a slow moment of the machine hits both.
"""

from __future__ import annotations

import datetime
import os
import statistics
import time
from collections.abc import Callable

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL

from lktrio.rtc.dtls import Certificate, DtlsEndpoint

PASSES = 9
RECORDS = 2000
HANDSHAKES = 20
SIZE = 1200


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
    from cryptography.hazmat.primitives import hashes

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
            try:
                receiver.bio_write(sender.bio_read(65536))
            except SSL.WantReadError:
                pass
    return client, server


def per_call(work: Callable[[], None], calls: int) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) / calls * 1e6


def main() -> None:
    data = os.urandom(SIZE)
    our_client, our_server = our_pair()
    their_client, their_server = openssl_pair()
    our_records: list[bytes] = []
    their_records: list[bytes] = []

    def our_seal() -> None:
        for _ in range(RECORDS):
            our_client.send(data)

    def our_open() -> None:
        for record in our_records:
            our_server.receive(record, 0.0)

    def their_seal() -> None:
        for _ in range(RECORDS):
            their_client.send(data)
            their_records.append(their_client.bio_read(2048))

    def their_open() -> None:
        for record in their_records:
            their_server.bio_write(record)
            their_server.recv(2048)

    def our_handshakes() -> None:
        for _ in range(HANDSHAKES):
            our_pair()

    def their_handshakes() -> None:
        for _ in range(HANDSHAKES):
            openssl_pair()

    times: dict[str, list[float]] = {}
    for _ in range(PASSES):
        for name, work, calls in (
            ("seal ours", our_seal, RECORDS),
            ("seal pyOpenSSL", their_seal, RECORDS),
        ):
            times.setdefault(name, []).append(per_call(work, calls))
        our_records, our_client.out = our_client.out, []
        for name, work, calls in (
            ("open ours", our_open, RECORDS),
            ("open pyOpenSSL", their_open, RECORDS),
            ("handshake ours", our_handshakes, HANDSHAKES),
            ("handshake pyOpenSSL", their_handshakes, HANDSHAKES),
        ):
            times.setdefault(name, []).append(per_call(work, calls))
        assert our_server.inbound == [data] * RECORDS
        our_server.inbound = []
        their_records.clear()

    print(f"medians of {PASSES} passes, {SIZE}-byte records, AES-128-GCM; handshake with both")
    print("certificates made anew for each (two keys for ours, one for pyOpenSSL)")
    for what in ("seal", "open", "handshake"):
        ours = statistics.median(times[f"{what} ours"])
        theirs = statistics.median(times[f"{what} pyOpenSSL"])
        print(
            f"{what:10} ours {ours:8.2f} us   pyOpenSSL {theirs:8.2f} us   ratio {ours / theirs:.2f}"
        )


if __name__ == "__main__":
    main()

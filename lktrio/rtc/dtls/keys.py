"""Cipher suites, the pseudorandom function, and every secret derived with it.

Theory of operation: the key exchange yields a premaster secret; PRF(premaster, "extended master
secret", hash of the handshake up to ClientKeyExchange) is the master secret, bound to this very
handshake (RFC 7627), so exported keys are safe from the triple-handshake attack. From the master
secret come the record keys, the Finished values and exported keying material. ``Secrets`` holds
what is needed for that and shows none of it in its ``repr``.

Sources: RFC 5246 5 (PRF), 6.3 (key block), 7.4.9 (Finished); RFC 7627 4 (extended master secret);
RFC 5705 4 (exporter); RFC 5288, RFC 5289, RFC 7905 (the suites).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

__all__ = [
    "CIPHER_SUITES",
    "ECDHE_ECDSA_AES_128_GCM_SHA256",
    "ECDHE_ECDSA_AES_256_GCM_SHA384",
    "ECDHE_ECDSA_CHACHA20_POLY1305_SHA256",
    "CipherSuite",
    "Secrets",
    "TrafficKeys",
    "prf",
]

MASTER_SECRET_LENGTH = 48  # RFC 5246 8.1
VERIFY_DATA_LENGTH = 12  # RFC 5246 7.4.9

ECDHE_ECDSA_AES_128_GCM_SHA256 = 0xC02B
ECDHE_ECDSA_AES_256_GCM_SHA384 = 0xC02C
ECDHE_ECDSA_CHACHA20_POLY1305_SHA256 = 0xCCA9

# Labels that the handshake itself uses; exporting under one would hand out a secret (RFC 5705 4).
_RESERVED_LABELS = frozenset(
    {
        "client finished",
        "server finished",
        "master secret",
        "extended master secret",
        "key expansion",
    }
)


@dataclass(frozen=True, slots=True)
class CipherSuite:
    """What a cipher suite consists of."""

    number: int
    """Number on the wire."""
    name: str
    """IANA's name without the TLS_ prefix."""
    hash_name: str
    """Hash of the PRF and of the handshake transcript, as ``hashlib`` calls it."""
    aead: type[AESGCM] | type[ChaCha20Poly1305]
    """The record cipher."""
    key_length: int
    """Bytes of a record key."""
    iv_length: int
    """Bytes of the implicit part of the nonce, which comes from the key block."""


CIPHER_SUITES: dict[int, CipherSuite] = {
    suite.number: suite
    for suite in (
        CipherSuite(
            ECDHE_ECDSA_AES_128_GCM_SHA256,
            "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "sha256",
            AESGCM,
            16,
            4,
        ),
        CipherSuite(
            ECDHE_ECDSA_AES_256_GCM_SHA384,
            "ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "sha384",
            AESGCM,
            32,
            4,
        ),
        CipherSuite(
            ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
            "ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "sha256",
            ChaCha20Poly1305,
            32,
            12,
        ),
    )
}


@dataclass(frozen=True, slots=True, repr=False)
class TrafficKeys:
    """Record keys of both directions (RFC 5246 6.3)."""

    client_key: bytes
    """Protects what the client sends."""
    server_key: bytes
    """Protects what the server sends."""
    client_iv: bytes
    """Implicit nonce part of the client's records."""
    server_iv: bytes
    """Implicit nonce part of the server's records."""


def prf(hash_name: str, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """Compute the TLS 1.2 pseudorandom function (RFC 5246 section 5).

    Args:
        hash_name: ``"sha256"`` or ``"sha384"``.
        secret: The key.
        label: ASCII label.
        seed: The seed after the label.
        length: Bytes wanted.
    """
    seed = label + seed
    output = bytearray()
    chain = seed
    while len(output) < length:
        chain = hmac.digest(secret, chain, hash_name)
        output += hmac.digest(secret, chain + seed, hash_name)
    return bytes(output[:length])


class Secrets:
    """The master secret of one connection, and what is derived from it.

    Args:
        suite: The negotiated cipher suite.
        master: 48 bytes.
        client_random: 32 bytes of the ClientHello.
        server_random: 32 bytes of the ServerHello.
    """

    __slots__ = ("_client_random", "_master", "_server_random", "suite")

    def __init__(
        self, suite: CipherSuite, master: bytes, client_random: bytes, server_random: bytes
    ) -> None:
        self.suite = suite
        self._master = master
        self._client_random = client_random
        self._server_random = server_random

    @classmethod
    def derive(
        cls,
        suite: CipherSuite,
        premaster: bytes,
        transcript: bytes,
        client_random: bytes,
        server_random: bytes,
    ) -> Secrets:
        """Derive the extended master secret (RFC 7627 section 4).

        Args:
            suite: The negotiated cipher suite.
            premaster: Result of the key exchange.
            transcript: All handshake messages up to and including ClientKeyExchange.
            client_random: 32 bytes of the ClientHello.
            server_random: 32 bytes of the ServerHello.
        """
        session_hash = hashlib.new(suite.hash_name, transcript).digest()
        master = prf(
            suite.hash_name,
            premaster,
            b"extended master secret",
            session_hash,
            MASTER_SECRET_LENGTH,
        )
        return cls(suite, master, client_random, server_random)

    def traffic_keys(self) -> TrafficKeys:
        """Expand the record keys (RFC 5246 section 6.3; AEAD suites have no MAC keys)."""
        key, iv = self.suite.key_length, self.suite.iv_length
        seed = self._server_random + self._client_random
        block = prf(self.suite.hash_name, self._master, b"key expansion", seed, 2 * key + 2 * iv)
        ivs = block[2 * key :]
        return TrafficKeys(block[:key], block[key : 2 * key], ivs[:iv], ivs[iv:])

    def verify_data(self, transcript: bytes, *, is_client: bool) -> bytes:
        """Compute the content of a Finished message (RFC 5246 section 7.4.9).

        Args:
            transcript: All handshake messages before this Finished.
            is_client: Whether it is the client's Finished.
        """
        label = b"client finished" if is_client else b"server finished"
        digest = hashlib.new(self.suite.hash_name, transcript).digest()
        return prf(self.suite.hash_name, self._master, label, digest, VERIFY_DATA_LENGTH)

    def export(self, label: str, length: int) -> bytes:
        """Export keying material without a context (RFC 5705 section 4).

        Raises:
            ValueError: The label is one of the handshake's own.
        """
        if label in _RESERVED_LABELS:
            raise ValueError(f"the label {label!r} is reserved for the handshake itself")
        seed = self._client_random + self._server_random
        return prf(self.suite.hash_name, self._master, label.encode("ascii"), seed, length)

    def key_log_line(self) -> str:
        """Build the line of an NSS key log, with which a capture can be decrypted."""
        return f"CLIENT_RANDOM {self._client_random.hex()} {self._master.hex()}"

"""Our certificate, the announced fingerprints of the peer's, and signatures.

Theory of operation: in WebRTC a certificate proves nothing by itself. Its fingerprint travels in
the session description, and the peer is authentic when the hash of the certificate it presents is
an announced one and it proves to own the key. So a certificate is hashed as received, before
anything parses it, and only then is its public key taken out; chains, names and dates are ignored.

Sources: RFC 8122 5 (fingerprint), RFC 8827 6.5 (self-signed certificates, algorithms),
RFC 5246 4.7 and 7.4.1.4.1 (signatures), RFC 6979 (deterministic ECDSA).
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import os
from collections.abc import Sequence
from functools import cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.base import RandomBytes
from lktrio.rtc.dtls.exchange import new_private_key
from lktrio.rtc.dtls.registry import NamedGroup, SignatureScheme

__all__ = ["SIGNATURE_SCHEMES", "Certificate", "Fingerprints", "read_key", "verify_signature"]

_LIFETIME = datetime.timedelta(days=30)
_SERIAL_LENGTH = 20  # octets at most, and not negative (RFC 5280 4.1.2.2)
_CLOCK_SKEW = datetime.timedelta(days=1)  # the peer's clock may be behind ours

_HASHES: dict[int, hashes.HashAlgorithm] = {
    SignatureScheme.ECDSA_SHA256: hashes.SHA256(),
    SignatureScheme.ECDSA_SHA384: hashes.SHA384(),
    SignatureScheme.ECDSA_SHA512: hashes.SHA512(),
}

SIGNATURE_SCHEMES: tuple[int, ...] = tuple(_HASHES)
"""Signatures that are verified, the favourite first."""

# A key signs with the hash of its own strength, which is what TLS 1.3 makes of these numbers.
_SCHEME_OF_CURVE: dict[str, int] = {
    "secp256r1": SignatureScheme.ECDSA_SHA256,
    "secp384r1": SignatureScheme.ECDSA_SHA384,
}

_PEER_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
"""Curves of peers' keys; others are not in use, and some take milliseconds to verify with."""

# Hash names of a=fingerprint that count (RFC 8122 5); md5 and sha-1 have known collisions.
_FINGERPRINT_HASHES = {"sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}


class Certificate:
    """A certificate with its private key.

    Args:
        private_key: ECDSA key on P-256 or P-384.
        der: The certificate of that key.

    Raises:
        ValueError: The key is on another curve.
    """

    __slots__ = ("_algorithm", "_private_key", "der", "scheme")

    def __init__(self, private_key: ec.EllipticCurvePrivateKey, der: bytes) -> None:
        scheme = _SCHEME_OF_CURVE.get(private_key.curve.name)
        if scheme is None:
            raise ValueError(
                f"a DTLS certificate needs a P-256 or P-384 key, not {private_key.curve.name}"
            )
        self.der = der
        self.scheme = scheme
        self._private_key = private_key
        # Deterministic, if possible: handshakes can be replayed, and no random number is needed.
        self._algorithm = ec.ECDSA(
            _HASHES[scheme], deterministic_signing=_signs_deterministically()
        )

    @classmethod
    def generate(
        cls, now_utc: datetime.datetime, *, random: RandomBytes = os.urandom
    ) -> Certificate:
        """Make a new P-256 key and sign a certificate for it with itself.

        Args:
            now_utc: The time now; the certificate is valid from a day before it for thirty days.
            random: Source of the key and the serial number.
        """
        key = new_private_key(NamedGroup.SECP256R1, random)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "WebRTC")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(int.from_bytes(random(_SERIAL_LENGTH), "big") >> 1)
            .not_valid_before(now_utc - _CLOCK_SKEW)
            .not_valid_after(now_utc + _LIFETIME)
            .sign(key, hashes.SHA256(), ecdsa_deterministic=_signs_deterministically())
        )
        return cls(key, certificate.public_bytes(Encoding.DER))

    def fingerprint(self, algorithm: str = "sha-256") -> str:
        """Return the fingerprint as ``a=fingerprint`` writes it: ``"AB:CD:..."``.

        Args:
            algorithm: ``"sha-256"``, ``"sha-384"`` or ``"sha-512"``.

        Raises:
            ValueError: Another algorithm was asked for.
        """
        name = _FINGERPRINT_HASHES.get(algorithm.lower())
        if name is None:
            known = ", ".join(_FINGERPRINT_HASHES)
            raise ValueError(f"no fingerprint with {algorithm!r}; use one of {known}")
        return hashlib.new(name, self.der).digest().hex(":").upper()

    def sign(self, data: bytes) -> bytes:
        """Sign ``data`` with the certificate's key; the scheme is ``self.scheme``."""
        return self._private_key.sign(data, self._algorithm)

    def __repr__(self) -> str:
        return f"<Certificate {self.fingerprint()}>"


class Fingerprints:
    """The fingerprints that were announced for the peer's certificate.

    Args:
        announced: Pairs of hash name and hex digits with colons. Pairs with another hash than
            SHA-256, SHA-384 or SHA-512 (md5, sha-1, unknown ones) or with malformed digits never
            match.
    """

    __slots__ = ("_digests",)

    def __init__(self, announced: Sequence[tuple[str, str]]) -> None:
        self._digests: list[tuple[str, bytes]] = []
        for algorithm, text in announced:
            name = _FINGERPRINT_HASHES.get(algorithm.strip().lower())
            digest = _parse_digest(text)
            if name is not None and len(digest) == hashlib.new(name).digest_size:
                self._digests.append((name, digest))

    @property
    def usable(self) -> bool:
        """Whether any certificate could match at all."""
        return bool(self._digests)

    def match(self, der: bytes) -> bool:
        """Tell whether any announced fingerprint is the certificate's, in constant time."""
        matched = False
        for name, digest in self._digests:
            matched |= hmac.compare_digest(hashlib.new(name, der).digest(), digest)
        return matched


def verify_signature(der: bytes, scheme: int, signature: bytes, data: bytes) -> None:
    """Check that the owner of the certificate's key signed ``data``.

    Args:
        der: The certificate, whose fingerprint has been checked before.
        scheme: Signature scheme on the wire.
        signature: DER-encoded ECDSA signature.
        data: What was signed.

    Raises:
        RemoteProtocolError: The certificate cannot be read or holds no ECDSA key on P-256, P-384
            or P-521, the scheme was not offered, or the signature is wrong.
    """
    algorithm = _HASHES.get(scheme)
    if algorithm is None:
        raise RemoteProtocolError(f"the peer signed with scheme {scheme:#06x}, not with ECDSA")
    key = read_key(der)
    try:
        key.verify(signature, data, ec.ECDSA(algorithm))
    except InvalidSignature as error:
        raise RemoteProtocolError("the peer's signature is wrong") from error


def read_key(der: bytes) -> ec.EllipticCurvePublicKey:
    """Take the public key out of a certificate.

    Raises:
        RemoteProtocolError: The certificate cannot be read or holds no ECDSA key on P-256, P-384
            or P-521.
    """
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except Exception as error:  # the parser has exceptions of its own beside ValueError
        raise RemoteProtocolError("the peer's certificate cannot be read") from error
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _PEER_CURVES:
        return key
    raise RemoteProtocolError("the peer's certificate holds no ECDSA key on a curve of NIST")


def _parse_digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text.strip().replace(":", ""))
    except ValueError:
        return b""


@cache
def _signs_deterministically() -> bool:
    """Whether there is deterministic ECDSA, as there is from OpenSSL 3.2 on."""
    key = ec.derive_private_key(1, ec.SECP256R1())
    try:
        key.sign(b"", ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    except UnsupportedAlgorithm:
        return False
    return True

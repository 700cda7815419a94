"""Our certificate, its fingerprint, and signatures."""

from __future__ import annotations

import datetime
import hashlib
import warnings
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.dtls import Certificate
from lktrio.rtc.dtls.certificate import Fingerprints, verify_signature
from lktrio.rtc.dtls.registry import SignatureScheme
from tests.rtc.dtls.harness import LONG_AGO, Wire, certificate, endpoint, failure
from tests.support.cases import each_case


def self_signed(key: PrivateKeyTypes) -> bytes:
    """DER of a self-signed certificate for a key of any kind that can sign."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())  # type: ignore[arg-type]  # no key exchange keys here
        .serial_number(7)
        .not_valid_before(LONG_AGO)
        .not_valid_after(LONG_AGO + datetime.timedelta(days=1))
    )
    plain = isinstance(key, (ed25519.Ed25519PrivateKey, ed448.Ed448PrivateKey))
    algorithm = None if plain else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)  # type: ignore[arg-type]  # as above


def test_a_generated_certificate_is_self_signed_and_valid_for_a_month() -> None:
    own = Certificate.generate(LONG_AGO)
    parsed = x509.load_der_x509_certificate(own.der)
    parsed.verify_directly_issued_by(parsed)
    assert isinstance(parsed.public_key(), ec.EllipticCurvePublicKey)
    assert parsed.not_valid_before_utc == LONG_AGO - datetime.timedelta(days=1)
    assert parsed.not_valid_after_utc == LONG_AGO + datetime.timedelta(days=30)
    assert own.scheme == SignatureScheme.ECDSA_SHA256


def test_every_generated_certificate_is_another() -> None:
    assert Certificate.generate(LONG_AGO).der != Certificate.generate(LONG_AGO).der


@each_case("algorithm", ["sha-256", "sha-384", "sha-512", "SHA-256"])
def test_fingerprints_are_upper_case_hex_of_the_hash(algorithm: str) -> None:
    own = certificate("client")
    text = own.fingerprint(algorithm)
    digest = hashlib.new(algorithm.lower().replace("-", ""), own.der).digest()
    assert text == ":".join(f"{byte:02X}" for byte in digest)
    assert Fingerprints([(algorithm, text)]).match(own.der)


@each_case("algorithm", ["sha-1", "md5", "sha256", ""])
def test_other_fingerprints_are_not_made(algorithm: str) -> None:
    with pytest.raises(ValueError, match="sha-256"):
        certificate("client").fingerprint(algorithm)


def test_the_private_key_is_not_shown() -> None:
    own = certificate("client")
    assert repr(own) == f"<Certificate {own.fingerprint()}>"


@each_case("curve", [ec.SECP521R1(), ec.SECP256K1()])
def test_other_curves_are_refused(curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    with pytest.raises(ValueError, match=r"P-256 or P-384"):
        Certificate(key, self_signed(key))


@each_case(
    "curve, scheme",
    [
        (ec.SECP256R1(), SignatureScheme.ECDSA_SHA256),
        (ec.SECP384R1(), SignatureScheme.ECDSA_SHA384),
    ],
)
def test_a_key_signs_with_the_hash_of_its_strength(
    curve: ec.EllipticCurve, scheme: SignatureScheme
) -> None:
    key = ec.generate_private_key(curve)
    own = Certificate(key, self_signed(key))
    assert own.scheme == scheme
    signature = own.sign(b"data")
    verify_signature(own.der, own.scheme, signature, b"data")
    with pytest.raises(RemoteProtocolError, match="wrong"):
        verify_signature(own.der, own.scheme, signature, b"other data")


@each_case("scheme", [0x0203, 0x0401, 0x0804, 0x0807, 0x0000, 0x0303])
def test_only_offered_schemes_are_verified(scheme: int) -> None:
    """SHA-1, RSA and the rest are not in signature_algorithms."""
    own = certificate("client")
    with pytest.raises(RemoteProtocolError, match="not with ECDSA"):
        verify_signature(own.der, scheme, own.sign(b"data"), b"data")


def test_a_scheme_is_not_taken_for_another() -> None:
    own = certificate("client")
    with pytest.raises(RemoteProtocolError, match="wrong"):
        verify_signature(own.der, SignatureScheme.ECDSA_SHA384, own.sign(b"data"), b"data")


def test_a_signature_in_non_canonical_der_is_refused() -> None:
    own = certificate("client")
    signature = own.sign(b"data")
    assert signature[0] == 0x30
    assert signature[1] < 0x80
    long_form = bytes([0x30, 0x81]) + signature[1:]
    trailing = signature + b"\x00"
    for variant in (long_form, trailing, b"", signature[:-1]):
        with pytest.raises(RemoteProtocolError):
            verify_signature(own.der, own.scheme, variant, b"data")


def test_a_broken_certificate_is_a_remote_error() -> None:
    der = certificate("client").der
    for broken in (b"", b"\x30", der[:-1], der[:40], bytes(100)):
        with pytest.raises(RemoteProtocolError):
            verify_signature(broken, SignatureScheme.ECDSA_SHA256, b"", b"data")


KEYS: dict[str, Callable[[], PrivateKeyTypes]] = {
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "DSA": lambda: dsa.generate_private_key(1024),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "brainpool": lambda: ec.generate_private_key(ec.BrainpoolP256R1()),
}


def test_keys_of_other_kinds_are_a_remote_error() -> None:
    for case, make in KEYS.items():
        der = self_signed(make())
        with pytest.raises(RemoteProtocolError, match="no ECDSA key"):
            verify_signature(der, SignatureScheme.ECDSA_SHA256, b"x", b"data")
        assert case


def test_every_change_of_a_byte_of_a_certificate_is_a_remote_error_or_of_no_matter() -> None:
    """Version 19, negative serial numbers, unknown algorithms, and what else a byte can say."""
    own = certificate("client")
    signature = own.sign(b"data")
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for position, byte in enumerate(own.der):
            for value in {0, 1, 0x13, 0x7F, 0x80, 0xFF, byte ^ 1, byte ^ 0x20} - {byte}:
                changed = own.der[:position] + bytes([value]) + own.der[position + 1 :]
                try:
                    verify_signature(changed, own.scheme, signature, b"data")
                except RemoteProtocolError:
                    refused += 1
    assert refused > len(own.der)


def test_a_certificate_of_another_version_is_a_remote_error() -> None:
    own = certificate("client")
    strange = own.der.replace(bytes.fromhex("a003020102"), bytes.fromhex("a003020113"), 1)
    with pytest.raises(RemoteProtocolError, match="cannot be read"):
        verify_signature(strange, own.scheme, own.sign(b"data"), b"data")


def test_a_peer_with_a_strange_certificate_fails_the_handshake_and_nothing_else() -> None:
    for is_client in (True, False):
        strange = Certificate.generate(LONG_AGO)
        strange.der = strange.der.replace(
            bytes.fromhex("a003020102"), bytes.fromhex("a003020113"), 1
        )
        ours = endpoint(is_client=is_client, fingerprints=[("sha-256", strange.fingerprint())])
        theirs = endpoint(is_client=not is_client, own=strange)
        wire = Wire(ours, theirs) if is_client else Wire(theirs, ours)
        wire.start()
        wire.run(until=0.5)  # at once: no other certificate has that fingerprint
        assert "certificate cannot be read" in failure(ours), is_client

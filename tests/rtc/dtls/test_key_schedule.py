"""The pseudorandom function and everything derived with it."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from lktrio.rtc.dtls.keys import CIPHER_SUITES, Secrets, prf
from tests.support.cases import each_case

# The two vectors for TLS 1.2 that were posted to the IETF's TLS list and are in wide use.
VECTORS = {
    "sha256": (
        "9bbe436ba940f017b17652849a71db35",
        "a0ba9f936cda311827a6f796ffd5198c",
        (
            "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
            "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"
            "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
            "87347b66"
        ),
    ),
    "sha384": (
        "b80b733d6ceefcdc71566ea48e5567df",
        "cd665cf6a8447dd6ff8b27555edb7465",
        (
            "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cd"
            "e9ca0faa60be9fe34f82b1233c9146a0e534cb400fed2700884f9dc236f80edd"
            "8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abfdad05d918425"
            "9b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee6"
            "91c8f3a26854308d5eaa3be85e0990703d73e56f"
        ),
    ),
}


@each_case("hash_name", VECTORS)
def test_published_vectors(hash_name: str) -> None:
    secret, seed, output = map(bytes.fromhex, VECTORS[hash_name])
    assert prf(hash_name, secret, b"test label", seed, len(output)) == output


@each_case("hash_name", VECTORS)
def test_a_shorter_output_is_a_prefix(hash_name: str) -> None:
    secret, seed, output = map(bytes.fromhex, VECTORS[hash_name])
    for length in range(len(output)):
        assert prf(hash_name, secret, b"test label", seed, length) == output[:length]


def secrets(suite: int) -> Secrets:
    return Secrets(CIPHER_SUITES[suite], b"m" * 48, b"c" * 32, b"s" * 32)


def p_hash(hash_name: str, secret: bytes, seed: bytes, blocks: int) -> bytes:
    """RFC 5246 section 5, written as the formula is."""
    a = [seed]
    for _ in range(blocks):
        a.append(hmac.new(secret, a[-1], hash_name).digest())
    return b"".join(hmac.new(secret, x + seed, hash_name).digest() for x in a[1:])


@each_case("suite, key, iv", [(0xC02B, 16, 4), (0xC02C, 32, 4), (0xCCA9, 32, 12)])
def test_record_keys_are_cut_from_one_block(suite: int, key: int, iv: int) -> None:
    found = secrets(suite)
    keys = found.traffic_keys()
    parts = (keys.client_key, keys.server_key, keys.client_iv, keys.server_iv)
    assert [len(part) for part in parts] == [key, key, iv, iv]
    block = p_hash(found.suite.hash_name, b"m" * 48, b"key expansion" + b"s" * 32 + b"c" * 32, 4)
    assert block.startswith(b"".join(parts))


def test_exported_material_is_seeded_client_first() -> None:
    exported = secrets(0xC02B).export("EXTRACTOR-dtls_srtp", 60)
    seed = b"EXTRACTOR-dtls_srtp" + b"c" * 32 + b"s" * 32
    assert exported == p_hash("sha256", b"m" * 48, seed, 2)[:60]


def test_the_master_secret_is_bound_to_the_handshake() -> None:
    suite = CIPHER_SUITES[0xC02C]
    found = Secrets.derive(suite, b"p" * 32, b"handshake", b"c" * 32, b"s" * 32)
    digest = hashlib.sha384(b"handshake").digest()
    master = p_hash("sha384", b"p" * 32, b"extended master secret" + digest, 1)[:48]
    assert found.key_log_line() == f"CLIENT_RANDOM {b'c'.hex() * 32} {master.hex()}"


def test_finished_depends_on_role_and_handshake() -> None:
    found = secrets(0xC02B)
    values = {
        found.verify_data(transcript, is_client=is_client)
        for transcript in (b"one", b"two")
        for is_client in (True, False)
    }
    assert len(values) == 4
    assert {len(value) for value in values} == {12}


@each_case(
    "label", ["client finished", "server finished", "master secret", "extended master secret"]
)
def test_labels_of_the_handshake_are_not_exported(label: str) -> None:
    with pytest.raises(ValueError, match="reserved"):
        secrets(0xC02B).export(label, 48)


def test_secrets_are_not_shown() -> None:
    found = secrets(0xC02B)
    assert "mmm" not in repr(found)
    assert "6d6d6d" not in repr(found)
    assert repr(found.traffic_keys().client_key) not in repr(found.traffic_keys())

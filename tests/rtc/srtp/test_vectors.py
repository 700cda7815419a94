"""SRTP against the test vectors of its RFCs and against libsrtp."""

from __future__ import annotations

import os
import random

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lktrio.rtc.rtp import HEADER
from lktrio.rtc.srtp import SrtpKeys, SrtpProfile, SrtpReceiver, SrtpSender, ciphers
from tests.support.cases import each_case

AES_128 = SrtpProfile.AEAD_AES_128_GCM
AES_256 = SrtpProfile.AEAD_AES_256_GCM
CM = SrtpProfile.AES128_CM_HMAC_SHA1_80


# RFC 3711 appendix B.3

MASTER_KEY = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
MASTER_SALT = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
AUTH_KEY = (
    "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578E"
    "F72270986371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F"
    "34DB60DBDFB2DC68"
)


@each_case(
    "label, expected",
    [
        (0, "C61E7A93744F39EE10734AFE3FF7A087"),
        (1, AUTH_KEY),
        (2, "30CBBC08863D8C85D49DB34A9AE1"),
    ],
)
def test_key_derivation_of_rfc_3711(label: int, expected: str) -> None:
    key = bytes.fromhex(expected)
    assert ciphers.derive_key(MASTER_KEY, MASTER_SALT, label, len(key)) == key


# RFC 3711 appendix B.2


def test_aes_cm_keystream_of_rfc_3711() -> None:
    keys = ciphers.SessionKeys(
        bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C"),
        bytes(20),
        bytes.fromhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
    )
    keystream = ciphers.CmKeys(keys).crypt(bytes(0xFF02 * 16), keys.salt)
    assert keystream[:48] == bytes.fromhex(
        "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB"
        "41E95B3BB0A2E8DD477901E4FCA894C0"
    )
    assert keystream[0xFEFF * 16 :] == bytes.fromhex(
        "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE"
        "6A2CC3787889374FBEB4C81B17BA6C44"
    )


# RFC 7714 sections 16 and 17

GCM_KEYS = {AES_128: bytes(range(16)), AES_256: bytes(range(32))}
GCM_SALT = b"Quid pro quo"
RTP_HEADER = bytes.fromhex("8040f17b8041f8d35501a0b2")
RTP_PAYLOAD = b"Gallia est omnis divisa in partes tres"
RTP_SEALED = {
    AES_128: (
        "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
        "899d7f27beb16a9152cf765ee4390cce"
    ),
    AES_256: (
        "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b"
        "7aa3db36dfffd6b0f9bb7878d7a76c13"
    ),
}
RTCP_PLAIN = bytes.fromhex(
    "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61"
    "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
)
RTCP_SEALED = {
    AES_128: (
        "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda"
        "4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4"
    ),
    AES_256: (
        "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be"
        "8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4"
    ),
}
RTCP_AUTHENTICATED = {
    AES_128: RTCP_PLAIN.hex() + "841dd9683dd78ec92ae58790125f62b3000005d4",
    AES_256: RTCP_PLAIN.hex() + "91db4afbfeee5a978fab4393ed2615fe000005d4",
}
RTCP_INDEX = 0x5D4


def gcm_suite(profile: SrtpProfile) -> ciphers.GcmSuite:
    """The RFC's vectors give session keys, not master keys."""
    keys = ciphers.SessionKeys(GCM_KEYS[profile], b"", GCM_SALT)
    return ciphers.GcmSuite(keys, keys)


def gcm_sender(profile: SrtpProfile) -> SrtpSender:
    sender = SrtpSender(profile, GCM_KEYS[profile], GCM_SALT)
    sender._suite = gcm_suite(profile)
    sender._rtcp_index = RTCP_INDEX
    return sender


def gcm_receiver(profile: SrtpProfile) -> SrtpReceiver:
    receiver = SrtpReceiver(profile, GCM_KEYS[profile], GCM_SALT)
    receiver._suite = gcm_suite(profile)
    return receiver


@each_case("profile", [AES_128, AES_256])
def test_srtp_vectors_of_rfc_7714(profile: SrtpProfile) -> None:
    sealed = RTP_HEADER + bytes.fromhex(RTP_SEALED[profile])
    stream = gcm_sender(profile).stream(0x5501A0B2)
    assert stream.protect(RTP_HEADER, RTP_PAYLOAD, 0xF17B) == sealed
    assert gcm_receiver(profile).unprotect(sealed) == (0xF17B, 12, RTP_PAYLOAD)


@each_case("profile", [AES_128, AES_256])
def test_srtcp_vectors_of_rfc_7714(profile: SrtpProfile) -> None:
    sealed = bytes.fromhex(RTCP_SEALED[profile])
    assert gcm_sender(profile).protect_rtcp(RTCP_PLAIN) == sealed
    assert gcm_receiver(profile).unprotect_rtcp(sealed) == RTCP_PLAIN


@each_case("profile", [AES_128, AES_256])
def test_authenticated_but_not_encrypted_srtcp_vectors_of_rfc_7714(profile: SrtpProfile) -> None:
    sealed = bytes.fromhex(RTCP_AUTHENTICATED[profile])
    receiver = gcm_receiver(profile)
    assert receiver.unprotect_rtcp(sealed) == RTCP_PLAIN
    damaged = sealed[:10] + b"\xff" + sealed[11:]
    assert gcm_receiver(profile).unprotect_rtcp(damaged) is None


@each_case("profile", [AES_128, AES_256])
def test_the_nonce_of_rfc_7714_is_what_pyca_was_given(profile: SrtpProfile) -> None:
    nonce = bytes.fromhex("51753c6580c2726f20718414")
    sealed = AESGCM(GCM_KEYS[profile]).encrypt(nonce, RTP_PAYLOAD, RTP_HEADER)
    assert sealed.hex() == RTP_SEALED[profile]


# libsrtp as the oracle


def oracle(keys: SrtpKeys, *, outbound: bool) -> object:
    pylibsrtp = pytest.importorskip("pylibsrtp", reason="needs libsrtp as the oracle")
    policy = pylibsrtp.Policy
    number = {
        AES_128: policy.SRTP_PROFILE_AEAD_AES_128_GCM,
        AES_256: policy.SRTP_PROFILE_AEAD_AES_256_GCM,
        CM: policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    }[keys.profile]
    kind = policy.SSRC_ANY_OUTBOUND if outbound else policy.SSRC_ANY_INBOUND
    return pylibsrtp.Session(policy(keys.key + keys.salt, kind, 0, number))


def some_keys(profile: SrtpProfile) -> SrtpKeys:
    return SrtpKeys(profile, os.urandom(profile.key_length), os.urandom(profile.salt_length))


def some_packets(seed: int) -> list[tuple[bytes, bytes, int]]:
    """Headers (some with extensions and sources), payloads, and indices around two wraps."""
    chosen = random.Random(seed)
    packets: list[tuple[bytes, bytes, int]] = []
    for index in [*range(65500, 65600), *range(90000, 115000, 2500), *range(131000, 131100)]:
        ssrc, extra, first = chosen.choice([1, 0xFFFFFFFF]), b"", 0x80
        if index % 3:
            first, extra = 0x90, bytes.fromhex("bede0001 10aa2000")
        header = HEADER.pack(first, 96, index & 0xFFFF, index, ssrc) + extra
        packets.append((header, chosen.randbytes(chosen.choice([0, 1, 100, 1200])), index))
    return packets


@each_case("profile", SrtpProfile)
def test_srtp_is_what_libsrtp_makes_and_takes(profile: SrtpProfile) -> None:
    keys = some_keys(profile)
    theirs_out, theirs_in = oracle(keys, outbound=True), oracle(keys, outbound=False)
    sender = SrtpSender(profile, keys.key, keys.salt)
    receiver = SrtpReceiver(profile, keys.key, keys.salt)
    streams = {ssrc: sender.stream(ssrc) for ssrc in (1, 0xFFFFFFFF)}
    for header, payload, index in some_packets(1):
        sealed = streams[int.from_bytes(header[8:12], "big")].protect(header, payload, index)
        assert sealed == theirs_out.protect(header + payload)  # type: ignore[attr-defined] # no stubs
        assert theirs_in.unprotect(sealed) == header + payload  # type: ignore[attr-defined] # no stubs
        assert receiver.unprotect(sealed) == (index, len(header), payload)
    assert not receiver.dropped.total


@each_case("profile", SrtpProfile)
def test_srtcp_is_what_libsrtp_takes_and_makes(profile: SrtpProfile) -> None:
    keys = some_keys(profile)
    theirs_out, theirs_in = oracle(keys, outbound=True), oracle(keys, outbound=False)
    sender = SrtpSender(profile, keys.key, keys.salt)
    receiver = SrtpReceiver(profile, keys.key, keys.salt)
    for number in range(50):
        ssrc = number % 3 + 1
        plain = bytes.fromhex("80c90001") + ssrc.to_bytes(4, "big") + os.urandom(4 * number)
        sealed = sender.protect_rtcp(plain)
        assert theirs_in.unprotect_rtcp(sealed) == plain  # type: ignore[attr-defined] # no stubs
        theirs = theirs_out.protect_rtcp(plain)  # type: ignore[attr-defined] # no stubs
        assert receiver.unprotect_rtcp(theirs) == plain
    assert not receiver.dropped.total

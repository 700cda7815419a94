"""The algorithms of SRTP: key derivation, AES-GCM, AES-CM with HMAC-SHA1.

Theory of operation
    A `Suite` holds the session keys of one direction. For RTP it gives each SSRC a cipher in the
    shape of PyCA's ``AESGCM``, to which the nonce is the salt XOR SSRC XOR index; for RTCP it
    protects and opens whole packets, whose layouts differ between the profiles.

    AES-CM takes the same numbers as AES-GCM for its counter block, two bytes longer, and is made
    to look the same, tag included. One context per key serves all packets, as a new nonce costs
    a seventh of a new context.

Implements: RFC 3711 sections 3.4, 4.1.1, 4.2.1 and 4.3; RFC 7714 sections 8, 9, 11 and 12.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from hmac import compare_digest
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.hmac import HMAC

__all__ = [
    "ENCRYPTED_FLAG",
    "MAX_RTCP_INDEX",
    "RTCP_HEADER_SIZE",
    "RTCP_INDEX_SIZE",
    "CmCipher",
    "CmKeys",
    "CmSuite",
    "GcmSuite",
    "PacketCipher",
    "SessionKeys",
    "SrtpProfile",
    "Suite",
    "derive_key",
    "make_suite",
]

MAX_RTCP_INDEX = (1 << 31) - 1
"""Largest index of an SRTCP packet (RFC 3711 section 3.4)."""

ENCRYPTED_FLAG = 1 << 31
"""The E bit before the SRTCP index: the packet is encrypted."""

RTCP_HEADER_SIZE = 8
"""Bytes of an RTCP packet that stay in clear: the first header and SSRC."""

RTCP_INDEX_SIZE = 4
"""Bytes of the E bit and the index."""

_KDF_SALT_SIZE = 14
_GCM_SALT_SIZE = 12
_GCM_TAG_SIZE = 16
_CM_TAG_SIZE = 10
_CM_AUTH_KEY_SIZE = 20


class SrtpProfile(IntEnum):
    """Protection profiles, by their number in the ``use_srtp`` extension of DTLS."""

    AES128_CM_HMAC_SHA1_80 = 0x0001
    AEAD_AES_128_GCM = 0x0007
    AEAD_AES_256_GCM = 0x0008

    @property
    def key_length(self) -> int:
        """Bytes of the master key, and of the session keys."""
        return 32 if self is SrtpProfile.AEAD_AES_256_GCM else 16

    @property
    def salt_length(self) -> int:
        """Bytes of the master salt."""
        return _KDF_SALT_SIZE if self is SrtpProfile.AES128_CM_HMAC_SHA1_80 else _GCM_SALT_SIZE

    @property
    def tag_length(self) -> int:
        """Bytes by which an SRTP packet is longer than the RTP packet."""
        return _CM_TAG_SIZE if self is SrtpProfile.AES128_CM_HMAC_SHA1_80 else _GCM_TAG_SIZE

    @property
    def exporter_length(self) -> int:
        """Bytes that the DTLS exporter has to provide for both directions."""
        return 2 * (self.key_length + self.salt_length)


def derive_key(key: bytes, salt: bytes, label: int, length: int) -> bytes:
    """Derive one session key with the AES-CM PRF (RFC 3711 section 4.3, rate zero).

    A 96-bit salt is extended with zeros at its end (RFC 7714 section 11).
    """
    padded = int.from_bytes(salt.ljust(_KDF_SALT_SIZE, b"\0"), "big")
    counter = ((padded ^ label << 48) << 16).to_bytes(16, "big")
    encryptor = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    return encryptor.update(bytes(length))


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """Keys of one direction for either SRTP or SRTCP."""

    cipher: bytes = field(repr=False)
    auth: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    @classmethod
    def derive(cls, profile: SrtpProfile, key: bytes, salt: bytes, first: int) -> SessionKeys:
        """Use the three labels from ``first`` on: 0 for SRTP, 3 for SRTCP (section 4.3.2)."""
        return cls(
            derive_key(key, salt, first, profile.key_length),
            derive_key(key, salt, first + 1, _CM_AUTH_KEY_SIZE),
            derive_key(key, salt, first + 2, profile.salt_length),
        )


class PacketCipher(Protocol):
    """Authenticated encryption of one SSRC's packets, in the shape of PyCA's ``AESGCM``."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Return the ciphertext and the tag over it and ``associated_data``."""
        ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """Return the plaintext.

        Raises:
            InvalidTag: The tag at the end of ``data`` is wrong.
        """
        ...


class Suite(Protocol):
    """One direction's session keys for RTP and RTCP, bound to the algorithms."""

    salt: int
    """Session salt for RTP, of which ``salt ^ ssrc << 48 ^ index`` is the nonce."""

    def cipher(self, ssrc: int) -> PacketCipher:
        """Return the cipher for the RTP packets of one SSRC."""
        ...

    def protect_rtcp(self, packet: bytes, word: int) -> bytes:
        """Encrypt and authenticate an RTCP packet; ``word`` is the E bit and the index."""
        ...

    def open_rtcp(self, packet: bytes, word: int) -> bytes:
        """Verify and decrypt an SRTCP packet that carries ``word``.

        Raises:
            InvalidTag: The tag is wrong.
        """
        ...


class GcmSuite:
    """AES-GCM (RFC 7714): the nonce is ``00 00 | SSRC | ROC | SEQ`` XOR salt."""

    def __init__(self, rtp: SessionKeys, rtcp: SessionKeys) -> None:
        self.salt = int.from_bytes(rtp.salt, "big")
        self._rtp = AESGCM(rtp.cipher)
        self._rtcp = AESGCM(rtcp.cipher)
        self._rtcp_salt = int.from_bytes(rtcp.salt, "big")

    def cipher(self, ssrc: int) -> PacketCipher:
        """See `Suite.cipher`."""
        return self._rtp

    def _rtcp_nonce(self, packet: bytes, word: int) -> bytes:
        ssrc = int.from_bytes(packet[4:8], "big")
        nonce = self._rtcp_salt ^ ssrc << 48 ^ (word & MAX_RTCP_INDEX)
        return nonce.to_bytes(_GCM_SALT_SIZE, "big")

    def protect_rtcp(self, packet: bytes, word: int) -> bytes:
        """See `Suite.protect_rtcp`."""
        header, trailer = packet[:RTCP_HEADER_SIZE], word.to_bytes(RTCP_INDEX_SIZE, "big")
        nonce = self._rtcp_nonce(packet, word)
        sealed = self._rtcp.encrypt(nonce, packet[RTCP_HEADER_SIZE:], header + trailer)
        return header + sealed + trailer

    def open_rtcp(self, packet: bytes, word: int) -> bytes:
        """See `Suite.open_rtcp`."""
        nonce, trailer = self._rtcp_nonce(packet, word), packet[-RTCP_INDEX_SIZE:]
        header, body = packet[:RTCP_HEADER_SIZE], packet[RTCP_HEADER_SIZE:-RTCP_INDEX_SIZE]
        if word & ENCRYPTED_FLAG:
            return header + self._rtcp.decrypt(nonce, body, header + trailer)
        plain = header + body[:-_GCM_TAG_SIZE]
        self._rtcp.decrypt(nonce, body[-_GCM_TAG_SIZE:], plain + trailer)
        return plain


class CmKeys:
    """AES-CM and HMAC-SHA1 under one set of session keys (RFC 3711 sections 4.1.1, 4.2.1)."""

    __slots__ = ("_cipher", "base_mac", "salt")

    def __init__(self, keys: SessionKeys) -> None:
        # One context for all packets: setting a new nonce costs a seventh of a new context.
        self._cipher = Cipher(algorithms.AES(keys.cipher), modes.CTR(bytes(16))).encryptor()
        self.base_mac = HMAC(keys.auth, SHA1())  # noqa: S303 - the algorithm of the profile
        self.salt = int.from_bytes(keys.salt, "big")

    def crypt(self, data: bytes, nonce: bytes) -> bytes:
        """En- or decrypt; the nonce is followed by a block counter of 16 bits."""
        cipher = self._cipher
        cipher.reset_nonce(nonce + b"\0\0")
        return cipher.update(data)


class CmCipher:
    """AES-CM and HMAC-SHA1 as one authenticated cipher for one SSRC.

    The tag covers the rollover counter, which only the nonce tells: XOR the base of the nonces.
    It changes once in 65,536 packets, so it is kept until the upper part of the nonce changes.
    """

    __slots__ = ("_iv_base", "_keys", "_rollover", "_upper")

    def __init__(self, keys: CmKeys, iv_base: int) -> None:
        self._keys = keys
        self._iv_base = iv_base
        self._upper = b""
        self._rollover = b""

    def _tag(self, nonce: bytes, header: bytes | None, data: bytes) -> bytes:
        upper = nonce[:-2]
        if upper != self._upper:
            index = int.from_bytes(nonce, "big") ^ self._iv_base
            self._rollover = (index >> 16).to_bytes(4, "big")
            self._upper = upper
        mac = self._keys.base_mac.copy()
        if header:
            mac.update(header)
        mac.update(data)
        mac.update(self._rollover)
        return mac.finalize()[:_CM_TAG_SIZE]

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """See `PacketCipher.encrypt`."""
        sealed = self._keys.crypt(data, nonce)
        return sealed + self._tag(nonce, associated_data, sealed)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """See `PacketCipher.decrypt`."""
        sealed = data[:-_CM_TAG_SIZE]
        if not compare_digest(self._tag(nonce, associated_data, sealed), data[-_CM_TAG_SIZE:]):
            raise InvalidTag
        return self._keys.crypt(sealed, nonce)


class CmSuite:
    """AES-CM: the counter is ``salt XOR SSRC << 64 XOR index << 16``, of which we keep 14 bytes."""

    def __init__(self, rtp: SessionKeys, rtcp: SessionKeys) -> None:
        self._rtp = CmKeys(rtp)
        self._rtcp = CmKeys(rtcp)
        self.salt = self._rtp.salt

    def cipher(self, ssrc: int) -> PacketCipher:
        """See `Suite.cipher`."""
        return CmCipher(self._rtp, self.salt ^ ssrc << 48)

    def _rtcp_nonce(self, packet: bytes, word: int) -> bytes:
        ssrc = int.from_bytes(packet[4:8], "big")
        nonce = self._rtcp.salt ^ ssrc << 48 ^ (word & MAX_RTCP_INDEX)
        return nonce.to_bytes(_KDF_SALT_SIZE, "big")

    def _rtcp_tag(self, signed: bytes) -> bytes:
        mac = self._rtcp.base_mac.copy()
        mac.update(signed)
        return mac.finalize()[:_CM_TAG_SIZE]

    def protect_rtcp(self, packet: bytes, word: int) -> bytes:
        """See `Suite.protect_rtcp`."""
        body = self._rtcp.crypt(packet[RTCP_HEADER_SIZE:], self._rtcp_nonce(packet, word))
        signed = packet[:RTCP_HEADER_SIZE] + body + word.to_bytes(RTCP_INDEX_SIZE, "big")
        return signed + self._rtcp_tag(signed)

    def open_rtcp(self, packet: bytes, word: int) -> bytes:
        """See `Suite.open_rtcp`."""
        signed = packet[:-_CM_TAG_SIZE]
        if not compare_digest(self._rtcp_tag(signed), packet[-_CM_TAG_SIZE:]):
            raise InvalidTag
        plain = signed[:-RTCP_INDEX_SIZE]
        if not word & ENCRYPTED_FLAG:
            return plain
        body = self._rtcp.crypt(plain[RTCP_HEADER_SIZE:], self._rtcp_nonce(packet, word))
        return plain[:RTCP_HEADER_SIZE] + body


def make_suite(profile: SrtpProfile, key: bytes, salt: bytes) -> Suite:
    """Derive the session keys of one direction and bind them to the profile's algorithms."""
    if len(key) != profile.key_length or len(salt) != profile.salt_length:
        raise ValueError(
            f"{profile.name} takes a key of {profile.key_length} and a salt of "
            f"{profile.salt_length} bytes"
        )
    rtp, rtcp = (SessionKeys.derive(profile, key, salt, first) for first in (0, 3))
    if profile is SrtpProfile.AES128_CM_HMAC_SHA1_80:
        return CmSuite(rtp, rtcp)
    return GcmSuite(rtp, rtcp)

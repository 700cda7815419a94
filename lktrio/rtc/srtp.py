"""SRTP and SRTCP: confidentiality, integrity and replay protection for media.

Theory of operation
    DTLS exports one block of master keys and salts (`SrtpKeys.from_exporter`). Each direction
    derives its session keys from its own once (key derivation rate zero) and keeps them in one
    `SrtpSender` or `SrtpReceiver`. All streams of a direction share the keys; what differs per
    SSRC is the initialisation vector. So each SSRC has one small object that holds the vector
    with the SSRC mixed in, and a packet costs one XOR for its nonce and one call into OpenSSL.

    A packet is numbered by its *index*: the 32-bit rollover counter (ROC) and the 16-bit sequence
    number. The ROC is not on the wire. The receiver guesses it relative to the highest index it
    has authenticated, and learns from a packet only after its tag was verified: an attacker can
    neither move the ROC nor make us keep state. The first packet of an SSRC is taken as ROC 0,
    then, if that fails and its sequence number is in the lower half, as ROC 1: the sender may
    have wrapped before anything of it reached us.

    The replay window is a ring of the last 1024 indices, each in the slot of its low bits: an
    index that stands in its slot was received before. The window so needs no shifting, and slots
    that were jumped over hold indices that no packet within the window can have. A packet that
    was authenticated before is dropped before it is decrypted.

    SRTCP carries its 31-bit index in the packet. The sender uses one counter for all its SSRCs,
    which keeps every nonce unique without state per SSRC.

    Nonces must not repeat: a caller must never protect two different packets under one index.
    Retransmissions on the original SSRC send the protected bytes again.

Implements: RFC 3711 sections 3.3, 3.4, 4.1.1 (AES-CM), 4.2.1 (HMAC-SHA1), 4.3 (key derivation);
RFC 5764 section 4.2 (keys from DTLS); RFC 7714 sections 8, 9, 11, 12 (AES-GCM).
Not implemented: MKI, RFC 6904 and RFC 9335 header encryption, key derivation rate.
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

from lktrio.errors import LocalProtocolError

__all__ = [
    "DEFAULT_MAX_SSRCS",
    "EXPORTER_LABEL",
    "OutboundSrtpStream",
    "SrtpCounters",
    "SrtpKeys",
    "SrtpProfile",
    "SrtpReceiver",
    "SrtpSender",
]

EXPORTER_LABEL = "EXTRACTOR-dtls_srtp"
"""Label of the DTLS exporter for SRTP keys (RFC 5764 section 4.2)."""

DEFAULT_MAX_SSRCS = 64
"""SSRCs for which one receiver keeps state, separately for SRTP and SRTCP."""

REPLAY_WINDOW = 1024  # packets; RFC 3711 section 3.3.2 asks for at least 64
_SLOT_MASK = REPLAY_WINDOW - 1

_MAX_INDEX = (1 << 48) - 1  # RFC 3711 section 9.2
_MAX_RTCP_INDEX = (1 << 31) - 1
_ENCRYPTED_FLAG = 1 << 31  # the E bit before the SRTCP index, RFC 3711 section 3.4

_RTP_HEADER_SIZE = 12
_RTCP_HEADER_SIZE = 8
_RTCP_INDEX_SIZE = 4
_EXTENSION_BIT = 0x10
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


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master key and salt of one direction."""

    profile: SrtpProfile
    """Algorithms that the keys are for."""
    key: bytes = field(repr=False)
    """Master key."""
    salt: bytes = field(repr=False)
    """Master salt."""

    @classmethod
    def from_exporter(
        cls, profile: SrtpProfile, material: bytes, is_client: bool
    ) -> tuple[SrtpKeys, SrtpKeys]:
        """Divide what the DTLS exporter gave for `EXPORTER_LABEL` (RFC 5764 section 4.2).

        Args:
            profile: The negotiated profile.
            material: Exactly ``profile.exporter_length`` bytes.
            is_client: Whether we were the DTLS client.

        Returns:
            Our keys (to send) and the peer's (to receive).

        Raises:
            ValueError: The material has the wrong size.
        """
        if len(material) != profile.exporter_length:
            raise ValueError(
                f"{profile.name} needs {profile.exporter_length} bytes of key material, "
                f"not {len(material)}"
            )
        size, salt_size = profile.key_length, profile.salt_length
        salts = material[2 * size :]
        client = cls(profile, material[:size], salts[:salt_size])
        server = cls(profile, material[size : 2 * size], salts[salt_size:])
        return (client, server) if is_client else (server, client)


@dataclass(slots=True)
class SrtpCounters:
    """How many packets a receiver dropped, and why."""

    malformed: int = 0
    """Too short, or a header that does not fit."""
    unauthenticated: int = 0
    """The tag was wrong."""
    replayed: int = 0
    """Received before."""
    too_old: int = 0
    """Further behind than the replay window reaches."""
    over_limit: int = 0
    """Genuine, but of one SSRC too many."""

    @property
    def total(self) -> int:
        """All dropped packets."""
        return (
            self.malformed + self.unauthenticated + self.replayed + self.too_old + self.over_limit
        )


def derive_key(key: bytes, salt: bytes, label: int, length: int) -> bytes:
    """Derive one session key with the AES-CM PRF (RFC 3711 section 4.3, rate zero).

    A 96-bit salt is extended with zeros at its end (RFC 7714 section 11).
    """
    padded = int.from_bytes(salt.ljust(_KDF_SALT_SIZE, b"\0"), "big")
    counter = ((padded ^ label << 48) << 16).to_bytes(16, "big")
    encryptor = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    return encryptor.update(bytes(length))


@dataclass(frozen=True, slots=True)
class _SessionKeys:
    """Keys of one direction for either SRTP or SRTCP."""

    cipher: bytes = field(repr=False)
    auth: bytes = field(repr=False)
    salt: bytes = field(repr=False)

    @classmethod
    def derive(cls, profile: SrtpProfile, key: bytes, salt: bytes, first: int) -> _SessionKeys:
        """Use the three labels from ``first`` on: 0 for SRTP, 3 for SRTCP (section 4.3.2)."""
        return cls(
            derive_key(key, salt, first, profile.key_length),
            derive_key(key, salt, first + 1, _CM_AUTH_KEY_SIZE),
            derive_key(key, salt, first + 2, profile.salt_length),
        )


class _Cipher(Protocol):
    """Authenticated encryption of one SSRC's packets, in the shape of PyCA's ``AESGCM``."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


class _Suite(Protocol):
    """One direction's session keys for RTP and RTCP, bound to the algorithms."""

    salt: int

    def cipher(self, ssrc: int) -> _Cipher: ...

    def protect_rtcp(self, packet: bytes, word: int) -> bytes: ...

    def open_rtcp(self, packet: bytes, word: int) -> bytes:
        """Verify and decrypt; raises InvalidTag."""
        ...


class _GcmSuite:
    """AES-GCM (RFC 7714): the nonce is ``00 00 | SSRC | ROC | SEQ`` XOR salt."""

    def __init__(self, rtp: _SessionKeys, rtcp: _SessionKeys) -> None:
        self.salt = int.from_bytes(rtp.salt, "big")
        self._rtp = AESGCM(rtp.cipher)
        self._rtcp = AESGCM(rtcp.cipher)
        self._rtcp_salt = int.from_bytes(rtcp.salt, "big")

    def cipher(self, ssrc: int) -> _Cipher:
        return self._rtp

    def _rtcp_nonce(self, packet: bytes, word: int) -> bytes:
        ssrc = int.from_bytes(packet[4:8], "big")
        nonce = self._rtcp_salt ^ ssrc << 48 ^ (word & _MAX_RTCP_INDEX)
        return nonce.to_bytes(_GCM_SALT_SIZE, "big")

    def protect_rtcp(self, packet: bytes, word: int) -> bytes:
        header, trailer = packet[:_RTCP_HEADER_SIZE], word.to_bytes(_RTCP_INDEX_SIZE, "big")
        nonce = self._rtcp_nonce(packet, word)
        sealed = self._rtcp.encrypt(nonce, packet[_RTCP_HEADER_SIZE:], header + trailer)
        return header + sealed + trailer

    def open_rtcp(self, packet: bytes, word: int) -> bytes:
        nonce, trailer = self._rtcp_nonce(packet, word), packet[-_RTCP_INDEX_SIZE:]
        header, body = packet[:_RTCP_HEADER_SIZE], packet[_RTCP_HEADER_SIZE:-_RTCP_INDEX_SIZE]
        if word & _ENCRYPTED_FLAG:
            return header + self._rtcp.decrypt(nonce, body, header + trailer)
        plain = header + body[:-_GCM_TAG_SIZE]
        self._rtcp.decrypt(nonce, body[-_GCM_TAG_SIZE:], plain + trailer)
        return plain


class _CmKeys:
    """AES-CM and HMAC-SHA1 under one set of session keys (RFC 3711 sections 4.1.1, 4.2.1)."""

    __slots__ = ("_cipher", "base_mac", "salt")

    def __init__(self, keys: _SessionKeys) -> None:
        # One context for all packets: setting a new nonce costs a seventh of a new context.
        self._cipher = Cipher(algorithms.AES(keys.cipher), modes.CTR(bytes(16))).encryptor()
        self.base_mac = HMAC(keys.auth, SHA1())  # noqa: S303 - the algorithm of the profile
        self.salt = int.from_bytes(keys.salt, "big")

    def crypt(self, data: bytes, nonce: bytes) -> bytes:
        """En- or decrypt; the nonce is followed by a block counter of 16 bits."""
        cipher = self._cipher
        cipher.reset_nonce(nonce + b"\0\0")
        return cipher.update(data)


class _CmCipher:
    """AES-CM and HMAC-SHA1 as one authenticated cipher for one SSRC.

    The tag covers the rollover counter, which only the nonce tells: XOR the base of the nonces.
    It changes once in 65,536 packets, so it is kept until the upper part of the nonce changes.
    """

    __slots__ = ("_iv_base", "_keys", "_rollover", "_upper")

    def __init__(self, keys: _CmKeys, iv_base: int) -> None:
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
        sealed = self._keys.crypt(data, nonce)
        return sealed + self._tag(nonce, associated_data, sealed)

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        sealed = data[:-_CM_TAG_SIZE]
        if not compare_digest(self._tag(nonce, associated_data, sealed), data[-_CM_TAG_SIZE:]):
            raise InvalidTag
        return self._keys.crypt(sealed, nonce)


class _CmSuite:
    """AES-CM: the counter is ``salt XOR SSRC << 64 XOR index << 16``, of which we keep 14 bytes."""

    def __init__(self, rtp: _SessionKeys, rtcp: _SessionKeys) -> None:
        self._rtp = _CmKeys(rtp)
        self._rtcp = _CmKeys(rtcp)
        self.salt = self._rtp.salt

    def cipher(self, ssrc: int) -> _Cipher:
        return _CmCipher(self._rtp, self.salt ^ ssrc << 48)

    def _rtcp_nonce(self, packet: bytes, word: int) -> bytes:
        ssrc = int.from_bytes(packet[4:8], "big")
        nonce = self._rtcp.salt ^ ssrc << 48 ^ (word & _MAX_RTCP_INDEX)
        return nonce.to_bytes(_KDF_SALT_SIZE, "big")

    def _rtcp_tag(self, signed: bytes) -> bytes:
        mac = self._rtcp.base_mac.copy()
        mac.update(signed)
        return mac.finalize()[:_CM_TAG_SIZE]

    def protect_rtcp(self, packet: bytes, word: int) -> bytes:
        body = self._rtcp.crypt(packet[_RTCP_HEADER_SIZE:], self._rtcp_nonce(packet, word))
        signed = packet[:_RTCP_HEADER_SIZE] + body + word.to_bytes(_RTCP_INDEX_SIZE, "big")
        return signed + self._rtcp_tag(signed)

    def open_rtcp(self, packet: bytes, word: int) -> bytes:
        signed = packet[:-_CM_TAG_SIZE]
        if not compare_digest(self._rtcp_tag(signed), packet[-_CM_TAG_SIZE:]):
            raise InvalidTag
        plain = signed[:-_RTCP_INDEX_SIZE]
        if not word & _ENCRYPTED_FLAG:
            return plain
        body = self._rtcp.crypt(plain[_RTCP_HEADER_SIZE:], self._rtcp_nonce(packet, word))
        return plain[:_RTCP_HEADER_SIZE] + body


def _suite(profile: SrtpProfile, key: bytes, salt: bytes) -> _Suite:
    """Derive the session keys of one direction and bind them to the profile's algorithms."""
    if len(key) != profile.key_length or len(salt) != profile.salt_length:
        raise ValueError(
            f"{profile.name} takes a key of {profile.key_length} and a salt of "
            f"{profile.salt_length} bytes"
        )
    rtp, rtcp = (_SessionKeys.derive(profile, key, salt, first) for first in (0, 3))
    if profile is SrtpProfile.AES128_CM_HMAC_SHA1_80:
        return _CmSuite(rtp, rtcp)
    return _GcmSuite(rtp, rtcp)


class OutboundSrtpStream:
    """Protects the RTP packets of one SSRC; made by `SrtpSender.stream`."""

    __slots__ = ("_encrypt", "_iv_base", "_nonce_size")

    def __init__(self, cipher: _Cipher, iv_base: int, nonce_size: int) -> None:
        self._encrypt = cipher.encrypt
        self._iv_base = iv_base
        self._nonce_size = nonce_size

    def protect(self, header: bytes, payload: bytes, index: int) -> bytes:
        """Encrypt and authenticate one RTP packet.

        Args:
            header: Header with CSRCs and extensions. It holds the SSRC of the stream.
            payload: Payload with padding.
            index: Rollover counter and sequence number, 48 bits; never used before with other
                content.

        Returns:
            The SRTP packet.

        Raises:
            LocalProtocolError: The stream has used up its 2^48 packets.
        """
        if index > _MAX_INDEX:
            raise LocalProtocolError("an SRTP stream sent 2^48 packets under one key")
        nonce = (self._iv_base ^ index).to_bytes(self._nonce_size, "big")
        return header + self._encrypt(nonce, payload, header)


class _InboundStream:
    """What a receiver remembers of one SSRC."""

    __slots__ = ("decrypt", "highest", "iv_base", "ring")

    def __init__(self, cipher: _Cipher, iv_base: int) -> None:
        self.decrypt = cipher.decrypt
        self.iv_base = iv_base
        self.highest = -1
        self.ring: list[int] = []


class SrtpSender:
    """Protects what one side sends.

    Args:
        profile: Negotiated profile.
        key: Master key of this side.
        salt: Master salt of this side.
    """

    def __init__(self, profile: SrtpProfile, key: bytes, salt: bytes) -> None:
        self.profile = profile
        self._suite = _suite(profile, key, salt)
        self._rtcp_index = 0

    def stream(self, ssrc: int) -> OutboundSrtpStream:
        """Return an object that protects the RTP packets of one SSRC.

        Two objects for one SSRC share nothing: their users must not use one index twice.
        """
        base = self._suite.salt ^ ssrc << 48
        return OutboundSrtpStream(self._suite.cipher(ssrc), base, self.profile.salt_length)

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Encrypt and authenticate one compound RTCP packet (RFC 3711 section 3.4).

        Raises:
            LocalProtocolError: The 2^31 packets that one key allows are used up.
        """
        if self._rtcp_index > _MAX_RTCP_INDEX:
            raise LocalProtocolError("an SRTCP sender sent 2^31 packets under one key")
        word = _ENCRYPTED_FLAG | self._rtcp_index
        self._rtcp_index += 1
        return self._suite.protect_rtcp(packet, word)


class SrtpReceiver:
    """Verifies and decrypts what the other side sends.

    Args:
        profile: Negotiated profile.
        key: Master key of the other side.
        salt: Master salt of the other side.
        max_ssrcs: SSRCs to keep state for, SRTP and SRTCP separately; may be raised later.

    Attributes:
        dropped: Counters of what was not let through.
        max_ssrcs: As given.
    """

    def __init__(
        self,
        profile: SrtpProfile,
        key: bytes,
        salt: bytes,
        *,
        max_ssrcs: int = DEFAULT_MAX_SSRCS,
    ) -> None:
        self.profile = profile
        self.max_ssrcs = max_ssrcs
        self.dropped = SrtpCounters()
        self._suite = _suite(profile, key, salt)
        self._tag_length = profile.tag_length
        self._nonce_size = profile.salt_length
        self._minimum = _RTP_HEADER_SIZE + profile.tag_length
        self._streams: dict[bytes, _InboundStream] = {}
        self._rtcp: dict[int, _ReplayWindow] = {}

    def forget(self, ssrc: int) -> None:
        """Drop the state of an SSRC that the signalling says is gone.

        Replayed packets of it can be accepted again, so only forget an SSRC whose packets
        nobody takes any more.
        """
        self._streams.pop(ssrc.to_bytes(4, "big"), None)
        self._rtcp.pop(ssrc, None)

    def unprotect(self, packet: bytes) -> tuple[int, int, bytes] | None:
        """Verify and decrypt one SRTP packet.

        Returns:
            The extended sequence number (rollover counter and sequence number), the size of the
            header, and the payload with its padding. None if the packet was dropped.
        """
        length = len(packet)
        if length < self._minimum:
            self.dropped.malformed += 1
            return None
        first = packet[0]
        header_length = _RTP_HEADER_SIZE
        if first != 0x80:
            header_length = _header_length(packet, first)
            if not header_length or header_length + self._tag_length > length:
                self.dropped.malformed += 1
                return None
        stream = self._streams.get(packet[8:12])
        if stream is None:
            return self._unprotect_first(packet, header_length)
        # Guess the index (RFC 3711 section 3.3.1): the one nearest to the highest so far.
        highest = stream.highest
        delta = ((packet[2] << 8 | packet[3]) - highest) & 0xFFFF
        index = highest + delta
        if delta >= 0x8000:
            index -= 0x10000
            if index < 0:
                index += 0x10000
        if index + REPLAY_WINDOW <= highest:
            self.dropped.too_old += 1
            return None
        slot = index & _SLOT_MASK
        if stream.ring[slot] == index:
            self.dropped.replayed += 1
            return None
        try:
            payload = stream.decrypt(
                (stream.iv_base ^ index).to_bytes(self._nonce_size, "big"),
                packet[header_length:],
                packet[:header_length],
            )
        except InvalidTag:
            self.dropped.unauthenticated += 1
            return None
        stream.ring[slot] = index
        if index > highest:
            stream.highest = index
        return index, header_length, payload

    def _unprotect_first(self, packet: bytes, header_length: int) -> tuple[int, int, bytes] | None:
        """Take a packet of an SSRC without state: the rollover counter is 0, or just became 1."""
        ssrc = packet[8:12]
        number = int.from_bytes(ssrc, "big")
        stream = _InboundStream(self._suite.cipher(number), self._suite.salt ^ number << 48)
        index = packet[2] << 8 | packet[3]
        payload = self._try(stream, packet, header_length, index)
        if payload is None and index < 0x8000:
            index |= 0x10000
            payload = self._try(stream, packet, header_length, index)
        if payload is None:
            self.dropped.unauthenticated += 1
            return None
        if len(self._streams) >= self.max_ssrcs:
            self.dropped.over_limit += 1
            return None
        stream.ring = [-1] * REPLAY_WINDOW
        stream.highest = stream.ring[index & _SLOT_MASK] = index
        self._streams[ssrc] = stream
        return index, header_length, payload

    def _try(
        self, stream: _InboundStream, packet: bytes, header_length: int, index: int
    ) -> bytes | None:
        nonce = (stream.iv_base ^ index).to_bytes(self._nonce_size, "big")
        try:
            return stream.decrypt(nonce, packet[header_length:], packet[:header_length])
        except InvalidTag:
            return None

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """Verify and decrypt one SRTCP packet.

        Returns:
            The compound RTCP packet, or None if the packet was dropped.
        """
        size = _RTCP_HEADER_SIZE + _RTCP_INDEX_SIZE + self._tag_length
        if len(packet) < size or packet[0] & 0xC0 != 0x80:
            self.dropped.malformed += 1
            return None
        word = self._rtcp_word(packet)
        ssrc = int.from_bytes(packet[4:8], "big")
        index = word & _MAX_RTCP_INDEX
        window = self._rtcp.get(ssrc)
        if window is not None and window.seen(index):
            self.dropped.replayed += 1
            return None
        try:
            plain = self._suite.open_rtcp(packet, word)
        except InvalidTag:
            self.dropped.unauthenticated += 1
            return None
        if window is None:
            if len(self._rtcp) >= self.max_ssrcs:
                self.dropped.over_limit += 1
                return None
            window = self._rtcp[ssrc] = _ReplayWindow()
        window.add(index)
        return plain

    def _rtcp_word(self, packet: bytes) -> int:
        """Read the E bit and the index: before the tag with HMAC, after it with GCM."""
        end = len(packet)
        if self.profile is SrtpProfile.AES128_CM_HMAC_SHA1_80:
            end -= _CM_TAG_SIZE
        return int.from_bytes(packet[end - _RTCP_INDEX_SIZE : end], "big")


def _header_length(packet: bytes, first: int) -> int:
    """Size of the RTP header, or 0 if it is malformed; at least 12 bytes are there."""
    if first & 0xC0 != 0x80:
        return 0
    length = _RTP_HEADER_SIZE + 4 * (first & 0x0F)
    if first & _EXTENSION_BIT:
        length += 4
        if length > len(packet):
            return 0
        length += 4 * (packet[length - 2] << 8 | packet[length - 1])
    return length


class _ReplayWindow:
    """The SRTCP indices of one SSRC that were received (RFC 3711 section 3.3.2)."""

    __slots__ = ("_highest", "_ring")

    def __init__(self) -> None:
        self._highest = -1
        self._ring = [-1] * REPLAY_WINDOW

    def seen(self, index: int) -> bool:
        """Whether the index was added before, or is too far behind to tell."""
        behind = index + REPLAY_WINDOW <= self._highest
        return behind or self._ring[index & _SLOT_MASK] == index

    def add(self, index: int) -> None:
        self._ring[index & _SLOT_MASK] = index
        self._highest = max(self._highest, index)

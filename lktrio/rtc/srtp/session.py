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

    No replay state is forgotten as long as the keys live. An SSRC whose track has ended is
    *retired*: it gives its window back and is refused for ever. So that memory stays bounded, one
    pair of keys admits `MAX_SSRCS_PER_KEYS` SSRCs in its life, and so many at a time as
    `max_ssrcs` says; packets of others are dropped and counted. Who needs more needs new keys.

    SRTCP carries its 31-bit index in the packet. The sender uses one counter for all its SSRCs,
    which keeps every nonce unique without state per SSRC.

    Nonces must not repeat: a caller must never protect two different packets under one index.
    Retransmissions on the original SSRC send the protected bytes again.

Implements: RFC 3711 sections 3.3 and 3.4; RFC 5764 section 4.2 (keys from DTLS). The algorithms
are in `lktrio.rtc.srtp.ciphers`.
Not implemented: MKI, RFC 6904 and RFC 9335 header encryption, key derivation rate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag

from lktrio._protocol_errors import LocalProtocolError
from lktrio.rtc.rtp.header import (
    EXTENSION_BIT,
    EXTENSION_HEADER_SIZE,
    FIXED_HEADER_SIZE,
    MAX_CSRCS,
    VERSION_BITS,
    VERSION_MASK,
)
from lktrio.rtc.srtp.ciphers import (
    ENCRYPTED_FLAG,
    MAX_RTCP_INDEX,
    RTCP_HEADER_SIZE,
    RTCP_INDEX_SIZE,
    PacketCipher,
    SrtpProfile,
    make_suite,
)
from lktrio.rtc.srtp.replay import REPLAY_WINDOW, ControlWindow, NumberSet

__all__ = [
    "DEFAULT_MAX_SSRCS",
    "EXPORTER_LABEL",
    "MAX_SSRCS_PER_KEYS",
    "OutboundSrtpStream",
    "SrtpCounters",
    "SrtpKeys",
    "SrtpReceiver",
    "SrtpSender",
]

EXPORTER_LABEL = "EXTRACTOR-dtls_srtp"
"""Label of the DTLS exporter for SRTP keys (RFC 5764 section 4.2)."""

DEFAULT_MAX_SSRCS = 64
"""SSRCs for which one receiver keeps state, separately for SRTP and SRTCP; raised for those that
a description lists."""

MAX_SSRCS_PER_KEYS = 65_536
"""SSRCs that one pair of keys is used with in its life, separately for SRTP and SRTCP: 256 kB of
retired SSRCs, and 20 MB of SRTCP windows, before further ones are refused."""

_SLOT_MASK = REPLAY_WINDOW - 1

_MAX_INDEX = (1 << 48) - 1  # RFC 3711 section 9.2


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
    retired: int = 0
    """Of an SSRC whose track has ended."""

    @property
    def total(self) -> int:
        """All dropped packets."""
        return (
            self.malformed
            + self.unauthenticated
            + self.replayed
            + self.too_old
            + self.over_limit
            + self.retired
        )


class OutboundSrtpStream:
    """Protects the RTP packets of one SSRC; made by `SrtpSender.stream`."""

    __slots__ = ("_encrypt", "_iv_base", "_nonce_size")

    def __init__(self, cipher: PacketCipher, iv_base: int, nonce_size: int) -> None:
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

    def __init__(self, cipher: PacketCipher, iv_base: int) -> None:
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
        self._suite = make_suite(profile, key, salt)
        self._rtcp_index = 0

    @property
    def tag_length(self) -> int:
        """Bytes by which an SRTP packet is longer than the RTP packet."""
        return self.profile.tag_length

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
        if self._rtcp_index > MAX_RTCP_INDEX:
            raise LocalProtocolError("an SRTCP sender sent 2^31 packets under one key")
        word = ENCRYPTED_FLAG | self._rtcp_index
        self._rtcp_index += 1
        return self._suite.protect_rtcp(packet, word)


class SrtpReceiver:
    """Verifies and decrypts what the other side sends.

    Args:
        profile: Negotiated profile.
        key: Master key of the other side.
        salt: Master salt of the other side.
        max_ssrcs: SSRCs in use at the same time, SRTP and SRTCP separately; may be raised later.

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
        self._suite = make_suite(profile, key, salt)
        self._tag_length = profile.tag_length
        self._nonce_size = profile.salt_length
        self._minimum = FIXED_HEADER_SIZE + profile.tag_length
        self._streams: dict[bytes, _InboundStream] = {}
        self._rtcp: dict[int, ControlWindow] = {}
        self._retired = NumberSet()
        self._retired_rtcp = 0

    def retire(self, ssrc: int) -> None:
        """Refuse all further media of an SSRC: its track has ended.

        That holds as long as the keys live, and makes room for another SSRC. Its RTCP, which may
        be about other streams, is still taken.
        """
        self._streams.pop(ssrc.to_bytes(4, "big"), None)
        if ssrc not in self._retired:
            self._retired.add(ssrc)
            self._retired_rtcp += ssrc in self._rtcp

    def is_retired(self, ssrc: int) -> bool:
        """Whether media of an SSRC is refused."""
        return ssrc in self._retired

    def seal(self, ssrc: int) -> None:
        """Take only what comes after the newest packet of an SSRC: another track begins in it."""
        stream = self._streams.get(ssrc.to_bytes(4, "big"))
        if stream is not None:
            for index in range(max(0, stream.highest - REPLAY_WINDOW + 1), stream.highest):
                stream.ring[index & _SLOT_MASK] = index

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
        header_length = FIXED_HEADER_SIZE
        if first != VERSION_BITS:
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
        if number in self._retired:
            self.dropped.retired += 1
            return None
        stream = _InboundStream(self._suite.cipher(number), self._suite.salt ^ number << 48)
        index = packet[2] << 8 | packet[3]
        payload = self._try(stream, packet, header_length, index)
        if payload is None and index < 0x8000:
            index |= 0x10000
            payload = self._try(stream, packet, header_length, index)
        if payload is None:
            self.dropped.unauthenticated += 1
            return None
        used = len(self._streams)
        if used >= self.max_ssrcs or used + len(self._retired) >= MAX_SSRCS_PER_KEYS:
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
        size = RTCP_HEADER_SIZE + RTCP_INDEX_SIZE + self._tag_length
        if len(packet) < size or packet[0] & 0xC0 != 0x80:
            self.dropped.malformed += 1
            return None
        word = self._rtcp_word(packet)
        ssrc = int.from_bytes(packet[4:8], "big")
        index = word & MAX_RTCP_INDEX
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
            used = len(self._rtcp)
            if used - self._retired_rtcp >= self.max_ssrcs or used >= MAX_SSRCS_PER_KEYS:
                self.dropped.over_limit += 1
                return None
            window = self._rtcp[ssrc] = ControlWindow()
            self._retired_rtcp += ssrc in self._retired
        window.add(index)
        return plain

    def _rtcp_word(self, packet: bytes) -> int:
        """Read the E bit and the index: before the tag with HMAC, after it with GCM."""
        end = len(packet)
        if self.profile is SrtpProfile.AES128_CM_HMAC_SHA1_80:
            end -= self._tag_length
        return int.from_bytes(packet[end - RTCP_INDEX_SIZE : end], "big")


def _header_length(packet: bytes, first: int) -> int:
    """Size of the RTP header, or 0 if it is malformed; at least 12 bytes are there."""
    if first & VERSION_MASK != VERSION_BITS:
        return 0
    length = FIXED_HEADER_SIZE + 4 * (first & MAX_CSRCS)
    if first & EXTENSION_BIT:
        length += EXTENSION_HEADER_SIZE
        if length > len(packet):
            return 0
        length += 4 * (packet[length - 2] << 8 | packet[length - 1])
    return length

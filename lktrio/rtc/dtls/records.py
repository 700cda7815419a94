"""The record layer: headers, protection, replay.

Theory of operation: every record carries its epoch and sequence number in clear; together they are
one 64-bit number that doubles as the AEAD nonce's varying part, so nonces repeat only if numbers
do. A writer counts, a reader remembers the last 1024 numbers. The reader looks for a replay before
it decrypts and notes the number only after it has authenticated the record. Epoch 0 is in clear
and has no replay window, since anybody could move it.

The protected writers and readers are the hot path of data channels: one ``Struct`` each for header
and additional data, one call of the AEAD, no object per record.

Sources: RFC 6347 4.1; RFC 5246 6.2.3.3 (additional data); RFC 5288 3 (AES-GCM nonce: salt and
explicit part; the explicit part is always the record number); RFC 7905 2 (ChaCha20 nonce).
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lktrio._protocol_errors import LocalProtocolError
from lktrio.rtc.dtls.keys import CipherSuite
from lktrio.rtc.dtls.registry import DTLS_1_0, DTLS_1_2

__all__ = [
    "EPOCH_1",
    "MAX_PLAINTEXT",
    "RECORD_HEADER",
    "RECORD_HEADER_LENGTH",
    "RECORD_NUMBER_LIMIT",
    "DtlsStats",
    "PlainWriter",
    "RecordReader",
    "RecordWriter",
    "protected_reader",
    "protected_writer",
]

RECORD_HEADER: Final = struct.Struct("!BHQH")
"""Content type, version, epoch (16 bits) and sequence number (48 bits) as one number, length."""
RECORD_HEADER_LENGTH: Final = RECORD_HEADER.size

EPOCH_1: Final = 1 << 48
"""Number of the first protected record."""
MAX_PLAINTEXT: Final = 1 << 14  # RFC 5246 6.2.1
REPLAY_WINDOW: Final = 1024
"""Records that may arrive late; RFC 6347 4.1.2.6 asks for 32 or more."""
RECORD_NUMBER_LIMIT: Final = EPOCH_1 + (1 << 32)
"""Far below both the 2**48 of the field and the safe use of one AEAD key."""

_TAG_LENGTH = 16
_EXPLICIT_NONCE_LENGTH = 8  # RFC 5288 3

_pack_additional_data = struct.Struct("!QBHH").pack  # RFC 5246 6.2.3.3
_pack_gcm_header = struct.Struct("!BHQHQ").pack  # record header and explicit nonce


@dataclass(slots=True)
class DtlsStats:
    """Counters of one endpoint: what was dropped and why, and what was repeated."""

    malformed: int = 0
    """Records, fragments or messages with a broken form."""
    unexpected: int = 0
    """Well-formed ones that have no place in the current state, such as clear application data."""
    unauthenticated: int = 0
    """Protected records whose tag is wrong, and alerts in clear."""
    replayed: int = 0
    """Protected records seen before or older than the replay window."""
    overflowed: int = 0
    """Records or fragments beyond a limit of memory."""
    refused: int = 0
    """Whole flights that were not acceptable."""
    repeated: int = 0
    """Handshake fragments and ChangeCipherSpecs that had come before."""
    retransmissions: int = 0
    """Flights that were sent again."""

    @property
    def dropped(self) -> int:
        """Everything that was received and thrown away."""
        return (
            self.malformed
            + self.unexpected
            + self.unauthenticated
            + self.replayed
            + self.overflowed
            + self.refused
        )


class RecordWriter(Protocol):
    """Turns content into numbered records."""

    overhead: ClassVar[int]
    """Bytes that a record has beyond its content."""
    number: int
    """Epoch and sequence number of the next record."""

    def seal(self, content_type: int, content: bytes) -> bytes:
        """Build one record.

        Raises:
            ValueError: The content is too long.
            LocalProtocolError: The numbers of this epoch are used up.
        """
        ...


class RecordReader(Protocol):
    """Opens protected records of one epoch."""

    def open(
        self, content_type: int, number: int, datagram: bytes, start: int, end: int
    ) -> bytes | None:
        """Authenticate and decrypt the record body at ``datagram[start:end]``.

        Returns:
            The content, or None when the record was dropped and counted.
        """
        ...


class PlainWriter:
    """Writes the records of epoch 0, which are in clear."""

    __slots__ = ("number", "version")

    overhead: ClassVar[int] = RECORD_HEADER_LENGTH

    def __init__(self) -> None:
        self.number = 0
        self.version = DTLS_1_0
        """Until the version is agreed on; some peers expect it there (RFC 6347 4.2.1)."""

    def seal(self, content_type: int, content: bytes) -> bytes:
        """Build one record."""
        number = self.number
        self.number = number + 1
        return RECORD_HEADER.pack(content_type, self.version, number, len(content)) + content


def _not_sealable(size: int) -> Exception:
    if size > MAX_PLAINTEXT:
        return ValueError(f"a DTLS record takes at most {MAX_PLAINTEXT} bytes, not {size}")
    return LocalProtocolError("this DTLS connection has used up its keys; make a new one")


class _GcmWriter:
    """Writes records under AES-GCM."""

    __slots__ = ("_encrypt", "_salt", "number")

    overhead: ClassVar[int] = RECORD_HEADER_LENGTH + _EXPLICIT_NONCE_LENGTH + _TAG_LENGTH

    def __init__(self, suite: CipherSuite, key: bytes, iv: bytes) -> None:
        self.number = EPOCH_1
        self._encrypt = suite.aead(key).encrypt
        self._salt = iv

    def seal(self, content_type: int, content: bytes) -> bytes:
        """Build one record."""
        number = self.number
        size = len(content)
        if size > MAX_PLAINTEXT or number >= RECORD_NUMBER_LIMIT:
            raise _not_sealable(size)
        self.number = number + 1
        header = _pack_gcm_header(content_type, DTLS_1_2, number, size + 24, number)
        return header + self._encrypt(
            self._salt + header[13:],
            content,
            _pack_additional_data(number, content_type, DTLS_1_2, size),
        )


class _ChaChaWriter:
    """Writes records under ChaCha20-Poly1305."""

    __slots__ = ("_encrypt", "_iv", "number")

    overhead: ClassVar[int] = RECORD_HEADER_LENGTH + _TAG_LENGTH

    def __init__(self, suite: CipherSuite, key: bytes, iv: bytes) -> None:
        self.number = EPOCH_1
        self._encrypt = suite.aead(key).encrypt
        self._iv = int.from_bytes(iv, "big")

    def seal(self, content_type: int, content: bytes) -> bytes:
        """Build one record."""
        number = self.number
        size = len(content)
        if size > MAX_PLAINTEXT or number >= RECORD_NUMBER_LIMIT:
            raise _not_sealable(size)
        self.number = number + 1
        return RECORD_HEADER.pack(content_type, DTLS_1_2, number, size + 16) + self._encrypt(
            (self._iv ^ number).to_bytes(12, "big"),
            content,
            _pack_additional_data(number, content_type, DTLS_1_2, size),
        )


class _ProtectedReader:
    """Replay protection, shared by the ciphers (RFC 6347 4.1.2.6).

    The window is a ring of the numbers accepted last, one slot per number modulo its size: a
    record is a repetition if its slot holds its number, and late if it holds a greater one or the
    number lies behind the window. That takes one read and one write per record.
    """

    __slots__ = ("_decrypt", "_highest", "_seen", "_stats")

    def __init__(self, suite: CipherSuite, key: bytes, stats: DtlsStats) -> None:
        self._decrypt = suite.aead(key).decrypt
        self._highest = EPOCH_1 - 1
        self._seen = array("Q", bytes(8 * REPLAY_WINDOW))
        self._stats = stats


class _GcmReader(_ProtectedReader):
    """Opens records under AES-GCM."""

    __slots__ = ("_salt",)

    def __init__(self, suite: CipherSuite, key: bytes, iv: bytes, stats: DtlsStats) -> None:
        super().__init__(suite, key, stats)
        self._salt = iv

    def open(
        self, content_type: int, number: int, datagram: bytes, start: int, end: int
    ) -> bytes | None:
        """Authenticate and decrypt one record body."""
        body = start + _EXPLICIT_NONCE_LENGTH
        size = end - body - _TAG_LENGTH
        if not 0 <= size <= MAX_PLAINTEXT:
            self._stats.malformed += 1
            return None
        seen, slot = self._seen, number % REPLAY_WINDOW
        if seen[slot] >= number or number <= self._highest - REPLAY_WINDOW:
            self._stats.replayed += 1
            return None
        try:
            content = self._decrypt(
                self._salt + datagram[start:body],
                datagram[body:end],
                _pack_additional_data(number, content_type, DTLS_1_2, size),
            )
        except InvalidTag:
            self._stats.unauthenticated += 1
            return None
        seen[slot] = number
        if number > self._highest:
            self._highest = number
        return content


class _ChaChaReader(_ProtectedReader):
    """Opens records under ChaCha20-Poly1305."""

    __slots__ = ("_iv",)

    def __init__(self, suite: CipherSuite, key: bytes, iv: bytes, stats: DtlsStats) -> None:
        super().__init__(suite, key, stats)
        self._iv = int.from_bytes(iv, "big")

    def open(
        self, content_type: int, number: int, datagram: bytes, start: int, end: int
    ) -> bytes | None:
        """Authenticate and decrypt one record body."""
        size = end - start - _TAG_LENGTH
        if not 0 <= size <= MAX_PLAINTEXT:
            self._stats.malformed += 1
            return None
        seen, slot = self._seen, number % REPLAY_WINDOW
        if seen[slot] >= number or number <= self._highest - REPLAY_WINDOW:
            self._stats.replayed += 1
            return None
        try:
            content = self._decrypt(
                (self._iv ^ number).to_bytes(12, "big"),
                datagram[start:end],
                _pack_additional_data(number, content_type, DTLS_1_2, size),
            )
        except InvalidTag:
            self._stats.unauthenticated += 1
            return None
        seen[slot] = number
        if number > self._highest:
            self._highest = number
        return content


def protected_writer(suite: CipherSuite, key: bytes, iv: bytes) -> RecordWriter:
    """Make the writer of epoch 1."""
    kind = _GcmWriter if suite.aead is AESGCM else _ChaChaWriter
    return kind(suite, key, iv)


def protected_reader(suite: CipherSuite, key: bytes, iv: bytes, stats: DtlsStats) -> RecordReader:
    """Make the reader of epoch 1."""
    kind = _GcmReader if suite.aead is AESGCM else _ChaChaReader
    return kind(suite, key, iv, stats)

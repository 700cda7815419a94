"""Protected records: nonces, authentication, replay."""

from __future__ import annotations

import random
import struct

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.errors import LocalProtocolError
from lktrio.rtc.dtls import DtlsStats
from lktrio.rtc.dtls.keys import CIPHER_SUITES
from lktrio.rtc.dtls.records import (
    EPOCH_1,
    RECORD_HEADER,
    RECORD_HEADER_LENGTH,
    RecordReader,
    RecordWriter,
    protected_reader,
    protected_writer,
)
from tests.support.cases import each_case

SUITES = [0xC02B, 0xC02C, 0xCCA9]
EACH_SUITE = each_case("suite", SUITES)
WINDOW = 1024


def material(suite: int) -> tuple[bytes, bytes]:
    found = CIPHER_SUITES[suite]
    return bytes(range(found.key_length)), bytes(range(100, 100 + found.iv_length))


def pair(suite: int) -> tuple[RecordWriter, RecordReader, DtlsStats]:
    found = CIPHER_SUITES[suite]
    key, iv = material(suite)
    stats = DtlsStats()
    return (
        protected_writer(found, key, iv),
        protected_reader(found, key, iv, stats),
        stats,
    )


def open_record(reader: RecordReader, record: bytes) -> bytes | None:
    """Open a record by what its own header says."""
    kind, _, number, _ = RECORD_HEADER.unpack_from(record)
    return reader.open(kind, number, record, RECORD_HEADER_LENGTH, len(record))


@EACH_SUITE
@given(kind=st.integers(20, 23), content=st.binary(max_size=2000))
@settings(max_examples=30)
def test_records_round_trip(suite: int, kind: int, content: bytes) -> None:
    writer, reader, stats = pair(suite)
    record = writer.seal(kind, content)
    assert len(record) == len(content) + writer.overhead
    assert RECORD_HEADER.unpack_from(record) == (
        kind,
        0xFEFD,
        EPOCH_1,
        len(record) - RECORD_HEADER_LENGTH,
    )
    assert open_record(reader, record) == content
    assert stats.dropped == 0


@each_case("suite", [0xC02B, 0xC02C])
def test_the_gcm_nonce_is_salt_and_record_number(suite: int) -> None:
    """Never random: a random explicit nonce repeats after 2**32 records (CVE-2026-26014)."""
    key, salt = material(suite)
    writer, _, _ = pair(suite)
    for number in range(EPOCH_1, EPOCH_1 + 5):
        record = writer.seal(23, b"content")
        explicit = record[RECORD_HEADER_LENGTH : RECORD_HEADER_LENGTH + 8]
        assert explicit == number.to_bytes(8, "big") == record[3:11]
        additional = struct.pack("!QBHH", number, 23, 0xFEFD, len(b"content"))
        sealed = AESGCM(key).encrypt(salt + explicit, b"content", additional)
        assert record[RECORD_HEADER_LENGTH + 8 :] == sealed


def test_the_chacha_nonce_is_iv_xor_record_number() -> None:
    key, iv = material(0xCCA9)
    writer, _, _ = pair(0xCCA9)
    for number in range(EPOCH_1, EPOCH_1 + 5):
        record = writer.seal(23, b"content")
        padded = number.to_bytes(12, "big")
        nonce = bytes(a ^ b for a, b in zip(iv, padded, strict=True))
        additional = struct.pack("!QBHH", number, 23, 0xFEFD, len(b"content"))
        sealed = ChaCha20Poly1305(key).encrypt(nonce, b"content", additional)
        assert record[RECORD_HEADER_LENGTH:] == sealed


@EACH_SUITE
def test_numbers_never_repeat(suite: int) -> None:
    writer, _, _ = pair(suite)
    numbers = [RECORD_HEADER.unpack_from(writer.seal(23, b""))[2] for _ in range(100)]
    assert numbers == list(range(EPOCH_1, EPOCH_1 + 100))


@EACH_SUITE
def test_every_bit_is_authenticated(suite: int) -> None:
    writer, reader, stats = pair(suite)
    record = writer.seal(23, b"content")
    tampered = 0
    for bit in range(8 * len(record)):
        if bit // 8 in (1, 2, 11, 12):
            continue  # version and length, which the endpoint checks or replaces
        changed = bytearray(record)
        changed[bit // 8] ^= 1 << bit % 8
        assert open_record(reader, bytes(changed)) is None
        tampered += 1
    assert stats.unauthenticated + stats.replayed == tampered
    assert open_record(reader, record) == b"content"


@EACH_SUITE
def test_short_records_are_malformed(suite: int) -> None:
    writer, reader, stats = pair(suite)
    overhead = writer.overhead - RECORD_HEADER_LENGTH
    for size in range(overhead):
        assert reader.open(23, EPOCH_1, bytes(100), 0, size) is None
    assert stats.malformed == overhead
    assert reader.open(23, EPOCH_1, bytes(100), 0, overhead) is None
    assert stats.unauthenticated == 1


@EACH_SUITE
def test_a_record_holds_at_most_16_kib(suite: int) -> None:
    writer, reader, stats = pair(suite)
    assert open_record(reader, writer.seal(23, bytes(16384))) == bytes(16384)
    number = writer.number
    with pytest.raises(ValueError, match="16384 bytes, not 16385"):
        writer.seal(23, bytes(16385))
    assert writer.number == number
    too_long = writer.overhead - RECORD_HEADER_LENGTH + 16385
    assert reader.open(23, number, bytes(too_long), 0, too_long) is None
    assert stats.malformed == 1


@EACH_SUITE
def test_an_epoch_ends_before_its_numbers_do(suite: int) -> None:
    writer, _, _ = pair(suite)
    writer.number = EPOCH_1 + (1 << 32) - 1
    writer.seal(23, b"last")
    for _ in range(2):
        with pytest.raises(LocalProtocolError, match="used up"):
            writer.seal(23, b"one too many")


@EACH_SUITE
def test_a_record_is_accepted_once(suite: int) -> None:
    writer, reader, stats = pair(suite)
    sealed = [writer.seal(23, bytes([i])) for i in range(20)]
    for i, record in enumerate(sealed):
        assert open_record(reader, record) == bytes([i])
        assert open_record(reader, record) is None
    for record in sealed:
        assert open_record(reader, record) is None
    assert stats.replayed == 40


@EACH_SUITE
def test_the_window_holds_1024_records(suite: int) -> None:
    writer, reader, stats = pair(suite)
    sealed = [writer.seal(23, b"") for _ in range(WINDOW + 1)]
    assert open_record(reader, sealed[-1]) == b""
    assert open_record(reader, sealed[0]) is None
    assert stats.replayed == 1
    for record in reversed(sealed[1:-1]):
        assert open_record(reader, record) == b""
    assert stats.replayed == 1


@EACH_SUITE
def test_a_forged_number_does_not_move_the_window(suite: int) -> None:
    writer, reader, stats = pair(suite)
    first, second = writer.seal(23, b"first"), writer.seal(23, b"second")
    forged = bytearray(second)
    forged[3:11] = (EPOCH_1 + 10**6).to_bytes(8, "big")
    assert open_record(reader, bytes(forged)) is None
    assert stats.unauthenticated == 1
    assert open_record(reader, first) == b"first"
    assert open_record(reader, second) == b"second"


def test_the_window_agrees_with_its_definition() -> None:
    """Random walks with gaps, late records and repetitions against a set of seen numbers."""
    dice = random.Random(1)
    writer, reader, _ = pair(0xC02B)
    accepted: set[int] = set()
    highest = EPOCH_1 - 1
    position = EPOCH_1
    for _ in range(4000):
        position = max(EPOCH_1, position + dice.choice([1, 1, 1, 2, 40, -3, -700, -1500, 900]))
        writer.number = position
        opened = open_record(reader, writer.seal(23, b"")) is not None
        assert opened == (position not in accepted and position > highest - WINDOW)
        if opened:
            accepted.add(position)
            highest = max(highest, position)

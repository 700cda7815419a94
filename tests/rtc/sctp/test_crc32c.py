"""CRC32C gives the published values, whatever computes it."""

from __future__ import annotations

import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.rtc.sctp import crc32c as module
from lktrio.rtc.sctp.crc32c import crc32c, crc32c_folding
from tests.support.cases import each_case

POLYNOMIAL = 0x11EDC6F41


def bitwise(data: bytes) -> int:
    """The textbook algorithm, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


@each_case(
    "data, expected",
    [  # RFC 3720 appendix B.4, and the check value of the CRC catalogues
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_published_vectors(data: bytes, expected: int) -> None:
    assert crc32c_folding(data) == expected
    assert crc32c(data) == expected


@given(st.binary(max_size=1500))
def test_folding_agrees_with_the_bitwise_algorithm(data: bytes) -> None:
    assert crc32c_folding(data) == bitwise(data)


@each_case("size", [84, 85, 86, 169, 170, 171, 680, 1188, 1360, 5440, 6000, 20000])
def test_lengths_around_the_folding_degrees(size: int) -> None:
    data = bytes(index * 37 + 11 & 0xFF for index in range(size))
    assert crc32c_folding(data) == bitwise(data)


def test_every_folding_relation_holds() -> None:
    for degree, _, exponents in module._FOLDS:
        difference = 1 << degree | 1 | sum(1 << exponent for exponent in exponents)
        while difference.bit_length() > 32:
            difference ^= POLYNOMIAL << (difference.bit_length() - 33)
        assert difference == 0, degree


def test_the_native_library_is_used_when_it_is_there() -> None:
    try:
        native = importlib.import_module("google_crc32c")
    except ImportError:
        pytest.skip("google-crc32c is not installed")
    if native.implementation != "c":
        pytest.skip("google-crc32c has no C implementation here")
    assert crc32c is native.value

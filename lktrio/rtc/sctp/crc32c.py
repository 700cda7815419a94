"""CRC32C (Castagnoli), the checksum of SCTP packets (RFC 9260 section 6.8 and appendix A).

Theory of operation
-------------------
A CRC is the remainder of the message, read as a polynomial over GF(2), divided by a fixed
polynomial ``P`` of degree 32. A loop over bytes costs Python about 140 us for one packet, so the
message is held in one big integer instead and shortened by *folding*: when ``x**k`` leaves a
remainder of only a few terms modulo ``P``, all bits above ``k`` can be replaced by that many
shifted copies of themselves, and shifting and XORing big integers runs at the speed of C.

Squaring a sparse relation gives one for twice the degree with just as many terms
(``(a + b)**2 == a**2 + b**2`` over GF(2)), so three short relations found by search serve all
lengths. The 16 bytes that are left have one table per position, and the remainder is the XOR of 16
entries.

SCTP bits travel least significant first, so every byte is mirrored before; the tables hold the
remainders mirrored back.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, cast

__all__ = ["crc32c", "crc32c_folding"]

_POLYNOMIAL: Final = 0x11EDC6F41  # RFC 9260 appendix A
_MASK: Final = 0xFFFFFFFF
_TAIL: Final = 16  # bytes left after folding: more than the smallest degree below

_RELATIONS: Final[tuple[tuple[int, tuple[int, ...], int], ...]] = (
    # x**k, the exponents of its remainder, and how often the relation is squared. Exact facts of
    # arithmetic (the tests divide them out), chosen for few and small exponents.
    (680, (122, 80, 19, 3, 0), 6),
    (247, (49, 47, 40, 38, 15, 3, 0), 0),
    (122, (34, 32, 24, 23, 21, 12, 11, 3, 0), 0),
)


def _mirrored(value: int, width: int) -> int:
    return int(format(value, f"0{width}b")[::-1], 2)


def _folds() -> list[tuple[int, int, tuple[int, ...]]]:
    """The folding steps, longest first: degree, mask of the bits below it, exponents."""
    steps = [
        (degree << power, (1 << (degree << power)) - 1, tuple(e << power for e in exponents if e))
        for degree, exponents, squarings in _RELATIONS
        for power in range(squarings + 1)
    ]
    return sorted(steps, reverse=True)


def _times_x8(value: int) -> int:
    for _ in range(8):
        value <<= 1
        if value >> 32:
            value ^= _POLYNOMIAL
    return value


def _tail_tables() -> tuple[tuple[int, ...], ...]:
    """For each of the last bytes, first one first, the mirrored remainder of its 256 values."""
    bits = [1 << bit for bit in range(8)]
    tables: list[tuple[int, ...]] = []
    for _ in range(_TAIL):
        entries = [0]
        for bit in bits:
            entries += [entry ^ _mirrored(bit, 32) for entry in entries]
        tables.append(tuple(entries))
        bits = [_times_x8(bit) for bit in bits]
    return tuple(reversed(tables))


_MIRROR: Final = bytes(_mirrored(byte, 8) for byte in range(256))
_FOLDS: Final = _folds()
_TABLES: Final = _tail_tables()


def crc32c_folding(data: bytes) -> int:
    """Compute CRC32C in pure Python: about 13 us for a packet of 1200 bytes.

    Args:
        data: The bytes to protect.

    Returns:
        The checksum as an unsigned 32-bit integer, as other libraries return it.
    """
    value = int.from_bytes(data.translate(_MIRROR) + b"\0\0\0\0", "big")
    value ^= _MASK << (len(data) << 3)
    bits = value.bit_length()
    for degree, mask, exponents in _FOLDS:
        while bits > degree:
            high = value >> degree
            value = (value & mask) ^ high
            for exponent in exponents:
                value ^= high << exponent
            bits = value.bit_length()
    remainder = _MASK
    for table, byte in zip(_TABLES, value.to_bytes(_TAIL, "big"), strict=True):
        remainder ^= table[byte]
    return remainder


def _native() -> Callable[[bytes], int] | None:
    """The C implementation of the optional package ``google-crc32c``, when installed."""
    try:
        module = import_module("google_crc32c")
    except ImportError:
        return None
    if getattr(module, "implementation", None) != "c":
        return None  # its own fallback walks byte by byte
    return cast("Callable[[bytes], int]", module.value)


crc32c: Callable[[bytes], int] = _native() or crc32c_folding
"""CRC32C by the fastest implementation at hand: ``google-crc32c`` if installed, else folding."""

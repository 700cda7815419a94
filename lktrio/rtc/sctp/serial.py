"""Arithmetic of numbers that wrap at 32 bits: TSNs and request numbers (RFC 1982)."""

from __future__ import annotations

from typing import Final

__all__ = ["HALF", "MASK"]

MASK: Final = 0xFFFFFFFF
"""What is left of a number on the wire."""
HALF: Final = 0x80000000
"""A difference, modulo 2^32, from which on the first number is behind the second."""

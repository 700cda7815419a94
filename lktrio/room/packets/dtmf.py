"""Tones of a telephone's keys: which there are (RFC 4733, section 3.2)."""

from __future__ import annotations

from lktrio import proto

__all__ = ["make_tone", "read_tone"]

_DIGITS = "0123456789*#ABCD"
"""The keys, each at the place that is its event code."""


def make_tone(digit: str, code: int | None) -> proto.SipDTMF:
    """The packet for a key.

    Args:
        digit: The key, or empty if there is a code.
        code: Its number, or None if there is a digit.

    Raises:
        ValueError: There is no such key, or the two are of different ones.
    """
    if not digit and code is not None and 0 <= code < len(_DIGITS):
        digit = _DIGITS[code]
    key = digit.upper()
    if len(key) != 1 or key not in _DIGITS:
        named = repr(digit) if digit or code is None else f"code {code}"
        raise ValueError(f"{named} is no key of a telephone: 0 to 9, *, #, or A to D (codes 0-15)")
    number = _DIGITS.index(key)
    if code not in (None, number):
        raise ValueError(f"the code of {digit!r} is {number}, not {code}")
    return proto.SipDTMF(code=number, digit=key)


def read_tone(tone: proto.SipDTMF) -> proto.SipDTMF | None:
    """The key of a packet, whole; None if it makes no sense.

    A sender may leave one of the two out, and a code of 0 is as good as none.
    """
    try:
        return make_tone(tone.digit, tone.code or (None if tone.digit else 0))
    except ValueError:
        return None

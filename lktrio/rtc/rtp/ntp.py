"""The clock of RTCP reports: NTP timestamps, and delays in units of 1/65,536 s (RFC 3550 4)."""

from __future__ import annotations

__all__ = [
    "DEFAULT_ROUND_TRIP",
    "DELAY_UNITS",
    "delay_units",
    "ntp_middle",
    "ntp_time",
    "unix_time",
]

DELAY_UNITS = 65536
"""Units of a delay in reports per second."""

DEFAULT_ROUND_TRIP = 0.1
"""Seconds that a round trip is taken to last until reports have measured it."""

_UNIX_TO_NTP = 2_208_988_800  # seconds from 1900 to 1970, RFC 5905 section 6


def ntp_time(wall: float) -> int:
    """Turn Unix time in seconds into a 64-bit NTP timestamp."""
    return int((wall + _UNIX_TO_NTP) * 0x100000000) & 0xFFFFFFFFFFFFFFFF


def unix_time(ntp: int) -> float:
    """Turn a 64-bit NTP timestamp into Unix time in seconds."""
    return ntp / 0x100000000 - _UNIX_TO_NTP


def ntp_middle(ntp: int) -> int:
    """The middle 32 bits of a 64-bit NTP timestamp, as reports refer to each other."""
    return ntp >> 16 & 0xFFFFFFFF


def delay_units(seconds: float) -> int:
    """Turn seconds into the 16.16 fixed point of delays in reports, clamped to 32 bits."""
    return min(max(int(seconds * DELAY_UNITS), 0), 0xFFFFFFFF)

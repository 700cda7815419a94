"""google.protobuf Timestamp and Duration as ``datetime`` and ``timedelta``.

Python counts microseconds, protobuf nanoseconds: what is below a microsecond is dropped.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

__all__ = ["WELL_KNOWN", "duration", "seconds_and_nanos", "timestamp", "timestamp_parts"]

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)
PER_SECOND = 1_000_000


def timestamp(seconds: int, nanos: int) -> datetime.datetime:
    """The time so far after 1970 UTC. Raises OverflowError outside the years 1 to 9999."""
    return EPOCH + duration(seconds, nanos)


def duration(seconds: int, nanos: int) -> datetime.timedelta:
    """Seconds and nanoseconds as one length. Raises OverflowError beyond 999,999,999 days."""
    microseconds = -(-nanos // 1000) if nanos < 0 else nanos // 1000
    return datetime.timedelta(seconds=seconds, microseconds=microseconds)


def timestamp_parts(value: datetime.datetime) -> tuple[int, int]:
    """Seconds since 1970 UTC, and nanoseconds from 0 up; ValueError if there is no timezone."""
    if value.tzinfo is None:
        raise ValueError("a datetime without a timezone is ambiguous: pass tzinfo=datetime.UTC")
    seconds, microseconds = divmod((value - EPOCH) // MICROSECOND, PER_SECOND)
    return seconds, microseconds * 1000


def seconds_and_nanos(value: datetime.timedelta) -> tuple[int, int]:
    """Seconds and nanoseconds of one sign, as a Duration has them."""
    total = value // MICROSECOND
    seconds, microseconds = divmod(abs(total), PER_SECOND)
    sign = -1 if total < 0 else 1
    return sign * seconds, sign * microseconds * 1000


Join = Callable[[int, int], Any]
Split = Callable[[Any], tuple[int, int]]

WELL_KNOWN: dict[str, tuple[Join, Split]] = {
    "Timestamp": (timestamp, timestamp_parts),
    "Duration": (duration, seconds_and_nanos),
}
"""Message name to the way from its two fields and back."""

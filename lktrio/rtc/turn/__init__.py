"""TURN (RFC 8656): a relayed address for where no direct path works, without I/O."""

from __future__ import annotations

from lktrio.rtc.turn.client import (
    Allocated,
    AllocationFailed,
    TryAlternate,
    TurnClient,
    TurnCredentials,
    TurnEvent,
    TurnStats,
)

__all__ = [
    "Allocated",
    "AllocationFailed",
    "TryAlternate",
    "TurnClient",
    "TurnCredentials",
    "TurnEvent",
    "TurnStats",
]

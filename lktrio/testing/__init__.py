"""Tools for testing programs that use lktrio, and lktrio itself."""

from __future__ import annotations

from lktrio.testing.cancellation import cancel_at_every_checkpoint
from lktrio.testing.hosts import SimulatedHost
from lktrio.testing.links import Fate, LinkProfile, LinkStatistics
from lktrio.testing.nat import Nat, NatKind
from lktrio.testing.network import SimulatedNetwork, TraceRecord
from lktrio.testing.stalls import Stall, StallDetector, detect_stalls
from lktrio.testing.virtual_time import run_in_virtual_time

__all__ = [
    "Fate",
    "LinkProfile",
    "LinkStatistics",
    "Nat",
    "NatKind",
    "SimulatedHost",
    "SimulatedNetwork",
    "Stall",
    "StallDetector",
    "TraceRecord",
    "cancel_at_every_checkpoint",
    "detect_stalls",
    "run_in_virtual_time",
]

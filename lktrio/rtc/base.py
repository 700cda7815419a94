"""What every protocol engine of the core shares: types of its inputs and outputs.

An engine takes input through ``receive(...)`` and ``handle_timer(now)``, tells through
``next_timer()`` when it wants to be called again, and leaves its results in two public
containers, ``out`` (what to send) and ``events`` (what happened), which the caller swaps out
whole after every input. It reads no clock, opens no socket and starts no task.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, TypeAlias

__all__ = ["MAX_PORT", "NEVER", "Address", "RandomBytes", "Transmit", "flatten_counters"]

Address: TypeAlias = tuple[str, int]
"""Host (numeric IPv4 or IPv6 text without scope) and port."""

MAX_PORT = 65535
"""Largest port of an address."""

Transmit: TypeAlias = tuple[int, Address, bytes]
"""A datagram to send: the path (the driver's number of a local socket), to whom, and what."""

RandomBytes: TypeAlias = Callable[[int], bytes]
"""Source of randomness: takes a count, returns that many bytes (``os.urandom`` in production)."""

NEVER = math.inf
"""What ``next_timer()`` returns when nothing is due."""


def flatten_counters(sources: Mapping[str, Any]) -> dict[str, int]:
    """One dictionary of the counters in several dataclasses, such as ``{"ice.errors_sent": 0}``.

    Args:
        sources: Dataclasses whose fields are counters, by the name that goes before the dot.
    """
    return {
        f"{name}.{counter.name}": getattr(counters, counter.name)
        for name, counters in sources.items()
        for counter in fields(counters)
    }

"""Which way media and data take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["MediaPath"]


@dataclass(frozen=True, slots=True)
class MediaPath:
    """The way that one peer connection takes to the server now (its selected ICE pair)."""

    connection: Literal["publisher", "subscriber"]
    """Which one: if there is one alone, it is called publisher."""
    transport: Literal["udp", "tcp", "tls"]
    """How packets leave this machine: to the server itself, or to a TURN server."""
    relayed: bool
    """Whether a TURN server is between."""
    local: tuple[str, int]
    """Our address and port, as the other side sees them."""
    remote: tuple[str, int]
    """Where packets go in the end."""
    round_trip: float | None
    """Seconds there and back, smoothed; None before it was measured."""

"""What carries a peer connection, at one moment."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["AssociationStats"]


@dataclass(frozen=True, slots=True)
class AssociationStats:
    """The SCTP association that carries the data channels (RFC 9260)."""

    round_trip: float | None
    """Smoothed seconds to the server and back, None before the first measurement."""
    congestion_window: int
    """Bytes that may be on their way."""
    outstanding: int
    """Bytes that wait or are on their way."""
    messages_sent: int
    """Messages whose transmission began."""
    messages_received: int
    """Messages delivered."""
    retransmitted: int
    """DATA chunks sent again."""
    timeouts: int
    """Retransmission timeouts."""

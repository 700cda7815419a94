"""What a room says about itself: numbers, as they were at one moment.

Counters only grow, as long as the thing that they count for is the same: streams have other SSRCs,
and connections begin to count anew, after the room was joined anew. Whoever wants rates keeps what
was said before; `MediaStreamStats.bitrate` shows how.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lktrio.room.state.data import DataStats
from lktrio.room.state.enums import ConnectionState
from lktrio.room.state.media_path import MediaPath
from lktrio.room.state.stream_stats import InboundStreamStats, OutboundStreamStats
from lktrio.rtc.stats import AssociationStats

__all__ = ["AssociationStats", "ConnectionStats", "RoomStats"]


@dataclass(frozen=True, slots=True)
class ConnectionStats:
    """One peer connection: one of a room in signalling version ``v1``, two in ``v0``."""

    target: str
    """``"publisher"`` or ``"subscriber"``."""
    state: str
    """Of ICE and DTLS together: ``"new"``, ``"connecting"``, ``"connected"``, ``"disconnected"``,
    ``"failed"`` or ``"closed"``."""
    path: MediaPath | None
    """What carries it, once there is something."""
    association: AssociationStats
    """What carries its data channels."""
    available_bitrate: float | None
    """Bits per second that the server says it can receive (REMB), None if it did not."""
    counters: Mapping[str, int] = field(hash=False)
    """What was sent, received, repeated and dropped, by protocol and cause, such as
    ``"srtp.replayed"``."""


@dataclass(frozen=True, slots=True)
class RoomStats:
    """A room at one moment; see ``Room.stats``."""

    taken_at: float
    """When, in seconds of trio's clock."""
    state: ConnectionState
    """Where the room is in its life."""
    resumes: int
    """How often the session went on over a new link."""
    restarts: int
    """How often the room was joined anew."""
    signal_round_trip: float | None
    """Seconds to the server and back over the signalling, None before the first measurement."""
    data: DataStats = field(hash=False)
    """Counters of data packets."""
    unhandled: Mapping[str, int] = field(hash=False)
    """How many messages came of kinds that lktrio does not handle, by kind."""
    connections: tuple[ConnectionStats, ...]
    """The peer connections."""
    outbound: tuple[OutboundStreamStats, ...]
    """The streams of our tracks."""
    inbound: tuple[InboundStreamStats, ...]
    """The streams of the tracks that we receive."""

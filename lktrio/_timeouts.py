"""The deadlines of a room, in one place: the only ones that are not the caller's."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Timeouts"]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines of the phases of a room, in seconds. Everything else waits for the caller."""

    connect: float = 5.0
    """Resolving the host name, TCP, the way through a proxy, and TLS."""
    upgrade: float = 15.0
    """The HTTP upgrade. LiveKit's server may take 12 s: it starts the session before it answers."""
    first_message: float = 5.0
    """From the upgrade to ``join`` (or ``reconnect``)."""
    validate: float = 3.0
    """Asking the server why it refused; best effort."""
    transport: float = 15.0
    """From the join to an encrypted path for media."""
    negotiation: float = 15.0
    """From an offer to its answer."""
    add_track: float = 10.0
    """From ``add_track`` to ``track_published``."""
    request: float = 10.0
    """From another request to its ``RequestResponse``."""
    data_channel: float = 15.0
    """From the first data that is sent to an open channel."""
    leave: float = 2.0
    """Sending what is queued, LEAVE and the closing frame, and waiting for the server's, at the end
    and after cancellation; cancelled earlier, also waiting for the upgrade."""

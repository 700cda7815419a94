"""What happens to packets on their way: one direction of a link between two hosts.

Theory of operation: the fate of a packet is decided when it is sent. It may be too long, find the
queue full, get lost, or arrive, perhaps twice; when, follows from the rate, the latency and the
jitter. Losses are independent of each other, or come in bursts by the model of Gilbert: the link
is either good and loses nothing, or bad and loses everything, and changes over by chance.

All chance comes from the generator that the link is given, so the same seed gives the same fates.
"""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass

__all__ = ["Fate", "Link", "LinkProfile", "LinkStatistics"]

_LEAST_HOLD = 0.01  # seconds that a packet is held back at least, to be overtaken


class Fate(enum.StrEnum):
    """What becomes of a packet."""

    DELIVERED = "delivered"
    """It arrives, once or twice."""
    LOST = "lost"
    """The link lost it."""
    QUEUE_FULL = "queue full"
    """It found no place in the queue in front of a link that has a rate."""
    TOO_LONG = "too long"
    """It was longer than the link takes."""
    BLOCKED = "blocked"
    """The hosts are partitioned from each other."""
    FILTERED = "filtered"
    """A NAT did not let it in."""
    UNREACHABLE = "unreachable"
    """Nobody has that address, or listens at that port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProfile:
    """How one direction of a link behaves. The default is perfect."""

    latency: float = 0.0
    """Seconds that every packet takes."""
    jitter: float = 0.0
    """Largest extra delay in seconds, drawn evenly for each packet; packets overtake each other."""
    loss: float = 0.0
    """Share of the packets that are lost."""
    burst: float = 1.0
    """Mean number of packets that are lost in a row; 1 for losses independent of each other."""
    duplicate: float = 0.0
    """Share of the packets that arrive twice."""
    reorder: float = 0.0
    """Share of the packets that are held back by another latency (at least 10 ms)."""
    rate: float | None = None
    """Bytes per second; None for no limit."""
    queue: int = 65_536
    """Bytes that may wait when there is a rate; datagrams beyond are lost."""
    mtu: int = 1500
    """Bytes of the longest packet, with its IP and UDP headers."""

    def __post_init__(self) -> None:
        shares = {"loss": self.loss, "duplicate": self.duplicate, "reorder": self.reorder}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise ValueError(f"{name} is a share between 0 and 1, not {share}")
        if self.latency < 0 or self.jitter < 0:
            raise ValueError("latency and jitter are not negative")
        if self.burst < 1:
            raise ValueError(f"burst is at least 1, not {self.burst}")
        if self.rate is not None and self.rate <= 0:
            raise ValueError(f"rate is positive or None, not {self.rate}")


@dataclass(slots=True)
class LinkStatistics:
    """Counters of one direction of a link, in packets."""

    sent: int = 0
    """Handed to the link."""
    delivered: int = 0
    """Of these, those that arrive; each is counted once."""
    lost: int = 0
    """Lost by chance."""
    queue_full: int = 0
    """Lost because the queue was full."""
    too_long: int = 0
    """Refused for their length."""
    duplicated: int = 0
    """Arrive twice."""


class Link:
    """One direction of a link.

    Args:
        profile: How it behaves; may be replaced at any time.
        chance: Where all chance comes from.
    """

    __slots__ = ("_bad", "_busy_until", "_chance", "profile", "statistics")

    def __init__(self, profile: LinkProfile, chance: random.Random) -> None:
        self.profile = profile
        self.statistics = LinkStatistics()
        self._chance = chance
        self._bad = False
        self._busy_until = 0.0

    def send(
        self, size: int, now: float, *, queued: bool = False, again: bool = False
    ) -> Fate | tuple[float, ...]:
        """Put a packet on its way.

        Args:
            size: Its bytes, with headers.
            now: The time.
            queued: Whether the packet may wait however full the queue is, as in TCP, whose window
                bounds what waits.
            again: Whether the packet is sent later in truth, after a timeout: then the burst that
                took it before is over, and it is lost or not by itself.

        Returns:
            When it arrives (twice, if it was duplicated), or why it does not.
        """
        profile, statistics = self.profile, self.statistics
        statistics.sent += 1
        if size > profile.mtu:
            statistics.too_long += 1
            return Fate.TOO_LONG
        if profile.loss and self._loses(profile, again):
            statistics.lost += 1
            return Fate.LOST
        leaves = now
        if profile.rate is not None:
            leaves = max(now, self._busy_until)
            if not queued and (leaves - now) * profile.rate > profile.queue:
                statistics.queue_full += 1
                return Fate.QUEUE_FULL
            leaves = self._busy_until = leaves + size / profile.rate
        statistics.delivered += 1
        arrival = self._arrival(profile, leaves)
        if profile.duplicate and self._chance.random() < profile.duplicate:
            statistics.duplicated += 1
            return arrival, self._arrival(profile, leaves)
        return (arrival,)

    def _loses(self, profile: LinkProfile, independently: bool) -> bool:
        if independently or profile.burst == 1 or profile.loss == 1:
            return self._chance.random() < profile.loss
        recover = 1 / profile.burst
        if self._bad:
            self._bad = self._chance.random() >= recover
        else:
            self._bad = self._chance.random() < recover * profile.loss / (1 - profile.loss)
        return self._bad

    def _arrival(self, profile: LinkProfile, leaves: float) -> float:
        arrival = leaves + profile.latency
        if profile.jitter:
            arrival += profile.jitter * self._chance.random()
        if profile.reorder and self._chance.random() < profile.reorder:
            arrival += max(profile.latency, _LEAST_HOLD)
        return arrival

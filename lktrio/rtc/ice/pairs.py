"""Tables of the ICE agent: pairs, their checks, and generations of credentials.

Theory of operation
-------------------

A *pair* is a local socket (path) and a remote address; it is the unit that is checked, nominated
and sent on. A pair over TCP has a path of its own, the stream between the two. A *check* is one
STUN transaction on a pair, retransmitted until it is answered or given up; a pair has at most one
at a time.

A *generation* is what an ICE restart replaces: both sides' credentials, the remote candidates and
the pairs made from them. One generation is a check list (RFC 8445 section 6.1.2). Because
everything of a session is multiplexed on one component, there is nothing to freeze and thaw: pairs
wait in the order of their priority.

TCP is for where UDP does not work: its pairs wait a moment for the others, and for as long as one
of those works.

Implements RFC 8445 sections 6.1.2 (pairs and priorities), 6.1.4 (choice of the next check), RFC
6544 section 6.2 (pairs over TCP) and the table limits of `IceOptions`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from lktrio.rtc.base import NEVER, Address
from lktrio.rtc.ice.candidate import Candidate
from lktrio.rtc.ice.messages import CheckRequest, Credentials
from lktrio.rtc.ice.options import IceOptions, IceRole

__all__ = ["Check", "Generation", "Pair", "PairState", "RemoteKey"]

RemoteKey: TypeAlias = tuple[str, Address]
"""Transport and address of a candidate of the peer."""


class PairState(Enum):
    """Where a pair stands (RFC 8445 section 6.1.2.6, without Frozen)."""

    WAITING = "waiting"
    IN_PROGRESS = "in progress"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(slots=True, eq=False)
class Check:
    """One transaction: a request that is retransmitted until its response arrives."""

    transaction_id: bytes
    """Identifies the response."""
    request: bytes = field(repr=False)
    """The datagram."""
    role: IceRole
    """Our role in the request, to tell whether a role conflict is news."""
    nominates: bool
    """The request carries USE-CANDIDATE."""
    started: float
    """When it was first sent."""
    expires: float
    """When to give it up."""
    timeout: float
    """Current retransmission timeout."""
    next_send: float
    """When to send it again."""
    last_sent: float = -NEVER
    """When it was last sent."""
    sends: int = 0
    """How often it was sent."""


@dataclass(slots=True, eq=False)
class Pair:
    """A local socket and a remote address (RFC 8445 section 6.1.2)."""

    path: int
    """Local socket."""
    address: Address
    """Remote address."""
    base: Candidate
    """The candidate of our socket."""
    remote: Candidate
    """The peer's candidate."""
    generation: Generation = field(repr=False)
    """The generation whose credentials check it."""
    local: Candidate
    """Our candidate as the peer sees it: `base` until a response tells otherwise."""
    priority: int = 0
    """Pair priority under the current role."""
    state: PairState = PairState.WAITING
    """Result of the checks so far."""
    check: Check | None = field(default=None, repr=False)
    """The transaction under way."""
    validated: bool = False
    """It answered a check of ours; of a lite agent: an authenticated request came from it."""
    heard: bool = False
    """An authenticated request came from it, perhaps a replayed one, or it is validated."""
    triggered: bool = False
    """Waits in the queue of triggered checks."""
    nominate_on_success: bool = False
    """The peer nominated it before our own check succeeded."""
    dialled_from: int | None = None
    """The path of our active TCP candidate, if `path` is a stream that we have to open."""
    round_trip: float | None = None
    """Smoothed round-trip time in seconds."""
    next_consent: float = NEVER
    """When the next consent check is due."""
    consent_expires: float = NEVER
    """When it stops being allowed to send on it."""
    unanswered_since: float = NEVER
    """When the first check was sent of those that were not answered."""
    answered_at: float = -NEVER
    """When a check on it was last answered; of a lite agent: when the peer last checked it."""

    @property
    def key(self) -> tuple[int, Address]:
        """Path and address."""
        return self.path, self.address

    @property
    def is_valid(self) -> bool:
        """Whether traffic may be sent on it."""
        return self.state is PairState.SUCCEEDED

    @property
    def is_hopeful(self) -> bool:
        """Whether it works or may still come to work."""
        return self.state is not PairState.FAILED

    @property
    def directness(self) -> int:
        """0 between two host candidates, 1 with a reflexive one, 2 over TCP, 3 if relayed."""
        kinds = (self.base.type, self.remote.type)
        if "relay" in kinds:
            return 3
        if self.is_stream:
            return 2
        return 0 if kinds == ("host", "host") else 1

    @property
    def is_stream(self) -> bool:
        """Whether it is over TCP, where nothing that was sent has to be repeated."""
        return self.base.is_stream

    def rank(self, role: IceRole) -> None:
        """Compute the priority for our role (RFC 8445 section 6.1.2.3)."""
        ours, theirs = self.base.priority, self.remote.priority
        controlling, controlled = (ours, theirs) if role is IceRole.CONTROLLING else (theirs, ours)
        self.priority = (
            (min(controlling, controlled) << 32)
            + 2 * max(controlling, controlled)
            + (controlling > controlled)
        )

    def is_unresponsive(self, now: float, limit: float) -> bool:
        """Whether its checks have not been answered for `limit` seconds."""
        return now >= self.unanswered_since + limit


class Generation:
    """Credentials, remote candidates and pairs between two restarts."""

    def __init__(self, local: Credentials, options: IceOptions) -> None:
        self.local = local
        self.remote: Credentials | None = None
        self.remote_is_lite = False
        self.remote_candidates: dict[RemoteKey, Candidate] = {}
        self.pairs: dict[tuple[int, Address], Pair] = {}
        self.early: dict[tuple[int, Address], CheckRequest] = {}
        self.began_at = NEVER
        self.changed_at = NEVER
        self.has_all_candidates = False
        self.failed = False
        self.first_valid_at = NEVER
        self.highest_nomination = -1
        self.role_switches = 0
        self._options = options

    def revive(self, now: float) -> bool:
        """Take up again what has failed, on the word of a check, if it is allowed.

        Consent that was lost comes back with other credentials only (RFC 7675 section 5.1). Where
        there was none yet, we have merely given up too early.
        """
        if self.first_valid_at != NEVER:
            return False
        self.failed = False
        self.changed_at = now
        return True

    def add_remote(self, candidate: Candidate, address: Address) -> bool:
        """Remember a signalled candidate; whether there was room and it is new."""
        key = (candidate.transport, address)
        if key in self.remote_candidates:
            return False
        if len(self.remote_candidates) >= self._options.max_remote_candidates:
            return False
        self.remote_candidates[key] = candidate
        return True

    def has_pair(self, base: Candidate, address: Address) -> bool:
        """Whether there is a pair of those two."""
        return any(pair.base is base and pair.address == address for pair in self.pairs.values())

    def add_pair(self, pair: Pair, role: IceRole) -> bool:
        """Add a pair, in the place of one that failed or still waits if the limits demand it.

        Returns:
            Whether there was room.
        """
        pair.rank(role)
        victim: Pair | None = None
        if pair.remote.type == "prflx" and self._learned() >= self._options.max_peer_reflexive:
            victim = self._replaceable([p for p in self.pairs.values() if p.remote.type == "prflx"])
        elif len(self.pairs) >= self._options.max_pairs:
            victim = self._replaceable(
                [p for p in self.pairs.values() if p.priority < pair.priority]
            )
        else:
            self.pairs[pair.key] = pair
            return True
        if victim is not None:
            del self.pairs[victim.key]
            self.pairs[pair.key] = pair
        return victim is not None

    def _learned(self) -> int:
        return sum(1 for pair in self.pairs.values() if pair.remote.type == "prflx")

    def _replaceable(self, pairs: list[Pair]) -> Pair | None:
        """The least useful pair that no check depends on."""
        idle = [pair for pair in pairs if pair.state in (PairState.FAILED, PairState.WAITING)]
        return min(idle, key=lambda pair: (pair.is_hopeful, pair.priority), default=None)

    @property
    def works(self) -> bool:
        """Whether traffic may be sent on some pair."""
        return any(pair.is_valid for pair in self.pairs.values())

    @property
    def is_hopeful(self) -> bool:
        """Whether some pair works or may still come to work."""
        return any(pair.is_hopeful for pair in self.pairs.values())

    def valid_pairs(self) -> list[Pair]:
        """The pairs that work, best first."""
        pairs = [pair for pair in self.pairs.values() if pair.is_valid]
        return sorted(pairs, key=lambda pair: pair.priority, reverse=True)

    def _streams_from(self, now: float) -> float:
        """From when on pairs over TCP may be checked."""
        datagrams = [pair for pair in self.pairs.values() if not pair.is_stream]
        limit = self._options.unresponsive
        if any(pair.is_valid and not pair.is_unresponsive(now, limit) for pair in datagrams):
            return NEVER
        hopeful = any(pair.is_hopeful for pair in datagrams)
        return self.began_at + self._options.stream_hold if hopeful else -NEVER

    def next_waiting(self, now: float) -> tuple[Pair | None, float]:
        """The pair to check next, the waiting one of highest priority, and when it may be."""
        waiting = [pair for pair in self.pairs.values() if pair.state is PairState.WAITING]
        if not waiting:
            return None, NEVER
        streams = any(pair.is_stream for pair in waiting)
        streams_from = self._streams_from(now) if streams else -NEVER
        ready = [pair for pair in waiting if not pair.is_stream or now >= streams_from]
        if ready:
            return max(ready, key=lambda pair: pair.priority), -NEVER
        return None, streams_from

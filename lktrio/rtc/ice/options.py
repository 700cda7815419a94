"""What is set, counted and reported by the ICE agent: options, statistics, states, events.

The defaults say where they come from. The limits exist because everything that a peer, or someone
who claims to be one, can make the agent keep must be bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from lktrio.rtc.base import Address
from lktrio.rtc.ice.candidate import Candidate

__all__ = [
    "DEFAULT_OPTIONS",
    "IceEvent",
    "IceOptions",
    "IceRole",
    "IceState",
    "IceStateChanged",
    "IceStats",
    "PairSelected",
]


class IceRole(Enum):
    """Who decides which pair is used (RFC 8445 section 6.1.1)."""

    CONTROLLING = "controlling"
    CONTROLLED = "controlled"

    @property
    def other(self) -> IceRole:
        """The opposite role."""
        return IceRole.CONTROLLED if self is IceRole.CONTROLLING else IceRole.CONTROLLING


class IceState(Enum):
    """State of the agent, as far as its user needs to know."""

    NEW = "new"
    """The peer's credentials are not known yet."""
    CHECKING = "checking"
    """Pairs are being checked; after a restart, the old pair may still carry traffic."""
    CONNECTED = "connected"
    """At least one pair works."""
    DISCONNECTED = "disconnected"
    """Nothing authenticated has been heard for a while; checks go on and may mend it."""
    FAILED = "failed"
    """No pair works, or the peer was silent for too long. It is time for a restart; until the
    peer's consent has expired, an answer from it helps too."""
    CLOSED = "closed"
    """`close` was called."""


@dataclass(frozen=True, slots=True)
class IceOptions:
    """Timing and limits of an ICE agent. All times are in seconds."""

    pacing: float = 0.02
    """Ta, the time between two ordinary checks (RFC 8445 section 14.2 allows down to 5 ms)."""
    triggered_burst: int = 5
    """So many triggered checks may go out at once before they too are paced."""
    initial_retransmission: float = 0.1
    """First retransmission timeout of a check; twice the best round trip, when that is longer."""
    retransmission_factor: float = 1.5
    """Growth of the retransmission timeout."""
    max_retransmission: float = 1.0
    """Largest retransmission timeout."""
    check_timeout: float = 15.0
    """A pair fails when its check has not been answered for so long."""
    patience: float = 15.0
    """Without any hopeful pair, the agent fails so long after its start (RFC 8838: more
    candidates, or checks of the peer, may be on their way)."""
    host_hold: float = 0.0
    """Wait before a pair of two host candidates is nominated."""
    reflexive_hold: float = 0.3
    """The same for a pair with a reflexive candidate: a host pair may still succeed."""
    relay_hold: float = 1.0
    """The same for a pair with a relayed candidate."""
    stream_hold: float = 0.25
    """Wait before the first TCP connection is opened, where there is UDP too: it is better."""
    consent_interval: float = 5.0
    """Mean time between consent checks, varied by 20 % each way (RFC 7675 section 5.1)."""
    consent_timeout: float = 30.0
    """Consent expires so long after the last answer (RFC 7675 section 5.1)."""
    silence_probe: float = 2.5
    """After so much silence the selected pair is probed without waiting for its consent check."""
    unresponsive: float = 2.0
    """A pair whose check has been unanswered for so long gives way to one that answers."""
    disconnected_timeout: float = 5.0
    """`IceState.DISCONNECTED` after so much silence, as in libwebrtc."""
    lite_disconnected_timeout: float = 10.0
    """The same for a lite agent, which cannot ask and depends on the peer's slower checks."""
    failed_timeout: float = 15.0
    """`IceState.FAILED` after so much silence, as in libwebrtc and LiveKit's server, which forgets
    a participant 5 s later: waiting for the end of the consent would be too long."""
    max_remote_candidates: int = 64
    """Candidates kept of one generation of the peer."""
    max_peer_reflexive: int = 20
    """Candidates kept that were learned from the source addresses of checks."""
    max_pairs: int = 100
    """Pairs checked; with at most one transaction each."""
    max_streams: int = 8
    """TCP connections at once; pairs beyond them fail, lest we scan ports for the peer."""
    max_backup_pairs: int = 4
    """Working pairs kept alive beside the selected one."""
    max_early_requests: int = 16
    """Checks remembered that came before the peer's credentials."""
    max_remembered_checks: int = 1024
    """Checks whose source a lite agent remembers, to recognise those that somebody replays."""
    max_error_rate: int = 10
    """Error responses per second."""


DEFAULT_OPTIONS = IceOptions()
"""What an agent uses that was given nothing else."""


@dataclass(slots=True)
class IceStats:
    """Counters of one agent. They only grow."""

    requests_received: int = 0
    """Authenticated checks of the peer."""
    requests_sent: int = 0
    """Checks sent, with retransmissions."""
    responses_received: int = 0
    """Authenticated responses to our checks."""
    responses_sent: int = 0
    """Success responses to checks of the peer."""
    errors_sent: int = 0
    """Error responses."""
    errors_suppressed: int = 0
    """Error responses not sent because of their rate."""
    dropped_malformed: int = 0
    """Packets that are no acceptable STUN message."""
    dropped_unauthenticated: int = 0
    """Requests and responses with missing or wrong integrity, or without FINGERPRINT."""
    dropped_stale: int = 0
    """Requests of a generation that is not in use, and responses to nothing."""
    dropped_replayed: int = 0
    """Requests, authentic ones, that a lite agent had before from another address."""
    indications: int = 0
    """Binding indications, which keep NATs open and tell nothing else."""
    dropped_limit: int = 0
    """Requests, candidates and TCP connections that exceeded a limit."""
    ignored_candidates: int = 0
    """Remote candidates of a kind that is not used: active TCP, names, component 2, old
    generations."""
    role_conflicts: int = 0
    """Conflicts noticed by us or told by the peer."""


@dataclass(frozen=True, slots=True)
class IceStateChanged:
    """The state of the agent changed."""

    state: IceState
    """The new state."""


@dataclass(frozen=True, slots=True)
class PairSelected:
    """A pair was nominated, by us or by the peer, and carries traffic from now on."""

    path: int
    """Local socket."""
    address: Address
    """Where to send."""
    local: Candidate
    """Our candidate, as the peer sees it."""
    remote: Candidate
    """The peer's candidate."""


IceEvent: TypeAlias = IceStateChanged | PairSelected
"""What `IceAgent.events` holds."""

"""What both sides of an ICE session are known to be: sockets, credentials, candidates, pairs.

Theory of operation
-------------------

The session holds one or more generations, oldest first. The last one has our current
credentials; the *active* one is the newest whose remote credentials are known too. An ICE restart
appends a generation. An older one stays only while its pair is the *carrier*, the pair that
traffic is sent on.

A remote candidate belongs to the generation it names with ``ufrag``, or to the one whose
credentials come next when it names none. Until these are known it is held. Pairs are made from
every local socket and every remote candidate of the same transport and address family; a check
from an address that nobody announced adds a peer-reflexive candidate. Over TCP, we connect to
passive candidates, with a stream for each, or are connected to at our own.

The session changes its tables and sends nothing: the agent does.

Implements RFC 8445 sections 5.1.1 (which candidates are paired), 6.1.2 (check list), 7.3.1.3
(peer-reflexive candidates) and 9 (restart), RFC 6544 section 6.2 (TCP), RFC 8838 section 11
(candidates that trickle in).
"""

from __future__ import annotations

from collections import deque

from lktrio.rtc.base import NEVER, Address, RandomBytes
from lktrio.rtc.ice.candidate import (
    TYPE_PREFERENCES,
    Candidate,
    foundation,
    normalize_host,
    reflexive_candidate,
)
from lktrio.rtc.ice.checks import CheckTable
from lktrio.rtc.ice.messages import CheckRequest, Credentials
from lktrio.rtc.ice.options import IceOptions, IceRole, IceStats
from lktrio.rtc.ice.pairs import Generation, Pair, PairState
from lktrio.rtc.ice.selection import Selection
from lktrio.rtc.paths import NewPath

__all__ = ["IceSession"]

_ICE_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_UFRAG_LENGTH = 8  # RFC 8839 section 5.4: at least 24 bits
_PWD_LENGTH = 24  # at least 128 bits
_REMEMBERED_UFRAGS = 8
_MAX_ROLE_SWITCHES = 8  # of one generation; an honest conflict needs one


class IceSession:
    """The tables of one agent.

    Attributes:
        checks: The transactions under way, and our role.
        generations: Oldest first; never empty.
        local: Path and candidate of everything that was added.
        bases: The candidate that a path's checks are sent from.
        selection: Which pair carries the traffic.
    """

    def __init__(
        self,
        role: IceRole,
        random: RandomBytes,
        options: IceOptions,
        stats: IceStats,
        *,
        lite: bool,
        new_path: NewPath,
    ) -> None:
        self.checks = CheckTable(role, random, options)
        self.local: list[tuple[int, Candidate]] = []
        self.bases: dict[int, Candidate] = {}
        self.selection = Selection(options, lite=lite)
        self._random = random
        self._options = options
        self._stats = stats
        self._lite = lite
        self._new_path = new_path
        self._held: list[tuple[Address, Candidate]] = []
        self._old_ufrags: deque[str] = deque(maxlen=_REMEMBERED_UFRAGS)
        self._origins: dict[bytes, tuple[int, Address]] = {}
        self.generations = [self._new_generation()]

    # Generations ---------------------------------------------------------------------------

    @property
    def newest(self) -> Generation:
        """The generation of our current credentials."""
        return self.generations[-1]

    @property
    def active(self) -> Generation | None:
        """The newest generation of which both sides are known."""
        for generation in reversed(self.generations):
            if generation.remote is not None:
                return generation
        return None

    @property
    def has_pending_restart(self) -> bool:
        """Whether our newest credentials wait for the peer's."""
        return len(self.generations) > 1 and self.newest.remote is None

    def restart(self, *, keep_local: bool = False) -> None:
        """Begin a generation, with new local credentials unless they are to be kept."""
        local = self.newest.local if keep_local else None
        if self.has_pending_restart:
            self.generations.pop()
        self.generations.append(self._new_generation(local))

    def begin(self, remote: Credentials, lite: bool, now: float) -> list[CheckRequest]:
        """Give the newest generation the peer's credentials, and pairs.

        Returns:
            The peer's checks that were remembered until now.
        """
        generation, previous = self.newest, self.active
        generation.remote, generation.remote_is_lite = remote, lite
        generation.began_at = generation.changed_at = now
        if previous is not None and previous.remote is not None:
            if previous.remote == remote:  # a peer that keeps its credentials in a restart
                generation.remote_candidates.update(previous.remote_candidates)
            else:
                self._old_ufrags.append(previous.remote.ufrag)
        self.retire_generations()
        self.selection.nominated = None
        for (_, address), candidate in generation.remote_candidates.items():
            self._pair_all(generation, address, candidate, now)
        held, self._held = self._held, []
        for address, candidate in held:
            self._place(candidate, address, now)
        early, generation.early = generation.early, {}
        return [check for check in early.values() if check.remote_ufrag == remote.ufrag]

    def retire_generations(self) -> None:
        """Keep only the newest generation and the one that carries traffic."""
        *older, newest = self.generations
        carrier = self.selection.carrier
        kept: list[Generation] = []
        for generation in older:
            self.cancel_checks(generation)
            if carrier is not None and carrier.generation is generation:
                kept.append(generation)
        self.generations = [*kept, newest]
        self.selection.keep(self.generations)

    def abandon_older(self) -> None:
        """Keep the newest generation alone, and send nothing until a pair of it works."""
        *older, newest = self.generations
        for generation in older:
            self.cancel_checks(generation)
        self.generations = [newest]
        self.selection.clear()

    def cancel_checks(self, generation: Generation) -> None:
        """End all checks of a generation; pairs that work stay as they are."""
        for pair in generation.pairs.values():
            self.checks.drop(pair)
            if not pair.is_valid:
                pair.state = PairState.FAILED

    def addressee(self, request: CheckRequest) -> Generation | None:
        """The generation that a request names with both halves of its user name."""
        for generation in self.generations:
            if generation.local.ufrag == request.local_ufrag and (
                generation.remote is None or generation.remote.ufrag == request.remote_ufrag
            ):
                return generation
        return None

    def remember(self, generation: Generation, check: CheckRequest) -> None:
        """Keep a check for when the peer's credentials are known."""
        key = (check.path, check.address)
        if key in generation.early or len(generation.early) < self._options.max_early_requests:
            generation.early[key] = check
        else:
            self._stats.dropped_limit += 1

    def _new_generation(self, local: Credentials | None = None) -> Generation:
        return Generation(local or self._new_credentials(), self._options)

    def _new_credentials(self) -> Credentials:
        text = "".join(
            [_ICE_CHARACTERS[byte & 63] for byte in self._random(_UFRAG_LENGTH + _PWD_LENGTH)]
        )
        return Credentials(text[:_UFRAG_LENGTH], text[_UFRAG_LENGTH:])

    # Role ----------------------------------------------------------------------------------

    def set_role(self, role: IceRole) -> None:
        """Take a role; priorities of pairs depend on it."""
        self.checks.role = role
        if role is IceRole.CONTROLLED:
            self.selection.nominated = None
        for generation in self.generations:
            for pair in generation.pairs.values():
                pair.rank(role)

    def switch_role(self, generation: Generation) -> bool:
        """Change the role in a conflict, unless it is fixed or has changed suspiciously often."""
        if self._lite or generation.remote_is_lite:
            return False
        if generation.role_switches >= _MAX_ROLE_SWITCHES:
            return False
        generation.role_switches += 1
        self.set_role(self.checks.role.other)
        return True

    # Candidates ----------------------------------------------------------------------------

    def add_local(self, candidate: Candidate, path: int, now: float) -> None:
        """Add a candidate of ours, and its pairs when it opens a new path."""
        self.local.append((path, candidate))
        if candidate.type not in ("host", "relay") or path in self.bases:
            return
        self.bases[path] = candidate
        generation = self.active
        if generation is not None and not self._lite:
            for (_, address), remote in generation.remote_candidates.items():
                self._pair(generation, path, address, remote, now)

    def remove_path(self, path: int, now: float) -> None:
        """Forget a socket with its candidates and pairs."""
        self.local = [entry for entry in self.local if entry[0] != path]
        self.bases.pop(path, None)
        for generation in self.generations:
            for pair in list(generation.pairs.values()):
                if pair.path == path or pair.dialled_from == path:
                    self.fail(pair)
                    del generation.pairs[pair.key]
                    generation.changed_at = now

    def add_remote(self, candidate: Candidate, now: float) -> None:
        """Take a candidate of the peer, unless it is of a kind that is not used."""
        host = normalize_host(candidate.address)
        usable = candidate.component == 1 and _is_reachable(candidate)
        if host is None or not usable or candidate.type not in TYPE_PREFERENCES:
            self._stats.ignored_candidates += 1
        else:
            self._place(candidate, (host, candidate.port), now)

    def _place(self, candidate: Candidate, address: Address, now: float) -> None:
        """Give a candidate to its generation, or hold it until that is known."""
        generation, ufrag = self.newest, candidate.ufrag
        if generation.remote is not None and ufrag in (None, generation.remote.ufrag):
            if generation.add_remote(candidate, address):
                self._pair_all(generation, address, candidate, now)
            elif (candidate.transport, address) not in generation.remote_candidates:
                self._stats.dropped_limit += 1
        elif ufrag is not None and self._is_old(ufrag):
            self._stats.ignored_candidates += 1
        elif (address, candidate) in self._held:
            return
        else:
            self._hold(candidate, address)

    def _hold(self, candidate: Candidate, address: Address) -> None:
        """Keep a candidate for credentials to come, in place of one that waited in vain."""
        self._held.append((address, candidate))
        if len(self._held) > self._options.max_remote_candidates:
            del self._held[0]
            self._stats.dropped_limit += 1

    def _is_old(self, ufrag: str) -> bool:
        active = self.active
        current = None if active is None or active.remote is None else active.remote.ufrag
        return ufrag == current or ufrag in self._old_ufrags

    def as_seen(self, pair: Pair, mapped: Address) -> Candidate:
        """Our candidate at the address that the peer saw (RFC 8445 section 7.2.5.3.1)."""
        if pair.is_stream and mapped[0] == pair.base.address:
            return pair.base  # its port is that of the one connection
        for path, candidate in self.local:
            if path == pair.path and (candidate.address, candidate.port) == mapped:
                return candidate
        return reflexive_candidate(pair.base, mapped)

    # Pairs ---------------------------------------------------------------------------------

    def learn(self, generation: Generation, check: CheckRequest, now: float) -> Pair | None:
        """The pair that a check of the peer came over, made with a new candidate if need be."""
        host, port = check.address
        base = self.bases.get(check.path)
        transport = "udp" if base is None else base.transport
        remote = generation.remote_candidates.get((transport, check.address)) or Candidate(
            foundation=foundation("prflx", host, transport),
            component=1,
            transport=transport,
            priority=check.priority,
            address=host,
            port=port,
            type="prflx",
        )
        return self._pair(generation, check.path, check.address, remote, now)

    def confirm(self, pair: Pair, now: float) -> None:
        """A pair has been proved to work."""
        pair.heard = pair.validated = True
        pair.state = PairState.SUCCEEDED
        pair.answered_at = now
        pair.unanswered_since = NEVER
        pair.consent_expires = now + self._options.consent_timeout
        pair.next_consent = now + self.checks.consent_pause()
        pair.generation.first_valid_at = min(pair.generation.first_valid_at, now)

    def fail(self, pair: Pair) -> None:
        """A pair does not work, or not any more."""
        self.checks.drop(pair)
        pair.state = PairState.FAILED
        self.selection.drop(pair)

    def prune_backups(self) -> None:
        """Give up the working pairs beyond the few that are kept."""
        for pair in self.selection.surplus(self.newest):
            self.fail(pair)

    def consent_due(self, pair: Pair, last_heard: float) -> float:
        """When to check a working pair again (RFC 7675 section 5.1).

        Args:
            pair: The pair.
            last_heard: When anything authenticated last came from the peer.
        """
        if self._lite or not pair.is_valid:
            return NEVER
        if pair is self.selection.carrier:
            return min(pair.next_consent, last_heard + self._options.silence_probe)
        return pair.next_consent if pair.generation is self.active else NEVER

    def pairs_deadline(self, last_heard: float) -> float:
        """When the first check or consent of any pair is due or runs out."""
        deadline = NEVER
        for generation in self.generations:
            for pair in generation.pairs.values():
                if pair.is_valid:
                    deadline = min(deadline, pair.consent_expires)
                if pair.check is None:
                    deadline = min(deadline, self.consent_due(pair, last_heard))
                else:
                    deadline = min(deadline, pair.check.next_send, pair.check.expires)
        return deadline

    def has_path(self, path: int) -> bool:
        """Whether checks may come over a path: a socket of ours, or a stream that we opened."""
        return path in self.bases or any(
            pair.path == path
            for generation in self.generations
            for pair in generation.pairs.values()
        )

    def is_validated(self, path: int, address: Address) -> bool:
        """Whether a check was answered from there; if we are lite: whether one came from there."""
        pairs = [generation.pairs.get((path, address)) for generation in self.generations]
        return any(pair is not None and pair.validated for pair in pairs)

    def is_heard(self, path: int, address: Address) -> bool:
        """Whether an authenticated check, perhaps a replayed one, came from that address."""
        pairs = [generation.pairs.get((path, address)) for generation in self.generations]
        return any(pair is not None and pair.heard for pair in pairs)

    def is_repeated_from_elsewhere(self, check: CheckRequest) -> bool:
        """Whether the same check came from another address before; remembers new ones."""
        origin = (check.path, check.address)
        first = self._origins.setdefault(check.message.transaction_id, origin)
        if len(self._origins) > self._options.max_remembered_checks:
            del self._origins[next(iter(self._origins))]
        return first != origin

    def _pair_all(
        self, generation: Generation, address: Address, remote: Candidate, now: float
    ) -> None:
        for path in self.bases:
            if not self._lite or (path, address) in generation.pairs:
                self._pair(generation, path, address, remote, now)

    def _pair(
        self, generation: Generation, path: int, address: Address, remote: Candidate, now: float
    ) -> Pair | None:
        """The pair of a path and a remote address, made if the limits allow."""
        pair = generation.pairs.get((path, address))
        if pair is not None:
            if pair.remote.type == "prflx":  # learned from a check before it was signalled
                pair.remote = remote
                pair.rank(self.checks.role)
            return pair
        base = self.bases.get(path)
        if base is None or (":" in base.address) != (":" in address[0]):
            return None
        if base.transport != remote.transport:
            return None
        pair = Pair(path, address, base, remote, generation, base)
        if base.tcp_type == "active":
            if generation.has_pair(base, address):
                return None
            pair.dialled_from, pair.path = path, self._new_path()
        if not generation.add_pair(pair, self.checks.role):
            self._stats.dropped_limit += 1
            return None
        generation.changed_at = now
        return pair


def _is_reachable(candidate: Candidate) -> bool:
    """Whether one can send to a candidate of the peer: not if it is the one who connects."""
    if candidate.is_stream and candidate.tcp_type != "passive":
        return False
    return candidate.transport in ("udp", "tcp") and candidate.port != 0

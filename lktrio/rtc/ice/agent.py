"""The ICE agent: finds a network path to the peer and keeps proving that it works.

Theory of operation
-------------------

Local sockets (paths) and remote candidates make *pairs*. Each pair is checked with an
authenticated STUN request; the first goes out at once, the others at a pace. A check of the peer
is answered and triggers one of ours on the same pair, so a pair works in both directions before
it is used. The controlling side nominates one working pair with USE-CANDIDATE: at once when it
joins two host candidates, after a short hold otherwise. Until then traffic uses any valid pair.

From then on the same machinery keeps the pair alive. A consent check goes out every few seconds
(RFC 7675), or sooner when the peer is silent, and is retransmitted until answered. No answer for
30 seconds ends the consent and with it all sending. A few other working pairs are kept as backup.
Data that was authenticated by another layer counts as a sign of life (`on_traffic`), never as
consent.

A restart opens a new *generation* (`ice_pairs.Generation`). The old one keeps answering and its
selected pair keeps carrying traffic until a pair of the new one is selected.

A *lite* agent never asks: a pair is valid as soon as an authenticated check arrived on it, and
USE-CANDIDATE selects the first one. To every other one it moves only when something that DTLS or
SRTP authenticated has come from there since it was nominated.

What is not authenticated changes nothing and is not answered. Requests are authenticated with our
own password, so checks that arrive before the peer's credentials are answered too and remembered.
An authentic request can be a replayed one: it makes us ask back, and only the answer, which has a
transaction id that nobody could know before, makes us believe in its address. A lite agent has
nothing but requests: it takes each of them from the first address it comes from only, as far as it
remembers, and moves on the word of other layers.

Implements RFC 8445 (full and lite, one component, one check list, regular nomination), RFC 8838
(trickle), RFC 7675 (consent), RFC 8421 through the callers' priorities, the nomination value of
draft-thatcher-ice-renomination as the controlled side, RFC 6544 (TCP) without simultaneous open.
Multicast names are ignored. Two lite agents do not connect.
"""

from __future__ import annotations

from collections import deque

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.base import NEVER, Address, RandomBytes, Transmit
from lktrio.rtc.ice.candidate import Candidate
from lktrio.rtc.ice.dialling import Dialling
from lktrio.rtc.ice.health import judge, next_change
from lktrio.rtc.ice.messages import (
    CheckRequest,
    build_error,
    build_success,
    read_mapped_address,
    read_request,
    remote_credentials,
)
from lktrio.rtc.ice.nomination import accepts_nomination, choose_pair, next_decision
from lktrio.rtc.ice.options import (
    DEFAULT_OPTIONS,
    IceEvent,
    IceOptions,
    IceRole,
    IceState,
    IceStateChanged,
    IceStats,
    PairSelected,
)
from lktrio.rtc.ice.pacing import TokenBucket
from lktrio.rtc.ice.pairs import Check, Generation, Pair, PairState
from lktrio.rtc.ice.schedule import CheckSchedule
from lktrio.rtc.ice.session import IceSession
from lktrio.rtc.ice.stun import StunClass, StunMessage, StunMethod
from lktrio.rtc.paths import NewPath, StreamRequest, path_numbers

__all__ = ["IceAgent"]

_BAD_REQUEST = 400
_FORBIDDEN = 403  # RFC 7675 section 5.2: consent revoked
_UNKNOWN_ATTRIBUTE = 420
_ROLE_CONFLICT = 487

_SILENT = frozenset((IceState.DISCONNECTED, IceState.FAILED))


class IceAgent:
    """One ICE agent with one component and one check list.

    Args:
        role: Controlling if we made the first offer. A lite agent is always controlled, and an
            agent whose peer is lite always controlling.
        random: Source of credentials, tie-breaker and transaction ids.
        lite: Only answer checks. For servers with a public address.
        options: Timing and limits.
        new_path: Numbers the streams that are wanted; None for numbers of the agent's own.

    Attributes:
        out: Datagrams to send; swap it out whole after every call.
        streams: TCP connections to open and to close; swap it out whole after every call.
        events: `IceStateChanged` and `PairSelected`; swap it out whole after every call.
        stats: Counters.
        lite: As given.
        options: As given.
    """

    def __init__(
        self,
        *,
        role: IceRole,
        random: RandomBytes,
        lite: bool = False,
        options: IceOptions = DEFAULT_OPTIONS,
        new_path: NewPath | None = None,
    ) -> None:
        self.out: list[Transmit] = []
        self.streams: list[StreamRequest] = []
        self.events: deque[IceEvent] = deque()
        self.stats = IceStats()
        self.lite = lite
        self.options = options
        role = IceRole.CONTROLLED if lite else role
        self._session = IceSession(
            role, random, options, self.stats, lite=lite, new_path=new_path or path_numbers()
        )
        self._dialling = Dialling(options.max_streams)
        self._checks = self._session.checks
        self._selection = self._session.selection
        self._schedule = CheckSchedule(options)
        self._state = IceState.NEW
        self._error_bucket = TokenBucket(1 / options.max_error_rate, options.max_error_rate)
        self._last_heard = -NEVER
        self._deadline = NEVER

    # What the agent is ---------------------------------------------------------------------

    @property
    def local_ufrag(self) -> str:
        """Our current user name fragment; changes with a restart."""
        return self._session.newest.local.ufrag

    @property
    def local_pwd(self) -> str:
        """Our current password; changes with a restart."""
        return self._session.newest.local.pwd

    @property
    def local_candidates(self) -> tuple[Candidate, ...]:
        """Our candidates, in the order they were added."""
        return tuple(candidate for _, candidate in self._session.local)

    @property
    def state(self) -> IceState:
        """The current state; `IceStateChanged` tells of each change."""
        return self._state

    @property
    def selected(self) -> Pair | None:
        """The nominated pair that carries traffic, or None."""
        return self._selection.selected

    @property
    def role(self) -> IceRole:
        """Our role. May be set while the peer's credentials are not known, also after `restart`.

        Raises:
            LocalProtocolError: Set while checks are under way.
        """
        return self._checks.role

    @role.setter
    def role(self, role: IceRole) -> None:
        if self._session.newest.remote is not None:
            raise LocalProtocolError("the ICE role is fixed once checks have begun; restart first")
        self._session.set_role(IceRole.CONTROLLED if self.lite else role)

    @property
    def round_trip_time(self) -> float | None:
        """Smoothed round trip of the pair that carries traffic, in seconds, or None."""
        return None if self._selection.carrier is None else self._selection.carrier.round_trip

    @property
    def has_pending_restart(self) -> bool:
        """Whether a restart waits for the peer's new credentials."""
        return self._session.has_pending_restart

    @property
    def has_path(self) -> bool:
        """Whether there is anywhere to send to."""
        return self._selection.carrier is not None

    def send_path(self) -> tuple[int, Address] | None:
        """Path and address to send to: the selected pair, else the best valid one, else None."""
        return None if self._selection.carrier is None else self._selection.carrier.key

    def is_validated(self, path: int, address: Address) -> bool:
        """Whether an authenticated answer to a check of ours came from that address.

        The gate for what nothing else authenticates, such as a DTLS handshake. A check *from* an
        address proves nothing, because anybody who has seen one can replay it; only a lite agent,
        which asks nothing, has to make do with that.
        """
        return self._session.is_validated(path, address)

    def is_heard(self, path: int, address: Address) -> bool:
        """Whether an authenticated check came from that address, perhaps a replayed one.

        The gate for what authenticates itself: it lets the peer use a path at once.
        """
        return self._session.is_heard(path, address)

    # Local side ----------------------------------------------------------------------------

    def add_local_candidate(self, candidate: Candidate, path: int, now: float) -> None:
        """Add a candidate of ours.

        Args:
            candidate: A host (or relayed) candidate makes the path usable; a reflexive one is
                only listed, because checks are sent from its host candidate. For an active TCP
                candidate, `streams` asks for connections from there.
            path: The driver's number of the socket.
            now: Seconds.

        Raises:
            LocalProtocolError: The agent is closed.
        """
        self._demand_open()
        self._session.add_local(candidate, path, now)
        self._advance(now)

    def remove_path(self, path: int, now: float) -> None:
        """A socket is gone: forget its candidates and pairs."""
        self._session.remove_path(path, now)
        self._advance(now)

    def stream_opened(self, path: int, now: float) -> None:
        """A connection that was asked for is there; not told of one that was withdrawn."""
        pair = self._dialling.opened(path)
        if pair is not None and pair.state is PairState.IN_PROGRESS:
            self._start(pair, now)
        self._advance(now)

    def stream_closed(self, path: int, now: float) -> None:
        """A connection could not be opened, or has ended."""
        pair = self._dialling.closed(path)
        if pair is not None:
            self._session.fail(pair)
        self._advance(now)

    def restart(self, now: float) -> None:
        """Begin an ICE restart: new local credentials, to be sent in an offer.

        Checks of the new generation begin with `set_remote_credentials`. Until a pair of it is
        selected, the old selected pair carries the traffic (RFC 8445 section 9).

        Raises:
            LocalProtocolError: The agent is closed.
        """
        self._demand_open()
        self._session.restart()
        self._advance(now)

    def close(self) -> None:
        """Stop everything. Nothing is sent and nothing is due afterwards."""
        for generation in self._session.generations:
            self._session.cancel_checks(generation)
        self._schedule.clear()
        self._selection.clear()
        self.streams += self._dialling.close_all()
        self._deadline = NEVER
        self._set_state(IceState.CLOSED)

    # Remote side ---------------------------------------------------------------------------

    def set_remote_credentials(
        self, ufrag: str, pwd: str, now: float, lite: bool = False, *, keep_local: bool = False
    ) -> bool:
        """The peer's credentials, from its description.

        Credentials that differ from the current ones are a restart by the peer, unless they
        answer ours: the local credentials then change too and must be sent to it. The same
        credentials again change nothing.

        Args:
            ufrag: User name fragment.
            pwd: Password.
            now: Seconds.
            lite: Whether the description says ``a=ice-lite``; makes us controlling.
            keep_local: Whether the peer knows our current credentials, and will get no others,
                because it answers an offer: what another host does that takes its place.

        Returns:
            Whether the peer restarted, so that `local_ufrag` and `local_pwd` are new unless kept.

        Raises:
            RemoteProtocolError: They are not valid credentials (RFC 8839 section 5.4).
            LocalProtocolError: The agent is closed.
        """
        self._demand_open()
        credentials = remote_credentials(ufrag, pwd)
        if self._session.newest.remote == credentials:
            return False
        restarted = self._session.newest.remote is not None
        if restarted:
            self._session.restart(keep_local=keep_local)
        if lite and not self.lite:
            self._session.set_role(IceRole.CONTROLLING)
        for check in self._session.begin(credentials, lite, now):
            self._on_check(self._session.newest, check, now)
        self._advance(now)
        return restarted

    def abandon_old_paths(self, now: float) -> None:
        """Another host has taken the peer's place in a restart: the old path leads nowhere."""
        self._session.abandon_older()
        self._advance(now)

    def add_remote_candidate(self, candidate: Candidate, now: float) -> None:
        """A candidate of the peer, before or after its credentials.

        One that names another generation with ``ufrag`` waits for that generation's credentials,
        or is ignored when it is old. Active TCP, names such as ``.local`` and component 2 are
        ignored.
        """
        self._session.add_remote(candidate, now)
        self._advance(now)

    def end_of_candidates(self, now: float) -> None:
        """The peer has told all its candidates (RFC 8838 section 13)."""
        self._session.newest.has_all_candidates = True
        self._advance(now)

    # Input from the network ------------------------------------------------------------------

    def receive(self, data: bytes, path: int, address: Address, now: float) -> None:
        """Take a STUN datagram (first byte 0 to 3). What is not acceptable is counted and dropped.

        Args:
            data: The datagram.
            path: Where it arrived.
            address: Where it came from.
            now: Seconds.
        """
        if self._state is IceState.CLOSED:
            return
        try:
            message = StunMessage.parse(data)
            if message.method != StunMethod.BINDING:
                raise RemoteProtocolError("not a STUN binding message")
            if self._dispatch(message, path, address, now):
                self._advance(now)
        except RemoteProtocolError:
            self.stats.dropped_malformed += 1

    def on_traffic(self, now: float, source: tuple[int, Address]) -> None:
        """Another layer authenticated a packet: a sign of life, but not consent.

        Args:
            now: Seconds.
            source: Path and address that it came from.
        """
        self._last_heard = now
        pair = self._selection.awaited
        moved = pair is not None and pair.key == source
        if moved and pair is not None:
            self._session.confirm(pair, now)
            self._select(pair)
        if moved or self._state in _SILENT:
            self._advance(now)

    def _dispatch(self, message: StunMessage, path: int, address: Address, now: float) -> bool:
        """Handle a binding message; whether it was authentic, so that something may be due."""
        if message.message_class is StunClass.INDICATION:
            self.stats.indications += 1
            return False  # a keepalive: not authenticated, so it tells nothing
        if not message.has_fingerprint or not message.has_integrity:
            self.stats.dropped_unauthenticated += 1
            return False
        if message.message_class is StunClass.REQUEST:
            return self._on_request(message, path, address, now)
        return self._on_response(message, path, address, now)

    def _on_request(self, message: StunMessage, path: int, address: Address, now: float) -> bool:
        request = read_request(message, path, address)
        generation = self._session.addressee(request)
        if generation is None or not self._session.has_path(path):
            self.stats.dropped_stale += 1
            return False
        key = generation.local.pwd.encode()
        if not message.verify(key):
            self.stats.dropped_unauthenticated += 1
            return False
        if generation.failed and not generation.revive(now):
            self.stats.dropped_stale += 1
            return False
        self.stats.requests_received += 1
        error = self._refusal(request, generation)
        if error:
            self._respond_error(request, error, key, now)
            return True
        self.out.append((path, address, build_success(request, key)))
        self.stats.responses_sent += 1
        if generation.remote is None:
            self._session.remember(generation, request)
        elif self.lite and self._session.is_repeated_from_elsewhere(request):
            self.stats.dropped_replayed += 1
        else:
            self._on_check(generation, request, now)
        return True

    def _refusal(self, request: CheckRequest, generation: Generation) -> int:
        """The error code for an authenticated request, or 0. May change our role."""
        if request.unknown:
            return _UNKNOWN_ATTRIBUTE
        if not request.priority:
            return _BAD_REQUEST
        if generation.remote is None or request.role is not self._checks.role:
            return 0  # before the peer's description, our role is not final
        self.stats.role_conflicts += 1
        ours_wins = self._checks.tie_breaker >= request.tie_breaker
        if ours_wins == (self._checks.role is IceRole.CONTROLLING):
            return _ROLE_CONFLICT
        return 0 if self._session.switch_role(generation) else _ROLE_CONFLICT

    def _respond_error(self, request: CheckRequest, code: int, key: bytes, now: float) -> None:
        if not self._error_bucket.take(now):
            self.stats.errors_suppressed += 1
            return
        self.out.append((request.path, request.address, build_error(request, code, key)))
        self.stats.errors_sent += 1

    def _on_check(self, generation: Generation, check: CheckRequest, now: float) -> None:
        pair = generation.pairs.get((check.path, check.address))
        if pair is None and generation is self._session.active:
            pair = self._session.learn(generation, check, now)
        if pair is None:
            return
        pair.heard = True
        if pair.is_valid or self.lite:
            self._last_heard = now
        if self.lite:
            self._session.confirm(pair, now)
            if check.nominates and self._selection.may_follow(pair):
                self._select(pair)
            return
        if check.nominates and self._checks.role is IceRole.CONTROLLED:
            self._on_nomination(pair, check.nomination, now)
        if not pair.is_valid and generation is self._session.active:
            self._trigger(pair, now)

    def _on_nomination(self, pair: Pair, value: int | None, now: float) -> None:
        accepted = accepts_nomination(pair, self._selection.selected, value, now)
        if accepted and pair.is_valid:
            self._select(pair)
        elif accepted:
            pair.nominate_on_success = True

    def _select(self, pair: Pair) -> None:
        """Let a valid pair carry the traffic; everything older has served its time."""
        if pair is self._selection.selected:
            return
        self._selection.select(pair)
        self.events.append(PairSelected(pair.path, pair.address, pair.local, pair.remote))
        if pair.generation is self._session.newest:
            self._session.retire_generations()

    def _on_response(self, message: StunMessage, path: int, address: Address, now: float) -> bool:
        pair = self._checks.match(message.transaction_id, path, address)
        if pair is None or pair.check is None or pair.generation.remote is None:
            self.stats.dropped_stale += 1
            return False
        if not message.verify(pair.generation.remote.pwd.encode()):
            self.stats.dropped_unauthenticated += 1
            return False
        if message.message_class is StunClass.SUCCESS:
            self._on_success(message, pair, pair.check, now)
        else:
            self._on_error(message, pair, pair.check, now)
        return True

    def _on_success(self, message: StunMessage, pair: Pair, check: Check, now: float) -> None:
        mapped = read_mapped_address(message)
        self.stats.responses_received += 1
        self._last_heard = now
        self._checks.measure(pair, check, now)
        self._checks.drop(pair)
        pair.local = self._session.as_seen(pair, mapped)
        self._session.confirm(pair, now)
        if self._checks.role is IceRole.CONTROLLING:
            if check.nominates and pair is self._selection.nominated:
                self._select(pair)
        elif pair.nominate_on_success:
            pair.nominate_on_success = False
            if accepts_nomination(pair, self._selection.selected, None, now):
                self._select(pair)

    def _on_error(self, message: StunMessage, pair: Pair, check: Check, now: float) -> None:
        error = message.get_error()
        if error is None:
            raise RemoteProtocolError("a STUN error response lacks ERROR-CODE")
        self.stats.responses_received += 1
        self._checks.drop(pair)
        pair.unanswered_since = NEVER
        pair.next_consent = now + self._checks.consent_pause()
        if error[0] == _ROLE_CONFLICT:
            self.stats.role_conflicts += 1
            stale = check.role is not self._checks.role
            if (stale or self._session.switch_role(pair.generation)) and not pair.is_valid:
                self._trigger(pair, now)
                return
        if not pair.is_valid or error[0] == _FORBIDDEN:
            self._session.fail(pair)

    # Time ----------------------------------------------------------------------------------

    def next_timer(self) -> float:
        """When `handle_timer` is to be called next."""
        return self._deadline

    def handle_timer(self, now: float) -> None:
        """Repeat checks, renew consent, notice what has run out."""
        if self._state is IceState.CLOSED:
            return
        for generation in self._session.generations:
            for pair in generation.pairs.values():
                self._service(pair, now)
        self._advance(now)

    def _service(self, pair: Pair, now: float) -> None:
        check = pair.check
        if pair.is_valid and now >= pair.consent_expires:
            self._session.fail(pair)
        elif check is None:
            if now >= self._session.consent_due(pair, self._last_heard):
                self._start(pair, now)
        elif now >= check.expires:
            if pair.is_valid:
                self._start(pair, now)  # a consent check goes on under a new transaction id
            else:
                self._session.fail(pair)
        elif now >= check.next_send:
            self._emit(self._checks.send(pair, check, now))

    def _start(self, pair: Pair, now: float) -> None:
        if pair.dialled_from is not None and not self._dialling.is_open(pair):
            self._dial(pair)
            return
        if not pair.is_valid:
            pair.state = PairState.IN_PROGRESS
        self._emit(self._checks.start(pair, now, nominate=pair is self._selection.nominated))

    def _dial(self, pair: Pair) -> None:
        """Ask for the stream of a pair, whose check begins when it is there."""
        pair.state = PairState.IN_PROGRESS
        if not self._dialling.dial(pair):
            self._session.fail(pair)
            self.stats.dropped_limit += 1

    def _emit(self, transmit: Transmit) -> None:
        self.out.append(transmit)
        self.stats.requests_sent += 1

    def _trigger(self, pair: Pair, now: float) -> None:
        """Check a pair soon (RFC 8445 section 7.3.1.4)."""
        if pair.state is PairState.IN_PROGRESS and pair.check is not None:
            self._checks.hasten(pair, now)
            return
        self._schedule.trigger(pair)

    def _advance(self, now: float) -> None:
        """After any input: send what is due, nominate, and settle state and deadline."""
        generation = self._session.active
        if generation is not None and not generation.failed and not self.lite:
            for pair in self._schedule.take(generation, now):
                self._start(pair, now)
            self._nominate(generation, now)
        self._session.prune_backups()
        self.streams += self._dialling.settle(self._session.generations)
        self._selection.update_carrier(self._session.generations, now)
        self._update_state(generation, now)
        self._update_deadline(generation, now)

    def _nominate(self, generation: Generation, now: float) -> None:
        if self._checks.role is not IceRole.CONTROLLING:
            return
        nominated = self._selection.nominated
        pair = choose_pair(generation, nominated, now, self.options)
        if pair is not None and pair is not nominated:
            self._selection.nominated = pair
            self._start(pair, now)
            if nominated is not None and nominated.check is not None:
                self._start(nominated, now)  # repeated, the old check would nominate it again
        elif nominated is not None and nominated.is_unresponsive(now, self.options.unresponsive):
            for backup in generation.valid_pairs():
                if backup.check is None:
                    self._start(backup, now)

    def _update_state(self, generation: Generation | None, now: float) -> None:
        if generation is None or self._state is IceState.CLOSED:
            return
        state = judge(generation, self._last_heard, now, self.options, lite=self.lite)
        generation.failed = state is IceState.FAILED and not generation.works
        self._set_state(state)

    def _set_state(self, state: IceState) -> None:
        if state is not self._state:
            self._state = state
            self.events.append(IceStateChanged(state))

    def _update_deadline(self, generation: Generation | None, now: float) -> None:
        deadline = self._session.pairs_deadline(self._last_heard)
        if generation is not None and not generation.failed:
            deadline = min(deadline, self._list_deadline(generation, now))
        self._deadline = deadline

    def _list_deadline(self, generation: Generation, now: float) -> float:
        deadline = next_change(
            generation, self._state, self._last_heard, self.options, lite=self.lite
        )
        if self.lite:
            return deadline
        deadline = min(deadline, self._schedule.next_timer(generation, now))
        if self._checks.role is IceRole.CONTROLLING:
            nominated = self._selection.nominated
            deadline = min(deadline, next_decision(generation, nominated, now, self.options))
        return deadline

    def _demand_open(self) -> None:
        if self._state is IceState.CLOSED:
            raise LocalProtocolError("the ICE agent is closed; make a new one")

"""The transactions of the ICE agent: which checks are out, and when to repeat them.

Theory of operation
-------------------

A check is one STUN transaction. Its request is made once and repeated unchanged, with growing
pauses, so that any response to any repetition counts. Which pauses, and when to give up, depends
on what the check is for:

- an ordinary check starts from a short timeout, because the peer is usually near and an early
  packet is often dropped by a NAT that was not open yet;
- one over TCP is not repeated, as TCP does that (RFC 6544 section 7.1);
- a consent check waits a little longer than the known round trip, and lives until the next
  consent check replaces it with a fresh transaction id (RFC 7675 section 5.1).

Responses are matched by transaction id, and must come from where the request went.

Implements RFC 8489 section 6.2.1 (with timers of its own) and RFC 8445 section 14.3.
"""

from __future__ import annotations

from lktrio.rtc.base import NEVER, Address, RandomBytes, Transmit
from lktrio.rtc.ice.messages import build_check
from lktrio.rtc.ice.options import IceOptions, IceRole
from lktrio.rtc.ice.pairs import Check, Pair
from lktrio.rtc.ice.stun import TRANSACTION_ID_SIZE

__all__ = ["CheckTable"]

_CONSENT_MARGIN = 0.1  # seconds above the round trip, before a consent check is repeated
_CONSENT_VARIATION = 0.2  # RFC 7675 section 5.1: 0.8 to 1.2 times the interval
_SMOOTHING = 0.125  # of the round trip, as in RFC 6298


class CheckTable:
    """All transactions of one agent.

    Attributes:
        role: Our role in the requests that are made from now on.
        tie_breaker: 64 random bits for role conflicts.
        best_round_trip: The shortest seen, or None.
    """

    def __init__(self, role: IceRole, random: RandomBytes, options: IceOptions) -> None:
        self.role = role
        self.tie_breaker = int.from_bytes(random(8), "big")
        self.best_round_trip: float | None = None
        self._random = random
        self._options = options
        self._pairs: dict[bytes, Pair] = {}

    def start(self, pair: Pair, now: float, *, nominate: bool) -> Transmit:
        """Begin a check, in place of the one under way on that pair.

        Args:
            pair: A pair of a generation with remote credentials.
            now: Seconds.
            nominate: Whether to add USE-CANDIDATE.

        Returns:
            The first datagram to send.
        """
        self.drop(pair)
        transaction_id = self._random(TRANSACTION_ID_SIZE)
        generation = pair.generation
        if generation.remote is None:
            raise AssertionError("a check needs the credentials of the peer")
        request = build_check(
            transaction_id,
            generation.local,
            generation.remote,
            pair.base,
            self.role,
            self.tie_breaker,
            nominate=nominate,
        )
        lifetime = self.consent_pause() if pair.is_valid else self._options.check_timeout
        pair.check = Check(
            transaction_id=transaction_id,
            request=request,
            role=self.role,
            nominates=nominate,
            started=now,
            expires=now + lifetime,
            timeout=self._first_timeout(pair),
            next_send=now,
        )
        self._pairs[transaction_id] = pair
        pair.unanswered_since = min(pair.unanswered_since, now)
        return self.send(pair, pair.check, now)

    def send(self, pair: Pair, check: Check, now: float) -> Transmit:
        """Send a check once more and set its next repetition."""
        check.sends += 1
        check.last_sent = now
        check.next_send = NEVER if pair.is_stream else now + check.timeout
        check.timeout = min(
            check.timeout * self._options.retransmission_factor, self._longest_timeout(pair)
        )
        return pair.path, pair.address, check.request

    def hasten(self, pair: Pair, now: float) -> None:
        """Repeat a check soon: the peer was just heard, so a NAT may have opened."""
        if pair.check is not None and not pair.is_stream:
            earliest = max(now, pair.check.last_sent + self._options.initial_retransmission)
            pair.check.next_send = min(pair.check.next_send, earliest)

    def match(self, transaction_id: bytes, path: int, address: Address) -> Pair | None:
        """The pair whose check a response answers, or None."""
        pair = self._pairs.get(transaction_id)
        return pair if pair is not None and pair.key == (path, address) else None

    def drop(self, pair: Pair) -> None:
        """Forget the check of a pair."""
        if pair.check is not None:
            del self._pairs[pair.check.transaction_id]
            pair.check = None

    def measure(self, pair: Pair, check: Check, now: float) -> None:
        """Learn the round trip from a response.

        A repeated check only gives an upper bound, which serves until something better is known.
        """
        sample = now - check.started
        if pair.round_trip is None:
            pair.round_trip = sample
        elif check.sends == 1:
            pair.round_trip += _SMOOTHING * (sample - pair.round_trip)
        if self.best_round_trip is None or pair.round_trip < self.best_round_trip:
            self.best_round_trip = pair.round_trip

    def consent_pause(self) -> float:
        """Seconds to the next consent check, drawn at random (RFC 7675 section 5.1)."""
        fraction = int.from_bytes(self._random(2), "big") / 0xFFFF
        return self._options.consent_interval * (1 + _CONSENT_VARIATION * (2 * fraction - 1))

    def _first_timeout(self, pair: Pair) -> float:
        shortest = self._options.initial_retransmission
        if pair.round_trip is not None:
            return max(shortest, pair.round_trip + _CONSENT_MARGIN)
        return max(shortest, 2 * (self.best_round_trip or 0.0))

    def _longest_timeout(self, pair: Pair) -> float:
        return max(self._options.max_retransmission, self._first_timeout(pair))

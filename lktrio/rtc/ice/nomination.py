"""Which pair carries the traffic: the decisions of the controlling and of the controlled side.

Theory of operation
-------------------

The controlling side nominates once (regular nomination): the best pair that works, at once when
both candidates are host candidates, after a hold otherwise, because a more direct pair may be
about to succeed (a pair over TCP has waited before it was checked). It changes its mind only for a
more direct pair, or when the nominated one does not answer while another does.

The controlled side follows. Some peers put USE-CANDIDATE on every check they send, so in the
beginning a pair of lower priority is not accepted, unless the request carries a nomination value,
with which the peer says that it means it.

Implements RFC 8445 sections 8.1.1 and 7.3.1.5, and the controlled side of
draft-thatcher-ice-renomination.
"""

from __future__ import annotations

from lktrio.rtc.base import NEVER
from lktrio.rtc.ice.options import IceOptions
from lktrio.rtc.ice.pairs import Generation, Pair

__all__ = ["accepts_nomination", "choose_pair", "next_decision"]

_SETTLING_TIME = 2.0
"""Seconds after the first working pair, from which on the peer may select a worse one. Peers that
nominate every pair they check do so in the beginning."""


def next_decision(
    generation: Generation, nominated: Pair | None, now: float, options: IceOptions
) -> float:
    """When `choose_pair` may answer differently by the passing of time alone."""
    if nominated is None:
        return _nomination_due(generation, options)
    doubted = nominated.unanswered_since + options.unresponsive
    return doubted if now < doubted else NEVER


def _nomination_due(generation: Generation, options: IceOptions) -> float:
    valid = generation.valid_pairs()
    if not valid:
        return NEVER
    holds = (options.host_hold, options.reflexive_hold, options.host_hold, options.relay_hold)
    return generation.first_valid_at + holds[min(pair.directness for pair in valid)]


def choose_pair(
    generation: Generation, nominated: Pair | None, now: float, options: IceOptions
) -> Pair | None:
    """The pair that the controlling side should nominate now.

    Args:
        generation: The generation under way.
        nominated: What was nominated in it before, or None.
        now: Seconds.
        options: Holds and limits.

    Returns:
        A pair to nominate, or None to leave things as they are.
    """
    valid = generation.valid_pairs()
    if not valid:
        return None
    answering = [pair for pair in valid if not pair.is_unresponsive(now, options.unresponsive)]
    best = min(
        answering or valid, key=lambda pair: pair.directness
    )  # the first of these has most priority
    if nominated is None or not nominated.is_valid:
        return best if now >= _nomination_due(generation, options) else None
    if best.directness < nominated.directness:
        return best
    if nominated.is_unresponsive(now, options.unresponsive):
        return _replacement(valid, nominated)
    return None


def _replacement(valid: list[Pair], nominated: Pair) -> Pair | None:
    for pair in valid:
        if pair is not nominated and pair.answered_at >= nominated.unanswered_since:
            return pair
    return None


def accepts_nomination(pair: Pair, selected: Pair | None, value: int | None, now: float) -> bool:
    """Whether the controlled side follows a nomination.

    Args:
        pair: The nominated pair.
        selected: The pair in use, or None.
        value: The nomination value of the request, or None.
        now: Seconds.
    """
    if value is not None:
        newest = value >= pair.generation.highest_nomination
        pair.generation.highest_nomination = max(value, pair.generation.highest_nomination)
        return newest
    if selected is None or selected.generation is not pair.generation or not selected.is_valid:
        return True
    return (
        pair.priority >= selected.priority or now >= pair.generation.first_valid_at + _SETTLING_TIME
    )

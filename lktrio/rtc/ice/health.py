"""How an ICE agent is doing: its state, and when that may change without any input.

Theory of operation
-------------------

An agent is connected while a pair of its active generation works, and disconnected when nothing
authenticated was heard for some seconds although it works on paper, and failed when that lasts
(5 s and 15 s; a lite agent: 10 s and 15 s). Until the consent of the peer has expired (30 s, RFC
7675), it may come back by itself from both. Without a working pair it is checking, until it gives
up: when every pair has failed and the peer has no more candidates, or when nothing new has come up
for a while (RFC 8838 section 8.1: the end of candidates may never be told). That is final for a
generation in which a pair has worked, whose checks are not answered any more; in another one a
check of the peer begins it anew. A restart makes a new one.

::

    NEW            no generation is active: one side's credentials are missing
    CHECKING       no pair has worked yet
    CONNECTED      a pair works, and the peer was heard lately
    DISCONNECTED   a pair works and the peer is silent, or none works any more and there is hope
    FAILED         no pair works, and none will; or the silence has lasted
    CLOSED         the user ended the agent; every other state follows from what is known

Implements RFC 8445 section 6.1.2.5 (states, reduced to one list) and the states of W3C WebRTC
section 5.6.4 without ``completed``.
"""

from __future__ import annotations

from lktrio.rtc.base import NEVER
from lktrio.rtc.ice.options import IceOptions, IceState
from lktrio.rtc.ice.pairs import Generation

__all__ = ["judge", "next_change"]


def judge(
    generation: Generation, last_heard: float, now: float, options: IceOptions, *, lite: bool
) -> IceState:
    """The state that the active generation gives its agent.

    Args:
        generation: The active generation.
        last_heard: When anything authenticated last came from the peer.
        now: Seconds.
        options: Timing.
        lite: Whether our agent is lite.
    """
    if generation.failed:
        return IceState.FAILED
    if generation.works:
        if now >= last_heard + options.failed_timeout:
            return IceState.FAILED
        silent = now >= last_heard + _silence_limit(options, lite=lite)
        return IceState.DISCONNECTED if silent else IceState.CONNECTED
    if not generation.is_hopeful and now >= _gives_up_at(generation, options, lite=lite):
        return IceState.FAILED
    once_worked = generation.first_valid_at != NEVER
    return IceState.DISCONNECTED if once_worked else IceState.CHECKING


def next_change(
    generation: Generation, state: IceState, last_heard: float, options: IceOptions, *, lite: bool
) -> float:
    """When `judge` may say something else by the passing of time alone."""
    if generation.works and state is IceState.CONNECTED:
        return last_heard + _silence_limit(options, lite=lite)
    if generation.works and state is IceState.DISCONNECTED:
        return last_heard + options.failed_timeout
    if not generation.failed and not generation.is_hopeful:
        return _gives_up_at(generation, options, lite=lite)
    return NEVER


def _silence_limit(options: IceOptions, *, lite: bool) -> float:
    """Seconds of silence after which an agent is disconnected."""
    return options.lite_disconnected_timeout if lite else options.disconnected_timeout


def _gives_up_at(generation: Generation, options: IceOptions, *, lite: bool) -> float:
    if generation.has_all_candidates and generation.pairs:
        return -NEVER
    patience = options.consent_timeout if lite else options.patience
    return generation.changed_at + patience

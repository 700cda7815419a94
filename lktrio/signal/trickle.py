"""The parts of signalling that concern peer connections: candidates and the ids of offers.

A candidate travels as the JSON of the W3C's ``RTCIceCandidateInit`` in a TrickleRequest, whose
target says which peer connection is meant; with a single one it is always PUBLISHER. LiveKit's
server never sends an empty candidate: it marks the last one ``final``. It is not sent an empty one
or a null ``sdpMid`` either, because other implementations of either side do not accept them.

Offers are numbered per peer connection and offerer, from 1, starting afresh with a new session. An
answer carries the number of its offer; 0 stands for "not numbered".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from lktrio import proto
from lktrio.errors import RemoteProtocolError

__all__ = ["OfferNumbers", "TrickledCandidate", "parse_trickle", "trickle_request"]

_MAX_JSON = 16 * 1024  # a candidate is a line of a session description; see webrtc limits


@dataclass(frozen=True, slots=True)
class TrickledCandidate:
    """One ICE candidate on its way."""

    candidate: str
    """``candidate:…``; empty: no more candidates will come."""
    mid: str | None
    """The section it belongs to, if the sender said so."""
    line_index: int | None
    """The number of that section, if the sender said so."""
    username_fragment: str | None
    """The generation of ICE credentials it belongs to, if the sender said so."""
    target: proto.SignalTarget
    """Which of the server's peer connections: PUBLISHER is the one that we offer on."""
    final: bool
    """Whether this is the last one."""


def parse_trickle(request: proto.TrickleRequest) -> TrickledCandidate:
    """Read a trickled candidate.

    Raises:
        RemoteProtocolError: Its JSON is not an ``RTCIceCandidateInit``.
    """
    if len(request.candidateInit) > _MAX_JSON:
        raise RemoteProtocolError("a trickled candidate is too long")
    try:
        values: Any = json.loads(request.candidateInit)
    except (ValueError, RecursionError) as error:
        raise RemoteProtocolError("a trickled candidate is not JSON") from error
    if not isinstance(values, dict):
        raise RemoteProtocolError("a trickled candidate is not an object")
    return TrickledCandidate(
        candidate=_member(values, "candidate", str) or "",
        mid=_member(values, "sdpMid", str),
        line_index=_member(values, "sdpMLineIndex", int),
        username_fragment=_member(values, "usernameFragment", str),
        target=request.target,
        final=request.final,
    )


def _member(values: Any, name: str, kind: type) -> Any:
    value = values.get(name)
    if value is not None and type(value) is not kind:
        raise RemoteProtocolError(f"{name} of a trickled candidate has the wrong type")
    return value


def trickle_request(
    candidate: str,
    *,
    mid: str,
    line_index: int = 0,
    username_fragment: str | None = None,
    target: proto.SignalTarget = proto.SignalTarget.PUBLISHER,
    final: bool = False,
) -> proto.SignalRequest:
    """Make the request that tells the server one of our candidates.

    Args:
        candidate: ``candidate:…``, not empty.
        mid: The section it belongs to: the first of the bundle.
        line_index: The number of that section.
        username_fragment: Our ICE user name fragment of its generation.
        target: Which of the server's peer connections it is for.
        final: Whether it is the last one.
    """
    if not candidate:
        raise ValueError("an empty candidate is not sent: mark the last one final")
    text = json.dumps(
        {
            "candidate": candidate,
            "sdpMid": mid,
            "sdpMLineIndex": line_index,
            "usernameFragment": username_fragment,
        },
        separators=(",", ":"),
    )
    trickle = proto.TrickleRequest(candidateInit=text, target=target, final=final)
    return proto.SignalRequest(trickle=trickle)


class OfferNumbers:
    """The numbers of our offers on one peer connection."""

    def __init__(self) -> None:
        self.latest = 0

    def next(self) -> int:
        """The number for a new offer."""
        self.latest += 1
        return self.latest

    def answers_latest(self, answer: proto.SessionDescription) -> bool:
        """Whether an answer is to the latest offer; an older one is to be ignored."""
        return answer.id in (0, self.latest)

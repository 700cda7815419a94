"""Signalling: LiveKit's WebSocket protocol as a participant speaks it."""

from __future__ import annotations

from lktrio._timeouts import Timeouts
from lktrio.signal.client import LeaveReceived, MakeOffer, open_signal
from lktrio.signal.connection import LinkEnd, SignalConnection, SignalStatistics
from lktrio.signal.options import Resume, SignalOptions, SignalVersion
from lktrio.signal.trickle import OfferNumbers, TrickledCandidate, parse_trickle, trickle_request

__all__ = [
    "LeaveReceived",
    "LinkEnd",
    "MakeOffer",
    "OfferNumbers",
    "Resume",
    "SignalConnection",
    "SignalOptions",
    "SignalStatistics",
    "SignalVersion",
    "Timeouts",
    "TrickledCandidate",
    "open_signal",
    "parse_trickle",
    "trickle_request",
]

"""ICE (RFC 8445, RFC 8838): the network path to the peer, found, proved and kept, without I/O.

``IceAgent`` is one end; ``stun`` and ``candidate`` are what goes over the wire and the signalling.
"""

from __future__ import annotations

from lktrio.rtc.ice.agent import IceAgent
from lktrio.rtc.ice.options import (
    IceEvent,
    IceOptions,
    IceRole,
    IceState,
    IceStateChanged,
    IceStats,
    PairSelected,
)
from lktrio.rtc.ice.pairs import Pair

__all__ = [
    "IceAgent",
    "IceEvent",
    "IceOptions",
    "IceRole",
    "IceState",
    "IceStateChanged",
    "IceStats",
    "Pair",
    "PairSelected",
]

"""Identifiers as LiveKit's server makes them: a prefix that tells the kind, and random characters.

Clients rely on the prefixes: Rust's panics on a participant that is not ``PA_…``.
"""

from __future__ import annotations

import secrets

from lktrio import proto

__all__ = [
    "new_dispatch_id",
    "new_event_id",
    "new_node_id",
    "new_participant_sid",
    "new_room_sid",
    "new_track_sid",
]

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"  # no 0 O 1 I l
_LENGTH = 12

_SOURCE_LETTERS = {
    proto.TrackSource.CAMERA: "C",
    proto.TrackSource.MICROPHONE: "M",
    proto.TrackSource.SCREEN_SHARE: "S",
    proto.TrackSource.SCREEN_SHARE_AUDIO: "s",
}


def _random() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def new_room_sid() -> str:
    """``RM_…``."""
    return f"RM_{_random()}"


def new_participant_sid() -> str:
    """``PA_…``."""
    return f"PA_{_random()}"


def new_track_sid(kind: proto.TrackType, source: proto.TrackSource) -> str:
    """``TR_`` with letters for kind and source, or ``DTR_`` for a data track."""
    if kind is proto.TrackType.DATA:
        return f"DTR_{_random()}"
    letter = "V" if kind is proto.TrackType.VIDEO else "A"
    return f"TR_{letter}{_SOURCE_LETTERS.get(source, '')}{_random()}"


def new_node_id() -> str:
    """``ND_…``."""
    return f"ND_{_random()}"


def new_dispatch_id() -> str:
    """``AD_…``."""
    return f"AD_{_random()}"


def new_event_id() -> str:
    """``EV_…``."""
    return f"EV_{_random()}"

"""Identifiers as LiveKit's server makes them: a prefix that tells the kind, and random characters.

The randomness is an argument, so that a simulated network makes the same ones each time. Clients
rely on the prefixes: Rust's panics on a participant that is not ``PA_…``.
"""

from __future__ import annotations

from lktrio import proto
from lktrio.rtc.base import RandomBytes

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
_RANDOM_LENGTH = 16  # bytes, many more than the characters can tell apart

_SOURCE_LETTERS = {
    proto.TrackSource.CAMERA: "C",
    proto.TrackSource.MICROPHONE: "M",
    proto.TrackSource.SCREEN_SHARE: "S",
    proto.TrackSource.SCREEN_SHARE_AUDIO: "s",
}


def _characters(random: RandomBytes) -> str:
    number = int.from_bytes(random(_RANDOM_LENGTH), "big")
    characters = ""
    for _ in range(_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        characters += _ALPHABET[index]
    return characters


def new_room_sid(random: RandomBytes) -> str:
    """``RM_…``."""
    return f"RM_{_characters(random)}"


def new_participant_sid(random: RandomBytes) -> str:
    """``PA_…``."""
    return f"PA_{_characters(random)}"


def new_track_sid(kind: proto.TrackType, source: proto.TrackSource, random: RandomBytes) -> str:
    """``TR_`` with letters for kind and source, or ``DTR_`` for a data track."""
    if kind is proto.TrackType.DATA:
        return f"DTR_{_characters(random)}"
    letter = "V" if kind is proto.TrackType.VIDEO else "A"
    return f"TR_{letter}{_SOURCE_LETTERS.get(source, '')}{_characters(random)}"


def new_node_id(random: RandomBytes) -> str:
    """``ND_…``."""
    return f"ND_{_characters(random)}"


def new_dispatch_id(random: RandomBytes) -> str:
    """``AD_…``."""
    return f"AD_{_characters(random)}"


def new_event_id(random: RandomBytes) -> str:
    """``EV_…``."""
    return f"EV_{_characters(random)}"

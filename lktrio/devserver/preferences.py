"""What a client wants of the tracks of others: which it receives, and how.

It may say so of tracks that are not there yet. What one session may keep is bounded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from lktrio import proto
from lktrio.devserver.limits import MAX_LISTED, is_sid

__all__ = ["DEFAULT_SETTINGS", "Preferences", "TrackSettings"]

T = TypeVar("T")

_NOT_FOUND_AFTER = 60.0  # seconds for which a subscription waits for its track


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """How a client wants a track; LiveKit's ``UpdateTrackSettings`` without what is not used."""

    disabled: bool = False
    """Whether it does not want to see it now."""
    quality: proto.VideoQuality = proto.VideoQuality.HIGH
    """Which quality it wants, if it names no size."""
    width: int = 0
    """Width of its picture in pixels, 0 if it does not say."""
    height: int = 0
    """Height of its picture in pixels, 0 if it does not say."""


DEFAULT_SETTINGS = TrackSettings()
"""What a client wants of a track of which it says nothing."""


class Preferences:
    """What one client wants.

    Args:
        auto_subscribe: Whether it wants the tracks of which it says nothing.
        unset: How it wants those.
    """

    def __init__(self, *, auto_subscribe: bool, unset: TrackSettings = DEFAULT_SETTINGS) -> None:
        self._auto_subscribe = auto_subscribe
        self._unset = unset
        self._wanted: dict[str, bool] = {}
        self._settings: dict[str, TrackSettings] = {}
        self._missing_since: dict[str, float] = {}

    def subscribe(self, sids: Iterable[str], wanted: bool, now: float) -> None:
        """Note which tracks it wants, or does not."""
        for sid in filter(is_sid, sids):
            _keep(self._wanted, sid, wanted)
            self._missing_since.pop(sid, None)
            if wanted:
                _keep(self._missing_since, sid, now)

    def set_up(self, sid: str, settings: TrackSettings) -> None:
        """Note how it wants a track."""
        if is_sid(sid):
            _keep(self._settings, sid, settings)

    def wants(self, sid: str) -> bool:
        """Whether it wants a track."""
        return self._wanted.get(sid, self._auto_subscribe)

    def settings(self, sid: str) -> TrackSettings:
        """How it wants a track."""
        return self._settings.get(sid, self._unset)

    def found(self, sids: Collection[str]) -> None:
        """Note which tracks there are."""
        for sid in [sid for sid in self._missing_since if sid in sids]:
            del self._missing_since[sid]

    def take_missing(self, now: float) -> list[str]:
        """The tracks that it has waited for in vain, each once."""
        missing = [s for s, since in self._missing_since.items() if now - since >= _NOT_FOUND_AFTER]
        for sid in missing:
            del self._missing_since[sid]
        return missing


def _keep(kept: dict[str, T], sid: str, value: T) -> None:
    """Keep a value for a track; of too many the oldest is forgotten."""
    kept[sid] = value
    if len(kept) > MAX_LISTED:
        del kept[next(iter(kept))]

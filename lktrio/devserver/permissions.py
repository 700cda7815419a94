"""By whom a participant lets its tracks be received, if it says so."""

from __future__ import annotations

from typing import Protocol

from lktrio import proto
from lktrio.devserver.limits import MAX_LISTED, fits, is_sid

__all__ = ["SubscriptionPermissions", "TrackSubscriber"]


class TrackSubscriber(Protocol):
    """Who wants to receive a track."""

    @property
    def sid(self) -> str:
        """``PA_…``."""
        ...

    @property
    def identity(self) -> str:
        """Unique within the room."""
        ...

    @property
    def is_recorder(self) -> bool:
        """Whether it records the room, and receives everything."""
        ...


class SubscriptionPermissions:
    """The rules of one publisher; until it gives some, everybody may receive everything."""

    def __init__(self) -> None:
        self._rules: dict[str, frozenset[str] | None] | None = None

    def replace(self, rules: proto.SubscriptionPermission) -> None:
        """Take other rules in place of those that there are.

        Of more than `MAX_LISTED` rules, or tracks in all of them, the rest is left out.
        """
        self._rules = None
        if rules.all_participants:
            return
        left = MAX_LISTED
        self._rules = {}
        for rule in rules.track_permissions[:MAX_LISTED]:
            subscriber = rule.participant_identity or rule.participant_sid
            if fits(subscriber):
                sids = frozenset(filter(is_sid, rule.track_sids[:left]))
                left -= len(sids)
                self._rules[subscriber] = None if rule.all_tracks else sids

    def permit(self, subscriber: TrackSubscriber, sid: str) -> bool:
        """Whether somebody may receive a track."""
        if self._rules is None or subscriber.is_recorder:
            return True
        nothing: frozenset[str] = frozenset()
        permitted = self._rules.get(subscriber.identity, self._rules.get(subscriber.sid, nothing))
        return permitted is None or sid in permitted

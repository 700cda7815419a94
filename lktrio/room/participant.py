"""The people in a room, remote ones and ourselves, as snapshots of what the server told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar

from lktrio import proto
from lktrio.room.events import (
    ParticipantActive,
    ParticipantAttributesChanged,
    ParticipantMetadataChanged,
    ParticipantNameChanged,
    ParticipantPermissionsChanged,
    RoomEvent,
)
from lktrio.room.publication import (
    RemoteTrackPublication,
    TrackPublication,
)

__all__ = ["Participant", "ParticipantPermissions", "RemoteParticipant"]

P = TypeVar("P", bound=TrackPublication)

_STATES = {
    proto.ParticipantInfo.State.JOINING: "joining",
    proto.ParticipantInfo.State.JOINED: "joined",
    proto.ParticipantInfo.State.ACTIVE: "active",
    proto.ParticipantInfo.State.DISCONNECTED: "disconnected",
}


@dataclass(frozen=True, slots=True)
class ParticipantPermissions:
    """What a participant may do, by its token or as changed since."""

    can_subscribe: bool = True
    """Receive tracks."""
    can_publish: bool = True
    """Publish tracks."""
    can_publish_data: bool = True
    """Send data."""
    can_publish_sources: tuple[str, ...] = ()
    """Sources that it may publish; empty for any."""
    can_update_metadata: bool = False
    """Change its own name, metadata and attributes."""
    hidden: bool = False
    """Not shown to others."""

    @classmethod
    def from_proto(cls, permission: proto.ParticipantPermission) -> ParticipantPermissions:
        """Take over LiveKit's message."""
        return cls(
            can_subscribe=permission.can_subscribe,
            can_publish=permission.can_publish,
            can_publish_data=permission.can_publish_data,
            can_publish_sources=tuple(
                (source.name or "unknown").lower() for source in permission.can_publish_sources
            ),
            can_update_metadata=permission.can_update_metadata,
            hidden=permission.hidden,
        )

    def allows_source(self, source: str) -> bool:
        """Whether a track of this source may be published."""
        return self.can_publish and (
            not self.can_publish_sources or source in self.can_publish_sources
        )


class Participant(Generic[P]):
    """Somebody in the room. Attributes are a snapshot, changed before the event is delivered."""

    def __init__(self, info: proto.ParticipantInfo) -> None:
        self.info = info
        """LiveKit's message about the participant, as it last was."""
        self.permissions = _permissions(info)
        """What it may do."""
        self.is_speaking = False
        """Whether it speaks now, in the server's judgement."""
        self.audio_level = 0.0
        """Loudness while it speaks, 0 to 1."""
        self.connection_quality = "excellent"
        """``"poor"``, ``"good"``, ``"excellent"`` or ``"lost"``, in the server's judgement."""
        self._publications: dict[str, P] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.identity!r} {self.sid} {self.state}>"

    @property
    def sid(self) -> str:
        """SID of this stay in the room, ``PA_…``."""
        return self.info.sid

    @property
    def identity(self) -> str:
        """Identity from the token, unique in the room."""
        return self.info.identity

    @property
    def name(self) -> str:
        """Display name, may be empty."""
        return self.info.name

    @property
    def metadata(self) -> str:
        """Metadata, opaque to LiveKit."""
        return self.info.metadata

    @property
    def attributes(self) -> Mapping[str, str]:
        """Attributes, a read-only view."""
        return MappingProxyType(self.info.attributes)

    @property
    def state(self) -> str:
        """``"joining"``, ``"joined"``, ``"active"`` or ``"disconnected"``."""
        return _STATES.get(self.info.state, "joining")

    @property
    def kind(self) -> str:
        """``"standard"``, ``"ingress"``, ``"egress"``, ``"sip"``, ``"agent"``, ..."""
        return (self.info.kind.name or "standard").lower()

    @property
    def joined_at(self) -> float:
        """Unix time of joining in seconds, with milliseconds where the server gives them."""
        return self.info.joined_at_ms / 1000 or float(self.info.joined_at)

    @property
    def track_publications(self) -> Mapping[str, P]:
        """Its published tracks by SID, a read-only view."""
        return MappingProxyType(self._publications)

    def add_publication(self, publication: P) -> None:
        """Note a track."""
        self._publications[publication.sid] = publication

    def remove_publication(self, sid: str) -> P | None:
        """Forget a track and return it."""
        return self._publications.pop(sid, None)

    def update(self, info: proto.ParticipantInfo) -> list[RoomEvent]:
        """Take over newer information.

        Returns:
            Events for what changed, tracks apart. Nothing when ``info`` is older than what we have
            (``ParticipantInfo.version`` grows for one SID).
        """
        before, self.info = self.info, info
        self.permissions = _permissions(info)
        events: list[RoomEvent] = []
        if info.name != before.name:
            events.append(ParticipantNameChanged(self, before.name))
        if info.metadata != before.metadata:
            events.append(ParticipantMetadataChanged(self, before.metadata))
        if info.attributes != before.attributes:
            changed = _changed_attributes(before.attributes, info.attributes)
            events.append(ParticipantAttributesChanged(self, changed))
        if _permissions(before) != self.permissions:
            events.append(ParticipantPermissionsChanged(self))
        active = proto.ParticipantInfo.State.ACTIVE
        if info.state == active and before.state != active:
            events.append(ParticipantActive(self))
        return events

    def is_stale(self, info: proto.ParticipantInfo) -> bool:
        """Whether ``info`` is about this stay and older than what we have."""
        return info.sid == self.sid and info.version < self.info.version


class RemoteParticipant(Participant[RemoteTrackPublication]):
    """Somebody else in the room."""

    def __init__(self, info: proto.ParticipantInfo) -> None:
        super().__init__(info)
        self.was_here = False  # whether the server has told of this stay


def _permissions(info: proto.ParticipantInfo) -> ParticipantPermissions:
    if info.permission is None:
        return ParticipantPermissions()
    return ParticipantPermissions.from_proto(info.permission)


def _changed_attributes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    return changed | {key: "" for key in before if key not in after}

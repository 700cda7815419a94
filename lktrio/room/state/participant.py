"""The people in a room, remote ones and the local one, as snapshots of what the server told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, TypeVar

from lktrio import proto
from lktrio.room.state.publication import TrackPublication

__all__ = ["Participant", "ParticipantPermissions", "ParticipantRecord"]

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
    def from_proto(cls, permission: proto.ParticipantPermission | None) -> ParticipantPermissions:
        """Take over LiveKit's message; without one everything usual is allowed."""
        if permission is None:
            return cls()
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


@dataclass(slots=True, eq=False)
class ParticipantRecord(Generic[P]):
    """What the state keeps of a participant."""

    info: proto.ParticipantInfo
    """LiveKit's message about the participant, as it last was."""
    permissions: ParticipantPermissions = field(init=False)
    """What it may do, by ``info``."""
    is_speaking: bool = False
    """Whether it speaks now, in the server's judgement."""
    audio_level: float = 0.0
    """Loudness while it speaks, 0 to 1."""
    connection_quality: str = "excellent"
    """``"poor"``, ``"good"``, ``"excellent"`` or ``"lost"``, in the server's judgement."""
    publications: dict[str, P] = field(default_factory=dict[str, P])
    """The views of its tracks by SID."""

    def __post_init__(self) -> None:
        self.update(self.info)

    def update(self, info: proto.ParticipantInfo) -> None:
        """Take over newer information."""
        self.info = info
        self.permissions = ParticipantPermissions.from_proto(info.permission)

    @property
    def is_active(self) -> bool:
        """Whether its media connection is up."""
        return self.info.state == proto.ParticipantInfo.State.ACTIVE

    def is_stale(self, info: proto.ParticipantInfo) -> bool:
        """Whether ``info`` is about this session and older (its version grows for one SID)."""
        return info.sid == self.info.sid and info.version < self.info.version


class Participant(Generic[P]):
    """Somebody in the room. Attributes are a snapshot, changed before the event is delivered."""

    def __init__(self, record: ParticipantRecord[P]) -> None:
        self._record = record

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.identity!r} {self.sid} {self.state}>"

    @property
    def info(self) -> proto.ParticipantInfo:
        """LiveKit's message about the participant, as it last was."""
        return self._record.info

    @property
    def sid(self) -> str:
        """SID of this session in the room, ``PA_…``; a participant who comes back has another."""
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
    def permissions(self) -> ParticipantPermissions:
        """What it may do."""
        return self._record.permissions

    @property
    def is_speaking(self) -> bool:
        """Whether it speaks now, in the server's judgement."""
        return self._record.is_speaking

    @property
    def audio_level(self) -> float:
        """Loudness while it speaks, 0 to 1."""
        return self._record.audio_level

    @property
    def connection_quality(self) -> str:
        """``"poor"``, ``"good"``, ``"excellent"`` or ``"lost"``, in the server's judgement."""
        return self._record.connection_quality

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
        return MappingProxyType(self._record.publications)

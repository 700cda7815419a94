"""The people in a room, remote ones and the local one, as snapshots of what the server told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from lktrio import proto
from lktrio._text import printable
from lktrio.room.state.agents import AgentAttributes
from lktrio.room.state.enums import (
    ConnectionQuality,
    ParticipantKind,
    ParticipantState,
    TrackSource,
)
from lktrio.room.state.publication import TrackPublication

__all__ = ["Participant", "ParticipantPermissions", "ParticipantRecord", "ParticipantWaits"]

P = TypeVar("P", bound=TrackPublication)


@dataclass(frozen=True, slots=True)
class ParticipantPermissions:
    """What a participant may do, by its token or as changed since."""

    can_subscribe: bool = True
    """Receive tracks."""
    can_publish: bool = True
    """Publish tracks."""
    can_publish_data: bool = True
    """Send data."""
    can_publish_sources: tuple[TrackSource, ...] = ()
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
            can_publish_sources=tuple(map(TrackSource.from_proto, permission.can_publish_sources)),
            can_update_metadata=permission.can_update_metadata,
            hidden=permission.hidden,
        )

    def allows_source(self, source: TrackSource | str) -> bool:
        """Whether a track of this source may be published."""
        return self.can_publish and (
            not self.can_publish_sources or TrackSource(source) in self.can_publish_sources
        )


class ParticipantWaits(Protocol):
    """Who waits for what participants do."""

    async def wait_active(self, participant: Participant[Any]) -> None:
        """Wait until a participant can receive; see ``Participant.wait_active``."""
        ...


@dataclass(slots=True, eq=False)
class ParticipantRecord(Generic[P]):
    """What the state keeps of a participant."""

    info: proto.ParticipantInfo
    """LiveKit's message about the participant, as it last was."""
    waits: ParticipantWaits
    """Who waits for what it does."""
    permissions: ParticipantPermissions = field(init=False)
    """What it may do, by ``info``."""
    is_speaking: bool = False
    """Whether it speaks now, in the server's judgement."""
    audio_level: float = 0.0
    """Loudness while it speaks, 0 to 1."""
    connection_quality: ConnectionQuality = ConnectionQuality.EXCELLENT
    """The server's judgement of its connection."""
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
        return f"<{type(self).__name__} {self.identity!r} {printable(self.sid)} {self.state}>"

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
    def connection_quality(self) -> ConnectionQuality:
        """The server's judgement of its connection."""
        return self._record.connection_quality

    @property
    def state(self) -> ParticipantState:
        """Where it is in its life."""
        return ParticipantState.from_proto(self.info.state)

    @property
    def kind(self) -> ParticipantKind:
        """What sort of participant it is."""
        return ParticipantKind.from_proto(self.info.kind)

    @property
    def agent(self) -> AgentAttributes | None:
        """What it tells about itself as an agent; None for who is none."""
        by_grant = self.info.permission is not None and self.info.permission.agent
        if self.kind is not ParticipantKind.AGENT and not by_grant:
            return None
        return AgentAttributes.from_attributes(self.info.attributes)

    @property
    def joined_at(self) -> float:
        """Unix time of joining in seconds, with milliseconds where the server gives them."""
        return self.info.joined_at_ms / 1000 or float(self.info.joined_at)

    @property
    def track_publications(self) -> Mapping[str, P]:
        """Its published tracks by SID, a read-only view."""
        return MappingProxyType(self._record.publications)

    def get_track_publication(
        self, *, source: TrackSource | str | None = None, name: str | None = None
    ) -> P | None:
        """The first published track that has this source and this name, or None.

        Args:
            source: Where its media comes from, such as ``TrackSource.CAMERA``; None for any.
            name: The name that the publisher gave; None for any.

        Raises:
            ValueError: There is no such source.
        """
        wanted = None if source is None else TrackSource(source)
        for publication in self._record.publications.values():
            if wanted in (None, publication.source) and name in (None, publication.name):
                return publication
        return None

    async def wait_active(self) -> None:
        """Wait until its media connection is up: what is sent from then on can be received.

        Returns at once if that is so.

        Raises:
            RoomClosed: The room has ended.
            trio.BrokenResourceError: The participant has left.
        """
        await self._record.waits.wait_active(self)

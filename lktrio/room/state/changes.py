"""What changed about a participant, as events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lktrio import proto
from lktrio.room.state.events import (
    ParticipantActive,
    ParticipantAttributesChanged,
    ParticipantMetadataChanged,
    ParticipantNameChanged,
    ParticipantPermissionsChanged,
    RoomEvent,
)
from lktrio.room.state.participant import Participant, ParticipantPermissions

__all__ = ["participant_changes"]


def participant_changes(
    participant: Participant[Any], before: proto.ParticipantInfo, after: proto.ParticipantInfo
) -> Iterator[RoomEvent]:
    """The events for what changed about a participant, tracks apart."""
    if after.name != before.name:
        yield ParticipantNameChanged(participant, before.name)
    if after.metadata != before.metadata:
        yield ParticipantMetadataChanged(participant, before.metadata)
    if after.attributes != before.attributes:
        changed = _changed_attributes(before.attributes, after.attributes)
        yield ParticipantAttributesChanged(participant, changed)
    if _permissions(before) != _permissions(after):
        yield ParticipantPermissionsChanged(participant)
    active = proto.ParticipantInfo.State.ACTIVE
    if after.state == active and before.state != active:
        yield ParticipantActive(participant)


def _permissions(info: proto.ParticipantInfo) -> ParticipantPermissions:
    return ParticipantPermissions.from_proto(info.permission)


def _changed_attributes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    return changed | {key: "" for key in before if key not in after}

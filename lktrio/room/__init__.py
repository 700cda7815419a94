"""What a participant sees: room, participants, publications, tracks, data and events."""

from __future__ import annotations

from lktrio.room.broadcast import Subscription
from lktrio.room.context import RoomContext, current_room
from lktrio.room.frames import MediaChannel
from lktrio.room.local_participant import LocalParticipant
from lktrio.room.options import RoomOptions, Timeouts
from lktrio.room.participant import Participant, ParticipantPermissions, RemoteParticipant
from lktrio.room.publication import (
    LocalTrackPublication,
    RemoteTrackPublication,
    TrackPublication,
)
from lktrio.room.room import Room, connect_room, open_room
from lktrio.room.track import LocalTrack, RemoteTrack

__all__ = [
    "LocalParticipant",
    "LocalTrack",
    "LocalTrackPublication",
    "MediaChannel",
    "Participant",
    "ParticipantPermissions",
    "RemoteParticipant",
    "RemoteTrack",
    "RemoteTrackPublication",
    "Room",
    "RoomContext",
    "RoomOptions",
    "Subscription",
    "Timeouts",
    "TrackPublication",
    "connect_room",
    "current_room",
    "open_room",
]

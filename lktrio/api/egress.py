"""Egress: recording and streaming of rooms (livekit_egress.proto)."""

# One line per method, whatever its length, is what makes the table readable.
# ruff: noqa: E501

from __future__ import annotations

from lktrio import proto

from ._grants import ROOM_RECORD
from ._twirp import Service, method

__all__ = ["EgressService"]


# fmt: off
class EgressService(Service):
    """Recording and streaming of rooms, participants, tracks and web pages."""

    service_name = "Egress"

    start_egress = method("StartEgress", proto.StartEgressRequest, proto.EgressInfo, ROOM_RECORD)
    start_room_composite_egress = method("StartRoomCompositeEgress", proto.RoomCompositeEgressRequest, proto.EgressInfo, ROOM_RECORD)
    start_web_egress = method("StartWebEgress", proto.WebEgressRequest, proto.EgressInfo, ROOM_RECORD)
    start_participant_egress = method("StartParticipantEgress", proto.ParticipantEgressRequest, proto.EgressInfo, ROOM_RECORD)
    start_track_composite_egress = method("StartTrackCompositeEgress", proto.TrackCompositeEgressRequest, proto.EgressInfo, ROOM_RECORD)
    start_track_egress = method("StartTrackEgress", proto.TrackEgressRequest, proto.EgressInfo, ROOM_RECORD)
    update_layout = method("UpdateLayout", proto.UpdateLayoutRequest, proto.EgressInfo, ROOM_RECORD)
    update_stream = method("UpdateStream", proto.UpdateStreamRequest, proto.EgressInfo, ROOM_RECORD)
    list_egress = method("ListEgress", proto.ListEgressRequest, proto.ListEgressResponse, ROOM_RECORD)
    stop_egress = method("StopEgress", proto.StopEgressRequest, proto.EgressInfo, ROOM_RECORD)
# fmt: on

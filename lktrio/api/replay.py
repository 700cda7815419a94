"""Replay: stored sessions of LiveKit Cloud (cloud_replay.proto).

LiveKit does not document which grant the service asks for. The tokens made here have the one of
egress; a ready-made token can hold any other.
"""

# One line per method, whatever its length, is what makes the table readable.
# ruff: noqa: E501

from __future__ import annotations

from lktrio import proto

from ._grants import ROOM_RECORD
from ._twirp import Service, method

__all__ = ["ReplayService"]


# fmt: off
class ReplayService(Service):
    """Stored sessions: listing them, playing them into rooms, exporting and deleting them."""

    service_name = "Replay"

    list_replays = method("ListReplays", proto.ListReplaysRequest, proto.ListReplaysResponse, ROOM_RECORD)
    playback = method("Playback", proto.PlaybackRequest, proto.PlaybackResponse, ROOM_RECORD)
    seek = method("Seek", proto.SeekRequest, proto.Empty, ROOM_RECORD)
    close = method("Close", proto.ClosePlaybackRequest, proto.Empty, ROOM_RECORD)
    export = method("Export", proto.ExportReplayRequest, proto.EgressInfo, ROOM_RECORD)
    delete_replay = method("DeleteReplay", proto.DeleteReplayRequest, proto.Empty, ROOM_RECORD)
# fmt: on

"""Replay: stored sessions of LiveKit Cloud (cloud_replay.proto).

LiveKit does not document which grant the service asks for. The tokens made here hold none, as those
of LiveKit's own tool; a ready-made token can hold any.
"""

# One line per method, whatever its length, is what makes the table readable.
# ruff: noqa: E501

from __future__ import annotations

from lktrio import proto

from ._grants import NO_GRANT
from ._twirp import Service, method

__all__ = ["ReplayService"]


# fmt: off
class ReplayService(Service):
    """Stored sessions: listing them, playing them into rooms, exporting and deleting them."""

    service_name = "Replay"

    list_replays = method("ListReplays", proto.ListReplaysRequest, proto.ListReplaysResponse, NO_GRANT)
    playback = method("Playback", proto.PlaybackRequest, proto.PlaybackResponse, NO_GRANT)
    seek = method("Seek", proto.SeekRequest, proto.Empty, NO_GRANT)
    close = method("Close", proto.ClosePlaybackRequest, proto.Empty, NO_GRANT)
    export = method("Export", proto.ExportReplayRequest, proto.EgressInfo, NO_GRANT)
    delete_replay = method("DeleteReplay", proto.DeleteReplayRequest, proto.Empty, NO_GRANT)
# fmt: on

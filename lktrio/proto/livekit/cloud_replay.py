"""Generated from cloud_replay.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.livekit_models import TokenPagination

__all__ = (
    "ClosePlaybackRequest",
    "DeleteReplayRequest",
    "ListReplaysRequest",
    "ListReplaysResponse",
    "PlaybackRequest",
    "PlaybackResponse",
    "ReplayInfo",
    "SeekRequest",
)


@message
class ListReplaysRequest(Message):
    room_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    page_token: TokenPagination | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class ListReplaysResponse(Message):
    replays: list[ReplayInfo] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)
    next_page_token: TokenPagination | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class ReplayInfo(Message):
    replay_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    start_time: int = betterproto2.field(3, betterproto2.TYPE_INT64)
    duration_ms: int = betterproto2.field(4, betterproto2.TYPE_INT64)


@message
class PlaybackRequest(Message):
    replay_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    playback_room: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    seek_offset_ms: int = betterproto2.field(3, betterproto2.TYPE_INT64)


@message
class PlaybackResponse(Message):
    playback_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class SeekRequest(Message):
    playback_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    seek_offset_ms: int = betterproto2.field(2, betterproto2.TYPE_INT64)


@message
class ClosePlaybackRequest(Message):
    playback_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class DeleteReplayRequest(Message):
    replay_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)

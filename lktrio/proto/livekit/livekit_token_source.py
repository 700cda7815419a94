"""Generated from livekit_token_source.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.livekit_room import RoomConfiguration

__all__ = ("TokenSourceRequest", "TokenSourceResponse")


@message
class TokenSourceRequest(Message):
    room_name: str | None = betterproto2.field(1, betterproto2.TYPE_STRING, optional=True)
    participant_name: str | None = betterproto2.field(2, betterproto2.TYPE_STRING, optional=True)
    participant_identity: str | None = betterproto2.field(
        3, betterproto2.TYPE_STRING, optional=True
    )
    participant_metadata: str | None = betterproto2.field(
        4, betterproto2.TYPE_STRING, optional=True
    )
    participant_attributes: dict[str, str] = betterproto2.field(
        5,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    room_config: RoomConfiguration | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class TokenSourceResponse(Message):
    server_url: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    participant_token: str = betterproto2.field(2, betterproto2.TYPE_STRING)

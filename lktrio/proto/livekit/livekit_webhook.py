"""Generated from livekit_webhook.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.livekit_agent import Job
from lktrio.proto.livekit.livekit_egress import EgressInfo
from lktrio.proto.livekit.livekit_ingress import IngressInfo
from lktrio.proto.livekit.livekit_models import (
    ParticipantInfo,
    Room,
    RoomEndReason,
    TrackInfo,
)

__all__ = ("WebhookEvent",)


@message
class WebhookEvent(Message):
    event: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    room: Room | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)
    participant: ParticipantInfo | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True
    )
    egress_info: EgressInfo | None = betterproto2.field(9, betterproto2.TYPE_MESSAGE, optional=True)
    ingress_info: IngressInfo | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True
    )
    track: TrackInfo | None = betterproto2.field(8, betterproto2.TYPE_MESSAGE, optional=True)
    job: Job | None = betterproto2.field(12, betterproto2.TYPE_MESSAGE, optional=True)
    id: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    created_at: int = betterproto2.field(7, betterproto2.TYPE_INT64)
    num_dropped: int = betterproto2.field(11, betterproto2.TYPE_INT32)
    room_end_reason: RoomEndReason = betterproto2.field(
        13, betterproto2.TYPE_ENUM, default_factory=lambda: RoomEndReason(0)
    )

"""Generated from livekit_room.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.livekit_agent_dispatch import RoomAgentDispatch
from lktrio.proto.livekit.livekit_egress import (
    AutoParticipantEgress,
    AutoTrackEgress,
    RoomCompositeEgressRequest,
)
from lktrio.proto.livekit.livekit_models import (
    DataPacket,
    ParticipantInfo,
    ParticipantPermission,
    ParticipantTracks,
    Room,
    TrackInfo,
)

__all__ = (
    "CreateRoomRequest",
    "DeleteRoomRequest",
    "DeleteRoomResponse",
    "ForwardParticipantRequest",
    "ForwardParticipantResponse",
    "ListParticipantsRequest",
    "ListParticipantsResponse",
    "ListRoomsRequest",
    "ListRoomsResponse",
    "MoveParticipantRequest",
    "MoveParticipantResponse",
    "MuteRoomTrackRequest",
    "MuteRoomTrackResponse",
    "PerformRpcRequest",
    "PerformRpcResponse",
    "RemoveParticipantResponse",
    "RoomAgent",
    "RoomConfiguration",
    "RoomEgress",
    "RoomParticipantIdentity",
    "SendDataRequest",
    "SendDataResponse",
    "UpdateParticipantRequest",
    "UpdateRoomMetadataRequest",
    "UpdateSubscriptionsRequest",
    "UpdateSubscriptionsResponse",
)


@message
class CreateRoomRequest(Message):
    name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    room_preset: str = betterproto2.field(12, betterproto2.TYPE_STRING)
    empty_timeout: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    departure_timeout: int = betterproto2.field(10, betterproto2.TYPE_UINT32)
    max_participants: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
    node_id: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    tags: dict[str, str] = betterproto2.field(
        15,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    egress: RoomEgress | None = betterproto2.field(6, betterproto2.TYPE_MESSAGE, optional=True)
    min_playout_delay: int = betterproto2.field(7, betterproto2.TYPE_UINT32)
    max_playout_delay: int = betterproto2.field(8, betterproto2.TYPE_UINT32)
    sync_streams: bool = betterproto2.field(9, betterproto2.TYPE_BOOL)
    replay_enabled: bool = betterproto2.field(13, betterproto2.TYPE_BOOL)
    agents: list[RoomAgentDispatch] = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class RoomEgress(Message):
    room: RoomCompositeEgressRequest | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True
    )
    participant: AutoParticipantEgress | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True
    )
    tracks: AutoTrackEgress | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)


@message
class RoomAgent(Message):
    dispatches: list[RoomAgentDispatch] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class ListRoomsRequest(Message):
    names: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)


@message
class ListRoomsResponse(Message):
    rooms: list[Room] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class DeleteRoomRequest(Message):
    room: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class DeleteRoomResponse(Message):
    pass


@message
class ListParticipantsRequest(Message):
    room: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class ListParticipantsResponse(Message):
    participants: list[ParticipantInfo] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class RoomParticipantIdentity(Message):
    room: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    revoke_token_ts: int = betterproto2.field(3, betterproto2.TYPE_INT64)


@message
class RemoveParticipantResponse(Message):
    pass


@message
class MuteRoomTrackRequest(Message):
    room: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    track_sid: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    muted: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)


@message
class MuteRoomTrackResponse(Message):
    track: TrackInfo | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)


@message
class UpdateParticipantRequest(Message):
    room: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    permission: ParticipantPermission | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True
    )
    name: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    attributes: dict[str, str] = betterproto2.field(
        6,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )


@message
class UpdateSubscriptionsRequest(Message):
    room: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    track_sids: list[str] = betterproto2.field(3, betterproto2.TYPE_STRING, repeated=True)
    subscribe: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)
    participant_tracks: list[ParticipantTracks] = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class UpdateSubscriptionsResponse(Message):
    pass


@message
class SendDataRequest(Message):
    room: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    data: bytes = betterproto2.field(2, betterproto2.TYPE_BYTES)
    kind: DataPacket.Kind = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: DataPacket.Kind(0)
    )
    destination_sids: list[str] = betterproto2.field(4, betterproto2.TYPE_STRING, repeated=True)
    destination_identities: list[str] = betterproto2.field(
        6, betterproto2.TYPE_STRING, repeated=True
    )
    topic: str | None = betterproto2.field(5, betterproto2.TYPE_STRING, optional=True)
    nonce: bytes = betterproto2.field(7, betterproto2.TYPE_BYTES)


@message
class SendDataResponse(Message):
    pass


@message
class UpdateRoomMetadataRequest(Message):
    room: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class RoomConfiguration(Message):
    name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    empty_timeout: int = betterproto2.field(2, betterproto2.TYPE_UINT32)
    departure_timeout: int = betterproto2.field(3, betterproto2.TYPE_UINT32)
    max_participants: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    metadata: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    egress: RoomEgress | None = betterproto2.field(5, betterproto2.TYPE_MESSAGE, optional=True)
    min_playout_delay: int = betterproto2.field(7, betterproto2.TYPE_UINT32)
    max_playout_delay: int = betterproto2.field(8, betterproto2.TYPE_UINT32)
    sync_streams: bool = betterproto2.field(9, betterproto2.TYPE_BOOL)
    agents: list[RoomAgentDispatch] = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, repeated=True
    )
    tags: dict[str, str] = betterproto2.field(
        12,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )


@message
class ForwardParticipantRequest(Message):
    room: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    destination_room: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class ForwardParticipantResponse(Message):
    pass


@message
class MoveParticipantRequest(Message):
    room: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    destination_room: str = betterproto2.field(3, betterproto2.TYPE_STRING)


@message
class MoveParticipantResponse(Message):
    pass


@message
class PerformRpcRequest(Message):
    room: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    destination_identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    method: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    payload: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    response_timeout_ms: int = betterproto2.field(5, betterproto2.TYPE_UINT32)


@message
class PerformRpcResponse(Message):
    payload: str = betterproto2.field(1, betterproto2.TYPE_STRING)

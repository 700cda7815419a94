"""RoomService: what a backend may ask of rooms and participants.

Grants, error codes, texts and limits are those of LiveKit's server, odd ones included: who asks for
somebody who is not there is told so by some methods (``not_found``), by others that nobody
responds (``unavailable``).
"""

from __future__ import annotations

from collections.abc import Mapping

import trio

from lktrio import proto
from lktrio.auth import Claims
from lktrio.devserver.absent_services import NO_EGRESS
from lktrio.devserver.core import ServerCore
from lktrio.devserver.grants import require, require_admin
from lktrio.devserver.http import HttpError
from lktrio.devserver.limits import (
    MAX_ATTRIBUTES,
    MAX_METADATA,
    MAX_NAME,
    attributes_size,
    fits,
)
from lktrio.devserver.participant import ServerParticipant
from lktrio.devserver.room import ServerRoom
from lktrio.devserver.twirp import Method, TwirpError, from_server, nobody_responds

__all__ = ["room_service"]

_NONCE_SIZE = 16

_Reason = proto.DisconnectReason
_Action = proto.LeaveRequest.Action


def _no_room() -> TwirpError:
    return from_server("not_found", "requested room does not exist")


def _no_participant() -> TwirpError:
    return from_server("not_found", "participant does not exist")


def _limit(argument: str, limit: int) -> TwirpError:
    return TwirpError("invalid_argument", f"{argument} {limit}", {"argument": argument})


class _RoomService:
    """The methods of RoomService."""

    def __init__(self, core: ServerCore) -> None:
        self._core = core

    def _find(self, room: str, identity: str) -> ServerParticipant | None:
        found = self._core.rooms.get(room)
        return found.participants.get(identity) if found is not None else None

    def _room(self, name: str) -> ServerRoom:
        room = self._core.rooms.get(name)
        if room is None:
            raise _no_room()
        return room

    async def create_room(self, request: proto.CreateRoomRequest, claims: Claims) -> proto.Room:
        require(claims.video.room_create)
        if not fits(request.name):
            text = f"room name length exceeds limits: max length {MAX_NAME}"
            raise from_server("invalid_argument", text)
        if request.room_preset:
            text = "unknown room configuration in create room request"
            raise from_server("invalid_argument", text)
        if request.egress is not None:
            raise TwirpError("unimplemented", NO_EGRESS)
        if not fits(request.metadata, limit=MAX_METADATA):
            raise _limit("metadata size exceeds limits", MAX_METADATA)
        for agent in request.agents:
            if not fits(agent.metadata, limit=MAX_METADATA):
                raise _limit("metadata size exceeds limits", MAX_METADATA)
            if attributes_size(agent.attributes) > MAX_ATTRIBUTES:
                raise _limit("attribute size exceeds limits", MAX_ATTRIBUTES)
        try:
            room = self._core.create_room(request)
        except HttpError as error:
            raise TwirpError("resource_exhausted", error.text) from None
        await trio.lowlevel.checkpoint()
        return room.info

    async def list_rooms(
        self, request: proto.ListRoomsRequest, claims: Claims
    ) -> proto.ListRoomsResponse:
        require(claims.video.room_list)
        names = set(request.names)
        rooms = [room.info for name, room in self._core.rooms.items() if not names or name in names]
        await trio.lowlevel.checkpoint()
        return proto.ListRoomsResponse(rooms=rooms)

    async def delete_room(
        self, request: proto.DeleteRoomRequest, claims: Claims
    ) -> proto.DeleteRoomResponse:
        require(claims.video.room_create)
        room = self._room(request.room)
        room.close(_Reason.ROOM_DELETED)
        self._core.remove_room(room)
        await trio.lowlevel.checkpoint()
        return proto.DeleteRoomResponse()

    async def update_room_metadata(
        self, request: proto.UpdateRoomMetadataRequest, claims: Claims
    ) -> proto.Room:
        require_admin(claims, request.room)
        if not fits(request.metadata, limit=MAX_METADATA):
            raise _limit("metadata size exceeds limits", MAX_METADATA)
        room = self._room(request.room)
        room.update_metadata(request.metadata)
        await trio.lowlevel.checkpoint()
        return room.info

    async def list_participants(
        self, request: proto.ListParticipantsRequest, claims: Claims
    ) -> proto.ListParticipantsResponse:
        require_admin(claims, request.room)
        room = self._core.rooms.get(request.room)
        found = [p.info for p in room.participants.values()] if room is not None else []
        await trio.lowlevel.checkpoint()
        return proto.ListParticipantsResponse(participants=found)

    async def get_participant(
        self, request: proto.RoomParticipantIdentity, claims: Claims
    ) -> proto.ParticipantInfo:
        require_admin(claims, request.room)
        participant = self._find(request.room, request.identity)
        await trio.lowlevel.checkpoint()
        if participant is None:
            raise _no_participant()
        return participant.info

    async def remove_participant(
        self, request: proto.RoomParticipantIdentity, claims: Claims
    ) -> proto.RemoveParticipantResponse:
        require_admin(claims, request.room)
        participant = self._find(request.room, request.identity)
        if participant is None:
            raise _no_participant()
        participant.leave(_Reason.PARTICIPANT_REMOVED, _Action.DISCONNECT)
        await trio.lowlevel.checkpoint()
        return proto.RemoveParticipantResponse()

    async def mute_published_track(
        self, request: proto.MuteRoomTrackRequest, claims: Claims
    ) -> proto.MuteRoomTrackResponse:
        require_admin(claims, request.room)
        participant = self._find(request.room, request.identity)
        if participant is None:
            raise nobody_responds()
        if not request.muted:
            raise from_server("failed_precondition", "remote unmute not enabled")
        order = proto.MuteTrackRequest(sid=request.track_sid, muted=True)
        participant.send(proto.SignalResponse(mute=order))
        info = participant.uptracks.find_info(request.track_sid)
        if info is not None:
            participant.set_muted(info, True)
        await trio.lowlevel.checkpoint()
        return proto.MuteRoomTrackResponse(track=info)

    async def update_participant(
        self, request: proto.UpdateParticipantRequest, claims: Claims
    ) -> proto.ParticipantInfo:
        require_admin(claims, request.room)
        if not fits(request.name):
            raise _limit("name length exceeds limits", MAX_NAME)
        if not fits(request.metadata, limit=MAX_METADATA):
            raise _limit("metadata size exceeds limits", MAX_METADATA)
        attributes = dict(request.attributes)
        if attributes_size(attributes) > MAX_ATTRIBUTES:
            raise _limit("attribute size exceeds limits", MAX_ATTRIBUTES)
        participant = self._find(request.room, request.identity)
        if participant is None:
            raise _no_participant()
        if request.name or request.metadata or attributes:
            refusal = participant.update(request.name, request.metadata, attributes)
            if refusal is not None:
                raise _limit("attribute size exceeds limits", MAX_ATTRIBUTES)
        if request.permission is not None:
            participant.set_permission(request.permission)
        await trio.lowlevel.checkpoint()
        return participant.info

    async def update_subscriptions(
        self, request: proto.UpdateSubscriptionsRequest, claims: Claims
    ) -> proto.UpdateSubscriptionsResponse:
        require_admin(claims, request.room)
        participant = self._find(request.room, request.identity)
        if participant is None:
            raise nobody_responds()
        sids = list(request.track_sids)
        for group in request.participant_tracks:
            sids += group.track_sids
        participant.downtracks.subscribe(sids, request.subscribe)
        await trio.lowlevel.checkpoint()
        return proto.UpdateSubscriptionsResponse()

    async def send_data(
        self, request: proto.SendDataRequest, claims: Claims
    ) -> proto.SendDataResponse:
        require_admin(claims, request.room)
        size = len(request.nonce)
        if size not in (0, _NONCE_SIZE):
            text = f"nonce should be {_NONCE_SIZE}-bytes or not present, got: {size} bytes"
            raise TwirpError("invalid_argument", text)
        room = self._core.rooms.get(request.room)
        if room is None:
            raise nobody_responds()
        if not room.is_repeated(request.nonce):
            packet = proto.DataPacket(
                kind=request.kind,
                destination_identities=list(request.destination_identities),
                user=proto.UserPacket(
                    payload=request.data,
                    destination_sids=list(request.destination_sids),
                    destination_identities=list(request.destination_identities),
                    topic=request.topic,
                    nonce=request.nonce,
                ),
            )
            lossy = request.kind == proto.DataPacket.Kind.LOSSY
            sids = frozenset(request.destination_sids)
            room.data.deliver(packet, sender=None, lossy=lossy, sids=sids)
        await trio.lowlevel.checkpoint()
        return proto.SendDataResponse()

    async def forward_participant(
        self, request: proto.ForwardParticipantRequest, claims: Claims
    ) -> proto.ForwardParticipantResponse:
        self._check_move(request, claims)
        await trio.lowlevel.checkpoint()
        raise from_server("unknown", "not implemented")

    async def move_participant(
        self, request: proto.MoveParticipantRequest, claims: Claims
    ) -> proto.MoveParticipantResponse:
        self._check_move(request, claims)
        await trio.lowlevel.checkpoint()
        raise from_server("unknown", "not implemented")

    def _check_move(
        self,
        request: proto.ForwardParticipantRequest | proto.MoveParticipantRequest,
        claims: Claims,
    ) -> None:
        require_admin(claims, request.room)
        if request.room == request.destination_room:
            argument = "destination room cannot be the same as source room"
            raise TwirpError("invalid_argument", f"{argument} ", {"argument": argument})
        require(claims.video.destination_room == request.destination_room)
        if self._find(request.room, request.identity) is None:
            raise nobody_responds()

    async def perform_rpc(
        self, request: proto.PerformRpcRequest, claims: Claims
    ) -> proto.PerformRpcResponse:
        require_admin(claims, request.room)
        room = self._core.rooms.get(request.room)
        callee = self._find(request.room, request.destination_identity)
        if room is None or callee is None:
            raise nobody_responds()
        payload = await room.calls.perform(callee, request)
        return proto.PerformRpcResponse(payload=payload)


def room_service(core: ServerCore) -> Mapping[str, Method]:
    """The methods of RoomService by name."""
    service = _RoomService(core)
    return {
        "CreateRoom": Method(proto.CreateRoomRequest, service.create_room),
        "ListRooms": Method(proto.ListRoomsRequest, service.list_rooms),
        "DeleteRoom": Method(proto.DeleteRoomRequest, service.delete_room),
        "UpdateRoomMetadata": Method(proto.UpdateRoomMetadataRequest, service.update_room_metadata),
        "ListParticipants": Method(proto.ListParticipantsRequest, service.list_participants),
        "GetParticipant": Method(proto.RoomParticipantIdentity, service.get_participant),
        "RemoveParticipant": Method(proto.RoomParticipantIdentity, service.remove_participant),
        "MutePublishedTrack": Method(proto.MuteRoomTrackRequest, service.mute_published_track),
        "UpdateParticipant": Method(proto.UpdateParticipantRequest, service.update_participant),
        "UpdateSubscriptions": Method(
            proto.UpdateSubscriptionsRequest, service.update_subscriptions
        ),
        "SendData": Method(proto.SendDataRequest, service.send_data),
        "ForwardParticipant": Method(proto.ForwardParticipantRequest, service.forward_participant),
        "MoveParticipant": Method(proto.MoveParticipantRequest, service.move_participant),
        "PerformRpc": Method(proto.PerformRpcRequest, service.perform_rpc),
    }

"""RoomService and AgentDispatchService: what a backend may ask of the server.

Grants, error codes, texts and limits are those of LiveKit's server, odd ones included: who asks for
somebody who is not there is told so by some methods (``not_found``), by others that nobody
responds (``unavailable``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import trio

from lktrio import proto
from lktrio.auth import Claims
from lktrio.devserver.core import ServerCore
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
from lktrio.devserver.twirp import Method, TwirpError, from_server, permissions_denied

__all__ = ["NOT_OFFERED", "dispatch_service", "room_service"]

_NONCE_SIZE = 16

_Reason = proto.DisconnectReason
_Action = proto.LeaveRequest.Action


def _require_admin(claims: Claims, room: str) -> None:
    if not claims.video.room_admin or claims.video.room != room:
        raise permissions_denied()


def _require(granted: bool | None) -> None:
    if not granted:
        raise permissions_denied()


def _no_room() -> TwirpError:
    return from_server("not_found", "requested room does not exist")


def _no_participant() -> TwirpError:
    return from_server("not_found", "participant does not exist")


def _nobody_responds() -> TwirpError:
    return from_server("unavailable", "no response from servers")


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
        _require(claims.video.room_create)
        if not fits(request.name):
            text = f"room name length exceeds limits: max length {MAX_NAME}"
            raise from_server("invalid_argument", text)
        if request.room_preset:
            text = "unknown room configuration in create room request"
            raise from_server("invalid_argument", text)
        if request.egress is not None:
            raise TwirpError("unimplemented", _NO_EGRESS)
        if not fits(request.metadata, limit=MAX_METADATA):
            raise _limit("metadata size exceeds limits", MAX_METADATA)
        try:
            room = self._core.create_room(request)
        except HttpError as error:
            raise TwirpError("resource_exhausted", error.text) from None
        await trio.lowlevel.checkpoint()
        return room.info

    async def list_rooms(
        self, request: proto.ListRoomsRequest, claims: Claims
    ) -> proto.ListRoomsResponse:
        _require(claims.video.room_list)
        names = set(request.names)
        rooms = [room.info for name, room in self._core.rooms.items() if not names or name in names]
        await trio.lowlevel.checkpoint()
        return proto.ListRoomsResponse(rooms=rooms)

    async def delete_room(
        self, request: proto.DeleteRoomRequest, claims: Claims
    ) -> proto.DeleteRoomResponse:
        _require(claims.video.room_create)
        room = self._room(request.room)
        room.close(_Reason.ROOM_DELETED)
        self._core.remove_room(room)
        await trio.lowlevel.checkpoint()
        return proto.DeleteRoomResponse()

    async def update_room_metadata(
        self, request: proto.UpdateRoomMetadataRequest, claims: Claims
    ) -> proto.Room:
        _require_admin(claims, request.room)
        if not fits(request.metadata, limit=MAX_METADATA):
            raise _limit("metadata size exceeds limits", MAX_METADATA)
        room = self._room(request.room)
        room.update_metadata(request.metadata)
        await trio.lowlevel.checkpoint()
        return room.info

    async def list_participants(
        self, request: proto.ListParticipantsRequest, claims: Claims
    ) -> proto.ListParticipantsResponse:
        _require_admin(claims, request.room)
        room = self._core.rooms.get(request.room)
        found = [p.info for p in room.participants.values()] if room is not None else []
        await trio.lowlevel.checkpoint()
        return proto.ListParticipantsResponse(participants=found)

    async def get_participant(
        self, request: proto.RoomParticipantIdentity, claims: Claims
    ) -> proto.ParticipantInfo:
        _require_admin(claims, request.room)
        participant = self._find(request.room, request.identity)
        await trio.lowlevel.checkpoint()
        if participant is None:
            raise _no_participant()
        return participant.info

    async def remove_participant(
        self, request: proto.RoomParticipantIdentity, claims: Claims
    ) -> proto.RemoveParticipantResponse:
        _require_admin(claims, request.room)
        participant = self._find(request.room, request.identity)
        if participant is None:
            raise _no_participant()
        participant.leave(_Reason.PARTICIPANT_REMOVED, _Action.DISCONNECT)
        await trio.lowlevel.checkpoint()
        return proto.RemoveParticipantResponse()

    async def mute_published_track(
        self, request: proto.MuteRoomTrackRequest, claims: Claims
    ) -> proto.MuteRoomTrackResponse:
        _require_admin(claims, request.room)
        participant = self._find(request.room, request.identity)
        if participant is None:
            raise _nobody_responds()
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
        _require_admin(claims, request.room)
        if not fits(request.name):
            raise _limit("name length exceeds limits", MAX_NAME)
        if not fits(request.metadata, limit=MAX_METADATA):
            raise _limit("metadata size exceeds limits", MAX_METADATA)
        attributes = dict(request.attributes)
        if attributes_size(attributes) > MAX_ATTRIBUTES:
            raise _limit("attributes size exceeds limits", MAX_ATTRIBUTES)
        participant = self._find(request.room, request.identity)
        if participant is None:
            raise _no_participant()
        if request.name or request.metadata or attributes:
            refusal = participant.update(request.name, request.metadata, attributes)
            if refusal is not None:
                raise _limit("attributes size exceeds limits", MAX_ATTRIBUTES)
        if request.permission is not None:
            participant.set_permission(request.permission)
        await trio.lowlevel.checkpoint()
        return participant.info

    async def update_subscriptions(
        self, request: proto.UpdateSubscriptionsRequest, claims: Claims
    ) -> proto.UpdateSubscriptionsResponse:
        _require_admin(claims, request.room)
        participant = self._find(request.room, request.identity)
        if participant is None:
            raise _nobody_responds()
        sids = list(request.track_sids)
        for group in request.participant_tracks:
            sids += group.track_sids
        participant.downtracks.subscribe(sids, request.subscribe)
        await trio.lowlevel.checkpoint()
        return proto.UpdateSubscriptionsResponse()

    async def send_data(
        self, request: proto.SendDataRequest, claims: Claims
    ) -> proto.SendDataResponse:
        _require_admin(claims, request.room)
        size = len(request.nonce)
        if size not in (0, _NONCE_SIZE):
            text = f"nonce should be {_NONCE_SIZE}-bytes or not present, got: {size} bytes"
            raise TwirpError("invalid_argument", text)
        room = self._core.rooms.get(request.room)
        if room is None:
            raise _nobody_responds()
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
        _require_admin(claims, request.room)
        if request.room == request.destination_room:
            argument = "destination room cannot be the same as source room"
            raise TwirpError("invalid_argument", f"{argument} ", {"argument": argument})
        _require(claims.video.destination_room == request.destination_room)
        if self._find(request.room, request.identity) is None:
            raise _nobody_responds()

    async def perform_rpc(
        self, request: proto.PerformRpcRequest, claims: Claims
    ) -> proto.PerformRpcResponse:
        _require_admin(claims, request.room)
        room = self._core.rooms.get(request.room)
        callee = self._find(request.room, request.destination_identity)
        if room is None or callee is None:
            raise _nobody_responds()
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


class _DispatchService:
    """The methods of AgentDispatchService: records of which agents a room is to have.

    Nothing takes them up, as no agents register with this server.
    """

    def __init__(self, core: ServerCore) -> None:
        self._core = core

    async def create(
        self, request: proto.CreateAgentDispatchRequest, claims: Claims
    ) -> proto.AgentDispatch:
        _require_admin(claims, request.room)
        room = self._core.create_room(proto.CreateRoomRequest(name=request.room))
        dispatch = room.dispatches.add(
            proto.RoomAgentDispatch(
                agent_name=request.agent_name,
                metadata=request.metadata,
                restart_policy=request.restart_policy,
                deployment=request.deployment,
                attributes=dict(request.attributes),
            )
        )
        await trio.lowlevel.checkpoint()
        if dispatch is None:
            raise TwirpError("resource_exhausted", "too many dispatches for this room")
        return dispatch

    async def delete(
        self, request: proto.DeleteAgentDispatchRequest, claims: Claims
    ) -> proto.AgentDispatch:
        _require_admin(claims, request.room)
        room = self._core.rooms.get(request.room)
        dispatch = room.dispatches.remove(request.dispatch_id) if room is not None else None
        await trio.lowlevel.checkpoint()
        if dispatch is None:
            raise from_server("not_found", "dispatch ID not found")
        return dispatch

    async def list(
        self, request: proto.ListAgentDispatchRequest, claims: Claims
    ) -> proto.ListAgentDispatchResponse:
        _require_admin(claims, request.room)
        room = self._core.rooms.get(request.room)
        await trio.lowlevel.checkpoint()
        if room is None:
            raise _nobody_responds()
        found = [d for d in room.dispatches if request.dispatch_id in ("", d.id)]
        return proto.ListAgentDispatchResponse(agent_dispatches=found)


def dispatch_service(core: ServerCore) -> Mapping[str, Method]:
    """The methods of AgentDispatchService by name."""
    service = _DispatchService(core)
    return {
        "CreateDispatch": Method(proto.CreateAgentDispatchRequest, service.create),
        "DeleteDispatch": Method(proto.DeleteAgentDispatchRequest, service.delete),
        "ListDispatch": Method(proto.ListAgentDispatchRequest, service.list),
    }


_NO_EGRESS = (
    "the development server does not record: egress needs LiveKit's egress service; "
    "record with a participant instead"
)
_NO_INGRESS = "the development server takes media from participants only: ingress needs LiveKit's"
_NO_SIP = "the development server has no telephony: SIP needs LiveKit's SIP service"
_NO_CONNECTOR = "the development server has no connectors: they are part of LiveKit Cloud"


def _egress(claims: Claims) -> str:
    _require(claims.video.room_record)
    return _NO_EGRESS


def _ingress(claims: Claims) -> str:
    _require(claims.video.ingress_admin)
    return _NO_INGRESS


def _sip(claims: Claims) -> str:
    _require(claims.sip.admin or claims.sip.call)
    return _NO_SIP


def _connector(claims: Claims) -> str:
    _require(claims.video.room_create)
    return _NO_CONNECTOR


NOT_OFFERED: Mapping[str, Callable[[Claims], str]] = {
    "Egress": _egress,
    "Ingress": _ingress,
    "SIP": _sip,
    "Connector": _connector,
}
"""Services that exist elsewhere: who may ask, and why there is nothing here."""

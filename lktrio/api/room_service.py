"""RoomService: rooms and their participants (livekit_room.proto)."""

# One line per method, whatever its length, is what makes the table readable.
# ruff: noqa: E501

from __future__ import annotations

import copy
import secrets

from lktrio import proto

from ._grants import ROOM_CREATE, ROOM_LIST, room_admin
from ._twirp import REQUEST_TIMEOUT, Service, method

__all__ = ["RoomService"]

NONCE_SIZE = 16
MILLISECONDS = 1000
RPC_MARGIN = 2.0  # seconds that an answer needs beyond the time the participant is given


def _with_nonce(request: proto.SendDataRequest) -> proto.SendDataRequest:
    """Data with a nonce, by which the server drops what a second attempt repeats."""
    if request.nonce:
        return request
    marked = copy.copy(request)
    marked.nonce = secrets.token_bytes(NONCE_SIZE)
    return marked


def _rpc_budget(request: proto.PerformRpcRequest) -> float:
    return max(REQUEST_TIMEOUT, request.response_timeout_ms / MILLISECONDS + RPC_MARGIN)


# fmt: off
class RoomService(Service):
    """Rooms, their participants, and what these publish and receive."""

    service_name = "RoomService"

    create_room = method("CreateRoom", proto.CreateRoomRequest, proto.Room, ROOM_CREATE)
    list_rooms = method("ListRooms", proto.ListRoomsRequest, proto.ListRoomsResponse, ROOM_LIST)
    delete_room = method("DeleteRoom", proto.DeleteRoomRequest, proto.DeleteRoomResponse, ROOM_CREATE)
    update_room_metadata = method("UpdateRoomMetadata", proto.UpdateRoomMetadataRequest, proto.Room, room_admin())
    list_participants = method("ListParticipants", proto.ListParticipantsRequest, proto.ListParticipantsResponse, room_admin())
    get_participant = method("GetParticipant", proto.RoomParticipantIdentity, proto.ParticipantInfo, room_admin())
    remove_participant = method("RemoveParticipant", proto.RoomParticipantIdentity, proto.RemoveParticipantResponse, room_admin())
    mute_published_track = method("MutePublishedTrack", proto.MuteRoomTrackRequest, proto.MuteRoomTrackResponse, room_admin())
    update_participant = method("UpdateParticipant", proto.UpdateParticipantRequest, proto.ParticipantInfo, room_admin())
    update_subscriptions = method("UpdateSubscriptions", proto.UpdateSubscriptionsRequest, proto.UpdateSubscriptionsResponse, room_admin())
    send_data = method("SendData", proto.SendDataRequest, proto.SendDataResponse, room_admin(), prepare=_with_nonce)
    forward_participant = method("ForwardParticipant", proto.ForwardParticipantRequest, proto.ForwardParticipantResponse, room_admin(destination="destination_room"))
    move_participant = method("MoveParticipant", proto.MoveParticipantRequest, proto.MoveParticipantResponse, room_admin(destination="destination_room"))
    perform_rpc = method("PerformRpc", proto.PerformRpcRequest, proto.PerformRpcResponse, room_admin(), budget=_rpc_budget)
# fmt: on

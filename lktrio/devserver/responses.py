"""What the server tells a client of itself: when it joins, and when it resumes."""

from __future__ import annotations

from lktrio import proto

__all__ = ["join_response", "reconnect_response"]

_VERSION = "1.13.5"  # of LiveKit's server that this one behaves like; clients insist on one
_PROTOCOL = 17
_PING_INTERVAL = 5
_PING_TIMEOUT = 15


def _server_info(node_id: str) -> proto.ServerInfo:
    return proto.ServerInfo(version=_VERSION, protocol=_PROTOCOL, node_id=node_id, agent_protocol=1)


def join_response(
    node_id: str,
    room: proto.Room,
    participant: proto.ParticipantInfo,
    others: list[proto.ParticipantInfo],
    *,
    sif_trailer: bytes,
    subscriber_primary: bool,
    fast_publish: bool,
) -> proto.JoinResponse:
    """What a client is told first when it joins.

    Args:
        node_id: Of the server.
        room: Where it joins.
        participant: The client's own.
        others: Whom it may see.
        sif_trailer: The end of frames that the server makes itself.
        subscriber_primary: Whether data goes over the subscriber connection.
        fast_publish: Whether it may publish.
    """
    return proto.JoinResponse(
        room=room,
        participant=participant,
        other_participants=others,
        server_version=_VERSION,
        subscriber_primary=subscriber_primary,
        ping_timeout=_PING_TIMEOUT,
        ping_interval=_PING_INTERVAL,
        server_info=_server_info(node_id),
        sif_trailer=sif_trailer,
        enabled_publish_codecs=room.enabled_codecs,
        fast_publish=fast_publish,
    )


def reconnect_response(node_id: str, last_sequence: int) -> proto.ReconnectResponse:
    """What a client is told first when it resumes.

    Args:
        node_id: Of the server.
        last_sequence: Of the last reliable packet that came from it.
    """
    return proto.ReconnectResponse(
        server_info=_server_info(node_id), last_message_seq=last_sequence
    )

"""How a participant is described to others, and the tokens that it is given to come back with."""

from __future__ import annotations

import time
from datetime import timedelta

from lktrio import proto
from lktrio.auth import AccessToken, Claims, VideoGrants
from lktrio.devserver.ids import new_participant_sid
from lktrio.devserver.joining import JoinParameters
from lktrio.net.network import Network

__all__ = ["describe", "describe_refused", "next_token"]

_LEAST_TOKEN_LIFE = 600.0
_KINDS = ("standard", "ingress", "egress", "sip", "agent", "connector", "bridge")


def describe(parameters: JoinParameters, network: Network) -> proto.ParticipantInfo:
    """Describe a participant that joins."""
    claims = parameters.claims
    now = network.wall_time()
    return proto.ParticipantInfo(
        sid=new_participant_sid(network.random_bytes),
        identity=parameters.identity,
        state=proto.ParticipantInfo.State.JOINING,
        metadata=parameters.metadata or claims.metadata,
        joined_at=int(now),
        joined_at_ms=int(now * 1000),
        name=claims.name,
        permission=claims.video.to_permission(),
        kind=claims.participant_kind,
        kind_details=list(claims.participant_kind_details),
        attributes={**claims.attributes, **parameters.attributes},
        client_protocol=parameters.client_protocol,
        capabilities=list(parameters.capabilities),
    )


def describe_refused(parameters: JoinParameters, network: Network) -> proto.ParticipantInfo:
    """Describe a participant that could not come in."""
    info = describe(parameters, network)
    info.state = proto.ParticipantInfo.State.DISCONNECTED
    info.disconnect_reason = proto.DisconnectReason.JOIN_FAILURE
    return info


def next_token(
    claims: Claims, info: proto.ParticipantInfo, grants: VideoGrants, key: str, secret: str
) -> str:
    """A fresh token for a participant's next connection.

    Args:
        claims: What it joined with.
        info: How it is described now.
        grants: What it may do now.
        key: What the token is signed with.
        secret: What the token is signed with.
    """
    kind = claims.kind or "standard"
    token = AccessToken(
        identity=claims.identity,
        name=info.name,
        ttl=timedelta(seconds=max(_LEAST_TOKEN_LIFE, claims.expires_at - time.time())),
        metadata=info.metadata,
        attributes=info.attributes,
        video=grants,
        kind=kind if kind in _KINDS else "standard",
    )
    return token.to_jwt(key, secret)

"""What a client asks for when it joins: the query of ``/rtc`` and ``/rtc/v1``.

There are two forms. In the old one every setting is a parameter of its own; in the new one a single
parameter, ``join_request``, carries a (mostly gzipped) message, which also selects the mode with
one peer connection, whatever the path. Both end as one `JoinParameters`.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from lktrio import proto
from lktrio.auth import Claims
from lktrio.devserver.http import HttpError
from lktrio.devserver.limits import MAX_NAME, fits, too_long
from lktrio.errors import RemoteProtocolError
from lktrio.proto import codec

__all__ = ["JoinParameters", "check_claims", "parse_join"]

MAX_JOIN_REQUEST = 1024 * 1024
"""Bytes of a join request, as sent and decompressed."""
_MAX_ADD_TRACKS = 64  # in a join request; more than 20 are never pending
_MAX_CAPABILITIES = 64
_NO_PERMISSION = "no permissions to access the room"
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class JoinParameters:
    """Everything a client said when it asked to join."""

    claims: Claims
    room: str
    identity: str
    single_peer_connection: bool
    auto_subscribe: bool
    client_protocol: int = 0
    """Version of the protocol between clients."""
    capabilities: tuple[proto.ClientInfo.Capability, ...] = ()
    """What the client says it can do."""
    auto_subscribe_data_track: bool = False
    adaptive_stream: bool = False
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    add_tracks: tuple[proto.AddTrackRequest, ...] = ()
    offer: proto.SessionDescription | None = None
    reconnect: bool = False
    participant_sid: str = ""
    sync_state: proto.SyncState | None = None


def parse_join(
    query: Mapping[str, str], claims: Claims, *, v1: bool, strict: bool
) -> JoinParameters:
    """Check a request to join.

    Args:
        query: The parameters.
        claims: Of the token, as `check_claims` returns them.
        v1: Whether the path demands a ``join_request``.
        strict: Whether undecodable attributes of the old form are an error; they are when
            validating, but do not keep a client from joining.

    Raises:
        HttpError: As LiveKit's server answers.
    """
    wrapped = query.get("join_request", "")
    if v1 and not wrapped:
        raise HttpError(400, "join_request is required")
    if wrapped:
        return _from_message(decode_join_request(wrapped), claims)
    return _from_query(query, claims, strict=strict)


def decode_join_request(text: str) -> proto.JoinRequest:
    """Unpack the parameter ``join_request``.

    Raises:
        HttpError: 400; it is not what it should be.
    """
    try:
        if "+" in text or "/" in text:  # of the standard alphabet, which Python takes as well
            raise ValueError("not the alphabet for URLs")
        data = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:  # binascii.Error is one
        raise HttpError(400, "cannot base64 decode wrapped join request") from None
    try:
        wrapped = codec.decode(proto.WrappedJoinRequest, data)
    except RemoteProtocolError:
        raise HttpError(400, "cannot unmarshal wrapped join request") from None
    inner = wrapped.join_request
    if wrapped.compression == proto.WrappedJoinRequest.Compression.GZIP:
        inner = _gunzip(inner)
    if len(inner) > MAX_JOIN_REQUEST:
        raise HttpError(400, "join request too large")
    try:
        return codec.decode(proto.JoinRequest, inner)
    except RemoteProtocolError:
        raise HttpError(400, "cannot unmarshal join request") from None


def _gunzip(data: bytes) -> bytes:
    decompressor = zlib.decompressobj(_GZIP)
    try:
        inflated = decompressor.decompress(data, MAX_JOIN_REQUEST + 1)
    except zlib.error:
        raise HttpError(400, "cannot read decompressed join request") from None
    if len(inflated) > MAX_JOIN_REQUEST:
        raise HttpError(400, "join request too large")
    if not decompressor.eof:
        raise HttpError(400, "cannot read decompressed join request")
    return inflated


def check_claims(claims: Claims | None) -> Claims:
    """Check that somebody may join at all, before anything of the request is decoded.

    Args:
        claims: Of the token, or None without one.

    Raises:
        HttpError: As LiveKit's server answers.
    """
    if claims is None or claims.raw.get("video") is None:
        raise HttpError(401, _NO_PERMISSION)
    if not claims.video.room_join:
        raise HttpError(401, "permissions denied")
    if not claims.identity:
        raise HttpError(400, "identity cannot be empty")
    if not fits(claims.identity):
        text = f"participant identity length exceeds limits: max length {MAX_NAME}"
        raise HttpError(400, text)
    if not claims.video.room:
        raise HttpError(400, "no room name")
    if not fits(claims.video.room):
        raise HttpError(400, f"room name length exceeds limits: max length {MAX_NAME}")
    return claims


def _check_size(claims: Claims, metadata: str, attributes: Mapping[str, str]) -> None:
    """Refuse a participant that would be described at too great length."""
    merged = {**claims.attributes, **attributes}
    refusal = too_long(claims.name, metadata or claims.metadata, merged)
    if refusal is not None:
        raise HttpError(400, refusal[1])


def _require_own_metadata(claims: Claims) -> None:
    if not claims.video.can_update_own_metadata:
        raise HttpError(401, _NO_PERMISSION)


def _from_message(request: proto.JoinRequest, claims: Claims) -> JoinParameters:
    if request.metadata or request.participant_attributes:
        _require_own_metadata(claims)
    settings = request.connection_settings or proto.ConnectionSettings()
    client = request.client_info or proto.ClientInfo()
    attributes = dict(request.participant_attributes)
    _check_size(claims, request.metadata, attributes)
    return JoinParameters(
        claims=claims,
        room=claims.video.room,
        identity=claims.identity,
        single_peer_connection=True,
        client_protocol=client.client_protocol,
        capabilities=tuple(client.capabilities[:_MAX_CAPABILITIES]),
        auto_subscribe=settings.auto_subscribe,
        auto_subscribe_data_track=bool(settings.auto_subscribe_data_track),
        adaptive_stream=settings.adaptive_stream,
        metadata=request.metadata,
        attributes=attributes,
        add_tracks=tuple(request.add_track_requests[:_MAX_ADD_TRACKS]),
        offer=request.publisher_offer,
        reconnect=request.reconnect,
        participant_sid=request.participant_sid,
        sync_state=request.sync_state,
    )


def _from_query(query: Mapping[str, str], claims: Claims, *, strict: bool) -> JoinParameters:
    attributes = _attributes(query.get("attributes", ""), claims, strict=strict)
    _check_size(claims, "", attributes)
    return JoinParameters(
        claims=claims,
        room=claims.video.room,
        identity=claims.identity,
        single_peer_connection=False,
        client_protocol=_integer(query, "client_protocol"),
        capabilities=_capabilities(query),
        auto_subscribe=_boolean(query, "auto_subscribe", default=True),
        auto_subscribe_data_track=_boolean(query, "auto_subscribe_data_track"),
        adaptive_stream=_boolean(query, "adaptive_stream"),
        attributes=attributes,
        reconnect=_boolean(query, "reconnect"),
        participant_sid=query.get("sid", ""),
    )


def _attributes(text: str, claims: Claims, *, strict: bool) -> dict[str, str]:
    if not text:
        return {}
    try:
        padded = text + "=" * (-len(text) % 4)
        values: Any = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(values, dict):
            raise ValueError("not an object")
        members = cast("dict[str, Any]", values).items()
        found = {name: str(value) for name, value in members if value}
    except (ValueError, RecursionError):
        if strict:
            raise HttpError(400, "cannot decode attributes") from None
        return {}
    _require_own_metadata(claims)
    return found


def _boolean(query: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    return query[name] in ("1", "true") if name in query else default


def _integer(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _capabilities(query: Mapping[str, str]) -> tuple[proto.ClientInfo.Capability, ...]:
    known = proto.ClientInfo.Capability.__members__
    names = query.get("capabilities", "").split(",", _MAX_CAPABILITIES)
    return tuple(known[name] for name in names[:_MAX_CAPABILITIES] if name in known)

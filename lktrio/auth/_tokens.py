"""Access tokens, and what verifying one returns (LiveKit ``accesstoken.go``, ``verifier.go``)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from lktrio.auth._grants import (
    AgentEndpointGrants,
    AgentGrants,
    AgentThreadGrants,
    Grants,
    InferenceGrants,
    ObservabilityGrants,
    SIPGrants,
    VideoGrants,
    are_strings,
    camel_case,
    check_string_map,
    no_grants,
)
from lktrio.auth._jwt import UnverifiedToken, sign
from lktrio.auth._keys import Keys, key_pair, secret_of
from lktrio.errors import Expired, InvalidSignature, Malformed, NotYetValid, RemoteProtocolError

if TYPE_CHECKING:
    from lktrio import proto

__all__ = ["DEFAULT_LEEWAY", "DEFAULT_TTL", "AccessToken", "Claims", "decode_token", "verify_token"]

DEFAULT_TTL = timedelta(hours=6)
"""How long a token is valid unless told otherwise, as in LiveKit's SDKs."""
DEFAULT_LEEWAY = timedelta(seconds=60)
"""How far clocks may differ, as on LiveKit's server."""

KINDS = ("standard", "ingress", "egress", "sip", "agent", "connector", "bridge")
FAMILIES: dict[str, type[Grants]] = {
    "video": VideoGrants,
    "sip": SIPGrants,
    "agent": AgentGrants,
    "agent_endpoint": AgentEndpointGrants,
    "agent_thread": AgentThreadGrants,
    "inference": InferenceGrants,
    "observability": ObservabilityGrants,
}
LATEST = 1 << 53  # seconds; what JSON numbers express exactly, far beyond any calendar
STRINGS = ("name", "kind", "metadata", "sha256", "room_preset")

_FAMILY_CLAIMS = tuple((name, camel_case(name), cls) for name, cls in FAMILIES.items())
_STRING_CLAIMS = tuple((name, camel_case(name)) for name in STRINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """An access token to sign.

    Grants and claims that are not set stay out of the token.

    Raises:
        TypeError: A value is not of the type that the server takes; the message names it.
    """

    identity: str = ""
    """Unique identity of the participant within its room; the claim ``sub``."""
    name: str = ""
    """Display name."""
    ttl: timedelta = DEFAULT_TTL
    """How long the token is valid from now on."""
    metadata: str = ""
    """Metadata of the participant."""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Attributes of the participant."""
    video: VideoGrants | None = None
    """What it may do with rooms."""
    sip: SIPGrants | None = None
    """What it may do with telephony."""
    agent: AgentGrants | None = None
    """What it may do with Cloud agents."""
    agent_endpoint: AgentEndpointGrants | None = None
    """Which HTTP endpoints of agents it may call."""
    agent_thread: AgentThreadGrants | None = None
    """Which threads of agents it may use."""
    inference: InferenceGrants | None = None
    """What it may do with LiveKit Inference."""
    observability: ObservabilityGrants | None = None
    """What it may do with observability data."""
    kind: str = ""
    """Kind of participant: one of ``standard ingress egress sip agent connector bridge``."""
    kind_details: Sequence[str] = ()
    """Further detail of the kind, such as ``cloud_agent`` or ``connector_twilio``."""
    sha256: str = ""
    """SHA-256 of a request body in standard base64, which binds the token to that body."""
    room_preset: str = ""
    """Name of a LiveKit Cloud preset for the room."""
    room_config: proto.RoomConfiguration | None = None
    """How the room is made if this participant is the first in it."""
    agents: Sequence[proto.RoomAgentDispatch] = ()
    """Agents to dispatch to the room when it is made, in addition to those of ``room_config``."""
    allow_sensitive_credentials: bool = False
    """Sign even if ``room_config`` holds secrets, which the participant can then read."""

    def __post_init__(self) -> None:
        for name in ("identity", *STRINGS):
            _check_type(name, getattr(self, name), str)
        _check_type("ttl", self.ttl, timedelta)
        check_string_map("attributes", self.attributes)
        _check_type("kind_details", self.kind_details, list, tuple)
        if not are_strings(self.kind_details):
            raise TypeError("kind_details must hold strings only")
        for name, cls in FAMILIES.items():
            _check_type(name, getattr(self, name), cls, type(None))
        if self.room_config is not None or self.agents:
            from lktrio.auth._room_config import check_types

            check_types(self.room_config, self.agents)

    def to_jwt(
        self, api_key: str | None = None, api_secret: str | None = None, *, now: float | None = None
    ) -> str:
        """Sign the token.

        Args:
            api_key: The API key; ``LIVEKIT_API_KEY`` if None.
            api_secret: Its secret; ``LIVEKIT_API_SECRET`` if None.
            now: Seconds since 1970, from which on the token is valid; the clock's if None.

        Raises:
            ValueError: There is no key or secret; ``room_join`` is granted without an identity or
                a room; ``room_config`` holds secrets; or a value is not one the server knows.
        """
        api_key, api_secret = key_pair(api_key, api_secret)
        issued = int(time.time() if now is None else now)
        claims: dict[str, Any] = {"iss": api_key}
        if self.identity:
            claims["sub"] = self.identity
        claims.update(iat=issued, nbf=issued, exp=issued + self._lifetime())
        self._add_claims(claims)
        return sign(claims, api_secret)

    def _lifetime(self) -> int:
        seconds = int(self.ttl.total_seconds())
        if seconds <= 0:
            raise ValueError("the ttl of a token must be at least one second")
        return seconds

    def _add_claims(self, claims: dict[str, Any]) -> None:
        self._check()
        for name, claim in _STRING_CLAIMS:
            value = getattr(self, name)
            if value:
                claims[claim] = value
        if self.kind_details:
            claims["kindDetails"] = [detail.lower() for detail in self.kind_details]
        if self.attributes:
            claims["attributes"] = dict(self.attributes)
        for name, claim, _ in _FAMILY_CLAIMS:
            grants: Grants | None = getattr(self, name)
            if grants is not None:
                claims[claim] = grants.to_claims()
        if self.room_config is not None or self.agents:
            from lktrio.auth._room_config import to_claim

            claims["roomConfig"] = to_claim(
                self.room_config, self.agents, allow_secrets=self.allow_sensitive_credentials
            )

    def _check(self) -> None:
        video = self.video
        if video is not None and video.room_join and not (self.identity and video.room):
            raise ValueError("a token with room_join needs an identity and video.room")
        if self.kind and self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {self.kind!r}")


def _check_type(name: str, value: object, *kinds: type) -> None:
    if not isinstance(value, kinds):
        advice = _ADVICE.get(name, "")
        wanted = " or ".join(kind.__name__ for kind in kinds if kind is not type(None))
        raise TypeError(f"{name} must be a {wanted}, not {type(value).__name__}{advice}")


_ADVICE = {
    "metadata": ": write what is no text as JSON, with json.dumps()",
    "ttl": ": pass timedelta(seconds=...)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says. Only `verify_token` makes sure that it is true."""

    issuer: str
    """The API key it was signed with."""
    identity: str
    """Identity of the participant: ``sub``, or ``jti`` where that is missing."""
    expires_at: float
    """Seconds since 1970 when it expires."""
    not_before: float | None = None
    """Seconds since 1970 from which on it is valid."""
    issued_at: float | None = None
    """Seconds since 1970 when it was made."""
    name: str = ""
    """Display name."""
    kind: str = ""
    """Kind of participant, such as ``standard`` or ``agent``; empty is ``standard``."""
    kind_details: tuple[str, ...] = ()
    """Further detail of the kind."""
    metadata: str = ""
    """Metadata of the participant."""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Attributes of the participant."""
    sha256: str = ""
    """SHA-256 of a request body in standard base64."""
    room_preset: str = ""
    """Name of a LiveKit Cloud preset for the room."""
    video: VideoGrants = field(default_factory=VideoGrants)
    """What it may do with rooms."""
    sip: SIPGrants = field(default_factory=SIPGrants)
    """What it may do with telephony."""
    agent: AgentGrants = field(default_factory=AgentGrants)
    """What it may do with Cloud agents."""
    agent_endpoint: AgentEndpointGrants = field(default_factory=AgentEndpointGrants)
    """Which HTTP endpoints of agents it may call."""
    agent_thread: AgentThreadGrants = field(default_factory=AgentThreadGrants)
    """Which threads of agents it may use."""
    inference: InferenceGrants = field(default_factory=InferenceGrants)
    """What it may do with LiveKit Inference."""
    observability: ObservabilityGrants = field(default_factory=ObservabilityGrants)
    """What it may do with observability data."""
    raw: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    """Every claim as it stands in the token, the unknown ones too."""

    @property
    def room_config(self) -> proto.RoomConfiguration | None:
        """How the room is made if this participant is the first in it.

        Raises:
            Malformed: The claim is not a room configuration.
        """
        claim = self.raw.get("roomConfig")
        if claim is None:
            return None
        from lktrio.auth._room_config import from_claim

        try:
            return from_claim(claim)
        except RemoteProtocolError as error:
            raise Malformed(f"the roomConfig of the token is not one: {error}") from error

    @property
    def participant_kind(self) -> proto.ParticipantInfo.Kind:
        """The kind as the protocol's enum; what is not known is ``STANDARD``."""
        from lktrio import proto

        kinds = proto.ParticipantInfo.Kind
        return kinds.__members__.get(self.kind.upper(), kinds.STANDARD)

    @property
    def participant_kind_details(self) -> list[proto.ParticipantInfo.KindDetail]:
        """The details of the kind as the protocol's enum, without those that are not known."""
        from lktrio import proto

        details = proto.ParticipantInfo.KindDetail.__members__
        return [details[name.upper()] for name in self.kind_details if name.upper() in details]


def verify_token(
    token: str,
    keys: Keys | None = None,
    *,
    leeway: timedelta = DEFAULT_LEEWAY,
    now: float | None = None,
) -> Claims:
    """Verify a token and return its claims.

    Args:
        token: The token, without ``Bearer``.
        keys: One ``(key, secret)`` pair, a mapping of keys to secrets, or a `KeyProvider`; the
            environment if None.
        leeway: How far the clocks of the two sides may differ.
        now: Seconds since 1970; the clock's if None.

    Raises:
        Malformed: The text is no token, or ``exp`` is missing, or a claim has the wrong type.
        InvalidSignature: Algorithm, API key or signature are not acceptable.
        Expired: ``exp`` has passed.
        NotYetValid: ``nbf`` lies in the future.
    """
    unverified = UnverifiedToken(token)
    issuer = unverified.claims.get("iss")
    secret = secret_of(keys, issuer) if isinstance(issuer, str) and issuer else None
    if not secret:
        raise InvalidSignature("the token was signed with an API key that is not known here")
    if not unverified.is_signed_with(secret):
        raise InvalidSignature("the token was not signed with the secret of its API key")
    claims = _to_claims(unverified.claims)
    moment = time.time() if now is None else now
    tolerance = leeway.total_seconds()
    if moment >= claims.expires_at + tolerance:
        raise Expired("the token has expired: make a new one, and check the clocks of both sides")
    if claims.not_before is not None and moment < claims.not_before - tolerance:
        raise NotYetValid("the token is not valid yet: check the clocks of both sides")
    return claims


def decode_token(token: str) -> Claims:
    """The claims of a token without any proof that they are true.

    For a client that wants to know the room, the identity or the expiry of its own token.

    Raises:
        Malformed: The text is no token, or ``exp`` is missing, or a claim has the wrong type.
        InvalidSignature: The algorithm is not HS256.
    """
    return _to_claims(UnverifiedToken(token).claims)


def _to_claims(raw: dict[str, Any]) -> Claims:
    expires_at = _time(raw, "exp")
    if expires_at is None:
        raise Malformed("the token has no exp: a token that never expires is not acceptable")
    values: dict[str, Any] = {name: _string(raw, claim) for name, claim in _STRING_CLAIMS}
    for name, claim, cls in _FAMILY_CLAIMS:
        found = raw.get(claim)
        values[name] = no_grants(cls) if found is None else cls.from_claims(found)
    return Claims(
        issuer=_string(raw, "iss"),
        identity=_string(raw, "sub") or _string(raw, "jti"),
        expires_at=expires_at,
        not_before=_time(raw, "nbf"),
        issued_at=_time(raw, "iat"),
        kind_details=_kind_details(raw),
        attributes=_attributes(raw),
        raw=raw,
        **values,
    )


def _string(raw: dict[str, Any], claim: str) -> str:
    value: object = raw.get(claim)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"the claim {claim} of the token must be a string")
    return value


def _time(raw: dict[str, Any], claim: str) -> float | None:
    value: object = raw.get(claim)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < LATEST:
        raise Malformed(f"the claim {claim} of the token must be a number of seconds")
    return value


def _kind_details(raw: dict[str, Any]) -> tuple[str, ...]:
    details: object = raw.get("kindDetails")
    if details is None:
        return ()
    if not isinstance(details, list) or not are_strings(cast("list[object]", details)):
        raise Malformed("the claim kindDetails of the token must be a list of strings")
    return tuple(cast("list[str]", details))


def _attributes(raw: dict[str, Any]) -> dict[str, str]:
    attributes: object = raw.get("attributes")
    if attributes is None:
        return {}
    if not isinstance(attributes, dict) or not are_strings(
        cast("dict[str, object]", attributes).values()
    ):
        raise Malformed("the claim attributes of the token must be an object of strings")
    return cast("dict[str, str]", attributes)

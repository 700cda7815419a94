"""The STUN messages of ICE: checks, their answers, and who a request is from.

Implements RFC 8445 sections 7.1 (forming requests), 7.2.2 (the PRIORITY attribute), 7.3 (answers)
and 16.1 (attributes), and the nomination value that libwebrtc and pion understand
(draft-thatcher-ice-renomination).
"""

from __future__ import annotations

from dataclasses import dataclass

from lktrio.errors import RemoteProtocolError

from .base import Address
from .candidate import TYPE_PREFERENCES, Candidate
from .ice_options import IceRole
from .ice_pairs import Credentials
from .stun import Attribute, StunClass, StunMessage, StunMethod

__all__ = [
    "CheckRequest",
    "build_check",
    "build_error",
    "build_success",
    "read_mapped_address",
    "read_request",
]

_ERROR_REASONS = {
    400: "Bad Request",
    420: "Unknown Attribute",
    487: "Role Conflict",
}

_ROLE_ATTRIBUTES = {
    IceRole.CONTROLLING: Attribute.ICE_CONTROLLING,
    IceRole.CONTROLLED: Attribute.ICE_CONTROLLED,
}


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What a connectivity check of the peer says, before anybody believes it."""

    local_ufrag: str
    """Whom it is for: first half of USERNAME."""
    remote_ufrag: str
    """Whom it is from: second half of USERNAME."""
    priority: int | None
    """PRIORITY, which every check must have."""
    role: IceRole | None
    """The role that the peer claims."""
    tie_breaker: int
    """The peer's tie-breaker; 0 without a role."""
    nominates: bool
    """USE-CANDIDATE was there."""
    nomination: int | None
    """Value of the nomination attribute, if there was one."""
    unknown: list[int]
    """Attributes that must be understood but are not."""


def build_check(
    transaction_id: bytes,
    local: Credentials,
    remote: Credentials,
    base: Candidate,
    role: IceRole,
    tie_breaker: int,
    *,
    nominate: bool,
) -> bytes:
    """A connectivity check (RFC 8445 section 7.2.4).

    Args:
        transaction_id: 12 random bytes.
        local: Our credentials.
        remote: The peer's; its password protects the request.
        base: Candidate of the socket it is sent from.
        role: Our role.
        tie_breaker: Our tie-breaker, 64 bits.
        nominate: Whether to add USE-CANDIDATE.
    """
    message = StunMessage(StunMethod.BINDING, StunClass.REQUEST, transaction_id)
    message.add(Attribute.USERNAME, f"{remote.ufrag}:{local.ufrag}".encode())
    message.add_uint64(_ROLE_ATTRIBUTES[role], tie_breaker)
    if nominate:
        message.add(Attribute.USE_CANDIDATE)
    reflexive = (TYPE_PREFERENCES["prflx"] << 24) | (base.priority & 0xFFFFFF)
    message.add_uint32(Attribute.PRIORITY, reflexive)
    return message.serialize(remote.pwd.encode())


def read_request(message: StunMessage) -> CheckRequest:
    """Decode a connectivity check, without judging it.

    Raises:
        RemoteProtocolError: An attribute is damaged.
    """
    local_ufrag, _, remote_ufrag = (message.get_text(Attribute.USERNAME) or "").partition(":")
    role: IceRole | None = None
    tie_breaker = 0
    for candidate, attribute in _ROLE_ATTRIBUTES.items():
        value = message.get_uint64(attribute)
        if value is not None:
            role, tie_breaker = candidate, value
    return CheckRequest(
        local_ufrag=local_ufrag,
        remote_ufrag=remote_ufrag,
        priority=message.get_uint32(Attribute.PRIORITY),
        role=role,
        tie_breaker=tie_breaker,
        nominates=message.get(Attribute.USE_CANDIDATE) is not None,
        nomination=message.get_uint32(Attribute.NOMINATION),
        unknown=message.unknown_required(),
    )


def build_success(request: StunMessage, source: Address, key: bytes) -> bytes:
    """The answer to a check (RFC 8445 section 7.3.1.2).

    Args:
        request: The check.
        source: Where it came from.
        key: Our password.
    """
    response = request.respond(StunClass.SUCCESS)
    response.add_address(Attribute.XOR_MAPPED_ADDRESS, source)
    return response.serialize(key)


def build_error(request: StunMessage, code: int, key: bytes, unknown: list[int]) -> bytes:
    """The refusal of an authenticated check (RFC 8489 section 6.3.1).

    Args:
        request: The check.
        code: 400, 420 or 487.
        key: Our password.
        unknown: For 420: the attributes that were not understood.
    """
    response = request.respond(StunClass.ERROR)
    response.add_error(code, _ERROR_REASONS[code])
    if unknown:
        response.add_unknown_attributes(unknown)
    return response.serialize(key)


def read_mapped_address(response: StunMessage) -> Address:
    """The address that the answerer saw.

    Raises:
        RemoteProtocolError: The response does not tell.
    """
    mapped = response.get_address(Attribute.XOR_MAPPED_ADDRESS)
    if mapped is None:
        raise RemoteProtocolError("a STUN success response lacks XOR-MAPPED-ADDRESS")
    return mapped

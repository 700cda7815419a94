"""The STUN messages of ICE: checks, their answers, and who a request is from.

Implements RFC 8445 sections 7.1 (forming requests), 7.2.2 (the PRIORITY attribute), 7.3 (answers)
and 16.1 (attributes), and the nomination value that libwebrtc and pion understand
(draft-thatcher-ice-renomination).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.base import Address
from lktrio.rtc.ice.candidate import TYPE_PREFERENCES, Candidate
from lktrio.rtc.ice.options import IceRole
from lktrio.rtc.ice.stun import Attribute, StunClass, StunMessage, StunMethod

__all__ = [
    "CheckRequest",
    "Credentials",
    "build_check",
    "build_error",
    "build_success",
    "read_mapped_address",
    "read_request",
    "remote_credentials",
]

_UFRAG = re.compile(r"[!-9;-~]{4,256}")  # no colon: it separates the halves of USERNAME
_PWD = re.compile(r"[!-~]{22,256}")

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
class Credentials:
    """User name fragment and password of one side."""

    ufrag: str
    """User name fragment: names the generation."""
    pwd: str = field(repr=False)
    """Password: the MESSAGE-INTEGRITY key of requests to this side and their responses."""


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What a connectivity check of the peer says, before anybody believes it."""

    path: int
    """Local socket it arrived on."""
    address: Address
    """Where it came from."""
    message: StunMessage = field(repr=False)
    """The whole message, for its answer."""
    local_ufrag: str
    """Whom it is for: first half of USERNAME."""
    remote_ufrag: str
    """Whom it is from: second half of USERNAME."""
    priority: int
    """PRIORITY, that of a peer-reflexive candidate; 0 if it is missing, which is an error."""
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


def remote_credentials(ufrag: str, pwd: str) -> Credentials:
    """The peer's credentials, from its description (RFC 8839 section 5.4).

    Raises:
        RemoteProtocolError: One is too short, too long, or holds what it must not hold.
    """
    if not _UFRAG.fullmatch(ufrag) or not _PWD.fullmatch(pwd):
        raise RemoteProtocolError("the peer's ICE user name fragment or password is invalid")
    return Credentials(ufrag, pwd)


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


def read_request(message: StunMessage, path: int, address: Address) -> CheckRequest:
    """Decode a connectivity check, without judging it.

    Raises:
        RemoteProtocolError: An attribute is damaged.
    """
    username = message.get_text(Attribute.USERNAME) or ""
    local_ufrag, separator, remote_ufrag = username.partition(":")
    if not separator:
        raise RemoteProtocolError("an ICE check without both halves of a user name")
    role: IceRole | None = None
    tie_breaker = 0
    for candidate, attribute in _ROLE_ATTRIBUTES.items():
        value = message.get_uint64(attribute)
        if value is not None:
            role, tie_breaker = candidate, value
    return CheckRequest(
        path=path,
        address=address,
        message=message,
        local_ufrag=local_ufrag,
        remote_ufrag=remote_ufrag,
        priority=message.get_uint32(Attribute.PRIORITY) or 0,
        role=role,
        tie_breaker=tie_breaker,
        nominates=message.get(Attribute.USE_CANDIDATE) is not None,
        nomination=message.get_uint32(Attribute.NOMINATION),
        unknown=message.unknown_required(),
    )


def build_success(request: CheckRequest, key: bytes) -> bytes:
    """The answer to a check (RFC 8445 section 7.3.1.2).

    Args:
        request: The check.
        key: Our password.
    """
    response = request.message.respond(StunClass.SUCCESS)
    response.add_address(Attribute.XOR_MAPPED_ADDRESS, request.address)
    return response.serialize(key)


def build_error(request: CheckRequest, code: int, key: bytes) -> bytes:
    """The refusal of an authenticated check (RFC 8489 section 6.3.1).

    Args:
        request: The check.
        code: 400, 420 or 487.
        key: Our password.
    """
    response = request.message.respond(StunClass.ERROR)
    response.add_error(code, _ERROR_REASONS[code])
    if request.unknown:
        response.add_unknown_attributes(request.unknown)
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

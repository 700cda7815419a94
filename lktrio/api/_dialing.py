"""Calls that let a telephone ring: they last longer than others.

The ringing time is made explicit in the request, so that the deadline does not depend on what the
server assumes, and an attempt outlasts it.
"""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Protocol, TypeVar

from lktrio.proto import (
    AcceptWhatsAppCallRequest,
    CreateSIPParticipantRequest,
    TransferSIPParticipantRequest,
)

from ._twirp import REQUEST_TIMEOUT

__all__ = ["dial_budget", "pin_ringing", "pin_ringing_if_waiting", "waiting_budget"]

RINGING = timedelta(seconds=30)
"""How long the server lets a telephone ring unless the request says otherwise."""
MARGIN = 2.0
"""Seconds by which an attempt outlasts the ringing."""


class _Dialing(Protocol):
    ringing_timeout: timedelta | None


class _Waiting(_Dialing, Protocol):
    wait_until_answered: bool


DialingT = TypeVar(
    "DialingT",
    CreateSIPParticipantRequest,
    TransferSIPParticipantRequest,
    AcceptWhatsAppCallRequest,
)
WaitingT = TypeVar("WaitingT", CreateSIPParticipantRequest, AcceptWhatsAppCallRequest)


def pin_ringing(request: DialingT) -> DialingT:
    """The request with its ringing time."""
    if request.ringing_timeout is not None:
        return request
    pinned = copy.copy(request)
    pinned.ringing_timeout = RINGING
    return pinned


def pin_ringing_if_waiting(request: WaitingT) -> WaitingT:
    """The request with its ringing time, if it waits for an answer."""
    return pin_ringing(request) if request.wait_until_answered else request


def dial_budget(request: _Dialing) -> float:
    """Seconds that ringing may take, and a little more."""
    return (request.ringing_timeout or RINGING).total_seconds() + MARGIN


def waiting_budget(request: _Waiting) -> float:
    """The same for a request that waits for an answer; else what is usual."""
    return dial_budget(request) if request.wait_until_answered else REQUEST_TIMEOUT

"""Services of LiveKit that this server does not have: who may ask, and why there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lktrio.auth import Claims
from lktrio.devserver.grants import require

__all__ = ["ABSENT_SERVICES", "NO_EGRESS"]

NO_EGRESS = (
    "the development server does not record: egress needs LiveKit's egress service; "
    "record with a participant instead"
)
"""Why nothing is recorded."""
_NO_INGRESS = "the development server takes media from participants only: ingress needs LiveKit's"
_NO_SIP = "the development server has no telephony: SIP needs LiveKit's SIP service"
_NO_CONNECTOR = "the development server has no connectors: they are part of LiveKit Cloud"


def _egress(claims: Claims) -> str:
    require(claims.video.room_record)
    return NO_EGRESS


def _ingress(claims: Claims) -> str:
    require(claims.video.ingress_admin)
    return _NO_INGRESS


def _sip(claims: Claims) -> str:
    require(claims.sip.admin or claims.sip.call)
    return _NO_SIP


def _connector(claims: Claims) -> str:
    require(claims.video.room_create)
    return _NO_CONNECTOR


ABSENT_SERVICES: Mapping[str, Callable[[Claims], str]] = {
    "Egress": _egress,
    "Ingress": _ingress,
    "SIP": _sip,
    "Connector": _connector,
}
"""By name: checks who asks, and returns why there is nothing."""

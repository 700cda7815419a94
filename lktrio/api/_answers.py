"""What an HTTP answer to a Twirp request means: a message, or an error (Twirp v7 specification).

Errors of the server are JSON objects with ``code``, ``msg`` and ``meta``. Whatever else arrives
was written by something in between, such as a proxy; its HTTP status decides the code, as the
specification has it, and its text becomes the message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from lktrio._text import printable
from lktrio.errors import RemoteProtocolError, ServerError, SipCallError
from lktrio.proto import Message
from lktrio.proto.codec import decode

if TYPE_CHECKING:
    import httpx

__all__ = ["CONTENT_TYPE", "REGION_PIN", "read_answer"]

CONTENT_TYPE = "application/protobuf"
OK = 200
REGION_PIN = 451
"""HTTP status with which LiveKit Cloud refuses a region that the project may not use."""
NOT_FOUND = 404
SERVER_ERRORS = 500
NO_SERVICE = "there is no such service: check the URL"
NOT_LIVEKIT = "this is not LiveKit's answer: check the URL"
EXCERPT = 200
"""Characters of a foreign text that an error quotes."""

INTERMEDIARY_CODES = {
    400: "internal",
    401: "unauthenticated",
    403: "permission_denied",
    404: "bad_route",
    408: "deadline_exceeded",
    413: "resource_exhausted",
    429: "resource_exhausted",
    REGION_PIN: "failed_precondition",
    502: "unavailable",
    503: "unavailable",
    504: "unavailable",
}
"""Twirp codes for answers that the server did not write."""

MessageT = TypeVar("MessageT", bound=Message)


def read_answer(response: httpx.Response, body: bytes, expected: type[MessageT]) -> MessageT:
    """The message in an answer.

    Args:
        response: The head of the answer.
        body: What it holds.
        expected: The class of the message.

    Raises:
        SipCallError: A call failed with a SIP status, or its transfer failed.
        ServerError: The server refused, or something else answered in its place.
    """
    if response.status_code != OK:
        raise _error(response, body)
    if (found := _media_type(response)) != CONTENT_TYPE:
        kind = f"it is {printable(found)}" if found else "it has no Content-Type"
        raise _foreign(response, body, f"{kind}, not {CONTENT_TYPE}; {NOT_LIVEKIT}")
    try:
        return decode(expected, body)
    except RemoteProtocolError as error:
        raise _foreign(response, body, f"the answer is no {expected.__name__}") from error


def _media_type(response: httpx.Response) -> str:
    content_type: str = response.headers.get("Content-Type", "")
    return content_type.partition(";")[0].strip().lower()


def _error(response: httpx.Response, body: bytes) -> ServerError:
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    error = cast("dict[str, object]", found) if isinstance(found, dict) else {}
    code, text = error.get("code"), error.get("msg", "")
    if not isinstance(code, str) or not isinstance(text, str):
        return _foreign(response, body, NO_SERVICE if response.status_code == NOT_FOUND else "")
    meta = _strings(error.get("meta"))
    return _twirp_error(printable(code), printable(text), meta, response.status_code)


def _strings(meta: object) -> dict[str, str]:
    if not isinstance(meta, dict):
        return {}
    items = cast("dict[str, object]", meta).items()
    return {printable(key): printable(value) for key, value in items if isinstance(value, str)}


def _twirp_error(code: str, text: str, meta: Mapping[str, str], status: int) -> ServerError:
    number = meta.get("sip_status_code", "")
    sip_status_code = int(number[:9]) if number.isascii() and number.isdigit() else None
    if sip_status_code is None and "sip_transfer_reason" not in meta:
        return ServerError(code, text, meta=meta, status=status)
    return SipCallError(
        code,
        text,
        sip_status_code=sip_status_code,
        sip_status=meta.get("sip_status", ""),
        sip_transfer_reason=meta.get("sip_transfer_reason", ""),
        sip_transfer_id=meta.get("sip_transfer_id", ""),
        meta=meta,
        status=status,
    )


def _foreign(response: httpx.Response, body: bytes, problem: str) -> ServerError:
    """The error of an answer that is not the server's."""
    status = response.status_code
    code = INTERMEDIARY_CODES.get(status, "unknown" if status >= SERVER_ERRORS else "internal")
    meta = {"http_error_from_intermediary": "true", "status_code": str(status)}
    said = f"HTTP {status} {printable(response.reason_phrase)} from {_place(response)}"
    if response.has_redirect_location:
        meta["location"] = printable(response.headers["Location"])
        problem = f"redirects to {meta['location']} are not followed: use that URL"
    elif body and not _is_binary(response):
        problem = f"{problem}: {_excerpt(body)}" if problem else _excerpt(body)
    return ServerError(code, f"{said}: {problem}" if problem else said, meta=meta, status=status)


def _place(response: httpx.Response) -> str:
    return str(response.request.url.copy_with(query=None, userinfo=b""))


def _is_binary(response: httpx.Response) -> bool:
    return _media_type(response) in (CONTENT_TYPE, "application/octet-stream")


def _excerpt(body: bytes) -> str:
    text = " ".join(body[: 4 * EXCERPT].decode("utf-8", "replace").split())
    return printable(text, EXCERPT)

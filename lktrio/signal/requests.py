"""Which RequestResponse answers which request, and what a refusal means to the caller.

A response carries the ``request_id`` of its request where the request has one, else 0 and the
request itself, echoed. Of the echo one field identifies the request.
"""

from __future__ import annotations

from typing import Any

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import (
    CodecRejected,
    DuplicateName,
    LiveKitError,
    NotPermitted,
    PublishError,
    ServerError,
)

__all__ = ["answers", "data_track_error", "is_refusal", "publish_error", "request_error"]

Reason = proto.RequestResponse.Reason

# Member of SignalRequest: the member of RequestResponse that echoes it, and what identifies it.
_ECHOES: dict[str, tuple[str, str]] = {
    "trickle": ("trickle", "candidateInit"),
    "add_track": ("add_track", "cid"),
    "mute": ("mute", "sid"),
    "update_metadata": ("update_metadata", "request_id"),
    "update_audio_track": ("update_audio_track", "track_sid"),
    "update_video_track": ("update_video_track", "track_sid"),
    "publish_data_track_request": ("publish_data_track", "pub_handle"),
    "unpublish_data_track_request": ("unpublish_data_track", "pub_handle"),
}


def answers(response: proto.RequestResponse, request: proto.SignalRequest) -> bool:
    """Whether a response belongs to a request."""
    for name, (echo, key) in _ECHOES.items():
        asked: Any = getattr(request, name)
        if asked is None:
            continue
        if response.request_id:
            return response.request_id == getattr(asked, "request_id", None)
        echoed: Any = getattr(response, echo)
        return echoed is not None and getattr(echoed, key) == getattr(asked, key)
    return False


def is_refusal(response: proto.RequestResponse) -> bool:
    """Whether a response says no. QUEUED does not: what was asked for comes later."""
    return response.reason not in (Reason.OK, Reason.QUEUED)


def publish_error(response: proto.RequestResponse, what: str) -> PublishError:
    """The exception for a refused track; ``what`` names the track."""
    text = f"the server refused {what}{_said(response)}"
    match response.reason:
        case Reason.NOT_ALLOWED:
            return NotPermitted(f"{text}; the token must allow publishing this source")
        case Reason.UNSUPPORTED_TYPE:
            return CodecRejected(text)
        case _:
            return PublishError(text)


def data_track_error(response: proto.RequestResponse, what: str) -> PublishError:
    """The exception for a refused data track; ``what`` names the track."""
    text = f"the server refused {what}{_said(response)}"
    match response.reason:
        case Reason.NOT_ALLOWED:
            return NotPermitted(f"{text}; the token must allow publishing data")
        case Reason.DUPLICATE_NAME:
            return DuplicateName(text)
        case _:
            return PublishError(text)


def request_error(response: proto.RequestResponse, what: str) -> LiveKitError:
    """The exception for another refused request; ``what`` names what was asked for."""
    if response.reason == Reason.NOT_ALLOWED:
        return NotPermitted(f"the server refused {what}{_said(response)}")
    return ServerError(_code(response), f"the server refused {what}{_said(response)}")


def _code(response: proto.RequestResponse) -> str:
    return (response.reason.name or f"reason_{int(response.reason)}").lower()


def _said(response: proto.RequestResponse) -> str:
    return f" ({_code(response)}){': ' + printable(response.message) if response.message else ''}"

"""A trio-native LiveKit SDK in pure Python: tokens, server APIs, webhooks and a participant client.

::

    async with lktrio.open_room(url, token) as room:
        await room.local_participant.publish_file("talk.ogg")

The parts load when they are first used: importing this package costs next to nothing, and a
program that only signs tokens never loads the WebRTC stack.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lktrio._version import __version__

if TYPE_CHECKING:
    from lktrio import api, devserver, errors, events, media, proto, testing, webhooks
    from lktrio.api import LiveKitAPI
    from lktrio.auth import (
        AccessToken,
        TokenSource,
        VideoGrants,
        verify_token,
    )
    from lktrio.errors import (
        AuthenticationFailed,
        CodecRejected,
        CodecUnavailable,
        ConnectError,
        ConnectTimeout,
        ContainerError,
        DigestMismatch,
        DtlsFailed,
        DuplicateEvent,
        Expired,
        IceFailed,
        InvalidAuthorization,
        InvalidSignature,
        JoinRejected,
        LengthMismatch,
        LiveKitError,
        LocalProtocolError,
        Malformed,
        MalformedEvent,
        MediaError,
        MissingAuthorization,
        NotPermitted,
        NotYetValid,
        ProtocolError,
        PublishError,
        PublishTimeout,
        RemoteProtocolError,
        RoomClosed,
        RpcError,
        ServerError,
        ServerUnreachable,
        SipCallError,
        SlowConsumer,
        StaleEvent,
        StreamAborted,
        StreamError,
        StreamTooLarge,
        TokenError,
        UnknownApiKey,
        WebhookError,
    )
    from lktrio.room import (
        LocalParticipant,
        LocalTrack,
        RemoteParticipant,
        RemoteTrack,
        Room,
        RoomOptions,
        Timeouts,
        connect_room,
        open_room,
    )
    from lktrio.webhooks import WebhookReceiver

_HOMES = {
    "lktrio.api": ("LiveKitAPI",),
    "lktrio.auth": ("AccessToken", "TokenSource", "VideoGrants", "verify_token"),
    "lktrio.errors": (
        "AuthenticationFailed",
        "CodecRejected",
        "CodecUnavailable",
        "ConnectError",
        "ConnectTimeout",
        "ContainerError",
        "DigestMismatch",
        "DtlsFailed",
        "DuplicateEvent",
        "Expired",
        "IceFailed",
        "InvalidAuthorization",
        "InvalidSignature",
        "JoinRejected",
        "LengthMismatch",
        "LiveKitError",
        "LocalProtocolError",
        "Malformed",
        "MalformedEvent",
        "MediaError",
        "MissingAuthorization",
        "NotPermitted",
        "NotYetValid",
        "ProtocolError",
        "PublishError",
        "PublishTimeout",
        "RemoteProtocolError",
        "RoomClosed",
        "RpcError",
        "ServerError",
        "ServerUnreachable",
        "SipCallError",
        "SlowConsumer",
        "StaleEvent",
        "StreamAborted",
        "StreamError",
        "StreamTooLarge",
        "TokenError",
        "UnknownApiKey",
        "WebhookError",
    ),
    "lktrio.room": (
        "LocalParticipant",
        "LocalTrack",
        "RemoteParticipant",
        "RemoteTrack",
        "Room",
        "RoomOptions",
        "Timeouts",
        "connect_room",
        "open_room",
    ),
    "lktrio.webhooks": ("WebhookReceiver",),
}
_MODULES = ("api", "devserver", "errors", "events", "media", "proto", "testing", "webhooks")
_EXPORTS = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AccessToken",
    "AuthenticationFailed",
    "CodecRejected",
    "CodecUnavailable",
    "ConnectError",
    "ConnectTimeout",
    "ContainerError",
    "DigestMismatch",
    "DtlsFailed",
    "DuplicateEvent",
    "Expired",
    "IceFailed",
    "InvalidAuthorization",
    "InvalidSignature",
    "JoinRejected",
    "LengthMismatch",
    "LiveKitAPI",
    "LiveKitError",
    "LocalParticipant",
    "LocalProtocolError",
    "LocalTrack",
    "Malformed",
    "MalformedEvent",
    "MediaError",
    "MissingAuthorization",
    "NotPermitted",
    "NotYetValid",
    "ProtocolError",
    "PublishError",
    "PublishTimeout",
    "RemoteParticipant",
    "RemoteProtocolError",
    "RemoteTrack",
    "Room",
    "RoomClosed",
    "RoomOptions",
    "RpcError",
    "ServerError",
    "ServerUnreachable",
    "SipCallError",
    "SlowConsumer",
    "StaleEvent",
    "StreamAborted",
    "StreamError",
    "StreamTooLarge",
    "Timeouts",
    "TokenError",
    "TokenSource",
    "UnknownApiKey",
    "VideoGrants",
    "WebhookError",
    "WebhookReceiver",
    "__version__",
    "api",
    "connect_room",
    "devserver",
    "errors",
    "events",
    "media",
    "open_room",
    "proto",
    "testing",
    "verify_token",
    "webhooks",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value: Any = import_module(f"lktrio.{name}")
    elif name in _EXPORTS:
        value = getattr(import_module(_EXPORTS[name]), name)
    else:
        raise AttributeError(f"module 'lktrio' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

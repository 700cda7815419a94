"""Every exception that lktrio raises on purpose.

::

    LiveKitError
    ├─ ConnectError                      joining a room failed
    │  ├─ AuthenticationFailed           the server refused the token
    │  ├─ ServerUnreachable              no server answered at the URL
    │  │  └─ ProxyFailed                 the proxy on the way did not let us through (OSError)
    │  ├─ JoinRejected                   the server knows us and said no
    │  ├─ IceFailed                      no network path for media was found
    │  ├─ DtlsFailed                     the media path could not be secured
    │  └─ ConnectTimeout                 a phase of joining took too long
    ├─ RoomClosed                        the room has ended (trio.BrokenResourceError)
    ├─ SlowConsumer                      this subscriber read too slowly (trio.BrokenResourceError)
    ├─ PublishError
    │  ├─ NotPermitted                   the token or a permission forbids it
    │  ├─ CodecRejected                  the server or peer does not take the codec
    │  ├─ EncryptionUnavailable          it was to be encrypted from end to end
    │  ├─ DuplicateName                  a data track of that name is published already
    │  └─ PublishTimeout                 the server never acknowledged the track
    ├─ EncryptedData                     data is encrypted from end to end
    ├─ StreamError
    │  ├─ StreamAborted                  the sender gave up or left
    │  ├─ LengthMismatch                 more or fewer bytes than announced
    │  └─ StreamTooLarge                 larger than the receiver accepts
    ├─ RpcError                          the other participant answered with an error
    ├─ ServerError                       a server API answered with an error
    │  └─ SipCallError                   a SIP call failed with a SIP status
    ├─ TokenError
    │  ├─ InvalidSignature
    │  ├─ Expired
    │  ├─ NotYetValid
    │  └─ Malformed
    ├─ WebhookError
    │  ├─ MissingAuthorization
    │  ├─ InvalidAuthorization           its token is not acceptable (TokenError)
    │  ├─ UnknownApiKey
    │  ├─ DigestMismatch
    │  ├─ StaleEvent                     signed longer ago than the replay window
    │  ├─ DuplicateEvent                 received before
    │  └─ MalformedEvent
    ├─ ProtocolError
    │  ├─ LocalProtocolError             you asked for something the protocol forbids
    │  └─ RemoteProtocolError            the peer sent something the protocol forbids
    ├─ PacketLogError                    a packet log cannot be written
    └─ MediaError
       ├─ ContainerError                 a media file is damaged or of the wrong kind
       ├─ CodecUnavailable               no encoder or decoder for that codec is installed
       ├─ EncryptedMedia                 media is encrypted from end to end
       └─ UnplayableMedia                receivers do not show what a file holds

Causes are chained: ``OSError``, ``ssl.SSLError`` and ``httpx.HTTPError`` appear as ``__cause__``,
never bare. A message says what happened, where, and what to try. No secret is ever part of one.
"""

from __future__ import annotations

from collections.abc import Mapping

import trio

from lktrio._protocol_errors import (
    LiveKitError,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
)

__all__ = [
    "AuthenticationFailed",
    "CodecRejected",
    "CodecUnavailable",
    "ConnectError",
    "ConnectTimeout",
    "ContainerError",
    "DigestMismatch",
    "DtlsFailed",
    "DuplicateEvent",
    "DuplicateName",
    "EncryptedData",
    "EncryptedMedia",
    "EncryptionUnavailable",
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
    "PacketLogError",
    "ProtocolError",
    "ProxyFailed",
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
    "UnplayableMedia",
    "WebhookError",
]


class ConnectError(LiveKitError):
    """Joining a room failed; the subclass says in which way."""


class AuthenticationFailed(ConnectError):
    """The server refused the token: wrong key, expired, or without the grant to join."""


class ServerUnreachable(ConnectError):
    """No LiveKit server answered at the URL."""


class ProxyFailed(ServerUnreachable, OSError):
    """The proxy on the way to the server did not let us through.

    It is an ``OSError`` as well, as it is raised where connections are opened.

    Attributes:
        proxy: Scheme, host and port of the proxy, without name and password.
        status: The HTTP status with which it refused, or None.
        permanent: Whether trying again is of no use: the URL is none, or the credentials are wrong.
    """

    def __init__(
        self, message: str, *, proxy: str, status: int | None = None, permanent: bool = False
    ) -> None:
        super().__init__(message)
        self.proxy = proxy
        self.status = status
        self.permanent = permanent


class JoinRejected(ConnectError):
    """The server accepted the token but refused the join.

    Attributes:
        status: The HTTP status of the refusal, or None when it came over the WebSocket.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class IceFailed(ConnectError):
    """No network path for media could be established (RFC 8445)."""


class DtlsFailed(ConnectError):
    """The DTLS handshake failed, or the peer's certificate was not the announced one."""


class ConnectTimeout(ConnectError):
    """A phase of joining exceeded its deadline; the message names the phase."""


class RoomClosed(LiveKitError, trio.BrokenResourceError):
    """The room has ended and the call can no longer be carried out.

    Attributes:
        reason: Why it ended: the lower-case name of LiveKit's ``DisconnectReason``
            (such as ``"room_deleted"``), or ``"unknown_reason"``.
        can_reconnect: Whether it makes sense to join again: the link was lost, or the server asks
            for it.
    """

    def __init__(
        self,
        message: str = "the room is closed",
        *,
        reason: str = "unknown_reason",
        can_reconnect: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.can_reconnect = can_reconnect


class SlowConsumer(LiveKitError, trio.BrokenResourceError):
    """A subscriber did not read its queue in time, so the queue was ended for it alone."""


class PublishError(LiveKitError):
    """A track or data could not be published."""


class NotPermitted(PublishError):
    """The token's grants, or permissions changed since, forbid it."""


class EncryptionUnavailable(PublishError):
    """It was to be encrypted from end to end, which is not there yet; nothing was sent."""


class CodecRejected(PublishError):
    """The peer negotiated none of the codecs that the track can be sent in."""


class DuplicateName(PublishError):
    """The local participant publishes a data track of that name already."""


class PublishTimeout(PublishError):
    """The server did not acknowledge the track in time."""


class EncryptedData(LiveKitError):
    """Data is encrypted from end to end, so that it cannot be read."""


class StreamError(LiveKitError):
    """A text or byte stream did not arrive whole."""


class StreamAborted(StreamError):
    """The sender gave the stream up, or left."""


class LengthMismatch(StreamError):
    """The stream held more or fewer bytes than its header announced."""


class StreamTooLarge(StreamError):
    """The stream is larger than the receiver accepts."""


class RpcError(LiveKitError):
    """A remote procedure call failed.

    Attributes:
        code: LiveKit's RPC code (1400-1505) or one of the application.
        message: Short text, at most 256 bytes on the wire.
        data: Optional further text.
    """

    def __init__(self, code: int, message: str, data: str = "") -> None:
        super().__init__(f"RPC error {code}: {message}")
        self.code = code
        self.message = message
        self.data = data


class ServerError(LiveKitError):
    """A server API answered with an error.

    Attributes:
        code: The Twirp code, such as ``"not_found"``.
        message: The server's text.
        meta: The server's further key-value pairs.
        status: The HTTP status, or None when no HTTP answer arrived.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        meta: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.meta: dict[str, str] = dict(meta or {})
        self.status = status


class SipCallError(ServerError):
    """A SIP call, or the transfer of one, failed.

    Attributes:
        sip_status_code: The SIP status, such as 486; None if a transfer failed without one.
        sip_status: Its reason phrase, such as ``"Busy Here"``.
        sip_transfer_reason: Why a transfer failed, such as ``"STR_RINGING_TIMEOUT"``; else empty.
        sip_transfer_id: Id of the transfer that failed; else empty.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        sip_status_code: int | None,
        sip_status: str = "",
        sip_transfer_reason: str = "",
        sip_transfer_id: str = "",
        meta: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(code, message, meta=meta, status=status)
        self.sip_status_code = sip_status_code
        self.sip_status = sip_status
        self.sip_transfer_reason = sip_transfer_reason
        self.sip_transfer_id = sip_transfer_id


class TokenError(LiveKitError):
    """An access token could not be made or verified."""


class InvalidSignature(TokenError):
    """The signature, the algorithm or the issuer of a token is not acceptable."""


class Expired(TokenError):
    """The token's ``exp`` has passed."""


class NotYetValid(TokenError):
    """The token's ``nbf`` lies in the future."""


class Malformed(TokenError):
    """The text is not a well-formed access token."""


class WebhookError(LiveKitError):
    """A webhook request was refused."""


class MissingAuthorization(WebhookError):
    """The request carries no Authorization header."""


class InvalidAuthorization(WebhookError, TokenError):
    """The token of the request is forged, expired or no token; the cause says which."""


class UnknownApiKey(WebhookError):
    """The request is signed with a key that the receiver does not know."""


class DigestMismatch(WebhookError):
    """The body is not the one that was signed."""


class StaleEvent(WebhookError):
    """The request was signed longer ago than the receiver's replay window."""


class DuplicateEvent(WebhookError):
    """An event with this id was received before: it was sent twice, or replayed.

    Attributes:
        id: The id, such as ``"EV_JW9qamk5QD58"``.
    """

    def __init__(self, message: str, *, id: str) -> None:  # noqa: A002 - LiveKit's name
        super().__init__(message)
        self.id = id


class MalformedEvent(WebhookError):
    """The body is not a LiveKit webhook event."""


class PacketLogError(LiveKitError):
    """A packet log cannot be written where it should be."""


class MediaError(LiveKitError):
    """Media could not be read, written or coded."""


class ContainerError(MediaError):
    """A media file is damaged, truncated or of another kind than expected."""


class CodecUnavailable(MediaError):
    """No encoder or decoder for the codec is installed."""


class EncryptedMedia(MediaError):
    """The media is encrypted from end to end, so that its frames cannot be read."""


class UnplayableMedia(MediaError):
    """A file holds what receivers of WebRTC do not show, such as B frames; the text says which."""

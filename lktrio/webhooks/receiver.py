"""Receiving webhooks: making sure who sent a request, and reading the event in it.

Theory of operation: LiveKit's server posts each event as protobuf JSON. The ``Authorization``
header is an access token signed with an API key of the project, without a scheme word, and its
claim ``sha256`` is the standard base64 of the SHA-256 of the exact body. So the token is verified
first, then the hash of the body, in constant time; nothing of the body is looked at before.

Such a token is good for five minutes. Who can read the request could send it again in that time;
the replay window makes it shorter, and remembering the ids of events closes it. The server too
sends an event again when an answer of ours was lost: that is why a repeated event deserves the
same answer as the first.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

from lktrio._text import printable
from lktrio.auth import DEFAULT_LEEWAY, Claims, KeyProvider, Keys, verify_token
from lktrio.auth._keys import provider_of
from lktrio.errors import (
    DigestMismatch,
    DuplicateEvent,
    InvalidAuthorization,
    MalformedEvent,
    MissingAuthorization,
    RemoteProtocolError,
    StaleEvent,
    TokenError,
    UnknownApiKey,
)
from lktrio.proto import WebhookEvent
from lktrio.proto.codec import from_json

__all__ = ["MAX_BODY", "WebhookReceiver", "body_hash"]

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a body: room and participant may have 512 KiB of metadata each, escaped in JSON."""

_SCHEME = "bearer"


def body_hash(body: bytes) -> str:
    """SHA-256 of a body in standard base64, as the claim ``sha256`` has it."""
    return base64.b64encode(hashlib.sha256(body).digest()).decode("ascii")


class WebhookReceiver:
    """Verifies webhook requests and reads their events.

    ::

        receiver = WebhookReceiver({"key": "secret"})
        event = receiver.receive(body, headers.get("Authorization"))

    Every refusal is a `WebhookError`; answer it with HTTP 401 or 400. One receiver may be used by
    many tasks.

    Args:
        keys: One ``(key, secret)`` pair, a mapping of keys to secrets, or a `KeyProvider`, which
            is asked at every request; the environment (``LIVEKIT_API_KEY``,
            ``LIVEKIT_API_SECRET``) if None.
        max_body: Bytes that a body may have.
        leeway: How far the clocks of the two sides may differ.
        replay_window: Refuse requests that were signed longer ago than this. None accepts them
            until their token expires: five minutes.
        deduplicate: How many ids of events to remember, the latest ones, so that an event is
            received once; 0 remembers none. Choose more than arrive in six minutes.
        clock: Returns seconds since 1970.
    """

    def __init__(
        self,
        keys: Keys | None = None,
        *,
        max_body: int = MAX_BODY,
        leeway: timedelta = DEFAULT_LEEWAY,
        replay_window: timedelta | None = None,
        deduplicate: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if max_body <= 0 or deduplicate < 0:
            raise ValueError("max_body must be positive, and deduplicate not negative")
        self.max_body = max_body
        self._keys = provider_of(keys)
        self._leeway = leeway
        self._replay_window = replay_window
        self._capacity = deduplicate
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._clock = clock

    def receive(
        self, body: bytes | bytearray | memoryview | str, authorization: str | None
    ) -> WebhookEvent:
        """The event of a request.

        Fields and enum values that are not known are skipped, so that a newer server can be read.

        Args:
            body: The body exactly as it arrived; a str is taken to be its UTF-8.
            authorization: The header ``Authorization``: a token, with or without ``Bearer``.

        Raises:
            MissingAuthorization: There is no such header.
            InvalidAuthorization: Its token is forged, expired or no token.
            UnknownApiKey: It is signed with a key that the receiver does not know.
            DigestMismatch: The body is not the one that was signed.
            StaleEvent: The request was signed longer ago than the replay window.
            DuplicateEvent: The event was received before; answer it with success again.
            MalformedEvent: The body is too large or not an event.
        """
        event = _event(self.verify(body, authorization))
        self._remember(event.id)
        return event

    def verify(
        self, body: bytes | bytearray | memoryview | str, authorization: str | None
    ) -> bytes:
        """The body of a request, once it is proven; `receive` without reading the event.

        For forwarding or keeping requests as they are. Repeated events pass.

        Raises:
            WebhookError: As `receive`, save that a body of the right size is not looked into.
        """
        claims = self.authenticate(authorization)
        data = _bytes(body)
        if len(data) > self.max_body:
            raise MalformedEvent(f"the body has more than {self.max_body} bytes")
        if not hmac.compare_digest(body_hash(data).encode(), _utf8(claims.sha256)):
            raise DigestMismatch("the body is not the one that was signed: hand it over unchanged")
        return data

    def authenticate(self, authorization: str | None) -> Claims:
        """The claims of a request's token: what can be checked before its body is read.

        Raises:
            WebhookError: As `receive`, for what concerns the header.
        """
        token = _token(authorization)
        asked = _AskedKeys(self._keys)
        now = self._clock()
        try:
            claims = verify_token(token, asked, leeway=self._leeway, now=now)
        except TokenError as error:
            if asked.unknown is not None:
                name = asked.unknown[:64]
                raise UnknownApiKey(f"the API key {name!r} is not known here") from error
            raise InvalidAuthorization(f"the Authorization header: {error}") from error
        if not claims.sha256:
            raise DigestMismatch("the token is not bound to a body: it was made for something else")
        self._check_age(claims, now)
        return claims

    def forget(self, event: WebhookEvent) -> None:
        """Let an event be received once more, since it could not be dealt with this time."""
        self._seen.pop(event.id, None)

    def _check_age(self, claims: Claims, now: float) -> None:
        if self._replay_window is None:
            return
        signed = claims.not_before if claims.issued_at is None else claims.issued_at
        oldest = now - (self._replay_window + self._leeway).total_seconds()
        if signed is None or signed < oldest:
            seconds = self._replay_window.total_seconds()
            raise StaleEvent(f"the request was not signed within the last {seconds:.0f} s")

    def _remember(self, event_id: str) -> None:
        if not self._capacity or not event_id:
            return
        if event_id in self._seen:
            problem = f"the event {printable(event_id)} was received before"
            raise DuplicateEvent(problem, id=event_id)
        self._seen[event_id] = None
        if len(self._seen) > self._capacity:
            self._seen.popitem(last=False)


class _AskedKeys:
    """A provider that remembers the key that was asked for and not known."""

    def __init__(self, keys: KeyProvider) -> None:
        self._keys = keys
        self.unknown: str | None = None

    def get_secret(self, api_key: str, /) -> str | None:
        secret = self._keys.get_secret(api_key)
        if not secret:
            self.unknown = api_key
        return secret


def _token(authorization: str | None) -> str:
    token = (authorization or "").strip()
    scheme, _, rest = token.partition(" ")
    if scheme.lower() == _SCHEME:
        token = rest.lstrip()
    if not token:
        raise MissingAuthorization("the request has no Authorization header")
    return token


def _bytes(body: bytes | bytearray | memoryview | str) -> bytes:
    if isinstance(body, str):
        try:
            return body.encode()
        except UnicodeEncodeError:
            raise MalformedEvent("the body has half a surrogate pair: pass it as bytes") from None
    if isinstance(body, bytes):
        return body
    if isinstance(body, bytearray | memoryview):  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
        return bytes(body)
    raise TypeError(f"a body is bytes or str, not {type(body).__name__}")


def _utf8(text: str) -> bytes:
    """Bytes to compare with, whatever a token says."""
    return text.encode("utf-8", "surrogatepass")


def _event(data: bytes) -> WebhookEvent:
    try:
        return from_json(WebhookEvent, data.decode())
    except (UnicodeDecodeError, RemoteProtocolError) as error:
        raise MalformedEvent(f"the body is not a webhook event: {error}") from error

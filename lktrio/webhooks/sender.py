"""Sending webhooks, as LiveKit's server does: signed, in order, tried again, never in the way.

Theory of operation: `WebhookSender.send` puts an event in the queue of its resource (a room with
all that happens in it, an egress, an ingress) and returns. Each resource with queued events has
one task, which posts them one by one, so that the events of a resource arrive in order and a
resource whose events fail holds up no other. At most `SenderOptions.concurrency` requests are
under way at once; an event that waits for its next attempt does not count.

An answer of 2xx delivers the event. No answer, 429 and 5xx are tried again after a pause that
doubles, or the one that ``Retry-After`` asks for; other answers are final. An event that has
waited too long, or finds its queue full, is dropped, and the next one tells how many were
(``num_dropped``). All attempts of an event have the same body and id; each has a new token.

The numbers are those of LiveKit's server (``resource_url_notifier.go``).
"""

from __future__ import annotations

import json
import logging
import secrets
import string
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import trio

from lktrio._http import new_client
from lktrio._running import require_trio
from lktrio._scope import open_service_nursery
from lktrio._text import printable
from lktrio.auth import AccessToken
from lktrio.errors import LocalProtocolError
from lktrio.proto import WebhookEvent
from lktrio.proto.codec import to_json_value

from .receiver import body_hash

if TYPE_CHECKING:
    import httpx

__all__ = ["Delivery", "Outcome", "SenderOptions", "WebhookSender", "signed_headers"]

CONTENT_TYPE = "application/webhook+json"
USER_AGENT = "LiveKit"
TOKEN_TTL = timedelta(minutes=5)
MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read; a longer one ends its connection."""

NO_CONTENT = 204
TOO_MANY_REQUESTS = 429
SERVER_ERRORS = 500
NOT_IMPLEMENTED = 501

_ID_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 12

logger = logging.getLogger("lktrio.webhooks")


def signed_headers(
    body: bytes, api_key: str | None = None, api_secret: str | None = None
) -> dict[str, str]:
    """The headers of a webhook request with this body, signed now and good for five minutes.

    Args:
        body: The body, exactly as it will be sent.
        api_key: API key; ``LIVEKIT_API_KEY`` if None.
        api_secret: Its secret; ``LIVEKIT_API_SECRET`` if None.

    Raises:
        ValueError: There is no key or secret.
    """
    token = AccessToken(sha256=body_hash(body), ttl=TOKEN_TTL).to_jwt(api_key, api_secret)
    return {"Authorization": token, "Content-Type": CONTENT_TYPE, "User-Agent": USER_AGENT}


class Outcome(Enum):
    """What became of an event."""

    DELIVERED = "delivered"
    """The receiver answered with 2xx."""
    REJECTED = "rejected"
    """The receiver answered with something that another attempt would not change."""
    FAILED = "failed"
    """No attempt was answered, or each with 429 or 5xx."""
    TOO_OLD = "too_old"
    """It was dropped, since it had waited for longer than ``max_age``."""
    OVERFLOWED = "overflowed"
    """It was dropped, since too many were waiting."""
    ABANDONED = "abandoned"
    """The sender ended before its turn, or amid its attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The end of an event's way."""

    event: str
    """Its name, such as ``room_started``."""
    id: str
    """Its id."""
    outcome: Outcome
    """What became of it."""
    attempts: int
    """How many requests were made."""
    status: int | None
    """Status of the last answer, or None if the last request had none."""
    problem: str
    """Why the last request had no answer, or empty."""
    waited: float
    """Seconds from `WebhookSender.send` to the first request, or to now if there was none."""
    took: float
    """Seconds from the first request to now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderOptions:
    """Limits and deadlines of a sender; seconds and counts."""

    depth: int = 200
    """Events that one resource may have waiting; further ones are dropped."""
    total: int = 10_000
    """Events that may wait in all; further ones are dropped."""
    max_age: float = 30.0
    """An event that has waited for longer than this when its turn comes is dropped."""
    concurrency: int = 10
    """Requests at once."""
    attempts: int = 5
    """Requests for one event."""
    backoff: float = 1.0
    """Pause before the second request; doubled before each further one."""
    max_backoff: float = 30.0
    """The longest pause, whatever ``Retry-After`` asks for."""
    attempt_timeout: float = 10.0
    """How long one request may take, connecting included."""
    linger: float = 2.0
    """How long the sender goes on when its block is left, to deliver what is still queued."""

    def __post_init__(self) -> None:
        for name in ("depth", "total", "concurrency", "attempts"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")
        for name in ("max_age", "backoff", "max_backoff", "attempt_timeout", "linger"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative")


@dataclass(slots=True)
class _Item:
    """An event on its way."""

    name: str
    id: str
    value: dict[str, Any]
    queued_at: float
    started_at: float | None = None
    dropped_before: int = 0
    attempts: int = 0
    status: int | None = None
    problem: str = ""
    retry_after: float = 0.0


_Key = tuple[str, str]
"""A kind of resource and what names it."""


class WebhookSender:
    """Posts events to the webhook of one URL.

    ::

        async with WebhookSender(url, api_key, api_secret) as sender:
            sender.send(proto.WebhookEvent(event="room_started", room=room))

    or, where the caller owns the scope, ``await nursery.start(sender.serve)``. When the block is
    left, by an exception or cancellation too, what is still queued gets `SenderOptions.linger`
    seconds more; then nothing of the sender is left. A sender is opened once.

    Args:
        url: Where to post to, ``http`` or ``https``, without user or password.
        api_key: API key to sign with; ``LIVEKIT_API_KEY`` if None.
        api_secret: Its secret; ``LIVEKIT_API_SECRET`` if None.
        include: Names of events to send; if it is not empty, no others are sent.
        exclude: Names of events not to send; not looked at if there is ``include``.
        options: Limits and deadlines.
        on_delivery: Called with the end of each event's way, for metrics and logs; must not block.
        client: HTTP client to use, for a proxy, a TLS context or one family of addresses. It is
            not closed, and its timeouts are not used.

    Attributes:
        counts: How many events had which outcome so far.
        queued: How many are waiting or under way.

    Raises:
        ValueError: The URL cannot be posted to, or there is no key or secret.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        api_secret: str | None = None,
        *,
        include: Collection[str] = (),
        exclude: Collection[str] = (),
        options: SenderOptions | None = None,
        on_delivery: Callable[[Delivery], None] | None = None,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self.url = _checked_url(url)
        signed_headers(b"", api_key, api_secret)  # complains about missing keys here, not later
        self._credentials = (api_key, api_secret)
        self._include = frozenset(include)
        self._exclude = frozenset(exclude)
        self._options = options or SenderOptions()
        self._on_delivery = on_delivery
        self._client = client
        self._block: AbstractAsyncContextManager[Self] | None = None
        self._nursery: trio.Nursery | None = None
        self._closed = False
        self._lanes: dict[_Key, deque[_Item]] = {}
        self._idle = trio.Event()
        self._slots = trio.Semaphore(self._options.concurrency)
        self._unreported = 0
        self.counts: Counter[Outcome] = Counter()
        self.queued = 0

    def __repr__(self) -> str:
        return f"WebhookSender({self.url!r})"

    async def __aenter__(self) -> Self:
        require_trio("WebhookSender")
        if self._block is not None:
            raise LocalProtocolError("a WebhookSender is opened once: make another one")
        self._block = self._open()
        return await self._block.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        assert self._block is not None
        return await self._block.__aexit__(exc_type, exc, traceback)  # noqa: ASYNC102 - shields itself

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the sender until it is cancelled: ``await nursery.start(sender.serve)``."""
        async with self:
            task_status.started()
            await trio.sleep_forever()

    def send(self, event: WebhookEvent) -> bool:
        """Queue an event as it is now; later changes to it are not sent.

        An ``id`` and ``created_at`` are added if they are missing. Never waits.

        Returns:
            Whether it was queued; not if the filter is against it or too many are waiting.

        Raises:
            LocalProtocolError: The sender is not open yet.
            trio.ClosedResourceError: The sender has ended.
            TypeError, ValueError: The event cannot be encoded.
        """
        if self._closed:
            raise trio.ClosedResourceError("the webhook sender has ended")
        if self._nursery is None:
            raise LocalProtocolError("use WebhookSender as `async with WebhookSender(...)`")
        if not self._wants(event.event):
            return False
        key, item = _resource_of(event), _item(event)
        lane = self._lanes.get(key)
        if self.queued >= self._options.total or (lane and len(lane) >= self._options.depth):
            self._end(item, Outcome.OVERFLOWED)
            return False
        self.queued += 1
        if lane is None:
            lane = self._lanes[key] = deque((item,))
            self._nursery.start_soon(self._work, key, lane, name=f"webhooks of {key[0]} {key[1]}")
        else:
            lane.append(item)
        return True

    async def flush(self) -> None:
        """Wait until nothing is queued: all is delivered or given up.

        A cancelled `flush` changes nothing.
        """
        await trio.lowlevel.checkpoint()
        while self._lanes:
            await self._idle.wait()

    def _wants(self, name: str) -> bool:
        return name in self._include if self._include else name not in self._exclude

    @asynccontextmanager
    async def _open(self) -> AsyncGenerator[Self, None]:
        async with AsyncExitStack() as stack:
            if self._client is None:
                self._client = await stack.enter_async_context(new_client(self.url))
            self._nursery = await stack.enter_async_context(open_service_nursery())
            try:
                yield self
            finally:
                with trio.CancelScope(shield=True) as scope:
                    scope.deadline = trio.current_time() + self._options.linger
                    await self.flush()
                self._closed = True

    async def _work(self, key: _Key, lane: deque[_Item]) -> None:
        """Deliver what one resource has waiting."""
        try:
            while True:
                self._end(lane[0], await self._deliver(lane[0]))
                lane.popleft()
                self.queued -= 1
                if not lane:
                    return
        finally:
            del self._lanes[key]
            self._abandon(lane)
            if not self._lanes:
                self._idle.set()
                self._idle = trio.Event()

    def _abandon(self, lane: deque[_Item]) -> None:
        """Give up what is left when the sender ends."""
        if lane:
            self._closed = True
        for item in lane:
            answered = _judge(item.status) is Outcome.DELIVERED
            self._end(item, Outcome.DELIVERED if answered else Outcome.ABANDONED)
        self.queued -= len(lane)

    async def _deliver(self, item: _Item) -> Outcome:
        options = self._options
        now = trio.current_time()
        if now - item.queued_at > options.max_age:
            await trio.lowlevel.checkpoint()
            return Outcome.TOO_OLD
        item.started_at = now
        item.dropped_before, self._unreported = self._unreported, 0
        body = _body(item)
        pause = options.backoff
        while True:
            item.attempts += 1
            async with self._slots:
                await self._post(item, body)
            outcome = _judge(item.status)
            if outcome is not Outcome.FAILED or item.attempts >= options.attempts:
                return outcome
            await trio.sleep(min(max(pause, item.retry_after), options.max_backoff))
            pause *= 2

    async def _post(self, item: _Item, body: bytes) -> None:  # noqa: ASYNC910 - slots are checkpoints
        """Make one request, and note in the item how it went."""
        import httpx

        assert self._client is not None
        headers = signed_headers(body, *self._credentials)
        item.status, item.problem, item.retry_after = None, "", 0.0
        with trio.move_on_after(self._options.attempt_timeout):
            try:
                async with self._client.stream(
                    "POST",
                    self.url,
                    content=body,
                    headers=headers,
                    timeout=None,
                    follow_redirects=False,
                ) as response:
                    item.status = response.status_code
                    item.retry_after = _retry_after(response)
                    if _is_short(response):
                        await response.aread()
            except httpx.HTTPError as error:
                item.problem = f"{type(error).__name__}: {printable(str(error))}"
        if item.status is not None:
            item.problem = ""
        elif not item.problem:
            item.problem = f"no answer within {self._options.attempt_timeout:.1f} s"

    def _end(self, item: _Item, outcome: Outcome) -> None:
        """Count what became of an event, and tell."""
        self.counts[outcome] += 1
        if outcome is not Outcome.DELIVERED:
            self._unreported += 1 + item.dropped_before
            problem = item.problem or (f"status {item.status}" if item.status else "")
            name, id_ = printable(item.name), printable(item.id)
            logger.warning("webhook %s %s: %s %s", name, id_, outcome.value, problem)
        if self._on_delivery is None:
            return
        try:
            self._on_delivery(_delivery(item, outcome))
        except Exception:
            logger.exception("on_delivery failed on the webhook %s %s", item.name, item.id)


def _checked_url(url: str) -> str:
    """A URL that can be posted to, without the white space around it."""
    # Callers may be untyped.
    if not isinstance(url, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"the URL of a webhook must be a str, not {type(url).__name__}")
    url = url.strip()
    if "@" in url.partition("//")[2].partition("/")[0]:  # before any message shows the URL
        # The HTTP client would put them where the token of the webhook belongs.
        raise ValueError("the URL of a webhook must not have a user or password in it")
    if not _can_be_posted_to(url):
        raise ValueError(f"{url!r} is not a URL such as https://example.com/webhook")
    return url


def _can_be_posted_to(url: str) -> bool:
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and parts.scheme in ("http", "https") and url.isprintable()


def _resource_of(event: WebhookEvent) -> _Key:
    """What the event is about; events about the same are sent in order."""
    if event.egress_info is not None:
        return "egress", event.egress_info.egress_id
    if event.ingress_info is not None:
        return "ingress", event.ingress_info.ingress_id
    if event.room is not None:
        return "room", event.room.name
    if event.participant is not None:
        return "participant", event.participant.identity
    if event.track is not None:
        return "track", event.track.sid
    return "other", ""


def _item(event: WebhookEvent) -> _Item:
    value: dict[str, Any] = to_json_value(event)
    event_id: str = value.setdefault("id", _new_id())
    value.setdefault("createdAt", str(int(time.time())))
    return _Item(event.event, event_id, value, trio.current_time())


def _new_id() -> str:
    return "EV_" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))


def _body(item: _Item) -> bytes:
    value = item.value
    if item.dropped_before:
        value = {**value, "numDropped": value.get("numDropped", 0) + item.dropped_before}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _judge(status: int | None) -> Outcome:
    """The outcome of an attempt; FAILED may be tried again."""
    if status is None or status == TOO_MANY_REQUESTS:
        return Outcome.FAILED
    if status >= SERVER_ERRORS and status != NOT_IMPLEMENTED:
        return Outcome.FAILED
    return Outcome.DELIVERED if status // 100 == 2 else Outcome.REJECTED


def _retry_after(response: httpx.Response) -> float:
    """Seconds that an answer asks to wait; dates are not understood."""
    value: str = response.headers.get("Retry-After", "")
    return float(value[:9]) if value.isascii() and value.isdigit() else 0.0


def _is_short(response: httpx.Response) -> bool:
    """Whether an answer is worth reading to its end, so that its connection can be used again."""
    if response.status_code == NO_CONTENT:
        return True
    length: str = response.headers.get("Content-Length", "")
    plain = "Content-Encoding" not in response.headers
    return plain and length.isascii() and length.isdigit() and int(length[:9]) <= MAX_ANSWER


def _delivery(item: _Item, outcome: Outcome) -> Delivery:
    now = trio.current_time()
    started = now if item.started_at is None else item.started_at
    return Delivery(
        event=item.name,
        id=item.id,
        outcome=outcome,
        attempts=item.attempts,
        status=item.status,
        problem=item.problem,
        waited=started - item.queued_at,
        took=now - started,
    )

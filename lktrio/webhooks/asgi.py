"""A webhook receiver as an ASGI application, for any server and framework that speaks ASGI 3.

Theory of operation: the token is checked before the body is read, so that only who has an API key
can make us hold one; the body is read up to the receiver's limit. What the sender is told:

=====================================  ======  =====================================
request                                status  what LiveKit's server does then
=====================================  ======  =====================================
handled now, or before                 200     the event is delivered
not POST                               405     gives up
authorization or signature refused     401     gives up
not an event                           400     gives up
body too large                         413     gives up
the handler failed                     500     sends it again, a few times
the same event is being handled        503     sends it again, a few times
=====================================  ======  =====================================

Nothing here needs an event loop of its own: it runs wherever the handler runs.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from lktrio._text import printable
from lktrio.errors import DuplicateEvent, MalformedEvent, WebhookError
from lktrio.proto import WebhookEvent

from .receiver import WebhookReceiver

__all__ = ["ASGIApp", "Handler", "asgi_app"]

Handler = Callable[[WebhookEvent], Awaitable[object]]
"""An async function of an event; what it returns is not looked at."""
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI 3 application: ``(scope, receive, send)``; every framework types them in its own way."""

OK = 200
BAD_REQUEST = 400
UNAUTHORIZED = 401
METHOD_NOT_ALLOWED = 405
TOO_LARGE = 413
FAILED = 500
BUSY = 503
RETRY_AFTER = b"1"  # seconds
MAX_DIGITS = 18  # of a Content-Length that can be a length

_FURTHER_HEADERS = {
    UNAUTHORIZED: [(b"www-authenticate", b"Bearer")],
    METHOD_NOT_ALLOWED: [(b"allow", b"POST")],
    BUSY: [(b"retry-after", RETRY_AFTER)],
}

logger = logging.getLogger("lktrio.webhooks")


def asgi_app(receiver: WebhookReceiver, handler: Handler) -> ASGIApp:
    """An ASGI application that verifies webhook requests and hands their events to ``handler``.

    ::

        app = asgi_app(WebhookReceiver(), handle_event)             # hypercorn -k trio module:app
        app = Starlette(routes=[Route("/livekit", asgi_app(receiver, handle_event))])

    The request is answered when the handler returns, so a handler that has much to do puts the
    event in a queue. If it raises, that is logged, the event is forgotten, and the server sends it
    again; if it is cancelled, the event is forgotten too. Every path is accepted.

    Args:
        receiver: Verifies the requests. Give it ``deduplicate``, so that an event that the
            server sends twice is handled once.
        handler: Called with each event; events of several requests are handled at the same time.
    """
    return _App(receiver, handler)


class _ClientGone(Exception):
    """The connection ended within the request: there is nobody to answer."""


class _TooLarge(MalformedEvent):
    """The body was not read to its end."""


class _App:
    # Not a function: Starlette's Route takes functions for endpoints of its own kind.

    def __init__(self, receiver: WebhookReceiver, handler: Handler) -> None:
        self._receiver = receiver
        self._handler = handler
        self._in_progress: set[str] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        kind: str = scope["type"]
        if kind == "http":
            await self._serve_request(scope, receive, send)
        elif kind == "lifespan":
            await _serve_lifespan(receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise ValueError(f"an ASGI connection of type {kind!r} is no webhook")

    async def _serve_request(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != "POST":
            await _respond(send, METHOD_NOT_ALLOWED, "webhooks are posted")
            return
        authorization = _header(scope["headers"], b"authorization")
        try:
            self._receiver.authenticate(authorization)
            body = await _read_body(scope, receive, self._receiver.max_body)
            event = self._receiver.receive(body, authorization)
        except _ClientGone:
            logger.info("the sender of a webhook went away before its end")
            return  # noqa: ASYNC910 - reading the body found it
        except WebhookError as error:
            await _respond(send, *self._refusal(error))
        else:
            await self._handle(event, send)

    def _refusal(self, error: WebhookError) -> tuple[int, str]:
        """Status and text for a request that was not accepted."""
        if isinstance(error, DuplicateEvent):
            busy = error.id in self._in_progress
            return (BUSY, "the event is being handled") if busy else (OK, "")
        logger.warning("refused a webhook: %s", error)
        malformed = BAD_REQUEST if isinstance(error, MalformedEvent) else UNAUTHORIZED
        return TOO_LARGE if isinstance(error, _TooLarge) else malformed, str(error)

    async def _handle(self, event: WebhookEvent, send: Any) -> None:
        status, text = FAILED, "the event could not be handled"
        self._in_progress.add(event.id)
        try:
            await self._handler(event)
            status, text = OK, ""
        except Exception:
            name, id_ = printable(event.event), printable(event.id)
            logger.exception("the handler failed on the webhook %s %s", name, id_)
        finally:
            self._in_progress.discard(event.id)
            if status != OK:
                self._receiver.forget(event)
        await _respond(send, status, text)


def _header(headers: Any, name: bytes) -> str | None:
    """The first header of a name, which ASGI has in lower case."""
    found: bytes | None = next((value for key, value in headers if key == name), None)
    return None if found is None else bytes(found).decode("latin-1")


async def _read_body(scope: Any, receive: Any, limit: int) -> bytes:
    length = _header(scope["headers"], b"content-length") or ""
    if length.isdecimal() and (len(length) > MAX_DIGITS or int(length) > limit):
        raise _TooLarge(f"the body has more than {limit} bytes")  # without reading any
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientGone
        body += message.get("body", b"")
        if len(body) > limit:
            raise _TooLarge(f"the body has more than {limit} bytes")
        if not message.get("more_body", False):
            return bytes(body)


async def _respond(send: Any, status: int, text: str) -> None:
    body = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *_FURTHER_HEADERS.get(status, ()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _serve_lifespan(receive: Any, send: Any) -> None:
    """Say that we are ready and that we are done; there is nothing to do for it."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

"""Webhooks: receiving them, in any framework or as an ASGI application, and sending them.

::

    receiver = WebhookReceiver({"key": "secret"})
    event = receiver.receive(body, authorization)        # a lktrio.proto.WebhookEvent
    match event.event:
        case EventName.PARTICIPANT_JOINED:
            print(event.participant.identity)

The sender is what a server has: `lktrio.devserver` uses it, and tests of a receiver can. Importing
this package loads no HTTP client; opening a sender does.
"""

from __future__ import annotations

from lktrio.webhooks.asgi import ASGIApp, Handler, asgi_app
from lktrio.webhooks.names import EventName
from lktrio.webhooks.receiver import MAX_BODY, WebhookReceiver
from lktrio.webhooks.sender import (
    Delivery,
    Outcome,
    SenderOptions,
    WebhookSender,
    signed_headers,
)

__all__ = [
    "ASGIApp",
    "Delivery",
    "EventName",
    "Handler",
    "MAX_BODY",
    "Outcome",
    "SenderOptions",
    "WebhookReceiver",
    "WebhookSender",
    "asgi_app",
    "signed_headers",
]

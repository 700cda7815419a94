"""A webhook receiver of its own: ``python examples/webhook_receiver.py``.

Needs hypercorn, and LIVEKIT_API_KEY and LIVEKIT_API_SECRET in the environment. Tell LiveKit's
server the URL, in its configuration (``webhook.urls``) or in the project's settings on LiveKit
Cloud. ``hypercorn -k trio examples/webhook_receiver.py:app`` serves the same application.
"""

from __future__ import annotations

import sys

import hypercorn.trio
import trio

from lktrio import proto
from lktrio.webhooks import EventName, WebhookReceiver, asgi_app


async def handle(event: proto.WebhookEvent) -> None:
    """Print what happened. An event that takes longer belongs in a queue."""
    room = event.room.name if event.room else ""
    match event:
        case proto.WebhookEvent(event=EventName.PARTICIPANT_JOINED, participant=who) if who:
            print(f"{who.identity!r} is in {room!r}")
        case proto.WebhookEvent(event=EventName.PARTICIPANT_LEFT, participant=who) if who:
            reason = who.disconnect_reason.name or who.disconnect_reason
            print(f"{who.identity!r} has left {room!r}: {reason}")
        case _:
            print(f"{event.event} {room}")
    await trio.lowlevel.checkpoint()


app = asgi_app(WebhookReceiver(deduplicate=10_000), handle)


async def main(bind: str) -> None:
    """Serve the application until it is interrupted."""
    config = hypercorn.Config()
    config.bind = [bind]
    await hypercorn.trio.serve(app, config)


if __name__ == "__main__":
    trio.run(main, sys.argv[1] if sys.argv[1:] else "127.0.0.1:8080")

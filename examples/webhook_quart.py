"""Webhooks in a Quart-Trio application: ``hypercorn -k trio examples/webhook_quart.py:app``.

Needs quart-trio, and LIVEKIT_API_KEY and LIVEKIT_API_SECRET in the environment. The receiver needs
nothing but the body as bytes and the Authorization header, so any other framework does it alike.
"""

from __future__ import annotations

from quart import ResponseReturnValue, request
from quart_trio import QuartTrio

from lktrio.errors import DuplicateEvent, WebhookError
from lktrio.webhooks import MAX_BODY, WebhookReceiver

app = QuartTrio(__name__)
app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
receiver = WebhookReceiver(deduplicate=10_000)
rooms: dict[str, int] = {}


@app.post("/livekit")
async def receive_webhook() -> ResponseReturnValue:
    """Verify the request, and handle its event."""
    event = receiver.receive(await request.get_data(), request.headers.get("Authorization"))
    name = event.room.name if event.room else ""
    rooms[name] = rooms.get(name, 0) + 1
    return ""


@app.errorhandler(WebhookError)
async def refuse(error: WebhookError) -> ResponseReturnValue:
    """Success for an event that came before; 401 for what cannot be trusted."""
    return str(error), 200 if isinstance(error, DuplicateEvent) else 401


@app.get("/rooms")
async def show_rooms() -> ResponseReturnValue:
    """How many events each room had."""
    return rooms

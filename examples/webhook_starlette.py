"""Webhooks in a Starlette application: ``hypercorn -k trio examples/webhook_starlette.py:app``.

Needs starlette and hypercorn, and LIVEKIT_API_KEY and LIVEKIT_API_SECRET in the environment.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from lktrio import proto
from lktrio.webhooks import WebhookReceiver, asgi_app

rooms: dict[str, int] = {}
send_event, receive_event = trio.open_memory_channel[proto.WebhookEvent](1000)


async def handle(event: proto.WebhookEvent) -> None:
    """Put the event in a queue; with the queue full the server gets its answer later."""
    await send_event.send(event)


async def count_events() -> None:
    """Work on events in the background."""
    async for event in receive_event:
        name = event.room.name if event.room else ""
        rooms[name] = rooms.get(name, 0) + 1


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncGenerator[None, None]:
    """Run the background work as long as the application."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(count_events)
        yield
        nursery.cancel_scope.cancel()


async def show_rooms(_: Request) -> JSONResponse:
    """How many events each room had."""
    await trio.lowlevel.checkpoint()
    return JSONResponse(rooms)


app = Starlette(
    routes=[
        Route("/livekit", asgi_app(WebhookReceiver(deduplicate=10_000), handle)),
        Route("/rooms", show_rooms),
    ],
    lifespan=lifespan,
)

"""An endpoint that hands out tokens: ``hypercorn -k trio examples/token_endpoint.py:app``.

It speaks the standard contract of LiveKit's token sources, so `TokenSource.endpoint` and those of
LiveKit's other SDKs can ask it. Needs starlette and hypercorn, and LIVEKIT_URL, LIVEKIT_API_KEY and
LIVEKIT_API_SECRET in the environment.
"""

from __future__ import annotations

import os
import secrets
from datetime import timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import lktrio
from lktrio import proto
from lktrio.errors import RemoteProtocolError
from lktrio.proto.codec import from_json


def make_token(wanted: proto.TokenSourceRequest) -> str:
    """Decide who may have what. Whoever calls this in earnest looks at the session first."""
    return lktrio.AccessToken(
        identity=wanted.participant_identity or f"guest-{secrets.token_hex(4)}",
        name=wanted.participant_name or "",
        attributes=wanted.participant_attributes,
        ttl=timedelta(minutes=10),
        video=lktrio.VideoGrants(room_join=True, room=wanted.room_name or "lobby"),
        agents=wanted.room_config.agents if wanted.room_config else (),
    ).to_jwt()


async def hand_out(request: Request) -> JSONResponse:
    """Answer with the server's URL and a token."""
    try:
        wanted = from_json(proto.TokenSourceRequest, await request.body())
    except RemoteProtocolError as error:
        return JSONResponse({"error": str(error)}, 400)
    answer = {"server_url": os.environ["LIVEKIT_URL"], "participant_token": make_token(wanted)}
    return JSONResponse(answer, 201)


app = Starlette(routes=[Route("/token", hand_out, methods=["POST"])])

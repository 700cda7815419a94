"""The code of the page about tokens; the tests run it."""

from __future__ import annotations

from datetime import timedelta

import lktrio
from lktrio import api, auth


def make_token() -> str:
    """What a participant is and what it may do."""
    return lktrio.AccessToken(
        identity="alice",
        name="Alice",
        ttl=timedelta(minutes=10),
        attributes={"language": "en"},
        video=lktrio.VideoGrants(
            room_join=True,
            room="demo",
            can_publish_sources=["microphone"],
            can_update_own_metadata=True,
        ),
    ).to_jwt()  # signed with LIVEKIT_API_KEY and LIVEKIT_API_SECRET


def make_token_with_agent() -> str:
    """The room that the token makes gets an agent."""
    return lktrio.AccessToken(
        identity="alice",
        video=lktrio.VideoGrants(room_join=True, room="demo"),
        agents=[api.RoomAgentDispatch(agent_name="helper", metadata="{}")],
    ).to_jwt()


def may_publish(token: str) -> bool:
    """Only what was verified is true."""
    claims = lktrio.verify_token(token, {"key": "secret", "older-key": "older-secret"})
    return claims.video.may_publish


async def join_with_fetched_token(endpoint: str) -> str:
    """A client fetches its token from an endpoint of yours when it joins."""
    source = auth.TokenSource.endpoint(endpoint, headers={"Authorization": "Bearer session"})
    async with lktrio.open_room("", source) as room:
        return room.name

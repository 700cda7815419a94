"""The example of an endpoint for tokens, asked over HTTP as a client asks it."""

from __future__ import annotations

import httpx
import pytest
import trio

from lktrio import open_room
from lktrio.auth import TokenRequest, TokenSource, verify_token
from lktrio.devserver import open_dev_server
from tests.webhooks.http_server import serve

endpoint = pytest.importorskip("examples.token_endpoint", reason="starlette is not installed")


async def test_token_endpoint_hands_out_tokens_to_join_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with trio.fail_after(30):
        async with (
            open_dev_server() as server,
            serve(endpoint.app) as url,
            httpx.AsyncClient(base_url=url) as client,
        ):
            monkeypatch.setenv("LIVEKIT_URL", server.url)
            monkeypatch.setenv("LIVEKIT_API_KEY", server.api_key)
            monkeypatch.setenv("LIVEKIT_API_SECRET", server.api_secret)
            source = TokenSource.endpoint(f"{url}/token")
            async with open_room("", source) as room:
                assert room.name == "lobby"
                assert room.local_participant.identity.startswith("guest-")
            wishes = TokenRequest(
                room_name="demo",
                participant_identity="alice",
                participant_attributes={"language": "en"},
                agent_name="helper",
            )
            details = await source.fetch(wishes)
            refused = await client.post("/token", content=b"[]")
    assert details.server_url == server.url
    claims = verify_token(details.participant_token, (server.api_key, server.api_secret))
    assert (claims.identity, claims.video.room) == ("alice", "demo")
    assert claims.attributes == {"language": "en"}
    assert claims.room_config is not None
    assert [agent.agent_name for agent in claims.room_config.agents] == ["helper"]
    assert refused.status_code == 400

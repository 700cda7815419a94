"""What a program may pass for a token, and what is connected with."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lktrio.auth import (
    AccessToken,
    ConnectionDetails,
    TokenSource,
    VideoGrants,
    connection_details,
    verify_token,
)

URL = "wss://example.com"
GRANTS = VideoGrants(room_join=True, room="demo")
TOKEN = AccessToken(identity="bot", video=GRANTS).to_jwt("key", "secret")


@pytest.fixture(autouse=True)
def _keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_API_KEY", "key")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "secret\n")


async def test_a_signed_token_is_taken_as_it_is() -> None:
    expected = ConnectionDetails(server_url=URL, participant_token=TOKEN)
    for url, token in [(URL, TOKEN), (f" {URL}\n", f"\t{TOKEN}\r\n")]:
        assert await connection_details(url, token) == expected


async def test_an_access_token_is_signed_with_the_keys_of_the_environment() -> None:
    found = await connection_details(URL, AccessToken(identity="bot", video=GRANTS))
    assert verify_token(found.participant_token, ("key", "secret")).identity == "bot"


async def test_without_keys_an_access_token_cannot_be_signed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LIVEKIT_API_SECRET")
    with pytest.raises(ValueError, match="no API secret: pass it, or set LIVEKIT_API_KEY"):
        await connection_details(URL, AccessToken(identity="bot"))


async def test_a_source_says_where_unless_the_program_does() -> None:
    source = TokenSource.literal("wss://elsewhere", f"{TOKEN}\n")
    assert (await connection_details("", source)).server_url == "wss://elsewhere"
    found = await connection_details(URL, source)
    assert found == ConnectionDetails(server_url=URL, participant_token=TOKEN)


async def test_what_can_be_no_token_or_url_is_refused() -> None:
    cases: list[tuple[Any, Any, str]] = [
        (URL, None, "an AccessToken or a TokenSource, not NoneType"),
        (URL, TOKEN.encode(), "an AccessToken or a TokenSource, not bytes"),
        (URL, "", "the token is not a JWT"),
        (URL, " \n", "the token is not a JWT"),
        (URL, "a b.c.d", "the token is not a JWT"),
        (URL, "a\nb", "the token is not a JWT"),
        (URL, "tökén", "the token is not a JWT"),
        (URL, TokenSource.literal(URL, ""), "the token is not a JWT"),
        (None, TOKEN, "None is not a LiveKit URL: pass one like wss://"),
    ]
    for url, token, message in cases:
        with pytest.raises(ValueError, match=message):
            await connection_details(url, token)


def test_under_asyncio_it_says_so() -> None:
    with pytest.raises(RuntimeError, match="needs trio, and asyncio runs this"):
        asyncio.run(connection_details(URL, TOKEN))


def test_without_an_event_loop_it_says_so() -> None:
    with pytest.raises(RuntimeError, match="needs trio, and no trio runs"):
        connection_details(URL, TOKEN).send(None)

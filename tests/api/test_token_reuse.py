"""How long the token of one call serves others: a minute, if they need the same grant."""

from __future__ import annotations

import httpx
from trio.testing import MockClock

from lktrio import proto
from lktrio.api._twirp import MAX_TOKENS, TOKEN_REUSE, TOKEN_TTL
from lktrio.auth import AccessToken, verify_token
from tests.api.peer import KEY, SECRET, Peer, always, answer, api


def peer() -> Peer:
    return Peer(always(lambda: answer(proto.ListParticipantsResponse())))


def token(request: httpx.Request) -> str:
    return str(request.headers["Authorization"]).removeprefix("Bearer ")


def in_room(name: str) -> proto.ListParticipantsRequest:
    return proto.ListParticipantsRequest(room=name)


async def test_calls_with_the_same_grant_share_a_token_for_a_minute(mock_clock: MockClock) -> None:
    server = peer()
    async with api(server) as lk:
        await lk.room.list_participants(in_room("demo"))
        mock_clock.jump(TOKEN_REUSE - 1)
        await lk.room.list_participants(in_room("demo"))
    first, second = map(token, server.requests)
    assert first == second
    assert TOKEN_TTL.total_seconds() > 2 * TOKEN_REUSE


async def test_after_that_the_next_call_is_signed_anew(mock_clock: MockClock) -> None:
    server = peer()
    signed = 0
    async with api(server) as lk:
        sign = lk._sign

        def count(access_token: AccessToken) -> str:
            nonlocal signed
            signed += 1
            return sign(access_token)

        lk._sign = count
        await lk.room.list_participants(in_room("demo"))
        mock_clock.jump(TOKEN_REUSE)
        await lk.room.list_participants(in_room("demo"))
    assert signed == 2


async def test_another_room_or_another_method_has_a_token_of_its_own() -> None:
    server = peer()
    async with api(server) as lk:
        await lk.room.list_participants(in_room("demo"))
        await lk.room.list_participants(in_room("other"))
        await lk.room.forward_participant(
            proto.ForwardParticipantRequest(room="demo", destination_room="a")
        )
        await lk.room.forward_participant(
            proto.ForwardParticipantRequest(room="demo", destination_room="b")
        )
    claims = [verify_token(token(request), (KEY, SECRET)) for request in server.requests]
    rooms = [(found.video.room, found.video.destination_room) for found in claims]
    assert rooms == [("demo", ""), ("other", ""), ("demo", "a"), ("demo", "b")]


async def test_only_so_many_tokens_are_kept() -> None:
    server = peer()
    async with api(server) as lk:
        for number in range(MAX_TOKENS + 10):
            await lk.room.list_participants(in_room(f"room-{number}"))
            assert len(lk.room.connection._tokens) <= MAX_TOKENS
        claims = verify_token(token(server.requests[-1]), (KEY, SECRET))
    assert claims.video.room == f"room-{MAX_TOKENS + 9}"

"""Remote procedure calls between participants: answers, errors, deadlines."""

from __future__ import annotations

import pytest
import trio

from lktrio.errors import RpcError
from lktrio.room import Room, RpcInvocation
from tests.support.servers import RoomServer, until

pytestmark = pytest.mark.virtual_time


async def both(first: Room, second: Room) -> None:
    await until(lambda: bool(first.remote_participants and second.remote_participants))


async def test_an_answer(server: RoomServer) -> None:
    async def shout(call: RpcInvocation[str]) -> str:
        assert call.caller_identity == "bob"
        return call.payload.upper()

    async with (
        server.join("bob") as bob,
        server.join("alice") as alice,
        trio.open_nursery() as nursery,
    ):
        await both(alice, bob)
        await nursery.start(alice.serve_rpc, "shout", shout)
        assert await bob.local_participant.perform_rpc("alice", "shout", "hello") == "HELLO"
        with pytest.raises(RpcError) as caught:
            await bob.local_participant.perform_rpc("alice", "nothing", "hello")
        assert caught.value.code == 1400
        nursery.cancel_scope.cancel()

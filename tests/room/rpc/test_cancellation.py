"""Calls and the serving of methods, cancelled at every checkpoint, leave nothing behind."""

from __future__ import annotations

import pytest
import trio

from lktrio.errors import RpcError
from lktrio.room import RpcInvocation
from lktrio.testing.cancellation import cancel_at_every_checkpoint
from tests.room.rpc.conftest import OpenPair

pytestmark = pytest.mark.virtual_time
DEADLINE = 300.0
Call = RpcInvocation[str]
LARGE = "x" * 40_000  # three chunks
UNKNOWN = {1400, 1500}
"""What a call may meet while a method is about to be served, or about not to be."""


async def test_a_cancelled_call_drops_its_answer_alone(open_pair: OpenPair) -> None:
    """Handlers end, whatever was sent of their calls; later calls have their own answers."""
    running = 0

    async def shout(call: Call) -> str:
        nonlocal running
        running += 1
        try:
            await trio.sleep(0.01)
            return call.payload.upper()
        finally:
            running -= 1

    for version, payload in ((0, "x"), (2, "x"), (2, LARGE)):
        async with open_pair(version, version) as (alice, bob), trio.open_nursery() as nursery:
            await nursery.start(bob.serve_rpc, "shout", shout)
            perform = alice.local_participant.perform_rpc
            assert await perform("bob", "shout", "first") == "FIRST"

            async def operation(payload: str = payload, perform=perform) -> None:  # type: ignore[no-untyped-def]
                assert await perform("bob", "shout", payload) == payload.upper()

            async def check(perform=perform) -> None:  # type: ignore[no-untyped-def]
                await trio.sleep(0.1)
                assert running == 0
                assert await perform("bob", "shout", "next") == "NEXT"

            assert await cancel_at_every_checkpoint(operation, after_each=check) >= 2
            nursery.cancel_scope.cancel()


async def test_a_cancelled_serving_is_over(open_pair: OpenPair) -> None:
    """Whoever calls is answered, or told; the method can be served again."""
    outcomes: set[str | int] = set()

    async def shout(call: Call) -> str:
        await trio.sleep(0.01)
        return call.payload.upper()

    async with open_pair() as (alice, bob):

        async def call() -> None:
            try:
                answer = await alice.local_participant.perform_rpc("bob", "shout", "x")
                outcomes.add(answer)
            except RpcError as error:
                outcomes.add(error.code)

        async def operation() -> None:
            async with trio.open_nursery() as nursery:
                await nursery.start(bob.serve_rpc, "shout", shout)
                await call()
                nursery.cancel_scope.cancel()

        async def check() -> None:
            await call()
            assert outcomes <= {"X", *UNKNOWN}

        assert await cancel_at_every_checkpoint(operation, after_each=check) >= 5
        assert {"X", 1400} <= outcomes

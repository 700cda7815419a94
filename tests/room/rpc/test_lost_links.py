"""Calls over links that are lost: they go on through a resume, and fail with a new join."""

from __future__ import annotations

import pytest
import trio

from lktrio.errors import RoomClosed, RpcError
from lktrio.events import Reconnected, Reconnecting
from lktrio.room import ReconnectKind, Room, RoomOptions, RpcErrorCode, RpcInvocation
from lktrio.testing import LinkProfile
from tests.room.rpc.conftest import OpenPair
from tests.support.servers import LATENCY, RoomServer, expect, until

pytestmark = pytest.mark.virtual_time
DEADLINE = 120.0
Call = RpcInvocation[str]


async def answer_after_a_while(call: Call) -> str:
    await trio.sleep(float(call.payload))
    return "done"


class Stage:
    """A handler that says what becomes of its calls."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0

    async def handle(self, call: Call) -> str:
        self.begun += 1
        try:
            return await answer_after_a_while(call)
        except trio.Cancelled:
            self.cancelled += 1
            raise


async def lose(room: Room, scenario: str) -> ReconnectKind:
    """Lose the link and wait until it is replaced."""
    events = room.events(Reconnected, replay=False)
    await room.simulate(scenario)
    return (await expect(events, Reconnected)).kind


async def test_a_resume_of_either_costs_nothing(open_pair: OpenPair) -> None:
    for version in (0, 2):
        async with open_pair(version, version) as (alice, bob), trio.open_nursery() as nursery:
            await nursery.start(bob.serve_rpc, "m", answer_after_a_while)
            for room in (alice, bob):
                nursery.start_soon(lose, room, "signal_reconnect")
            answer = await alice.local_participant.perform_rpc("bob", "m", "4")
            assert answer == "done", version
            nursery.cancel_scope.cancel()


async def test_without_a_network_calls_wait_longer_than_for_an_acknowledgement(
    server: RoomServer, open_pair: OpenPair
) -> None:
    """The seconds for the acknowledgement begin anew with the link; the request is run once."""
    if server.network is None or server.server_host is None:
        pytest.skip("a real network does not fail when it is asked to")
    stage = Stage()
    async with open_pair() as (alice, bob), trio.open_nursery() as nursery:
        await nursery.start(bob.serve_rpc, "m", stage.handle)
        events = alice.events(Reconnecting, Reconnected, replay=False)
        server.network.partition(server.hosts[0], server.server_host)
        began = trio.current_time()

        async def come_back() -> None:
            await trio.sleep(12)
            assert server.network is not None
            assert server.server_host is not None
            server.network.heal(server.hosts[0], server.server_host)

        nursery.start_soon(come_back)
        answer = await alice.local_participant.perform_rpc("bob", "m", "0", response_timeout=60)
        assert answer == "done"
        assert stage.begun == 1
        assert trio.current_time() - began > 12
        assert (await expect(events, Reconnected)).kind is ReconnectKind.RESUME
        nursery.cancel_scope.cancel()


async def test_who_does_not_answer_is_told_by_the_acknowledgement(
    server: RoomServer, open_pair: OpenPair
) -> None:
    if server.network is None or server.server_host is None:
        pytest.skip("a real network does not fail when it is asked to")
    for version in (0, 2):
        before = len(server.hosts)
        async with open_pair(version, version) as (alice, bob), trio.open_nursery() as nursery:
            await nursery.start(bob.serve_rpc, "m", answer_after_a_while)
            server.network.partition(server.hosts[before + 1], server.server_host)
            began = trio.current_time()
            with pytest.raises(RpcError) as caught:
                await alice.local_participant.perform_rpc("bob", "m", "0")
            assert caught.value.code == RpcErrorCode.CONNECTION_TIMEOUT
            assert trio.current_time() - began == pytest.approx(7, abs=0.1)
            nursery.cancel_scope.cancel()


async def test_a_new_join_of_the_caller_fails_what_it_asked(open_pair: OpenPair) -> None:
    """The handler is cancelled, as its caller has left; what is called afterwards works."""
    for version in (0, 2):
        stage = Stage()
        async with open_pair(version, version) as (alice, bob), trio.open_nursery() as nursery:
            await nursery.start(bob.serve_rpc, "m", stage.handle)

            async def restart(room: Room = alice, stage: Stage = stage) -> None:
                await until(lambda: stage.begun == 1)
                await trio.sleep(0.1)
                assert await lose(room, "node_failure") is ReconnectKind.RESTART

            async with trio.open_nursery() as restarting:
                restarting.start_soon(restart)
                with pytest.raises(RpcError, match="joined anew") as caught:
                    await alice.local_participant.perform_rpc("bob", "m", "60")
            assert caught.value.code == RpcErrorCode.RECIPIENT_DISCONNECTED
            await until(lambda stage=stage: stage.cancelled == 1)  # type: ignore[misc]
            assert await alice.local_participant.perform_rpc("bob", "m", "0") == "done"
            nursery.cancel_scope.cancel()


async def test_a_new_join_of_the_callee_fails_what_it_was_asked(open_pair: OpenPair) -> None:
    stage = Stage()
    async with open_pair() as (alice, bob), trio.open_nursery() as nursery:
        await nursery.start(bob.serve_rpc, "m", stage.handle)

        async def restart() -> None:
            await until(lambda: stage.begun == 1)
            assert await lose(bob, "node_failure") is ReconnectKind.RESTART

        async with trio.open_nursery() as restarting:
            restarting.start_soon(restart)
            with pytest.raises(RpcError) as caught:
                await alice.local_participant.perform_rpc("bob", "m", "60")
        assert caught.value.code == RpcErrorCode.RECIPIENT_DISCONNECTED
        await until(lambda: stage.cancelled == 1)
        await until(lambda: "bob" in alice.remote_participants)
        assert await alice.local_participant.perform_rpc("bob", "m", "0") == "done"
        nursery.cancel_scope.cancel()


async def test_what_is_called_while_the_room_is_joined_anew(
    server: RoomServer, open_pair: OpenPair
) -> None:
    """It is answered, or fails with an error that says that the request may be lost."""
    if server.network is None or server.server_host is None:
        pytest.skip("a real network does not fail when it is asked to")
    outcomes: list[str | int] = []

    async def ask(room: Room) -> None:
        try:
            outcomes.append(await room.local_participant.perform_rpc("bob", "m", "0"))
        except RpcError as error:
            outcomes.append(error.code)

    async with open_pair() as (alice, bob), trio.open_nursery() as nursery:
        await nursery.start(bob.serve_rpc, "m", answer_after_a_while)
        events = alice.events(Reconnected, replay=False)
        async with trio.open_nursery() as asking:
            asking.start_soon(alice.simulate, "node_failure")
            for _ in range(40):
                asking.start_soon(ask, alice)
                await trio.sleep(0.02)
        assert (await expect(events, Reconnected)).kind is ReconnectKind.RESTART
        assert len(outcomes) == 40
        lost = {RpcErrorCode.SEND_FAILED, RpcErrorCode.RECIPIENT_DISCONNECTED}
        assert set(outcomes) <= {"done", *lost}
        assert outcomes[-1] == "done"
        nursery.cancel_scope.cancel()


async def test_a_room_that_cannot_be_joined_again_ends_its_calls(
    server: RoomServer,
) -> None:
    async with (
        server.join("alice", RoomOptions(reconnect=None)) as alice,
        server.join("bob") as bob,
        trio.open_nursery() as nursery,
    ):
        await until(lambda: bool(alice.remote_participants and bob.remote_participants))
        await nursery.start(bob.serve_rpc, "m", answer_after_a_while)

        async def break_off() -> None:
            await trio.sleep(1)
            await alice.simulate("signal_reconnect")

        nursery.start_soon(break_off)
        with pytest.raises(RoomClosed):
            await alice.local_participant.perform_rpc("bob", "m", "60")
        nursery.cancel_scope.cancel()


async def test_many_calls_over_a_bad_network(server: RoomServer, open_pair: OpenPair) -> None:
    """Each is run once and has its own answer, whatever is lost, reordered or sent twice."""
    if server.network is None:
        pytest.skip("a real network is as good as it is")
    begun: list[str] = []
    answers: dict[str, str] = {}

    async def shout(call: Call) -> str:
        begun.append(call.payload)
        await trio.sleep(len(begun) % 5 / 10)
        return call.payload.upper()

    for version, size in ((0, 1), (2, 1), (2, 5000)):
        async with open_pair(version, version) as (alice, bob), trio.open_nursery() as nursery:
            begun.clear()
            answers.clear()
            await nursery.start(alice.serve_rpc, "shout", shout)
            await nursery.start(bob.serve_rpc, "shout", shout)
            server.network.profile = LinkProfile(
                latency=0.03, jitter=0.02, loss=0.05, duplicate=0.05
            )

            async def ask(caller: Room, payload: str) -> None:
                (callee,) = caller.remote_participants
                me = caller.local_participant
                answers[payload] = await me.perform_rpc(
                    callee, "shout", payload, response_timeout=60
                )

            async with trio.open_nursery() as asking:
                for number in range(25):
                    asking.start_soon(ask, alice, f"a{number} " * size)
                    asking.start_soon(ask, bob, f"b{number} " * size)
            assert len(answers) == 50
            assert all(answer == payload.upper() for payload, answer in answers.items())
            assert sorted(begun) == sorted(answers)
            server.network.profile = LATENCY
            nursery.cancel_scope.cancel()

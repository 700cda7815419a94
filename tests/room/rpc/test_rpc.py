"""Remote procedure calls between participants: answers, errors, deadlines, limits."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio

from lktrio import proto
from lktrio.errors import NotPermitted, RoomClosed, RpcError
from lktrio.room import Room, RpcCodec, RpcErrorCode, RpcInvocation, RpcMethod
from tests.room.rpc.conftest import OpenPair
from tests.support.servers import RoomServer, until

pytestmark = pytest.mark.virtual_time

FULL = "é" * 7_680  # 15,360 bytes
LONG = FULL + "x"
Call = RpcInvocation[str]


async def code_of(caller: Room, method: str, payload: str = "", **options: Any) -> int:
    """The code of the error that a call of alice to bob ends with, or the other way round."""
    callee = "bob" if caller.local_participant.identity == "alice" else "alice"
    with pytest.raises(RpcError) as caught:
        await caller.local_participant.perform_rpc(callee, method, payload, **options)
    return caught.value.code


async def echo(call: Call) -> str:
    await trio.lowlevel.checkpoint()
    return call.payload


async def linger(call: Call) -> str:
    await trio.sleep(1000)
    return call.payload


async def test_answers_in_every_form(open_pair: OpenPair) -> None:
    """What is too large is an error where version 1 is all that one of them knows."""
    for old_or_new in ((0, 0), (2, 0), (0, 2), (1, 1), (2, 2)):
        async with open_pair(*old_or_new) as (alice, bob), trio.open_nursery() as nursery:
            seen: list[Call] = []

            async def note(call: Call, seen: list[Call] = seen) -> str:
                seen.append(call)
                return await echo(call)

            async def lengthen(call: Call) -> str:
                await trio.lowlevel.checkpoint()
                return call.payload * 2

            await nursery.start(bob.serve_rpc, "echo", note)
            await nursery.start(bob.serve_rpc, "lengthen", lengthen)
            call = alice.local_participant.perform_rpc
            for text in ("", "grüß dich, 世界!", FULL):
                assert await call("bob", "echo", text) == text, old_or_new
                got = seen.pop()
                assert (got.method, got.payload, got.caller_identity) == ("echo", text, "alice")
                assert got.caller is bob.remote_participants["alice"]
            both_new, caller_new = min(old_or_new) > 0, old_or_new[0] > 0
            if old_or_new[1] > 0:
                assert await call("bob", "echo", LONG) == LONG, old_or_new
            else:
                assert await code_of(alice, "echo", LONG) == 1402, old_or_new
            if caller_new or both_new:
                assert await call("bob", "lengthen", FULL) == FULL * 2, old_or_new
            nursery.cancel_scope.cancel()


async def test_every_error_reaches_the_caller(
    open_pair: OpenPair, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(call: Call) -> str:
        await trio.lowlevel.checkpoint()
        raise RpcError(int(call.payload), "ü" * 200, "é" * 8000)

    async def refuse_in_a_nursery(call: Call) -> str:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refuse, call)
        return ""

    async def fail(call: Call) -> str:
        await trio.lowlevel.checkpoint()
        raise ZeroDivisionError

    async def answer_a_number(call: Call) -> str:
        await trio.lowlevel.checkpoint()
        return 5  # type: ignore[return-value] # pyright: ignore[reportReturnType]

    async def answer_no_text(call: Call) -> str:
        await trio.lowlevel.checkpoint()
        return "\ud800"

    for version in (0, 2):
        async with open_pair(version, version) as (alice, bob), trio.open_nursery() as nursery:
            handlers = (refuse, refuse_in_a_nursery, fail, answer_a_number, answer_no_text)
            for handler in handlers:
                await nursery.start(bob.serve_rpc, handler.__name__, handler)
            call = alice.local_participant.perform_rpc
            for method in ("refuse", "refuse_in_a_nursery"):
                for code in (1, 1400, 2**32 - 1):
                    with pytest.raises(RpcError) as caught:
                        await call("bob", method, str(code))
                    error = caught.value
                    assert (error.code, error.message) == (code, "ü" * 128), method
                    assert error.data == "é" * 7_680, method
                assert await code_of(alice, method, "-1") == RpcErrorCode.APPLICATION_ERROR
            for handler in (fail, answer_a_number, answer_no_text):
                caplog.clear()
                name = handler.__name__
                assert await code_of(alice, name) == RpcErrorCode.APPLICATION_ERROR, name
                (told,) = caplog.records
                assert name in told.message
                assert told.levelno == logging.ERROR
            nursery.cancel_scope.cancel()


async def test_what_cannot_be_called_is_told_at_once(open_pair: OpenPair) -> None:
    async with open_pair() as (alice, bob), trio.open_nursery() as nursery:
        await nursery.start(bob.serve_rpc, "echo", echo)
        call = alice.local_participant.perform_rpc
        assert await code_of(alice, "nothing") == RpcErrorCode.UNSUPPORTED_METHOD
        for nobody in ("carol", "alice"):  # oneself is nobody else
            with pytest.raises(RpcError, match=nobody) as caught:
                await call(nobody, "echo")
            assert caught.value.code == RpcErrorCode.RECIPIENT_NOT_FOUND
        for bad in (0, -1, float("nan")):
            with pytest.raises(ValueError, match="positive"):
                await call("bob", "echo", response_timeout=bad)
        with pytest.raises(ValueError, match="served already"):
            await bob.serve_rpc("echo", echo)
        for topic in ("lk.rpc_request", "lk.rpc_response"):
            with pytest.raises(ValueError, match="reserved"):
                bob.text_streams(topic)
        assert not bob.data_stats.streams_unserved
        nursery.cancel_scope.cancel()


async def test_methods_have_types(open_pair: OpenPair) -> None:
    to_sip = RpcMethod.proto("to_sip", proto.Room, proto.SIPOutboundTrunkInfo)
    add: RpcMethod[list[int], int] = RpcMethod(
        "add", RpcCodec.json(), RpcCodec(hex, lambda text: int(text, 16))
    )

    async def describe(call: RpcInvocation[proto.Room]) -> proto.SIPOutboundTrunkInfo:
        await trio.lowlevel.checkpoint()
        return proto.SIPOutboundTrunkInfo(name=call.payload.name, metadata=call.caller_identity)

    async def sum_up(call: RpcInvocation[list[int]]) -> int:
        await trio.lowlevel.checkpoint()
        return sum(call.payload)

    async with open_pair() as (alice, bob), trio.open_nursery() as nursery:
        await nursery.start(bob.serve_rpc, to_sip, describe)
        await nursery.start(bob.serve_rpc, add, sum_up)
        await nursery.start(bob.serve_rpc, "echo", echo)
        call = alice.local_participant.perform_rpc
        described = await call("bob", to_sip, proto.Room(name="x"))
        assert described == proto.SIPOutboundTrunkInfo(name="x", metadata="alice")
        assert await call("bob", add, [1, 2, 40]) == 43
        for method in ("to_sip", "add"):
            assert await code_of(alice, method, "{") == RpcErrorCode.APPLICATION_ERROR, method
        with pytest.raises(RpcError, match="cannot be read") as caught:
            await call("bob", RpcMethod("echo", RpcCodec.text(), RpcCodec.json()), "{")
        assert caught.value.code == RpcErrorCode.APPLICATION_ERROR
        with pytest.raises(TypeError):
            await call("bob", "echo", b"bytes")  # type: ignore[call-overload] # pyright: ignore
        nursery.cancel_scope.cancel()


async def test_deadlines_travel(open_pair: OpenPair, server: RoomServer) -> None:
    """The scope of the caller is that of the handler, and of the calls that it makes."""
    ended: dict[str, float] = {}
    told: dict[str, float] = {}

    async def note_the_end(call: Call) -> str:
        told[call.method] = call.response_timeout
        assert call.deadline <= trio.current_effective_deadline() + 0.001
        try:
            await trio.sleep_forever()
        finally:
            ended[call.method] = trio.current_time()

    async with (
        open_pair() as (alice, bob),
        server.join("carol") as carol,
        trio.open_nursery() as nursery,
    ):
        await until(lambda: "carol" in bob.remote_participants)

        async def pass_on(call: Call) -> str:
            told[call.method] = call.response_timeout
            await trio.sleep(0.5)
            return await bob.local_participant.perform_rpc("carol", "last", response_timeout=20)

        await nursery.start(carol.serve_rpc, "last", note_the_end)
        await nursery.start(bob.serve_rpc, "first", pass_on)
        await nursery.start(bob.serve_rpc, "alone", note_the_end)
        call = alice.local_participant.perform_rpc

        began = trio.current_time()
        with pytest.raises(trio.TooSlowError), trio.fail_after(2):
            await call("bob", "first", response_timeout=10)
        assert trio.current_time() - began == pytest.approx(2, abs=0.01)
        await until(lambda: "last" in ended)
        assert told["first"] == pytest.approx(2, abs=0.01)
        assert told["last"] == pytest.approx(1.5, abs=0.1)
        assert ended["last"] - began == pytest.approx(2, abs=0.1)

        began = trio.current_time()
        with trio.fail_after(100):
            assert await code_of(alice, "alone", response_timeout=3) == 1502
        assert trio.current_time() - began == pytest.approx(3, abs=0.05)
        await until(lambda: "alone" in ended)
        assert ended["alone"] - began == pytest.approx(3, abs=0.1)
        nursery.cancel_scope.cancel()


async def test_late_answers_are_dropped(open_pair: OpenPair) -> None:
    async def answer_late(call: Call) -> str:
        with trio.CancelScope(shield=True):
            await trio.sleep(2)
        return "late"

    for version in (0, 2):
        async with open_pair(version, version) as (alice, bob), trio.open_nursery() as nursery:
            await nursery.start(bob.serve_rpc, "slow", answer_late)
            await nursery.start(bob.serve_rpc, "echo", echo)
            assert await code_of(alice, "slow", response_timeout=1) == 1502
            with trio.move_on_after(1):
                await alice.local_participant.perform_rpc("bob", "slow")
            await trio.sleep(4)
            assert alice.data_stats.rpc_dropped == 2, version
            assert await alice.local_participant.perform_rpc("bob", "echo", "x") == "x"
            nursery.cancel_scope.cancel()


async def test_calls_run_side_by_side_up_to_a_limit(open_pair: OpenPair) -> None:
    waiting: list[Call] = []
    answers: list[str] = []
    go = trio.Event()

    async def hold(call: Call) -> str:
        waiting.append(call)
        await go.wait()
        return call.payload

    async with open_pair() as (alice, bob), trio.open_nursery() as nursery:
        await nursery.start(bob.serve_rpc, "hold", hold)
        await nursery.start(alice.serve_rpc, "echo", echo)

        async def ask(number: int) -> None:
            answers.append(await alice.local_participant.perform_rpc("bob", "hold", str(number)))

        async with trio.open_nursery() as asking:
            for number in range(64):
                asking.start_soon(ask, number)
            await until(lambda: len(waiting) == 64)
            with pytest.raises(RpcError, match="too many") as caught:
                await alice.local_participant.perform_rpc("bob", "hold")
            assert caught.value.code == RpcErrorCode.APPLICATION_ERROR
            assert await bob.local_participant.perform_rpc("alice", "echo", "x") == "x"
            go.set()
        assert sorted(answers) == sorted(map(str, range(64)))
        assert await alice.local_participant.perform_rpc("bob", "hold", "again") == "again"
        nursery.cancel_scope.cancel()


async def test_a_method_is_served_as_long_as_its_task_runs(open_pair: OpenPair) -> None:
    async with open_pair() as (alice, bob), trio.open_nursery() as nursery:
        serving: trio.CancelScope = await nursery.start(serve_in_a_scope, bob, linger)
        async with trio.open_nursery() as asking:
            asking.start_soon(cancel_soon, serving)
            with pytest.raises(RpcError, match="no longer") as caught:
                await alice.local_participant.perform_rpc("bob", "method")
            assert caught.value.code == RpcErrorCode.APPLICATION_ERROR
        assert await code_of(alice, "method") == RpcErrorCode.UNSUPPORTED_METHOD
        await nursery.start(bob.serve_rpc, "method", echo)
        assert await alice.local_participant.perform_rpc("bob", "method", "x") == "x"
        await bob.leave()  # ends the serving
    with pytest.raises(RoomClosed):
        await bob.local_participant.perform_rpc("alice", "method")


async def serve_in_a_scope(room: Room, handler: Any, *, task_status: Any) -> None:
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            await nursery.start(room.serve_rpc, "method", handler)
            task_status.started(scope)


async def cancel_soon(scope: trio.CancelScope) -> None:
    await trio.sleep(0.5)
    scope.cancel()


async def test_who_leaves_waits_for_nothing(open_pair: OpenPair, server: RoomServer) -> None:
    """A callee who leaves fails the call; the handlers of a caller who does are cancelled."""
    cancelled: list[str] = []

    async def note(call: Call) -> str:
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            cancelled.append(call.caller_identity)
            raise

    async with open_pair() as (alice, _), server.join("carol") as carol:
        await until(lambda: "carol" in alice.remote_participants)
        async with trio.open_nursery() as nursery:
            await nursery.start(carol.serve_rpc, "m", note)
            await nursery.start(alice.serve_rpc, "m", note)

            async def leave() -> None:
                await trio.sleep(1)
                await carol.leave()

            nursery.start_soon(leave)
            began = trio.current_time()
            async with trio.open_nursery() as asking:

                async def ask_from_there() -> None:
                    with pytest.raises(RoomClosed):
                        await carol.local_participant.perform_rpc("alice", "m")

                asking.start_soon(ask_from_there)
                with pytest.raises(RpcError) as caught:
                    await alice.local_participant.perform_rpc("carol", "m")
                assert caught.value.code == RpcErrorCode.RECIPIENT_DISCONNECTED
            assert trio.current_time() - began < 10
            await until(lambda: sorted(cancelled) == ["alice", "carol"])
            nursery.cancel_scope.cancel()


async def test_data_that_may_not_be_sent(server: RoomServer) -> None:
    async with (
        server.join("alice", can_publish_data=False) as alice,
        server.join("bob") as bob,
        trio.open_nursery() as nursery,
    ):
        await until(lambda: bool(alice.remote_participants and bob.remote_participants))
        await nursery.start(alice.serve_rpc, "echo", echo)
        with pytest.raises(NotPermitted):
            await alice.local_participant.perform_rpc("bob", "echo")
        assert await code_of(bob, "echo") == RpcErrorCode.CONNECTION_TIMEOUT
        assert await code_of(bob, "nothing") == RpcErrorCode.CONNECTION_TIMEOUT
        nursery.cancel_scope.cancel()


async def test_calls_of_the_server_api(server: RoomServer) -> None:
    async def answer_at_length(call: Call) -> str:
        await trio.lowlevel.checkpoint()
        assert call.caller is None
        return LONG

    async with (
        server.join("bob") as bob,
        server.api() as api,
        trio.open_nursery() as nursery,
    ):
        await nursery.start(bob.serve_rpc, "echo", echo)
        await nursery.start(bob.serve_rpc, "long", answer_at_length)
        request = proto.PerformRpcRequest(
            room=server.room, destination_identity="bob", method="echo", payload="hello"
        )
        assert (await api.room.perform_rpc(request)).payload == "hello"
        request.method = "long"
        with pytest.raises(Exception, match="RpcError 1504"):
            await api.room.perform_rpc(request)
        nursery.cancel_scope.cancel()

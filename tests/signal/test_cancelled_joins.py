"""Cancelled at any checkpoint, joining leaves no task, no socket, and no ghost in the room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
import trio
import trio.testing

from lktrio import proto
from lktrio.errors import JoinRejected
from lktrio.signal import Resume, SignalConnection, SignalOptions, Timeouts, open_signal
from lktrio.testing.cancellation import cancel_at_every_checkpoint
from tests.signal.test_requests import TRACK, published
from tests.support.signal_server import (
    Answer,
    SignalServer,
    Visit,
    open_memory_server,
    open_signal_server,
)

V0 = SignalOptions(single_peer_connection=False)


async def serve(visit: Visit) -> None:
    """Join or resume, and accept one track."""
    await visit.accept()
    resumed = visit.request.path == "/rtc/v1" and visit.join_request.reconnect
    if resumed:
        await visit.send(proto.SignalResponse(reconnect=proto.ReconnectResponse()))
        return
    await visit.send(
        proto.SignalResponse(
            join=proto.JoinResponse(
                room=proto.Room(sid="RM_x"), participant=proto.ParticipantInfo(sid="PA_x")
            )
        )
    )
    await visit.wait_for("add_track")
    await visit.send(published("cid", "TR_cid"))


async def refuse_v1(visit: Visit) -> None:
    if visit.request.path == "/rtc/v1":
        await visit.refuse(404)
    else:
        await serve(visit)


class Watch:
    """Checks, after each run, that the server was told who left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.let_in = 0
        self.knows = trio.Event()
        monkeypatch.setattr("lktrio.signal.client.SignalConnection", self._make)

    def _make(self, *args: Any, **more: Any) -> SignalConnection:
        self.let_in += 1
        self.knows.set()
        return SignalConnection(*args, **more)

    async def check(self, server: SignalServer) -> None:
        """Whoever was let in has said that it left, and waited for the answer to that."""
        with trio.fail_after(5):
            for visit in server.visits:
                if visit.accepted:
                    await visit.closed.wait()
        assert [visit.left for visit in server.visits] == [v.accepted for v in server.visits]
        assert {v.close_code for v in server.visits if v.accepted} <= {1000}
        assert sum(visit.left for visit in server.visits) == self.let_in
        self.let_in = 0
        server.visits.clear()

    async def sweep(self, server: SignalServer, operation: Callable[[], Awaitable[object]]) -> int:
        return await cancel_at_every_checkpoint(
            operation, after_each=lambda: self.check(server), raises=(JoinRejected,)
        )


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


@pytest.mark.parametrize("options", [None, V0], ids=["v1", "v0"])
async def test_joining_publishing_and_leaving(options: SignalOptions | None, watch: Watch) -> None:
    async with open_signal_server(serve) as server:

        async def operation() -> None:
            async with open_signal(server.url, "token", options) as connection:
                assert (await connection.add_track(TRACK)).sid == "TR_cid"
                await connection.leave()

        assert await watch.sweep(server, operation) > 20


async def test_falling_back_to_v0(watch: Watch) -> None:
    async with open_signal_server(refuse_v1) as server:

        async def operation() -> None:
            async with open_signal(server.url, "token") as connection:
                assert connection.version == "v0"

        assert await watch.sweep(server, operation) > 20


async def test_resuming(watch: Watch) -> None:
    async with open_signal_server(serve) as server:

        async def operation() -> None:
            async with open_signal(server.url, "token", resume=Resume("PA_x", "v1")) as connection:
                assert connection.reconnect is not None

        assert await watch.sweep(server, operation) > 20


async def test_asking_why_it_was_refused(watch: Watch) -> None:
    async def refuse(visit: Visit) -> None:
        await visit.refuse(500)

    refused = 0
    async with open_signal_server(refuse, {"/rtc/v1/validate": (500, {}, b"full")}) as server:

        async def operation() -> None:
            nonlocal refused
            try:
                async with open_signal(server.url, "token"):
                    pytest.fail("it was let in")
            except JoinRejected:
                refused += 1
                raise

        assert await watch.sweep(server, operation) > 20
    assert refused >= 1


async def test_losing_the_link() -> None:
    async def drop(visit: Visit) -> None:
        await visit.join()
        await visit.drop()

    async with open_signal_server(drop) as server:

        async def operation() -> None:
            async with open_signal(server.url, "token") as connection:
                await connection.wait_closed()

        assert await cancel_at_every_checkpoint(operation) > 10


async def test_a_client_cancelled_while_it_waits_for_the_join_leaves(watch: Watch) -> None:
    async def join() -> None:
        async with open_signal(server.url, "token"):
            pytest.fail("it was let in")

    async with open_signal_server(Visit.accept) as server:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(join)
            await watch.knows.wait()
            nursery.cancel_scope.cancel()
        await server.visit.closed.wait()
    assert server.visit.left


async def test_a_client_cancelled_before_it_is_let_in_waits_for_it_and_leaves() -> None:
    asked, cancelled = trio.Event(), trio.Event()

    async def let_in_late(visit: Visit) -> None:
        asked.set()
        await cancelled.wait()
        await serve(visit)

    async def join() -> None:
        async with open_signal(server.url, "token"):
            pytest.fail("it was let in")

    async with open_signal_server(let_in_late) as server:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(join)
            await asked.wait()
            nursery.cancel_scope.cancel()
            cancelled.set()
        assert server.visit.accepted
        await server.visit.closed.wait()
    assert server.visit.left


async def test_it_does_not_wait_for_ever(autojump_clock: trio.testing.MockClock) -> None:
    async def silent(visit: Visit) -> None:
        await trio.sleep_forever()

    async with open_memory_server(silent) as (server, connect):
        with trio.move_on_after(1):
            async with open_signal(
                server.url, "token", connect=connect, timeouts=Timeouts(leave=0.5)
            ):
                pytest.fail("it was let in")
        assert trio.current_time() == pytest.approx(1.5)


async def test_the_client_for_asking_is_not_closed_when_it_is_not_ours() -> None:
    async def refuse(visit: Visit) -> None:
        await visit.refuse(500)

    answers: dict[str, Answer] = {"/rtc/v1/validate": (500, {}, b"full")}
    async with open_signal_server(refuse, answers) as server, httpx.AsyncClient() as http:
        with pytest.raises(JoinRejected):
            async with open_signal(server.url, "token", http=http):
                pass
        assert not http.is_closed

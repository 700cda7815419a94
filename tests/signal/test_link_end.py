"""How a link ends, and what everybody who uses it is told."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lktrio import proto
from lktrio.signal import LinkEnd, Resume, SignalConnection, Timeouts, open_signal
from lktrio.signal.connection import INBOUND_QUEUE
from tests.signal.test_requests import MUTE, TRACK, stuck
from tests.support.signal_server import (
    SignalServer,
    Visit,
    join_and_stay,
    open_memory_server,
    open_signal_server,
)

UPDATE = proto.SignalResponse(update=proto.ParticipantUpdate())


async def close_with_4000(visit: Visit) -> None:
    await visit.join()
    await visit.send(UPDATE)
    await visit.close(4000)


async def drop(visit: Visit) -> None:
    await visit.join()
    await visit.send(UPDATE)
    await visit.drop()


async def check_ended(connection: SignalConnection, end: LinkEnd) -> None:
    """Everything that can be asked of an ended connection."""
    with trio.fail_after(5):
        assert await connection.wait_closed() == end
        assert connection.close_reason == end
        assert [response async for response in connection.responses] == [UPDATE]
        with pytest.raises(trio.BrokenResourceError, match=end.cause):
            await connection.send(MUTE)
        with pytest.raises(trio.BrokenResourceError, match=end.cause):
            connection.send_nowait(MUTE)
        with pytest.raises(trio.BrokenResourceError, match=end.cause):
            await connection.add_track(TRACK)
        await connection.leave()
        await connection.aclose()
    assert connection.close_reason == end


async def test_the_server_closes() -> None:
    async with (
        open_signal_server(close_with_4000) as server,
        open_signal(server.url, "token") as connection,
    ):
        await check_ended(connection, LinkEnd("closed", 4000))


async def test_the_stream_breaks() -> None:
    async with (
        open_signal_server(drop) as server,
        open_signal(server.url, "token") as connection,
    ):
        await check_ended(connection, LinkEnd("lost", 1006))


async def test_those_who_wait_for_an_answer_are_told() -> None:
    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.wait_for("add_track")
        await visit.drop()

    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token") as connection,
    ):
        with pytest.raises(trio.BrokenResourceError, match="lost"):
            await connection.add_track(TRACK)


async def test_the_end_of_the_link_does_not_cancel_the_block() -> None:
    async with (
        open_signal_server(drop) as server,
        open_signal(server.url, "token") as connection,
    ):
        await connection.wait_closed()
        await trio.testing.wait_all_tasks_blocked()
        done = True
    assert done


async def test_the_exception_of_the_block_comes_out_bare() -> None:
    async with open_signal_server(join_and_stay) as server:
        raised = KeyError("mine")
        with pytest.raises(KeyError) as caught:
            async with open_signal(server.url, "token"):
                raise raised
        assert caught.value is raised
        await server.visit.closed.wait()
    assert server.visit.left


async def test_a_cancelled_block_says_goodbye() -> None:
    async with open_signal_server(join_and_stay) as server:
        with trio.CancelScope() as scope:
            async with open_signal(server.url, "token"):
                scope.cancel()
                await trio.sleep_forever()
        assert scope.cancelled_caught
        await server.visit.closed.wait()
    assert server.visit.left
    assert server.visit.close_code == 1000


async def test_what_is_queued_goes_out_before_the_goodbye() -> None:
    async with open_signal_server(join_and_stay) as server:
        async with open_signal(server.url, "token") as connection:
            for _ in range(200):
                connection.send_nowait(MUTE)
        await server.visit.closed.wait()
    requests = [request for request in server.visit.requests if request.ping_req is None]
    assert [request.mute is not None for request in requests] == [True] * 200 + [False]
    assert requests[-1].leave is not None


async def test_leaving_is_done_once_and_for_a_reason() -> None:
    async with open_signal_server(join_and_stay) as server:
        async with open_signal(server.url, "token") as connection:
            await connection.leave(proto.DisconnectReason.USER_REJECTED)
            assert connection.close_reason == LinkEnd("left")
            await connection.leave()
            await connection.aclose()
            with pytest.raises(trio.ClosedResourceError):
                await connection.send(MUTE)
            with pytest.raises(trio.ClosedResourceError):
                connection.send_nowait(MUTE)
        await server.visit.closed.wait()
    leaves = [one.leave for one in server.visit.requests if one.leave is not None]
    assert [leave.reason for leave in leaves] == [proto.DisconnectReason.USER_REJECTED]


async def test_a_link_can_be_closed_without_leaving_so_that_the_session_can_be_resumed() -> None:
    async with open_signal_server(join_and_stay) as server:
        async with open_signal(server.url, "token") as connection:
            await connection.aclose()
        await server.visit.closed.wait()
    assert not server.visit.left
    assert server.visit.close_code == 1000


@pytest.mark.parametrize("leaving", [True, False])
async def test_closing_is_done_even_when_cancelled(leaving: bool) -> None:
    async with open_signal_server(join_and_stay) as server:
        async with open_signal(server.url, "token") as connection:
            with trio.CancelScope() as scope:
                scope.cancel()
                await (connection.leave() if leaving else connection.aclose())
            assert scope.cancelled_caught
            assert connection.close_reason == LinkEnd("left")
        await server.visit.closed.wait()
    assert server.visit.left == leaving


async def test_leaving_from_two_tasks_at_once() -> None:
    async with open_signal_server(join_and_stay) as server:
        async with open_signal(server.url, "token") as connection, trio.open_nursery() as nursery:
            nursery.start_soon(connection.leave)
            nursery.start_soon(connection.leave)
        await server.visit.closed.wait()
    assert sum(request.leave is not None for request in server.visit.requests) == 1


async def test_a_leave_of_the_server_is_told_and_delivered() -> None:
    leave = proto.LeaveRequest(
        reason=proto.DisconnectReason.STATE_MISMATCH, action=proto.LeaveRequest.Action.RECONNECT
    )

    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.send(proto.SignalResponse(leave=leave))
        await visit.close()

    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token") as connection,
    ):
        assert [response.leave async for response in connection.responses] == [leave]
        assert connection.server_leave == leave
        assert await connection.wait_closed() == LinkEnd("closed", 1000)


async def test_a_bug_in_a_background_task_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: SignalConnection, frame: bytes) -> None:
        raise ZeroDivisionError

    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.wait_for("mute")
        await visit.send(UPDATE)

    async with open_signal_server(script) as server:
        with pytest.raises(ZeroDivisionError), trio.fail_after(1):  # noqa: PT012 - the block
            async with open_signal(server.url, "token") as connection:
                monkeypatch.setattr(SignalConnection, "_receive", broken)
                await connection.send(MUTE)
                await trio.sleep_forever()


async def end_of(connection: SignalConnection) -> LinkEnd:
    """Wait for the end, but not for ever: virtual time would fly by without one."""
    with trio.fail_after(600):
        return await connection.wait_closed()


class TestVirtualTime:
    async def test_a_silent_server_is_given_up(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        async with (
            open_memory_server(join_and_stay) as (server, connect),
            open_signal(server.url, "token", connect=connect) as connection,
        ):
            end = await end_of(connection)
            assert end.cause == "silent"
            assert trio.current_time() == pytest.approx(15, abs=0.2)
            await server.visit.closed.wait()
        pings = [one.ping_req for one in server.visit.requests if one.ping_req is not None]
        assert len(pings) == 4  # at 0, 5, 10 and 15 s
        assert not server.visit.left  # there was nobody to tell

    async def test_the_times_of_the_server_are_kept(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        async def script(visit: Visit) -> None:
            await visit.join(ping_interval=2, ping_timeout=9)

        async with (
            open_memory_server(script) as (server, connect),
            open_signal(server.url, "token", connect=connect) as connection,
        ):
            await end_of(connection)
            assert trio.current_time() == pytest.approx(9, abs=0.2)
        assert len(server.visit.requests) == 5

    async def test_a_resumed_session_keeps_the_times_of_its_join(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        async def script(visit: Visit) -> None:
            await visit.accept()
            await visit.send(proto.SignalResponse(reconnect=proto.ReconnectResponse()))

        resume = Resume("PA_me", "v1", ping_interval=3, ping_timeout=7)
        async with (
            open_memory_server(script) as (server, connect),
            open_signal(server.url, "token", resume=resume, connect=connect) as connection,
        ):
            await end_of(connection)
            assert trio.current_time() == pytest.approx(7, abs=0.2)

    @pytest.mark.parametrize("sign", ["pong", "update", "garbage"])
    async def test_any_message_is_a_sign_of_life(
        self, sign: str, autojump_clock: trio.testing.MockClock
    ) -> None:
        async def script(visit: Visit) -> None:
            await visit.join()
            for _ in range(10):
                await trio.sleep(14)
                if sign == "pong":
                    await visit.send(proto.SignalResponse(pong_resp=proto.Pong()))
                elif sign == "update":
                    await visit.send(UPDATE)
                else:
                    await visit.send_frame(b"\xff\xff")

        async with (
            open_memory_server(script) as (server, connect),
            open_signal(server.url, "token", connect=connect) as connection,
        ):
            await end_of(connection)
            assert trio.current_time() == pytest.approx(155, abs=0.5)

    async def test_the_round_trip_is_measured_and_reported(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        async def script(visit: Visit) -> None:
            await visit.join()
            for number in (1, 2):
                ping = (await visit.wait_for("ping_req", number)).ping_req
                assert ping is not None
                await trio.sleep(0.25)
                timestamp = ping.timestamp
                await visit.send(
                    proto.SignalResponse(pong_resp=proto.Pong(last_ping_timestamp=1)),
                    proto.SignalResponse(pong_resp=proto.Pong(last_ping_timestamp=timestamp)),
                )

        async with (
            open_memory_server(script) as (server, connect),
            open_signal(server.url, "token", connect=connect) as connection,
        ):
            assert connection.round_trip_time is None
            await trio.sleep(6)
            assert connection.round_trip_time == pytest.approx(0.25)
        pings = [one.ping_req for one in server.visit.requests if one.ping_req is not None]
        assert [ping.rtt for ping in pings] == [0, 250]

    async def test_a_server_that_wants_no_pings_gets_none(
        self, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def script(visit: Visit) -> None:
            await visit.join(ping_interval=0, ping_timeout=0)

        async with (
            open_memory_server(script) as (server, connect),
            open_signal(server.url, "token", connect=connect) as connection,
        ):
            await trio.sleep(1000)
            assert connection.close_reason is None
        assert [request.leave is not None for request in server.visit.requests] == [True]
        assert "no pings" in caplog.text

    async def test_a_clogged_link_delays_the_goodbye_no_longer_than_its_deadline(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        async with stuck() as connection:
            await trio.sleep(1)
            for _ in range(256):
                connection.send_nowait(MUTE)
        assert trio.current_time() == pytest.approx(1 + Timeouts().leave)
        assert connection.close_reason == LinkEnd("left")

    async def test_so_does_a_server_that_does_not_answer_the_closing_frame(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        async def deaf(visit: Visit) -> None:
            await visit.join()
            visit._nursery.cancel_scope.shield = True
            await trio.sleep_forever()

        async with open_memory_server(deaf) as (server, connect):
            async with open_signal(
                server.url, "token", connect=connect, timeouts=Timeouts(leave=1)
            ):
                await server.visit.wait_for("ping_req")
            assert trio.current_time() <= 1.01
            server.visit._nursery.cancel_scope.cancel()

    async def test_the_stream_is_not_closed_before_the_server_has_read_the_goodbye(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        """A stream that is closed with something unread in it is reset, and the goodbye is lost."""
        closed: list[float] = []

        class Slow(trio.abc.Stream):
            def __init__(self, stream: trio.abc.Stream) -> None:
                self.stream = stream

            async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
                data = await self.stream.receive_some(max_bytes)
                await trio.sleep(0.5)
                return data

            async def send_all(self, data: bytes | bytearray | memoryview) -> None:
                await self.stream.send_all(data)

            async def wait_send_all_might_not_block(self) -> None:
                await self.stream.wait_send_all_might_not_block()

            async def aclose(self) -> None:
                closed.append(trio.current_time())
                await self.stream.aclose()

        async with open_memory_server(join_and_stay) as (server, connect):

            async def connect_slowly(host: str, port: int) -> trio.abc.Stream:
                return Slow(await connect(host, port))

            async with open_signal(server.url, "token", connect=connect_slowly):
                left = trio.current_time()
            assert closed[0] == pytest.approx(left + 0.5)

    async def test_a_block_that_reads_nothing_loses_the_link_not_the_memory(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        async def flood(visit: Visit) -> None:
            await visit.join()
            for _ in range(INBOUND_QUEUE + 1):
                await visit.send(UPDATE)

        async with (
            open_memory_server(flood) as (server, connect),
            open_signal(server.url, "token", connect=connect) as connection,
        ):
            end = await end_of(connection)
            assert end.cause == "overrun"
            assert len([one async for one in connection.responses]) == INBOUND_QUEUE

    async def test_a_block_that_does_not_want_to_read_keeps_the_link(
        self, autojump_clock: trio.testing.MockClock
    ) -> None:
        async def flood(visit: Visit) -> None:
            await visit.join()
            await visit.wait_for("mute")
            for _ in range(INBOUND_QUEUE + 1):
                await visit.send(UPDATE)
            await visit.send(proto.SignalResponse(refresh_token="last"))

        async with (
            open_memory_server(flood) as (server, connect),
            open_signal(server.url, "token", connect=connect) as connection,
        ):
            await connection.responses.aclose()
            await connection.send(MUTE)
            await trio.sleep(1)
            assert connection.token == "last"
            assert connection.close_reason is None


async def test_pings_of_the_websocket_are_answered_while_nothing_is_read() -> None:
    async def script(visit: Visit) -> None:
        await visit.join()
        for _ in range(INBOUND_QUEUE // 2):
            await visit.send(UPDATE)
        assert visit._websocket is not None
        with trio.fail_after(5):
            await visit._websocket.ping()
        await visit.close(4001)

    server: SignalServer
    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token") as connection,
    ):
        assert await end_of(connection) == LinkEnd("closed", 4001)

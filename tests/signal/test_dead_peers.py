"""A server that is gone without a word is noticed within the time that it announced."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from lktrio import proto
from lktrio.signal import LinkEnd, SignalConnection, open_signal
from lktrio.testing import LinkProfile, Nat, SimulatedHost, SimulatedNetwork
from tests.signal.test_requests import MUTE
from tests.support.signal_server import Script, Visit, join_and_stay, open_signal_server

pytestmark = pytest.mark.virtual_time

UPDATE = proto.SignalResponse(update=proto.ParticipantUpdate())
TIMEOUT = 15  # seconds, as the scripted server announces
INTERVAL = 5


class Place:
    """A client behind a NAT, and a server."""

    def __init__(self, latency: float = 0.02) -> None:
        self.network = SimulatedNetwork(profile=LinkProfile(latency=latency))
        self.nat: Nat = self.network.nat("203.0.113.1")
        self.client: SimulatedHost = self.network.host("client", "10.0.0.1", nat=self.nat)
        self.server: SimulatedHost = self.network.host("server", "192.0.2.1")
        self.slept = 0.0  # seconds in which clocks stood still, but not the time of day

    def wall_time(self) -> float:
        return self.network.wall_time + self.slept

    @asynccontextmanager
    async def join(
        self, script: Script = join_and_stay
    ) -> AsyncGenerator[tuple[SignalConnection, Callable[[], Visit]], None]:
        async with open_signal_server(script, network=self.server, host="192.0.2.1") as server:
            connect = self.client.open_tcp_stream
            async with open_signal(
                server.url, "token", connect=connect, wall_time=self.wall_time
            ) as connection:
                yield connection, lambda: server.visit


async def end_of(connection: SignalConnection) -> tuple[LinkEnd, float]:
    """The end, and how long it took; not for ever, as virtual time would fly by without one."""
    started = trio.current_time()
    with trio.fail_after(600):
        end = await connection.wait_closed()
    return end, trio.current_time() - started


async def answer_pings(visit: Visit, count: int) -> None:
    for number in range(1, count + 1):
        ping = (await visit.wait_for("ping_req", number)).ping_req
        assert ping is not None
        pong = proto.Pong(last_ping_timestamp=ping.timestamp)
        await visit.send(proto.SignalResponse(pong_resp=pong))


async def update_for_ever(visit: Visit, pause: float = 1.0) -> None:
    while True:
        await visit.send(UPDATE)
        await trio.sleep(pause)


async def test_half_open_connections_end_in_time() -> None:
    async def partition(place: Place) -> None:
        place.network.partition(place.client, place.server)

    async def forget(place: Place) -> None:
        place.nat.rebind()

    async def move(place: Place) -> None:
        place.client.change_address("10.0.0.2")

    async def vanish(place: Place) -> None:
        place.client.remove_address("10.0.0.1")

    for trouble in (partition, forget, move, vanish):
        place = Place()
        async with place.join() as (connection, _):
            await trio.sleep(7)
            await trouble(place)
            await trio.sleep(0)
            end, seconds = await end_of(connection)
            assert end.cause == "silent", trouble.__name__
            assert f"nothing was heard for {TIMEOUT} s" in str(end), trouble.__name__
            assert seconds < TIMEOUT + 0.2, trouble.__name__
            with pytest.raises(trio.BrokenResourceError):
                await connection.send(MUTE)


async def test_a_server_that_talks_but_answers_no_ping_any_more_ends_in_time() -> None:
    async def deaf(visit: Visit) -> None:
        await visit.join()
        await answer_pings(visit, 2)
        await update_for_ever(visit)

    async with Place().join(deaf) as (connection, _):
        await connection.responses.aclose()
        end, seconds = await end_of(connection)
        assert str(end) == f"silent: no ping was answered for {TIMEOUT} s"
        assert seconds < INTERVAL + INTERVAL + TIMEOUT + 0.2


async def test_a_server_that_reads_nothing_any_more_ends_in_time() -> None:
    class Unread(trio.abc.Stream):
        """Takes the first request, and then nothing more."""

        def __init__(self, stream: trio.abc.Stream) -> None:
            self.stream = stream
            self.full = False

        async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
            return await self.stream.receive_some(max_bytes)

        async def send_all(self, data: bytes | bytearray | memoryview) -> None:
            if self.full:
                await trio.sleep_forever()
            await self.stream.send_all(data)

        async def wait_send_all_might_not_block(self) -> None:
            await self.stream.wait_send_all_might_not_block()

        async def aclose(self) -> None:
            await self.stream.aclose()

    async def talk(visit: Visit) -> None:
        await visit.join()
        await update_for_ever(visit)

    place = Place()
    async with open_signal_server(talk, network=place.server, host="192.0.2.1") as server:
        streams: list[Unread] = []

        async def connect(host: str, port: int) -> trio.abc.Stream:
            streams.append(Unread(await place.client.open_tcp_stream(host, port)))
            return streams[0]

        async with open_signal(server.url, "token", connect=connect) as connection:
            await connection.responses.aclose()
            await trio.sleep(7)
            streams[0].full = True
            with pytest.raises(trio.BrokenResourceError), trio.fail_after(600):  # noqa: PT012 - all
                while True:
                    await connection.send(MUTE)
            assert str(connection.close_reason) == f"silent: nothing could be sent for {TIMEOUT} s"
            assert trio.current_time() < 7 + TIMEOUT + 0.3


async def test_a_frame_that_never_ends_is_no_sign_of_life() -> None:
    async def trickle(visit: Visit) -> None:
        await visit.join()
        await visit.send_raw(b"\x82\x7e\xff\xff")  # a binary frame of 65,535 bytes (RFC 6455 5.2)
        while True:
            await visit.send_raw(b"\0")
            await trio.sleep(1)

    async with Place().join(trickle) as (connection, _):
        end, seconds = await end_of(connection)
        assert end.cause == "silent"
        assert seconds < TIMEOUT + 0.2


async def test_a_process_that_stood_still_reads_first_what_has_arrived() -> None:
    async def talk(visit: Visit) -> None:
        await visit.join()
        await update_for_ever(visit)

    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    for _ in range(10):  # the order of tasks that wake together is random
        async with Place(latency=0.6).join(talk) as (connection, _):
            await connection.responses.aclose()
            await trio.sleep(7.5)
            clock.jump(3600)
            await trio.sleep(5)
            assert connection.close_reason is None


async def test_a_process_that_stood_still_and_finds_nothing_ends_at_once() -> None:
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    place = Place()
    async with place.join() as (connection, _):
        await trio.sleep(7)
        place.network.partition(place.client, place.server)
        clock.jump(3600)
        end, seconds = await end_of(connection)
        assert end.cause == "silent"
        assert seconds < 0.5


async def test_a_machine_that_slept_asks_at_once_whether_the_server_has_waited() -> None:
    async def answer(visit: Visit) -> None:
        await visit.join()
        await answer_pings(visit, 1000)

    for waited in (False, True):
        place = Place(latency=0.3)
        async with place.join(answer if waited else join_and_stay) as (connection, _):
            await trio.sleep(7)
            place.slept = 3600.0
            if not waited:
                place.network.partition(place.client, place.server)
                end, seconds = await end_of(connection)
                assert end.cause == "silent"
                assert seconds < INTERVAL + 2.1
            else:
                await trio.sleep(60)
                assert connection.close_reason is None


async def test_a_clock_that_is_set_back_harms_nobody() -> None:
    async def answer(visit: Visit) -> None:
        await visit.join()
        await answer_pings(visit, 1000)

    place = Place()
    async with place.join(answer) as (connection, _):
        await trio.sleep(7)
        place.slept = -3600.0
        await trio.sleep(60)
        assert connection.close_reason is None
        assert connection.round_trip_time == pytest.approx(0.04, abs=0.01)

"""Connections between simulated hosts: streams as trio has them, with the faults of a network."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from lktrio.net import TcpListener
from lktrio.testing import LinkProfile, NatKind, SimulatedHost, SimulatedNetwork

pytestmark = pytest.mark.virtual_time

LATENCY = 0.05
Pair = tuple[trio.abc.HalfCloseableStream, trio.abc.HalfCloseableStream]


def hosts(
    profile: LinkProfile | None = None,
) -> tuple[SimulatedNetwork, SimulatedHost, SimulatedHost]:
    network = SimulatedNetwork(1, profile or LinkProfile(latency=LATENCY))
    return network, network.host("client", "192.0.2.1"), network.host("server", "192.0.2.2")


async def connect(client: SimulatedHost, server: SimulatedHost) -> Pair:
    (listener,) = await server.listen_tcp(server.address)
    async with listener:
        near = await client.open_tcp_stream(*listener.address)
        return near, await listener.accept()


@asynccontextmanager
async def open_pair(client: SimulatedHost, server: SimulatedHost) -> AsyncGenerator[Pair, None]:
    near, far = await connect(client, server)
    async with near, far:
        yield near, far


async def read(stream: trio.abc.ReceiveStream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = await stream.receive_some()
        assert more, "the stream ended"
        data += more
    return data


async def send_for_ever(stream: trio.abc.SendStream) -> None:
    while True:
        await stream.send_all(bytes(1000))
        await trio.sleep(LATENCY)


async def test_a_stream_does_what_trio_asks_of_streams() -> None:
    for profile in (
        LinkProfile(),
        LinkProfile(latency=0.02, jitter=0.01, loss=0.1, rate=1e6),
    ):

        async def make_pair(profile: LinkProfile = profile) -> Pair:
            _, client, server = hosts(profile)
            return await connect(client, server)

        async def make_clogged_pair(profile: LinkProfile = profile) -> Pair:
            _, client, server = hosts(profile)
            near, far = await connect(client, server)
            for end in (near, far):
                with trio.move_on_after(100):
                    await end.send_all(bytes(1_000_000))
            return near, far

        await trio.testing.check_half_closeable_stream(make_pair, make_clogged_pair)


async def test_connecting_takes_a_round_trip_and_data_half_of_one() -> None:
    _, client, server = hosts()
    (listener,) = await server.listen_tcp("192.0.2.2", 443)
    started = trio.current_time()
    near = await client.open_tcp_stream("192.0.2.2", 443)
    assert trio.current_time() - started == pytest.approx(2 * LATENCY)
    far = await listener.accept()
    assert far.remote_address[0] == "192.0.2.1"
    started = trio.current_time()
    await near.send_all(b"hello")
    assert await far.receive_some() == b"hello"
    assert trio.current_time() - started == pytest.approx(LATENCY)
    for end in (near, far, listener):
        await end.aclose()


async def test_what_cannot_be_reached_is_an_os_error() -> None:
    network, client, server = hosts()
    network.names["old.test"] = ["192.0.2.77"]
    network.names["silent.test"] = ["192.0.2.2"]
    with pytest.raises(ConnectionRefusedError):
        await client.open_tcp_stream("192.0.2.2", 443)
    for host in ("192.0.2.77", "old.test", "unknown.test", "2001:db8::1", "127.0.0.1"):
        with pytest.raises(OSError, match=r"\w"):
            await client.open_tcp_stream(host, 443)
    network.partition(client, server)
    started = trio.current_time()
    with pytest.raises(TimeoutError):
        await client.open_tcp_stream("silent.test", 443)
    assert 100 < trio.current_time() - started < 150


async def test_a_host_counts_what_its_programs_left_open() -> None:
    _, client, server = hosts()
    assert (client.open_sockets, server.open_sockets) == (0, 0)
    sock = client.open_udp("192.0.2.1")
    (listener,) = await server.listen_tcp("192.0.2.2")
    near = await client.open_tcp_stream(*listener.address)
    far = await listener.accept()
    assert (client.open_sockets, server.open_sockets) == (2, 2)
    await near.aclose()
    sock.close()
    assert (client.open_sockets, server.open_sockets) == (0, 2)
    await far.aclose()
    await listener.aclose()
    assert (client.open_sockets, server.open_sockets) == (0, 0)


async def test_names_lead_to_hosts() -> None:
    network, client, server = hosts()
    network.names["example.test"] = ["192.0.2.9", "192.0.2.2"]  # the first is down
    listeners: list[TcpListener] = await server.listen_tcp("", 443)
    assert {listener.address[0] for listener in listeners} == {"192.0.2.2", "127.0.0.1", "::1"}
    for host in ("server", "example.test", "192.0.2.2"):
        await (await client.open_tcp_stream(host, 443)).aclose()
    for host in ("localhost", "::1", "server"):
        await (await server.open_tcp_stream(host, 443)).aclose()
    for listener in listeners:
        await listener.aclose()
    with pytest.raises(ConnectionRefusedError):
        await client.open_tcp_stream("server", 443)
    with pytest.raises(OSError, match=r"192\.0\.2\.1"):
        await server.listen_tcp("192.0.2.1")
    await server.listen_tcp("server", 80)
    with pytest.raises(OSError, match="80"):
        await server.listen_tcp("server", 80)


async def test_losses_delay_and_lose_nothing() -> None:
    sent = bytes(range(256)) * 800
    took = {}
    for loss in (0.0, 0.1):
        _, client, server = hosts(LinkProfile(latency=LATENCY, jitter=0.01, loss=loss))
        async with open_pair(client, server) as (near, far), trio.open_nursery() as nursery:
            started = trio.current_time()
            nursery.start_soon(near.send_all, sent)
            assert await read(far, len(sent)) == sent
            took[loss] = trio.current_time() - started
    assert took[0.0] < 2 * LATENCY < 5 * LATENCY < took[0.1]


async def test_what_is_sent_again_after_a_timeout_is_past_the_burst() -> None:
    _, client, server = hosts(LinkProfile(latency=LATENCY, loss=0.05, burst=50))
    async with open_pair(client, server) as (near, far):
        longest = 0.0
        for number in range(300):
            started = trio.current_time()
            await near.send_all(bytes([number % 256]))
            assert await far.receive_some() == bytes([number % 256])
            longest = max(longest, trio.current_time() - started)
    assert 0.2 < longest < 4


async def test_a_reader_that_does_not_read_stops_the_sender() -> None:
    _, client, server = hosts()
    async with open_pair(client, server) as (near, far):
        with trio.move_on_after(60) as scope:
            await near.send_all(bytes(1_000_000))
        assert scope.cancelled_caught
        await read(far, 100_000)
        with trio.fail_after(1):
            await near.wait_send_all_might_not_block()
            await near.send_all(b"fits")


async def test_a_rate_limits_the_throughput() -> None:
    _, client, server = hosts(LinkProfile(rate=100_000, queue=3000))
    async with open_pair(client, server) as (near, far), trio.open_nursery() as nursery:
        started = trio.current_time()
        nursery.start_soon(near.send_all, bytes(500_000))
        await read(far, 500_000)
        assert 5.0 < trio.current_time() - started < 5.5


async def test_a_partition_stalls_a_connection_and_both_ends_stay() -> None:
    network, client, server = hosts()
    async with open_pair(client, server) as (near, far):
        network.partition(client, server)
        await near.send_all(b"stalled ")
        await near.send_all(b"data")
        with trio.move_on_after(30) as scope:
            await far.receive_some()
        assert scope.cancelled_caught
        network.heal(client, server)
        with trio.fail_after(40):  # the sender tries less and less often
            assert await read(far, 12) == b"stalled data"
        await far.send_all(b"alive")
        assert await near.receive_some() == b"alive"


async def test_a_sender_that_is_never_heard_gives_up() -> None:
    network, client, server = hosts()
    async with open_pair(client, server) as (near, _):
        network.partition(client, server)
        await near.send_all(b"hello?")
        started = trio.current_time()
        with pytest.raises(trio.BrokenResourceError):
            await near.receive_some()
        assert 600 < trio.current_time() - started < 1000


async def test_connections_can_be_reset_in_the_middle() -> None:
    network, client, server = hosts()
    async with open_pair(client, server) as (near, far), trio.open_nursery() as nursery:

        async def wait(stream: trio.abc.HalfCloseableStream) -> None:
            with pytest.raises(trio.BrokenResourceError):
                await stream.receive_some()

        nursery.start_soon(wait, near)
        nursery.start_soon(wait, far)
        await trio.sleep(1)
        assert network.reset_connections(server, client) == 1
    assert network.reset_connections(server, client) == 0


async def test_an_end_that_closes_is_noticed_by_the_other() -> None:
    _, client, server = hosts()
    for unread in (False, True):
        near, far = await connect(client, server)
        if unread:
            await far.send_all(b"nobody reads this")
            await trio.sleep(1)
        await near.aclose()
        if not unread:
            assert await far.receive_some() == b""
        with pytest.raises(trio.BrokenResourceError):
            await send_for_ever(far)
        await far.aclose()


async def test_a_host_that_moves_leaves_its_connections_dead() -> None:
    _, client, server = hosts()
    async with open_pair(client, server) as (near, far):
        client.change_address("203.0.113.1")
        await far.send_all(b"to the old address")
        with trio.move_on_after(60) as scope:
            await near.receive_some()
        assert scope.cancelled_caught
        async with open_pair(client, server) as (_, fresh):
            assert await read(far, 0) == b""
            assert fresh is not far


async def test_a_nat_lets_connections_out_and_not_in() -> None:
    network = SimulatedNetwork(1, LinkProfile(latency=LATENCY))
    nat = network.nat("198.51.100.1", NatKind.FULL_CONE)
    client = network.host("client", "10.0.0.1", nat=nat)
    server = network.host("server", "192.0.2.2")
    (listener,) = await server.listen_tcp("192.0.2.2")
    near = await client.open_tcp_stream(*listener.address)
    far = await listener.accept()
    assert far.remote_address[0] == "198.51.100.1"
    await near.send_all(b"out")
    assert await far.receive_some() == b"out"
    await far.send_all(b"back")
    assert await near.receive_some() == b"back"
    (inside,) = await client.listen_tcp("10.0.0.1", 80)
    for address in ("10.0.0.1", "198.51.100.1"):
        with pytest.raises(OSError, match=r"\w"):
            await server.open_tcp_stream(address, 80)
    nat.rebind()
    await near.send_all(b"lost")
    with trio.move_on_after(60) as scope:
        await far.receive_some()
    assert scope.cancelled_caught
    for end in (near, far, listener, inside):
        await end.aclose()


async def test_connections_that_nobody_accepts_are_bounded_and_reset_at_the_end() -> None:
    _, client, server = hosts()
    (listener,) = await server.listen_tcp("192.0.2.2")
    opened: list[trio.abc.HalfCloseableStream] = []
    refused: list[None] = []

    async def open_one() -> None:
        try:
            opened.append(await client.open_tcp_stream(*listener.address))
        except TimeoutError:
            refused.append(None)

    async with trio.open_nursery() as nursery:
        for _ in range(200):
            nursery.start_soon(open_one)
    assert (len(opened), len(refused)) == (128, 72)
    await listener.aclose()
    for stream in opened:
        await stream.aclose()


async def test_a_cancelled_connect_leaves_nothing_at_the_server() -> None:
    _, client, server = hosts()
    (listener,) = await server.listen_tcp("192.0.2.2")
    with trio.move_on_after(LATENCY * 1.5):
        await client.open_tcp_stream(*listener.address)
    with trio.move_on_after(10) as scope:
        await listener.accept()
    assert scope.cancelled_caught
    await listener.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await listener.accept()

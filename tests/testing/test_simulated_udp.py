"""Datagrams between simulated hosts: addresses, NATs, partitions, and what arrives when."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from lktrio.net import DatagramSocket
from lktrio.rtc.base import Address
from lktrio.testing import Fate, LinkProfile, NatKind, SimulatedHost, SimulatedNetwork

pytestmark = pytest.mark.virtual_time

LATENCY = 0.1


def pair() -> tuple[SimulatedNetwork, SimulatedHost, SimulatedHost]:
    network = SimulatedNetwork(1, LinkProfile(latency=LATENCY))
    return network, network.host("one", "192.0.2.1"), network.host("two", "192.0.2.2")


async def receive(sock: DatagramSocket) -> tuple[bytes, Address] | None:
    """The next datagram, or None if there is none within a second."""
    with trio.move_on_after(1):
        await sock.wait_readable()
        (datagram,) = sock.drain()
        return datagram
    return None


async def passes(source: DatagramSocket, destination: Address, receiver: DatagramSocket) -> bool:
    """Whether a datagram from one socket to an address comes out of another socket."""
    source.send(destination, [b"try"])
    return await receive(receiver) is not None


async def test_a_datagram_arrives_after_the_latency_with_its_source() -> None:
    _, one, two = pair()
    near, far = one.open_udp("192.0.2.1"), two.open_udp("192.0.2.2", 5000)
    started = trio.current_time()
    assert near.send(("192.0.2.2", 5000), [b"hello", b"again"]) == 2
    await far.wait_readable()
    assert trio.current_time() - started == pytest.approx(LATENCY)
    assert far.drain() == [(b"hello", near.address), (b"again", near.address)]
    assert far.drain() == []


async def test_a_batch_is_limited_so_that_other_tasks_run() -> None:
    _, one, two = pair()
    near, far = one.open_udp("192.0.2.1"), two.open_udp("192.0.2.2")
    near.send(far.address, [b"x"] * 100)
    await far.wait_readable()
    assert (len(far.drain()), len(far.drain())) == (64, 36)


async def test_what_nobody_reads_fills_a_bounded_buffer() -> None:
    _, one, two = pair()
    near, far = one.open_udp("192.0.2.1"), two.open_udp("192.0.2.2")
    near.send(far.address, [bytes(1400)] * 2000)
    await far.wait_readable()
    count = 0
    while batch := far.drain():
        count += len(batch)
    assert 1000 < count < 2000
    assert far.statistics.overflowed == 2000 - count


async def test_a_waiting_reader_learns_of_an_earlier_datagram_and_of_the_end() -> None:
    network, one, two = pair()
    near, far = one.open_udp("192.0.2.1"), two.open_udp("192.0.2.2")
    near.send(far.address, [b"slow"])
    network.profile = LinkProfile(latency=LATENCY / 10)

    async def send_fast() -> None:
        near.send(far.address, [b"fast"])
        await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        started = trio.current_time()
        nursery.start_soon(send_fast)
        assert await receive(far) == (b"fast", near.address)
        assert trio.current_time() - started == pytest.approx(LATENCY / 10)
    assert await receive(far) == (b"slow", near.address)
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            with pytest.raises(trio.ClosedResourceError):
                await far.wait_readable()

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        far.close()
        far.close()
    with pytest.raises(trio.ClosedResourceError):
        await far.wait_readable()
    with pytest.raises(trio.ClosedResourceError):
        await far.wait_writable()
    assert far.send(near.address, [b"late"]) == 1
    await near.wait_writable()


async def test_addresses_and_ports_are_as_strict_as_real_ones() -> None:
    network, one, _ = pair()
    taken = one.open_udp("192.0.2.1", 5000)
    for address in (("192.0.2.2", 0), ("192.0.2.1", 5000)):
        with pytest.raises(OSError, match=r"\d"):
            one.open_udp(*address)
    taken.close()
    one.open_udp("192.0.2.1", 5000)
    for name, addresses in (("one", ["192.0.2.9"]), ("three", ["192.0.2.1"]), ("four", [])):
        with pytest.raises(ValueError, match=r"taken|already"):
            network.host(name, *addresses)


async def test_loopback_stays_within_a_host() -> None:
    _, one, two = pair()
    near, far = one.open_udp("127.0.0.1"), one.open_udp("127.0.0.1")
    other = two.open_udp("127.0.0.1", near.address[1])
    assert await passes(far, near.address, near)
    assert await receive(other) is None
    assert not await passes(one.open_udp("192.0.2.1"), far.address, far)


async def test_hosts_list_their_addresses_as_real_ones_do() -> None:
    network = SimulatedNetwork()
    host = network.host("both", "192.0.2.1", "2001:db8::1")
    assert host.local_addresses() == ["192.0.2.1", "2001:db8::1"]
    assert host.local_addresses(loopback=True)[0] == "127.0.0.1"
    assert await passes(host.open_udp("2001:db8::1"), *with_address(host, "2001:db8::1"))


def with_address(host: SimulatedHost, address: str) -> tuple[Address, DatagramSocket]:
    sock = host.open_udp(address)
    return sock.address, sock


async def test_the_kinds_of_nat_let_in_what_they_are_known_for() -> None:
    # From whom answers come in, when the inside has sent to one port of a server.
    for kind, other_port, other_host, same_mapping in (
        (NatKind.FULL_CONE, True, True, True),
        (NatKind.ADDRESS_RESTRICTED, True, False, True),
        (NatKind.PORT_RESTRICTED, False, False, True),
        (NatKind.SYMMETRIC, False, False, False),
    ):
        network = SimulatedNetwork()
        nat = network.nat("198.51.100.1", kind)
        inside = network.host("inside", "10.0.0.1", nat=nat).open_udp("10.0.0.1")
        server, stranger = network.host("server", "192.0.2.1"), network.host("else", "192.0.2.2")
        one, another = server.open_udp("192.0.2.1"), server.open_udp("192.0.2.1")
        third = stranger.open_udp("192.0.2.2")

        assert not await passes(one, inside.address, inside), kind
        inside.send(one.address, [b"out"])
        received = await receive(one)
        assert received is not None, kind
        seen = received[1]
        assert seen[0] == "198.51.100.1", kind
        assert await passes(one, seen, inside), kind
        assert await passes(another, seen, inside) is other_port, kind
        assert await passes(third, seen, inside) is other_host, kind
        inside.send(third.address, [b"out"])
        received = await receive(third)
        assert received is not None, kind
        assert (received[1] == seen) is same_mapping, kind


async def test_a_mapping_ends_after_its_lifetime_and_when_the_nat_restarts() -> None:
    network = SimulatedNetwork()
    nat = network.nat("198.51.100.1", lifetime=30)
    inside = network.host("inside", "10.0.0.1", nat=nat).open_udp("10.0.0.1")
    server = network.host("server", "192.0.2.1").open_udp("192.0.2.1")
    seen: list[Address] = []
    for wait, rebind, kept in (
        (0, False, True),
        (20, False, True),
        (31, False, False),
        (0, True, False),
    ):
        inside.send(server.address, [b"out"])
        received = await receive(server)
        assert received is not None
        seen.append(received[1])
        await trio.sleep(wait)
        if rebind:
            nat.rebind()
        assert await passes(server, seen[-1], inside) is kept, f"after {wait} s, {rebind=}"
    assert len(set(seen[:3])) == 1
    assert seen[3] != seen[2]


async def test_hosts_behind_a_nat_reach_each_other_inside_and_outside_by_hairpin() -> None:
    for hairpin in (False, True):
        network = SimulatedNetwork()
        nat = network.nat("198.51.100.1", NatKind.FULL_CONE, hairpin=hairpin)
        one = network.host("one", "10.0.0.1", nat=nat).open_udp("10.0.0.1")
        two = network.host("two", "10.0.0.2", nat=nat).open_udp("10.0.0.2")
        server = network.host("server", "192.0.2.1").open_udp("192.0.2.1")
        assert await passes(one, two.address, two), f"{hairpin=}"
        two.send(server.address, [b"out"])
        received = await receive(server)
        assert received is not None
        assert await passes(one, received[1], two) is hairpin, f"{hairpin=}"


async def test_two_nats_may_have_the_same_addresses_inside() -> None:
    network = SimulatedNetwork()
    server = network.host("server", "192.0.2.1").open_udp("192.0.2.1")
    sources = set()
    for number in (1, 2):
        nat = network.nat(f"198.51.100.{number}")
        sock = network.host(f"home {number}", "10.0.0.1", nat=nat).open_udp("10.0.0.1")
        sock.send(server.address, [b"out"])
        received = await receive(server)
        assert received is not None
        sources.add(received[1][0])
    assert sources == {"198.51.100.1", "198.51.100.2"}


async def test_a_partition_blocks_two_hosts_until_it_heals() -> None:
    network, one, two = pair()
    three = network.host("three", "192.0.2.3")
    near, far, third = (host.open_udp(host.address) for host in (one, two, three))
    network.partition(one, two)
    assert not await passes(near, far.address, far)
    assert not await passes(far, near.address, near)
    assert await passes(third, far.address, far)
    assert network.trace[0].fate is Fate.BLOCKED
    network.heal(two, one)
    assert await passes(near, far.address, far)
    network.partition(one, two, "tcp")
    assert await passes(near, far.address, far)
    network.partition(one, two, "udp")
    assert not await passes(near, far.address, far)


async def test_a_changed_address_leaves_the_sockets_on_the_old_one_behind() -> None:
    network, one, two = pair()
    near, far = one.open_udp("192.0.2.1"), two.open_udp("192.0.2.2")
    one.change_address("203.0.113.7")
    assert not await passes(near, far.address, far)
    assert not await passes(far, near.address, near)
    assert one.local_addresses() == ["203.0.113.7"]
    assert await passes(one.open_udp("203.0.113.7"), far.address, far)
    network.host("heir", "192.0.2.1")  # the old address is free
    with pytest.raises(ValueError, match="taken"):
        one.change_address("192.0.2.2")


async def test_each_packet_leaves_a_record_with_its_fate() -> None:
    network, one, two = pair()
    near, far = one.open_udp("192.0.2.1"), two.open_udp("192.0.2.2")
    seen: list[tuple[Fate, bytes]] = []
    network.watch(lambda record, data: seen.append((record.fate, data)))
    near.send(far.address, [b"good", bytes(1473)])
    near.send(("192.0.2.2", 9), [b"no socket"])
    near.send(("192.0.2.9", 9), [b"no host"])
    network.set_link(one, two, LinkProfile(loss=1.0))
    near.send(far.address, [b"lost"])
    fates = [Fate.DELIVERED, Fate.TOO_LONG, Fate.UNREACHABLE, Fate.UNREACHABLE, Fate.LOST]
    assert [record.fate for record in network.trace] == fates
    assert [fate for fate, _ in seen] == fates
    first = network.trace[0]
    assert (first.source, first.destination, first.size) == (near.address, far.address, 4)
    assert first.arrival == first.time + LATENCY
    assert network.statistics(one, two).lost == 1
    assert network.statistics(two, one).sent == 0


async def test_directions_differ_and_the_default_can_change() -> None:
    network, one, two = pair()
    near, far = one.open_udp("192.0.2.1"), two.open_udp("192.0.2.2")
    network.set_link(one, two, LinkProfile(loss=1.0), LinkProfile())
    assert not await passes(near, far.address, far)
    assert await passes(far, near.address, near)
    network.profile = LinkProfile(loss=1.0)
    assert await passes(far, near.address, near)  # something else was said of that link
    third = network.host("three", "192.0.2.3").open_udp("192.0.2.3")
    assert not await passes(third, far.address, far)


async def test_a_datagram_can_be_injected_with_a_false_source() -> None:
    network, one, _ = pair()
    near = one.open_udp("192.0.2.1")
    network.inject(("203.0.113.1", 1), near.address, b"forged")
    assert await receive(near) == (b"forged", ("203.0.113.1", 1))
    network.inject(("203.0.113.1", 1), ("192.0.2.77", 1), b"to nobody")


async def test_the_same_seed_gives_the_same_trace_and_the_same_random_bytes() -> None:
    async def run(seed: int) -> tuple[str, bytes]:
        network = SimulatedNetwork(seed, LinkProfile(jitter=0.1, loss=0.2, duplicate=0.1))
        one, two = network.host("one", "192.0.2.1"), network.host("two", "192.0.2.2")
        near, far = one.open_udp("192.0.2.1"), two.open_udp("192.0.2.2")
        for number in range(50):
            near.send(far.address, [bytes([number])])
        assert two.random_bytes(8) != one.random_bytes(8)
        return network.digest, one.random_bytes(16)

    first, again, other = [await run(seed) for seed in (1, 1, 2)]
    assert again == first
    assert other[0] != first[0]
    assert other[1] != first[1]
    await trio.lowlevel.checkpoint()

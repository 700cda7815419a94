"""The UDP socket moves batches of datagrams whole, in order, and survives refusals."""

from __future__ import annotations

import errno
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from lktrio.net.udp import DRAIN_LIMIT, UdpSocket


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[UdpSocket, UdpSocket]]:
    try:
        sockets = UdpSocket(request.param), UdpSocket(request.param)
    except OSError as error:
        pytest.skip(f"no {request.param} on this machine: {error}")
    yield sockets
    for sock in sockets:
        sock.socket.close()


async def receive(sock: UdpSocket, count: int) -> list[bytes]:
    received: list[bytes] = []
    with trio.fail_after(5):
        while len(received) < count:
            await sock.wait_readable()
            received.extend(data for data, _ in sock.drain())
    return received


@pytest.mark.parametrize(
    "sizes",
    [
        [1],
        [1200] * 40,
        [1200] * 9 + [37],
        [1200, 1200, 50, 1200, 1200],
        [10, 20, 30],
        [1200] * 130,
        [0, 1, 0],
    ],
    ids=str,
)
async def test_a_batch_arrives_whole_and_in_order(
    pair: tuple[UdpSocket, UdpSocket], sizes: list[int]
) -> None:
    sender, receiver = pair
    datagrams = [bytes([index % 256]) * size for index, size in enumerate(sizes)]
    assert sender.send(receiver.address, datagrams) == len(datagrams)
    assert await receive(receiver, len(datagrams)) == datagrams
    assert sender.stats.datagrams_sent == receiver.stats.datagrams_received == len(datagrams)


async def test_each_datagram_comes_with_its_senders_address(
    pair: tuple[UdpSocket, UdpSocket],
) -> None:
    sender, receiver = pair
    sender.send(receiver.address, [b"x"])
    await receiver.wait_readable()
    assert receiver.drain() == [(b"x", sender.address)]


async def test_a_full_drain_leaves_the_rest_for_the_next_turn(
    pair: tuple[UdpSocket, UdpSocket],
) -> None:
    sender, receiver = pair
    datagrams = [b"%03d" % index + bytes(index % 5) for index in range(3 * DRAIN_LIMIT)]
    sender.send(receiver.address, datagrams)
    await receiver.wait_readable()
    first = [data for data, _ in receiver.drain()]
    assert DRAIN_LIMIT <= len(first) < len(datagrams)
    assert first + await receive(receiver, len(datagrams) - len(first)) == datagrams


async def test_a_closed_port_does_not_disturb_the_traffic_to_other_ports(
    pair: tuple[UdpSocket, UdpSocket],
) -> None:
    sender, receiver = pair
    gone = UdpSocket(sender.address[0])
    gone.close()
    for _ in range(5):
        assert sender.send(gone.address, [b"anyone there?"]) == 1
        assert sender.drain() == []
    sender.send(receiver.address, [b"hello"])
    assert await receive(receiver, 1) == [b"hello"]


async def test_a_datagram_longer_than_udp_allows_is_refused_and_the_next_one_sent(
    pair: tuple[UdpSocket, UdpSocket],
) -> None:
    sender, receiver = pair
    assert sender.send(receiver.address, [bytes(70_000), b"small"]) == 2
    assert await receive(receiver, 1) == [b"small"]
    assert sender.stats.send_errors == 1


async def test_an_address_of_the_other_family_is_refused_and_counted(
    pair: tuple[UdpSocket, UdpSocket],
) -> None:
    sender, _ = pair
    other = "::1" if sender.address[0] == "127.0.0.1" else "127.0.0.1"
    assert sender.send((other, 9), [b"x"]) == 1
    assert sender.stats.send_errors == 1


async def test_closing_wakes_a_waiting_reader(pair: tuple[UdpSocket, UdpSocket]) -> None:
    sock, _ = pair

    async def wait() -> None:
        with pytest.raises(trio.ClosedResourceError):
            await sock.wait_readable()

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            sock.close()
            sock.close()
    assert sock.drain() == []


async def test_binding_to_a_foreign_address_fails_at_once() -> None:
    with pytest.raises(OSError, match=r"."):
        UdpSocket("192.0.2.1")


async def test_an_error_that_stays_does_not_keep_a_drain_busy_for_ever(
    pair: tuple[UdpSocket, UdpSocket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise OSError(errno.ENETDOWN, "Network is down")

    sock, _ = pair
    for receive in ("_receive_coalesced", "_receive_one"):
        monkeypatch.setattr(sock, receive, fail)
    assert sock.drain() == []
    assert sock.stats.receive_errors == DRAIN_LIMIT

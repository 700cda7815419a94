"""Drivers connect peers over real sockets, and leave nothing behind."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from lktrio.errors import LocalProtocolError
from lktrio.net import Network, SystemNetwork
from lktrio.net.driver import PeerDriver
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.net.udp import UdpSocket
from lktrio.rtc.datachannel import DataChannel, DataChannelMessage
from lktrio.rtc.peer import PeerEvent
from lktrio.rtc.transport import TransportState, TransportStateChanged
from lktrio.testing.cancellation import cancel_at_every_checkpoint
from tests.support.driven import End, connect


@asynccontextmanager
async def open_pair(
    address: str = "127.0.0.1", *, lite: bool = False, network: Network = SYSTEM_NETWORK
) -> AsyncGenerator[tuple[End, End, DataChannel], None]:
    """Two connected ends and a data channel of the first."""
    first = End([address], network=network)
    second = End([address], lite=lite)
    try:
        channel = first.peer.create_data_channel("chat")
        section = first.peer.add_transceiver("audio", "sendonly")
        first.peer.set_local_track(section, "-", "mic")
        async with trio.open_nursery() as nursery:
            await nursery.start(first.driver.run)
            await nursery.start(second.driver.run)
            await connect(first, second, channel)
            yield first, second, channel
            nursery.cancel_scope.cancel()
    finally:
        first.driver.close()
        second.driver.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("lite", [False, True])
async def test_data_and_media_cross_real_sockets(address: str, lite: bool) -> None:
    try:
        End([address]).driver.close()
    except OSError as error:
        pytest.skip(f"no {address} here: {error}")
    async with open_pair(address, lite=lite) as (first, second, channel):
        messages = [b"%d" % number * 100 for number in range(100)]
        for message in messages:
            channel.send(message, trio.current_time())
        stream = first.peer.outbound(first.peer.transceivers[0], "audio/opus")
        frames = [b"\x78" + bytes([number]) * 80 for number in range(50)]
        for number, frame in enumerate(frames):
            first.peer.send(stream.send_frame(frame, number * 960, trio.current_time()))
        first.driver.flush()
        with trio.fail_after(10):
            while len(second.messages) < 100 or len(second.frames) < 50:
                await second.changed.wait()
        assert second.messages == messages
        assert second.frames == frames


async def test_the_end_of_one_side_is_told_to_the_other() -> None:
    async with open_pair() as (first, second, _):
        first.driver.close()
        with trio.fail_after(5):
            while second.peer.state is not TransportState.CLOSED:
                await second.changed.wait()


async def test_addresses_that_cannot_be_bound_are_left_out() -> None:
    end = End(["192.0.2.77", "127.0.0.1"])
    assert [host for host, _ in end.driver.local_addresses] == ["127.0.0.1"]
    end.driver.close()
    assert end.driver.local_addresses == []


async def test_an_event_handler_that_raises_ends_the_driver() -> None:
    end = End(["127.0.0.1"])

    def fail(event: PeerEvent) -> None:
        raise ZeroDivisionError

    end.driver._handle_event = fail
    end.peer.events.append(TransportStateChanged(TransportState.FAILED))
    with pytest.RaisesGroup(ZeroDivisionError):
        await end.driver.run()
    assert end.driver.local_addresses == []


async def test_what_the_kernel_refuses_is_counted_also_of_sockets_that_are_closed() -> None:
    async with open_pair() as (first, _, _):
        assert first.driver.counters["udp.send_errors"] == 0
        elsewhere = "candidate:1 1 udp 1 192.0.2.1 9 typ host"  # not reached from a loopback socket
        first.peer.add_remote_candidate(elsewhere, trio.current_time())
        first.driver.flush()
        with trio.fail_after(5):
            while not first.driver.counters["udp.send_errors"]:
                await trio.sleep(0.01)
    assert first.driver.counters["udp.send_errors"] > 0
    assert first.driver.counters["udp.dropped"] == first.driver.counters["tcp.dropped"] == 0


async def test_a_driver_for_a_closed_peer_is_refused_and_leaves_no_socket() -> None:
    end = End(["127.0.0.1"])
    end.driver.close()
    with pytest.raises(LocalProtocolError, match="closed"):
        PeerDriver(end.peer, end.on_event, ["127.0.0.1"])


async def test_closing_a_driver_whose_reader_is_about_to_read_ends_it_in_peace() -> None:
    for _ in range(20):  # the order of tasks that wake together is random
        end, other = End(["127.0.0.1"]), UdpSocket("127.0.0.1")
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                await nursery.start(end.driver.run)
                await trio.testing.wait_all_tasks_blocked()
                other.send(end.driver.local_addresses[0], [b"wake up"])
                other.send(other.address, [b"wake up"])
                await other.wait_readable()
                end.driver.close()
        other.close()


async def test_an_event_handler_may_flush() -> None:
    async with open_pair() as (first, second, channel):
        original = second.on_event

        def echo(event: PeerEvent) -> None:
            original(event)
            if isinstance(event, DataChannelMessage):
                event.channel.send(b"echo " + event.data, trio.current_time())
                second.driver.flush()

        second.driver._handle_event = echo
        channel.send(b"hello", trio.current_time())
        first.driver.flush()
        with trio.fail_after(5):
            while not first.messages:
                await first.changed.wait()
        assert first.messages == [b"echo hello"]


async def test_messages_in_a_row_share_packets_and_a_lone_one_leaves_at_once() -> None:
    async with open_pair() as (first, second, channel):
        counted = len(second.messages)

        async def send(count: int) -> None:
            nonlocal counted
            for _ in range(count):
                channel.send(bytes(100), trio.current_time())
                first.driver.flush_coalesced()
                await trio.lowlevel.checkpoint()
            counted += count

        async def arrived() -> None:
            with trio.fail_after(10):
                while len(second.messages) < counted:
                    await second.changed.wait()

        def packets() -> int:
            return first.peer.counters["sctp.packets_sent"]

        for _ in range(3):
            before = packets()
            channel.send(b"lone", trio.current_time())
            first.driver.flush_coalesced()
            assert packets() == before + 1  # without a checkpoint
            counted += 1
            await arrived()
            await trio.testing.wait_all_tasks_blocked()
        receive, second.peer.receive = second.peer.receive, lambda *_: None  # type: ignore[method-assign]
        before = packets()
        channel.send(b"one", trio.current_time())
        first.driver.flush_coalesced()
        await trio.lowlevel.checkpoint()
        channel.send(b"another, of somebody who flushes alone", trio.current_time())
        first.driver.flush()
        await trio.testing.wait_all_tasks_blocked()
        assert packets() == before + 2  # although nothing came that would have flushed
        second.peer.receive = receive  # type: ignore[method-assign]
        counted += 2
        await arrived()
        for senders in (1, 5):
            before = packets()
            async with trio.open_nursery() as nursery:
                for _ in range(senders):
                    nursery.start_soon(send, 200 // senders)
            await arrived()
            assert packets() - before < 100, senders


class SmallBuffers(SystemNetwork):
    """Its kernel takes few datagrams at once."""

    def open_udp(self, host: str, port: int = 0) -> UdpSocket:
        sock = super().open_udp(host, port)
        sock.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        return sock


async def test_a_full_kernel_buffer_keeps_datagrams_in_order() -> None:
    async with open_pair(network=SmallBuffers()) as (first, second, channel):
        big = [bytes([number]) * 60_000 for number in range(40)]
        for message in big:
            channel.send(message, trio.current_time())
        first.driver.flush()
        with trio.fail_after(20):
            while len(second.messages) < len(big):
                await second.changed.wait()
        assert second.messages == big


async def test_cancelled_anywhere_a_pair_leaves_no_task_and_no_socket() -> None:
    async def operation() -> None:
        async with open_pair() as (first, second, channel):
            channel.send(b"hello", trio.current_time())
            first.driver.flush()
            while not second.messages:
                await second.changed.wait()

    assert await cancel_at_every_checkpoint(operation) > 5

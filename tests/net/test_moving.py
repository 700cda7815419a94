"""A call follows its machine from network to network."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from lktrio.rtc.datachannel import DataChannel, DataChannelClosed, DataChannelOpened
from lktrio.rtc.transport import TransportState, TransportStateChanged
from lktrio.testing import LinkProfile, NatKind, SimulatedHost, SimulatedNetwork
from tests.support.driven import End, connect

pytestmark = pytest.mark.virtual_time


class Move:
    """A client that sends a number every 20 ms, and a server that does not move."""

    def __init__(self, client: SimulatedHost, near: End, far: End, channel: DataChannel) -> None:
        self.client = client
        self.near = near
        self.far = far
        self.channel = channel
        self.sent = 0

    async def send(self, seconds: float) -> None:
        stream = self.near.peer.outbound(self.near.peer.transceivers[0], "audio/opus")
        for _ in range(round(seconds / 0.02)):
            data = b"\x78" + self.sent.to_bytes(4, "big")
            now = trio.current_time()
            self.near.peer.send_frame(stream, data, 960 * self.sent, now)
            self.channel.send(data, now)
            self.near.driver.flush()
            self.reply(data)
            self.sent += 1
            await trio.sleep(0.02)

    def reply(self, data: bytes) -> None:
        """The server sends the same numbers."""
        opened = [e.channel for e in self.far.events if isinstance(e, DataChannelOpened)]
        opened[0].send(data, trio.current_time())
        self.far.driver.flush()

    async def follow(self, *, restart: bool) -> None:
        """Do what a room does whenever the machine has other addresses."""
        known = self.client.local_addresses()
        while True:
            known = await self.client.wait_addresses_changed(known)
            assert self.near.driver.set_addresses(known)
            if restart:
                now = trio.current_time()
                offer = self.near.peer.create_offer(now, ice_restart=True)
                await trio.sleep(0.02)
                self.far.peer.set_offer(offer, now)
                self.near.peer.set_answer(self.far.peer.create_answer(now), now)
                self.near.driver.flush()
                self.far.driver.flush()

    def missing_frames(self) -> int:
        return self.sent - len(self.far.frames)

    def states(self) -> list[str]:
        events = self.near.events
        return [e.state.value for e in events if isinstance(e, TransportStateChanged)]


@asynccontextmanager
async def open_move(
    *, lite: bool = True, restart: bool = True, nat: NatKind | None = None, latency: float = 0.01
) -> AsyncGenerator[Move, None]:
    network = SimulatedNetwork(profile=LinkProfile(latency=latency))
    gate = None if nat is None else network.nat("203.0.113.99", nat)
    client = network.host("client", "192.0.2.1", nat=gate)
    server = network.host("server", "198.51.100.1")
    near = End(["192.0.2.1"], network=client)
    far = End(["198.51.100.1"], lite=lite, network=server)
    channel = near.peer.create_data_channel("numbers")
    near.peer.set_local_track(near.peer.add_transceiver("audio", "sendonly"), "-", "mic")
    async with trio.open_nursery() as nursery:
        await nursery.start(near.driver.run)
        await nursery.start(far.driver.run)
        await connect(near, far, channel)
        await trio.sleep(1)  # for the other side to hear of the channel
        move = Move(client, near, far, channel)

        async def follow() -> None:
            await move.follow(restart=restart)

        nursery.start_soon(follow)
        yield move
        nursery.cancel_scope.cancel()
    assert client.open_sockets == server.open_sockets == 0


async def test_a_call_goes_on_from_another_address() -> None:
    for lite in (False, True):
        for restart in (False, True):
            what = f"{lite=} {restart=}"
            async with open_move(lite=lite, restart=restart) as move:
                await move.send(1)
                move.client.change_address("203.0.113.7")
                await move.send(2)
                await trio.sleep(1)
                assert [host for host, _ in move.near.driver.local_addresses] == ["203.0.113.7"]
                assert move.near.peer.is_connected, what
                assert move.far.peer.is_connected, what
                assert move.missing_frames() < 10, what
                assert len(move.far.messages) == len(move.near.messages) == move.sent, what
                assert not any(isinstance(e, DataChannelClosed) for e in move.near.events), what


async def test_a_network_beside_the_one_in_use_costs_no_frame_when_it_comes_and_goes() -> None:
    async with open_move() as move:
        await move.send(1)
        move.client.add_address("203.0.113.7")
        await move.send(1)
        assert len(move.near.driver.local_addresses) == 2
        move.client.remove_address("203.0.113.7")
        await move.send(1)
        await trio.sleep(1)
        assert move.missing_frames() == 0
        assert move.states() == ["connecting", "connected"]


async def test_a_machine_without_any_network_comes_back_when_it_has_one() -> None:
    async with open_move(restart=False) as move:
        await move.send(1)
        move.client.remove_address("192.0.2.1")
        await move.send(1)
        await trio.sleep(10)
        assert move.near.peer.state is TransportState.DISCONNECTED
        move.client.add_address("203.0.113.7")
        await move.send(1)
        await trio.sleep(5)
        assert move.near.peer.is_connected
        assert move.states() == ["connecting", "connected", "disconnected", "connected"]
        assert len(move.far.messages) == move.sent


async def test_addresses_may_be_set_before_the_driver_runs_and_after_it_has_ended() -> None:
    network = SimulatedNetwork()
    host = network.host("host", "192.0.2.1", "192.0.2.2")
    end = End(["192.0.2.1"], network=host)
    assert end.driver.set_addresses(["192.0.2.2", "192.0.2.2", "192.0.2.3"])
    assert [address for address, _ in end.driver.local_addresses] == ["192.0.2.2"]
    ways = sorted(tuple(line.split()[2:5:2]) for line in end.peer.local_candidates)
    assert ways == [("tcp", "192.0.2.2"), ("udp", "192.0.2.2")]
    assert not end.driver.set_addresses(["192.0.2.2"])
    async with trio.open_nursery() as nursery:
        await nursery.start(end.driver.run)
        nursery.cancel_scope.cancel()
    assert not end.driver.set_addresses(["192.0.2.1"])
    assert host.open_sockets == 0


async def test_a_nat_that_forgets_its_mappings_costs_a_moment() -> None:
    for lite in (False, True):
        for kind in (NatKind.PORT_RESTRICTED, NatKind.SYMMETRIC):
            what = f"{lite=} {kind=}"
            async with open_move(lite=lite, nat=kind) as move:
                await move.send(2)
                assert move.client.nat is not None
                move.client.nat.rebind()
                await move.send(4)
                await trio.sleep(1)
                assert move.near.peer.is_connected, what
                assert move.states() == ["connecting", "connected"], what
                assert move.far.peer.is_connected, what
                assert move.missing_frames() == 0, what
                assert len(move.far.messages) == len(move.near.messages) == move.sent, what


async def test_a_process_that_stood_still_reads_before_it_judges_its_peers() -> None:
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    for _ in range(4):  # the order of tasks that wake together is random
        async with open_move(lite=False, latency=0.3) as move:
            await move.send(2)
            clock.jump(14)
            await move.send(2)
            assert move.states() == ["connecting", "connected"]

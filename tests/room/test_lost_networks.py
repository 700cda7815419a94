"""A call goes on over networks that fail: one protocol or both, for a moment or longer."""

from __future__ import annotations

import pytest
import trio

from lktrio.events import Reconnected, Reconnecting
from lktrio.room import ReconnectKind, RoomOptions
from lktrio.testing import SimulatedHost, SimulatedNetwork
from tests.support.calls import Side, open_call
from tests.support.servers import VERSIONS, RoomServer, until

pytestmark = pytest.mark.virtual_time
DEADLINE = 300.0


def place(server: RoomServer) -> tuple[SimulatedNetwork, SimulatedHost, SimulatedHost]:
    """The network, alice's host, and the server's."""
    if server.network is None or server.server_host is None:
        pytest.skip("a real network does not fail when it is asked to")
    return server.network, server.hosts[0], server.server_host


class Watch:
    """When a side reconnected, and how its frames came."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.at: dict[type, float] = {}

    async def run(self) -> None:
        async for event in self.side.room.events(Reconnecting, Reconnected, replay=False):
            self.at.setdefault(type(event), trio.current_time())

    def missing(self) -> int:
        """Frames that were lost on the way."""
        numbers = self.side.numbers()
        assert numbers == sorted(set(numbers))
        return numbers[-1] - numbers[0] + 1 - len(numbers)


def check_same_session(alice: Side, bob: Side, sid: str) -> None:
    assert alice.room.local_participant.sid == sid
    for side in (alice, bob):
        assert side.tracks == 1
        assert side.data == list(range(side.data[0], side.data[0] + len(side.data)))
        kinds = {event.kind for event in side.told(Reconnected) if isinstance(event, Reconnected)}
        assert kinds <= {ReconnectKind.RESUME}


async def test_media_that_fail_for_a_moment_only_pause(server: RoomServer) -> None:
    async with open_call(server, RoomOptions()) as (alice, bob):
        network, here, there = place(server)
        sid = alice.room.local_participant.sid
        network.partition(here, there, "udp")
        await trio.sleep(3)
        network.heal(here, there)
        await trio.sleep(3)
        check_same_session(alice, bob, sid)
        assert not alice.told(Reconnecting)
        assert Watch(bob).missing() < 50 * 4


@VERSIONS
async def test_media_that_fail_for_longer_are_back_when_it_is_said(
    server: RoomServer, options: RoomOptions
) -> None:
    async with open_call(server, options) as (alice, bob), trio.open_nursery() as nursery:
        network, here, there = place(server)
        sid = alice.room.local_participant.sid
        watch = Watch(alice)
        nursery.start_soon(watch.run)
        started = trio.current_time()
        network.partition(here, there, "udp")
        await trio.sleep(14)
        assert started + 5 < watch.at[Reconnecting] < started + 14
        assert Reconnected not in watch.at
        network.heal(here, there)
        await until(lambda: Reconnected in watch.at)
        assert watch.at[Reconnected] < started + 16
        await trio.sleep(3)
        check_same_session(alice, bob, sid)
        nursery.cancel_scope.cancel()


async def test_signalling_that_is_half_open_costs_no_frame(server: RoomServer) -> None:
    async with open_call(server, RoomOptions()) as (alice, bob), trio.open_nursery() as nursery:
        alice.sending = bob.sending = False  # frames are enough to see
        network, here, there = place(server)
        sid = alice.room.local_participant.sid
        watch = Watch(alice)
        nursery.start_soon(watch.run)
        started = trio.current_time()
        network.partition(here, there, "tcp")
        await trio.sleep(15.3)
        assert watch.at[Reconnecting] < started + 15.2
        await trio.sleep(1)
        network.heal(here, there)
        await until(lambda: Reconnected in watch.at)
        await trio.sleep(3)
        check_same_session(alice, bob, sid)
        assert Watch(alice).missing() == Watch(bob).missing() == 0
        nursery.cancel_scope.cancel()


@VERSIONS
async def test_a_machine_that_moves_is_back_within_a_second(
    server: RoomServer, options: RoomOptions
) -> None:
    async with open_call(server, options) as (alice, bob), trio.open_nursery() as nursery:
        _, here, _ = place(server)
        sid = alice.room.local_participant.sid
        watch = Watch(alice)
        nursery.start_soon(watch.run)
        started = trio.current_time()
        here.change_address("203.0.113.7")
        await until(lambda: Reconnected in watch.at)
        assert watch.at[Reconnected] < started + 1
        await trio.sleep(3)
        check_same_session(alice, bob, sid)
        assert Watch(alice).missing() < 50
        assert Watch(bob).missing() < 50
        nursery.cancel_scope.cancel()

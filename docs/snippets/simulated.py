"""Tests on a simulated network, for the page about testing."""

from __future__ import annotations

import pytest
import trio

from lktrio import RoomOptions, events, open_room
from lktrio.devserver import open_dev_server
from lktrio.testing import LinkProfile, NatKind, SimulatedNetwork, run_in_virtual_time

virtual_time = pytest.mark.trio(run=run_in_virtual_time)
DSL = LinkProfile(latency=0.03, jitter=0.01, loss=0.02, burst=2, rate=1_000_000)


@virtual_time
async def test_greeting_from_behind_a_nat() -> None:
    """Data from a client behind the strictest kind of NAT."""
    network = SimulatedNetwork(seed=1, profile=DSL)
    home = network.nat("198.51.100.1", NatKind.SYMMETRIC)
    media = network.host("server", "192.0.2.1")
    at_home = RoomOptions(network=network.host("alice", "10.0.0.2", nat=home))
    outside = RoomOptions(network=network.host("bob", "192.0.2.3"))
    async with (
        open_dev_server(host="192.0.2.1", network=media) as server,
        open_room(server.url, server.token("bob", "demo"), outside) as bob,
        open_room(server.url, server.token("alice", "demo"), at_home) as alice,
    ):
        received = bob.events(events.DataReceived)
        await alice.local_participant.publish_data(b"hello", topic="greeting")
        assert (await received.receive()).data == b"hello"


@virtual_time
async def test_a_lost_server_ends_the_room() -> None:
    """A server that is not heard any more."""
    network = SimulatedNetwork(seed=1, profile=DSL)
    media, pc = network.host("server", "192.0.2.1"), network.host("alice", "192.0.2.2")
    async with (
        open_dev_server(host="192.0.2.1", network=media) as server,
        open_room(server.url, server.token("alice", "demo"), RoomOptions(network=pc)) as room,
    ):
        network.partition(media, pc)
        with trio.fail_after(300):  # of virtual time: it tries to come back first
            await room.wait_closed()

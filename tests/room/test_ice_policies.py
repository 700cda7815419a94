"""A call keeps to what its policy says about addresses, ports and ways."""

from __future__ import annotations

import pytest
import trio

from lktrio.devserver import open_dev_server
from lktrio.events import DataReceived
from lktrio.net import IcePolicy
from lktrio.room import MediaPath, RoomOptions, open_room
from lktrio.testing import LinkProfile, SimulatedNetwork
from lktrio.testing.network import TraceRecord
from tests.support.servers import expect, until

pytestmark = pytest.mark.virtual_time

V4, SECOND, V6 = "192.0.2.1", "10.0.0.1", "2001:db8::1"
THERE = ("198.51.100.1", "2001:db8:1::1")


async def path_of(policy: IcePolicy) -> tuple[MediaPath, list[TraceRecord]]:
    """The way that data takes both ways, and all that is sent, save for signalling."""
    network = SimulatedNetwork(1, LinkProfile(latency=0.01))
    there, here = network.host("there", *THERE), network.host("here", V4, SECOND, V6)
    async with open_dev_server(host="", network=there, ice_tcp=True) as server:
        url = f"ws://{THERE[0]}:{server.port}"
        options = RoomOptions(ice=policy, network=here)
        async with (
            open_room(url, server.token("one", "room"), options) as room,
            open_room(url, server.token("two", "room"), RoomOptions(network=there)) as other,
        ):
            for sender, receiver in ((room, other), (other, room)):
                with receiver.events(DataReceived, replay=False) as events:
                    await sender.local_participant.publish_data("ping")
                    await expect(events, DataReceived)
            await until(lambda: bool(room.media_paths))
            await trio.sleep(3)
            (path,) = room.media_paths
    sent = [record for record in network.trace if record.source[0] in (V4, SECOND, V6)]
    return path, [record for record in sent if record.destination[1] != server.port]


async def test_a_call_uses_the_addresses_and_the_ways_that_it_may() -> None:
    only = IcePolicy(addresses=lambda address: address == SECOND)
    for name, policy, transport, sources in (
        ("anything", IcePolicy(), "udp", {V4, SECOND, V6}),
        ("no UDP", IcePolicy(udp=False), "tcp", {V4, V6}),
        ("IPv6 alone", IcePolicy(ipv6_only=True), "udp", {V6}),
        ("IPv6 alone, no UDP", IcePolicy(ipv6_only=True, udp=False), "tcp", {V6}),
        ("one address", only, "udp", {SECOND}),
        ("ports", IcePolicy(udp_ports=range(40_000, 40_001)), "udp", {V4, SECOND, V6}),
        (
            "one address, no UDP",
            IcePolicy(addresses=only.addresses, udp=False),
            "tcp",
            {SECOND},
        ),
    ):
        path, sent = await path_of(policy)
        assert path.transport == transport, name
        assert path.local[0] in sources, name
        assert {record.source[0] for record in sent} <= sources, name
        if not policy.udp:
            assert {record.protocol for record in sent} == {"tcp"}, name
        if policy.udp_ports is not None:
            ports = {record.source[1] for record in sent if record.protocol == "udp"}
            assert ports == set(policy.udp_ports), name

"""Which local addresses and ports media may use."""

from __future__ import annotations

import pytest

from lktrio.net import IcePolicy
from lktrio.net.driver import PeerDriver
from lktrio.testing import SimulatedNetwork
from tests.support.driven import End

HERE = ("192.0.2.1", "10.0.0.1", "2001:db8::1")


def test_policies_that_make_no_sense() -> None:
    for options in (
        {"udp": False, "tcp": False},
        {"relay_only": True, "turn": False},
        {"udp_ports": range(0)},
        {"udp_ports": range(70_000)},
    ):
        with pytest.raises(ValueError, match=r"way|TURN|ports"):
            IcePolicy(**options)


def test_a_policy_selects_local_addresses() -> None:
    here = ["192.0.2.1", "10.0.0.1", "2001:db8::1"]
    for policy, expected in (
        (IcePolicy(), here),
        (IcePolicy(ipv6_only=True), here[2:]),
        (IcePolicy(addresses=lambda address: not address.startswith("10.")), here[::2]),
    ):
        assert policy.select(here) == expected, policy


@pytest.mark.virtual_time
async def test_a_policy_says_where_sockets_are_opened() -> None:
    host = SimulatedNetwork().host("host", *HERE)
    host.open_udp(HERE[0], 40_000)
    for policy, ports, candidates in (
        (IcePolicy(ipv6_only=True), 1, {("udp", HERE[2]), ("tcp", HERE[2])}),
        (
            IcePolicy(tcp=False, udp_ports=range(40_000, 40_003)),
            3,
            {("udp", address) for address in HERE},
        ),
        (IcePolicy(tcp=False, udp_ports=range(40_000, 40_001)), 2, {("udp", a) for a in HERE[1:]}),
        (IcePolicy(udp=False), 0, {("tcp", HERE[0]), ("tcp", HERE[2])}),
    ):
        peer = End([], network=host).peer
        driver = PeerDriver(peer, lambda event: None, HERE, host, policy)
        found = {(line.split()[2], line.split()[4]) for line in peer.local_candidates}
        assert found == candidates, policy
        assert len(driver.local_addresses) == ports, policy
        if policy.udp_ports is not None:
            assert {port for _, port in driver.local_addresses} <= set(policy.udp_ports)
        driver.close()
    assert host.open_sockets == 1

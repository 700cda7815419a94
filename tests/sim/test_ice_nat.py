"""Address translation: peers behind it are found, and found again."""

from __future__ import annotations

from lktrio.rtc.ice import IceRole, IceState
from lktrio.testing import LinkProfile
from lktrio.testing.engines import EngineNetwork
from tests.support.cases import each_case
from tests.support.ice import (
    BOB,
    CONTROLLED,
    CONTROLLING,
    IceHost,
    both_selected,
    introduce,
)

INSIDE = ("192.168.1.10", 1000)
OUTSIDE = "203.0.113.1"
OTHER_INSIDE = ("192.168.7.20", 2000)
OTHER_OUTSIDE = "203.0.113.2"


def behind_nat(role: IceRole, delay: float = 0.02) -> tuple[EngineNetwork, IceHost, IceHost]:
    """A client behind a NAT, and a server with a public address."""
    network = EngineNetwork(profile=LinkProfile(latency=delay))
    network.add_nat(INSIDE[0], OUTSIDE)
    client = IceHost(network, role, INSIDE)
    server = IceHost(network, role.other, BOB, seed=2)
    return network, client, server


@each_case("role", list(IceRole))
def test_a_client_behind_nat_is_learned_from_its_checks(role: IceRole) -> None:
    network, client, server = behind_nat(role)
    introduce(client, server)
    assert network.run(1.0, until=lambda: both_selected(client, server))
    assert client.selected == BOB
    assert server.selected is not None
    assert server.selected[0] == OUTSIDE
    selection = server.selections[0][1]
    assert (selection.remote.type, selection.remote.address) == ("prflx", OUTSIDE)


def test_the_client_learns_how_it_is_seen() -> None:
    network, client, server = behind_nat(CONTROLLING)
    introduce(client, server)
    network.run(1.0)
    local = client.selections[0][1].local
    assert (local.type, local.address) == ("prflx", OUTSIDE)
    assert (local.related_address, local.related_port) == INSIDE
    assert local.port == server.selections[0][1].remote.port


def test_the_client_nominates_without_waiting() -> None:
    """Its own side is a host candidate, and so is the server's: there is nothing better."""
    network, client, server = behind_nat(CONTROLLING)
    introduce(client, server)
    network.run(until=lambda: both_selected(client, server))
    assert network.now < 0.1


def test_a_controlling_server_waits_for_something_more_direct() -> None:
    network, client, server = behind_nat(CONTROLLED)
    introduce(client, server)
    network.run(until=lambda: both_selected(client, server))
    assert 0.3 < network.now < 0.45


def test_a_signalled_address_ends_the_wait() -> None:
    """The check came first, the candidate of the same address later."""
    network = EngineNetwork(profile=LinkProfile(latency=0.02))
    alice = IceHost(network, CONTROLLING, ("10.0.0.1", 1000))
    bob = IceHost(network, CONTROLLED, BOB, seed=2)
    bob.know(alice)
    alice.know(bob, candidates=False)
    network.run(0.1)
    assert alice.selected is None
    alice.know_candidates(bob)
    assert network.run(0.06, until=lambda: both_selected(alice, bob))
    assert alice.selections[0][1].remote.type == "host"


def test_a_rebound_nat_is_noticed_by_the_controlled_server() -> None:
    network, client, server = behind_nat(CONTROLLING)
    introduce(client, server)
    network.run(10)
    before = server.selected
    network.rebind_nat(INSIDE[0])
    network.run(12)
    assert server.selected is not None
    assert server.selected != before
    assert server.selected[0] == OUTSIDE
    assert client.state is server.state is IceState.CONNECTED
    assert IceState.FAILED not in [state for _, state in client.states + server.states]
    client.traffic.clear()
    server.send_traffic(b"\x80 media")
    network.run(0.1)
    assert len(client.traffic) == 1


def test_a_rebound_nat_is_noticed_by_the_controlling_server() -> None:
    network, client, server = behind_nat(CONTROLLED)
    introduce(client, server)
    network.run(10)
    before = server.selected
    network.rebind_nat(INSIDE[0])
    network.run(20)
    assert server.selected != before
    assert client.state is server.state is IceState.CONNECTED
    server.send_traffic(b"\x80 media")
    network.run(0.1)
    assert len(client.traffic) == 1


def test_two_peers_behind_nats_meet_through_reflexive_candidates() -> None:
    network = EngineNetwork(profile=LinkProfile(latency=0.02))
    network.add_nat(INSIDE[0], OUTSIDE)
    network.add_nat(OTHER_INSIDE[0], OTHER_OUTSIDE)
    alice = IceHost(network, CONTROLLING, INSIDE)
    bob = IceHost(network, CONTROLLED, OTHER_INSIDE, seed=2)
    alice.gather(("198.51.100.1", 3478))
    bob.gather(("198.51.100.1", 3478))
    network.run(0.1)
    assert [c.type for c in alice.agent.local_candidates] == ["host", "srflx"]
    introduce(alice, bob)
    assert network.run(1.0, until=lambda: both_selected(alice, bob))
    assert alice.selected is not None
    assert alice.selected[0] == OTHER_OUTSIDE
    assert 0.3 < network.now - 0.1 < 0.6
    local = alice.selections[0][1].local
    assert (local.type, local.address) == ("srflx", OUTSIDE)

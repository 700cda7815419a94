"""Several paths: the best is used, and another when it dies."""

from __future__ import annotations

from lktrio.rtc.ice import IceRole, IceState
from lktrio.testing import LinkProfile
from lktrio.testing.engines import EngineNetwork
from tests.support.cases import each_case
from tests.support.ice import CONTROLLING, IceHost, both_selected, introduce

WIRE, OTHER_WIRE = ("10.0.0.1", 1000), ("10.0.0.2", 2000)
RADIO, OTHER_RADIO = ("10.1.0.1", 1001), ("10.1.0.2", 2001)
DEAD = LinkProfile(loss=1.0)


def two_paths(role: IceRole = CONTROLLING) -> tuple[EngineNetwork, IceHost, IceHost]:
    network = EngineNetwork(profile=LinkProfile(latency=0.02))
    network.set_link("10.0.0.1", "10.1.0.2", DEAD)
    network.set_link("10.1.0.1", "10.0.0.2", DEAD)
    network.set_link("10.0.0.2", "10.1.0.1", DEAD)
    network.set_link("10.1.0.2", "10.0.0.1", DEAD)
    alice = IceHost(network, role, WIRE, RADIO)
    bob = IceHost(network, role.other, OTHER_WIRE, OTHER_RADIO, seed=2)
    introduce(alice, bob)
    network.run(20)
    assert both_selected(alice, bob)
    assert (alice.selected, bob.selected) == (OTHER_WIRE, WIRE)
    return network, alice, bob


def cut(network: EngineNetwork) -> None:
    network.set_link("10.0.0.1", "10.0.0.2", DEAD)
    network.set_link("10.0.0.2", "10.0.0.1", DEAD)


@each_case("role", list(IceRole))
def test_a_dead_path_gives_way_to_one_that_answers(role: IceRole) -> None:
    network, alice, bob = two_paths(role)
    cut(network)
    start = network.now
    assert network.run(10, until=lambda: alice.selected == OTHER_RADIO and bob.selected == RADIO)
    assert network.now - start < 8
    network.run(100)
    assert alice.state is bob.state is IceState.CONNECTED
    assert len(alice.selections) == len(bob.selections) == 2


def test_the_switch_comes_before_the_user_notices() -> None:
    network, alice, bob = two_paths()
    cut(network)
    network.run(20)
    assert "disconnected" not in alice.state_names() + bob.state_names()


@each_case("offset", range(5))
def test_a_path_that_only_fails_to_carry_our_packets_is_left_too(offset: int) -> None:
    network, alice, bob = two_paths()
    network.run(offset)
    network.set_link("10.0.0.1", "10.0.0.2", DEAD)
    network.run(15)
    assert alice.selected == OTHER_RADIO
    assert bob.selected == RADIO


def test_an_outage_of_every_path_makes_nobody_jump_about() -> None:
    network, alice, bob = two_paths()
    good = network.profile
    everything = [(a[0], b[0]) for a in (WIRE, RADIO) for b in (OTHER_WIRE, OTHER_RADIO)]
    for here, there in everything:
        network.set_link(here, there, DEAD)
        network.set_link(there, here, DEAD)
    network.run(12)
    assert alice.state is bob.state is IceState.DISCONNECTED
    assert alice.agent._session.selection.nominated is alice.agent.selected
    for here, there in everything:
        network.set_link(here, there, good)
        network.set_link(there, here, good)
    network.run(15)
    assert alice.state_names()[-1] == bob.state_names()[-1] == "connected"
    assert len(alice.selections) <= 2
    assert len(bob.selections) <= 2
    assert alice.agent.selected is not None
    assert bob.agent.selected is not None
    assert alice.agent.selected.path == bob.agent.selected.path


def test_a_removed_socket_is_replaced_at_once() -> None:
    network, alice, bob = two_paths()
    network.run(0.7)
    alice.agent.remove_path(1, network.now)
    assert alice.agent.send_path() == (2, OTHER_RADIO)
    assert not alice.agent.is_validated(1, OTHER_WIRE)
    assert len(alice.agent.local_candidates) == 1
    assert network.run(0.1, until=lambda: alice.selected == OTHER_RADIO and bob.selected == RADIO)


def test_the_last_socket_may_be_replaced_without_a_failure() -> None:
    network, alice, bob = two_paths()
    alice.agent.remove_path(1, network.now)
    alice.agent.remove_path(2, network.now)
    network.run(3)
    assert alice.state is IceState.DISCONNECTED
    assert alice.agent.send_path() is None
    alice.add_socket(("10.0.0.9", 9000))
    assert network.run(1, until=lambda: alice.selected == OTHER_WIRE)
    assert network.run(1, until=lambda: bob.selected == ("10.0.0.9", 9000))


def test_losing_all_sockets_for_long_is_a_failure() -> None:
    network, alice, _ = two_paths()
    alice.agent.remove_path(1, network.now)
    alice.agent.remove_path(2, network.now)
    network.run(30)
    assert alice.state_names()[-2:] == ["disconnected", "failed"]

"""A lite agent answers and is led; its peer does all the asking."""

from __future__ import annotations

from lktrio.rtc.ice import IceRole, IceState
from lktrio.testing import LinkProfile
from lktrio.testing.engines import EngineNetwork
from tests.support.cases import each_case
from tests.support.ice import (
    ALICE,
    BOB,
    CONTROLLED,
    CONTROLLING,
    IceHost,
    both_selected,
    introduce,
    two_hosts,
)

GOOD = LinkProfile(latency=0.02)


@each_case("role", list(IceRole))
@each_case("loss", [0.0, 0.3])
def test_connects_whatever_role_signalling_gave(role: IceRole, loss: float) -> None:
    conditions = LinkProfile(latency=0.02, loss=loss)
    network, alice, bob = two_hosts(conditions, roles=(role, role.other), bob_lite=True)
    introduce(alice, bob)
    assert network.run(5, until=lambda: both_selected(alice, bob))
    assert alice.agent.role is CONTROLLING
    assert bob.agent.role is CONTROLLED


def test_a_lite_agent_never_asks() -> None:
    network, alice, bob = two_hosts(GOOD, bob_lite=True)
    introduce(alice, bob)
    network.run(120)
    assert bob.agent.stats.requests_sent == 0
    assert bob.agent.stats.responses_sent == alice.agent.stats.requests_sent


def test_both_stay_connected_while_idle() -> None:
    network, alice, bob = two_hosts(GOOD, bob_lite=True)
    introduce(alice, bob)
    network.run(600)
    assert alice.state_names() == bob.state_names() == ["checking", "connected"]


def test_a_lite_peer_is_asked_at_least_every_five_seconds() -> None:
    network, alice, bob = two_hosts(GOOD, bob_lite=True)
    introduce(alice, bob)
    network.run(5)
    for _ in range(20):
        before = bob.agent.stats.requests_received
        for _ in range(13):
            network.run(0.5)
            alice.agent.on_traffic(network.now, (0, BOB))
        assert bob.agent.stats.requests_received > before


def test_use_candidate_and_the_first_traffic_switch_the_pair() -> None:
    network = EngineNetwork(profile=GOOD)
    alice = IceHost(network, CONTROLLING, ALICE, ("10.1.0.1", 1001))
    bob = IceHost(network, CONTROLLED, BOB, lite=True, seed=2)
    introduce(alice, bob)
    network.run(10)
    assert bob.selected == ALICE
    alice.agent.remove_path(1, network.now)
    network.run(1)
    assert bob.agent.send_path() == (1, ALICE), "on the word of a check alone it does not move"
    alice.send_traffic(b"\x80media")
    assert network.run(1, until=lambda: bob.selected == ("10.1.0.1", 1001))


def test_a_lite_agent_notices_that_the_peer_is_gone() -> None:
    network, alice, bob = two_hosts(GOOD, bob_lite=True)
    introduce(alice, bob)
    network.run(10)
    alice.agent.close()
    assert network.run(60, until=lambda: bob.agent.send_path() is None)
    assert 35 < network.now < 40.1
    network.run(60)
    assert bob.state_names() == ["checking", "connected", "disconnected", "failed"]
    disconnected, failed = bob.states[-2][0], bob.states[-1][0]
    assert 15 < disconnected < 20.1
    assert disconnected + 4.9 < failed < disconnected + 5.1


def test_a_lite_agent_nobody_asks_gives_up() -> None:
    network, alice, bob = two_hosts(GOOD, bob_lite=True)
    bob.know(alice)
    network.run(60)
    assert bob.state_names() == ["checking", "failed"]
    assert 29 < bob.states[-1][0] < 31
    assert bob.sent == 0


def test_checks_may_reach_a_lite_agent_before_the_description() -> None:
    network, alice, bob = two_hosts(GOOD, bob_lite=True)
    alice.know(bob)
    network.run(0.5)
    assert alice.state is IceState.CONNECTED
    bob.know(alice)
    assert bob.state is IceState.CONNECTED
    assert bob.selected == ALICE


def test_restart_with_a_lite_peer() -> None:
    network, alice, bob = two_hosts(GOOD, bob_lite=True)
    introduce(alice, bob)
    network.run(10)
    alice.agent.restart(network.now)
    assert bob.agent.set_remote_credentials(
        alice.agent.local_ufrag, alice.agent.local_pwd, network.now
    )
    alice.know(bob)
    network.run(1)
    assert len(alice.selections) == len(bob.selections) == 2
    assert alice.state is bob.state is IceState.CONNECTED

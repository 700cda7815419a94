"""ICE restarts: nothing is lost on the way from one generation to the next."""

from __future__ import annotations

from dataclasses import replace

from lktrio.rtc.ice import IceOptions, IceRole, IceState
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

GOOD = LinkProfile(latency=0.05)


def connected(role: IceRole = CONTROLLING) -> tuple[EngineNetwork, IceHost, IceHost]:
    network, alice, bob = two_hosts(GOOD, roles=(role, role.other))
    introduce(alice, bob)
    network.run(5)
    assert both_selected(alice, bob)
    return network, alice, bob


def exchange_restart(network: EngineNetwork, alice: IceHost, bob: IceHost) -> None:
    """Alice restarts; offer and answer take 0.2 s each."""
    alice.agent.restart(network.now)
    network.run(0.2)
    bob.know(alice)
    network.run(0.2)
    alice.know(bob)


@each_case("role", list(IceRole))
def test_both_sides_get_new_credentials_and_select_again(role: IceRole) -> None:
    network, alice, bob = connected(role)
    old = {alice.agent.local_ufrag, bob.agent.local_ufrag}
    old_passwords = {alice.agent.local_pwd, bob.agent.local_pwd}
    exchange_restart(network, alice, bob)
    assert not old & {alice.agent.local_ufrag, bob.agent.local_ufrag}
    assert not old_passwords & {alice.agent.local_pwd, bob.agent.local_pwd}
    network.run(2)
    assert len(alice.selections) == len(bob.selections) == 2
    assert alice.state is bob.state is IceState.CONNECTED
    assert alice.state_names() == ["checking", "connected", "checking", "connected"]


@each_case("role", list(IceRole))
def test_traffic_flows_all_through_a_restart(role: IceRole) -> None:
    network, alice, bob = connected(role)
    count = 0

    def chatter() -> None:
        nonlocal count
        count += 1
        alice.send_traffic(b"\x80 from alice")
        bob.send_traffic(b"\x80 from bob")

    for step in range(300):
        network.at(network.now + 0.01 * step, chatter)
    exchange_restart(network, alice, bob)
    network.run(5)
    assert count == 300
    assert len(alice.traffic) == len(bob.traffic) == 300


def test_the_old_pair_is_dropped_once_the_new_one_is_selected() -> None:
    network, alice, bob = connected()
    old_ufrag = bob.agent.local_ufrag
    exchange_restart(network, alice, bob)
    network.run(2)
    stale = bob.agent.stats.dropped_stale
    network.run(30)
    assert bob.agent.stats.dropped_stale == stale
    assert bob.agent.local_ufrag != old_ufrag
    assert alice.agent.stats.dropped_stale <= 2  # answers that crossed the switch


def test_moving_to_another_network() -> None:
    """The old socket is dead before the restart; the new one has another address."""
    network, alice, bob = connected()
    network.set_link(ALICE[0], BOB[0], LinkProfile(loss=1.0))
    network.set_link(BOB[0], ALICE[0], LinkProfile(loss=1.0))
    network.run(8)
    assert alice.state is IceState.DISCONNECTED
    alice.add_socket(("10.9.0.1", 9000))
    exchange_restart(network, alice, bob)
    assert network.run(
        1, until=lambda: bob.selected == ("10.9.0.1", 9000) and alice.state is IceState.CONNECTED
    )
    assert alice.agent.selected is not None
    assert alice.agent.selected.path == 2


def test_a_dead_old_pair_does_not_hold_up_a_new_one_that_waits_for_its_nomination() -> None:
    network, alice, bob = two_hosts(
        GOOD, roles=(CONTROLLED, CONTROLLING), bob_options=IceOptions(host_hold=20.0)
    )
    introduce(alice, bob)
    network.run(25)
    assert both_selected(alice, bob)
    network.set_link(ALICE[0], BOB[0], LinkProfile(loss=1.0))
    network.set_link(BOB[0], ALICE[0], LinkProfile(loss=1.0))
    alice.add_socket(("10.9.0.1", 9000))
    exchange_restart(network, alice, bob)
    network.run(10)
    assert alice.state is IceState.CONNECTED
    assert len(alice.selections) == 1
    assert alice.agent.send_path() == (2, BOB)
    exchange_restart(network, alice, bob)
    network.run(1)
    network.profile = LinkProfile(loss=1.0)
    network.run(60)
    assert alice.state_names()[-1] == bob.state_names()[-1] == "failed"
    assert bob.agent.send_path() is None


def test_a_restart_on_both_sides_at_once() -> None:
    network, alice, bob = connected()
    alice.agent.restart(network.now)
    bob.agent.restart(network.now)
    alice.know(bob)
    bob.know(alice)
    network.run(2)
    assert len(alice.selections) == len(bob.selections) == 2
    assert alice.state is bob.state is IceState.CONNECTED


def test_consent_goes_on_while_an_offer_waits_for_its_answer() -> None:
    network, alice, bob = connected()
    alice.agent.restart(network.now)
    network.run(100)
    assert alice.state is bob.state is IceState.CONNECTED
    assert alice.selected == BOB


def test_checks_of_the_new_generation_may_overtake_the_answer() -> None:
    network, alice, bob = connected()
    alice.agent.restart(network.now)
    bob.know(alice)
    network.run(1)
    assert bob.state is IceState.CONNECTED
    alice.know(bob, candidates=False)
    assert network.run(1, until=lambda: len(alice.selections) == len(bob.selections) == 2)


def test_another_host_in_place_of_the_peer_may_answer_with_credentials_of_its_own() -> None:
    network, alice, bob = connected()
    ufrag, old = alice.agent.local_ufrag, bob.agent.local_ufrag
    carol_at = ("10.0.0.3", 3000)
    carol = IceHost(network, CONTROLLED, carol_at, seed=3)
    carol.know(alice)
    agent = carol.agent
    assert agent.local_ufrag != old
    alice.agent.set_remote_credentials(
        agent.local_ufrag, agent.local_pwd, network.now, keep_local=True
    )
    alice.know_candidates(carol)
    assert alice.agent.local_ufrag == ufrag
    assert alice.agent.send_path() == (1, BOB)
    assert network.run(2, until=lambda: (alice.selected, carol.selected) == (carol_at, ALICE))


def test_candidates_of_the_new_generation_may_come_before_its_description() -> None:
    network, alice, bob = connected()
    alice.agent.restart(network.now)
    bob.know(alice)
    ufrag = bob.agent.local_ufrag
    for candidate in bob.agent.local_candidates:
        alice.agent.add_remote_candidate(
            replace(candidate, extensions=(("ufrag", ufrag),)), network.now
        )
    network.run(0.02)
    alice.know(bob, candidates=False)
    assert network.run(1, until=lambda: len(alice.selections) == len(bob.selections) == 2)


def test_a_second_restart_before_the_first_has_finished() -> None:
    network, alice, bob = connected()
    exchange_restart(network, alice, bob)
    network.run(0.03)
    exchange_restart(network, alice, bob)
    network.run(2)
    assert alice.state is bob.state is IceState.CONNECTED
    assert both_selected(alice, bob)
    alice.send_traffic(b"\x80 media")
    network.run(0.1)
    assert bob.traffic


def test_a_peer_that_answers_a_restart_with_its_old_credentials() -> None:
    """Not as the RFC wants it, but the peer is where it was: its candidates still serve."""
    network, alice, bob = connected()
    remote = (bob.agent.local_ufrag, bob.agent.local_pwd)
    alice.agent.restart(network.now)
    assert not alice.agent.set_remote_credentials(*remote, network.now)
    assert alice.state is IceState.CHECKING
    assert alice.agent.send_path() == (1, BOB)
    assert alice.agent.out


def test_a_restart_that_fails_keeps_the_old_pair_while_it_answers() -> None:
    network, alice, bob = connected()
    alice.agent.restart(network.now)
    alice.agent.set_remote_credentials("nobody", "x" * 24, network.now)
    network.run(25)
    assert alice.state is IceState.FAILED
    assert alice.agent.send_path() == (1, BOB)
    assert bob.state is IceState.CONNECTED
    exchange_restart(network, alice, bob)
    network.run(2)
    assert alice.state_names()[-2:] == ["checking", "connected"]


@each_case("seed", range(6))
def test_restarts_over_a_bad_network(seed: int) -> None:
    network, alice, bob = two_hosts(LinkProfile(latency=0.1, loss=0.3, jitter=0.1), seed=seed)
    introduce(alice, bob)
    assert network.run(8, until=lambda: both_selected(alice, bob))
    for _ in range(3):
        alice.selections.clear()
        bob.selections.clear()
        exchange_restart(network, alice, bob)
        assert network.run(8, until=lambda: bool(alice.selections and bob.selections))


def test_roles_may_be_set_anew_for_a_restart() -> None:
    network, alice, bob = connected(CONTROLLED)
    alice.agent.restart(network.now)
    alice.agent.role = CONTROLLING
    bob.know(alice)
    alice.know(bob)
    network.run(2)
    assert {alice.agent.role, bob.agent.role} == {CONTROLLING, CONTROLLED}
    assert len(alice.selections) == len(bob.selections) == 2

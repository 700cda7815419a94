"""Two agents find each other over networks good and bad."""

from __future__ import annotations

import pytest

from lktrio.rtc.ice import IceState
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


def test_connected_after_one_round_trip_and_nominated_after_two() -> None:
    network, alice, bob = two_hosts(LinkProfile(latency=0.05))
    introduce(alice, bob)
    assert network.run(until=lambda: both_selected(alice, bob))
    assert [time for time, state in alice.states if state is IceState.CONNECTED] == [0.1]
    assert [time for time, state in bob.states if state is IceState.CONNECTED] == [0.1]
    assert network.now == pytest.approx(0.2)
    assert (alice.selected, bob.selected) == (BOB, ALICE)


def test_the_first_check_leaves_at_once() -> None:
    _, alice, bob = two_hosts()
    alice.agent.set_remote_credentials(bob.agent.local_ufrag, bob.agent.local_pwd, 0.0)
    assert alice.agent.out == []
    alice.know_candidates(bob)
    assert [(path, address) for path, address, _ in alice.agent.out] == [(1, BOB)]


def test_traffic_may_flow_before_the_nomination() -> None:
    network, alice, bob = two_hosts(LinkProfile(latency=0.05))
    introduce(alice, bob)
    network.run(until=lambda: bob.agent.send_path() is not None)
    assert bob.selected is None
    bob.send_traffic(b"\x80 early media")
    network.run(0.06)
    assert [data for _, data in alice.traffic] == [b"\x80 early media"]


def test_few_packets_are_enough_on_a_good_network() -> None:
    network, alice, bob = two_hosts(LinkProfile(latency=0.02))
    introduce(alice, bob)
    network.run(1.0)
    assert both_selected(alice, bob)
    assert network.sent == 6  # two checks and a nomination, each with its answer


@each_case("seed", range(8))
@each_case(
    "conditions, limit",
    [
        (LinkProfile(latency=0.03, loss=0.1), 2.0),
        (LinkProfile(latency=0.03, loss=0.3), 6.0),
        (LinkProfile(latency=0.15), 0.7),
        (LinkProfile(latency=0.15, loss=0.3, duplicate=0.2), 6.0),
        (LinkProfile(latency=0.02, jitter=0.2, reorder=0.3, duplicate=0.5), 2.0),
        (LinkProfile(latency=0.02, rate=2000, queue=400), 4.0),
    ],
)
def test_connects_and_stays_connected(conditions: LinkProfile, limit: float, seed: int) -> None:
    network, alice, bob = two_hosts(conditions, seed=seed)
    introduce(alice, bob)
    assert network.run(limit, until=lambda: both_selected(alice, bob))
    network.run(60)
    assert IceState.FAILED not in [state for _, state in alice.states + bob.states]
    assert len(alice.selections) == len(bob.selections) == 1


@each_case("offset", [0.0, 0.4, 3.0])
def test_the_answer_may_arrive_long_after_the_first_checks(offset: float) -> None:
    """The answerer checks while the offerer still waits for its description."""
    network, alice, bob = two_hosts(LinkProfile(latency=0.02))
    bob.know(alice)
    network.run(offset)
    assert bob.selected is None
    assert alice.state is IceState.NEW
    alice.know(bob)
    assert network.run(0.5, until=lambda: both_selected(alice, bob))


def test_checks_are_answered_before_the_description_arrives() -> None:
    network, alice, bob = two_hosts(LinkProfile(latency=0.02))
    bob.know(alice)
    network.run(0.1)
    assert bob.state is IceState.CONNECTED
    assert not alice.agent.is_validated(1, BOB)  # anybody may have replayed what was answered
    alice.know(bob, candidates=False)  # the checks have told the address already
    assert network.run(1.0, until=lambda: both_selected(alice, bob))


def test_candidates_that_trickle_in_late() -> None:
    network, alice, bob = two_hosts(LinkProfile(latency=0.02))
    alice.know(bob, candidates=False)
    bob.know(alice, candidates=False)
    network.run(9)
    assert alice.state is bob.state is IceState.CHECKING
    alice.know_candidates(bob)
    assert network.run(0.5, until=lambda: both_selected(alice, bob))


def test_sockets_that_come_up_late() -> None:
    network = EngineNetwork(profile=LinkProfile(latency=0.02))
    alice, bob = IceHost(network, CONTROLLING), IceHost(network, CONTROLLED, BOB, seed=2)
    introduce(alice, bob)
    network.run(1)
    alice.add_socket(ALICE)
    assert network.run(0.5, until=lambda: both_selected(alice, bob))


def test_ipv6_is_preferred_when_it_works() -> None:
    network = EngineNetwork(profile=LinkProfile(latency=0.02))
    alice = IceHost(network, CONTROLLING, ("2001:db8::1", 1000), ALICE)
    bob = IceHost(network, CONTROLLED, ("2001:db8::2", 2000), BOB, seed=2)
    introduce(alice, bob)
    assert network.run(1.0, until=lambda: both_selected(alice, bob))
    assert (alice.selected, bob.selected) == (("2001:db8::2", 2000), ("2001:db8::1", 1000))


def test_ipv4_serves_when_ipv6_is_broken() -> None:
    network = EngineNetwork(profile=LinkProfile(latency=0.02))
    network.set_link("2001:db8::1", "2001:db8::2", LinkProfile(loss=1.0))
    network.set_link("2001:db8::2", "2001:db8::1", LinkProfile(loss=1.0))
    alice = IceHost(network, CONTROLLING, ("2001:db8::1", 1000), ALICE)
    bob = IceHost(network, CONTROLLED, ("2001:db8::2", 2000), BOB, seed=2)
    introduce(alice, bob)
    assert network.run(1.0, until=lambda: both_selected(alice, bob))
    assert (alice.selected, bob.selected) == (BOB, ALICE)


def test_a_path_that_works_one_way_only_is_not_used() -> None:
    network = EngineNetwork(profile=LinkProfile(latency=0.02))
    network.set_link("10.0.0.2", "10.0.0.1", LinkProfile(loss=1.0))
    alice = IceHost(network, CONTROLLING, ALICE, ("10.1.0.1", 1001))
    bob = IceHost(network, CONTROLLED, BOB, ("10.1.0.2", 2001), seed=2)
    introduce(alice, bob)
    assert network.run(1.0, until=lambda: both_selected(alice, bob))
    network.run(20)
    assert alice.agent.selected is not None
    assert bob.agent.selected is not None
    assert (alice.agent.selected.address, bob.agent.selected.address) != (BOB, ALICE)
    assert alice.agent.send_path() is not None


def test_many_sockets_on_both_sides() -> None:
    network = EngineNetwork(profile=LinkProfile(latency=0.02))
    alice = IceHost(network, CONTROLLING, *[(f"10.0.{i}.1", 1000 + i) for i in range(8)])
    bob = IceHost(network, CONTROLLED, *[(f"10.0.{i}.2", 2000 + i) for i in range(8)], seed=2)
    introduce(alice, bob)
    assert network.run(1.0, until=lambda: both_selected(alice, bob))
    assert alice.selected == ("10.0.0.2", 2000)
    network.run(30)
    start = network.sent
    network.run(60)
    kept = 1 + alice.agent.options.max_backup_pairs
    assert network.sent - start < 2 * 2 * 60 / 2.4 + kept * 2 * 2 * 60 / 4


def test_nothing_reachable_fails_in_time() -> None:
    network, alice, bob = two_hosts(LinkProfile(loss=1.0))
    introduce(alice, bob)
    network.run(60)
    assert alice.state_names() == ["checking", "failed"]
    assert 14 < alice.states[-1][0] < 20
    assert network.run(10) is False
    assert alice.agent.next_timer() == float("inf")


def test_no_candidate_at_all_fails_in_time() -> None:
    network, alice, bob = two_hosts()
    alice.know(bob, candidates=False)
    network.run(60)
    assert alice.state_names() == ["checking", "failed"]
    assert 14 < alice.states[-1][0] < 20


def test_the_same_seed_gives_the_same_run() -> None:
    def run() -> tuple[list[tuple[float, IceState]], int, int]:
        conditions = LinkProfile(latency=0.05, jitter=0.05, loss=0.3)
        network, alice, bob = two_hosts(conditions, seed=7)
        introduce(alice, bob)
        network.run(120)
        return alice.states, network.sent, network.lost

    assert run() == run()

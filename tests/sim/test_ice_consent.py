"""A connected pair is kept alive, doubted, given up."""

from __future__ import annotations

import itertools

import pytest

from lktrio.rtc.ice import IceState
from lktrio.rtc.ice.stun import StunClass, StunMessage
from lktrio.testing import LinkProfile
from tests.support.cases import each_case
from tests.support.ice import ALICE, BOB, CONTROLLED, both_selected, introduce, two_hosts

GOOD = LinkProfile(latency=0.02)
DEAD = LinkProfile(loss=1.0)


@each_case("seed", range(5))
def test_an_idle_pair_stays_connected_for_an_hour(seed: int) -> None:
    network, alice, bob = two_hosts(LinkProfile(latency=0.05, loss=0.05), seed=seed)
    introduce(alice, bob)
    network.run(3600)
    assert alice.state_names() == bob.state_names() == ["checking", "connected"]
    assert 3600 / 6 < alice.agent.stats.requests_sent < 3600


def test_consent_checks_are_spaced_at_random_around_five_seconds() -> None:
    network, alice, bob = two_hosts(GOOD)
    introduce(alice, bob)
    network.run(until=lambda: both_selected(alice, bob))
    times: list[float] = []
    for _ in range(3000):
        before = alice.agent.stats.requests_sent
        network.run(0.1)
        alice.agent.on_traffic(network.now, (0, BOB))  # media flows, so only consent needs checks
        if alice.agent.stats.requests_sent > before:
            times.append(network.now)
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(pauses) > 40
    assert all(3.8 < pause < 6.3 for pause in pauses)
    assert len({round(pause, 1) for pause in pauses}) > 5


def test_silence_disconnects_and_the_return_connects() -> None:
    network, alice, bob = two_hosts(GOOD)
    introduce(alice, bob)
    network.run(10)
    network.profile = DEAD
    network.run(12)
    assert alice.state is bob.state is IceState.DISCONNECTED
    at = alice.states[-1][0]
    assert 12 < at < 15.1
    assert alice.agent.send_path() == (1, BOB)
    network.profile = GOOD
    assert network.run(1.1, until=lambda: alice.state is bob.state is IceState.CONNECTED)
    assert alice.state_names() == ["checking", "connected", "disconnected", "connected"]


def test_silence_for_long_is_a_failure_that_an_answer_ends_while_there_is_consent() -> None:
    network, alice, bob = two_hosts(GOOD)
    introduce(alice, bob)
    network.run(10)
    network.profile = DEAD
    network.run(22)
    assert alice.state is bob.state is IceState.FAILED
    assert 22 < alice.states[-1][0] < 25.1
    assert alice.agent.send_path() == (1, BOB)
    network.profile = GOOD
    assert network.run(1.1, until=lambda: alice.state is bob.state is IceState.CONNECTED)
    assert network.run(60) is False
    assert alice.state_names()[2:] == ["disconnected", "failed", "connected"]


def test_thirty_seconds_without_consent_end_all_sending() -> None:
    network, alice, bob = two_hosts(GOOD)
    introduce(alice, bob)
    network.run(10)
    network.profile = DEAD
    assert network.run(60, until=lambda: alice.agent.send_path() is None)
    assert 35 < network.now < 40.1
    network.run(60)
    assert alice.state_names() == ["checking", "connected", "disconnected", "failed"]
    assert alice.agent.selected is None
    assert alice.agent.next_timer() == float("inf")


def test_an_outage_of_sixty_seconds_needs_a_restart_and_gets_over_it() -> None:
    network, alice, bob = two_hosts(GOOD)
    introduce(alice, bob)
    network.run(10)
    network.profile = DEAD
    network.run(60)
    network.profile = GOOD
    network.run(20)
    assert alice.state is bob.state is IceState.FAILED
    alice.agent.restart(network.now)
    bob.know(alice)
    alice.know(bob)
    assert network.run(0.2, until=lambda: alice.state is bob.state is IceState.CONNECTED)


def test_traffic_keeps_a_pair_connected_but_not_its_consent() -> None:
    """The peer's media arrives, but no answers: RFC 7675 wants the sending to end."""
    network, alice, bob = two_hosts(GOOD)
    introduce(alice, bob)
    network.run(10)
    network.set_link(ALICE[0], BOB[0], DEAD)
    start = network.now
    while network.now < start + 60 and alice.state is not IceState.FAILED:
        bob.send_traffic(b"\x80 media")
        network.run(0.5)
    assert alice.state_names() == ["checking", "connected", "failed"]
    assert start + 24 < alice.states[-1][0] < start + 31


def test_traffic_ends_a_disconnection() -> None:
    network, alice, bob = two_hosts(GOOD)
    introduce(alice, bob)
    network.run(10)
    network.profile = DEAD
    network.run(8)
    alice.agent.on_traffic(network.now, (0, BOB))
    network.run(0)
    assert alice.state_names() == ["checking", "connected", "disconnected", "connected"]


def test_a_revoked_consent_is_obeyed_at_once() -> None:
    network, alice, bob = two_hosts(GOOD)
    introduce(alice, bob)
    network.run(10)
    alice.agent.out.clear()
    while not alice.agent.out:
        alice.agent.handle_timer(alice.agent.next_timer())
    request = StunMessage.parse(alice.agent.out[0][2])
    refusal = request.respond(StunClass.ERROR)
    refusal.add_error(403, "Forbidden")
    data = refusal.serialize(bob.agent.local_pwd.encode())
    alice.agent.receive(data, 1, BOB, network.now)
    assert alice.agent.send_path() is None


def test_a_closed_agent_is_silent() -> None:
    network, alice, bob = two_hosts(GOOD)
    introduce(alice, bob)
    network.run(10)
    alice.agent.close()
    alice.agent.close()
    sent = alice.sent
    network.run(100)
    assert alice.state is IceState.CLOSED
    assert alice.state_names()[-1] == "closed"
    assert alice.sent == sent
    assert alice.agent.next_timer() == float("inf")
    assert alice.agent.send_path() is None
    assert bob.state is IceState.FAILED


def test_the_controlled_side_keeps_consent_too() -> None:
    network, alice, bob = two_hosts(GOOD)
    introduce(alice, bob)
    network.run(100)
    assert bob.agent.role is CONTROLLED
    assert bob.agent.stats.requests_sent > 100 / 6
    assert bob.agent.stats.responses_received == bob.agent.stats.requests_sent


def test_the_round_trip_is_measured() -> None:
    network, alice, bob = two_hosts(LinkProfile(latency=0.15))
    introduce(alice, bob)
    network.run(60)
    assert alice.agent.round_trip_time == pytest.approx(0.3, abs=0.01)

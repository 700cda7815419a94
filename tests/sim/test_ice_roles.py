"""Role conflicts (RFC 8445 section 7.3.1.1) end with one controlling side."""

from __future__ import annotations

from lktrio.rtc.ice import IceRole, IceState
from lktrio.testing import LinkProfile
from tests.support.cases import each_case
from tests.support.ice import CONTROLLED, CONTROLLING, both_selected, introduce, two_hosts


@each_case("role", list(IceRole))
@each_case("seed", range(6))
@each_case("loss", [0.0, 0.3])
def test_a_conflict_is_settled(role: IceRole, seed: int, loss: float) -> None:
    conditions = LinkProfile(latency=0.03, loss=loss, jitter=0.02)
    network, alice, bob = two_hosts(conditions, seed=seed, roles=(role, role))
    introduce(alice, bob)
    assert network.run(6, until=lambda: both_selected(alice, bob))
    network.run(60)
    assert {alice.agent.role, bob.agent.role} == {CONTROLLING, CONTROLLED}
    assert IceState.FAILED not in [state for _, state in alice.states + bob.states]


@each_case("role", list(IceRole))
def test_a_conflict_costs_little_time(role: IceRole) -> None:
    network, alice, bob = two_hosts(LinkProfile(latency=0.05), roles=(role, role))
    introduce(alice, bob)
    assert network.run(1, until=lambda: both_selected(alice, bob))
    assert network.now < 0.45


def test_an_honest_start_has_no_conflict() -> None:
    network, alice, bob = two_hosts(LinkProfile(latency=0.03))
    introduce(alice, bob)
    network.run(30)
    assert alice.agent.stats.role_conflicts == bob.agent.stats.role_conflicts == 0

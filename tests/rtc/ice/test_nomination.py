"""Who chooses the pair, when, and who follows."""

from __future__ import annotations

import random

import pytest

from lktrio.rtc.base import Address
from lktrio.rtc.ice import IceAgent, IceOptions, IceRole, IceState, PairSelected
from lktrio.rtc.ice.candidate import Candidate, host_candidate
from lktrio.rtc.ice.stun import Attribute, StunClass, StunMessage, StunMethod
from tests.support.cases import each_case

PWD = "the-password-of-the-peer"
GOOD, BAD = ("192.0.2.2", 2000), ("192.0.2.3", 3000)


class Peer:
    """Plays the other side by hand."""

    def __init__(self, role: IceRole, *remote: tuple[Address, str], lite: bool = False) -> None:
        self.agent = IceAgent(role=role, random=random.Random(1).randbytes, lite=lite)
        self.agent.add_local_candidate(host_candidate("192.0.2.1", 1000), 1, 0.0)
        self.agent.set_remote_credentials("peer", PWD, 0.0)
        for preference, (address, kind) in enumerate(remote):  # best first
            line = f"candidate:1 1 udp {1000 - preference} {address[0]} {address[1]} typ {kind}"
            self.agent.add_remote_candidate(Candidate.parse(line), 0.0)
        self.count = 0

    def requests(self) -> list[tuple[Address, StunMessage]]:
        """Take what the agent sent, without its answers."""
        out, self.agent.out = self.agent.out, []
        parsed = [(address, StunMessage.parse(data)) for _, address, data in out]
        return [pair for pair in parsed if pair[1].message_class is StunClass.REQUEST]

    def answer(self, address: Address, request: StunMessage, now: float) -> None:
        response = request.respond(StunClass.SUCCESS)
        response.add_address(Attribute.XOR_MAPPED_ADDRESS, ("192.0.2.1", 1000))
        self.agent.receive(response.serialize(PWD.encode()), 1, address, now)

    def run(self, until: float, *reachable: Address) -> list[tuple[float, Address]]:
        """Answer checks to reachable addresses; returns the nominations that were sent."""
        nominations = []
        now = 0.0
        while True:
            for address, request in self.requests():
                if request.get(Attribute.USE_CANDIDATE) is not None:
                    nominations.append((now, address))
                if address in reachable:
                    self.answer(address, request, now)
            if self.agent.out:
                continue
            if self.agent.next_timer() > until:
                return nominations
            now = self.agent.next_timer()
            self.agent.handle_timer(now)

    def check(self, address: Address, now: float, *, use: bool, value: int | None = None) -> None:
        self.count += 1
        request = StunMessage(StunMethod.BINDING, StunClass.REQUEST, self.count.to_bytes(12, "big"))
        request.add(Attribute.USERNAME, f"{self.agent.local_ufrag}:peer".encode())
        request.add_uint32(Attribute.PRIORITY, 500)
        request.add_uint64(Attribute.ICE_CONTROLLING, 1)
        if use:
            request.add(Attribute.USE_CANDIDATE)
        if value is not None:
            request.add_uint32(Attribute.NOMINATION, value)
        self.agent.receive(request.serialize(self.agent.local_pwd.encode()), 1, address, now)

    @property
    def selected(self) -> Address | None:
        return None if self.agent.selected is None else self.agent.selected.address

    def selections(self) -> list[Address]:
        return [event.address for event in self.agent.events if isinstance(event, PairSelected)]


def test_a_host_pair_is_nominated_at_once() -> None:
    peer = Peer(IceRole.CONTROLLING, (GOOD, "host"))
    assert peer.run(0.0, GOOD) == [(0.0, GOOD)]
    assert peer.selections() == [GOOD]


@each_case("kind, hold", [("srflx", 0.3), ("prflx", 0.3), ("relay", 1.0)])
def test_a_less_direct_pair_is_nominated_after_a_hold(kind: str, hold: float) -> None:
    peer = Peer(IceRole.CONTROLLING, (GOOD, kind))
    when, address = peer.run(2.0, GOOD)[0]
    assert when == pytest.approx(hold)
    assert address == GOOD


def test_a_host_pair_that_comes_up_during_the_hold_is_taken() -> None:
    peer = Peer(IceRole.CONTROLLING, (BAD, "relay"), (GOOD, "host"))
    when, address = peer.run(2.0, BAD, GOOD)[0]
    assert when == pytest.approx(0.02)
    assert address == GOOD
    assert peer.selections() == [GOOD]


def test_a_more_direct_pair_replaces_the_nominated_one() -> None:
    peer = Peer(IceRole.CONTROLLING, (BAD, "relay"))
    peer.run(2.0, BAD)
    assert peer.selected == BAD
    line = f"candidate:1 1 udp 9 {GOOD[0]} {GOOD[1]} typ host"
    peer.agent.add_remote_candidate(Candidate.parse(line), 2.0)
    peer.run(2.1, BAD, GOOD)
    assert peer.selections() == [BAD, GOOD]


def test_an_equally_direct_pair_does_not_replace_the_nominated_one() -> None:
    peer = Peer(IceRole.CONTROLLING, (BAD, "host"))
    peer.run(0.0, BAD)
    line = f"candidate:1 1 udp 2130706431 {GOOD[0]} {GOOD[1]} typ host"
    peer.agent.add_remote_candidate(Candidate.parse(line), 0.0)
    peer.run(30.0, BAD, GOOD)
    assert peer.selections() == [BAD]


def test_ordinary_checks_do_not_nominate() -> None:
    peer = Peer(IceRole.CONTROLLING, (BAD, "srflx"), (GOOD, "srflx"))
    nominations = peer.run(20.0, BAD, GOOD)
    assert {address for _, address in nominations} == {BAD}


def test_the_controlled_side_never_nominates() -> None:
    peer = Peer(IceRole.CONTROLLED, (GOOD, "host"))
    assert peer.run(20.0, GOOD) == []
    assert peer.selected is None
    assert peer.agent.send_path() == (1, GOOD)


def test_a_nominated_pair_that_works_is_selected() -> None:
    peer = Peer(IceRole.CONTROLLED, (GOOD, "host"))
    peer.run(0.0, GOOD)
    peer.check(GOOD, 0.1, use=False)
    assert peer.selected is None
    peer.check(GOOD, 0.1, use=True)
    assert peer.selected == GOOD


def test_a_nominated_pair_is_selected_when_our_own_check_succeeds() -> None:
    peer = Peer(IceRole.CONTROLLED, (GOOD, "host"))
    peer.check(GOOD, 0.01, use=True)
    assert peer.selected is None
    address, request = peer.requests()[-1]
    peer.answer(address, request, 0.02)
    assert peer.selected == GOOD


def test_a_peer_that_nominates_everything_gets_the_best_pair() -> None:
    peer = Peer(IceRole.CONTROLLED, (GOOD, "host"), (BAD, "host"))
    peer.run(0.1, GOOD, BAD)
    for step in range(5):
        peer.check(BAD, 0.1 + step * 0.1, use=True)
        peer.check(GOOD, 0.15 + step * 0.1, use=True)
    assert peer.selections() == [BAD, GOOD]


def test_a_peer_may_later_choose_a_worse_pair() -> None:
    peer = Peer(IceRole.CONTROLLED, (GOOD, "host"), (BAD, "host"))
    peer.run(0.1, GOOD, BAD)
    peer.check(GOOD, 0.2, use=True)
    peer.check(BAD, 5.0, use=True)
    assert peer.selections() == [GOOD, BAD]


def test_a_nomination_value_is_obeyed_in_its_order() -> None:
    peer = Peer(IceRole.CONTROLLED, (GOOD, "host"), (BAD, "host"))
    peer.run(0.1, GOOD, BAD)
    peer.check(GOOD, 0.2, use=True, value=1)
    peer.check(BAD, 0.3, use=True, value=2)
    assert peer.selected == BAD
    peer.check(GOOD, 0.4, use=True, value=1)  # delayed on its way
    assert peer.selected == BAD


def test_a_lite_agent_follows_every_nomination_that_traffic_confirms() -> None:
    peer = Peer(IceRole.CONTROLLED, (GOOD, "host"), (BAD, "host"), lite=True)
    peer.check(GOOD, 0.2, use=True)
    peer.check(BAD, 0.3, use=True)
    peer.agent.on_traffic(0.35, (1, BAD))
    peer.check(GOOD, 0.4, use=False)
    assert peer.selections() == [GOOD, BAD]
    assert peer.requests() == []


def test_the_controlling_side_ignores_use_candidate() -> None:
    peer = Peer(IceRole.CONTROLLING, (GOOD, "host"), (BAD, "host"))
    peer.run(0.1, GOOD, BAD)
    request = StunMessage(StunMethod.BINDING, StunClass.REQUEST, b"c" * 12)
    request.add(Attribute.USERNAME, f"{peer.agent.local_ufrag}:peer".encode())
    request.add_uint32(Attribute.PRIORITY, 500)
    request.add(Attribute.USE_CANDIDATE)
    peer.agent.receive(request.serialize(peer.agent.local_pwd.encode()), 1, BAD, 0.2)
    assert peer.selections() == [GOOD]


@each_case("all_told", [False, True])
def test_a_refused_check_fails_the_agent_when_nothing_else_can_come(all_told: bool) -> None:
    peer = Peer(IceRole.CONTROLLING, (GOOD, "host"))
    if all_told:
        peer.agent.end_of_candidates(0.0)
    [(_, request)] = peer.requests()
    refusal = request.respond(StunClass.ERROR)
    refusal.add_error(400, "Bad Request")
    peer.agent.receive(refusal.serialize(PWD.encode()), 1, GOOD, 0.1)
    assert peer.agent.state is (IceState.FAILED if all_told else IceState.CHECKING)
    peer.run(30.0)
    assert peer.agent.state is IceState.FAILED


def test_holds_are_options() -> None:
    options = IceOptions(host_hold=0.5)
    agent = IceAgent(role=IceRole.CONTROLLING, random=random.Random(1).randbytes, options=options)
    peer = Peer(IceRole.CONTROLLING)
    peer.agent = agent
    agent.add_local_candidate(host_candidate("192.0.2.1", 1000), 1, 0.0)
    agent.set_remote_credentials("peer", PWD, 0.0)
    agent.add_remote_candidate(host_candidate(*GOOD), 0.0)
    when, address = peer.run(1.0, GOOD)[0]
    assert when == pytest.approx(0.5)
    assert address == GOOD

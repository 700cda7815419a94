"""Which candidates of the peer an ICE agent uses, and when."""

from __future__ import annotations

import random

import pytest

from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.base import Address
from lktrio.rtc.ice import IceAgent, IceOptions, IceRole, IceState
from lktrio.rtc.ice.candidate import Candidate, candidate_priority, host_candidate
from lktrio.rtc.ice.stun import Attribute, StunMessage
from tests.support.cases import each_case

LOCAL = host_candidate("192.0.2.1", 1000)
REMOTE = "candidate:1 1 udp 2130706431 192.0.2.2 2000 typ host"
PWD = "the-password-of-the-peer"


def agent(*, options: IceOptions | None = None) -> IceAgent:
    made = IceAgent(
        role=IceRole.CONTROLLING,
        random=random.Random(1).randbytes,
        options=options or IceOptions(),
    )
    made.add_local_candidate(LOCAL, 1, 0.0)
    return made


def checked(made: IceAgent, until: float = 1.0) -> set[Address]:
    """Whom the agent sends checks to."""
    while made.next_timer() <= until:
        made.handle_timer(made.next_timer())
    return {address for _, address, _ in made.out}


@each_case(
    "line",
    [
        "candidate:1 1 tcp 1671430143 192.0.2.2 9 typ host tcptype active",
        "candidate:1 1 ssltcp 1671430143 192.0.2.2 443 typ host",
        "candidate:1 2 udp 2130706430 192.0.2.2 2000 typ host",
        "candidate:1 1 udp 2130706431 a1b2c3.local 2000 typ host",
        "candidate:1 1 udp 2130706431 example.org 2000 typ host",
        "candidate:1 1 udp 2130706431 0.0.0.0 2000 typ host",
        "candidate:1 1 udp 2130706431 224.0.0.251 5353 typ host",
        "candidate:1 1 udp 2130706431 255.255.255.255 2000 typ host",
        "candidate:1 1 udp 2130706431 192.0.2.2 0 typ host",
        "candidate:1 1 udp 2130706431 192.0.2.2 2000 typ mystery",
    ],
)
def test_unusable_candidates_are_ignored_and_counted(line: str) -> None:
    made = agent()
    made.set_remote_credentials("peer", PWD, 0.0)
    made.add_remote_candidate(Candidate.parse(line), 0.0)
    assert checked(made) == set()
    assert made.stats.ignored_candidates == 1


@each_case("kind", ["host", "srflx", "prflx", "relay"])
def test_every_known_type_is_checked(kind: str) -> None:
    made = agent()
    made.set_remote_credentials("peer", PWD, 0.0)
    made.add_remote_candidate(Candidate.parse(REMOTE.replace("typ host", f"typ {kind}")), 0.0)
    assert checked(made) == {("192.0.2.2", 2000)}


def test_checks_offer_the_priority_of_a_peer_reflexive_candidate() -> None:
    """RFC 8445 section 7.1.1: same local preference, other type."""
    made = agent()
    made.set_remote_credentials("peer", PWD, 0.0)
    made.add_remote_candidate(Candidate.parse(REMOTE), 0.0)
    request = StunMessage.parse(made.out[0][2])
    assert request.get_uint32(Attribute.PRIORITY) == candidate_priority("prflx", 65535)


def test_candidates_before_the_credentials_are_kept() -> None:
    made = agent()
    made.add_remote_candidate(Candidate.parse(REMOTE), 0.0)
    assert made.state is IceState.NEW
    assert checked(made) == set()
    made.set_remote_credentials("peer", PWD, 1.0)
    assert [address for _, address, _ in made.out] == [("192.0.2.2", 2000)]


def test_candidates_of_other_address_families_are_not_paired() -> None:
    made = agent()
    made.set_remote_credentials("peer", PWD, 0.0)
    made.add_remote_candidate(Candidate.parse(REMOTE.replace("192.0.2.2", "2001:db8::2")), 0.0)
    assert checked(made) == set()
    made.add_local_candidate(host_candidate("2001:db8::1", 1000), 2, 1.0)
    assert [(path, address) for path, address, _ in made.out] == [(2, ("2001:db8::2", 2000))]


def test_addresses_are_compared_in_their_canonical_form() -> None:
    made = agent()
    made.add_local_candidate(host_candidate("2001:db8::1", 1000), 2, 0.0)
    made.set_remote_credentials("peer", PWD, 0.0)
    for host in ("2001:DB8:0:0:0:0:0:2", "2001:db8::2", "2001:0db8::0002"):
        made.add_remote_candidate(Candidate.parse(REMOTE.replace("192.0.2.2", host)), 0.0)
    made.add_remote_candidate(Candidate.parse(REMOTE.replace("192", "::ffff:192")), 0.0)
    assert checked(made, 0.05) == {("2001:db8::2", 2000), ("192.0.2.2", 2000)}


def test_repeated_candidates_are_one() -> None:
    made = agent()
    made.set_remote_credentials("peer", PWD, 0.0)
    for _ in range(100):
        made.add_remote_candidate(Candidate.parse(REMOTE), 0.0)
    checked(made, 0.09)
    assert len(made.out) == 1
    assert made.stats.dropped_limit == 0


def test_a_candidate_of_another_generation_waits_for_it() -> None:
    made = agent()
    made.set_remote_credentials("first", PWD, 0.0)
    made.add_remote_candidate(Candidate.parse(REMOTE + " ufrag second"), 0.0)
    assert checked(made) == set()
    made.set_remote_credentials("second", PWD, 1.0)
    assert [address for _, address, _ in made.out] == [("192.0.2.2", 2000)]


def test_a_candidate_of_the_current_generation_is_used() -> None:
    made = agent()
    made.set_remote_credentials("first", PWD, 0.0)
    made.add_remote_candidate(Candidate.parse(REMOTE + " ufrag first"), 0.0)
    assert checked(made) == {("192.0.2.2", 2000)}


def test_a_candidate_of_an_old_generation_is_ignored() -> None:
    made = agent()
    made.set_remote_credentials("first", PWD, 0.0)
    made.set_remote_credentials("second", PWD, 0.0)
    made.add_remote_candidate(Candidate.parse(REMOTE + " ufrag first"), 0.0)
    made.set_remote_credentials("third", PWD, 1.0)
    assert checked(made) == set()
    assert made.stats.ignored_candidates == 1


def test_a_candidate_that_names_no_generation_waits_for_the_answer_to_a_restart() -> None:
    made = agent()
    made.set_remote_credentials("first", PWD, 0.0)
    made.restart(0.0)
    made.add_remote_candidate(Candidate.parse(REMOTE), 0.0)
    assert checked(made) == set()
    made.set_remote_credentials("second", PWD, 1.0)
    assert [address for _, address, _ in made.out] == [("192.0.2.2", 2000)]
    name = StunMessage.parse(made.out[0][2]).get_text(Attribute.USERNAME)
    assert name == f"second:{made.local_ufrag}"


def many(count: int, suffix: str = "") -> list[Candidate]:
    return [
        Candidate.parse(REMOTE.replace("192.0.2.2 2000", f"192.0.2.2 {2000 + i}") + suffix)
        for i in range(count)
    ]


def test_remote_candidates_are_limited() -> None:
    made = agent()
    made.set_remote_credentials("peer", PWD, 0.0)
    for candidate in many(100):
        made.add_remote_candidate(candidate, 0.0)
    assert len(checked(made, 10)) == 64
    assert made.stats.dropped_limit == 36


def test_candidates_that_wait_are_limited() -> None:
    made = agent()
    made.set_remote_credentials("first", PWD, 0.0)
    for candidate in many(100, " ufrag later"):
        made.add_remote_candidate(candidate, 0.0)
    assert made.stats.dropped_limit == 36
    made.set_remote_credentials("later", PWD, 0.0)
    assert len(checked(made, 10)) == 64


def test_pairs_are_limited_and_the_best_are_kept() -> None:
    made = agent()
    for path in range(2, 6):
        made.add_local_candidate(
            host_candidate("192.0.2.1", 1000 + path, local_preference=100 * path), path, 0.0
        )
    made.set_remote_credentials("peer", PWD, 0.0)
    worst = [
        Candidate.parse(str(candidate).replace(" 2130706431 ", " 5 ")) for candidate in many(30)
    ]
    best = [Candidate.parse(str(candidate).replace(" 2000 ", " 3000 ")) for candidate in many(1)]
    for candidate in worst + best:
        made.add_remote_candidate(candidate, 0.0)
    checked(made, 10)
    pairs = {(path, address) for path, address, _ in made.out}
    assert len(pairs) <= 101  # the first check left before all were known
    assert {(path, ("192.0.2.2", 3000)) for path in range(1, 6)} <= pairs


def test_better_pairs_are_checked_first_at_an_even_pace() -> None:
    made = agent()
    made.set_remote_credentials("peer", PWD, 0.0)
    made.out.clear()
    lines = [REMOTE.replace("2130706431", str(p)).replace(" 2000 ", f" {p} ") for p in range(1, 6)]
    for line in lines:
        made.add_remote_candidate(Candidate.parse(line), 0.0)
    times = []
    while made.next_timer() < 0.09:
        now = made.next_timer()
        before = len(made.out)
        made.handle_timer(now)
        times += [now] * (len(made.out) - before)
    assert [address[1] for _, address, _ in made.out] == [1, 5, 4, 3, 2]
    assert times == pytest.approx([0.02, 0.04, 0.06, 0.08])


def test_reflexive_candidates_of_ours_are_listed_but_send_no_checks() -> None:
    made = agent()
    srflx = Candidate.parse(
        "candidate:9 1 udp 1677729535 203.0.113.1 4000 typ srflx raddr 192.0.2.1 rport 1000"
    )
    made.add_local_candidate(srflx, 1, 0.0)
    assert made.local_candidates == (LOCAL, srflx)
    made.set_remote_credentials("peer", PWD, 0.0)
    made.add_remote_candidate(Candidate.parse(REMOTE), 0.0)
    checked(made, 0.09)
    assert len(made.out) == 1


@each_case(
    "ufrag, pwd",
    [
        ("", PWD),
        ("abc", PWD),
        ("a:cd", PWD),
        ("a cd", PWD),
        ("a" * 257, PWD),
        ("abcd", "short"),
        ("abcd", ""),
        ("abcd", "x" * 257),
        ("abcd", "x" * 21 + "\n"),
        ("abcd\n", PWD),
        ("\u00e4bcd", PWD),
    ],
)
def test_invalid_credentials_are_refused(ufrag: str, pwd: str) -> None:
    made = agent()
    with pytest.raises(RemoteProtocolError) as caught:
        made.set_remote_credentials(ufrag, pwd, 0.0)
    assert not pwd or pwd not in str(caught.value)
    assert made.state is IceState.NEW


def test_local_credentials_are_strong_and_not_repeated() -> None:
    source = random.Random(1).randbytes
    agents = [IceAgent(role=IceRole.CONTROLLED, random=source) for _ in range(50)]
    assert len({made.local_ufrag for made in agents}) == 50
    assert len({made.local_pwd for made in agents}) == 50
    assert all(len(made.local_ufrag) >= 8 and len(made.local_pwd) >= 22 for made in agents)


def test_the_role_is_fixed_while_checks_run() -> None:
    made = agent()
    made.role = IceRole.CONTROLLED
    made.role = IceRole.CONTROLLING
    made.set_remote_credentials("peer", PWD, 0.0)
    with pytest.raises(LocalProtocolError):
        made.role = IceRole.CONTROLLED
    made.restart(0.0)
    made.role = IceRole.CONTROLLED
    assert made.role is IceRole.CONTROLLED


def test_the_same_credentials_again_are_no_restart() -> None:
    made = agent()
    assert made.set_remote_credentials("peer", PWD, 0.0) is False
    ufrag = made.local_ufrag
    assert made.set_remote_credentials("peer", PWD, 1.0) is False
    assert made.local_ufrag == ufrag
    assert made.set_remote_credentials("peer", PWD[::-1], 2.0) is True
    assert made.local_ufrag != ufrag


def test_a_closed_agent_says_so() -> None:
    made = agent()
    made.close()
    with pytest.raises(LocalProtocolError):
        made.set_remote_credentials("peer", PWD, 0.0)
    with pytest.raises(LocalProtocolError):
        made.restart(0.0)
    with pytest.raises(LocalProtocolError):
        made.add_local_candidate(LOCAL, 2, 0.0)

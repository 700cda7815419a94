"""What strangers send to an ICE agent: nothing happens, and nothing grows."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.rtc.base import Address
from lktrio.rtc.ice import IceAgent, IceOptions, IceRole, IceState
from lktrio.rtc.ice.candidate import host_candidate
from lktrio.rtc.ice.stun import Attribute, StunClass, StunMessage, StunMethod
from tests.support.cases import each_case

PEER = ("192.0.2.2", 2000)
STRANGER = ("203.0.113.66", 6666)
REMOTE_UFRAG, REMOTE_PWD = "peer", "the-password-of-the-peer"
PRIORITY = (Attribute.PRIORITY, struct.pack("!I", 1845501695))
CONTROLLED = (Attribute.ICE_CONTROLLED, bytes(8))
NOMINATION = (PRIORITY, (Attribute.ICE_CONTROLLING, bytes(8)), (Attribute.USE_CANDIDATE, b""))


def agent(
    role: IceRole = IceRole.CONTROLLING, *, known: bool = True, candidate: bool = False
) -> IceAgent:
    made = IceAgent(role=role, random=random.Random(1).randbytes)
    made.add_local_candidate(host_candidate("192.0.2.1", 1000), 1, 0.0)
    if known:
        made.set_remote_credentials(REMOTE_UFRAG, REMOTE_PWD, 0.0)
    if candidate:
        made.add_remote_candidate(host_candidate(*PEER), 0.0)
    return made


def check(
    to: IceAgent,
    *extra: tuple[int, bytes],
    username: str | bytes | None = None,
    pwd: str | None = None,
    fingerprint: bool = True,
    attributes: tuple[tuple[int, bytes], ...] = (PRIORITY, CONTROLLED),
    transaction_id: bytes = b"t" * 12,
) -> bytes:
    name = f"{to.local_ufrag}:{REMOTE_UFRAG}" if username is None else username
    message = StunMessage(StunMethod.BINDING, StunClass.REQUEST, transaction_id)
    message.add(Attribute.USERNAME, name if isinstance(name, bytes) else name.encode())
    message.attributes += [*attributes, *extra]
    key = to.local_pwd if pwd is None else pwd
    return message.serialize(key.encode() or None, fingerprint=fingerprint)


def state_name(made: IceAgent) -> str:
    """The state, in a form that type checkers do not take for fixed."""
    return made.state.value


def footprint(made: IceAgent) -> Any:
    """Everything the agent keeps, except for its counters."""
    session = made._session
    return (
        [
            (key, pair.state, pair.validated)
            for g in session.generations
            for key, pair in g.pairs.items()
        ],
        [list(g.early) for g in session.generations],
        [list(g.remote_candidates) for g in session.generations],
        list(made._schedule._triggered),
        list(session._held),
        len(session.checks._pairs),
        made.state,
        made.role,
        made.next_timer(),
        list(made.out),
        list(made.events),
    )


def assert_ignored(made: IceAgent, data: bytes, source: Address = PEER) -> None:
    before = footprint(made)
    made.receive(data, 1, source, 1.0)
    assert footprint(made) == before


@each_case(
    "build",
    [
        pytest.param(lambda to: check(to, pwd=""), id="no integrity"),
        pytest.param(lambda to: check(to, pwd="x" * 24), id="wrong password"),
        pytest.param(lambda to: check(to, pwd=REMOTE_PWD), id="password of the peer"),
        pytest.param(lambda to: check(to, fingerprint=False), id="no fingerprint"),
        pytest.param(lambda to: check(to, username=""), id="no user name"),
        pytest.param(lambda to: check(to, username=to.local_ufrag), id="half a user name"),
        pytest.param(lambda to: check(to, username=f"other:{REMOTE_UFRAG}"), id="another user"),
        pytest.param(
            lambda to: check(to, username=f"{REMOTE_UFRAG}:{to.local_ufrag}"), id="swapped name"
        ),
        pytest.param(lambda to: check(to, username=b"\xff:\xfe"), id="user name not text"),
        pytest.param(
            lambda to: check(to, attributes=((Attribute.PRIORITY, b"\x01"),)), id="short priority"
        ),
        pytest.param(
            lambda to: check(to, attributes=(PRIORITY, (0x8029, b"\x01"))), id="short tie-breaker"
        ),
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda _: b"\x00\x01\x02", id="not STUN"),
        pytest.param(lambda _: b"\x16\xfe\xfd" + bytes(40), id="DTLS"),
    ],
)
@each_case("known", [True, False])
def test_unacceptable_requests_are_not_answered(
    build: Callable[[IceAgent], bytes], known: bool
) -> None:
    made = agent(known=known)
    assert_ignored(made, build(made))
    stats = made.stats
    assert stats.dropped_malformed + stats.dropped_unauthenticated + stats.dropped_stale == 1
    assert stats.requests_received == 0
    assert not made.is_heard(1, PEER)


def test_a_check_of_another_peer_is_dropped() -> None:
    made = agent()
    assert_ignored(made, check(made, username=f"{made.local_ufrag}:other"))
    assert made.stats.dropped_stale == 1


def test_the_same_request_is_answered_when_it_is_right() -> None:
    made = agent()
    made.receive(check(made), 1, PEER, 1.0)
    assert made.is_heard(1, PEER)
    answer = StunMessage.parse(made.out[0][2])
    assert answer.message_class is StunClass.SUCCESS
    assert answer.get_address(Attribute.XOR_MAPPED_ADDRESS) == PEER
    assert answer.verify(made.local_pwd.encode())
    assert answer.has_fingerprint


def test_an_unknown_path_is_not_answered() -> None:
    made = agent()
    made.receive(check(made), 7, PEER, 1.0)
    assert made.out == []


def test_indications_change_nothing_and_are_counted() -> None:
    made = agent(candidate=True)
    message = StunMessage(StunMethod.BINDING, StunClass.INDICATION, b"i" * 12)
    assert_ignored(made, message.serialize())
    assert_ignored(made, message.serialize(made.local_pwd.encode()))
    assert made.stats.indications == 2


def test_other_methods_are_dropped() -> None:
    made = agent()
    message = StunMessage(StunMethod.ALLOCATE, StunClass.REQUEST, b"i" * 12)
    assert_ignored(made, message.serialize(made.local_pwd.encode()))
    assert made.stats.dropped_malformed == 1


def response_to(made: IceAgent, pwd: str = REMOTE_PWD, **changes: Any) -> bytes:
    """An answer to the check that the agent has sent."""
    request = StunMessage.parse(made.out[-1][2])
    response = request.respond(changes.get("message_class", StunClass.SUCCESS))
    if changes.get("mapped", True):
        response.add_address(Attribute.XOR_MAPPED_ADDRESS, ("192.0.2.1", 1000))
    for code in changes.get("error", ()):
        response.add_error(code, "")
    if "transaction_id" in changes:
        response.transaction_id = changes["transaction_id"]
    key = pwd.encode() or None
    return response.serialize(key, fingerprint=changes.get("fingerprint", True))


@each_case(
    "pwd, changes",
    [
        ("", {}),
        ("x" * 24, {}),
        (REMOTE_PWD, {"fingerprint": False}),
        (REMOTE_PWD, {"mapped": False}),
        (REMOTE_PWD, {"transaction_id": b"0" * 12}),
        ("", {"message_class": StunClass.ERROR, "error": [487]}),
        ("x" * 24, {"message_class": StunClass.ERROR, "error": [403]}),
        (REMOTE_PWD, {"message_class": StunClass.ERROR}),
    ],
)
def test_unacceptable_responses_change_nothing(pwd: str, changes: dict[str, Any]) -> None:
    made = agent(candidate=True)
    assert_ignored(made, response_to(made, pwd, **changes))
    assert made.stats.responses_received == 0


def test_responses_from_elsewhere_change_nothing() -> None:
    """An answer must come from where the request went (RFC 8445 section 7.2.5.2.1)."""
    made = agent(candidate=True)
    data = response_to(made)
    assert_ignored(made, data, ("192.0.2.3", 2000))
    made.add_local_candidate(host_candidate("192.0.2.9", 1000), 2, 1.0)
    made.receive(data, 2, PEER, 1.0)
    assert not made.is_validated(2, PEER)
    made.receive(data, 1, PEER, 1.0)
    assert made.is_validated(1, PEER)


def test_our_own_requests_reflected_change_nothing() -> None:
    made = agent(candidate=True)
    assert_ignored(made, made.out[-1][2])


def test_a_response_counts_once() -> None:
    made = agent(candidate=True)
    data = response_to(made)
    made.receive(data, 1, PEER, 0.1)
    assert made.stats.responses_received == 1
    made.receive(data, 1, PEER, 0.1)
    assert made.stats.responses_received == 1


def test_a_flood_of_strangers_grows_nothing() -> None:
    made = agent(candidate=True)
    before = footprint(made)
    for i in range(3000):
        data = check(made, pwd="x" * 24, transaction_id=i.to_bytes(12, "big"))
        made.receive(data, 1, (f"198.51.{i % 256}.{i // 256}", i), 1.0)
    assert footprint(made) == before
    assert made.stats.dropped_unauthenticated == 3000


@each_case("known", [True, False])
def test_a_check_validates_no_address_before_it_has_answered_us(known: bool) -> None:
    """Whoever has seen a check can send it from anywhere; our question is for the peer alone."""
    made = agent(known=known)
    made.receive(check(made), 1, PEER, 1.0)
    if not known:
        made.set_remote_credentials(REMOTE_UFRAG, REMOTE_PWD, 1.0)
    assert not made.is_validated(1, PEER)
    made.receive(response_to(made), 1, PEER, 1.1)
    assert made.is_validated(1, PEER)
    assert not made.is_validated(2, PEER)


def test_replayed_checks_are_no_sign_of_life() -> None:
    made = agent(candidate=True)
    made.receive(response_to(made), 1, PEER, 0.1)
    assert state_name(made) == "connected"
    replayed = check(made)
    for step in range(100):
        now = 0.1 * step
        made.receive(replayed, 1, STRANGER, now)
        if made.next_timer() <= now:
            made.handle_timer(now)
    assert state_name(made) == "disconnected"


def test_a_lite_agent_takes_a_check_from_one_address_only() -> None:
    """It cannot ask back, so a replayed nomination would lead its traffic astray."""
    made = IceAgent(role=IceRole.CONTROLLED, random=random.Random(1).randbytes, lite=True)
    made.add_local_candidate(host_candidate("192.0.2.1", 1000), 1, 0.0)
    made.set_remote_credentials(REMOTE_UFRAG, REMOTE_PWD, 0.0)
    data = check(made, attributes=NOMINATION)
    made.receive(data, 1, PEER, 1.0)
    made.receive(data, 1, STRANGER, 1.1)
    made.receive(data, 1, PEER, 1.2)
    assert made.send_path() == (1, PEER)
    assert not made.is_heard(1, STRANGER)
    assert made.stats.dropped_replayed == 1
    assert len(made.out) == 3, "an answer is no larger than its question"
    made.receive(check(made, attributes=NOMINATION, transaction_id=b"n" * 12), 1, STRANGER, 2.0)
    assert made.send_path() == (1, PEER)
    made.on_traffic(2.1, (1, PEER))
    assert made.send_path() == (1, PEER)
    made.on_traffic(2.2, (1, STRANGER))
    assert made.send_path() == (1, STRANGER), "the peer itself may move"


def test_a_forgotten_check_that_is_replayed_to_a_lite_agent_moves_nothing() -> None:
    made = IceAgent(
        role=IceRole.CONTROLLED,
        random=random.Random(1).randbytes,
        lite=True,
        options=IceOptions(max_remembered_checks=16),
    )
    made.add_local_candidate(host_candidate("192.0.2.1", 1000), 1, 0.0)
    made.set_remote_credentials(REMOTE_UFRAG, REMOTE_PWD, 0.0)
    recorded = check(made, attributes=NOMINATION)
    made.receive(recorded, 1, PEER, 1.0)
    for number in range(100):
        data = check(made, attributes=NOMINATION, transaction_id=number.to_bytes(12, "big"))
        made.receive(data, 1, PEER, 1.0)
    made.receive(recorded, 1, STRANGER, 2.0)
    for step in range(20, 600):
        made.on_traffic(0.1 * step, (1, PEER))
        made.handle_timer(0.1 * step)
        assert made.send_path() in ((1, PEER), None), "not even when the peer is gone"
    assert made.send_path() is None


def test_a_nomination_of_the_path_in_use_calls_a_move_off() -> None:
    made = IceAgent(role=IceRole.CONTROLLED, random=random.Random(1).randbytes, lite=True)
    made.add_local_candidate(host_candidate("192.0.2.1", 1000), 1, 0.0)
    made.set_remote_credentials(REMOTE_UFRAG, REMOTE_PWD, 0.0)
    for number, address in enumerate((PEER, STRANGER, PEER)):
        transaction = number.to_bytes(12, "big")
        data = check(made, attributes=NOMINATION, transaction_id=transaction)
        made.receive(data, 1, address, 1.0)
    made.on_traffic(1.1, (1, STRANGER))
    assert made.send_path() == (1, PEER)


def test_a_lite_agent_remembers_a_bounded_number_of_checks() -> None:
    options = IceOptions(max_remembered_checks=16)
    made = IceAgent(
        role=IceRole.CONTROLLED, random=random.Random(1).randbytes, lite=True, options=options
    )
    made.add_local_candidate(host_candidate("192.0.2.1", 1000), 1, 0.0)
    made.set_remote_credentials(REMOTE_UFRAG, REMOTE_PWD, 0.0)
    for number in range(100):
        data = check(made, attributes=NOMINATION, transaction_id=number.to_bytes(12, "big"))
        made.receive(data, 1, PEER, 1.0)
    assert len(made._session._origins) == 16


@each_case("known", [True, False])
def test_a_flood_of_replayed_checks_is_bounded(known: bool) -> None:
    """A check of the peer, replayed from many forged addresses."""
    made = agent(known=known)
    data = check(made)
    options = made.options
    sent = 0
    for i in range(2000):
        made.receive(data, 1, (f"198.51.{i % 256}.{i // 256}", 1 + i), i * 0.001)
        sent += sum(1 for _, _, out in made.out if StunMessage.parse(out).message_class == 0)
        made.out.clear()
    session = made._session
    generation = session.newest
    assert len(generation.pairs) <= options.max_peer_reflexive
    assert len(generation.early) <= options.max_early_requests
    assert len(made._schedule._triggered) <= options.max_pairs
    assert len(session.checks._pairs) <= options.max_peer_reflexive
    assert made.stats.dropped_limit > 1800
    assert sent <= options.max_peer_reflexive


def test_triggered_checks_come_in_a_short_burst_and_then_at_a_pace() -> None:
    made = agent()
    for i in range(20):
        made.receive(check(made), 1, ("192.0.2.2", 2000 + i), 1.0)
    assert made.stats.requests_sent <= made.options.triggered_burst + 1
    made.handle_timer(1.05)
    assert made.stats.requests_sent <= made.options.triggered_burst + 1 + 2 * 3
    while made.next_timer() < 1.5:
        made.handle_timer(made.next_timer())
    asked = {address for _, address, data in made.out if StunMessage.parse(data).message_class == 0}
    assert len(asked) == 20


def test_an_agent_that_gave_up_begins_anew_when_it_is_checked() -> None:
    made = agent()
    made.handle_timer(20.0)
    assert state_name(made) == "failed"
    made.receive(check(made), 1, PEER, 21.0)
    assert state_name(made) == "checking"
    kinds = [StunMessage.parse(data).message_class for _, _, data in made.out]
    assert kinds == [StunClass.SUCCESS, StunClass.REQUEST]


def test_an_agent_that_lost_the_consent_of_its_peer_answers_no_check() -> None:
    made = agent()
    made.add_remote_candidate(host_candidate(*PEER), 0.0)
    made.receive(response_to(made), 1, PEER, 0.1)
    assert state_name(made) == "connected"
    while made.send_path() is not None:
        made.handle_timer(made.next_timer())
    made.out.clear()
    before = footprint(made)[0]
    made.receive(check(made), 1, PEER, 100.0)
    assert made.out == []
    assert state_name(made) == "failed"
    assert footprint(made)[0] == before
    assert made.next_timer() == float("inf")


def test_a_lite_peer_cannot_talk_us_out_of_our_role() -> None:
    made = IceAgent(role=IceRole.CONTROLLING, random=random.Random(1).randbytes)
    made.add_local_candidate(host_candidate("192.0.2.1", 1000), 1, 0.0)
    made.set_remote_credentials(REMOTE_UFRAG, REMOTE_PWD, 0.0, lite=True)
    made.add_remote_candidate(host_candidate(*PEER), 0.0)
    answer = response_to(made, message_class=StunClass.ERROR, mapped=False, error=[487])
    made.receive(answer, 1, PEER, 0.1)
    assert made.role is IceRole.CONTROLLING


@each_case("known", [True, False])
def test_signalled_candidates_and_pairs_are_limited(known: bool) -> None:
    made = agent(known=known)
    made.add_local_candidate(host_candidate("192.0.2.9", 1000), 2, 0.0)
    for number in range(500):
        made.add_remote_candidate(host_candidate("198.51.100.1", 1000 + number), 0.0)
        made.add_remote_candidate(host_candidate("198.51.100.1", 1000 + number), 0.0)
    if not known:
        made.set_remote_credentials(REMOTE_UFRAG, REMOTE_PWD, 0.0)
    generation = made._session.newest
    assert len(generation.remote_candidates) == made.options.max_remote_candidates == 64
    assert len(generation.pairs) == made.options.max_pairs == 100
    assert made.stats.dropped_limit > 400
    sent = 0
    while made.next_timer() < 12.0:
        made.handle_timer(made.next_timer())
        sent += len(made.out)
        made.out.clear()
    assert len(made._session.checks._pairs) <= made.options.max_pairs
    assert sent < 100 * 20


def test_early_checks_are_held_up_to_a_limit() -> None:
    made = agent(known=False)
    for i in range(40):
        made.receive(check(made), 1, ("192.0.2.2", 2000 + i), 1.0)
    assert len(made.out) == 40
    assert made.stats.dropped_limit == 24
    made.out.clear()
    made.set_remote_credentials(REMOTE_UFRAG, REMOTE_PWD, 2.0)
    made.handle_timer(3.0)
    assert made.is_heard(1, ("192.0.2.2", 2015))
    assert not made.is_heard(1, ("192.0.2.2", 2016))


def test_early_checks_make_no_role_conflict() -> None:
    """An offerer may learn only from the answer whether it controls."""
    for role, attribute in [
        (IceRole.CONTROLLED, Attribute.ICE_CONTROLLED),
        (IceRole.CONTROLLING, Attribute.ICE_CONTROLLING),
    ]:
        made = agent(role, known=False)
        made.receive(check(made, attributes=(PRIORITY, (attribute, b"\xff" * 8))), 1, PEER, 1.0)
        assert StunMessage.parse(made.out[0][2]).message_class is StunClass.SUCCESS
        assert made.role is role
        made.role = role.other


def test_early_checks_of_somebody_else_are_forgotten() -> None:
    made = agent(known=False)
    made.receive(check(made, username=f"{made.local_ufrag}:someone"), 1, PEER, 1.0)
    made.set_remote_credentials(REMOTE_UFRAG, REMOTE_PWD, 2.0)
    assert not made.is_heard(1, PEER)


@each_case(
    "attributes, code",
    [
        ((PRIORITY, CONTROLLED, (0x7777, b"")), 420),
        ((CONTROLLED,), 400),
        ((PRIORITY, (Attribute.ICE_CONTROLLING, bytes(8))), 487),
    ],
)
def test_authenticated_errors_are_told(attributes: Any, code: int) -> None:
    made = agent()
    made.receive(check(made, attributes=attributes), 1, PEER, 1.0)
    [(path, address, data)] = made.out
    answer = StunMessage.parse(data)
    assert (path, address) == (1, PEER)
    assert answer.message_class is StunClass.ERROR
    error = answer.get_error()
    assert error is not None
    assert error[0] == code
    assert answer.verify(made.local_pwd.encode())
    if code == 420:
        assert answer.get(Attribute.UNKNOWN_ATTRIBUTES) == b"\x77\x77"
    assert not made.is_heard(1, PEER)


def test_error_answers_are_rate_limited() -> None:
    made = agent()
    data = check(made, (0x7777, b""))
    for i in range(1000):
        made.receive(data, 1, PEER, i * 0.01)
    assert 100 <= len(made.out) <= 111
    assert made.stats.errors_sent == len(made.out)
    assert made.stats.errors_suppressed == 1000 - len(made.out)


def test_optional_attributes_are_ignored() -> None:
    made = agent()
    extra = ((0xC057, bytes(4)), (0xC070, bytes(300)), (0xC071, b""), (0x8022, b"someone"))
    made.receive(check(made, *extra), 1, PEER, 1.0)
    assert made.is_heard(1, PEER)


def test_a_peer_that_answers_every_check_with_a_conflict_tires_nobody() -> None:
    made = agent(candidate=True)
    answered = 0
    now = 0.0
    while made.state is IceState.CHECKING and now < 60:
        out, made.out = made.out, []
        for _, _, data in out:
            made.out.append((1, PEER, data))
            answer = response_to(made, message_class=StunClass.ERROR, mapped=False, error=[487])
            made.out.clear()
            made.receive(answer, 1, PEER, now)
            answered += 1
        now = max(now, min(made.next_timer(), 60.0))
        made.handle_timer(now)
    assert answered < 20
    assert made.state is IceState.FAILED


@settings(max_examples=100)
@given(st.binary(max_size=200), st.booleans())
def test_arbitrary_packets_raise_nothing(data: bytes, known: bool) -> None:
    made = agent(known=known)
    made.receive(data, 1, PEER, 1.0)
    assert made.out == []


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from(list(Attribute)), st.integers(0, 0xFFFF)),
            st.binary(max_size=24),
        ),
        max_size=6,
    ),
    st.sampled_from(list(StunClass)),
)
def test_authenticated_nonsense_raises_nothing(
    attributes: list[tuple[int, bytes]], message_class: StunClass
) -> None:
    made = agent(candidate=True)
    checks = StunMessage.parse(made.out[-1][2])
    message = StunMessage(StunMethod.BINDING, message_class, checks.transaction_id)
    message.add(Attribute.USERNAME, f"{made.local_ufrag}:{REMOTE_UFRAG}".encode())
    message.attributes += attributes
    responds = message_class in (StunClass.SUCCESS, StunClass.ERROR)
    key = REMOTE_PWD if responds else made.local_pwd
    made.receive(message.serialize(key.encode()), 1, PEER, 1.0)
    made.handle_timer(2.0)


def test_flipped_bits_in_a_check_are_noticed() -> None:
    data = check(agent())
    for position in range(len(data) * 8):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        made = agent()  # with the same credentials
        made.receive(bytes(damaged), 1, PEER, 1.0)
        assert made.out == []


def test_no_password_in_a_repr() -> None:
    made = agent(candidate=True)
    made.receive(response_to(made), 1, PEER, 0.1)
    pair = next(iter(made._session.newest.pairs.values()))
    for thing, secret in itertools.product(
        (made, pair, made._session.newest.local, made._session.newest.remote, made.stats),
        (made.local_pwd, REMOTE_PWD),
    ):
        assert secret not in repr(thing)


def test_limits_are_options() -> None:
    options = IceOptions(max_early_requests=2)
    made = IceAgent(role=IceRole.CONTROLLED, random=random.Random(1).randbytes, options=options)
    made.add_local_candidate(host_candidate("192.0.2.1", 1000), 1, 0.0)
    for i in range(5):
        made.receive(check(made), 1, ("192.0.2.2", 2000 + i), 1.0)
    assert made.stats.dropped_limit == 3

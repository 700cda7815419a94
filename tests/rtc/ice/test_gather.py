"""Learning reflexive addresses from STUN servers."""

from __future__ import annotations

import random

import pytest

from lktrio.rtc.ice.candidate import host_candidate
from lktrio.rtc.ice.gather import CandidateGathered, GatheringFailed, StunGatherer
from lktrio.rtc.ice.stun import Attribute, StunClass, StunMessage
from tests.support.cases import each_case

SERVER = ("198.51.100.1", 3478)
BASE = host_candidate("10.0.0.1", 1000)
MAPPED = ("203.0.113.1", 40000)


def gatherer() -> StunGatherer:
    made = StunGatherer(random=random.Random(1).randbytes)
    made.ask(SERVER, BASE, 1, 0.0)
    return made


def answer(made: StunGatherer, kind: Attribute = Attribute.XOR_MAPPED_ADDRESS) -> StunMessage:
    response = StunMessage.parse(made.out[-1][2]).respond(StunClass.SUCCESS)
    response.add_address(kind, MAPPED)
    return response


def test_a_request_leaves_at_once_and_the_answer_becomes_a_candidate() -> None:
    made = gatherer()
    [(path, address, data)] = made.out
    assert (path, address) == (1, SERVER)
    assert StunMessage.parse(data).attributes == []
    assert made.receive(answer(made).serialize(), 1, SERVER)
    [event] = made.events
    assert isinstance(event, CandidateGathered)
    assert (event.path, event.server) == (1, SERVER)
    candidate = event.candidate
    assert (candidate.type, candidate.address, candidate.port) == ("srflx", *MAPPED)
    assert (candidate.related_address, candidate.related_port) == ("10.0.0.1", 1000)
    assert made.is_done


def test_servers_without_fingerprint_and_xor_are_understood() -> None:
    made = gatherer()
    data = answer(made, Attribute.MAPPED_ADDRESS).serialize(fingerprint=False)
    assert made.receive(data, 1, SERVER)
    assert len(made.events) == 1


def test_requests_are_repeated_with_growing_pauses_and_given_up() -> None:
    made = gatherer()
    times = [0.0]
    while not made.is_done:
        now = made.next_timer()
        before = len(made.out)
        made.handle_timer(now)
        times += [now] * (len(made.out) - before)
    assert times == [0.0, 0.25, 0.75, 1.75, 3.75]
    assert len({data for _, _, data in made.out}) == 1
    assert list(made.events) == [GatheringFailed(1, SERVER, "no answer")]
    assert made.next_timer() == float("inf")


def test_no_candidate_without_translation() -> None:
    made = gatherer()
    response = StunMessage.parse(made.out[-1][2]).respond(StunClass.SUCCESS)
    response.add_address(Attribute.XOR_MAPPED_ADDRESS, ("10.0.0.1", 1000))
    assert made.receive(response.serialize(), 1, SERVER)
    assert not made.events
    assert made.is_done


def test_two_servers_that_say_the_same_make_one_candidate() -> None:
    made = gatherer()
    assert made.receive(answer(made).serialize(), 1, SERVER)
    other = ("198.51.100.2", 3478)
    made.ask(other, BASE, 1, 0.0)
    assert made.receive(answer(made).serialize(), 1, other)
    assert len(made.events) == 1


def test_a_refusal_is_told() -> None:
    made = gatherer()
    response = StunMessage.parse(made.out[-1][2]).respond(StunClass.ERROR)
    response.add_error(300, "Try Alternate")
    assert made.receive(response.serialize(), 1, SERVER)
    assert list(made.events) == [GatheringFailed(1, SERVER, "300 Try Alternate")]


def test_messages_of_others_are_left_to_the_agent() -> None:
    made = gatherer()
    response = answer(made)
    response.transaction_id = b"x" * 12
    assert not made.receive(response.serialize(), 1, SERVER)
    assert not made.receive(b"\x00", 1, SERVER)
    assert not made.is_done


@each_case("path, source", [(2, SERVER), (1, ("198.51.100.2", 3478)), (1, ("198.51.100.1", 1))])
def test_forged_answers_are_dropped(path: int, source: tuple[str, int]) -> None:
    made = gatherer()
    assert made.receive(answer(made).serialize(), path, source)
    assert not made.events
    assert not made.is_done
    assert made.dropped == 1


@each_case("mapped", [("0.0.0.0", 5), ("224.0.0.1", 5), ("203.0.113.1", 0)])
def test_useless_addresses_are_dropped(mapped: tuple[str, int]) -> None:
    made = gatherer()
    response = StunMessage.parse(made.out[-1][2]).respond(StunClass.SUCCESS)
    response.add_address(Attribute.XOR_MAPPED_ADDRESS, mapped)
    assert made.receive(response.serialize(), 1, SERVER)
    assert not made.events
    assert made.dropped == 1


def test_damaged_answers_are_dropped() -> None:
    made = gatherer()
    data = answer(made).serialize()
    for length in range(20, len(data)):
        assert made.receive(data[:length], 1, SERVER)
    empty = StunMessage.parse(data).respond(StunClass.SUCCESS).serialize()
    assert made.receive(empty, 1, SERVER)
    assert made.receive(made.out[-1][2], 1, SERVER)  # our own request, reflected
    assert not made.events
    assert not made.is_done


def test_address_families_must_agree() -> None:
    made = StunGatherer(random=random.Random(1).randbytes)
    with pytest.raises(ValueError, match="cannot reach"):
        made.ask(("2001:db8::1", 3478), BASE, 1, 0.0)


def test_requests_are_limited() -> None:
    made = StunGatherer(random=random.Random(1).randbytes)
    for port in range(100):
        made.ask((SERVER[0], 1 + port), BASE, 1, 0.0)
    assert len(made.out) == 64
    assert len(made.events) == 36


def test_closing_forgets_everything() -> None:
    made = gatherer()
    data = answer(made).serialize()
    made.close()
    assert made.is_done
    assert made.next_timer() == float("inf")
    assert not made.receive(data, 1, SERVER)

"""Candidates as JSON, and the numbers of offers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio import proto
from lktrio.errors import RemoteProtocolError
from lktrio.signal import OfferNumbers, TrickledCandidate, parse_trickle, trickle_request
from tests.signal.test_recorded_sessions import RECORDINGS

LINE = "candidate:2878742611 1 udp 2130706431 127.0.0.1 58150 typ host ufrag ceftHgLrareawSMI"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
MEMBERS = st.dictionaries(
    st.sampled_from(["candidate", "sdpMid", "sdpMLineIndex", "usernameFragment", "other"]), JSON
)


def test_a_candidate_of_a_server() -> None:
    text = json.dumps({"candidate": LINE, "sdpMid": "0", "sdpMLineIndex": 0})
    request = proto.TrickleRequest(
        candidateInit=text, target=proto.SignalTarget.SUBSCRIBER, final=True
    )
    assert parse_trickle(request) == TrickledCandidate(
        LINE, "0", 0, None, proto.SignalTarget.SUBSCRIBER, True
    )


def test_every_recorded_candidate_is_read() -> None:
    trickles = [
        response.trickle
        for recording in RECORDINGS
        for response in recording.responses
        if response.trickle is not None
    ]
    assert len(trickles) > 100
    for trickle in trickles:
        candidate = parse_trickle(trickle)
        assert candidate.candidate.startswith("candidate:")
        assert candidate.mid is not None
        assert candidate.line_index == 0
    assert any(trickle.final for trickle in trickles)


def test_a_candidate_of_ours() -> None:
    request = trickle_request(
        LINE, mid="3", line_index=3, username_fragment="u", final=True
    ).trickle
    assert request is not None
    assert json.loads(request.candidateInit) == {
        "candidate": LINE,
        "sdpMid": "3",
        "sdpMLineIndex": 3,
        "usernameFragment": "u",
    }
    assert (request.target, request.final) == (proto.SignalTarget.PUBLISHER, True)
    assert parse_trickle(request).candidate == LINE


def test_an_empty_candidate_is_read_but_never_sent() -> None:
    assert parse_trickle(proto.TrickleRequest(candidateInit='{"candidate":""}')).candidate == ""
    with pytest.raises(ValueError, match="final"):
        trickle_request("", mid="0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        "[" * 10_000,
        '{"candidate":1}',
        '{"candidate":"x","sdpMid":0}',
        '{"candidate":"x","sdpMLineIndex":true}',
        '{"candidate":"x","sdpMLineIndex":1.5}',
        '{"candidate":"' + "x" * 20_000 + '"}',
    ],
)
def test_what_is_no_candidate_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_trickle(proto.TrickleRequest(candidateInit=text))


@given(st.one_of(st.text(), JSON.map(json.dumps), MEMBERS.map(json.dumps)))
def test_any_text(text: str) -> None:
    try:
        candidate = parse_trickle(proto.TrickleRequest(candidateInit=text))
    except RemoteProtocolError:
        return
    assert isinstance(candidate.candidate, str)


def test_offers_are_numbered_from_one() -> None:
    numbers = OfferNumbers()
    assert [numbers.next(), numbers.next()] == [1, 2]


def test_only_the_answer_to_the_latest_offer_counts() -> None:
    numbers = OfferNumbers()
    numbers.next()
    numbers.next()
    assert numbers.answers_latest(proto.SessionDescription(id=2))
    assert numbers.answers_latest(proto.SessionDescription(id=0))
    assert not numbers.answers_latest(proto.SessionDescription(id=1))

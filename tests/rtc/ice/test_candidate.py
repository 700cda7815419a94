"""The text form of ICE candidates, and how they are made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.ice.candidate import (
    Candidate,
    candidate_priority,
    foundation,
    host_candidate,
    normalize_host,
    reflexive_candidate,
)
from tests.support.cases import each_case

# As seen from libwebrtc, pion, browsers and aioice.
SEEN = [
    "candidate:793504367 1 udp 2122194687 192.0.2.2 60186 typ host generation 0 network-id 1",
    "candidate:674858719 1 udp 2122265343 fd00::2 42376 typ host generation 0 network-id 2",
    "candidate:375738803 2 tcp 1671430143 127.0.0.1 7911 typ host tcptype passive ufrag VJBMhp",
    "candidate:2878742611 1 udp 2130706431 127.0.0.1 59831 typ host ufrag PzyBfKOOFRuFEbIi",
    "candidate:842163049 1 udp 1677729535 203.0.113.9 46154 typ srflx raddr 0.0.0.0 rport 0 x y",
    "candidate:1 1 udp 2113937151 7a8e2d4b-0d3c-4a53-a9d8-0e1a2b3c4d5e.local 50510 typ host x y",
    "candidate:3 1 udp 8331263 198.51.100.4 49152 typ relay raddr 203.0.113.9 rport 46154",
    "candidate:4 1 tcp 1518280447 192.0.2.2 9 typ host tcptype active generation 0",
]

tokens = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)
names = tokens.filter(lambda name: name not in ("raddr", "rport", "tcptype"))
ports = st.integers(0, 65535)
candidates = st.builds(
    Candidate,
    foundation=tokens.filter(lambda t: not t.startswith(("a=", "candidate:"))),
    component=st.integers(0, 256),
    transport=st.sampled_from(["udp", "tcp"]),
    priority=st.integers(0, 2**32 - 1),
    address=st.one_of(st.ip_addresses().map(str), tokens),
    port=ports,
    type=tokens,
    related_address=st.none() | st.ip_addresses().map(str),
    related_port=st.none() | ports,
    tcp_type=st.none() | st.sampled_from(["active", "passive", "so"]),
    extensions=st.lists(st.tuples(names, tokens), max_size=8).map(tuple),
)


@each_case("line", SEEN)
def test_seen_candidates_round_trip(line: str) -> None:
    candidate = Candidate.parse(line)
    assert str(candidate) == line
    assert Candidate.parse("a=" + line) == candidate
    assert Candidate.parse(line.removeprefix("candidate:")) == candidate
    assert Candidate.parse(line + "\r\n") == candidate


def test_fields() -> None:
    candidate = Candidate.parse(
        "candidate:842163049 1 UDP 1677729535 203.0.113.9 46154 typ srflx raddr 10.0.0.9 rport 9"
        " generation 0 ufrag EsAw network-cost 999"
    )
    assert candidate == Candidate(
        foundation="842163049",
        component=1,
        transport="udp",
        priority=1677729535,
        address="203.0.113.9",
        port=46154,
        type="srflx",
        related_address="10.0.0.9",
        related_port=9,
        extensions=(("generation", "0"), ("ufrag", "EsAw"), ("network-cost", "999")),
    )
    assert candidate.ufrag == "EsAw"
    assert candidate.extension("network-cost") == "999"
    assert candidate.extension("missing") is None


@given(candidates)
def test_round_trip(candidate: Candidate) -> None:
    assert Candidate.parse(str(candidate)) == candidate


@given(st.text(max_size=200))
def test_arbitrary_text_parses_or_is_refused(text: str) -> None:
    try:
        Candidate.parse(text)
    except RemoteProtocolError:
        return


def test_every_truncation_parses_or_is_refused() -> None:
    for line in SEEN:
        for length in range(len(line)):
            try:
                Candidate.parse(line[:length])
            except RemoteProtocolError:
                continue


@each_case(
    "line",
    [
        "",
        "candidate:",
        "candidate:1 1 udp 1 192.0.2.1 1 typ",
        "candidate:1 1 udp 1 192.0.2.1 1 type host",
        "candidate:1 x udp 1 192.0.2.1 1 typ host",
        "candidate:1 257 udp 1 192.0.2.1 1 typ host",
        "candidate:1 -1 udp 1 192.0.2.1 1 typ host",
        "candidate:1 1 udp 4294967296 192.0.2.1 1 typ host",
        "candidate:1 1 udp 99999999999999999999 192.0.2.1 1 typ host",
        "candidate:1 1 udp \u0661 192.0.2.1 1 typ host",
        "candidate:1 1 udp 1 192.0.2.1 65536 typ host",
        "candidate:1 1 udp 1 192.0.2.1 1 typ srflx raddr 0.0.0.0 rport x",
        "candidate:1 1 udp 1 192.0.2.1 1 typ h\x00st",
        "candidate:1 1 udp 1 192.0.2.1 1 typ host " + "a b " * 17,
        "candidate:1 1 udp 1 192.0.2.1 1 typ host x " + "y" * 1100,
    ],
)
def test_damaged_candidates_are_refused(line: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Candidate.parse(line)


def test_an_extension_without_value_is_left_out() -> None:
    line = "candidate:1 1 udp 1 192.0.2.1 1 typ host"
    assert Candidate.parse(line + " ufrag") == Candidate.parse(line)


def test_priorities_order_types_before_preferences() -> None:
    """RFC 8445 section 5.1.2.1; the number is the one of its formula worked out by hand."""
    assert candidate_priority("host", 65535, 1) == 2130706431
    order = [
        candidate_priority("host", 0),
        candidate_priority("prflx", 65535),
        candidate_priority("srflx", 65535),
        candidate_priority("relay", 65535),
    ]
    assert order == sorted(order, reverse=True)


def test_foundations_are_equal_for_equal_origins_only() -> None:
    assert foundation("host", "192.0.2.1", "udp") == foundation("host", "192.0.2.1", "udp")
    different = {
        foundation("host", "192.0.2.1", "udp"),
        foundation("host", "192.0.2.2", "udp"),
        foundation("srflx", "192.0.2.1", "udp", "198.51.100.1"),
        foundation("srflx", "192.0.2.1", "udp", "198.51.100.2"),
        foundation("host", "192.0.2.1", "tcp"),
    }
    assert len(different) == 5


def test_reflexive_candidates_tell_their_base() -> None:
    host = host_candidate("10.0.0.5", 4000, local_preference=99)
    reflexive = reflexive_candidate(host, ("203.0.113.5", 5000), server="198.51.100.1")
    assert (reflexive.type, reflexive.address, reflexive.port) == ("srflx", "203.0.113.5", 5000)
    assert (reflexive.related_address, reflexive.related_port) == ("10.0.0.5", 4000)
    assert reflexive.priority == candidate_priority("srflx", 99)
    assert reflexive_candidate(host, ("203.0.113.5", 5000)).type == "prflx"


@each_case(
    "host, normal",
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("x.local", None),
        ("example.org", None),
        ("0.0.0.0", None),
        ("::", None),
        ("224.0.0.1", None),
        ("ff02::1", None),
        ("255.255.255.255", None),
        ("fe80::1%eth0", None),
        ("", None),
        ("1.2.3", None),
        ("::ffff:224.0.0.1", None),
    ],
)
def test_only_usable_addresses_are_normalized(host: str, normal: str | None) -> None:
    assert normalize_host(host) == normal

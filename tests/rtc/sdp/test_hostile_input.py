"""Whatever the text, reading it gives a description or a RemoteProtocolError, and quickly."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.sdp import (
    MAX_LINES,
    MAX_SECTIONS,
    MAX_SIZE,
    read_description,
    write_description,
)
from tests.support.cases import each_case

HEAD = "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n"
SECTION = "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\n"
DATA = Path(__file__).parents[2] / "data" / "sdp"
SMALL = (DATA / "server-data-offer-v0.sdp").read_bytes().decode()
LARGE = (DATA / "server-publish-answer-v0.sdp").read_bytes().decode()

NAMES = [
    "group",
    "ice-lite",
    "ice-ufrag",
    "ice-pwd",
    "ice-options",
    "fingerprint",
    "setup",
    "extmap",
    "extmap-allow-mixed",
    "mid",
    "msid",
    "ssrc",
    "ssrc-group",
    "rid",
    "simulcast",
    "candidate",
    "end-of-candidates",
    "rtcp",
    "rtcp-mux",
    "rtcp-rsize",
    "sctp-port",
    "max-message-size",
    "rtpmap",
    "fmtp",
    "rtcp-fb",
    "sendrecv",
    "inactive",
    "sctp-init",
    "rtcp-xr",
]
VALUE = st.text(st.sampled_from("0123456789 ;:=,/*~-aqfhsend\u00a0\u0661\x1c"), max_size=20)
ATTRIBUTE = st.builds(
    lambda name, value: f"a={name}:{value}",
    st.sampled_from(NAMES),
    st.one_of(VALUE, st.text(max_size=10)),
)
LIKELY = st.sampled_from(
    [
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 a=b; c",
        "a=rtcp-fb:* nack",
        "a=ssrc:5 msid:x  y",
        "a=simulcast:send a;~b,c",
        "a=extmap:3 urn:x",
        "a=setup:active",
        "a=recvonly",
        "a=fingerprint:x y",
        "c=IN IP4 1.2.3.4",
        "b=AS:1",
        "t=1 1",
        "z=0",
        SECTION.strip(),
        "m=video 0 UDP/TLS/RTP/SAVPF 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
    ]
)


def check(text: str) -> bool:
    """Read the text; a description that comes out must survive writing. Tell which it was."""
    try:
        description = read_description(text)
    except RemoteProtocolError:
        return False
    assert read_description(write_description(description)) == description
    return True


@given(st.text())
@example("v=0\n=\n")
@example("v=0\r")
@example("\ud800")
def test_any_text(text: str) -> None:
    check(text)
    check(HEAD + text)
    check(HEAD + SECTION + text)


@settings(max_examples=100)
@given(st.lists(st.one_of(ATTRIBUTE, LIKELY), max_size=12))
def test_lines_that_look_like_attributes(lines: list[str]) -> None:
    check(HEAD + "\n".join(lines))
    check(HEAD + SECTION + "\n".join(lines))


@settings(max_examples=80)
@given(st.lists(LIKELY, max_size=12))
def test_well_formed_lines_in_any_order_are_read(lines: list[str]) -> None:
    assert check(HEAD + SECTION + "\n".join(lines))


def test_truncation_anywhere() -> None:
    assert sum(check(SMALL[:length]) for length in range(len(SMALL))) > 10


@settings(max_examples=80)
@given(st.integers(0, len(LARGE) - 1), st.characters())
def test_one_changed_character(position: int, character: str) -> None:
    check(LARGE[:position] + character + LARGE[position + 1 :])


def test_size_is_limited() -> None:
    filler = "a=x:" + "y" * 1000 + "\n"
    text = HEAD + filler * 60
    text += "a=" + "z" * (MAX_SIZE - len(text) - 2)
    assert len(read_description(text).attributes) == 61
    with pytest.raises(RemoteProtocolError, match="longer"):
        read_description(text + "z")


def test_sections_are_limited() -> None:
    assert check(HEAD + SECTION * MAX_SECTIONS)
    with pytest.raises(RemoteProtocolError, match="sections"):
        read_description(HEAD + SECTION * (MAX_SECTIONS + 1))


@each_case("section", ["", SECTION])
def test_lines_are_limited(section: str) -> None:
    fits = MAX_LINES - (1 if section else HEAD.count("\n"))
    description = read_description(HEAD + section + "a=x\n" * fits)
    part = description.media[0] if section else description
    assert len(part.attributes) == fits
    with pytest.raises(RemoteProtocolError, match="lines"):
        read_description(HEAD + section + "a=x\n" * (fits + 1))


def test_feedback_for_all_payload_types_is_limited() -> None:
    lines = "".join(f"a=rtcp-fb:* x{number}\n" for number in range(17))
    with pytest.raises(RemoteProtocolError, match="feedback"):
        read_description(HEAD + SECTION + lines)


def test_simulcast_lines_of_a_section_are_limited() -> None:
    lines = [f"a=simulcast:send q{number}\n" for number in range(9)]
    (section,) = read_description(HEAD + SECTION + "".join(lines[:8])).media
    assert section.simulcast is not None
    assert len(section.simulcast.send) == 8
    with pytest.raises(RemoteProtocolError, match="simulcast lines"):
        read_description(HEAD + SECTION + "".join(lines))


@each_case(
    "line",
    [
        "a=rtcp-fb:* x\n",
        "a=rtcp-fb:0 %d\n",
        "a=simulcast:send a%d;b%d;c%d;d;e;f;g;h\n",
        "a=rid:%d send\n",
        "a=fmtp:0 a%d=1;b%d=2;c%d=3\n",
        "a=msid:x x\n",
        "a=extmap:%d urn:x\n",
    ],
)
def test_the_worst_text_of_allowed_size_takes_no_long_time(line: str) -> None:
    formats = " ".join(map(str, range(128)))
    lines = "".join(line.replace("%d", str(number)) for number in range(MAX_LINES - 1))
    text = HEAD
    while len(text) + len(lines) + 600 < MAX_SIZE and text.count("m=") < MAX_SECTIONS:
        text += f"m=audio 9 UDP/TLS/RTP/SAVPF {formats}\n" + lines
    started = process_time()
    with suppress(RemoteProtocolError):
        read_description(text)
    assert process_time() - started < 3  # tens to hundreds of milliseconds

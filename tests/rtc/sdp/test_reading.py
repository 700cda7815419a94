"""Reading: inheritance, defaults, and the odd things peers write."""

from __future__ import annotations

import pytest

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.sdp import (
    Fingerprint,
    Group,
    HeaderExtension,
    MediaDescription,
    Msid,
    Rid,
    Simulcast,
    read_description,
    write_description,
)
from tests.support.cases import each_case

HEAD = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n"


def parse(*lines: str, session: tuple[str, ...] = ()) -> MediaDescription:
    """Read a description with one audio section and return the section."""
    text = HEAD + "".join(f"{line}\r\n" for line in session) + AUDIO
    description = read_description(text + "".join(f"{line}\r\n" for line in lines))
    assert read_description(write_description(description)) == description
    return description.media[0]


def test_what_a_section_does_not_say_it_takes_from_the_session() -> None:
    media = parse(
        session=(
            "c=IN IP4 1.2.3.4",
            "a=ice-ufrag:abcd",
            "a=ice-pwd:0123456789abcdefghijkl",
            "a=ice-options:trickle",
            "a=fingerprint:SHA-256 ab:cd",
            "a=setup:passive",
            "a=recvonly",
            "a=extmap:3 urn:x",
            "a=extmap-allow-mixed",
        )
    )
    assert media.connection == "IN IP4 1.2.3.4"
    assert (media.ice_ufrag, media.ice_pwd) == ("abcd", "0123456789abcdefghijkl")
    assert media.ice_options == ["trickle"]
    assert media.fingerprints == [Fingerprint("sha-256", "AB:CD")]
    assert (media.setup, media.direction) == ("passive", "recvonly")
    assert media.extensions == [HeaderExtension(3, "urn:x")]
    assert media.extmap_allow_mixed


def test_what_a_section_says_wins_over_the_session() -> None:
    media = parse(
        "a=ice-ufrag:mine",
        "a=ice-pwd:minepassword",
        "a=fingerprint:sha-1 00",
        "a=setup:active",
        "a=inactive",
        "a=extmap:3 urn:mine",
        session=(
            "a=ice-ufrag:theirs",
            "a=ice-pwd:theirpassword",
            "a=fingerprint:sha-256 11",
            "a=setup:passive",
            "a=sendonly",
            "a=extmap:3 urn:theirs",
        ),
    )
    assert (media.ice_ufrag, media.ice_pwd) == ("mine", "minepassword")
    assert media.fingerprints == [Fingerprint("sha-1", "00")]
    assert (media.setup, media.direction) == ("active", "inactive")
    assert media.extensions == [HeaderExtension(3, "urn:mine")]


def test_without_a_direction_a_section_is_sendrecv() -> None:
    assert parse().direction == "sendrecv"


def test_static_payload_types_need_no_rtpmap() -> None:
    media = parse("a=rtpmap:111 opus/48000/2")
    pcmu = media.codec(0)
    assert pcmu is not None
    assert (pcmu.name, pcmu.clock_rate, pcmu.channels) == ("PCMU", 8000, 1)


def test_a_payload_type_that_nobody_describes_has_no_name() -> None:
    codec = parse().codec(111)
    assert codec is not None
    assert codec.name == ""


def test_a_rejected_video_section_does_not_become_pcmu() -> None:
    text = HEAD + "m=video 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n"
    description = read_description(text)
    assert description.media[0].rejected
    assert description.media[0].codecs[0].name == ""
    assert read_description(write_description(description)) == description


def test_inactive_is_not_rejected() -> None:
    assert not parse("a=inactive").rejected


def test_feedback_for_all_payload_types_reaches_each_once() -> None:
    media = parse("a=rtcp-fb:111 nack", "a=rtcp-fb:*  nack", "a=rtcp-fb:* ccm  fir")
    assert [codec.feedback for codec in media.codecs] == [["nack", "ccm fir"], ["nack", "ccm fir"]]


def test_attributes_of_payload_types_that_are_not_listed_are_kept_as_text() -> None:
    media = parse("a=rtpmap:5 DVI4/8000", "a=fmtp:5 x=y", "a=rtcp-fb:5 nack")
    assert media.attributes == [("rtpmap", "5 DVI4/8000"), ("fmtp", "5 x=y"), ("rtcp-fb", "5 nack")]
    assert media.codec(5) is None


@each_case(
    "text, parameters",
    [
        ("minptime=10;useinbandfec=1", {"minptime": "10", "useinbandfec": "1"}),
        (" minptime = 10 ; useinbandfec=1 ;", {"minptime": "10", "useinbandfec": "1"}),
        ("111/111", {"111/111": None}),
        ("0-15", {"0-15": None}),
        ("a=b=c;d=", {"a": "b=c", "d": ""}),
    ],
)
def test_format_parameters(text: str, parameters: dict[str, str | None]) -> None:
    codec = parse(f"a=fmtp:111 {text}").codec(111)
    assert codec is not None
    assert codec.parameters == parameters


def test_a_stream_name_may_contain_spaces() -> None:
    media = parse("a=msid:PA_x|my stream TR_y")
    assert media.msids == [Msid("PA_x|my stream", "TR_y")]
    assert media.track_id == "TR_y"


def test_an_msid_of_one_word_names_the_track_as_well() -> None:
    assert parse("a=msid:cid").track_id == "cid"


def test_the_msid_of_an_ssrc_is_the_last_resort() -> None:
    media = parse("a=ssrc:7 cname:x", "a=ssrc:7 msid:- cid")
    assert media.msid is None
    assert media.track_id == "cid"
    assert parse("a=ssrc:7 msid:s old", "a=msid:s new").track_id == "new"


def test_attributes_of_one_ssrc_are_taken_together() -> None:
    media = parse("a=ssrc:1 cname:a", "a=ssrc:2 cname:b", "a=ssrc:1 label:x:y", "a=ssrc:3 flag")
    assert media.ssrcs == {1: {"cname": "a", "label": "x:y"}, 2: {"cname": "b"}, 3: {"flag": None}}


def test_header_extensions_may_have_a_direction_and_parameters() -> None:
    media = parse("a=extmap:2/sendonly urn:x  a b", "a=extmap:3 urn:y")
    assert media.extensions[0] == HeaderExtension(2, "urn:x", "sendonly", "a b")
    assert media.extension_id("urn:y") == 3
    assert media.extension_id("urn:z") is None


def test_simulcast_keeps_alternatives_and_pauses() -> None:
    media = parse("a=rid:q send pt=96;max-width=320", "a=simulcast:send q,~h;f recv ~z")
    assert media.rids == [Rid("q", "send", "pt=96;max-width=320")]
    assert media.simulcast == Simulcast((("q", "~h"), ("f",)), (("~z",),))
    assert media.simulcast.send_rids == ("q", "f")


def test_groups_and_lite_belong_to_the_session() -> None:
    text = HEAD + "a=group:LS a\r\na=group:BUNDLE a b\r\na=ice-lite\r\n" + AUDIO
    description = read_description(text)
    assert description.groups == [Group("LS", ("a",)), Group("BUNDLE", ("a", "b"))]
    assert description.bundle == ("a", "b")
    assert description.ice_lite


def test_lines_and_attributes_without_a_field_are_kept_in_order() -> None:
    media = parse("b=AS:128", "i=title", "b=TIAS:5", "a=rtcp-xr:rcvr-rtt=all", "a=x", "a=y:1:2")
    assert media.other_lines == ["i=title", "b=AS:128", "b=TIAS:5"]
    assert media.attributes == [("rtcp-xr", "rcvr-rtt=all"), ("x", None), ("y", "1:2")]


def test_passwords_stay_out_of_repr_and_errors() -> None:
    media = parse("a=ice-ufrag:abcd", "a=ice-pwd:verysecretpassword")
    assert "verysecret" not in repr(media)
    with pytest.raises(RemoteProtocolError) as caught:
        parse("a=ice-pwd:verysecret password")
    assert "verysecret" not in str(caught.value)
    assert "'ice-pwd'" in str(caught.value)


@each_case(
    "line",
    [
        "a=mid:",
        "a=mid",
        "a=mid:a b",
        "a=setup:server",
        "a=fingerprint:sha-256",
        "a=extmap:1",
        "a=extmap:x urn:x",
        "a=extmap:1/up urn:x",
        "a=extmap:5000 urn:x",
        "a=rtpmap:111 opus",
        "a=rtpmap:111 opus/x",
        "a=rtpmap:111 /8000",
        "a=rtpmap:111 opus/48000/2/3",
        "a=rtpmap:128 opus/48000",
        "a=fmtp:x y",
        "a=rtcp-fb:-1 nack",
        "a=ssrc:4294967296 cname:x",
        "a=ssrc:+1 cname:x",
        "a=ssrc:1_0 cname:x",
        "a=ssrc:\N{ARABIC-INDIC DIGIT ONE} cname:x",
        "a=ssrc-group:FID 1 x",
        "a=ssrc-group:",
        "a=msid:",
        "a=rid:q",
        "a=rid:q up",
        "a=simulcast:send",
        "a=simulcast:send ;",
        "a=simulcast:up q",
        "a=simulcast:send q send f",
        "a=sctp-port:65536",
        "a=max-message-size:-1",
        "a=max-message-size:" + "9" * 5000,
        "m=audio 9 UDP/TLS/RTP/SAVPF",
        "m=audio 65536 UDP/TLS/RTP/SAVPF 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 128",
        "m=audio 9 UDP/TLS/RTP/SAVPF x",
        "nonsense",
        " a=mid:1",
        "a=x\0y",
        "a=x\ry",
        "ab=c",
    ],
)
def test_malformed_lines_are_refused(line: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse(line)


@each_case(
    "text",
    [
        "",
        "\r\n",
        "v=1\r\n",
        HEAD[3:],
        "v=0\r\ns=-\r\nt=0 0\r\n",
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\nt=0 0\r\n",
        "v=0\r\no=- x 2 IN IP4 127.0.0.1\r\ns=-\r\n",
        "v=0\r\no=- 1 2 IP4 127.0.0.1\r\ns=-\r\n",
        HEAD + "v=0\r\n",
        HEAD + "s=-\r\n",
        HEAD + "a=group:\r\n",
    ],
)
def test_malformed_session_parts_are_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        read_description(text)

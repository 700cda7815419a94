"""Writing: what a program puts together is what a peer reads."""

from __future__ import annotations

import pytest

from lktrio.errors import LocalProtocolError
from lktrio.rtc.sdp import (
    Fingerprint,
    Group,
    HeaderExtension,
    MediaDescription,
    Msid,
    Origin,
    Rid,
    RtpCodec,
    SessionDescription,
    Simulcast,
    SsrcGroup,
    read_description,
    write_description,
)
from tests.support.cases import each_case


def publisher() -> SessionDescription:
    fingerprint = Fingerprint("sha-256", "AB:CD")
    audio = MediaDescription(
        kind="audio",
        mid="0",
        direction="sendonly",
        msids=[Msid("-", "cid")],
        codecs=[
            RtpCodec(111, "opus", 48000, 2, {"minptime": "10", "useinbandfec": "1"}, ["nack"]),
            RtpCodec(63, "red", 48000, 2, {"111/111": None}),
        ],
        extensions=[HeaderExtension(1, "urn:ietf:params:rtp-hdrext:ssrc-audio-level")],
        ssrcs={1: {"cname": "c", "msid": "- cid"}, 2: {"cname": "c"}},
        ssrc_groups=[SsrcGroup("FID", (1, 2))],
        ice_ufrag="ufrag",
        ice_pwd="password",
        ice_options=["trickle"],
        fingerprints=[fingerprint],
        setup="actpass",
        rtcp_mux=True,
        rtcp_rsize=True,
        candidates=["candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host"],
        end_of_candidates=True,
    )
    data = MediaDescription(
        kind="application",
        protocol="UDP/DTLS/SCTP",
        formats=["webrtc-datachannel"],
        mid="1",
        sctp_port=5000,
        max_message_size=262144,
        ice_ufrag="ufrag",
        ice_pwd="password",
        fingerprints=[fingerprint],
        setup="actpass",
    )
    return SessionDescription(
        origin=Origin(7, 1), groups=[Group("BUNDLE", ("0", "1"))], media=[audio, data]
    )


EXPECTED = """\
v=0
o=- 7 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1
m=audio 9 UDP/TLS/RTP/SAVPF 111 63
c=IN IP4 0.0.0.0
a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host
a=end-of-candidates
a=mid:0
a=ice-ufrag:ufrag
a=ice-pwd:password
a=ice-options:trickle
a=fingerprint:sha-256 AB:CD
a=setup:actpass
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendonly
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
a=rtcp-fb:111 nack
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=msid:- cid
a=ssrc-group:FID 1 2
a=ssrc:1 cname:c
a=ssrc:1 msid:- cid
a=ssrc:2 cname:c
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:1
a=ice-ufrag:ufrag
a=ice-pwd:password
a=fingerprint:sha-256 AB:CD
a=setup:actpass
a=sendrecv
a=sctp-port:5000
a=max-message-size:262144
"""


def test_the_text_is_the_canonical_one() -> None:
    assert write_description(publisher()) == EXPECTED.replace("\n", "\r\n")


def test_reading_it_gives_the_same_codecs_and_sources() -> None:
    read = read_description(write_description(publisher()))
    for media, written in zip(read.media, publisher().media, strict=True):
        assert media.codecs == written.codecs
        assert media.ssrcs == written.ssrcs
        assert media.candidates == written.candidates


def test_simulcast_is_written() -> None:
    video = MediaDescription(
        kind="video",
        codecs=[RtpCodec(96, "VP8", 90000)],
        rids=[Rid("q", "send"), Rid("f", "send")],
        simulcast=Simulcast(send=(("q",), ("f",))),
    )
    assert "a=rid:q send\r\na=rid:f send\r\na=simulcast:send q;f\r\n" in write_description(
        SessionDescription(media=[video])
    )


def test_a_rejected_section_needs_no_codec() -> None:
    rejected = SessionDescription(media=[MediaDescription(kind="video", port=0)])
    assert "\r\nm=video 0 UDP/TLS/RTP/SAVPF 0\r\n" in write_description(rejected)


def test_a_live_section_without_a_codec_is_a_mistake() -> None:
    with pytest.raises(LocalProtocolError, match="no codec"):
        write_description(SessionDescription(media=[MediaDescription(kind="video", mid="3")]))


@each_case("end", ["\r", "\n", "\r\n"])
def test_no_text_can_smuggle_in_a_line(end: str) -> None:
    media = MediaDescription(
        kind="audio", codecs=[RtpCodec(0)], msids=[Msid("-", f"cid{end}a=ice-lite")]
    )
    with pytest.raises(LocalProtocolError, match="line end"):
        write_description(SessionDescription(media=[media]))

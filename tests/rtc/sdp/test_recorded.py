"""Descriptions of real peers are read completely and survive writing."""

from __future__ import annotations

from pathlib import Path

from lktrio.rtc.sdp import (
    MediaDescription,
    Msid,
    SessionDescription,
    Simulcast,
    SsrcGroup,
    read_description,
    write_description,
)
from tests.support import sessions
from tests.support.cases import each_case

DATA = Path(__file__).parents[2] / "data" / "sdp"
RECORDED = sorted(DATA.glob("*.sdp"))

# Lines that carry nothing which the description does not say elsewhere.
REWRITTEN = ("a=simulcast:", "a=rid:", "a=msid:", "m=", "a=rtpmap:", "a=fmtp:", "a=rtcp-fb:")


def load(name: str) -> SessionDescription:
    return read_description(read(DATA / f"{name}.sdp"))


def read(path: Path) -> str:
    return path.read_bytes().decode()


def section(description: SessionDescription, mid: str) -> MediaDescription:
    return next(media for media in description.media if media.mid == mid)


def test_there_are_recordings() -> None:
    assert len(RECORDED) >= 18


@each_case("path", RECORDED)
def test_writing_and_reading_again_gives_an_equal_description(path: Path) -> None:
    description = read_description(read(path))
    assert read_description(write_description(description)) == description


@each_case("session", sessions.load())
def test_every_description_of_a_session_survives_writing(session: sessions.Session) -> None:
    for text in sessions.descriptions(session):
        description = read_description(text)
        assert read_description(write_description(description)) == description
        kept = {line for line in text.splitlines() if not line.startswith(REWRITTEN)}
        assert kept <= set(write_description(description).splitlines())


def test_the_sessions_hold_descriptions() -> None:
    found = [text for session in sessions.load() for text in sessions.descriptions(session)]
    assert len(found) > 400


@each_case("path", RECORDED)
def test_no_line_is_lost(path: Path) -> None:
    text = read(path)
    written = write_description(read_description(text)).splitlines()
    kept = [line for line in text.splitlines() if not line.startswith(REWRITTEN)]
    assert set(kept) <= set(written)


@each_case("path", RECORDED)
def test_the_only_attributes_without_a_field_are_known_to_be_useless(path: Path) -> None:
    description = read_description(read(path))
    unknown = {name for name, _ in description.attributes}
    unknown |= {name for media in description.media for name, _ in media.attributes}
    assert unknown <= {"msid-semantic", "sctp-init"}


@each_case("path", RECORDED)
def test_line_ends_do_not_matter(path: Path) -> None:
    text = read(path).replace("\r\n", "\n")
    crlf = text.replace("\n", "\r\n")
    assert read_description(text) == read_description(crlf)
    assert read_description(text.rstrip("\n")) == read_description(text)


@each_case("path", RECORDED)
def test_every_section_has_what_ice_and_dtls_need(path: Path) -> None:
    for media in read_description(read(path)).media:
        assert media.mid is not None
        assert media.ice_ufrag
        assert media.ice_pwd
        assert media.setup in ("actpass", "active")
        assert [fingerprint.algorithm for fingerprint in media.fingerprints] == ["sha-256"]


def test_the_fingerprint_of_the_session_is_inherited() -> None:
    description = load("server-answer-with-tracks-v1")
    assert len(description.fingerprints) == 1
    assert all(media.fingerprints == description.fingerprints for media in description.media)


def test_a_track_of_the_server_is_found_by_its_section() -> None:
    description = load("server-answer-with-tracks-v1")
    audio, video = section(description, "0"), section(description, "3")
    assert audio.track_id == "TR_AM3gSjvSSo65sS"
    assert audio.msid == Msid("PA_7eHNjBfzyKLY|TR_AM3gSjvSSo65sS", "TR_AM3gSjvSSo65sS")
    assert list(audio.ssrcs) == [3892013284]
    assert audio.ssrcs[3892013284]["cname"] == "PA_7eHNjBfzyKLY|TR_AM3gSjvSSo65sS"
    assert video.ssrc_groups == [SsrcGroup("FID", (2954997903, 2741402254))]


def test_a_section_without_a_track_has_no_msid_whatever_its_direction_says() -> None:
    description = load("server-answer-with-tracks-v1")
    unused = section(description, "1")
    assert (unused.direction, unused.msid, unused.track_id, unused.ssrcs) == (
        "sendonly",
        None,
        None,
        {},
    )
    assert section(load("server-answer-inactive-v1"), "0").direction == "inactive"


def test_codecs_come_in_the_order_of_the_section_with_everything_said_about_them() -> None:
    audio = section(load("libwebrtc-publish-simulcast-offer-v1"), "7")
    assert [codec.payload_type for codec in audio.codecs] == [111, 63, 9, 0, 8, 13, 110, 126]
    opus, red = audio.codecs[:2]
    assert (opus.name, opus.clock_rate, opus.channels) == ("opus", 48000, 2)
    assert opus.parameters == {"minptime": "10", "stereo": "1", "useinbandfec": "1"}
    assert opus.feedback == ["transport-cc"]
    assert (red.name, red.parameters, red.fmtp) == ("red", {"111/111": None}, "111/111")


def test_rtx_names_the_payload_type_it_repairs() -> None:
    video = section(load("server-answer-with-tracks-v1"), "3")
    repaired = {codec.payload_type: codec.apt for codec in video.codecs if codec.name == "rtx"}
    assert repaired[97] == 96
    vp8 = video.codec(96)
    assert vp8 is not None
    assert vp8.apt is None
    assert "nack pli" in vp8.feedback


def test_a_simulcast_publisher_lists_rids_and_no_ssrcs() -> None:
    video = section(load("libwebrtc-publish-simulcast-offer-v1"), "8")
    assert [(rid.id, rid.direction) for rid in video.rids] == [
        ("f", "send"),
        ("h", "send"),
        ("q", "send"),
    ]
    assert video.simulcast is not None
    assert video.simulcast.send_rids == ("f", "h", "q")
    assert video.ssrcs == {}
    assert video.extension_id("urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id") == 10


def test_the_two_simulcast_lines_of_a_reused_section_are_taken_together() -> None:
    video = section(load("pion-reused-simulcast-offer-v0"), "2")
    assert video.simulcast == Simulcast(send=(("q",), ("f",)), recv=(("q",), ("f",)))


def test_rids_that_a_server_repeats_count_once() -> None:
    video = section(load("server-reused-simulcast-answer-v0"), "2")
    assert [rid.id for rid in video.rids if rid.direction == "recv"] == ["q", "f"]
    assert video.simulcast is not None
    assert video.simulcast.recv == (("q",), ("f",))


def test_candidates_stand_in_the_first_section_only() -> None:
    description = load("server-answer-with-tracks-v1")
    first = description.media[0]
    assert len(first.candidates) == 4
    assert all(candidate.startswith("candidate:") for candidate in first.candidates)
    assert first.candidates[-1].split()[1] == "2"  # the second component is kept
    assert first.end_of_candidates
    assert not any(media.candidates for media in description.media[1:])


def test_data_channels_have_their_section() -> None:
    (data,) = load("server-data-offer-v0").media
    assert (data.kind, data.protocol) == ("application", "UDP/DTLS/SCTP")
    assert data.formats == ["webrtc-datachannel"]
    assert (data.sctp_port, data.max_message_size) == (5000, 65535)
    assert not data.is_rtp
    assert data.codecs == []


def test_options_that_nobody_knows_are_kept() -> None:
    description = load("libwebrtc-offer")
    data = description.media[-1]
    assert data.ice_options == ["trickle", "goog-sped-v1"]
    assert "sctp-init" in dict(data.attributes)
    assert description.extmap_allow_mixed
    assert description.bundle == ("0", "1", "2", "3", "4", "5", "6")

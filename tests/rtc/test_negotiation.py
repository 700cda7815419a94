"""Two negotiators agree on sections, codecs, extensions and directions (RFC 8829)."""

from __future__ import annotations

import pytest

from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.capabilities import H264, VP8, MediaCapabilities, with_first
from lktrio.rtc.negotiation import Negotiator, TransportParameters, read_transport
from lktrio.rtc.rtp.extensions import AUDIO_LEVEL_URI, MID_URI, RID_URI
from lktrio.rtc.sdp import (
    Fingerprint,
    Msid,
    Rid,
    SessionDescription,
    Simulcast,
    read_description,
    write_description,
)
from lktrio.rtc.transceiver import OutboundTrack, Transceiver
from tests.support.cases import each_case

FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
TRANSPORT = TransportParameters("ufrag", "password" * 3, FINGERPRINT, "actpass", ("candidate:1 1",))
ANSWERING = TransportParameters("frag2", "password" * 3, FINGERPRINT, "active")


def negotiator(**changes: object) -> Negotiator:
    return Negotiator(MediaCapabilities(**changes), 7)  # type: ignore[arg-type]  # any field


def exchange(offerer: Negotiator, answerer: Negotiator) -> list[Transceiver]:
    """Run one offer and answer through their text form."""
    offer = read_description(write_description(offerer.create_offer(TRANSPORT)))
    added = answerer.apply_offer(offer)
    answer = read_description(write_description(answerer.create_answer(ANSWERING)))
    offerer.apply_answer(answer)
    return added


def sender(offerer: Negotiator, kind: str = "video", **changes: object) -> Transceiver:
    transceiver = offerer.add_transceiver(
        "video" if kind == "video" else "audio",
        "sendonly",
        **changes,  # type: ignore[arg-type]  # the one keyword is codecs
    )
    transceiver.local_track = OutboundTrack(
        "-", "cid", ssrc=11, rtx_ssrc=12 if kind == "video" else None
    )
    return transceiver


def test_a_sent_track_arrives_with_its_msid_and_ssrcs() -> None:
    offerer, answerer = negotiator(), negotiator()
    ours = sender(offerer)
    (theirs,) = exchange(offerer, answerer)
    assert ours.sending
    assert not ours.receiving
    assert theirs.receiving
    assert not theirs.sending
    assert theirs.remote_track == Msid("-", "cid")
    assert theirs.remote_ssrcs() == {11: 12}


def test_both_sides_agree_on_payload_types_and_extensions() -> None:
    offerer, answerer = negotiator(), negotiator()
    ours = sender(offerer)
    (theirs,) = exchange(offerer, answerer)
    assert [codec.payload_type for codec in ours.codecs] == [
        codec.payload_type for codec in theirs.codecs
    ]
    vp8 = ours.codec_for("video/VP8")
    assert vp8 is not None
    assert (rtx := ours.rtx_for(vp8)) is not None
    assert rtx.apt == vp8.payload_type
    assert ours.extension_ids == theirs.extension_ids
    assert MID_URI in ours.extension_ids
    assert RID_URI in ours.extension_ids


def test_the_preferred_codec_leads_the_offer_and_the_answer() -> None:
    offerer, answerer = negotiator(), negotiator()
    codecs = with_first(MediaCapabilities().video_codecs, H264)
    ours = sender(offerer, codecs=codecs)
    exchange(offerer, answerer)
    assert ours.codecs[0].name == "H264"


def test_an_answerer_sends_in_a_section_that_the_offerer_only_receives() -> None:
    offerer, answerer = negotiator(), negotiator()
    ours = offerer.add_transceiver("audio", "recvonly")
    offer = read_description(write_description(offerer.create_offer(TRANSPORT)))
    (theirs,) = answerer.apply_offer(offer)
    theirs.local_track = OutboundTrack("PA_x|TR_y", "TR_y", ssrc=5)
    theirs.direction = "sendonly"
    offerer.apply_answer(read_description(write_description(answerer.create_answer(ANSWERING))))
    assert theirs.sending
    assert ours.receiving
    assert ours.remote_track == Msid("PA_x|TR_y", "TR_y")
    assert ours.remote_ssrcs() == {5: None}


def test_an_unused_section_is_inactive_and_keeps_its_extensions() -> None:
    offerer, answerer = negotiator(), negotiator()
    ours = offerer.add_transceiver("audio", "recvonly")
    (theirs,) = exchange(offerer, answerer)
    assert ours.current_direction == theirs.current_direction == "inactive"
    assert ours.remote is not None
    assert not ours.remote.rejected
    assert ours.remote.extension_id(AUDIO_LEVEL_URI) == ours.extension_ids[AUDIO_LEVEL_URI]
    assert ours.remote_track is None


def test_a_section_may_wait_for_its_next_track() -> None:
    offerer, answerer = negotiator(), negotiator()
    ours = sender(offerer)
    (theirs,) = exchange(offerer, answerer)
    ours.local_track = None
    exchange(offerer, answerer)
    assert (ours.current_direction, ours.sending) == ("sendonly", False)
    assert (theirs.remote_track, theirs.remote_ssrcs()) == (None, {})
    ours.local_track = OutboundTrack("-", "next", ssrc=21, rtx_ssrc=22)
    exchange(offerer, answerer)
    assert (ours.current_direction, ours.sending) == ("sendonly", True)
    assert (theirs.remote_track, theirs.remote_ssrcs()) == (Msid("-", "next"), {21: 22})


def test_only_a_transceiver_that_was_not_described_can_be_removed() -> None:
    offerer, answerer = negotiator(), negotiator()
    first, second = sender(offerer), sender(offerer, "audio")
    offerer.remove_transceiver(second)
    exchange(offerer, answerer)
    assert offerer.transceivers == [first]
    assert len(answerer.transceivers) == 1
    with pytest.raises(LocalProtocolError):
        offerer.remove_transceiver(first)


def test_later_offers_keep_the_places_of_sections() -> None:
    offerer, answerer = negotiator(), negotiator()
    offerer.wants_data_channels = True
    first = sender(offerer, "audio")
    exchange(offerer, answerer)
    second = sender(offerer)
    exchange(offerer, answerer)
    assert offerer.remote is not None
    kinds = [section.kind for section in offerer.remote.media]
    assert kinds == ["audio", "application", "video"]
    assert [first.mid, second.mid] == ["0", "2"]


def test_simulcast_layers_are_accepted_by_their_rids() -> None:
    offerer, answerer = negotiator(), negotiator()
    sender(offerer)
    offer = offerer.create_offer(TRANSPORT)
    offer.media[0].rids = [Rid(rid, "send") for rid in "fhq"]
    offer.media[0].simulcast = Simulcast(send=(("f",), ("h",), ("q",)))
    answerer.apply_offer(read_description(write_description(offer)))
    answer = read_description(write_description(answerer.create_answer(ANSWERING)))
    assert answer.media[0].rids == [Rid(rid, "recv") for rid in "fhq"]
    assert answer.media[0].simulcast == Simulcast(recv=(("f",), ("h",), ("q",)))


def test_a_section_without_a_common_codec_is_rejected_and_the_others_work() -> None:
    offerer = negotiator(video_codecs=(VP8,))
    answerer = negotiator(video_codecs=(H264,))
    video, audio = sender(offerer), sender(offerer, "audio")
    exchange(offerer, answerer)
    assert video.stopped
    assert not video.sending
    assert audio.sending
    assert offerer.remote is not None
    assert offerer.remote.bundle == (audio.mid,)


def test_a_stopped_section_stays_rejected_in_later_offers() -> None:
    offerer, answerer = negotiator(video_codecs=(VP8,)), negotiator(video_codecs=(H264,))
    sender(offerer)
    audio = sender(offerer, "audio")
    exchange(offerer, answerer)
    exchange(offerer, answerer)
    assert audio.sending
    assert offerer.local is not None
    assert offerer.local.media[0].rejected


def test_the_transport_is_read_from_the_bundled_sections() -> None:
    offerer = negotiator()
    offerer.wants_data_channels = True
    sender(offerer)
    transport = read_transport(read_description(write_description(offerer.create_offer(TRANSPORT))))
    assert (transport.ufrag, transport.pwd) == (TRANSPORT.ufrag, TRANSPORT.pwd)
    assert transport.fingerprints == (FINGERPRINT,)
    assert transport.candidates == TRANSPORT.candidates
    assert transport.data_channels
    assert transport.max_message_size == TRANSPORT.max_message_size
    assert TRANSPORT.pwd not in repr(transport)


def test_an_unanswered_offer_is_replaced_and_its_sections_keep_their_places() -> None:
    offerer, answerer = negotiator(), negotiator()
    first = sender(offerer)
    lost = offerer.create_offer(TRANSPORT)
    second = offerer.add_transceiver("audio", "recvonly")
    exchange(offerer, answerer)
    assert (first.mid, second.mid) == ("0", "1")
    assert first.sending
    assert offerer.local is not None
    assert offerer.local.origin.session_version > lost.origin.session_version
    offerer.create_offer(TRANSPORT)
    offerer.cancel_offer()
    exchange(offerer, answerer)


def test_no_offer_is_made_over_one_of_the_peer() -> None:
    offerer, answerer = negotiator(), negotiator()
    sender(offerer)
    answerer.apply_offer(offerer.create_offer(TRANSPORT))
    with pytest.raises(LocalProtocolError, match="waits for its answer"):
        answerer.create_offer(TRANSPORT)


def test_an_answer_without_offer_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="no offer"):
        negotiator().apply_answer(SessionDescription())


def test_an_answer_with_other_sections_is_refused() -> None:
    offerer, answerer = negotiator(), negotiator()
    sender(offerer)
    answerer.apply_offer(offerer.create_offer(TRANSPORT))
    answer = answerer.create_answer(ANSWERING)
    answer.media.append(answer.media[0])
    with pytest.raises(RemoteProtocolError, match="2 sections"):
        offerer.apply_answer(answer)


def test_an_answer_for_another_mid_is_refused() -> None:
    offerer, answerer = negotiator(), negotiator()
    sender(offerer)
    answerer.apply_offer(offerer.create_offer(TRANSPORT))
    answer = answerer.create_answer(ANSWERING)
    answer.media[0].mid = "elsewhere"
    with pytest.raises(RemoteProtocolError, match="elsewhere"):
        offerer.apply_answer(answer)


def test_an_offer_that_drops_or_repeats_sections_is_refused() -> None:
    offerer, answerer = negotiator(), negotiator()
    sender(offerer)
    sender(offerer)
    exchange(offerer, answerer)
    offer = offerer.create_offer(TRANSPORT)
    last = offer.media.pop()
    with pytest.raises(RemoteProtocolError, match="removes"):
        answerer.apply_offer(offer)
    offer.media += [last, last]
    with pytest.raises(RemoteProtocolError, match="different mids"):
        answerer.apply_offer(offer)


@each_case("missing", ["ice_ufrag", "ice_pwd", "fingerprints"])
def test_a_transport_without_credentials_is_refused(missing: str) -> None:
    offerer = negotiator()
    sender(offerer)
    offer = offerer.create_offer(TRANSPORT)
    setattr(offer.media[0], missing, [] if missing == "fingerprints" else None)
    with pytest.raises(RemoteProtocolError, match=r"credentials|fingerprint"):
        read_transport(offer)


def browser_offer() -> str:
    """An offer of today's browsers: 300 lines of codecs, and sections that only bundle."""
    offerer = negotiator()
    offerer.wants_data_channels = True
    sender(offerer, "audio")
    sender(offerer)
    text = write_description(offerer.create_offer(TRANSPORT))
    more = "".join(
        f"a=rtpmap:{number} H264/90000\r\n"
        f"a=fmtp:{number} packetization-mode={number % 2};profile-level-id=42e0{number:02x}\r\n"
        + "".join(f"a=rtcp-fb:{number} {kind}\r\n" for kind in ("nack", "nack pli", "ccm fir"))
        for number in range(35, 64)
    )
    numbers = " ".join(map(str, range(35, 64)))
    head, mid, tail = text.partition("m=video 9 UDP/TLS/RTP/SAVPF ")
    text = head + mid + numbers + " " + tail
    text = text.replace("a=mid:1\r\n", f"a=mid:1\r\na=bundle-only\r\n{more * 2}")
    text = text.replace("a=mid:2\r\n", "a=mid:2\r\na=bundle-only\r\n")
    return text.replace("m=video 9", "m=video 0").replace("m=application 9", "m=application 0")


def test_sections_that_only_bundle_are_accepted() -> None:
    """RFC 9143 section 6: port 0 does not mean that they are rejected."""
    offer = read_description(browser_offer())
    assert [media.port for media in offer.media] == [9, 0, 0]
    assert offer.media[1].rejected is False
    answerer = negotiator()
    answerer.apply_offer(offer)
    answer = read_description(write_description(answerer.create_answer(ANSWERING)))
    assert [media.port for media in answer.media] == [9, 9, 9]
    assert answer.bundle == ("0", "1", "2")
    assert write_description(offer).count("a=bundle-only") == 2
    assert read_transport(offer).data_channels


def test_bundle_only_means_nothing_outside_a_group_and_in_answers() -> None:
    alone = browser_offer().replace("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0 2")
    assert [media.rejected for media in read_description(alone).media] == [False, True, False]
    offerer = negotiator()
    ours, audio = sender(offerer), sender(offerer, "audio")
    answerer = negotiator()
    answerer.apply_offer(read_description(write_description(offerer.create_offer(TRANSPORT))))
    text = write_description(answerer.create_answer(ANSWERING))
    text = text.replace("m=video 9", "m=video 0").replace(
        "a=mid:0\r\n", "a=mid:0\r\na=bundle-only\r\n"
    )
    offerer.apply_answer(read_description(text))
    assert ours.stopped
    assert audio.sending


def test_bundled_sections_may_leave_the_transport_to_one_of_them() -> None:
    text = browser_offer()
    _, first, *others = text.split("m=")
    bare = [
        "".join(
            line
            for line in section.splitlines(keepends=True)
            if not line.startswith(("a=ice-", "a=fingerprint", "a=setup"))
        )
        for section in others
    ]
    offer = read_description("m=".join([text.split("m=")[0], first, *bare]))
    assert read_transport(offer).ufrag == TRANSPORT.ufrag
    assert read_transport(offer).fingerprints == (FINGERPRINT,)

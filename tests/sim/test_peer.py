"""Two peers negotiate and exchange media and data over a simulated network."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import pytest

from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.datachannel import DataChannelMessage
from lktrio.rtc.inbound_streams import MAX_UNLISTED
from lktrio.rtc.streams import KeyframeRequested
from lktrio.rtc.transport import TransportState
from lktrio.testing import LinkProfile
from tests.support.cases import each_case
from tests.support.peer_call import PERFECT, VP8_KEY, Call, opus_frames, vp8_frames


@each_case(
    "kind, mime, frames, rate",
    [
        ("audio", "audio/opus", opus_frames(60), 50),
        ("video", "video/VP8", vp8_frames(60), 30),
    ],
)
def test_every_frame_arrives_whole_and_in_order(
    kind: str, mime: str, frames: list[bytes], rate: float
) -> None:
    call = Call(LinkProfile(latency=0.02))
    transceiver = call.publish(kind)
    call.connect()
    call.play(transceiver, mime, frames, rate)
    (received,) = call.answerer.frames.values()
    assert [frame.data for frame in received] == frames
    steps = {b.timestamp - a.timestamp for a, b in itertools.pairwise(received)}
    clock = call.answerer.stream().clock_rate
    assert steps == {round(clock / rate)}


@each_case("seed", range(3))
def test_lost_video_is_repaired_by_retransmission(seed: int) -> None:
    call = Call(seed=seed)
    transceiver = call.publish("video")
    call.connect()
    frames = vp8_frames(90)
    call.play(transceiver, "video/VP8", frames[:1], 30)
    call.network.profile = LinkProfile(latency=0.02, loss=0.1, jitter=0.01)
    call.play(transceiver, "video/VP8", frames[1:-1], 30, first=1)
    call.network.profile = PERFECT
    call.play(transceiver, "video/VP8", frames[-1:], 30, first=89)
    (received,) = call.answerer.frames.values()
    assert [frame.data for frame in received] == frames
    assert call.answerer.stream().stats.repaired > 10


def test_retransmissions_use_their_own_ssrc() -> None:
    call = Call()
    transceiver = call.publish("video")
    call.connect()
    call.network.profile = LinkProfile(latency=0.02, loss=0.1)
    call.play(transceiver, "video/VP8", vp8_frames(60), 30)
    repair = call.answerer.stream().repair
    assert repair is not None
    assert transceiver.local_track is not None
    assert repair.ssrc == transceiver.local_track.rtx_ssrc
    assert repair.received > 0


def test_a_receiver_without_a_keyframe_asks_for_one() -> None:
    call = Call(LinkProfile(latency=0.02))
    transceiver = call.publish("video")
    call.connect()
    call.play(transceiver, "video/VP8", vp8_frames(20)[1:], 30)
    assert call.answerer.frames == {}
    requests = [e for e in call.offerer.events if isinstance(e, KeyframeRequested)]
    assert requests
    assert {request.transceiver for request in requests} == {transceiver}


def test_what_a_gap_held_up_comes_in_time_although_nothing_follows() -> None:
    call = Call()
    transceiver = call.publish("audio")
    call.connect()
    frames = opus_frames(3)
    stream = call.offerer.peer.outbound(transceiver, "audio/opus")
    sent = [stream.send_frame(data, n * 960, call.network.now) for n, data in enumerate(frames)]
    call.offerer.peer.send(sent[0] + sent[2])
    call.offerer.push()
    call.network.profile = LinkProfile(loss=1.0)  # for what would repair it
    call.network.run(2)
    (received,) = call.answerer.frames.values()
    assert [frame.data for frame in received] == [frames[0], frames[2]]


def test_a_keyframe_that_is_asked_for_too_soon_is_asked_for_in_time() -> None:
    call = Call()
    transceiver = call.publish("video")
    call.connect()
    call.play(transceiver, "video/VP8", vp8_frames(1), 30)
    stream = call.answerer.stream()
    asked = stream.stats.keyframe_requests
    for seconds in (0.1, 0.6):
        call.answerer.peer.request_keyframe(stream, call.network.now)
        call.answerer.push()
        call.network.run(seconds)
        asked += 1
        assert stream.stats.keyframe_requests == asked


def test_reports_flow_both_ways() -> None:
    call = Call(LinkProfile(latency=0.02))
    transceiver = call.publish("video")
    call.connect()
    call.play(transceiver, "video/VP8", vp8_frames(90), 30)
    outbound = call.offerer.peer.outbound(transceiver, "video/VP8")
    assert outbound.round_trip == pytest.approx(0.04, abs=0.01)
    assert outbound.fraction_lost == 0
    assert call.answerer.stream().sender_report is not None


def test_mid_identifies_a_stream_that_the_description_does_not_list() -> None:
    call = Call()
    transceiver = call.publish("audio")
    now = call.network.now
    offer = call.offerer.peer.create_offer(now)
    silent = "".join(line for line in offer.splitlines(keepends=True) if "a=ssrc" not in line)
    call.answerer.peer.set_offer(silent, now)
    call.offerer.peer.set_answer(call.answerer.peer.create_answer(now), now)
    call.offerer.push()
    call.answerer.push()
    call.network.run(1)
    call.play(transceiver, "audio/opus", opus_frames(5), 50)
    (received,) = call.answerer.frames.values()
    assert [frame.data for frame in received] == opus_frames(5)


def test_a_recycled_section_starts_a_new_stream() -> None:
    call = Call()
    transceiver = call.publish("audio")
    call.connect()
    call.play(transceiver, "audio/opus", opus_frames(5), 50)
    first = call.answerer.stream()
    call.offerer.peer.clear_local_track(transceiver)
    call.negotiate()
    (theirs,) = call.answerer.peer.transceivers
    assert theirs.remote_track is None
    assert call.answerer.peer.inbound(theirs) == []
    call.offerer.peer.set_local_track(transceiver, "-", "cid-second")
    call.negotiate()
    call.play(transceiver, "audio/opus", opus_frames(7), 50)
    assert call.answerer.stream() is not first
    assert len(call.answerer.frames[theirs]) == 12


def test_hundreds_of_tracks_one_after_the_other_leave_no_state() -> None:
    call = Call()
    transceiver = call.publish("audio")
    call.connect()
    for number in range(1, 150):
        call.play(transceiver, "audio/opus", opus_frames(1), 50)
        (theirs,) = call.answerer.peer.transceivers
        assert len(call.answerer.frames[theirs]) == number, "a track was not received"
        call.offerer.peer.clear_local_track(transceiver)
        call.offerer.peer.set_local_track(transceiver, "-", f"cid-{number}")
        call.negotiate()


def test_data_and_media_share_the_connection() -> None:
    call = Call(LinkProfile(latency=0.02, loss=0.05))
    transceiver = call.publish("audio")
    channel = call.offerer.peer.create_data_channel("_reliable")
    call.connect()
    assert call.network.run(10, until=lambda: channel.state == "open")
    channel.send(b"x" * 60_000, call.network.now)
    call.offerer.push()
    call.play(transceiver, "audio/opus", opus_frames(50), 50)
    messages = [e.data for e in call.answerer.events if isinstance(e, DataChannelMessage)]
    assert messages == [b"x" * 60_000]
    assert sum(map(len, call.answerer.frames.values())) > 40


def test_an_ice_restart_keeps_media_and_data_flowing() -> None:
    call = Call(LinkProfile(latency=0.02))
    transceiver = call.publish("audio")
    channel = call.offerer.peer.create_data_channel("chat")
    call.connect()
    call.play(transceiver, "audio/opus", opus_frames(10), 50)
    before = call.offerer.peer.local_description
    call.negotiate(ice_restart=True)
    assert call.offerer.peer.local_description != before
    call.play(transceiver, "audio/opus", opus_frames(10), 50)
    channel.send(b"still here", call.network.now)
    call.offerer.push()
    call.network.run(1)
    assert sum(map(len, call.answerer.frames.values())) == 20
    assert any(isinstance(event, DataChannelMessage) for event in call.answerer.events)


def test_sending_in_a_section_that_was_not_negotiated_is_refused() -> None:
    call = Call()
    transceiver = call.publish("audio")
    with pytest.raises(LocalProtocolError, match="not negotiated"):
        call.offerer.peer.outbound(transceiver, "audio/opus")
    call.connect()
    with pytest.raises(LocalProtocolError, match="video/VP8"):
        call.offerer.peer.outbound(transceiver, "video/VP8")


def test_malformed_descriptions_and_candidates_are_refused_without_harm() -> None:
    call = Call()
    call.publish("audio")
    peer = call.answerer.peer
    with pytest.raises(RemoteProtocolError):
        peer.set_offer("v=0\r\nnonsense", 0.0)
    with pytest.raises(RemoteProtocolError):
        peer.add_remote_candidate("candidate:broken", 0.0)
    with pytest.raises(LocalProtocolError):
        peer.create_answer(0.0)
    call.connect()


def with_short_password(sdp: str) -> str:
    return re.sub("a=ice-pwd:.*", "a=ice-pwd:short", sdp)


def with_broken_candidate(sdp: str) -> str:
    return re.sub("a=candidate:.*", "a=candidate:broken", sdp)


def without_fingerprint(sdp: str) -> str:
    return re.sub("a=fingerprint:.*\r\n", "", sdp)


def without_sections(sdp: str) -> str:
    return sdp[: sdp.index("m=")]


DAMAGES = each_case(
    "damage", [with_short_password, with_broken_candidate, without_fingerprint, without_sections]
)


@DAMAGES
def test_a_refused_offer_leaves_room_for_a_good_one(damage: Callable[[str], str]) -> None:
    call = Call()
    call.publish("audio")
    offer = call.offerer.peer.create_offer(0.0)
    other = Call(seed=5)
    other.publish("video")
    with pytest.raises(RemoteProtocolError):
        call.answerer.peer.set_offer(damage(other.offerer.peer.create_offer(0.0)), 0.0)
    call.answerer.peer.set_offer(offer, 0.0)
    call.offerer.peer.set_answer(call.answerer.peer.create_answer(0.0), 0.0)
    call.offerer.push()
    call.answerer.push()
    assert call.network.run(10, until=call.is_connected)


@DAMAGES
def test_a_refused_answer_leaves_room_for_a_good_one(damage: Callable[[str], str]) -> None:
    call = Call()
    call.publish("audio")
    call.answerer.peer.set_offer(call.offerer.peer.create_offer(0.0), 0.0)
    answer = call.answerer.peer.create_answer(0.0)
    with pytest.raises(RemoteProtocolError):
        call.offerer.peer.set_answer(damage(answer), 0.0)
    call.offerer.peer.set_answer(answer, 0.0)
    call.offerer.push()
    call.answerer.push()
    assert call.network.run(10, until=call.is_connected)


def test_an_answer_with_another_certificate_does_not_end_the_exchange() -> None:
    call = Call()
    call.publish("audio")
    call.connect()
    now = call.network.now
    call.answerer.peer.set_offer(call.offerer.peer.create_offer(now), now)
    answer = call.answerer.peer.create_answer(now)
    with pytest.raises(RemoteProtocolError, match="fingerprint"):
        call.offerer.peer.set_answer(answer.replace("sha-256 ", "sha-256 00:"), now)
    call.offerer.peer.set_answer(answer, now)


@each_case("ice_restart", [False, True])
def test_an_offer_that_nobody_answers_can_be_withdrawn(ice_restart: bool) -> None:
    call = Call()
    call.publish("audio")
    call.connect()
    peer = call.offerer.peer
    peer.cancel_offer()
    peer.create_offer(call.network.now, ice_restart=ice_restart)
    peer.cancel_offer()
    call.negotiate()
    assert call.is_connected()


def test_closing_ends_the_other_side() -> None:
    call = Call()
    call.publish("audio")
    call.connect()
    call.offerer.peer.close(call.network.now)
    call.offerer.push()
    call.network.run(1)
    assert call.answerer.peer.state is TransportState.CLOSED


def test_a_large_room_fits_into_one_connection() -> None:
    """LiveKit's server offers two sections for each participant with a microphone and a camera."""
    call = Call()
    sections = [call.publish(kind) for _ in range(100) for kind in ("audio", "video")]
    call.connect()
    now = call.network.now
    for section in sections:
        is_video = section.kind == "video"
        stream = call.offerer.peer.outbound(section, "video/VP8" if is_video else "audio/opus")
        frame = vp8_frames(1)[0] if is_video else opus_frames(1)[0]
        call.offerer.peer.send(stream.send_frame(frame, 0, now))
        call.offerer.push()
    call.network.run(1)
    assert len(call.answerer.frames) == len(sections)
    assert call.answerer.peer.counters["streams.unbound"] == 0


def test_streams_that_no_description_lists_are_limited() -> None:
    call = Call()
    video = call.publish("video")
    call.connect()
    streams = call.offerer.peer._streams
    assert streams._sender is not None
    (theirs,) = call.answerer.peer.transceivers
    assert theirs.remote is not None
    theirs.remote.ssrcs.clear()  # as if the description had listed none
    for ssrc in range(1, 400):
        header = bytes((0x80, 96, 0, 1)) + bytes(4) + ssrc.to_bytes(4, "big")
        packet = streams._sender.stream(ssrc).protect(header, b"\x10" + VP8_KEY, 1)
        call.offerer.peer.send([packet])
        call.offerer.push()
    call.network.run(1)
    assert video.local_track is not None
    assert len(call.answerer.peer.inbound(theirs)) <= MAX_UNLISTED + 2
    counters = call.answerer.peer.counters
    assert counters["srtp.over_limit"] + counters["streams.unbound"] > 300

"""RTP of real clients becomes frames that another decoder takes without a complaint."""

from __future__ import annotations

import pytest

from lktrio.rtc.payload import depacketizer, packetizer
from lktrio.rtc.payload.opus import packet_samples
from lktrio.rtc.payload.vp8 import frame_dimensions
from tests.rtc.payload import rtpdump
from tests.support.cases import each_case

av = pytest.importorskip("av", reason="PyAV decodes what we put together")

VIDEO = [
    ("vp8-published", "video/VP8", "vp8"),
    ("vp8-forwarded", "video/VP8", "vp8"),
    ("vp8-simulcast-forwarded", "video/VP8", "vp8"),
    ("h264-published", "video/H264", "h264"),
    ("h264-forwarded", "video/H264", "h264"),
]
AUDIO = [("opus-mono-published", 1), ("opus-stereo-forwarded", 2), ("opus-dtx-published", 1)]


def decode_video(decoder_name: str, frames: list[bytes]) -> list[tuple[int, int]]:
    decoder = av.CodecContext.create(decoder_name, "r")
    decoder.thread_count = 1
    decoder.options = {"err_detect": "explode"}
    pictures = [picture for frame in frames for picture in decoder.decode(av.Packet(frame))]
    pictures += decoder.decode(None)
    assert not any(picture.is_corrupt for picture in pictures)
    return [(picture.width, picture.height) for picture in pictures]


@each_case("name, mime, decoder", VIDEO)
def test_recorded_video_decodes(name: str, mime: str, decoder: str) -> None:
    codec = depacketizer(mime)
    recorded = rtpdump.frames(name)
    assert codec.is_keyframe(recorded[0].payloads[0])
    frames = [codec.assemble(frame.payloads) for frame in recorded]
    assert len(decode_video(decoder, frames)) == len(recorded) > 25


@each_case("name, mime, decoder", VIDEO)
def test_recorded_video_decodes_after_our_own_packets(name: str, mime: str, decoder: str) -> None:
    sender, codec = packetizer(mime), depacketizer(mime)
    frames = [codec.assemble(frame.payloads) for frame in rtpdump.frames(name)]
    again = [codec.assemble(sender.pack(frame, 600)) for frame in frames]
    assert again == frames
    assert len(decode_video(decoder, again)) == len(frames)


@each_case("name, mime, decoder", VIDEO)
def test_frames_of_real_senders_begin_where_we_say_and_end_with_the_marker(
    name: str, mime: str, decoder: str
) -> None:
    codec = depacketizer(mime)
    for frame in rtpdump.frames(name):
        assert codec.starts_frame(frame.payloads[0])
        assert frame.marker


@each_case("name", ["vp8-published", "vp8-forwarded"])
def test_the_dimensions_of_a_recorded_key_frame_are_those_that_the_decoder_finds(name: str) -> None:
    codec = depacketizer("video/VP8")
    frame = codec.assemble(rtpdump.frames(name)[0].payloads)
    assert [frame_dimensions(frame)] == decode_video("vp8", [frame]) == [(320, 180)]


@each_case("name, channels", AUDIO)
def test_recorded_audio_decodes_to_as_many_samples_as_its_packets_say(
    name: str, channels: int
) -> None:
    codec = depacketizer("audio/opus")
    decoder = av.CodecContext.create("opus", "r")
    decoder.sample_rate = 48000
    decoder.layout = "stereo" if channels == 2 else "mono"
    recorded = rtpdump.frames(name)
    for frame in recorded:
        packet = codec.assemble(frame.payloads)
        assert sum(part.samples for part in decoder.decode(av.Packet(packet))) == packet_samples(
            packet
        )
    assert len(recorded) > 90

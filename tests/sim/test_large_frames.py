"""Keyframes on paths with small queues."""

from __future__ import annotations

from lktrio.testing import LinkProfile
from tests.support.peer_call import VP8_DELTA, VP8_KEY, Call


def test_large_keyframes_do_not_overrun_an_ordinary_uplink() -> None:
    """2.5 Mbit/s of video, a keyframe each second: in one burst, every one would be lost."""
    for megabits, size in ((20, 80_000), (20, 150_000), (20, 200_000), (50, 150_000)):
        call = Call(LinkProfile(latency=0.02, rate=megabits * 1e6 / 8, queue=65_536))
        track = call.publish("video")
        call.connect()
        frames = [
            VP8_DELTA + bytes(4000) if number % 30 else VP8_KEY + bytes(size)
            for number in range(90)
        ]
        call.play(track, "video/VP8", frames, 30)
        (received,) = call.answerer.frames.values()
        assert len(received) == len(frames), (megabits, size)


def test_sound_does_not_wait_behind_a_keyframe() -> None:
    call = Call(LinkProfile(latency=0.02))
    sound, picture = call.publish("audio"), call.publish("video")
    call.connect()
    peer, network = call.offerer.peer, call.network
    audio, video = peer.outbound(sound, "audio/opus"), peer.outbound(picture, "video/VP8")
    assert peer.send_frame(video, VP8_KEY + bytes(200_000), 0, network.now) > 0.2
    before = audio.stats.packets_sent
    assert peer.send_frame(audio, b"\x78sound", 0, network.now) == 0.0
    assert audio.stats.packets_sent == before + 1
    sent = video.stats.packets_sent
    network.run(0.26)
    call.offerer.push()
    assert video.stats.packets_sent > sent
    network.run(0.5)
    assert len(call.answerer.frames) == 2

"""Streams over paths that lose, reorder, duplicate and delay packets, in virtual time."""

from __future__ import annotations

from lktrio.rtc.rtcp import Nack, PictureLossIndication
from tests.support.cases import each_case
from tests.support.media_link import MediaLink, Path, vp8_frame

FRAME_TIME = 1 / 30
FRAME_TICKS = 3000


def play_video(link: MediaLink, count: int, *, keyframe_on_request: bool = True) -> None:
    """Send frames at 30 per second, the first a keyframe, later ones when asked."""
    start = link.now
    key = True
    for number in range(count):
        link.run_until(start + number * FRAME_TIME)
        if keyframe_on_request and link.sender.take_keyframe_request(link.now):
            key = True
        link.send_frame(vp8_frame(number, 8000 if key else 2500, key=key), number * FRAME_TICKS)
        if number % 30 == 5:
            link.report()
        key = False
    link.run_until(link.now + 3.0)


def numbers(link: MediaLink) -> list[int]:
    """Numbers of the frames received, which must be among those sent, in order and whole."""
    first = link.frames[0].timestamp
    received = [(frame.timestamp - first) // FRAME_TICKS for frame in link.frames]
    base = int.from_bytes(link.frames[0].data[10:14], "big")
    for frame, number in zip(link.frames, received, strict=True):
        assert frame.data == link.sent[(number + base) * FRAME_TICKS]
    return [number + base for number in received]


@each_case("rtx", [True, False])
@each_case("delay", [0.005, 0.05, 0.15])
def test_retransmissions_recover_all_frames_at_ten_percent_loss(delay: float, rtx: bool) -> None:
    forward = Path(delay=delay, loss=0.1, seed=11)
    link = MediaLink(forward=forward, backward=Path(delay=delay, loss=0.1, seed=12), rtx=rtx)
    play_video(link, 300)
    assert forward.lost > 50
    assert numbers(link) == list(range(300))
    assert not any(frame.discontinuity for frame in link.frames)
    assert link.sender.stats.resent > 50
    if rtx:
        assert link.receiver.stats.repaired > 50


def test_reordering_and_duplication_cost_nothing() -> None:
    forward = Path(delay=0.02, jitter=0.008, duplication=0.2, seed=5)
    link = MediaLink(forward=forward)
    play_video(link, 200)
    assert numbers(link) == list(range(200))
    assert not any(isinstance(packet, Nack) for packet in link.feedback)


def test_everything_at_once() -> None:
    forward = Path(delay=0.03, jitter=0.03, loss=0.08, duplication=0.1, seed=6)
    link = MediaLink(forward=forward, backward=Path(loss=0.1, jitter=0.02, seed=7))
    play_video(link, 300)
    assert numbers(link) == list(range(300))


def test_without_retransmissions_a_lost_frame_leads_to_a_keyframe() -> None:
    link = MediaLink(forward=Path(drop=frozenset({40})), nack=False)
    play_video(link, 100)
    received = numbers(link)
    missing = sorted(set(range(100)) - set(received))
    assert missing == list(range(missing[0], missing[-1] + 1))
    assert 1 <= len(missing) <= 6
    after = link.frames[received.index(missing[-1] + 1)]
    assert after.keyframe
    assert after.discontinuity
    assert sum(frame.discontinuity for frame in link.frames) == 1
    assert sum(isinstance(packet, PictureLossIndication) for packet in link.feedback) == 1


def test_a_long_outage_ends_with_a_keyframe() -> None:
    link = MediaLink()
    start = link.now
    for number in range(240):
        link.forward.loss = float(30 <= number < 180)
        link.run_until(start + number * FRAME_TIME)
        key = link.sender.take_keyframe_request(link.now) or number == 0
        link.send_frame(vp8_frame(number, 2500, key=key), number * FRAME_TICKS)
    link.run_until(link.now + 1.0)
    received = numbers(link)
    first = received[30]
    assert received == [*range(30), *range(first, 240)]
    assert first <= 184
    assert link.frames[30].keyframe
    assert link.frames[30].discontinuity
    assert not any(isinstance(packet, Nack) for packet in link.feedback)


def test_a_short_outage_is_repaired() -> None:
    link = MediaLink()
    start = link.now
    for number in range(120):
        link.forward.loss = float(30 <= number < 50)
        link.run_until(start + number * FRAME_TIME)
        link.send_frame(vp8_frame(number, 2500, key=number == 0), number * FRAME_TICKS)
    link.run_until(link.now + 1.0)
    assert numbers(link) == list(range(120))


def test_a_stream_joined_late_starts_with_a_keyframe_that_was_asked_for() -> None:
    link = MediaLink()
    start = link.now
    for number in range(30):
        link.run_until(start + number * FRAME_TIME)
        key = link.sender.take_keyframe_request(link.now)
        link.send_frame(vp8_frame(number, 2500, key=key), number * FRAME_TICKS)
    link.run_until(link.now + 1.0)
    assert link.frames[0].keyframe
    assert link.frames[0].timestamp < link.frames[-1].timestamp
    assert 2 <= numbers(link)[0] <= 5


def play_audio(link: MediaLink, count: int) -> None:
    start = link.now
    for number in range(count):
        link.run_until(start + number * 0.02)
        link.send_frame(b"\xfc" + number.to_bytes(4, "big") + bytes(80), number * 960)
        if number % 50 == 10:
            link.report()
    link.run_until(link.now + 1.0)


def audio_numbers(link: MediaLink) -> list[int]:
    return [int.from_bytes(frame.data[1:5], "big") for frame in link.frames]


def test_audio_without_loss_is_never_held() -> None:
    link = MediaLink("audio", nack=False)
    play_audio(link, 100)
    assert audio_numbers(link) == list(range(100))
    assert {
        round(frame.received_at - 1000.0 - 0.02 * n, 6) for n, frame in enumerate(link.frames)
    } == {0.02}


def test_lost_audio_is_skipped_soon_and_marked() -> None:
    link = MediaLink("audio", forward=Path(drop=frozenset({20, 21, 50})), nack=False)
    play_audio(link, 100)
    assert audio_numbers(link) == [n for n in range(100) if n not in (20, 21, 50)]
    marked = [
        n for n, frame in zip(audio_numbers(link), link.frames, strict=True) if frame.discontinuity
    ]
    assert marked == [22, 51]
    for number, frame in zip(audio_numbers(link), link.frames, strict=True):
        assert frame.received_at - 1000.0 - 0.02 * number <= 0.02 + 0.021


def test_audio_retransmissions_fill_gaps() -> None:
    path = Path(delay=0.01, loss=0.05, seed=4)
    link = MediaLink("audio", forward=path, backward=Path(delay=0.01, seed=5))
    play_audio(link, 300)
    assert path.lost > 5
    assert len(audio_numbers(link)) >= 297
    assert audio_numbers(link) == sorted(audio_numbers(link))


def test_reordered_audio_comes_in_order() -> None:
    link = MediaLink("audio", forward=Path(jitter=0.03, duplication=0.1, seed=9), nack=False)
    play_audio(link, 200)
    received = audio_numbers(link)
    assert received == sorted(set(received))
    assert len(received) >= 190

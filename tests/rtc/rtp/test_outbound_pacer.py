"""The pacer: small frames at once, large ones evenly and within a bounded time."""

from __future__ import annotations

from lktrio.rtc.base import NEVER
from lktrio.rtc.payload import packetizer
from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.rtp.outbound import OutboundStream
from lktrio.rtc.rtp.pacer import BURST, MAX_QUEUE_TIME, MIN_RATE, TICK, Pacer
from lktrio.rtc.srtp import SrtpProfile, SrtpReceiver, SrtpSender

PROFILE = SrtpProfile.AEAD_AES_128_GCM
KEY = b"\x10\x00\x00\x9d\x01\x2a\x40\x01\xb4\x00"


def video(ssrc: int = 7) -> OutboundStream:
    made = OutboundStream(
        ssrc=ssrc,
        payload_type=96,
        clock_rate=90_000,
        packetizer=packetizer("video/VP8"),
        random=bytes,
    )
    made.secure(SrtpSender(PROFILE, bytes(16), bytes(12)))
    return made


def frame(size: int) -> bytes:
    return KEY + bytes(size - len(KEY))


def drain(pacer: Pacer) -> list[tuple[float, list[bytes]]]:
    batches: list[tuple[float, list[bytes]]] = []
    while pacer.next_timer() != NEVER:
        now = pacer.next_timer()
        batches.append((now, pacer.handle_timer(now)))
    return batches


def test_small_frames_leave_at_once() -> None:
    pacer, stream = Pacer(), video()
    for number in range(100):
        assert len(pacer.send(stream, frame(10_000), 3000 * number, 10 + number / 30)) == 9
        assert pacer.next_timer() == NEVER
        assert pacer.delay(stream) == 0.0


def test_a_large_frame_is_spread_over_ticks_at_the_floor() -> None:
    pacer, stream = Pacer(), video()
    first = pacer.send(stream, frame(100_000), 0, 10.0)
    assert 0 < len(first) <= BURST
    assert 0.1 < pacer.delay(stream) < 0.13
    batches = drain(pacer)
    assert [round((when - 10.0) / TICK) for when, _ in batches] == list(range(1, len(batches) + 1))
    per_tick = MIN_RATE / 8 * TICK
    assert all(len(batch) <= per_tick / 1000 + 1 for _, batch in batches)
    assert abs(batches[-1][0] - 10.0 - 8 * 100_000 / MIN_RATE) < 2 * TICK
    assert len(first) + sum(len(batch) for _, batch in batches) == stream.stats.packets_sent


def test_the_rate_follows_what_the_stream_sent_lately() -> None:
    pacer, stream = Pacer(), video()
    for number in range(40):  # 4 Mbit/s, so that large frames leave at 10
        pacer.send(stream, frame(50_000), 9000 * number, 10.0 + number / 10)
        drain(pacer)
    pacer.send(stream, frame(200_000), 9000 * 40, 14.0)
    assert 0.15 < drain(pacer)[-1][0] - 14.0 < 0.17


def test_the_estimate_for_the_path_counts_where_there_is_one() -> None:
    for estimate, least, most in ((4e6, 0.19, 0.21), (20e6, 0.03, 0.05), (1e5, 0.24, 0.26)):
        pacer, stream = Pacer(), video()
        pacer.estimate = estimate
        pacer.send(stream, frame(100_000), 0, 10.0)
        assert least < drain(pacer)[-1][0] - 10.0 < most, estimate


def test_everything_leaves_within_a_quarter_second() -> None:
    pacer, stream = Pacer(), video()
    pacer.send(stream, frame(1_000_000), 0, 10.0)
    assert pacer.delay(stream) == MAX_QUEUE_TIME
    assert drain(pacer)[-1][0] <= 10.0 + MAX_QUEUE_TIME + TICK


def test_frames_behind_a_large_one_follow_in_order() -> None:
    pacer, stream = Pacer(), video()
    sent = pacer.send(stream, frame(60_000), 0, 10.0)
    sent += pacer.send(stream, frame(2000), 3000, 10.001)
    for _, batch in drain(pacer):
        sent += batch
    receiver = SrtpReceiver(PROFILE, bytes(16), bytes(12))
    seen: list[tuple[int, bool]] = []
    for datagram in sent:
        assert receiver.unprotect(datagram) is not None
        packet = RtpPacket.parse(datagram)
        seen.append((packet.sequence_number, packet.marker))
    numbers = [number for number, _ in seen]
    assert numbers == sorted(numbers)
    assert [marker for _, marker in seen].count(True) == 2
    assert seen[-1][1]


def test_other_streams_do_not_wait() -> None:
    pacer, one, other = Pacer(), video(), video(8)
    pacer.send(one, frame(200_000), 0, 10.0)
    assert len(pacer.send(other, frame(10_000), 0, 10.001)) == 9
    assert pacer.delay(other) == 0.0


def test_idle_time_is_no_credit() -> None:
    pacer, stream = Pacer(), video()
    pacer.send(stream, frame(20_000), 0, 10.0)
    drain(pacer)
    assert len(pacer.send(stream, frame(100_000), 3000, 10.9)) <= 5


def test_a_batch_is_not_released_before_its_tick() -> None:
    pacer, stream = Pacer(), video()
    assert pacer.send(stream, frame(100_000), 0, 10.0)
    assert pacer.handle_timer(10.001) == []
    assert pacer.next_timer() == 10.0 + TICK


def test_a_stream_that_ends_leaves_nothing_behind() -> None:
    pacer, one, other = Pacer(), video(), video(8)
    pacer.send(one, frame(100_000), 0, 10.0)
    pacer.send(other, frame(30_000), 0, 10.0)
    pacer.discard(one)
    sent = [RtpPacket.parse(datagram) for _, batch in drain(pacer) for datagram in batch]
    assert {packet.ssrc for packet in sent} == {8}
    pacer.send(one, frame(30_000), 0, 11.0)
    pacer.discard(one)
    assert drain(pacer) in ([], [(11.0 + TICK, [])])

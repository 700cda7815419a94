"""The pacer: even release, bounded delay, no credit for idle time."""

from __future__ import annotations

from lktrio.rtc.base import NEVER
from lktrio.rtc.payload import packetizer
from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.rtp.outbound import OutboundStream
from lktrio.rtc.rtp.pacer import MAX_QUEUE_TIME, TICK, Pacer
from lktrio.rtc.srtp import SrtpProfile, SrtpReceiver, SrtpSender

PROFILE = SrtpProfile.AEAD_AES_128_GCM


def stream(ssrc: int = 7) -> OutboundStream:
    made = OutboundStream(
        ssrc=ssrc,
        payload_type=96,
        clock_rate=90_000,
        packetizer=packetizer("video/VP8"),
        random=bytes,
    )
    made.secure(SrtpSender(PROFILE, bytes(16), bytes(12)))
    return made


def drain(pacer: Pacer) -> list[tuple[float, list[bytes]]]:
    batches: list[tuple[float, list[bytes]]] = []
    while pacer.next_timer() != NEVER:
        now = pacer.next_timer()
        batches.append((now, pacer.handle_timer(now)))
    return batches


def test_a_keyframe_is_spread_over_ticks_at_the_pacing_rate() -> None:
    pacer = Pacer(bitrate=1_600_000)  # 2.5 times that: 2,500 bytes per tick
    pacer.push(stream(), [bytes(1000)] * 50, 0, 10.0)
    batches = drain(pacer)
    assert [round((when - 10.0) / TICK) for when, _ in batches] == list(range(len(batches)))
    assert {len(batch) for _, batch in batches[:-1]} <= {2, 3}
    assert sum(len(batch) for _, batch in batches) == 50
    assert pacer.queued == 0


def test_packets_are_numbered_and_marked_in_order() -> None:
    pacer = Pacer()
    pacer.push(stream(), [bytes(1000)] * 3, 0, 10.0)
    pacer.push(stream(8), [bytes(1000)] * 2, 0, 10.0)
    receiver = SrtpReceiver(PROFILE, bytes(16), bytes(12))
    seen: list[tuple[int, int, bool]] = []
    for _, batch in drain(pacer):
        for datagram in batch:
            assert receiver.unprotect(datagram) is not None
            packet = RtpPacket.parse(datagram)
            seen.append((packet.ssrc, packet.sequence_number, packet.marker))
    assert seen == [(7, 0, False), (7, 1, False), (7, 2, True), (8, 0, False), (8, 1, True)]


def test_everything_leaves_within_a_quarter_second_even_at_a_low_rate() -> None:
    pacer = Pacer(bitrate=50_000)
    pacer.push(stream(), [bytes(1000)] * 200, 0, 10.0)
    assert pacer.delay == MAX_QUEUE_TIME
    assert drain(pacer)[-1][0] <= 10.0 + MAX_QUEUE_TIME + TICK


def test_idle_time_is_no_credit() -> None:
    pacer, sender = Pacer(bitrate=1_600_000), stream()
    pacer.push(sender, [bytes(1000)], 0, 10.0)
    drain(pacer)
    pacer.push(sender, [bytes(1000)] * 50, 3000, 10.1)
    assert len(drain(pacer)[0][1]) <= 3


def test_a_batch_is_not_released_before_its_tick() -> None:
    pacer, sender = Pacer(), stream()
    pacer.push(sender, [bytes(1000)] * 50, 0, 10.0)
    assert pacer.handle_timer(10.0)
    assert pacer.handle_timer(10.001) == []
    assert pacer.next_timer() == 10.0 + TICK


def test_a_stream_that_ends_leaves_nothing_behind() -> None:
    pacer, one, other = Pacer(), stream(), stream(8)
    pacer.push(one, [bytes(1000)] * 50, 0, 10.0)
    pacer.push(other, [bytes(500)], 0, 10.0)
    pacer.discard(one)
    assert pacer.queued == 500
    assert len(drain(pacer)) == 1
    pacer.push(one, [bytes(1000)], 0, 11.0)
    pacer.discard(one)
    assert pacer.next_timer() == NEVER
    assert pacer.queued == 0

"""What a connection does on which nothing is sent."""

from __future__ import annotations

from collections import Counter

from tests.support.peer_call import Call, Host, opus_frames

MINUTE = 60.0


def count_timers(host: Host, counts: Counter[Host]) -> None:
    handle_timer = host.handle_timer

    def counting(now: float) -> None:
        counts[host] += 1
        handle_timer(now)

    host.handle_timer = counting  # type: ignore[method-assign]


def test_a_peer_without_media_wakes_for_its_path_alone_and_reports_once_media_comes() -> None:
    call = Call()
    call.offerer.peer.create_data_channel("idle")
    call.connect()
    call.network.run(10)
    counts: Counter[Host] = Counter()
    for host in (call.offerer, call.answerer):
        count_timers(host, counts)
    call.network.run(MINUTE)
    assert 0 < min(counts.values()) <= max(counts.values()) < 30

    track = call.publish("audio")
    call.negotiate()
    call.play(track, "audio/opus", opus_frames(60), 50)
    assert call.offerer.peer.outbound(track, "audio/opus").round_trip is not None

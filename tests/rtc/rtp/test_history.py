"""What is kept of the packets of a stream, to be sent again."""

from __future__ import annotations

from lktrio.rtc.rtp.history import HISTORY_SIZE, PacketHistory
from tests.support.memory import growth


def test_a_flood_of_requests_leaves_little_behind() -> None:
    history = PacketHistory()

    def send_and_lose(index: int) -> None:
        history.add((index, b"x", 0, 0), 100)
        assert history.take(index, 0.1, float(index)) is not None

    assert growth(send_and_lose, warm_up=HISTORY_SIZE, steps=4 * HISTORY_SIZE) < 150_000


def test_a_packet_is_repeated_once_per_round_trip() -> None:
    history = PacketHistory()
    packet = (7, b"abc", 0, 1)
    history.add(packet, 3)
    repeated = [now for now in (1.0, 1.05, 1.11, 1.15, 1.22) if history.take(7, 0.1, now)]
    assert repeated == [1.0, 1.11, 1.22]
    assert history.take(8, 0.1, 2.0) is None

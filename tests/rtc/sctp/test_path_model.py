"""Who keeps to the limit fills the path, and lets nothing wait long."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from lktrio.rtc.sctp.path_model import PathModel

DELAY = 0.025
CHUNK = 15_000
PACKET = 1_200


@dataclass
class Flow:
    """A sender that sends whenever the limit allows, over one bottleneck, in virtual time."""

    rate: float
    latency: float
    model: PathModel
    now: float = 100.0
    outstanding: int = 0
    free_at: float = 0.0
    acknowledged: int = 0

    def __post_init__(self) -> None:
        self.longest = 0.0
        self._on_the_way: deque[tuple[float, float, int]] = deque()

    def run(self, seconds: float) -> float:
        """Send for a while; returns the share of the path that was used."""
        end, before, self.longest = self.now + seconds, self.acknowledged, 0.0
        while self.now < end:
            self._send()
            self.now, sent, size = self._on_the_way.popleft()
            self.outstanding -= size
            self.acknowledged += size
            self.model.measured(self.now - sent, self.now)
            self.model.acknowledged(size, self.now, idle=not self.outstanding)
        return (self.acknowledged - before) / seconds / self.rate

    def _send(self) -> None:
        while not self.outstanding or self.outstanding + CHUNK <= self.model.limit(
            DELAY, CHUNK, self.now
        ):
            if not self.outstanding:
                self.model.resumed(self.now)
            for _ in range(0, CHUNK, PACKET):
                self.free_at = max(self.free_at, self.now) + PACKET / self.rate
                self.longest = max(self.longest, self.free_at - self.now)
                self._on_the_way.append((self.free_at + self.latency, self.now, PACKET))
                self.outstanding += PACKET


def test_the_path_is_full_and_its_queue_short() -> None:
    for rate in (60e3, 250e3, 2.5e6):
        for round_trip in (0.002, 0.04, 0.2):
            case = f"{rate:g} B/s, {round_trip} s"
            flow = Flow(rate, round_trip, PathModel())
            flow.run(5)
            assert flow.run(12) > 0.9, case
            burst = round_trip / 4  # after the queue was drained, once per period
            assert flow.longest < 1.3 * DELAY + burst + 2 * CHUNK / rate, case


def test_another_rate_or_route_is_noticed() -> None:
    flow = Flow(2.5e6, 0.04, PathModel())
    flow.run(5)
    flow.rate = 250e3
    flow.run(2)
    assert flow.run(5) > 0.9
    assert flow.longest < 2 * DELAY + 2 * CHUNK / flow.rate
    flow.rate, flow.latency = 2.5e6, 0.3
    flow.run(40)
    assert flow.run(5) > 0.8
    assert flow.longest < 0.15


def test_pauses_of_the_sender_say_nothing_of_the_path() -> None:
    model = PathModel()
    flow = Flow(2.5e6, 0.04, model)
    flow.run(3)
    rate = model.rate
    for second in range(200, 230):
        model.resumed(second)
        model.measured(0.04, second + 0.04)
        model.acknowledged(100, second + 0.04, idle=True)
    assert model.rate > 0.9 * rate


def test_before_any_measurement_little_is_sent_and_after_a_change_too() -> None:
    model = PathModel()
    first = model.limit(DELAY, CHUNK, 1.0)
    assert first < 3 * CHUNK
    Flow(2.5e6, 0.04, model).run(3)
    assert model.limit(DELAY, CHUNK, 103.0) > 100_000
    model.forget()
    assert model.limit(DELAY, CHUNK, 104.0) == first

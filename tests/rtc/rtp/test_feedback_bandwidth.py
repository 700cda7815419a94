"""The receiver's bandwidth estimate on simulated bottlenecks."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from lktrio.rtc.base import NEVER
from lktrio.rtc.rtcp import ReceiverEstimatedMaxBitrate
from lktrio.rtc.rtp.estimator import ReceiveBandwidth, RembOptions
from lktrio.rtc.rtp.extensions import abs_send_time
from tests.support.cases import each_case

PACKET = 1000
VIDEO = (77,)


class Bottleneck:
    """A sender behind a link of limited rate with a drop-tail queue, and the estimate behind it."""

    def __init__(self, capacity: float, *, queue: float = 0.3, jitter: float = 0.0) -> None:
        self.capacity = capacity
        self.queue = queue
        self.jitter = jitter
        self.loss = 0.0
        self.now = 1000.0
        self.free_at = 0.0
        self.estimate = ReceiveBandwidth()
        self.reports: list[tuple[float, ReceiverEstimatedMaxBitrate]] = []
        self.queued: list[float] = []
        self._chosen = random.Random(1)
        self._pending: list[tuple[float, float]] = []
        self._sent = self._lost = 0

    def run(self, seconds: float, rate: Callable[[], float]) -> None:
        """Send frames at 30 per second with ``rate()`` bit/s."""
        end = self.now + seconds
        next_loss_report = self.now + 1.0
        while self.now < end:
            for _ in range(max(round(rate() / 30 / 8 / PACKET), 1)):
                self._send()
            self.now += 1 / 30
            self._deliver()
            if self.now >= next_loss_report:
                next_loss_report += 1.0
                self.estimate.on_loss(self._sent, self._lost)
                self._sent = self._lost = 0
            report = self.estimate.collect(1, VIDEO, self.now)
            if report is not None:
                self.reports.append((self.now, report))

    def _send(self) -> None:
        self._sent += 1
        start = max(self.free_at, self.now)
        self.queued.append(start - self.now)
        if start - self.now > self.queue or self._chosen.random() < self.loss:
            self._lost += 1
            return
        self.free_at = start + 8 * PACKET / self.capacity
        arrival = self.free_at + 0.02 + self.jitter * self._chosen.random()
        self._pending.append((arrival, self.now))

    def _deliver(self) -> None:
        self._pending.sort()
        while self._pending and self._pending[0][0] <= self.now:
            arrival, sent = self._pending.pop(0)
            self.estimate.record(PACKET, abs_send_time(sent), arrival)

    def follow(self, most: float) -> Callable[[], float]:
        """A sender that obeys the reports, up to ``most`` bit/s."""
        return lambda: min(self.reports[-1][1].bitrate if self.reports else 500_000.0, most)


def test_without_packets_there_is_no_report() -> None:
    estimate = ReceiveBandwidth()
    assert estimate.due == NEVER
    assert estimate.collect(1, VIDEO, 100.0) is None


def test_reports_come_at_least_once_a_second() -> None:
    link = Bottleneck(10e6)
    link.run(10.0, lambda: 500_000)
    times = [when for when, _ in link.reports]
    assert len(times) >= 10
    assert max(b - a for a, b in zip(times, times[1:], strict=False)) <= 1.0  # noqa: RUF007 - brief


def test_a_wide_path_is_never_reported_as_narrow() -> None:
    link = Bottleneck(50e6, jitter=0.004)
    link.run(30.0, lambda: 300_000)
    assert min(report.bitrate for _, report in link.reports) >= 4_900_000


def test_the_estimate_grows_with_what_arrives() -> None:
    link = Bottleneck(50e6)
    link.run(60.0, link.follow(12e6))
    assert link.reports[-1][1].bitrate > 10e6


@each_case("capacity", [400_000, 1_500_000, 3_000_000])
def test_a_bottleneck_is_found_and_its_queue_kept_short(capacity: float) -> None:
    link = Bottleneck(capacity)
    link.run(30.0, link.follow(4e6))
    settled = [report.bitrate for when, report in link.reports if when > 1010.0]
    mean = sum(settled) / len(settled)
    assert 0.5 * capacity < mean < 1.3 * capacity
    late = link.queued[len(link.queued) // 2 :]
    assert sum(late) / len(late) < 0.12


def test_after_congestion_the_estimate_recovers() -> None:
    link = Bottleneck(1e6)
    link.run(20.0, link.follow(4e6))
    low = link.reports[-1][1].bitrate
    link.capacity = 20e6
    link.run(40.0, link.follow(4e6))
    assert low < 1.5e6
    assert link.reports[-1][1].bitrate > 3.5e6


def test_a_sudden_drop_is_reported_at_once() -> None:
    link = Bottleneck(10e6)
    link.run(10.0, link.follow(3e6))
    link.capacity = 1e6
    dropped = link.now
    link.run(5.0, link.follow(3e6))
    first_low = next(when for when, report in link.reports if report.bitrate < 1.2e6)
    assert first_low - dropped < 1.5


def test_random_loss_does_not_starve_a_stream() -> None:
    link = Bottleneck(50e6)
    link.loss = 0.15
    link.run(60.0, link.follow(2e6))
    assert link.reports[-1][1].bitrate > 1.5e6


def test_heavy_loss_lowers_a_high_estimate() -> None:
    link = Bottleneck(50e6)
    link.loss = 0.3
    link.run(20.0, lambda: 1e6)
    assert link.reports[-1][1].bitrate < 2e6


def test_packets_without_a_send_time_count_as_received() -> None:
    estimate = ReceiveBandwidth()
    for number in range(200):
        estimate.record(1250, -1, 100.0 + number / 100)
    assert estimate.received_rate == pytest.approx(1_000_000, rel=0.05)


def test_silence_and_the_wrap_of_send_times_are_no_congestion() -> None:
    link = Bottleneck(20e6)
    for _ in range(6):
        link.run(10.0, lambda: 1e6)
        link.now += 40.0
    assert link.reports[-1][1].bitrate >= 4_900_000


def test_reordered_packets_are_no_congestion() -> None:
    link = Bottleneck(20e6, jitter=0.03)
    link.run(30.0, lambda: 2e6)
    assert link.reports[-1][1].bitrate > 2e6


def test_the_bounds_hold() -> None:
    estimate = ReceiveBandwidth(RembOptions(start=1_000_000, minimum=900_000, maximum=1_100_000))
    low = Bottleneck(200_000)
    low.estimate = estimate
    low.run(20.0, lambda: 600_000)
    assert {900_000 <= report.bitrate <= 1_100_000 for _, report in low.reports} == {True}


def test_without_video_there_is_nothing_to_report() -> None:
    estimate = ReceiveBandwidth()
    estimate.record(1000, 5, 1.0)
    assert estimate.collect(1, (), 5.0) is None
    assert estimate.due > 5.0

"""The congestion window and the timeout as functions of what is measured."""

from __future__ import annotations

import itertools

import pytest

from lktrio.rtc.sctp import SctpOptions
from lktrio.rtc.sctp.congestion import CongestionControl, RtoEstimator
from tests.support.cases import each_case

OPTIONS = SctpOptions()
MTU = OPTIONS.mtu
ROUND_TRIP = 0.1


def one_round(control: CongestionControl, now: float, *, sacks: int = 4) -> None:
    """Acknowledge a whole window in a few SACKs."""
    window = control.window
    for _ in range(sacks):
        control.acknowledged(int(window / sacks), now, ROUND_TRIP)


def after_loss(packets: int) -> CongestionControl:
    control = CongestionControl(OPTIONS)
    control.window = float(packets * MTU)
    control.lost()
    return control


@each_case("sacks", [1, 4, 10])
def test_slow_start_doubles_per_round_trip_however_few_sacks_come(sacks: int) -> None:
    control = CongestionControl(OPTIONS)
    assert control.window == 10 * MTU
    for n in range(5):
        one_round(control, n * ROUND_TRIP, sacks=sacks)
    assert control.window == pytest.approx(320 * MTU, rel=0.01)


def test_a_loss_costs_thirty_percent() -> None:
    assert after_loss(100).window == pytest.approx(70 * MTU)


def test_losses_leave_four_packets_at_least() -> None:
    control = after_loss(5)
    assert control.window == 4 * MTU
    control.lost()
    assert control.window == 4 * MTU


def test_after_a_loss_the_window_returns_slows_down_and_goes_on() -> None:
    """CUBIC: K = cbrt(W_max * (1 - beta) / C) seconds back to where the loss happened."""
    control = after_loss(500)
    expected = (500 * 0.3 / 0.4) ** (1 / 3)
    sizes: list[float] = []
    for n in range(int(2 * expected / ROUND_TRIP)):
        one_round(control, n * ROUND_TRIP)
        sizes.append(control.window / MTU)
    middle = int(expected / ROUND_TRIP)
    assert sizes[middle] == pytest.approx(500, rel=0.03)
    assert sizes[-1] > 600
    growth = [late - early for early, late in itertools.pairwise(sizes)]
    assert growth[middle] < growth[5] / 5
    assert growth[middle] < growth[-1] / 5


def test_small_windows_grow_at_least_as_fast_as_reno() -> None:
    control = after_loss(10)
    for n in range(50):
        one_round(control, n * 0.01)
    assert control.window / MTU > 7 + 50 * 0.5


def test_a_window_grows_by_half_per_round_trip_at_most_after_a_loss() -> None:
    control = after_loss(2000)
    one_round(control, 1.0, sacks=1)
    before = control.window
    one_round(control, 1000.0, sacks=1)
    assert control.window <= 1.5 * before + 1


def test_a_timeout_starts_over_and_remembers_where_to_slow_down() -> None:
    control = CongestionControl(OPTIONS)
    control.window = float(100 * MTU)
    control.timed_out()
    assert control.window == MTU
    for n in range(7):
        one_round(control, n * ROUND_TRIP)
    assert 64 * MTU < control.window < 85 * MTU


def test_an_idle_window_shrinks_to_the_initial_one_and_no_further() -> None:
    control = CongestionControl(OPTIONS)
    control.window = float(64 * MTU)
    control.idled(1)
    assert control.window == 32 * MTU
    control.idled(50)
    assert control.window == 10 * MTU
    control.window = float(4 * MTU)
    control.idled(50)
    assert control.window == 4 * MTU


def test_the_timeout_follows_the_round_trip_time() -> None:
    round_trip = RtoEstimator(OPTIONS)
    assert round_trip.timeout == OPTIONS.rto_initial
    for _ in range(50):
        round_trip.measured(0.02)
    assert round_trip.timeout == OPTIONS.rto_min
    for _ in range(100):
        round_trip.measured(0.6)
    assert round_trip.timeout == pytest.approx(0.82, abs=0.01), "a delayed SACK must not trip it"
    assert round_trip.minimum == 0.02


def test_variation_widens_the_timeout() -> None:
    round_trip = RtoEstimator(OPTIONS)
    for n in range(100):
        round_trip.measured(0.1 if n % 2 else 0.5)
    assert round_trip.timeout > 0.9


def test_the_timeout_doubles_until_something_is_answered() -> None:
    round_trip = RtoEstimator(OPTIONS)
    round_trip.measured(0.1)
    base = round_trip.timeout
    for n in range(1, 20):
        round_trip.back_off()
        assert round_trip.timeout == pytest.approx(min(base * 2**n, OPTIONS.rto_max))
    round_trip.answered()
    assert round_trip.timeout == base

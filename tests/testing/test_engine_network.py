"""The simulated network itself: what it promises to the tests that stand on it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import pytest

from lktrio.rtc.base import NEVER, Address
from lktrio.testing import LinkProfile
from lktrio.testing.engines import EngineNetwork

HERE, THERE = ("10.0.0.1", 1), ("10.0.0.2", 2)
OUTSIDE = "203.0.113.1"


class Recorder:
    """Remembers what arrives; sends what it is told."""

    def __init__(self, timer: float = NEVER, period: float = NEVER) -> None:
        self.arrived: list[tuple[float, Address, bytes]] = []
        self.outbox: list[tuple[Address, Address, bytes]] = []
        self.fired: list[float] = []
        self._timer, self._period = timer, period

    def receive(self, data: bytes, local: Address, source: Address, now: float) -> None:
        self.arrived.append((now, source, data))

    def next_timer(self) -> float:
        return self._timer

    def handle_timer(self, now: float) -> None:
        self.fired.append(now)
        self._timer += self._period

    def drain(self) -> Iterable[tuple[Address, Address, bytes]]:
        out, self.outbox = self.outbox, []
        return out

    @property
    def data(self) -> list[bytes]:
        return [data for _, _, data in self.arrived]


def pair(
    conditions: LinkProfile | None = None, *, seed: int = 0
) -> tuple[EngineNetwork, Recorder, Recorder]:
    network = EngineNetwork(seed=seed, profile=conditions or LinkProfile())
    here, there = Recorder(), Recorder()
    network.attach(here, HERE)
    network.attach(there, THERE)
    return network, here, there


def send(network: EngineNetwork, count: int = 1, size: int = 1) -> None:
    for i in range(count):
        network.send(HERE, THERE, i.to_bytes(4, "big") + bytes(size))


def test_datagrams_arrive_in_order_after_the_delay() -> None:
    network, _, there = pair(LinkProfile(latency=0.25))
    send(network, 10)
    assert network.run(1.0) is False
    assert network.now == 1.0
    assert [(time, source) for time, source, _ in there.arrived] == [(0.25, HERE)] * 10
    assert there.data == sorted(there.data)


def test_hosts_are_drained_and_timers_fire_on_time() -> None:
    network, here, there = pair()
    clock = Recorder(timer=0.5, period=1.0)
    network.attach(clock, ("10.0.0.3", 3))
    here.outbox.append((HERE, THERE, b"queued"))
    network.run(3.0)
    assert there.data == [b"queued"]
    assert clock.fired == [0.5, 1.5, 2.5]


def test_a_run_ends_when_its_condition_holds() -> None:
    network, _, there = pair(LinkProfile(latency=0.5))
    send(network)
    assert network.run(until=lambda: bool(there.arrived))
    assert network.now == 0.5
    assert network.run(until=lambda: False) is False  # nothing is left to happen
    assert network.now == 0.5


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_loss_and_duplication_are_about_as_asked(share: float) -> None:
    network, _, there = pair(LinkProfile(loss=share))
    send(network, 2000)
    network.run(1)
    assert 2000 * (1 - share) * 0.9 < len(there.arrived) < 2000 * (1 - share) * 1.1
    assert network.lost == 2000 - len(there.arrived)
    network, _, there = pair(LinkProfile(duplicate=share))
    send(network, 2000)
    network.run(1)
    assert 2000 * (1 + share) * 0.9 < len(there.arrived) < 2000 * (1 + share) * 1.1


@pytest.mark.parametrize(
    "conditions", [LinkProfile(latency=0.1, jitter=0.1), LinkProfile(reorder=0.3)]
)
def test_jitter_and_reordering_change_the_order_and_lose_nothing(
    conditions: LinkProfile,
) -> None:
    network, _, there = pair(conditions)
    for i in range(100):
        network.at(i * 0.005, partial(network.send, HERE, THERE, i.to_bytes(8, "big")))
    network.run(5)
    numbered = [data for data in there.data if len(data) == 8]
    assert len(numbered) == 100
    assert numbered != sorted(numbered)


def test_a_rate_spreads_datagrams_and_its_queue_overflows() -> None:
    network, _, there = pair(LinkProfile(rate=1000.0, queue=500))
    send(network, 20, size=96)
    network.run(5)
    times = [time for time, _, _ in there.arrived]
    assert times == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert network.lost == 14


def test_one_direction_can_differ() -> None:
    network, here, there = pair()
    network.set_link("10.0.0.1", "10.0.0.2", LinkProfile(loss=1.0))
    send(network)
    network.send(THERE, HERE, b"back")
    network.run(1)
    assert there.data == []
    assert here.data == [b"back"]


def test_actions_happen_at_their_time() -> None:
    network, _, there = pair()
    network.at(2.0, lambda: send(network))
    network.run(5)
    assert [time for time, _, _ in there.arrived] == [2.0]


def test_a_nat_rewrites_and_lets_only_answers_in() -> None:
    network, here, there = pair()
    network.add_nat(HERE[0], OUTSIDE)
    network.send(THERE, HERE, b"direct")
    network.send(THERE, (OUTSIDE, 20001), b"too early")
    network.run(1)
    send(network)
    network.run(1)
    [(_, seen, _)] = there.arrived
    assert seen[0] == OUTSIDE
    network.send(THERE, seen, b"answer")
    network.send(("10.0.0.9", 9), seen, b"stranger")
    network.run(1)
    assert here.data == [b"answer"]


def test_a_rebound_nat_uses_a_new_port_and_forgets_the_old() -> None:
    network, here, there = pair()
    network.add_nat(HERE[0], OUTSIDE)
    send(network)
    network.run(1)
    network.rebind_nat(HERE[0])
    send(network)
    network.run(1)
    (_, first, _), (_, second, _) = there.arrived
    assert first != second
    network.send(THERE, first, b"old")
    network.send(THERE, second, b"new")
    network.run(1)
    assert here.data == [b"new"]


def test_the_same_seed_is_the_same_network() -> None:
    def run(seed: int) -> list[tuple[float, Address, bytes]]:
        network, _, there = pair(LinkProfile(jitter=0.1, loss=0.5, duplicate=0.5), seed=seed)
        send(network, 50)
        network.run(5)
        return there.arrived

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_host_that_stays_due_is_an_error() -> None:
    network = EngineNetwork()
    network.attach(Recorder(timer=0.0, period=0.0), HERE)
    with pytest.raises(RuntimeError, match="stays due"):
        network.run(1)

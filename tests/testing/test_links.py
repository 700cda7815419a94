"""Links do to packets what their profile says, and the same for the same seed."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest

from lktrio.testing import Fate, LinkProfile
from lktrio.testing.links import Link

COUNT = 5000


def link(profile: LinkProfile, seed: int = 1) -> Link:
    return Link(profile, random.Random(seed))


def arrivals(profile: LinkProfile, count: int = COUNT, *, size: int = 100) -> list[float]:
    """When each packet of a row arrives that are sent a millisecond apart, duplicates included."""
    one = link(profile)
    sent = [one.send(size, number / 1000) for number in range(count)]
    return [time for times in sent if not isinstance(times, Fate) for time in times]


def test_a_perfect_link_delivers_at_once() -> None:
    assert link(LinkProfile()).send(1500, 3.0) == (3.0,)


def test_packets_arrive_after_the_latency_and_at_most_the_jitter() -> None:
    times = arrivals(LinkProfile(latency=0.1, jitter=0.05))
    delays = [time - number / 1000 for number, time in enumerate(times)]
    assert 0.1 <= min(delays) < 0.101
    assert 0.149 < max(delays) <= 0.15
    assert times != sorted(times)


def test_losses_are_as_frequent_as_asked_for_and_as_long_in_a_row() -> None:
    for loss, burst in ((0.01, 1.0), (0.1, 1.0), (0.05, 4.0), (0.2, 10.0)):
        one = link(LinkProfile(loss=loss, burst=burst))
        lost = [one.send(100, 0.0) is Fate.LOST for _ in range(10 * COUNT)]
        share = sum(lost) / len(lost)
        rows = sum(1 for before, after in pairwise(lost) if after and not before)
        mean = sum(lost) / rows
        expected = burst if burst > 1 else 1 / (1 - loss)
        assert 0.8 * loss < share < 1.2 * loss, f"{loss=} {burst=}"
        assert 0.8 * expected < mean < 1.2 * expected, f"{loss=} {burst=}"
        assert one.statistics.lost == sum(lost), f"{loss=} {burst=}"


def test_a_link_that_loses_everything_delivers_nothing() -> None:
    assert arrivals(LinkProfile(loss=1.0, burst=3.0)) == []


def test_duplicates_arrive_twice() -> None:
    assert 1.08 * COUNT < len(arrivals(LinkProfile(duplicate=0.1))) < 1.12 * COUNT


def test_reordered_packets_are_held_back() -> None:
    for latency, hold in ((0.0, 0.01), (0.2, 0.2)):
        times = arrivals(LinkProfile(latency=latency, reorder=0.1))
        held = [time for n, time in enumerate(times) if time - n / 1000 > latency + hold / 2]
        assert 0.08 * COUNT < len(held) < 0.12 * COUNT, f"{latency=}"


def test_a_rate_spreads_packets_and_its_queue_overflows() -> None:
    one = link(LinkProfile(rate=1000.0, queue=500))
    sent = [one.send(100, 0.0) for _ in range(20)]
    times = [times[0] for times in sent if not isinstance(times, Fate)]
    assert times == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert sent[6:] == [Fate.QUEUE_FULL] * 14
    assert one.statistics.queue_full == 14
    assert one.send(100, 0.35) == pytest.approx((0.7,))
    assert not isinstance(one.send(100, 0.35, queued=True), Fate)


def test_packets_longer_than_the_link_takes_are_refused() -> None:
    one = link(LinkProfile(mtu=1280))
    assert one.send(1280, 0.0) == (0.0,)
    assert one.send(1281, 0.0) is Fate.TOO_LONG
    assert one.statistics.too_long == 1


def test_the_same_seed_has_the_same_fates() -> None:
    profile = LinkProfile(jitter=0.1, loss=0.3, burst=2.0, duplicate=0.2, reorder=0.2)

    def run(seed: int) -> list[object]:
        one = link(profile, seed)
        return [one.send(100, number / 1000) for number in range(200)]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_profile_that_cannot_be_is_refused() -> None:
    profiles: list[dict[str, Any]] = [
        {"loss": 1.5},
        {"duplicate": -0.1},
        {"reorder": 2.0},
        {"latency": -1.0},
        {"jitter": -1.0},
        {"burst": 0.5},
        {"rate": 0.0},
    ]
    for wrong in profiles:
        try:
            LinkProfile(**wrong)
        except ValueError:
            continue
        raise AssertionError(f"{wrong} was taken")

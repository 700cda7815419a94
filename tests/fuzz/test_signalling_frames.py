"""A server that sends damaged frames: each is a response, or is counted and ignored."""

from __future__ import annotations

from typing import Any, cast

import pytest
import trio
import trio.testing

from lktrio.signal import Timeouts
from lktrio.signal.connection import SignalConnection
from lktrio.signal.websocket import Link
from tests.fuzz import seeds
from tests.support.attacker import Mutator


def connection() -> SignalConnection:
    """A connection whose link is never used."""
    link = Link(cast("Any", None), trio.CancelScope())
    return SignalConnection(
        link, "v1", "the token", resume=None, timeouts=Timeouts(), wall_time=trio.current_time
    )


def take_all(made: SignalConnection) -> int:
    taken = 0
    try:
        while True:
            made.responses.receive_nowait()
            taken += 1
    except (trio.WouldBlock, trio.EndOfChannel):
        return taken


@pytest.mark.parametrize("seed", range(4))
async def test_damaged_frames_are_counted_and_the_connection_goes_on(seed: int) -> None:
    made, mutator, frames = connection(), Mutator(seed), seeds.signal("bin")
    taken = 0
    for number in range(1500):
        frame = mutator.mutate(frames[number % len(frames)], mutator.random.choice(frames))
        text = mutator.random.random() < 0.05
        made._receive(frame.decode("utf-8", "replace") if text else frame)
        taken += take_all(made)
    await trio.lowlevel.checkpoint()
    counted = made.statistics
    assert counted.received == 1500
    assert counted.undecodable > 100
    assert taken > 100
    assert made.close_reason is None
    assert isinstance(made.token, str)


async def test_damaged_frames_fill_no_log(
    caplog: pytest.LogCaptureFixture, autojump_clock: trio.testing.MockClock
) -> None:
    made = connection()
    for _ in range(5):
        for _ in range(100):
            made._receive(b"\xff")
        await trio.sleep(1.1)
    assert made.statistics.undecodable == 500
    assert len(caplog.records) == 5


async def test_responses_that_nobody_reads_end_the_link_and_fill_no_memory() -> None:
    made = connection()
    update = next(frame for frame in seeds.signal("bin") if len(frame) > 200)
    for _ in range(3000):
        made._receive(update)
    await trio.lowlevel.checkpoint()
    assert made.close_reason is not None
    assert made.close_reason.cause == "overrun"
    assert take_all(made) <= 1024

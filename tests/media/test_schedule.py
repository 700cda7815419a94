"""Sources in virtual time: a schedule holds what a file gives, and never what is live."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.media.schedule import SendSchedule

QUEUE = 50  # frames that wait for a consumer, the newest ones


@dataclass
class Sent:
    position: float
    produced: float
    at: float

    @property
    def delay(self) -> float:
        return self.at - self.produced


@dataclass
class Live:
    """A source that makes a frame every so often, whether somebody takes it or not."""

    step: float = 0.02
    drift: float = 0.0
    """How much faster its clock is than ours, as a share."""
    batch: int = 1
    """Frames that it makes at once."""
    jitter: Sequence[float] = (0.0,)
    """Seconds by which frames are late, over and over."""
    backlog: int = 0
    """Frames that are there at the beginning."""
    gaps: Sequence[tuple[float, float]] = ()
    """When nothing is made, from and to."""
    known: bool = True
    """Whether the caller says that it is live."""

    def frames(self, seconds: float) -> list[tuple[float, float]]:
        """When each is made, and its position."""
        made, number = [], 0
        while (position := number * self.step) < seconds:
            number += 1
            if any(begin <= position < end for begin, end in self.gaps):
                continue
            last = (number - 1) // self.batch * self.batch + self.batch - 1
            when = (last - self.backlog) * self.step / (1 + self.drift)
            made.append((max(0.0, when) + self.jitter[number % len(self.jitter)], position))
        return made


def relay(
    source: Live, stalls: Sequence[tuple[float, float]] = (), seconds: float = 20
) -> list[Sent]:
    """Send what a source makes; the program stands still from time to time."""
    schedule, sent, now = SendSchedule(), list[Sent](), 0.0
    coming, queue = deque(source.frames(seconds)), deque[tuple[float, float]]()
    latest = 0.0
    while coming or queue:
        if not queue:
            now = max(now, coming[0][0])
        for begin, length in stalls:
            if begin <= now < begin + length:
                now = begin + length
        while coming and coming[0][0] <= now:
            latest = max(latest, coming[0][0])
            queue.append(coming.popleft())
            if len(queue) > QUEUE:
                queue.popleft()
        produced, position = queue.popleft()
        arrived = now
        now += schedule.schedule(position, now, live=source.known)
        for begin, length in stalls:
            if begin <= now < begin + length:
                now = begin + length
        schedule.sent(position, arrived, now, live=source.known)
        sent.append(Sent(position, produced, now))
    return sent


@dataclass
class File:
    """A source that works on its next frame when the last one was taken."""

    step: float = 0.02
    work: float = 0.0
    """Share of a frame's time that it needs to make one."""
    slow: dict[int, float] = field(default_factory=dict[int, float])
    """Seconds that single frames need longer."""


def play(source: File, count: int = 1000) -> list[Sent]:
    schedule, sent, now = SendSchedule(), list[Sent](), 0.0
    for number in range(count):
        position = number * source.step
        now += source.work * source.step + source.slow.get(number, 0.0)
        arrived = now
        now += schedule.schedule(position, now)
        schedule.sent(position, arrived, now)
        sent.append(Sent(position, arrived, now))
    return sent


def most_ahead(sent: Sequence[Sent], within: float = 1e9) -> float:
    """By how much more was sent in some stretch of time than it plays, in seconds."""
    most, recent = 0.0, deque[tuple[float, float]]()  # when, and how late: falling
    for one in sent:
        late = one.at - one.position
        while recent and recent[0][0] < one.at - within:
            recent.popleft()
        most = max(most, recent[0][1] - late if recent else 0.0)
        while recent and recent[-1][1] <= late:
            recent.pop()
        recent.append((one.at, late))
    return most


STALLS = st.lists(st.floats(0.05, 3.0), max_size=2).map(
    lambda lengths: [(5.0 * (n + 1), length) for n, length in enumerate(lengths)]
)


@settings(max_examples=30, deadline=None)
@given(
    step=st.sampled_from([0.01, 0.02, 0.06, 1 / 30, 0.1]),
    drift=st.sampled_from([-0.003, 0.0, 0.001, 0.003, 0.01]),
    batch=st.integers(1, 4),
    backlog=st.integers(0, QUEUE),
    known=st.booleans(),
    jitter=st.lists(st.floats(0, 0.004), min_size=1, max_size=9),
    stalls=STALLS,
)
def test_a_live_source_is_back_at_its_former_delay_within_two_seconds(
    step: float,
    drift: float,
    batch: int,
    backlog: int,
    known: bool,
    jitter: list[float],
    stalls: list[tuple[float, float]],
) -> None:
    if not known:  # what can be told from a file
        drift, backlog, batch = min(drift, 0.001), 0, min(batch, round(0.1 / step))
    source = Live(step, drift, batch, jitter, backlog, known=known)
    own = (batch + 1) * step / 4 + 0.006  # spread within a batch
    begin = 2.0 if known else 5.0
    for one in relay(source, stalls):
        recovered = all(not start - 0.01 <= one.at < start + length + 2 for start, length in stalls)
        if one.at >= begin and recovered:
            assert one.delay <= own, one


def test_a_live_source_is_never_starved() -> None:
    """Slow clocks, and silence that sends nothing: each frame leaves as it comes."""
    for source in (
        Live(drift=-0.01),
        Live(gaps=[(3, 4), (5, 9)]),
        Live(gaps=[(3, 4), (5, 9)], known=False),
        Live(step=2.0, known=False),
        Live(step=2.0, drift=0.01, known=False),
    ):
        sent = relay(source, seconds=60)
        assert len(sent) == len(source.frames(60)), source
        assert max(one.delay for one in sent[100:] or sent[-5:]) < 0.1, source


def test_a_backlog_is_spread() -> None:
    late = [one for one in relay(Live(), [(5.0, 0.8)]) if one.produced > 5.0]
    assert late[0].at == pytest.approx(5.8, abs=0.03)
    assert most_ahead(late[:10]) == pytest.approx(9 * 0.015, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    step=st.sampled_from([0.01, 0.02, 1 / 30, 0.1, 0.5]),
    work=st.floats(0, 1.2),
    slow=st.dictionaries(st.integers(1, 299), st.floats(0, 4), max_size=4),
)
def test_a_file_is_never_sent_in_a_burst(step: float, work: float, slow: dict[int, float]) -> None:
    source = File(step, work, slow)
    # What the schedule allows to catch up, a trial of one frame, or what it took for live.
    allowed = 0.25 + 2 * step + 0.1
    if work < 0.7:
        assert most_ahead(play(source, 300)) <= allowed, source
    else:  # it may be taken for live, and cannot do more than this
        assert most_ahead(play(source, 300), within=1.0) <= allowed + 1 / 0.7 - 1, source


def test_a_file_is_played_in_real_time() -> None:
    for source in (File(), File(work=0.5), File(step=1 / 30, work=0.9), File(step=2.0)):
        sent = play(source, 500)
        length = sent[-1].at - sent[0].at
        assert length == pytest.approx(499 * source.step, abs=0.2), source


def test_a_file_goes_on_where_it_was_after_a_stall() -> None:
    sent = play(File(slow={500: 3.0}))
    assert sent[500].at - sent[499].at == pytest.approx(3.0, abs=0.03)
    assert sent[999].at - sent[500].at == pytest.approx(499 * 0.02, abs=0.05)


def test_the_schedule_can_begin_at_a_given_time_and_never_move() -> None:
    schedule = SendSchedule(start=10.0, max_lag=1e9)
    assert schedule.schedule(0.5, 3.0) == pytest.approx(7.5)
    schedule.sent(0.5, 3.0, 10.5)
    assert schedule.schedule(0.52, 20.0) == pytest.approx(0)
    schedule.sent(0.52, 20.0, 20.0)
    assert schedule.schedule(11.0, 20.0) == pytest.approx(1.0)
    assert schedule.moved == 0


def test_a_file_behind_a_live_source_waits_again() -> None:
    schedule, now = SendSchedule(), 0.0
    for number in range(200):
        now = number * 0.02
        assert schedule.schedule(now, now, live=True) == 0
        schedule.sent(now, now, now, live=True)
    position = now
    for _ in range(50):
        position += 0.02
        delay = schedule.schedule(position, now)
        schedule.sent(position, now, now + delay)
        now += delay
    assert now == pytest.approx(position, abs=0.001)

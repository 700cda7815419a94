"""When the frames of a track are due: those of a file in real time, those of a live source at once.

Theory of operation
    The schedule fixes when position 0 of the track's timeline is. A file can give its frames at
    any speed, so each waits until it is due. Deadlines are absolute: neither the time that the
    caller needs nor a late wake-up adds up. Where a file is late by more than the allowed lag,
    because the program or its disk stood still, the schedule moves: it goes on where it was.

    A live source has a pace of its own, and whatever waits for it (a backlog after a stall, a
    clock that runs faster than ours) would be delay for ever. So its frames are never held until
    they are due. They are only spread, to at most four times as fast as they play: a backlog of
    two seconds is gone within one.

    Frames that were received just now are live, and the caller says so. Of others the schedule
    finds out. A file is never waited for, or it works on its next frame only once the last one was
    taken. A live source is waited for, and its frames come when they are due or later, however
    early they are due. So where a source was waited for but came early, the schedule is advanced
    by as much for a trial. A source that lets the schedule wait in two periods, one after the
    other, is live. If it then gives more than a live one can have, it was none (an encoder that is
    hardly faster than real time), and it takes twice as long to be convinced again.

Synchronous, and told what time it is, on any clock in seconds. `schedule` changes nothing, so that
a frame whose sending was cancelled can be scheduled again; `sent` tells that it left.
"""

from __future__ import annotations

import math

__all__ = ["DEFAULT_MAX_LAG", "SendSchedule"]

DEFAULT_MAX_LAG = 0.25
"""Seconds by which a file may be late before its schedule is moved."""

_CATCH_UP = 4.0  # times real time at which a backlog is sent
_MAX_SPREAD = 0.02  # seconds between two frames of a backlog; rare frames need not be spread
_PERIOD = 0.5  # seconds of observation
_MIN_FRAMES = 5  # in a period
_EVIDENCE = 2  # periods that convince
_MAX_BACKOFF = 128  # periods
_ON_TIME = 0.005  # seconds before it is due at which a frame still counts as late
_ON_TIME_SHARES = (0.1, 0.2)  # the same at least and at most, as shares of a frame's time
_IDLE = 0.001  # seconds; a source that takes less was not waited for
_IDLE_SHARE = 0.7  # of a frame's time, for which a live source is waited for
_MIN_STARVED = 2  # frames of a period that the schedule has to wait for
_STARVED_SHARE = 0.15  # the same, as a share: live sources may come in batches
_AHEAD = 0.1  # seconds that a live source may be earlier than before
_BASELINE = 2.0  # seconds for which it is remembered how early the source was
_MAX_DRIFT = 0.015  # seconds by which a source's clock may gain on ours in a second


class SendSchedule:
    """When the frames of one track are due.

    Args:
        start: When position 0 is due; by default the first frame is due at once.
        max_lag: Seconds by which a file may be late before its schedule is moved; what was missed
            by less is sent four times as fast. ``math.inf`` never moves it.
        observe: Whether to find out by itself what is live, beside what the caller knows to be.

    Attributes:
        moved: Seconds by which the schedule was moved because of lags.
    """

    def __init__(
        self,
        *,
        start: float | None = None,
        max_lag: float = DEFAULT_MAX_LAG,
        observe: bool = True,
    ) -> None:
        self.moved = 0.0
        self._observe = observe
        self._zero = start
        self._max_lag = max_lag
        self._position: float | None = None  # of the last frame
        self._planned = 0.0  # when that was to be sent
        self._returned = 0.0  # when the caller was free to get the next one
        self._pace = _PaceObserver()

    def schedule(self, position: float, now: float, *, live: bool = False) -> float:
        """Return how many seconds a frame has to wait. This changes nothing.

        Args:
            position: Where the frame is on the track's timeline, in seconds; never less than that
                of the frame before it, see `Timeline`.
            now: What time it is.
            live: Whether it is known to come from a live source.
        """
        return self._due(position, now, live) - now

    def sent(self, position: float, arrived: float, now: float, *, live: bool = False) -> None:
        """Take notice that a frame was sent.

        Args:
            position: Of the frame.
            arrived: The time at which it was scheduled.
            now: What time it is.
            live: As it was scheduled.
        """
        due = self._due(position, arrived, live)
        if self._zero is None or live:
            self._zero = due - position  # also for a file that may follow
        elif self._position is not None:
            self._adjust(position, arrived)
        self._position, self._planned, self._returned = position, due, now

    def _due(self, position: float, now: float, live: bool) -> float:
        if self._position is None:
            return now if self._zero is None else max(now, self._zero + position)
        assert self._zero is not None  # once a frame was sent
        # As soon as the frames before it allow.
        step = position - self._position
        soon = max(now, self._planned + min(step / _CATCH_UP, _MAX_SPREAD))
        if live or self._pace.is_live(now - position):
            return soon
        due = self._zero - self._pace.advance + position
        if due >= now:
            return due
        return soon if now - due <= self._max_lag else now

    def _adjust(self, position: float, arrived: float) -> None:
        """Observe the source, and move the schedule if need be."""
        assert self._position is not None
        assert self._zero is not None  # once a frame was sent
        lag = arrived - self._zero - position
        if lag > self._max_lag and not self._pace.live:
            self._zero += lag
            self.moved += lag
            self._pace.restart()
        elif self._observe:
            self._take_notice(position, arrived, lag)

    def _take_notice(self, position: float, arrived: float, lag: float) -> None:
        assert self._position is not None  # the caller asks only behind another frame
        self._pace.observe(
            offset=arrived - position,
            step=position - self._position,
            lead=-lag - self._pace.advance,
            idle=arrived - self._returned,
            now=arrived,
        )
        if self._pace.live:
            self._zero = self._pace.earliest


class _PaceObserver:
    """Finds out whether a source has a pace of its own.

    Attributes:
        live: Whether it has.
        advance: Seconds by which the schedule is to be earlier, for a trial.
    """

    def __init__(self) -> None:
        self.live = False
        self.advance = 0.0
        self._needed = _EVIDENCE  # periods that convince
        self._pause = 0  # periods until the next trial
        self._backoff = 1
        self.restart()

    def restart(self) -> None:
        """Forget what was observed, after everything stood still."""
        self._found = 0  # periods in a row that speak for a live source
        self._floor = _Floor()
        self._begin_period(None)

    def _begin_period(self, now: float | None) -> None:
        self._begin = now
        self._frames = 0
        self._starved = 0  # frames that the schedule had to wait for
        self._least_lead = math.inf

    @property
    def earliest(self) -> float:
        """How early a live source can be: the least of time minus position lately."""
        return self._floor.value

    def is_live(self, offset: float) -> bool:
        """Whether a frame that comes at this time minus its position is of a live source."""
        return self.live and offset >= self.earliest - _AHEAD

    def observe(self, offset: float, step: float, lead: float, idle: float, now: float) -> None:
        """Take notice of a frame.

        Args:
            offset: When it came, minus its position.
            step: Seconds between it and the frame before it.
            lead: Seconds from its coming until it was due.
            idle: Seconds for which it was waited for.
            now: When it came.
        """
        if self.live and not self.is_live(offset):
            self.live, self._found, self.advance = False, 0, 0.0
            self._needed = min(2 * self._needed, _MAX_BACKOFF)
        else:
            self._floor.add(offset, now)
        if idle > _IDLE:
            self._starved += idle >= _IDLE_SHARE * step and lead <= _on_time(step)
            self._least_lead = min(self._least_lead, lead)
        self._frames += 1
        if self._begin is None:
            self._begin = now
        if now - self._begin >= _PERIOD and self._frames >= _MIN_FRAMES:
            self._judge()
            self._begin_period(now)

    def _judge(self) -> None:
        """Draw the conclusion from a period."""
        if self._starved >= max(_MIN_STARVED, _STARVED_SHARE * self._frames):
            self._found += 1
            self.live |= self._found >= self._needed
            return
        self._found = 0
        if self.advance:  # the trial failed: the source is as early as before
            self.advance = 0.0
            self._pause, self._backoff = self._backoff, min(2 * self._backoff, _MAX_BACKOFF)
        elif self._pause:
            self._pause -= 1
        elif self._least_lead < math.inf:
            self.advance = self._least_lead


def _on_time(step: float) -> float:
    """Seconds before it is due at which a frame still counts as late."""
    least, most = _ON_TIME_SHARES
    return min(max(_ON_TIME, least * step), most * step)


class _Floor:
    """The least of the values of the last two to four seconds; it falls only as clocks drift."""

    def __init__(self) -> None:
        self.value = math.inf
        self._begin = -math.inf  # of the current window
        self._least = math.inf  # of the current window
        self._before = math.inf  # of the window before it
        self._time = 0.0

    def add(self, value: float, now: float) -> None:
        """Take a value."""
        if now - self._begin >= _BASELINE:
            self._before, self._least, self._begin = self._least, value, now
        self._least = min(self._least, value)
        least = min(self._least, self._before)
        lowest = self.value - _MAX_DRIFT * (now - self._time)
        self.value = least if self.value == math.inf else max(least, lowest)
        self._time = now

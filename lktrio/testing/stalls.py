"""Finding what holds up the event loop.

trio runs one task at a time: one that computes for long, or calls something that blocks, holds up
all others, media included. `detect_stalls` tells which task it was.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import trio

__all__ = ["Stall", "StallDetector", "detect_stalls"]


@dataclass(frozen=True, slots=True)
class Stall:
    """A step of a task that took too long."""

    task: str
    """Name of the task."""
    seconds: float
    """How long nothing else could run, in real time."""

    def __str__(self) -> str:
        return f"{self.task} held the event loop for {self.seconds * 1000:.0f} ms"


class StallDetector(trio.abc.Instrument):
    """Measures every step of every task.

    Attributes:
        limit: Seconds of real time that a step may take.
        stalls: The steps that took longer.
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.stalls: list[Stall] = []
        self._began = math.inf  # it may begin to watch in the middle of a step
        self._collecting_since = math.inf

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """A task begins to run."""
        self._began = time.perf_counter()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """A task waits again, or is over."""
        seconds = time.perf_counter() - self._began
        if seconds > self.limit:
            self.stalls.append(Stall(task.name, seconds))

    def on_collection(self, phase: str, info: dict[str, int]) -> None:
        """A garbage collection, which is not the fault of the task, begins or ends."""
        now = time.perf_counter()
        if phase == "start":
            self._collecting_since = now
        elif self._collecting_since < math.inf:
            self._began += now - self._collecting_since

    def check(self) -> None:
        """Complain about stalls.

        Raises:
            AssertionError: There were some; the text names the tasks.
        """
        if self.stalls:
            raise AssertionError("; ".join(map(str, self.stalls)))


@contextmanager
def detect_stalls(limit: float = 0.1) -> Generator[StallDetector, None, None]:
    """Watch the event loop for the duration of a block, and complain at its end.

    ::

        with detect_stalls(limit=0.05):
            await run_my_bot()

    It counts real time, also where trio's clock is another, but not the garbage collector's: that
    takes as long as everything in memory demands, 0.1 s under pytest, whichever task runs. A busy
    machine stalls tasks as well, so a limit below 50 ms tells little.

    Args:
        limit: Seconds that one step of one task may take.

    Raises:
        AssertionError: A step took longer; the text names the task. Not when the block raises.
    """
    detector = StallDetector(limit)
    trio.lowlevel.add_instrument(detector)
    gc.callbacks.append(detector.on_collection)
    try:
        yield detector
    finally:
        gc.callbacks.remove(detector.on_collection)
        trio.lowlevel.remove_instrument(detector)
    detector.check()

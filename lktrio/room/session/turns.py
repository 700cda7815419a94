"""Turns of those who wait to send over one channel.

Theory of operation: there are two lanes, small packets and bulk. Both are first come, first served.
When both wait, they share by bytes (start-time fair queueing): each lane has a virtual time that
its packets push forward by their size, and the lane that is behind is next. A lane that was idle
starts at the present virtual time, so a small packet after a pause is next at once, however much
bulk waits, and no flood of small ones keeps bulk from its half.
"""

from __future__ import annotations

import enum
from collections import deque

import trio

__all__ = ["Lane", "Turns", "Waiting"]

_OVERHEAD = 64  # bytes that a packet costs beside its own


class Lane(enum.IntEnum):
    """Which packets wait together."""

    SMALL = 0
    """Calls, messages, the ends of streams: what is late if it waits."""
    BULK = 1
    """Contents."""


class Waiting:
    """A packet that waits, with the task that sends it."""

    __slots__ = ("lane", "packet", "sent", "task")

    def __init__(self, packet: bytes, lane: Lane) -> None:
        self.packet = packet
        self.lane = lane
        self.sent = False
        self.task = trio.lowlevel.current_task()


class Turns:
    """Who waits, and who is next."""

    def __init__(self) -> None:
        self._now = 0
        self._times = [0 for _ in Lane]
        self._waiting: list[deque[Waiting]] = [deque() for _ in Lane]

    def is_next(self, lane: Lane) -> bool:
        """Whether a packet that comes now needs to wait for nobody."""
        if self._waiting[lane]:
            return False
        first = self.first()
        return first is None or max(self._times[lane], self._now) <= self._times[first.lane]

    def first(self) -> Waiting | None:
        """Who is next of those who wait."""
        lanes = [lane for lane in Lane if self._waiting[lane]]
        return self._waiting[min(lanes, key=self._times.__getitem__)][0] if lanes else None

    def passed(self, lane: Lane, size: int) -> None:
        """A packet went."""
        self._now = max(self._times[lane], self._now)
        self._times[lane] = self._now + size + _OVERHEAD

    async def wait(self, packet: bytes, lane: Lane) -> bool:
        """Wait for a turn; cancelled, the packet waits no more.

        Returns:
            Whether the packet was sent, by :meth:`release`; otherwise to look at everything anew.
        """
        line = self._waiting[lane]
        waiting = Waiting(packet, lane)
        if not line:
            self._times[lane] = max(self._times[lane], self._now)
        line.append(waiting)

        def abort(raise_cancel: object) -> trio.lowlevel.Abort:
            line.remove(waiting)
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)
        return waiting.sent

    def release(self, waiting: Waiting) -> None:
        """The first of those who wait was sent."""
        self._waiting[waiting.lane].popleft()
        waiting.sent = True
        trio.lowlevel.reschedule(waiting.task)

    def disperse(self) -> None:
        """Let everybody look at everything anew."""
        for line in self._waiting:
            for waiting in line:
                trio.lowlevel.reschedule(waiting.task)
            line.clear()

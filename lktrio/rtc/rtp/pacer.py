"""Spreads the packets of large frames over time, so that a keyframe does not overrun the path.

Theory of operation
    A frame of a few packets leaves at once, as does all audio. What is larger is queued for its
    stream and leaves in batches of one tick (5 ms), so that a frame of 100 packets is a few system
    calls and a few timer events. Frames behind it follow in order; other streams do not wait.

    The rate is what the path allows: what the peer estimates to be able to receive (REMB), or a
    multiple of what the stream sent lately, which a path that has carried it so far stands for a
    fraction of a second, and at least a floor that paths for video mostly stand. No packet waits
    for more than 250 ms: if the rate would need longer, it is exceeded.

    Payloads are protected when they leave, which makes their send times and transport sequence
    numbers true. Between ticks nothing happens, and with empty queues there are no ticks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from lktrio.rtc.base import NEVER
from lktrio.rtc.rtp.extensions import AudioLevel
from lktrio.rtc.rtp.outbound import OutboundStream

__all__ = ["BURST", "MAX_QUEUE_TIME", "MIN_RATE", "TICK", "Pacer"]

TICK = 0.005
"""Seconds between two batches."""

MAX_QUEUE_TIME = 0.25
"""Seconds within which every packet leaves."""

BURST = 12
"""Packets of a frame that leave at once: at 2.5 Mbit/s, ordinary frames have about ten."""

MIN_RATE = 6_250_000.0
"""Bits per second of a spread frame, at least, as long as nothing is known of the path."""

_HEADROOM = 2.5  # rate of a spread frame over the bit rate of its stream, as in libwebrtc
_MEASURED = 1.0  # seconds from which on the rate of a stream is measured


class _Flow:
    """One stream with large frames: its rate, and what waits."""

    __slots__ = ("allowance", "due", "last", "measured_at", "octets", "queue", "queued", "rate")

    def __init__(self, stream: OutboundStream, now: float) -> None:
        self.queue: deque[tuple[bytes, int, bool, float]] = deque()
        self.queued = 0
        self.rate = 0.0  # bits per second that the stream sent lately
        self.measured_at = now
        self.octets = stream.stats.octets_sent
        self.last = -NEVER
        self.due = NEVER
        self.allowance = 0.0

    def measure(self, stream: OutboundStream, now: float) -> None:
        elapsed = now - self.measured_at
        if elapsed >= _MEASURED:
            octets = stream.stats.octets_sent
            self.rate = 8 * (octets - self.octets) / elapsed
            self.measured_at, self.octets = now, octets

    def push(self, payloads: Sequence[bytes], timestamp: int, now: float) -> None:
        if not self.queue:
            self.due = max(now, self.last + TICK)
            self.last = max(self.last, now - TICK)  # idle time is no credit
        last = len(payloads) - 1
        for number, payload in enumerate(payloads):
            self.queue.append((payload, timestamp, number == last, now))
            self.queued += len(payload)

    def release(self, stream: OutboundStream, rate: float, now: float) -> list[bytes]:
        """The datagrams that are due."""
        queue = self.queue
        left = max(queue[0][-1] + MAX_QUEUE_TIME - now, TICK)  # for the oldest, and so for all
        elapsed, self.last = now - self.last, now
        self.allowance = min(self.allowance, 0.0) + elapsed * max(rate / 8, self.queued / left)
        datagrams: list[bytes] = []
        while queue and self.allowance > 0:
            payload, timestamp, marker, _ = queue.popleft()
            self.allowance -= len(payload)
            self.queued -= len(payload)
            datagrams.append(stream.send_payload(payload, timestamp, marker, now))
        self.due = now + TICK if queue else NEVER
        return datagrams


class Pacer:
    """Sends the frames of one transport.

    Attributes:
        estimate: What the path is estimated to carry in bit/s, or None.
    """

    __slots__ = ("_due", "_flows", "estimate")

    def __init__(self) -> None:
        self.estimate: float | None = None
        self._flows: dict[OutboundStream, _Flow] = {}
        self._due = NEVER

    def send(
        self,
        stream: OutboundStream,
        data: bytes,
        timestamp: int,
        now: float,
        level: AudioLevel | None = None,
    ) -> list[bytes]:
        """Take one frame; see `OutboundStream.send_frame` for arguments and errors.

        Returns:
            What leaves at once, in order; the rest comes from `handle_timer`.
        """
        payloads = stream.packetize(data, level)
        flow = self._flows.get(stream)
        if len(payloads) <= BURST and (flow is None or not flow.queue):
            last = len(payloads) - 1
            return [
                stream.send_payload(payload, timestamp, number == last, now, level)
                for number, payload in enumerate(payloads)
            ]
        if flow is None:
            flow = self._flows[stream] = _Flow(stream, now)
        flow.measure(stream, now)
        flow.push(payloads, timestamp, now)
        self._due = min(self._due, flow.due)
        return self.handle_timer(now)

    def delay(self, stream: OutboundStream) -> float:
        """Seconds until everything that a stream has queued has left, at most."""
        flow = self._flows.get(stream)
        return min(8 * flow.queued / self._rate(flow), MAX_QUEUE_TIME) if flow is not None else 0.0

    def discard(self, stream: OutboundStream) -> None:
        """Drop what is queued for a stream that ends."""
        self._flows.pop(stream, None)

    def next_timer(self) -> float:
        """When the next batch leaves, or earlier."""
        return self._due

    def handle_timer(self, now: float) -> list[bytes]:
        """Return the datagrams that are due."""
        if now < self._due:
            return []
        datagrams: list[bytes] = []
        self._due = NEVER
        for stream, flow in self._flows.items():
            if flow.due <= now:
                datagrams += flow.release(stream, self._rate(flow), now)
            self._due = min(self._due, flow.due)
        return datagrams

    def _rate(self, flow: _Flow) -> float:
        if self.estimate is not None:
            return max(self.estimate, flow.rate)
        return max(MIN_RATE, _HEADROOM * flow.rate)

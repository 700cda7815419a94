"""Spreads the packets of video frames over time, so that a keyframe does not overrun the path.

Theory of operation
    A leaky bucket: queued payloads leave at `Pacer.bitrate` times a headroom, in batches of one
    tick (5 ms), so that a frame of 30 packets is a few system calls and a few timer events.
    Payloads are protected when they leave, which makes their send times and transport sequence
    numbers true. The queue never holds more than 250 ms: if the rate would need longer, it is
    exceeded. Audio does not pass through here.

    Between ticks nothing happens, and with an empty queue there are no ticks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from lktrio.rtc.base import NEVER
from lktrio.rtc.rtp.outbound import OutboundStream

__all__ = ["MAX_QUEUE_TIME", "TICK", "Pacer"]

TICK = 0.005
"""Seconds between two batches."""

MAX_QUEUE_TIME = 0.25
"""Seconds within which everything queued leaves."""

_HEADROOM = 2.5  # pacing rate over target bit rate, as in libwebrtc
_DEFAULT_BITRATE = 2_500_000.0


class Pacer:
    """Queue of video payloads of one transport.

    Attributes:
        bitrate: Target of the encoders together, in bit/s; the estimate for the path.
        queued: Payload bytes in the queue.
    """

    __slots__ = ("_allowance", "_due", "_last", "_queue", "bitrate", "queued")

    def __init__(self, bitrate: float = _DEFAULT_BITRATE) -> None:
        self.bitrate = bitrate
        self.queued = 0
        self._queue: deque[tuple[OutboundStream, bytes, int, bool, float]] = deque()
        self._due = NEVER
        self._last = -NEVER
        self._allowance = 0.0

    @property
    def delay(self) -> float:
        """Seconds until a payload queued now leaves."""
        return min(8 * self.queued / (_HEADROOM * self.bitrate), MAX_QUEUE_TIME)

    def push(
        self, stream: OutboundStream, payloads: Sequence[bytes], timestamp: int, now: float
    ) -> None:
        """Queue the payloads of one frame, as `OutboundStream.packetize` made them.

        Args:
            stream: The stream.
            payloads: Its payloads in order.
            timestamp: As for `OutboundStream.send_frame`.
            now: The time.
        """
        last = len(payloads) - 1
        for number, payload in enumerate(payloads):
            self._queue.append((stream, payload, timestamp, number == last, now))
            self.queued += len(payload)
        if self._due == NEVER and self._queue:
            self._due = max(now, self._last + TICK)
            self._last = max(self._last, now - TICK)  # idle time is no credit

    def discard(self, stream: OutboundStream) -> None:
        """Drop what is queued for a stream that ends."""
        self._queue = deque(entry for entry in self._queue if entry[0] is not stream)
        self.queued = sum(len(entry[1]) for entry in self._queue)
        if not self._queue:
            self._due = NEVER

    def next_timer(self) -> float:
        """When the next batch leaves."""
        return self._due

    def handle_timer(self, now: float) -> list[bytes]:
        """Return the datagrams of the batch that is due."""
        if now < self._due:
            return []
        queue = self._queue
        left = max(queue[0][-1] + MAX_QUEUE_TIME - now, TICK)  # for the oldest, and so for all
        elapsed = now - self._last
        self._last = now
        rate = max(_HEADROOM * self.bitrate / 8, self.queued / left)
        self._allowance = min(self._allowance, 0.0) + elapsed * rate
        datagrams: list[bytes] = []
        while queue and self._allowance > 0:
            stream, payload, timestamp, marker, _ = queue.popleft()
            self._allowance -= len(payload)
            self.queued -= len(payload)
            datagrams.append(stream.send_payload(payload, timestamp, marker, now))
        self._due = now + TICK if queue else NEVER
        return datagrams

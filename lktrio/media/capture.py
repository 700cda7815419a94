"""When received media was captured, on our clock.

Theory of operation: the timestamps of RTP begin anywhere, at another number for each track. A
sender report (RFC 3550 section 6.4.1) says which of them belongs to which time on the sender's
clock. That clock is the same for all tracks of a sender, and off from ours by any amount, so a
`SenderClock` finds out by how much: nothing comes before it was captured, so of all frames and
reports, the one that came the quickest tells best. How long that one took it does not know, so all
times are late by as much, on all tracks alike.

Before the first report of a track, its frames are taken to have been captured as early as they
would have to be for none to come before its time, which is late by the same journey.

Synchronous. All times are seconds; those on our clock may be Unix time or any other.
"""

from __future__ import annotations

import math

__all__ = ["CaptureClock", "SenderClock"]

_WINDOW = 30.0  # seconds, for one to two of which an offset is remembered: clocks drift
_NTP_FRACTION = 2.0**32  # of a second, in the lower half of an NTP timestamp
_UNIX_TO_NTP = 2_208_988_800  # seconds from 1900 to 1970, RFC 5905 section 6
_TIMESTAMPS = 2**32  # RTP timestamps are modulo this


class SenderClock:
    """The clock of one sender: one for all tracks of a participant."""

    def __init__(self) -> None:
        self._begin = -math.inf  # of the current window
        self._least = math.inf  # offset of the current window
        self._before = math.inf  # of the window before it

    def observe(self, sent: float, arrived: float) -> None:
        """Take notice of a frame or a report.

        Args:
            sent: When it was captured or sent, on the sender's clock.
            arrived: When it came, on ours.
        """
        offset = arrived - sent
        if arrived - self._begin >= _WINDOW:
            self._before, self._least, self._begin = self._least, offset, arrived
        self._least = min(self._least, offset)

    def local(self, time: float) -> float:
        """A time of the sender's clock on ours; only after an observation."""
        return time + min(self._least, self._before)


class CaptureClock:
    """Tells when the frames of one track were captured.

    Args:
        clock_rate: Of the timestamps, in Hz.
        sender: The clock of who sends the track.
    """

    def __init__(self, clock_rate: int, sender: SenderClock) -> None:
        self._clock_rate = clock_rate
        self._sender = sender
        self._report: tuple[float, int] | None = None
        self._least_delay = math.inf  # of arrival minus timestamp, before the first report
        self._last: int | None = None  # timestamp of the last frame before it

    def on_report(self, ntp_time: int, rtp_time: int, arrived: float) -> None:
        """Take a sender report.

        Args:
            ntp_time: Its NTP timestamp: 64 bits, of which 32 are a fraction.
            rtp_time: The RTP timestamp of the same moment.
            arrived: When it came, on our clock.
        """
        sent = ntp_time / _NTP_FRACTION - _UNIX_TO_NTP
        self._report = sent, rtp_time
        self._sender.observe(sent, arrived)
        if self._last is not None:  # what was found out before counts as well
            timestamp = self._last
            self._last = None
            media = timestamp / self._clock_rate
            self._sender.observe(
                self._sent_at(timestamp, sent, rtp_time), media + self._least_delay
            )

    def time_of(self, timestamp: int, arrived: float) -> float:
        """Return when a frame was captured, on our clock.

        Args:
            timestamp: Its RTP timestamp, extended so that it does not wrap.
            arrived: When it came, on our clock.
        """
        if self._report is None:
            media = timestamp / self._clock_rate
            self._least_delay = min(self._least_delay, arrived - media)
            self._last = timestamp
            return media + self._least_delay
        sent = self._sent_at(timestamp, *self._report)
        self._sender.observe(sent, arrived)
        return self._sender.local(sent)

    def _sent_at(self, timestamp: int, sent: float, rtp_time: int) -> float:
        """The time on the sender's clock that belongs to a timestamp, by a report."""
        ticks = (timestamp - rtp_time) % _TIMESTAMPS
        if ticks >= _TIMESTAMPS // 2:
            ticks -= _TIMESTAMPS
        return sent + ticks / self._clock_rate

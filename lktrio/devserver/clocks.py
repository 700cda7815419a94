"""The clock of a publisher, as its sender reports show it.

Subscribers play tracks in synchrony if the reports of all tracks of one publisher are in one time.
How far the publisher's clock is off does not matter for that, as long as it is one number for
all of them: the least delay that any report has shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from lktrio.rtc.rtp.inbound import InboundStream
from lktrio.rtc.rtp.ntp import unix_time

__all__ = ["PublisherClock"]


class PublisherClock:
    """How far the clock of one publisher is off."""

    def __init__(self) -> None:
        self._delay = math.inf
        self._seen: dict[int, int] = {}

    def observe(self, streams: Iterable[InboundStream], now: float) -> float | None:
        """Look at the newest reports of all its streams.

        Args:
            streams: All that it sends; what others sent is forgotten.
            now: The time.

        Returns:
            The publisher's time, None as long as no report came.
        """
        seen: dict[int, int] = {}
        for stream in streams:
            report = stream.sender_report
            if report is None:
                continue
            seen[stream.ssrc] = report.ntp_time
            if self._seen.get(stream.ssrc) != report.ntp_time:
                self._delay = min(self._delay, now - unix_time(report.ntp_time))
        self._seen = seen
        return now - self._delay if seen else None

"""The round trip of a participant that only receives (RFC 3611 sections 4.4 and 4.5).

Sender reports measure it for who sends media; extended reports do for everybody else.
"""

from __future__ import annotations

from lktrio.rtc.rtcp import (
    DelaySinceLastReport,
    DlrrBlock,
    ExtendedReport,
    ReceiverReferenceTime,
)
from lktrio.rtc.rtp.ntp import DELAY_UNITS, delay_units, ntp_middle, ntp_time

__all__ = ["RoundTrip"]

_REMEMBERED_REPORTS = 8
_MAX_REPORTERS = 32


class RoundTrip:
    """Measures the round trip with extended reports, and answers the other side's.

    Attributes:
        seconds: The last measured round trip, None before the first.
    """

    __slots__ = ("_asked", "_heard", "seconds")

    def __init__(self) -> None:
        self.seconds: float | None = None
        self._asked: dict[int, float] = {}
        self._heard: dict[int, tuple[int, float]] = {}

    def ask(self, sender_ssrc: int, wall: float, now: float) -> ExtendedReport:
        """Return a report with our reference time (RFC 3611 section 4.4), best once a second.

        Args:
            sender_ssrc: Who reports.
            wall: Unix time in seconds.
            now: The time.
        """
        ntp = ntp_time(wall)
        self._asked[ntp_middle(ntp)] = now
        while len(self._asked) > _REMEMBERED_REPORTS:
            del self._asked[next(iter(self._asked))]
        return ExtendedReport(sender_ssrc, (ReceiverReferenceTime(ntp),))

    def receive(self, report: ExtendedReport, now: float) -> None:
        """Take an extended report: remember its reference time, learn from its answers."""
        for block in report.blocks:
            if isinstance(block, ReceiverReferenceTime):
                if report.ssrc in self._heard or len(self._heard) < _MAX_REPORTERS:
                    self._heard[report.ssrc] = (ntp_middle(block.ntp_time), now)
            elif isinstance(block, DlrrBlock):
                for answer in block.reports:
                    self._learn(answer, now)

    def _learn(self, answer: DelaySinceLastReport, now: float) -> None:
        asked = self._asked.get(answer.last_reference_time)
        if asked is not None:
            self.seconds = max(now - asked - answer.delay / DELAY_UNITS, 0.0)

    def answer(self, sender_ssrc: int, now: float) -> ExtendedReport | None:
        """Return the answer to the reference times heard (RFC 3611 section 4.5), if any."""
        heard, self._heard = self._heard, {}
        if not heard:
            return None
        reports = tuple(
            DelaySinceLastReport(ssrc, middle, delay_units(now - when))
            for ssrc, (middle, when) in heard.items()
        )
        return ExtendedReport(sender_ssrc, (DlrrBlock(reports),))

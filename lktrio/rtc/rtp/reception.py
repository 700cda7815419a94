"""What a receiver report says of one SSRC (RFC 3550 section 6.4.1, appendices A.3 and A.8)."""

from __future__ import annotations

from lktrio.rtc.rtcp import ReportBlock, SenderReport
from lktrio.rtc.rtp.ntp import delay_units, ntp_middle

__all__ = ["Reception"]

_MAX_JITTER_STEP = 5.0  # seconds; a larger jump is a new start of the timestamps


class Reception:
    """What a receiver report says of one SSRC (RFC 3550 appendices A.3 and A.8).

    Attributes:
        ssrc: The SSRC.
        highest: Highest extended sequence number, -1 before the first packet.
        received: Packets received.
        jitter: Interarrival jitter in timestamp units.
    """

    __slots__ = (
        "_arrival",
        "_base",
        "_clock_rate",
        "_expected_before",
        "_received_before",
        "_report_arrival",
        "_report_middle",
        "_timestamp",
        "highest",
        "jitter",
        "received",
        "ssrc",
    )

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self._clock_rate = clock_rate
        self.highest = -1
        self.received = 0
        self.jitter = 0.0
        self._base = -1
        self._timestamp = -1
        self._arrival = 0.0
        self._expected_before = 0
        self._received_before = 0
        self._report_middle = 0
        self._report_arrival = 0.0

    def record(self, index: int, timestamp: int, now: float) -> None:
        """Count one packet of the SSRC."""
        self.received += 1
        if index > self.highest:
            if self.highest < 0:
                self._base = index
                self._timestamp = timestamp
                self._arrival = now
            self.highest = index
            if timestamp != self._timestamp:
                self._update_jitter(timestamp, now)
        elif index < self._base:
            self._base = index

    def _update_jitter(self, timestamp: int, now: float) -> None:
        rate = self._clock_rate
        step = (timestamp - self._timestamp) & 0xFFFFFFFF
        if step >= 0x80000000:
            step -= 0x100000000
        difference = abs((now - self._arrival) * rate - step)
        self._timestamp = timestamp
        self._arrival = now
        if difference < _MAX_JITTER_STEP * rate:
            self.jitter += (difference - self.jitter) / 16.0

    @property
    def lost(self) -> int:
        """Packets expected but not received so far; negative if more came than expected."""
        return self.highest - self._base + 1 - self.received if self.highest >= 0 else 0

    def on_sender_report(self, report: SenderReport, now: float) -> None:
        """Remember a sender report for the next report block."""
        self._report_middle = ntp_middle(report.ntp_time)
        self._report_arrival = now

    def interval_loss(self) -> tuple[int, int]:
        """Packets expected and lost since the call before."""
        expected = self.highest - self._base + 1 if self.highest >= 0 else 0
        new, received = expected - self._expected_before, self.received - self._received_before
        self._expected_before, self._received_before = expected, self.received
        return new, new - received

    def report_block(self, expected: int, lost: int, now: float) -> ReportBlock:
        """Return the block for an interval with these numbers of packets."""
        fraction = min((lost << 8) // expected, 255) if expected > 0 and lost > 0 else 0
        middle = self._report_middle
        return ReportBlock(
            self.ssrc,
            fraction,
            self.lost,
            self.highest & 0xFFFFFFFF,
            int(self.jitter) & 0xFFFFFFFF,
            middle,
            delay_units(now - self._report_arrival) if middle else 0,
        )

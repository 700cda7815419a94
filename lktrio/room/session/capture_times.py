"""When the frames of a remote track were captured, as Unix time.

Theory of operation: each stream of a track has timestamps of its own, which its sender reports put
in relation to the sender's clock; that clock is the same for all tracks of a participant
(`lktrio.media.capture`). Reports are looked at when frames come, as they are of no use earlier.
"""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

import trio

from lktrio.media import CaptureClock, SenderClock
from lktrio.room.state.remote import RemoteParticipant
from lktrio.rtc.rtcp import SenderReport
from lktrio.rtc.rtp.inbound import InboundStream

__all__ = ["CaptureTimes", "SenderClocks"]


class SenderClocks:
    """The clocks of the participants of a room."""

    def __init__(self) -> None:
        self._clocks: WeakKeyDictionary[RemoteParticipant, SenderClock] = WeakKeyDictionary()

    def of(self, participant: RemoteParticipant) -> SenderClock:
        """The clock of a participant."""
        return self._clocks.setdefault(participant, SenderClock())


class CaptureTimes:
    """Capture times of the frames of one track.

    Args:
        sender: The clock of its participant.
    """

    def __init__(self, sender: SenderClock) -> None:
        self._sender = sender
        self._unix_offset = time.time() - trio.current_time()
        self._clocks: dict[int, CaptureClock] = {}  # by SSRC
        self._reports: dict[int, SenderReport] = {}

    def forget_streams(self) -> None:
        """Other streams come: an SSRC that comes again is another one."""
        self._clocks.clear()
        self._reports.clear()

    def take_report(self, stream: InboundStream) -> None:
        """Take the last sender report of a stream, if there is a new one."""
        report = stream.sender_report
        if report is not None and self._reports.get(stream.ssrc) is not report:
            self._reports[stream.ssrc] = report
            arrived = stream.sender_report_arrival
            self._clock(stream).on_report(report.ntp_time, report.rtp_timestamp, arrived)

    def time_of(self, stream: InboundStream, timestamp: int, arrived: float) -> float:
        """Return when a frame was captured, as Unix time.

        Args:
            stream: The stream that it came in.
            timestamp: Its RTP timestamp.
            arrived: When it came, on trio's clock.
        """
        return self._clock(stream).time_of(timestamp, arrived) + self._unix_offset

    def _clock(self, stream: InboundStream) -> CaptureClock:
        clock = self._clocks.get(stream.ssrc)
        if clock is None:
            clock = self._clocks[stream.ssrc] = CaptureClock(stream.clock_rate, self._sender)
        return clock

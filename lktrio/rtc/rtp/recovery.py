"""What a stream does about packets that did not come: ask, wait, give up, want a keyframe.

Theory of operation
    A gap is asked for (`NackList`) where NACK was negotiated. Meanwhile the jitter buffer holds
    what came after it, for as long as a repair may take; a gap too large to repair holds up
    nothing. Where the gap leaves video without a reference, a keyframe is asked for, with PLI or
    else with FIR.

Implements: RFC 4585 section 6.2.1 (NACK), 6.3.1 (PLI); RFC 5104 section 4.3.1 (FIR).
"""

from __future__ import annotations

from dataclasses import dataclass

from lktrio.rtc.rtcp import FullIntraRequest, Nack, PictureLossIndication, RtcpPacket
from lktrio.rtc.rtp.keyframes import REQUEST_INTERVAL, KeyframeRequests
from lktrio.rtc.rtp.nack import REORDER_TOLERANCE, NackList, retry_interval

__all__ = ["InboundOptions", "Recovery"]


@dataclass(frozen=True, slots=True)
class InboundOptions:
    """Which feedback was negotiated for a stream."""

    nack: bool = False
    """Ask for missing packets (``nack``)."""
    pli: bool = False
    """Ask for keyframes with PLI (``nack pli``)."""
    fir: bool = False
    """Ask for keyframes with FIR (``ccm fir``), if not with PLI."""


class Recovery:
    """Feedback about what is missing of one stream.

    Args:
        ssrc: The stream.
        sender_ssrc: What our feedback calls us.
        options: Negotiated feedback.
    """

    __slots__ = ("_fir_count", "_keyframes", "_nacks", "_options", "_sender_ssrc", "_ssrc")

    def __init__(self, ssrc: int, sender_ssrc: int, options: InboundOptions) -> None:
        self._ssrc = ssrc
        self._sender_ssrc = sender_ssrc
        self._options = options
        self._nacks = NackList()
        self._keyframes = KeyframeRequests(REQUEST_INTERVAL)
        self._fir_count = 0

    def gap(self, start: int, stop: int, now: float) -> bool:
        """Note that packets from ``start`` to before ``stop`` are missing.

        Returns:
            False if they are too many to repair.
        """
        return not self._options.nack or self._nacks.add_gap(start, stop, now)

    def arrived(self, index: int) -> bool:
        """Note that a packet came late, repeated or restored; return whether it was missing."""
        return self._nacks.arrived(index)

    def hold(self, jitter: float, tries: int, round_trip: float) -> float:
        """Seconds for which a gap may hold up what came after it.

        Args:
            jitter: Of the arrivals, in seconds.
            tries: How often a packet may be asked for until then.
            round_trip: Seconds.
        """
        hold = 2.0 * jitter
        if self._options.nack:
            hold = max(hold, REORDER_TOLERANCE + tries * retry_interval(round_trip))
        return hold

    def want_keyframe(self, now: float) -> None:
        """Ask for a keyframe, at most once per half second."""
        self._keyframes.want(now)

    def keyframe_arrived(self, index: int) -> None:
        """Ask no more for a keyframe, nor for packets before ``index``, where it begins."""
        self._nacks.clear_before(index)
        self._keyframes.cancel()

    def next_timer(self) -> float:
        """When `collect` has something to ask for."""
        return min(self._nacks.due, self._keyframes.due)

    def collect(self, newest: int, round_trip: float, now: float) -> list[RtcpPacket]:
        """The feedback that is due.

        Args:
            newest: Highest extended sequence number received.
            round_trip: Seconds.
            now: The time.
        """
        packets: list[RtcpPacket] = []
        if now >= self._nacks.due:
            missing = self._nacks.collect(newest, round_trip, now)
            if missing:
                lost = tuple(index & 0xFFFF for index in missing)
                packets.append(Nack(self._sender_ssrc, self._ssrc, lost))
        if self._keyframes.take(now):
            packets += self._keyframe_request()
        return packets

    def _keyframe_request(self) -> list[RtcpPacket]:
        if self._options.pli:
            return [PictureLossIndication(self._sender_ssrc, self._ssrc)]
        if self._options.fir:
            self._fir_count = (self._fir_count + 1) & 0xFF
            return [FullIntraRequest(self._sender_ssrc, ((self._ssrc, self._fir_count),))]
        return []

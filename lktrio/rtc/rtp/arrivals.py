"""When packets arrived, for the congestion control of the sender.

Theory of operation
    `TwccReceiver` notes when each transport-wide sequence number arrived and reports in batches, so
    that the sender can estimate the path.

    `ArrivalMonitor` reads the header extensions that both kinds of congestion feedback need, from
    packets of every SSRC of a transport.

Implements: draft-holmer-rmcat-transport-wide-cc-extensions-01.
"""

from __future__ import annotations

from collections.abc import Iterator

from lktrio.rtc.base import NEVER
from lktrio.rtc.rtcp import (
    TICK,
    TICKS_PER_REFERENCE,
    RtcpPacket,
    TransportFeedback,
)
from lktrio.rtc.rtp.estimator import ReceiveBandwidth
from lktrio.rtc.rtp.extensions import ONE_BYTE_PROFILE, ExtensionIds, find_extension
from lktrio.rtc.rtp.header import (
    EXTENSION_BIT,
    EXTENSION_HEADER_SIZE,
    FIXED_HEADER_SIZE,
    MAX_CSRCS,
)
from lktrio.rtc.rtp.unwrapping import SequenceUnwrapper

__all__ = ["ArrivalMonitor", "TwccReceiver"]

_INTERVAL = 0.1
_BATCH = 100  # packets after which a report does not wait for the interval
_MAX_SPAN = 1000  # sequence numbers in one report
_MAX_DELTA = 0x7FFF
_TICKS_PER_SECOND = round(1 / TICK)

_ABSENT = -1  # no byte begins an element of this kind
_TRANSPORT_CC_SIZE = 2
_SEND_TIME_SIZE = 3
_ONE_BYTE_FORM = ONE_BYTE_PROFILE >> 8


class TwccReceiver:
    """Arrival times of transport-wide sequence numbers.

    Attributes:
        media_ssrc: Any stream of the transport; the last one that a packet came from.
        due: When `collect` has a report to send.
    """

    __slots__ = ("_arrivals", "_count", "_next", "_previous", "_unwrapper", "due", "media_ssrc")

    def __init__(self) -> None:
        self.media_ssrc = 0
        self.due = NEVER
        self._unwrapper = SequenceUnwrapper()
        self._arrivals: list[tuple[int, float]] = []
        self._previous: dict[int, float] = {}
        self._next = -1  # first sequence number that no report has covered
        self._count = 0

    def record(self, sequence: int, now: float) -> None:
        """Note the arrival of a 16-bit transport-wide sequence number."""
        arrivals = self._arrivals
        arrivals.append((sequence, now))
        if len(arrivals) == 1:
            self.due = now + _INTERVAL
        elif len(arrivals) == _BATCH:
            self.due = now

    def collect(self, sender_ssrc: int, now: float) -> list[TransportFeedback]:
        """Return the reports that are due, none if it is too early."""
        if now < self.due:
            return []
        self.due = NEVER
        records, self._arrivals = self._arrivals, []
        arrivals: dict[int, float] = {}
        for sequence, when in records:
            arrivals.setdefault(self._unwrapper.unwrap(sequence), when)
        first, last = min(arrivals), max(arrivals)
        reported, self._previous = self._previous, arrivals.copy()
        if first < self._next:
            # A late packet: say again what arrived after it, lest that look lost now.
            arrivals.update((n, when) for n, when in reported.items() if n > first)
        elif self._next >= 0 and last - self._next < _MAX_SPAN:
            first = self._next
        self._next = max(last + 1, self._next)
        return [
            self._feedback(sender_ssrc, *part) for part in _divide(first, sorted(arrivals.items()))
        ]

    def _feedback(
        self, sender_ssrc: int, base: int, reference: int, deltas: tuple[int | None, ...]
    ) -> TransportFeedback:
        count, self._count = self._count, (self._count + 1) & 0xFF
        reference = (reference & 0xFFFFFF ^ 0x800000) - 0x800000  # signed 24 bits, wrapping
        return TransportFeedback(
            sender_ssrc, self.media_ssrc, base & 0xFFFF, reference, count, deltas
        )


def _divide(
    base: int, arrivals: list[tuple[int, float]]
) -> Iterator[tuple[int, int, tuple[int | None, ...]]]:
    """Divide arrivals into what one report can hold: base, reference time, deltas."""
    deltas: list[int | None] = []
    reference = last = 0
    for index, when in arrivals:
        ticks = int(when * _TICKS_PER_SECOND)
        distant = index - base >= _MAX_SPAN or not -_MAX_DELTA < ticks - last < _MAX_DELTA
        if deltas and distant:
            yield base, reference, tuple(deltas)
            deltas = []
            base = index
        if not deltas:
            reference = ticks // TICKS_PER_REFERENCE
            last = reference * TICKS_PER_REFERENCE
        deltas.extend([None] * (index - base - len(deltas)))
        deltas.append(ticks - last)
        last = ticks
    yield base, reference, tuple(deltas)


class ArrivalMonitor:
    """Feeds both kinds of congestion feedback from the packets of one transport.

    Args:
        extensions: Element ids; those of all media sections of a transport are the same.
        twcc: Transport-wide feedback, None if it was not negotiated.
        bandwidth: Bandwidth estimate for REMB, None if it was not negotiated.
    """

    __slots__ = ("_extensions", "_send_time_element", "_transport_element", "bandwidth", "twcc")

    def __init__(
        self,
        extensions: ExtensionIds,
        twcc: TwccReceiver | None,
        bandwidth: ReceiveBandwidth | None,
    ) -> None:
        self.twcc = twcc
        self.bandwidth = bandwidth
        self.set_extensions(extensions)

    def set_extensions(self, extensions: ExtensionIds) -> None:
        """Take over element ids that were negotiated."""
        self._extensions = extensions
        self._transport_element = self._send_time_element = _ABSENT
        if extensions.transport_cc:
            self._transport_element = extensions.transport_cc << 4 | _TRANSPORT_CC_SIZE - 1
        if extensions.abs_send_time:
            self._send_time_element = extensions.abs_send_time << 4 | _SEND_TIME_SIZE - 1

    def observe(self, packet: bytes, header_length: int, now: float) -> None:
        """Take notice of one authenticated packet of any SSRC, padding and probes included."""
        twcc, bandwidth = self.twcc, self.bandwidth
        wanted = (twcc is not None) + (bandwidth is not None)
        sequence = sent = -1
        first = packet[0]
        if first & EXTENSION_BIT and wanted:
            position = FIXED_HEADER_SIZE + 4 * (first & MAX_CSRCS)
            if packet[position] == _ONE_BYTE_FORM:
                position += EXTENSION_HEADER_SIZE
                send_time = self._send_time_element if bandwidth is not None else _ABSENT
                transport = self._transport_element if twcc is not None else _ABSENT
                while wanted and position < header_length:
                    element = packet[position]
                    if element == send_time:
                        sent = int.from_bytes(packet[position + 1 : position + 4], "big")
                        position += 4
                        wanted -= 1
                    elif element == transport:
                        sequence = int.from_bytes(packet[position + 1 : position + 3], "big")
                        position += 3
                        wanted -= 1
                    else:
                        position += 2 + (element & 0x0F) if element else 1
            else:
                sequence, sent = self._read_two_byte(packet, header_length)
        if sequence >= 0 and twcc is not None:
            twcc.media_ssrc = int.from_bytes(packet[8:12], "big")
            twcc.record(sequence, now)
        if bandwidth is not None:
            bandwidth.record(len(packet), sent, now)

    def _read_two_byte(self, packet: bytes, header_length: int) -> tuple[int, int]:
        sequence = find_extension(packet, header_length, self._extensions.transport_cc)
        sent = find_extension(packet, header_length, self._extensions.abs_send_time)
        return (
            int.from_bytes(sequence[:2], "big") if sequence else -1,
            int.from_bytes(sent[:3], "big") if sent else -1,
        )

    def next_timer(self) -> float:
        """When `handle_timer` has something to send."""
        twcc = NEVER if self.twcc is None else self.twcc.due
        return twcc if self.bandwidth is None else min(twcc, self.bandwidth.due)

    def handle_timer(
        self, sender_ssrc: int, video_ssrcs: tuple[int, ...], now: float
    ) -> list[RtcpPacket]:
        """Return the feedback that is due.

        Args:
            sender_ssrc: Who reports.
            video_ssrcs: Media streams that a REMB is for.
            now: The time.
        """
        packets: list[RtcpPacket] = []
        if self.twcc is not None:
            packets += self.twcc.collect(sender_ssrc, now)
        if self.bandwidth is not None:
            remb = self.bandwidth.collect(sender_ssrc, video_ssrcs, now)
            if remb is not None:
                packets.append(remb)
        return packets

"""What a receiver tells a sender: lost packets, the need for a keyframe, arrivals, round trips.

Theory of operation
    Each class keeps one kind of feedback and knows when its next message is due (``due``); the
    streams and the peer put messages into RTCP packets. Nothing here looks at payloads.

    `NackList` (one per stream) names packets that are missing. The first request waits a moment
    for reordered packets; then it is repeated every 1.25 round trips until the packet comes or
    is given up. A gap too large to repair is not asked for at all.

    `KeyframeRequests` (one per stream) limits how often a keyframe is asked for.

    `TwccReceiver` (one per transport) notes when each transport-wide sequence number arrived and
    reports in batches, so that the sender can estimate the path.

    `ArrivalMonitor` (one per transport) reads the header extensions that both kinds of congestion
    feedback need, from packets of every SSRC.

    `RoundTrip` (one per transport) measures the round trip of a participant that only receives,
    with extended reports (RFC 3611), and answers the other side's.

Implements: RFC 4585 section 6.2.1 (NACK), 6.3.1 (PLI); RFC 5104 section 4.3.1 (FIR); RFC 3611
sections 4.4, 4.5; draft-holmer-rmcat-transport-wide-cc-extensions-01.
"""

from __future__ import annotations

from collections.abc import Iterator

from lktrio.rtc.base import NEVER
from lktrio.rtc.rtcp import (
    DelaySinceLastReport,
    DlrrBlock,
    ExtendedReport,
    ReceiverReferenceTime,
    RtcpPacket,
    TransportFeedback,
)
from lktrio.rtc.rtp.estimator import ReceiveBandwidth
from lktrio.rtc.rtp.extensions import ExtensionIds, find_extension
from lktrio.rtc.rtp.packet import SequenceUnwrapper

__all__ = [
    "ArrivalMonitor",
    "KeyframeRequests",
    "NackList",
    "RoundTrip",
    "TwccReceiver",
    "delay_units",
    "ntp_middle",
    "ntp_time",
]

REORDER_TOLERANCE = 0.01  # seconds that a missing packet may just be late
MIN_NACK_INTERVAL = 0.02
NACK_RTT_FACTOR = 1.25
MAX_NACK_TRIES = 10
MAX_MISSING = 300
MAX_NACK_AGE = 1000  # packets behind the newest after which a packet is not asked for

REQUEST_INTERVAL = 0.5  # seconds between two requests, what LiveKit's server grants

TWCC_INTERVAL = 0.1
TWCC_BATCH = 100  # packets after which a report does not wait for the interval
TWCC_MAX_SPAN = 1000  # sequence numbers in one report
_TICKS_PER_SECOND = 4000
_TICKS_PER_REFERENCE = 256
_MAX_DELTA = 0x7FFF

_ABSENT = -1  # no byte begins an element of this kind
_TRANSPORT_CC_SIZE = 2
_SEND_TIME_SIZE = 3
_EXTENSION_BIT = 0x10
_ONE_BYTE_FORM = 0xBE  # first byte of the profile, RFC 8285 section 4.2

_DELAY_UNITS = 65536  # per second
_REMEMBERED_REPORTS = 8
_MAX_REPORTERS = 32

_UNIX_TO_NTP = 2_208_988_800  # seconds from 1900 to 1970, RFC 5905 section 6


def ntp_time(wall: float) -> int:
    """Turn Unix time in seconds into a 64-bit NTP timestamp."""
    return int((wall + _UNIX_TO_NTP) * 0x100000000) & 0xFFFFFFFFFFFFFFFF


def ntp_middle(ntp: int) -> int:
    """The middle 32 bits of a 64-bit NTP timestamp, as reports refer to each other."""
    return ntp >> 16 & 0xFFFFFFFF


def delay_units(seconds: float) -> int:
    """Turn seconds into the 16.16 fixed point of delays in reports, clamped to 32 bits."""
    return min(max(int(seconds * _DELAY_UNITS), 0), 0xFFFFFFFF)


class NackList:
    """Missing packets of one stream, by extended sequence number.

    Attributes:
        due: When `collect` has something to ask for.
    """

    __slots__ = ("_missing", "due")

    def __init__(self) -> None:
        self.due = NEVER
        self._missing: dict[int, tuple[float, int]] = {}

    def __len__(self) -> int:
        return len(self._missing)

    def __contains__(self, index: int) -> bool:
        return index in self._missing

    def add_gap(self, start: int, stop: int, now: float) -> bool:
        """Note that packets from ``start`` to before ``stop`` are missing.

        Returns:
            False if there are now too many to repair; then all are forgotten.
        """
        if len(self._missing) + stop - start > MAX_MISSING:
            self.clear()
            return False
        due = now + REORDER_TOLERANCE
        for index in range(start, stop):
            self._missing[index] = (due, 0)
        self.due = min(self.due, due)
        return True

    def arrived(self, index: int) -> bool:
        """Note that a packet came; return whether it was missing."""
        return bool(self._missing) and self._missing.pop(index, None) is not None

    def clear_before(self, index: int) -> None:
        """Forget packets before ``index``: a keyframe there makes them useless."""
        self._missing = {n: state for n, state in self._missing.items() if n >= index}

    def clear(self) -> None:
        """Forget all."""
        self._missing.clear()
        self.due = NEVER

    def collect(self, newest: int, round_trip: float, now: float) -> list[int]:
        """Return the extended sequence numbers to ask for now.

        Args:
            newest: Highest extended sequence number received.
            round_trip: Seconds.
            now: The time.
        """
        again = now + max(MIN_NACK_INTERVAL, NACK_RTT_FACTOR * round_trip)
        wanted: list[int] = []
        remaining: dict[int, tuple[float, int]] = {}
        for index, (due, tries) in self._missing.items():
            if due > now:
                remaining[index] = (due, tries)
            elif tries < MAX_NACK_TRIES and newest - index <= MAX_NACK_AGE:
                wanted.append(index)
                remaining[index] = (again, tries + 1)
        self._missing = remaining
        self.due = min((due for due, _ in remaining.values()), default=NEVER)
        return wanted


class KeyframeRequests:
    """Limits requests for a keyframe to one per interval.

    Attributes:
        due: When a request is to be sent.
    """

    __slots__ = ("_last", "due", "interval")

    def __init__(self, interval: float = REQUEST_INTERVAL) -> None:
        self.due = NEVER
        self.interval = interval
        self._last = -NEVER

    def want(self, now: float) -> None:
        """Ask, now or as soon as the last request is old enough."""
        if self.due == NEVER:
            self.due = max(now, self._last + self.interval)

    def cancel(self) -> None:
        """A keyframe came."""
        self.due = NEVER

    def take(self, now: float) -> bool:
        """Whether to send a request now; if so, it counts as sent."""
        if now < self.due:
            return False
        self.due = NEVER
        self._last = now
        return True


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
            self.due = now + TWCC_INTERVAL
        elif len(arrivals) == TWCC_BATCH:
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
        elif self._next >= 0 and last - self._next < TWCC_MAX_SPAN:
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
        distant = index - base >= TWCC_MAX_SPAN or not -_MAX_DELTA < ticks - last < _MAX_DELTA
        if deltas and distant:
            yield base, reference, tuple(deltas)
            deltas = []
            base = index
        if not deltas:
            reference = ticks // _TICKS_PER_REFERENCE
            last = reference * _TICKS_PER_REFERENCE
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
        if first & _EXTENSION_BIT and wanted:
            position = 12 + 4 * (first & 0x0F)
            if packet[position] == _ONE_BYTE_FORM:
                position += 4
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
            self.seconds = max(now - asked - answer.delay / _DELAY_UNITS, 0.0)

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

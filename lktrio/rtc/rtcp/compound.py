"""Compound RTCP packets (RFC 3550 section 6.1, reduced-size ones of RFC 5506)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.rtcp import feedback, header
from lktrio.rtc.rtcp.feedback import (
    FullIntraRequest,
    Nack,
    PictureLossIndication,
    ReceiverEstimatedMaxBitrate,
)
from lktrio.rtc.rtcp.reports import (
    ExtendedReport,
    Goodbye,
    ReceiverReport,
    SenderReport,
    SourceDescription,
)
from lktrio.rtc.rtcp.transport import MAX_STATUS_COUNT, TRANSPORT_CC_FORMAT, TransportFeedback

__all__ = [
    "MAX_COMPOUND_SIZE",
    "MAX_PACKETS",
    "RtcpPacket",
    "parse_compound",
    "serialize_compound",
]

MAX_COMPOUND_SIZE = 1500
"""Most bytes of one compound packet that are read."""

MAX_PACKETS = 32
"""Most packets in one compound packet that are read."""

RtcpPacket: TypeAlias = (
    SenderReport
    | ReceiverReport
    | SourceDescription
    | Goodbye
    | ExtendedReport
    | Nack
    | TransportFeedback
    | PictureLossIndication
    | FullIntraRequest
    | ReceiverEstimatedMaxBitrate
)
"""Every RTCP packet that we read and write; each has ``serialize() -> bytes``."""

_REPORTS: dict[int, Callable[[int, bytes], RtcpPacket]] = {
    header.SENDER_REPORT: SenderReport.parse,
    header.RECEIVER_REPORT: ReceiverReport.parse,
    header.SOURCE_DESCRIPTION: SourceDescription.parse,
    header.GOODBYE: Goodbye.parse,
    header.EXTENDED_REPORT: ExtendedReport.parse,
}
_FEEDBACK: dict[tuple[int, int], Callable[[bytes], RtcpPacket]] = {
    (header.TRANSPORT_FEEDBACK, feedback.NACK_FORMAT): Nack.parse,
    (header.TRANSPORT_FEEDBACK, TRANSPORT_CC_FORMAT): TransportFeedback.parse,
    (header.PAYLOAD_FEEDBACK, feedback.PLI_FORMAT): PictureLossIndication.parse,
    (header.PAYLOAD_FEEDBACK, feedback.FIR_FORMAT): FullIntraRequest.parse,
}


def parse_compound(data: bytes) -> list[RtcpPacket]:
    """Take a compound packet apart.

    A single feedback message without a report before it is fine (RFC 5506). Packets of types
    that we do not know are skipped by their length.

    Raises:
        RemoteProtocolError: A length, a count or the version is wrong anywhere, or a limit is
            exceeded; then nothing of the compound packet is to be believed.
    """
    size = len(data)
    if not header.HEADER.size <= size <= MAX_COMPOUND_SIZE:
        raise RemoteProtocolError(f"an RTCP packet of {size} bytes")
    packets: list[RtcpPacket] = []
    position = count = statuses = 0
    while position < size:
        count += 1
        stop = _packet_end(data, position)
        if count > MAX_PACKETS:
            raise RemoteProtocolError(f"more than {MAX_PACKETS} packets in one RTCP packet")
        packet = _parse_one(data[position], data[position + 1], data[position + 4 : stop])
        if packet is not None:
            packets.append(packet)
        if isinstance(packet, TransportFeedback):
            statuses += len(packet.deltas)  # a run of thousands takes two bytes
            if statuses > MAX_STATUS_COUNT:
                raise RemoteProtocolError(f"transport feedback on more than {MAX_STATUS_COUNT}")
        position = stop
    return packets


def _packet_end(data: bytes, position: int) -> int:
    if len(data) - position < header.HEADER.size or data[position] & 0xC0 != header.VERSION_BITS:
        raise RemoteProtocolError("not an RTCP version 2 packet")
    stop = position + 4 + 4 * (data[position + 2] << 8 | data[position + 3])
    if stop > len(data):
        raise RemoteProtocolError("an RTCP packet longer than its datagram")
    return stop


def _parse_one(first: int, packet_type: int, body: bytes) -> RtcpPacket | None:
    if first & header.PADDING_BIT:
        padding = body[-1] if body else 0
        if not 0 < padding <= len(body):
            raise RemoteProtocolError(f"an RTCP packet with {padding} bytes of padding")
        body = body[:-padding]
    count = first & header.MAX_COUNT
    report = _REPORTS.get(packet_type)
    if report is not None:
        return report(count, body)
    message = _FEEDBACK.get((packet_type, count))
    if message is not None:
        return message(body)
    application = (header.PAYLOAD_FEEDBACK, feedback.APPLICATION_FORMAT)
    if (packet_type, count) == application and feedback.is_remb(body):
        return ReceiverEstimatedMaxBitrate.parse(body)
    return None


def serialize_compound(packets: Iterable[RtcpPacket]) -> bytes:
    """Write packets one after another.

    Raises:
        LocalProtocolError: A field of one does not fit.
    """
    return b"".join(packet.serialize() for packet in packets)

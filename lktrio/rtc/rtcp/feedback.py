"""Feedback messages: NACK, PLI, FIR, REMB (RFC 4585, RFC 5104, draft-alvestrand-rmcat-remb-03)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.rtcp import header

__all__ = [
    "FullIntraRequest",
    "Nack",
    "PictureLossIndication",
    "ReceiverEstimatedMaxBitrate",
]

NACK_FORMAT = 1  # RFC 4585 section 6.2.1, among transport feedback
PLI_FORMAT = 1  # RFC 4585 section 6.3.1, among payload feedback
FIR_FORMAT = 4  # RFC 5104 section 4.3.1
APPLICATION_FORMAT = 15  # RFC 4585 section 6.4

SSRCS = Struct("!II")
"""Sender of the feedback, and the stream it is about (RFC 4585 section 6.1)."""

_NACK_ITEM = Struct("!HH")
_NACK_SPAN = 16
_FIR_ITEM = Struct("!IB3x")
_REMB = Struct("!II4sBBH")
_REMB_IDENTIFIER = b"REMB"
_REMB_MANTISSA_BITS = 18
_REMB_MAX_EXPONENT = 63
_MAX_REMB_SSRCS = 255


@dataclass(frozen=True, slots=True)
class Nack:
    """Packets that did not arrive (RFC 4585 section 6.2.1)."""

    sender_ssrc: int
    """Who asks."""
    media_ssrc: int
    """The stream."""
    lost: tuple[int, ...]
    """Their 16-bit sequence numbers, best in order."""

    @classmethod
    def parse(cls, body: bytes) -> Nack:
        """Read the packet behind its header.

        Raises:
            RemoteProtocolError: It is too short or not a whole number of items.
        """
        header.check_size(body, SSRCS.size, "a NACK")
        sender, media = SSRCS.unpack_from(body)
        items = body[SSRCS.size :]
        if len(items) % _NACK_ITEM.size:
            raise RemoteProtocolError("a NACK with a part of an item")
        lost: list[int] = []
        for first, mask in _NACK_ITEM.iter_unpack(items):
            lost.append(first)
            lost.extend((first + n + 1) & 0xFFFF for n in range(_NACK_SPAN) if mask >> n & 1)
        return cls(sender, media, tuple(lost))

    def serialize(self) -> bytes:
        """Write the packet; sequence numbers at most 16 after another share an item."""
        items = b"".join(_NACK_ITEM.pack(first, mask) for first, mask in _nack_items(self.lost))
        body = SSRCS.pack(self.sender_ssrc, self.media_ssrc) + items
        return header.build(NACK_FORMAT, header.TRANSPORT_FEEDBACK, body)


def _nack_items(lost: Iterable[int]) -> list[list[int]]:
    items: list[list[int]] = []
    for number in lost:
        distance = (number - items[-1][0]) & 0xFFFF if items else 0
        if 0 < distance <= _NACK_SPAN:
            items[-1][1] |= 1 << (distance - 1)
        else:
            items.append([number, 0])
    return items


@dataclass(frozen=True, slots=True)
class PictureLossIndication:
    """Request for a keyframe: the decoder lost its reference (RFC 4585 section 6.3.1)."""

    sender_ssrc: int
    """Who asks."""
    media_ssrc: int
    """The stream."""

    @classmethod
    def parse(cls, body: bytes) -> PictureLossIndication:
        """Read the packet behind its header.

        Raises:
            RemoteProtocolError: It is too short.
        """
        header.check_size(body, SSRCS.size, "a PLI")
        return cls(*SSRCS.unpack_from(body))

    def serialize(self) -> bytes:
        """Write the packet."""
        body = SSRCS.pack(self.sender_ssrc, self.media_ssrc)
        return header.build(PLI_FORMAT, header.PAYLOAD_FEEDBACK, body)


@dataclass(frozen=True, slots=True)
class FullIntraRequest:
    """Command to send a keyframe (RFC 5104 section 4.3.1)."""

    sender_ssrc: int
    """Who asks."""
    requests: tuple[tuple[int, int], ...]
    """Pairs of stream and command number; a repeated number is a repeated request."""
    media_ssrc: int = 0
    """Not used by the RFC, which asks for 0."""

    @classmethod
    def parse(cls, body: bytes) -> FullIntraRequest:
        """Read the packet behind its header.

        Raises:
            RemoteProtocolError: It is too short or not a whole number of items.
        """
        header.check_size(body, SSRCS.size, "a FIR")
        sender, media = SSRCS.unpack_from(body)
        items = body[SSRCS.size :]
        if len(items) % _FIR_ITEM.size:
            raise RemoteProtocolError("a FIR with a part of an item")
        return cls(sender, tuple((ssrc, n) for ssrc, n in _FIR_ITEM.iter_unpack(items)), media)

    def serialize(self) -> bytes:
        """Write the packet."""
        items = b"".join(_FIR_ITEM.pack(ssrc, number) for ssrc, number in self.requests)
        body = SSRCS.pack(self.sender_ssrc, self.media_ssrc) + items
        return header.build(FIR_FORMAT, header.PAYLOAD_FEEDBACK, body)


@dataclass(frozen=True, slots=True)
class ReceiverEstimatedMaxBitrate:
    """REMB: what a receiver believes its path carries."""

    sender_ssrc: int
    """Who reports."""
    bitrate: int
    """Bits per second for all listed streams together; 18 significant bits reach the wire."""
    ssrcs: tuple[int, ...]
    """The streams."""
    media_ssrc: int = 0
    """Not used; 0."""

    @classmethod
    def parse(cls, body: bytes) -> ReceiverEstimatedMaxBitrate:
        """Read the packet behind its header.

        Raises:
            RemoteProtocolError: It is too short for its fixed part or its list of streams.
        """
        header.check_size(body, _REMB.size, "a REMB")
        sender, media, _, count, high, low = _REMB.unpack_from(body)
        size = 4 * count
        header.check_size(body, _REMB.size + size, "a REMB")
        rest = body[_REMB.size : _REMB.size + size]
        ssrcs = tuple(int.from_bytes(rest[n : n + 4], "big") for n in range(0, size, 4))
        bitrate = ((high & 0x03) << 16 | low) << (high >> 2)
        return cls(sender, bitrate, ssrcs, media)

    def serialize(self) -> bytes:
        """Write the packet.

        Raises:
            LocalProtocolError: The bit rate or the number of streams cannot be expressed.
        """
        exponent = max(self.bitrate.bit_length() - _REMB_MANTISSA_BITS, 0)
        if self.bitrate < 0 or exponent > _REMB_MAX_EXPONENT or len(self.ssrcs) > _MAX_REMB_SSRCS:
            raise LocalProtocolError(
                f"a REMB of {self.bitrate} bit/s for {len(self.ssrcs)} streams is impossible"
            )
        mantissa = self.bitrate >> exponent
        fixed = _REMB.pack(
            self.sender_ssrc,
            self.media_ssrc,
            _REMB_IDENTIFIER,
            len(self.ssrcs),
            exponent << 2 | mantissa >> 16,
            mantissa & 0xFFFF,
        )
        body = fixed + b"".join(ssrc.to_bytes(4, "big") for ssrc in self.ssrcs)
        return header.build(APPLICATION_FORMAT, header.PAYLOAD_FEEDBACK, body)


def is_remb(body: bytes) -> bool:
    """Whether an application-layer feedback message is a REMB."""
    return body[8:12] == _REMB_IDENTIFIER

"""VP8 in RTP (RFC 7741), and the little of a VP8 frame's header that a relay needs (RFC 6386).

Theory of operation: every payload begins with a *payload descriptor* of one to six bytes. Its
S bit with partition index 0 marks the first packet of a frame. We send the extended form with
a 15-bit picture id on every packet, as receivers expect and as LiveKit's server needs to
rewrite ids when it switches layers; the frame behind the descriptors is cut evenly without
regard to partitions, all of it as partition 0, which is what senders in practice do.

A frame tells by the lowest bit of its first byte (P, RFC 6386 §9.1) whether it is an inter
frame; a key frame carries the start code ``9d 01 2a`` and its dimensions in the next bytes.
Encrypted frames leave these first 10 (key) or 3 (inter) bytes in clear.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.base import RandomBytes
from lktrio.rtc.payload.base import (
    MAX_FRAME_SIZE,
    check_inbound,
    check_outbound,
    check_packet_count,
    even_split,
)

__all__ = [
    "Vp8Depacketizer",
    "Vp8Descriptor",
    "Vp8Packetizer",
    "frame_dimensions",
    "frame_is_keyframe",
]

_EXTENDED = 0x80  # X
_NON_REFERENCE = 0x20  # N
_START = 0x10  # S
_PARTITION = 0x07  # PID
_HAS_PICTURE_ID = 0x80  # I
_HAS_TL0PICIDX = 0x40  # L
_HAS_TID = 0x20  # T
_HAS_KEYIDX = 0x10  # K
_LONG_PICTURE_ID = 0x80  # M

_PICTURE_ID_MASK = 0x7FFF
_SEND_DESCRIPTOR = struct.Struct("!BBH")
_START_CODE = b"\x9d\x01\x2a"
_KEYFRAME_HEADER_SIZE = 10
_DIMENSIONS = struct.Struct("<HH")
_DIMENSION_MASK = 0x3FFF


def frame_is_keyframe(frame: bytes) -> bool:
    """Whether a VP8 frame, or its first bytes, is a key frame (RFC 6386 §9.1)."""
    return len(frame) >= 6 and not frame[0] & 1 and frame[3:6] == _START_CODE


def frame_dimensions(frame: bytes) -> tuple[int, int] | None:
    """Width and height in pixels that a key frame states; None for any other frame."""
    if len(frame) < _KEYFRAME_HEADER_SIZE or not frame_is_keyframe(frame):
        return None
    width, height = _DIMENSIONS.unpack_from(frame, 6)
    return width & _DIMENSION_MASK, height & _DIMENSION_MASK


@dataclass(frozen=True, slots=True)
class Vp8Descriptor:
    """The VP8 payload descriptor (RFC 7741 §4.2)."""

    start: bool
    """S: the payload begins a partition."""
    partition: int = 0
    """PID: index of the partition, 0 to 7."""
    non_reference: bool = False
    """N: the frame can be dropped without harm to others."""
    picture_id: int | None = None
    """Running number of the frame, 7 or 15 bits."""
    long_picture_id: bool = True
    """M: whether the picture id has 15 bits."""
    tl0picidx: int | None = None
    """Running number of base layer frames, 8 bits."""
    tid: int | None = None
    """Temporal layer, 0 to 3."""
    layer_sync: bool = False
    """Y: the frame depends on the base layer alone."""
    key_index: int | None = None
    """KEYIDX: running number of key frames, 5 bits."""

    @property
    def starts_frame(self) -> bool:
        """Whether the payload is the first one of a frame."""
        return self.start and self.partition == 0

    @classmethod
    def parse(cls, payload: bytes) -> tuple[Vp8Descriptor, int]:
        """Read the descriptor of a payload.

        Returns:
            The descriptor and its size, which is where the frame's bytes begin.

        Raises:
            RemoteProtocolError: The descriptor is cut off.
        """
        size = descriptor_size(payload)
        first = payload[0]
        flags = payload[1] if first & _EXTENDED else 0
        position = 2
        picture_id = tl0picidx = None
        long_picture_id = True
        if flags & _HAS_PICTURE_ID:
            picture_id = payload[position]
            long_picture_id = bool(picture_id & _LONG_PICTURE_ID)
            position += 1
            if long_picture_id:
                picture_id = (picture_id & 0x7F) << 8 | payload[position]
                position += 1
        if flags & _HAS_TL0PICIDX:
            tl0picidx = payload[position]
            position += 1
        layers = payload[position] if flags & (_HAS_TID | _HAS_KEYIDX) else 0
        return cls(
            start=bool(first & _START),
            partition=first & _PARTITION,
            non_reference=bool(first & _NON_REFERENCE),
            picture_id=picture_id,
            long_picture_id=long_picture_id,
            tl0picidx=tl0picidx,
            tid=layers >> 6 if flags & _HAS_TID else None,
            layer_sync=bool(flags & _HAS_TID and layers & 0x20),
            key_index=layers & 0x1F if flags & _HAS_KEYIDX else None,
        ), size

    def serialize(self) -> bytes:
        """The descriptor's bytes, in the shortest form that holds every field."""
        first = self.partition | _START * self.start | _NON_REFERENCE * self.non_reference
        flags, body = 0, b""
        if self.picture_id is not None:
            flags |= _HAS_PICTURE_ID
            body += self._picture_id_bytes(self.picture_id)
        if self.tl0picidx is not None:
            flags |= _HAS_TL0PICIDX
            body += bytes((self.tl0picidx,))
        if self.tid is not None or self.key_index is not None:
            flags |= _HAS_TID * (self.tid is not None) | _HAS_KEYIDX * (self.key_index is not None)
            layers = (self.tid or 0) << 6 | self.layer_sync << 5 | (self.key_index or 0)
            body += bytes((layers,))
        return bytes((first | _EXTENDED, flags)) + body if flags else bytes((first,))

    def _picture_id_bytes(self, picture_id: int) -> bytes:
        if self.long_picture_id:
            return (_LONG_PICTURE_ID << 8 | picture_id).to_bytes(2, "big")
        return bytes((picture_id,))


def descriptor_size(payload: bytes) -> int:
    """Size of a payload's descriptor, which is where the frame's bytes begin.

    Raises:
        RemoteProtocolError: The descriptor is cut off.
    """
    try:
        size = 1
        if payload[0] & _EXTENDED:
            flags = payload[1]
            size = 2
            if flags & _HAS_PICTURE_ID:
                size += 2 if payload[2] & _LONG_PICTURE_ID else 1
            size += bool(flags & _HAS_TL0PICIDX) + bool(flags & (_HAS_TID | _HAS_KEYIDX))
    except IndexError:
        size = len(payload) + 1
    if size > len(payload):
        raise RemoteProtocolError(f"a VP8 payload of {len(payload)} bytes ends in its descriptor")
    return size


class Vp8Packetizer:
    """Sends VP8 frames with consecutive 15-bit picture ids.

    Args:
        random: Draws the first picture id (RFC 7741 §4.2 wants a random one); 0 without it.
    """

    def __init__(self, random: RandomBytes | None = None) -> None:
        first = int.from_bytes(random(2), "big") if random is not None else 0
        self.picture_id = first & _PICTURE_ID_MASK
        """Picture id of the next frame."""

    def preamble(self) -> bytes:
        """See `Packetizer.preamble`: the tail of a frame before the next one."""
        picture_id = (self.picture_id - 1) & _PICTURE_ID_MASK | _LONG_PICTURE_ID << 8
        return _SEND_DESCRIPTOR.pack(_EXTENDED, _HAS_PICTURE_ID, picture_id) + b"\0"

    def pack(self, frame: bytes, budget: int) -> list[bytes]:
        """See `Packetizer.pack`."""
        check_outbound(frame, budget)
        if not frame[0] & 1 and not frame_is_keyframe(frame):
            raise LocalProtocolError(
                "not a VP8 frame: it claims to be a key frame but lacks the start code 9d 01 2a"
            )
        pieces = even_split(len(frame), budget - _SEND_DESCRIPTOR.size)
        check_packet_count(len(pieces))
        picture_id = self.picture_id
        self.picture_id = (picture_id + 1) & _PICTURE_ID_MASK
        picture_id |= _LONG_PICTURE_ID << 8
        first = _SEND_DESCRIPTOR.pack(_EXTENDED | _START, _HAS_PICTURE_ID, picture_id)
        rest = _SEND_DESCRIPTOR.pack(_EXTENDED, _HAS_PICTURE_ID, picture_id)
        payloads = [rest + frame[start:stop] for start, stop in pieces[1:]]
        return [first + frame[: pieces[0][1]], *payloads]


class Vp8Depacketizer:
    """Joins the payloads of VP8 frames."""

    def starts_frame(self, payload: bytes) -> bool:
        """See `Depacketizer.starts_frame`."""
        if not payload or payload[0] & (_START | _PARTITION) != _START:
            return False
        try:
            return descriptor_size(payload) < len(payload)
        except RemoteProtocolError:
            return False

    def is_keyframe(self, payload: bytes) -> bool:
        """See `Depacketizer.is_keyframe`."""
        if not self.starts_frame(payload):
            return False
        start = descriptor_size(payload)
        return frame_is_keyframe(payload[start : start + _KEYFRAME_HEADER_SIZE])

    def assemble(self, payloads: Sequence[bytes]) -> bytes:
        """See `Depacketizer.assemble`."""
        check_inbound(payloads)
        if not self.starts_frame(payloads[0]):
            raise RemoteProtocolError("a VP8 frame without its first packet")
        for payload in payloads[1:]:
            if payload and payload[0] & (_START | _PARTITION) == _START:
                raise RemoteProtocolError("two VP8 frames with one timestamp")
        frame = b"".join([payload[descriptor_size(payload) :] for payload in payloads])
        if len(frame) > MAX_FRAME_SIZE:
            raise RemoteProtocolError(f"a VP8 frame of {len(frame)} bytes")
        return frame

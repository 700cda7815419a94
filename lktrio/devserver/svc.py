"""Spatial layers that share one stream (SVC), as VP9 and AV1 send them.

Theory of operation: a picture is a run of frames, one for each spatial layer, the smallest first;
each may refer to smaller ones and to earlier frames of its own layer. Where the layer of a packet
is written depends on the codec: VP9 has it in its payload descriptor, AV1 in a header extension,
the dependency descriptor, which numbers the layers by templates that come with each keyframe.

A subscriber gets the frames up to its layer. It goes down to a smaller one with any picture, as
that does not refer to larger ones. It goes up with a keyframe, which the publisher is asked for.
The last packet of the largest frame that is forwarded carries the marker, as it ends the picture
for this subscriber.

Implements: RFC 9628 section 4.2 (VP9 payload descriptor); AV1 RTP payload specification 1.0,
sections 4.4 (aggregation header) and A.8 (dependency descriptor), as far as layers need it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from lktrio.rtc.rtp import RtpPacket

__all__ = [
    "DEPENDENCY_DESCRIPTOR_URI",
    "Av1Reader",
    "FrameMark",
    "SpatialSelector",
    "read_vp9",
    "starts_av1",
    "starts_vp9",
]

DEPENDENCY_DESCRIPTOR_URI = (
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)

_VP9_PICTURE_ID, _VP9_PREDICTED, _VP9_LAYERS, _VP9_BEGINS, _VP9_ENDS = 0x80, 0x40, 0x20, 0x08, 0x04
_VP9_LONG_ID = 0x80
_AV1_NEW_SEQUENCE = 0x08
_STRUCTURE_PRESENT = 0x80
_SHORT_DESCRIPTOR = 3  # bytes of a dependency descriptor without anything optional
_TEMPLATES = 64


@dataclass(frozen=True, slots=True)
class FrameMark:
    """Where in a picture a packet is."""

    spatial: int
    """Its layer, 0 for the smallest."""
    begins: bool
    """Whether its frame begins with it."""
    ends: bool
    """Whether its frame ends with it."""
    key: bool
    """Whether a decoder can begin with this picture; said of its smallest frame."""


Reader: TypeAlias = Callable[[RtpPacket], FrameMark | None]
"""Finds out where in a picture a packet is, None if that cannot be told."""


def read_vp9(packet: RtpPacket) -> FrameMark | None:
    """Read the VP9 payload descriptor."""
    payload = packet.payload
    if not payload:
        return None
    flags, position = payload[0], 1
    if flags & _VP9_PICTURE_ID:
        if position >= len(payload):
            return None
        position += 2 if payload[position] & _VP9_LONG_ID else 1
    spatial = 0
    if flags & _VP9_LAYERS:
        if position >= len(payload):
            return None
        spatial = payload[position] >> 1 & 7
    return FrameMark(
        spatial=spatial,
        begins=bool(flags & _VP9_BEGINS),
        ends=bool(flags & _VP9_ENDS),
        key=not flags & _VP9_PREDICTED and spatial == 0,
    )


def starts_vp9(payload: bytes) -> bool:
    """Whether a decoder can begin with this payload."""
    mark = read_vp9(RtpPacket(0, 0, 0, 0, payload, marker=False))
    return mark is not None and mark.key and mark.begins


def starts_av1(payload: bytes) -> bool:
    """Whether a decoder can begin with this payload."""
    return bool(payload) and bool(payload[0] & _AV1_NEW_SEQUENCE)


class Av1Reader:
    """Reads the dependency descriptors of one stream.

    Args:
        extension_id: Number of the header extension, 0 if it was not negotiated.
    """

    __slots__ = ("_extension_id", "_offset", "_spatial")

    def __init__(self, extension_id: int) -> None:
        self._extension_id = extension_id
        self._offset = 0
        self._spatial: list[int] = []

    def __call__(self, packet: RtpPacket) -> FrameMark | None:
        """Where in a picture a packet is."""
        data = packet.extensions.get(self._extension_id)
        if not data or len(data) < _SHORT_DESCRIPTOR:
            return None
        key = len(data) > _SHORT_DESCRIPTOR and bool(data[3] & _STRUCTURE_PRESENT)
        if key:
            self._read_structure(data)
        number = ((data[0] & _TEMPLATES - 1) - self._offset) % _TEMPLATES
        if number >= len(self._spatial):
            return None
        spatial = self._spatial[number]
        return FrameMark(
            spatial=spatial,
            begins=bool(data[0] & 0x80),
            ends=bool(data[0] & 0x40),
            key=key and spatial == 0,
        )

    def _read_structure(self, data: bytes) -> None:
        """Note which template is of which layer: a list of steps, two bits each."""
        bits = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}"
        position = 8 * _SHORT_DESCRIPTOR + 5  # after five flags
        self._offset = int(bits[position : position + 6] or "0", 2)
        position += 6 + 5  # after the number of decode targets
        spatial, self._spatial = 0, [0]
        while len(self._spatial) < _TEMPLATES:
            step = bits[position : position + 2]
            position += 2
            if len(step) < 2 or step == "11":  # the end
                return
            if step == "10":  # the next spatial layer; "01" is the next temporal one
                spatial += 1
            self._spatial.append(spatial)


class SpatialSelector:
    """Chooses the packets of one stream that a subscriber gets.

    Args:
        read: Tells where in a picture a packet is.
    """

    __slots__ = ("_current", "_read", "_top")

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._current = 0
        self._top = 0

    def wants_keyframe(self, target: int) -> bool:
        """Whether a larger layer is wanted than is forwarded, and there is one."""
        return self._current < min(target, self._top)

    def select(self, packet: RtpPacket, target: int) -> bool | None:
        """Whether a packet is to be forwarded, and how.

        Args:
            packet: The packet.
            target: The largest layer that the subscriber wants.

        Returns:
            Its marker bit, or None if it is left out.
        """
        mark = self._read(packet)
        if mark is None:
            return packet.marker
        if mark.begins and mark.spatial == 0:
            if mark.key:
                self._current, self._top = target, 0
            self._current = min(self._current, target)
        self._top = max(self._top, mark.spatial)
        if mark.spatial > self._current:
            return None
        return packet.marker or (mark.ends and mark.spatial == self._current)

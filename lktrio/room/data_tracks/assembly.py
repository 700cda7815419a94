"""Packets of a data track, put together to frames.

Theory of operation: packets come in any order, and some never. A frame is complete when every
packet from its first to its last one is there; it is given out then, so frames may overtake each
other as packets do. A frame of which packets are missing is given up when packets of other frames
show that it is long past, or when it becomes larger than a sender makes one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lktrio.room.channels.data_tracks import DataTrackFrame
from lktrio.room.data_tracks.packet import DataTrackPacket
from lktrio.room.data_tracks.packetizing import MAX_FRAME_PACKETS, MAX_PACKET_SIZE

__all__ = ["FrameAssembler"]

_MAX_DISTANCE = 4  # frames around the one that is received now of which packets are kept
_MAX_SIZE = MAX_FRAME_PACKETS * MAX_PACKET_SIZE
_WRAP = 0x10000


@dataclass(slots=True)
class _PartialFrame:
    first: int | None = None
    last: int | None = None
    user_timestamp: int | None = None
    payloads: dict[int, bytes] = field(default_factory=dict[int, bytes])
    size: int = 0

    def add(self, packet: DataTrackPacket) -> None:
        if packet.sequence in self.payloads:
            return
        self.payloads[packet.sequence] = packet.payload
        self.size += len(packet.payload)
        if packet.starts:
            self.first, self.user_timestamp = packet.sequence, packet.user_timestamp
        if packet.ends:
            self.last = packet.sequence

    @property
    def too_large(self) -> bool:
        return len(self.payloads) > MAX_FRAME_PACKETS or self.size > _MAX_SIZE

    def complete(self) -> DataTrackFrame | None:
        """The frame, if nothing is missing."""
        if self.first is None or self.last is None:
            return None
        count = (self.last - self.first) % _WRAP + 1
        if count > len(self.payloads):
            return None
        parts = [self.payloads.get((self.first + place) % _WRAP) for place in range(count)]
        there = [part for part in parts if part is not None]
        return DataTrackFrame(b"".join(there), self.user_timestamp) if len(there) == count else None


class FrameAssembler:
    """Puts the frames of one track together.

    Attributes:
        incomplete: Frames that were given up.
    """

    def __init__(self) -> None:
        self.incomplete = 0
        self._partial: dict[int, _PartialFrame] = {}

    def push(self, packet: DataTrackPacket) -> DataTrackFrame | None:
        """Take a packet; returns the frame that it completes."""
        number = packet.frame_number
        for other in [one for one in self._partial if _distance(one, number) > _MAX_DISTANCE]:
            self._give_up(other)
        if packet.starts and packet.ends:
            return DataTrackFrame(packet.payload, packet.user_timestamp)
        partial = self._partial.setdefault(number, _PartialFrame())
        partial.add(packet)
        frame = partial.complete()
        if frame is not None:
            del self._partial[number]
        elif partial.too_large:
            self._give_up(number)
        return frame

    def _give_up(self, number: int) -> None:
        del self._partial[number]
        self.incomplete += 1


def _distance(one: int, other: int) -> int:
    return min((one - other) % _WRAP, (other - one) % _WRAP)

"""Numbers of forwarded packets: one gapless stream for a subscriber, whatever feeds it.

A subscriber gets one stream per track. What is forwarded into it changes: another simulcast layer,
a pause, packets of nothing but padding that are left out. Receivers take a gap in the sequence
numbers for loss and a jump back for old packets, so the numbers are mapped: an offset that holds
from some packet on. Late packets keep the offset of their time. VP8 has more counters, which are
mapped the same way.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.payload.vp8 import Vp8Descriptor

__all__ = ["SequenceMapper", "Vp8Mapper"]

_MAX_RANGES = 64  # changes of the offset that late packets are still mapped across
_LONG_PICTURE_ID = 0x7FFF
_SHORT_PICTURE_ID = 0x7F
_TL0PICIDX = 0xFF
_KEY_INDEX = 0x1F


class SequenceMapper:
    """Maps extended sequence numbers of what comes in to those of what goes out.

    Args:
        first: Number of the first packet that goes out.
    """

    __slots__ = ("_highest", "_ranges", "next")

    def __init__(self, first: int) -> None:
        self.next = first
        """Number of the next packet in order that goes out."""
        self._highest = -1
        self._ranges: deque[tuple[int, int]] = deque(maxlen=_MAX_RANGES)

    def restart(self, index: int) -> None:
        """Let the incoming packet ``index`` of another source be the next one."""
        self._ranges.clear()
        self._ranges.append((index, self.next - index))
        self._highest = index - 1

    def map(self, index: int) -> int | None:
        """The outgoing number of an incoming packet, or None if it is too old to have one."""
        for start, offset in reversed(self._ranges):
            if index >= start:
                if index > self._highest:
                    self._highest = index
                    self.next = index + offset + 1
                return index + offset
        return None

    def skip(self, index: int) -> None:
        """Note that the incoming packet ``index`` is not forwarded, so that it leaves no gap."""
        if index > self._highest and self._ranges:
            offset = self._ranges[-1][1]
            self._ranges.append((index + 1, offset - 1))
            self._highest = index
            self.next = index + offset


class Vp8Mapper:
    """Maps the counters in VP8 payload descriptors (RFC 7741 section 4.2)."""

    __slots__ = ("_key", "_key_offset", "_picture", "_picture_offset", "_tl0", "_tl0_offset")

    def __init__(self) -> None:
        self._picture = self._tl0 = self._key = -1
        self._picture_offset = self._tl0_offset = self._key_offset = 0

    def restart(self, payload: bytes) -> None:
        """Let the frame that begins with this payload of another source be the next one."""
        try:
            found, _ = Vp8Descriptor.parse(payload)
        except RemoteProtocolError:
            return
        self._picture_offset = _offset(self._picture, found.picture_id)
        self._tl0_offset = _offset(self._tl0, found.tl0picidx)
        self._key_offset = _offset(self._key, found.key_index)

    def map(self, payload: bytes) -> bytes:
        """The payload with its counters mapped."""
        try:
            found, size = Vp8Descriptor.parse(payload)
        except RemoteProtocolError:
            return payload
        picture, tl0, key = found.picture_id, found.tl0picidx, found.key_index
        if picture is not None:
            mask = _LONG_PICTURE_ID if found.long_picture_id else _SHORT_PICTURE_ID
            picture = self._picture = (picture + self._picture_offset) & mask
        if tl0 is not None:
            tl0 = self._tl0 = (tl0 + self._tl0_offset) & _TL0PICIDX
        if key is not None:
            key = self._key = (key + self._key_offset) & _KEY_INDEX
        if not (self._picture_offset or self._tl0_offset or self._key_offset):
            return payload
        mapped = replace(found, picture_id=picture, tl0picidx=tl0, key_index=key)
        return mapped.serialize() + payload[size:]


def _offset(last: int, first: int | None) -> int:
    return 0 if last < 0 or first is None else last + 1 - first

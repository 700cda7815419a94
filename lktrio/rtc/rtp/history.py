"""The packets of a stream that were sent last, to be sent again when the receiver asks.

Theory of operation
    A ring by sequence number. A packet is sent again at most once per round trip, and
    retransmissions altogether may take a fifth of the stream's rate, so that a receiver on a bad
    path, or one that lies, does not make it worse.
"""

from __future__ import annotations

from typing import TypeAlias

from lktrio.rtc.base import NEVER

__all__ = ["HISTORY_SIZE", "PacketHistory", "SentPacket"]

HISTORY_SIZE = 1024
"""Packets that are kept; a power of two."""
_MASK = HISTORY_SIZE - 1
_REPAIR_SHARE = 0.2  # of the bytes sent
_REPAIR_BURST = 64_000.0  # bytes that may be sent again at once
_SLACK = 256  # times of packets that are gone, so that they are not looked for every time
_MIN_INTERVAL = 0.01  # seconds between two repetitions of one packet

SentPacket: TypeAlias = tuple[int, bytes, int, int]
"""Extended sequence number, what was kept of the packet, timestamp, marker."""


class PacketHistory:
    """What was sent of one stream."""

    __slots__ = ("_allowance", "_repeated", "_ring")

    def __init__(self) -> None:
        self._ring: list[SentPacket | None] = [None] * HISTORY_SIZE
        self._repeated: dict[int, float] = {}
        self._allowance = _REPAIR_BURST

    def add(self, packet: SentPacket, size: int) -> None:
        """Keep a packet that was sent.

        Args:
            packet: The packet.
            size: Bytes of its payload, of which repetitions may take their share.
        """
        self._ring[packet[0] & _MASK] = packet
        self._allowance = min(self._allowance + _REPAIR_SHARE * size, _REPAIR_BURST)

    def find(self, index: int) -> SentPacket | None:
        """The packet of an extended sequence number, or None if it is not kept."""
        packet = self._ring[index & _MASK]
        return packet if packet is not None and packet[0] == index else None

    def clear(self) -> None:
        """Forget all packets."""
        self._ring = [None] * HISTORY_SIZE

    def take(self, index: int, round_trip: float, now: float) -> SentPacket | None:
        """A packet to be repeated now, or None if it is gone, too recent or beyond the share.

        Args:
            index: Extended sequence number.
            round_trip: Seconds.
            now: The time.
        """
        packet = self.find(index)
        if packet is None:
            return None
        recent = now - self._repeated.get(index, -NEVER) < max(round_trip, _MIN_INTERVAL)
        size = len(packet[1])
        if recent or size > self._allowance:
            return None
        self._allowance -= size
        self._repeated[index] = now
        if len(self._repeated) > HISTORY_SIZE + _SLACK:
            self._repeated = {n: t for n, t in self._repeated.items() if self.find(n) is not None}
        return packet

"""Who is speaking: loudness from the audio level header extension (RFC 6464).

The server does not decode: it knows what publishers write into that extension, 0 (loudest) to 127
dB below full scale. Within a window a participant speaks if it is louder than a threshold for a
part of the time; what others are told is rounded to eighths and smoothed over two windows. The
numbers are those of LiveKit's server.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.rtp.extensions import SILENCE

__all__ = ["WINDOW", "LevelMeter"]

WINDOW = 0.4
"""Seconds between two looks at the levels."""
_THRESHOLD = 35  # dB below full scale
_LEAST_SHARE = 0.4  # of the window
_SMOOTHING = 2 / 3  # 2 / (n + 1) for n = 2 windows
_STEPS = 8


class LevelMeter:
    """Loudness of one audio stream.

    Args:
        extension_id: Number of the audio level extension, 0 if it was not negotiated.
    """

    __slots__ = ("_active", "_extension_id", "_loudest", "_packets", "_smoothed")

    def __init__(self, extension_id: int) -> None:
        self._extension_id = extension_id
        self._packets = 0
        self._active = 0
        self._loudest = SILENCE
        self._smoothed = 0.0

    def observe(self, packets: Sequence[RtpPacket]) -> None:
        """Take the levels of packets that arrived."""
        for packet in packets:
            value = packet.extensions.get(self._extension_id)
            if not value:
                continue
            level = value[0] & 0x7F
            self._packets += 1
            if level <= _THRESHOLD:
                self._active += 1
                self._loudest = min(self._loudest, level)

    def take(self) -> float | None:
        """The loudness of the window that ends now, 0 to 1, or None for silence."""
        packets, active, loudest = self._packets, self._active, self._loudest
        self._packets, self._active, self._loudest = 0, 0, SILENCE
        linear = 0.0
        if packets and active >= _LEAST_SHARE * packets:
            adjusted = loudest - 20 * math.log10(active / packets)
            linear = 10 ** (-adjusted / 20)
        self._smoothed += (linear - self._smoothed) * _SMOOTHING
        if self._smoothed < 10 ** (-_THRESHOLD / 20):
            self._smoothed = 0.0
            return None
        return min(1.0, math.ceil(self._smoothed * _STEPS) / _STEPS)

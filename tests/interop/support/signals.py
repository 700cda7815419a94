"""Sound and pictures that are easily made and easily recognised, without numpy."""

from __future__ import annotations

import array
import math

__all__ = ["contrast", "frequency", "loudness", "moving_picture", "tone"]


def tone(hertz: float, rate: int, start: int, samples: int, channels: int = 1) -> bytes:
    """A piece of a sine tone as signed 16-bit samples; ``start`` is its first sample."""
    step = 2 * math.pi * hertz / rate
    values = (round(10_000 * math.sin(step * n)) for n in range(start, start + samples))
    return array.array("h", (value for value in values for _ in range(channels))).tobytes()


def frequency(pcm: bytes, rate: int, channels: int = 1) -> float:
    """The frequency of a tone, from how often it rises through zero."""
    samples = array.array("h", pcm)[::channels]
    rises = [n for n in range(1, len(samples)) if samples[n - 1] < 0 <= samples[n]]
    if len(rises) < 2:
        return 0.0
    return (len(rises) - 1) * rate / (rises[-1] - rises[0])


def loudness(pcm: bytes) -> float:
    """Root of the mean square of 16-bit samples."""
    samples = array.array("h", pcm)
    return math.sqrt(sum(value * value for value in samples) / max(1, len(samples)))


def contrast(row: bytes) -> int:
    """How far apart the darkest and the brightest point of a row of luma are."""
    return max(row) - min(row)


def moving_picture(width: int, height: int, number: int) -> bytes:
    """Picture ``number`` of a bright bar that wanders to the right: planar YUV 4:2:0."""
    bar = width // 8
    left = number * 8 % (width - bar)
    row = bytes([60]) * left + bytes([200]) * bar + bytes([60]) * (width - bar - left)
    half = (width // 2) * (height // 2)
    return row * height + bytes([90]) * half + bytes([150]) * half

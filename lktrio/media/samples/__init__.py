"""Two short files for demonstrations and tests: a melody in Opus, a moving pattern in VP8."""

from __future__ import annotations

from pathlib import Path

__all__ = ["AUDIO", "VIDEO"]

AUDIO = Path(__file__).with_name("tones.ogg")
"""Five seconds of notes: Ogg with Opus, 48 kHz, one channel, frames of 20 ms."""

VIDEO = Path(__file__).with_name("pattern.ivf")
"""Five seconds of wandering colour bars: IVF with VP8, 320x180 at 25 frames per second."""

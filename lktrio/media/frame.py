"""The unit of media: one encoded frame."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EncodedFrame"]


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One frame as its encoder made it; nothing here looks inside without need.

    Attributes are plain values, so frames can be compared, stored and sent on as they are.
    """

    data: bytes
    """The frame: an Opus packet, a VP8 frame, or an H.264 access unit in Annex B form."""
    timestamp: float
    """Media time of its beginning in seconds; only differences between frames have a meaning."""
    duration: float = 0.0
    """How long it lasts, in seconds; 0 if that is not known."""
    keyframe: bool = True
    """Whether it can be decoded without earlier frames; always True for audio."""

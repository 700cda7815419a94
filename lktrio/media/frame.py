"""The unit of media: one encoded frame."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["EncodedFrame"]


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One frame as its encoder made it; nothing here looks inside without need.

    Attributes are plain values, so frames can be compared, stored and sent on as they are. Frames
    are equal if their content and its times are, whenever they were captured and received.
    """

    data: bytes
    """The frame: an Opus packet, a VP8 frame, or an H.264 access unit in Annex B form."""
    timestamp: float
    """Media time of its beginning in seconds; only differences between frames have a meaning."""
    duration: float = 0.0
    """How long it lasts, in seconds; 0 if that is not known."""
    keyframe: bool = True
    """Whether it can be decoded without earlier frames; always True for audio."""
    captured_at: float | None = field(default=None, compare=False)
    """When it was captured, as Unix time in seconds on the clock of this machine; None if unknown.

    Received frames have it, by the sender reports of their track (RFC 3550 section 6.4.1), and by
    their arrival until the first of these came. It is comparable between the tracks of one
    participant, so that sound and picture can be put in step.
    """
    received_at: float | None = field(default=None, compare=False)
    """When the program took it from a remote track, on trio's clock; None for other frames.

    ``LocalTrack.send`` passes on at once what was received just now. What was kept for longer it
    plays in real time, as it does a file.
    """
    discontinuity: bool = field(default=False, compare=False)
    """Whether something is missing before it: a received track had a gap, by losses or because the
    link with the server was replaced. Its timestamp tells how long the gap was."""

"""Where frames belong in the files of one recording.

Theory of operation: each file has a timeline of its own (`Timeline`). What puts files in step is a
common zero, the time at which the first frame of any of them was captured, and for each file a
shift from its timeline to that. The shift follows from the first frame. It is corrected where the
frames turn out to belong elsewhere by more than is noticed, and for two seconds, as when the first
sender report comes, after a pause, or as clocks drift. Single reports may be wrong.

A shift to later leaves a pause. After one to earlier, sound that would overlap what is there is
left out; pictures follow each other quickly until they are where they belong. Sound that is late
is noticed less (ITU-R BT.1359), so none is left out for an eighth of a second.

Synchronous, and told what time it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lktrio.media.frame import EncodedFrame
from lktrio.media.timeline import Timeline

__all__ = ["FramePlacer", "Placement", "Recording"]

_TOLERANCE = 0.05  # seconds; less out of step is noticed by nobody
_LATE_SOUND = 0.125  # seconds; the same for sound that comes behind its picture
_PATIENCE = 2.0  # seconds for which frames must belong elsewhere


class Recording:
    """What the files of one recording have in common: when they begin.

    Give one to each `open_writer`; then the files play in step if they are started together.

    Attributes:
        zero: Unix time of position 0 in all files; None before the first frame.
    """

    def __init__(self) -> None:
        self.zero: float | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a frame belongs."""

    position: float
    """On the timeline of the track, in seconds."""
    shift: float
    """From there to the time in the file, in seconds."""
    overlaps: bool = False
    """Whether the place is taken, so that the frame is to be left out."""
    off_since: float | None = None
    """Position from which on frames belong elsewhere, None if this one does not."""

    @property
    def time(self) -> float:
        """Time in the file, in seconds."""
        return self.position + self.shift


class FramePlacer:
    """Places the frames of one file.

    Args:
        kind: What the file holds.
        recording: What it belongs to; None if it stands alone and keeps the times of its frames.
    """

    def __init__(self, kind: Literal["audio", "video"], recording: Recording | None = None) -> None:
        self._kind = kind
        self._recording = recording
        self._timeline = Timeline()
        self._shift: float | None = None
        self._off_since: float | None = None
        self._end = 0.0  # of what is in the file, in seconds

    def place(self, frame: EncodedFrame, now: float, unix_time: float) -> Placement:
        """Say where a frame belongs. This changes nothing.

        Args:
            frame: The next frame.
            now: What time it is, on trio's clock.
            unix_time: The same as Unix time; used for a first frame that does not say when it was
                captured.
        """
        live = frame.received_at is not None
        position = self._timeline.place(frame, now if live else None)
        if self._recording is None:
            return Placement(position, 0.0)
        shift, off_since = self._shift_of(frame, position, unix_time, self._recording.zero)
        end = position + shift + frame.duration / 2
        overlaps = self._kind == "audio" and end < self._end
        return Placement(position, shift, overlaps, off_since)

    def _shift_of(
        self, frame: EncodedFrame, position: float, unix_time: float, zero: float | None
    ) -> tuple[float, float | None]:
        """The shift of a frame, and since when frames belong elsewhere."""
        if self._shift is None:
            captured = unix_time if frame.captured_at is None else frame.captured_at
            return captured - (captured if zero is None else zero) - position, None
        if frame.captured_at is None or zero is None:
            return self._shift, None
        error = frame.captured_at - zero - position - self._shift
        earliest = -_LATE_SOUND if self._kind == "audio" else -_TOLERANCE
        if earliest <= error <= _TOLERANCE:
            return self._shift, None
        since = position if self._off_since is None else self._off_since
        if position - since < _PATIENCE:
            return self._shift, since
        return self._shift + error, None

    def commit(self, frame: EncodedFrame, placement: Placement, now: float) -> None:
        """Take a frame as placed, on the clock of `place`."""
        live = frame.received_at is not None
        self._timeline.commit(frame, placement.position, now if live else None)
        if self._recording is None:
            return
        if self._recording.zero is None and frame.captured_at is not None:
            self._recording.zero = frame.captured_at - placement.time
        self._shift, self._off_since = placement.shift, placement.off_since
        if not placement.overlaps:
            self._end = max(self._end, placement.time + frame.duration)

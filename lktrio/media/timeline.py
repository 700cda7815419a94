"""One continuous timeline for the frames of a track, whatever their timestamps do.

Theory of operation: a source may begin again at 0 (a file that is played in a loop, a list of
files, an encoder for each utterance) or jump (one remote track after another). Receivers drop what
is older than what they have, and wait for what is far ahead. So a `Timeline` adds an offset to
the timestamps, which changes where they go back, or ahead by more than any pause: the frame then
follows the one before it, after as much time as has really passed. Smaller steps ahead are pauses
and kept as they are.

It is synchronous and told what time it is. Asking for a position changes nothing, so that a frame
whose sending was cancelled can be sent again; `commit` tells that it is on its way.
"""

from __future__ import annotations

from lktrio.media.frame import EncodedFrame

__all__ = ["MAX_PAUSE", "MAX_STORED_PAUSE", "Timeline"]

MAX_PAUSE = 10.0
"""Longest step ahead, in seconds, that is taken for a pause of the source and not for a jump."""

MAX_STORED_PAUSE = 3600.0
"""The same where frames come at no pace of their own, so that time tells nothing."""

_DEFAULT_INTERVAL = 0.02  # seconds to the frame that follows one of unknown duration
_MAX_INTERVAL = 1.0  # what is longer is a pause, not the usual distance of frames
_PAUSE = 3  # durations of a frame; what is longer is a pause as well
_SAME = 1e-6  # seconds; no clock of a codec is finer


class Timeline:
    """Maps the timestamps of the frames of one track to positions that never go back.

    The first frame keeps its timestamp.

    Attributes:
        jumps: How often the timestamps went back or jumped so far.
    """

    def __init__(self) -> None:
        self.jumps = 0
        self._offset: float | None = None
        self._position = 0.0  # of the last frame
        self._duration = 0.0
        self._interval = 0.0  # the last usual distance of two frames
        self._time: float | None = None

    def place(self, frame: EncodedFrame, now: float | None = None) -> float:
        """Return where a frame belongs, in seconds. This changes nothing.

        Args:
            frame: The next frame.
            now: What time it is, in seconds of any clock; None where frames come at no pace of
                their own, as in copying a file.
        """
        if self._offset is None:
            return frame.timestamp
        position = frame.timestamp + self._offset
        step = position - self._position
        elapsed = 0.0 if now is None or self._time is None else max(0.0, now - self._time)
        longest = MAX_STORED_PAUSE if now is None else MAX_PAUSE + elapsed
        if _SAME < step <= longest:
            return position
        if abs(step) <= _SAME and not self._duration:
            return self._position  # parameter sets and their picture
        return self._position + max(self._usual_step(), elapsed)

    def _usual_step(self) -> float:
        # The last frame of a file may say that less of it is to be heard; it lasts all the same.
        known = self._duration if self._duration <= _MAX_INTERVAL else 0.0
        return max(known, self._interval) or _DEFAULT_INTERVAL

    def _longest_interval(self) -> float:
        return min(_PAUSE * self._duration or _MAX_INTERVAL, _MAX_INTERVAL)

    def commit(self, frame: EncodedFrame, position: float, now: float | None = None) -> None:
        """Take a frame as placed.

        Args:
            frame: The frame.
            position: What `place` returned for it.
            now: What time it is, on the clock of `place`.
        """
        step = position - self._position
        offset = position - frame.timestamp
        if self._offset is not None and abs(offset - self._offset) > _SAME:
            self.jumps += 1
        elif self._offset is not None and _SAME < step <= self._longest_interval():
            self._interval = step
        self._offset = offset
        self._position = position
        self._duration = frame.duration
        self._time = now

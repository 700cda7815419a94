"""Jitter buffers: packets in arrival order in, encoded frames in stream order out.

Theory of operation
    Packets carry an extended sequence number that does not wrap (SRTP's index). As long as the
    next expected one arrives, nothing is buffered and nothing waits: an audio packet is a frame,
    and a video frame is released with the packet that completes it, which is the one with the
    marker or, where a relay dropped that, the first packet of the next timestamp.

    A packet beyond the expected one opens a gap and is held. Whoever owns the buffer asks for
    what is missing and sets how long to hold (`hold`); `expire` gives the gap up after that.
    Audio then goes on with what is there. Video cannot: frames after the gap refer to frames
    within it. The buffer then *seeks* the start of a keyframe, among what it holds and in what
    arrives, and drops everything else. It seeks at the beginning of a stream as well.

    Where a keyframe starts cannot always be told from one packet: in H.264 any NAL unit may be
    the first. So a keyframe that is sought is taken up only once the packet before it is known
    to belong to another frame, or has not come in time.

    Nothing is played out here: there is no clock of the media and no delay to even out jitter.
    A consumer that renders wants that; one that records or relays does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.base import NEVER
from lktrio.rtc.payload.base import MAX_FRAME_PACKETS, Depacketizer
from lktrio.rtc.rtp.unwrapping import TimestampUnwrapper

__all__ = ["MAX_SPAN", "AudioBuffer", "ReceivedFrame", "VideoBuffer"]

MAX_SPAN = 2048
"""Packets that a gap may hold up, and the largest jump of the sequence number that is a gap."""

_MAX_SEEK_HELD = 512  # packets kept while seeking, for a keyframe whose start comes late
_MAX_PREAMBLE = 8  # packets of a frame before the one that shows it is a keyframe
_SEEKING = -2  # in place of the next index, of which none and no predecessor can equal it

_Held: TypeAlias = tuple[int, bool, bytes]  # timestamp, marker, payload


@dataclass(frozen=True, slots=True)
class ReceivedFrame:
    """One encoded frame, whole."""

    data: bytes
    """The frame in the form that the codec's packetizer takes; one audio packet's payload."""
    timestamp: int
    """RTP timestamp, extended so that it does not wrap."""
    keyframe: bool
    """Whether it can be decoded on its own; always true for audio."""
    received_at: float
    """When the packet that completed it was received, in seconds of the driver's clock."""
    first_sequence: int
    """Extended sequence number of its first packet."""
    last_sequence: int
    """Extended sequence number of its last packet."""
    discontinuity: bool
    """Whether packets were lost between the frame before and this one."""


class AudioBuffer:
    """Puts audio packets in order.

    Attributes:
        frames: Finished frames; the owner takes the whole list away.
        hold: Seconds for which a gap holds up the packets behind it.
        deadline: When the present gap is given up.
        late: Packets that came after their place had been given up.
        lost: Packets given up.
    """

    __slots__ = (
        "_discontinuity",
        "_held",
        "_timestamps",
        "deadline",
        "frames",
        "hold",
        "late",
        "lost",
        "next",
    )

    def __init__(self, hold: float) -> None:
        self.frames: list[ReceivedFrame] = []
        self.hold = hold
        self.deadline = NEVER
        self.late = 0
        self.lost = 0
        self.next = -1
        self._discontinuity = False
        self._held: dict[int, tuple[int, bytes]] = {}
        self._timestamps = TimestampUnwrapper()

    def push(self, index: int, timestamp: int, payload: bytes, now: float) -> None:
        """Take one packet; an empty payload only takes its place in the sequence."""
        expected = self.next
        if index == expected or expected < 0:
            self._release(index, timestamp, payload, now)
            if self._held:
                self._advance(now)
        elif index < expected:
            self.late += 1
        elif index - expected > MAX_SPAN:
            self._skip_to(index, now)
            self._release(index, timestamp, payload, now)
        else:
            self._held.setdefault(index, (timestamp, payload))
            if self.deadline == NEVER:
                self.deadline = now + self.hold

    def is_missing(self, index: int) -> bool:
        """Whether a packet with this index would be of use."""
        return 0 <= self.next <= index and index not in self._held

    def _release(self, index: int, timestamp: int, payload: bytes, now: float) -> None:
        self.next = index + 1
        if not payload:
            return
        self.frames.append(
            ReceivedFrame(
                payload,
                self._timestamps.unwrap(timestamp),
                True,
                now,
                index,
                index,
                self._discontinuity,
            )
        )
        self._discontinuity = False

    def _advance(self, now: float) -> None:
        """Release what has become contiguous."""
        while (entry := self._held.pop(self.next, None)) is not None:
            self._release(self.next, *entry, now)
        self.deadline = now + self.hold if self._held else NEVER

    def _skip_to(self, index: int, now: float) -> None:
        """Give up every gap before ``index``."""
        for held in sorted(self._held):
            if held > self.next:
                self._give_up(held)
            self._release(held, *self._held.pop(held), now)
        self.deadline = NEVER
        if index > self.next:
            self._give_up(index)

    def _give_up(self, index: int) -> None:
        self.lost += index - self.next
        self._discontinuity = True
        self.next = index

    def expire(self, now: float) -> None:
        """Give up the first gap if its time has passed."""
        if now >= self.deadline:
            self._give_up(min(self._held))
            self._advance(now)


class VideoBuffer:
    """Puts video packets in order and frames together.

    Attributes:
        frames: Finished frames; the owner takes the whole list away.
        hold: Seconds for which a gap holds up the packets behind it.
        deadline: When the present gap, or the wait for what may precede a keyframe, is given up.
        started: Index at which the keyframe began that ended the last seek, -1 before the first.
        late: Packets that came after their place had been given up.
        lost: Packets given up.
        malformed: Frames that could not be put together.
    """

    __slots__ = (
        "_candidate",
        "_depacketizer",
        "_discontinuity",
        "_first_index",
        "_floor",
        "_held",
        "_lowest",
        "_payloads",
        "_timestamp",
        "_timestamps",
        "deadline",
        "frames",
        "hold",
        "late",
        "lost",
        "malformed",
        "next",
        "started",
    )

    def __init__(self, depacketizer: Depacketizer, hold: float) -> None:
        self.frames: list[ReceivedFrame] = []
        self.hold = hold
        self.deadline = NEVER
        self.started = -1
        self.late = 0
        self.lost = 0
        self.malformed = 0
        self.next = _SEEKING
        self._depacketizer = depacketizer
        self._discontinuity = False
        self._held: dict[int, _Held] = {}
        self._payloads: list[bytes] = []
        self._timestamp = 0
        self._first_index = 0
        self._timestamps = TimestampUnwrapper()
        self._floor = -1  # lowest index that can still be of use, -1 at the beginning
        self._lowest = -1  # lowest index seen at the beginning
        self._candidate = -1  # start of a keyframe whose predecessor is unknown

    @property
    def seeking(self) -> bool:
        """Whether only a keyframe helps."""
        return self.next == _SEEKING

    def push(self, index: int, timestamp: int, marker: bool, payload: bytes, now: float) -> None:
        """Take one packet; an empty payload only takes its place in the sequence."""
        expected = self.next
        if index == expected:
            self._append(index, timestamp, marker, payload, now)
            if self._held:
                self._advance(now)
        elif expected == _SEEKING:
            self._seek(index, (timestamp, marker, payload), now)
        elif index < expected:
            self.late += 1
        else:
            self._held.setdefault(index, (timestamp, marker, payload))
            if index - expected > MAX_SPAN:
                self._lose_track()
                self._floor = index  # what lies between will not come
                self._advance(now)
            elif self.deadline == NEVER:
                self.deadline = now + self.hold

    def expire(self, now: float) -> None:
        """Give up what the buffer waits for if its time has passed."""
        if now < self.deadline:
            return
        if self.next != _SEEKING:
            self._lose_track()
        else:
            self._take_up(self._candidate)
        self._advance(now)

    # Frames from contiguous packets

    def _append(self, index: int, timestamp: int, marker: bool, payload: bytes, now: float) -> None:
        self.next = index + 1
        payloads = self._payloads
        if payload:
            if payloads and timestamp != self._timestamp:
                self._finish(index - 1, now)
                if self.next == _SEEKING:
                    self._floor = index
                    self._held[index] = (timestamp, marker, payload)
                    return
                payloads = self._payloads
            if not payloads:
                if not self._depacketizer.starts_frame(payload):
                    self._break()
                    return
                self._timestamp = timestamp
                self._first_index = index
            payloads.append(payload)
            if len(payloads) > MAX_FRAME_PACKETS:
                self._break()
                return
        if marker and payloads:
            self._finish(index, now)

    def _finish(self, last_index: int, now: float) -> None:
        payloads, self._payloads = self._payloads, []
        try:
            data = self._depacketizer.assemble(payloads)
        except RemoteProtocolError:
            self._break()
            return
        self.frames.append(
            ReceivedFrame(
                data,
                self._timestamps.unwrap(self._timestamp),
                any(map(self._depacketizer.is_keyframe, payloads[:_MAX_PREAMBLE])),
                now,
                self._first_index,
                last_index,
                self._discontinuity,
            )
        )
        self._discontinuity = False

    def _advance(self, now: float) -> None:
        """Take in what has become contiguous; where a frame is broken, find the next keyframe."""
        while True:
            entry = self._held.pop(self.next, None)
            if entry is not None:
                self._append(self.next, *entry, now)
            elif self.next != _SEEKING:
                self.deadline = now + self.hold if self._held else NEVER
                return
            elif not self._find_keyframe(now):
                return

    # Losing and finding the stream

    def _break(self) -> None:
        """Drop a frame that makes no sense, and what depends on it."""
        self.malformed += 1
        self._start_seeking()

    def _lose_track(self) -> None:
        """Give up the present gap."""
        self.lost += min(self._held) - self.next
        self._start_seeking()

    def _start_seeking(self) -> None:
        self._floor = self.next
        self.next = _SEEKING
        self.deadline = NEVER
        self._payloads = []
        self._candidate = -1
        self._discontinuity = True

    def _seek(self, index: int, entry: _Held, now: float) -> None:
        if index < self._floor:
            self.late += 1
            return
        if self._lowest < 0 or index < self._lowest:
            self._lowest = index
        self._held.setdefault(index, entry)
        if index + 1 == self._candidate:
            self._settle_candidate(index, now)
        elif self._depacketizer.is_keyframe(entry[2]):
            self._consider(index, now)
        if self.next != _SEEKING:
            self._advance(now)
        elif len(self._held) > _MAX_SEEK_HELD:
            self._prune()

    def _find_keyframe(self, now: float) -> bool:
        """Look for a keyframe among what is held; return whether one was taken up."""
        is_keyframe = self._depacketizer.is_keyframe
        for index in sorted(self._held):
            if is_keyframe(self._held[index][2]):
                self._consider(index, now)
                if self.next != _SEEKING:
                    return True
        return False

    def _consider(self, index: int, now: float) -> None:
        """Find where the keyframe around ``index`` starts, and take it up if that is certain."""
        held = self._held
        timestamp = held[index][0]
        start = index
        while (before := held.get(start - 1)) is not None and before[0] == timestamp:
            start -= 1
            if index - start > _MAX_PREAMBLE:
                return
        if not self._depacketizer.starts_frame(held[start][2]):
            return
        first = start == (self._lowest if self._floor < 0 else self._floor)
        if before is not None or first:
            self._take_up(start)
        elif self._candidate < 0 or start < self._candidate:
            self._candidate = start
            self.deadline = now + self.hold

    def _settle_candidate(self, index: int, now: float) -> None:
        """Decide about the candidate now that the packet ``index`` before it has come."""
        candidate, self._candidate = self._candidate, -1
        self.deadline = NEVER
        if self._held[index][0] == self._held[candidate][0]:
            self._consider(index, now)
        else:
            self._take_up(candidate)

    def _take_up(self, index: int) -> None:
        """Go on from a keyframe that starts at ``index``."""
        self._held = {number: entry for number, entry in self._held.items() if number >= index}
        self._candidate = -1
        self.deadline = NEVER
        self.next = self.started = index

    def _prune(self) -> None:
        """Forget the older half of what is held while seeking."""
        indices = sorted(self._held)
        self._floor = indices[len(indices) // 2]
        self._held = {n: entry for n, entry in self._held.items() if n >= self._floor}
        if self._candidate < self._floor:
            self._candidate = -1
            self.deadline = NEVER

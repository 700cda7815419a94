"""The media of one local track, from the frames of a program to the stream of its section."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import trio

from lktrio.media import EncodedFrame
from lktrio.media.pacing import FramePacer
from lktrio.room.session.announcing import TrackDescription
from lktrio.room.session.life import RoomLife
from lktrio.room.session.peer_connection import PeerConnection
from lktrio.room.state.enums import TrackKind
from lktrio.room.state.local import LocalTrackRecord, PublicationState
from lktrio.room.state.stream_stats import OutboundStreamStats
from lktrio.rtc.rtp.extensions import SILENCE, AudioLevel
from lktrio.rtc.rtp.outbound import OutboundStream
from lktrio.rtc.transceiver import Transceiver

__all__ = ["TrackPath", "OutgoingTrack", "TrackOwner"]

_MIN_TAIL = 0.05  # seconds that a last frame is given on its way; servers drop what comes too late
_MAX_TAIL = 0.25
_SUBSCRIBER_SETUP = 0.25
"""Seconds from the news of a subscriber until it takes media. LiveKit's server tells the publisher
when it has answered the subscriber, who must still apply the answer; a browser takes up to 0.05 s
for that, and loses what comes earlier."""
_DTX_SIZE = 2  # bytes of an Opus packet that stands for silence, RFC 7587 section 3.1.3
_MAX_AUDIO_LEVEL = 127


class TrackOwner(Protocol):
    """Who publishes tracks, and can withdraw and mute them."""

    def unpublish(self, track: OutgoingTrack) -> None:
        """Withdraw a track. Idempotent."""
        ...

    async def set_muted(self, track: OutgoingTrack, muted: bool) -> None:
        """Mute or unmute a track and tell the server."""
        ...


@dataclass(frozen=True, slots=True)
class TrackPath:
    """Where the media of a track goes."""

    connection: PeerConnection
    """What carries it."""
    transceiver: Transceiver
    """Its section there."""
    stream: OutboundStream
    """Makes packets of its frames."""


class OutgoingTrack:
    """What sends the media of a track (a ``TrackSender``).

    While it has no path, as the link with the server is being replaced, its frames take their time
    and go nowhere.

    Args:
        record: The track.
        owner: Who publishes it.
        description: As what it was announced.
        path: Where its media goes.
        life: The end of the room.

    Attributes:
        path: Where its media goes, or None.
    """

    def __init__(
        self,
        record: LocalTrackRecord,
        owner: TrackOwner,
        description: TrackDescription,
        path: TrackPath,
        life: RoomLife,
    ) -> None:
        self.record = record
        self.description = description
        self.path: TrackPath | None = path
        self._owner = owner
        self._life = life
        self._pacer = FramePacer()
        self._busy = False
        self._over_at = -math.inf
        self._ended = trio.Event()
        self._subscribed = trio.Event()
        self._subscriber_ready_at = -math.inf
        self._wants_keyframe = False
        self._keyframe_lot = trio.lowlevel.ParkingLot()

    @property
    def _muted(self) -> bool:
        return self.record.info.muted

    def _check_open(self) -> None:
        self._life.check_open()
        if self.record.state is PublicationState.UNPUBLISHED:
            raise trio.ClosedResourceError("this track was unpublished")
        if self.record.state is PublicationState.REMOVED:
            raise trio.BrokenResourceError("the server unpublished this track")

    # For the program

    async def send(self, frame: EncodedFrame) -> None:
        """Send a frame when it is due; see ``LocalTrack.send``."""
        _check_frame(frame)
        if self._busy:  # frames have an order, which tasks do not
            raise trio.BusyResourceError("another task is sending on this track")
        self._busy = True
        try:
            with trio.move_on_after(self._pacer.schedule(frame, trio.current_time())):
                await self._ended.wait()
        finally:
            self._busy = False
        self._check_open()
        now = trio.current_time()
        position = self._pacer.sent(frame, now)
        if not self._muted:
            self._send(frame, position, now)

    def _send(self, frame: EncodedFrame, position: float, now: float) -> None:
        level: AudioLevel | None = None
        if self.record.codec.kind == "audio":
            level = self._audio_level(frame)
        elif frame.keyframe:
            self._wants_keyframe = False
        timestamp = round(position * self.record.codec.clock_rate)
        path = self.path
        if path is None:
            self.record.dropped += 1
            return
        spread = path.connection.send_frame(path.stream, frame.data, timestamp, now, level)
        self._over_at = now + spread + min(max(frame.duration, _MIN_TAIL), _MAX_TAIL)

    def _audio_level(self, frame: EncodedFrame) -> AudioLevel:
        silent = len(frame.data) <= _DTX_SIZE
        loudness = min(max(self.record.audio_level, 0), _MAX_AUDIO_LEVEL)
        return AudioLevel(SILENCE if silent else loudness, voice=not silent)

    async def set_muted(self, muted: bool) -> None:
        """Mute or unmute; see ``LocalTrack.mute``."""
        await trio.lowlevel.checkpoint()
        self._check_open()
        if self._muted != muted:
            await self._owner.set_muted(self, muted)
            self.send_preamble()

    async def wait_subscribed(self) -> None:
        """Wait for the first subscriber; see ``LocalTrack.wait_subscribed``."""
        await self._subscribed.wait()
        with trio.move_on_at(self._subscriber_ready_at):
            await self._ended.wait()
        self._check_open()

    async def wait_played(self) -> None:
        """Wait until the last frame is over; see ``LocalTrack.wait_played``."""
        with trio.move_on_at(self._over_at):
            await self._ended.wait()

    async def wait_keyframe_request(self) -> None:
        """Wait until a subscriber needs one; see ``LocalTrack.wait_keyframe_request``."""
        while not self._wants_keyframe and not self._ended.is_set():
            await self._keyframe_lot.park()
        await trio.lowlevel.checkpoint()
        self._check_open()
        self._wants_keyframe = False

    def stats(self, now: float) -> OutboundStreamStats | None:
        """What is known of its stream now, while it has one."""
        path = self.path
        if path is None or self._ended.is_set():
            return None
        stream, record = path.stream, self.record
        return OutboundStreamStats(
            taken_at=now,
            track_sid=record.info.sid,
            kind=TrackKind(record.codec.kind),
            mime_type=record.codec.mime,
            ssrc=stream.ssrc,
            packets=stream.stats.packets_sent,
            bytes=stream.stats.octets_sent,
            frames=stream.stats.frames_sent,
            nacked=stream.stats.nacks,
            keyframe_requests=stream.stats.keyframe_requests,
            round_trip=stream.round_trip,
            resent=stream.stats.resent,
            resend_refused=stream.stats.resend_refused,
            fraction_lost=stream.fraction_lost,
            frames_dropped=record.dropped,
        )

    def unpublish(self) -> None:
        """Withdraw the track. Idempotent."""
        self._owner.unpublish(self)

    # For the publisher

    def send_preamble(self) -> None:
        """Let the server know of the stream before its first frame; not while muted."""
        path = self.path
        if path is not None and not self._muted and not self._ended.is_set():
            path.connection.send(path.stream.send_preamble(trio.current_time()))

    @property
    def attached(self) -> bool:
        """Whether media goes anywhere."""
        return self.path is not None

    def attach(self, path: TrackPath) -> None:
        """Send over this path from now on."""
        self.path = path

    def detach(self) -> None:
        """The path is gone."""
        self.path = None

    def subscribed(self) -> None:
        """Somebody receives the track."""
        if not self._subscribed.is_set():
            self._subscriber_ready_at = trio.current_time() + _SUBSCRIBER_SETUP
            self._subscribed.set()

    def keyframe_requested(self) -> None:
        """A subscriber cannot go on without a keyframe."""
        self.record.keyframes_requested += 1
        self._wants_keyframe = True
        self._keyframe_lot.unpark_all()

    def end(self) -> None:
        """The track is published no more, or the room has ended. Idempotent."""
        self._ended.set()
        self._subscribed.set()
        self._keyframe_lot.unpark_all()


def _check_frame(frame: EncodedFrame) -> None:
    """Refuse what would spoil the schedule; callers may be untyped."""
    if not isinstance(frame, EncodedFrame):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a media.EncodedFrame is needed, not {type(frame).__name__}")
    if not (math.isfinite(frame.timestamp) and math.isfinite(frame.duration)):
        raise ValueError(f"a frame cannot begin at {frame.timestamp} s and last {frame.duration} s")

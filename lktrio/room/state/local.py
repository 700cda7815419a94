"""Tracks that the local participant publishes, as programs hold them.

A track goes through these states, held by `LocalTracks`; what a call on it raises depends on them:

===============  ==========================================  ==================================
state            entered when                                left for
===============  ==========================================  ==================================
``ANNOUNCED``    it is about to be announced to the server   ``PUBLISHED``, ``UNPUBLISHED``
``PUBLISHED``    accepted and negotiated: media can be sent  ``UNPUBLISHED``, ``REMOVED``
``UNPUBLISHED``  the program withdrew it                     never
``REMOVED``      the server took it away                     never
===============  ==========================================  ==================================
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Protocol

import trio

from lktrio._text import printable
from lktrio.media import Codec, EncodedFrame
from lktrio.room.state.enums import TrackKind
from lktrio.room.state.participant import Participant
from lktrio.room.state.publication import TrackPublication, TrackRecord
from lktrio.room.state.stream_stats import OutboundStreamStats

__all__ = [
    "LocalTrack",
    "LocalTrackPublication",
    "LocalTrackRecord",
    "PublicationState",
    "TrackSender",
]

_DEFAULT_AUDIO_LEVEL = 25  # -dBov; LiveKit's server takes what is louder than 35 for speech


class PublicationState(enum.Enum):
    """How far the life of a local track is."""

    ANNOUNCED = enum.auto()
    PUBLISHED = enum.auto()
    UNPUBLISHED = enum.auto()
    REMOVED = enum.auto()

    def may_become(self, state: PublicationState) -> bool:
        """Whether the other state may follow."""
        return state in _NEXT[self]


_NEXT = {
    PublicationState.ANNOUNCED: {PublicationState.PUBLISHED, PublicationState.UNPUBLISHED},
    PublicationState.PUBLISHED: {PublicationState.UNPUBLISHED, PublicationState.REMOVED},
    PublicationState.UNPUBLISHED: set[PublicationState](),
    PublicationState.REMOVED: set[PublicationState](),
}


class TrackSender(Protocol):
    """What sends the media of a track; see `LocalTrack` for what its methods do."""

    async def send(self, frame: EncodedFrame) -> None:
        """Send a frame when it is due."""
        ...

    async def set_muted(self, muted: bool) -> None:
        """Stop or go on sending, and tell the room."""
        ...

    async def wait_subscribed(self) -> None:
        """Wait for the first subscriber."""
        ...

    async def wait_played(self) -> None:
        """Wait until the last frame is over."""
        ...

    async def wait_keyframe_request(self) -> None:
        """Wait until a subscriber needs a keyframe."""
        ...

    def stats(self, now: float) -> OutboundStreamStats | None:
        """What is known of its stream now, while it has one."""
        ...

    def unpublish(self) -> None:
        """Withdraw the track. Idempotent."""
        ...


@dataclass(slots=True, eq=False)
class LocalTrackRecord(TrackRecord):
    """What the state keeps of a local track."""

    cid: str
    """The name that we gave the track in announcing it."""
    codec: Codec
    """What the frames are encoded with."""
    participant: Participant[LocalTrackPublication]
    """The local participant."""
    state: PublicationState = PublicationState.ANNOUNCED
    """See the table above."""
    audio_level: int = _DEFAULT_AUDIO_LEVEL
    """How loud the audio is that is sent, in -dBov."""
    keyframes_requested: int = 0
    """How often subscribers asked for a keyframe."""
    dropped: int = 0
    """Frames that went nowhere while the link was being replaced."""
    view: LocalTrackPublication = field(init=False)
    """What programs hold; only once published."""

    def move(self, state: PublicationState) -> None:
        """Enter a state, which must be one that may follow."""
        assert self.state.may_become(state), f"{self.state} is not followed by {state}"
        self.state = state


class LocalTrackPublication(TrackPublication):
    """A track that the local participant publishes."""

    def __init__(self, record: LocalTrackRecord, sender: TrackSender) -> None:
        super().__init__(record)
        self._participant = record.participant
        self._track = LocalTrack(record, self, sender)

    @property
    def participant(self) -> Participant[LocalTrackPublication]:
        """The local participant."""
        return self._participant

    @property
    def track(self) -> LocalTrack:
        """The track that media is sent to."""
        return self._track


class LocalTrack(trio.abc.SendChannel[EncodedFrame]):
    """A track that is published; made by ``LocalParticipant.publish_track``."""

    def __init__(
        self, record: LocalTrackRecord, publication: LocalTrackPublication, sender: TrackSender
    ) -> None:
        self._record = record
        self._publication = publication
        self._sender = sender

    def __repr__(self) -> str:
        return f"<LocalTrack {self.codec.name} {printable(self.sid)}>"

    @property
    def publication(self) -> LocalTrackPublication:
        """What the server knows about the track."""
        return self._publication

    @property
    def codec(self) -> Codec:
        """What the frames are encoded with."""
        return self._record.codec

    @property
    def kind(self) -> TrackKind:
        """What it carries."""
        return TrackKind(self.codec.kind)

    @property
    def sid(self) -> str:
        """SID of the track, ``TR_…``."""
        return self._record.info.sid

    @property
    def muted(self) -> bool:
        """Whether what is sent goes nowhere."""
        return self._record.info.muted

    @property
    def keyframes_requested(self) -> int:
        """How often subscribers asked for a keyframe so far."""
        return self._record.keyframes_requested

    @property
    def dropped(self) -> int:
        """Frames that went nowhere because the link with the server was being replaced."""
        return self._record.dropped

    def stats(self) -> tuple[OutboundStreamStats, ...]:
        """Numbers about its stream as they are now: those that ``Room.stats`` has of it.

        There is none while the link with the server is being replaced, and none once the track has
        ended.
        """
        found = self._sender.stats(trio.current_time())
        return () if found is None else (found,)

    @property
    def audio_level(self) -> int:
        """How loud the audio is that is sent, in -dBov from 0 (loudest) to 127 (silence).

        Servers find the active speakers by it, as they do not decode. Frames that stand for silence
        are marked as such by themselves.
        """
        return self._record.audio_level

    @audio_level.setter
    def audio_level(self, level: int) -> None:
        self._record.audio_level = level

    async def send(self, value: EncodedFrame) -> None:
        """Send a frame when it is due: of a file in real time, of a live source at once.

        The first frame is sent at once; every later one of a file when as much time has passed as
        lies between their timestamps. A file that is late by more than 0.25 s goes on where it was.
        Frames that come at a pace of their own (of a remote track, an encoder, a device) are not
        held; after a stall they are sent at most four times as fast as they play. Timestamps that
        go back or jump continue the track's timeline: a file may be sent again and again. On a
        muted track frames take their time and go nowhere; also while a restart replaces the link
        with the server, counted in ``dropped``. Cancelled, it has sent nothing.

        Args:
            value: The frame.

        Raises:
            RoomClosed: The room has ended.
            trio.ClosedResourceError: The track was unpublished.
            trio.BrokenResourceError: The server took the track away.
            trio.BusyResourceError: Another task is sending on this track.
            LocalProtocolError: The frame is none of the track's codec, or too large.
            ValueError: Its timestamp or duration is no finite number.
            TypeError: It is no frame.
        """
        await self._sender.send(value)

    async def mute(self) -> None:
        """Stop sending and tell the room. Cancelled, nothing has changed.

        Raises:
            RoomClosed: The room has ended.
            trio.ClosedResourceError: The track was unpublished.
            trio.BrokenResourceError: The server took the track away.
        """
        await self._sender.set_muted(True)

    async def unmute(self) -> None:
        """Go on sending and tell the room; errors as for ``mute``."""
        await self._sender.set_muted(False)

    async def wait_subscribed(self) -> None:
        """Wait until somebody receives this track for the first time, or it has ended.

        Media that is sent earlier is heard by nobody. What is sent from then on reaches the first
        subscriber from its first frame on, if that is a keyframe; those who come later see video
        from the next keyframe on. The first subscriber is given 0.25 s to get ready.

        Raises:
            RoomClosed: The room has ended.
            trio.ClosedResourceError: The track was unpublished meanwhile.
            trio.BrokenResourceError: The server took the track away.
        """
        await self._sender.wait_subscribed()

    async def wait_played(self) -> None:
        """Wait until the last frame that was sent is over, or the track is.

        Who unpublishes earlier may cut it off. The time is the frame's duration, but at least
        0.05 s and at most 0.25 s from its sending. Leaving the block of ``publish_track`` waits
        for it.
        """
        await self._sender.wait_played()

    async def wait_keyframe_request(self) -> None:
        """Wait until a subscriber needs a keyframe; an encoder should then make one.

        Returns at once if one was asked for, and neither this method has told so nor a keyframe was
        sent since.

        Raises:
            RoomClosed: The room has ended.
            trio.ClosedResourceError: The track was unpublished.
            trio.BrokenResourceError: The server took the track away.
        """
        await self._sender.wait_keyframe_request()

    async def aclose(self) -> None:
        """Unpublish the track, also when cancelled. Idempotent."""
        self._sender.unpublish()
        await trio.lowlevel.checkpoint()

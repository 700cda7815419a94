"""What others publish: remote participants, their publications, and tracks that are received.

The three refer to each other, so they are one module. A publication's subscription is in one of
two states, and the events say when it changes:

=============  =====================  ======================================================
state          ``publication.track``  left when
=============  =====================  ======================================================
unsubscribed   None                   a section of a connection carries the track
subscribed     the media              the section carries it no more, or the publication or the
                                      room ends
=============  =====================  ======================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.media import Codec, EncodedFrame
from lktrio.room.channels.media import MediaChannel
from lktrio.room.state.enums import StreamState, TrackKind, VideoQuality
from lktrio.room.state.participant import Participant, ParticipantRecord, ParticipantWaits
from lktrio.room.state.publication import TrackPublication, TrackRecord
from lktrio.room.state.remote_data_tracks import RemoteDataTrack, RemoteDataTrackRecord
from lktrio.room.state.stream_stats import InboundStreamStats
from lktrio.rtc.rtp import RtpPacket

__all__ = [
    "RemoteParticipant",
    "RemoteParticipantRecord",
    "RemoteTrack",
    "RemoteTrackPublication",
    "RemoteTrackRecord",
    "SubscriptionRequests",
    "TrackReceiver",
]


class SubscriptionRequests(ParticipantWaits, Protocol):
    """What remote participants and their publications may ask for."""

    async def update_subscription(self, track: RemoteTrackRecord, *, subscribe: bool) -> None:
        """Begin or stop receiving a track (``SignalRequest.subscription``)."""
        ...

    async def update_track_settings(self, track: RemoteTrackRecord) -> None:
        """Say how a track is wanted, by its record (``SignalRequest.track_setting``)."""
        ...


class TrackReceiver(Protocol):
    """What receives the media of a track."""

    @property
    def codec(self) -> Codec | None:
        """The codec of the frames, or None when it is none of ``lktrio.media``."""
        ...

    def frames(self) -> MediaChannel[EncodedFrame]:
        """A new channel of frames."""
        ...

    def packets(self) -> MediaChannel[RtpPacket]:
        """A new channel of packets."""
        ...

    def stats(self, now: float) -> Sequence[InboundStreamStats]:
        """What is known of its streams now."""
        ...

    def end(self) -> None:
        """The track is over: its channels end after what they have queued. Idempotent."""
        ...


@dataclass(slots=True, eq=False)
class RemoteParticipantRecord(ParticipantRecord["RemoteTrackPublication"]):
    """What the state keeps of somebody else."""

    announced: bool = False
    """Whether the server has told of this session."""
    tracks: dict[str, RemoteTrackRecord] = field(default_factory=dict[str, "RemoteTrackRecord"])
    """The records of its tracks by SID."""
    data_tracks: dict[str, RemoteDataTrackRecord] = field(
        default_factory=dict[str, RemoteDataTrackRecord]
    )
    """The records of its data tracks by name."""
    view: RemoteParticipant = field(init=False)
    """What programs hold."""

    def __post_init__(self) -> None:
        self.update(self.info)
        self.view = RemoteParticipant(self)


@dataclass(slots=True, eq=False)
class RemoteTrackRecord(TrackRecord):
    """What the state keeps of a track of somebody else."""

    participant: RemoteParticipant
    """Who publishes it."""
    requests: SubscriptionRequests
    """Who takes its requests."""
    subscription_allowed: bool = True
    """Whether the publisher lets us subscribe."""
    stream_state: StreamState = StreamState.ACTIVE
    """Whether the server forwards the media."""
    wanted: bool | None = None
    """Whether the program has subscribed or unsubscribed; None: as ``auto_subscribe`` says."""
    enabled: bool = True
    """Whether the program wants the media."""
    video_quality: VideoQuality = VideoQuality.HIGH
    """Which layer of video the program wants at most."""
    settings_said: bool = False
    """Whether the server was told so, in place of what it assumes."""
    track: RemoteTrack | None = None
    """The media, while subscribed."""
    receiver: TrackReceiver | None = None
    """What receives it, while subscribed."""
    view: RemoteTrackPublication = field(init=False)
    """What programs hold."""

    def __post_init__(self) -> None:
        self.view = RemoteTrackPublication(self)

    def settings(self) -> proto.UpdateTrackSettings:
        """How the track is wanted, whole: what a message leaves out is the lowest quality."""
        return proto.UpdateTrackSettings(
            track_sids=[self.info.sid],
            disabled=not self.enabled,
            quality=self.video_quality.to_proto(proto.VideoQuality),
        )

    def subscription(self, *, subscribe: bool) -> proto.UpdateSubscription:
        """The request to begin or stop receiving the track."""
        sids = [self.info.sid]
        return proto.UpdateSubscription(
            track_sids=sids,
            subscribe=subscribe,
            participant_tracks=[
                proto.ParticipantTracks(participant_sid=self.participant.sid, track_sids=sids)
            ],
        )


class RemoteParticipant(Participant["RemoteTrackPublication"]):
    """Somebody else in the room."""

    def __init__(self, record: RemoteParticipantRecord) -> None:
        super().__init__(record)
        self._remote = record

    @property
    def data_tracks(self) -> Mapping[str, RemoteDataTrack]:
        """Its data tracks by name, as they are now."""
        return {name: track.view for name, track in self._remote.data_tracks.items()}


class RemoteTrackPublication(TrackPublication):
    """A track of somebody else."""

    def __init__(self, record: RemoteTrackRecord) -> None:
        super().__init__(record)
        self._remote = record

    @property
    def participant(self) -> RemoteParticipant:
        """Who publishes it."""
        return self._remote.participant

    @property
    def track(self) -> RemoteTrack | None:
        """The media, while we are subscribed and receive it."""
        return self._remote.track

    @property
    def subscribed(self) -> bool:
        """Whether its media can be read now."""
        return self.track is not None

    @property
    def subscription_allowed(self) -> bool:
        """Whether the publisher lets us subscribe."""
        return self._remote.subscription_allowed

    @property
    def stream_state(self) -> StreamState:
        """Whether the server forwards the media, or has paused it for lack of bandwidth."""
        return self._remote.stream_state

    @property
    def enabled(self) -> bool:
        """Whether the media is wanted; see ``set_enabled``."""
        return self._remote.enabled

    @property
    def video_quality(self) -> VideoQuality:
        """Which layer of video is wanted at most; see ``set_video_quality``."""
        return self._remote.video_quality

    async def set_subscribed(self, subscribed: bool) -> None:
        """Ask the server to send this track, or to stop sending it.

        ``TrackSubscribed`` or ``TrackUnsubscribed`` follows (``SignalRequest.subscription``).

        Raises:
            RoomClosed: The room has ended.
        """
        track = self._remote
        before, track.wanted = track.wanted, subscribed
        try:
            await track.requests.update_subscription(track, subscribe=subscribed)
        except BaseException:
            track.wanted = before
            raise

    async def set_enabled(self, enabled: bool) -> None:
        """Ask the server to pause (False) or resume the media without unsubscribing.

        Raises:
            RoomClosed: The room has ended.
        """
        await self._set(enabled, self.video_quality)

    async def set_video_quality(self, quality: VideoQuality | str) -> None:
        """Ask the server for a layer of simulcast video: this one, or a lower one.

        Args:
            quality: ``LOW``, ``MEDIUM`` or ``HIGH``; a track of one layer has only that.

        Raises:
            RoomClosed: The room has ended.
            ValueError: There is no such quality.
        """
        quality = VideoQuality(quality)
        quality.to_proto(proto.VideoQuality)  # refuses what has no number
        await self._set(self.enabled, quality)

    async def _set(self, enabled: bool, quality: VideoQuality) -> None:
        track = self._remote
        before = track.enabled, track.video_quality
        track.enabled, track.video_quality = enabled, quality
        track.settings_said = True
        try:
            await track.requests.update_track_settings(track)
        except BaseException:
            track.enabled, track.video_quality = before
            raise


class RemoteTrack:
    """The media of somebody's track, while we are subscribed to it."""

    def __init__(self, record: RemoteTrackRecord, receiver: TrackReceiver) -> None:
        self._record = record
        self._receiver = receiver

    def __repr__(self) -> str:
        return f"<RemoteTrack {printable(self.sid)} {self.kind} of {self.participant.identity!r}>"

    @property
    def publication(self) -> RemoteTrackPublication:
        """What was announced about the track."""
        return self._record.view

    @property
    def participant(self) -> RemoteParticipant:
        """Who publishes it."""
        return self._record.participant

    @property
    def sid(self) -> str:
        """SID of the track, ``TR_…``."""
        return self._record.info.sid

    @property
    def kind(self) -> TrackKind:
        """What it carries."""
        return self.publication.kind

    @property
    def codec(self) -> Codec | None:
        """The codec that is received, or None when it is none of ``lktrio.media``.

        It may be another than was announced first (``publication.codec``), such as the backup codec
        of a browser.
        """
        return self._receiver.codec

    def stats(self) -> tuple[InboundStreamStats, ...]:
        """Numbers about its streams as they are now: those that ``Room.stats`` has of it.

        One stream, mostly. There is none before the first packet, none while the link with the
        server is being replaced, and none once the track has ended.
        """
        return tuple(self._receiver.stats(trio.current_time()))

    def frames(self) -> MediaChannel[EncodedFrame]:
        """Receive the encoded frames, in order, video from a keyframe on.

        The first reader of a track begins with what has arrived since its subscription, at most 5 s
        and 8 MiB of it, video from the last keyframe; others with what comes next. Timestamps are
        seconds since the first frame of the track that arrived, the same for all channels of it.
        At most 50 frames wait; a consumer that is slower loses the oldest, counted in ``dropped``,
        and video then goes on with a keyframe, which the publisher is asked for. The channel ends
        with the track. Several channels may be open at once.

        Raises:
            EncryptedMedia: The track is encrypted from end to end.
            CodecUnavailable: Frames of its codec cannot be put together; its packets can be read.
        """
        return self._receiver.frames()

    def packets(self) -> MediaChannel[RtpPacket]:
        """Receive the RTP packets, in the order of their arrival, of any codec.

        The first reader of a track begins with what has arrived since its subscription, as with
        ``frames``; others with what comes next. Retransmissions and padding are dealt with. At most
        2,048 packets wait; a consumer that is slower loses the oldest, counted in ``dropped``. The
        channel ends with the track.
        """
        return self._receiver.packets()

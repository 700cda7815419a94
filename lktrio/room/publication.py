"""What is known of a track without receiving it: LiveKit's ``TrackInfo``, as a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lktrio import proto
from lktrio.errors import CodecUnavailable
from lktrio.media import Codec, find_codec
from lktrio.rtc.capabilities import MediaKind

if TYPE_CHECKING:
    from lktrio.room.local_participant import LocalParticipant
    from lktrio.room.participant import RemoteParticipant
    from lktrio.room.session import RoomSession
    from lktrio.room.track import LocalTrack, RemoteTrack

__all__ = [
    "LocalTrackPublication",
    "RemoteTrackPublication",
    "TrackPublication",
    "source_name",
    "source_value",
]


def source_name(source: proto.TrackSource) -> str:
    """``"microphone"``, ``"screen_share_audio"``, ...; ``"unknown"`` for what we do not know."""
    return source.name.lower() if source.name else "unknown"


def source_value(name: str) -> proto.TrackSource:
    """The source of a name such as ``"microphone"``, in any case.

    Raises:
        ValueError: There is no such source.
    """
    for source in proto.TrackSource:
        if source_name(source) == name.lower():
            return source
    names = ", ".join(source_name(source) for source in proto.TrackSource)
    raise ValueError(f"unknown track source {name!r}; it is one of {names}")


class TrackPublication:
    """A track that a participant publishes. Attributes are a snapshot of the server's view."""

    def __init__(self, info: proto.TrackInfo) -> None:
        self.info = info
        """LiveKit's message about the track, as it last was."""

    def __repr__(self) -> str:
        muted = " muted" if self.muted else ""
        return f"<{type(self).__name__} {self.sid} {self.kind} {self.name!r}{muted}>"

    @property
    def sid(self) -> str:
        """SID of the track, ``TR_…``."""
        return self.info.sid

    @property
    def name(self) -> str:
        """Name that the publisher gave."""
        return self.info.name

    @property
    def kind(self) -> MediaKind:
        """``"audio"`` or ``"video"``."""
        return "video" if self.info.type == proto.TrackType.VIDEO else "audio"

    @property
    def source(self) -> str:
        """``"camera"``, ``"microphone"``, ``"screen_share"``, ... or ``"unknown"``."""
        return source_name(self.info.source)

    @property
    def muted(self) -> bool:
        """Whether nothing is sent at present."""
        return self.info.muted

    @property
    def mime_type(self) -> str:
        """Media type such as ``"video/VP8"``, empty while the server has not said."""
        return self.info.mime_type

    @property
    def codec(self) -> Codec | None:
        """The codec, or None when it is not known or not one of ``lktrio.media``."""
        try:
            return find_codec(self.info.mime_type)
        except CodecUnavailable:
            return None

    @property
    def width(self) -> int:
        """Width of video in pixels, 0 if the publisher did not say."""
        return self.info.width

    @property
    def height(self) -> int:
        """Height of video in pixels, 0 if the publisher did not say."""
        return self.info.height

    @property
    def encrypted(self) -> bool:
        """Whether the media is end-to-end encrypted."""
        return self.info.encryption != proto.Encryption.Type.NONE


class RemoteTrackPublication(TrackPublication):
    """A track of somebody else."""

    def __init__(
        self, info: proto.TrackInfo, participant: RemoteParticipant, session: RoomSession
    ) -> None:
        super().__init__(info)
        self.participant = participant
        """Who publishes it."""
        self.track: RemoteTrack | None = None
        """The media, while we are subscribed and receive it."""
        self.subscription_allowed = True
        """Whether the publisher lets us subscribe."""
        self.paused = False
        """Whether the server has paused the media for lack of bandwidth."""
        self._session = session

    @property
    def subscribed(self) -> bool:
        """Whether its media can be read now."""
        return self.track is not None

    async def set_subscribed(self, subscribed: bool) -> None:
        """Ask the server to send this track, or to stop sending it.

        ``TrackSubscribed`` or ``TrackUnsubscribed`` follows (``SignalRequest.subscription``).

        Raises:
            RoomClosed: The room has ended.
        """
        await self._session.send_request(
            proto.SignalRequest(
                subscription=proto.UpdateSubscription(
                    track_sids=[self.sid],
                    subscribe=subscribed,
                    participant_tracks=[
                        proto.ParticipantTracks(
                            participant_sid=self.participant.sid, track_sids=[self.sid]
                        )
                    ],
                )
            )
        )

    async def set_enabled(self, enabled: bool) -> None:
        """Ask the server to pause (False) or resume the media without unsubscribing.

        Raises:
            RoomClosed: The room has ended.
        """
        settings = proto.UpdateTrackSettings(track_sids=[self.sid], disabled=not enabled)
        await self._session.send_request(proto.SignalRequest(track_setting=settings))


class LocalTrackPublication(TrackPublication):
    """A track of ours."""

    def __init__(
        self, info: proto.TrackInfo, participant: LocalParticipant, track: LocalTrack
    ) -> None:
        super().__init__(info)
        self.participant = participant
        """Ourselves."""
        self.track = track
        """The track that media is sent to."""

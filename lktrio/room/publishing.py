"""The tracks that we publish.

Theory of operation: publishing is two exchanges that run side by side. ``add_track`` announces the
track and is answered with its SID; an offer with a new sending section, whose msid holds the
track's ``cid``, sets up the media. Media can flow when both are done. Whatever goes wrong, or is
cancelled, in between is withdrawn by turning the section off again. The server has no request to
unpublish: a section that no longer sends is the message.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from lktrio import proto
from lktrio.errors import CodecRejected, LocalProtocolError, NotPermitted, PublishTimeout
from lktrio.media import H264, OPUS, VP8, Codec
from lktrio.room.connections import Connection, Negotiation
from lktrio.room.events import (
    LocalTrackPublished,
    LocalTrackSubscribed,
    LocalTrackUnpublished,
    TrackMuted,
    TrackUnmuted,
)
from lktrio.room.publication import LocalTrackPublication, source_value
from lktrio.room.track import LocalTrack
from lktrio.rtc import capabilities
from lktrio.rtc.transceiver import Transceiver

if TYPE_CHECKING:
    from lktrio.room.session import RoomSession

__all__ = ["Publisher", "TrackDescription"]

_CAPABILITIES = {
    OPUS.mime: capabilities.OPUS,
    VP8.mime: capabilities.VP8,
    H264.mime: capabilities.H264,
}
_DEFAULT_SOURCES = {"audio": "microphone", "video": "camera"}


@dataclass(frozen=True, slots=True)
class TrackDescription:
    """What is announced about a track."""

    codec: Codec
    """What the frames are encoded with."""
    name: str = ""
    """Free text for other participants."""
    source: str = ""
    """``"microphone"``, ``"camera"``, ...; empty for the usual one of the kind."""
    width: int = 0
    """Width of video in pixels, 0 if unknown."""
    height: int = 0
    """Height of video in pixels, 0 if unknown."""
    muted: bool = False
    """Whether it starts muted."""
    stereo: bool = False
    """Whether Opus is stereo."""
    stream: str = ""
    """Tracks of one stream name are synchronised; empty for the server's choice."""

    @property
    def source_name(self) -> str:
        """The source, with the default filled in."""
        return self.source.lower() or _DEFAULT_SOURCES[self.codec.kind]

    def request(self, cid: str) -> proto.AddTrackRequest:
        """The announcement.

        Raises:
            ValueError: The source is unknown.
        """
        video = self.codec.kind == "video"
        layer = proto.VideoLayer(
            quality=proto.VideoQuality.HIGH, width=self.width, height=self.height
        )
        simulcast = proto.SimulcastCodec(codec=self.codec.name.lower(), cid=cid)
        return proto.AddTrackRequest(
            cid=cid,
            name=self.name,
            type=proto.TrackType.VIDEO if video else proto.TrackType.AUDIO,
            source=source_value(self.source_name),
            width=self.width,
            height=self.height,
            muted=self.muted,
            layers=[layer] if video else [],
            simulcast_codecs=[simulcast] if video else [],
            disable_red=True,
            stereo=self.stereo,
            audio_features=[proto.AudioTrackFeature.TF_STEREO] if self.stereo else [],
            stream=self.stream,
        )


class Publisher:
    """The published tracks of one stay.

    Args:
        session: The stay.
        connection: The peer connection that carries them.
        negotiation: Its offers.
    """

    def __init__(
        self, session: RoomSession, connection: Connection, negotiation: Negotiation
    ) -> None:
        self._session = session
        self._connection = connection
        self._negotiation = negotiation
        self._tracks: dict[LocalTrack, Transceiver] = {}

    async def publish(self, description: TrackDescription) -> LocalTrack:
        """Publish a track. Cancelled or failed, it is withdrawn.

        Raises:
            NotPermitted: The token or the server forbids it.
            CodecRejected: The server does not take the codec.
            PublishTimeout: The server did not acknowledge the track in time.
            RoomClosed: The room has ended.
            ValueError: The source is unknown, or the codec cannot be published.
        """
        self._check(description)
        cid = uuid.uuid4().hex
        request = description.request(cid)
        transceiver = self._add_section(description.codec, cid)
        track = LocalTrack(description.codec, self._session)
        published = False
        try:
            number = self._negotiation.request()
            info = await self._announce(request)
            await self._wait_negotiated(number)
            self._start(track, transceiver, info)
            published = True
        finally:
            if not published:
                self._turn_off(transceiver)
        return track

    async def _announce(self, request: proto.AddTrackRequest) -> proto.TrackInfo:
        try:
            return await self._session.signal.add_track(request)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self._session.signal_ended()
            self._session.check_open()
            raise

    def _check(self, description: TrackDescription) -> None:
        self._session.check_open()
        if description.codec.mime not in _CAPABILITIES:
            names = ", ".join(_CAPABILITIES)
            raise ValueError(
                f"{description.codec.mime} cannot be published; these can: {names}. Encode the "
                "media with one of them first"
            )
        if not self._session.local.permissions.allows_source(description.source_name):
            raise NotPermitted(
                f"the token does not allow this participant to publish {description.source_name}"
            )

    def _add_section(self, codec: Codec, cid: str) -> Transceiver:
        peer = self._connection.peer
        available = peer.capabilities.codecs(codec.kind)
        preferred = capabilities.with_first(available, _CAPABILITIES[codec.mime])
        transceiver = peer.add_transceiver(codec.kind, "sendonly", preferred)
        peer.set_local_track(transceiver, "-", cid)
        return transceiver

    async def _wait_negotiated(self, number: int) -> None:
        seconds = self._session.options.timeouts.negotiation
        with trio.move_on_after(seconds) as scope:
            await self._negotiation.wait(number)
        self._session.check_open()
        if scope.cancelled_caught:
            raise PublishTimeout(f"the server did not negotiate the track within {seconds:g} s")

    def _start(self, track: LocalTrack, transceiver: Transceiver, info: proto.TrackInfo) -> None:
        try:
            stream = self._connection.peer.outbound(transceiver, track.codec.mime)
        except LocalProtocolError as error:
            raise CodecRejected(f"the server does not take {track.codec.mime}: {error}") from error
        local = self._session.local
        track.publication = LocalTrackPublication(info, local, track)
        track.start(stream)
        self._tracks[track] = transceiver
        local.add_publication(track.publication)
        self._session.events.publish(LocalTrackPublished(track.publication, local))

    def unpublish(self, track: LocalTrack) -> None:
        """Withdraw a track. Never waits; does nothing for one that is gone."""
        transceiver = self._tracks.pop(track, None)
        if transceiver is None:
            return
        track.end()
        self._session.local.remove_publication(track.sid)
        self._session.events.publish(LocalTrackUnpublished(track.publication, self._session.local))
        self._turn_off(transceiver)

    def _turn_off(self, transceiver: Transceiver) -> None:
        if self._session.end_reason is None:
            self._connection.peer.clear_local_track(transceiver)
            self._connection.driver.flush()
            self._negotiation.request()

    def set_muted(self, track: LocalTrack, muted: bool) -> None:
        """Mute or unmute a track and tell the server."""
        if track not in self._tracks:
            raise trio.ClosedResourceError("this track was unpublished")
        if track.publication.muted != muted:
            self._mute(track, muted)
            mute = proto.MuteTrackRequest(sid=track.sid, muted=muted)
            self._session.send_request_nowait(proto.SignalRequest(mute=mute))

    def _mute(self, track: LocalTrack, muted: bool) -> None:
        track.publication.info.muted = muted
        event = TrackMuted if muted else TrackUnmuted
        self._session.events.publish(event(track.publication, self._session.local))

    # What the server says about them

    def _find(self, sid: str) -> LocalTrack | None:
        return next((track for track in self._tracks if track.sid == sid), None)

    def update(self, infos: Sequence[proto.TrackInfo]) -> None:
        """Take over the server's view of our tracks, apart from whether they are muted."""
        for info in infos:
            track = self._find(info.sid)
            if track is not None:
                info.muted = track.publication.muted
                track.publication.info = info

    def muted_by_server(self, sid: str, muted: bool) -> None:
        """The server orders a track to be muted or unmuted."""
        track = self._find(sid)
        if track is not None:
            self.set_muted(track, muted)

    def unpublished_by_server(self, sid: str) -> None:
        """The server took a track away, such as after a change of permissions."""
        track = self._find(sid)
        if track is not None:
            self.unpublish(track)

    def subscribed(self, sid: str) -> None:
        """Somebody receives a track for the first time."""
        track = self._find(sid)
        if track is not None:
            track.subscribed()
            self._session.events.publish(
                LocalTrackSubscribed(track.publication, self._session.local)
            )

    def keyframe_requested(self, transceiver: Transceiver) -> None:
        """A subscriber needs a keyframe."""
        for track, section in self._tracks.items():
            if section is transceiver:
                track.keyframe_requested()

    def end(self) -> None:
        """The stay has ended: every track has."""
        for track in self._tracks:
            track.end()
        self._tracks.clear()
        self._negotiation.end()

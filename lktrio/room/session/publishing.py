"""The tracks that we publish.

Theory of operation: publishing is two exchanges. ``add_track`` announces the track and is answered
with its SID; an offer with a sending section, whose msid holds the track's ``cid``, sets up the
media. Media can flow when both are done. They run side by side, unless so many are under way that
the server might refuse one: it would then give the section of that one to another track. Beyond
what the server takes at once, publishing waits its turn. The server has no request to unpublish: a
section that no longer sends is the message.

LiveKit's server learns of a video stream by its first packet, and forwards from a keyframe that
comes later. So a packet that belongs to no frame goes ahead of the first frame.

Whatever goes wrong, or is cancelled, in between is withdrawn in the same way. A track that was
announced is remembered by the server until its section appears, and too many of these make it
refuse others, so a withdrawn track is negotiated first and turned off then, in the background.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import trio

from lktrio import proto
from lktrio.errors import (
    CodecRejected,
    LocalProtocolError,
    PublishError,
    PublishTimeout,
)
from lktrio.media import H264, OPUS, VP8, Codec
from lktrio.room.options import RoomOptions
from lktrio.room.session.life import RoomLife
from lktrio.room.session.negotiation import OfferExchange
from lktrio.room.session.peer_connection import UDP_BLOCKED, PeerConnection
from lktrio.room.session.sections import SendingSections
from lktrio.room.session.sending import OutgoingTrack
from lktrio.room.state.enums import TrackSource
from lktrio.room.state.events import LocalTrackSubscribed, LocalTrackUnpublished, RoomEvent
from lktrio.room.state.local import LocalTrackRecord, PublicationState
from lktrio.room.state.local_tracks import LocalTracks
from lktrio.rtc import capabilities
from lktrio.rtc.transceiver import Transceiver

__all__ = ["Publisher", "TrackDescription", "TrackRequests"]

_CAPABILITIES = {
    OPUS.mime: capabilities.OPUS,
    VP8.mime: capabilities.VP8,
    H264.mime: capabilities.H264,
}
_SIDE_BY_SIDE = 8  # announced tracks up to which offers do not wait for the announcement's answer
_MAX_ANNOUNCED = 16  # tracks under way at once; LiveKit's server refuses more than 20
_CID_LENGTH = 16  # bytes of the id that a track has until the server gives it one
_SOURCES = {  # by kind, the usual one first
    "audio": (TrackSource.MICROPHONE, TrackSource.SCREEN_SHARE_AUDIO, TrackSource.UNKNOWN),
    "video": (TrackSource.CAMERA, TrackSource.SCREEN_SHARE, TrackSource.UNKNOWN),
}


@dataclass(frozen=True, slots=True)
class TrackDescription:
    """What is announced about a track."""

    codec: Codec
    """What the frames are encoded with."""
    name: str = ""
    """Free text for other participants."""
    source: TrackSource | str = ""
    """Where the media comes from; empty for the usual one of the kind."""
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
    def actual_source(self) -> TrackSource:
        """The source, with the default filled in."""
        return TrackSource(self.source or _SOURCES[self.codec.kind][0])

    @property
    def capability(self) -> capabilities.CodecCapability:
        """The codec as the track's section offers it first."""
        stereo = self.stereo and self.codec.mime == OPUS.mime
        return capabilities.OPUS_STEREO if stereo else _CAPABILITIES[self.codec.mime]

    def check(self) -> None:
        """Refuse what cannot be published.

        Raises:
            ValueError: The codec cannot be published, or the source is none of its kind.
        """
        if self.codec.mime not in _CAPABILITIES:
            names = ", ".join(_CAPABILITIES)
            raise ValueError(
                f"{self.codec.mime} cannot be published; these can: {names}. Encode the media "
                "with one of them first"
            )
        sources = _SOURCES[self.codec.kind]
        if self.source and self.source.lower() not in sources:
            raise ValueError(
                f"{str(self.source)!r} is no source of {self.codec.kind}; it is one of "
                f"{', '.join(sources)}"
            )

    def request(self, cid: str) -> proto.AddTrackRequest:
        """The announcement."""
        video = self.codec.kind == "video"
        layer = proto.VideoLayer(
            quality=proto.VideoQuality.HIGH, width=self.width, height=self.height
        )
        simulcast = proto.SimulcastCodec(codec=self.codec.name.lower(), cid=cid)
        return proto.AddTrackRequest(
            cid=cid,
            name=self.name,
            type=proto.TrackType.VIDEO if video else proto.TrackType.AUDIO,
            source=self.actual_source.to_proto(proto.TrackSource),
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


class TrackRequests(Protocol):
    """What is asked of the server about local tracks."""

    async def add_track(self, request: proto.AddTrackRequest) -> proto.TrackInfo:
        """Announce a track."""
        ...

    async def mute_track(self, sid: str, *, muted: bool) -> None:
        """Tell that a track is muted, or no longer."""
        ...


class Publisher:
    """Publishes tracks over one connection.

    Args:
        tracks: What is known of local tracks.
        requests: What is asked of the server.
        connection: The peer connection that carries the tracks.
        negotiation: Its offers.
        life: The end of the room.
        options: Deadlines, and where randomness comes from.
        tell: Called when the state has news.
    """

    def __init__(
        self,
        tracks: LocalTracks,
        requests: TrackRequests,
        connection: PeerConnection,
        negotiation: OfferExchange,
        life: RoomLife,
        options: RoomOptions,
        tell: Callable[[], None],
    ) -> None:
        self._tracks = tracks
        self._requests = requests
        self._connection = connection
        self._negotiation = negotiation
        self._life = life
        self._options = options
        self._tell = tell
        self._sections = SendingSections(connection, negotiation)
        self._outgoing: dict[str, OutgoingTrack] = {}
        self._announced_less = trio.lowlevel.ParkingLot()

    async def publish(self, description: TrackDescription) -> OutgoingTrack:
        """Publish a track that is allowed. Cancelled or failed, it is withdrawn.

        Raises:
            NotPermitted: The server forbids it.
            CodecRejected: The server does not take the codec.
            PublishTimeout: The server did not acknowledge the track in time.
            PublishError: There are too many tracks.
            RoomClosed: The room has ended.
        """
        while self._tracks.announced >= _MAX_ANNOUNCED:
            await self._announced_less.park()
            self._life.check_open()
        cid = self._options.network.random_bytes(_CID_LENGTH).hex()
        transceiver = self._sections.take(description.codec, description.capability, cid)
        early = self._tracks.announced < _SIDE_BY_SIDE
        number = self._negotiation.request() if early else None
        record = self._tracks.announce(cid, description.codec, description.muted)
        try:
            info = await self._requests.add_track(description.request(cid))
            await self._wait_ready(self._negotiation.request() if number is None else number)
            return self._start(record, transceiver, info)
        except BaseException as error:
            refused = isinstance(error, PublishError) and not isinstance(error, PublishTimeout)
            self._withdraw(record, transceiver, refused=refused)
            raise

    async def _wait_ready(self, number: int) -> None:
        """Wait until the section is negotiated and its connection is up."""
        timeouts = self._options.timeouts
        seconds = max(timeouts.negotiation, timeouts.transport)
        late = f"the server did not negotiate the track within {seconds:g} s"
        with trio.move_on_after(seconds) as scope:
            await self._negotiation.wait(number)
            late = f"no encrypted path to the server within {seconds:g} s: {UDP_BLOCKED}"
            await self._connection.connected.wait()
        self._life.check_open()
        if scope.cancelled_caught:
            raise PublishTimeout(late)

    def _start(
        self, record: LocalTrackRecord, transceiver: Transceiver, info: proto.TrackInfo
    ) -> OutgoingTrack:
        mime = record.codec.mime
        try:
            stream = self._connection.peer.outbound(transceiver, mime)
        except LocalProtocolError as error:
            raise CodecRejected(f"the server does not take {mime}: {error}") from error
        track = OutgoingTrack(record, self, stream, transceiver, self._connection, self._life)
        self._outgoing[info.sid] = track
        self._tracks.publish(record, info, track)
        track.send_preamble()
        self._announced_less.unpark()
        self._tell()
        return track

    def _withdraw(
        self, record: LocalTrackRecord, transceiver: Transceiver, *, refused: bool
    ) -> None:
        """Turn a section off, if announced once the server has seen whose section it is."""
        record.move(PublicationState.UNPUBLISHED)

        def turn_off() -> None:
            self._tracks.forget(record)
            self._announced_less.unpark()
            self._turn_off(transceiver)

        if refused:
            turn_off()
        elif self._life.reason is None:
            self._negotiation.request_then(turn_off)

    def _turn_off(self, transceiver: Transceiver) -> None:
        if self._life.reason is None:
            self._sections.turn_off(transceiver)

    def unpublish(self, track: OutgoingTrack) -> None:
        """Withdraw a track. Never waits; does nothing for one that is gone."""
        if self._life.reason is None:
            self._tracks.unpublish(track.record)
            self._tell()

    async def set_muted(self, track: OutgoingTrack, muted: bool) -> None:
        """Mute or unmute a track and tell the server. Cancelled, nothing has changed."""
        await self._requests.mute_track(track.record.info.sid, muted=muted)
        self._tracks.set_muted(track.record, muted)
        self._tell()

    # What happens

    def follow(self, event: RoomEvent) -> None:
        """Do what an event means for the media of a track."""
        match event:
            case LocalTrackSubscribed(publication):
                self._outgoing[publication.sid].subscribed()
            case LocalTrackUnpublished(publication):
                track = self._outgoing.pop(publication.sid)
                track.end()
                self._turn_off(track.transceiver)
            case _:
                pass

    def keyframe_requested(self, transceiver: Transceiver) -> None:
        """A subscriber needs a keyframe."""
        for track in self._outgoing.values():
            if track.transceiver is transceiver:
                track.keyframe_requested()

    def end(self) -> None:
        """The room has ended, and with it every track."""
        for track in self._outgoing.values():
            track.end()
        self._outgoing.clear()
        self._announced_less.unpark_all()
        self._negotiation.end()

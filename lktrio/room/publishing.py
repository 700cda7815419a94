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

Sections cannot be removed from a connection. One that was turned off is used again for the next
track of the same codec, as LiveKit's server does not let a section change its codec; so a program
which publishes many short tracks does not run out of sections. Turning off is said once: later
offers describe an idle section as one that sends, only without a track. LiveKit's server stops the
receiver of a section each time that it reads ``inactive``, also one that waits for the next track,
and would then never notice the end of that one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from lktrio import proto
from lktrio.errors import (
    CodecRejected,
    LocalProtocolError,
    NotPermitted,
    PublishError,
    PublishTimeout,
)
from lktrio.media import H264, OPUS, VP8, Codec
from lktrio.room.connections import UDP_BLOCKED, Connection, Negotiation
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
from lktrio.rtc.sdp import MAX_SECTIONS
from lktrio.rtc.transceiver import Transceiver

if TYPE_CHECKING:
    from lktrio.room.session import RoomSession

__all__ = ["Publisher", "TrackDescription"]

_CAPABILITIES = {
    OPUS.mime: capabilities.OPUS,
    VP8.mime: capabilities.VP8,
    H264.mime: capabilities.H264,
}
_SIDE_BY_SIDE = 8  # announced tracks up to which offers do not wait for the announcement's answer
_MAX_ANNOUNCED = 16  # tracks under way at once; LiveKit's server refuses more than 20
_CID_LENGTH = 16  # bytes of the id that a track has until the server gives it one
_MAX_EARLY = 64  # messages kept about tracks that are about to be published
_SOURCES = {  # by kind, the usual one first
    "audio": ("microphone", "screen_share_audio", "unknown"),
    "video": ("camera", "screen_share", "unknown"),
}


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
        return self.source.lower() or _SOURCES[self.codec.kind][0]

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
        if self.source_name not in sources:
            raise ValueError(
                f"{self.source!r} is no source of {self.codec.kind}; it is one of "
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
        self._announced: set[str] = set()
        self._announced_less = trio.lowlevel.ParkingLot()
        self._early: list[tuple[str, Callable[[LocalTrack], None]]] = []
        self._idle: list[Transceiver] = []

    async def publish(self, description: TrackDescription) -> LocalTrack:
        """Publish a track. Cancelled or failed, it is withdrawn.

        Raises:
            NotPermitted: The token or the server forbids it.
            CodecRejected: The server does not take the codec.
            PublishTimeout: The server did not acknowledge the track in time.
            PublishError: There are too many tracks.
            RoomClosed: The room has ended.
            ValueError: The codec cannot be published, or the source is none of its kind.
        """
        self._check(description)
        while len(self._announced) >= _MAX_ANNOUNCED:
            await self._announced_less.park()
            self._session.check_open()
        cid = self._session.options.network.random_bytes(_CID_LENGTH).hex()
        transceiver = self._take_section(description, cid)
        track = LocalTrack(description.codec, self._session)
        number = self._negotiation.request() if len(self._announced) < _SIDE_BY_SIDE else None
        self._announced.add(cid)
        try:
            info = await self._session.add_track(description.request(cid))
            await self._wait_ready(self._negotiation.request() if number is None else number)
            self._start(track, transceiver, info)
        except BaseException as error:
            refused = isinstance(error, PublishError) and not isinstance(error, PublishTimeout)
            self._withdraw(transceiver, cid, refused=refused)
            raise
        self._forget_announcement(cid)
        return track

    def _forget_announcement(self, cid: str) -> None:
        self._announced.discard(cid)
        if not self._announced:
            self._early.clear()
        self._announced_less.unpark()

    def _check(self, description: TrackDescription) -> None:
        self._session.check_open()
        description.check()
        if not self._session.local.permissions.allows_source(description.source_name):
            raise NotPermitted(
                f"the token does not allow this participant to publish {description.source_name}"
            )

    def _take_section(self, description: TrackDescription, cid: str) -> Transceiver:
        """Prepare a section for a track: one that was used before, or a new one."""
        peer = self._connection.peer
        kind, first = description.codec.kind, description.capability
        transceiver = next((one for one in self._idle if one.capabilities[0] == first), None)
        if transceiver is None:
            if len(peer.transceivers) >= MAX_SECTIONS - 1:  # one is for data
                raise PublishError(
                    f"a connection carries at most {MAX_SECTIONS - 1} tracks at once; unpublish "
                    "others before"
                )
            codecs = capabilities.with_first(peer.capabilities.codecs(kind), first)
            transceiver = peer.add_transceiver(kind, "sendonly", codecs)
        else:
            self._idle.remove(transceiver)
        peer.set_local_track(transceiver, "-", cid)
        return transceiver

    async def _wait_ready(self, number: int) -> None:
        """Wait until the section is negotiated and its connection is up."""
        timeouts = self._session.options.timeouts
        seconds = max(timeouts.negotiation, timeouts.transport)
        late = f"the server did not negotiate the track within {seconds:g} s"
        with trio.move_on_after(seconds) as scope:
            await self._negotiation.wait(number)
            late = f"no encrypted path to the server within {seconds:g} s: {UDP_BLOCKED}"
            await self._session.wait_connected(self._connection)
        self._session.check_open()
        if scope.cancelled_caught:
            raise PublishTimeout(late)

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
        for sid, call in list(self._early):
            if sid == track.sid:
                call(track)

    def unpublish(self, track: LocalTrack, *, by_server: bool = False) -> None:
        """Withdraw a track. Never waits; does nothing for one that is gone."""
        transceiver = self._tracks.pop(track, None)
        if transceiver is None:
            return
        track.end(by_server=by_server)
        self._session.local.remove_publication(track.sid)
        self._session.events.publish(LocalTrackUnpublished(track.publication, self._session.local))
        self._turn_off(transceiver)

    def _withdraw(self, transceiver: Transceiver, cid: str, *, refused: bool) -> None:
        """Turn a section off, if announced once the server has seen whose section it is."""

        def turn_off() -> None:
            self._forget_announcement(cid)
            self._turn_off(transceiver)

        if refused:
            turn_off()
        elif self._session.end_reason is None:
            self._negotiation.request_then(turn_off)

    def _turn_off(self, transceiver: Transceiver) -> None:
        """Stop sending in a section. The server is told first, lest it drops the last packets."""
        if self._session.end_reason is not None:
            return
        if transceiver.mid is None:  # it was in no offer, so nobody needs to be told
            self._connection.peer.remove_transceiver(transceiver)
        else:
            transceiver.direction = "inactive"
            self._negotiation.request_then(lambda: self._clear(transceiver))

    def _clear(self, transceiver: Transceiver) -> None:
        self._connection.peer.clear_local_track(transceiver)
        self._connection.driver.flush()
        if not transceiver.stopped:
            transceiver.direction = "sendonly"
            self._idle.append(transceiver)

    async def set_muted(self, track: LocalTrack, muted: bool) -> None:
        """Mute or unmute a track and tell the server. Cancelled, nothing has changed."""
        mute = proto.MuteTrackRequest(sid=track.sid, muted=muted)
        await self._session.send_request(proto.SignalRequest(mute=mute))
        self._mute(track, muted)

    def _mute(self, track: LocalTrack, muted: bool) -> None:
        if track in self._tracks and track.muted != muted:
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
                info.muted = track.muted
                track.publication.info = info

    def muted_by_server(self, sid: str, muted: bool) -> bool:
        """The server orders a track to be muted or unmuted; returns whether it is ours."""
        track = self._find(sid)
        if track is not None:
            self._mute(track, muted)
        return track is not None

    def unpublished_by_server(self, sid: str) -> None:
        """The server took a track away, such as after a change of permissions."""
        self._on_track(sid, lambda track: self.unpublish(track, by_server=True))

    def subscribed(self, sid: str) -> None:
        """Somebody receives a track for the first time."""
        self._on_track(sid, self._subscribed)

    def _subscribed(self, track: LocalTrack) -> None:
        track.subscribed()
        self._session.events.publish(LocalTrackSubscribed(track.publication, self._session.local))

    def _on_track(self, sid: str, call: Callable[[LocalTrack], None]) -> None:
        """Do something with a track, now or as soon as it is published on our side as well.

        The server may be ahead: its messages can be read before the task that publishes runs.
        """
        track = self._find(sid)
        if track is not None:
            call(track)
        elif self._announced and len(self._early) < _MAX_EARLY:
            self._early.append((sid, call))

    def keyframe_requested(self, transceiver: Transceiver) -> None:
        """A subscriber needs a keyframe."""
        for track, section in self._tracks.items():
            if section is transceiver:
                track.keyframe_requested()

    def end(self) -> None:
        """The stay has ended, and with it every track."""
        for track in self._tracks:
            track.end()
        self._tracks.clear()
        self._announced_less.unpark_all()
        self._negotiation.end()

"""What one participant publishes: the sections of its description, and the packets in them.

Theory of operation: AddTrack makes a *pending* track. The client's description then has a section
that sends; the two are brought together by the track id of the section (the client's ``cid``), or
if that is unknown by kind. From then on the track is published and the room hears of it. A section
that stops sending, or sends another track, ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import trio

from lktrio import proto
from lktrio.devserver.clocks import PublisherClock
from lktrio.devserver.connection import MediaConnection
from lktrio.devserver.encoding import Encoding
from lktrio.devserver.limits import if_short
from lktrio.devserver.pending import PendingTrack, PendingTracks, check_request
from lktrio.devserver.speakers import LevelMeter
from lktrio.devserver.tracks import PublishedTrack, TrackPublisher, mime_of, version_now
from lktrio.rtc.rtp.extensions import AUDIO_LEVEL_URI
from lktrio.rtc.rtp.inbound import InboundStream
from lktrio.rtc.sdp import Msid
from lktrio.rtc.transceiver import Transceiver

__all__ = ["UpTracks", "UpTracksOwner"]

_NOT_MEDIA = ("rtx", "red", "ulpfec", "flexfec-03", "telephone-event", "cn")

_Reason = proto.RequestResponse.Reason


class UpTracksOwner(TrackPublisher, Protocol):
    """Who publishes, and hears of what is published."""

    @property
    def room_size(self) -> int:
        """How many participants are in the room."""
        ...

    def may_publish_source(self, source: proto.TrackSource) -> bool:
        """Whether it may publish tracks of a source."""
        ...

    def touch(self) -> None:
        """Something about it has changed."""
        ...

    def on_published(self, track: PublishedTrack) -> None:
        """A track is published."""
        ...

    def on_unpublished(self, track: PublishedTrack) -> None:
        """A track is gone."""
        ...


@dataclass(slots=True, eq=False)
class _UpSection:
    """A section of the client's description that carries a published track."""

    track: PublishedTrack
    encoding: Encoding
    msid: Msid
    cids: set[str]
    level: LevelMeter | None = None


class UpTracks:
    """The tracks that one participant publishes.

    Args:
        owner: The participant.
        connection: The peer connection that receives from the client.

    Attributes:
        connection: That peer connection.
    """

    def __init__(self, owner: UpTracksOwner, connection: MediaConnection) -> None:
        self.connection = connection
        self._owner = owner
        self._pending = PendingTracks(owner.send, connection.random)
        self._sections: dict[Transceiver, _UpSection] = {}
        self._clock = PublisherClock()

    @property
    def tracks(self) -> list[PublishedTrack]:
        """The published tracks."""
        sections = self._sections.values()
        return [s.track for s in sections if s.encoding is s.track.primary]

    def find(self, sid: str) -> PublishedTrack | None:
        """A published track."""
        return next((track for track in self.tracks if track.sid == sid), None)

    def find_info(self, sid: str) -> proto.TrackInfo | None:
        """The description of a published or pending track."""
        track = self.find(sid)
        return track.info if track is not None else self._pending.find_info(sid)

    # AddTrack

    def add(self, request: proto.AddTrackRequest) -> None:
        """Take a request to publish a track."""
        refusal = self._refusal(request)
        if refusal is not None:
            self._pending.refuse(request, *refusal)
            return
        track = self.find(request.sid) if request.sid else None
        if track is not None:
            self._pending.extend(request, track)
        elif request.cid in self._taken_cids() or self._pending.is_taken(request.cid):
            self._pending.queue(request)
            return
        else:
            self._pending.accept(request)
        self.match_sections()

    def _refusal(
        self, request: proto.AddTrackRequest
    ) -> tuple[proto.RequestResponse.Reason, str] | None:
        if not self._owner.may_publish_source(request.source):
            return _Reason.NOT_ALLOWED, ""
        refusal = check_request(request)
        if refusal is not None:
            return refusal
        if request.sid:
            return None if self.find(request.sid) is not None else (_Reason.NOT_FOUND, "")
        return (_Reason.LIMIT_EXCEEDED, "") if self._pending.is_full else None

    def _taken_cids(self) -> set[str]:
        return {cid for section in self._sections.values() for cid in section.cids}

    def _retry_queued(self) -> None:
        request = self._pending.next_queued(
            self._taken_cids(), lambda queued: self._refusal(queued) is None
        )
        if request is not None:
            self._pending.accept(request)
            self.match_sections()

    # Sections

    def choose_codecs(self) -> None:
        """Put first in the next answer the codec that a track has or was announced with."""
        for transceiver in self.connection.peer.transceivers:
            kind = transceiver.kind
            wanted = (self._wanted_codec(transceiver) or "").lower()
            if wanted:
                transceiver.codecs.sort(key=lambda c: f"{kind}/{c.name}".lower() != wanted)

    def _wanted_codec(self, transceiver: Transceiver) -> str | None:
        """The codec that a section is to carry, None if any will do."""
        msid, section = transceiver.remote_track, self._sections.get(transceiver)
        if section is not None and section.msid == msid:
            return section.encoding.mime
        pending = self._pending.find(transceiver.kind, msid) if msid is not None else None
        return pending.mime if pending is not None else None

    def match_sections(self) -> None:
        """Bring sections and pending tracks together; end the tracks whose section is gone."""
        changed = False
        for transceiver in self.connection.peer.transceivers:
            msid = transceiver.remote_track
            section = self._sections.get(transceiver)
            if section is not None and section.msid != msid:
                self._end(transceiver)
                changed = True
            if msid is not None and transceiver not in self._sections and transceiver.codecs:
                pending = self._pending.find(transceiver.kind, msid)
                if pending is not None:
                    self._publish(transceiver, msid, pending)
                    changed = True
        if changed:
            self._retry_queued()

    def _publish(self, transceiver: Transceiver, msid: Msid, pending: PendingTrack) -> None:
        codec = next((c for c in transceiver.codecs if c.name.lower() not in _NOT_MEDIA), None)
        if codec is None:
            return
        self._pending.remove(pending)
        mime = mime_of(codec.name, video=transceiver.kind == "video")
        encoding = Encoding(mime, transceiver, self._request_keyframe)
        if pending.track is None:
            track = self._begin(transceiver, msid, pending.info, encoding)
        else:
            track = pending.track
            self._extend(track, msid, encoding)
        section = _UpSection(track, encoding, msid, pending.cids)
        if transceiver.kind == "audio":
            section.level = LevelMeter(transceiver.extension_ids.get(AUDIO_LEVEL_URI, 0))
        self._sections[transceiver] = section
        for stream in self.connection.peer.inbound(transceiver):
            self.on_stream(transceiver, stream, stream.rid)
        if pending.track is None:
            self._owner.on_published(track)

    def _begin(
        self, transceiver: Transceiver, msid: Msid, info: proto.TrackInfo, encoding: Encoding
    ) -> PublishedTrack:
        """Make the track that a pending one becomes."""
        info.mime_type = encoding.mime
        info.mid = if_short(transceiver.mid)
        info.version = version_now()
        if info.codecs:
            info.codecs[0].mime_type, info.codecs[0].mid = info.mime_type, info.mid
            if msid.track_id and msid.track_id != info.codecs[0].cid:
                info.codecs[0].sdp_cid = if_short(msid.track_id)
        return PublishedTrack(self._owner, info, encoding)

    def _extend(self, track: PublishedTrack, msid: Msid, encoding: Encoding) -> None:
        """Let a track have another codec."""
        track.add_encoding(encoding)
        described = track.described(encoding.mime)
        if described is not None:
            described.mid = if_short(encoding.transceiver.mid)
            if msid.track_id and msid.track_id != described.cid:
                described.sdp_cid = if_short(msid.track_id)
        self._owner.touch()
        now = trio.current_time()
        for receiver in list(track.receivers):
            receiver.choose(now)

    def _end(self, transceiver: Transceiver) -> None:
        section = self._sections.pop(transceiver)
        track, encoding = section.track, section.encoding
        if encoding is not track.primary:
            track.encodings.remove(encoding)
            return
        self._pending.forget_track(track)
        for other, further in list(self._sections.items()):
            if further.track is track:
                del self._sections[other]
        self._owner.on_unpublished(track)

    def unpublish(self, track: PublishedTrack) -> None:
        """Take a track away from its publisher, who is told."""
        self._end(track.primary.transceiver)
        gone = proto.TrackUnpublishedResponse(track_sid=track.sid)
        self._owner.send(proto.SignalResponse(track_unpublished=gone))

    def drop_forbidden(self) -> None:
        """End and forget the tracks whose source may no longer be published."""
        allowed = self._owner.may_publish_source
        self._pending.keep_sources(allowed)
        for track in self.tracks:
            if not allowed(track.info.source):
                self.unpublish(track)

    def close(self) -> None:
        """End every track."""
        self._pending.clear()
        for track in self.tracks:
            self._end(track.primary.transceiver)

    # Media

    def on_stream(self, transceiver: Transceiver, stream: InboundStream, rid: str) -> None:
        """A stream was recognised as media of a section."""
        stream.want_packets, stream.want_frames = True, False
        section = self._sections.get(transceiver)
        if section is not None:
            section.track.add_stream(section.encoding, stream, rid)
            now = trio.current_time()
            for receiver in section.track.receivers:
                receiver.choose(now)
            if rid:
                self._owner.touch()

    def on_media(self, transceiver: Transceiver, stream: InboundStream) -> None:
        """Packets arrived: forward them."""
        packets, stream.packets = stream.packets, []
        if stream.frames:
            stream.frames = []
        section = self._sections.get(transceiver)
        layer = section.encoding.layer_of(stream) if section is not None else None
        if section is None or layer is None:
            return
        now = trio.current_time()
        resumed = not layer.is_active(now)
        layer.last_packet = now
        if not section.encoding.began:
            section.encoding.began = True
            self._fall_back(section.track, section.encoding)
            section.track.update_quality(now)
        if section.level is not None:
            section.level.observe(packets)
        for receiver in list(section.track.receivers):
            if resumed:
                receiver.choose(now)
            receiver.relay(layer, packets, now)

    def _fall_back(self, track: PublishedTrack, encoding: Encoding) -> None:
        """Let everybody have the backup codec, if that is what the publisher wants."""
        if not track.fell_back and track.falls_back_on(encoding, self._owner.room_size):
            track.fell_back = True
            for receiver in list(track.receivers):
                receiver.on_codecs_changed()

    def tick(self, now: float) -> None:
        """Keep the reports to subscribers in the time of the publisher's clock."""
        layers = [layer for section in self._sections.values() for layer in section.encoding.layers]
        wall = self._clock.observe((layer.stream for layer in layers), now)
        if wall is not None:
            for track in self.tracks:
                for receiver in track.receivers:
                    receiver.set_clock(wall, now)

    def _request_keyframe(self, stream: InboundStream) -> None:
        self.connection.peer.request_keyframe(stream, trio.current_time())
        self.connection.flush()

    def take_level(self) -> float | None:
        """How loud the participant has been since the last call, None if it was silent."""
        levels = [s.level.take() for s in self._sections.values() if s.level is not None]
        heard = [level for level in levels if level is not None]
        return max(heard, default=None)

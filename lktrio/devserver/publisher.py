"""What one participant publishes: from AddTrack to packets.

Theory of operation: AddTrack makes a *pending* track. The client's description then has a section
that sends; the two are brought together by the track id of the section (the client's ``cid``), or
if that is unknown by kind. From then on the track is published and the room hears of it. A section
that stops sending, or sends another track, ends it.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from lktrio import proto
from lktrio.devserver.connection import MediaConnection
from lktrio.devserver.downtrack import ntp_seconds
from lktrio.devserver.encoding import Encoding
from lktrio.devserver.speakers import LevelMeter
from lktrio.devserver.tracks import PublishedTrack, describe_track, mime_of, version_now
from lktrio.rtc.rtp.extensions import AUDIO_LEVEL_URI
from lktrio.rtc.rtp.inbound import InboundStream
from lktrio.rtc.sdp import Msid
from lktrio.rtc.transceiver import Transceiver

if TYPE_CHECKING:
    from lktrio.devserver.participant import Participant

__all__ = ["Publisher"]

_MAX_PENDING = 20
_MAX_QUEUED = 3  # requests for one cid
_TOO_MANY = "too many pending tracks, rejecting new track"
_NOT_MEDIA = ("rtx", "red", "ulpfec", "flexfec-03", "telephone-event", "cn")

_Reason = proto.RequestResponse.Reason
_log = logging.getLogger("lktrio.devserver")


@dataclass(slots=True, eq=False)
class _Pending:
    """A track that was asked for and has no section yet."""

    request: proto.AddTrackRequest
    info: proto.TrackInfo
    track: PublishedTrack | None = None
    """What gets another codec, None for a track that is not published yet."""

    @property
    def cids(self) -> set[str]:
        return {self.request.cid, *(codec.cid for codec in self.request.simulcast_codecs)}

    @property
    def mime(self) -> str | None:
        """The codec that it is to have, None if any will do."""
        if self.track is None:
            return self.info.codecs[0].mime_type or None
        video = self.info.type == proto.TrackType.VIDEO
        names = [mime_of(codec.codec, video=video) for codec in self.request.simulcast_codecs]
        return names[0] if names else None


@dataclass(slots=True, eq=False)
class _Section:
    """A section of the client's description that carries a published track."""

    track: PublishedTrack
    encoding: Encoding
    msid: Msid
    cids: set[str]
    level: LevelMeter | None = None


class Publisher:
    """The tracks of one participant.

    Args:
        participant: Whose.

    Attributes:
        connection: The peer connection that receives from the client.
    """

    def __init__(self, participant: Participant, connection: MediaConnection) -> None:
        self.participant = participant
        self.connection = connection
        self._pending: list[_Pending] = []
        self._queued: list[proto.AddTrackRequest] = []
        self._sections: dict[Transceiver, _Section] = {}
        self._clock_delay = math.inf
        self._reports_seen: dict[int, int] = {}

    @property
    def tracks(self) -> list[PublishedTrack]:
        """The published tracks."""
        sections = self._sections.values()
        return [s.track for s in sections if s.encoding is s.track.primary]

    def find_info(self, sid: str) -> proto.TrackInfo | None:
        """The description of a published or pending track."""
        for track in self.tracks:
            if track.sid == sid:
                return track.info
        return next((p.info for p in self._pending if p.info.sid == sid), None)

    # AddTrack

    def add(self, request: proto.AddTrackRequest) -> None:
        """Take a request to publish a track."""
        reason = self._refusal(request)
        if reason is not None:
            self._refuse(request, reason)
        elif request.sid:
            self._add_codec(request)
        elif request.cid in self._taken_cids():
            same = sum(queued.cid == request.cid for queued in self._queued)
            if same >= _MAX_QUEUED:
                self._refuse(request, _Reason.LIMIT_EXCEEDED)
            else:
                self._queued.append(request)
                self._refuse(request, _Reason.QUEUED)
        else:
            self._accept(request)

    def _refusal(self, request: proto.AddTrackRequest) -> proto.RequestResponse.Reason | None:
        if not self.participant.may_publish_source(request.source):
            return _Reason.NOT_ALLOWED
        if request.type not in (proto.TrackType.AUDIO, proto.TrackType.VIDEO):
            return _Reason.UNSUPPORTED_TYPE
        if request.sid:
            known = any(track.sid == request.sid for track in self.tracks)
            return None if known else _Reason.NOT_FOUND
        if len(self._pending) >= _MAX_PENDING:
            return _Reason.LIMIT_EXCEEDED
        return None

    def _refuse(self, request: proto.AddTrackRequest, reason: proto.RequestResponse.Reason) -> None:
        message = ""
        if reason == _Reason.LIMIT_EXCEEDED and len(self._pending) >= _MAX_PENDING:
            message = f"{_TOO_MANY}, numPendingTracks: {len(self._pending)}"
        self.participant.respond(
            proto.RequestResponse(reason=reason, message=message, add_track=request)
        )

    def _add_codec(self, request: proto.AddTrackRequest) -> None:
        """Take a request to send a published track in another codec as well."""
        track = next(track for track in self.tracks if track.sid == request.sid)
        for codec in request.simulcast_codecs:
            described = track.described(mime_of(codec.codec, video=track.is_video))
            if described is not None:
                described.cid = codec.cid
                described.layers = list(codec.layers) or described.layers
        self._pending = [p for p in self._pending if p.track is not track]
        self._pending.append(_Pending(request, track.info, track))
        answer = proto.TrackPublishedResponse(cid=request.cid, track=track.info)
        self.participant.send(proto.SignalResponse(track_published=answer))
        self.match_sections()

    def _taken_cids(self) -> set[str]:
        taken = [pending.cids for pending in self._pending]
        taken += [section.cids for section in self._sections.values()]
        return {cid for cids in taken for cid in cids}

    def _accept(self, request: proto.AddTrackRequest) -> None:
        pending = _Pending(request, describe_track(request))
        self._pending.append(pending)
        answer = proto.TrackPublishedResponse(cid=request.cid, track=pending.info)
        self.participant.send(proto.SignalResponse(track_published=answer))
        self.match_sections()

    def _retry_queued(self) -> None:
        taken = self._taken_cids()
        for request in list(self._queued):
            if request.cid not in taken and self._refusal(request) is None:
                self._queued.remove(request)
                self._accept(request)
                return

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
        pending = self._find_pending(transceiver, msid) if msid is not None else None
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
                pending = self._find_pending(transceiver, msid)
                if pending is not None:
                    self._publish(transceiver, msid, pending)
                    changed = True
        if changed:
            self._retry_queued()

    def _find_pending(self, transceiver: Transceiver, msid: Msid) -> _Pending | None:
        if transceiver in self._sections and self._sections[transceiver].msid == msid:
            return None
        kind = proto.TrackType.VIDEO if transceiver.kind == "video" else proto.TrackType.AUDIO
        track_id = msid.track_id or msid.stream_id
        fitting = [pending for pending in self._pending if pending.info.type == kind]
        exact = [pending for pending in fitting if track_id in pending.cids]
        return next(iter(exact or fitting), None)

    def _publish(self, transceiver: Transceiver, msid: Msid, pending: _Pending) -> None:
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
        section = _Section(track, encoding, msid, pending.cids)
        if transceiver.kind == "audio":
            section.level = LevelMeter(transceiver.extension_ids.get(AUDIO_LEVEL_URI, 0))
        self._sections[transceiver] = section
        for stream in self.connection.peer.inbound(transceiver):
            self.on_stream(transceiver, stream, stream.rid)
        if pending.track is None:
            self.participant.on_published(track)

    def _begin(
        self, transceiver: Transceiver, msid: Msid, info: proto.TrackInfo, encoding: Encoding
    ) -> PublishedTrack:
        """Make the track that a pending one becomes."""
        info.mime_type = encoding.mime
        info.mid = transceiver.mid or ""
        info.version = version_now()
        if info.codecs:
            info.codecs[0].mime_type, info.codecs[0].mid = info.mime_type, info.mid
            if msid.track_id and msid.track_id != info.codecs[0].cid:
                info.codecs[0].sdp_cid = msid.track_id
        return PublishedTrack(self.participant, info, encoding)

    def _extend(self, track: PublishedTrack, msid: Msid, encoding: Encoding) -> None:
        """Let a track have another codec."""
        track.add_encoding(encoding)
        described = track.described(encoding.mime)
        if described is not None:
            described.mid = encoding.transceiver.mid or ""
            if msid.track_id and msid.track_id != described.cid:
                described.sdp_cid = msid.track_id
        self.participant.touch()
        now = trio.current_time()
        for downtrack in list(track.downtracks):
            downtrack.choose(now)

    def _end(self, transceiver: Transceiver) -> None:
        section = self._sections.pop(transceiver)
        track, encoding = section.track, section.encoding
        for layer in encoding.layers:
            self._reports_seen.pop(layer.stream.ssrc, None)
        if encoding is not track.primary:
            track.encodings.remove(encoding)
            return
        self._pending = [p for p in self._pending if p.track is not track]
        for other, further in list(self._sections.items()):
            if further.track is track:
                del self._sections[other]
        self.participant.on_unpublished(track)

    def unpublish(self, track: PublishedTrack) -> None:
        """Take a track away from its publisher, who is told."""
        self._end(track.primary.transceiver)
        gone = proto.TrackUnpublishedResponse(track_sid=track.sid)
        self.participant.send(proto.SignalResponse(track_unpublished=gone))

    def drop_forbidden(self) -> None:
        """End and forget the tracks whose source may no longer be published."""
        allowed = self.participant.may_publish_source
        self._pending = [p for p in self._pending if allowed(p.info.source)]
        for track in self.tracks:
            if not allowed(track.info.source):
                self.unpublish(track)

    def close(self) -> None:
        """End every track."""
        self._pending.clear()
        self._queued.clear()
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
            for downtrack in section.track.downtracks:
                downtrack.choose(now)
            if rid:
                self.participant.touch()

    def _fall_back(self, track: PublishedTrack, encoding: Encoding, now: float) -> None:
        """Let everybody have the backup codec, if that is what the publisher wants."""
        participants = len(self.participant.room.participants)
        if not track.fell_back and track.falls_back_on(encoding, participants):
            track.fell_back = True
            for downtrack in list(track.downtracks):
                downtrack.subscriber.subscriber.change_codec(downtrack)
            track.update_quality(now)

    def on_media(self, transceiver: Transceiver, stream: InboundStream) -> None:
        """Packets arrived: forward them."""
        packets, stream.packets = stream.packets, []
        if stream.frames:
            stream.frames = []
        section = self._sections.get(transceiver)
        if section is None:
            return
        track = section.track
        layer = section.encoding.layer_of(stream)
        if layer is None:
            return
        now = trio.current_time()
        resumed = not layer.is_active(now)
        layer.last_packet = now
        if not section.encoding.began:
            section.encoding.began = True
            self._fall_back(track, section.encoding, now)
        if section.level is not None:
            section.level.observe(packets)
        for downtrack in list(track.downtracks):
            if resumed:
                downtrack.choose(now)
            datagrams = downtrack.forward(layer, packets, now)
            if datagrams:
                downtrack.subscriber.send_media(datagrams)

    def tick(self, now: float) -> None:
        """Keep the reports to subscribers in the time of the publisher's clock.

        How far that clock is from ours does not matter for playing tracks in synchrony, as long as
        it is one number for all of them: the least that any sender report has shown.
        """
        reports = [
            (layer.stream, layer.stream.sender_report)
            for section in self._sections.values()
            for layer in section.encoding.layers
            if layer.stream.sender_report is not None
        ]
        for stream, report in reports:
            if self._reports_seen.get(stream.ssrc) != report.ntp_time:
                self._reports_seen[stream.ssrc] = report.ntp_time
                delay = now - ntp_seconds(report.ntp_time)
                self._clock_delay = min(self._clock_delay, delay)
        if reports:
            for track in self.tracks:
                for downtrack in track.downtracks:
                    downtrack.set_clock(now - self._clock_delay, now)

    def _request_keyframe(self, stream: InboundStream) -> None:
        self.connection.peer.request_keyframe(stream, trio.current_time())
        self.connection.flush()

    def take_level(self) -> float | None:
        """How loud the participant has been since the last call, None if it was silent."""
        levels = [s.level.take() for s in self._sections.values() if s.level is not None]
        heard = [level for level in levels if level is not None]
        return max(heard, default=None)

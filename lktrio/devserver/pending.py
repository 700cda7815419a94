"""Tracks that a client asked to publish (AddTrack) and that have no section yet.

A request is accepted, refused, or waits until the track that has its ``cid`` is gone. What one
session may have waiting is bounded, in number and in size.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass

from lktrio import proto
from lktrio.devserver.limits import fits
from lktrio.devserver.tracks import PublishedTrack, describe_track, mime_of
from lktrio.rtc.base import RandomBytes
from lktrio.rtc.sdp import Msid

__all__ = ["PendingTrack", "PendingTracks", "check_request"]

_MAX_PENDING = 20
_MAX_QUEUED = 3  # requests for one cid
_MAX_CODECS = 8  # of one track
_MAX_LAYERS = 8  # of one codec
_MAX_FEATURES = 64
_TOO_MANY = "too many pending tracks, rejecting new track"

_Reason = proto.RequestResponse.Reason


@dataclass(slots=True, eq=False)
class PendingTrack:
    """A track that was asked for and has no section yet."""

    request: proto.AddTrackRequest
    info: proto.TrackInfo
    track: PublishedTrack | None = None
    """What gets another codec, None for a track that is not published yet."""

    @property
    def cids(self) -> set[str]:
        """The names that the client's description may have for it."""
        return {self.request.cid, *(codec.cid for codec in self.request.simulcast_codecs)}

    @property
    def mime(self) -> str | None:
        """The codec that it is to have, None if any will do."""
        if self.track is None:
            return self.info.codecs[0].mime_type or None
        video = self.info.type == proto.TrackType.VIDEO
        names = [mime_of(codec.codec, video=video) for codec in self.request.simulcast_codecs]
        return names[0] if names else None


def check_request(
    request: proto.AddTrackRequest,
) -> tuple[proto.RequestResponse.Reason, str] | None:
    """Why a request cannot be taken whoever asks, None if it can."""
    if request.type not in (proto.TrackType.AUDIO, proto.TrackType.VIDEO):
        return _Reason.UNSUPPORTED_TYPE, ""
    codecs = request.simulcast_codecs
    counts = (
        (len(codecs), _MAX_CODECS),
        (max(len(layers) for layers in [request.layers, *(c.layers for c in codecs)]), _MAX_LAYERS),
        (len(request.audio_features), _MAX_FEATURES),
        (len(request.packet_trailer_features), _MAX_FEATURES),
    )
    if any(count > limit for count, limit in counts):
        return _Reason.LIMIT_EXCEEDED, "too many codecs, layers or features"
    texts = [request.cid, request.name, request.sid, request.stream]
    texts += [text for codec in codecs for text in (codec.codec, codec.cid)]
    layers = [*request.layers, *(layer for codec in codecs for layer in codec.layers)]
    if not fits(*texts, *(layer.rid for layer in layers)):
        return _Reason.LIMIT_EXCEEDED, "exceeds name length limit"
    return None


class PendingTracks:
    """The requests of one client that wait for something.

    Args:
        answer: Sends a message to the client.
        random: Source of identifiers.
    """

    def __init__(self, answer: Callable[[proto.SignalResponse], None], random: RandomBytes) -> None:
        self._answer = answer
        self._random = random
        self._pending: list[PendingTrack] = []
        self._queued: list[proto.AddTrackRequest] = []

    @property
    def is_full(self) -> bool:
        """Whether no further track may be asked for."""
        return len(self._pending) >= _MAX_PENDING

    def find_info(self, sid: str) -> proto.TrackInfo | None:
        """The description of a pending track."""
        return next((pending.info for pending in self._pending if pending.info.sid == sid), None)

    def refuse(
        self, request: proto.AddTrackRequest, reason: proto.RequestResponse.Reason, message: str
    ) -> None:
        """Tell the client that a request was not accepted."""
        if reason == _Reason.LIMIT_EXCEEDED and not message and self.is_full:
            message = f"{_TOO_MANY}, numPendingTracks: {len(self._pending)}"
        echo = proto.AddTrackRequest(cid=request.cid, sid=request.sid, type=request.type)
        if check_request(request) is None:
            echo = request
        refusal = proto.RequestResponse(reason=reason, message=message, add_track=echo)
        self._answer(proto.SignalResponse(request_response=refusal))

    def is_taken(self, cid: str) -> bool:
        """Whether another pending track has a cid."""
        return any(cid in pending.cids for pending in self._pending)

    def accept(self, request: proto.AddTrackRequest) -> None:
        """Take a request for another track."""
        self._add(request, PendingTrack(request, describe_track(request, self._random)))

    def extend(self, request: proto.AddTrackRequest, track: PublishedTrack) -> None:
        """Take a request to send a published track in another codec as well."""
        for codec in request.simulcast_codecs:
            described = track.described(mime_of(codec.codec, video=track.is_video))
            if described is not None:
                described.cid = codec.cid
                described.layers = list(codec.layers) or described.layers
        self.forget_track(track)
        self._add(request, PendingTrack(request, track.info, track))

    def _add(self, request: proto.AddTrackRequest, pending: PendingTrack) -> None:
        self._pending.append(pending)
        answer = proto.TrackPublishedResponse(cid=request.cid, track=pending.info)
        self._answer(proto.SignalResponse(track_published=answer))

    def queue(self, request: proto.AddTrackRequest) -> None:
        """Let a request wait until its cid is free."""
        same = sum(queued.cid == request.cid for queued in self._queued)
        if same >= _MAX_QUEUED or len(self._queued) >= _MAX_PENDING:
            self.refuse(request, _Reason.LIMIT_EXCEEDED, "")
        else:
            self._queued.append(request)
            self.refuse(request, _Reason.QUEUED, "")

    def next_queued(
        self, taken: Container[str], allowed: Callable[[proto.AddTrackRequest], bool]
    ) -> proto.AddTrackRequest | None:
        """Take out the first request that waits no longer.

        Args:
            taken: The cids that are in use.
            allowed: Whether a request may be accepted now.
        """
        for request in self._queued:
            if request.cid not in taken and not self.is_taken(request.cid) and allowed(request):
                self._queued.remove(request)
                return request
        return None

    def find(self, kind: str, msid: Msid) -> PendingTrack | None:
        """The pending track that a section of the client's description is for.

        Args:
            kind: Of the section, ``audio`` or ``video``.
            msid: What it sends.
        """
        wanted = proto.TrackType.VIDEO if kind == "video" else proto.TrackType.AUDIO
        track_id = msid.track_id or msid.stream_id
        fitting = [pending for pending in self._pending if pending.info.type == wanted]
        exact = [pending for pending in fitting if track_id in pending.cids]
        return next(iter(exact or fitting), None)

    def remove(self, pending: PendingTrack) -> None:
        """Forget a track that has its section now."""
        self._pending.remove(pending)

    def forget_track(self, track: PublishedTrack) -> None:
        """Forget that a published track was to get another codec."""
        self._pending = [pending for pending in self._pending if pending.track is not track]

    def keep_sources(self, allowed: Callable[[proto.TrackSource], bool]) -> None:
        """Forget the tracks whose source may not be published any more."""
        self._pending = [pending for pending in self._pending if allowed(pending.info.source)]

    def clear(self) -> None:
        """Forget everything."""
        self._pending.clear()
        self._queued.clear()

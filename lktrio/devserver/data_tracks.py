"""Data tracks: streams of small packets that are published and subscribed to like media.

A publisher numbers its tracks itself (*handles*); every subscriber gets numbers of its own, which
the server writes into the packets it forwards. The rest of a packet is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from lktrio import proto
from lktrio.auth import VideoGrants
from lktrio.devserver.ids import new_track_sid
from lktrio.devserver.limits import MAX_LISTED, MAX_NAME, fits, is_sid
from lktrio.devserver.permissions import TrackSubscriber
from lktrio.rtc.base import RandomBytes

__all__ = ["DataTrackMember", "DataTracks"]

_MAX_HANDLE = 65_535
_HEADER = 12  # bytes before extensions and payload
_HANDLE = slice(2, 4)
_MAX_TRACKS = 64  # of one participant
_MAX_ENCODING = 32  # bytes of the name of an encoding that has no number
_BAD_ENCODING = "encoding identifier is empty or exceeds the maximum length"

_Reason = proto.RequestResponse.Reason


class DataTrackMember(TrackSubscriber, Protocol):
    """A participant that publishes and receives data tracks."""

    @property
    def grants(self) -> VideoGrants:
        """What it may do."""
        ...

    @property
    def may_subscribe(self) -> bool:
        """Whether it may receive tracks."""
        ...

    @property
    def wants_data_tracks(self) -> bool:
        """Whether it receives the data tracks of which it says nothing."""
        ...

    def permits(self, subscriber: TrackSubscriber, sid: str) -> bool:
        """Whether it lets somebody receive one of its tracks."""
        ...

    def send(self, response: proto.SignalResponse) -> None:
        """Queue a message to its client."""
        ...

    def set_data_tracks(self, infos: list[proto.DataTrackInfo]) -> None:
        """Let others know which data tracks it has."""
        ...

    def send_track_packet(self, data: bytes) -> None:
        """Send it a packet of a data track."""
        ...


@dataclass(slots=True, eq=False)
class _DataTrack:
    publisher: DataTrackMember
    info: proto.DataTrackInfo
    subscribers: dict[DataTrackMember, bytes] = field(default_factory=dict[DataTrackMember, bytes])
    """The handle for each, as it goes into packets."""


class DataTracks:
    """The data tracks of one room.

    Args:
        members: The participants by identity, as they are at any time.
    """

    def __init__(self, members: Mapping[str, DataTrackMember], random: RandomBytes) -> None:
        self._members = members
        self._random = random
        self._tracks: dict[str, _DataTrack] = {}
        self._next_handle: dict[DataTrackMember, int] = {}
        self._wanted: dict[DataTrackMember, set[str]] = {}

    def _of(self, publisher: DataTrackMember) -> list[_DataTrack]:
        return [track for track in self._tracks.values() if track.publisher is publisher]

    def publish(self, publisher: DataTrackMember, request: proto.PublishDataTrackRequest) -> None:
        """Take a request to publish a data track."""
        refusal = self._refusal(publisher, request)
        if refusal is not None:
            reason, message = refusal
            echo = proto.PublishDataTrackRequest(pub_handle=request.pub_handle)
            if _is_short(request):
                echo = request
            response = proto.RequestResponse(
                reason=reason, message=message, publish_data_track=echo
            )
            publisher.send(proto.SignalResponse(request_response=response))
            return
        info = proto.DataTrackInfo(
            pub_handle=request.pub_handle,
            sid=new_track_sid(proto.TrackType.DATA, proto.TrackSource.UNKNOWN, self._random),
            name=request.name,
            encryption=request.encryption,
            frame_encoding=request.frame_encoding,
            schema=request.schema,
        )
        self._tracks[info.sid] = track = _DataTrack(publisher, info)
        self._changed(publisher)
        answer = proto.PublishDataTrackResponse(info=info)
        publisher.send(proto.SignalResponse(publish_data_track_response=answer))
        for member in self._members.values():
            self._reconcile(member, track)

    def _refusal(
        self, publisher: DataTrackMember, request: proto.PublishDataTrackRequest
    ) -> tuple[proto.RequestResponse.Reason, str] | None:
        own = self._of(publisher)
        if not publisher.grants.may_publish_data:
            return _Reason.NOT_ALLOWED, "does not have permission to publish data"
        if not 0 < request.pub_handle <= _MAX_HANDLE:
            return _Reason.INVALID_HANDLE, "handle should be > 0 AND < 65536"
        if not request.name or not fits(request.name):
            text = f"name should not be empty and should not exceed {MAX_NAME} characters"
            return _Reason.INVALID_NAME, text
        if not _is_short(request):
            return _Reason.INVALID_REQUEST, "schema identifier exceeds the maximum length"
        frames, schema = request.frame_encoding, request.schema
        encoding = schema.encoding if schema is not None else None
        if not all(_is_named(known.custom) for known in (frames, encoding) if known is not None):
            return _Reason.INVALID_REQUEST, _BAD_ENCODING
        if any(track.info.pub_handle == request.pub_handle for track in own):
            return _Reason.DUPLICATE_HANDLE, "a data track with same handle already exists"
        if any(track.info.name == request.name for track in own):
            return _Reason.DUPLICATE_NAME, "a data track with same name already exists"
        if len(own) >= _MAX_TRACKS:
            return _Reason.LIMIT_EXCEEDED, "too many data tracks"
        return None

    def unpublish(
        self, publisher: DataTrackMember, request: proto.UnpublishDataTrackRequest
    ) -> None:
        """Take a request to end a data track."""
        found = [t for t in self._of(publisher) if t.info.pub_handle == request.pub_handle]
        if not found:
            refusal = proto.RequestResponse(reason=_Reason.NOT_FOUND, unpublish_data_track=request)
            publisher.send(proto.SignalResponse(request_response=refusal))
            return
        self._end(found[0])
        self._changed(publisher)
        answer = proto.UnpublishDataTrackResponse(info=found[0].info)
        publisher.send(proto.SignalResponse(unpublish_data_track_response=answer))

    def _end(self, track: _DataTrack) -> None:
        del self._tracks[track.info.sid]
        for subscriber in list(track.subscribers):
            del track.subscribers[subscriber]
            self._tell_handles(subscriber)

    def _changed(self, publisher: DataTrackMember) -> None:
        publisher.set_data_tracks([track.info for track in self._of(publisher)])

    def subscribe(self, subscriber: DataTrackMember, request: proto.UpdateDataSubscription) -> None:
        """Take which data tracks a client wants, or does not."""
        wanted = self._wanted.setdefault(subscriber, set())
        for update in request.updates[:MAX_LISTED]:
            if not update.subscribe:
                wanted.discard(update.track_sid)
            elif is_sid(update.track_sid) and len(wanted) < MAX_LISTED:
                wanted.add(update.track_sid)
            track = self._tracks.get(update.track_sid)
            if track is not None:
                self._reconcile(subscriber, track)

    def _reconcile(self, subscriber: DataTrackMember, track: _DataTrack) -> None:
        wanted = (
            subscriber is not track.publisher
            and subscriber.may_subscribe
            and (subscriber.wants_data_tracks or track.info.sid in self._wanted.get(subscriber, ()))
            and track.publisher.permits(subscriber, track.info.sid)
        )
        if wanted == (subscriber in track.subscribers):
            return
        if wanted:
            number = self._next_handle.get(subscriber, 0) % _MAX_HANDLE + 1
            self._next_handle[subscriber] = number
            track.subscribers[subscriber] = number.to_bytes(2, "big")
        else:
            del track.subscribers[subscriber]
        self._tell_handles(subscriber)

    def reconcile(self, member: DataTrackMember) -> None:
        """Bring the subscriptions of one participant in line with what it may receive."""
        for track in list(self._tracks.values()):
            self._reconcile(member, track)

    def _tell_handles(self, subscriber: DataTrackMember) -> None:
        published = proto.DataTrackSubscriberHandles.PublishedDataTrack
        handles = {
            int.from_bytes(track.subscribers[subscriber], "big"): published(
                publisher_identity=track.publisher.identity,
                publisher_sid=track.publisher.sid,
                track_sid=track.info.sid,
            )
            for track in self._tracks.values()
            if subscriber in track.subscribers
        }
        update = proto.DataTrackSubscriberHandles(sub_handles=handles)
        subscriber.send(proto.SignalResponse(data_track_subscriber_handles=update))

    def forward(self, publisher: DataTrackMember, data: bytes) -> bool:
        """Send a packet to the subscribers of its track; False if it is none."""
        if len(data) < _HEADER:
            return False
        handle = int.from_bytes(data[_HANDLE], "big")
        for track in self._of(publisher):
            if track.info.pub_handle == handle:
                for subscriber, number in list(track.subscribers.items()):
                    subscriber.send_track_packet(data[:2] + number + data[4:])
                break
        return True

    def remove(self, member: DataTrackMember) -> None:
        """Forget a participant that has left, and end its tracks."""
        for track in self._of(member):
            self._end(track)
        for track in self._tracks.values():
            track.subscribers.pop(member, None)
        self._wanted.pop(member, None)
        self._next_handle.pop(member, None)


def _is_short(request: proto.PublishDataTrackRequest) -> bool:
    return fits(request.name, request.schema.name if request.schema is not None else "")


def _is_named(custom: str | None) -> bool:
    """Whether the name of an encoding is acceptable; None is none of its own."""
    return custom is None or 0 < len(custom.encode()) <= _MAX_ENCODING

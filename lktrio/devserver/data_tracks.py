"""Data tracks: streams of small packets that are published and subscribed to like media.

A publisher numbers its tracks itself (*handles*); every subscriber gets numbers of its own, which
the server writes into the packets it forwards. The rest of a packet is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lktrio import proto
from lktrio.devserver.ids import new_track_sid

if TYPE_CHECKING:
    from lktrio.devserver.participant import Participant
    from lktrio.devserver.room import Room

__all__ = ["DataTracks"]

_MAX_HANDLE = 65_535
_MAX_NAME = 256
_HEADER = 12  # bytes before extensions and payload
_HANDLE = slice(2, 4)
_MAX_TRACKS = 64  # of one participant
_MAX_ENCODING = 32  # bytes of the name of an encoding that has no number
_BAD_ENCODING = "encoding identifier is empty or exceeds the maximum length"

_Reason = proto.RequestResponse.Reason


@dataclass(slots=True, eq=False)
class _DataTrack:
    publisher: Participant
    info: proto.DataTrackInfo
    subscribers: dict[Participant, bytes] = field(default_factory=dict["Participant", bytes])
    """The handle for each, as it goes into packets."""


class DataTracks:
    """The data tracks of one room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._tracks: dict[str, _DataTrack] = {}
        self._next_handle: dict[Participant, int] = {}
        self._wishes: dict[Participant, set[str]] = {}

    def _of(self, publisher: Participant) -> list[_DataTrack]:
        return [track for track in self._tracks.values() if track.publisher is publisher]

    def publish(self, publisher: Participant, request: proto.PublishDataTrackRequest) -> None:
        """Take a request to publish a data track."""
        refusal = self._refusal(publisher, request)
        if refusal is not None:
            reason, message = refusal
            publisher.respond(
                proto.RequestResponse(reason=reason, message=message, publish_data_track=request)
            )
            return
        info = proto.DataTrackInfo(
            pub_handle=request.pub_handle,
            sid=new_track_sid(proto.TrackType.DATA, proto.TrackSource.UNKNOWN),
            name=request.name,
            encryption=request.encryption,
            frame_encoding=request.frame_encoding,
            schema=request.schema,
        )
        self._tracks[info.sid] = track = _DataTrack(publisher, info)
        self._changed(publisher)
        answer = proto.PublishDataTrackResponse(info=info)
        publisher.send(proto.SignalResponse(publish_data_track_response=answer))
        for participant in self._room.participants.values():
            self._reconcile(participant, track)

    def _refusal(
        self, publisher: Participant, request: proto.PublishDataTrackRequest
    ) -> tuple[proto.RequestResponse.Reason, str] | None:
        own = self._of(publisher)
        if not publisher.grants.may_publish_data:
            return _Reason.NOT_ALLOWED, "does not have permission to publish data"
        if not 0 < request.pub_handle <= _MAX_HANDLE:
            return _Reason.INVALID_HANDLE, "handle should be > 0 AND < 65536"
        if not 0 < len(request.name.encode()) <= _MAX_NAME:
            text = f"name should not be empty and should not exceed {_MAX_NAME} characters"
            return _Reason.INVALID_NAME, text
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

    def unpublish(self, publisher: Participant, request: proto.UnpublishDataTrackRequest) -> None:
        """Take a request to end a data track."""
        found = [t for t in self._of(publisher) if t.info.pub_handle == request.pub_handle]
        if not found:
            publisher.respond(
                proto.RequestResponse(reason=_Reason.NOT_FOUND, unpublish_data_track=request)
            )
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

    def _changed(self, publisher: Participant) -> None:
        publisher.info.data_tracks = [track.info for track in self._of(publisher)]
        publisher.touch()

    def subscribe(self, subscriber: Participant, request: proto.UpdateDataSubscription) -> None:
        """Take the wishes of a client."""
        wishes = self._wishes.setdefault(subscriber, set())
        for update in request.updates[:_MAX_HANDLE]:
            if update.subscribe:
                wishes.add(update.track_sid)
            else:
                wishes.discard(update.track_sid)
            track = self._tracks.get(update.track_sid)
            if track is not None:
                self._reconcile(subscriber, track)

    def _reconcile(self, subscriber: Participant, track: _DataTrack) -> None:
        wanted = (
            subscriber is not track.publisher
            and subscriber.may_subscribe
            and (
                subscriber.parameters.auto_subscribe_data_track
                or track.info.sid in self._wishes.get(subscriber, ())
            )
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

    def reconcile(self, participant: Participant) -> None:
        """Bring the subscriptions of one participant in line with what it may receive."""
        for track in list(self._tracks.values()):
            self._reconcile(participant, track)

    def _tell_handles(self, subscriber: Participant) -> None:
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

    def forward(self, publisher: Participant, data: bytes) -> None:
        """Send a packet to the subscribers of its track."""
        if len(data) < _HEADER:
            publisher.data.dropped += 1
            return
        handle = int.from_bytes(data[_HANDLE], "big")
        for track in self._of(publisher):
            if track.info.pub_handle == handle:
                for subscriber, number in list(track.subscribers.items()):
                    subscriber.data.send_track_packet(data[:2] + number + data[4:])
                return

    def remove(self, participant: Participant) -> None:
        """Forget a participant that has left, and end its tracks."""
        for track in self._of(participant):
            self._end(track)
        for track in self._tracks.values():
            track.subscribers.pop(participant, None)
        self._wishes.pop(participant, None)
        self._next_handle.pop(participant, None)


def _is_named(custom: str | None) -> bool:
    """Whether the name of an encoding is acceptable; None is none of its own."""
    return custom is None or 0 < len(custom.encode()) <= _MAX_ENCODING

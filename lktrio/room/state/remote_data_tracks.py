"""The data tracks of others: what is known of them, and what programs hold.

Theory of operation: a participant update holds all data tracks of a participant. Of one participant
every name is that of one track, so tracks are known by their names; a name with another SID is
another track, unless the participant has joined anew together with us: then it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import EncryptedMedia
from lktrio.room.channels.data_tracks import (
    DATA_FRAME_QUEUE_LIMIT,
    DataTrackChannel,
    DataTrackReaders,
)
from lktrio.room.state.data_schemas import (
    DataTrackSchemaId,
    frame_encoding_from_proto,
    schema_from_proto,
)
from lktrio.room.state.enums import DataTrackFrameEncoding
from lktrio.room.state.participant import Participant

__all__ = ["RemoteDataTrack", "RemoteDataTrackRecord", "RemoteDataTracks"]


@dataclass(slots=True, eq=False)
class RemoteDataTrackRecord:
    """What the state keeps of a data track of somebody else."""

    info: proto.DataTrackInfo
    """LiveKit's message about the track, as it last was."""
    participant: Participant[Any]
    """Who publishes it."""
    readers: DataTrackReaders
    """Who reads it."""
    published: bool = True
    """Whether it is there."""
    subscription_allowed: bool = True
    """Whether the publisher lets us subscribe."""
    view: RemoteDataTrack = field(init=False)
    """What programs hold."""

    def __post_init__(self) -> None:
        self.view = RemoteDataTrack(self)


class RemoteDataTrack:
    """A data track of somebody else: frames of bytes, which may get lost or overtake each other.

    Attributes are a snapshot. The track stays the same when its publisher and we come back after
    the loss of a server, though its SID changes.
    """

    def __init__(self, record: RemoteDataTrackRecord) -> None:
        self._record = record

    def __repr__(self) -> str:
        whose = self.publisher_identity
        return f"<RemoteDataTrack {self.name!r} {printable(self.sid)} of {whose!r}>"

    @property
    def info(self) -> proto.DataTrackInfo:
        """LiveKit's message about the track, as it last was."""
        return self._record.info

    @property
    def sid(self) -> str:
        """SID of the track, ``DTR_…``."""
        return self.info.sid

    @property
    def name(self) -> str:
        """Name that the publisher gave; it has one track of that name."""
        return self.info.name

    @property
    def frame_encoding(self) -> DataTrackFrameEncoding | str:
        """How its frames are encoded, as its publisher says; empty if it does not."""
        return frame_encoding_from_proto(self.info.frame_encoding)

    @property
    def schema(self) -> DataTrackSchemaId | None:
        """The schema of its frames, if its publisher names one."""
        return schema_from_proto(self.info.schema)

    @property
    def participant(self) -> Participant[Any]:
        """Who publishes it."""
        return self._record.participant

    @property
    def publisher_identity(self) -> str:
        """Identity of who publishes it."""
        return self.participant.identity

    @property
    def published(self) -> bool:
        """Whether it is still published."""
        return self._record.published

    @property
    def subscribed(self) -> bool:
        """Whether the server sends it to us."""
        return self._record.readers.subscribed

    @property
    def subscription_allowed(self) -> bool:
        """Whether the publisher lets us have it, as far as the server has said."""
        return self._record.subscription_allowed

    @property
    def encrypted(self) -> bool:
        """Whether its frames are encrypted from end to end (``DataTrackInfo.encryption``)."""
        return self.info.encryption != proto.Encryption.Type.NONE

    def frames(
        self, *, buffer_size: int = DATA_FRAME_QUEUE_LIMIT, target_fps: int | None = None
    ) -> DataTrackChannel:
        """Receive the frames that are sent from now on.

        ::

            with track.frames() as frames:
                async for frame in frames:
                    print(frame.payload)

        The server sends the track while somebody reads it (``UpdateDataSubscription``);
        ``DataTrackChannel.wait_subscribed`` waits until it does. Frames of which a packet was lost
        are left out. A reader that is slower than the track loses the oldest frames that wait,
        counted in ``dropped``. Several channels may be open at once. A channel ends cleanly with
        the track or the room.

        Args:
            buffer_size: How many frames may wait, 1 or more.
            target_fps: How many frames a second are enough; the server is asked for no more, and
                what it sends nevertheless is thinned out, not counted as dropped. None: all.

        Raises:
            EncryptedMedia: The track is encrypted from end to end.
            ValueError: A number is smaller than 1.
        """
        if buffer_size < 1 or (target_fps is not None and target_fps < 1):
            raise ValueError("buffer_size and target_fps are at least 1")
        if self.encrypted:
            raise EncryptedMedia(f"the data track {self.name!r} is encrypted from end to end")
        return self._record.readers.open(buffer_size, target_fps)


class RemoteDataTracks:
    """The data tracks of everybody else.

    Attributes:
        changed: Called when what is read, or its SID, may have changed.

    Methods return the tracks that are published since, and those that are so no longer.
    """

    def __init__(self) -> None:
        self.changed: Callable[[], None] = _nobody_subscribes
        self._by_sid: dict[str, RemoteDataTrackRecord] = {}
        self._awaited: set[RemoteDataTrackRecord] = set()

    def find(self, sid: str) -> RemoteDataTrackRecord | None:
        """The track of an SID, or None."""
        return self._by_sid.get(sid)

    def __iter__(self) -> Iterator[RemoteDataTrackRecord]:
        return iter(self._by_sid.values())

    def update(
        self,
        participant: Participant[Any],
        tracks: dict[str, RemoteDataTrackRecord],
        infos: Sequence[proto.DataTrackInfo],
    ) -> list[RemoteDataTrackRecord]:
        """Take over which tracks a participant has.

        Args:
            participant: Who.
            tracks: Its tracks by name, as its record keeps them.
            infos: What the server says.
        """
        news: list[RemoteDataTrackRecord] = []
        there: dict[str, proto.DataTrackInfo] = {}
        for info in infos:
            there.setdefault(info.name, info)
        for name, track in list(tracks.items()):
            named = there.get(name)
            if track in self._awaited:
                if named is not None:
                    self._move(track, named)
            elif named is None or named.sid != track.info.sid:
                news.append(self._remove(tracks, track))
            else:
                track.info = named
        for name, info in there.items():
            if name not in tracks:
                track = RemoteDataTrackRecord(info, participant, DataTrackReaders(self._on_readers))
                tracks[name] = self._by_sid[info.sid] = track
                news.append(track)
        return news

    def _on_readers(self) -> None:
        self.changed()

    def _move(self, track: RemoteDataTrackRecord, info: proto.DataTrackInfo) -> None:
        """A track goes on, maybe under another SID."""
        self._awaited.discard(track)
        self._forget_sid(track)
        track.info = info
        self._by_sid[info.sid] = track
        self.changed()

    def _forget_sid(self, track: RemoteDataTrackRecord) -> None:
        if self._by_sid.get(track.info.sid) is track:
            del self._by_sid[track.info.sid]

    def _remove(
        self, tracks: dict[str, RemoteDataTrackRecord], track: RemoteDataTrackRecord
    ) -> RemoteDataTrackRecord:
        del tracks[track.info.name]
        self._awaited.discard(track)
        self._forget_sid(track)
        track.published = False
        track.readers.end()
        self.changed()
        return track

    def remove_all(self, tracks: dict[str, RemoteDataTrackRecord]) -> list[RemoteDataTrackRecord]:
        """A participant is gone, and its tracks with it."""
        return [self._remove(tracks, track) for track in list(tracks.values())]

    def expect_again(self, tracks: dict[str, RemoteDataTrackRecord]) -> None:
        """A participant has joined anew, and is about to publish its tracks anew."""
        self._awaited.update(tracks.values())

    def forget_awaited(
        self, tracks: dict[str, RemoteDataTrackRecord]
    ) -> list[RemoteDataTrackRecord]:
        """What was not published again by now is gone."""
        gone = [track for track in tracks.values() if track in self._awaited]
        return [self._remove(tracks, track) for track in gone]

    def end(self) -> None:
        """The room has ended: every channel ends. The tracks stay noted."""
        for track in self._by_sid.values():
            track.readers.end()


def _nobody_subscribes() -> None:
    """Nobody looks after subscriptions yet."""

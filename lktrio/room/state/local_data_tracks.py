"""The data tracks of the local participant: what is known of them, and what programs hold.

A track has the states of other tracks (`PublicationState`): announced while the server is asked,
published once it has agreed, then unpublished by the program or removed by the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.room.state.data_schemas import (
    DataTrackSchemaId,
    frame_encoding_from_proto,
    schema_from_proto,
)
from lktrio.room.state.enums import DataTrackFrameEncoding
from lktrio.room.state.local import PublicationState
from lktrio.room.state.participant import Participant

__all__ = ["DataTrackSender", "LocalDataTrack", "LocalDataTrackRecord", "LocalDataTracks"]


class DataTrackSender(Protocol):
    """What sends the frames of a track; see `LocalDataTrack` for what its methods do."""

    async def send(self, payload: bytes, user_timestamp: int | None) -> None:
        """Send a frame when there is room."""
        ...

    def send_nowait(self, payload: bytes, user_timestamp: int | None) -> None:
        """Send a frame if there is room."""
        ...

    def unpublish(self) -> None:
        """Withdraw the track. Idempotent."""
        ...


@dataclass(slots=True, eq=False)
class LocalDataTrackRecord:
    """What the state keeps of a data track of ours."""

    info: proto.DataTrackInfo
    """LiveKit's message about the track, as the server last said it."""
    participant: Participant[Any]
    """The local participant."""
    state: PublicationState = PublicationState.ANNOUNCED
    """How far its life is."""
    dropped: int = 0
    """Frames that went nowhere while the link was lost."""
    view: LocalDataTrack = field(init=False)
    """What programs hold; only once published."""

    def move(self, state: PublicationState) -> None:
        """Enter a state, which must be one that may follow."""
        assert self.state.may_become(state), f"{self.state} is not followed by {state}"
        self.state = state


class LocalDataTrack:
    """A data track that is published; made by ``LocalParticipant.publish_data_track``."""

    def __init__(self, record: LocalDataTrackRecord, sender: DataTrackSender) -> None:
        self._record = record
        self._sender = sender

    def __repr__(self) -> str:
        return f"<LocalDataTrack {self.name!r} {printable(self.sid)}>"

    @property
    def info(self) -> proto.DataTrackInfo:
        """LiveKit's message about the track."""
        return self._record.info

    @property
    def sid(self) -> str:
        """SID of the track, ``DTR_…``; another one after a restart."""
        return self.info.sid

    @property
    def name(self) -> str:
        """Its name."""
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
        """The local participant."""
        return self._record.participant

    @property
    def published(self) -> bool:
        """Whether it is still published."""
        return self._record.state is PublicationState.PUBLISHED

    @property
    def dropped(self) -> int:
        """Frames that went nowhere because the link with the server was lost."""
        return self._record.dropped

    async def send(
        self, payload: bytes | bytearray | memoryview, *, user_timestamp: int | None = None
    ) -> None:
        """Send a frame to all who are subscribed.

        Frames may get lost, or overtake each other. The call waits while 64 KiB wait to be sent;
        whoever would rather leave a frame out uses ``send_nowait``. While the link with the server
        is lost, frames go nowhere, counted in ``dropped``. Cancelled, it has sent nothing.

        Args:
            payload: The frame, at most about 2 MB. One of up to 1,100 bytes is one packet of the
                network; of a larger one every packet has to arrive.
            user_timestamp: A number for receivers, from 0 to 2**64 - 1; other SDKs put Unix time in
                milliseconds there.

        Raises:
            RoomClosed: The room has ended.
            trio.ClosedResourceError: The track was unpublished.
            trio.BrokenResourceError: The server took the track away.
            LocalProtocolError: The frame is too large.
            ValueError: The timestamp is out of range.
            TypeError: The payload is no bytes, or the timestamp is no whole number.
        """
        await self._sender.send(_checked(payload), user_timestamp)

    def send_nowait(
        self, payload: bytes | bytearray | memoryview, *, user_timestamp: int | None = None
    ) -> None:
        """Send a frame if there is room for it; arguments and errors as for ``send``.

        Raises:
            trio.WouldBlock: 64 KiB wait to be sent.
        """
        self._sender.send_nowait(_checked(payload), user_timestamp)

    async def aclose(self) -> None:
        """Unpublish the track, also when cancelled. Idempotent."""
        self._sender.unpublish()
        await trio.lowlevel.checkpoint()


def _checked(payload: bytes | bytearray | memoryview) -> bytes:
    if type(payload) is bytes:
        return payload
    return bytes(memoryview(payload))  # bytes(5) would be five zeros


class LocalDataTracks:
    """The records of our data tracks.

    Args:
        participant: The local participant.
        published: Called with a track that is published.
        unpublished: Called with one that is so no longer.

    Attributes:
        views: The published tracks by name, a read-only view.
    """

    def __init__(
        self,
        participant: Participant[Any],
        published: Callable[[LocalDataTrackRecord], None],
        unpublished: Callable[[LocalDataTrackRecord], None],
    ) -> None:
        self._participant = participant
        self._on_published = published
        self._on_unpublished = unpublished
        self._published: dict[str, LocalDataTrackRecord] = {}
        self._views: dict[str, LocalDataTrack] = {}
        self.views: Mapping[str, LocalDataTrack] = MappingProxyType(self._views)

    def accepted(self, info: proto.DataTrackInfo) -> LocalDataTrackRecord:
        """The server has agreed to a track, which is about to be published."""
        return LocalDataTrackRecord(info, self._participant)

    @property
    def published(self) -> list[LocalDataTrackRecord]:
        """The published tracks."""
        return list(self._published.values())

    def publish(self, record: LocalDataTrackRecord, sender: DataTrackSender) -> None:
        """Frames can be sent from now on."""
        record.move(PublicationState.PUBLISHED)
        record.view = LocalDataTrack(record, sender)
        self._published[record.info.name] = record
        self._views[record.info.name] = record.view
        self._on_published(record)

    def unpublish(self, record: LocalDataTrackRecord) -> bool:
        """The program withdraws a track; returns whether it was published until now."""
        return self._end(record, PublicationState.UNPUBLISHED)

    def removed_by_server(self, record: LocalDataTrackRecord) -> bool:
        """The server has the track no more; returns whether it was published until now."""
        return self._end(record, PublicationState.REMOVED)

    def _end(self, record: LocalDataTrackRecord, state: PublicationState) -> bool:
        if record.state is not PublicationState.PUBLISHED:
            return False
        record.move(state)
        del self._published[record.info.name], self._views[record.info.name]
        self._on_unpublished(record)
        return True

"""The room as a participant uses it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar, overload

import trio

from lktrio import media, proto
from lktrio.auth import TokenSource
from lktrio.media import Codec
from lktrio.room.broadcast import Subscription
from lktrio.room.data import DataStats
from lktrio.room.events import RoomEvent
from lktrio.room.options import RoomOptions
from lktrio.room.participant import Participant, RemoteParticipant
from lktrio.room.publication import LocalTrackPublication
from lktrio.room.publishing import TrackDescription
from lktrio.room.session import RoomSession
from lktrio.room.track import LocalTrack
from lktrio.signal.scope import open_service_nursery

__all__ = ["LocalParticipant", "Room", "connect_room", "open_room"]

E = TypeVar("E")


class LocalParticipant(Participant[LocalTrackPublication]):
    """Ourselves: what we publish and send."""

    def __init__(self, session: RoomSession, info: proto.ParticipantInfo) -> None:
        super().__init__(info)
        self._session = session

    def publish(
        self,
        codec: Codec,
        *,
        name: str = "",
        source: str = "",
        width: int = 0,
        height: int = 0,
        muted: bool = False,
        stereo: bool = False,
        stream: str = "",
    ) -> AbstractAsyncContextManager[LocalTrack]:
        """Publish a track for the duration of a block (LiveKit's ``AddTrackRequest``).

        Args:
            codec: What the frames are encoded with: ``media.OPUS``, ``media.VP8``, ``media.H264``.
            name: Free text for other participants.
            source: ``"microphone"``, ``"camera"``, ``"screen_share"`` or ``"screen_share_audio"``;
                empty for microphone or camera.
            width: Width of video in pixels, if known.
            height: Height of video in pixels, if known.
            muted: Whether to begin muted.
            stereo: Whether Opus frames are stereo.
            stream: Tracks with the same stream name are played in sync; empty for the default.

        Returns:
            A context manager for the track. Entering it waits until media can be sent; leaving it,
            in any way, unpublishes the track.

        Raises:
            NotPermitted: The token or the server forbids it.
            CodecRejected: The server does not take the codec.
            PublishTimeout: The server did not acknowledge the track in time.
            RoomClosed: The room has ended.
            ValueError: The source is unknown, or the codec cannot be published.
        """
        description = TrackDescription(
            codec, name, source, width, height, muted=muted, stereo=stereo, stream=stream
        )
        return self._published(description)

    @asynccontextmanager
    async def _published(self, description: TrackDescription) -> AsyncGenerator[LocalTrack, None]:
        track = await self._session.publisher.publish(description)
        try:
            yield track
        finally:
            self._session.unpublish(track)

    async def publish_file(
        self,
        path: str | os.PathLike[str],
        *,
        name: str = "",
        source: str = "",
        wait_subscribed: bool = False,
    ) -> None:
        """Publish a media file in real time, once, and unpublish it at its end.

        Args:
            path: An Ogg Opus, IVF (VP8) or H.264 Annex B file; the content decides.
            name: Free text for other participants.
            source: As for ``publish``.
            wait_subscribed: Whether to begin only when somebody receives the track, so that they
                miss nothing.

        Raises:
            ContainerError: The file is damaged or of another kind; what came before was sent.
            MediaError: The file cannot be read.
            PublishError: The track could not be published.
            RoomClosed: The room has ended.
        """
        async with (
            media.open_reader(path) as reader,
            self.publish(
                reader.codec,
                name=name,
                source=source,
                width=reader.width or 0,
                height=reader.height or 0,
            ) as track,
        ):
            if wait_subscribed:
                await track.wait_subscribed()
            async for frame in reader:
                await track.send(frame)

    async def publish_data(
        self,
        data: bytes | str,
        *,
        topic: str = "",
        reliable: bool = True,
        destination_identities: Iterable[str] = (),
    ) -> None:
        """Send data to others (LiveKit's ``UserPacket``).

        Reliable data arrives once and in order; the call waits while 1 MiB waits to be sent. Lossy
        data may be lost or overtaken, never waits, and is dropped while 64 KiB wait. Cancelled,
        nothing was sent.

        Args:
            data: The payload; text is sent as UTF-8. At most about 64,000 bytes; lossy data should
                stay below 1,300 to fit one packet.
            topic: Free text by which receivers tell data apart.
            reliable: Which of the two.
            destination_identities: To whom; nobody named is everybody else.

        Raises:
            NotPermitted: The token does not allow it.
            LocalProtocolError: The data is too large.
            RoomClosed: The room has ended.
        """
        if isinstance(destination_identities, str):
            raise TypeError("destination_identities is a list of identities, not one text")
        await self._session.publish_data(
            data.encode() if isinstance(data, str) else bytes(data),
            topic=topic,
            reliable=reliable,
            destinations=list(destination_identities),
        )

    async def set_name(self, name: str) -> None:
        """Change our display name; needs ``can_update_own_metadata``.

        Raises:
            NotPermitted: The token does not allow it.
            ServerError: The server refused it otherwise.
            RoomClosed: The room has ended.
        """
        await self._session.update_metadata(name=name)

    async def set_metadata(self, metadata: str) -> None:
        """Change our metadata, which cannot be emptied; errors as for ``set_name``."""
        await self._session.update_metadata(metadata=metadata)

    async def set_attributes(self, attributes: Mapping[str, str]) -> None:
        """Set attributes of ours; an empty value removes one. Errors as for ``set_name``."""
        await self._session.update_metadata(attributes=attributes)


class Room:
    """A room that we are in; made by ``open_room`` and ``connect_room``.

    Attributes are snapshots: they change before the event that tells of the change arrives.
    """

    def __init__(self, session: RoomSession) -> None:
        self._session = session

    def __repr__(self) -> str:
        return f"<Room {self.name!r} {self.sid} {self.state}>"

    @property
    def name(self) -> str:
        """Name of the room."""
        return self._session.info.name

    @property
    def sid(self) -> str:
        """SID of the room, ``RM_…``."""
        return self._session.info.sid

    @property
    def metadata(self) -> str:
        """Metadata of the room."""
        return self._session.info.metadata

    @property
    def info(self) -> proto.Room:
        """LiveKit's message about the room, as it last was."""
        return self._session.info

    @property
    def state(self) -> str:
        """``"connected"`` or ``"disconnected"``."""
        return "connected" if self._session.end_reason is None else "disconnected"

    @property
    def recording(self) -> bool:
        """Whether the room is being recorded."""
        return self._session.info.active_recording

    @property
    def local_participant(self) -> LocalParticipant:
        """Ourselves."""
        return self._session.local

    @property
    def remote_participants(self) -> Mapping[str, RemoteParticipant]:
        """Everybody else by identity, a read-only view."""
        return self._session.roster.view

    @property
    def server_info(self) -> proto.ServerInfo | None:
        """What the server told about itself."""
        return self._session.server

    @property
    def signal_version(self) -> str:
        """``"v1"`` (one peer connection) or ``"v0"`` (two)."""
        return self._session.version

    @property
    def data_stats(self) -> DataStats:
        """Counters of data packets."""
        return self._session.data_stats

    @overload
    def events(self) -> Subscription[RoomEvent]: ...

    @overload
    def events(self, *types: type[E]) -> Subscription[E]: ...

    def events(self, *types: type[Any]) -> Subscription[Any]:
        """Receive what happens from now on: all of it, or events of these types.

        The subscription exists from this call on, not only from the first ``receive``. Its last
        event is ``Disconnected``, if it asked for it; then it ends. At most 1,024 events wait; a
        slower subscriber gets ``SlowConsumer`` and nobody else notices.
        """
        return self._session.events.subscribe(*types)

    async def wait_closed(self) -> str:
        """Wait until the room has ended and return why.

        Returns:
            The lower-case name of LiveKit's ``DisconnectReason``, such as ``"room_deleted"``.
        """
        return await self._session.wait_ended()


@asynccontextmanager
async def open_room(
    url: str, token: str | TokenSource, options: RoomOptions | None = None
) -> AsyncGenerator[Room, None]:
    """Join a room for the duration of a block.

    Background work runs until the block is left, and then just long enough to say goodbye (at most
    2 s); afterwards nothing of it is left. The end of the room by the network does not cancel the
    block: events and channels end, calls raise ``RoomClosed``. The block's own exception comes out
    bare. Cancelled while joining, no participant stays behind in the room.

    Args:
        url: The server's, such as ``wss://example.livekit.cloud``; empty for what a token source
            says.
        token: Access token with the grant to join, or a source of such tokens.
        options: Wishes and deadlines.

    Raises:
        AuthenticationFailed: The server refused the token.
        JoinRejected: It refused the join for another reason.
        ServerUnreachable: No LiveKit server answers at the URL.
        IceFailed: No path for media was found.
        DtlsFailed: The path could not be secured.
        ConnectTimeout: A phase took too long; the message names it.
        ValueError: The URL or the token cannot be one.
    """
    async with open_service_nursery() as services:
        yield await connect_room(services, url, token, options)


async def connect_room(
    nursery: trio.Nursery,
    url: str,
    token: str | TokenSource,
    options: RoomOptions | None = None,
) -> Room:
    """Join a room whose background work runs in a nursery of the caller's.

    The stay ends when the nursery is cancelled. Arguments and errors are those of ``open_room``.
    """
    if not isinstance(token, str):
        details = await token.fetch()
        url, token = url or details.server_url, details.participant_token
    session = RoomSession(url, token, options or RoomOptions(), LocalParticipant)
    await nursery.start(session.run, name="lktrio.room")
    return Room(session)

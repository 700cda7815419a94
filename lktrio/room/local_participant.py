"""The local participant: publishing tracks and data, and what others see of it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from lktrio import media
from lktrio.media import Codec
from lktrio.room.session.announcing import TrackDescription
from lktrio.room.session.session import RoomSession
from lktrio.room.state.enums import TrackSource
from lktrio.room.state.local import LocalTrack, LocalTrackPublication
from lktrio.room.state.participant import Participant
from lktrio.room.state.room_state import LocalRecord

__all__ = ["LocalParticipant"]


class LocalParticipant(Participant[LocalTrackPublication]):
    """The participant that this program is: what it publishes and sends."""

    def __init__(self, record: LocalRecord, session: RoomSession) -> None:
        super().__init__(record)
        self._session = session

    def publish_track(
        self,
        codec: Codec,
        *,
        name: str = "",
        source: TrackSource | str = "",
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
            source: ``MICROPHONE``, ``CAMERA``, ``SCREEN_SHARE`` or ``SCREEN_SHARE_AUDIO`` of
                ``TrackSource``; empty for microphone or camera.
            width: Width of video in pixels, if known.
            height: Height of video in pixels, if known.
            muted: Whether to begin muted.
            stereo: Whether Opus frames are stereo.
            stream: Tracks with the same stream name are played in sync; empty for the default.

        Returns:
            A context manager for the track. Entering it waits until media can be sent. Leaving it
            unpublishes the track: with an exception at once, else when the last frame has had its
            time (``LocalTrack.wait_played``).

        Raises:
            NotPermitted: The token or the server forbids it.
            CodecRejected: The server does not take the codec.
            PublishTimeout: The server did not acknowledge the track in time.
            PublishError: There are too many tracks.
            RoomClosed: The room has ended.
            ValueError: The codec cannot be published, or the source is none of its kind.
            TypeError: The codec is none.
        """
        if not isinstance(codec, Codec):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"a codec such as media.OPUS is needed, not {codec!r}")
        description = TrackDescription(
            codec, name, source, width, height, muted=muted, stereo=stereo, stream=stream
        )
        return self._published(description)

    @asynccontextmanager
    async def _published(self, description: TrackDescription) -> AsyncGenerator[LocalTrack, None]:
        sender = await self._session.publish_track(description)
        try:
            yield sender.record.view.track
            await sender.wait_played()
        finally:
            sender.unpublish()

    async def publish_file(
        self,
        path: str | os.PathLike[str],
        *,
        name: str = "",
        source: TrackSource | str = "",
        wait_subscribed: bool = False,
    ) -> None:
        """Publish a media file in real time, once, and unpublish it at its end.

        Args:
            path: An Ogg Opus, IVF (VP8) or H.264 Annex B file; the content decides.
            name: Free text for other participants.
            source: As for ``publish_track``.
            wait_subscribed: Whether to begin only when somebody is subscribed to the track, who
                then gets all of the file. Those who come later get the rest, video from its next
                keyframe on.

        Raises:
            ContainerError: The file is damaged or of another kind; what came before was sent.
            UnplayableMedia: Receivers do not show what is in it, such as B frames; the text says
                how to make a file of it that they do.
            MediaError: The file cannot be read.
            PublishError: The track could not be published.
            RoomClosed: The room has ended.
        """
        async with (
            media.open_reader(path) as reader,
            self.publish_track(
                reader.codec,
                name=name,
                source=source,
                width=reader.width or 0,
                height=reader.height or 0,
                stereo=reader.channels == 2,
            ) as track,
        ):
            if wait_subscribed:
                await track.wait_subscribed()
            async for frame in reader:
                await track.send(frame)

    async def publish_data(
        self,
        data: bytes | bytearray | memoryview | str,
        *,
        topic: str = "",
        reliable: bool = True,
        destination_identities: Iterable[str] = (),
    ) -> None:
        """Send data to others (LiveKit's ``UserPacket``).

        Reliable data arrives once and in order; the call waits while 1 MiB waits to be sent, and
        while the link with the server is lost. A resume loses nothing of it; a restart, what was
        on its way. Lossy data may be lost or overtaken, never waits, and is dropped while 64 KiB
        wait or the link is lost. Cancelled, nothing was sent.

        Args:
            data: The payload; text is sent as UTF-8. At most about 64,000 bytes; lossy data should
                be below 1,300 to fit one packet.
            topic: Free text by which receivers tell data apart.
            reliable: Which of the two.
            destination_identities: To whom; nobody named is everybody else.

        Raises:
            NotPermitted: The token does not allow it.
            LocalProtocolError: The data is too large.
            PublishTimeout: The connection for data did not come up.
            RoomClosed: The room has ended.
            TypeError: The data is neither bytes nor text.
        """
        if isinstance(destination_identities, str):
            raise TypeError("destination_identities is a list of identities, not one text")
        if isinstance(data, str):
            data = data.encode()
        elif type(data) is not bytes:
            data = bytes(memoryview(data))  # bytes(5) would be five zeros
        await self._session.publish_data(
            data,
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
        await self._session.requests.update_metadata(name=name)

    async def set_metadata(self, metadata: str) -> None:
        """Change our metadata, which cannot be emptied; errors as for ``set_name``."""
        await self._session.requests.update_metadata(metadata=metadata)

    async def set_attributes(self, attributes: Mapping[str, str]) -> None:
        """Set attributes of ours; an empty value removes one. Errors as for ``set_name``."""
        await self._session.requests.update_metadata(attributes=attributes)

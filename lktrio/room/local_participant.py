"""The local participant: publishing tracks and data, and what others see of it."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, overload

import trio

from lktrio import media, proto
from lktrio.media import Codec
from lktrio.room.packets.sending import MessageSender
from lktrio.room.rpc.forms import DEFAULT_TIMEOUT
from lktrio.room.rpc.methods import RpcMethod
from lktrio.room.session.announcing import TrackDescription
from lktrio.room.session.session import RoomSession
from lktrio.room.state.agents import AGENT_STATE
from lktrio.room.state.data_schemas import (
    DataTrackSchemaId,
    blob_key,
    check_track_name,
    frame_encoding_to_proto,
)
from lktrio.room.state.enums import AgentState, DataTrackFrameEncoding, MessageForm, TrackSource
from lktrio.room.state.local import LocalTrack, LocalTrackPublication
from lktrio.room.state.local_data_tracks import LocalDataTrack
from lktrio.room.state.messages import ChatMessage, TranscriptionSegment
from lktrio.room.state.participant import Participant
from lktrio.room.state.room_state import LocalRecord
from lktrio.room.streams.outgoing import ByteStreamWriter, StreamDescription, TextStreamWriter
from lktrio.room.streams.packing import utf8
from lktrio.room.streams.progress import Meter, StreamProgress
from lktrio.room.streams.sending import StreamSender, size_of

__all__ = ["LocalParticipant"]

Q = TypeVar("Q")
A = TypeVar("A")


class LocalParticipant(Participant[LocalTrackPublication]):
    """The participant that this program is: what it publishes and sends."""

    def __init__(self, record: LocalRecord, session: RoomSession) -> None:
        super().__init__(record)
        self._session = session
        self._streams = StreamSender(session, session.network, session.recipients)
        self._messages = MessageSender(session, session.network, session.recipients)

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

    @property
    def data_tracks(self) -> Mapping[str, LocalDataTrack]:
        """The data tracks that we publish by name, a read-only view."""
        return self._session.state.local_data_tracks.views

    @asynccontextmanager
    async def publish_data_track(
        self,
        name: str,
        *,
        frame_encoding: DataTrackFrameEncoding | str = "",
        schema: DataTrackSchemaId | None = None,
    ) -> AsyncGenerator[LocalDataTrack, None]:
        """Publish a data track for the duration of a block (LiveKit's ``PublishDataTrackRequest``).

        ::

            async with room.local_participant.publish_data_track("pose") as track:
                await track.send(payload)

        Whoever reads it gets the frames that are sent from then on. Leaving the block unpublishes
        the track: with an exception at once, else when what was sent has left, within a second.

        Args:
            name: A name that none of our other data tracks has, of 1 to 256 bytes.
            frame_encoding: How the frames are encoded, for those who read them: a
                `DataTrackFrameEncoding`, or another name of up to 32 bytes.
            schema: What describes the frames; see ``define_schema``.

        Raises:
            NotPermitted: The token or the server forbids it.
            DuplicateName: A track of that name is published already.
            PublishTimeout: The server did not answer in time; before 1.11 it knows no data tracks.
            PublishError: The server refused it otherwise.
            RoomClosed: The room has ended.
            ValueError: A name is empty or too long.
            TypeError: It is no text, or the schema is none.
        """
        check_track_name(name)
        if not isinstance(schema, DataTrackSchemaId | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"a schema is a DataTrackSchemaId, not {schema!r}")
        request = proto.PublishDataTrackRequest(
            name=name,
            frame_encoding=frame_encoding_to_proto(frame_encoding),
            schema=schema.to_proto() if schema is not None else None,
        )
        sender = await self._session.publish_data_track(request)
        try:
            yield sender.record.view
            await sender.wait_sent()
        finally:
            sender.unpublish()

    async def define_schema(self, schema: DataTrackSchemaId, definition: bytes | str) -> None:
        """Store the definition of a schema, for those who read the data tracks that name it.

        Stored before a track that names it is published, it is there for everybody who sees the
        track. The server passes it on as it is; see ``store_data_blob``.
        """
        await self._store_blob(schema, definition)

    async def get_schema(self, schema: DataTrackSchemaId, participant_identity: str) -> bytes:
        """Fetch the definition of a schema, from who publishes a track that names it.

        Errors are those of ``get_data_blob``.
        """
        return await self._session.data_blobs.fetch(participant_identity, blob_key(schema))

    async def store_data_blob(self, key: str, contents: bytes | str) -> None:
        """Store a value at the server, for others to fetch while we are in the room.

        All keys and values of a participant have 64,000 bytes together. A value is stored again
        after a restart. A server of one's own has to be told to take them
        (``enable_participant_data_blob``).

        Args:
            key: Its key, of 1 to 256 bytes.
            contents: The value, not empty; text is stored as UTF-8.

        Raises:
            NotPermitted: The server does not take blobs.
            ServerError: The server refused it otherwise, such as ``limit_exceeded``.
            RoomClosed: The room has ended.
            ValueError: The key is empty or too long, or the value is empty.
        """
        await self._store_blob(key, contents)

    async def _store_blob(self, key: str | DataTrackSchemaId, contents: bytes | str) -> None:
        value = contents.encode() if isinstance(contents, str) else bytes(memoryview(contents))
        if not value:
            raise ValueError("a data blob is not empty")
        await self._session.data_blobs.store(blob_key(key), value)

    async def get_data_blob(self, key: str, participant_identity: str) -> bytes:
        """Fetch a value that a participant has stored.

        Raises:
            ServerError: There is none (``not_found``), or the server refused it otherwise.
            RoomClosed: The room has ended.
            ValueError: The key is empty or too long.
        """
        return await self._session.data_blobs.fetch(participant_identity, blob_key(key))

    async def publish_data(
        self,
        data: bytes | bytearray | memoryview | str,
        *,
        topic: str = "",
        reliable: bool = True,
        destination_identities: Iterable[str] = (),
    ) -> None:
        """Send data to others (LiveKit's ``UserPacket``).

        Reliable data arrives once and in order; the call waits while the path is full, so that
        nothing waits long on it, and while the link with the server is lost. A resume loses nothing
        of it; a restart, what was on its way. Lossy data may be lost or overtaken, never waits, and
        is dropped while 64 KiB wait or the link is lost. Cancelled, nothing was sent.

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
        destinations = _identities(destination_identities)
        if isinstance(data, str):
            data = data.encode()
        elif type(data) is not bytes:
            data = bytes(memoryview(data))  # bytes(5) would be five zeros
        await self._session.publish_data(
            data,
            topic=topic,
            reliable=reliable,
            destinations=destinations,
        )

    async def wait_data_sent(self) -> None:
        """Wait until the server has everything reliable that was sent: data, streams, messages.

        What is still on its way when a room is left is lost. Lossy data and frames of data tracks
        are not waited for.

        Raises:
            PublishTimeout: The connection for data did not come up.
            RoomClosed: The room has ended.
        """
        await self._session.wait_data_sent()

    async def send_text(
        self,
        text: str,
        *,
        topic: str = "",
        destination_identities: Iterable[str] = (),
        attributes: Mapping[str, str] | None = None,
        reply_to_stream_id: str = "",
        attachments: Iterable[str | os.PathLike[str]] = (),
        version: int = 0,
        generated: bool = False,
        stream_id: str = "",
        compress: bool = True,
        task_status: trio.TaskStatus[StreamProgress] = trio.TASK_STATUS_IGNORED,
    ) -> str:
        """Send a text as a stream (LiveKit's ``DataStream``), with files if there are any.

        A short text is one packet to receivers that know that form. Cancelled, receivers are told
        that the rest will not come. Started in a nursery (``await nursery.start(...)``), it returns
        a ``StreamProgress`` when receivers know of it, which counts text and files together.

        Args:
            text: The text, of any length.
            topic: By which receivers serve streams; ``lk.chat`` is chat.
            destination_identities: To whom; nobody named is everybody else.
            attributes: Attributes of the stream.
            reply_to_stream_id: Id of the stream that this one answers.
            attachments: Files that are sent after the text, as byte streams of the same topic.
            version: Grows when a text is sent again under the same id.
            generated: Whether a machine made the text.
            stream_id: Id of the stream, for a text that is sent again; a new one by default.
            compress: Whether to compress where it helps and all receivers know how to unpack it.
            task_status: Gets the progress.

        Returns:
            The id of the stream.

        Raises:
            NotPermitted: The token does not allow it.
            StreamAborted: The room was joined anew meanwhile, after a loss of the link.
            StreamError: A file cannot be read; if it is not there, nothing was sent.
            PublishTimeout: The connection for data did not come up.
            LocalProtocolError: Topic and attributes are too large.
            RoomClosed: The room has ended.
        """
        destinations = _identities(destination_identities)
        content = utf8(text)
        if isinstance(attachments, str | os.PathLike):
            raise TypeError("attachments is a list of files, not one path")
        files = {self._streams.new_id(): path for path in attachments}
        description = self._streams.describe(
            topic,
            destinations,
            attributes,
            mime_type="text/plain",
            id=stream_id,
            text=proto.DataStream.TextHeader(
                version=version,
                reply_to_stream_id=reply_to_stream_id,
                attached_stream_ids=list(files),
                generated=generated,
            ),
        )
        sizes = [await size_of(path) for path in files.values()]
        with Meter(len(content) + sum(sizes)) as meter:
            progress = StreamProgress(meter)
            await self._streams.send_whole(
                description,
                content,
                meter,
                lambda: task_status.started(progress),
                compress=compress,
            )
            for file_id, path in files.items():
                file = self._describe_file(path, topic, destinations, id=file_id)
                await self._streams.send_file(file, path, meter, compress=compress)
        return description.id

    async def send_bytes(
        self,
        data: bytes | bytearray | memoryview,
        *,
        topic: str = "",
        name: str = "",
        mime_type: str = "application/octet-stream",
        destination_identities: Iterable[str] = (),
        attributes: Mapping[str, str] | None = None,
        compress: bool = True,
        task_status: trio.TaskStatus[StreamProgress] = trio.TASK_STATUS_IGNORED,
    ) -> str:
        """Send bytes as a stream; arguments and errors as for ``send_text`` and ``send_file``."""
        content = data if isinstance(data, bytes) else bytes(memoryview(data))
        description = self._streams.describe(
            topic,
            _identities(destination_identities),
            attributes,
            mime_type=mime_type,
            name=name,
        )
        with Meter(len(content)) as meter:
            progress = StreamProgress(meter)
            await self._streams.send_whole(
                description,
                content,
                meter,
                lambda: task_status.started(progress),
                compress=compress,
            )
        return description.id

    async def send_file(
        self,
        path: str | os.PathLike[str],
        *,
        topic: str = "",
        name: str = "",
        mime_type: str = "",
        destination_identities: Iterable[str] = (),
        attributes: Mapping[str, str] | None = None,
        compress: bool = True,
        task_status: trio.TaskStatus[StreamProgress] = trio.TASK_STATUS_IGNORED,
    ) -> str:
        """Send a file as a byte stream; cancelled, receivers are told that the rest will not come.

        ::

            progress = await nursery.start(partial(me.send_file, "film.mp4", topic="files"))

        Args:
            path: The file, of any length; it is read while it is sent.
            topic: By which receivers serve streams.
            name: Its name for receivers; by default the last part of the path.
            mime_type: What it is; by default a guess by its name.
            destination_identities: To whom; nobody named is everybody else.
            attributes: Attributes of the stream.
            compress: As for ``send_text``; what begins like a file that does not become smaller is
                not compressed.
            task_status: Gets the progress, as for ``send_text``.

        Returns:
            The id of the stream.

        Raises:
            StreamError: The file cannot be read.
            LengthMismatch: It changed its length meanwhile.
            LiveKitError: As for ``send_text``.
        """
        description = self._describe_file(
            path,
            topic,
            _identities(destination_identities),
            attributes=attributes,
            name=name,
            mime_type=mime_type,
        )
        with Meter(None) as meter:
            progress = StreamProgress(meter)
            await self._streams.send_file(
                description, path, meter, lambda: task_status.started(progress), compress=compress
            )
        return description.id

    def _describe_file(
        self,
        path: str | os.PathLike[str],
        topic: str,
        destinations: list[str],
        *,
        attributes: Mapping[str, str] | None = None,
        name: str = "",
        mime_type: str = "",
        id: str = "",  # noqa: A002 - LiveKit's name
    ) -> StreamDescription:
        name = name or Path(path).name
        guess = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return self._streams.describe(
            topic, destinations, attributes, mime_type=mime_type or guess, id=id, name=name
        )

    @asynccontextmanager
    async def stream_text(
        self,
        *,
        topic: str = "",
        destination_identities: Iterable[str] = (),
        attributes: Mapping[str, str] | None = None,
        reply_to_stream_id: str = "",
        generated: bool = False,
    ) -> AsyncGenerator[TextStreamWriter, None]:
        """Send a text piece by piece, for the duration of a block.

        The end of the block closes the stream. If the block fails or is cancelled, receivers are
        told that the rest will not come, for which there is a second. Arguments and errors are
        those of ``send_text``.
        """
        description = self._streams.describe(
            topic,
            _identities(destination_identities),
            attributes,
            mime_type="text/plain",
            text=proto.DataStream.TextHeader(
                reply_to_stream_id=reply_to_stream_id, generated=generated
            ),
        )
        async with self._streams.open(description) as writer:
            stream = TextStreamWriter(writer, {})
            yield stream
            await stream.aclose()

    @asynccontextmanager
    async def stream_bytes(
        self,
        *,
        topic: str = "",
        name: str = "",
        mime_type: str = "application/octet-stream",
        total_length: int | None = None,
        destination_identities: Iterable[str] = (),
        attributes: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[ByteStreamWriter, None]:
        """Send bytes piece by piece, for the duration of a block; see ``stream_text``.

        Args:
            topic: By which receivers serve streams.
            name: Name of the file, if it is one.
            mime_type: What the contents are.
            total_length: Bytes of the contents, if known; then it has to be true.
            destination_identities: To whom; nobody named is everybody else.
            attributes: Attributes of the stream.

        Raises:
            LengthMismatch: More or fewer bytes were sent than announced.
            LiveKitError: As for ``send_text``.
        """
        description = self._streams.describe(
            topic,
            _identities(destination_identities),
            attributes,
            mime_type=mime_type,
            total_length=total_length,
            name=name,
        )
        async with self._streams.open(description) as writer:
            stream = ByteStreamWriter(writer, {})
            yield stream
            await stream.aclose()

    @overload
    async def perform_rpc(
        self,
        destination_identity: str,
        method: str,
        payload: str = "",
        *,
        response_timeout: float = ...,
    ) -> str: ...

    @overload
    async def perform_rpc(
        self,
        destination_identity: str,
        method: RpcMethod[Q, A],
        payload: Q,
        *,
        response_timeout: float = ...,
    ) -> A: ...

    async def perform_rpc(
        self,
        destination_identity: str,
        method: str | RpcMethod[Any, Any],
        payload: Any = "",
        *,
        response_timeout: float = DEFAULT_TIMEOUT,
    ) -> Any:
        """Call a method of another participant and return its answer (LiveKit's RPC).

        The callee learns for how long the answer is waited for: ``response_timeout``, or what is
        left until the caller is cancelled, if that is sooner. So a call within a handler of
        ``serve_rpc``, or within ``trio.fail_after``, has no more time than the code around it.
        Cancelled, the call drops an answer that comes later; the callee stops by itself at the
        deadline.

        Calls go on through a resume of the room. A new join loses what was on its way, and fails
        the calls whose requests had been sent: with ``RECIPIENT_DISCONNECTED`` if the callee had
        the request, else ``SEND_FAILED``.

        Args:
            destination_identity: Whom to call.
            method: Its name, for calls of text; or with the types of its request and its answer.
            payload: The request. To a recipient that knows version 1 alone at most 15,360 bytes.
            response_timeout: Seconds to wait for the answer.

        Raises:
            RpcError: The call failed; ``code`` is one of ``RpcErrorCode``, or of the callee's own.
            NotPermitted: The token does not allow to send data.
            LocalProtocolError: The name of the method is too long.
            RoomClosed: The room has ended.
            ValueError: The timeout is not positive.
        """
        if not response_timeout > 0:
            raise ValueError("response_timeout must be positive")
        if isinstance(method, str):
            method = RpcMethod.text(method)
        return await self._session.rpc.perform(
            destination_identity, method, payload, seconds=response_timeout
        )

    async def send_chat_message(
        self,
        text: str,
        *,
        destination_identities: Iterable[str] = (),
        reply_to_id: str = "",
        generated: bool = False,
        sender_identity: str = "",
        form: MessageForm | str = MessageForm.STREAM,
    ) -> ChatMessage:
        """Send a message of a chat; others get ``ChatReceived``.

        A message with files, or attributes, is sent by ``send_text`` with the topic ``lk.chat``.
        Cancelled, nobody sees a part of it; of both forms one may have been sent.

        Args:
            text: The text.
            destination_identities: To whom; nobody named is everybody else.
            reply_to_id: Id of the message that this one answers; not in the form of a packet.
            generated: Whether a machine wrote it.
            sender_identity: Identity of somebody else for whom an agent speaks.
            form: ``STREAM``, which today's applications read, ``PACKET`` for those of earlier days
                (LiveKit's ``ChatMessage``), or ``BOTH``; see ``MessageForm``.

        Returns:
            The message, for ``edit_chat_message``.

        Raises:
            NotPermitted: The token does not allow it.
            StreamAborted: The room was joined anew meanwhile, after a loss of the link.
            LocalProtocolError: The text is too long for a packet.
            PublishTimeout: The connection for data did not come up.
            RoomClosed: The room has ended.
            ValueError: There is no such form.
        """
        message = self._messages.new_message(text, reply_to_id=reply_to_id, generated=generated)
        await self._messages.send_chat(
            message, _identities(destination_identities), MessageForm(form), sender_identity
        )
        return message

    async def edit_chat_message(
        self,
        text: str,
        original: ChatMessage,
        *,
        destination_identities: Iterable[str] = (),
        sender_identity: str = "",
        form: MessageForm | str = MessageForm.STREAM,
    ) -> ChatMessage:
        """Change the text of a message that was sent; others get ``ChatReceived`` again.

        Args:
            text: The text from now on.
            original: What ``send_chat_message`` or the last change returned.
            destination_identities: As for ``send_chat_message``, which also names the errors.
            sender_identity: As there.
            form: As there; the form in which the message was sent.

        Returns:
            The message as it is now.
        """
        message = self._messages.changed_message(text, original)
        await self._messages.send_chat(
            message, _identities(destination_identities), MessageForm(form), sender_identity
        )
        return message

    async def publish_dtmf(
        self,
        digit: str = "",
        *,
        code: int | None = None,
        destination_identities: Iterable[str] = (),
    ) -> None:
        """Press a key of a telephone (LiveKit's ``SipDTMF``); others get ``DtmfReceived``.

        Cancelled, nothing was sent.

        Args:
            digit: The key: ``0`` to ``9``, ``*``, ``#``, or ``A`` to ``D``.
            code: Its number in RFC 4733, 0 to 15; one of the two is enough.
            destination_identities: To whom; nobody named is everybody else.

        Raises:
            NotPermitted: The token does not allow it.
            PublishTimeout: The connection for data did not come up.
            RoomClosed: The room has ended.
            ValueError: There is no such key, or digit and code are of different ones.
        """
        await self._messages.send_tone(digit, code, _identities(destination_identities))

    async def publish_transcription(
        self,
        segments: TranscriptionSegment | Iterable[TranscriptionSegment],
        *,
        participant_identity: str = "",
        track_sid: str = "",
        destination_identities: Iterable[str] = (),
        form: MessageForm | str = MessageForm.STREAM,
    ) -> None:
        """Send what was transcribed of somebody's speech; others get ``TranscriptionReceived``.

        A segment that is sent again, under the same id, takes the place of the one before; the last
        one says that it is final. Cancelled, some of the segments may have been sent.

        Args:
            segments: The segments, each with all of its text so far.
            participant_identity: Identity of whoever speaks; ourselves by default. Only agents may
                name somebody else.
            track_sid: SID of the track that the speech is in.
            destination_identities: To whom; nobody named is everybody else.
            form: ``STREAM``, which today's applications read and which knows neither language nor
                times, ``PACKET`` (LiveKit's ``Transcription``), which its server passes on from
                agents alone, or ``BOTH``.

        Raises:
            NotPermitted: The token does not allow it.
            StreamAborted: The room was joined anew meanwhile, after a loss of the link.
            LocalProtocolError: The segments are too long for a packet.
            PublishTimeout: The connection for data did not come up.
            RoomClosed: The room has ended.
            ValueError: There is no such form, no segment, or its times are none.
        """
        if isinstance(segments, TranscriptionSegment):
            segments = [segments]
        identity = participant_identity or self.identity
        await self._messages.send_transcription(
            list(segments),
            identity,
            track_sid,
            _identities(destination_identities),
            MessageForm(form),
            "" if identity == self.identity else identity,
        )

    async def publish_metrics(self, batch: proto.MetricsBatch) -> None:
        """Send measurements to the server (LiveKit's ``MetricsBatch``).

        A server that collects them, which LiveKit's open one does not, passes them on to those
        whose token allows ``can_subscribe_metrics``. Cancelled, nothing was sent.

        Args:
            batch: LiveKit's message; see ``MetricsReceived``.

        Raises:
            NotPermitted: The token does not allow this participant to send data.
            LocalProtocolError: The batch is too large.
            PublishTimeout: The connection for data did not come up.
            RoomClosed: The room has ended.
        """
        await self._messages.send_metrics(batch)

    async def set_agent_state(self, state: AgentState | str) -> None:
        """Say what this program does, if it is an agent (the attribute ``lk.agent.state``).

        Raises:
            ValueError: There is no such state.
            LiveKitError: As for ``set_name``.
        """
        await self.set_attributes({AGENT_STATE: AgentState(state).value})

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


def _identities(destinations: Iterable[str]) -> list[str]:
    if isinstance(destinations, str):
        raise TypeError("destination_identities is a list of identities, not one text")
    return list(destinations)

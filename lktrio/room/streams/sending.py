"""Sending streams: as a whole, from files, or piece by piece."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import trio

from lktrio import proto
from lktrio.errors import StreamAborted, StreamError
from lktrio.net.network import Network
from lktrio.room.streams.outgoing import (
    CHUNK_SIZE,
    StreamDescription,
    StreamOutlet,
    StreamWriter,
    whole_stream,
)

__all__ = ["StreamSender"]

_READ_SIZE = 4 * CHUNK_SIZE

Recipients: TypeAlias = "Callable[[Sequence[str]], Sequence[proto.ParticipantInfo]]"
"""What is known of those with these identities, or of everybody; empty if one is not known."""


class StreamSender:
    """Sends the streams of a participant.

    Args:
        outlet: Where packets go.
        network: The machine, for its clock and its randomness.
        recipients: Who gets something.
    """

    def __init__(self, outlet: StreamOutlet, network: Network, recipients: Recipients) -> None:
        self._outlet = outlet
        self._network = network
        self._recipients = recipients

    def new_id(self) -> str:
        """An id for a stream, a random UUID."""
        return str(uuid.UUID(bytes=self._network.random_bytes(16), version=4))

    def describe(
        self,
        topic: str,
        destinations: Sequence[str],
        attributes: Mapping[str, str] | None,
        *,
        mime_type: str,
        id: str = "",  # noqa: A002 - LiveKit's name
        total_length: int | None = None,
        text: proto.DataStream.TextHeader | None = None,
        name: str = "",
    ) -> StreamDescription:
        """Describe a stream that begins now."""
        return StreamDescription(
            id=id or self.new_id(),
            topic=topic,
            timestamp=self._network.wall_time(),
            mime_type=mime_type,
            destinations=tuple(destinations),
            total_length=total_length,
            attributes=attributes or {},
            text=text,
            name=name,
        )

    async def send_whole(self, description: StreamDescription, content: bytes) -> None:
        """Send a stream whose content is known; cancelled, the receivers are told.

        Raises:
            StreamAborted: The room was joined anew meanwhile.
        """
        recipients = self._recipients(description.destinations)
        header, *others = whole_stream(description, content, recipients)
        writer = StreamWriter(description, self._outlet)
        await writer.send_header(header)
        if others:
            async with _told_of_failure(writer):
                for packet in others:
                    await writer.send_part(packet)
                writer.over = True

    async def send_file(self, description: StreamDescription, path: str | os.PathLike[str]) -> None:
        """Send a file as a stream; cancelled, the receivers are told.

        Raises:
            StreamError: The file cannot be read, or changed its length.
            StreamAborted: The room was joined anew meanwhile.
        """
        try:
            async with await trio.open_file(path, "rb") as file:
                size = os.fstat(file.wrapped.fileno()).st_size
                async with self.open(description.with_length(size)) as writer:
                    while data := await file.read(_READ_SIZE):
                        await writer.write(data)
                    await writer.finish({})
        except OSError as error:
            raise StreamError(f"{Path(path)} cannot be sent: {error.strerror}") from error

    @asynccontextmanager
    async def open(self, description: StreamDescription) -> AsyncGenerator[StreamWriter, None]:
        """Send a stream piece by piece; a block that fails or is cancelled tells the receivers."""
        writer = StreamWriter(description, self._outlet)
        await writer.send_header(description.packet(description.header()))
        async with _told_of_failure(writer):
            yield writer


@asynccontextmanager
async def _told_of_failure(writer: StreamWriter) -> AsyncGenerator[None, None]:
    try:
        yield
    except StreamAborted:
        writer.over = True
        raise
    except trio.Cancelled:
        await writer.abort("cancelled")  # noqa: ASYNC102 - has its own shield
        raise
    except BaseException:
        await writer.abort("the sender failed")  # noqa: ASYNC102, ASYNC120 - has its own shield
        raise
